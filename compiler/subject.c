/* SPDX-License-Identifier: Apache-2.0 */
#include "subject.h"

#include "diag.h"
#include "lex.h"

struct reader {
	struct arena *arena;
	struct str all; /* the whole subject, for messages */
	struct at at; /* of <all> */
	const char *p, *end;
	bool measured; /* inside len() or count() */
};

static struct at place(const struct reader *r, const char *from, const char *to)
{
	struct at at = r->at;

	at.col += (uint32_t)(from - r->all.p);
	at.len = (uint32_t)(to - from);
	return at;
}

static bool fail(const struct reader *r, const char *why)
{
	diag(E034, place(r, r->p, r->p < r->end ? r->p + 1 : r->p), STR_ARG(r->all), why);
	return false;
}

static bool name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

static void blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t'))
		r->p++;
}

/* End of the bare argument at r->p: a comma, or a bracket that it did not open. */
static const char *bare_end(const struct reader *r)
{
	const char *q = r->p;
	size_t depth = 0;

	for (; q < r->end; q++) {
		if (*q == '(')
			depth++;
		else if (*q == ')' && depth-- == 0)
			break;
		else if (*q == ',' && depth == 0)
			break;
	}
	return q;
}

/* Closing delimiter of the text at r->p, or NULL. */
static const char *text_end(const struct reader *r)
{
	for (const char *q = r->p + 1; q < r->end; q++) {
		if (*q == '\\')
			q++;
		else if (*q == *r->p)
			return q;
	}
	return NULL;
}

static bool read_opts(struct reader *r, struct ast_value *v)
{
	static const char letters[] = "icxb";
	const char *from = r->p;

	for (; r->p < r->end && *r->p && strchr(letters, *r->p); r->p++)
		v->opts |= (uint8_t)(1 << (strchr(letters, *r->p) - letters));
	v->opts_at = place(r, from, r->p);
	return true;
}

/* <regex>: it may be written /…/; <empty>: it may be nothing at all. */
static bool read_arg(struct reader *r, struct ast_value *v, bool regex, bool empty)
{
	const char *from = r->p, *to;

	if (r->p < r->end && (*from == '"' || *from == '\'' || (*from == '/' && regex))) {
		to = text_end(r);
		if (!to)
			return fail(r, "a text in it has no end");
		v->delim = *from;
		v->text = lex_undelimit(r->arena, str_of(from + 1, (size_t)(to - from) - 1), *from);
		r->p = to + 1;
		v->at = place(r, from, r->p);
		return read_opts(r, v);
	}
	to = bare_end(r);
	v->text = str_trim(str_of(from, (size_t)(to - from)));
	if (v->text.n == 0 && !empty)
		return fail(r, "an argument is missing");
	v->at = place(r, v->text.p, v->text.p + v->text.n);
	r->p = to;
	return true;
}

static bool read_args(struct reader *r, struct ast_func *f)
{
	struct ast_value **last = &f->args;
	bool sub = str_eq(f->name, S("sub"));

	for (;;) {
		struct ast_value *v = ARENA_NEW(r->arena, struct ast_value);
		bool first = last == &f->args;

		blanks(r);
		if (!read_arg(r, v, first && sub, !first && sub))
			return false;
		*last = v;
		last = &v->next;
		blanks(r);
		if (r->p == r->end)
			return fail(r, "a ')' is missing");
		if (*r->p++ == ')')
			return true;
		if (r->p[-1] != ',') {
			r->p--;
			return fail(r, "',' or ')' must follow an argument");
		}
	}
}

static struct ast_subject *read_subject(struct reader *r);

static bool read_measured(struct reader *r, struct ast_func *f)
{
	if (r->measured)
		return fail(r, "len and count do not nest");
	r->measured = true;
	blanks(r);
	f->inner = read_subject(r);
	if (!f->inner)
		return false;
	r->measured = false;
	blanks(r);
	if (r->p == r->end || *r->p != ')')
		return fail(r, "a ')' is missing");
	r->p++;
	return true;
}

static struct ast_func *read_func(struct reader *r, bool head)
{
	struct ast_func *f = ARENA_NEW(r->arena, struct ast_func);
	const char *from = r->p;
	bool ok = true;

	while (r->p < r->end && name_byte(*r->p))
		r->p++;
	f->name = str_of(from, (size_t)(r->p - from));
	if (f->name.n == 0) {
		fail(r, head ? "it begins with no name" : "a converter's name must follow '|'");
		return NULL;
	}
	if (r->p < r->end && *r->p == '(') {
		f->call = true;
		r->p++;
		if (head && (str_ieq(f->name, S("len")) || str_ieq(f->name, S("count"))))
			ok = read_measured(r, f);
		else
			ok = read_args(r, f);
	}
	f->at = place(r, from, r->p);
	return ok ? f : NULL;
}

static struct ast_subject *read_subject(struct reader *r)
{
	struct ast_subject *s = ARENA_NEW(r->arena, struct ast_subject);
	struct ast_func **last = &s->convs;
	const char *from = r->p;

	s->head = read_func(r, true);
	if (!s->head)
		return NULL;
	while (r->p < r->end && *r->p == '|') {
		r->p++;
		*last = read_func(r, false);
		if (!*last)
			return NULL;
		last = &(*last)->next;
	}
	s->at = place(r, from, r->p);
	s->text = str_of(from, (size_t)(r->p - from));
	return s;
}

struct ast_subject *subject_parse(struct arena *a, struct str text, struct at at)
{
	struct reader r = {
		.arena = a, .all = text, .at = at, .p = text.p, .end = text.p + text.n
	};
	struct ast_subject *s = read_subject(&r);

	if (s && r.p != r.end) {
		fail(&r, "this cannot follow");
		return NULL;
	}
	return s;
}
