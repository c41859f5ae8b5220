/* SPDX-License-Identifier: Apache-2.0 */
/* front: the lists of rules that requests pass before they have a backend, each as it is entered
 * on one way, and which of their rules are the same on the other side. */
#include "pair.h"

/* A list of rules of one name and direction, and its mates. */
struct lists {
	uint32_t *mate_of_old, *mate_of_new; /* NO_INDEX: none */
};

const struct p_rule *side_rule(const struct side *s, const struct p_rule *r)
{
	return r ? s->own->rules[r->index] : NULL;
}

struct context *side_list(const struct front *f)
{
	return f->scene->at[f->scene->n - 1].context;
}

static struct scene *copy_scene(struct arena *a, const struct scene *sc)
{
	struct scene *new = ARENA_NEW(a, struct scene);

	*new = *sc;
	new->room = sc->nneeds + 4;
	new->needs = ARENA_ARRAY(a, struct dnf, new->room);
	if (sc->nneeds)
		memcpy(new->needs, sc->needs, sc->nneeds * sizeof(*sc->needs));
	return new;
}

bool side_ends_at(const struct crule *r)
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
		left = context_left(s->g, side_list(from), stop, NO_INDEX);
	f = ARENA_NEW(s->a, struct front);
	f->scene = copy_scene(s->a, before);
	f->scene->at[f->scene->n++].context = context_get(s->g, section, dir, left);
	f->scene->at[f->scene->n - 1].stop = side_list(f)->n;
	f->from = from;
	f->from_stop = stop;
	vec_push(s->a, &s->fronts, f);
	return f;
}

/* The scene of <f> when its list ends at <stop>. False: it never does. */
static bool stopped(struct side *s, const struct front *f, uint32_t stop, struct scene **out)
{
	const struct context *c = side_list(f);

	*out = copy_scene(s->scenes, f->scene);
	(*out)->at[(*out)->n - 1].stop = stop;
	return stop == c->n || scene_needs(s->g, *out, c->rules[stop].cond);
}

static void go_in(struct side *s, struct front *f);

/* conn in, then sess in, then req in: through each place where the one before may end. */
static void go_on(struct side *s, struct front *f, enum rule_dir next)
{
	const struct context *c = side_list(f);

	for (uint32_t k = 0; k <= c->n; k++) {
		uint32_t stop = k == 0 ? c->n : k - 1;
		struct scene *sc;
		struct front *more;

		if (stop < c->n && !side_ends_at(&c->rules[stop]))
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
	const struct context *c = side_list(f);

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
	const struct context *c = side_list(f);

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
	memcpy(l->mate_of_new, side_mates(old->known_mates, x, y), y->n * sizeof(uint32_t));
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
	const struct context *c = side_list(f);
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

static bool same_end(const struct front *x, const struct front *y)
{
	const struct p_section *a = side_list(x)->section, *b = side_list(y)->section,
			       *da = a->default_backend, *db = b->default_backend;

	return a->kind == b->kind && !da == !db && (!da || str_eq(da->name, db->name));
}

/* Does a later rule read something else when this one is left out? A choice decides whether the
 * line of a later uriremap is done. */
static bool leaves_traces(const struct crule *r)
{
	return r->writes || r->flags & (RULE_CHOOSES | RULE_MAYBE);
}

/* Marks where a request that comes to both sides finds the same message on both: up to the first
 * rule that writes and is not on both, or does not match alike. Then equal text matches alike,
 * whatever is known of the message. */
static void note_level(struct front *x, uint32_t i, uint32_t k, uint32_t *passed)
{
	const struct front *y = x->mate;
	const struct context *cx = side_list(x), *cy = side_list(y);
	bool level = i ? x->level[i - 1]
		       : !x->from || (x->from->mate == y->from && x->from->level[x->from_stop]);

	if (i && leaves_traces(&cx->rules[i - 1]) && x->touched[i - 1])
		level = false;
	for (; k != NO_INDEX && *passed < k; ++*passed)
		if (leaves_traces(&cy->rules[*passed]) && y->touched[*passed])
			level = false;
	x->level[i] = level;
}

/* Does rule <i> of <x>, of equal text, match alike on the other side? */
static bool same_match(const struct front *x, uint32_t i, const struct crule *other)
{
	const struct crule *own = &side_list(x)->rules[i];

	return (dnf_same(&own->cond, &other->cond) && dnf_same(&own->choice, &other->choice)) ||
	       (x->level[i] && side_same_meaning(own->rule, other->rule));
}

static void touch(struct front *x, struct front *y, const struct lists *l)
{
	const struct context *cx = side_list(x), *cy = side_list(y);
	uint32_t passed = 0;

	x->mate = y;
	y->mate = x;
	x->mates = l->mate_of_old;
	y->mates = l->mate_of_new;
	for (uint32_t i = 0; i < cx->n; i++) {
		uint32_t k = l->mate_of_old[i];

		note_level(x, i, k, &passed);
		if (k != NO_INDEX && same_match(x, i, &cy->rules[k]))
			x->touched[i] = y->touched[k] = false;
	}
	note_level(x, cx->n, cy->n, &passed);
	x->touched[cx->n] = y->touched[cy->n] = !same_end(x, y);
}

static void name_fronts(struct side *s, struct side *old, struct side *new, struct symbols *known,
			bool is_new)
{
	for (size_t i = 0; i < s->fronts.n; i++) {
		struct front *f = s->fronts.p[i];
		const struct lists *from = NULL;

		if (f->from) {
			const struct context *c = side_list(f->from);

			from = lists_of(old, new, known, c->section, c->dir);
		}
		f->key = key_of(s, f, from, is_new);
		f->touched = ARENA_ARRAY(s->a, bool, chain_of(f)->n + 1);
		memset(f->touched, true, chain_of(f)->n + 1);
		f->level = ARENA_ARRAY(s->a, bool, chain_of(f)->n + 1);
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
		const struct context *c = side_list(x);

		if (y)
			touch(x, y, lists_of(old, new, &known, c->section, c->dir));
	}
	spread(old);
	spread(new);
}

/* ---- ends ---- */

static struct end *new_end(struct side *s, struct front *f, enum end_kind kind, uint32_t stop)
{
	struct vec *list = kind == END_STOP ? &s->stops : &s->ends;
	struct end *e;

	if (list->n == ENDS_MAX) {
		s->cut = true;
		return NULL;
	}
	e = ARENA_NEW(s->a, struct end);
	*e = (struct end) { .front = f, .kind = kind, .stop = stop };
	e->touched = f->path_touched || f->touched[stop];
	if (stop < side_list(f)->n)
		e->rule = side_rule(s, side_list(f)->rules[stop].rule);
	vec_push(s->a, list, e);
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

static void choice(struct side *s, struct front *f, uint32_t stop, bool chooses)
{
	struct end *e = new_end(s, f, END_CHOICE, stop);

	if (!e)
		return;
	e->chooses = chooses;
	e->backend = chooses ? side_list(f)->rules[stop].backend : default_of(f->scene);
}

static void stop_at(struct side *s, struct front *f, uint32_t stop)
{
	if (f->path_touched || f->touched[stop])
		new_end(s, f, END_STOP, stop);
}

static void ends_of(struct side *s, struct front *f)
{
	const struct context *c = side_list(f);
	bool request = c->dir == DIR_REQ_IN;

	for (uint32_t k = 0; k < c->n && !s->cut; k++) {
		const struct crule *r = &c->rules[k];

		if (r->flags & RULE_FINAL) {
			new_end(s, f, END_FINAL, k);
			continue;
		}
		if (request && side_ends_at(r))
			stop_at(s, f, k);
		if (request && (r->flags & RULE_CHOOSES))
			choice(s, f, k, true);
		else if (request && side_ends_at(r))
			choice(s, f, k, false);
	}
	if (!request)
		return;
	choice(s, f, c->n, false);
	stop_at(s, f, c->n);
}

void side_ends(struct side *s)
{
	for (size_t i = 0; i < s->fronts.n && !s->cut; i++)
		ends_of(s, s->fronts.p[i]);
}

/* Nobody chooses in the lists before the last one. */
static void none_chosen(struct scene *sc)
{
	for (uint32_t i = 0; i + 1 < sc->n; i++)
		sc->at[i].unchosen = sc->at[i].stop + (sc->at[i].stop < sc->at[i].context->n);
}

bool side_scene(struct side *s, const struct end *e, struct scene *out)
{
	const struct context *c = side_list(e->front);
	struct scene *sc;

	if (e->kind == END_CHOICE && e->chooses) {
		sc = copy_scene(s->scenes, e->front->scene);
		sc->at[sc->n - 1].stop = sc->at[sc->n - 1].unchosen = e->stop;
		if (!scene_needs(s->g, sc, c->rules[e->stop].choice))
			return false;
	} else {
		if (!stopped(s, e->front, e->stop, &sc))
			return false;
		if (e->kind == END_CHOICE)
			sc->at[sc->n - 1].unchosen = e->stop;
	}
	if (e->kind == END_CHOICE)
		none_chosen(sc);
	*out = *sc;
	return true;
}

bool side_goes_on(const struct end *e)
{
	return e->chooses && !(side_list(e->front)->rules[e->stop].flags & RULE_ENDS);
}

/* Does the front go on from <e> to <f>: its own, or one that rules behind <e> lead to? How many lists
 * lie between, in <up>. */
static bool leads_to(const struct end *e, const struct front *f, uint32_t *up)
{
	uint32_t by = NO_INDEX;

	for (*up = 0; f; f = f->from, ++*up) {
		if (f == e->front)
			return by > e->stop;
		by = f->from_stop;
	}
	return false;
}

/* The choice <e>, then on to <f>, which ends at <stop> without an answer. */
static bool passing_scene(struct side *s, const struct end *e, const struct front *f, uint32_t up,
			  uint32_t stop, struct scene *out)
{
	struct scene *sc;
	uint32_t at;

	if (!stopped(s, f, stop, &sc))
		return false;
	none_chosen(sc);
	at = sc->n - 1 - up;
	for (uint32_t i = at; i < sc->n; i++)
		sc->at[i].unchosen = 0;
	sc->at[at].unchosen = e->stop;
	if (!scene_needs(s->g, sc, side_list(e->front)->rules[e->stop].choice))
		return false;
	*out = *sc;
	return true;
}

void side_choices(struct side *s, const struct end *stop,
		  void (*take)(void *arg, struct end *choice, const struct scene *sc), void *arg)
{
	for (size_t i = 0; i < s->ends.n; i++) {
		struct end *e = s->ends.p[i];
		struct scene sc;
		uint32_t up;

		if (e->kind == END_CHOICE && side_goes_on(e) && leads_to(e, stop->front, &up) &&
		    (up || e->stop < stop->stop) &&
		    passing_scene(s, e, stop->front, up, stop->stop, &sc))
			take(arg, e, &sc);
	}
}

bool side_passing(struct side *s, const struct end *e, const struct end *other,
		  bool (*take)(void *arg, struct scene *sc), void *arg)
{
	for (size_t i = 0; i < s->fronts.n; i++) {
		struct front *f = s->fronts.p[i];
		const struct context *c = side_list(f);
		uint32_t up, from;

		if (!leads_to(e, f, &up))
			continue;
		from = up ? 0 : e->stop + 1;
		for (uint32_t k = c->n + 1; k-- > from;) {
			struct end stop = { .front = f, .kind = END_STOP, .stop = k };
			struct scene sc;

			if ((k == c->n || side_ends_at(&c->rules[k])) &&
			    !cull_texts(s->g, &stop, other) && passing_scene(s, e, f, up, k, &sc) &&
			    take(arg, &sc))
				return true;
		}
	}
	return false;
}
