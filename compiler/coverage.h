/* SPDX-License-Identifier: Apache-2.0 */
/* coverage: which rules of a site runs have met, matching and not matching. */
#ifndef WEIR_COVERAGE_H
#define WEIR_COVERAGE_H

#include "interp.h"

#define COVERED_TRUE 1
#define COVERED_FALSE 2

struct coverage {
	const struct program *p;
	uint8_t *seen; /* by rule: COVERED_* */
};

void coverage_init(struct coverage *c, struct arena *a, const struct program *p);
/* Adds a run of the program, which was not brief. */
void coverage_note(struct coverage *c, const struct outcome *o);
/* What must be seen of <r>: both, of a rule without condition only COVERED_TRUE, of a rule of the
 * standard library nothing. */
uint8_t coverage_wanted(const struct p_rule *r);
/* Writes the sums, and each rule of which something was not seen. Returns per cent, rounded down, of
 * what is wanted; 100 when nothing is. */
unsigned coverage_report(const struct coverage *c, FILE *out);

#endif
