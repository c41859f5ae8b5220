/* SPDX-License-Identifier: Apache-2.0 */
#include "prune.h"

#include "lint.h"

/* A build is not kept waiting: what these do not suffice for stays as it was written. The first are a
 * hundredth of PROOF_WORK and PROOF_STEPS, for sites that are hard; to them comes for each rule
 * several times what rules of long lists need, so that a list is proved to its end in a time that
 * grows with its rules. */
#define PRUNE_WORK 1000000
#define PRUNE_STEPS 4000000
#define PRUNE_WORK_RULE 100
#define PRUNE_STEPS_RULE 400

struct pruning {
	struct lint l;
	struct arena *a;
	struct prune *out;
	uint32_t room;
	uint32_t *part; /* by rule: 1 + the part of its condition that goes; 0: none */
};

static void note(struct pruning *x, const struct p_rule *rule, uint32_t part, bool always)
{
	struct prune *o = x->out;

	if (o->n == x->room) {
		struct pruned *old = o->at;

		x->room = x->room ? 2 * x->room : 64;
		o->at = ARENA_ARRAY(x->a, struct pruned, x->room);
		if (o->n)
			memcpy(o->at, old, o->n * sizeof(*old));
	}
	o->at[o->n++] = (struct pruned) { .rule = rule, .part = part, .always = always };
	o->nrules += part == 0;
}

/* ---- conditions ---- */

static void ask_condition(struct pruning *x, const struct scenes *all, const struct p_rule *rule,
			  uint32_t index)
{
	const struct p_expr *e = rule->cond;
	uint32_t n = e->kind == PE_AND ? e->nkids : 1;

	if (e->kind == PE_TRUE || rule->capturing)
		return;
	for (uint32_t i = 0; i < n && !x->part[rule->index]; i++)
		if (!lint_part_matters(&x->l, all, index, i))
			x->part[rule->index] = i + 1;
}

static void ask_conditions(struct pruning *x, const struct p_section *s, enum rule_dir dir)
{
	const struct p_chain *chain = &s->chains[dir];
	struct scenes all;

	if (chain->n == 0 || s->filters != s)
		return;
	lint_scenes(&x->l, s, dir, &all);
	for (uint32_t i = 0; i < chain->n && all.all.n; i++) {
		const struct rule_fact *f = &x->l.rules[chain->rules[i]->index];

		if (f->fate == FATE_REACHED && !f->shared)
			ask_condition(x, &all, chain->rules[i], i);
	}
}

/* The condition without its part <kid>. */
static void cut_condition(struct arena *a, struct p_rule *rule, uint32_t kid)
{
	struct p_expr *e = ARENA_NEW(a, struct p_expr);
	uint32_t n = 0;

	*e = *rule->cond;
	if (e->kind != PE_AND) {
		*e = (struct p_expr) { .kind = PE_TRUE };
	} else {
		e->kids = ARENA_ARRAY(a, struct p_expr *, e->nkids);
		for (uint32_t i = 0; i < e->nkids; i++)
			if (i != kid)
				e->kids[n++] = rule->cond->kids[i];
		e->nkids = n;
	}
	rule->cond = n == 1 ? e->kids[0] : e;
}

/* ---- rules ---- */

static bool is_dead(const struct pruning *x, const struct p_rule *rule)
{
	const struct rule_fact *f = &x->l.rules[rule->index];

	return f->asked && f->fate != FATE_REACHED && !f->limit && !f->opaque;
}

static void cut_chain(const struct pruning *x, struct p_chain *c)
{
	struct p_rule **rules = ARENA_ARRAY(x->a, struct p_rule *, c->n);
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n; i++)
		if (!is_dead(x, c->rules[i]))
			rules[n++] = c->rules[i];
	c->rules = rules;
	c->n = n;
}

static void cut_rule(struct pruning *x, struct p_rule *rule)
{
	static struct p_expr never = { .kind = PE_FALSE };
	uint32_t part = x->part[rule->index];

	if (is_dead(x, rule)) {
		note(x, rule, 0, false);
		rule->cond = &never;
		rule->capturing = NULL;
		rule->nactions = 0;
	} else if (part) {
		note(x, rule, part, rule->cond->kind != PE_AND);
		cut_condition(x->a, rule, part - 1);
	}
}

void proof_prune(struct arena *a, struct program *p, struct prune *out)
{
	struct pruning x = { .a = a, .out = out };

	*out = (struct prune) { 0 };
	x.l.g = proof_new(a, p);
	x.l.g->most_work = PRUNE_WORK + (uint64_t)PRUNE_WORK_RULE * p->nrules;
	x.l.g->most_steps = PRUNE_STEPS + (uint64_t)PRUNE_STEPS_RULE * p->nrules;
	x.l.p = p;
	x.l.reach_only = true;
	x.l.rules = ARENA_ARRAY(a, struct rule_fact, p->nrules + 1);
	x.l.sections = ARENA_ARRAY(a, struct section_fact, p->nsections + 1);
	x.part = ARENA_ARRAY(a, uint32_t, p->nrules + 1);
	if (lint_ask_reach(&x.l)) {
		lint_mark_shared(&x.l);
		for (uint32_t i = 0; i < p->nsections; i++)
			for (int dir = 0; dir < RULE_DIRS; dir++)
				ask_conditions(&x, p->sections[i], (enum rule_dir)dir);
		for (uint32_t i = 0; i < p->nsections; i++)
			for (int dir = 0; dir < RULE_DIRS; dir++)
				cut_chain(&x, &p->sections[i]->chains[dir]);
		for (uint32_t i = 0; i < p->nrules; i++)
			cut_rule(&x, p->rules[i]);
	}
	out->spent = proof_spent(x.l.g) || x.l.g->steps > x.l.g->most_steps;
	proof_free(&x.l.g);
}
