/* SPDX-License-Identifier: Apache-2.0 */
/* lsp_answer: hover, definition, references, rename, symbols, formatting, quick fixes. */
#include "../build.h"
#include "../canon.h"
#include "../diag_report.h"
#include "../fmt.h"
#include "../keyword.h"
#include "../paths.h"
#include "../program.h"
#include "../show.h"
#include "../source.h"
#include "lsp_part.h"
#include "place.h"
#include "words.h"

#define SUMMARY_MAX 12 /* statements of a section that a hover shows */

static const struct name *name_here(const struct query *q)
{
	return names_at(&q->names, q->at.file, q->at.line, q->at.col);
}

const struct ast_stmt *lsp_stmt(const struct query *q, const struct ast_section **section)
{
	for (const struct ast_section *s = q->ast->sections; s; s = s->next)
		for (const struct ast_stmt *t = s->stmts; t; t = t->next)
			if (t->at.file == q->at.file && t->at.line == q->at.line) {
				if (section)
					*section = s;
				return t;
			}
	return NULL;
}

/* -- hover --------------------------------------------------------------------------------------*/

static bool word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_-.=!~*^%/<>", c));
}

/* The word at the query's place, and where it begins in the line. */
static struct str word_here(const struct query *q, size_t *from)
{
	size_t i = q->at.col - 1, end = i;

	while (i > 0 && word_byte(q->line.p[i - 1]))
		i--;
	while (end < q->line.n && word_byte(q->line.p[end]))
		end++;
	*from = i;
	return str_of(q->line.p + i, end - i);
}

static struct str stmt_text(const struct query *q, const struct ast_stmt *s,
			    enum section_kind section)
{
	return canon_line(q->arena, canon_stmt(q->arena, s, section));
}

/* The lines that give acl <n>: there may be several. */
static struct str acl_text(const struct query *q, const struct name *n)
{
	struct textbuf b = { 0 };

	for (size_t i = 0; i < q->names.all.n; i++) {
		const struct name *g = q->names.all.p[i];

		if (!g->given || !names_same(g, n) || !g->stmt)
			continue;
		textbuf_put(q->arena, &b, stmt_text(q, g->stmt, g->section->kind));
		textbuf_byte(q->arena, &b, '\n');
	}
	return textbuf_str(&b);
}

static struct str section_text(const struct query *q, const struct ast_section *s)
{
	struct textbuf b = { 0 };
	unsigned n = 0;

	textbuf_put(q->arena, &b, str_from(keyword_header(s->kind)));
	textbuf_byte(q->arena, &b, ' ');
	textbuf_put(q->arena, &b, s->name);
	textbuf_byte(q->arena, &b, '\n');
	for (const struct ast_stmt *t = s->stmts; t && n <= SUMMARY_MAX; t = t->next, n++) {
		textbuf_put(q->arena, &b, S("    "));
		textbuf_put(q->arena, &b, n == SUMMARY_MAX ? S("...") : stmt_text(q, t, s->kind));
		textbuf_byte(q->arena, &b, '\n');
	}
	return textbuf_str(&b);
}

static struct str name_text(const struct query *q, const struct name *n)
{
	const struct name *given = names_given(&q->names, n);

	if (!given)
		return S("");
	if (n->kind == NAME_ACL)
		return acl_text(q, n);
	if (given->stmt)
		return stmt_text(q, given->stmt, given->section->kind);
	return section_text(q, given->section);
}

/* The option whose keyword stands at the query's place. */
static const struct word *option_here(const struct query *q)
{
	const struct ast_stmt *s = lsp_stmt(q, NULL);

	if (!s || s->kind != STMT_OPTION || q->at.col < s->option->at.col ||
	    q->at.col > s->option->at.col + s->option->at.len)
		return NULL;
	return words_find(WORD_OPTION, keyword_option_name(s->option->id));
}

/* What word the text before and behind makes of the one at the place. */
static const struct word *word_row(const struct query *q, struct str word, size_t from)
{
	static const enum word_kind kinds[] = { WORD_ACTION, WORD_SUBJECT, WORD_OPERATOR };
	struct str before = str_trim(str_first(q->line, from));
	const struct word *w = option_here(q);

	if (w)
		return w;
	if (before.n == 0) {
		w = words_find(WORD_HEADER, word);
		return w ? w : words_find(WORD_STATEMENT, word);
	}
	if (str_ends(before, S("|")))
		return words_find(WORD_CONVERTER, word);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && !w; i++)
		w = words_find(kinds[i], word);
	return w;
}

void lsp_hover(const struct query *q)
{
	const struct name *n = name_here(q);
	struct str text = n ? name_text(q, n) : S("");
	const struct word *w = NULL;
	size_t from;

	if (!text.n) {
		struct str word = word_here(q, &from);

		w = word_row(q, word, from);
		text = w ? str_from(w->doc) : text;
	}
	if (!text.n) {
		fputs("null", q->out);
		return;
	}
	if (w && *w->value)
		text = arena_printf(q->arena, "**%s**: %.*s\n\ndefault: `%s`", w->word,
				    STR_ARG(text), w->value);
	else if (w)
		text = arena_printf(q->arena, "**%s**: %.*s", w->word, STR_ARG(text));
	else
		text = arena_printf(q->arena, "```weir\n%.*s\n```", STR_ARG(text));
	fputs("{\"contents\":{\"kind\":\"markdown\",\"value\":", q->out);
	show_json(q->out, text);
	fputs("}}", q->out);
}

/* -- definition, references, rename -------------------------------------------------------------*/

/* The file that an include names, or that a value "file F" does. */
static bool file_here(const struct query *q, struct str *path)
{
	struct str line = str_trim(q->line), dir = q->doc->path;
	const char *stdlib = paths_stdlib();
	ptrdiff_t from;

	if (!str_starts(line, S("include")))
		return false;
	from = str_chr(line, '"');
	if (from < 0)
		from = str_chr(line, '\'');
	if (from < 0)
		return false;
	line = str_skip(line, (size_t)from);
	*path = str_skip(line, 1);
	*path = str_cut(path, line.p[0]);
	if (str_starts(*path, S("std/"))) {
		*path = arena_printf(q->arena, "%s/%.*s%s", stdlib ? stdlib : "",
				     STR_ARG(str_skip(*path, 4)),
				     str_ends(*path, S(".weir")) ? "" : ".weir");
	} else if (!str_starts(*path, S("/"))) {
		while (dir.n && dir.p[dir.n - 1] != '/')
			dir.n--;
		*path = arena_printf(q->arena, "%.*s%.*s", STR_ARG(dir), STR_ARG(*path));
	}
	return true;
}

void lsp_definition(const struct query *q)
{
	const struct name *n = name_here(q);
	bool first = true;
	struct str path;

	if (!n && file_here(q, &path)) {
		fputs("{\"uri\":", q->out);
		place_put_uri(q->out, path);
		fputs(",\"range\":{\"start\":{\"line\":0,\"character\":0},\"end\":{\"line\":0,"
		      "\"character\":0}}}",
		      q->out);
		return;
	}
	fputc('[', q->out);
	for (size_t i = 0; n && i < q->names.all.n; i++) {
		const struct name *g = q->names.all.p[i];

		if (!g->given || !names_same(g, n))
			continue;
		fputs(first ? "" : ",", q->out);
		place_put_location(q->out, g->at);
		first = false;
	}
	fputc(']', q->out);
}

void lsp_references(const struct query *q)
{
	bool given = json_number(q->params, "context.includeDeclaration", 1) != 0;
	const struct name *n = name_here(q);
	bool first = true;

	fputc('[', q->out);
	for (size_t i = 0; n && i < q->names.all.n; i++) {
		const struct name *u = q->names.all.p[i];

		if ((u->given && !given) || !names_same(u, n))
			continue;
		fputs(first ? "" : ",", q->out);
		place_put_location(q->out, u->at);
		first = false;
	}
	fputc(']', q->out);
}

static void put_edit(FILE *out, bool first, struct at at, struct str text)
{
	fputs(first ? "{\"range\":" : ",{\"range\":", out);
	place_put_range(out, at);
	fputs(",\"newText\":", out);
	show_json(out, text);
	fputc('}', out);
}

/* The edits of one file. True when there were some. */
static bool rename_file(const struct query *q, uint32_t file, const struct name *n, struct str to,
			bool begun)
{
	bool first = true;

	for (size_t i = 0; i < q->names.all.n; i++) {
		const struct name *u = q->names.all.p[i];

		if (u->at.file != file || !names_same(u, n))
			continue;
		if (first) {
			fputs(begun ? "]," : "", q->out);
			place_put_uri(q->out, source_get(file)->path);
			fputs(":[", q->out);
		}
		put_edit(q->out, first, u->at, to);
		first = false;
	}
	return !first;
}

const char *lsp_rename(const struct query *q)
{
	const struct name *n = name_here(q);
	struct str to = json_text(q->params, "newName");
	struct name other;
	bool begun = false;

	if (!n)
		return "no name stands here";
	for (size_t i = 0; i < to.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.",
			    to.p[i]) ||
		    !to.p[i])
			return "names are made of letters, digits, '_', '-' and '.'";
	if (!to.n || keyword_reserved(to) ||
	    (n->kind == NAME_ACL && (keyword_subject(to, false) || str_eq(to, S("all")))))
		return "this is no name";
	other = *n;
	other.text = to;
	if (names_given(&q->names, &other))
		return "the name is taken";
	for (size_t i = 0; i < q->names.all.n; i++) {
		const struct name *u = q->names.all.p[i];

		if (names_same(u, n) && source_is_library(u->at.file))
			return "the name is of the library";
	}
	fputs("{\"changes\":{", q->out);
	for (uint32_t file = 0; file < source_count(); file++)
		begun = rename_file(q, file, n, to, begun) || begun;
	fputs(begun ? "]}}" : "}}", q->out);
	return NULL;
}

/* -- symbols ------------------------------------------------------------------------------------*/

/* Last line of <s> in its file: before the next header there. */
static uint32_t last_line(const struct ast_section *s)
{
	uint32_t last = s->at.line;

	for (const struct ast_stmt *t = s->stmts; t; t = t->next)
		if (t->at.file == s->at.file && t->at.line > last)
			last = t->at.line;
	return last;
}

static void put_symbol(const struct query *q, struct str name, const char *detail, int kind,
		       struct at at, uint32_t last)
{
	struct at end = { .file = at.file, .line = last };

	fputs("{\"name\":", q->out);
	show_json(q->out, name.n ? name : str_from(detail));
	fprintf(q->out,
		",\"detail\":\"%s\",\"kind\":%d,\"range\":{\"start\":{\"line\":%u,\"character\":0},"
		"\"end\":{\"line\":%u,\"character\":%u}},\"selectionRange\":",
		detail, kind, at.line - 1, last - 1,
		place_units(source_line(end), source_line(end).n));
	place_put_range(q->out, at);
}

static void put_kids(const struct query *q, const struct ast_section *s, bool *first)
{
	for (const struct ast_stmt *t = s->stmts; t; t = t->next) {
		struct at at;

		if (t->at.file != q->file || (t->kind != STMT_ACL && t->kind != STMT_PARAM))
			continue;
		at = t->kind == STMT_ACL ? t->acl->name_at : t->param->name_at;
		fputs(*first ? "" : ",", q->out);
		*first = false;
		put_symbol(q, t->kind == STMT_ACL ? t->acl->name : t->param->name,
			   t->kind == STMT_ACL ? "acl" : "param", 13, at, at.line);
		fputc('}', q->out);
	}
}

void lsp_symbols(const struct query *q)
{
	bool first = true;

	fputc('[', q->out);
	for (const struct ast_section *s = q->ast->sections; s; s = s->next) {
		bool kid = true;

		if (s->kind == SEC_FILE) {
			put_kids(q, s, &first);
			continue;
		}
		if (s->at.file != q->file)
			continue;
		fputs(first ? "" : ",", q->out);
		first = false;
		put_symbol(q, s->name.n && s->name.p[0] == '?' ? S("?") : s->name,
			   keyword_header(s->kind), 5, s->name_at, last_line(s));
		fputs(",\"children\":[", q->out);
		put_kids(q, s, &kid);
		fputs("]}", q->out);
	}
	fputc(']', q->out);
}

/* -- edits --------------------------------------------------------------------------------------*/

/* {"line":…,"character":…} of byte <n> of <text>. */
static void put_offset(FILE *out, struct str text, size_t n)
{
	size_t line = 0, start = 0;
	struct str rest;

	for (size_t i = 0; i < n; i++)
		if (text.p[i] == '\n') {
			line++;
			start = i + 1;
		}
	rest = str_skip(text, start);
	fprintf(out, "{\"line\":%zu,\"character\":%u}", line, place_units(rest, n - start));
}

static void put_bytes(FILE *out, struct str text, size_t from, size_t to, struct str new)
{
	fputs("{\"range\":{\"start\":", out);
	put_offset(out, text, from);
	fputs(",\"end\":", out);
	put_offset(out, text, to);
	fputs("},\"newText\":", out);
	show_json(out, new);
	fputc('}', out);
}

void lsp_format(const struct query *q)
{
	struct str is = q->doc->text, should;
	size_t head = 0, tail = 0;

	diag_reset();
	if (!fmt_text(q->arena, q->doc->path, is, &should) || str_eq(is, should)) {
		fputs("[]", q->out);
		return;
	}
	while (head < is.n && head < should.n && is.p[head] == should.p[head])
		head++;
	while (head && is.p[head - 1] != '\n') /* whole lines: never within a character */
		head--;
	while (tail < is.n - head && tail < should.n - head &&
	       is.p[is.n - 1 - tail] == should.p[should.n - 1 - tail])
		tail++;
	while (tail && is.p[is.n - tail - 1] != '\n')
		tail--;
	fputc('[', q->out);
	put_bytes(q->out, is, head, is.n - tail, str_of(should.p + head, should.n - tail - head));
	fputc(']', q->out);
}

/* Does <r> stand on a line of the query's range? */
static bool in_range(const struct query *q, const struct diag_report *r)
{
	int64_t from = json_number(q->params, "range.start.line", 0);
	int64_t to = json_number(q->params, "range.end.line", from);
	struct str path = source_get(r->at.file)->path;

	return str_eq(path, q->doc->path) && r->at.line > from && r->at.line <= to + 1;
}

static void put_fix(const struct query *q, const struct diag_report *r)
{
	fputs("{\"title\":", q->out);
	show_json(q->out, r->repair->what);
	fprintf(q->out, ",\"kind\":\"quickfix\",\"isPreferred\":%s,\"edit\":{\"changes\":{",
		r->repair->safe ? "true" : "false");
	show_json(q->out, q->doc->uri);
	fputs(":[", q->out);
	for (const struct diag_edit *e = r->repair->edits; e; e = e->next) {
		put_bytes(q->out, source_get(e->file)->text, e->from, e->to, e->text);
		fputs(e->next ? "," : "", q->out);
	}
	fputs("]}}}", q->out);
}

void lsp_fixes(const struct query *q, const struct doc *root)
{
	struct diag_report **all;
	bool first = true;
	unsigned n;

	lsp_lint(q->arena, root);
	all = diag_sorted(&n);
	fputc('[', q->out);
	for (unsigned i = 0; i < n; i++) {
		const struct diag_report *r = all[i];
		bool here = r->repair && r->at.line && in_range(q, r);

		for (const struct diag_edit *e = here ? r->repair->edits : NULL; e; e = e->next)
			here = here && e->file == r->at.file;
		if (!here)
			continue;
		fputs(first ? "" : ",", q->out);
		first = false;
		put_fix(q, r);
	}
	fputc(']', q->out);
}
