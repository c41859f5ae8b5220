/* SPDX-License-Identifier: Apache-2.0 */
/* class: what a comparison has found, in the order in which it is told. */
#include "pair.h"

#include <stdlib.h>

#include "../show.h"

void pair_guilty(struct pairing *p, int side, const struct p_rule *rule)
{
	if (rule)
		p->guilty[side][rule->index] = true;
}

/* There may be very many: what a larger array replaces is given back. */
static void make_room(struct compare *c)
{
	uint32_t room = c->classes_room ? 2 * c->classes_room : 64;
	struct compare_class *at;

	if (c->nclasses < c->classes_room)
		return;
	at = realloc(c->classes, room * sizeof(*at));
	if (!at) {
		fputs("weir: out of memory\n", stderr);
		exit(1);
	}
	c->classes = at;
	c->classes_room = room;
}

void pair_add(struct pairing *p, struct compare_class class, const struct compare_witness *w)
{
	struct compare *c = p->c;

	class.witness = w ? pair_kept(p->a, w) : NULL;
	make_room(c);
	c->classes[c->nclasses++] = class;
	pair_guilty(p, 0, class.old);
	pair_guilty(p, 1, class.new);
}

void pair_open(struct pairing *p, const struct p_rule *old, const struct p_rule *new,
	       const char *why)
{
	struct compare *c = p->c;
	const struct p_rule *both[2] = { old, new };
	struct str key = str_of((const char *)both, sizeof(both));

	pair_guilty(p, 0, old);
	pair_guilty(p, 1, new);
	if (symbol_get(&p->opened, key))
		return;
	symbol_put(p->a, &p->opened, arena_str(p->a, key), p);
	GROW(p->a, c->open, c->nopen, c->open_room);
	c->open[c->nopen++] = (struct compare_open) { .old = old,
						      .new = new,
						      .why = arena_str(p->a, str_from(why)) };
}

static bool blocks(struct str what)
{
	return str_eq(what, S("no backend")) || str_starts(what, S("deny")) ||
	       str_starts(what, S("drop")) || str_starts(what, S("tarpit"));
}

enum compare_severity class_severity(struct str was, struct str is)
{
	bool to_backend = str_starts(is, S("backend "));

	if (blocks(was) && to_backend)
		return CMP_EXPOSURE;
	if (blocks(is) && !blocks(was))
		return CMP_OUTAGE;
	if (str_starts(was, S("backend ")) || to_backend ||
	    (str_starts(was, S("redir")) && str_starts(is, S("redir"))))
		return CMP_REROUTE;
	return CMP_RESPONSE;
}

static struct str moved_key(struct arena *a, const struct p_rule *r)
{
	struct show_buffer b;

	show_open(&b);
	fprintf(b.out, "%.*s|%d|", STR_ARG(r->section->name), (int)r->dir);
	show_rule(b.out, r);
	return show_close(&b, a);
}

/* A rule that only moved is one rule: it stands for both when one is in a difference. */
static void join_moved(struct pairing *p)
{
	struct symbols gone = { 0 };

	for (uint32_t i = 0; i < p->c->old->nrules; i++)
		if (p->changed[0][i])
			symbol_put(p->a, &gone, moved_key(p->a, p->c->old->rules[i]),
				   p->c->old->rules[i]);
	for (uint32_t i = 0; i < p->c->new->nrules; i++) {
		const struct p_rule *was =
			p->changed[1][i] ? symbol_get(&gone, moved_key(p->a, p->c->new->rules[i]))
					 : NULL;

		if (!was)
			continue;
		p->guilty[1][i] = p->guilty[1][i] || p->guilty[0][was->index];
		p->guilty[0][was->index] = true; /* told as the new one */
	}
}

void class_idle(struct pairing *p)
{
	struct compare *c = p->c;

	join_moved(p);
	for (int side = 0; side < 2; side++) {
		const struct program *own = p->side[side].own;

		for (uint32_t i = 0; i < own->nrules && !p->full; i++) {
			if (!p->changed[side][i] || p->guilty[side][i])
				continue;
			GROW(p->a, c->idle, c->nidle, c->idle_room);
			c->idle[c->nidle++] = (struct compare_idle) { .rule = own->rules[i],
								      .is_new = side == 1 };
		}
	}
}

/* By severity, then weight, then places. */
static int by_severity(const void *x, const void *y, void *arg)
{
	const struct compare_class *all = arg, *a = &all[*(const uint32_t *)x],
				   *b = &all[*(const uint32_t *)y];
	uint32_t ra = a->old ? a->old->index : UINT32_MAX, rb = b->old ? b->old->index : UINT32_MAX;

	if (a->severity != b->severity)
		return a->severity < b->severity ? -1 : 1;
	if (a->logged != b->logged)
		return a->logged > b->logged ? -1 : 1;
	if (ra != rb)
		return ra < rb ? -1 : 1;
	ra = a->new ? a->new->index : UINT32_MAX;
	rb = b->new ? b->new->index : UINT32_MAX;
	return ra < rb ? -1 : ra > rb ? 1 : str_cmp(*a->was, *b->was);
}

/* Puts the classes into <order>: place i gets what is at order[i]. */
static void put_in_order(struct compare_class *at, uint32_t *order, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct compare_class first = at[i];
		uint32_t to = i;

		while (order[to] != i) {
			uint32_t from = order[to];

			at[to] = at[from];
			order[to] = to;
			to = from;
		}
		at[to] = first;
		order[to] = to;
	}
}

void compare_sort(struct compare *c)
{
	struct arena own = { 0 };
	uint32_t *order = ARENA_ARRAY(&own, uint32_t, c->nclasses + 1);

	for (uint32_t i = 0; i < c->nclasses; i++)
		order[i] = i;
	qsort_r(order, c->nclasses, sizeof(*order), by_severity, c->classes);
	put_in_order(c->classes, order, c->nclasses);
	arena_free(&own);
}

const char *const compare_severities[] = { "exposure", "outage", "reroute", "rewrite", "response" };
