/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include "show.h"
#include "symbol.h"

struct order {
	const struct program *p;
	struct arena *arena;
	FILE *out;
	bool *seen; /* nsections: request rules of this entry, response rules of this list */
	struct vec backends; /* struct p_section, as reached */
};

static void head(struct order *o, const struct p_section *s, const char *list)
{
	static const char *const kinds[] = { [SEC_LISTEN] = "listen",
					     [SEC_FRONTEND] = "frontend",
					     [SEC_REQRULES] = "reqrules",
					     [SEC_BACKEND] = "backend",
					     [SEC_RSPRULES] = "rsprules" };

	fprintf(o->out, "  %s of %s %.*s", list, kinds[s->kind], STR_ARG(s->name));
	if (s->filters != s)
		fprintf(o->out, " (rules of %.*s)", STR_ARG(s->filters->name));
	fputc('\n', o->out);
}

static void add_backend(struct order *o, struct p_section *s)
{
	for (size_t i = 0; i < o->backends.n; i++)
		if (o->backends.p[i] == s)
			return;
	vec_push(o->arena, &o->backends, s);
}

static struct p_section *by_name(const struct order *o, struct str name)
{
	for (uint32_t i = 0; i < o->p->nsections; i++)
		if (str_eq(o->p->sections[i]->name, name) &&
		    o->p->sections[i]->kind != SEC_CHECKPOINT)
			return o->p->sections[i];
	return NULL;
}

/* Sections that <a> may send to, its map's targets in order of the map. */
static void targets(const struct order *o, const struct p_action *a, struct vec *to)
{
	if (a->id != ACT_SWITCH && a->id != ACT_SETBE && a->id != ACT_URIREMAP)
		return;
	if (a->target)
		vec_push(o->arena, to, a->target);
	for (uint32_t i = 0; a->map && i < a->map->n; i++) {
		struct p_section *s = by_name(o, a->map->vals[i]);

		if (s)
			vec_push(o->arena, to, s);
	}
}

/* The list <dir> of <s>; what it jumps to goes to <to>. */
static void put_list(struct order *o, const struct p_section *s, enum rule_dir dir, struct vec *to)
{
	const struct p_chain *c = &s->chains[dir];

	if (c->n)
		head(o, s, show_dir(dir));
	for (uint32_t i = 0; i < c->n; i++) {
		fputs("    ", o->out);
		show_place(o->out, o->p, c->rules[i]->place);
		fputs("  ", o->out);
		show_rule(o->out, c->rules[i]);
		fputc('\n', o->out);
		for (uint32_t k = 0; k < c->rules[i]->nactions; k++)
			targets(o, &c->rules[i]->actions[k], to);
	}
}

/* <s>, then all that it reaches, each before those that it jumps to, then <more>. Returns what it
 * has reached. */
static struct vec put_reached(struct order *o, struct p_section *s, enum rule_dir dir,
			      const struct vec *more)
{
	struct vec queue = { 0 };

	memset(o->seen, 0, o->p->nsections * sizeof(*o->seen));
	vec_push(o->arena, &queue, s);
	for (size_t i = 1; i < more->n; i++)
		vec_push(o->arena, &queue, more->p[i]);
	for (size_t i = 0; i < queue.n; i++) {
		struct p_section *on = queue.p[i];

		if (i && (on->kind == SEC_BACKEND || on->kind == SEC_LISTEN)) {
			add_backend(o, on);
			continue;
		}
		if (o->seen[on->index])
			continue;
		o->seen[on->index] = true;
		put_list(o, on, dir, &queue);
		if (dir == DIR_REQ_IN && on->default_backend)
			vec_push(o->arena, &queue, on->default_backend);
	}
	if (dir == DIR_REQ_IN && s->kind == SEC_LISTEN)
		add_backend(o, s);
	return queue;
}

static void put_backend(struct order *o, struct p_section *s, const struct p_section *entry)
{
	struct vec none = { 0 }, entered;

	if (s != entry)
		put_list(o, s, DIR_REQ_IN, &none);
	put_list(o, s, DIR_REQ_OUT, &none);
	entered = put_reached(o, s, DIR_RSP_IN, &none);
	if (s != entry)
		put_reached(o, s, DIR_RSP_OUT, &entered);
}

static void put_entry(struct order *o, struct p_section *s)
{
	struct vec none = { 0 };

	o->backends = (struct vec) { 0 };
	put_list(o, s, DIR_CONN_IN, &none);
	put_list(o, s, DIR_SESS_IN, &none);
	put_reached(o, s, DIR_REQ_IN, &none);
	for (size_t i = 0; i < o->backends.n; i++) {
		const struct p_section *b = o->backends.p[i];

		fprintf(o->out, "  then by %.*s\n", STR_ARG(b->name));
		put_backend(o, o->backends.p[i], s);
	}
	fputs("  at the end\n", o->out);
	put_reached(o, s, DIR_RSP_OUT, &none);
}

void order_print(struct arena *a, const struct program *p, FILE *out)
{
	struct order o = { .p = p, .arena = a, .out = out };
	bool any = false;

	o.seen = ARENA_ARRAY(a, bool, p->nsections);
	for (uint32_t i = 0; i < p->nsections; i++) {
		struct p_section *s = p->sections[i];

		if (!s->nbinds)
			continue;
		fprintf(out, "%s%.*s\n", any ? "\n" : "", STR_ARG(s->name));
		any = true;
		put_entry(&o, s);
	}
}
