/* SPDX-License-Identifier: Apache-2.0 */
#include "lint_fix.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "compare/compare.h"
#include "diff.h"
#include "show.h"
#include "source.h"
#include "symbol.h"

/* A repair with its edits, copied: reports and sources do not outlive the next load. */
struct repair {
	bool safe, taken;
	uint32_t n;
	struct diag_edit **edits;
};

struct file {
	struct str path, text;
};

struct fixing {
	struct arena *a;
	const char *path;
	const struct program *old;
	uint32_t nfiles;
	struct file *files;
	struct vec repairs; /* struct repair */
};

static void copy_files(struct fixing *f)
{
	f->nfiles = source_count();
	f->files = ARENA_ARRAY(f->a, struct file, f->nfiles);
	for (uint32_t i = 0; i < f->nfiles; i++) {
		f->files[i].path = arena_str(f->a, source_get(i)->path);
		f->files[i].text = arena_str(f->a, source_get(i)->text);
	}
}

static bool in_library(const struct diag_repair *r)
{
	for (const struct diag_edit *e = r->edits; e; e = e->next)
		if (source_is_library(e->file))
			return true;
	return false;
}

static void copy_repair(struct fixing *f, const struct diag_repair *r)
{
	struct repair *new = ARENA_NEW(f->a, struct repair);

	new->safe = r->safe;
	for (const struct diag_edit *e = r->edits; e; e = e->next)
		new->n++;
	new->edits = ARENA_ARRAY(f->a, struct diag_edit *, new->n);
	new->n = 0;
	for (const struct diag_edit *e = r->edits; e; e = e->next) {
		struct diag_edit *copy = ARENA_NEW(f->a, struct diag_edit);

		*copy = *e;
		copy->text = arena_str(f->a, e->text);
		new->edits[new->n++] = copy;
	}
	vec_push(f->a, &f->repairs, new);
}

static bool overlap(const struct repair *x, const struct repair *y)
{
	for (uint32_t i = 0; i < x->n; i++)
		for (uint32_t k = 0; k < y->n; k++) {
			const struct diag_edit *d = x->edits[i], *e = y->edits[k];

			if (d->file == e->file && d->from <= e->to && e->from <= d->to)
				return true;
		}
	return false;
}

/* Takes each repair that touches none that was taken before. */
static void choose(struct fixing *f, struct fix_sum *sum)
{
	for (size_t i = 0; i < f->repairs.n; i++) {
		struct repair *r = f->repairs.p[i];

		r->taken = true;
		for (size_t k = 0; k < i && r->taken; k++) {
			const struct repair *before = f->repairs.p[k];

			r->taken = !before->taken || !overlap(r, before);
		}
		sum->refused += !r->taken;
	}
}

/* ---- texts ---- */

static int by_place(const void *x, const void *y)
{
	const struct diag_edit *a = *(const struct diag_edit *const *)x,
			       *b = *(const struct diag_edit *const *)y;

	return a->from < b->from ? -1 : a->from > b->from;
}

/* File <i> after the repairs that are taken; its own text when none touches it. */
static struct str repaired(struct fixing *f, uint32_t i)
{
	struct vec edits = { 0 };
	struct textbuf b = { 0 };
	struct str text = f->files[i].text;
	size_t at = 0;

	for (size_t k = 0; k < f->repairs.n; k++) {
		const struct repair *r = f->repairs.p[k];

		for (uint32_t e = 0; r->taken && e < r->n; e++)
			if (r->edits[e]->file == i)
				vec_push(f->a, &edits, r->edits[e]);
	}
	if (!edits.n)
		return text;
	qsort(edits.p, edits.n, sizeof(void *), by_place);
	for (size_t k = 0; k < edits.n; k++) {
		const struct diag_edit *e = edits.p[k];

		textbuf_put(f->a, &b, str_of(text.p + at, e->from - at));
		textbuf_put(f->a, &b, e->text);
		at = e->to;
	}
	textbuf_put(f->a, &b, str_skip(text, at));
	return textbuf_str(&b);
}

/* ---- is it the same site? ---- */

static struct str content(struct arena *a, const struct program *p)
{
	struct show_buffer b;

	show_open(&b);
	program_write_contents(p, b.out);
	return show_close(&b, a);
}

/* Differences that the proof says nothing about. */
static bool same_settings(struct arena *a, const struct program *x, const struct program *y)
{
	struct diff d;

	diff_compare(&d, a, x, y);
	for (uint32_t i = 0; i < d.n; i++)
		if (strcmp(d.items[i].kind, "rule") != 0 && strcmp(d.items[i].kind, "acl") != 0)
			return false;
	return true;
}

static bool alike(struct arena *a, const struct program *x, const struct program *y)
{
	struct compare c;

	if (str_eq(content(a, x), content(a, y)))
		return true;
	if (!same_settings(a, x, y))
		return false;
	compare_programs(&c, a, x, y);
	return compare_equal(&c);
}

static struct fixing *tried; /* the overlay of source.h has no argument */

static bool tried_text(struct str path, struct str *text)
{
	for (uint32_t i = 0; i < tried->nfiles; i++)
		if (str_eq(tried->files[i].path, path)) {
			*text = repaired(tried, i);
			return true;
		}
	return false;
}

/* Does the site that the taken repairs make lower, and, when all of them are safe, treat every
 * request as before? */
static bool holds(struct fixing *f)
{
	struct arena own = { 0 };
	struct program *p;
	bool safe = true, good;

	for (size_t i = 0; i < f->repairs.n; i++) {
		const struct repair *r = f->repairs.p[i];

		safe = safe && (!r->taken || r->safe);
	}
	tried = f;
	source_overlay(tried_text);
	p = cmd_load(&own, f->path, NULL);
	source_overlay(NULL);
	good = p && (!safe || alike(&own, f->old, p));
	diag_reset();
	source_reset();
	arena_free(&own);
	return good;
}

#define SINGLES_MAX 200 /* repairs that are tried one by one when all together fail */

static void sift(struct fixing *f, struct fix_sum *sum)
{
	size_t n = f->repairs.n;
	bool *wanted = ARENA_ARRAY(f->a, bool, n + 1);

	if (holds(f))
		return;
	for (size_t i = 0; i < n; i++) {
		wanted[i] = ((struct repair *)f->repairs.p[i])->taken;
		((struct repair *)f->repairs.p[i])->taken = false;
	}
	for (size_t i = 0; i < n; i++) {
		struct repair *r = f->repairs.p[i];

		r->taken = wanted[i] && i < SINGLES_MAX;
		if (r->taken && !holds(f))
			r->taken = false;
		sum->refused += wanted[i] && !r->taken;
	}
}

/* ---- results ---- */

/* A new file takes the place of the old one, with its rights. */
static bool write_file(struct fixing *f, const struct file *file, struct str text)
{
	struct str name = arena_printf(f->a, "%.*s.weir-new", STR_ARG(file->path));
	struct stat st;
	FILE *out = fopen(name.p, "wxe");
	bool good = out && stat(file->path.p, &st) == 0 && S_ISREG(st.st_mode) &&
		    fchmod(fileno(out), st.st_mode & 07777) == 0;

	if (good)
		good = fwrite(text.p, 1, text.n, out) == text.n && fflush(out) == 0 &&
		       fsync(fileno(out)) == 0;
	if (out)
		good = fclose(out) == 0 && good;
	if (good && rename(name.p, file->path.p) == 0)
		return true;
	fprintf(stderr, "weir lint: %.*s: %s\n", STR_ARG(file->path), strerror(errno));
	if (out)
		unlink(name.p);
	return false;
}

static void put_lines(FILE *out, char mark, struct str text)
{
	while (text.p && text.n) {
		struct str line = str_cut(&text, '\n');

		fprintf(out, "%c%.*s\n", mark, STR_ARG(line));
	}
}

/* What is between the equal heads and tails of both texts, in whole lines. */
static void preview_file(FILE *out, struct str path, struct str was, struct str is)
{
	size_t head = 0, tail = 0;
	unsigned line = 1;

	while (head < was.n && head < is.n && was.p[head] == is.p[head])
		head++;
	while (head && was.p[head - 1] != '\n')
		head--;
	while (tail < was.n - head && tail < is.n - head &&
	       was.p[was.n - 1 - tail] == is.p[is.n - 1 - tail])
		tail++;
	while (tail && was.p[was.n - tail - 1] != '\n')
		tail--;
	for (size_t i = 0; i < head; i++)
		line += was.p[i] == '\n';
	fprintf(out, "--- %.*s\n+++ %.*s\n@@ line %u @@\n", STR_ARG(path), STR_ARG(path), line);
	put_lines(out, '-', str_of(was.p + head, was.n - head - tail));
	put_lines(out, '+', str_of(is.p + head, is.n - head - tail));
}

static void carry_out(struct fixing *f, bool preview, FILE *out, struct fix_sum *sum)
{
	for (uint32_t i = 0; i < f->nfiles && !sum->failed; i++) {
		struct str text = repaired(f, i);

		if (str_eq(text, f->files[i].text))
			continue;
		if (preview)
			preview_file(out, f->files[i].path, f->files[i].text, text);
		else
			sum->failed = !write_file(f, &f->files[i], text);
	}
	for (size_t i = 0; i < f->repairs.n; i++)
		sum->done += ((const struct repair *)f->repairs.p[i])->taken;
}

struct fix_sum lint_fix(const char *path, const struct program *p, bool unsafe, bool preview,
			FILE *out)
{
	struct arena own = { 0 };
	struct fixing f = { .a = &own, .path = path, .old = p };
	struct fix_sum sum = { 0 };
	unsigned n;
	struct diag_report **sorted = diag_sorted(&n);

	for (unsigned i = 0; i < n; i++)
		if (sorted[i]->repair && (unsafe || sorted[i]->repair->safe) &&
		    !in_library(sorted[i]->repair))
			copy_repair(&f, sorted[i]->repair);
	copy_files(&f);
	if (f.repairs.n) {
		choose(&f, &sum);
		sift(&f, &sum);
		carry_out(&f, preview, out, &sum);
	}
	arena_free(&own);
	return sum;
}
