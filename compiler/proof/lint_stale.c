/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that fail because an earlier rule of the list tested the same thing, and then rewrote
 * it: W118. Tests of what was written on purpose, and of variables, are not meant. */
#include "lint.h"

#define SHOWN_MAX 200 /* replays of one run */
#define WRITERS_MAX 32 /* earlier rules that write and are looked at for one rule */

struct staleness {
	struct lint *l;
	const struct scenes *all;
	unsigned shown;
};

static bool holds_literal(const struct dnf *d, uint32_t lit)
{
	for (uint32_t i = 0; i < d->n; i++)
		for (uint32_t k = 0; k < d->at[i].n; k++)
			if (d->at[i].lits[k] == lit)
				return true;
	return false;
}

/* Is a test of <was>, which is gone in <now>, one that the writer made itself? */
static bool tests_again(struct proof *g, const struct dnf *writer, const struct dnf *was,
			const struct dnf *now)
{
	for (uint32_t i = 0; i < was->n; i++)
		for (uint32_t k = 0; k < was->at[i].n; k++) {
			uint32_t lit = was->at[i].lits[k];
			enum subject_id id = atom_at(g, lit)->field->id;

			if (!(lit & 1) && id != SUBJ_VAR && id != SUBJ_CAPTURE &&
			    holds_literal(writer, lit) && !holds_literal(now, lit))
				return true;
		}
	return false;
}

/* The last rule before <at> whose write the condition of rule <at> sees; NO_INDEX: none. */
static uint32_t writer_of(struct proof *g, const struct context *c, uint32_t at)
{
	const struct crule *r = &c->rules[at];
	struct dnf now = r->cond;
	unsigned n = 0;

	for (uint32_t i = at; i-- > 0 && n < WRITERS_MAX;) {
		struct dnf was;

		if (!c->rules[i].writes)
			continue;
		n++;
		was = state_condition(g, r->rule->cond, c->rules[i].before, false, false);
		if (!dnf_same(&was, &now) && tests_again(g, &c->rules[i].cond, &was, &now))
			return i;
		now = was;
	}
	return NO_INDEX;
}

/* A request that both rules see, that the first one rewrites, and for which the second one's
 * condition held before and fails then. */
static bool show(struct staleness *k, const struct scene *open, uint32_t writer, uint32_t reader)
{
	struct lint *l = k->l;
	struct scene *sc = lint_scene(l, open, reader);
	const struct context *c = sc->at[sc->n - 1].context;
	const struct crule *w = &c->rules[writer], *r = &c->rules[reader];
	struct search q;
	struct witness seen;
	bool shown = false;

	if (!scene_needs(l->g, sc, w->cond) ||
	    !scene_needs(l->g, sc, state_condition(l->g, r->rule->cond, r->before, false, true)) ||
	    !scene_needs(l->g, sc, state_condition(l->g, r->rule->cond, w->before, false, false)))
		return false;
	if (search_run(&q, l->g, sc) == ANSWER_YES && k->shown < SHOWN_MAX) {
		k->shown++;
		witness_make(l->g, sc, q.found, &seen);
		shown = witness_matched(&seen, w->rule, c->dir) &&
			!witness_matched(&seen, r->rule, c->dir);
	}
	search_end(&q);
	if (!shown)
		return false;
	diag(W118, lint_at(r->rule->place));
	diag_note(lint_at(w->rule->place), "this rule tests the same and rewrites it");
	lint_witness(l, &seen);
	return true;
}

static void check_rule(struct staleness *k, uint32_t at)
{
	const struct scene *first = k->all->all.p[0];
	const struct context *c = first->at[first->n - 1].context;
	const struct p_rule *rule = c->rules[at].rule;
	uint32_t writer;

	if (rule->cond->kind == PE_TRUE || lint_skips(rule->place))
		return;
	writer = writer_of(k->l->g, c, at);
	if (writer == NO_INDEX)
		return;
	for (size_t i = 0; i < k->all->all.n && i < 16; i++)
		if (show(k, k->all->all.p[i], writer, at))
			return;
}

static void check_list(struct lint *l, const struct p_section *s, enum rule_dir dir,
		       unsigned *shown)
{
	struct scenes all;
	struct staleness k = { .l = l, .all = &all, .shown = *shown };
	const struct context *c;
	bool written = false;

	lint_all_scenes(l, s, dir, &all);
	if (!all.all.n)
		return;
	c = ((const struct scene *)all.all.p[0])
		    ->at[((const struct scene *)all.all.p[0])->n - 1]
		    .context;
	for (uint32_t i = 0; i < c->n; i++) {
		if (written)
			check_rule(&k, i);
		written |= c->rules[i].writes;
	}
	*shown = k.shown;
}

void prove_stale(struct lint *l)
{
	unsigned shown = 0;

	for (uint32_t i = 0; i < l->p->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++) {
			const struct p_section *s = l->p->sections[i];

			if (s->chains[dir].n > 1 && s->filters == s &&
			    !lint_is_response((enum rule_dir)dir))
				check_list(l, s, (enum rule_dir)dir, &shown);
		}
}
