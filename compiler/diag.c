/* SPDX-License-Identifier: Apache-2.0 */
#include "diag_report.h"

#include <stdlib.h>

#include "source.h"

#define TEXT_MAX 600 /* longest message, hint or note, in bytes: they may quote a long word */

static const struct diag_row rows[] = {
#define DIAG(code, sev, format, hint, doc) { #code, sev, format, hint, doc },
#include "diag.def"
};

const char *const diag_severities[] = { "error", "warning", "info" };

static struct arena memory;
static struct diag_report *reports, **sorted;
static unsigned nreports, room, keep = DIAG_MAX, dropped, counts[3];
static uint32_t *seen; /* hash of code and place to report + 1; 2 * room, a power of two */
static struct diag_report *last; /* what notes and hints go to; NULL: it was not kept */

void diag_reset(void)
{
	arena_free(&memory);
	free(reports);
	free(sorted);
	free(seen);
	reports = NULL;
	sorted = NULL;
	seen = NULL;
	nreports = room = dropped = 0;
	memset(counts, 0, sizeof(counts));
	keep = DIAG_MAX;
	last = NULL;
}

void diag_limit(unsigned n)
{
	keep = n < DIAG_ROOM_MAX ? n : DIAG_ROOM_MAX;
}

unsigned diag_errors(void)
{
	return counts[SEV_ERROR];
}

unsigned diag_warnings(void)
{
	return counts[SEV_WARNING];
}

unsigned diag_infos(void)
{
	return counts[SEV_INFO];
}

unsigned diag_dropped(void)
{
	return dropped;
}

const struct diag_row *diag_row(enum diag_code code)
{
	return &rows[code];
}

enum diag_code diag_find(struct str word)
{
	char name[5];
	uint64_t n = 0;

	if (word.n < 2 || !str_u64(str_skip(word, 1), 999, &n))
		return DIAG_CODES;
	snprintf(name, sizeof(name), "%c%03u", word.p[0] & ~0x20, (unsigned)n);
	for (int i = 0; i < DIAG_CODES; i++)
		if (strcmp(rows[i].name, name) == 0)
			return (enum diag_code)i;
	return DIAG_CODES;
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

static void *bigger(void *at, size_t n, size_t size)
{
	void *p = realloc(at, n * size);

	if (!p) {
		fputs("weir: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

/* Slot of <code> at <at>: empty, or holding that report. */
static uint32_t *slot(enum diag_code code, struct at at)
{
	uint64_t h = (uint64_t)code * 0x9e3779b97f4a7c15u;

	h = (h ^ at.file) * 0x9e3779b97f4a7c15u;
	h = (h ^ at.line) * 0x9e3779b97f4a7c15u;
	h = (h ^ at.col) * 0x9e3779b97f4a7c15u;
	for (size_t i = h >> 40;; i++) {
		uint32_t *s = &seen[i & (2 * room - 1)];
		const struct diag_report *r = &reports[*s - 1];

		if (*s == 0 || (r->code == code && r->at.file == at.file && r->at.line == at.line &&
				r->at.col == at.col))
			return s;
	}
}

/* Room for one report more. */
static void grow(void)
{
	if (nreports < room)
		return;
	last = NULL;
	room = room ? 2 * room : 64;
	reports = bigger(reports, room, sizeof(*reports));
	sorted = bigger(sorted, room, sizeof(struct diag_report *));
	seen = bigger(seen, 2 * (size_t)room, sizeof(*seen));
	memset(seen, 0, 2 * (size_t)room * sizeof(*seen));
	for (unsigned i = 0; i < nreports; i++) {
		if (!reports[i].notes)
			reports[i].last_note = &reports[i].notes;
		if (reports[i].at.line)
			*slot(reports[i].code, reports[i].at) = i + 1;
	}
}

void diag(enum diag_code code, struct at at, ...)
{
	const struct diag_row *row = &rows[code];
	va_list ap;

	last = NULL;
	if (room && at.line && *slot(code, at))
		return;
	if (nreports >= keep) {
		counts[row->severity]++;
		dropped++;
		return;
	}
	grow();
	if (at.line)
		*slot(code, at) = nreports + 1;
	counts[row->severity]++;
	last = &reports[nreports];
	*last = (struct diag_report) {
		.code = code, .severity = row->severity, .order = nreports++, .at = at
	};
	last->last_note = &last->notes;
	last->hint = str_from(row->hint);
	va_start(ap, at);
	last->text = format_text(row->format, ap);
	va_end(ap);
}

void diag_note(struct at at, const char *format, ...)
{
	struct diag_note *n;
	va_list ap;

	if (!last)
		return;
	n = ARENA_NEW(&memory, struct diag_note);
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

void diag_severity(enum severity severity)
{
	if (!last)
		return;
	counts[last->severity]--;
	counts[severity]++;
	last->severity = severity;
}

void diag_witness(const struct diag_witness *w)
{
	if (!last)
		return;
	last->witness = ARENA_NEW(&memory, struct diag_witness);
	last->witness->request = arena_str(&memory, w->request);
	last->witness->curl = arena_str(&memory, w->curl);
	last->witness->outcome = arena_str(&memory, w->outcome);
}

void diag_fix(bool safe, const char *what)
{
	if (!last)
		return;
	last->repair = ARENA_NEW(&memory, struct diag_repair);
	last->repair->safe = safe;
	last->repair->what = arena_str(&memory, str_from(what));
	last->repair->last = &last->repair->edits;
}

void diag_edit(uint32_t file, size_t from, size_t to, struct str text)
{
	struct diag_edit *e;

	if (!last || !last->repair)
		return;
	e = ARENA_NEW(&memory, struct diag_edit);
	*e = (struct diag_edit) { .file = file, .from = from, .to = to };
	e->text = arena_str(&memory, text);
	*last->repair->last = e;
	last->repair->last = &e->next;
}

void diag_edit_at(struct at at, struct str text)
{
	size_t from = (size_t)(source_line(at).p - source_get(at.file)->text.p) + at.col - 1;

	diag_edit(at.file, from, from + at.len, text);
}

void diag_edit_line(uint32_t file, uint32_t line)
{
	struct str all = source_get(file)->text;
	struct str s = source_line((struct at) { .file = file, .line = line });
	size_t from = (size_t)(s.p - all.p), to = from + s.n;

	while (to < all.n && all.p[to] != '\n')
		to++;
	diag_edit(file, from, to + (to < all.n), S(""));
}

struct at diag_line(uint32_t file, uint32_t line)
{
	struct at at = { .file = file, .line = line };
	struct str s = source_line(at), t = str_trim(s);

	at.col = (uint32_t)(t.p - s.p) + 1;
	at.len = t.n ? (uint32_t)t.n : 1;
	return at;
}

static int by_place(const void *pa, const void *pb)
{
	const struct diag_report *a = *(const struct diag_report *const *)pa,
				 *b = *(const struct diag_report *const *)pb;

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

struct diag_report **diag_sorted(unsigned *n)
{
	*n = 0;
	for (unsigned i = 0; i < nreports; i++)
		if (!reports[i].hidden)
			sorted[(*n)++] = &reports[i];
	if (*n)
		qsort(sorted, *n, sizeof(struct diag_report *), by_place);
	return sorted;
}

struct diag_report *diag_all(unsigned *n)
{
	*n = nreports;
	return reports;
}

void diag_hide(struct diag_report *r)
{
	if (r->hidden)
		return;
	r->hidden = true;
	counts[r->severity]--;
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
