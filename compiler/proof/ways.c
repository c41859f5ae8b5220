/* SPDX-License-Identifier: Apache-2.0 */
/* Every way on which requests get to the rules of a section: entry, request rules, backend. */
#include "ways.h"

#include "choice.h"

#define WAYS_MAX 4000 /* of one section: beyond, nothing is proved about it */
#define FRONTS_MAX 256 /* ways through the front of a site */

struct walk {
	struct proof *g;
	const struct p_section *to;
	enum rule_dir dir;
	bool (*take)(void *arg, struct scene *sc);
	void *arg;
	uint32_t count, fronts;
	bool stopped, cut;
};

bool scene_needs(struct proof *g, struct scene *sc, struct dnf d)
{
	if (dnf_is_true(d))
		return true;
	GROW(g->a, sc->needs, sc->nneeds, sc->room);
	sc->needs[sc->nneeds++] = d;
	return d.n > 0;
}

/* A copy that shares nothing that grows. */
static struct scene *scene_copy(struct proof *g, const struct scene *sc)
{
	struct scene *new = ARENA_NEW(g->a, struct scene);

	*new = *sc;
	new->room = sc->nneeds + 4;
	new->needs = ARENA_ARRAY(g->a, struct dnf, new->room);
	if (sc->nneeds)
		memcpy(new->needs, sc->needs, sc->nneeds * sizeof(*sc->needs));
	return new;
}

static bool open_segment(struct scene *sc, struct context *c)
{
	if (sc->n == SCENE_SEGMENTS)
		return false;
	sc->at[sc->n++] = (struct segment) { .context = c, .stop = c->n };
	return true;
}

static void hand_out(struct walk *w, const struct scene *sc)
{
	if (w->stopped || w->cut)
		return;
	if (++w->count > WAYS_MAX)
		w->cut = true;
	else
		w->stopped = w->take(w->arg, scene_copy(w->g, sc));
}

/* Can the section's rules end here and the request go on to a backend? */
static bool goes_on(const struct crule *r)
{
	return (r->flags & RULE_ENDS) && !(r->flags & RULE_FINAL) && !r->jump;
}

/* ---- backends ---- */

struct choice {
	uint32_t segment, rule; /* rule NO_INDEX: none, default_backend */
};

/* From the segment of the choice on, contexts depend on what it wrote. */
static bool retrace(struct proof *g, struct scene *sc, const struct choice *ch)
{
	for (uint32_t i = ch->segment; ch->rule != NO_INDEX && i + 1 < sc->n; i++) {
		struct segment *at = &sc->at[i], *next = &sc->at[i + 1];
		const struct write *w = context_left(g, at->context, at->stop,
						     i == ch->segment ? ch->rule : NO_INDEX);

		next->context = context_get(g, next->context->section, next->context->dir, w);
	}
	return true;
}

static void into_backend(struct walk *w, struct scene *sc, const struct choice *ch)
{
	struct proof *g = w->g;
	struct segment *last = &sc->at[sc->n - 1];
	const struct write *left;
	struct context *c;

	w->cut |= proof_spent(g);
	if (w->cut)
		return;
	left = context_left(g, last->context, last->stop,
			    ch->rule != NO_INDEX && ch->segment == sc->n - 1 ? ch->rule : NO_INDEX);
	if (w->dir == DIR_REQ_IN) {
		if (sc->backend != sc->entry &&
		    open_segment(sc, context_get(g, sc->backend, DIR_REQ_IN, left)))
			hand_out(w, sc);
		return;
	}
	if (sc->backend == sc->entry) {
		left = state_forwarded(g, left, sc->entry);
		if (open_segment(sc, context_get(g, sc->backend, DIR_REQ_OUT, left)))
			hand_out(w, sc);
		return;
	}
	c = context_get(g, sc->backend, DIR_REQ_IN, left);
	for (uint32_t k = 0; k <= c->n && !w->stopped && !w->cut; k++) {
		uint32_t stop = k == 0 ? c->n : k - 1;
		struct scene *next;

		if (stop < c->n && !goes_on(&c->rules[stop]))
			continue;
		next = scene_copy(g, sc);
		if (!open_segment(next, c))
			return;
		next->at[next->n - 1].stop = stop;
		if (stop < c->n && !scene_needs(g, next, c->rules[stop].cond))
			continue;
		left = state_forwarded(g, context_left(g, c, stop, NO_INDEX), sc->entry);
		if (open_segment(next, context_get(g, sc->backend, DIR_REQ_OUT, left)))
			hand_out(w, next);
	}
}

const struct p_section *scene_default(const struct scene *sc)
{
	const struct p_section *last = NULL;

	for (uint32_t i = 0; i < sc->n; i++)
		if (sc->at[i].context->dir == DIR_REQ_IN &&
		    sc->at[i].context->section->default_backend)
			last = sc->at[i].context->section->default_backend;
	return last ? last : sc->entry->kind == SEC_LISTEN ? sc->entry : NULL;
}

/* The front ends at sc's last stop; nobody has chosen. */
static void by_default(struct walk *w, const struct scene *front)
{
	struct choice ch = { .rule = NO_INDEX };
	struct scene *sc;
	const struct segment *last = &front->at[front->n - 1];

	if (scene_default(front) != w->to)
		return;
	if (last->stop < last->context->n &&
	    (last->context->rules[last->stop].flags & RULE_CHOOSES))
		return;
	sc = scene_copy(w->g, front);
	sc->backend = w->to;
	for (uint32_t i = 0; i < sc->n; i++)
		sc->at[i].unchosen = sc->at[i].stop;
	into_backend(w, sc, &ch);
}

static void by_choice(struct walk *w, const struct scene *front, uint32_t segment, uint32_t rule)
{
	struct choice ch = { .segment = segment, .rule = rule };
	const struct crule *r = &front->at[segment].context->rules[rule];
	struct scene *sc = scene_copy(w->g, front);

	w->g->work += 1000;
	sc->backend = w->to;
	sc->chooser = r->rule;
	for (uint32_t i = 0; i < segment; i++)
		sc->at[i].unchosen = sc->at[i].stop == sc->at[i].context->n ? sc->at[i].stop
									    : sc->at[i].stop + 1;
	sc->at[segment].unchosen = rule;
	if (!scene_needs(w->g, sc, r->flags & RULE_CHOOSES ? r->choice : r->cond))
		return;
	if (r->backend != w->to && !scene_needs(w->g, sc, choice_needs(w->g, r, w->to)))
		return;
	if (retrace(w->g, sc, &ch))
		into_backend(w, sc, &ch);
}

/* A computed choice may be any section of its map. */
static bool may_choose(const struct crule *r, const struct p_section *to)
{
	if ((r->flags & RULE_CHOOSES) && r->backend == to)
		return true;
	for (uint32_t i = 0; (r->flags & RULE_MAYBE) && i < r->rule->nactions; i++) {
		const struct p_action *a = &r->rule->actions[i];

		if ((a->id == ACT_SETBE || a->id == ACT_SWITCH) && !a->target)
			return true;
	}
	return false;
}

static void with_stop(struct walk *w, const struct scene *front)
{
	by_default(w, front);
	for (uint32_t i = 0; i < front->n; i++) {
		const struct segment *at = &front->at[i];

		if (at->context->dir != DIR_REQ_IN)
			continue;
		for (uint32_t k = 0; k < at->context->n && k <= at->stop; k++)
			if (may_choose(&at->context->rules[k], w->to) && !w->stopped && !w->cut)
				by_choice(w, front, i, k);
	}
}

/* The front ends in sc's last section: by itself, or at a rule that lets the request go on. */
static void backend_ways(struct walk *w, const struct scene *front)
{
	const struct context *c = front->at[front->n - 1].context;

	for (uint32_t k = 0; k <= c->n && !w->stopped && !w->cut; k++) {
		uint32_t stop = k == 0 ? c->n : k - 1;
		struct scene *sc;

		if (stop < c->n && !goes_on(&c->rules[stop]))
			continue;
		sc = scene_copy(w->g, front);
		sc->at[sc->n - 1].stop = stop;
		if (stop == c->n || scene_needs(w->g, sc, c->rules[stop].cond))
			with_stop(w, sc);
	}
}

/* ---- the front ---- */

static void front_ways(struct walk *w, struct scene *sc);

/* The rules <to>, behind rule <i> of sc's last section. */
static void jump_way(struct walk *w, const struct scene *sc, uint32_t i, const struct p_section *to,
		     bool computed)
{
	const struct context *c = sc->at[sc->n - 1].context;
	struct scene *next = scene_copy(w->g, sc);

	next->at[next->n - 1].stop = i;
	if (computed && !scene_needs(w->g, next, choice_needs(w->g, &c->rules[i], to)))
		return;
	if (scene_needs(w->g, next, c->rules[i].cond) &&
	    open_segment(next,
			 context_get(w->g, to, DIR_REQ_IN, context_left(w->g, c, i, CHOICE_OPEN))))
		front_ways(w, next);
}

static bool on_way(const struct scene *sc, const struct p_section *s)
{
	for (uint32_t i = 0; i < sc->n; i++)
		if (sc->at[i].context->section == s)
			return true;
	return false;
}

/* A computed switch may go to any request rules. */
static void computed_jumps(struct walk *w, const struct scene *sc, uint32_t i)
{
	const struct p_rule *r = sc->at[sc->n - 1].context->rules[i].rule;
	bool computed = false;

	for (uint32_t k = 0; k < r->nactions; k++)
		computed |= r->actions[k].id == ACT_SWITCH && !r->actions[k].target;
	for (uint32_t k = 0; k < w->g->p->nsections && computed; k++) {
		const struct p_section *to = w->g->p->sections[k];

		if (to->kind == SEC_REQRULES && !on_way(sc, to) && !w->stopped && !w->cut)
			jump_way(w, sc, i, to, true);
	}
}

static void front_ways(struct walk *w, struct scene *sc)
{
	const struct context *c = sc->at[sc->n - 1].context;

	if (++w->fronts > FRONTS_MAX) {
		w->cut = true;
		return;
	}
	if (c->section == w->to && w->dir == DIR_REQ_IN)
		hand_out(w, sc);
	if (w->to->kind == SEC_BACKEND || w->to->kind == SEC_LISTEN)
		backend_ways(w, sc);
	for (uint32_t i = 0; i < c->n && !w->stopped && !w->cut; i++) {
		const struct crule *r = &c->rules[i];

		if (r->jump && !(r->flags & RULE_FINAL))
			jump_way(w, sc, i, r->jump, false);
		else if (r->flags & RULE_MAYBE)
			computed_jumps(w, sc, i);
	}
}

/* Behind the connection's rules: each way on which they let it pass. */
static void connection_ways(struct walk *w, struct scene *sc, enum rule_dir dir)
{
	const struct write *left = NULL;
	struct context *c;

	if (sc->n) {
		const struct segment *last = &sc->at[sc->n - 1];

		left = context_left(w->g, last->context, last->stop, NO_INDEX);
	}
	c = context_get(w->g, sc->entry, dir, left);
	if (!open_segment(sc, c))
		return;
	if (w->to == sc->entry && w->dir == dir) {
		if (dir == DIR_REQ_IN)
			front_ways(w, sc);
		else
			hand_out(w, sc);
		return;
	}
	if (dir == DIR_REQ_IN) {
		front_ways(w, sc);
		return;
	}
	for (uint32_t k = 0; k <= c->n && !w->stopped && !w->cut; k++) {
		uint32_t stop = k == 0 ? c->n : k - 1;
		struct scene *next;

		if (stop < c->n && !goes_on(&c->rules[stop]))
			continue;
		next = scene_copy(w->g, sc);
		next->at[next->n - 1].stop = stop;
		if (stop == c->n || scene_needs(w->g, next, c->rules[stop].cond))
			connection_ways(w, next, dir == DIR_CONN_IN ? DIR_SESS_IN : DIR_REQ_IN);
	}
}

bool ways_entry(const struct p_section *s)
{
	return (s->kind == SEC_FRONTEND || s->kind == SEC_LISTEN) && s->nbinds > 0;
}

enum ways ways_to(struct proof *g, const struct p_section *to, enum rule_dir dir,
		  bool (*take)(void *arg, struct scene *sc), void *arg)
{
	struct walk w = { .g = g, .to = to, .dir = dir, .take = take, .arg = arg };

	if (dir == DIR_RSP_IN || dir == DIR_RSP_OUT) {
		struct scene sc = { .entry = to };

		open_segment(&sc, context_get(g, to, dir, NULL));
		hand_out(&w, &sc);
	}
	for (uint32_t i = 0; i < g->p->nsections && dir != DIR_RSP_IN && dir != DIR_RSP_OUT; i++) {
		struct scene sc = { .entry = g->p->sections[i] };

		/* rules of the connection run for the section that has received it */
		if ((dir == DIR_CONN_IN || dir == DIR_SESS_IN) && sc.entry != to)
			continue;
		if (ways_entry(sc.entry) && !w.stopped && !w.cut)
			connection_ways(&w, &sc, DIR_CONN_IN);
	}
	return w.stopped ? WAYS_STOPPED : w.cut ? WAYS_CUT : WAYS_ALL;
}
