/* SPDX-License-Identifier: Apache-2.0 */
/* search: is there a request that goes the way of a scene? Lazy blocker search: a model of what the
 * way needs is tried; the first rule that takes it elsewhere must be falsified, one literal after
 * the other. Branches are disjoint, each falls for good, and every model is checked: YES is a
 * request that goes this way, NO a proof that none does, LIMIT neither. */
#ifndef WEIR_PROOF_SEARCH_H
#define WEIR_PROOF_SEARCH_H

#include "context.h"

#define SEARCH_RUNS 20000 /* models tried in one search */
#define SEARCH_STEPS 20000000 /* literals looked at in one search */

struct blocker {
	uint32_t segment;
	const struct hung *hung;
};

struct search {
	struct proof *g;
	struct arena a; /* models: what a branch makes goes with it */
	struct arena keep; /* the rest; both freed by search_end */
	const struct scene *scene;
	struct solver solver;
	uint64_t steps, runs, max_runs;
	struct demand *demands; /* by group */
	struct vec trail; /* literals in order */
	struct model *found; /* YES */
	bool opaque; /* LIMIT: something opaque is the reason */
	uint32_t ncore, core_room;
	struct blocker *core; /* NO: rules that take what could have gone this way */
	bool own; /* its memory is the proof's, for the next search */
	bool only_core; /* no other rules count */
	const struct blocker *given;
	uint32_t ngiven;
};

/* <sc> and its contexts must be complete. search_end() must follow. */
enum answer search_run(struct search *q, struct proof *g, const struct scene *sc);
void search_end(struct search *q);
/* Parts of a search, for who has many alike. The request that each one begins with, */
const struct model *search_usual(struct proof *g);
/* the same changed so that <c> holds: form and values in <a>, or NULL: not found at once, */
struct model *search_alone(struct proof *g, struct arena *a, const struct conj *c);
/* and whether <m> goes the way of <sc>: true is as good as YES. <keep> must last as long as the
 * values of <m>, unless they are of search_usual(). */
bool search_goes(struct proof *g, struct arena *keep, const struct scene *sc, struct model *m);
/* After NO: leaves those blockers only without which the proof fails. */
void search_shrink(struct proof *g, const struct scene *sc, struct blocker *core, uint32_t *n);

#endif
