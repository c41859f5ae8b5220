/* SPDX-License-Identifier: Apache-2.0 */
/* lint_ignore: suppressions. "# lint: ignore CODES reason" stands behind a statement, or on lines
 * of their own above it; at a header it holds for the section; at the head of a file, a blank
 * line below it, for the file. */
#include "comment.h"
#include "lint.h"
#include "source.h"

struct ignore {
	struct at at;
	struct lint_codes codes;
	uint32_t from, to; /* lines of the file, both included */
	bool used, wanted; /* <wanted>: one of its codes is looked for */
};

struct ignores {
	struct arena *a;
	struct ignore *at;
	size_t n, room;
};

/* A file while its lines are read. */
struct reader {
	struct ignores *all;
	size_t pending; /* first suppression that waits for its statement */
	size_t bound; /* first one of the statement before */
	size_t section; /* first one of the present section, or that it has none: all->n */
	bool headed; /* a header has been seen */
	bool continued; /* the line before ended with a backslash */
};

static bool is_header(struct str line)
{
	static const char *const words[] = { "global",   "profile", "listen",   "frontend",
					     "reqrules", "backend", "rsprules", "checkpoint",
					     "set",      "map",     "test" };
	size_t n = 0;

	while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
		n++;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_eq(str_of(line.p, n), str_from(words[i])))
			return true;
	return false;
}

static struct ignore *add(struct ignores *all)
{
	if (all->n == all->room) {
		struct ignore *more = ARENA_ARRAY(all->a, struct ignore, 2 * all->room + 8);

		if (all->n)
			memcpy(more, all->at, all->n * sizeof(*more));
		all->at = more;
		all->room = 2 * all->room + 8;
	}
	return &all->at[all->n++];
}

static struct str first_word(struct str *s)
{
	size_t n = 0;
	struct str word;

	*s = str_trim(*s);
	while (n < s->n && s->p[n] != ' ' && s->p[n] != '\t')
		n++;
	word = str_first(*s, n);
	*s = str_trim(str_skip(*s, n));
	return word;
}

/* The comment at <at> as suppression; false: it is none, or has been reported. */
static bool read_comment(struct ignores *all, struct str comment, struct at at)
{
	struct str s = str_trim(str_skip(comment, 1)), codes, bad;
	struct ignore *g;

	if (!str_starts(s, S("lint:")))
		return false;
	s = str_skip(s, 5);
	if (!str_eq(first_word(&s), S("ignore")))
		return false;
	codes = first_word(&s);
	g = add(all);
	*g = (struct ignore) { .at = at };
	if (codes.n == 0 || s.n == 0) {
		all->n--;
		diag(N905, at);
		return false;
	}
	if (!lint_codes(&g->codes, codes, true, &bad)) {
		all->n--;
		diag(N906, at, STR_ARG(bad));
		return false;
	}
	return true;
}

/* Gives all that wait the lines <from> to <to>. */
static void bind(struct reader *r, uint32_t from, uint32_t to)
{
	for (size_t i = r->pending; i < r->all->n; i++) {
		r->all->at[i].from = from;
		r->all->at[i].to = to;
	}
	r->bound = r->pending;
	r->pending = r->all->n;
}

/* The statement before goes on in line <line>, and so do its suppressions. */
static void extend(struct reader *r, uint32_t line)
{
	for (size_t i = r->bound; i < r->pending; i++)
		if (r->all->at[i].to == line - 1)
			r->all->at[i].to = line;
	for (size_t i = r->pending; i < r->all->n; i++)
		r->all->at[i].from = r->all->at[i].to = line;
	r->pending = r->all->n;
}

/* The section that began ends before line <line>. */
static void end_section(struct reader *r, uint32_t line)
{
	for (size_t i = r->section; i < r->pending; i++)
		if (r->all->at[i].to == UINT32_MAX)
			r->all->at[i].to = line - 1;
}

static void statement(struct reader *r, struct str text, uint32_t line)
{
	size_t first = r->pending;

	if (r->continued)
		extend(r, line);
	else if (is_header(text)) {
		end_section(r, line);
		r->headed = true;
		r->section = first;
		bind(r, line, UINT32_MAX);
	} else
		bind(r, line, line);
}

static void read_line(struct reader *r, uint32_t file, uint32_t n)
{
	struct at at = { .file = file, .line = n };
	struct str line = source_line(at), text;
	size_t start = comment_start(line);

	text = str_trim(str_first(line, start));
	if (start < line.n) {
		at.col = (uint32_t)start + 1;
		at.len = (uint32_t)(line.n - start);
		read_comment(r->all, str_skip(line, start), at);
	}
	if (text.n)
		statement(r, text, n);
	else if (start == line.n && !r->headed && r->pending < r->all->n)
		bind(r, 1, UINT32_MAX - 1); /* the head of the file */
	r->continued = text.n && text.p[text.n - 1] == '\\';
}

static uint32_t line_count(struct str text)
{
	uint32_t n = 1;

	for (const char *p = text.p, *end = p + text.n; (p = memchr(p, '\n', (size_t)(end - p)));
	     p++)
		n++;
	return n;
}

static void read_file(struct ignores *all, uint32_t file)
{
	struct reader r = { .all = all, .pending = all->n, .section = all->n };
	struct str text = source_get(file)->text;
	uint32_t lines;

	if (str_find(text, S("lint:")) < 0)
		return;
	lines = line_count(text);
	for (uint32_t n = 1; n <= lines; n++)
		read_line(&r, file, n);
	bind(&r, lines + 1, lines + 1);
}

static bool covers(const struct ignore *g, const struct diag_report *r)
{
	return g->at.file == r->at.file && r->at.line >= g->from && r->at.line <= g->to &&
	       g->codes.on[r->code] && diag_row(r->code)->name[0] != 'E';
}

void lint_ignore(struct arena *a, const struct lint_codes *c)
{
	struct ignores all = { .a = a };
	struct diag_report *reports;
	unsigned n;

	for (uint32_t f = 0; f < source_count(); f++)
		read_file(&all, f);
	reports = diag_all(&n);
	for (unsigned i = 0; i < n && all.n; i++)
		for (size_t k = 0; k < all.n; k++)
			if (covers(&all.at[k], &reports[i])) {
				all.at[k].used = true;
				diag_hide(&reports[i]);
			}
	for (size_t k = 0; k < all.n; k++) {
		struct ignore *g = &all.at[k];

		for (int i = 0; i < DIAG_CODES; i++)
			g->wanted = g->wanted || (g->codes.on[i] && c->on[i]);
		if (g->wanted && !g->used && !source_is_library(g->at.file))
			diag(N903, g->at);
	}
}
