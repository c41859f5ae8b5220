/* SPDX-License-Identifier: Apache-2.0 */
/* The request line: method, target, and what is read of the target. A target is of one of the forms
 * of RFC 9112 3.2; in absolute-form path and query can be no others than in origin-form. */
#include "model_line.h"

#include "../../runtime/base/uri.h"
#include "../regular/word.h"
#include "universe.h"

struct proof_field *line_field(const struct group *gr, enum subject_id id)
{
	for (uint32_t i = 0; i < gr->n; i++)
		if (gr->fields[i]->id == id)
			return gr->fields[i];
	return NULL;
}

uint32_t line_lits(const struct solver *s, const struct line *l, enum subject_id id, uint32_t *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->d->n; i++)
		if (atom_at(s->g, l->d->lits[i])->field->id == id)
			out[n++] = l->d->lits[i];
	return n;
}

/* ---- from the texts to the fields ---- */

static bool has_path(const struct model *m)
{
	return m->form == FORM_ORIGIN || m->form == FORM_ABSOLUTE;
}

static void fill_parameter(struct solver *s, struct model *m, const struct proof_field *f)
{
	struct str text = has_path(m) ? m->query : (struct str) { 0 }, *at = NULL;
	uint32_t n = 0, room = 0;

	while (text.p) {
		struct str one = str_cut(&text, '&'), key = str_cut(&one, '=');

		if (!str_eq(key, f->name))
			continue;
		GROW(s->a, at, n, room);
		at[n++] = one.p ? one : str_of("", 0);
	}
	model_set_texts(s, m, f, at, n);
}

struct str model_authority(struct arena *a, const struct model *m)
{
	char room[URI_HOST_ROOM(256)];
	struct str host;
	unsigned port = 0;

	if (m->host.n <= 256 && uri_host(m->host, room, &host, &port) && port)
		return m->host;
	return arena_printf(a, "%.*s:443", STR_ARG(m->host));
}

struct str model_target(struct arena *a, const struct model *m)
{
	if (m->form == FORM_ASTERISK)
		return S("*");
	if (m->form == FORM_CONNECT)
		return model_authority(a, m);
	if (m->form == FORM_ABSOLUTE)
		return arena_printf(a, "%.*s://%.*s%.*s%s%.*s", STR_ARG(m->scheme),
				    STR_ARG(m->host), STR_ARG(m->path), m->query.p ? "?" : "",
				    STR_ARG(m->query));
	return m->query.p ? arena_printf(a, "%.*s?%.*s", STR_ARG(m->path), STR_ARG(m->query))
			  : m->path;
}

static void fill_path(struct solver *s, struct model *m, const struct proof_field *f)
{
	char *room = arena_get(s->a, m->path.n + 1);
	ptrdiff_t n = has_path(m) && m->path.n ? uri_normalise(m->path, room) : -1;

	if (m->form == FORM_ABSOLUTE && !m->path.n)
		model_set_text(s, m, f, S("/"));
	else if (m->form == FORM_ASTERISK)
		model_set_text(s, m, f, S("*"));
	else if (n < 0)
		model_set_absent(s, m, f);
	else
		model_set_text(s, m, f, str_of(room, (size_t)n));
}

void model_fill_line(struct solver *s, struct model *m, const struct group *gr)
{
	for (uint32_t i = 0; i < gr->n; i++) {
		const struct proof_field *f = gr->fields[i];

		switch (f->id) {
		case SUBJ_METH:
			model_set_text(s, m, f, m->meth);
			break;
		case SUBJ_URI:
			model_set_text(s, m, f, model_target(s->a, m));
			break;
		case SUBJ_PATH:
			fill_path(s, m, f);
			break;
		case SUBJ_QUERY:
			if (has_path(m) && m->query.p)
				model_set_text(s, m, f, m->query);
			else
				model_set_absent(s, m, f);
			break;
		case SUBJ_Q:
			fill_parameter(s, m, f);
			break;
		default:
			model_set_text(s, m, f,
				       arena_printf(s->a, "%.*s %.*s HTTP/%.*s", STR_ARG(m->meth),
						    STR_ARG(model_target(s->a, m)),
						    STR_ARG(m->version)));
			break;
		}
	}
}

bool line_fits(struct solver *s, struct model *m, const struct line *l)
{
	model_fill_line(s, m, l->gr);
	return demand_holds(s, m, l->d);
}

/* ---- origin-form ---- */

enum answer line_method(struct solver *s, struct model *m, struct line *l)
{
	static const char *const usual[] = { "GET",    "POST",    "PUT",   "HEAD",
					     "DELETE", "OPTIONS", "PATCH", "X" };
	struct proof_field *f = line_field(l->gr, SUBJ_METH);
	uint32_t n = line_lits(s, l, SUBJ_METH, l->lits);
	enum answer got;

	m->meth = S("GET");
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (text_satisfies(s, l->lits, n, str_from(usual[i]))) {
			m->meth = str_from(usual[i]);
			return ANSWER_YES;
		}
	got = solve_text(s, f, l->lits, n, &m->meth, l->opaque);
	if (got != ANSWER_YES || !str_eq(m->meth, S("CONNECT")))
		return got;
	/* Only with that target: is there another method? */
	for (uint32_t i = 0; i < n; i++) {
		const struct atom *x = atom_at(s->g, l->lits[i]);

		if (!(l->lits[i] & 1) && x->op == OP_EQ && x->nvalues == 1 && !x->values[0].icase)
			return ANSWER_NO;
	}
	return ANSWER_LIMIT;
}

uint32_t line_positive(const uint32_t *lits, uint32_t n)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < n; i++)
		k += !(lits[i] & 1);
	return k;
}

static bool wants_none(const struct solver *s, const uint32_t *lits, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if ((lits[i] & 1) && atom_at(s->g, lits[i])->op == OP_TRUE)
			return true;
	return false;
}

static enum answer choose_path(struct solver *s, struct line *l, struct str *path)
{
	struct proof_field *f = line_field(l->gr, SUBJ_PATH);
	uint32_t n = line_lits(s, l, SUBJ_PATH, l->lits);

	*path = S("/");
	if (n == 0)
		return ANSWER_YES;
	if (wants_none(s, l->lits, n))
		return ANSWER_NO;
	return solve_text(s, f, l->lits, n, path, l->opaque);
}

static enum answer whole_query(struct solver *s, struct line *l, struct str *query)
{
	struct proof_field *f = line_field(l->gr, SUBJ_QUERY);
	uint32_t n = line_lits(s, l, SUBJ_QUERY, l->lits);

	*query = (struct str) { 0 };
	if (line_positive(l->lits, n) == 0)
		return ANSWER_YES;
	if (wants_none(s, l->lits, n))
		return ANSWER_NO;
	return solve_text(s, f, l->lits, n, query, l->opaque);
}

static bool parameter_name(struct str s)
{
	return uri_bytes(s) && str_chr(s, '&') < 0 && str_chr(s, '=') < 0;
}

/* A query of name=value pairs. */
static enum answer pairs(struct solver *s, struct model *m, struct line *l, struct str *query)
{
	struct textbuf b = { 0 };

	for (uint32_t i = 0; i < l->gr->n; i++) {
		struct proof_field *f = l->gr->fields[i];
		const struct value *v;
		enum answer got;
		uint32_t n;

		if (f->id != SUBJ_Q)
			continue;
		n = demand_of(s, l->d, f, l->lits);
		got = n ? solve_field(s, m, f, l->lits, n, l->opaque) : ANSWER_YES;
		if (got != ANSWER_YES)
			return got;
		v = m->values[f->index];
		if (n && v->n && !parameter_name(f->name))
			return ANSWER_NO;
		for (uint32_t k = 0; n && k < v->n; k++) {
			if (b.n)
				textbuf_byte(s->a, &b, '&');
			textbuf_put(s->a, &b, f->name);
			textbuf_byte(s->a, &b, '=');
			textbuf_put(s->a, &b, v->at[k]);
		}
	}
	*query = b.n ? textbuf_str(&b) : (struct str) { 0 };
	return ANSWER_YES;
}

/* Texts for the query, the likeliest first; NO: there is none. */
static enum answer choose_query(struct solver *s, struct model *m, struct line *l,
				struct str out[3], unsigned *n)
{
	struct str whole, pair;
	enum answer x = whole_query(s, l, &whole), y = pairs(s, m, l, &pair);

	*n = 0;
	if (x == ANSWER_NO || y == ANSWER_NO)
		return ANSWER_NO;
	if (x == ANSWER_LIMIT || y == ANSWER_LIMIT)
		return ANSWER_LIMIT;
	if (whole.p && pair.p)
		out[(*n)++] = arena_printf(s->a, "%.*s&%.*s", STR_ARG(whole), STR_ARG(pair));
	if (whole.p && pair.p)
		out[(*n)++] = arena_printf(s->a, "%.*s&%.*s", STR_ARG(pair), STR_ARG(whole));
	out[(*n)++] = whole.p ? whole : pair;
	return ANSWER_YES;
}

/* Other spellings of a normal path. */
static unsigned spellings(struct solver *s, struct str path, struct str out[8])
{
	unsigned n = 0;

	out[n++] = path;
	out[n++] = arena_printf(s->a, "/%.*s", STR_ARG(path));
	out[n++] = arena_printf(s->a, "/.%.*s", STR_ARG(path));
	out[n++] = arena_printf(s->a, "/x/..%.*s", STR_ARG(path));
	if (path.n > 1 && path.p[1] != '%') {
		out[n++] = arena_printf(s->a, "/%%%02x%.*s", (unsigned char)path.p[1],
					STR_ARG(str_skip(path, 2)));
		out[n++] = arena_printf(s->a, "%.*s%%%02x", STR_ARG(str_first(path, path.n - 1)),
					(unsigned char)path.p[path.n - 1]);
	}
	return n;
}

static bool try_path(struct solver *s, struct model *m, struct line *l, struct str path,
		     const struct str *queries, unsigned nq)
{
	struct str spelt[8];
	unsigned n = spellings(s, path, spelt);

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < nq; k++) {
			m->path = spelt[i];
			m->query = queries[k];
			if (line_fits(s, m, l))
				return true;
		}
	return false;
}

static bool try_target(struct solver *s, struct model *m, struct line *l, struct str target)
{
	m->path = str_cut(&target, '?');
	m->query = target;
	return line_fits(s, m, l);
}

/* One of the values of a positive == on the target: NO when it has to be one and none fits. */
static enum answer equal_target(struct solver *s, struct model *m, struct line *l, uint32_t n)
{
	enum answer got = ANSWER_LIMIT;

	for (uint32_t i = 0; i < n; i++) {
		const struct atom *x = atom_at(s->g, l->lits[i]);
		bool exact = !x->unknown;

		if ((l->lits[i] & 1) || x->op != OP_EQ || x->length)
			continue;
		for (uint32_t k = 0; k < x->nvalues; k++) {
			exact = exact && !x->values[k].icase;
			if (x->values[k].text.n && x->values[k].text.p[0] == '/' &&
			    try_target(s, m, l, x->values[k].text))
				return ANSWER_YES;
		}
		if (exact)
			got = ANSWER_NO;
	}
	return got;
}

/* <target> and as many ".." as it has segments, then <path>. */
static struct str behind(struct solver *s, struct str target, struct str path)
{
	struct textbuf b = { 0 };
	struct str raw = str_cut(&target, '?');

	textbuf_put(s->a, &b, raw);
	if (raw.n && raw.p[raw.n - 1] == '/')
		b.n--;
	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] == '/' && i + 1 < raw.n && raw.p[i + 1] != '/')
			textbuf_put(s->a, &b, S("/.."));
	textbuf_put(s->a, &b, path);
	return textbuf_str(&b);
}

/* What all literals of <id> leave of the field's values. NULL: a limit, or one that is opaque. */
const struct dfa *line_language(struct solver *s, const struct line *l, enum subject_id id)
{
	struct proof_field *f = line_field(l->gr, id);
	uint32_t n = line_lits(s, l, id, l->lits);
	const struct dfa *d = f ? field_universe(s->g, f) : NULL;

	for (uint32_t i = 0; i < n && d; i++) {
		struct atom *x = atom_at(s->g, l->lits[i]);
		const struct dfa *e = x->unknown ? NULL : atom_dfa(s->g, x);

		*l->opaque |= !e && (x->unknown || x->opaque);
		if (!e)
			continue;
		d = l->lits[i] & 1 ? dfa_difference(s->a, d, e, &s->g->budget)
				   : dfa_intersection(s->a, d, e, &s->g->budget);
	}
	return d;
}

/* The target as received is tested, too: its own literals, or those of path and target on a path
 * that is received as it is, or all spellings of the paths. */
static enum answer with_uri(struct solver *s, struct model *m, struct line *l, struct str path,
			    const struct str *queries, unsigned nq)
{
	struct proof_field *uri = line_field(l->gr, SUBJ_URI), *fp = line_field(l->gr, SUBJ_PATH);
	uint32_t n = line_lits(s, l, SUBJ_URI, l->lits), both;
	enum answer alone = equal_target(s, m, l, n);
	struct str text, target;

	if (alone != ANSWER_LIMIT)
		return alone;
	if (try_path(s, m, l, path, queries, nq))
		return ANSWER_YES;
	alone = solve_text(s, uri, l->lits, n, &target, l->opaque);
	if (alone == ANSWER_NO)
		return ANSWER_NO;
	if (alone == ANSWER_YES && try_target(s, m, l, target))
		return ANSWER_YES;
	both = n + line_lits(s, l, SUBJ_PATH, l->lits + n);
	if (fp && solve_text(s, fp, l->lits, both, &text, l->opaque) == ANSWER_YES &&
	    try_path(s, m, l, text, queries, nq))
		return ANSWER_YES;
	for (unsigned i = 0; alone == ANSWER_YES && i < nq; i++) {
		m->path = behind(s, target, path);
		m->query = queries[i];
		if (line_fits(s, m, l))
			return ANSWER_YES;
	}
	return ANSWER_LIMIT; /* model_target.c looks at all spellings */
}

static enum answer origin_form(struct solver *s, struct model *m, struct line *l)
{
	bool uri = line_lits(s, l, SUBJ_URI, l->lits) > 0;
	struct str path, queries[3];
	enum answer a, b, c;
	unsigned nq;

	m->form = FORM_ORIGIN;
	a = line_method(s, m, l);
	b = choose_path(s, l, &path);
	c = choose_query(s, m, l, queries, &nq);
	if (a == ANSWER_NO || b == ANSWER_NO || c == ANSWER_NO)
		return ANSWER_NO;
	if (a == ANSWER_LIMIT || b == ANSWER_LIMIT || c == ANSWER_LIMIT)
		return ANSWER_LIMIT;
	if (uri)
		return with_uri(s, m, l, path, queries, nq);
	for (unsigned i = 0; i < nq; i++) {
		m->path = path;
		m->query = queries[i];
		if (line_fits(s, m, l))
			return ANSWER_YES;
	}
	return ANSWER_LIMIT;
}

/* ---- the other forms ---- */

enum answer model_solve_line(struct solver *s, struct model *m, const struct group *gr,
			     const struct demand *d, bool *opaque)
{
	struct line l = { .gr = gr,
			  .d = d,
			  .opaque = opaque,
			  .lits = ARENA_ARRAY(s->a, uint32_t, 2 * d->n + 1) };
	struct str version = m->version;
	enum answer got = origin_form(s, m, &l);

	if (got == ANSWER_YES)
		return got;
	m->form = FORM_ASTERISK;
	m->meth = S("OPTIONS");
	if (line_fits(s, m, &l))
		return ANSWER_YES;
	m->form = FORM_CONNECT;
	m->meth = S("CONNECT");
	if (line_fits(s, m, &l))
		return ANSWER_YES;
	if (!line_lits(s, &l, SUBJ_LINE, l.lits) && !line_lits(s, &l, SUBJ_URI, l.lits))
		return got;
	m->version = version;
	return model_solve_target(s, m, &l, got == ANSWER_NO);
}
