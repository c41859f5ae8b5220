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
	out->needs = ARENA_ARRAY(p->a, struct dnf, out->nneeds + 1);
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

bool pair_same_outcome(const struct compare_witness *w)
{
	const struct outcome *x = w->old, *y = w->new;
	const struct interp_message *r = &x->request, *s = &y->request;
	const struct interp_answer *t = &x->answer, *u = &y->answer;

	if (x->verdict != y->verdict || x->forwarded != y->forwarded ||
	    !same_name(x->backend, y->backend))
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

/* ---- results ---- */

void pair_guilty(struct pairing *p, int side, const struct p_rule *rule)
{
	if (rule)
		p->guilty[side][rule->index] = true;
}

void pair_add(struct pairing *p, struct compare_class class)
{
	struct compare *c = p->c;

	class.witness = pair_kept(p->a, class.witness);
	GROW(p->a, c->classes, c->nclasses, c->classes_room);
	c->classes[c->nclasses++] = class;
	pair_guilty(p, 0, class.old);
	pair_guilty(p, 1, class.new);
}

void pair_open(struct pairing *p, const struct p_rule *old, const struct p_rule *new,
	       const char *why)
{
	struct compare *c = p->c;

	pair_guilty(p, 0, old);
	pair_guilty(p, 1, new);
	for (uint32_t i = 0; i < c->nopen; i++)
		if (c->open[i].old == old && c->open[i].new == new)
			return;
	GROW(p->a, c->open, c->nopen, c->open_room);
	c->open[c->nopen++] = (struct compare_open) { .old = old,
						      .new = new,
						      .why = arena_str(p->a, str_from(why)) };
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

static void name_outcomes(struct side *s)
{
	for (size_t i = 0; i < s->ends.n; i++) {
		struct end *e = s->ends.p[i];

		if (e->kind == END_FINAL)
			e->what = answer_of(s->a, e->rule);
		else if (e->backend)
			e->what = arena_printf(s->a, "backend %.*s", STR_ARG(e->backend->name));
		else
			e->what = S("no backend");
	}
}

static bool blocks(struct str what)
{
	return str_eq(what, S("no backend")) || str_starts(what, S("deny")) ||
	       str_starts(what, S("drop")) || str_starts(what, S("tarpit"));
}

static enum compare_severity severity_of(struct str was, struct str is)
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

static bool same_entry(const struct end *x, const struct end *y)
{
	return str_eq(x->front->scene->entry->name, y->front->scene->entry->name);
}

static void found(struct pairing *p, const struct end *x, const struct end *y,
		  struct compare_witness *w, uint32_t *known)
{
	*known = 1;
	pair_add(p, (struct compare_class) { .severity = severity_of(x->what, y->what),
					     .old = x->rule,
					     .new = y->rule,
					     .was = x->what,
					     .is = y->what,
					     .witness = w });
}

#define PASSES_MAX 200 /* pairs of ways on from choices that are tried */

/* A pair of which a choice goes on; its ways on that are left to try. */
struct passing {
	struct pairing *p;
	const struct end *x, *y;
	struct scene old; /* the way of x */
	struct compare_witness *found;
	unsigned tries;
	bool open; /* not all ways were refuted */
};

static bool pass_both(void *arg, struct scene *sn)
{
	struct passing *t = arg;
	struct compare_witness *w;
	struct scene sc;
	enum answer got;

	if (t->tries == PASSES_MAX || !pair_join(t->p, &t->old, sn, &sc)) {
		t->open = true;
		return true;
	}
	got = pair_ask(t->p, &sc, &w);
	t->tries += got != ANSWER_NO;
	if (got == ANSWER_YES && came_to(t->x, w->old) && came_to(t->y, w->new))
		t->found = w;
	t->open = t->open || got != ANSWER_NO;
	return t->found != NULL;
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

static void judge(struct pairing *p, const struct end *x, const struct end *y,
		  const struct scene *sc, struct compare_witness *w, uint32_t *known)
{
	struct passing t = { .p = p, .x = x, .y = y };
	bool on = side_goes_on(x) || side_goes_on(y);

	if (came_to(x, w->old) && came_to(y, w->new))
		t.found = w;
	else if (on)
		try_passing(&t);
	if (t.found) {
		found(p, x, y, t.found, known);
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

/* Whether the class of both is known, to be set when it is found. */
static uint32_t *known_of(struct pairing *p, const struct end *x, const struct end *y)
{
	struct str key = arena_printf(p->a, "%p %p %.*s|%.*s", (const void *)x->rule,
				      (const void *)y->rule, STR_ARG(x->what), STR_ARG(y->what));
	uint32_t *known = symbol_get(&p->asked, key);

	if (!known) {
		known = ARENA_NEW(p->a, uint32_t);
		symbol_put(p->a, &p->asked, key, known);
	}
	return known;
}

static void ask_pair(struct pairing *p, const struct end *x, const struct end *y)
{
	uint32_t *known = known_of(p, x, y);
	struct scene so, sn, sc;
	struct compare_witness *w;
	enum answer got;

	if (*known)
		return;
	if (!side_scene(&p->side[0], x, &so) || !side_scene(&p->side[1], y, &sn))
		return;
	if (!pair_join(p, &so, &sn, &sc)) {
		pair_open(p, x->rule, y->rule, "the way is too long");
		return;
	}
	got = pair_ask(p, &sc, &w);
	if (got == ANSWER_LIMIT)
		pair_open(p, x->rule, y->rule, "the limit of one question was reached");
	else if (got == ANSWER_YES)
		judge(p, x, y, &sc, w, known);
}

/* All pairs of which one has been touched. */
static void ask_ends(struct pairing *p, const struct vec *olds, const struct vec *news)
{
	struct vec touched = { 0 };

	for (size_t k = 0; k < news->n; k++)
		if (((const struct end *)news->p[k])->touched)
			vec_push(p->a, &touched, news->p[k]);
	for (size_t i = 0; i < olds->n && !p->full; i++) {
		const struct end *x = olds->p[i];
		const struct vec *others = x->touched ? news : &touched;

		for (size_t k = 0; k < others->n && !p->full; k++) {
			const struct end *y = others->p[k];

			if (!str_eq(x->what, y->what) && same_entry(x, y) &&
			    !pair_clash(p->g, x, y))
				ask_pair(p, x, y);
		}
	}
}

/* ---- answers that a rule which ends the front takes away, or lets through ---- */

struct stopping {
	struct pairing *p;
	int side; /* of the stop */
	const struct end *final;
	const struct scene *way; /* of <final> */
};

static void ask_choice(void *arg, const struct end *choice, const struct scene *sc)
{
	struct stopping *v = arg;
	struct pairing *p = v->p;
	const struct end *x = v->side ? v->final : choice, *y = v->side ? choice : v->final;
	uint32_t *known = known_of(p, x, y);
	struct compare_witness *w;
	struct scene both;
	enum answer got;

	if (*known)
		return;
	if (!pair_join(p, v->side ? v->way : sc, v->side ? sc : v->way, &both))
		got = ANSWER_LIMIT;
	else
		got = pair_ask(p, &both, &w);
	if (got == ANSWER_YES && came_to(x, w->old) && came_to(y, w->new))
		found(p, x, y, w, known);
	else if (got != ANSWER_NO)
		pair_open(p, x->rule, y->rule, "the limit of one question was reached");
}

/* Rules that end a front without an answer, of one side, against answers of the other: then the
 * choices that may stand before. */
static void ask_stops(struct pairing *p, int side)
{
	const struct vec *stops = &p->side[side].stops, *ends = &p->side[!side].ends;

	for (size_t i = 0; i < stops->n; i++)
		for (size_t k = 0; k < ends->n && !p->full; k++) {
			const struct end *s = stops->p[i], *f = ends->p[k];
			struct compare_witness *w;
			struct scene ss, sf, sc;
			struct stopping v = { .p = p, .side = side, .final = f, .way = &sf };

			if (f->kind != END_FINAL || !same_entry(s, f) || pair_clash(p->g, s, f) ||
			    !side_scene(&p->side[side], s, &ss) ||
			    !side_scene(&p->side[!side], f, &sf))
				continue;
			if (!pair_join(p, &sf, &ss, &sc) || pair_ask(p, &sc, &w) != ANSWER_NO)
				side_choices(&p->side[side], s, ask_choice, &v);
		}
}

/* ---- all ---- */

static void note_changed(struct pairing *p)
{
	const struct program *old = p->c->old, *new = p->c->new;

	memset(p->changed[0], true, old->nrules);
	memset(p->changed[1], true, new->nrules);
	for (uint32_t i = 0; i < old->nsections; i++)
		for (uint32_t k = 0; k < new->nsections; k++) {
			const struct p_section *x = old->sections[i], *y = new->sections[k];

			if (!str_eq(x->name, y->name))
				continue;
			for (int dir = 0; dir < RULE_DIRS; dir++) {
				const struct p_chain *c = &x->chains[dir], *d = &y->chains[dir];
				uint32_t *mate = ARENA_ARRAY(p->a, uint32_t, d->n + 1);

				side_mates(p->a, c, d, mate);
				for (uint32_t r = 0; r < d->n; r++)
					if (mate[r] != NO_INDEX) {
						p->changed[1][d->rules[r]->index] = false;
						p->changed[0][c->rules[mate[r]]->index] = false;
					}
			}
		}
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

static void note_idle(struct pairing *p)
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

static int by_severity(const void *x, const void *y)
{
	const struct compare_class *a = x, *b = y;
	uint32_t ra = a->old ? a->old->index : UINT32_MAX, rb = b->old ? b->old->index : UINT32_MAX;

	if (a->severity != b->severity)
		return a->severity < b->severity ? -1 : 1;
	if (ra != rb)
		return ra < rb ? -1 : 1;
	ra = a->new ? a->new->index : UINT32_MAX;
	rb = b->new ? b->new->index : UINT32_MAX;
	return ra < rb ? -1 : ra > rb ? 1 : str_cmp(a->was, b->was);
}

static void open_sides(struct pairing *p)
{
	struct side *old = &p->side[0], *new = &p->side[1];

	*old = (struct side) { .g = p->g,
			       .a = p->a,
			       .own = p->c->old,
			       .part = (struct program *)(uintptr_t)p->c->old };
	*new = (struct side) { .g = p->g, .a = p->a, .own = p->c->new, .part = p->twin };
	side_fronts(old);
	side_fronts(new);
	side_pair(old, new);
	side_ends(old);
	side_ends(new);
	name_outcomes(old);
	name_outcomes(new);
	for (int i = 0; i < 2; i++)
		if (p->side[i].cut)
			pair_open(p, NULL, NULL, "there are too many ways through the front");
}

void compare_programs(struct compare *c, struct arena *a, const struct program *old,
		      const struct program *new)
{
	struct pairing p = { .c = c, .a = a };

	*c = (struct compare) { .a = a, .old = old, .new = new };
	p.joint = side_join(a, old, new, &p.twin);
	if (!p.joint) {
		c->fault = S("the new program cannot be copied");
		return;
	}
	for (int i = 0; i < 2; i++) {
		p.guilty[i] = ARENA_ARRAY(a, bool, (i ? new : old)->nrules + 1);
		p.changed[i] = ARENA_ARRAY(a, bool, (i ? new : old)->nrules + 1);
	}
	p.g = proof_new(a, p.joint);
	p.codes = ARENA_ARRAY(a, void *, new->nregexes + 1);
	note_changed(&p);
	open_sides(&p);
	ask_ends(&p, &p.side[0].ends, &p.side[1].ends);
	ask_stops(&p, 0);
	ask_stops(&p, 1);
	pair_backends(&p);
	pair_writes(&p);
	if (p.full)
		pair_open(&p, NULL, NULL, "the limit of all questions together was reached");
	note_idle(&p);
	arena_free(&p.scratch);
	proof_free(&p.g);
	interp_codes_free(p.codes, new->nregexes);
	if (c->nclasses)
		qsort(c->classes, c->nclasses, sizeof(*c->classes), by_severity);
}

bool compare_equal(const struct compare *c)
{
	return !c->nclasses && !c->nopen && !c->fault.n;
}

const char *const compare_severities[] = { "exposure", "outage", "reroute", "rewrite", "response" };
