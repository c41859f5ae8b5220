/* SPDX-License-Identifier: Apache-2.0 */
/* The request line as one language, where tests look at the target as received or at the whole line:
 * for each form of a target (RFC 9112 3.2) all lines of that form, cut with what the tests leave. A
 * language that is empty is a proof; a word of it counts when all fields that it gives satisfy all
 * literals. */
#include "model_line.h"

#include "../../runtime/base/uri.h"
#include "../regular/word.h"
#include "universe.h"

#define WORDS_MAX 32 /* of one language that are tried */
#define FORM_STEPS 4000 /* what the search for one form counts */

/* What the literals of <id> leave, or everything that <u> holds when the site has no such field. */
static const struct dfa *part(struct solver *s, const struct line *l, enum subject_id id,
			      enum universe u)
{
	return line_field(l->gr, id) ? line_language(s, l, id) : proof_universe(s->g, u);
}

static bool wants(const struct solver *s, const struct line *l, enum subject_id id)
{
	return line_positive(l->lits, line_lits(s, l, id, l->lits)) > 0;
}

/* ---- languages of targets ---- */

/* What may stand behind the path: "?" and a query, nothing, or both. Parameters are left out. */
static const struct dfa *behind_path(struct solver *s, const struct line *l)
{
	struct budget *b = &s->g->budget;
	const struct dfa *d = part(s, l, SUBJ_QUERY, UNIVERSE_QUERY);

	d = d ? dfa_prepend(s->a, S("?"), d, b) : NULL;
	if (!d || wants(s, l, SUBJ_QUERY))
		return d;
	return dfa_union(s->a, d, dfa_bytes(s->a, BYTESET_ALL, 0, 0, b), b);
}

/* Paths as received, and what may stand behind them. */
static const struct dfa *paths(struct solver *s, const struct line *l, enum spelling kind,
			       bool may_be_empty)
{
	struct budget *b = &s->g->budget;
	const struct dfa *path = part(s, l, SUBJ_PATH, UNIVERSE_PATH);
	const struct dfa *behind = path ? behind_path(s, l) : NULL, *d;
	bool empty = may_be_empty && path && dfa_accepts(path, S("/"));

	d = behind ? universe_spellings(s->a, path, kind, b) : NULL;
	if (d && empty)
		d = dfa_union(s->a, d, dfa_bytes(s->a, BYTESET_ALL, 0, 0, b), b);
	return d ? dfa_concat(s->a, d, behind, b) : NULL;
}

/* scheme "://" host [":" port] */
static const struct dfa *authority(struct solver *s)
{
	struct proof *g = s->g;
	struct str why;
	const struct re *scheme;

	if (!g->absolute) {
		scheme = re_parse(g->a, S("(?i:https?)://"), false, false, &why);
		g->absolute = dfa_concat(g->a, dfa_whole(g->a, scheme, &g->budget),
					 proof_universe(g, UNIVERSE_HOST_FIELD), &g->budget);
	}
	return g->absolute;
}

/* host ":" port, which is not 0 (RFC 9110 7.2, RFC 9112 3.2.3). */
static const struct dfa *with_port(struct solver *s)
{
	struct str why;
	const struct re *port = re_parse(s->a, S(":0*[1-9][0-9]*$"), false, false, &why);
	const struct dfa *d = dfa_search(s->a, port, &s->g->budget);
	const struct dfa *any = proof_universe(s->g, UNIVERSE_HOST_FIELD);

	return d ? dfa_intersection(s->a, any, d, &s->g->budget) : NULL;
}

/* Targets of <form>: what the literals of path and query leave, with SPELLING_ALL all of it and
 * more. NULL: a limit. */
static const struct dfa *targets(struct solver *s, const struct line *l, enum form form,
				 enum spelling kind)
{
	const struct dfa *d, *head;

	switch (form) {
	case FORM_ORIGIN:
		return paths(s, l, kind, false);
	case FORM_ABSOLUTE:
		head = authority(s);
		d = head ? paths(s, l, kind, true) : NULL;
		return d ? dfa_concat(s->a, head, d, &s->g->budget) : NULL;
	case FORM_ASTERISK:
		return dfa_whole(s->a, re_text(s->a, S("*"), false), &s->g->budget);
	case FORM_CONNECT:
		break;
	}
	return with_port(s);
}

/* All targets of <form>; made once. */
static const struct dfa *all_targets(struct solver *s, const struct line *l, enum form form)
{
	static const struct demand nothing;
	struct solver lasting = *s;
	struct line untested = *l;

	lasting.a = s->g->a;
	untested.d = &nothing;
	if (!s->g->targets[form])
		s->g->targets[form] = targets(&lasting, &untested, form, SPELLING_ALL);
	return s->g->targets[form];
}

static const struct dfa *targets_of(struct solver *s, const struct line *l, enum form form,
				    enum spelling kind)
{
	if (kind != SPELLING_ALL || line_lits(s, l, SUBJ_PATH, l->lits) ||
	    line_lits(s, l, SUBJ_QUERY, l->lits))
		return targets(s, l, form, kind);
	return all_targets(s, l, form);
}

/* Methods that stand before a target of <form>. */
static const struct dfa *methods(struct solver *s, const struct line *l, enum form form)
{
	struct budget *b = &s->g->budget;
	const struct dfa *any = part(s, l, SUBJ_METH, UNIVERSE_METHOD);
	struct str only = form == FORM_ASTERISK ? S("OPTIONS") : S("CONNECT");
	const struct dfa *one = dfa_whole(s->a, re_text(s->a, only, false), b);

	if (!any || !one)
		return NULL;
	return form == FORM_ORIGIN || form == FORM_ABSOLUTE ? dfa_difference(s->a, any, one, b)
							    : dfa_intersection(s->a, any, one, b);
}

/* Method, target and version of each request line of <form>. */
static const struct dfa *lines(struct solver *s, const struct line *l, enum form form,
			       const struct dfa *target)
{
	struct budget *b = &s->g->budget;
	const struct dfa *d = methods(s, l, form);
	const struct dfa *old = dfa_append(s->a, target, S(" HTTP/1.0"), b);
	const struct dfa *new = dfa_append(s->a, target, S(" HTTP/1.1"), b);
	const struct dfa *rest = old && new ? dfa_union(s->a, old, new, b) : NULL;

	rest = rest ? dfa_prepend(s->a, S(" "), rest, b) : NULL;
	return d && rest ? dfa_concat(s->a, d, rest, b) : NULL;
}

/* The same with the method and version of <m> alone. */
static const struct dfa *plain_lines(struct solver *s, const struct model *m,
				     const struct dfa *target)
{
	struct str head = arena_printf(s->a, "%.*s ", STR_ARG(m->meth));
	struct str tail = arena_printf(s->a, " HTTP/%.*s", STR_ARG(m->version));
	const struct dfa *d = dfa_append(s->a, target, tail, &s->g->budget);

	return d ? dfa_prepend(s->a, head, d, &s->g->budget) : NULL;
}

/* ---- from a word back to the texts ---- */

static bool take_target(struct model *m, enum form form, struct str target)
{
	struct str rest = target;

	m->form = form;
	m->query = (struct str) { 0 };
	switch (form) {
	case FORM_ORIGIN:
		m->path = str_cut(&rest, '?');
		m->query = rest;
		return true;
	case FORM_ABSOLUTE:
		m->scheme = str_cut(&rest, ':');
		rest = str_skip(rest, 2);
		for (size_t n = 0; n <= rest.n; n++)
			if (n == rest.n || rest.p[n] == '/' || rest.p[n] == '?') {
				m->host = str_first(rest, n);
				rest = str_skip(rest, n);
				break;
			}
		m->path = str_cut(&rest, '?');
		m->query = rest;
		return m->host.n > 0;
	case FORM_ASTERISK:
		m->path = target;
		return true;
	case FORM_CONNECT:
		m->path = str_of("", 0);
		m->host = target;
		return true;
	}
	return false;
}

static bool take_line(struct model *m, enum form form, struct str line)
{
	m->meth = str_cut(&line, ' ');
	m->version = str_skip(line, line.n - 3);
	return take_target(m, form, str_first(line, line.n - S(" HTTP/1.1").n));
}

/* ---- the search ---- */

/* All of <d> that the tests on <id> leave, opaque ones aside. */
static const struct dfa *left(struct solver *s, const struct line *l, enum subject_id id,
			      const struct dfa *d)
{
	uint32_t n = line_lits(s, l, id, l->lits);

	for (uint32_t i = 0; i < n && d; i++) {
		struct atom *x = atom_at(s->g, l->lits[i]);
		const struct dfa *e = x->unknown ? NULL : atom_dfa(s->g, x);

		*l->opaque |= !e && (x->unknown || x->opaque);
		if (e)
			d = l->lits[i] & 1 ? dfa_difference(s->a, d, e, &s->g->budget)
					   : dfa_intersection(s->a, d, e, &s->g->budget);
	}
	return d;
}

/* Those of absolute-form with the host that was chosen already. */
static const struct dfa *with_host(struct solver *s, const struct model *m, const struct dfa *d)
{
	const struct dfa *x = dfa_prepend(s->a, m->host, dfa_all(s->a), &s->g->budget);

	x = x ? dfa_union(s->a, dfa_prepend(s->a, S("http://"), x, &s->g->budget),
			  dfa_prepend(s->a, S("https://"), x, &s->g->budget), &s->g->budget)
	      : NULL;
	return x ? dfa_intersection(s->a, d, x, &s->g->budget) : NULL;
}

/* Tries words of the targets <d>, in whole lines when a test looks at them. NO: there are none. */
static enum answer try_targets(struct solver *s, struct model *m, struct line *l, enum form form,
			       const struct dfa *d)
{
	bool line = line_lits(s, l, SUBJ_LINE, l->lits) > 0;
	const struct model was = *m;
	struct str words[WORDS_MAX], usual = S("");
	unsigned n;

	if (d && line) { /* the usual method and version are nicer to read */
		const struct dfa *one = plain_lines(s, m, d);

		one = one ? left(s, l, SUBJ_LINE, one) : NULL;
		if (one && word_shortest(s->a, one, &usual) && take_line(m, form, usual) &&
		    line_fits(s, m, l))
			return ANSWER_YES;
		*m = was;
		d = lines(s, l, form, d);
		d = d ? left(s, l, SUBJ_LINE, d) : NULL;
	}
	if (!d)
		return ANSWER_LIMIT;
	n = word_some(s->a, d, words, WORDS_MAX);
	for (unsigned i = 0; i < n; i++) {
		*m = was;
		m->form = form;
		if ((line ? take_line(m, form, words[i]) : take_target(m, form, words[i])) &&
		    line_fits(s, m, l))
			return ANSWER_YES;
	}
	*m = was;
	return n && form != FORM_ASTERISK ? ANSWER_LIMIT : ANSWER_NO; /* "*": these are all */
}

/* What a language of targets is made of, <what> and the literals of <ids>: equal keys, equal
 * languages. */
static struct str language_key(struct solver *s, const struct line *l, char what,
			       const enum subject_id *ids, size_t nids)
{
	struct textbuf key = { 0 };

	textbuf_byte(s->a, &key, what);
	for (size_t i = 0; i < nids; i++) {
		uint32_t n = line_lits(s, l, ids[i], l->lits);

		textbuf_put(s->a, &key, str_of((const char *)l->lits, n * sizeof(*l->lits)));
	}
	return textbuf_str(&key);
}

/* Kept of a language that was asked for. */
struct target_memo {
	bool empty;
	bool opaque; /* something was left out of it */
};

static void remember(struct solver *s, struct str key, const struct dfa *d, bool opaque)
{
	struct target_memo *m = ARENA_NEW(s->g->a, struct target_memo);

	m->empty = dfa_is_none(d);
	m->opaque = opaque;
	symbol_put(s->g->a, &s->g->target_memos, arena_str(s->g->a, key), m);
}

/* Do the tests on the target leave nothing of the form, whatever path and query are? */
static bool form_excluded(struct solver *s, const struct line *l, enum form form)
{
	static const enum subject_id uri[] = { SUBJ_URI };
	struct str key = language_key(s, l, (char)('0' + form), uri, 1);
	const struct target_memo *m = symbol_get(&s->g->target_memos, key);
	bool opaque = false;
	struct line mine = *l;
	const struct dfa *d;

	mine.opaque = &opaque;
	if (!m) {
		d = all_targets(s, l, form);
		d = d ? left(s, &mine, SUBJ_URI, d) : NULL;
		if (!d)
			return false;
		remember(s, key, d, opaque);
		m = symbol_get(&s->g->target_memos, key);
	}
	*l->opaque |= m->empty && m->opaque;
	return m->empty;
}

/* Targets of <form> that the tests on path, query and the target itself leave. NULL: a limit. What
 * is empty is remembered, as many searches ask for the same. */
static const struct dfa *fitting(struct solver *s, const struct line *l, enum form form,
				 enum spelling kind)
{
	static const enum subject_id all[] = { SUBJ_PATH, SUBJ_QUERY, SUBJ_URI };
	struct str key = language_key(s, l, (char)((kind == SPELLING_ALL ? 'A' : 'a') + form), all,
				      sizeof(all) / sizeof(*all));
	const struct target_memo *m = symbol_get(&s->g->target_memos, key);
	struct line mine = *l;
	bool opaque = false;
	const struct dfa *d;

	if (form_excluded(s, l, form))
		return dfa_none(s->a);
	if (m) {
		*l->opaque |= m->opaque;
		return dfa_none(s->a);
	}
	mine.opaque = &opaque;
	*s->steps += FORM_STEPS;
	d = targets_of(s, &mine, form, kind);
	d = d ? left(s, &mine, SUBJ_URI, d) : NULL;
	if (d && dfa_is_none(d))
		remember(s, key, d, opaque);
	*l->opaque |= opaque;
	return d;
}

static enum answer spelt_so(struct solver *s, struct model *m, struct line *l, enum form form,
			    enum spelling kind)
{
	const struct dfa *d = fitting(s, l, form, kind);

	if (d && dfa_is_none(d))
		return ANSWER_NO;
	if (d && form == FORM_ABSOLUTE && m->host.n &&
	    try_targets(s, m, l, form, with_host(s, m, d)) == ANSWER_YES)
		return ANSWER_YES;
	return try_targets(s, m, l, form, d);
}

/* Examples are looked for among paths without ".." first: the others hold some that lead elsewhere. */
static enum answer of_form(struct solver *s, struct model *m, struct line *l, enum form form)
{
	bool path = line_lits(s, l, SUBJ_PATH, l->lits) > 0;

	if (path && (form == FORM_ORIGIN || form == FORM_ABSOLUTE) &&
	    spelt_so(s, m, l, form, SPELLING_PLAIN) == ANSWER_YES)
		return ANSWER_YES;
	return spelt_so(s, m, l, form, SPELLING_ALL);
}

/* Can a request of <form> have the path, the query and the method that are wanted? */
static bool possible(const struct solver *s, const struct line *l, enum form form)
{
	bool query = wants(s, l, SUBJ_QUERY) || wants(s, l, SUBJ_Q);

	if (form == FORM_ORIGIN || form == FORM_ABSOLUTE)
		return true;
	return !query && (form == FORM_ASTERISK || !wants(s, l, SUBJ_PATH));
}

static enum answer with_method(struct solver *s, struct model *m, struct line *l, enum form form)
{
	uint32_t n = line_lits(s, l, SUBJ_METH, l->lits);
	enum answer got;

	if (form == FORM_ASTERISK || form == FORM_CONNECT) {
		m->meth = form == FORM_CONNECT ? S("CONNECT") : S("OPTIONS");
		got = text_satisfies(s, l->lits, n, m->meth) ? ANSWER_YES : ANSWER_NO;
	} else {
		got = line_method(s, m, l);
	}
	return got == ANSWER_YES ? of_form(s, m, l, form) : got;
}

enum answer model_solve_target(struct solver *s, struct model *m, struct line *l, bool no_origin)
{
	static const enum form forms[] = { FORM_ORIGIN, FORM_ABSOLUTE, FORM_ASTERISK,
					   FORM_CONNECT };
	enum answer got = ANSWER_NO, one;
	const struct model was = *m;

	for (size_t i = no_origin; i < sizeof(forms) / sizeof(*forms); i++) {
		if (!possible(s, l, forms[i]))
			continue;
		*m = was;
		one = with_method(s, m, l, forms[i]);
		if (one == ANSWER_YES)
			return one;
		if (one == ANSWER_LIMIT)
			got = one;
	}
	return got;
}
