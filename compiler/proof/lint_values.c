/* SPDX-License-Identifier: Apache-2.0 */
/* Values of tests that match nothing, everything, or nothing that others do not: W103, W104, W108. */
#include "lint.h"

#define COVER_MAX 64 /* values of one test that are compared with all others */

struct valuing {
	struct lint *l;
	struct arena a;
	uint64_t steps;
	struct solver s;
};

static enum answer some_value(struct valuing *v, struct proof_field *f, const uint32_t *lits,
			      uint32_t n)
{
	struct str text;
	bool opaque;

	if (f->id == SUBJ_PATH && text_satisfies(&v->s, lits, n, S("*")))
		return ANSWER_YES; /* OPTIONS *: not among the paths of origin-form */
	if (f->kind == FIELD_TEXT)
		return solve_text(&v->s, f, lits, n, &text, &opaque);
	return solve_number(&v->s, f, lits, n);
}

static struct str value_name(struct arena *a, const struct p_value *v)
{
	struct str ip;

	switch (v->kind) {
	case VALUE_REGEX:
		return v->regex->text;
	case VALUE_INT:
		return v->lo == v->hi
			       ? arena_printf(a, "%lld", (long long)v->lo)
			       : arena_printf(a, "%lld:%lld", (long long)v->lo, (long long)v->hi);
	case VALUE_NET:
		ip = address_text(a, &v->net);
		return arena_printf(a, "%.*s", STR_ARG(ip));
	case VALUE_STR:
	case VALUE_TEXT:
		break;
	}
	return v->text;
}

static uint32_t single(struct valuing *v, const struct atom *x, uint32_t i)
{
	return atom_of_values(v->l->g, x, &x->values[i], 1);
}

static void check_value(struct valuing *v, const struct p_test *t, struct atom *x, uint32_t i)
{
	uint32_t lit = lit_of(single(v, x, i), false), not = lit ^ 1;
	struct str name = value_name(v->l->g->a, &x->values[i]);

	if (some_value(v, x->field, &lit, 1) == ANSWER_NO)
		diag(W103, lint_at(t->place), STR_ARG(name));
	else if (some_value(v, x->field, &not, 1) == ANSWER_NO)
		diag(W104, lint_at(t->place), STR_ARG(name));
}

static void check_cover(struct valuing *v, const struct p_test *t, struct atom *x)
{
	uint32_t lits[COVER_MAX];

	for (uint32_t i = 0; i < x->nvalues; i++) {
		uint32_t n = 0;

		for (uint32_t k = 0; k < x->nvalues; k++)
			lits[n++] = lit_of(single(v, x, k), k != i);
		if (some_value(v, x->field, lits, n) == ANSWER_NO) {
			struct str name = value_name(v->l->g->a, &x->values[i]);

			diag(W108, lint_at(t->place), STR_ARG(name));
			return;
		}
	}
}

/* <alone>: a condition of its own, so that a value that is wrong does not make W102. */
static void check_test(struct valuing *v, const struct p_test *t, bool response, bool alone)
{
	struct proof_field *f = field_of(v->l->g, t->subject, response);
	uint32_t index = atom_of_test(v->l->g, f, t, NULL);
	struct atom *x;

	if (t->op == OP_TRUE || index == NO_INDEX || lint_skips(t->place))
		return;
	x = v->l->g->atoms.p[index];
	if (x->unknown || x->field != f || f->opaque)
		return;
	for (uint32_t i = 0; i < x->nvalues && (alone || x->nvalues > 1); i++)
		check_value(v, t, x, i);
	if (x->nvalues > 1 && x->nvalues <= COVER_MAX)
		check_cover(v, t, x);
}

static void check_expr(struct valuing *v, const struct p_expr *e, bool response, bool alone)
{
	if (e->kind == PE_TEST)
		check_test(v, e->test, response, alone);
	for (uint32_t i = 0; i < e->nkids; i++)
		check_expr(v, e->kids[i], response, alone);
}

void prove_values(struct lint *l)
{
	struct valuing v = { .l = l };

	v.s = (struct solver) { .g = l->g, .a = &v.a, .steps = &v.steps };
	for (uint32_t i = 0; i < l->p->nacls; i++)
		check_expr(&v, l->p->acls[i]->expr, l->p->acls[i]->response, true);
	for (uint32_t i = 0; i < l->p->nrules; i++) {
		const struct p_rule *r = l->p->rules[i];

		check_expr(&v, r->cond, lint_is_response(r->dir),
			   l->rules[r->index].fate == FATE_REACHED);
	}
	arena_free(&v.a);
}
