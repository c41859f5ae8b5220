/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that run, but change nothing: choices of a backend after another one (W119), conditions that
 * could be left out (W107), conditions that always hold at their place (W117). */
#include "lint.h"

/* ---- W119 ---- */

static bool only_chooses(const struct crule *r)
{
	return (r->flags & RULE_CHOOSES) && !(r->flags & (RULE_ENDS | RULE_FINAL | RULE_MAYBE));
}

/* Notes of the choices that come first; false when one always does: W119 says so already. */
static bool say_choice(const struct scene *sc, const struct search *q, const struct p_rule *rule)
{
	for (uint32_t i = 0; i < q->ncore; i++)
		if (sc->at[q->core[i].segment]
			    .context->rules[q->core[i].hung->rule]
			    .rule->cond->kind == PE_TRUE)
			return false;
	diag(W119, lint_at(rule->place));
	for (uint32_t i = 0; i < q->ncore && i < 8; i++)
		diag_note(lint_at(sc->at[q->core[i].segment]
					  .context->rules[q->core[i].hung->rule]
					  .rule->place),
			  i ? "and this one" : "chooses first whenever it would");
	return true;
}

static void check_choice(struct lint *l, const struct scenes *all, uint32_t rule)
{
	const struct scene *first = all->all.p[0];
	const struct crule *r = &first->at[first->n - 1].context->rules[rule];
	bool effect = all->cut;

	for (size_t k = 0; k < all->all.n && !effect; k++) {
		struct scene *sc = lint_choosing(l, all->all.p[k], rule);
		struct search q;
		enum answer got;

		if (!sc)
			continue;
		got = search_run(&q, l->g, sc);
		effect = got != ANSWER_NO;
		if (!effect && k + 1 == all->all.n) {
			search_shrink(l->g, sc, q.core, &q.ncore);
			say_choice(sc, &q, r->rule);
		}
		search_end(&q);
	}
}

/* ---- W107, W117 ---- */

bool lint_part_matters(struct lint *l, const struct scenes *all, uint32_t rule, uint32_t kid)
{
	for (size_t k = 0; k < all->all.n; k++) {
		struct scene *sc = lint_scene(l, all->all.p[k], rule);
		const struct crule *r = &sc->at[sc->n - 1].context->rules[rule];
		const struct p_expr *e = r->rule->cond;
		bool response = lint_is_response(r->rule->dir), possible = true;

		for (uint32_t i = 0; e->kind == PE_AND && i < e->nkids && possible; i++)
			possible = scene_needs(
				l->g, sc,
				state_condition(l->g, e->kids[i], r->before, response, i == kid));
		if (e->kind != PE_AND)
			possible = scene_needs(l->g, sc,
					       state_condition(l->g, e, r->before, response, true));
		if (possible && lint_search(l, sc, NULL) != ANSWER_NO)
			return true;
	}
	return all->cut;
}

static struct str part_name(const struct p_expr *e)
{
	while (e->kind == PE_NOT)
		e = e->kids[0];
	return e->kind == PE_ACL ? e->acl->name : str_of("", 0);
}

static void check_condition(struct lint *l, const struct scenes *all, const struct p_rule *rule,
			    uint32_t index)
{
	const struct p_expr *e = rule->cond;
	uint32_t n = e->kind == PE_AND ? e->nkids : 1;

	if (e->kind == PE_TRUE)
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct str name = e->kind == PE_AND ? part_name(e->kids[i]) : str_of("", 0);

		if (lint_part_matters(l, all, index, i))
			continue;
		if (n == 1)
			diag(W117, lint_at(rule->place), "always");
		else
			diag(W107, lint_at(rule->place), i + 1, name.n ? ", acl " : "",
			     STR_ARG(name));
		return;
	}
}

/* ---- all ---- */

static void check_chain(struct lint *l, const struct p_section *s, enum rule_dir dir)
{
	const struct p_chain *chain = &s->chains[dir];
	struct scenes all;

	if (chain->n == 0 || s->filters != s)
		return;
	lint_all_scenes(l, s, dir, &all);
	for (uint32_t i = 0; i < chain->n && all.all.n; i++) {
		const struct p_rule *rule = chain->rules[i];
		const struct scene *sc = all.all.p[0];

		if (l->rules[rule->index].fate != FATE_REACHED || lint_skips(rule->place))
			continue;
		if (only_chooses(&sc->at[sc->n - 1].context->rules[i]))
			check_choice(l, &all, i);
		check_condition(l, &all, rule, i);
	}
}

void prove_choices(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++)
			check_chain(l, l->p->sections[i], (enum rule_dir)dir);
}
