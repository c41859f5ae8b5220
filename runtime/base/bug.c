/* SPDX-License-Identifier: Apache-2.0 */
#include "bug.h"

#include <stdio.h>
#include <stdlib.h>

void bug_stop(const char *file, int line, const char *cond)
{
	fprintf(stderr, "weir: BUG at %s:%d: %s\n", file, line, cond);
	abort();
}
