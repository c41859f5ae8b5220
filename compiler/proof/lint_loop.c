/* SPDX-License-Identifier: Apache-2.0 */
/* Redirects that lead back to themselves: W113. For a constant target, a request for the target
 * itself is asked for that comes to the rule; for a computed one, the request that shows that the
 * rule is reached is followed. Either is sent through the interpreter, redirect by redirect, as a
 * client would go on, until it asks for the same a second time. */
#include "lint.h"
#include "watch.h"

#include "../../runtime/base/uri.h"

#define HOPS_MAX 12
#define REPLAYED_RULES 100000 /* that all replays may look at; then the search alone counts */
#define WAYS_TRIED 256

/* Where a redirect sends the client. */
struct place {
	struct str scheme, authority, path, query; /* scheme, authority: empty when relative */
};

struct looping {
	struct lint *l;
	bool plain; /* see plain_site() */
	bool known;
	uint64_t replayed; /* rules of the site, times the requests that were run */
	bool *said; /* by rule: part of a loop that was reported */
};

/* ---- places ---- */

static bool place_of(struct str to, struct place *out)
{
	ptrdiff_t n = str_find(to, S("://"));
	struct str rest = to;

	*out = (struct place) { 0 };
	if (str_chr(to, '#') >= 0)
		rest = str_of(to.p, (size_t)str_chr(to, '#'));
	if (str_starts(rest, S("//")))
		return false;
	if (!str_starts(rest, S("/"))) {
		if (n < 0)
			return false;
		out->scheme = str_of(rest.p, (size_t)n);
		rest = str_skip(rest, (size_t)n + 3);
		for (n = 0; (size_t)n < rest.n && rest.p[n] != '/' && rest.p[n] != '?';)
			n++;
		out->authority = str_of(rest.p, (size_t)n);
		rest = str_skip(rest, (size_t)n);
		if (!out->authority.n || str_chr(out->authority, '@') >= 0 ||
		    (!str_ieq(out->scheme, S("http")) && !str_ieq(out->scheme, S("https"))))
			return false;
	}
	out->query = rest;
	out->path = str_cut(&out->query, '?');
	if (!out->path.n)
		out->path = S("/");
	return true;
}

/* The target of a redirect that is the same for every request. */
static bool constant_place(struct arena *a, const struct p_action *x, struct place *out)
{
	const struct p_text *t = x->text;

	if (x->redir != REDIR_TARGET || !t || t->n != 1 || t->pieces[0].kind != PIECE_LITERAL ||
	    !place_of(t->pieces[0].text, out))
		return false;
	if (x->drop_query)
		out->query = (struct str) { 0 };
	if (x->append_slash && !str_ends(out->path, S("/")))
		out->path = arena_printf(a, "%.*s/", STR_ARG(out->path));
	return true;
}

static struct str target_of(struct arena *a, const struct place *at)
{
	return at->query.p ? arena_printf(a, "%.*s?%.*s", STR_ARG(at->path), STR_ARG(at->query))
			   : at->path;
}

static unsigned port_of(struct arena *a, struct str authority, bool tls)
{
	char *room = arena_get(a, URI_HOST_ROOM(authority.n));
	struct str host;
	unsigned port = 0;

	if (!uri_host(authority, room, &host, &port))
		return 0;
	return port ? port : tls ? 443 : 80;
}

/* ---- what a client does ---- */

static struct str field_value(const struct fields *f, struct str name)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (str_ieq(f->at[i].name, name))
			return f->at[i].value;
	return (struct str) { 0 };
}

static bool plain_subject(const struct p_subject *s)
{
	return s->id == SUBJ_METH || s->id == SUBJ_URI || s->id == SUBJ_PATH ||
	       s->id == SUBJ_QUERY || s->id == SUBJ_Q || s->id == SUBJ_HOST || s->id == SUBJ_LINE ||
	       (s->id == SUBJ_H && str_eq(s->name, S("host")));
}

static bool plain_tests(const struct p_expr *e)
{
	bool plain = true;

	if (e->kind == PE_TEST)
		return plain_subject(e->test->subject);
	if (e->kind == PE_ACL)
		return plain_tests(e->acl->expr);
	for (uint32_t i = 0; i < e->nkids && plain; i++)
		plain = plain_tests(e->kids[i]);
	return plain;
}

/* One section receives all connections, and its rules look at nothing that another scheme may
 * change: then a redirect to https comes back to the same rules, wherever TLS ends. */
static bool plain_site(struct looping *k)
{
	const struct program *p = k->l->p;
	unsigned entries = 0;

	if (k->known)
		return k->plain;
	k->known = k->plain = true;
	for (uint32_t i = 0; i < p->nsections; i++)
		entries += ways_entry(p->sections[i]);
	for (uint32_t i = 0; i < p->nrules && k->plain; i++)
		k->plain = lint_is_response(p->rules[i]->dir) || plain_tests(p->rules[i]->cond);
	k->plain = k->plain && entries == 1;
	return k->plain;
}

/* What the client asks for next, in <r>. False: it is not certain that it comes back here. */
static bool next_request(struct looping *k, struct request_spec *r, const struct outcome *o)
{
	struct arena *a = k->l->g->a;
	struct str to = field_value(&o->answer.headers, S("Location")),
		   host = field_value(&r->headers, S("Host"));
	struct fields headers = { 0 };
	struct place at;

	if (o->verdict != VERDICT_REDIR || !o->answer.present || !to.p || !place_of(to, &at) ||
	    field_value(&o->answer.headers, S("Set-Cookie")).p)
		return false;
	if (at.scheme.n) {
		bool tls = str_ieq(at.scheme, S("https"));

		if (tls != r->tls && !(tls && plain_site(k)))
			return false;
		if (tls == r->tls && port_of(a, at.authority, tls) != port_of(a, host, tls))
			return false;
		r->tls = tls;
		host = at.authority;
	}
	for (uint32_t i = 0; i < r->headers.n; i++)
		if (!str_ieq(r->headers.at[i].name, S("host")))
			fields_add(a, &headers, r->headers.at[i].name, r->headers.at[i].value);
	fields_add(a, &headers, S("Host"), host);
	r->headers = headers;
	r->target = target_of(a, &at);
	if ((o->answer.status == 303 && !str_eq(r->meth, S("HEAD"))) ||
	    ((o->answer.status == 301 || o->answer.status == 302) && str_eq(r->meth, S("POST"))))
		r->meth = S("GET");
	return true;
}

static bool same_request(const struct request_spec *x, const struct request_spec *y)
{
	return str_eq(x->meth, y->meth) && str_eq(x->target, y->target) && x->tls == y->tls &&
	       str_ieq(field_value(&x->headers, S("Host")), field_value(&y->headers, S("Host")));
}

/* Follows the request of <w>. The hop to which the last one leads back, or HOPS_MAX: to none. */
static unsigned follow(struct looping *k, const struct witness *w,
		       const struct p_rule *by[HOPS_MAX], unsigned *n)
{
	struct request_spec seen[HOPS_MAX], r = w->request;

	for (*n = 0; *n < HOPS_MAX;) {
		struct outcome *o = interp_run(k->l->g->a, k->l->p, &r, &w->state);

		k->replayed += k->l->p->nrules;
		seen[*n] = r;
		by[*n] = o->decided;
		(*n)++;
		if (!o->decided || !next_request(k, &r, o))
			return HOPS_MAX;
		for (unsigned i = 0; i < *n; i++)
			if (same_request(&seen[i], &r))
				return i;
	}
	return HOPS_MAX;
}

/* ---- rules ---- */

/* Does its value stay what it is while a client is redirected? */
static bool steady(const struct p_expr *e)
{
	bool yes = true;

	if (e->kind == PE_ACL)
		return steady(e->acl->expr);
	if (e->kind == PE_TEST)
		switch (e->test->subject->id) {
		case SUBJ_RANDOM:
		case SUBJ_DATE:
		case SUBJ_RATE:
		case SUBJ_CONC:
		case SUBJ_QUEUED:
		case SUBJ_CONNS:
		case SUBJ_NBSRV:
		case SUBJ_QLEN:
		case SUBJ_SRC_PORT:
			return false;
		default:
			return !e->test->set || !e->test->set->dynamic;
		}
	for (uint32_t i = 0; i < e->nkids && yes; i++)
		yes = steady(e->kids[i]);
	return yes;
}

static bool host_field(const struct proof_field *f)
{
	return f->id == SUBJ_HOST || (f->id == SUBJ_H && str_eq(f->name, S("host")));
}

/* The cases of <d> in which a host is asked for: then the site says itself that it gets requests
 * for that host. */
static struct dnf naming_host(struct proof *g, const struct dnf *d)
{
	struct dnf out = { .at = ARENA_ARRAY(g->a, struct conj, d->n + 1) };

	for (uint32_t i = 0; i < d->n; i++) {
		bool names = false;

		for (uint32_t k = 0; k < d->at[i].n; k++)
			names |= !(d->at[i].lits[k] & 1) &&
				 host_field(atom_at(g, d->at[i].lits[k])->field);
		if (names)
			out.at[out.n++] = d->at[i];
	}
	return out;
}

/* "<subject> == <text>" of the request as it comes in, or not that; <text> NULL: it is there. */
static struct dnf is_text(struct proof *g, enum subject_id id, struct str text, bool neg)
{
	struct p_subject *s = ARENA_NEW(g->a, struct p_subject);
	struct p_value *v = ARENA_NEW(g->a, struct p_value);
	struct p_test *t = ARENA_NEW(g->a, struct p_test);

	*s = (struct p_subject) { .id = id, .type = TYPE_STR };
	*v = (struct p_value) { .kind = VALUE_STR, .text = text };
	*t = (struct p_test) { .subject = s, .op = OP_EQ, .nvalues = 1, .values = v };
	if (!text.p)
		t->op = OP_TRUE;
	return state_test(g, t, NULL, false, neg);
}

/* A client goes on with the method it had, but with GET after POST, or always. */
static bool keeps_method(struct proof *g, struct scene *sc, int64_t status)
{
	if (status == 307 || status == 308)
		return true;
	return scene_needs(
		g, sc, is_text(g, SUBJ_METH, status == 303 ? S("GET") : S("POST"), status != 303));
}

/* What a request for <to> satisfies. False: there is none. */
static bool asks_for(struct proof *g, struct scene *sc, const struct place *to)
{
	char *room = arena_get(g->a, to->path.n + 1);
	ptrdiff_t n = uri_bytes(to->path) ? uri_normalise(to->path, room) : -1;
	struct str uri = target_of(g->a, to);

	if (n < 0 || !scene_needs(g, sc, is_text(g, SUBJ_PATH, str_of(room, (size_t)n), false)) ||
	    !scene_needs(g, sc, is_text(g, SUBJ_URI, uri, false)) ||
	    !scene_needs(g, sc, is_text(g, SUBJ_QUERY, to->query, !to->query.p)))
		return false;
	if (to->authority.n) {
		char *name = arena_get(g->a, URI_HOST_ROOM(to->authority.n));
		struct str host;
		unsigned port;

		return uri_host(to->authority, name, &host, &port) &&
		       scene_needs(g, sc, is_text(g, SUBJ_HOST, host, false));
	}
	return true;
}

static void say(struct looping *k, const struct p_rule *rule, const struct witness *w,
		const struct p_rule *const *by, unsigned n)
{
	diag(W113, lint_at(rule->place));
	k->said[rule->index] = true;
	for (unsigned i = 1; i < n; i++)
		if (by[i] != rule)
			diag_note(lint_at(by[i]->place), "then this rule");
	for (unsigned i = 1; i < n; i++)
		k->said[by[i]->index] = true;
	if (w)
		lint_witness(k->l, w);
}

static bool never_sets_cookies(const struct program *p)
{
	for (uint32_t i = 0; i < p->nrules; i++)
		for (uint32_t n = 0; n < p->rules[i]->nactions; n++) {
			const struct p_action *a = &p->rules[i]->actions[n];

			if (lint_is_response(p->rules[i]->dir) && a->id != ACT_DENY &&
			    a->id != ACT_ALLOW && a->id != ACT_REM &&
			    !(a->id == ACT_SET && a->part == PART_HEADER &&
			      !str_ieq(a->name, S("set-cookie"))))
				return false;
		}
	return true;
}

static bool may_replay(const struct looping *k)
{
	return k->replayed < REPLAYED_RULES;
}

/* The request that was found is led back to, or <to>, which it is for, is the rule's own target. */
static bool loops(struct looping *k, const struct scene *sc, const struct search *q,
		  const struct p_rule *rule, const struct place *to)
{
	const struct p_rule *by[HOPS_MAX];
	struct witness w;
	unsigned n, back;
	bool own = false;

	if (!may_replay(k)) {
		if (!to || to->scheme.n || !never_sets_cookies(k->l->p) || q->opaque)
			return false;
		say(k, rule, NULL, NULL, 0);
		return true;
	}
	k->replayed += k->l->p->nrules;
	witness_make(k->l->g, sc, q->found, &w);
	if (w.outcome->decided != rule)
		return false;
	back = follow(k, &w, by, &n);
	for (unsigned i = back; i < n; i++) {
		if (!by[i] || !steady(by[i]->cond))
			return false;
		own |= by[i] == rule;
	}
	if (!own)
		return false; /* what it leads to is the loop, and has a rule of its own */
	say(k, rule, &w, by, n);
	return true;
}

static const struct p_action *redirect_of(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		if (r->actions[i].id == ACT_REDIR)
			return &r->actions[i];
	return NULL;
}

/* Does every match of the expression begin with something else? Spares compiling it. */
static bool begins_otherwise(struct proof *g, const struct atom *x, struct str path)
{
	char room[WATCH_NEEDLE];
	bool at_start;
	struct str s;

	if (x->op != OP_RE || x->nvalues != 1 || x->values[0].kind != VALUE_REGEX)
		return false;
	s = watch_needle(g, x->values[0].regex, room, &at_start);
	return at_start && s.n && !str_istarts(path, s);
}

/* Is it plain that no request for the path <path> satisfies <c>? */
static bool never_at(struct proof *g, const struct conj *c, struct str path)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct atom *x = atom_at(g, c->lits[i]);

		if (x->field->id == SUBJ_PATH && x->field->kind == FIELD_TEXT && !x->length &&
		    !x->map && !x->unknown && !x->field->opaque && !x->field->version &&
		    !x->field->response && x->op != OP_TRUE &&
		    ((!(c->lits[i] & 1) && begins_otherwise(g, x, path)) ||
		     atom_text(x, path) == (c->lits[i] & 1)))
			return true;
	}
	return false;
}

static bool never_comes(struct proof *g, const struct dnf *d, const struct place *to)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (!never_at(g, &d->at[i], to->path))
			return false;
	return true;
}

/* <to>: asks for the target itself; NULL: for any request. */
static bool check_way(struct looping *k, const struct scene *open, const struct p_rule *rule,
		      uint32_t index, const struct place *to)
{
	struct proof *g = k->l->g;
	struct scene *sc;
	const struct dnf *cond = &open->at[open->n - 1].context->rules[index].cond;
	struct search q;
	bool found;

	if (to ? never_comes(g, cond, to) : !may_replay(k))
		return false;
	sc = lint_scene(k->l, open, index);
	if (to && to->authority.n ? !scene_needs(g, sc, naming_host(g, cond))
				  : !scene_needs(g, sc, *cond))
		return false;
	if (to && (!asks_for(g, sc, to) || !keeps_method(g, sc, redirect_of(rule)->status)))
		return false;
	found = search_run(&q, g, sc) == ANSWER_YES && loops(k, sc, &q, rule, to);
	search_end(&q);
	return found;
}

static void check_rule(struct looping *k, const struct p_section *s, enum rule_dir dir,
		       struct scenes *all, uint32_t index)
{
	const struct p_rule *rule = s->chains[dir].rules[index];
	const struct p_action *a = redirect_of(rule);
	struct place to;
	bool constant;

	if (!a || k->l->rules[rule->index].fate != FATE_REACHED || lint_skips(rule->place) ||
	    k->said[rule->index] || !steady(rule->cond))
		return;
	constant = constant_place(k->l->g->a, a, &to);
	if (!all->all.n && !all->cut)
		lint_all_scenes(k->l, s, dir, all);
	for (size_t i = 0; i < all->all.n && i < WAYS_TRIED; i++)
		if ((constant && check_way(k, all->all.p[i], rule, index, &to)) ||
		    check_way(k, all->all.p[i], rule, index, NULL))
			return;
}

void prove_loops(struct lint *l)
{
	struct looping k = { .l = l, .said = ARENA_ARRAY(l->g->a, bool, l->p->nrules + 1) };

	for (uint32_t i = 0; i < l->p->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++) {
			const struct p_section *s = l->p->sections[i];
			struct scenes all = { 0 };

			for (uint32_t n = 0; n < s->chains[dir].n && s->filters == s &&
					     !lint_is_response((enum rule_dir)dir);
			     n++)
				check_rule(&k, s, (enum rule_dir)dir, &all, n);
		}
}
