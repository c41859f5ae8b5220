/* SPDX-License-Identifier: Apache-2.0 */
/* S306, S314, S316, S320: rules that believe what a client says of itself, or that let in before
 * others have looked. Each is shown by two requests, or one, that the interpreter has run. */
#include "lint.h"

#define TRIED_MAX 16 /* addresses that are put into a forwarding header */

static const struct str forwarding[] = { { "x-forwarded-for", 15 },
					 { "forwarded", 9 },
					 { "x-real-ip", 9 } };

static bool is_forwarding(struct str name)
{
	for (size_t i = 0; i < sizeof(forwarding) / sizeof(*forwarding); i++)
		if (str_ieq(name, forwarding[i]))
			return true;
	return false;
}

/* ---- S306 ---- */

struct finding {
	struct lint *l;
	const struct p_rule *rule;
	const bool *passes; /* by section: rules of it let some requests pass */
	struct arena a;
};

static bool differ(const struct outcome *x, const struct outcome *y)
{
	return x->verdict != y->verdict || x->backend != y->backend || x->decided != y->decided ||
	       x->answer.status != y->answer.status;
}

/* Peers that nobody has named: where a site lets only its own networks ask, it trusts those. */
static const struct str strangers[] = { { "198.51.100.7", 12 }, { "203.0.113.9", 11 } };

/* Does the header <name> of <with> change what becomes of it when it comes from <src>? */
static bool compare_from(struct finding *k, const struct witness *w,
			 const struct request_spec *with, struct str name, struct str src)
{
	struct request_spec r = lint_request(k->l->g->a, with), without;
	struct outcome *x, *y;
	uint16_t port;
	bool found;

	if (!address_read(src, &r.src, &port) || lint_trusts(k->l, r.src.addr))
		return false;
	without = lint_request(k->l->g->a, &r);
	lint_set_header(k->l->g->a, &without, name, (struct str) { 0 });
	x = lint_replay(k->l, &k->a, &r, w);
	y = x ? lint_replay(k->l, &k->a, &without, w) : NULL;
	found = y && differ(x, y);
	arena_free(&k->a);
	if (!found)
		return false;
	diag(S306, lint_at(k->rule->place), STR_ARG(name));
	lint_replayed(k->l, &r, w);
	return true;
}

/* The same, with <value> in the header unless its p is NULL. */
static bool compare(struct finding *k, const struct witness *w, struct request_spec *r,
		    struct str name, struct str value)
{
	if (value.p)
		lint_set_header(k->l->g->a, r, name, value);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
		if (compare_from(k, w, r, name, strangers[i]))
			return true;
	return false;
}

struct headers {
	struct lint *l;
	struct vec tests, nets; /* struct p_test, struct p_net */
};

static void see_header(const struct p_test *t, bool positive, void *arg)
{
	struct headers *h = arg;

	(void)positive;
	if (t->subject->id == SUBJ_H && is_forwarding(t->subject->name) && h->tests.n < TRIED_MAX)
		vec_push(h->l->g->a, &h->tests, (void *)(uintptr_t)t);
}

static void see_nets(const struct p_test *t, bool positive, void *arg)
{
	struct headers *h = arg;

	(void)positive;
	for (uint32_t i = 0; t->subject->id == SUBJ_SRC && !t->set && i < t->nvalues; i++)
		if (t->values[i].kind == VALUE_NET && h->nets.n < TRIED_MAX)
			vec_push(h->l->g->a, &h->nets, (void *)(uintptr_t)&t->values[i].net);
}

/* setsrc with such a header: do later tests on src believe it? */
static void check_setsrc(struct finding *k, const struct p_action *a, const struct headers *h)
{
	struct witness w;

	for (uint32_t i = 0; a->id == ACT_SETSRC && i < a->text->n; i++) {
		const struct p_subject *s = a->text->pieces[i].subject;

		if (a->text->pieces[i].kind != PIECE_SUBJECT || s->id != SUBJ_H ||
		    !lint_shows(k->l, k->rule, NULL, &w))
			continue;
		for (size_t n = 0; n < h->nets.n; n++) {
			struct request_spec r = lint_request(k->l->g->a, &w.request);
			struct str ip = address_text(k->l->g->a, h->nets.p[n]);
			ptrdiff_t slash = str_chr(ip, '/');

			ip = slash < 0 ? ip : str_first(ip, (size_t)slash);
			if (compare(k, &w, &r, s->name, ip))
				return;
		}
	}
}

/* With the header as it is in the request that gets to the rule, or with what a test asks for. */
static bool check_test(struct finding *k, const struct witness *w, const struct p_test *t)
{
	const struct p_test *one = lint_one_value(k->l, t, 0);
	struct request_spec r = lint_request(k->l->g->a, &w->request);
	struct str text = { 0 };

	if (compare(k, w, &r, t->subject->name, text))
		return true;
	return one && lint_example(k->l, one, &text) && compare(k, w, &r, t->subject->name, text);
}

static void check_forwarded(struct finding *k, const struct headers *nets)
{
	struct headers h = { .l = k->l };
	struct witness w;

	lint_each_test(k->rule->cond, true, see_header, &h);
	for (size_t i = 0; i < h.tests.n; i++)
		if (!lint_shows(k->l, k->rule, NULL, &w) || check_test(k, &w, h.tests.p[i]))
			return;
	for (uint32_t i = 0; i < k->rule->nactions; i++)
		check_setsrc(k, &k->rule->actions[i], nets);
}

/* ---- S316, S320 ---- */

struct claims {
	const struct p_test *absent, *single;
	bool refuses;
};

static bool of_client(const struct p_subject *s)
{
	return (s->id == SUBJ_H || s->id == SUBJ_C) && s->measure == MEASURE_NONE &&
	       !str_eq(s->name, S("host")) && !str_eq(s->name, S("cookie"));
}

/* Lists of what a client likes, names of programs, what is sent: to say them twice gains little. */
static bool is_list(struct str name)
{
	return str_starts(name, S("accept")) || str_starts(name, S("sec-")) ||
	       str_starts(name, S("if-")) || str_starts(name, S("content-")) ||
	       str_eq(name, S("user-agent")) || str_eq(name, S("referer")) ||
	       str_eq(name, S("origin")) || str_eq(name, S("upgrade")) ||
	       str_eq(name, S("connection")) || str_eq(name, S("via")) ||
	       str_eq(name, S("cache-control")) || str_eq(name, S("transfer-encoding")) ||
	       is_forwarding(name);
}

static void see_claim(const struct p_test *t, bool positive, void *arg)
{
	struct claims *c = arg;

	if (!of_client(t->subject) || t->op == OP_TRUE)
		return;
	if (!positive && !c->refuses && !c->absent)
		c->absent = t;
	if (positive != c->refuses && !c->single && !t->subject->convs &&
	    !is_list(t->subject->name))
		c->single = t;
}

/* The header is left out, and the rule still lets the request in. */
static void check_absent(struct finding *k, const struct p_test *t)
{
	struct request_spec r;
	struct witness w;
	struct outcome *o;
	bool in;

	if (!lint_shows(k->l, k->rule, NULL, &w))
		return;
	r = lint_request(k->l->g->a, &w.request);
	lint_set_header(k->l->g->a, &r, t->subject->id == SUBJ_C ? S("Cookie") : t->subject->name,
			(struct str) { 0 });
	o = lint_replay(k->l, &k->a, &r, &w);
	in = o && o->forwarded &&
	     witness_matched(&(struct witness) { .outcome = o }, k->rule, k->rule->dir);
	arena_free(&k->a);
	if (!in)
		return;
	diag(S316, lint_at(k->rule->place), t->subject->id == SUBJ_C ? "cookie" : "header",
	     STR_ARG(t->subject->name));
	lint_replayed(k->l, &r, &w);
}

static unsigned count_headers(const struct fields *f, struct str name)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < f->n; i++)
		n += str_ieq(f->at[i].name, name);
	return n;
}

/* A request that is let in; a second header with something else, and it still is. */
static void check_repeated(struct finding *k, const struct p_test *t)
{
	const struct p_test *one = lint_one_value(k->l, t, 0);
	struct request_spec r;
	struct witness w, in = { 0 };
	struct arena *a = k->l->g->a;
	bool cookie = t->subject->id == SUBJ_C;
	struct outcome *o;
	struct str text;

	if (!one)
		return;
	if (lint_refuses(k->rule)) {
		if (!lint_shows(k->l, k->rule, NULL, &w) || !lint_refused(w.outcome) ||
		    !lint_example(k->l, one, &text))
			return;
		in = w;
		in.request = lint_request(a, &w.request);
		lint_set_header(a, &in.request, cookie ? S("Cookie") : t->subject->name,
				cookie ? arena_printf(a, "%.*s=%.*s", STR_ARG(t->subject->name),
						      STR_ARG(text))
				       : text);
	} else if (!lint_shows(k->l, k->rule, one, &in)) {
		return;
	}
	r = lint_request(a, &in.request);
	if (cookie)
		fields_add(a, &r.headers, S("Cookie"),
			   arena_printf(a, "%.*s=other", STR_ARG(t->subject->name)));
	else
		fields_add(a, &r.headers, t->subject->name, S("other"));
	o = lint_replay(k->l, &k->a, &r, &in);
	if (o && o->forwarded && !lint_refused(o) &&
	    count_headers(&o->request.headers, cookie ? S("cookie") : t->subject->name) > 1) {
		diag(S320, lint_at(k->rule->place), cookie ? "cookie" : "header",
		     STR_ARG(t->subject->name));
		lint_replayed(k->l, &r, &in);
	}
	arena_free(&k->a);
}

static void check_claims(struct finding *k)
{
	struct claims c = { .refuses = lint_refuses(k->rule) };

	if (!c.refuses && !lint_spares(k->l, k->rule))
		return;
	lint_each_test(k->rule->cond, true, see_claim, &c);
	if (c.absent)
		check_absent(k, c.absent);
	if (c.single)
		check_repeated(k, c.single);
}

/* ---- S314 ---- */

struct sources {
	const struct p_test *blocked; /* the rule refuses these addresses */
	bool other, any_src;
};

static void see_source(const struct p_test *t, bool positive, void *arg)
{
	struct sources *s = arg;

	s->any_src |= t->subject->id == SUBJ_SRC;
	if (t->subject->id == SUBJ_SRC && positive)
		s->blocked = t;
	else
		s->other = true;
}

static bool lets_pass(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		if (r->actions[i].id == ACT_ALLOW || r->actions[i].id == ACT_SWITCH)
			return true;
	return false;
}

/* <deny> refuses addresses; a rule before it, which does not look at addresses, lets one in. */
static bool check_hole(struct finding *k, const struct p_rule *before, const struct p_test *blocked)
{
	struct sources s = { 0 };
	struct witness w;

	if (!lets_pass(before) || before->cond->kind == PE_TRUE)
		return false;
	lint_each_test(before->cond, true, see_source, &s);
	if (s.any_src || !lint_shows(k->l, before, blocked, &w) || !w.outcome->forwarded)
		return false;
	diag(S314, lint_at(k->rule->place));
	diag_note(lint_at(before->place), "this rule comes first");
	lint_witness(k->l, &w);
	return true;
}

static void check_holes(struct finding *k)
{
	const struct p_chain *c = &k->rule->section->chains[k->rule->dir];
	struct sources s = { 0 };

	if (!k->passes[k->rule->section->index] || !lint_refuses(k->rule) ||
	    k->rule->dir != DIR_REQ_IN)
		return;
	lint_each_test(k->rule->cond, true, see_source, &s);
	if (!s.blocked || s.other)
		return;
	for (uint32_t i = 0; i < c->n && c->rules[i] != k->rule; i++)
		if (check_hole(k, c->rules[i], s.blocked))
			return;
}

/* ---- all ---- */

void prove_trust(struct lint *l)
{
	struct headers nets = { .l = l };
	bool *passes = ARENA_ARRAY(l->g->a, bool, l->p->nsections + 1);

	for (uint32_t i = 0; i < l->p->nrules; i++) {
		lint_each_test(l->p->rules[i]->cond, true, see_nets, &nets);
		passes[l->p->rules[i]->section->index] |= lets_pass(l->p->rules[i]);
	}
	for (uint32_t i = 0; i < l->p->nrules && !l->untried; i++) {
		struct finding k = { .l = l, .rule = l->p->rules[i], .passes = passes };

		if (lint_is_response(k.rule->dir) || lint_skips(k.rule->place) ||
		    l->rules[i].fate == FATE_DEAD || k.rule->section->front_mode != MODE_HTTP)
			continue;
		check_forwarded(&k, &nets);
		check_claims(&k);
		check_holes(&k);
	}
}
