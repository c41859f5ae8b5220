/* SPDX-License-Identifier: Apache-2.0 */
/* S310 to S313: texts that rules write, where the client decides what must not be its choice: the
 * host that is asked, where a redirect leads, what a header holds. Every claim is a request, made
 * for the rule, that has done it. */
#include "lint.h"

#define EVIL "evil.example"
#define EVIL_ADDRESS "192.0.2.66"
#define PLACES_MAX 24 /* of a target at which something is put in */

struct writing {
	struct lint *l;
	const struct p_rule *rule;
	const struct p_action *action;
	struct witness base; /* gets to the rule */
	struct arena a; /* of one replay */
	bool done;
	bool (*shows)(struct writing *w, const struct outcome *o);
	void (*say)(struct writing *w, const struct outcome *o);
};

/* ---- requests ---- */

static void try(struct writing *w, const struct request_spec *r)
{
	struct outcome *o = w->done ? NULL : lint_replay(w->l, &w->a, r, &w->base);

	if (o && w->shows(w, o)) {
		w->done = true;
		w->say(w, o);
		lint_replayed(w->l, r, &w->base);
	}
	arena_free(&w->a);
}

/* The query parameter <name> with <value>, the only one. */
static void try_parameter(struct writing *w, struct str name, struct str value)
{
	struct arena *a = w->l->g->a;
	struct request_spec r = w->base.request;
	struct str path = r.target;
	ptrdiff_t query = str_chr(path, '?');

	if (query >= 0)
		path = str_first(path, (size_t)query);
	r.target = arena_printf(a, "%.*s?%.*s=%.*s", STR_ARG(path), STR_ARG(name), STR_ARG(value));
	try(w, &r);
	if (query < 0)
		return;
	r.target = arena_printf(a, "%.*s&%.*s=%.*s", STR_ARG(w->base.request.target), STR_ARG(name),
				STR_ARG(value));
	try(w, &r);
}

static void try_header(struct writing *w, struct str name, struct str value)
{
	struct request_spec r = lint_request(w->l->g->a, &w->base.request);

	if (str_ieq(name, S("host")))
		return;
	lint_set_header(w->l->g->a, &r, name, value);
	try(w, &r);
}

/* <text> in place of the bytes <from> to <to> of the target. */
static void try_spliced(struct writing *w, size_t from, size_t to, struct str text)
{
	struct request_spec r = w->base.request;

	r.target = arena_printf(w->l->g->a, "%.*s%.*s%.*s", (int)from, w->base.request.target.p,
				STR_ARG(text), (int)(w->base.request.target.n - to),
				w->base.request.target.p + to);
	try(w, &r);
}

/* <text> at each place of the target where a part begins or ends, and for each part. */
static void try_target(struct writing *w, struct str text)
{
	struct str target = w->base.request.target;

	for (size_t i = 1; i <= target.n && i < PLACES_MAX && !w->done; i++) {
		bool begins = target.p[i - 1] == '/';
		size_t end = i;

		if (i < target.n && !begins && target.p[i] != '/' && target.p[i] != '?')
			continue;
		try_spliced(w, i, i, text);
		while (begins && end < target.n && target.p[end] != '/' && target.p[end] != '?')
			end++;
		if (end > i)
			try_spliced(w, i, end, text);
	}
}

/* The subject <s> becomes <text>, if a client can choose it. */
static void try_subject(struct writing *w, const struct p_subject *s, struct str text, bool headers)
{
	switch (s->id) {
	case SUBJ_Q:
		try_parameter(w, s->name, text);
		break;
	case SUBJ_QUERY:
		try_parameter(w, S("x"), text);
		break;
	case SUBJ_H:
		if (headers)
			try_header(w, s->name, text);
		break;
	case SUBJ_C:
		if (headers)
			try_header(w, S("Cookie"),
				   arena_printf(w->l->g->a, "%.*s=%.*s", STR_ARG(s->name),
						STR_ARG(text)));
		break;
	case SUBJ_PATH:
	case SUBJ_URI:
	case SUBJ_LINE:
		try_target(w, text);
		break;
	default:
		break;
	}
}

/* All that the variable or capture <slot> was made of. */
static void try_kept(struct writing *w, const struct p_subject *s, struct str text, bool headers)
{
	const struct program *p = w->l->p;

	for (uint32_t i = 0; i < p->nrules && !w->done; i++)
		for (uint32_t k = 0; k < p->rules[i]->nactions; k++) {
			const struct p_action *a = &p->rules[i]->actions[k];

			if (!str_eq(a->name, s->name))
				continue;
			if (a->id == ACT_CAPTURE && a->subject)
				try_subject(w, a->subject, text, headers);
			for (uint32_t n = 0; a->id == ACT_SETVAR && a->text && n < a->text->n; n++)
				if (a->text->pieces[n].kind == PIECE_SUBJECT)
					try_subject(w, a->text->pieces[n].subject, text, headers);
		}
}

/* Each part of the action's text that a client may choose becomes <text>. */
static void try_text(struct writing *w, struct str text, bool headers)
{
	const struct p_text *t = w->action->text;

	for (uint32_t i = 0; t && i < t->n && !w->done; i++) {
		const struct p_piece *p = &t->pieces[i];

		if (p->kind == PIECE_BACKREF) {
			const struct p_test *by = w->rule->capturing;

			try_target(w, text);
			if (by && !w->action->regex)
				try_subject(w, by->subject, text, headers);
		} else if (p->kind == PIECE_SUBJECT) {
			if (p->subject->id == SUBJ_VAR || p->subject->id == SUBJ_CAPTURE)
				try_kept(w, p->subject, text, headers);
			else
				try_subject(w, p->subject, text, headers);
		}
	}
}

static bool computed(const struct p_text *t)
{
	for (uint32_t i = 0; t && i < t->n; i++)
		if (t->pieces[i].kind == PIECE_BACKREF || t->pieces[i].kind == PIECE_SUBJECT)
			return true;
	return false;
}

/* ---- S310, S311: the host that is asked ---- */

static bool shows_host(struct writing *w, const struct outcome *o)
{
	return o->forwarded && w->action->id != ACT_SETDST && str_ends(o->request.host, S(EVIL));
}

static void say_host(struct writing *w, const struct outcome *o)
{
	struct at at = lint_at(w->action->place);

	if (w->action->id == ACT_SET && w->action->part == PART_HOST)
		diag(S310, at);
	else
		diag(S311, at, "the host of a request");
	diag_note((struct at) { 0 }, "the server is asked for the host %.*s",
		  STR_ARG(o->request.host));
}

static bool shows_address(struct writing *w, const struct outcome *o)
{
	struct p_net evil;
	uint16_t port;

	(void)w;
	return address_read(S(EVIL_ADDRESS), &evil, &port) &&
	       memcmp(o->dst.addr, evil.addr, 16) == 0;
}

static void say_address(struct writing *w, const struct outcome *o)
{
	(void)o;
	diag(S311, lint_at(w->action->place), "the address that is connected to");
}

/* ---- S311, S312: where a redirect leads ---- */

static struct str location(const struct outcome *o)
{
	for (uint32_t i = 0; i < o->answer.headers.n; i++)
		if (str_ieq(o->answer.headers.at[i].name, S("location")))
			return o->answer.headers.at[i].value;
	return (struct str) { 0 };
}

/* The authority of <s> when browsers go to another host for it; what begins with "/\" is read as
 * "//" by them. */
static struct str authority(struct str s)
{
	ptrdiff_t at = str_find(s, S("://"));
	size_t n = 0;

	if (str_starts(s, S("//")) || str_starts(s, S("/\\")))
		s = str_skip(s, 2);
	else if (at > 0 && str_chr(str_first(s, (size_t)at), '/') < 0)
		s = str_skip(s, (size_t)at + 3);
	else
		return (struct str) { 0 };
	while (n < s.n && !strchr("/?#\\", s.p[n]))
		n++;
	return str_first(s, n);
}

static bool shows_location(struct writing *w, const struct outcome *o)
{
	return o->verdict == VERDICT_REDIR && o->decided == w->rule &&
	       str_ends(authority(location(o)), S(EVIL));
}

static void say_location(struct writing *w, const struct outcome *o)
{
	const struct p_piece *first = w->action->text->pieces;
	bool fixed = first->kind == PIECE_LITERAL && str_find(first->text, S("://")) > 0;

	if (fixed)
		diag(S311, lint_at(w->action->place), "the host of a redirect");
	else
		diag(S312, lint_at(w->action->place));
	diag_note((struct at) { 0 }, "it leads to %.*s", STR_ARG(location(o)));
}

/* ---- S313: control bytes ---- */

/* A decoder in <t> behind which CR and LF may stand. */
static const struct p_subject *decoded(const struct p_text *t)
{
	for (uint32_t i = 0; t && i < t->n; i++)
		for (const struct p_conv *c = t->pieces[i].kind == PIECE_SUBJECT
						      ? t->pieces[i].subject->convs
						      : NULL;
		     c; c = c->next)
			if (c->id == CONV_URLDEC)
				return t->pieces[i].subject;
	return NULL;
}

static bool shows_blank(struct writing *w, const struct outcome *o)
{
	const struct fields *f =
		lint_is_response(w->rule->dir) ? &o->answer.headers : &o->request.headers;

	for (uint32_t i = 0; i < f->n; i++)
		if (str_ieq(f->at[i].name, w->action->name) &&
		    str_find(f->at[i].value, S("evil  x: y")) >= 0)
			return true;
	return false;
}

static void say_blank(struct writing *w, const struct outcome *o)
{
	(void)o;
	diag(S313, lint_at(w->action->place), STR_ARG(w->action->name));
}

/* ---- all ---- */

static void check_writes(struct writing *w)
{
	static const struct str redirects[] = { { "//" EVIL, 14 },
						{ "https://" EVIL "/", 21 },
						{ "/" EVIL, 13 },
						{ "." EVIL, 13 },
						{ "@" EVIL, 13 },
						{ "/\\" EVIL, 14 },
						{ "https%3A%2F%2F" EVIL, 26 },
						{ "%2F%2F" EVIL, 18 } };
	static const struct str hosts[] = { { EVIL, 12 },
					    { EVIL "/", 13 },
					    { "http://" EVIL, 19 } };
	const struct p_action *a = w->action;
	bool redirect = a->id == ACT_REDIR, address = a->id == ACT_SETDST;

	if (redirect) {
		w->shows = shows_location;
		w->say = say_location;
		for (size_t i = 0; i < sizeof(redirects) / sizeof(*redirects); i++)
			try_text(w, redirects[i], false);
		return;
	}
	w->shows = address ? shows_address : shows_host;
	w->say = address ? say_address : say_host;
	if (address)
		try_text(w, S(EVIL_ADDRESS), true);
	for (size_t i = 0; !address && i < sizeof(hosts) / sizeof(*hosts); i++)
		try_text(w, hosts[i], true);
}

static bool moves_host(const struct p_action *a)
{
	return a->id == ACT_REWRITE || a->id == ACT_REQLINE || a->id == ACT_SETDST ||
	       a->id == ACT_REDIR ||
	       (a->id == ACT_SET && (a->part == PART_HOST || a->part == PART_URI));
}

/* The test that a rewrite makes. */
static const struct p_test *of_regex(struct lint *l, const struct p_action *a)
{
	static struct p_subject uri = { .id = SUBJ_URI, .type = TYPE_STR };
	struct p_value *v = ARENA_NEW(l->g->a, struct p_value);
	struct p_test *t = ARENA_NEW(l->g->a, struct p_test);

	*v = (struct p_value) { .kind = VALUE_REGEX, .regex = a->regex };
	*t = (struct p_test) {
		.place = a->place, .subject = &uri, .op = OP_RE, .nvalues = 1, .values = v
	};
	return t;
}

static void check_action(struct writing *w)
{
	const struct p_action *a = w->action;
	const struct p_subject *s = a->id == ACT_SET || a->id == ACT_ADD || a->id == ACT_APPEND
					    ? decoded(a->text)
					    : NULL;
	const struct p_test *also = NULL;
	bool moves = moves_host(a) && computed(a->text) && !lint_is_response(w->rule->dir);

	s = s && a->name.n && !lint_is_response(w->rule->dir) ? s : NULL;
	if (lint_skips(a->place) || (!moves && !s))
		return;
	if (a->id == ACT_REWRITE)
		also = of_regex(w->l, a);
	if (!lint_shows(w->l, w->rule, also, &w->base))
		return;
	w->done = false;
	if (moves)
		check_writes(w);
	if (!s)
		return;
	w->shows = shows_blank;
	w->say = say_blank;
	try_subject(w, s, S("evil%0d%0ax:%20y"), true);
}

void prove_targets(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nrules && !l->untried; i++) {
		struct writing w = { .l = l, .rule = l->p->rules[i] };

		if (l->rules[i].fate == FATE_DEAD || w.rule->section->front_mode != MODE_HTTP)
			continue;
		for (uint32_t k = 0; k < w.rule->nactions; k++) {
			w.action = &w.rule->actions[k];
			check_action(&w);
		}
	}
}
