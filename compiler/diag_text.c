/* SPDX-License-Identifier: Apache-2.0 */
/* diag_text: reports for people: place, sentence, source line, caret, hint, notes, witness. */
#include "diag_report.h"
#include "source.h"

#define CUT_BEFORE 50 /* bytes of a long line kept before the caret */
#define CUT_WHOLE 110 /* longest line shown whole, in bytes */

/* Start of the character that holds byte <i>. */
static size_t char_start(struct str s, size_t i)
{
	for (int back = 0; back < 3 && i > 0 && i < s.n && ((unsigned char)s.p[i] & 0xc0) == 0x80;
	     back++)
		i--;
	return i;
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

/* The pieces of a witness, each on a line of its own. */
static void put_fact(FILE *out, const char *what, struct str s)
{
	if (!s.n)
		return;
	fprintf(out, "      = %s: ", what);
	put_clean(out, s);
	fputc('\n', out);
}

static void print_report(FILE *out, const struct diag_report *r)
{
	put_place(out, r->at);
	fprintf(out, "%s: ", diag_severities[r->severity]);
	put_clean(out, r->text);
	fprintf(out, " [%s]\n", diag_row(r->code)->name);
	if (r->at.line)
		put_line(out, r->at);
	put_fact(out, "hint", r->hint);
	for (const struct diag_note *n = r->notes; n; n = n->next) {
		fputs("      = note: ", out);
		put_place(out, n->at);
		put_clean(out, n->text);
		fputc('\n', out);
		if (n->at.line)
			put_line(out, n->at);
	}
	if (r->witness) {
		put_fact(out, "witness", r->witness->request);
		put_fact(out, "outcome", r->witness->outcome);
		put_fact(out, "try", r->witness->curl);
	}
}

void diag_print_text(FILE *out)
{
	unsigned n;
	struct diag_report **sorted = diag_sorted(&n);

	for (unsigned i = 0; i < n; i++)
		print_report(out, sorted[i]);
	if (diag_dropped())
		fprintf(out, "%u more not shown\n", diag_dropped());
}
