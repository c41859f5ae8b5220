/* SPDX-License-Identifier: Apache-2.0 */
/* Asserts: is there a request that breaks one? All ends that would break it are asked in turn: rules
 * that answer, and backends. */
#include "search.h"
#include "ways.h"
#include "witness.h"

struct asserting {
	struct proof *g;
	const struct p_assert *s;
	struct reach *out;
	uint32_t
		rule; /* the end: a rule of the last segment, or NO_INDEX: the request goes to a server */
	bool limit;
};

static enum verdict verdict_of(enum action_id id)
{
	switch (id) {
	case ACT_DENY:
		return VERDICT_DENY;
	case ACT_DROP:
		return VERDICT_DROP;
	case ACT_REDIR:
		return VERDICT_REDIR;
	case ACT_RESPOND:
		return VERDICT_RESPOND;
	case ACT_TARPIT:
		return VERDICT_TARPIT;
	default:
		return VERDICT_FORWARD;
	}
}

/* The action of <r> that answers, or NULL. */
static const struct p_action *answer_of(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		if (verdict_of(r->actions[i].id) != VERDICT_FORWARD)
			return &r->actions[i];
	return NULL;
}

static int64_t status_of(const struct p_action *a)
{
	return a->status              ? a->status
	       : a->id == ACT_DENY    ? 403
	       : a->id == ACT_REDIR   ? 302
	       : a->id == ACT_RESPOND ? 200
				      : 500;
}

static bool constant_is(const struct p_text *t, struct str text)
{
	return t && t->n == 1 && t->pieces[0].kind == PIECE_LITERAL &&
	       str_eq(t->pieces[0].text, text);
}

static bool answers_so(const struct p_assert *s, const struct p_action *a)
{
	return a->id == s->outcome && (!s->status || s->status == status_of(a)) &&
	       (!s->text.n || (a->redir == REDIR_TARGET && constant_is(a->text, s->text)));
}

static bool backend_so(const struct p_assert *s, const struct p_section *backend)
{
	return s->outcome == ACT_ALLOW || (s->outcome == ACT_SETBE && s->target == backend);
}

/* What the interpreter says: does the outcome break the assert? */
static bool breaks(const struct p_assert *s, const struct outcome *o)
{
	const struct p_action *a = o->decided ? answer_of(o->decided) : NULL;
	bool so = o->forwarded                           ? backend_so(s, o->backend)
		  : a && verdict_of(a->id) == o->verdict ? answers_so(s, a)
							 : false;

	if (o->verdict == VERDICT_ERROR)
		return s->always;
	return so != s->always;
}

static bool ask(struct asserting *k, struct scene *sc)
{
	struct search q;
	enum answer got;

	if (!scene_needs(k->g, sc, state_condition(k->g, k->s->cond, NULL, false, false)))
		return false;
	got = search_run(&q, k->g, sc);
	if (got == ANSWER_YES) {
		witness_make(k->g, sc, q.found, &k->out->witness);
		k->out->confirmed = breaks(k->s, k->out->witness.outcome);
		k->limit |= !k->out->confirmed;
		k->out->answer = k->out->confirmed ? ANSWER_YES : k->out->answer;
	}
	k->limit |= got == ANSWER_LIMIT;
	k->out->opaque |= got == ANSWER_LIMIT && q.opaque;
	search_end(&q);
	return k->out->confirmed;
}

static bool at_rule(void *arg, struct scene *sc)
{
	struct asserting *k = arg;
	struct segment *last = &sc->at[sc->n - 1];

	last->stop = k->rule;
	return scene_needs(k->g, sc, last->context->rules[k->rule].cond) && ask(k, sc);
}

/* The rules of the last segment end, and nothing has answered. */
static bool at_server(void *arg, struct scene *sc)
{
	struct asserting *k = arg;
	struct segment *last = &sc->at[sc->n - 1];
	const struct context *c = last->context;

	for (uint32_t i = 0; i <= c->n; i++) {
		uint32_t stop = i == 0 ? c->n : i - 1;
		struct scene *one;

		if (stop < c->n && (!(c->rules[stop].flags & RULE_ENDS) ||
				    (c->rules[stop].flags & RULE_FINAL) || c->rules[stop].jump))
			continue;
		one = ARENA_NEW(k->g->a, struct scene);
		*one = *sc;
		one->room = 0;
		one->needs = NULL;
		one->nneeds = 0;
		for (uint32_t n = 0; n < sc->nneeds; n++)
			scene_needs(k->g, one, sc->needs[n]);
		one->at[one->n - 1].stop = stop;
		if ((stop == c->n || scene_needs(k->g, one, c->rules[stop].cond)) && ask(k, one))
			return true;
	}
	return false;
}

static bool is_request(enum rule_dir dir)
{
	return dir != DIR_RSP_IN && dir != DIR_RSP_OUT;
}

static void ask_rules(struct asserting *k, const struct p_section *s, enum rule_dir dir)
{
	const struct p_chain *chain = &s->chains[dir];

	for (uint32_t i = 0; i < chain->n && !k->out->confirmed; i++) {
		const struct p_action *a = answer_of(chain->rules[i]);

		if (!a || answers_so(k->s, a) == k->s->always)
			continue;
		k->rule = i;
		k->limit |= ways_to(k->g, s, dir, at_rule, k) == WAYS_CUT;
	}
}

/* Response rules may answer instead of the server; only what happens to requests is asserted. */
void proof_assert(struct proof *g, const struct p_assert *s, struct reach *out)
{
	struct asserting k = { .g = g, .s = s, .out = out };

	*out = (struct reach) { .answer = ANSWER_NO };
	for (uint32_t i = 0; i < g->p->nsections && !out->confirmed; i++) {
		const struct p_section *sec = g->p->sections[i];
		bool backend = sec->kind == SEC_BACKEND || sec->kind == SEC_LISTEN;

		for (int dir = 0; dir < RULE_DIRS && !out->confirmed; dir++)
			if (is_request((enum rule_dir)dir))
				ask_rules(&k, sec, (enum rule_dir)dir);
		if (backend && backend_so(s, sec) != s->always && !out->confirmed)
			k.limit |= ways_to(g, sec, DIR_REQ_OUT, at_server, &k) == WAYS_CUT;
	}
	if (out->answer == ANSWER_NO && k.limit)
		out->answer = ANSWER_LIMIT;
}
