/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and sections that no request gets to: W101, W102, W115, W117. */
#include "lint.h"

/* ---- asking ---- */

static void note_takers(struct lint *l, struct rule_fact *f, const struct scene *sc,
			struct search *q)
{
	search_shrink(l->g, sc, q->core, &q->ncore);
	for (uint32_t i = 0; i < q->ncore; i++) {
		const struct blocker *b = &q->core[i];
		const struct p_rule *by = sc->at[b->segment].context->rules[b->hung->rule].rule;
		bool known = false;

		f->blocked = true;
		for (size_t k = 0; k < f->takers.n; k++)
			known |= f->takers.p[k] == by;
		if (!known)
			vec_push(l->g->a, &f->takers, (void *)(uintptr_t)by);
	}
}

/* Do the rules of the last section take every request that satisfies the last condition, whatever
 * the way to that section is? */
static bool taken_here(struct lint *l, struct rule_fact *f, const struct scene *sc)
{
	struct scene here = { .n = 1, .at = { sc->at[sc->n - 1] } };
	struct search q;
	enum answer got;

	if (!sc->nneeds)
		return false;
	here.nneeds = here.room = 1;
	here.needs = &sc->needs[sc->nneeds - 1];
	got = search_run(&q, l->g, &here);
	if (got == ANSWER_NO)
		note_takers(l, f, &here, &q);
	search_end(&q);
	return got == ANSWER_NO;
}

static void ask_scene(struct lint *l, struct rule_fact *f, const struct scene *open, uint32_t rule)
{
	struct scene *sc = lint_scene(l, open, rule);
	struct search q;
	enum answer got;

	if (!scene_needs(l->g, sc, sc->at[sc->n - 1].context->rules[rule].cond))
		return;
	got = search_run(&q, l->g, sc);
	if (got == ANSWER_LIMIT && taken_here(l, f, sc)) {
		search_end(&q);
		return;
	}
	if (got == ANSWER_YES) {
		f->fate = FATE_REACHED;
		f->alike = !l->reach_only && redundant_perhaps(sc, &q, rule);
	} else if (got == ANSWER_NO) {
		note_takers(l, f, sc, &q);
	}
	f->limit |= got == ANSWER_LIMIT && !q.opaque;
	f->opaque |= got == ANSWER_LIMIT && q.opaque;
	search_end(&q);
}

struct entering {
	struct lint *l;
	struct section_fact *f;
};

static bool take_entry(void *arg, struct scene *open)
{
	struct entering *e = arg;
	struct scene *sc = lint_scene(e->l, open, 0);
	struct search q;
	enum answer got = search_run(&q, e->l->g, sc);

	e->f->reached |= got == ANSWER_YES;
	e->f->limit |= got == ANSWER_LIMIT && !q.opaque;
	e->f->opaque |= got == ANSWER_LIMIT && q.opaque;
	search_end(&q);
	return e->f->reached;
}

/* The first way on which a request gets there is enough. */
static void ask_section(struct lint *l, const struct p_section *s)
{
	struct entering e = { .l = l, .f = &l->sections[s->index] };

	e.f->limit |= ways_to(l->g, s, DIR_REQ_IN, take_entry, &e) == WAYS_CUT;
}

static void ask_chain(struct lint *l, const struct p_section *s, enum rule_dir dir)
{
	const struct p_chain *chain = &s->chains[dir];
	struct scenes sc;

	if (dir == DIR_REQ_IN)
		ask_section(l, s);
	if (chain->n == 0)
		return;
	lint_scenes(l, s, dir, &sc);
	for (uint32_t i = 0; i < chain->n; i++) {
		struct rule_fact *f = &l->rules[chain->rules[i]->index];

		f->asked = true;
		f->limit |= sc.cut;
		f->entered |= sc.all.n > 0;
		for (size_t k = 0; k < sc.all.n && f->fate != FATE_REACHED; k++)
			ask_scene(l, f, sc.all.p[k], i);
	}
}

/* ---- saying ---- */

/* An earlier rule of the chain that ends it for every message: W105 says so already. */
static bool behind_end(const struct p_section *s, const struct p_rule *rule)
{
	const struct p_chain *chain = &s->chains[rule->dir];

	for (uint32_t i = 0; i < chain->n && chain->rules[i] != rule; i++) {
		const struct p_rule *r = chain->rules[i];

		for (uint32_t k = 0; r->cond->kind == PE_TRUE && k < r->nactions; k++) {
			const struct p_action *a = &r->actions[k];

			if (a->id == ACT_ALLOW || a->id == ACT_DENY || a->id == ACT_DROP ||
			    a->id == ACT_TARPIT || a->id == ACT_REDIR || a->id == ACT_RESPOND ||
			    (a->id == ACT_SWITCH && a->target && a->target->kind != SEC_RSPRULES))
				return true;
		}
	}
	return false;
}

static void say_taken(const struct rule_fact *f, struct at at)
{
	diag(W101, at);
	for (size_t i = 0; i < f->takers.n && i < 8; i++) {
		const struct p_rule *by = f->takers.p[i];

		diag_note(lint_at(by->place),
			  f->takers.n == 1 ? "takes every request that it would match"
			  : i == 0         ? "these rules together take every request that it "
					     "would match"
					   : "and this one");
	}
	if (f->takers.n > 8)
		diag_note((struct at) { 0 }, "and %zu more", f->takers.n - 8);
}

static void say_rule(struct lint *l, const struct p_rule *rule)
{
	struct rule_fact *f = &l->rules[rule->index];
	struct at at = lint_at(rule->place);
	bool response = lint_is_response(rule->dir);

	if (!f->asked || f->fate == FATE_REACHED || lint_skips(rule->place))
		return;
	if (f->limit || f->opaque) {
		diag(f->limit ? N901 : N902, at, "whether a request gets to this rule");
		return;
	}
	f->fate = FATE_DEAD;
	if (behind_end(rule->section, rule))
		return;
	if (proof_never(l->g, state_condition(l->g, rule->cond, &state_any, response, false)))
		diag(W102, at);
	else if (f->blocked)
		say_taken(f, at);
	else if (f->entered && lint_enters(l, rule->section))
		diag(W117, at, "never");
}

static bool is_used(const struct program *p, const struct p_section *s)
{
	for (uint32_t i = 0; i < p->nsections; i++)
		if (p->sections[i]->default_backend == s)
			return true;
	for (uint32_t i = 0; i < p->nrules; i++)
		for (uint32_t k = 0; k < p->rules[i]->nactions; k++) {
			const struct p_action *a = &p->rules[i]->actions[k];

			if (a->target == s)
				return true;
			for (uint32_t j = 0; a->map && j < a->map->n; j++)
				if (str_eq(a->map->vals[j], s->name))
					return true;
		}
	return false;
}

static bool any_entry(const struct program *p)
{
	for (uint32_t i = 0; i < p->nsections; i++)
		if (ways_entry(p->sections[i]))
			return true;
	return false;
}

static void say_section(struct lint *l, const struct p_section *s)
{
	const struct section_fact *f = &l->sections[s->index];

	if (f->reached || ways_entry(s) || !is_used(l->p, s) || lint_skips(s->place) ||
	    (s->kind != SEC_BACKEND && s->kind != SEC_REQRULES))
		return;
	if (f->limit || f->opaque)
		diag(f->limit ? N901 : N902, lint_at(s->place),
		     "whether a request gets to this section");
	else
		diag(W115, lint_at(s->place), s->kind == SEC_BACKEND ? "backend" : "reqrules",
		     STR_ARG(s->name));
}

bool lint_enters(const struct lint *l, const struct p_section *s)
{
	const struct section_fact *f = &l->sections[s->index];

	return f->reached || f->limit || f->opaque;
}

bool lint_ask_reach(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++)
			ask_chain(l, l->p->sections[i], (enum rule_dir)dir);
	return any_entry(l->p);
}

void prove_reach(struct lint *l)
{
	bool entries = lint_ask_reach(l);

	for (uint32_t i = 0; i < l->p->nsections && entries; i++)
		say_section(l, l->p->sections[i]);
	for (uint32_t i = 0; i < l->p->nrules; i++)
		say_rule(l, l->p->rules[i]);
}
