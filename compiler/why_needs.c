/* SPDX-License-Identifier: Apache-2.0 */
/* The condition of a rule beside what its run saw: a tree in which each test knows whether it held,
 * and from it the fewest tests that would have to be otherwise. */
#include "why.h"

struct node {
	const struct p_expr *e;
	const struct trace_test *seen; /* tests; NULL: not looked at, after a match limit */
	const struct p_acl *within;
	bool held;
	uint32_t n;
	struct node *kids;
};

struct reading {
	struct arena *a;
	const struct trace_rule *t;
	uint32_t at; /* next of the trace, which has the order of the condition */
};

static const struct trace_test *next_seen(struct reading *r)
{
	return r->at < r->t->ntests ? &r->t->tests[r->at++] : NULL;
}

static void read_node(struct reading *r, const struct p_expr *e, const struct p_acl *within,
		      struct node *out);

static void read_kids(struct reading *r, const struct p_expr *const *kids, uint32_t n,
		      const struct p_acl *within, struct node *out)
{
	out->n = n;
	out->kids = ARENA_ARRAY(r->a, struct node, n + 1);
	for (uint32_t i = 0; i < n; i++)
		read_node(r, kids[i], within, &out->kids[i]);
}

static void read_node(struct reading *r, const struct p_expr *e, const struct p_acl *within,
		      struct node *out)
{
	const struct p_expr *inner;

	*out = (struct node) { .e = e, .within = within, .held = e->kind == PE_TRUE };
	switch (e->kind) {
	case PE_TRUE:
	case PE_FALSE:
		break;
	case PE_TEST:
		out->seen = next_seen(r);
		out->held = out->seen && out->seen->held;
		break;
	case PE_ACL:
		next_seen(r);
		inner = e->acl->expr;
		read_kids(r, &inner, 1, e->acl, out);
		out->held = out->kids[0].held;
		break;
	default:
		read_kids(r, (const struct p_expr *const *)e->kids, e->nkids, within, out);
		out->held = e->kind == PE_AND;
		for (uint32_t i = 0; i < out->n; i++)
			if (e->kind == PE_NOT)
				out->held = !out->kids[i].held;
			else if (out->kids[i].held != (e->kind == PE_AND))
				out->held = e->kind == PE_OR;
	}
}

/* How many tests must change so that <x> gives <want>; how many such lists there are. */
struct price {
	uint32_t tests, ways;
};

static uint32_t capped(uint64_t n)
{
	return n < NEEDS_WAYS_MAX ? (uint32_t)n : NEEDS_WAYS_MAX;
}

static struct price price_of(const struct node *x, bool want)
{
	bool all = x->e->kind == PE_ACL || x->e->kind == PE_NOT || (x->e->kind == PE_AND) == want;
	struct price sum = { 0, 1 }, best = { UINT32_MAX, 0 };

	if (x->held == want)
		return sum;
	if (x->e->kind == PE_TEST)
		return (struct price) { 1, x->seen != NULL };
	if (x->n == 0)
		return best;
	for (uint32_t i = 0; i < x->n; i++) {
		struct price one = price_of(&x->kids[i], x->e->kind == PE_NOT ? !want : want);

		sum.tests += one.ways ? one.tests : 0;
		sum.ways = capped((uint64_t)sum.ways * one.ways);
		if (one.ways && one.tests < best.tests)
			best.tests = one.tests;
		best.ways = capped((uint64_t)best.ways + one.ways);
	}
	return all ? sum : best;
}

static void take(struct reading *r, const struct node *x, bool want, struct needs *out)
{
	bool all = x->e->kind == PE_ACL || x->e->kind == PE_NOT || (x->e->kind == PE_AND) == want;
	uint32_t best = all ? 0 : price_of(x, want).tests;

	if (x->held == want)
		return;
	if (x->e->kind == PE_TEST) {
		out->at[out->n] = x->seen;
		out->within[out->n++] = x->within;
		return;
	}
	for (uint32_t i = 0; i < x->n; i++) {
		bool kid_want = x->e->kind == PE_NOT ? !want : want;
		struct price one = price_of(&x->kids[i], kid_want);

		if (!all && (!one.ways || one.tests != best))
			continue;
		take(r, &x->kids[i], kid_want, out);
		if (!all)
			return;
	}
}

void why_needs(struct arena *a, const struct trace_rule *t, struct needs *out)
{
	struct reading r = { .a = a, .t = t };
	struct node top;

	*out = (struct needs) { 0 };
	read_node(&r, t->rule->cond, NULL, &top);
	out->ways = price_of(&top, true).ways;
	if (!out->ways)
		return;
	out->at = ARENA_ARRAY(a, const struct trace_test *, t->ntests + 1);
	out->within = ARENA_ARRAY(a, const struct p_acl *, t->ntests + 1);
	take(&r, &top, true, out);
}
