/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that get only a part of what they match, because an earlier rule that looks at the same
 * part of the message takes the rest and does something else: W110. Common and often meant, so it
 * is asked for only when it is selected. */
#include "lint.h"

#include "../show.h"

#define ASKED_MAX 16 /* earlier rules that are asked about for one rule */
#define SHOWN_MAX 500 /* replays of one run */
#define PAIRS_MAX 40000000

struct overlapping {
	struct lint *l;
	struct scenes all;
	unsigned shown;
};

static bool one_thing(const struct p_rule *r)
{
	enum action_id id = r->actions->id;

	return r->nactions == 1 &&
	       (id == ACT_DENY || id == ACT_DROP || id == ACT_REDIR || id == ACT_RESPOND ||
		id == ACT_TARPIT || id == ACT_ALLOW || id == ACT_SWITCH || id == ACT_SETBE);
}

static bool has_field(struct proof *g, const struct dnf *d, const struct proof_field *f)
{
	for (uint32_t i = 0; i < d->n; i++)
		for (uint32_t k = 0; k < d->at[i].n; k++)
			if (atom_at(g, d->at[i].lits[k])->field == f)
				return true;
	return false;
}

static bool share_field(struct proof *g, const struct dnf *x, const struct dnf *y)
{
	for (uint32_t i = 0; i < x->n; i++)
		for (uint32_t k = 0; k < x->at[i].n; k++)
			if (has_field(g, y, atom_at(g, x->at[i].lits[k])->field))
				return true;
	return false;
}

/* A request that rule <first> takes, and that <second> would match. */
static bool show(struct overlapping *k, const struct scene *open, uint32_t first, uint32_t second)
{
	struct lint *l = k->l;
	struct scene *sc = lint_scene(l, open, first);
	const struct context *c = sc->at[sc->n - 1].context;
	const struct p_rule *by = c->rules[first].rule;
	struct witness w;
	struct search q;
	bool shown = false;

	if (!scene_needs(l->g, sc, c->rules[first].cond) ||
	    !scene_needs(l->g, sc, c->rules[second].cond))
		return false;
	if (search_run(&q, l->g, sc) == ANSWER_YES) {
		k->shown++;
		witness_make(l->g, sc, q.found, &w);
		shown = witness_matched(&w, by, c->dir);
	}
	search_end(&q);
	if (!shown)
		return false;
	diag(W110, lint_at(c->rules[second].rule->place));
	diag_note(lint_at(by->place), "takes the others, and does something else");
	lint_witness(l, &w);
	return true;
}

static bool reached(struct overlapping *k, uint32_t rule)
{
	for (size_t i = 0; i < k->all.all.n; i++) {
		struct scene *sc = lint_scene(k->l, k->all.all.p[i], rule);

		if (scene_needs(k->l->g, sc, sc->at[sc->n - 1].context->rules[rule].cond) &&
		    lint_search(k->l, sc, NULL) == ANSWER_YES)
			return true;
	}
	return false;
}

static void check_rule(struct overlapping *k, uint32_t rule)
{
	struct lint *l = k->l;
	const struct scene *open = k->all.all.p[0];
	const struct context *c = open->at[open->n - 1].context;
	const struct clash_table *clashes = lint_clashes(l, c);
	const struct crule *r = &c->rules[rule];
	bool known = false;
	unsigned asked = 0;

	for (uint32_t i = 0; i < rule && asked < ASKED_MAX && k->shown < SHOWN_MAX; i++) {
		const struct crule *before = &c->rules[i];

		if (++l->pairs > PAIRS_MAX)
			return;
		if (!(before->flags & (RULE_ENDS | RULE_FINAL)) || !one_thing(before->rule) ||
		    clash_rules(l->g, clashes, i, rule) ||
		    !share_field(l->g, &before->cond, &r->cond) ||
		    show_same_action(before->rule->actions, r->rule->actions))
			continue;
		if (!known && !reached(k, rule))
			return;
		known = true;
		asked++;
		if (show(k, open, i, rule))
			return;
	}
}

void proof_overlaps(struct arena *a, const struct program *p)
{
	struct lint l = { .g = proof_new(a, p), .p = p };

	for (uint32_t i = 0; i < p->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++) {
			const struct p_section *s = p->sections[i];
			struct overlapping k = { .l = &l };

			if (s->filters != s || s->chains[dir].n < 2 ||
			    lint_is_response((enum rule_dir)dir))
				continue;
			lint_all_scenes(&l, s, (enum rule_dir)dir, &k.all);
			for (uint32_t n = 1; n < s->chains[dir].n && k.all.all.n; n++)
				if (one_thing(s->chains[dir].rules[n]) &&
				    !lint_skips(s->chains[dir].rules[n]->place))
					check_rule(&k, n);
		}
	proof_free(&l.g);
}
