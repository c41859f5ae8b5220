/* SPDX-License-Identifier: Apache-2.0 */
/* S301 to S304: tests on hosts and paths that take more than a reader expects, where that lets
 * something in. What was meant is a guess; what is taken has been tried. */
#include "domain.h"
#include "lint.h"

#include "../regular/word.h"
#include "../source.h"

#define EVIL "evil.example"
#define DOMAINS_MAX 16 /* of one expression */
#define KEYS_TRIED 64 /* of one map */
#define WAYS_TRIED 8 /* requests of other ways that a text is put into */

struct naming {
	struct lint *l;
	const struct p_rule *rule;
	bool lets_in; /* the tests that hold let something in, else those that do not */
	struct symbols told; /* tests that were reported */
	bool based, refused; /* <base> was looked for, and found */
	struct witness base; /* refused by the rule */
};

/* ---- what is read ---- */

enum kind { KIND_OTHER, KIND_HOST, KIND_URL, KIND_PATH };

static enum kind kind_of(const struct p_subject *s)
{
	if (s->measure != MEASURE_NONE || s->convs || s->type != TYPE_STR)
		return KIND_OTHER;
	switch (s->id) {
	case SUBJ_HOST:
	case SUBJ_SNI:
		return KIND_HOST;
	case SUBJ_PATH:
	case SUBJ_URI:
		return KIND_PATH;
	case SUBJ_H:
		if (str_eq(s->name, S("host")))
			return KIND_HOST;
		return str_eq(s->name, S("origin")) || str_eq(s->name, S("referer")) ? KIND_URL
										     : KIND_OTHER;
	default:
		return KIND_OTHER;
	}
}

/* ---- examples ---- */

static const struct p_test *equals(struct naming *k, const struct p_test *t, struct str text)
{
	struct p_test *one = ARENA_NEW(k->l->g->a, struct p_test);
	struct p_value *v = ARENA_NEW(k->l->g->a, struct p_value);

	*v = (struct p_value) { .kind = VALUE_STR, .text = text };
	*one = (struct p_test) {
		.place = t->place, .subject = t->subject, .op = OP_EQ, .nvalues = 1, .values = v
	};
	return one;
}

/* Is the test <one>, of a single value, true of <text>? */
static bool takes(struct naming *k, const struct p_test *one, struct str text)
{
	struct proof *g = k->l->g;
	struct proof_field *f = field_of(g, one->subject, lint_is_response(k->rule->dir));
	uint32_t x = atom_of_test(g, f, one, NULL);

	return x != NO_INDEX && atom_text(g->atoms.p[x], text);
}

/* <text> becomes what the test <t> reads. */
static void put_text(struct arena *a, struct request_spec *r, const struct p_test *t,
		     struct str text)
{
	if (kind_of(t->subject) == KIND_PATH)
		r->target = text;
	else if (t->subject->id == SUBJ_SNI)
		r->sni = text;
	else
		lint_set_header(a, r, t->subject->id == SUBJ_H ? t->subject->name : S("Host"),
				text);
}

/* <from> with <text> there, in <w>: does a server get it? */
static bool passes(struct naming *k, const struct witness *from, const struct p_test *t,
		   struct str text, struct witness *w)
{
	struct arena *a = k->l->g->a;

	*w = *from;
	w->request = lint_request(a, &from->request);
	put_text(a, &w->request, t, text);
	w->outcome = lint_replay(k->l, a, &w->request, from);
	return w->outcome && w->outcome->forwarded;
}

/* What the test reads in the request that is refused; p NULL: nothing. */
static struct str refused_text(const struct request_spec *r, const struct p_test *t)
{
	struct str name = t->subject->id == SUBJ_H ? t->subject->name : S("host");

	if (kind_of(t->subject) == KIND_PATH)
		return r->target;
	if (t->subject->id == SUBJ_SNI)
		return r->sni;
	for (uint32_t i = 0; i < r->headers.n; i++)
		if (str_ieq(r->headers.at[i].name, name))
			return r->headers.at[i].value;
	return (struct str) { 0 };
}

/* A request that the rule refuses is not refused with <text> there; or one that a server gets is
 * refused by the rule with what the first has there, but not with <text>. */
static bool shown_passing(struct naming *k, const struct p_test *t, struct str text,
			  struct witness *w)
{
	const struct vec *ways;
	struct str other;

	if (!k->based) {
		k->based = true;
		k->refused =
			lint_shows(k->l, k->rule, NULL, &k->base) && lint_refused(k->base.outcome);
	}
	if (!k->refused)
		return false;
	if (passes(k, &k->base, t, text, w))
		return true;
	other = refused_text(&k->base.request, t);
	ways = other.p ? lint_forwarded(k->l) : NULL;
	for (size_t i = 0; ways && i < ways->n && i < WAYS_TRIED && !k->l->untried; i++)
		if (!passes(k, ways->p[i], t, other, w) && w->outcome &&
		    w->outcome->decided == k->rule && passes(k, ways->p[i], t, text, w))
			return true;
	return false;
}

/* Is there a request with <text> there at which the rule matches? On answers none is looked for. */
static bool shown(struct naming *k, const struct p_test *t, struct str text, struct witness *w)
{
	if (lint_is_response(k->rule->dir))
		return k->l->rules[k->rule->index].fate == FATE_REACHED;
	return k->lets_in ? lint_shows(k->l, k->rule, equals(k, t, text), w)
			  : shown_passing(k, t, text, w);
}

static void add_witness(struct naming *k, const struct p_test *t, const struct witness *w)
{
	if (!lint_is_response(k->rule->dir))
		lint_witness(k->l, w);
	if (k->rule->place.line != t->place.line || k->rule->place.file != t->place.file)
		diag_note(lint_at(k->rule->place), "this rule lets it in");
}

/* Tests of acls stand in many rules: one report of a code is enough. */
static bool told(struct naming *k, enum diag_code code, const struct p_test *t)
{
	char key[40];
	int n = snprintf(key, sizeof(key), "%d %p", (int)code, (const void *)t);

	return symbol_get(&k->told, str_of(key, (size_t)n)) != NULL;
}

static void tell(struct naming *k, enum diag_code code, const struct p_test *t)
{
	symbol_put(k->l->g->a, &k->told,
		   arena_printf(k->l->g->a, "%d %p", (int)code, (const void *)t),
		   (void *)(uintptr_t)t);
}

/* Where <text> stands on the line of a test, when it stands there once. */
static bool place_of(struct p_place place, struct str text, struct at *at)
{
	struct str line = source_line((struct at) { .file = place.file, .line = place.line });
	ptrdiff_t found = str_find(line, text);

	if (found < 0 || !text.n || str_find(str_skip(line, (size_t)found + 1), text) >= 0)
		return false;
	*at = (struct at) { .file = place.file,
			    .line = place.line,
			    .col = (uint32_t)found + 1,
			    .len = (uint32_t)text.n };
	return true;
}

/* The value of a boundary: "x.com"b. */
static void fix_boundary(struct naming *k, const struct p_test *t, struct str text)
{
	struct arena *a = k->l->g->a;
	struct at at;

	if (t->set)
		return;
	if (place_of(t->place, arena_printf(a, "\"%.*s\"", STR_ARG(text)), &at)) {
		diag_fix(false, "let it match at boundaries only");
		diag_edit_at(at, arena_printf(a, "\"%.*s\"b", STR_ARG(text)));
	} else if (place_of(t->place, text, &at)) {
		struct str line = source_line(at);
		size_t end = at.col - 1 + at.len;

		if ((at.col > 1 && line.p[at.col - 2] != ' ') ||
		    (end < line.n && line.p[end] != ' ' && line.p[end] != ')'))
			return;
		diag_fix(false, "let it match at boundaries only");
		diag_edit_at(at, arena_printf(a, "\"%.*s\"b", STR_ARG(text)));
	}
}

/* ---- S301, S302 ---- */

/* All that holds <name> somewhere, but not as the host itself or what its last labels are. */
static bool beside(struct naming *k, const struct p_test *one, struct str name, struct str *word)
{
	struct proof *g = k->l->g;
	struct arena *a = g->a;
	struct proof_field *f = field_of(g, one->subject, lint_is_response(k->rule->dir));
	uint32_t x = atom_of_test(g, f, one, NULL);
	const struct dfa *taken = x == NO_INDEX ? NULL : atom_value_dfa(g, g->atoms.p[x], 0);
	struct str dotted = arena_printf(a, ".%.*s", STR_ARG(name));
	const struct dfa *all = dfa_all(a), *good, *one_name, *end;
	const struct dfa *port, *u = field_universe(g, f);

	if (!taken || !u)
		return false;
	port = dfa_search(a, re_parse(a, S("^\\.?(:[0-9]*)?$"), false, false, &(struct str) { 0 }),
			  &g->budget);
	one_name = dfa_whole(a, re_text(a, name, true), &g->budget);
	end = dfa_append(a, all, dotted, &g->budget);
	good = one_name && end ? dfa_union(a, one_name, end, &g->budget) : NULL;
	good = good && port ? dfa_concat(a, good, port, &g->budget) : NULL;
	end = one_name ? dfa_concat(a, all, one_name, &g->budget) : NULL;
	end = end ? dfa_concat(a, end, all, &g->budget) : NULL;
	taken = end ? dfa_intersection(a, taken, end, &g->budget) : NULL;
	taken = taken && good ? dfa_difference(a, taken, good, &g->budget) : NULL;
	taken = taken ? dfa_intersection(a, taken, u, &g->budget) : NULL;
	return taken && word_shortest(a, taken, word);
}

static bool taken_beside(struct naming *k, const struct p_test *t, const struct p_test *one,
			 struct str name, struct str *word, struct witness *w)
{
	struct arena *a = k->l->g->a;
	bool url = kind_of(t->subject) == KIND_URL;
	const char *scheme = url ? "https://" : "";
	struct str tries[] = {
		arena_printf(a, "%s%.*s." EVIL, scheme, STR_ARG(name)),
		arena_printf(a, "%sevil%.*s", scheme, STR_ARG(name)),
		arena_printf(a, "%sevil-%.*s", scheme, STR_ARG(name)),
		arena_printf(a, "%s" EVIL "/%.*s", scheme, STR_ARG(name)),
	};

	for (size_t i = 0; i < (url ? 4 : 3); i++)
		if (takes(k, one, tries[i]) && shown(k, t, tries[i], w)) {
			*word = tries[i];
			return true;
		}
	return !url && beside(k, one, name, word) && shown(k, t, *word, w);
}

static void check_labels(struct naming *k, const struct p_test *t, const struct p_test *one,
			 const struct domain *d)
{
	struct witness w;
	struct str word;

	if (told(k, S301, t) || !taken_beside(k, t, one, d->name, &word, &w))
		return;
	tell(k, S301, t);
	diag(S301, lint_at(t->place), STR_ARG(word), STR_ARG(d->name));
	add_witness(k, t, &w);
}

static void check_dot(struct naming *k, const struct p_test *t, const struct p_test *one,
		      const struct domain *d)
{
	struct arena *a = k->l->g->a;
	const char *scheme = kind_of(t->subject) == KIND_URL ? "https://" : "";
	struct str regex = one->values->regex->text, name = d->name;
	struct str wrong = arena_printf(a, "%.*sx%.*s", (int)d->wild_at, name.p,
					(int)(name.n - d->wild_at - 1), name.p + d->wild_at + 1);
	struct str tries[] = { arena_printf(a, "%s%.*s", scheme, STR_ARG(wrong)),
			       arena_printf(a, "%swww.%.*s", scheme, STR_ARG(wrong)) };
	struct witness w;
	struct at at;

	for (size_t i = 0; i < 2; i++) {
		if (told(k, S302, t) || !takes(k, one, tries[i]) || !shown(k, t, tries[i], &w))
			continue;
		tell(k, S302, t);
		diag(S302, lint_at(t->place), STR_ARG(name), STR_ARG(tries[i]));
		if (place_of(t->place, regex, &at)) {
			diag_fix(false, "escape the dots");
			diag_edit_at(at, domain_dots_escaped(a, regex));
		}
		add_witness(k, t, &w);
		return;
	}
}

static void check_regex(struct naming *k, const struct p_test *t, const struct p_test *one)
{
	size_t from = 0;
	struct domain d;

	if (one->values->kind != VALUE_REGEX || one->values->regex->freespace)
		return;
	for (unsigned n = 0; n < DOMAINS_MAX && from <= one->values->regex->text.n; n++) {
		if (!domain_next(k->l->g->a, one->values->regex->text, &from, &d))
			continue;
		check_labels(k, t, one, &d);
		if (d.has_wild)
			check_dot(k, t, one, &d);
	}
}

/* ---- S303, S304 ---- */

static void check_suffix(struct naming *k, const struct p_test *t, const struct p_value *v)
{
	const char *scheme = kind_of(t->subject) == KIND_URL ? "https://" : "";
	struct str word;
	struct witness w;

	if (v->kind != VALUE_STR || v->bound || !v->text.n || !domain_label_byte(v->text.p[0]))
		return;
	word = arena_printf(k->l->g->a, "%sevil%.*s", scheme, STR_ARG(v->text));
	if (told(k, S303, t) || !shown(k, t, word, &w))
		return;
	tell(k, S303, t);
	diag(S303, lint_at(t->place), STR_ARG(word), STR_ARG(v->text));
	fix_boundary(k, t, v->text);
	add_witness(k, t, &w);
}

static void check_prefix(struct naming *k, const struct p_test *t, const struct p_value *v)
{
	struct str word;
	struct witness w;

	if (v->kind != VALUE_STR || v->bound || v->text.n < 2 || v->text.p[0] != '/' ||
	    !domain_label_byte(v->text.p[v->text.n - 1]) || v->text.p[v->text.n - 1] == '-')
		return;
	word = arena_printf(k->l->g->a, "%.*sx", STR_ARG(v->text));
	if (told(k, S304, t) || !shown(k, t, word, &w))
		return;
	tell(k, S304, t);
	diag(S304, lint_at(t->place), STR_ARG(word), STR_ARG(v->text));
	fix_boundary(k, t, v->text);
	add_witness(k, t, &w);
}

/* A map of suffixes of hosts that chooses a backend: a key that takes hosts of others. */
static void check_map(struct lint *l, const struct p_rule *rule, const struct p_action *a)
{
	struct witness w;

	if (!a->map || a->map->op != OP_SUFFIX || !a->subject || a->subject->id != SUBJ_HOST ||
	    lint_skips(a->place) || !lint_shows(l, rule, NULL, &w))
		return;
	for (uint32_t i = 0; i < a->map->n && i < KEYS_TRIED; i++) {
		struct str key = a->map->keys[i].text;
		struct request_spec r = lint_request(l->g->a, &w.request);
		struct str word = arena_printf(l->g->a, "evil%.*s", STR_ARG(key));
		struct outcome *o;

		if (!key.n || !domain_label_byte(key.p[0]))
			continue;
		lint_set_header(l->g->a, &r, S("Host"), word);
		o = lint_replay(l, l->g->a, &r, &w);
		if (!o || !o->forwarded || o->decided != rule ||
		    !str_eq(o->backend->name, a->map->vals[i]))
			continue;
		diag(S303, lint_at(a->place), STR_ARG(word), STR_ARG(key));
		lint_replayed(l, &r, &w);
		return;
	}
}

/* "^/files" to "/home/": /files../x becomes what stands beside /home. */
static void check_alias(struct lint *l, const struct p_rule *rule, const struct p_action *a)
{
	struct str from = a->regex ? a->regex->text : str_of("", 0), to;
	struct request_spec r;
	struct outcome *o;
	struct witness w;

	if (a->id != ACT_REWRITE || lint_is_response(rule->dir) || from.n < 3 ||
	    !str_starts(from, S("^/")) || !a->text || a->text->n != 1 ||
	    a->text->pieces[0].kind != PIECE_LITERAL || lint_skips(a->place))
		return;
	to = a->text->pieces[0].text;
	from = str_skip(from, 1);
	for (size_t i = 1; i < from.n; i++)
		if (!domain_label_byte(from.p[i]) && from.p[i] != '/' && from.p[i] != '_')
			return;
	if (!domain_label_byte(from.p[from.n - 1]) || !str_ends(to, S("/")) || to.n < 2 ||
	    !lint_shows(l, rule, NULL, &w))
		return;
	r = w.request;
	r.target = arena_printf(l->g->a, "%.*s../x", STR_ARG(from));
	o = lint_replay(l, l->g->a, &r, &w);
	if (!o || !o->forwarded || !o->request.path.p || str_starts(o->request.path, to))
		return;
	diag(S304, lint_at(a->place), STR_ARG(r.target), STR_ARG(from));
	diag_severity(SEV_ERROR);
	diag_note((struct at) { 0 }, "a server gets %.*s, which is not below %.*s",
		  STR_ARG(o->request.path), STR_ARG(to));
	lint_replayed(l, &r, &w);
}

/* ---- all ---- */

static void see(const struct p_test *t, bool positive, void *arg)
{
	struct naming *k = arg;
	enum kind kind = kind_of(t->subject);
	uint32_t n = t->set ? t->set->nvalues : t->nvalues;
	bool host = kind == KIND_HOST || kind == KIND_URL;

	if (positive != k->lets_in || kind == KIND_OTHER || lint_skips(t->place))
		return;
	for (uint32_t i = 0; i < n && !k->l->untried; i++) {
		const struct p_value *v = t->set ? &t->set->values[i] : &t->values[i];

		if (t->op == OP_RE && host && lint_one_value(k->l, t, i))
			check_regex(k, t, lint_one_value(k->l, t, i));
		else if (t->op == OP_SUFFIX && host)
			check_suffix(k, t, v);
		else if (t->op == OP_PREFIX && kind == KIND_PATH &&
			 (!k->lets_in || lint_spares(k->l, k->rule)))
			check_prefix(k, t, v);
	}
}

void prove_names(struct lint *l)
{
	struct naming k = { .l = l };

	for (uint32_t i = 0; i < l->p->nrules && !l->untried; i++) {
		k.rule = l->p->rules[i];
		k.based = false;
		if (k.rule->dir == DIR_CONN_IN || l->rules[i].fate == FATE_DEAD ||
		    k.rule->section->front_mode != MODE_HTTP)
			continue;
		k.lets_in = !lint_refuses(k.rule);
		lint_each_test(k.rule->cond, true, see, &k);
		for (uint32_t n = 0; n < k.rule->nactions; n++) {
			check_alias(l, k.rule, &k.rule->actions[n]);
			if (k.rule->dir == DIR_REQ_IN)
				check_map(l, k.rule, &k.rule->actions[n]);
		}
	}
}
