/* SPDX-License-Identifier: Apache-2.0 */
/* lower_text: written texts to pieces. %{subject|converter}, ${param}, \0-\9 and the escapes of
 * language.md 1; %%{ and $${ are the characters themselves. */
#include "lower_part.h"
#include "subject.h"
#include "value.h"

struct writer {
	struct use *u;
	const struct ast_value *v;
	unsigned flags;
	struct textbuf literal;
	struct vec pieces;
	bool bad;
};

static struct at place_in(const struct ast_value *v, size_t offset, size_t len)
{
	struct at at = v->at;

	at.col += (uint32_t)(offset + (v->delim ? 1 : 0));
	at.len = (uint32_t)len;
	return at;
}

/* First "<sign>{" of <s> that is not written double, or -1. */
static ptrdiff_t find_open(struct str s, char sign)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		if (s.p[i] != sign)
			continue;
		if (s.p[i + 1] == '{')
			return (ptrdiff_t)i;
		if (s.p[i + 1] == sign && i + 2 < s.n && s.p[i + 2] == '{')
			i += 2;
	}
	return -1;
}

bool text_has_subject(struct str s)
{
	return find_open(s, '%') >= 0;
}

bool text_has_param(struct str s)
{
	return find_open(s, '$') >= 0;
}

bool text_refused(const struct ast_value *v, const char *why)
{
	if (!text_has_subject(v->text) && !text_has_param(v->text))
		return false;
	diag(E059, v->at, text_has_param(v->text) ? "${param}" : "%{subject}", why);
	return true;
}

static void flush(struct writer *w)
{
	struct p_piece *p;

	if (!w->literal.n)
		return;
	p = ARENA_NEW(w->u->m->arena, struct p_piece);
	p->kind = PIECE_LITERAL;
	p->text = textbuf_str(&w->literal);
	vec_push(w->u->m->arena, &w->pieces, p);
	w->literal = (struct textbuf) { 0 };
}

static struct p_piece *new_piece(struct writer *w, enum p_piece_kind kind)
{
	struct p_piece *p;

	flush(w);
	p = ARENA_NEW(w->u->m->arena, struct p_piece);
	p->kind = kind;
	vec_push(w->u->m->arena, &w->pieces, p);
	return p;
}

static int hex(char c)
{
	c = ascii_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_backref(struct writer *w, size_t at, unsigned digit)
{
	struct use *u = w->u;
	struct str word = str_of(w->v->text.p + at, 2);
	char why[80];

	if (w->flags & TEXT_NO_BACKREF) {
		textbuf_put(u->m->arena, &w->literal, word);
	} else if (!u->groups) {
		diag(E014, place_in(w->v, at, 2), digit,
		     "neither the action nor the line's own test has a =~ of one value");
		w->bad = true;
	} else if (digit > u->groups->groups) {
		snprintf(why, sizeof(why), "the regular expression has %u group%s",
			 u->groups->groups, u->groups->groups == 1 ? "" : "s");
		diag(E014, place_in(w->v, at, 2), digit, why);
		w->bad = true;
	} else {
		u->captured = true;
		new_piece(w, PIECE_BACKREF)->backref = digit;
	}
}

/* The escape at <i>: returns the number of bytes read. */
static size_t put_escape(struct writer *w, size_t i)
{
	struct arena *a = w->u->m->arena;
	struct str s = w->v->text;
	char c = i + 1 < s.n ? s.p[i + 1] : 0;

	if (c == '\\' || ((w->flags & TEXT_PARAMS) == 0 && (c == 'n' || c == 't'))) {
		textbuf_byte(a, &w->literal, c == 'n' ? '\n' : c == 't' ? '\t' : c);
		return 2;
	}
	if (w->flags & TEXT_PARAMS || !c) {
		textbuf_byte(a, &w->literal, '\\');
		return 1;
	}
	if (c == 'x' && i + 3 < s.n && hex(s.p[i + 2]) >= 0 && hex(s.p[i + 3]) >= 0) {
		textbuf_byte(a, &w->literal, (char)(hex(s.p[i + 2]) * 16 + hex(s.p[i + 3])));
		return 4;
	}
	if (c >= '0' && c <= '9') {
		put_backref(w, i, (unsigned)(c - '0'));
		return 2;
	}
	textbuf_byte(a, &w->literal, '\\');
	return 1;
}

static void put_param(struct writer *w, struct str name, struct at at)
{
	struct model *m = w->u->m;
	struct p_param *param = w->u->scope ? symbol_get(&w->u->scope->params, name) : NULL;

	if (!param)
		param = symbol_get(&m->site.params, name);
	if (!param) {
		diag(E051, at, "param", STR_ARG(name));
		model_suggest(m, &m->all_params, name);
		w->bad = true;
		return;
	}
	new_piece(w, PIECE_PARAM)->param = param;
}

static void put_subject(struct writer *w, struct str text, struct at at)
{
	struct ast_subject *spec;
	struct p_subject *subject;

	if (w->flags & TEXT_PARAMS) {
		diag(E059, at, "%{subject}", "the value is fixed when the binary starts");
		w->bad = true;
		return;
	}
	spec = subject_parse(w->u->m->arena, text, at);
	subject = spec ? lower_subject(w->u, spec) : NULL;
	if (!subject)
		w->bad = true;
	else
		new_piece(w, PIECE_SUBJECT)->subject = subject;
}

/* End of the "{" at <i>: a brace inside brackets of a subject's regex does not end it. */
static ptrdiff_t close_of(struct str s, size_t i)
{
	int depth = 0;

	for (; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '{')
			depth++;
		else if (s.p[i] == '}' && --depth == 0)
			return (ptrdiff_t)i;
	}
	return -1;
}

/* %{...} or ${...} at <i>: returns the number of bytes read. */
static size_t put_computed(struct writer *w, size_t i)
{
	struct str s = w->v->text;
	ptrdiff_t end = close_of(s, i + 1);
	struct str inner;

	if (end < 0) {
		diag(E071, place_in(w->v, i, s.n - i), STR_ARG(str_skip(s, i)));
		w->bad = true;
		return s.n - i;
	}
	inner = str_of(s.p + i + 2, (size_t)end - i - 2);
	if (s.p[i] == '$')
		put_param(w, inner, place_in(w->v, i + 2, inner.n));
	else
		put_subject(w, inner, place_in(w->v, i + 2, inner.n));
	return (size_t)end + 1 - i;
}

static void put_all(struct writer *w)
{
	struct str s = w->v->text;
	size_t i = 0;

	while (i < s.n) {
		char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : 0;

		if (c == '\\') {
			i += put_escape(w, i);
		} else if ((c == '%' || c == '$') && next == '{') {
			i += put_computed(w, i);
		} else if ((c == '%' || c == '$') && next == c && i + 2 < s.n &&
			   s.p[i + 2] == '{') {
			textbuf_put(w->u->m->arena, &w->literal, str_of(s.p + i + 1, 2));
			i += 3;
		} else {
			textbuf_byte(w->u->m->arena, &w->literal, c);
			i++;
		}
	}
	flush(w);
}

static struct p_text *joined(struct model *m, const struct vec *pieces)
{
	struct p_text *t = ARENA_NEW(m->arena, struct p_text);

	t->n = (uint32_t)pieces->n;
	t->pieces = ARENA_ARRAY(m->arena, struct p_piece, pieces->n);
	for (size_t i = 0; i < pieces->n; i++)
		t->pieces[i] = *(struct p_piece *)pieces->p[i];
	return t;
}

struct p_text *lower_text(struct use *u, const struct ast_value *v, unsigned flags)
{
	struct writer w = { .u = u, .v = v, .flags = flags };

	if (v->opts)
		diag(E057, v->opts_at,
		     v->opts & VAL_ICASE  ? 'i'
		     : v->opts & VAL_CASE ? 'c'
		     : v->opts & VAL_FREE ? 'x'
					  : 'b');
	put_all(&w);
	for (size_t i = 0; i < w.pieces.n && !(flags & (TEXT_ANY_BYTE | TEXT_PARAMS)); i++) {
		struct p_piece *p = w.pieces.p[i];

		if (p->kind == PIECE_LITERAL && !value_is_clean(p->text)) {
			diag(E008, v->at, STR_ARG(v->text), "it holds CR, LF or NUL");
			return NULL;
		}
	}
	return w.bad ? NULL : joined(u->m, &w.pieces);
}

struct p_text *lower_constant(struct model *m, struct str s)
{
	struct p_piece piece = { .kind = PIECE_LITERAL, .text = s };
	struct vec one = { 0 };

	if (s.n)
		vec_push(m->arena, &one, &piece);
	return joined(m, &one);
}

bool text_constant(const struct p_text *t, struct str *out)
{
	*out = t->n ? t->pieces[0].text : (struct str) { .p = "" };
	return t->n == 0 || (t->n == 1 && t->pieces[0].kind == PIECE_LITERAL);
}
