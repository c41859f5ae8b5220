/* SPDX-License-Identifier: Apache-2.0 */
/* lint_baseline: findings that are known and accepted, in a text file: a head, then one line
 * "CODE FINGERPRINT COUNT TEXT" for each. The text is for people and not read. */
#include <errno.h>
#include <stdlib.h>

#include "lint.h"
#include "source.h"
#include "symbol.h"

static const char head[] = "weir baseline 1";

struct entry {
	struct entry *next; /* as in the file */
	struct str key; /* code and fingerprint */
	struct str line;
	uint64_t count, used;
	enum diag_code code;
	uint32_t at; /* line */
};

struct lint_baseline {
	struct symbols by_key;
	struct entry *first, **last;
	uint32_t file; /* in the sources of the last site: for N904 */
	struct str path, text;
	struct arena *a;
};

static struct str word(struct str *s)
{
	struct str w = str_cut(s, ' ');

	if (!s->p)
		*s = S("");
	return w;
}

static bool read_entry(struct lint_baseline *b, struct str line, uint32_t n)
{
	struct entry *e = ARENA_NEW(b->a, struct entry);
	struct str rest = line, code = word(&rest), print = word(&rest), count = word(&rest);

	e->line = line;
	e->at = n;
	e->code = diag_find(code);
	e->key = arena_printf(b->a, "%.*s %.*s", STR_ARG(code), STR_ARG(print));
	if (e->code == DIAG_CODES || print.n != 16 || !str_u64(count, UINT32_MAX, &e->count) ||
	    symbol_get(&b->by_key, e->key))
		return false;
	symbol_put(b->a, &b->by_key, e->key, e);
	*b->last = e;
	b->last = &e->next;
	return true;
}

static struct str read_text(struct arena *a, const char *path, struct str *why)
{
	FILE *in = fopen(path, "re");
	char *p = arena_get(a, 1 << 16);
	size_t room = 1 << 16, n = 0, got = 0;

	if (!in) {
		*why = str_from(strerror(errno));
		return S("");
	}
	while (n < SOURCE_FILE_MAX && (got = fread(p + n, 1, room - n, in))) {
		n += got;
		if (n == room) {
			char *more = arena_get(a, 2 * room);

			memcpy(more, p, n);
			p = more;
			room *= 2;
		}
	}
	if (ferror(in) || got)
		*why = got ? S("it is larger than 64 MB") : S("it cannot be read");
	fclose(in);
	return str_of(p, n);
}

struct lint_baseline *lint_baseline_read(struct arena *a, const char *path, struct str *why)
{
	struct lint_baseline *b = ARENA_NEW(a, struct lint_baseline);
	struct str rest;
	uint32_t n = 1;

	b->a = a;
	b->last = &b->first;
	b->path = str_from(path);
	b->text = rest = read_text(a, path, why);
	if (why->n)
		return NULL;
	if (!str_eq(str_cut(&rest, '\n'), str_from(head))) {
		*why = S("it is no baseline of this version");
		return NULL;
	}
	while (rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');

		n++;
		if (line.n && line.p[0] != '#' && !read_entry(b, line, n)) {
			*why = arena_printf(a, "line %u is no entry", n);
			return NULL;
		}
	}
	return b;
}

static struct entry *entry_of(struct arena *a, struct lint_baseline *b, const struct diag_report *r)
{
	struct str key = arena_printf(a, "%s %.*s", diag_row(r->code)->name,
				      STR_ARG(diag_fingerprint(a, r)));

	return symbol_get(&b->by_key, key);
}

void lint_baseline_apply(struct arena *a, struct lint_baseline *b)
{
	unsigned n;
	struct diag_report **sorted = diag_sorted(&n);

	for (unsigned i = 0; i < n; i++) {
		struct entry *e = entry_of(a, b, sorted[i]);

		if (e && e->used < e->count) {
			e->used++;
			diag_hide(sorted[i]);
		}
	}
}

void lint_baseline_stale(struct lint_baseline *b)
{
	uint32_t file;

	if (source_text(b->a, b->path, b->text, &file))
		return;
	for (const struct entry *e = b->first; e; e = e->next)
		if (e->used < e->count)
			diag(N904, diag_line(file, e->at), diag_row(e->code)->name);
}

void lint_baseline_head(FILE *out)
{
	fprintf(out,
		"%s\n# Known findings of weir lint: code, fingerprint of the statement, how often, "
		"text.\n",
		head);
}

struct known {
	struct str key;
	const struct diag_report *r;
};

static int by_key(const void *pa, const void *pb)
{
	const struct known *a = pa, *b = pb;
	int c = str_cmp(a->key, b->key);

	return c ? c : a->r->order < b->r->order ? -1 : 1;
}

void lint_baseline_put(FILE *out)
{
	struct arena a = { 0 };
	unsigned n;
	struct diag_report **sorted = diag_sorted(&n);
	struct known *k = ARENA_ARRAY(&a, struct known, n + 1);

	for (unsigned i = 0; i < n; i++) {
		k[i].r = sorted[i];
		k[i].key = arena_printf(&a, "%s %.*s", diag_row(sorted[i]->code)->name,
					STR_ARG(diag_fingerprint(&a, sorted[i])));
	}
	qsort(k, n, sizeof(*k), by_key);
	for (unsigned i = 0, same; i < n; i += same) {
		struct str text = diag_statement(&a, k[i].r->at);

		for (same = 1; i + same < n && str_eq(k[i].key, k[i + same].key);)
			same++;
		if (diag_row(k[i].r->code)->name[0] != 'E')
			fprintf(out, "%.*s %u %.*s\n", STR_ARG(k[i].key), same, STR_ARG(text));
	}
	arena_free(&a);
}
