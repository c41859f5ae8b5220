/* SPDX-License-Identifier: Apache-2.0 */
#include "graph.h"

#include <stdlib.h>

#include "show.h"

#define LABEL_MAX 44 /* characters of a condition */

struct drawing {
	struct graph *g;
	const char *(*dead)(void *arg, struct p_place place);
	void *arg;
	uint32_t max;
};

static enum graph_tier tier_of(const struct p_section *s)
{
	switch (s->kind) {
	case SEC_FRONTEND:
	case SEC_LISTEN:
		return TIER_ENTRY;
	case SEC_BACKEND:
		return TIER_BACKEND;
	case SEC_RSPRULES:
	case SEC_CHECKPOINT:
		return TIER_ANSWERS;
	default:
		return TIER_RULES;
	}
}

static const char *dead_at(struct drawing *d, struct p_place place)
{
	return place.line ? d->dead(d->arg, place) : NULL;
}

/* The condition, cut to what fits beside an arrow. */
static struct str short_condition(struct arena *a, const struct p_expr *e)
{
	struct show_buffer b;
	struct str s;
	size_t n = LABEL_MAX;

	if (e->kind == PE_TRUE)
		return S("");
	show_open(&b);
	show_expr(b.out, e);
	s = show_close(&b, a);
	if (s.n <= LABEL_MAX)
		return s;
	while (n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--; /* no half of a character */
	return arena_printf(a, "%.*s…", (int)n, s.p);
}

static void add(struct drawing *d, const struct p_section *from, const struct p_section *to,
		enum graph_way way, struct str label, struct p_place place)
{
	struct graph *g = d->g;
	struct graph_node *x = &g->nodes[from->index], *y = &g->nodes[to->index];
	struct str key = arena_printf(g->a, "%u %u %d", from->index, to->index, (int)way);
	struct graph_edge *e = symbol_get(&g->edges, key);
	const char *dead = way == WAY_DEFAULT ? NULL : dead_at(d, place);

	if (!e) {
		e = ARENA_NEW(g->a, struct graph_edge);
		*e = (struct graph_edge) { .from = x, .to = y, .way = way, .place = place };
		symbol_put(g->a, &g->edges, key, e);
		x->weight++;
		y->weight++;
	}
	if (e->rules == e->dead && (!dead || !e->rules))
		e->label = label;
	e->rules++;
	e->dead += dead != NULL;
	e->code = e->rules == e->dead ? dead : NULL;
}

static const struct p_section *by_name(const struct program *p, struct str name)
{
	for (uint32_t i = 0; i < p->nsections; i++)
		if (p->sections[i]->kind != SEC_CHECKPOINT && str_eq(p->sections[i]->name, name))
			return p->sections[i];
	return NULL;
}

static void take_action(struct drawing *d, const struct p_section *s, const struct p_rule *r,
			const struct p_action *x)
{
	bool response = r->dir == DIR_RSP_IN || r->dir == DIR_RSP_OUT;
	enum graph_way way = response ? WAY_ANSWER : WAY_CHOICE;

	if (x->id != ACT_SWITCH && x->id != ACT_SETBE && x->id != ACT_URIREMAP)
		return;
	if (x->target) {
		if (!response && x->target->kind == SEC_REQRULES)
			way = WAY_JUMP;
		add(d, s, x->target, way, short_condition(d->g->a, r->cond), r->place);
		return;
	}
	for (uint32_t i = 0; x->map && i < x->map->n; i++) {
		const struct p_section *to = by_name(d->g->p, x->map->vals[i]);

		if (to)
			add(d, s, to, to->kind == SEC_REQRULES ? WAY_JUMP : way,
			    arena_printf(d->g->a, "map %.*s", STR_ARG(x->map->name)), r->place);
	}
}

static void take_section(struct drawing *d, const struct p_section *s)
{
	d->g->nodes[s->index].dead = dead_at(d, s->place);
	for (int dir = 0; dir < RULE_DIRS; dir++)
		for (uint32_t i = 0; i < s->chains[dir].n; i++) {
			const struct p_rule *r = s->chains[dir].rules[i];

			for (uint32_t k = 0; k < r->nactions; k++)
				take_action(d, s, r, &r->actions[k]);
		}
	if (s->default_backend)
		add(d, s, s->default_backend, WAY_DEFAULT, S("default"), s->place);
}

/* Heavier ones first, then in the order of the site. */
static int by_weight(const void *x, const void *y)
{
	const struct graph_node *a = *(const struct graph_node *const *)x,
				*b = *(const struct graph_node *const *)y;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return a->section->index < b->section->index ? -1 : a->section->index > b->section->index;
}

/* The rest of a tier that is too large becomes one node. */
static void collapse(struct drawing *d, enum graph_tier tier)
{
	struct graph *g = d->g;
	struct graph_node **all = ARENA_ARRAY(g->a, struct graph_node *, g->p->nsections + 1);
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->p->nsections; i++)
		if (g->nodes[i].tier == tier)
			all[n++] = &g->nodes[i];
	g->rest[tier] = (struct graph_node) { .tier = tier };
	g->rest[tier].shown = &g->rest[tier];
	if (n <= d->max)
		return;
	qsort(all, n, sizeof(*all), by_weight);
	for (uint32_t i = d->max; i < n; i++)
		all[i]->shown = &g->rest[tier];
	g->rest[tier].rest = n - d->max;
}

/* Edges of nodes that stand for several become one. */
static void merge(struct graph *g)
{
	struct symbols merged = { 0 };

	for (size_t i = 0; i < g->edges.n; i++) {
		struct graph_edge *e = g->edges.all[i]->object, *m;
		struct str key = arena_printf(g->a, "%p %p %d", (void *)e->from->shown,
					      (void *)e->to->shown, (int)e->way);

		m = symbol_get(&merged, key);
		if (m) {
			if (m->rules == m->dead && e->rules > e->dead)
				m->label = e->label;
			m->rules += e->rules;
			m->dead += e->dead;
			m->code = m->rules == m->dead ? m->code : NULL;
			continue;
		}
		if (merged.n >= GRAPH_EDGES_MAX) {
			g->hidden++;
			continue;
		}
		m = ARENA_NEW(g->a, struct graph_edge);
		*m = *e;
		m->from = e->from->shown;
		m->to = e->to->shown;
		symbol_put(g->a, &merged, key, m);
	}
	g->edges = merged;
}

void graph_make(struct graph *g, struct arena *a, const struct program *p, uint32_t max,
		const char *(*dead)(void *arg, struct p_place place), void *arg)
{
	struct drawing d = { .g = g, .dead = dead, .arg = arg, .max = max };

	*g = (struct graph) { .a = a, .p = p };
	g->nodes = ARENA_ARRAY(a, struct graph_node, p->nsections + 1);
	for (uint32_t i = 0; i < p->nsections; i++)
		g->nodes[i] = (struct graph_node) { .tier = tier_of(p->sections[i]),
						    .section = p->sections[i],
						    .shown = &g->nodes[i] };
	for (uint32_t i = 0; i < p->nsections; i++)
		take_section(&d, p->sections[i]);
	for (int tier = 0; tier < TIERS; tier++)
		collapse(&d, (enum graph_tier)tier);
	merge(g);
}
