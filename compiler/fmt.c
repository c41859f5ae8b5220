/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt.h"

#include <stdio.h>
#include <stdlib.h>

#include "ast_dump.h"
#include "canon.h"
#include "diag.h"
#include "parse.h"
#include "source.h"
#include "symbol.h"

#define INDENT 4
#define COLUMN_MAX 28 /* longer heads do not push the others' columns */
#define COMMENT_MAX 72 /* nor longer lines the others' comments */

enum item_kind { ITEM_BLANK, ITEM_COMMENT, ITEM_HEADER, ITEM_STMT };

/* A line of the result, or a statement that is broken over several. */
struct item {
	enum item_kind kind;
	enum stmt_kind stmt;
	uint32_t indent;
	bool flush; /* a comment that began in the first column */
	struct str text; /* with the bytes of canon.h */
	struct str comment; /* behind it */
	uint32_t column; /* where what follows CANON_COLUMN begins, within the text; 0: behind it */
	uint32_t comment_at; /* column of the comment; 0: two blanks behind the text */
};

struct fmt {
	struct arena *arena;
	struct vec items; /* struct item */
	uint32_t file;
	const char *done; /* the text up to here is in items */
	enum section_kind section;
};

/* -- reading ------------------------------------------------------------------------------------*/

static struct item *add(struct fmt *f, enum item_kind kind, struct str text)
{
	struct item *i = ARENA_NEW(f->arena, struct item);

	i->kind = kind;
	i->text = text;
	i->indent = f->section == SEC_FILE ? 0 : INDENT;
	vec_push(f->arena, &f->items, i);
	return i;
}

static struct str trim_end(struct str s)
{
	while (s.n && strchr(" \t\r\n", s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The lines before <to>: blank, or comments alone. */
static void take_gap(struct fmt *f, const char *to)
{
	if (!f->done)
		f->done = source_get(f->file)->text.p;
	while (f->done < to) {
		const char *nl = memchr(f->done, '\n', (size_t)(to - f->done));
		const char *end = nl ? nl : to;
		struct str line = trim_end(str_of(f->done, (size_t)(end - f->done)));
		struct str text = line;

		while (text.n && (text.p[0] == ' ' || text.p[0] == '\t'))
			text = str_skip(text, 1);
		if (str_starts(text, S("\xef\xbb\xbf")))
			text = line = str_skip(text, 3);
		if (text.n == 0)
			add(f, ITEM_BLANK, text);
		else
			add(f, ITEM_COMMENT, text)->flush =
				text.p == line.p || f->section == SEC_FILE;
		f->done = nl ? nl + 1 : to;
	}
}

static void seen(void *arg, const struct parse_seen *s)
{
	struct fmt *f = arg;
	struct item *i;

	take_gap(f, s->from);
	f->done = s->to;
	f->section = s->section;
	if (s->stmt)
		i = add(f, ITEM_STMT, canon_stmt(f->arena, s->stmt, s->section));
	else
		i = add(f, s->header ? ITEM_HEADER : ITEM_STMT,
			canon_words(f->arena, s->tokens, s->n));
	i->stmt = s->stmt ? s->stmt->kind : STMT_OPTION;
	if (s->header)
		i->indent = 0;
	i->comment = trim_end(s->comment);
}

/* -- placing ------------------------------------------------------------------------------------*/

static struct item *item(const struct fmt *f, size_t i)
{
	return i < f->items.n ? f->items.p[i] : NULL;
}

/* Comments in the first column before a header belong to it. */
static bool before_header(const struct fmt *f, size_t i)
{
	while (item(f, i) && (item(f, i)->kind == ITEM_BLANK ||
			      (item(f, i)->kind == ITEM_COMMENT && item(f, i)->flush)))
		i++;
	return item(f, i) && item(f, i)->kind == ITEM_HEADER;
}

static bool at_end(const struct fmt *f, size_t i)
{
	for (; i < f->items.n; i++)
		if (item(f, i)->kind > ITEM_COMMENT)
			return false;
	return true;
}

/* Blank lines: one where there were some, one before a header, none behind it, none at the ends. */
static void place_lines(struct fmt *f)
{
	struct vec out = { 0 };
	bool blank = false, opened = true;

	for (size_t i = 0; i < f->items.n; i++) {
		struct item *it = item(f, i);
		bool head;

		if (it->kind == ITEM_BLANK) {
			blank = true;
			continue;
		}
		head = before_header(f, i);
		if (it->kind == ITEM_COMMENT && it->flush && (head || at_end(f, i)))
			it->indent = 0;
		if (head && !(i && item(f, i - 1)->kind == ITEM_COMMENT && item(f, i - 1)->flush &&
			      item(f, i - 1)->indent == 0))
			blank = true;
		if (blank && out.n && (!opened || head))
			vec_push(f->arena, &out, ARENA_NEW(f->arena, struct item));
		vec_push(f->arena, &out, it);
		blank = false;
		opened = it->kind == ITEM_HEADER;
	}
	f->items = out;
}

static uint32_t columns(struct str s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static uint32_t head_columns(const struct item *i)
{
	ptrdiff_t at = str_chr(i->text, CANON_COLUMN);

	return at < 0 ? 0 : columns(str_first(i->text, (size_t)at));
}

/* Statements of one kind on lines of their own, one behind the other, share a column. */
static void place_columns(struct fmt *f)
{
	for (size_t i = 0, end; i < f->items.n; i = end) {
		uint32_t most = 0;

		for (end = i;
		     end < f->items.n && item(f, end)->stmt == item(f, i)->stmt &&
		     item(f, end)->kind == item(f, i)->kind && item(f, end)->kind == ITEM_STMT;
		     end++) {
			uint32_t n = head_columns(item(f, end));

			if (n <= COLUMN_MAX && n > most)
				most = n;
		}
		for (size_t k = i; k < end; k++)
			item(f, k)->column = most + 1;
		if (end == i)
			end++;
	}
}

/* -- lines --------------------------------------------------------------------------------------*/

/* The text of <i> on one line, still with the places to break at. */
static struct str aligned(struct fmt *f, const struct item *i)
{
	ptrdiff_t at = str_chr(i->text, CANON_COLUMN);
	struct textbuf b = { 0 };

	if (at < 0)
		return i->text;
	textbuf_put(f->arena, &b, str_first(i->text, (size_t)at));
	do
		textbuf_byte(f->arena, &b, ' ');
	while (columns(textbuf_str(&b)) < i->column);
	textbuf_put(f->arena, &b, str_skip(i->text, (size_t)at + 1));
	return textbuf_str(&b);
}

static bool is_break(char c)
{
	return c == CANON_BREAK || c == CANON_CLAUSE || c == CANON_KEPT;
}

/* Where a line of at most <room> columns ends in <s>: at the last place between clauses in its
 * second half, else at the last place that fits, else at the first that there is; s.n: nowhere. */
static size_t break_at(struct str s, uint32_t room)
{
	size_t clause = 0, any = 0;
	uint32_t col = 0;

	for (size_t i = 0; i < s.n; i++) {
		bool place = is_break(s.p[i]);

		if (place && (col <= room || !any))
			any = i;
		if (place && s.p[i] == CANON_CLAUSE && col <= room && col >= room / 2)
			clause = i;
		if (col > room && any)
			return clause ? clause : any;
		col += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	}
	return col > room && any ? (clause ? clause : any) : s.n;
}

static void put_blanks(struct fmt *f, struct textbuf *out, uint32_t n)
{
	while (n--)
		textbuf_byte(f->arena, out, ' ');
}

/* Can the lines end where they did: do they fit, but for those that have no place to break at? */
static bool keeps(const struct item *i)
{
	struct str rest = i->text;
	uint32_t indent = i->indent;

	while (rest.p) {
		struct str line = str_cut(&rest, CANON_KEPT);
		uint32_t room = FMT_WIDTH - indent - (rest.p ? 2 : 0);

		if (columns(line) > room && break_at(line, room) < line.n)
			return false;
		indent = i->indent + INDENT;
	}
	return true;
}

static bool is_broken(const struct item *i)
{
	if (str_chr(i->text, CANON_KEPT) >= 0 && keeps(i))
		return true;
	return i->indent + columns(i->text) > FMT_WIDTH &&
	       break_at(i->text, FMT_WIDTH - i->indent) < i->text.n;
}

static bool has_column(const struct item *i)
{
	return i->kind == ITEM_STMT && i->comment.n && !is_broken(i) &&
	       i->indent + columns(i->text) <= COMMENT_MAX && !str_starts(i->comment, S("# lint:"));
}

/* Trailing comments of lines one behind the other stand in one column. */
static void place_comments(struct fmt *f)
{
	for (size_t i = 0, end; i < f->items.n; i = end + 1) {
		uint32_t most = 0;

		for (end = i; end < f->items.n && has_column(item(f, end)); end++) {
			uint32_t n = item(f, end)->indent + columns(item(f, end)->text);

			most = n > most ? n : most;
		}
		for (size_t k = i; k < end; k++)
			item(f, k)->comment_at = most + 2;
	}
}

static void put_broken(struct fmt *f, struct textbuf *out, const struct item *i)
{
	struct str rest = i->text;
	uint32_t indent = i->indent;
	bool kept = keeps(i);

	for (;;) {
		ptrdiff_t end = str_chr(rest, CANON_KEPT);
		size_t n = kept && end >= 0 ? (size_t)end : break_at(rest, FMT_WIDTH - indent);
		bool last = n == rest.n;

		if (!last && !kept) /* the backslash takes two columns */
			n = break_at(rest, FMT_WIDTH - indent - 2);
		put_blanks(f, out, indent);
		textbuf_put(f->arena, out, canon_line(f->arena, str_first(rest, n)));
		if (last)
			return;
		textbuf_put(f->arena, out, S(" \\\n"));
		rest = str_skip(rest, n + 1);
		indent = i->indent + INDENT;
	}
}

static void put_comment(struct fmt *f, struct textbuf *out, const struct item *i)
{
	uint32_t n = i->indent + columns(i->text);

	put_blanks(f, out, i->comment_at > n + 2 && !is_broken(i) ? i->comment_at - n : 2);
	textbuf_put(f->arena, out, i->comment);
}

static void put_item(struct fmt *f, struct textbuf *out, const struct item *i)
{
	/* what covers its own line goes to the line before when there are several */
	bool above = i->comment.n && is_broken(i) && str_starts(i->comment, S("# lint:"));

	if (above) {
		put_blanks(f, out, i->indent);
		textbuf_put(f->arena, out, i->comment);
		textbuf_byte(f->arena, out, '\n');
	}
	if (i->kind != ITEM_BLANK)
		put_broken(f, out, i);
	if (i->comment.n && !above)
		put_comment(f, out, i);
	textbuf_byte(f->arena, out, '\n');
}

static struct str write_items(struct fmt *f)
{
	struct textbuf out = { 0 };

	place_lines(f);
	place_columns(f);
	for (size_t i = 0; i < f->items.n; i++)
		item(f, i)->text = aligned(f, item(f, i));
	place_comments(f);
	for (size_t i = 0; i < f->items.n; i++)
		put_item(f, &out, item(f, i));
	return textbuf_str(&out);
}

/* -- the whole ----------------------------------------------------------------------------------*/

static struct str meaning(struct arena *a, const struct ast *ast)
{
	struct str s = S("");
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		abort();
	ast_dump_meaning(ast, out);
	if (fclose(out) == 0)
		s = arena_str(a, str_of(text, n));
	free(text);
	return s;
}

static struct str form(struct fmt *f)
{
	struct str text = source_get(f->file)->text;

	take_gap(f, text.p + text.n);
	return write_items(f);
}

struct str fmt_source(struct arena *a, uint32_t file)
{
	struct fmt f = { .arena = a, .file = file };
	struct parse_watch watch = { .seen = seen, .arg = &f };

	parse_again(a, file, &watch);
	return form(&f);
}

bool fmt_text(struct arena *a, struct str name, struct str text, struct str *out)
{
	struct fmt f = { .arena = a }, again = { .arena = a };
	struct parse_watch watch = { .seen = seen, .arg = &f };
	struct ast *ast = parse_alone(a, name, text, &watch);
	struct str was;

	if (diag_errors())
		return false;
	*out = form(&f);
	was = meaning(a, ast);
	watch.arg = &again;
	ast = parse_alone(a, name, *out, &watch);
	if (!diag_errors() && str_eq(was, meaning(a, ast)))
		return true;
	diag_reset();
	diag(E035, (struct at) { 0 }, STR_ARG(name));
	return false;
}

uint32_t fmt_first_difference(struct str a, struct str b)
{
	uint32_t line = 1;
	size_t i = 0;

	if (str_eq(a, b))
		return 0;
	for (; i < a.n && i < b.n && a.p[i] == b.p[i]; i++)
		line += a.p[i] == '\n';
	return line;
}
