/* SPDX-License-Identifier: Apache-2.0 */
/* ends: pairs of an end of the old side and one of the new side, of which one is touched. */
#include "pair.h"

/* Did the run come to <e>? */
static bool came_to(const struct end *e, const struct outcome *o)
{
	bool answered = o->verdict != VERDICT_FORWARD && o->verdict != VERDICT_ERROR;

	if (e->kind == END_FINAL)
		return o->decided == e->rule && answered;
	if (answered && o->decided && o->decided->dir != DIR_REQ_OUT &&
	    o->decided->section->kind != SEC_BACKEND)
		return false; /* behind the choice */
	if (!e->backend)
		return !o->backend && o->verdict == VERDICT_ERROR;
	return o->backend && str_eq(o->backend->name, e->backend->name);
}

/* May the class of both be found again: for another end of a rule, or for a rule that ends a front
 * behind a choice? */
static bool repeats(const struct pairing *p, const struct end *x, const struct end *y)
{
	return x->shared || y->shared || (p->side[0].stops.n && side_goes_on(x)) ||
	       (p->side[1].stops.n && side_goes_on(y));
}

static struct str class_key(struct class_name *n, const struct end *x, const struct end *y)
{
	*n = (struct class_name) { .old = x->rule ? x->rule->index : NO_INDEX,
				   .new = y->rule ? y->rule->index : NO_INDEX,
				   .was = x->what_no,
				   .is = y->what_no };
	return str_of((const char *)n, sizeof(*n));
}

static bool is_known(const struct pairing *p, const struct end *x, const struct end *y)
{
	struct class_name n;

	return repeats(p, x, y) && symbol_get(&p->asked, class_key(&n, x, y));
}

/* The class of both is known now; <w>: its request, NULL when it is made later. */
static void found(struct pairing *p, struct end *x, struct end *y, const struct compare_witness *w)
{
	struct class_name n;

	if (repeats(p, x, y))
		symbol_put(p->a, &p->asked, arena_str(p->a, class_key(&n, x, y)), p);
	pair_add(p,
		 (struct compare_class) { .severity = class_severity(x->what, y->what),
					  .old = x->rule,
					  .new = y->rule,
					  .was = &x->what,
					  .is = &y->what,
					  .ends = { x, y } },
		 w);
}

#define PASSES_MAX 200 /* pairs of ways on from choices that are tried */

/* A pair of which a choice goes on; its ways on that are left to try. */
struct passing {
	struct pairing *p;
	struct end *x, *y;
	struct scene old; /* the way of x */
	struct compare_witness *found;
	unsigned tries;
	bool later; /* a proof is enough: the request is made when it is shown */
	bool proved; /* there is one */
	bool open; /* not all ways were refuted */
};

/* Is there a request on <sc>, the scene of both? */
static enum answer decide(struct pairing *p, struct end *x, struct end *y, const struct scene *sc)
{
	return quick_meets(p, x, y, sc) ? ANSWER_YES : pair_ask(p, sc, NULL);
}

static bool pass_both(void *arg, struct scene *sn)
{
	struct passing *t = arg;
	struct compare_witness *w = NULL;
	struct scene sc;
	enum answer got;
	bool later;

	if (t->tries == PASSES_MAX || !pair_join(t->p, &t->old, sn, &sc)) {
		t->open = true;
		return true;
	}
	later = t->later && !pair_uncertain(t->p, &sc);
	got = later ? decide(t->p, t->x, t->y, &sc) : pair_ask(t->p, &sc, &w);
	t->tries += got != ANSWER_NO;
	if (w && came_to(t->x, w->old) && came_to(t->y, w->new))
		t->found = w;
	t->proved = t->proved || t->found || (later && got == ANSWER_YES);
	t->open = t->open || got != ANSWER_NO;
	return t->proved;
}

static bool pass_old(void *arg, struct scene *so)
{
	struct passing *t = arg;
	struct side *new = &t->p->side[1];
	struct scene sn;

	t->old = *so;
	if (side_goes_on(t->y))
		return side_passing(new, t->y, t->x, pass_both, t);
	return side_scene(new, t->y, &sn) && pass_both(t, &sn);
}

/* The first request was answered behind a choice: looks for one that is not, on all ways on. */
static void try_passing(struct passing *t)
{
	struct side *old = &t->p->side[0];
	struct scene so;

	if (side_goes_on(t->x))
		side_passing(old, t->x, t->y, pass_old, t);
	else if (side_scene(old, t->x, &so))
		pass_old(t, &so);
}

static bool goes_on(const struct end *x, const struct end *y)
{
	return side_goes_on(x) || side_goes_on(y);
}

/* A request on <sc> was run, and came elsewhere. */
static void judge_run(struct pairing *p, struct end *x, struct end *y, const struct scene *sc,
		      const struct compare_witness *w)
{
	struct passing t = { .p = p, .x = x, .y = y };
	bool on = goes_on(x, y);

	if (on)
		try_passing(&t);
	if (t.found) {
		found(p, x, y, t.found);
		return;
	}
	if (on && !t.open)
		return; /* whoever chooses so is answered before */
	if (!on && !pair_uncertain(p, sc))
		p->c->fault = arena_str(p->a, w->curl);
	pair_open(p, x->rule, y->rule,
		  on ? "no request was found that is not answered behind the choice"
		     : "a value that is known at run time alone decides");
}

/* There is a request on <sc>, and nothing that the interpreter would have to decide. */
static void judge_proof(struct pairing *p, struct end *x, struct end *y)
{
	struct passing t = { .p = p, .x = x, .y = y, .later = true };

	if (goes_on(x, y))
		try_passing(&t);
	else
		t.proved = true;
	if (t.proved)
		found(p, x, y, t.found);
	else if (t.open)
		pair_open(p, x->rule, y->rule,
			  "no request was found that is not answered behind the choice");
}

/* The scene of both, in p->scenes. False: there is none. */
static bool scene_of(struct pairing *p, const struct end *x, const struct end *y, struct scene *sc)
{
	struct scene so, sn;

	if (!side_scene(&p->side[0], x, &so) || !side_scene(&p->side[1], y, &sn))
		return false;
	if (!pair_join(p, &so, &sn, sc)) {
		pair_open(p, x->rule, y->rule, "the way is too long");
		return false;
	}
	return true;
}

static void ask_scene(struct pairing *p, struct end *x, struct end *y)
{
	struct compare_witness *w = NULL;
	struct scene sc;
	enum answer got;
	bool certain;

	if (!scene_of(p, x, y, &sc))
		return;
	certain = !pair_uncertain(p, &sc);
	got = certain ? decide(p, x, y, &sc) : pair_ask(p, &sc, &w);
	if (got == ANSWER_LIMIT)
		pair_open(p, x->rule, y->rule, "the limit of one question was reached");
	else if (got == ANSWER_YES && certain)
		judge_proof(p, x, y);
	else if (got == ANSWER_YES && came_to(x, w->old) && came_to(y, w->new))
		found(p, x, y, w);
	else if (got == ANSWER_YES)
		judge_run(p, x, y, &sc, w);
}

static void ask_pair(struct pairing *p, struct end *x, struct end *y)
{
	struct arena_mark mark = arena_mark(p->scenes);

	if (!is_known(p, x, y))
		ask_scene(p, x, y);
	arena_rewind(p->scenes, mark);
}

void pair_replay(struct pairing *p, struct compare_class *class)
{
	struct arena_mark mark = arena_mark(p->scenes);
	struct end *x = class->ends[0], *y = class->ends[1];
	struct passing t = { .p = p, .x = x, .y = y };
	struct compare_witness *w = NULL;
	struct scene sc;

	/* it was answered before: there is room for it, whatever all questions took */
	p->c->queries = 0;
	p->full = false;
	p->g->most_steps = p->g->steps + SEARCH_STEPS;
	if (scene_of(p, x, y, &sc) && pair_ask(p, &sc, &w) == ANSWER_YES) {
		struct str curl = arena_str(p->a, w->curl);

		if (came_to(x, w->old) && came_to(y, w->new))
			t.found = w;
		else if (goes_on(x, y))
			try_passing(&t);
		if (t.found)
			class->witness = pair_kept(p->a, t.found);
		else
			p->c->fault = curl;
	} else {
		p->c->fault = S("a request that was found was not found again");
	}
	arena_rewind(p->scenes, mark);
}

/* All pairs of which one has been touched. */
static void ask_ends(struct pairing *p, const struct vec *olds, const struct vec *news)
{
	struct vec touched = { 0 };

	for (size_t k = 0; k < news->n; k++)
		if (((const struct end *)news->p[k])->touched)
			vec_push(p->a, &touched, news->p[k]);
	for (size_t i = 0; i < olds->n && !p->full; i++) {
		struct end *x = olds->p[i];
		const struct vec *others = x->touched ? news : &touched;

		for (size_t k = 0; k < others->n && !p->full; k++) {
			struct end *y = others->p[k];

			if (x->what_no != y->what_no && x->entry_no == y->entry_no &&
			    !cull_places(x, y) && !cull_texts(p->g, x, y))
				ask_pair(p, x, y);
		}
	}
}

/* ---- answers that a rule which ends the front takes away, or lets through ---- */

struct stopping {
	struct pairing *p;
	int side; /* of the stop */
	struct end *final;
	const struct scene *way; /* of <final> */
};

static void ask_choice(void *arg, struct end *choice, const struct scene *sc)
{
	struct stopping *v = arg;
	struct pairing *p = v->p;
	struct end *x = v->side ? v->final : choice, *y = v->side ? choice : v->final;
	struct compare_witness *w;
	struct scene both;
	enum answer got;

	if (is_known(p, x, y))
		return;
	if (!pair_join(p, v->side ? v->way : sc, v->side ? sc : v->way, &both))
		got = ANSWER_LIMIT;
	else
		got = pair_ask(p, &both, &w);
	if (got == ANSWER_YES && came_to(x, w->old) && came_to(y, w->new))
		found(p, x, y, w);
	else if (got != ANSWER_NO)
		pair_open(p, x->rule, y->rule, "the limit of one question was reached");
}

/* The rule <s> of <side> ends a front without an answer, <f> of the other side answers. */
static void ask_stop(struct pairing *p, int side, const struct end *s, struct end *f)
{
	struct arena_mark mark = arena_mark(p->scenes);
	struct scene ss, sf, sc;
	struct stopping v = { .p = p, .side = side, .final = f, .way = &sf };

	if (side_scene(&p->side[side], s, &ss) && side_scene(&p->side[!side], f, &sf) &&
	    (!pair_join(p, &sf, &ss, &sc) || pair_ask(p, &sc, NULL) != ANSWER_NO))
		side_choices(&p->side[side], s, ask_choice, &v);
	arena_rewind(p->scenes, mark);
}

/* Rules that end a front without an answer, of one side, against answers of the other: then the
 * choices that may stand before. */
static void ask_stops(struct pairing *p, int side)
{
	const struct vec *stops = &p->side[side].stops, *ends = &p->side[!side].ends;

	for (size_t i = 0; i < stops->n; i++)
		for (size_t k = 0; k < ends->n && !p->full; k++) {
			const struct end *s = stops->p[i];
			struct end *f = ends->p[k];

			if (f->kind == END_FINAL && s->entry_no == f->entry_no &&
			    !cull_places(s, f) && !cull_texts(p->g, s, f))
				ask_stop(p, side, s, f);
		}
}

void pair_ends(struct pairing *p)
{
	ask_ends(p, &p->side[0].ends, &p->side[1].ends);
	ask_stops(p, 0);
	ask_stops(p, 1);
}
