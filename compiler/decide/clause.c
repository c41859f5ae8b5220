/* SPDX-License-Identifier: Apache-2.0 */
/* clause: the literals that must hold when a condition does. Negations are moved down to the tests;
 * an "or" becomes one literal that holds when the best literal of some branch does. */
#include "decide_part.h"

static const struct clause nothing;

static uint32_t add_literal(struct decide *d, const struct literal *l)
{
	GROW(d->arena, d->literals, d->nliterals, d->room);
	d->literals[d->nliterals] = *l;
	return d->nliterals++;
}

/* Equal tests are one row, so one literal. */
static uint32_t test_literal(struct decide *d, const struct p_test *t)
{
	struct known_literal *known = &d->by_test[emit_test(d->e, t)];
	struct literal l = { .test = t };

	if (known->chain == d->number)
		return known->literal;
	known->chain = d->number;
	known->literal = WS_NONE;
	if (decide_is_steady(t->subject) && decide_patterns(d, t, &l))
		known->literal = add_literal(d, &l);
	return known->literal;
}

static struct clause of_test(struct decide *d, const struct p_test *t, bool negated)
{
	struct clause c = nothing;
	uint32_t literal = t->negated == negated ? test_literal(d, t) : WS_NONE;

	if (literal == WS_NONE)
		return c;
	c.literals[c.n++] = literal;
	c.exact = d->literals[literal].exact;
	return c;
}

static bool holds_literal(const struct clause *c, uint32_t literal)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->literals[i] == literal)
			return true;
	return false;
}

/* All of <more> too. */
static void join(struct clause *c, const struct clause *more)
{
	c->exact = c->exact && more->exact;
	for (uint32_t i = 0; i < more->n; i++) {
		if (holds_literal(c, more->literals[i]))
			continue;
		if (c->n == CLAUSE_MAX) {
			c->exact = false;
			return;
		}
		c->literals[c->n++] = more->literals[i];
	}
}

static uint32_t cheapest(const struct decide *d, const struct clause *c)
{
	uint32_t best = c->literals[0];

	for (uint32_t i = 1; i < c->n; i++)
		if (d->literals[c->literals[i]].cost < d->literals[best].cost)
			best = c->literals[i];
	return best;
}

static struct clause of(struct decide *d, const struct p_expr *x, bool negated);

static struct clause of_all(struct decide *d, const struct p_expr *x, bool negated)
{
	struct clause c = { .exact = true };

	for (uint32_t i = 0; i < x->nkids; i++) {
		struct clause kid = of(d, x->kids[i], negated);

		join(&c, &kid);
	}
	return c;
}

static struct clause of_any(struct decide *d, const struct p_expr *x, bool negated)
{
	struct literal l = { .exact = true, .nany = x->nkids };
	struct clause c = { .n = 1 };

	if (x->nkids == 1)
		return of(d, x->kids[0], negated);
	l.any = ARENA_ARRAY(d->arena, uint32_t, x->nkids);
	for (uint32_t i = 0; i < x->nkids; i++) {
		struct clause kid = of(d, x->kids[i], negated);

		if (!kid.n)
			return nothing;
		l.any[i] = cheapest(d, &kid);
		l.exact = l.exact && kid.exact && kid.n == 1;
		if (l.cost < d->literals[l.any[i]].cost)
			l.cost = d->literals[l.any[i]].cost;
	}
	c.exact = l.exact;
	c.literals[0] = add_literal(d, &l);
	return c;
}

static struct clause of_acl(struct decide *d, const struct p_acl *acl, bool negated)
{
	struct known_clause *known = &d->by_acl[2 * acl->index + negated];

	if (known->chain != d->number) {
		known->c = of(d, acl->expr, negated);
		known->chain = d->number;
	}
	return known->c;
}

static struct clause of(struct decide *d, const struct p_expr *x, bool negated)
{
	switch (x->kind) {
	case PE_TEST:
		return of_test(d, x->test, negated);
	case PE_NOT:
		return of(d, x->kids[0], !negated);
	case PE_ACL:
		return of_acl(d, x->acl, negated);
	case PE_AND:
		return negated ? of_any(d, x, negated) : of_all(d, x, negated);
	case PE_OR:
		return negated ? of_all(d, x, negated) : of_any(d, x, negated);
	case PE_TRUE:
	case PE_FALSE:
		break;
	}
	return (struct clause) { .exact = (x->kind == PE_TRUE) != negated };
}

void decide_clauses(struct decide *d)
{
	d->clauses = ARENA_ARRAY(d->arena, struct clause, d->chain->n);
	for (uint32_t i = 0; i < d->chain->n; i++) {
		struct clause *c = &d->clauses[i];

		*c = of(d, d->chain->rules[i]->cond, false);
		/* The groups of the line's own regex are taken by testing it. */
		if (d->chain->rules[i]->capturing)
			c->exact = false;
		for (uint32_t k = 0; k < c->n; k++)
			d->literals[c->literals[k]].uses++;
	}
}
