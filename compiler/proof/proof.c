/* SPDX-License-Identifier: Apache-2.0 */
#include "search.h"
#include "ways.h"
#include "witness.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct proof *proof_new(struct arena *a, const struct program *p)
{
	struct proof *g = ARENA_NEW(a, struct proof);

	g->a = a;
	g->p = p;
	g->budget = (struct budget)BUDGET_DEFAULT;
	state_init(g);
	return g;
}

void proof_free(struct proof **gp)
{
	struct proof *g = *gp;

	*gp = NULL;
	for (size_t i = 0; i < g->atoms.n; i++) {
		struct atom *x = g->atoms.p[i];

		for (uint32_t k = 0; x->codes && k < x->nvalues; k++)
			pcre2_code_free(x->codes[k]);
	}
	arena_free(&g->scratch);
	arena_free(&g->spare[0]);
	arena_free(&g->spare[1]);
	pcre2_match_data_free(g->match);
	pcre2_match_context_free(g->context);
}

/* ---- reaching a rule ---- */

struct reaching {
	struct proof *g;
	uint32_t rule; /* in its chain */
	bool witness;
	struct reach *out;
	struct vec takers;
	bool limit;
};

static void add_taker(struct reaching *r, const struct p_rule *rule)
{
	for (size_t i = 0; i < r->takers.n; i++)
		if (r->takers.p[i] == rule)
			return;
	vec_push(r->g->a, &r->takers, (void *)(uintptr_t)rule);
}

static bool confirm(struct reaching *r, const struct scene *sc, const struct search *q)
{
	const struct segment *last = &sc->at[sc->n - 1];
	struct witness *w = &r->out->witness;

	if (!r->witness)
		return true;
	witness_make(r->g, sc, q->found, w);
	r->out->confirmed =
		witness_matched(w, last->context->rules[r->rule].rule, last->context->dir);
	return r->out->confirmed;
}

static bool try_scene(void *arg, struct scene *sc)
{
	struct reaching *r = arg;
	struct segment *last = &sc->at[sc->n - 1];
	struct search q;
	enum answer got;

	last->stop = r->rule;
	r->out->entered = true;
	if (!scene_needs(r->g, sc, last->context->rules[r->rule].cond))
		return false;
	got = search_run(&q, r->g, sc);
	if (got == ANSWER_NO) {
		search_shrink(r->g, sc, q.core, &q.ncore);
		for (uint32_t i = 0; i < q.ncore; i++)
			add_taker(r, sc->at[q.core[i].segment]
					     .context->rules[q.core[i].hung->rule]
					     .rule);
	} else if (got == ANSWER_YES) {
		if (r->out->answer != ANSWER_YES || !r->out->confirmed)
			confirm(r, sc, &q);
		r->out->answer = ANSWER_YES;
	} else {
		r->limit = true;
		r->out->opaque |= q.opaque;
	}
	search_end(&q);
	return r->out->answer == ANSWER_YES && (!r->witness || r->out->confirmed);
}

bool proof_never(struct proof *g, struct dnf cond)
{
	struct scene sc = { 0 };
	struct search q;
	enum answer got;

	if (!scene_needs(g, &sc, cond))
		return true;
	got = search_run(&q, g, &sc);
	search_end(&q);
	return got == ANSWER_NO;
}

void proof_reaches(struct proof *g, const struct p_rule *rule, bool with_witness, struct reach *out)
{
	struct reaching r = { .g = g, .witness = with_witness, .out = out };
	bool response = rule->dir == DIR_RSP_IN || rule->dir == DIR_RSP_OUT;

	*out = (struct reach) { .answer = ANSWER_NO };
	for (uint32_t i = 0; i < g->p->nsections && out->answer != ANSWER_YES; i++) {
		const struct p_section *s = g->p->sections[i];
		const struct p_chain *chain = &s->chains[rule->dir];

		for (r.rule = 0; r.rule < chain->n && chain->rules[r.rule] != rule;)
			r.rule++;
		if (r.rule < chain->n && ways_to(g, s, rule->dir, try_scene, &r) == WAYS_CUT)
			r.limit = true;
	}
	if (out->answer == ANSWER_NO && r.limit)
		out->answer = ANSWER_LIMIT;
	out->takers = ARENA_ARRAY(g->a, struct taker, r.takers.n + 1);
	for (size_t i = 0; i < r.takers.n; i++)
		out->takers[out->ntakers++].rule = r.takers.p[i];
	if (out->answer == ANSWER_NO)
		out->contradiction =
			proof_never(g, state_condition(g, rule->cond, &state_any, response, false));
}
