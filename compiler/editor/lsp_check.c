/* SPDX-License-Identifier: Apache-2.0 */
/* lsp_check: diagnostics of all open sites. */
#include <stdlib.h>

#include "../cmd.h"
#include "../diag_report.h"
#include "../lint.h"
#include "../parse.h"
#include "../paths.h"
#include "../show.h"
#include "../source.h"
#include "lsp_part.h"
#include "place.h"

/* What is to be told of one file. */
struct page {
	struct str path;
	struct vec items; /* struct str: JSON of a diagnostic */
};

struct check {
	struct arena *arena;
	struct symbols pages; /* by path */
};

static struct page *page_of(struct check *c, struct str path)
{
	struct page *p = symbol_get(&c->pages, path);

	if (p)
		return p;
	p = ARENA_NEW(c->arena, struct page);
	p->path = arena_str(c->arena, path);
	return symbol_put(c->arena, &c->pages, p->path, p);
}

void lsp_lint(struct arena *a, const struct doc *root)
{
	struct lint_codes codes = { 0 };
	struct ast *ast;
	struct emit e;
	struct program *p = cmd_load_ast(a, arena_str(a, root->path).p, &e, &ast);

	lint_codes_default(&codes);
	if (p)
		lint_site(a, ast, p);
	lint_ignore(a, &codes);
	lint_select(&codes);
}

static void put_notes(FILE *out, const struct diag_report *r)
{
	bool first = true;

	for (const struct diag_note *n = r->notes; n; n = n->next) {
		if (!n->at.line)
			continue;
		fprintf(out, "%s{\"location\":", first ? ",\"relatedInformation\":[" : ",");
		place_put_location(out, n->at);
		fputs(",\"message\":", out);
		show_json(out, n->text);
		fputc('}', out);
		first = false;
	}
	if (!first)
		fputc(']', out);
}

static struct str message_of(struct arena *a, const struct diag_report *r)
{
	struct str s = r->text;

	if (r->hint.n)
		s = arena_printf(a, "%.*s\n%.*s", STR_ARG(s), STR_ARG(r->hint));
	for (const struct diag_note *n = r->notes; n; n = n->next)
		if (!n->at.line)
			s = arena_printf(a, "%.*s\n%.*s", STR_ARG(s), STR_ARG(n->text));
	return s;
}

static struct str item_of(struct arena *a, const struct diag_report *r)
{
	struct show_buffer b;

	show_open(&b);
	fputs("{\"range\":", b.out);
	place_put_range(b.out, r->at);
	fprintf(b.out, ",\"severity\":%d,\"code\":\"%s\",\"source\":\"weir\",\"message\":",
		(int)r->severity + 1, diag_row(r->code)->name);
	show_json(b.out, message_of(a, r));
	put_notes(b.out, r);
	fputc('}', b.out);
	return show_close(&b, a);
}

/* What is wrong with the site of <root>, onto the pages of its files. */
static void check_root(struct check *c, const struct doc *root)
{
	struct arena a = { 0 };
	struct diag_report **all;
	unsigned n;

	lsp_lint(&a, root);
	all = diag_sorted(&n);
	for (unsigned i = 0; i < n; i++) {
		struct str path = root->path, *item = ARENA_NEW(c->arena, struct str);

		if (all[i]->at.line && all[i]->at.file < source_count())
			path = source_get(all[i]->at.file)->path;
		*item = arena_str(c->arena, item_of(&a, all[i]));
		vec_push(c->arena, &page_of(c, path)->items, item);
	}
	diag_reset();
	arena_free(&a);
}

static void find_includes(struct doc *d)
{
	struct arena a = { 0 };

	diag_reset();
	parse_site(&a, arena_str(&a, d->path).p, paths_stdlib());
	for (size_t i = 0; i < d->nincludes; i++)
		free((char *)d->includes[i].p);
	free(d->includes);
	d->nincludes = 0;
	d->includes = calloc(source_count() + 1, sizeof(*d->includes));
	if (!d->includes)
		abort();
	for (uint32_t i = 1; i < source_count(); i++) {
		char *path = strdup(source_get(i)->path.p);

		if (!path)
			abort();
		d->includes[d->nincludes++] = str_from(path);
	}
	diag_reset();
	arena_free(&a);
}

static void tell(const struct server *s, struct arena *a, const struct page *p)
{
	struct show_buffer b;
	const struct doc *open = s->docs;

	while (open && !str_eq(open->path, p->path))
		open = open->next;
	show_open(&b);
	fputs("\"method\":\"textDocument/publishDiagnostics\",\"params\":{\"uri\":", b.out);
	if (open) /* as the client spells it */
		show_json(b.out, open->uri);
	else
		place_put_uri(b.out, p->path);
	fputs(",\"diagnostics\":[", b.out);
	for (size_t i = 0; i < p->items.n; i++)
		fprintf(b.out, "%s%s", i ? "," : "", ((const struct str *)p->items.p[i])->p);
	fputs("]}", b.out);
	lsp_send(s, show_close(&b, a));
}

/* Pages that have something, to be emptied when they have nothing any more. */
static void remember(struct server *s, const struct check *c)
{
	for (size_t i = 0; i < s->ntold; i++)
		free((char *)s->told[i].p);
	free(s->told);
	s->ntold = 0;
	s->told = calloc(c->pages.n + 1, sizeof(*s->told));
	if (!s->told)
		abort();
	for (size_t i = 0; i < c->pages.n; i++) {
		const struct page *p = c->pages.all[i]->object;
		char *path = p->items.n ? strndup(p->path.p, p->path.n) : NULL;

		if (path)
			s->told[s->ntold++] = str_from(path);
	}
}

void lsp_check(struct server *s)
{
	struct arena a = { 0 };
	struct check c = { .arena = &a };

	for (struct doc *d = s->docs; d; d = d->next) {
		page_of(&c, d->path);
		find_includes(d);
	}
	for (size_t i = 0; i < s->ntold; i++)
		page_of(&c, s->told[i]);
	for (const struct doc *d = s->docs; d; d = d->next)
		if (lsp_root(s, d) == d)
			check_root(&c, d);
	for (size_t i = 0; i < c.pages.n; i++)
		tell(s, &a, c.pages.all[i]->object);
	remember(s, &c);
	arena_free(&a);
}
