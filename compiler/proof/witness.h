/* SPDX-License-Identifier: Apache-2.0 */
/* witness: a model as a request that can be sent, replayed by the interpreter. */
#ifndef WEIR_PROOF_WITNESS_H
#define WEIR_PROOF_WITNESS_H

#include "context.h"

/* The request of <m>, and its outcome. */
void witness_make(struct proof *g, const struct scene *sc, const struct model *m,
		  struct witness *w);
/* What was written on the way is not known. The likeliest is that nothing was: <found>, but with the
 * texts that are wanted of the fields behind the writes. A guess, for the interpreter. */
struct model *witness_guess(struct proof *g, const struct model *found);
/* Runs it once more: did <rule> run in direction <dir>, and not match? */
bool witness_passed(struct proof *g, const struct witness *w, const struct p_rule *rule,
		    enum rule_dir dir);
/* Did <rule> run in direction <dir>, and match? */
bool witness_matched(const struct witness *w, const struct p_rule *rule, enum rule_dir dir);

#endif
