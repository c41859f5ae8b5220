/* SPDX-License-Identifier: Apache-2.0 */
/* resolve: requires the AST. Leaves every section, profile, set, map, acl and param under its name,
 * sections as empty p_section, and has reported names given twice and statements in sections that
 * have none of their kind. */
#include "model.h"

#include "value.h"

static const struct str reserved[] = {
#define SUBJECT(id, name, ...) { name, sizeof(name) - 1 },
#include "../grammar/subject.def"
	{ "all", 3 },
	{ "len", 3 },
	{ "count", 5 },
};

static void twice(struct str name, struct at at, struct at before)
{
	diag(E005, at, STR_ARG(name));
	diag_note(before, "the first one is here");
}

static bool holds_rules(enum section_kind k)
{
	return k == SEC_LISTEN || k == SEC_FRONTEND || k == SEC_REQRULES || k == SEC_BACKEND ||
	       k == SEC_RSPRULES;
}

static void add_acl(struct model *m, struct scope *scope, const struct ast_acl *def)
{
	struct acl *acl = symbol_get(&scope->acls, def->name);

	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		if (str_ieq(reserved[i], def->name)) {
			diag(E076, def->name_at, STR_ARG(def->name));
			return;
		}
	if (!acl) {
		acl = ARENA_NEW(m->arena, struct acl);
		acl->name = def->name;
		acl->at = def->name_at;
		acl->scope = scope;
		symbol_put(m->arena, &scope->acls, acl->name, acl);
	}
	vec_push(m->arena, &acl->defs, (void *)def);
}

static void add_param(struct model *m, struct scope *scope, const struct ast_param *def)
{
	struct p_param *p = symbol_get(&m->all_params, def->name);

	if (p) {
		twice(def->name, def->name_at,
		      (struct at) {
			      .file = p->place.file, .line = p->place.line, .col = 1, .len = 1 });
		return;
	}
	p = ARENA_NEW(m->arena, struct p_param);
	p->index = (uint32_t)m->params.n;
	p->place = place_of(def->at);
	p->name = def->name;
	p->has_default = def->def != NULL;
	if (def->def)
		p->def = value_plain(m->arena, def->def->text);
	symbol_put(m->arena, &scope->params, p->name, p);
	symbol_put(m->arena, &m->all_params, p->name, p);
	vec_push(m->arena, &m->params, p);
}

/* acl, param and assert of one section into <scope>. */
static void add_names(struct model *m, struct scope *scope, const struct ast_section *sec)
{
	for (const struct ast_stmt *s = sec->stmts; s; s = s->next) {
		if (s->kind == STMT_ACL)
			add_acl(m, scope, s->acl);
		else if (s->kind == STMT_PARAM)
			add_param(m, scope, s->param);
		else if (s->kind == STMT_ASSERT && sec->kind == SEC_FILE)
			vec_push(m->arena, &m->asserts, s->assertion);
		else if (s->kind == STMT_ASSERT) {
			diag(E002, s->at, "'assert'", kind_article(sec->kind));
			diag_note((struct at) { 0 }, "it stands before the first header");
		}
	}
}

/* Names of file level that a section gives again (language.md 1). */
static void check_levels(struct model *m, const struct scope *scope)
{
	for (size_t i = 0; i < scope->acls.n; i++) {
		struct acl *own = scope->acls.all[i]->object;
		struct acl *outer = symbol_get(&m->site.acls, own->name);

		if (outer) {
			diag(E069, own->at, STR_ARG(own->name));
			diag_note(outer->at, "there");
			outer->used = true;
		}
	}
}

static struct scope *new_scope(struct model *m, struct scope *scope, struct entity *owner)
{
	scope->outer = &m->site;
	scope->owner = owner;
	vec_push(m->arena, &m->scopes, scope);
	return scope;
}

/* Under its name in <names>. NULL: the name is taken, which has been reported. */
static struct entity *new_entity(struct model *m, struct symbols *names,
				 const struct ast_section *sec)
{
	struct entity *e = symbol_get(names, sec->name);

	if (e) {
		twice(sec->name, sec->name_at, e->ast->name_at);
		return NULL;
	}
	e = ARENA_NEW(m->arena, struct entity);
	e->kind = sec->kind;
	e->name = sec->name;
	e->ast = sec;
	e->filters = e->servers_of = e;
	e->opts = ARENA_ARRAY(m->arena, struct vec, OPTIONS);
	e->out = ARENA_NEW(m->arena, struct p_section);
	e->out->kind = sec->kind;
	e->out->place = place_of(sec->at);
	e->out->name = sec->name;
	add_names(m, new_scope(m, &e->scope, e), sec);
	symbol_put(m->arena, names, e->name, e);
	return e;
}

static void add_entity(struct model *m, const struct ast_section *sec)
{
	struct entity *e = new_entity(m, &m->sections, sec);

	if (!e)
		return;
	e->out->index = (uint32_t)m->entities.n;
	vec_push(m->arena, &m->entities, e);
}

/* Checkpoints have a name space of their own, and come behind all other sections. */
static void add_checkpoint(struct model *m, const struct ast_section *sec)
{
	struct entity *e = new_entity(m, &m->checkpoints, sec);

	if (e)
		e->out->filters = e->out->servers_of = e->out;
}

static void add_profile(struct model *m, const struct ast_section *sec)
{
	struct profile *p = symbol_get(&m->profiles, sec->name);

	if (p) {
		twice(sec->name, sec->name_at, p->ast->name_at);
		return;
	}
	p = ARENA_NEW(m->arena, struct profile);
	p->name = sec->name;
	p->ast = sec;
	symbol_put(m->arena, &m->profiles, p->name, p);
}

/* Words after the name: map NAME [op] [dynamic], set NAME [dynamic]. */
static void table_args(struct table *t)
{
	static const struct {
		const char *word;
		enum operator_id op;
	} ops[] = { { "==", OP_EQ },
		    { "=^", OP_PREFIX },
		    { "=*", OP_SUFFIX },
		    { "=.", OP_DOTWORD },
		    { "=~", OP_RE } };

	t->op = OP_EQ;
	for (const struct ast_value *v = t->ast->args; v; v = v->next) {
		size_t i = 0;

		if (str_eq(v->text, S("dynamic"))) {
			t->dynamic = true;
			continue;
		}
		while (i < sizeof(ops) / sizeof(*ops) && !str_eq(v->text, str_from(ops[i].word)))
			i++;
		if (t->ast->kind == SEC_SET || i == sizeof(ops) / sizeof(*ops)) {
			diag(E054, v->at, kind_name(t->ast->kind),
			     t->ast->kind == SEC_SET
				     ? "a name, maybe 'dynamic', then lines of values"
				     : "a name, one of == =^ =* =. =~, maybe 'dynamic', then lines "
				       "KEY VALUE");
			t->bad = true;
			continue;
		}
		t->op = ops[i].op;
	}
}

static void add_table(struct model *m, struct symbols *names, const struct ast_section *sec)
{
	struct table *t = symbol_get(names, sec->name);

	if (t) {
		twice(sec->name, sec->name_at, t->at);
		return;
	}
	t = ARENA_NEW(m->arena, struct table);
	t->name = sec->name;
	t->at = sec->name_at;
	t->ast = sec;
	table_args(t);
	symbol_put(m->arena, names, t->name, t);
}

static void add_case(struct model *m, const struct ast_section *sec)
{
	struct p_case *c = ARENA_NEW(m->arena, struct p_case);
	struct vec lines = { 0 };

	for (const struct ast_stmt *s = sec->stmts; s; s = s->next)
		if (s->kind == STMT_LINE)
			vec_push(m->arena, &lines, s->line);
	c->place = place_of(sec->at);
	c->name = sec->name;
	c->lines = (struct ast_line **)(void *)lines.p;
	c->nlines = (uint32_t)lines.n;
	vec_push(m->arena, &m->cases, c);
}

/* Statements of a kind that the section has none of. Options are checked with their owners. */
static void check_kinds(const struct ast_section *sec)
{
	for (const struct ast_stmt *s = sec->stmts; s; s = s->next) {
		if (s->kind == STMT_RULE && !holds_rules(sec->kind)) {
			if (sec->kind == SEC_PROFILE) {
				diag(E053, s->at, "rule");
				continue;
			}
			diag(E002, s->at, "a rule", kind_article(sec->kind));
			diag_note((struct at) { 0 },
				  "listen, frontend, reqrules, backend and rsprules hold rules");
		} else if ((s->kind == STMT_ACL || s->kind == STMT_PARAM) &&
			   !holds_rules(sec->kind) && sec->kind != SEC_FILE &&
			   sec->kind != SEC_GLOBAL) {
			diag(E002, s->at, s->kind == STMT_ACL ? "'acl'" : "'param'",
			     kind_article(sec->kind));
		}
	}
}

void resolve_names(struct model *m)
{
	vec_push(m->arena, &m->scopes, &m->site);
	for (const struct ast_section *sec = m->ast->sections; sec; sec = sec->next) {
		check_kinds(sec);
		if (sec->kind == SEC_FILE || sec->kind == SEC_GLOBAL)
			add_names(m, &m->site, sec);
		else if (sec->kind == SEC_PROFILE)
			add_profile(m, sec);
		else if (sec->kind == SEC_SET)
			add_table(m, &m->sets, sec);
		else if (sec->kind == SEC_MAP)
			add_table(m, &m->maps, sec);
		else if (sec->kind == SEC_TEST)
			add_case(m, sec);
		else if (sec->kind == SEC_CHECKPOINT)
			add_checkpoint(m, sec);
		else
			add_entity(m, sec);
	}
	for (size_t i = 1; i < m->scopes.n; i++)
		check_levels(m, m->scopes.p[i]);
}
