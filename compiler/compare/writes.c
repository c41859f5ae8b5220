/* SPDX-License-Identifier: Apache-2.0 */
/* writes: rules that are not the same on both sides and change the message: a request that meets
 * one shows by its two runs whether that makes a difference. */
#include "../show.h"
#include "pair.h"

#define TRIES_MAX 64 /* ways to one rule that are tried for a difference */

/* A rule of one side that is asked about. */
struct writer {
	struct pairing *p;
	int side;
	const struct p_rule *rule; /* of the joint program */
	uint32_t index; /* in its list */
	const struct p_section *section;
	enum rule_dir dir;
	unsigned tries;
	bool reached, done, limit;
	bool raw; /* guess that the rule reads the request as it came */
};

static bool writes(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		switch (r->actions[i].id) {
		case ACT_ALLOW:
		case ACT_DENY:
		case ACT_DROP:
		case ACT_TARPIT:
		case ACT_REDIR:
		case ACT_RESPOND:
		case ACT_SWITCH:
		case ACT_SETBE:
			break;
		default:
			return true;
		}
	return false;
}

static bool asks_credentials(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		if (r->actions[i].id == ACT_AUTH)
			return true;
	return false;
}

static bool is_response(enum rule_dir dir)
{
	return dir == DIR_RSP_IN || dir == DIR_RSP_OUT;
}

/* An answer to a request is decided in rules on answers, too. */
static bool counts(const struct p_rule *r, enum rule_dir dir)
{
	return is_response(dir) || writes(r);
}

static bool same_way(const struct compare_witness *w)
{
	const struct p_section *x = w->old->backend, *y = w->new->backend;

	return w->old->verdict == w->new->verdict && !x == !y && (!x || str_eq(x->name, y->name));
}

/* The rule that ran on the other side in the run <o>, of the same direction, and has no mate. */
static const struct p_rule *other_writer(const struct writer *k, const struct outcome *o)
{
	for (uint32_t i = 0; i < o->nrules; i++) {
		const struct p_rule *r = o->rules[i].rule;

		if (o->rules[i].matched && r->dir == k->dir && counts(r, k->dir) &&
		    k->p->changed[!k->side][r->index])
			return r;
	}
	return NULL;
}

static const struct str *text_of(struct pairing *p, const struct p_rule *r)
{
	static const struct str nothing = { .p = "nothing", .n = 7 };
	struct str *text = ARENA_NEW(p->a, struct str);
	struct show_buffer b;

	if (!r)
		return &nothing;
	show_open(&b);
	for (uint32_t i = 0; i < r->nactions; i++) {
		if (i)
			fputs("; ", b.out);
		show_action(b.out, &r->actions[i]);
	}
	*text = show_close(&b, p->a);
	return text;
}

static void add_class(struct writer *k, struct compare_witness *w)
{
	struct pairing *p = k->p;
	const struct p_rule *rules[2] = { NULL, NULL };
	struct str key;

	rules[k->side] = side_rule(&p->side[k->side], k->rule);
	rules[!k->side] = other_writer(k, k->side ? w->old : w->new);
	key = arena_printf(p->a, "write %p %p", (const void *)rules[0], (const void *)rules[1]);
	k->done = true;
	pair_guilty(p, 0, rules[0]);
	pair_guilty(p, 1, rules[1]);
	if (symbol_get(&p->asked, key))
		return;
	symbol_put(p->a, &p->asked, key, p);
	pair_add(
		p,
		(struct compare_class) { .severity = asks_credentials(k->rule)
							     ? (k->side ? CMP_OUTAGE : CMP_EXPOSURE)
						     : is_response(k->dir) ? CMP_RESPONSE
									   : CMP_REWRITE,
					 .old = rules[0],
					 .new = rules[1],
					 .was = text_of(p, rules[0]),
					 .is = text_of(p, rules[1]) },
		w);
}

/* ---- when an action changes anything ---- */

/* The test <op> of one value on the subject <id>; <v> NULL: is it there? */
static struct dnf test_of(struct writer *k, const struct crule *r, enum subject_id id,
			  struct str name, enum operator_id op, struct p_value *v)
{
	struct proof *g = k->p->g;
	struct p_test *t = ARENA_NEW(g->a, struct p_test);
	struct p_subject *s = ARENA_NEW(g->a, struct p_subject);
	char *lower = arena_get(g->a, name.n + 1);

	str_lower(lower, name);
	*s = (struct p_subject) { .id = id, .type = TYPE_STR, .name = str_of(lower, name.n) };
	*t = (struct p_test) { .subject = s, .op = op, .place = r->rule->place };
	if (v) {
		t->nvalues = 1;
		t->values = ARENA_NEW(g->a, struct p_value);
		*t->values = *v;
	}
	return state_test(g, t, k->raw ? NULL : r->before, is_response(k->dir), false);
}

static struct dnf changes(struct writer *k, const struct crule *r, const struct p_action *a)
{
	struct p_value regex = { .kind = VALUE_REGEX, .regex = a->regex };
	struct p_value old = {
		.kind = VALUE_STR, .text = a->old, .icase = a->icase, .bound = true
	};

	switch (a->id) {
	case ACT_MAPURI:
	case ACT_URIREMAP:
		return test_of(k, r, SUBJ_PATH, S(""), OP_PREFIX, &old);
	case ACT_REM:
		return test_of(k, r, SUBJ_H, a->name, OP_TRUE, NULL);
	case ACT_REP:
		if (a->regex && a->name.n)
			return test_of(k, r, SUBJ_H, a->name, OP_RE, &regex);
		break;
	case ACT_REWRITE:
		if (a->regex && !is_response(k->dir))
			return test_of(k, r, SUBJ_URI, S(""), OP_RE, &regex);
		break;
	default:
		break;
	}
	return dnf_true(k->p->g);
}

/* Requests on which one of the rule's actions may change something. */
static struct dnf has_effect(struct writer *k, const struct crule *r)
{
	struct dnf d = dnf_false();

	for (uint32_t i = 0; i < r->rule->nactions; i++)
		d = dnf_or(k->p->g, d, changes(k, r, &r->rule->actions[i]));
	return d;
}

/* A backend that a value names. */
static bool computes(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		if ((r->actions[i].id == ACT_SWITCH || r->actions[i].id == ACT_SETBE) &&
		    !r->actions[i].target)
			return true;
	return false;
}

/* Asks for a request that runs the rule on <sc>. True: it is settled. */
static bool try_scene(struct writer *k, const struct scene *sc)
{
	struct compare_witness *w;
	enum answer got;

	if (k->tries++ == TRIES_MAX) {
		k->limit = true;
		return true;
	}
	got = pair_ask(k->p, sc, &w);
	k->limit = k->limit || got == ANSWER_LIMIT;
	k->reached = k->reached || got == ANSWER_YES;
	if (got == ANSWER_YES && (same_way(w) || asks_credentials(k->rule)) &&
	    !pair_same_outcome(w))
		add_class(k, w);
	return k->done;
}

static bool contains(const struct context *c, const struct writer *k)
{
	return c->dir == k->dir && c->section == k->section;
}

/* <sc> with one more list, which the request enters and at whose rule <stop> it is looked at. */
static bool with_list(struct writer *k, struct scene *sc, const struct p_section *s,
		      enum rule_dir dir, const struct write *left, uint32_t stop)
{
	struct context *c = context_get(k->p->g, s, dir, left);

	if (sc->n == SCENE_SEGMENTS / 2)
		return false;
	sc->at[sc->n++] = (struct segment) { .context = c, .stop = stop < c->n ? stop : c->n };
	if (stop >= c->n)
		return true;
	return scene_needs(k->p->g, sc, c->rules[stop].cond) &&
	       scene_needs(k->p->g, sc, has_effect(k, &c->rules[stop]));
}

static const struct write *left_at_end(struct writer *k, const struct scene *sc)
{
	const struct segment *last = &sc->at[sc->n - 1];

	return context_left(k->p->g, last->context, last->stop, NO_INDEX);
}

/* From the end <e> of a front through its backend's rules up to the rule asked about. */
static bool through_backend(struct writer *k, const struct end *e)
{
	struct scene sc;
	const struct p_section *b = e->backend;
	uint32_t stop = k->index;

	if (!side_scene(&k->p->side[k->side], e, &sc))
		return false;
	if (b != sc.entry) {
		bool here = k->dir == DIR_REQ_IN && b == k->section;

		if (!with_list(k, &sc, b, DIR_REQ_IN, left_at_end(k, &sc),
			       here ? stop : UINT32_MAX))
			return false;
		if (here)
			return try_scene(k, &sc);
	}
	if (!with_list(k, &sc, b, DIR_REQ_OUT,
		       state_forwarded(k->p->g, left_at_end(k, &sc), sc.entry),
		       k->dir == DIR_REQ_OUT ? stop : UINT32_MAX))
		return false;
	if (is_response(k->dir) && !with_list(k, &sc, k->section, k->dir, NULL, stop))
		return false;
	return try_scene(k, &sc);
}

static bool leads_to(const struct writer *k, const struct end *e)
{
	if (e->kind != END_CHOICE || !e->backend)
		return false;
	return e->backend == k->section || k->section->kind == SEC_RSPRULES ||
	       (is_response(k->dir) && e->front->scene->entry == k->section);
}

static void ask_ways(struct writer *k)
{
	struct side *s = &k->p->side[k->side];

	for (size_t i = 0; i < s->fronts.n && !is_response(k->dir) && !k->done; i++) {
		const struct front *f = s->fronts.p[i];
		struct scene sc = *f->scene;
		struct segment *last = &sc.at[sc.n - 1];

		if (!contains(last->context, k))
			continue;
		last->stop = k->index;
		sc.room = sc.nneeds;
		if (scene_needs(k->p->g, &sc, last->context->rules[k->index].cond) &&
		    scene_needs(k->p->g, &sc, has_effect(k, &last->context->rules[k->index])))
			try_scene(k, &sc);
	}
	for (size_t i = 0; i < s->ends.n && !k->done && k->tries <= TRIES_MAX; i++) {
		struct arena_mark mark = arena_mark(k->p->scenes);

		if (leads_to(k, s->ends.p[i]))
			through_backend(k, s->ends.p[i]);
		arena_rewind(k->p->scenes, mark);
	}
}

static void ask_rule(struct writer *k)
{
	const struct p_rule *own = side_rule(&k->p->side[k->side], k->rule);

	ask_ways(k);
	if (!k->done && (k->reached || k->limit)) {
		k->raw = true;
		k->tries = 0;
		ask_ways(k);
	}
	if (!k->done && (k->reached || k->limit))
		pair_open(k->p, k->side ? NULL : own, k->side ? own : NULL,
			  k->reached ? "it is met, but no request was found that shows a difference"
				     : "the limit of one question was reached");
}

/* ---- which rules ---- */

static void ask_list(struct pairing *p, struct p_section *x, struct p_section *y, enum rule_dir dir)
{
	static const struct p_chain none;
	const struct p_chain *c[2] = { x && x->filters == x ? &x->chains[dir] : &none,
				       y && y->filters == y ? &y->chains[dir] : &none };
	const uint32_t *mate = side_mates(&p->mates, c[0], c[1]);
	bool *stays[2];

	for (int side = 0; side < 2; side++)
		stays[side] = ARENA_ARRAY(p->a, bool, c[side]->n + 1);
	for (uint32_t k = 0; k < c[1]->n; k++) {
		struct dnf a, b;

		if (mate[k] == NO_INDEX ||
		    !(counts(c[1]->rules[k], dir) || computes(c[1]->rules[k])))
			continue;
		a = state_condition(p->g, c[0]->rules[mate[k]]->cond, NULL, is_response(dir),
				    false);
		b = state_condition(p->g, c[1]->rules[k]->cond, NULL, is_response(dir), false);
		stays[0][mate[k]] = stays[1][k] = dnf_same(&a, &b);
	}
	for (int side = 0; side < 2; side++)
		for (uint32_t i = 0; i < c[side]->n && !p->full; i++) {
			struct writer k = { .p = p,
					    .side = side,
					    .rule = c[side]->rules[i],
					    .index = i,
					    .section = side ? y : x,
					    .dir = dir };

			if (stays[side][i])
				continue;
			if (computes(k.rule))
				pair_open(p, side ? NULL : side_rule(&p->side[0], k.rule),
					  side ? side_rule(&p->side[1], k.rule) : NULL,
					  "a computed value names the backend");
			if (counts(k.rule, dir))
				ask_rule(&k);
		}
}

static struct p_section *named(const struct program *p, struct str name)
{
	for (uint32_t i = 0; i < p->nsections; i++)
		if (str_eq(p->sections[i]->name, name))
			return p->sections[i];
	return NULL;
}

void pair_writes(struct pairing *p)
{
	const struct program *old = p->side[0].part, *new = p->side[1].part;

	for (uint32_t i = 0; i < new->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++)
			ask_list(p, named(old, new->sections[i]->name), new->sections[i],
				 (enum rule_dir)dir);
	for (uint32_t i = 0; i < old->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++)
			if (!named(new, old->sections[i]->name))
				ask_list(p, old->sections[i], NULL, (enum rule_dir)dir);
}
