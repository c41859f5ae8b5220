/* SPDX-License-Identifier: Apache-2.0 */
/* Sets and maps by entry, and the files that are compiled in by their bytes. */
#include "diff_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "show.h"
#include "source.h"
#include "symbol.h"

#define ENTRIES_SHOWN 20 /* of one set or map */
#define FILE_MAX ((size_t)1 << 20) /* as when it is built */

/* ---- entries ---- */

/* The entries of one set or map, as text: of a map the value, of a set itself. */
struct listing {
	struct str name; /* "set bad" */
	struct p_place at;
	struct symbols entries; /* struct str by key */
};

static struct str value_text(struct diff *d, const struct p_value *v)
{
	static const struct p_subject plain = { .id = SUBJ_PATH, .type = TYPE_STR };
	struct show_buffer b;

	show_open(&b);
	show_value(b.out, &plain, v);
	return show_close(&b, d->a);
}

static void list_entry(struct diff *d, struct listing *l, const struct p_value *key, struct str val)
{
	struct str *at = ARENA_NEW(d->a, struct str), text = value_text(d, key);

	*at = val.p ? val : text;
	symbol_put(d->a, &l->entries, text, at);
}

static struct listing set_of(struct diff *d, const struct p_set *s)
{
	struct listing l = { .at = s->place };

	l.name = arena_printf(d->a, "set %.*s", STR_ARG(s->name));
	for (uint32_t i = 0; i < s->nvalues; i++)
		list_entry(d, &l, &s->values[i], (struct str) { 0 });
	return l;
}

static struct listing map_of(struct diff *d, const struct p_map *m)
{
	struct listing l = { .at = m->place };

	l.name = arena_printf(d->a, "map %.*s", STR_ARG(m->name));
	for (uint32_t i = 0; i < m->n; i++)
		list_entry(d, &l, &m->keys[i],
			   arena_printf(d->a, "%.*s %.*s", STR_ARG(value_text(d, &m->keys[i])),
					STR_ARG(m->vals[i])));
	return l;
}

struct telling {
	struct diff *d;
	struct str name;
	uint32_t told, more;
};

static void tell(struct telling *t, struct diff_item item)
{
	item.kind = "entry";
	item.section = S("");
	item.name = t->name;
	if (t->told++ < ENTRIES_SHOWN)
		diff_add(t->d, item);
	else
		t->more++;
}

static void compare_listings(struct diff *d, const struct listing *old, const struct listing *new)
{
	struct telling t = { .d = d, .name = new->name };

	for (size_t i = 0; i < old->entries.n; i++)
		if (!symbol_get(&new->entries, old->entries.all[i]->name))
			tell(&t, (struct diff_item) {
					 .change = DIFF_REMOVED,
					 .old = *(const struct str *)old->entries.all[i]->object,
					 .old_at = old->at });
	for (size_t i = 0; i < new->entries.n; i++) {
		const struct str *n = new->entries.all[i]->object,
				 *o = symbol_get(&old->entries, new->entries.all[i]->name);

		if (!o)
			tell(&t, (struct diff_item) {
					 .change = DIFF_ADDED, .new = *n, .new_at = new->at });
		else if (!str_eq(*o, *n))
			tell(&t, (struct diff_item) { .change = DIFF_CHANGED,
						      .old = *o,
						      .new = *n,
						      .old_at = old->at,
						      .new_at = new->at });
	}
	if (t.more)
		diff_add(d, (struct diff_item) { .change = DIFF_CHANGED,
						 .kind = "entry",
						 .section = S(""),
						 .name = new->name,
						 .old = arena_printf(d->a, "%u more", t.more),
						 .new = S("not shown") });
}

void diff_entries(struct diff *d)
{
	for (uint32_t i = 0; i < d->new->nsets; i++)
		for (uint32_t k = 0; k < d->old->nsets; k++)
			if (str_eq(d->new->sets[i]->name, d->old->sets[k]->name)) {
				struct listing o = set_of(d, d->old->sets[k]),
					       n = set_of(d, d->new->sets[i]);

				compare_listings(d, &o, &n);
			}
	for (uint32_t i = 0; i < d->new->nmaps; i++)
		for (uint32_t k = 0; k < d->old->nmaps; k++)
			if (str_eq(d->new->maps[i]->name, d->old->maps[k]->name)) {
				struct listing o = map_of(d, d->old->maps[k]),
					       n = map_of(d, d->new->maps[i]);

				compare_listings(d, &o, &n);
			}
}

/* ---- files ---- */

static struct str beside(struct arena *a, struct str file, struct str name)
{
	size_t n = file.n;

	while (n && file.p[n - 1] != '/')
		n--;
	if (name.n && name.p[0] == '/')
		return name;
	return arena_printf(a, "%.*s%.*s", (int)n, file.p, STR_ARG(name));
}

/* False: it cannot be read, or it is no file to be compiled in. */
static bool read_file(struct arena *a, struct str path, struct str *out)
{
	struct stat st;
	FILE *in = stat(path.p, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size <= FILE_MAX
			   ? fopen(path.p, "re")
			   : NULL;
	size_t n;
	char *p;

	if (!in)
		return false;
	p = arena_get(a, (size_t)st.st_size + 1);
	n = fread(p, 1, (size_t)st.st_size, in);
	*out = str_of(p, n);
	return fclose(in) == 0;
}

static void take(struct diff_files *f, struct arena *a, struct str name, struct p_place at,
		 bool (*get)(struct str path, struct str *text))
{
	const struct source *by = at.line && at.file < source_count() ? source_get(at.file) : NULL;
	struct str shown = by ? beside(a, by->name, name) : name, path, *bytes;

	if (!name.n || !by || symbol_get(&f->bytes, shown))
		return;
	path = arena_str(a, beside(a, by->path, name));
	bytes = ARENA_NEW(a, struct str);
	if (get && get(path, bytes))
		*bytes = arena_str(a, *bytes);
	else if (!read_file(a, path, bytes))
		return;
	symbol_put(a, &f->bytes, shown, bytes);
}

void diff_files_read(struct diff_files *f, struct arena *a, const struct program *p,
		     bool (*get)(struct str path, struct str *text))
{
	*f = (struct diff_files) { .known = true };
	for (uint32_t i = 0; i < p->nsections; i++)
		for (uint32_t k = 0; k < p->sections[i]->nerrors; k++)
			take(f, a, p->sections[i]->errors[k].file, p->sections[i]->errors[k].place,
			     get);
	for (uint32_t i = 0; i < p->nrules; i++)
		for (uint32_t k = 0; k < p->rules[i]->nactions; k++)
			take(f, a, p->rules[i]->actions[k].file, p->rules[i]->place, get);
}

static uint32_t first_line(struct str x, struct str y)
{
	uint32_t line = 1;

	for (size_t i = 0; i < x.n && i < y.n && x.p[i] == y.p[i]; i++)
		line += x.p[i] == '\n';
	return line;
}

void diff_files(struct diff *d, const struct diff_files *old, const struct diff_files *new)
{
	for (size_t i = 0; i < new->bytes.n && old->known; i++) {
		const struct str *n = new->bytes.all[i]->object,
				 *o = symbol_get(&old->bytes, new->bytes.all[i]->name);

		if (!o || str_eq(*o, *n))
			continue;
		diff_add(d, (struct diff_item) {
				    .change = DIFF_CHANGED,
				    .kind = "file",
				    .section = S(""),
				    .name = new->bytes.all[i]->name,
				    .old = arena_printf(d->a, "%zu bytes", o->n),
				    .new = arena_printf(d->a, "%zu bytes, other from line %u on",
							n->n, first_line(*o, *n)) });
	}
}
