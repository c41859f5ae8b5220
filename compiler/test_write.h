/* SPDX-License-Identifier: Apache-2.0 */
/* test_write: requests and what became of them, as test blocks (language.md 8). */
#ifndef WEIR_TEST_WRITE_H
#define WEIR_TEST_WRITE_H

#include "interp.h"

/* A block named <name>: <q>, and what <o> says of it. */
void test_write(FILE *out, struct arena *a, struct str name, const struct request_spec *q,
		const struct outcome *o);

#endif
