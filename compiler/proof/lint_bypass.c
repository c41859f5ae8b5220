/* SPDX-License-Identifier: Apache-2.0 */
/* S305: requests that a rule turns away, and others that mean the same and are let through: a test
 * on uri or on the Host header sees how something was spelled, and one that stands before or behind
 * a rewrite sees another path than the server. Both requests have been run by the interpreter. */
#include "lint.h"

#include "../../runtime/base/h1_class.h"
#include "../../runtime/base/uri.h"

#define VALUES_MAX 8 /* of one test that are tried */
#define PLACES_MAX 48 /* of a path where one spelling is tried */

struct attempt {
	struct lint *l;
	const struct p_rule *rule;
	const struct witness *base; /* is refused */
	struct arena a; /* of one replay */
	const struct p_section *meant; /* backend that gets <base> without the rule, or NULL */
	bool spelled_case; /* a test compares capitals */
	bool done;
};

/* ---- trying ---- */

static struct str method_and_target(struct arena *a, const struct request_spec *r)
{
	return arena_printf(a, "%.*s %.*s", STR_ARG(r->meth), STR_ARG(r->target));
}

static void report(struct attempt *t, const struct request_spec *r, const char *how)
{
	struct arena *a = t->l->g->a;
	const struct request_spec *base = &t->base->request;
	struct str host = { 0 };

	for (uint32_t i = 0; i < base->headers.n; i++)
		if (str_ieq(base->headers.at[i].name, S("host")))
			host = base->headers.at[i].value;
	diag(S305, lint_at(t->rule->place), how);
	diag_note((struct at) { 0 }, "refused is: %.*s, host %.*s",
		  STR_ARG(method_and_target(a, base)), STR_ARG(host));
	lint_replayed(t->l, r, t->base);
	t->done = true;
}

/* Reports <r> when a server gets it. */
static void try(struct attempt *t, const struct request_spec *r, const char *how)
{
	struct outcome *o = t->done ? NULL : lint_replay(t->l, &t->a, r, t->base);

	if (o && o->forwarded)
		report(t, r, how);
	arena_free(&t->a);
}

static void try_target(struct attempt *t, struct str target, const char *how)
{
	struct request_spec r = t->base->request;

	r.target = target;
	try(t, &r, how);
}

/* ---- other spellings of the target ---- */

static struct str spliced(struct attempt *t, struct str s, size_t at, size_t cut, struct str text)
{
	return arena_printf(t->l->g->a, "%.*s%.*s%.*s", (int)at, s.p, STR_ARG(text),
			    (int)(s.n - at - cut), s.p + at + cut);
}

static void try_escapes(struct attempt *t, struct str target, size_t path)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 1; i < path && i < PLACES_MAX && !t->done; i++) {
		unsigned char c = (unsigned char)target.p[i];
		char text[3] = { '%', hex[c >> 4], hex[c & 15] };

		if ((h1_class((char)c) & H1_UNRESERVED) && (i < 2 || target.p[i - 2] != '%') &&
		    target.p[i - 1] != '%')
			try_target(t, spliced(t, target, i, 1, str_of(text, 3)),
				   "an escape that stands for the same letter gets past it");
	}
}

static void try_slashes(struct attempt *t, struct str target, size_t path)
{
	for (size_t i = 0; i < path && i < PLACES_MAX && !t->done; i++) {
		if (target.p[i] != '/')
			continue;
		try_target(t, spliced(t, target, i, 1, S("//")), "a second / gets past it");
		try_target(t, spliced(t, target, i, 1, S("/./")), "a segment . gets past it");
		try_target(t, spliced(t, target, i, 1, S("/x/../")), "a segment .. gets past it");
	}
}

static void try_query(struct attempt *t, struct str target, size_t path)
{
	struct arena *a = t->l->g->a;

	try_target(t, arena_printf(a, "%.*s%cx", STR_ARG(target), path < target.n ? '&' : '?'),
		   "a query gets past it");
	try_target(t, spliced(t, target, path, 0, S("?")), "an empty query gets past it");
}

static void try_case(struct attempt *t, struct str target, size_t path)
{
	struct str other = arena_str(t->l->g->a, target);
	char *p = arena_get(t->l->g->a, target.n + 1);

	if (!t->spelled_case)
		return;
	memcpy(p, other.p, other.n);
	for (size_t i = 0; i < path; i++)
		if ((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z'))
			p[i] ^= 0x20;
	try_target(t, str_of(p, target.n), "letters in the other case get past it");
}

/* http://host/path is the same target as /path of that host (RFC 9112 3.2.2). */
static void try_absolute(struct attempt *t, struct str target)
{
	const struct request_spec *r = &t->base->request;

	for (uint32_t i = 0; i < r->headers.n; i++)
		if (str_ieq(r->headers.at[i].name, S("host")))
			try_target(t,
				   arena_printf(t->l->g->a, "http://%.*s%.*s",
						STR_ARG(r->headers.at[i].value), STR_ARG(target)),
				   "a whole URI as the target gets past it");
}

static bool normal(struct attempt *t, struct str path)
{
	char *room = arena_get(t->l->g->a, path.n + 1);
	ptrdiff_t n = path.n && path.p[0] == '/' ? uri_normalise(path, room) : -1;

	return n == (ptrdiff_t)path.n && memcmp(room, path.p, path.n) == 0;
}

static size_t path_length(struct str target)
{
	ptrdiff_t query = str_chr(target, '?');

	return query < 0 ? target.n : (size_t)query;
}

static void try_spellings(struct attempt *t)
{
	struct str target = t->base->request.target;
	size_t path = path_length(target);

	if (!normal(t, str_first(target, path)))
		return; /* it is the spelling that is refused, not what it stands for */
	try_escapes(t, target, path);
	try_slashes(t, target, path);
	try_query(t, target, path);
	try_case(t, target, path);
	try_absolute(t, target);
}

/* <prefix>/.. before the target: the same path, but it begins with what a test lets in. */
static void try_detour(struct attempt *t, struct str prefix)
{
	struct str target = t->base->request.target;
	struct textbuf b = { 0 };

	while (prefix.n && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	if (!prefix.n || prefix.p[0] != '/' || !normal(t, prefix) ||
	    !normal(t, str_first(target, path_length(target))))
		return;
	textbuf_put(t->l->g->a, &b, prefix);
	for (size_t i = 0; i < prefix.n; i++)
		if (prefix.p[i] == '/')
			textbuf_put(t->l->g->a, &b, S("/.."));
	textbuf_put(t->l->g->a, &b, target);
	try_target(t, textbuf_str(&b), "a way through what it lets in gets past it");
}

/* ---- other spellings of the host ---- */

static void try_host(struct attempt *t, struct str host, const char *how)
{
	struct request_spec r = lint_request(t->l->g->a, &t->base->request);

	lint_set_header(t->l->g->a, &r, S("Host"), host);
	try(t, &r, how);
}

static void try_hosts(struct attempt *t)
{
	struct arena *a = t->l->g->a;
	const struct request_spec *r = &t->base->request;
	struct str host = { 0 };
	ptrdiff_t port;
	char *upper;

	for (uint32_t i = 0; i < r->headers.n; i++)
		if (str_ieq(r->headers.at[i].name, S("host")))
			host = r->headers.at[i].value;
	if (!host.n || host.p[0] == '[')
		return;
	port = str_chr(host, ':');
	host = port < 0 ? host : str_first(host, (size_t)port);
	try_host(t, host, "the host without a port gets past it");
	try_host(t, arena_printf(a, "%.*s:80", STR_ARG(host)),
		 "a port behind the host gets past it");
	try_host(t, arena_printf(a, "%.*s.", STR_ARG(host)), "a dot behind the host gets past it");
	upper = arena_get(a, host.n + 1);
	for (size_t i = 0; i < host.n; i++)
		upper[i] =
			(char)(host.p[i] >= 'a' && host.p[i] <= 'z' ? host.p[i] - 32 : host.p[i]);
	try_host(t, str_of(upper, host.n), "the host in capitals gets past it");
}

/* ---- rules that look at the spelling ---- */

static bool of_uri(const struct p_subject *s)
{
	return s->id == SUBJ_URI && s->measure == MEASURE_NONE && !s->convs;
}

static bool of_host(const struct p_subject *s)
{
	return s->id == SUBJ_H && str_eq(s->name, S("host")) && s->measure == MEASURE_NONE &&
	       !s->convs;
}

struct tests {
	struct arena *a;
	struct vec uri, host, path; /* struct p_test */
};

static void see(const struct p_test *t, bool positive, void *arg)
{
	struct tests *k = arg;
	const struct p_subject *s = t->subject;

	(void)positive;
	if (of_uri(s))
		vec_push(k->a, &k->uri, (void *)(uintptr_t)t);
	else if (of_host(s))
		vec_push(k->a, &k->host, (void *)(uintptr_t)t);
	else if (s->id == SUBJ_PATH && s->measure == MEASURE_NONE && !s->convs)
		vec_push(k->a, &k->path, (void *)(uintptr_t)t);
}

static bool refused_base(struct attempt *t, const struct p_test *also, struct witness *w)
{
	t->base = w;
	return !t->done && lint_shows(t->l, t->rule, also, w) && lint_refused(w->outcome);
}

/* The target of <w> becomes what the value alone asks for, when that is a path in its normal form and
 * refused, too: several values of a test may have come together. */
static void plain_target(struct attempt *t, const struct p_test *one, struct witness *w)
{
	struct arena *a = t->l->g->a;
	struct str target = w->request.target, text = one->values->text;
	struct outcome *o;

	if (one->values->kind != VALUE_STR || normal(t, str_first(target, path_length(target))))
		return;
	w->request.target =
		str_starts(text, S("/")) ? text : arena_printf(a, "/%.*s", STR_ARG(text));
	o = normal(t, w->request.target) ? lint_replay(t->l, a, &w->request, w) : NULL;
	if (o && lint_refused(o))
		w->outcome = o;
	else
		w->request.target = target;
}

/* Other spellings of <w>, which the rule refuses because of <one>, a test on the host or the target. */
static void try_all(struct attempt *t, const struct p_test *one, bool host, struct witness *w)
{
	t->base = w;
	if (host) {
		try_hosts(t);
		return;
	}
	plain_target(t, one, w);
	try_spellings(t);
	if ((one->op == OP_PREFIX || one->op == OP_EQ) && one->values->kind == VALUE_STR)
		try_detour(t, one->values->text);
}

/* Requests that servers get, with what the rule refuses: without it they would be let through. */
static void try_forwarded(struct attempt *t, const struct p_test *one, bool host)
{
	const struct vec *all = lint_forwarded(t->l);
	struct arena *a = t->l->g->a;
	struct str text;

	if (!lint_example(t->l, one, &text))
		return;
	for (size_t i = 0; i < all->n && !t->done; i++) {
		struct witness w = *(const struct witness *)all->p[i];

		w.request = lint_request(a, &w.request);
		if (host)
			lint_set_header(a, &w.request, S("Host"), text);
		else
			w.request.target = arena_printf(
				a, "%s%.*s", str_starts(text, S("/")) ? "" : "/", STR_ARG(text));
		w.outcome = lint_replay(t->l, a, &w.request, &w);
		if (w.outcome && w.outcome->decided == t->rule && lint_refused(w.outcome))
			try_all(t, one, host, &w);
	}
}

/* A request that the rule refuses, for each value of its tests, and none of them in particular. */
static void try_tests(struct attempt *t, const struct tests *k)
{
	const struct vec *lists[] = { &k->uri, &k->host };
	struct witness w;

	for (size_t j = 0; j < 2; j++)
		for (size_t i = 0; i < lists[j]->n; i++) {
			const struct p_test *test = lists[j]->p[i];

			t->spelled_case = !test->subject->icase;
			for (uint32_t v = 0; v < VALUES_MAX && !t->done; v++) {
				const struct p_test *one = lint_one_value(t->l, test, v);

				if (!one)
					break;
				if (refused_base(t, one, &w) || refused_base(t, NULL, &w))
					try_all(t, one, j == 1, &w);
				if (!t->done)
					try_forwarded(t, one, j == 1);
			}
		}
}

/* ---- rules that let in ---- */

/* A rule lets in what begins so; what is refused elsewhere gets in by a way through it. */
static void try_open(struct attempt *t, const struct tests *k)
{
	struct arena *a = t->l->g->a;
	struct witness w;

	for (size_t i = 0; i < k->uri.n && !t->done; i++) {
		const struct p_test *one = lint_one_value(t->l, k->uri.p[i], 0);

		if (!one || one->values->kind != VALUE_STR || one->op != OP_PREFIX ||
		    !lint_shows(t->l, t->rule, one, &w) || !w.outcome->forwarded)
			continue;
		w.request.target = S("/zz");
		w.outcome = lint_replay(t->l, a, &w.request, &w);
		if (!w.outcome || !lint_refused(w.outcome) || !w.outcome->decided)
			continue;
		t->base = &w;
		try_detour(t, one->values->text);
		if (t->done)
			diag_note(lint_at(w.outcome->decided->place), "this rule refuses");
	}
}

/* ---- rewrites ---- */

/* The path that <a> makes <path> of; p NULL: none is known. */
static struct str unmapped(struct lint *l, const struct p_action *a, struct str path)
{
	const struct p_text *t = a->text;
	struct str rest, to;

	if (!t || t->n != 1 || t->pieces[0].kind != PIECE_LITERAL || !a->old.n)
		return (struct str) { 0 };
	to = t->pieces[0].text;
	while (to.n && to.p[to.n - 1] == '/')
		to.n--;
	if (!uri_prefix(path, to, false, &rest) && to.n)
		return (struct str) { 0 };
	if (!to.n)
		rest = path;
	to = a->old;
	while (to.n && to.p[to.n - 1] == '/')
		to.n--;
	return arena_printf(l->g->a, "%.*s%.*s", STR_ARG(to), STR_ARG(rest));
}

/* What the regex of a rewrite needs before what it keeps: "^/x/(.*)", "/\1" makes /a of /x/a. */
static struct str unrewritten(struct lint *l, const struct p_regex *re, const struct p_text *t,
			      struct str path)
{
	struct str before = re ? re->text : str_of("", 0), keep = path;
	size_t n = 0;

	if (!t || !t->n || !str_starts(before, S("^/")))
		return (struct str) { 0 };
	before = str_skip(before, 1);
	while (n < before.n && !strchr("\\.[(*+?{|^$", before.p[n]))
		n++;
	if (n < before.n && strchr("*+?{|", before.p[n]))
		return (struct str) { 0 };
	before = str_first(before, n);
	if (t->pieces[0].kind == PIECE_LITERAL) {
		if (!str_starts(keep, t->pieces[0].text))
			return (struct str) { 0 };
		keep = str_skip(keep, t->pieces[0].text.n);
	}
	return arena_printf(l->g->a, "%.*s%.*s", STR_ARG(before), STR_ARG(keep));
}

/* Behind the rule the path becomes what it refuses. */
static void try_rewritten(struct attempt *t, const struct p_rule *by, const struct p_action *a,
			  struct str path)
{
	struct arena *room = t->l->g->a;
	struct request_spec r = t->base->request;
	struct outcome *o;

	r.target = a->id == ACT_MAPURI || a->id == ACT_URIREMAP ? unmapped(t->l, a, path)
		   : a->id == ACT_REWRITE ? unrewritten(t->l, a->regex, a->text, path)
		   : a->id == ACT_SET && a->part == PART_PATH && by->capturing
			   ? unrewritten(t->l, by->capturing->values[0].regex, a->text, path)
			   : (struct str) { 0 };
	if (!r.target.p || !normal(t, r.target) || str_eq(r.target, path))
		return;
	o = lint_replay(t->l, &t->a, &r, t->base);
	if (o && o->forwarded && o->backend == t->meant && str_eq(o->request.path, path)) {
		r.target = arena_str(room, r.target);
		report(t, &r, "the path that it refuses is made behind it");
		diag_severity(SEV_WARNING);
		diag_note(lint_at(a->place), "this makes it");
	}
	arena_free(&t->a);
}

/* Before the rule the path became something else: a request for <path> itself goes through. */
static void try_moved(struct attempt *t, const struct p_test *test, struct str path)
{
	struct request_spec r = t->base->request;
	struct outcome *o;

	r.target = path;
	if (!normal(t, path) || (test->op != OP_PREFIX && test->op != OP_EQ))
		return;
	o = lint_replay(t->l, &t->a, &r, t->base);
	if (o && o->forwarded && o->backend == t->meant && !str_eq(o->request.path, path)) {
		report(t, &r, "a path that it names is changed before it looks");
		diag_severity(SEV_WARNING);
	}
	arena_free(&t->a);
}

/* Which backend would get what the rule refuses? */
static bool find_meant(struct attempt *t)
{
	struct witness w = *t->base;
	struct outcome *o;

	w.state.without = t->rule;
	o = lint_replay(t->l, &t->a, &w.request, &w);
	t->meant = o && o->forwarded ? o->backend : NULL;
	arena_free(&t->a);
	return t->meant != NULL;
}

static void try_paths(struct attempt *t, const struct tests *k, const struct vec *rewrites)
{
	struct witness w;

	for (size_t i = 0; i < k->path.n && rewrites->n; i++) {
		const struct p_test *test = k->path.p[i];

		for (uint32_t v = 0; v < VALUES_MAX && !t->done; v++) {
			const struct p_test *one = lint_one_value(t->l, test, v);
			struct str path;

			if (!one)
				break;
			if (!refused_base(t, one, &w) || !find_meant(t))
				continue;
			path = str_first(w.request.target, path_length(w.request.target));
			if (!normal(t, path))
				continue;
			path = arena_str(t->l->g->a, path);
			for (size_t n = 0; n < rewrites->n && !t->done; n++) {
				const struct p_rule *by = rewrites->p[n];

				for (uint32_t x = 0; x < by->nactions && !t->done; x++)
					try_rewritten(t, by, &by->actions[x], path);
			}
			if (!t->done && one->values->kind == VALUE_STR)
				try_moved(t, one, one->values->text);
		}
	}
}

static bool rewrites(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions && !lint_is_response(r->dir); i++) {
		const struct p_action *a = &r->actions[i];

		if (a->id == ACT_MAPURI || a->id == ACT_REWRITE ||
		    (a->id == ACT_URIREMAP && a->text) ||
		    (a->id == ACT_SET && a->part == PART_PATH))
			return true;
	}
	return false;
}

static bool ends(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		if (r->actions[i].id == ACT_SWITCH)
			return true;
	return lint_refuses(r);
}

static bool opens(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		if (r->actions[i].id == ACT_ALLOW || r->actions[i].id == ACT_SWITCH)
			return true;
	return false;
}

static bool concerns(const struct lint *l, const struct p_rule *r)
{
	return (r->dir == DIR_REQ_IN || r->dir == DIR_REQ_OUT) && (ends(r) || opens(r)) &&
	       !lint_skips(r->place) && l->rules[r->index].fate != FATE_DEAD &&
	       r->section->front_mode == MODE_HTTP;
}

void prove_bypass(struct lint *l)
{
	struct vec all = { 0 };

	for (uint32_t i = 0; i < l->p->nrules; i++)
		if (rewrites(l->p->rules[i]))
			vec_push(l->g->a, &all, l->p->rules[i]);
	for (uint32_t i = 0; i < l->p->nrules && !l->untried; i++) {
		struct attempt t = { .l = l, .rule = l->p->rules[i] };
		struct tests k = { .a = l->g->a };

		if (!concerns(l, t.rule))
			continue;
		lint_each_test(t.rule->cond, true, see, &k);
		try_tests(&t, &k);
		if (!t.done)
			try_paths(&t, &k, &all);
		if (!t.done && opens(t.rule))
			try_open(&t, &k);
	}
}
