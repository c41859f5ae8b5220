/* SPDX-License-Identifier: Apache-2.0 */
/* diff_replay: how many requests of an access log are in each class of a comparison. */
#ifndef WEIR_DIFF_REPLAY_H
#define WEIR_DIFF_REPLAY_H

#include "compare/compare.h"
#include "replay.h"

struct diff_replay {
	const char *name; /* of the log */
	struct replay r;
	struct symbols groups; /* by both deciding rules: the groups of requests between them */
	uint64_t
		elsewhere; /* requests that moved, but are in no class: a header was edited, or a limit met */
};

/* Runs the log, "-" is standard input, through both programs of <c>, and weighs its classes. False:
 * the log cannot be read, which is said on standard error. What <d> holds is in the arena of <c>. */
bool diff_replay(struct diff_replay *d, const char *log, struct compare *c);
/* The first requests of the log that are in <class>, or NULL. */
const struct replay_group *diff_replay_group(const struct diff_replay *d,
					     const struct compare_class *class);

#endif
