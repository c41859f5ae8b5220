/* SPDX-License-Identifier: Apache-2.0 */
#include "clash.h"

#include "watch.h"

/* ---- two literals ---- */

static bool plain(const struct atom *x)
{
	return !x->field->many && x->field->kind == FIELD_TEXT && !x->length && !x->unknown &&
	       !x->map && !x->opaque && !x->field->opaque && x->nvalues == 1 &&
	       x->values[0].kind == VALUE_STR;
}

static bool begins(struct str s, struct str start, bool icase)
{
	return icase ? str_istarts(s, start) : str_starts(s, start);
}

static bool ends(struct str s, struct str end, bool icase)
{
	return icase ? str_iends(s, end) : str_ends(s, end);
}

/* Both hold for no text? <x> is EQ, PREFIX or SUFFIX. */
static bool apart(const struct atom *x, const struct atom *y)
{
	struct str s = x->values[0].text, t = y->values[0].text;
	bool icase = x->values[0].icase;

	if (icase != y->values[0].icase)
		return false;
	if (x->op == OP_EQ)
		return !atom_text(y, s);
	if (y->op == OP_EQ)
		return !atom_text(x, t);
	if (x->op == OP_PREFIX && y->op == OP_PREFIX)
		return !begins(s, t, icase) && !begins(t, s, icase);
	if (x->op == OP_SUFFIX && y->op == OP_SUFFIX)
		return !ends(s, t, icase) && !ends(t, s, icase);
	return false;
}

static bool literals_clash(struct proof *g, uint32_t a, uint32_t b)
{
	const struct atom *x = atom_at(g, a), *y = atom_at(g, b);

	if (x == y)
		return a != b;
	if (x->field != y->field || (a & b & 1) || !plain(x) || !plain(y))
		return false;
	if (!(a & 1) && !(b & 1))
		return apart(x, y);
	if (b & 1) /* x holds, y does not */
		return x->op == OP_EQ && x->values[0].icase == y->values[0].icase &&
		       atom_text(y, x->values[0].text);
	return y->op == OP_EQ && x->values[0].icase == y->values[0].icase &&
	       atom_text(x, y->values[0].text);
}

bool conj_clash(struct proof *g, const struct conj *x, const struct conj *y)
{
	for (uint32_t i = 0; i < x->n; i++)
		for (uint32_t k = 0; k < y->n; k++)
			if (literals_clash(g, x->lits[i], y->lits[k]))
				return true;
	return false;
}

bool dnf_clash(struct proof *g, const struct dnf *x, const struct dnf *y)
{
	if ((uint64_t)x->n * y->n > DNF_MAX)
		return false;
	for (uint32_t i = 0; i < x->n; i++)
		for (uint32_t k = 0; k < y->n; k++)
			if (!conj_clash(g, &x->at[i], &y->at[k]))
				return false;
	return true;
}

/* ---- all rules of a list ---- */

#define TABLE_FIELDS 4 /* at most */

/* Up to eight bytes at the start of a field's value, and at its end; <mask>: which are known; and
 * the whole texts. Letters are in lower case: starts that differ in case alone count as equal. */
struct edges {
	uint64_t start, start_mask, end, end_mask;
	struct str whole_start, whole_end;
};

struct clash_table {
	const struct context *c;
	unsigned nfields;
	const struct proof_field *fields[TABLE_FIELDS];
	struct edges *at; /* nfields for each rule */
};

static void edge(uint64_t *word, uint64_t *mask, struct str s, bool at_end)
{
	*word = *mask = 0;
	for (size_t i = 0; i < 8 && i < s.n; i++) {
		uint64_t c = (uint8_t)ascii_lower(at_end ? s.p[s.n - 1 - i] : s.p[i]);

		*word |= c << 8 * (7 - i);
		*mask |= UINT64_C(0xff) << 8 * (7 - i);
	}
}

/* The last eight bytes of an address, as far as the network fixes them. */
static void address_edge(struct edges *e, const struct p_net *net)
{
	for (unsigned i = 0; i < 8; i++)
		e->start = e->start << 8 | net->addr[8 + i];
	if (net->bits > 64)
		e->start_mask = ~UINT64_C(0) << (128 - net->bits);
}

static struct str lowered(struct proof *g, struct str s)
{
	char *p = arena_get(g->a, s.n + 1);

	str_lower(p, s);
	return str_of(p, s.n);
}

static bool has_edges(const struct atom *x)
{
	return !x->field->many && !x->field->opaque && !x->opaque && !x->length && !x->unknown &&
	       !x->map && x->nvalues == 1 && x->op != OP_TRUE;
}

static void edges_of(struct proof *g, struct atom *x, struct edges *e)
{
	const struct p_value *v = &x->values[0];
	char room[WATCH_NEEDLE];
	bool at_start;
	struct str s;

	if (x->field->kind == FIELD_ADDR && v->kind == VALUE_NET)
		address_edge(e, &v->net);
	if (x->field->kind != FIELD_TEXT)
		return;
	if (v->kind == VALUE_STR && (x->op == OP_EQ || x->op == OP_PREFIX))
		e->whole_start = lowered(g, v->text);
	if (v->kind == VALUE_STR && (x->op == OP_EQ || x->op == OP_SUFFIX))
		e->whole_end = lowered(g, v->text);
	if (v->kind == VALUE_REGEX) {
		s = watch_needle(g, v->regex, room, &at_start);
		if (at_start)
			e->whole_start = lowered(g, s);
	}
	edge(&e->start, &e->start_mask, e->whole_start, false);
	edge(&e->end, &e->end_mask, e->whole_end, true);
}

static void count_fields(const struct proof *g, const struct context *c, uint32_t *count)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct dnf *d = &c->rules[i].cond;

		for (uint32_t k = 0; d->n == 1 && k < d->at[0].n; k++) {
			const struct atom *x = atom_at(g, d->at[0].lits[k]);

			if (!(d->at[0].lits[k] & 1) && has_edges(x))
				count[x->field->index]++;
		}
	}
}

/* The fields that most positive tests of the lists are about: a table knows the first <max>. */
static void choose_fields(struct proof *g, const struct context *const *c, uint32_t n, unsigned max,
			  struct clash_table *t)
{
	uint32_t *count = ARENA_ARRAY(g->a, uint32_t, g->fields.n + 1);

	for (uint32_t i = 0; i < n; i++)
		count_fields(g, c[i], count);
	while (t->nfields < max) {
		uint32_t best = 0;

		for (uint32_t i = 1; i < g->fields.n; i++)
			if (count[i] > count[best])
				best = i;
		if (!count[best])
			break;
		t->fields[t->nfields++] = g->fields.p[best];
		count[best] = 0;
	}
}

static void fill(struct proof *g, struct clash_table *t)
{
	const struct context *c = t->c;

	t->at = ARENA_ARRAY(g->a, struct edges, t->nfields * (size_t)c->n + 1);
	for (uint32_t i = 0; i < c->n; i++) {
		const struct dnf *d = &c->rules[i].cond;

		for (uint32_t k = 0; d->n == 1 && k < d->at[0].n; k++) {
			struct atom *x = atom_at(g, d->at[0].lits[k]);

			for (unsigned n = 0; n < t->nfields; n++)
				if (!(d->at[0].lits[k] & 1) && x->field == t->fields[n] &&
				    has_edges(x))
					edges_of(g, x, &t->at[i * t->nfields + n]);
		}
	}
}

const struct clash_table *clash_table(struct proof *g, const struct context *c)
{
	struct clash_table *t = ARENA_NEW(g->a, struct clash_table);

	t->c = c;
	choose_fields(g, &c, 1, 2, t);
	fill(g, t);
	return t;
}

const struct clash_table *clash_tables(struct proof *g, const struct context *const *c, uint32_t n)
{
	struct clash_table *t = ARENA_ARRAY(g->a, struct clash_table, n + 1), common = { 0 };

	choose_fields(g, c, n, TABLE_FIELDS, &common);
	for (uint32_t i = 0; i < n; i++) {
		t[i] = common;
		t[i].c = c[i];
		fill(g, &t[i]);
	}
	return t;
}

const struct clash_table *clash_table_at(const struct clash_table *t, uint32_t i)
{
	return &t[i];
}

static bool edges_differ(const struct edges *a, const struct edges *b)
{
	size_t n = a->whole_start.n < b->whole_start.n ? a->whole_start.n : b->whole_start.n;
	size_t m = a->whole_end.n < b->whole_end.n ? a->whole_end.n : b->whole_end.n;

	if (((a->start ^ b->start) & a->start_mask & b->start_mask) ||
	    ((a->end ^ b->end) & a->end_mask & b->end_mask))
		return true;
	return (n > 8 && memcmp(a->whole_start.p, b->whole_start.p, n) != 0) ||
	       (m > 8 && memcmp(a->whole_end.p + a->whole_end.n - m,
				b->whole_end.p + b->whole_end.n - m, m) != 0);
}

bool clash_between(const struct clash_table *t, uint32_t x, const struct clash_table *u, uint32_t y)
{
	const struct edges *a = &t->at[x * t->nfields], *b = &u->at[y * u->nfields];

	for (unsigned n = 0; n < t->nfields; n++)
		if (edges_differ(&a[n], &b[n]))
			return true;
	return false;
}

bool clash_rules(struct proof *g, const struct clash_table *t, uint32_t x, uint32_t y)
{
	return clash_between(t, x, t, y) ||
	       dnf_clash(g, &t->c->rules[x].cond, &t->c->rules[y].cond);
}
