/* SPDX-License-Identifier: Apache-2.0 */
/* backend: requests that both sides send to the backend of one name, where rules may still answer
 * them. */
#include "../show.h"
#include "pair.h"

#define WAYS_PAIRED_MAX 4000 /* pairs of ways to one backend that are looked at */

/* An end behind a backend's rules. */
struct tail {
	const struct p_rule *rule; /* that answers; NULL: it is forwarded */
	struct str what;
	uint32_t in, out; /* stops in req in and req out; in of no list: 0 */
};

struct tails {
	struct vec all; /* struct tail */
};

static const struct p_chain *chain_of(const struct p_section *s, enum rule_dir dir)
{
	return &s->chains[dir];
}

static bool ends_anything(const struct p_section *s, enum rule_dir dir)
{
	const struct p_chain *c = chain_of(s, dir);

	for (uint32_t i = 0; i < c->n; i++)
		for (uint32_t k = 0; k < c->rules[i]->nactions; k++) {
			enum action_id id = c->rules[i]->actions[k].id;

			if (id == ACT_DENY || id == ACT_DROP || id == ACT_TARPIT ||
			    id == ACT_REDIR || id == ACT_RESPOND || id == ACT_ALLOW ||
			    id == ACT_AUTH)
				return true;
		}
	return false;
}

static struct str answer_of(struct pairing *p, const struct p_rule *r)
{
	struct show_buffer b;

	show_open(&b);
	for (uint32_t i = 0; i < r->nactions; i++)
		if (r->actions[i].id == ACT_DENY || r->actions[i].id == ACT_DROP ||
		    r->actions[i].id == ACT_TARPIT || r->actions[i].id == ACT_REDIR ||
		    r->actions[i].id == ACT_RESPOND) {
			show_action(b.out, &r->actions[i]);
			break;
		}
	return show_close(&b, p->a);
}

static bool add_list(struct pairing *p, struct scene *sc, const struct p_section *s,
		     enum rule_dir dir, const struct write *left, uint32_t stop)
{
	struct context *c = context_get(p->g, s, dir, left);

	if (sc->n == SCENE_SEGMENTS / 2)
		return false;
	sc->at[sc->n++] = (struct segment) { .context = c, .stop = stop < c->n ? stop : c->n };
	return stop >= c->n || scene_needs(p->g, sc, c->rules[stop].cond);
}

static const struct write *left_of(struct pairing *p, const struct scene *sc)
{
	const struct segment *last = &sc->at[sc->n - 1];

	return context_left(p->g, last->context, last->stop, NO_INDEX);
}

/* From <sc>, which ends in a front, on to <t> of <b>. False: nothing can go it. */
static bool tail_scene(struct pairing *p, const struct p_section *b, const struct tail *t,
		       struct scene *sc)
{
	if (b != sc->entry && !add_list(p, sc, b, DIR_REQ_IN, left_of(p, sc), t->in))
		return false;
	if (t->rule && t->out == NO_INDEX)
		return true; /* answered in req in */
	return add_list(p, sc, b, DIR_REQ_OUT, state_forwarded(p->g, left_of(p, sc), sc->entry),
			t->out);
}

static void add_tail(struct pairing *p, struct tails *t, struct tail new)
{
	struct tail *at = ARENA_NEW(p->a, struct tail);

	*at = new;
	at->what = new.rule ? answer_of(p, new.rule) : S("forwarded");
	vec_push(p->a, &t->all, at);
}

/* The ends of <s>; <inner>: its rules req in run as those of a backend. */
static void find_tails(struct pairing *p, const struct p_section *s, bool inner, struct tails *t)
{
	struct context *in = context_get(p->g, s, DIR_REQ_IN, NULL),
		       *out = context_get(p->g, s, DIR_REQ_OUT, NULL);
	uint32_t n = inner ? in->n : 0;

	for (uint32_t k = 0; k <= n; k++) {
		if (k < n && !(in->rules[k].flags & RULE_ENDS))
			continue;
		if (k < n && (in->rules[k].flags & RULE_FINAL)) {
			add_tail(p, t,
				 (struct tail) {
					 .rule = in->rules[k].rule, .in = k, .out = NO_INDEX });
			continue;
		}
		for (uint32_t l = 0; l <= out->n; l++) {
			if (l < out->n && !(out->rules[l].flags & RULE_ENDS))
				continue;
			add_tail(p, t,
				 (struct tail) {
					 .rule = l < out->n && (out->rules[l].flags & RULE_FINAL)
							 ? out->rules[l].rule
							 : NULL,
					 .in = k < n ? k : UINT32_MAX - 1,
					 .out = l < out->n ? l : UINT32_MAX - 1 });
		}
	}
}

static bool blocked(const struct tail *t)
{
	return str_starts(t->what, S("deny")) || str_starts(t->what, S("drop")) ||
	       str_starts(t->what, S("tarpit"));
}

static bool came_to(const struct pairing *p, int side, const struct tail *t,
		    const struct outcome *o)
{
	const struct p_rule *own = side_rule(&p->side[side], t->rule);

	return own ? o->decided == own && o->verdict != VERDICT_FORWARD
		   : o->verdict == VERDICT_FORWARD || o->verdict == VERDICT_ERROR;
}

/* Two tails behind two ends. */
struct question {
	struct pairing *p;
	const struct end *x, *y;
	const struct tail *t, *u;
	struct scene old;
	struct compare_witness *found;
	unsigned tries;
	bool open;
};

#define TRIES_MAX 100

static bool shows(const struct pairing *p, const struct tail *t, const struct tail *u,
		  const struct compare_witness *w)
{
	return w && came_to(p, 0, t, w->old) && came_to(p, 1, u, w->new);
}

static bool ask_both(void *arg, struct scene *sn)
{
	struct question *q = arg;
	struct compare_witness *w;
	struct scene so = q->old, sc;
	enum answer got;

	if (!tail_scene(q->p, q->x->backend, q->t, &so) ||
	    !tail_scene(q->p, q->y->backend, q->u, sn))
		return false;
	if (q->tries == TRIES_MAX || !pair_join(q->p, &so, sn, &sc)) {
		q->open = true;
		return true;
	}
	got = pair_ask(q->p, &sc, &w);
	q->tries += got != ANSWER_NO;
	if (got == ANSWER_YES && shows(q->p, q->t, q->u, w))
		q->found = w;
	q->open = q->open || got != ANSWER_NO;
	return q->found != NULL;
}

static bool ask_old(void *arg, struct scene *so)
{
	struct question *q = arg;
	struct side *new = &q->p->side[1];
	struct scene sn;

	q->old = *so;
	if (side_goes_on(q->y))
		return side_passing(new, q->y, q->x, ask_both, q);
	return side_scene(new, q->y, &sn) && ask_both(q, &sn);
}

static void add_class(struct pairing *p, const struct end *x, const struct end *y,
		      const struct tail *t, const struct tail *u, struct compare_witness *w)
{
	pair_add(p,
		 (struct compare_class) { .severity = blocked(t) && !u->rule      ? CMP_EXPOSURE
						      : blocked(u) && !blocked(t) ? CMP_OUTAGE
						      : t->rule && u->rule        ? CMP_RESPONSE
										  : CMP_REROUTE,
					  .old = side_rule(&p->side[0], t->rule),
					  .new = side_rule(&p->side[1], u->rule),
					  .was = t->rule ? &t->what : &x->what,
					  .is = u->rule ? &u->what : &y->what },
		 w);
}

static void ask_tails(struct pairing *p, const struct end *x, const struct end *y,
		      const struct tail *t, const struct tail *u)
{
	const struct p_rule *old = side_rule(&p->side[0], t->rule),
			    *new = side_rule(&p->side[1], u->rule);
	struct str key = arena_printf(p->a, "tail %.*s %p %p", STR_ARG(x->backend->name),
				      (const void *)old, (const void *)new);
	struct question q = { .p = p, .x = x, .y = y, .t = t, .u = u };
	struct arena_mark mark = arena_mark(p->scenes);
	struct scene so;

	if (symbol_get(&p->asked, key))
		return;
	if (side_goes_on(x))
		side_passing(&p->side[0], x, y, ask_old, &q);
	else if (side_scene(&p->side[0], x, &so))
		ask_old(&q, &so);
	if (q.found) {
		symbol_put(p->a, &p->asked, key, p);
		add_class(p, x, y, t, u, q.found);
	} else if (q.open) {
		pair_open(p, old, new, "what was found does not get that far");
	}
	arena_rewind(p->scenes, mark);
}

static bool rules_changed(const struct pairing *p, const struct p_section *x,
			  const struct p_section *y, enum rule_dir dir)
{
	const struct p_chain *c = chain_of(x, dir), *d = chain_of(y, dir);

	if (c->n != d->n)
		return true;
	for (uint32_t i = 0; i < c->n; i++) {
		struct dnf a, b;

		if (p->changed[0][c->rules[i]->index] || p->changed[1][d->rules[i]->index])
			return true;
		a = state_condition(p->g, c->rules[i]->cond, NULL, false, false);
		b = state_condition(p->g, d->rules[i]->cond, NULL, false, false);
		if (a.n != b.n)
			return true;
		for (uint32_t k = 0; k < a.n; k++)
			if (a.at[k].n != b.at[k].n ||
			    (a.at[k].n &&
			     memcmp(a.at[k].lits, b.at[k].lits, a.at[k].n * sizeof(uint32_t)) != 0))
				return true;
	}
	return false;
}

static void ask_ways(struct pairing *p, const struct p_section *x, const struct p_section *y)
{
	const struct vec *olds = &p->side[0].ends, *news = &p->side[1].ends;
	struct tails outer[2] = { { { 0 } } }, inner[2] = { { { 0 } } };
	uint32_t pairs = 0;

	for (int i = 0; i < 2; i++) {
		find_tails(p, i ? y : x, false, &outer[i]);
		find_tails(p, i ? y : x, true, &inner[i]);
	}
	for (size_t i = 0; i < olds->n; i++) {
		const struct end *a = olds->p[i];

		if (a->kind != END_CHOICE || a->backend != x)
			continue;
		for (size_t k = 0; k < news->n && !p->full; k++) {
			const struct end *b = news->p[k];
			const struct tails *t, *u;

			if (b->kind != END_CHOICE || b->backend != y || cull_texts(p->g, a, b))
				continue;
			if (++pairs > WAYS_PAIRED_MAX) {
				pair_open(p, NULL, NULL, "there are too many ways to a backend");
				return;
			}
			t = a->front->scene->entry == x ? &outer[0] : &inner[0];
			u = b->front->scene->entry == y ? &outer[1] : &inner[1];
			for (size_t m = 0; m < t->all.n; m++)
				for (size_t n = 0; n < u->all.n; n++) {
					const struct tail *tt = t->all.p[m], *uu = u->all.p[n];

					if (!str_eq(tt->what, uu->what))
						ask_tails(p, a, b, tt, uu);
				}
		}
	}
}

void pair_backends(struct pairing *p)
{
	const struct program *old = p->side[0].part, *new = p->side[1].part;

	for (uint32_t i = 0; i < old->nsections; i++)
		for (uint32_t k = 0; k < new->nsections; k++) {
			const struct p_section *x = old->sections[i], *y = new->sections[k];
			bool any = false;

			if (!str_eq(x->name, y->name) ||
			    (x->kind != SEC_BACKEND && x->kind != SEC_LISTEN))
				continue;
			any = ends_anything(x, DIR_REQ_IN) || ends_anything(y, DIR_REQ_IN) ||
			      ends_anything(x, DIR_REQ_OUT) || ends_anything(y, DIR_REQ_OUT);
			if (any && (rules_changed(p, x, y, DIR_REQ_IN) ||
				    rules_changed(p, x, y, DIR_REQ_OUT)))
				ask_ways(p, x, y);
		}
}
