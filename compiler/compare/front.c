/* SPDX-License-Identifier: Apache-2.0 */
/* front: the lists of rules that requests pass before they have a backend, each as it is entered
 * on one way, and which of their rules are the same on the other side. */
#include "side.h"

/* A list of rules of one name and direction, and its mates. */
struct lists {
	uint32_t *mate_of_old, *mate_of_new; /* NO_INDEX: none */
};

const struct p_rule *side_rule(const struct side *s, const struct p_rule *r)
{
	return r ? s->own->rules[r->index] : NULL;
}

static struct context *last_of(const struct front *f)
{
	return f->scene->at[f->scene->n - 1].context;
}

static struct scene *copy_scene(struct side *s, const struct scene *sc)
{
	struct scene *new = ARENA_NEW(s->a, struct scene);

	*new = *sc;
	new->room = sc->nneeds + 4;
	new->needs = ARENA_ARRAY(s->a, struct dnf, new->room);
	if (sc->nneeds)
		memcpy(new->needs, sc->needs, sc->nneeds * sizeof(*sc->needs));
	return new;
}

/* May the list end at <r> without an answer and without a jump? */
static bool passes(const struct crule *r)
{
	return (r->flags & RULE_ENDS) && !(r->flags & RULE_FINAL) && !r->jump;
}

static struct front *open_front(struct side *s, const struct scene *before,
				const struct p_section *section, enum rule_dir dir,
				struct front *from, uint32_t stop)
{
	struct front *f;
	const struct write *left = NULL;

	if (s->fronts.n == FRONTS_MAX || before->n == SCENE_SEGMENTS / 2) {
		s->cut = true;
		return NULL;
	}
	if (from)
		left = context_left(s->g, last_of(from), stop, NO_INDEX);
	f = ARENA_NEW(s->a, struct front);
	f->scene = copy_scene(s, before);
	f->scene->at[f->scene->n++].context = context_get(s->g, section, dir, left);
	f->scene->at[f->scene->n - 1].stop = last_of(f)->n;
	f->from = from;
	f->from_stop = stop;
	vec_push(s->a, &s->fronts, f);
	return f;
}

/* The scene of <f> when its list ends at <stop>. False: it never does. */
static bool stopped(struct side *s, const struct front *f, uint32_t stop, struct scene **out)
{
	const struct context *c = last_of(f);

	*out = copy_scene(s, f->scene);
	(*out)->at[(*out)->n - 1].stop = stop;
	return stop == c->n || scene_needs(s->g, *out, c->rules[stop].cond);
}

static void go_in(struct side *s, struct front *f);

/* conn in, then sess in, then req in: through each place where the one before may end. */
static void go_on(struct side *s, struct front *f, enum rule_dir next)
{
	const struct context *c = last_of(f);

	for (uint32_t k = 0; k <= c->n; k++) {
		uint32_t stop = k == 0 ? c->n : k - 1;
		struct scene *sc;
		struct front *more;

		if (stop < c->n && !passes(&c->rules[stop]))
			continue;
		if (!stopped(s, f, stop, &sc))
			continue;
		more = open_front(s, sc, sc->entry, next, f, stop);
		if (more)
			go_in(s, more);
	}
}

static void go_in(struct side *s, struct front *f)
{
	const struct context *c = last_of(f);

	if (c->dir == DIR_CONN_IN || c->dir == DIR_SESS_IN) {
		go_on(s, f, c->dir == DIR_CONN_IN ? DIR_SESS_IN : DIR_REQ_IN);
		return;
	}
	for (uint32_t i = 0; i < c->n; i++) {
		const struct crule *r = &c->rules[i];
		struct scene *sc;
		struct front *more;

		if (r->flags & RULE_MAYBE)
			s->computed = r->rule;
		if (!r->jump || (r->flags & RULE_FINAL) || !stopped(s, f, i, &sc))
			continue;
		more = open_front(s, sc, r->jump, DIR_REQ_IN, f, i);
		if (more)
			go_in(s, more);
	}
}

void side_fronts(struct side *s)
{
	for (uint32_t i = 0; i < s->part->nsections; i++) {
		struct scene sc = { .entry = s->part->sections[i] };
		struct front *f;

		if (!ways_entry(sc.entry))
			continue;
		f = open_front(s, &sc, sc.entry, DIR_CONN_IN, NULL, 0);
		if (f)
			go_in(s, f);
	}
}

/* ---- mates ---- */

static const struct p_chain *chain_of(const struct front *f)
{
	const struct context *c = last_of(f);

	return &c->section->chains[c->dir];
}

/* Mates of the lists of <section>, by name and direction. */
static struct lists *lists_of(struct side *old, struct side *new, struct symbols *known,
			      const struct p_section *section, enum rule_dir dir)
{
	struct str key = arena_printf(old->a, "%d %.*s", (int)dir, STR_ARG(section->name));
	struct lists *l = symbol_get(known, key);
	const struct p_chain *x = NULL, *y = NULL;

	if (l)
		return l;
	for (uint32_t i = 0; i < old->part->nsections; i++)
		if (str_eq(old->part->sections[i]->name, section->name))
			x = &old->part->sections[i]->chains[dir];
	for (uint32_t i = 0; i < new->part->nsections; i++)
		if (str_eq(new->part->sections[i]->name, section->name))
			y = &new->part->sections[i]->chains[dir];
	l = ARENA_NEW(old->a, struct lists);
	symbol_put(old->a, known, key, l);
	if (!x || !y)
		return l;
	l->mate_of_old = ARENA_ARRAY(old->a, uint32_t, x->n + 1);
	l->mate_of_new = ARENA_ARRAY(old->a, uint32_t, y->n + 1);
	memset(l->mate_of_old, 0xff, (x->n + 1) * sizeof(uint32_t));
	side_mates(old->a, x, y, l->mate_of_new);
	for (uint32_t k = 0; k < y->n; k++)
		if (l->mate_of_new[k] != NO_INDEX)
			l->mate_of_old[l->mate_of_new[k]] = k;
	l->mate_of_old[x->n] = y->n;
	l->mate_of_new[y->n] = x->n;
	return l;
}

/* What names the way to <f>: sections, and the numbers that the rules have on the old side. */
static struct str key_of(struct side *s, const struct front *f, const struct lists *from,
			 bool is_new)
{
	const struct context *c = last_of(f);
	uint32_t stop = f->from_stop;

	if (!f->from)
		return arena_printf(s->a, "%.*s", STR_ARG(c->section->name));
	if (is_new && from->mate_of_new)
		stop = from->mate_of_new[stop];
	if (stop == NO_INDEX || !from->mate_of_new)
		return arena_printf(s->a, "%.*s/%s%u", STR_ARG(f->from->key),
				    is_new ? "new" : "old", f->from_stop);
	return arena_printf(s->a, "%.*s/%u %d %.*s", STR_ARG(f->from->key), stop, (int)c->dir,
			    STR_ARG(c->section->name));
}

static bool same_dnf(const struct dnf *x, const struct dnf *y)
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

static bool same_end(const struct front *x, const struct front *y)
{
	const struct p_section *a = last_of(x)->section, *b = last_of(y)->section,
			       *da = a->default_backend, *db = b->default_backend;

	return a->kind == b->kind && !da == !db && (!da || str_eq(da->name, db->name));
}

static void touch(struct front *x, struct front *y, const struct lists *l)
{
	const struct context *cx = last_of(x), *cy = last_of(y);

	x->mate = y;
	y->mate = x;
	for (uint32_t i = 0; i < cx->n; i++) {
		uint32_t k = l->mate_of_old[i];

		if (k == NO_INDEX || !same_dnf(&cx->rules[i].cond, &cy->rules[k].cond) ||
		    !same_dnf(&cx->rules[i].choice, &cy->rules[k].choice))
			continue;
		x->touched[i] = y->touched[k] = false;
	}
	x->touched[cx->n] = y->touched[cy->n] = !same_end(x, y);
}

static void name_fronts(struct side *s, struct side *old, struct side *new, struct symbols *known,
			bool is_new)
{
	for (size_t i = 0; i < s->fronts.n; i++) {
		struct front *f = s->fronts.p[i];
		const struct lists *from = NULL;

		if (f->from) {
			const struct context *c = last_of(f->from);

			from = lists_of(old, new, known, c->section, c->dir);
		}
		f->key = key_of(s, f, from, is_new);
		f->touched = ARENA_ARRAY(s->a, bool, chain_of(f)->n + 1);
		memset(f->touched, true, chain_of(f)->n + 1);
		symbol_put(s->a, &s->keys, f->key, f);
	}
}

/* Fronts stand behind those that lead to them. */
static void spread(struct side *s)
{
	for (size_t i = 0; i < s->fronts.n; i++) {
		struct front *f = s->fronts.p[i];

		f->path_touched =
			!f->mate ||
			(f->from && (f->from->path_touched || f->from->touched[f->from_stop]));
	}
}

void side_pair(struct side *old, struct side *new)
{
	struct symbols known = { 0 };

	name_fronts(old, old, new, &known, false);
	name_fronts(new, old, new, &known, true);
	for (size_t i = 0; i < old->fronts.n; i++) {
		struct front *x = old->fronts.p[i], *y = symbol_get(&new->keys, x->key);
		const struct context *c = last_of(x);

		if (y)
			touch(x, y, lists_of(old, new, &known, c->section, c->dir));
	}
	spread(old);
	spread(new);
}

/* ---- ends ---- */

static struct end *new_end(struct side *s, struct front *f, uint32_t stop)
{
	struct end *e;

	if (s->ends.n == ENDS_MAX) {
		s->cut = true;
		return NULL;
	}
	e = ARENA_NEW(s->a, struct end);
	*e = (struct end) { .front = f, .stop = stop, .choice = NO_INDEX };
	e->touched = f->path_touched || f->touched[stop];
	vec_push(s->a, &s->ends, e);
	return e;
}

static const struct p_section *default_of(const struct scene *sc)
{
	const struct p_section *last = NULL;

	for (uint32_t i = 0; i < sc->n; i++)
		if (sc->at[i].context->dir == DIR_REQ_IN &&
		    sc->at[i].context->section->default_backend)
			last = sc->at[i].context->section->default_backend;
	return last ? last : sc->entry->kind == SEC_LISTEN ? sc->entry : NULL;
}

/* The front ends at <stop> without an answer; <in> and <choice> say who has chosen. */
static void pass(struct side *s, struct front *f, uint32_t stop, struct front *in, uint32_t choice)
{
	struct end *e = new_end(s, f, stop);

	if (!e)
		return;
	e->chosen_in = in;
	e->choice = choice;
	if (in) {
		e->rule = last_of(in)->rules[choice].rule;
		e->backend = last_of(in)->rules[choice].backend;
		e->touched = e->touched || in->touched[choice];
	} else {
		e->backend = default_of(f->scene);
		e->rule = NULL;
	}
}

/* Rules of <in> below <limit> that may have chosen without ending their list. */
static void chosen_before(struct side *s, struct front *f, uint32_t stop, struct front *in,
			  uint32_t limit)
{
	const struct context *c = last_of(in);

	for (uint32_t i = 0; i < limit && i < c->n; i++)
		if ((c->rules[i].flags & RULE_CHOOSES) && !(c->rules[i].flags & RULE_ENDS))
			pass(s, f, stop, in, i);
}

static void passing(struct side *s, struct front *f, uint32_t stop)
{
	const struct context *c = last_of(f);
	uint32_t limit = stop; /* in each list: the rule that ends it */

	for (struct front *in = f; in && last_of(in)->dir == DIR_REQ_IN; in = in->from) {
		const struct front *from = in->from;

		chosen_before(s, f, stop, in, limit);
		limit = in->from_stop;
		if (from && last_of(from)->dir == DIR_REQ_IN &&
		    (last_of(from)->rules[limit].flags & RULE_CHOOSES))
			pass(s, f, stop, in->from, limit);
	}
	if (stop < c->n && (c->rules[stop].flags & RULE_CHOOSES))
		pass(s, f, stop, f, stop);
	else
		pass(s, f, stop, NULL, NO_INDEX);
}

void side_ends(struct side *s)
{
	for (size_t i = 0; i < s->fronts.n && !s->cut; i++) {
		struct front *f = s->fronts.p[i];
		const struct context *c = last_of(f);

		for (uint32_t k = 0; k < c->n; k++) {
			if (c->rules[k].flags & RULE_FINAL) {
				struct end *e = new_end(s, f, k);

				if (!e)
					return;
				e->final = true;
				e->rule = c->rules[k].rule;
			} else if (c->dir == DIR_REQ_IN && passes(&c->rules[k])) {
				passing(s, f, k);
			}
		}
		if (c->dir == DIR_REQ_IN)
			passing(s, f, c->n);
	}
}

bool side_scene(struct side *s, const struct end *e, struct scene *out)
{
	struct scene *sc;
	const struct front *f = e->front;
	bool before = !e->chosen_in; /* the choice: nothing has chosen yet */

	if (!stopped(s, f, e->stop, &sc))
		return false;
	sc->backend = e->backend;
	for (uint32_t i = sc->n; !e->final && f; f = f->from) {
		struct segment *at = &sc->at[--i];

		at->unchosen = before ? at->stop : 0;
		if (f != e->chosen_in)
			continue;
		before = true;
		at->unchosen = e->choice;
		if (!scene_needs(s->g, sc, last_of(f)->rules[e->choice].choice))
			return false;
	}
	*out = *sc;
	return true;
}
