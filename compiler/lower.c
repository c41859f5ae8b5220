/* SPDX-License-Identifier: Apache-2.0 */
#include "lower.h"

#include "lower_part.h"
#include "option.h"
#include "source.h"

static struct str site_name(struct str path)
{
	size_t n = path.n;

	while (n && path.p[n - 1] != '/')
		n--;
	path = str_skip(path, n);
	if (path.n > 5 && str_ends(path, S(".weir")))
		path.n -= 5;
	return path;
}

static void name_files(struct model *m)
{
	struct program *p = m->out;

	p->nfiles = source_count();
	p->files = ARENA_ARRAY(m->arena, struct str, p->nfiles);
	for (uint32_t i = 0; i < p->nfiles; i++)
		p->files[i] = source_get(i)->name;
	p->site = p->nfiles ? site_name(source_get(0)->path) : (struct str) { .p = "" };
}

static void name_slots(struct model *m)
{
	struct program *p = m->out;
	const struct symbols *tables[] = { &m->captures[0], &m->captures[1], &m->vars };

	p->captures = ARENA_ARRAY(m->arena, struct str, p->ncaptures);
	p->vars = ARENA_ARRAY(m->arena, struct str, p->nvars);
	for (size_t t = 0; t < 3; t++)
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct slot *s = tables[t]->all[i]->object;

			(t < 2 ? p->captures : p->vars)[s->index] = s->name;
		}
}

/* The lists that the passes have grown become the program's. */
static void finish(struct model *m)
{
	struct program *p = m->out;

#define LIST(field, count, vector)                                                                 \
	do {                                                                                       \
		p->field = (void *)(vector).p;                                                     \
		p->count = (uint32_t)(vector).n;                                                   \
	} while (0)
	LIST(rules, nrules, m->rules);
	LIST(acls, nacls, m->acls);
	LIST(subjects, nsubjects, m->p_subjects);
	LIST(regexes, nregexes, m->p_regexes);
	LIST(params, nparams, m->params);
	LIST(sets, nsets, m->p_sets);
	LIST(maps, nmaps, m->p_maps);
	LIST(cases, ncases, m->cases);
#undef LIST
	p->sections = ARENA_ARRAY(m->arena, struct p_section *, m->entities.n + m->checkpoints.n);
	for (size_t i = 0; i < m->entities.n; i++)
		p->sections[p->nsections++] = ((struct entity *)m->entities.p[i])->out;
	for (size_t i = 0; i < m->checkpoints.n; i++) {
		struct p_section *cp = ((struct entity *)m->checkpoints.all[i]->object)->out;

		cp->index = p->nsections;
		p->sections[p->nsections++] = cp;
	}
	name_slots(m);
}

struct program *lower(struct arena *a, const struct ast *ast)
{
	struct model *m = ARENA_NEW(a, struct model);

	m->arena = a;
	m->ast = ast;
	m->out = ARENA_NEW(a, struct program);
	m->out->arena = a;
	resolve_names(m);
	resolve_options(m);
	option_settings(m);
	resolve_links(m);
	option_lines(m);
	option_binds(m);
	option_checks(m);
	option_cookies(m);
	lower_tables(m);
	lower_checkpoints(m);
	lower_rules(m);
	lower_asserts(m);
	name_files(m); /* lists of values are files, too */
	finish(m);
	check_flow(m);
	check_site(m);
	lower_unused_acls(m);
	return diag_errors() ? NULL : m->out;
}
