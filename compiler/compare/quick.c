/* SPDX-License-Identifier: Apache-2.0 */
/* quick: a request for two ends, put together of one that was found for each end alone, and checked
 * like any model of a search. Where many pairs are possible most are settled so, at a small part of
 * the cost of a search; where it fails, nothing is known. */
#include "pair.h"

#include "../proof/watch.h"

/* The only conjunction that <e> needs at its last rule, or NULL. */
static const struct conj *conj_of(const struct end *e)
{
	const struct context *c = side_list(e->front);
	const struct dnf *d;

	if (e->stop == c->n)
		return NULL;
	d = e->kind == END_CHOICE && e->chooses ? &c->rules[e->stop].choice
						: &c->rules[e->stop].cond;
	return d->n == 1 ? &d->at[0] : NULL;
}

static const struct model *alone(struct pairing *p, struct end *e)
{
	const struct conj *c = conj_of(e);

	if (!e->tried && (c || e->stop == side_list(e->front)->n)) {
		static const struct conj nothing;

		e->alone = search_alone(p->g, &p->models, c ? c : &nothing);
	}
	e->tried = true;
	return e->alone;
}

static bool differs(const struct model *m, const struct model *usual, const struct group *gr)
{
	for (uint32_t i = 0; i < gr->n; i++)
		if (m->values[gr->fields[i]->index] != usual->values[gr->fields[i]->index])
			return true;
	return false;
}

static void take_group(struct model *out, const struct model *m, const struct group *gr)
{
	for (uint32_t i = 0; i < gr->n; i++)
		out->values[gr->fields[i]->index] = m->values[gr->fields[i]->index];
}

/* A field that may occur more than once has what both want. */
static void take_both(struct pairing *p, struct model *out, const struct model *x,
		      const struct model *y, struct proof_field *f)
{
	struct value *from[2] = { x->values[f->index], y->values[f->index] };
	struct value *v = ARENA_NEW(p->scenes, struct value);

	v->n = from[0]->n + from[1]->n;
	v->present = v->n > 0;
	v->at = ARENA_ARRAY(p->scenes, struct str, v->n + 1);
	for (int i = 0; i < 2; i++)
		if (from[i]->n)
			memcpy(v->at + (i ? from[0]->n : 0), from[i]->at,
			       from[i]->n * sizeof(*v->at));
	v->serial = ++p->g->serial;
	watch_both(p->g, &p->models, p->scenes, f, v, from);
	out->values[f->index] = v;
}

/* Where both want something of one group, x's values; they may do for both. */
static void put_together(struct pairing *p, struct model *out, const struct model *x,
			 const struct model *y)
{
	const struct model *usual = search_usual(p->g);

	for (size_t i = 0; i < p->g->groups.n; i++) {
		const struct group *gr = p->g->groups.p[i];
		bool of_x = differs(x, usual, gr), of_y = differs(y, usual, gr);

		if (of_x && of_y && gr->kind == GROUP_ONE && gr->fields[0]->many)
			take_both(p, out, x, y, gr->fields[0]);
		else
			take_group(out, of_x || !of_y ? x : y, gr);
	}
}

bool quick_meets(struct pairing *p, struct end *x, struct end *y, const struct scene *sc)
{
	const struct model *mx = alone(p, x), *my = mx ? alone(p, y) : NULL;
	uint32_t n = (uint32_t)p->g->fields.n;
	struct model m = { .form = FORM_ORIGIN, .nfields = n };

	if (!my || mx->nfields != n || my->nfields != n || mx->form != FORM_ORIGIN ||
	    my->form != FORM_ORIGIN)
		return false;
	m.values = ARENA_ARRAY(p->scenes, struct value *, n + 1);
	put_together(p, &m, mx, my);
	return search_goes(p->g, &p->models, sc, &m) && pair_counted(p);
}
