/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: every end that requests can come to, with the condition put before the way to it. An end
 * is a rule that answers, a backend with the rule that chose it, or the lack of one. */
#include "search.h"
#include "ways.h"
#include "witness.h"

struct querying {
	struct proof *g;
	const struct query *q;
	struct query_end end; /* that is asked about */
	uint32_t rule; /* a rule of the last segment that answers, or NO_INDEX */
	struct symbols done; /* ends that were found */
	struct symbols undone; /* ends that something left open: struct query_end */
	bool any, limit, enough;
};

static bool is_answer(enum action_id id)
{
	return id == ACT_DENY || id == ACT_DROP || id == ACT_TARPIT || id == ACT_REDIR ||
	       id == ACT_RESPOND || id == ACT_AUTH;
}

static const struct p_action *answer_of(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		if (is_answer(r->actions[i].id))
			return &r->actions[i];
	return NULL;
}

static struct str end_key(struct querying *k)
{
	return arena_printf(k->g->a, "%p %p", (const void *)k->end.rule,
			    (const void *)k->end.backend);
}

static void leave_open(struct querying *k)
{
	symbol_put(k->g->a, &k->undone, end_key(k), k);
}

/* Did the run come to the end that was asked about? */
static bool came(const struct querying *k, const struct outcome *o)
{
	const struct query_end *e = &k->end;

	if (e->answer)
		return o->decided == e->rule && o->verdict != VERDICT_FORWARD;
	if (!e->backend)
		return !o->backend && o->verdict == VERDICT_ERROR;
	return o->backend == e->backend &&
	       (o->verdict == VERDICT_FORWARD || o->verdict == VERDICT_ERROR ||
		o->decided == e->rule) &&
	       (o->decided == e->rule || o->verdict != VERDICT_FORWARD);
}

static void scene_fork(struct proof *g, const struct scene *sc, struct scene *out)
{
	*out = *sc;
	out->room = out->nneeds = 0;
	out->needs = NULL;
	for (uint32_t i = 0; i < sc->nneeds; i++)
		scene_needs(g, out, sc->needs[i]);
}

/* One search. YES: a request was told; NO: there is none on this scene; LIMIT: one was found that
 * does not show it, or the search was cut. */
static enum answer search_one(struct querying *k, const struct scene *sc)
{
	struct witness w;
	struct search s;
	enum answer got = search_run(&s, k->g, sc);

	if (got == ANSWER_YES) {
		witness_make(k->g, sc, s.found, &w);
		if (came(k, w.outcome) &&
		    (!k->q->cond ||
		     interp_holds(k->g->a, k->g->p, &w.request, &w.state, k->q->cond)) &&
		    k->q->meets(k->q->arg, &w)) {
			k->any = true;
			symbol_put(k->g->a, &k->done, end_key(k), k);
			k->enough = k->q->found(k->q->arg, &k->end, &w);
		} else {
			got = ANSWER_LIMIT;
		}
	}
	search_end(&s);
	return got;
}

static enum answer search_with(struct querying *k, const struct scene *sc, struct dnf d)
{
	struct scene one;

	scene_fork(k->g, sc, &one);
	return scene_needs(k->g, &one, d) ? search_one(k, &one) : ANSWER_NO;
}

/* ---- headers ---- */

static bool may_write(const struct p_rule *r, struct str name)
{
	for (uint32_t i = 0; i < r->nactions; i++) {
		const struct p_action *a = &r->actions[i];

		switch (a->id) {
		case ACT_ADD:
		case ACT_SET:
		case ACT_REP:
			if (a->part == PART_HEADER && (!a->name.n || str_ieq(a->name, name)))
				return true;
			break;
		case ACT_APPEND:
		case ACT_REM:
		case ACT_DELETE:
			if (!a->name.n || str_ieq(a->name, name))
				return true;
			break;
		default:
			break;
		}
	}
	return false;
}

static bool edits_target(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++) {
		enum action_id id = r->actions[i].id;

		if ((id == ACT_SET && r->actions[i].part != PART_HEADER) || id == ACT_MAPURI ||
		    id == ACT_URIREMAP || id == ACT_REWRITE || id == ACT_REQLINE)
			return true;
	}
	return false;
}

/* With each rule on the way that may write the header, or edits the target when that is asked for,
 * one after the other. <wrote>: there are such. */
static bool with_writers(struct querying *k, const struct scene *sc, bool *wrote)
{
	const struct p_forwardfor *f = &sc->entry->forwardfor;

	*wrote = f->on && str_ieq(f->header.n ? f->header : S("X-Forwarded-For"), k->q->writes);
	*wrote |= str_ieq(k->q->writes, S("host"));
	for (uint32_t i = 0; i < sc->n; i++) {
		const struct context *c = sc->at[i].context;

		for (uint32_t n = 0; n < c->n && n <= sc->at[i].stop; n++) {
			bool header = k->q->writes.n && may_write(c->rules[n].rule, k->q->writes);
			enum answer got;

			if (!header && !(k->q->targets && edits_target(c->rules[n].rule)))
				continue;
			got = search_with(k, sc, c->rules[n].cond);
			if (got == ANSWER_YES)
				return true;
			*wrote |= header && got != ANSWER_NO; /* else it never runs on this way */
		}
	}
	return false;
}

/* The first request that came to the end has not got the outcome: more that may have. */
static enum answer with_hints(struct querying *k, const struct scene *sc)
{
	struct dnf all = dnf_true(k->g);
	bool wrote = true, none = false;

	for (uint32_t i = 0; i < k->q->nhints; i++) {
		struct dnf d = state_condition(k->g, k->q->hints[i], NULL, false, false);
		enum answer got = search_with(k, sc, d);

		if (got == ANSWER_YES)
			return got;
		none = none || (got == ANSWER_NO && i == k->q->write_hint);
		all = dnf_and(k->g, all, d);
	}
	if (k->q->nhints > 1 && search_with(k, sc, all) == ANSWER_YES)
		return ANSWER_YES;
	if ((k->q->writes.n || k->q->targets) && with_writers(k, sc, &wrote))
		return ANSWER_YES;
	/* nothing writes the header, and no request brings it along */
	return none && k->q->writes.n && !wrote ? ANSWER_NO : ANSWER_LIMIT;
}

/* ---- one scene ---- */

/* The way must lead through the section and match the rules; false: it never does. */
static bool narrow(struct querying *k, struct scene *sc)
{
	const struct query *q = k->q;
	bool through = !q->through || sc->entry == q->through || sc->backend == q->through ||
		       q->through->kind == SEC_RSPRULES;

	for (uint32_t i = 0; i < sc->n && !through; i++)
		through = sc->at[i].context->section == q->through;
	if (!through)
		return false;
	for (uint32_t m = 0; m < q->nmatched; m++) {
		const struct p_rule *r = q->matched[m];
		bool on = r->dir == DIR_RSP_IN || r->dir == DIR_RSP_OUT;

		for (uint32_t i = 0; i < sc->n && !on; i++) {
			const struct context *c = sc->at[i].context;

			for (uint32_t n = 0; n < c->n && n <= sc->at[i].stop && !on; n++) {
				on = c->rules[n].rule == r && c->dir == r->dir;
				if (on && !scene_needs(k->g, sc, c->rules[n].cond))
					return false;
			}
		}
		if (!on)
			return false;
	}
	return !q->cond ||
	       scene_needs(k->g, sc, state_condition(k->g, q->cond, NULL, false, false));
}

/* True: no more scenes of these ends. */
static bool ask(struct querying *k, struct scene *sc)
{
	enum answer got;

	if (symbol_get(&k->done, end_key(k)) || !k->q->fits(k->q->arg, &k->end) || !narrow(k, sc))
		return k->enough;
	got = search_one(k, sc);
	if (got == ANSWER_LIMIT && (k->q->nhints || k->q->writes.n || k->q->targets))
		got = with_hints(k, sc);
	if (got == ANSWER_LIMIT)
		leave_open(k);
	return k->enough;
}

/* ---- ends ---- */

static bool at_rule(void *arg, struct scene *sc)
{
	struct querying *k = arg;
	struct segment *last = &sc->at[sc->n - 1];

	last->stop = k->rule;
	return scene_needs(k->g, sc, last->context->rules[k->rule].cond) && ask(k, sc);
}

/* The rules of the last segment end, and nothing has answered. */
static bool at_server(void *arg, struct scene *sc)
{
	struct querying *k = arg;
	const struct context *c = sc->at[sc->n - 1].context;

	k->end = (struct query_end) { .rule = sc->chooser, .backend = sc->backend };
	for (uint32_t i = 0; i <= c->n && !k->enough; i++) {
		uint32_t stop = i == 0 ? c->n : i - 1;
		struct scene one;

		if (stop < c->n && (!(c->rules[stop].flags & RULE_ENDS) ||
				    (c->rules[stop].flags & RULE_FINAL) || c->rules[stop].jump))
			continue;
		scene_fork(k->g, sc, &one);
		one.at[one.n - 1].stop = stop;
		if (stop == c->n || scene_needs(k->g, &one, c->rules[stop].cond))
			ask(k, &one);
	}
	return k->enough;
}

/* The front ends, and nobody has chosen a backend. */
static bool at_nothing(void *arg, struct scene *sc)
{
	struct querying *k = arg;
	const struct context *c = sc->at[sc->n - 1].context;
	bool usual = sc->entry->kind == SEC_LISTEN;

	for (uint32_t i = 0; i < sc->n; i++)
		usual |= sc->at[i].context->section->default_backend != NULL;
	if (usual || sc->backend)
		return false;
	k->end = (struct query_end) { 0 };
	for (uint32_t i = 0; i <= c->n && !k->enough; i++) {
		uint32_t stop = i == 0 ? c->n : i - 1;
		struct scene one;

		if (stop < c->n && (!(c->rules[stop].flags & RULE_ENDS) || c->rules[stop].jump ||
				    (c->rules[stop].flags & (RULE_FINAL | RULE_CHOOSES))))
			continue;
		scene_fork(k->g, sc, &one);
		one.at[one.n - 1].stop = stop;
		for (uint32_t n = 0; n < one.n; n++)
			one.at[n].unchosen =
				one.at[n].stop + (one.at[n].stop < one.at[n].context->n);
		if (stop == c->n || scene_needs(k->g, &one, c->rules[stop].cond))
			ask(k, &one);
	}
	return k->enough;
}

static void ask_list(struct querying *k, const struct p_section *s, enum rule_dir dir)
{
	const struct p_chain *chain = &s->chains[dir];

	for (uint32_t i = 0; i < chain->n && !k->enough; i++) {
		const struct p_action *answer = answer_of(chain->rules[i]);

		k->end = (struct query_end) { .rule = chain->rules[i], .answer = answer };
		k->rule = i;
		if (answer && k->q->fits(k->q->arg, &k->end))
			k->limit |= ways_to(k->g, s, dir, at_rule, k) == WAYS_CUT;
	}
}

enum answer proof_query(struct proof *g, const struct query *q, uint32_t *open)
{
	struct querying k = { .g = g, .q = q };
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->p->nsections && !k.enough; i++) {
		const struct p_section *s = g->p->sections[i];

		for (int dir = DIR_CONN_IN; dir <= DIR_REQ_OUT && !k.enough; dir++)
			ask_list(&k, s, (enum rule_dir)dir);
		if ((s->kind == SEC_BACKEND || s->kind == SEC_LISTEN) && !k.enough)
			k.limit |= ways_to(g, s, DIR_REQ_OUT, at_server, &k) == WAYS_CUT;
		if ((s->kind == SEC_FRONTEND || s->kind == SEC_REQRULES) && !k.enough)
			k.limit |= ways_to(g, s, DIR_REQ_IN, at_nothing, &k) == WAYS_CUT;
	}
	for (size_t i = 0; i < k.undone.n; i++)
		n += !symbol_get(&k.done, k.undone.all[i]->name);
	if (open)
		*open = n + k.limit;
	return k.any ? ANSWER_YES : n || k.limit ? ANSWER_LIMIT : ANSWER_NO;
}
