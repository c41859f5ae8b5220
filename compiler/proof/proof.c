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
	g->most_work = PROOF_WORK;
	g->most_steps = PROOF_STEPS;
	g->codes = ARENA_ARRAY(a, void *, p->nregexes + 1);
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
	interp_codes_free(g->codes, g->p->nregexes);
	arena_free(&g->scratch);
	arena_free(&g->spare[0]);
	arena_free(&g->spare[1]);
	pcre2_match_data_free(g->match);
	pcre2_match_context_free(g->context);
}

/* ---- reaching a rule ---- */

#define DRIVES_MAX 64 /* ways that are tried to bring an answer to a rule */

struct reaching {
	struct proof *g;
	const struct p_section *section; /* of the rule, or one that uses its chain */
	const struct p_section *through; /* whose answers are tried */
	enum rule_dir dir;
	uint32_t drives;
	uint32_t rule; /* in its chain */
	bool witness, passes; /* passes: it runs and does not match */
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

/* When <rule> number <i> of <c> does what is asked for. */
static struct dnf wanted(struct reaching *r, const struct context *c, uint32_t i)
{
	const struct crule *rule = &c->rules[i];

	if (!r->passes)
		return rule->cond;
	return state_condition(r->g, rule->rule->cond, rule->before,
			       c->dir == DIR_RSP_IN || c->dir == DIR_RSP_OUT, true);
}

static bool shows(struct reaching *r, const struct scene *sc, const struct model *m)
{
	const struct segment *last = &sc->at[sc->n - 1];
	struct witness *w = &r->out->witness;

	witness_make(r->g, sc, m, w);
	r->out->confirmed =
		(r->passes &&
		 witness_passed(r->g, w, last->context->rules[r->rule].rule, last->context->dir)) ||
		(!r->passes &&
		 witness_matched(w, last->context->rules[r->rule].rule, last->context->dir));
	return r->out->confirmed;
}

/* A host for which <map> gives <to>, from its key <i>; no text: it does not. */
static struct str mapped_host(struct proof *g, const struct p_map *map, uint32_t i,
			      const struct p_section *to)
{
	if (!str_eq(map->vals[i], to->name) || map->op == OP_RE)
		return (struct str) { 0 };
	if (map->op == OP_SUFFIX)
		return arena_printf(g->a, "x%.*s", STR_ARG(map->keys[i].text));
	return map->keys[i].text;
}

/* The backend is chosen by a map of hosts: one of those that lead to it. */
static bool shows_mapped(struct reaching *r, const struct scene *sc, const struct model *found)
{
	struct solver s = { .g = r->g, .a = r->g->a, .keep = r->g->a, .steps = &r->g->steps };
	struct model *m = model_copy(&s, found);

	for (uint32_t i = 0; sc->chooser && i < sc->chooser->nactions; i++) {
		const struct p_action *a = &sc->chooser->actions[i];

		if (a->target || !a->map || !a->subject || a->subject->id != SUBJ_HOST)
			continue;
		for (uint32_t k = 0, tried = 0; k < a->map->n && tried < 8; k++) {
			m->host = mapped_host(r->g, a->map, k, sc->backend);
			tried += m->host.p != NULL;
			if (m->host.p && shows(r, sc, m))
				return true;
		}
	}
	return false;
}

static bool confirm(struct reaching *r, const struct scene *sc, const struct search *q)
{
	return !r->witness || shows(r, sc, q->found) ||
	       shows(r, sc, witness_guess(r->g, q->found)) || shows_mapped(r, sc, q->found);
}

static bool try_scene(void *arg, struct scene *sc)
{
	struct reaching *r = arg;
	struct segment *last = &sc->at[sc->n - 1];
	struct search q;
	enum answer got;

	last->stop = r->rule;
	r->out->entered = true;
	if (!scene_needs(r->g, sc, wanted(r, last->context, r->rule)))
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

/* ---- bringing an answer to a rule ---- */

static bool response_of(struct reaching *r, struct scene *sc, const struct p_section *s,
			uint32_t stop)
{
	struct context *c;

	if (sc->n == SCENE_SEGMENTS)
		return false;
	c = context_get(r->g, s, r->dir, NULL);
	sc->at[sc->n++] = (struct segment) { .context = c, .stop = stop };
	return stop >= c->n ||
	       scene_needs(r->g, sc, s == r->section ? wanted(r, c, stop) : c->rules[stop].cond);
}

static bool drive(struct reaching *r, struct scene *sc)
{
	struct search q;

	if (!response_of(r, sc, r->section, r->rule))
		return false;
	if (search_run(&q, r->g, sc) == ANSWER_YES)
		confirm(r, sc, &q);
	search_end(&q);
	return r->out->confirmed;
}

/* From the rules of <by>, which hand the answer on to those of the section. */
static bool drive_from(struct reaching *r, const struct scene *way, const struct p_section *by)
{
	const struct context *c = context_get(r->g, by, r->dir, NULL);

	for (uint32_t i = 0; i < c->n && !r->out->confirmed; i++) {
		struct scene sc = *way;

		sc.room = sc.nneeds; /* the way keeps its own */
		if (c->rules[i].jump == r->section && response_of(r, &sc, by, i))
			drive(r, &sc);
	}
	return r->out->confirmed;
}

/* A request that gets a server's answer. */
static bool try_drive(void *arg, struct scene *sc)
{
	struct reaching *r = arg;

	if (++r->drives > DRIVES_MAX)
		return true;
	if (r->section->kind == SEC_RSPRULES)
		return drive_from(r, sc, r->through) || drive_from(r, sc, sc->entry);
	return (r->through == r->section || sc->entry == r->section) && drive(r, sc);
}

/* The rule's list may run: which request gets an answer to it? */
static void drive_answer(struct reaching *r, const struct p_rule *rule)
{
	const struct program *p = r->g->p;

	for (uint32_t i = 0; i < p->nsections && !r->out->confirmed; i++) {
		const struct p_chain *chain = &p->sections[i]->chains[rule->dir];

		r->section = p->sections[i];
		r->dir = rule->dir;
		for (r->rule = 0; r->rule < chain->n && chain->rules[r->rule] != rule;)
			r->rule++;
		for (uint32_t k = 0; k < p->nsections && r->rule < chain->n; k++) {
			r->through = p->sections[k];
			if (r->through->kind != SEC_BACKEND && r->through->kind != SEC_LISTEN)
				continue;
			if (ways_to(r->g, r->through, DIR_REQ_OUT, try_drive, r) == WAYS_STOPPED)
				break;
		}
	}
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

static void reach(struct reaching *r, const struct p_rule *rule)
{
	struct proof *g = r->g;
	struct reach *out = r->out;
	bool response = rule->dir == DIR_RSP_IN || rule->dir == DIR_RSP_OUT;

	*out = (struct reach) { .answer = ANSWER_NO };
	for (uint32_t i = 0; i < g->p->nsections && out->answer != ANSWER_YES; i++) {
		const struct p_section *s = g->p->sections[i];
		const struct p_chain *chain = &s->chains[rule->dir];

		r->section = s;
		for (r->rule = 0; r->rule < chain->n && chain->rules[r->rule] != rule;)
			r->rule++;
		if (r->rule < chain->n && ways_to(g, s, rule->dir, try_scene, r) == WAYS_CUT)
			r->limit = true;
	}
	if (response && r->witness && out->answer == ANSWER_YES && !out->confirmed)
		drive_answer(r, rule);
	if (out->answer == ANSWER_NO && r->limit)
		out->answer = ANSWER_LIMIT;
}

void proof_reaches(struct proof *g, const struct p_rule *rule, bool with_witness, struct reach *out)
{
	struct reaching r = { .g = g, .witness = with_witness, .out = out };
	bool response = rule->dir == DIR_RSP_IN || rule->dir == DIR_RSP_OUT;

	reach(&r, rule);
	out->takers = ARENA_ARRAY(g->a, struct taker, r.takers.n + 1);
	for (size_t i = 0; i < r.takers.n; i++)
		out->takers[out->ntakers++].rule = r.takers.p[i];
	if (out->answer == ANSWER_NO)
		out->contradiction =
			proof_never(g, state_condition(g, rule->cond, &state_any, response, false));
}

void proof_passes(struct proof *g, const struct p_rule *rule, struct reach *out)
{
	struct reaching r = { .g = g, .witness = true, .passes = true, .out = out };

	reach(&r, rule);
}
