/* SPDX-License-Identifier: Apache-2.0 */
#include "search.h"

#define DEPTH_MAX 400
#define SHRINK_MAX 24 /* blockers of a proof that are tried one by one */

/* ---- literals that hold from here on ---- */

static enum answer add(struct search *q, struct model *m, uint32_t lit)
{
	struct proof *g = q->g;
	struct atom *x = atom_at(g, lit);
	const struct group *gr = x->field->group;
	struct demand *d = &q->demands[gr->index];
	enum form was = m->form;
	struct str version = m->version;
	enum answer got;
	bool opaque;

	if (x->assigned)
		return x->assigned == 1 + (lit & 1) ? ANSWER_YES : ANSWER_NO;
	x->assigned = (uint8_t)(1 + (lit & 1));
	GROW(&q->keep, d->lits, d->n, d->room);
	d->lits[d->n++] = lit;
	vec_push(&q->keep, &q->trail, x);
	if (model_holds(m, g, lit))
		return ANSWER_YES;
	got = model_solve(&q->solver, m, gr, d, &opaque);
	q->opaque |= got == ANSWER_LIMIT && opaque;
	if (got == ANSWER_YES && (model_has_authority(m->form) || model_has_authority(was) ||
				  !str_eq(m->version, version)))
		got = model_refill(&q->solver, m, q->demands) ? ANSWER_YES : ANSWER_LIMIT;
	return got;
}

static void undo(struct search *q, size_t mark)
{
	while (q->trail.n > mark) {
		struct atom *x = q->trail.p[--q->trail.n];

		x->assigned = 0;
		q->demands[x->field->group->index].n--;
	}
}

static enum answer add_all(struct search *q, struct model *m, const struct conj *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		enum answer got = add(q, m, c->lits[i]);

		if (got != ANSWER_YES)
			return got;
	}
	return ANSWER_YES;
}

static bool conj_holds(struct proof *g, const struct model *m, const struct conj *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (!model_holds(m, g, c->lits[i]))
			return false;
	return true;
}

/* ---- blockers ---- */

static void remember(struct search *q, uint32_t segment, const struct hung *h)
{
	for (uint32_t i = 0; i < q->ncore; i++)
		if (q->core[i].segment == segment && q->core[i].hung->rule == h->rule &&
		    q->core[i].hung->choice == h->choice)
			return;
	GROW(&q->keep, q->core, q->ncore, q->core_room);
	q->core[q->ncore++] = (struct blocker) { .segment = segment, .hung = h };
}

/* One of the blockers that alone count, with all its conjunctions. */
static const struct hung *given_blocker(struct search *q, const struct model *m)
{
	for (uint32_t i = 0; i < q->ngiven; i++) {
		const struct blocker *b = &q->given[i];
		const struct crule *r = &q->scene->at[b->segment].context->rules[b->hung->rule];
		const struct dnf *d = b->hung->choice ? &r->choice : &r->cond;

		for (uint32_t k = 0; k < d->n; k++)
			if (conj_holds(q->g, m, &d->at[k])) {
				struct hung *h = ARENA_NEW(&q->keep, struct hung);

				*h = *b->hung;
				h->conj = &d->at[k];
				return h;
			}
	}
	return NULL;
}

/* The first rule of the scene that takes the model elsewhere, and its segment; or NULL. */
static const struct hung *first_blocker(struct solver *s, const struct scene *sc, struct model *m,
					uint32_t *segment)
{
	for (uint32_t i = 0; i < sc->n; i++) {
		const struct segment *at = &sc->at[i];
		const struct hung *h =
			context_first(s, at->context, m, RULE_ENDS | RULE_FINAL, at->stop);

		if (!h && at->unchosen)
			h = context_first(s, at->context, m, RULE_CHOOSES, at->unchosen);
		*segment = i;
		if (h)
			return h;
	}
	return NULL;
}

static const struct hung *blocker(struct search *q, struct model *m)
{
	const struct hung *h;
	uint32_t segment;

	if (q->only_core)
		return given_blocker(q, m);
	h = first_blocker(&q->solver, q->scene, m, &segment);
	if (h)
		remember(q, segment, h);
	return h;
}

static const struct dnf *unmet(struct proof *g, const struct scene *sc, const struct model *m)
{
	for (uint32_t i = 0; i < sc->nneeds; i++) {
		const struct dnf *d = &sc->needs[i];
		bool met = false;

		for (uint32_t k = 0; k < d->n && !met; k++)
			met = conj_holds(g, m, &d->at[k]);
		if (!met)
			return d;
	}
	return NULL;
}

/* ---- the search ---- */

static enum answer run(struct search *q, struct model *m, unsigned depth);

/* <got> of adding to <m>: goes on from there. */
static enum answer go_on(struct search *q, struct model *m, enum answer got, unsigned depth,
			 bool *limit)
{
	if (got == ANSWER_YES)
		got = run(q, m, depth + 1);
	*limit |= got == ANSWER_LIMIT;
	return got;
}

static enum answer branch_on_need(struct search *q, struct model *m, const struct dnf *d,
				  unsigned depth)
{
	bool limit = false;

	for (uint32_t i = 0; i < d->n; i++) {
		struct arena_mark memory = arena_mark(&q->a);
		size_t mark = q->trail.n;
		struct model *with = model_copy(&q->solver, m);

		if (go_on(q, with, add_all(q, with, &d->at[i]), depth, &limit) == ANSWER_YES)
			return ANSWER_YES;
		undo(q, mark);
		arena_rewind(&q->a, memory);
	}
	return limit ? ANSWER_LIMIT : ANSWER_NO;
}

/* Every solution falsifies <c>: its first literal, or that holds and the second … */
static enum answer branch_on_blocker(struct search *q, struct model *m, const struct conj *c,
				     unsigned depth)
{
	size_t start = q->trail.n;
	bool limit = false;

	for (uint32_t i = 0; i < c->n; i++) {
		struct arena_mark memory = arena_mark(&q->a);
		size_t mark = q->trail.n;
		struct model *with = model_copy(&q->solver, m);

		if (go_on(q, with, add(q, with, c->lits[i] ^ 1), depth, &limit) == ANSWER_YES)
			return ANSWER_YES;
		undo(q, mark);
		arena_rewind(&q->a, memory);
		add(q, m, c->lits[i]); /* holds in m */
	}
	undo(q, start);
	return limit ? ANSWER_LIMIT : ANSWER_NO;
}

static enum answer run(struct search *q, struct model *m, unsigned depth)
{
	const struct dnf *need;
	const struct hung *h;

	if (++q->runs > q->max_runs || q->steps > SEARCH_STEPS || depth > DEPTH_MAX)
		return ANSWER_LIMIT;
	need = unmet(q->g, q->scene, m);
	if (need)
		return branch_on_need(q, m, need, depth);
	h = blocker(q, m);
	if (h)
		return branch_on_blocker(q, m, h->conj, depth);
	q->found = m;
	return ANSWER_YES;
}

/* Most searches are short: their memory is kept from one to the next. */
static void borrow(struct proof *g, struct arena *a, int which)
{
	if (!g->spare[which].last) {
		arena_get(&g->spare[which], 1);
		g->empty[which] = arena_mark(&g->spare[which]);
	}
	*a = g->spare[which];
}

static void give_back(struct proof *g, struct arena *a, int which, bool own)
{
	if (!own) {
		arena_free(a);
		return;
	}
	arena_rewind(a, g->empty[which]);
	g->spare[which] = *a;
}

static void prepare(struct search *q, struct proof *g, const struct scene *sc)
{
	*q = (struct search) { .g = g, .scene = sc, .max_runs = SEARCH_RUNS };
	q->own = !g->lent;
	if (q->own) {
		borrow(g, &q->a, 0);
		borrow(g, &q->keep, 1);
		g->lent = true;
	}
	q->solver = (struct solver) { .g = g, .a = &q->a, .keep = &q->keep, .steps = &q->steps };
	q->demands = ARENA_ARRAY(&q->keep, struct demand, g->groups.n + 1);
}

/* A rule without a condition that comes first: then nothing needs to be solved. */
static bool closed(struct search *q)
{
	const struct scene *sc = q->scene;

	for (uint32_t i = 0; i < sc->n && !q->only_core; i++) {
		const struct segment *at = &sc->at[i];

		for (const struct hung *h = at->context->always; h; h = h->next) {
			uint32_t limit = h->choice ? at->unchosen : at->stop;

			if (h->conj->n || h->rule >= limit)
				continue;
			remember(q, i, h);
			return true;
		}
	}
	return false;
}

/* The request that means nothing special, with all fields that there are. */
static const struct model *usual(struct proof *g, uint64_t *steps)
{
	struct solver first = { .g = g, .a = g->a, .keep = g->a, .steps = steps };

	if (!g->usual || g->usual->nfields != g->fields.n) {
		g->usual = ARENA_NEW(g->a, struct model);
		model_init(&first, g->usual);
	}
	return g->usual;
}

static enum answer start(struct search *q)
{
	struct proof *g = q->g;

	usual(g, &q->steps);
	g->nqueries++;
	if (closed(q))
		return ANSWER_NO;
	return run(q, model_copy(&q->solver, g->usual), 0);
}

enum answer search_run(struct search *q, struct proof *g, const struct scene *sc)
{
	enum answer got;

	*q = (struct search) { .g = g };
	if (g->steps > g->most_steps)
		return ANSWER_LIMIT;
	prepare(q, g, sc);
	got = start(q);
	undo(q, 0);
	g->steps += q->steps + q->runs + g->groups.n;
	return got;
}

const struct model *search_usual(struct proof *g)
{
	return usual(g, &g->steps);
}

static struct value *value_kept(struct arena *a, const struct value *from)
{
	struct value *v = ARENA_NEW(a, struct value);

	*v = *from;
	v->lasting = false;
	v->indexed = v->ntrue = 0;
	v->trues = NULL;
	v->at = ARENA_ARRAY(a, struct str, v->n + 1);
	for (uint32_t i = 0; i < v->n; i++)
		v->at[i] = arena_str(a, from->at[i]);
	return v;
}

/* The form and the values of <m> in <a>; those of <base> stay the same ones. */
static struct model *model_kept(struct arena *a, const struct model *m, const struct model *base)
{
	struct model *out = ARENA_NEW(a, struct model);

	*out = (struct model) { .form = m->form, .nfields = m->nfields };
	out->values = ARENA_ARRAY(a, struct value *, m->nfields + 1);
	for (uint32_t i = 0; i < m->nfields; i++)
		out->values[i] = m->values[i] == base->values[i] ? m->values[i]
								 : value_kept(a, m->values[i]);
	return out;
}

struct model *search_alone(struct proof *g, struct arena *a, const struct conj *c)
{
	static const struct scene nowhere;
	struct model *m, *kept = NULL;
	struct search q;

	prepare(&q, g, &nowhere);
	m = model_copy(&q.solver, usual(g, &q.steps));
	if (add_all(&q, m, c) == ANSWER_YES)
		kept = model_kept(a, m, g->usual);
	undo(&q, 0);
	g->steps += q.steps + 1;
	search_end(&q);
	return kept;
}

bool search_goes(struct proof *g, struct arena *keep, const struct scene *sc, struct model *m)
{
	struct solver s = { .g = g, .a = keep, .keep = keep, .steps = &g->steps };
	uint32_t segment;

	g->nqueries++;
	g->steps += sc->nneeds;
	return g->steps <= g->most_steps && !unmet(g, sc, m) && !first_blocker(&s, sc, m, &segment);
}

void search_end(struct search *q)
{
	give_back(q->g, &q->a, 0, q->own);
	give_back(q->g, &q->keep, 1, q->own);
	if (q->own)
		q->g->lent = false;
}

/* Is there still no way when only these block? */
static bool still_none(struct proof *g, const struct scene *sc, const struct blocker *core,
		       uint32_t n)
{
	struct search q;
	enum answer got;

	prepare(&q, g, sc);
	q.only_core = true;
	q.given = core;
	q.ngiven = n;
	q.max_runs = 2000;
	got = start(&q);
	undo(&q, 0);
	search_end(&q);
	return got == ANSWER_NO;
}

void search_shrink(struct proof *g, const struct scene *sc, struct blocker *core, uint32_t *n)
{
	if (*n > SHRINK_MAX)
		return;
	for (uint32_t i = *n; i-- > 0;) {
		struct blocker gone = core[i];

		for (uint32_t k = i; k + 1 < *n; k++)
			core[k] = core[k + 1];
		if (still_none(g, sc, core, *n - 1)) {
			(*n)--;
			continue;
		}
		for (uint32_t k = *n - 1; k > i; k--)
			core[k] = core[k - 1];
		core[i] = gone;
	}
}
