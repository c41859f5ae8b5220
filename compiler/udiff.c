/* SPDX-License-Identifier: Apache-2.0 */
/* The shortest edit script by E. Myers, "An O(ND) difference algorithm" (1986), between the first
 * and the last line that differ. */
#include "udiff.h"

#define CONTEXT 3

struct lines {
	struct str *line; /* with its LF */
	size_t n;
};

/* One line of the script. */
enum edit { KEEP, DELETE, INSERT };

struct script {
	char *edits; /* enum edit, in order */
	size_t n;
};

static struct lines split(struct arena *arena, struct str s)
{
	struct lines l = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n' || i + 1 == s.n;
	l.line = ARENA_ARRAY(arena, struct str, n);
	while (s.n) {
		ptrdiff_t nl = str_chr(s, '\n');
		size_t len = nl < 0 ? s.n : (size_t)nl + 1;

		l.line[l.n++] = str_first(s, len);
		s = str_skip(s, len);
	}
	return l;
}

static void push(struct script *s, enum edit e, size_t times)
{
	while (times--)
		s->edits[s->n++] = (char)e;
}

/* Follows the recorded front lines back from the end: the script comes out reversed. */
static void walk_back(struct script *out, int **fronts, int d, int n, int m)
{
	int x = n, y = m;

	for (; d > 0; d--) {
		const int *v = fronts[d - 1] + d;
		int k = x - y;
		bool down = k == -d || (k != d && v[k - 1] < v[k + 1]);
		int px = down ? v[k + 1] : v[k - 1];
		int py = px - (down ? k + 1 : k - 1);

		while (x > px + !down && y > py + down) {
			push(out, KEEP, 1);
			x--;
			y--;
		}
		push(out, down ? INSERT : DELETE, 1);
		x = px;
		y = py;
	}
	push(out, KEEP, (size_t)x);
}

static void reverse(struct script *s, size_t from)
{
	for (size_t i = from, j = s->n; i + 1 < j; i++, j--) {
		char e = s->edits[i];

		s->edits[i] = s->edits[j - 1];
		s->edits[j - 1] = e;
	}
}

/* The edits between <n> lines of <a> and <m> of <b>. False: more than UDIFF_EDITS. */
static bool shortest(struct arena *arena, struct script *out, const struct str *a, int n,
		     const struct str *b, int m)
{
	int **fronts = ARENA_ARRAY(arena, int *, UDIFF_EDITS + 1);
	int *last = ARENA_ARRAY(arena, int, 4) + 1; /* v[k] of step -1: k from -1 to 1 */

	for (int d = 0; d <= UDIFF_EDITS; d++) {
		int *v = ARENA_ARRAY(arena, int, 2 * (size_t)d + 4) + d + 1; /* k: -d-1 to d+1 */

		for (int k = -d; k <= d; k += 2) {
			bool down = k == -d || (k != d && last[k - 1] < last[k + 1]);
			int x = d == 0 ? 0 : down ? last[k + 1] : last[k - 1] + 1, y = x - k;

			while (x < n && y < m && y >= 0 && str_eq(a[x], b[y])) {
				x++;
				y++;
			}
			v[k] = x;
			if (x >= n && y >= m) {
				size_t from = out->n;

				walk_back(out, fronts, d, n, m);
				reverse(out, from);
				return true;
			}
		}
		fronts[d] = v - (d + 1); /* walk_back() adds it again */
		last = v;
	}
	return false;
}

static struct script compare(struct arena *arena, const struct lines *a, const struct lines *b)
{
	struct script s = { .edits = arena_get(arena, a->n + b->n + 1) };
	size_t head = 0, tail = 0;

	while (head < a->n && head < b->n && str_eq(a->line[head], b->line[head]))
		head++;
	while (tail < a->n - head && tail < b->n - head &&
	       str_eq(a->line[a->n - 1 - tail], b->line[b->n - 1 - tail]))
		tail++;
	push(&s, KEEP, head);
	if (!shortest(arena, &s, a->line + head, (int)(a->n - head - tail), b->line + head,
		      (int)(b->n - head - tail))) {
		push(&s, DELETE, a->n - head - tail);
		push(&s, INSERT, b->n - head - tail);
	}
	push(&s, KEEP, tail);
	return s;
}

static void put_line(FILE *out, char sign, struct str line)
{
	fputc(sign, out);
	fwrite(line.p, 1, line.n, out);
	if (!str_ends(line, S("\n")))
		fputs("\n\\ No newline at end of file\n", out);
}

/* Edits <from> to <to>, of which the first is line <x> of <a> and <y> of <b>. */
static void put_hunk(FILE *out, const struct script *s, size_t from, size_t to,
		     const struct lines *a, const struct lines *b, size_t x, size_t y)
{
	size_t olds = 0, news = 0;

	for (size_t i = from; i < to; i++) {
		olds += s->edits[i] != INSERT;
		news += s->edits[i] != DELETE;
	}
	fprintf(out, "@@ -%zu,%zu +%zu,%zu @@\n", olds ? x + 1 : x, olds, news ? y + 1 : y, news);
	for (size_t i = from; i < to; i++) {
		if (s->edits[i] == KEEP)
			put_line(out, ' ', a->line[x]);
		else if (s->edits[i] == DELETE)
			put_line(out, '-', a->line[x]);
		else
			put_line(out, '+', b->line[y]);
		x += s->edits[i] != INSERT;
		y += s->edits[i] != DELETE;
	}
}

/* End of the hunk that holds the change at <i>: where more than twice the context is kept. */
static size_t hunk_end(const struct script *s, size_t i)
{
	size_t kept = 0;

	for (; i < s->n && kept <= 2 * CONTEXT; i++)
		kept = s->edits[i] == KEEP ? kept + 1 : 0;
	return kept > CONTEXT ? i - (kept - CONTEXT) : i;
}

void udiff(struct arena *arena, FILE *out, struct str name, struct str a, struct str b)
{
	struct lines la = split(arena, a), lb = split(arena, b);
	struct script s = compare(arena, &la, &lb);
	size_t x = 0, y = 0, i = 0;

	if (str_eq(a, b))
		return;
	fprintf(out, "--- %.*s\n+++ %.*s\n", STR_ARG(name), STR_ARG(name));
	while (i < s.n) {
		size_t from, end;

		if (s.edits[i] == KEEP) {
			x++;
			y++;
			i++;
			continue;
		}
		from = i;
		for (int n = 0; n < CONTEXT && from && s.edits[from - 1] == KEEP; n++)
			from--;
		end = hunk_end(&s, i);
		put_hunk(out, &s, from, end, &la, &lb, x - (i - from), y - (i - from));
		for (; i < end; i++) {
			x += s.edits[i] != INSERT;
			y += s.edits[i] != DELETE;
		}
	}
}
