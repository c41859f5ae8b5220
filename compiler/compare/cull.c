/* SPDX-License-Identifier: Apache-2.0 */
/* cull: pairs of ends that no request can come to both of, seen without a question: from the places
 * of rules that are on both sides, and from the texts that conditions need. Most pairs fall here, at
 * the cost of comparing a few words. */
#include "pair.h"

/* What a request to the end needs at its last rule, or NULL. */
static const struct dnf *needs_of(const struct end *e)
{
	const struct context *c = side_list(e->front);

	if (e->stop == c->n)
		return NULL;
	return e->kind == END_CHOICE && e->chooses ? &c->rules[e->stop].choice
						   : &c->rules[e->stop].cond;
}

/* ---- what is known of all ends ---- */

static struct str key_of(struct arena *a, const struct dnf *d)
{
	struct textbuf b = { 0 };

	for (uint32_t i = 0; i < d->n; i++) {
		textbuf_put(a, &b, str_of((const char *)&d->at[i].n, sizeof(d->at[i].n)));
		textbuf_put(
			a, &b,
			str_of((const char *)d->at[i].lits, d->at[i].n * sizeof(*d->at[i].lits)));
	}
	return textbuf_str(&b);
}

/* Of the rules that end the list, or choose, the first of each condition. */
static const struct symbols *firsts_of(struct pairing *p, struct front *f, bool choose)
{
	const struct context *c = side_list(f);
	struct symbols *s = f->firsts[choose];

	if (s)
		return s;
	s = f->firsts[choose] = ARENA_NEW(p->a, struct symbols);
	for (uint32_t i = 0; i < c->n; i++) {
		struct crule *r = &c->rules[i];

		if (r->flags & (choose ? RULE_CHOOSES : RULE_ENDS | RULE_FINAL))
			symbol_put(p->a, s, key_of(p->a, choose ? &r->choice : &r->cond), r);
	}
	return s;
}

/* The first rule of the mate's list that ends it, or chooses, and has the condition of <e>: whatever
 * comes to <e> matches it. */
static uint32_t first_alike(struct pairing *p, const struct end *e, bool choose)
{
	const struct dnf *d = needs_of(e);
	struct front *mate = e->front->mate;
	const struct crule *found;
	uint32_t k;

	if (!d || !mate)
		return NO_INDEX;
	k = e->front->mates[e->stop];
	if (e->touched) {
		found = symbol_get(firsts_of(p, mate, choose), key_of(p->scenes, d));
		return found ? (uint32_t)(found - side_list(mate)->rules) : NO_INDEX;
	}
	if (choose)
		return e->kind == END_CHOICE && e->chooses ? k : NO_INDEX;
	return side_list(mate)->rules[k].flags & (RULE_ENDS | RULE_FINAL) ? k : NO_INDEX;
}

static bool any_touched(const struct vec *ends)
{
	for (size_t i = 0; i < ends->n; i++)
		if (((const struct end *)ends->p[i])->touched)
			return true;
	return false;
}

static void lay_barriers(struct pairing *p, const struct vec *ends)
{
	for (size_t i = 0; i < ends->n; i++) {
		struct arena_mark mark = arena_mark(p->scenes);
		struct end *e = ends->p[i];

		e->barrier = first_alike(p, e, false);
		e->chooser = first_alike(p, e, true);
		arena_rewind(p->scenes, mark);
	}
}

static void count_exits(struct pairing *p, struct front *f)
{
	const struct context *c = side_list(f);

	f->exits = ARENA_ARRAY(p->a, uint32_t, c->n + 1);
	for (uint32_t i = 0; i < c->n; i++)
		f->exits[i + 1] = f->exits[i] + ((c->rules[i].flags & RULE_ENDS) &&
						 !(c->rules[i].flags & RULE_FINAL));
}

static void note_edges(struct pairing *p)
{
	struct vec lists = { 0 };
	const struct clash_table *t;
	uint32_t k = 0;

	for (int i = 0; i < 2; i++)
		for (size_t f = 0; f < p->side[i].fronts.n; f++)
			vec_push(p->a, &lists, side_list(p->side[i].fronts.p[f]));
	t = clash_tables(p->g, (const struct context *const *)(void *)lists.p, (uint32_t)lists.n);
	for (int i = 0; i < 2; i++)
		for (size_t f = 0; f < p->side[i].fronts.n; f++)
			((struct front *)p->side[i].fronts.p[f])->edges = clash_table_at(t, k++);
}

void cull_prepare(struct pairing *p)
{
	if (!any_touched(&p->side[0].ends) && !any_touched(&p->side[1].ends))
		return;
	note_edges(p);
	for (int i = 0; i < 2; i++) {
		for (size_t f = 0; f < p->side[i].fronts.n; f++)
			count_exits(p, p->side[i].fronts.p[f]);
		lay_barriers(p, &p->side[i].ends);
		lay_barriers(p, &p->side[i].stops);
	}
}

/* ---- a pair ---- */

/* Does a rule on the side of <x> keep from <x> what comes to <y>? */
static bool kept_away(const struct end *x, const struct end *y)
{
	return y->barrier < x->stop || (x->kind == END_CHOICE && y->chooser < x->stop);
}

/* Is whoever chooses at <x> answered behind that, when it comes to <y>? */
static bool answered_behind(const struct end *x, const struct end *y)
{
	const struct front *f = x->front;

	return y->barrier != NO_INDEX && side_goes_on(x) &&
	       (side_list(f)->rules[y->barrier].flags & RULE_FINAL) &&
	       f->exits[y->barrier] == f->exits[x->stop];
}

bool cull_places(const struct end *x, const struct end *y)
{
	if (x->front->mate != y->front)
		return false;
	return x->barrier < y->stop || y->barrier < x->stop || kept_away(x, y) || kept_away(y, x) ||
	       answered_behind(x, y) || answered_behind(y, x);
}

bool cull_texts(struct proof *g, const struct end *x, const struct end *y)
{
	const struct dnf *c = needs_of(x), *d = needs_of(y);

	if (!c || !d)
		return false;
	if (x->front->edges && y->front->edges &&
	    clash_between(x->front->edges, x->stop, y->front->edges, y->stop))
		return true;
	return dnf_clash(g, c, d);
}
