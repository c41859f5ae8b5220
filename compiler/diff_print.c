/* SPDX-License-Identifier: Apache-2.0 */
#include "diff.h"
#include "show.h"

static const char *const changes[] = { "added", "removed", "changed", "moved" };
static const char marks[] = { '+', '-', '~', '>' };

static void places(FILE *out, const struct diff *d, const struct diff_item *i)
{
	if (!i->old_at.line && !i->new_at.line)
		return;
	fputs("   (", out);
	if (i->old_at.line)
		show_place(out, d->old, i->old_at);
	if (i->old_at.line && i->new_at.line)
		fputs(" -> ", out);
	if (i->new_at.line)
		show_place(out, d->new, i->new_at);
	fputs(")", out);
}

static void item_text(FILE *out, const struct diff *d, const struct diff_item *i)
{
	bool rule = i->name.n == 0;

	fprintf(out, "  %c ", marks[i->change]);
	if (!rule)
		fprintf(out, "%s %.*s", i->kind, STR_ARG(i->name));
	switch (i->change) {
	case DIFF_ADDED:
		fprintf(out, "%s%.*s", rule ? "" : ": ", STR_ARG(i->new));
		break;
	case DIFF_REMOVED:
		fprintf(out, "%s%.*s", rule ? "" : ": ", STR_ARG(i->old));
		break;
	case DIFF_CHANGED:
		fprintf(out, "%s%.*s -> %.*s", rule ? "" : ": ", STR_ARG(i->old), STR_ARG(i->new));
		break;
	case DIFF_MOVED:
		fprintf(out, "moved: %.*s", STR_ARG(i->new));
		break;
	}
	places(out, d, i);
	putc('\n', out);
}

void diff_items(const struct diff *d, FILE *out)
{
	const struct diff_item *last = NULL;

	for (uint32_t i = 0; i < d->n; i++) {
		const struct diff_item *it = &d->items[i];

		if (!last || !str_eq(last->section, it->section))
			fprintf(out, "%.*s\n",
				STR_ARG(it->section.n ? it->section : S("(the whole site)")));
		item_text(out, d, it);
		last = it;
	}
}

static void json_place(FILE *out, const char *key, const struct program *p, struct p_place at)
{
	if (at.line == 0 || at.file >= p->nfiles) {
		fprintf(out, ",\"%s\":null", key);
		return;
	}
	fprintf(out, ",\"%s\":{\"file\":", key);
	show_json(out, p->files[at.file]);
	fprintf(out, ",\"line\":%u}", at.line);
}

static void json_str(FILE *out, const char *key, struct str s, bool there)
{
	fprintf(out, ",\"%s\":", key);
	if (there)
		show_json(out, s);
	else
		fputs("null", out);
}

void diff_json_items(const struct diff *d, FILE *out)
{
	for (uint32_t i = 0; i < d->n; i++) {
		const struct diff_item *it = &d->items[i];

		fprintf(out, "%s{\"change\":\"%s\",\"kind\":\"%s\"", i ? "," : "",
			changes[it->change], it->kind);
		json_str(out, "section", it->section, it->section.n > 0);
		json_str(out, "direction", str_from(it->dir), it->dir != NULL);
		json_str(out, "name", it->name, it->name.n > 0);
		json_str(out, "old", it->old, it->change != DIFF_ADDED);
		json_str(out, "new", it->new, it->change != DIFF_REMOVED);
		json_place(out, "old_place", d->old, it->old_at);
		json_place(out, "new_place", d->new, it->new_at);
		putc('}', out);
	}
}
