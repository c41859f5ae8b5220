/* SPDX-License-Identifier: Apache-2.0 */
/* prune: leaves out of a program what is proved to change nothing, before it becomes tables. Only
 * proofs count: what was not decided stays. */
#ifndef WEIR_PROOF_PRUNE_H
#define WEIR_PROOF_PRUNE_H

#include "../program.h"

/* A rule that is left out as a whole, or part <part> of its condition (from 1). */
struct pruned {
	const struct p_rule *rule;
	uint32_t part; /* 0: all of it */
	bool always; /* the part is the whole condition, which always holds here */
};

struct prune {
	uint32_t n, nrules; /* all, and of these whole rules */
	struct pruned *at; /* in order of the program */
	bool spent; /* what a build may spend on proofs is: more might be found */
};

/* Changes the chains and conditions of <p>: rules that no request gets to (W101, W102, W105, W115,
 * W117) leave their chains and lose their tests and actions; of a condition the first part that
 * decides nothing (W107) goes. Rules keep their numbers and places. <a> must live as long as <p>.
 *
 * What a left out test would have done besides answering is not done: a regex of PCRE2 in it does not
 * meet its limit any more. */
void proof_prune(struct arena *a, struct program *p, struct prune *out);

#endif
