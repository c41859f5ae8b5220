/* SPDX-License-Identifier: Apache-2.0 */
/* report: what a build made of a site, for weir build --report. */
#ifndef WEIR_REPORT_H
#define WEIR_REPORT_H

#include <stdio.h>

#include "out.h"
#include "proof/prune.h"

/* After <target> has been made. */
void report_build(const struct emit *e, const struct embed *m, const struct prune *pruned,
		  const struct out_files *files, const char *target, FILE *out);

#endif
