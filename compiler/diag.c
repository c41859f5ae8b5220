/* SPDX-License-Identifier: Apache-2.0 */
#include "diag.h"

#include <stdlib.h>

#include "source.h"

#define CUT_BEFORE 50 /* bytes of a long line kept before the caret */
#define CUT_WHOLE 110 /* longest line shown whole, in bytes */
#define TEXT_MAX 600 /* longest message, hint or note, in bytes: they may quote a long word */

struct note {
	struct note *next;
	struct at at;
	struct str text;
};

struct report {
	enum diag_code code;
	unsigned order;
	struct at at;
	struct str text, hint;
	struct note *notes, **last_note;
};

struct row {
	const char *name;
	enum severity severity;
	const char *format, *hint;
};

static const struct row rows[] = {
#define DIAG(code, sev, format, hint, doc) { #code, sev, format, hint },
#include "diag.def"
};

static const char *const severities[] = { "error", "warning", "info" };

static struct arena memory;
static struct report reports[DIAG_MAX];
static unsigned nreports, dropped, nerrors, nwarnings;
static struct report *last; /* what notes and hints go to; NULL: the last report was not kept */

void diag_reset(void)
{
	arena_free(&memory);
	nreports = dropped = nerrors = nwarnings = 0;
	last = NULL;
}

unsigned diag_errors(void)
{
	return nerrors;
}

unsigned diag_warnings(void)
{
	return nwarnings;
}

/* Start of the character that holds byte <i>. */
static size_t char_start(struct str s, size_t i)
{
	for (int back = 0; back < 3 && i > 0 && i < s.n && ((unsigned char)s.p[i] & 0xc0) == 0x80;
	     back++)
		i--;
	return i;
}

/* Formats are rows of diag.def, or checked where diag_note() and diag_hint() are called. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static struct str format_text(const char *format, va_list ap)
{
	char text[TEXT_MAX + 1];
	int n = vsnprintf(text, sizeof(text), format, ap);

	if (n <= TEXT_MAX)
		return arena_str(&memory, str_of(text, n < 0 ? 0 : (size_t)n));
	return arena_printf(&memory, "%.*s...",
			    (int)char_start(str_of(text, TEXT_MAX), TEXT_MAX - 3), text);
}

static bool known(enum diag_code code, struct at at)
{
	for (unsigned i = 0; i < nreports; i++) {
		const struct report *r = &reports[i];

		if (r->code == code && r->at.file == at.file && r->at.line == at.line &&
		    r->at.col == at.col && at.line)
			return true;
	}
	return false;
}

void diag(enum diag_code code, struct at at, ...)
{
	const struct row *row = &rows[code];
	va_list ap;

	last = NULL;
	if (known(code, at))
		return;
	if (row->severity == SEV_ERROR)
		nerrors++;
	else if (row->severity == SEV_WARNING)
		nwarnings++;
	if (nreports == DIAG_MAX) {
		dropped++;
		return;
	}
	last = &reports[nreports];
	*last = (struct report) { .code = code, .order = nreports++, .at = at };
	last->last_note = &last->notes;
	last->hint = str_from(row->hint);
	va_start(ap, at);
	last->text = format_text(row->format, ap);
	va_end(ap);
}

void diag_note(struct at at, const char *format, ...)
{
	struct note *n;
	va_list ap;

	if (!last)
		return;
	n = ARENA_NEW(&memory, struct note);
	n->at = at;
	va_start(ap, format);
	n->text = format_text(format, ap);
	va_end(ap);
	*last->last_note = n;
	last->last_note = &n->next;
}

void diag_hint(const char *format, ...)
{
	va_list ap;

	if (!last)
		return;
	va_start(ap, format);
	last->hint = format_text(format, ap);
	va_end(ap);
}

static int by_place(const void *pa, const void *pb)
{
	const struct report *a = *(const struct report *const *)pa,
			    *b = *(const struct report *const *)pb;

	if (a->at.file != b->at.file)
		return a->at.file < b->at.file ? -1 : 1;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.col != b->at.col)
		return a->at.col < b->at.col ? -1 : 1;
	if (a->code != b->code)
		return a->code < b->code ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static void sort(const struct report **sorted)
{
	for (unsigned i = 0; i < nreports; i++)
		sorted[i] = &reports[i];
	qsort(sorted, nreports, sizeof(*sorted), by_place);
}

/* Columns that a terminal gives to <c>. */
static unsigned width(uint32_t c)
{
	static const struct {
		uint32_t from, to;
		unsigned width;
	} ranges[] = {
		{ 0x300, 0x36f, 0 },     { 0x200b, 0x200f, 0 }, { 0xfe00, 0xfe0f, 0 },
		{ 0x1100, 0x115f, 2 },   { 0x2e80, 0x303e, 2 }, { 0x3041, 0xa4cf, 2 },
		{ 0xac00, 0xd7a3, 2 },   { 0xf900, 0xfaff, 2 }, { 0xfe30, 0xfe6f, 2 },
		{ 0xff00, 0xff60, 2 },   { 0xffe0, 0xffe6, 2 }, { 0x1f300, 0x1faff, 2 },
		{ 0x20000, 0x3fffd, 2 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return ranges[i].width;
	return 1;
}

/* Writes <s> so that a terminal shows it: control bytes and broken UTF-8 become '?'. LF and tab
 * stay. */
static void put_clean(FILE *out, struct str s)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p < end) {
		const char *from = p;
		uint32_t c = source_char(&p, end);

		if ((c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) ||
		    c == SOURCE_NO_CHAR)
			fputc('?', out);
		else
			fwrite(from, 1, (size_t)(p - from), out);
	}
}

/* Blanks as wide as <s>; tabs stay tabs. */
static void put_blank(FILE *out, struct str s)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p < end) {
		uint32_t c = source_char(&p, end);

		fprintf(out, "%*s", c == '\t' ? 0 : (int)width(c), "");
		if (c == '\t')
			fputc('\t', out);
	}
}

static unsigned columns(struct str s)
{
	const char *p = s.p, *end = s.p + s.n;
	unsigned n = 0;

	while (p < end)
		n += width(source_char(&p, end));
	return n;
}

/* The line of <at> and the caret under it. */
static void put_line(FILE *out, struct at at)
{
	struct str line = source_line(at), part;
	size_t col = at.col ? at.col - 1 : 0, from = 0, to = line.n, len;
	unsigned marks;

	if (at.file >= source_count())
		return;
	if (col > line.n)
		col = line.n;
	if (line.n > CUT_WHOLE) {
		if (col > CUT_BEFORE)
			from = char_start(line, col - CUT_BEFORE);
		if (line.n - from > CUT_WHOLE)
			to = char_start(line, from + CUT_WHOLE);
	}
	part = str_of(line.p + from, to - from);
	fprintf(out, "%5u | %s", at.line, from ? "..." : "");
	put_clean(out, part);
	fprintf(out, "%s\n      | %s", to < line.n ? "..." : "", from ? "   " : "");
	put_blank(out, str_first(part, col - from));
	len = at.len < to - col ? at.len : to - col;
	marks = columns(str_of(line.p + col, len));
	fputc('^', out);
	for (unsigned i = 1; i < marks; i++)
		fputc('~', out);
	fputc('\n', out);
}

static void put_place(FILE *out, struct at at)
{
	if (at.line == 0 || at.file >= source_count())
		return;
	put_clean(out, source_get(at.file)->path);
	fprintf(out, ":%u:%u: ", at.line, at.col);
}

static void print_report(FILE *out, const struct report *r)
{
	put_place(out, r->at);
	fprintf(out, "%s: ", severities[rows[r->code].severity]);
	put_clean(out, r->text);
	fprintf(out, " [%s]\n", rows[r->code].name);
	if (r->at.line)
		put_line(out, r->at);
	if (r->hint.n) {
		fputs("      = hint: ", out);
		put_clean(out, r->hint);
		fputc('\n', out);
	}
	for (const struct note *n = r->notes; n; n = n->next) {
		fputs("      = note: ", out);
		put_place(out, n->at);
		put_clean(out, n->text);
		fputc('\n', out);
		if (n->at.line)
			put_line(out, n->at);
	}
}

void diag_print_text(FILE *out)
{
	const struct report *sorted[DIAG_MAX];

	sort(sorted);
	for (unsigned i = 0; i < nreports; i++)
		print_report(out, sorted[i]);
	if (dropped)
		fprintf(out, "%u more not shown\n", dropped);
}

static void json_text(FILE *out, struct str s)
{
	const char *p = s.p, *end = s.p + s.n;

	fputc('"', out);
	while (p < end) {
		const char *from = p;
		uint32_t c = source_char(&p, end);

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (char)c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else if (c == SOURCE_NO_CHAR)
			fputs("\\ufffd", out);
		else
			fwrite(from, 1, (size_t)(p - from), out);
	}
	fputc('"', out);
}

static void json_place(FILE *out, struct at at)
{
	if (at.line == 0 || at.file >= source_count())
		return;
	fputs("\"file\":", out);
	json_text(out, source_get(at.file)->path);
	fprintf(out, ",\"line\":%u,\"col\":%u,\"len\":%u,", at.line, at.col, at.len);
}

static void json_report(FILE *out, const struct report *r)
{
	const struct row *row = &rows[r->code];

	fprintf(out, "{\"code\":\"%s\",\"severity\":\"%s\",", row->name, severities[row->severity]);
	json_place(out, r->at);
	fputs("\"text\":", out);
	json_text(out, r->text);
	if (r->hint.n) {
		fputs(",\"hint\":", out);
		json_text(out, r->hint);
	}
	fputs(",\"notes\":[", out);
	for (const struct note *n = r->notes; n; n = n->next) {
		fputs(n == r->notes ? "{" : ",{", out);
		json_place(out, n->at);
		fputs("\"text\":", out);
		json_text(out, n->text);
		fputc('}', out);
	}
	fputs("]}", out);
}

void diag_print_json(FILE *out)
{
	const struct report *sorted[DIAG_MAX];

	sort(sorted);
	fputs("{\"version\":1,\"diagnostics\":[", out);
	for (unsigned i = 0; i < nreports; i++) {
		if (i)
			fputc(',', out);
		json_report(out, sorted[i]);
	}
	fprintf(out, "],\"dropped\":%u}\n", dropped);
}

#define NEAR_MAX 64 /* longer words are no typos of a name */

/* Edits (insert, remove, change, swap of neighbours) from <a> to <b>, or more than <limit>. */
static unsigned distance(struct str a, struct str b, unsigned limit)
{
	unsigned before[NEAR_MAX + 1], row[NEAR_MAX + 1], next[NEAR_MAX + 1];

	if (a.n > b.n + limit || b.n > a.n + limit)
		return limit + 1;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = before[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		next[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			char x = ascii_lower(a.p[i - 1]), y = ascii_lower(b.p[j - 1]);
			unsigned d = row[j - 1] + (x != y);

			if (d > row[j] + 1)
				d = row[j] + 1;
			if (d > next[j - 1] + 1)
				d = next[j - 1] + 1;
			if (i > 1 && j > 1 && x == ascii_lower(b.p[j - 2]) &&
			    y == ascii_lower(a.p[i - 2]) && d > before[j - 2] + 1)
				d = before[j - 2] + 1;
			next[j] = d;
		}
		memcpy(before, row, sizeof(row));
		memcpy(row, next, sizeof(row));
	}
	return row[b.n];
}

struct str diag_nearest(struct str word, const struct str *candidates, size_t n)
{
	unsigned best = word.n < 3   ? 1
			: word.n < 5 ? 2
			: word.n < 9 ? 3
				     : 4; /* one more than allowed */
	struct str found = { .p = "", .n = 0 };

	if (word.n > NEAR_MAX)
		return found;
	for (size_t i = 0; i < n && best; i++) {
		unsigned d;

		if (candidates[i].n > NEAR_MAX)
			continue;
		d = distance(word, candidates[i], best - 1);
		if (d < best) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}
