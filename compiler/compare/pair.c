/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include <stdlib.h>

#include "../show.h"

bool pair_join(struct pairing *p, const struct scene *x, const struct scene *y, struct scene *out)
{
	if (x->n + y->n > SCENE_SEGMENTS)
		return false;
	*out = *x;
	memcpy(out->at + x->n, y->at, y->n * sizeof(*y->at));
	out->n = x->n + y->n;
	out->room = out->nneeds = x->nneeds + y->nneeds;
	out->needs = ARENA_ARRAY(p->scenes, struct dnf, out->nneeds + 1);
	if (x->nneeds)
		memcpy(out->needs, x->needs, x->nneeds * sizeof(*x->needs));
	if (y->nneeds)
		memcpy(out->needs + x->nneeds, y->needs, y->nneeds * sizeof(*y->needs));
	return true;
}

bool pair_uncertain(const struct pairing *p, const struct scene *sc)
{
	for (uint32_t i = 0; i < sc->nneeds; i++)
		for (uint32_t k = 0; k < sc->needs[i].n; k++)
			for (uint32_t l = 0; l < sc->needs[i].at[k].n; l++) {
				const struct atom *x = atom_at(p->g, sc->needs[i].at[k].lits[l]);

				if (x->unknown || x->opaque || x->field->opaque)
					return true;
			}
	return p->side[0].computed || p->side[1].computed;
}

static bool same_fields(const struct fields *x, const struct fields *y)
{
	if (x->n != y->n)
		return false;
	for (uint32_t i = 0; i < x->n; i++)
		if (!str_ieq(x->at[i].name, y->at[i].name) ||
		    !str_eq(x->at[i].value, y->at[i].value))
			return false;
	return true;
}

static bool same_name(const struct p_section *x, const struct p_section *y)
{
	return !x == !y && (!x || str_eq(x->name, y->name));
}

/* Walks over the checkpoints that a run met. */
struct meeting {
	const struct outcome *o;
	uint32_t rule, action;
};

/* The next action that is about a checkpoint, or NULL. */
static const struct p_action *next_meeting(struct meeting *m)
{
	for (; m->rule < m->o->nrules; m->rule++, m->action = 0) {
		const struct trace_rule *t = &m->o->rules[m->rule];

		while (t->matched && m->action < t->rule->nactions) {
			const struct p_action *a = &t->rule->actions[m->action++];

			if (a->id == ACT_PASS || a->id == ACT_COUNT)
				return a;
			if (a->id == ACT_DENY || a->id == ACT_DROP || a->id == ACT_TARPIT ||
			    a->id == ACT_REDIR || a->id == ACT_RESPOND)
				break;
		}
	}
	return NULL;
}

/* Were the same checkpoints passed and counted in, in the same order? */
static bool same_meetings(const struct outcome *x, const struct outcome *y)
{
	struct meeting m = { .o = x }, n = { .o = y };

	for (;;) {
		const struct p_action *a = next_meeting(&m), *b = next_meeting(&n);

		if (!a || !b)
			return a == b;
		if (a->id != b->id || !same_name(a->target, b->target))
			return false;
	}
}

bool pair_same_outcome(const struct compare_witness *w)
{
	const struct outcome *x = w->old, *y = w->new;
	const struct interp_message *r = &x->request, *s = &y->request;
	const struct interp_answer *t = &x->answer, *u = &y->answer;

	if (x->verdict != y->verdict || x->forwarded != y->forwarded ||
	    !same_name(x->backend, y->backend) || !same_meetings(x, y))
		return false;
	if (x->forwarded && (!str_eq(r->meth, s->meth) || !str_eq(r->uri, s->uri) ||
			     !str_eq(r->host, s->host) || !same_fields(&r->headers, &s->headers)))
		return false;
	if (t->present != u->present)
		return false;
	return !t->present || (t->made == u->made && t->status == u->status &&
			       same_fields(&t->headers, &u->headers) && str_eq(t->body, u->body) &&
			       str_eq(t->file, u->file));
}

/* ---- ends ---- */

/* What the rule answers, as text. */
static struct str answer_of(struct arena *a, const struct p_rule *r)
{
	struct show_buffer b;

	show_open(&b);
	for (uint32_t i = 0; i < r->nactions; i++) {
		enum action_id id = r->actions[i].id;

		if (id != ACT_DENY && id != ACT_DROP && id != ACT_TARPIT && id != ACT_REDIR &&
		    id != ACT_RESPOND)
			continue;
		show_action(b.out, &r->actions[i]);
		break;
	}
	return show_close(&b, a);
}

/* A text, and its number among different ones. */
struct named {
	struct str text;
	uint32_t no;
};

/* Of equal texts the first, and its number. */
static uint32_t number_of(struct pairing *p, struct symbols *known, struct str *text)
{
	struct named *n = symbol_get(known, *text);

	if (!n) {
		n = ARENA_NEW(p->a, struct named);
		*n = (struct named) { .text = arena_str(p->a, *text), .no = (uint32_t)known->n };
		symbol_put(p->a, known, n->text, n);
	}
	*text = n->text;
	return n->no;
}

static void name_outcomes(struct pairing *p, struct side *s)
{
	for (size_t i = 0; i < s->ends.n; i++) {
		struct arena_mark mark = arena_mark(p->scenes);
		struct end *e = s->ends.p[i];

		if (e->kind == END_FINAL)
			e->what = answer_of(p->scenes, e->rule);
		else if (e->backend)
			e->what =
				arena_printf(p->scenes, "backend %.*s", STR_ARG(e->backend->name));
		else
			e->what = S("no backend");
		e->what_no = number_of(p, &p->outcomes, &e->what);
		arena_rewind(p->scenes, mark);
	}
}

/* A rule with more than one end: of different choices, or on different ways. */
static void note_shared(const struct side *s)
{
	struct arena own = { 0 };
	uint32_t *count = ARENA_ARRAY(&own, uint32_t, s->own->nrules + 1), none = 0;

	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < s->ends.n; i++) {
			struct end *e = s->ends.p[i];
			uint32_t *n = e->rule ? &count[e->rule->index] : &none;

			if (!again)
				++*n;
			e->shared = *n > 1;
		}
	arena_free(&own);
}

static void name_entries(struct pairing *p, const struct vec *ends)
{
	for (size_t i = 0; i < ends->n; i++) {
		struct end *e = ends->p[i];
		struct str name = e->front->scene->entry->name;

		e->entry_no = number_of(p, &p->entries, &name);
	}
}

/* ---- all ---- */

static void note_changed(struct pairing *p)
{
	const struct program *old = p->c->old, *new = p->twin;

	memset(p->changed[0], true, old->nrules);
	memset(p->changed[1], true, new->nrules);
	for (uint32_t i = 0; i < old->nsections; i++)
		for (uint32_t k = 0; k < new->nsections; k++) {
			const struct p_section *x = old->sections[i], *y = new->sections[k];

			if (!str_eq(x->name, y->name))
				continue;
			for (int dir = 0; dir < RULE_DIRS; dir++) {
				const struct p_chain *c = &x->chains[dir], *d = &y->chains[dir];
				const uint32_t *mate = side_mates(&p->mates, c, d);

				for (uint32_t r = 0; r < d->n; r++)
					if (mate[r] != NO_INDEX) {
						p->changed[1][d->rules[r]->index] = false;
						p->changed[0][c->rules[mate[r]]->index] = false;
					}
			}
		}
}

static void open_sides(struct pairing *p)
{
	struct side *old = &p->side[0], *new = &p->side[1];
	struct side common = {
		.g = p->g, .a = p->a, .scenes = p->scenes, .known_mates = &p->mates
	};

	*old = *new = common;
	old->own = old->part = (struct program *)(uintptr_t)p->c->old;
	new->own = p->c->new;
	new->part = p->twin;
	side_fronts(old);
	side_fronts(new);
	side_pair(old, new);
	for (int i = 0; i < 2; i++) {
		side_ends(&p->side[i]);
		name_outcomes(p, &p->side[i]);
		note_shared(&p->side[i]);
		name_entries(p, &p->side[i].ends);
		name_entries(p, &p->side[i].stops);
		if (p->side[i].cut)
			pair_open(p, NULL, NULL, "there are too many ways through the front");
	}
}

static struct pairing *pairing_new(struct compare *c)
{
	struct pairing *p = ARENA_NEW(c->a, struct pairing);
	const struct program *of[2] = { c->old, c->new };

	p->c = c;
	p->a = c->a;
	p->scenes = &p->scene_memory;
	p->mates.a = c->a;
	arena_get(p->scenes, 1);
	arena_get(&p->scratch, 1);
	p->empty = arena_mark(&p->scratch);
	for (int i = 0; i < 2; i++) {
		p->guilty[i] = ARENA_ARRAY(c->a, bool, of[i]->nrules + 1);
		p->changed[i] = ARENA_ARRAY(c->a, bool, of[i]->nrules + 1);
	}
	return p;
}

void compare_begin(struct compare *c, struct arena *a, const struct program *old,
		   const struct program *new)
{
	struct pairing *p;

	*c = (struct compare) { .a = a, .old = old, .new = new };
	c->pairing = p = pairing_new(c);
	p->joint = side_join(a, old, new, &p->twin);
	if (!p->joint) {
		c->fault = S("the new program cannot be copied");
		return;
	}
	p->g = proof_new(a, p->joint);
	p->codes = ARENA_ARRAY(a, void *, new->nregexes + 1);
	note_changed(p);
	open_sides(p);
	cull_prepare(p);
	pair_ends(p);
	pair_backends(p);
	pair_writes(p);
	if (p->full)
		pair_open(p, NULL, NULL, "the limit of all questions together was reached");
	class_idle(p);
	compare_sort(c);
}

bool compare_show(struct compare *c, struct compare_class *class)
{
	if (!class->witness && !c->fault.n)
		pair_replay(c->pairing, class);
	return class->witness && !c->fault.n;
}

void compare_end(struct compare *c)
{
	struct pairing *p = c->pairing;

	c->pairing = NULL;
	arena_free(&p->scratch);
	arena_free(p->scenes);
	arena_free(&p->models);
	if (p->g)
		proof_free(&p->g);
	if (p->codes)
		interp_codes_free(p->codes, c->new->nregexes);
	free(c->classes);
	c->classes = NULL;
}

void compare_programs(struct compare *c, struct arena *a, const struct program *old,
		      const struct program *new)
{
	struct compare_class *classes;

	compare_begin(c, a, old, new);
	for (uint32_t i = 0; i < c->nclasses && compare_show(c, &c->classes[i]); i++)
		;
	classes = ARENA_ARRAY(a, struct compare_class, c->nclasses + 1);
	if (c->nclasses)
		memcpy(classes, c->classes, c->nclasses * sizeof(*classes));
	compare_end(c);
	c->classes = classes;
}

bool compare_equal(const struct compare *c)
{
	return !c->nclasses && !c->nopen && !c->fault.n;
}
