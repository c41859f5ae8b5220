/* SPDX-License-Identifier: Apache-2.0 */
/* The whole program in order: a block of definitions (what others name), then bodies. Reading
 * takes the definitions first,
 * so that every later reference, also a forward one, is found. */
#include "program_form.h"

/* A table of pointers: "KEY N", then <n> lines. Reading makes the objects of <size> bytes. */
static uint32_t table(struct pio *io, const char *key, uint32_t n, void ***objects, size_t size)
{
	if (!io_reading(io)) {
		if (n)
			fprintf(io->out, "\n%s %u", key, n);
		return n;
	}
	n = io_count(io, key, 0);
	*objects = arena_get(io->arena, n * sizeof(void *));
	for (uint32_t i = 0; i < n; i++)
		(*objects)[i] = arena_get(io->arena, size);
	return n;
}

#define TABLE(io, key, n, objects)                                                                 \
	do {                                                                                       \
		void **o_ = (void **)(void *)(objects);                                            \
		(n) = table((io), (key), (n), &o_, sizeof(**(objects)));                           \
		if (io_reading(io))                                                                \
			(objects) = (void *)o_;                                                    \
	} while (0)

static bool line(struct pio *io, const char *word)
{
	bool there = io_line(io, 0, word, true);

	if (!there)
		io_fail(io, "a line is missing or out of order");
	return there;
}

static void define(struct pio *io, enum pio_kind kind, struct str span, void *object)
{
	if (io_reading(io) && !io_failed(io) && !io_define(io, kind, span, object))
		io_fail(io, "the same name twice");
}

/* Reading: the token or group that names the definition which follows. */
static struct str name_span(struct pio *io)
{
	return io_reading(io) ? io_span(io) : str_of("", 0);
}

static void define_names(struct pio *io, struct program *p)
{
	TABLE(io, "params", p->nparams, p->params);
	for (uint32_t i = 0; i < p->nparams && line(io, "param"); i++) {
		struct p_param *q = p->params[i];

		define(io, REF_PARAM, name_span(io), q);
		form_name(io, REF_PARAM, q->index, &q->name);
		q->has_default = io_key(io, "default", q->has_default);
		if (q->has_default)
			io_value_str(io, &q->def);
		form_place(io, &q->place);
	}
	TABLE(io, "regexes", p->nregexes, p->regexes);
	for (uint32_t i = 0; i < p->nregexes && line(io, "regex"); i++) {
		define(io, REF_REGEX, name_span(io), p->regexes[i]);
		form_regex(io, p->regexes[i]);
	}
	TABLE(io, "sets", p->nsets, p->sets);
	for (uint32_t i = 0; i < p->nsets && line(io, "set"); i++) {
		define(io, REF_SET, name_span(io), p->sets[i]);
		form_name(io, REF_SET, p->sets[i]->index, &p->sets[i]->name);
	}
	TABLE(io, "maps", p->nmaps, p->maps);
	for (uint32_t i = 0; i < p->nmaps && line(io, "map"); i++) {
		define(io, REF_MAP, name_span(io), p->maps[i]);
		form_name(io, REF_MAP, p->maps[i]->index, &p->maps[i]->name);
	}
}

/* section KIND "NAME"; a checkpoint is named by the group ( checkpoint "NAME" ) */
static void define_section(struct pio *io, struct p_section *s)
{
	bool apart =
		io_reading(io) ? io->tok.n == 1 && io->tok.p[0] == '(' : s->kind == SEC_CHECKPOINT;
	struct str span = name_span(io);
	int kind = (int)s->kind;

	if (apart)
		io_begin(io);
	if (!apart) {
		io_value_str(io, &s->name);
		io_value_word(io, &kind, form_kinds, SEC_TEST + 1);
	} else {
		io_value_word(io, &kind, form_kinds, SEC_TEST + 1);
		io_value_str(io, &s->name);
		io_end(io);
	}
	if (io_reading(io)) {
		s->kind = (enum section_kind)kind;
		if (apart != (kind == SEC_CHECKPOINT))
			io_fail(io, "a checkpoint's name stands in brackets");
	}
	define(io, REF_SECTION, span, s);
}

static void define_sections(struct pio *io, struct program *p)
{
	TABLE(io, "sections", p->nsections, p->sections);
	for (uint32_t i = 0; i < p->nsections && line(io, "section"); i++)
		define_section(io, p->sections[i]);
}

/* All subjects are defined before the first is read: one may read another through a text. */
static void define_subjects(struct pio *io, struct program *p)
{
	struct pio at;

	TABLE(io, "subjects", p->nsubjects, p->subjects);
	for (uint32_t i = 0; i < p->nsubjects && line(io, "subject"); i++) {
		struct str span = name_span(io);

		if (!io_reading(io)) {
			form_subject(io, p->subjects[i]);
			continue;
		}
		define(io, REF_SUBJECT, span, p->subjects[i]);
		p->subjects[i]->name = span; /* kept here until all are defined */
		io_skip(io, span);
	}
	for (uint32_t i = 0; io_reading(io) && i < p->nsubjects && !io_failed(io); i++) {
		at = *io;
		io->p = p->subjects[i]->name.p;
		p->subjects[i]->name = str_of("", 0);
		io_skip(io, str_of(io->p, 0));
		form_subject(io, p->subjects[i]);
		if (io_failed(io))
			return;
		io->p = at.p;
		io->tok = at.tok;
		io->line = at.line;
	}
}

static void define_acls(struct pio *io, struct program *p)
{
	TABLE(io, "acls", p->nacls, p->acls);
	for (uint32_t i = 0; i < p->nacls && line(io, "acl"); i++) {
		struct p_acl *a = p->acls[i];
		struct str span = name_span(io);
		int64_t nth;

		if (!io_reading(io)) {
			form_ref_acl(io, &a);
			continue;
		}
		define(io, REF_ACL, span, a);
		io_begin(io);
		io_value_str(io, &a->name);
		form_ref_section(io, "of", &a->section);
		io_num(io, "nth", &nth, 0, UINT32_MAX);
		io_end(io);
		a->index = i;
	}
}

static void numbers(struct program *p)
{
	for (uint32_t i = 0; i < p->nsections; i++)
		p->sections[i]->index = i;
	for (uint32_t i = 0; i < p->nrules; i++)
		p->rules[i]->index = i;
	for (uint32_t i = 0; i < p->nsubjects; i++)
		p->subjects[i]->index = i;
	for (uint32_t i = 0; i < p->nregexes; i++)
		p->regexes[i]->index = i;
	for (uint32_t i = 0; i < p->nparams; i++)
		p->params[i]->index = i;
	for (uint32_t i = 0; i < p->nsets; i++)
		p->sets[i]->index = i;
	for (uint32_t i = 0; i < p->nmaps; i++)
		p->maps[i]->index = i;
}

static void form_bodies(struct pio *io, struct program *p)
{
	for (uint32_t i = 0; i < p->nsets && line(io, "set-body"); i++)
		form_set(io, p->sets[i]);
	for (uint32_t i = 0; i < p->nmaps && line(io, "map-body"); i++)
		form_map(io, p->maps[i]);
	for (uint32_t i = 0; i < p->nacls && line(io, "acl-body"); i++) {
		form_expr(io, &p->acls[i]->expr);
		io_flag(io, "response", &p->acls[i]->response);
		form_place(io, &p->acls[i]->place);
	}
	TABLE(io, "rules", p->nrules, p->rules);
	for (uint32_t i = 0; i < p->nrules && line(io, "rule"); i++) {
		form_ref_section(io, "in", &p->rules[i]->section);
		if (!p->rules[i]->section)
			io_fail(io, "a rule without section");
		form_rule(io, p->rules[i]);
	}
	if (io_reading(io))
		numbers(p);
	for (uint32_t i = 0; i < p->nsections && line(io, "section-body"); i++)
		form_section(io, p->sections[i], p);
}

static void form_globals(struct pio *io, struct program *p)
{
	struct p_section *holder = arena_get(io->arena, sizeof(*holder));

	if (!line(io, "global"))
		return;
	memcpy(holder->settings, p->globals, sizeof(p->globals));
	holder->kind = SEC_GLOBAL;
	form_section(io, holder, p);
	if (io_reading(io))
		memcpy(p->globals, holder->settings, sizeof(p->globals));
	IO_LIST(io, "global-logs", p->nlogs, p->logs, form_log);
	IO_LIST(io, "trusted", p->ntrusted, p->trusted, form_net);
	form_control(io, &p->control);
}

void form_program(struct pio *io, struct program *p)
{
	int64_t version = PROGRAM_VERSION;

	if (!io_reading(io)) {
		fputs("weir-program", io->out);
	} else if (!io_key(io, "weir-program", true)) {
		io_fail(io, "this is no rule program");
		return;
	}
	io_value_num(io, &version, 0, INT32_MAX);
	if (version != PROGRAM_VERSION)
		io_fail(io, "this rule program is of another version");
	io_line(io, 0, "site", true);
	io_value_str(io, &p->site);
	io_line(io, 0, "has", true);
	IO_LIST(io, "files", p->nfiles, p->files, io_value_str);
	IO_LIST(io, "captures", p->ncaptures, p->captures, io_value_str);
	IO_LIST(io, "vars", p->nvars, p->vars, io_value_str);
	define_names(io, p);
	define_sections(io, p);
	define_subjects(io, p);
	define_acls(io, p);
	form_globals(io, p);
	form_bodies(io, p);
	TABLE(io, "cases", p->ncases, p->cases);
	for (uint32_t i = 0; i < p->ncases && line(io, "case"); i++)
		form_case(io, p->cases[i]);
	if (io_line(io, 0, "asserts", p->nasserts > 0))
		IO_LIST(io, "list", p->nasserts, p->asserts, form_assert);
	if (!line(io, "end"))
		return;
	if (io_reading(io) && io->tok.n)
		io_fail(io, "text after the end");
}
