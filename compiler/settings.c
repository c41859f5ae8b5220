/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include "canon.h"
#include "model.h"
#include "option.h"
#include "show.h"
#include "source.h"

#define COLUMN 44 /* where the origin begins */

struct settings {
	struct arena *arena;
	FILE *out;
	bool json;
	unsigned printed; /* settings of this section; sections, at the outer level */
};

/* Where a value comes from. */
struct origin {
	struct at at; /* line 0: the default */
	const struct profile *profile; /* or NULL */
	const struct entity *from; /* a section that it is taken from, or NULL */
};

static void text_origin(FILE *out, const struct origin *o)
{
	if (!o->at.line) {
		fputs("default\n", out);
		return;
	}
	fprintf(out, "%.*s:%u", STR_ARG(source_get(o->at.file)->name), o->at.line);
	if (o->profile)
		fprintf(out, " (profile %.*s)", STR_ARG(o->profile->name));
	if (o->from)
		fprintf(out, " (%s %.*s)", kind_name(o->from->kind), STR_ARG(o->from->name));
	fputc('\n', out);
}

static void json_origin(FILE *out, const struct origin *o)
{
	if (!o->at.line) {
		fputs(",\"from\":\"default\"}", out);
		return;
	}
	fprintf(out, ",\"from\":\"%s\",\"file\":", o->profile ? "profile" : "statement");
	show_json(out, source_get(o->at.file)->name);
	fprintf(out, ",\"line\":%u", o->at.line);
	if (o->profile) {
		fputs(",\"profile\":", out);
		show_json(out, o->profile->name);
	}
	if (o->from) {
		fputs(",\"section\":", out);
		show_json(out, o->from->name);
	}
	fputc('}', out);
}

static void put(struct settings *s, int id, struct str value, const struct origin *o)
{
	int width = 0;

	if (s->json) {
		fprintf(s->out, "%s{\"option\":", s->printed++ ? "," : "");
		show_json(s->out, str_from(option_row(id)->words));
		fputs(",\"value\":", s->out);
		show_json(s->out, value);
		json_origin(s->out, o);
		return;
	}
	width = fprintf(s->out, "    %s%s%.*s", option_row(id)->words, value.n ? " " : "",
			STR_ARG(value));
	fprintf(s->out, "%*s", width < COLUMN ? COLUMN - width : 2, "");
	text_origin(s->out, o);
}

/* The arguments of <o> as they are written canonically. */
static struct str arguments(struct settings *s, const struct ast_option *o)
{
	struct ast_stmt stmt = { .kind = STMT_OPTION, .option = (struct ast_option *)o };
	struct str line = canon_line(s->arena, canon_stmt(s->arena, &stmt, SEC_GLOBAL));
	size_t words = strlen(option_row(o->id)->words);

	return str_skip(line, words + (o->values != NULL));
}

static void put_uses(struct settings *s, int id, const struct vec *uses, const struct entity *from)
{
	for (size_t i = 0; i < uses->n; i++) {
		const struct option_use *use = uses->p[i];
		struct origin o = { .at = use->opt->at, .profile = use->origin, .from = from };

		put(s, id, arguments(s, use->opt), &o);
	}
}

static void put_option(struct settings *s, int id, const struct vec *uses,
		       const struct entity *from)
{
	const char *value = option_row(id)->value;

	if (id == OPT_TIMEOUT_CONNECTION) /* stands for another row */
		return;
	if (uses->n)
		put_uses(s, id, uses, from);
	else if (*value)
		put(s, id, str_from(value), &(struct origin) { 0 });
}

static void head(struct settings *s, const char *kind, struct str name)
{
	if (s->json) {
		fprintf(s->out, "%s{\"kind\":\"%s\",\"name\":", s->printed ? "]}," : "", kind);
		show_json(s->out, name);
		fputs(",\"settings\":[", s->out);
	} else {
		fprintf(s->out, "%s%s%s%.*s\n", s->printed ? "\n" : "", kind, name.n ? " " : "",
			STR_ARG(name));
	}
}

static void put_entity(struct settings *s, struct entity *e)
{
	for (int id = 0; id < OPTIONS; id++) {
		struct entity *owner = link_owner(e, id);

		if (option_owned(id, e->kind))
			put_option(s, id, &owner->opts[id], owner == e ? NULL : owner);
	}
}

static void put_global(struct settings *s, const struct model *m)
{
	for (int id = 0; id < OPTIONS; id++)
		if (option_owned(id, SEC_GLOBAL))
			put_option(s, id, &m->globals[id], NULL);
}

static bool put_sections(struct settings *s, struct model *m, struct str only)
{
	unsigned sections = 0;

	if (!only.n || str_eq(only, S("global"))) {
		head(s, "global", S(""));
		put_global(s, m);
		sections++;
	}
	for (size_t i = 0; i < m->entities.n + m->checkpoints.n; i++) {
		struct entity *e = i < m->entities.n
					   ? m->entities.p[i]
					   : m->checkpoints.all[i - m->entities.n]->object;

		if (only.n && !str_eq(only, e->name))
			continue;
		s->printed = sections++;
		head(s, kind_name(e->kind), e->name);
		s->printed = 0;
		put_entity(s, e);
	}
	return sections > 0;
}

bool settings_print(struct arena *a, const struct ast *ast, struct str section, FILE *out,
		    bool json)
{
	struct settings s = { .arena = a, .out = out, .json = json };
	struct model *m = ARENA_NEW(a, struct model);
	bool found;

	m->arena = a;
	m->ast = ast;
	m->out = ARENA_NEW(a, struct program);
	m->out->arena = a;
	resolve_names(m);
	resolve_options(m);
	option_settings(m);
	resolve_links(m);
	if (json)
		fputs("{\"version\":1,\"sections\":[", out);
	found = put_sections(&s, m, section);
	if (json)
		fputs(found ? "]}]}\n" : "]}\n", out);
	return found;
}
