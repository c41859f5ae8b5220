/* SPDX-License-Identifier: Apache-2.0 */
/* why: runs the interpreter on one request and says, for each thing that rules decide, which rule
 * decided it, which ones were passed over, and what would have to be different for them. Shares
 * head and outcome with explain, which shows the run from its first rule to the last. */
#ifndef WEIR_WHY_H
#define WEIR_WHY_H

#include "interp.h"

struct why_options {
	struct str
		slot; /* only this one: "decision", "header x-a" …; empty: all that were decided */
	bool all; /* every rule that was passed over, not the first WHY_SHOWN of a slot */
	bool json;
};

#define WHY_SHOWN 20

/* Writes to <out>. Returns 0; 1 when the request could not enter the site (then it says why); -1
 * when no rule on its way has to do with the slot that was asked for (then nothing is written). */
int why(const struct program *p, const struct request_spec *r, const struct why_options *options,
	FILE *out);

/* ---- why_needs.c ---- */

/* What makes a condition that did not hold hold: every test of <at> the other way round. */
struct needs {
	uint32_t n;
	const struct trace_test **at;
	const struct p_acl **within; /* the acl that each stands in, or NULL */
	uint32_t ways; /* how many such lists there are, up to NEEDS_WAYS_MAX; 0: none */
};

#define NEEDS_WAYS_MAX 1000

/* The shortest list for <t>, a rule of a run that looked at whole conditions and did not match;
 * of several the first one. In <a>. */
void why_needs(struct arena *a, const struct trace_rule *t, struct needs *out);

#endif
