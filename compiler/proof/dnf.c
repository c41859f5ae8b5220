/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions as an OR of conjunctions of literals. What grows too large is opaque. */
#include "engine.h"

#include <stdlib.h>

struct dnf dnf_true(struct proof *g)
{
	return (struct dnf) { .n = 1, .at = ARENA_NEW(g->a, struct conj) };
}

struct dnf dnf_false(void)
{
	return (struct dnf) { 0 };
}

struct dnf dnf_lit(struct proof *g, uint32_t lit)
{
	struct dnf d = dnf_true(g);

	d.at[0].n = 1;
	d.at[0].lits = ARENA_NEW(g->a, uint32_t);
	d.at[0].lits[0] = lit;
	return d;
}

struct dnf dnf_unknown(struct proof *g)
{
	struct str key = arena_printf(g->a, "#%u", g->nunknown++);

	return dnf_lit(g, lit_of(atom_of_bool(g, field_unknown(g, key)), false));
}

/* Both literals at once; false when they contradict each other. */
static bool conj_join(struct proof *g, const struct conj *x, const struct conj *y, struct conj *out)
{
	uint32_t i = 0, k = 0;

	g->work += 8 + x->n + y->n;
	*out = (struct conj) { .lits = ARENA_ARRAY(g->a, uint32_t, x->n + y->n + 1) };
	while (i < x->n || k < y->n) {
		uint32_t next;

		if (k == y->n || (i < x->n && x->lits[i] <= y->lits[k]))
			next = x->lits[i++];
		else
			next = y->lits[k++];
		if (out->n && out->lits[out->n - 1] == next)
			continue;
		if (out->n && out->lits[out->n - 1] == (next ^ 1))
			return false;
		out->lits[out->n++] = next;
	}
	return true;
}

/* Is every literal of <x> one of <y>? */
static bool conj_within(const struct conj *x, const struct conj *y)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < x->n; i++) {
		while (k < y->n && y->lits[k] < x->lits[i])
			k++;
		if (k == y->n || y->lits[k] != x->lits[i])
			return false;
	}
	return true;
}

/* Leaves out what another conjunction covers. */
static void reduce(struct proof *g, struct dnf *d)
{
	uint32_t n = 0;

	g->work += (uint64_t)d->n * d->n;
	for (uint32_t i = 0; i < d->n; i++) {
		bool covered = false;

		for (uint32_t k = 0; k < d->n && !covered; k++)
			covered = k != i && d->at[k].n <= d->at[i].n &&
				  (d->at[k].n < d->at[i].n || k < i) && d->at[k].lits &&
				  conj_within(&d->at[k], &d->at[i]);
		if (!covered)
			d->at[n++] = d->at[i];
	}
	d->n = n;
}

struct dnf dnf_and(struct proof *g, struct dnf x, struct dnf y)
{
	struct dnf d = { 0 };

	if (x.n == 0 || dnf_is_true(y))
		return x;
	if (y.n == 0 || dnf_is_true(x))
		return y;
	if ((uint64_t)x.n * y.n > (uint64_t)DNF_MAX * 4 || (proof_spent(g) && x.n > 1 && y.n > 1))
		return dnf_unknown(g);
	d.at = ARENA_ARRAY(g->a, struct conj, x.n * y.n);
	for (uint32_t i = 0; i < x.n; i++)
		for (uint32_t k = 0; k < y.n; k++)
			if (conj_join(g, &x.at[i], &y.at[k], &d.at[d.n]))
				d.n++;
	if (d.n > 1 && d.n <= DNF_MAX)
		reduce(g, &d);
	return d.n > DNF_MAX ? dnf_unknown(g) : d;
}

static bool alike(const struct atom *x, const struct atom *y)
{
	return x->field == y->field && x->op == y->op && x->op != OP_TRUE &&
	       x->length == y->length && x->map == y->map && x->unknown == y->unknown;
}

/* One positive literal alone: tests of one field by one operator become one atom. */
static bool alone(const struct proof *g, const struct conj *c)
{
	return c->n == 1 && !(c->lits[0] & 1) && atom_at(g, c->lits[0])->op != OP_TRUE;
}

static void merge_from(struct proof *g, struct dnf *d, uint32_t first)
{
	const struct atom *x = atom_at(g, d->at[first].lits[0]);
	struct p_value *values;
	uint32_t n = 0, total = 0, kept = first + 1;

	for (uint32_t i = first; i < d->n; i++)
		if (alone(g, &d->at[i]) && alike(x, atom_at(g, d->at[i].lits[0])))
			total += atom_at(g, d->at[i].lits[0])->nvalues;
	if (total == x->nvalues)
		return;
	values = ARENA_ARRAY(g->a, struct p_value, total);
	for (uint32_t i = first; i < d->n; i++) {
		const struct atom *y;

		if (!alone(g, &d->at[i]) || !alike(x, atom_at(g, d->at[i].lits[0]))) {
			if (i > first)
				d->at[kept++] = d->at[i];
			continue;
		}
		y = atom_at(g, d->at[i].lits[0]);
		memcpy(values + n, y->values, y->nvalues * sizeof(*values));
		n += y->nvalues;
	}
	d->n = kept;
	d->at[first] = dnf_lit(g, lit_of(atom_of_values(g, x, values, n), false)).at[0];
}

struct dnf dnf_or_all(struct proof *g, const struct dnf *from, uint32_t n)
{
	struct dnf d = { 0 };
	uint32_t total = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (dnf_is_true(from[i]))
			return from[i];
		total += from[i].n;
	}
	d.at = ARENA_ARRAY(g->a, struct conj, total + 1);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < from[i].n; k++)
			d.at[d.n++] = from[i].at[k];
	if (d.n > 1 && d.n <= DNF_MAX)
		reduce(g, &d);
	for (uint32_t i = 0; i + 1 < d.n; i++)
		if (alone(g, &d.at[i]))
			merge_from(g, &d, i);
	return d.n > DNF_MAX ? dnf_unknown(g) : d;
}

struct dnf dnf_or(struct proof *g, struct dnf x, struct dnf y)
{
	return dnf_or_all(g, (struct dnf[]) { x, y }, 2);
}

bool dnf_same(const struct dnf *x, const struct dnf *y)
{
	if (x->n != y->n)
		return false;
	for (uint32_t i = 0; i < x->n; i++)
		if (x->at[i].n != y->at[i].n ||
		    (x->at[i].n &&
		     memcmp(x->at[i].lits, y->at[i].lits, x->at[i].n * sizeof(uint32_t)) != 0))
			return false;
	return true;
}
