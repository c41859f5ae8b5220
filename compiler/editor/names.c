/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "../program.h"
#include "../source.h"

struct collect {
	struct arena *arena;
	struct names *out;
	const struct ast_section *section;
	const struct ast_stmt *stmt;
};

static struct name *add(struct collect *c, enum name_kind kind, struct str text, struct at at)
{
	struct name *n = ARENA_NEW(c->arena, struct name);

	n->kind = kind;
	n->text = text;
	n->at = at;
	n->section = c->section;
	n->stmt = c->stmt;
	vec_push(c->arena, &c->out->all, n);
	return n;
}

static bool name_byte(char b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
	       b == '_' || b == '-' || b == '.';
}

/* Names in the bytes of <at> that stand behind <mark>. */
static void scan(struct collect *c, struct at at, struct str mark, enum name_kind kind)
{
	struct str line = source_line(at), rest;
	size_t from = at.col - 1;

	if (from > line.n)
		return;
	rest = str_first(str_skip(line, from), at.len);
	for (ptrdiff_t i; (i = str_find(rest, mark)) >= 0;) {
		struct at name = at;
		size_t n = 0;

		rest = str_skip(rest, (size_t)i + mark.n);
		while (n < rest.n && name_byte(rest.p[n]))
			n++;
		name.col = (uint32_t)(rest.p - line.p) + 1;
		name.len = (uint32_t)n;
		if (n)
			add(c, kind, str_first(rest, n), name);
	}
}

/* What may stand within any value or subject. */
static void scan_all(struct collect *c, struct at at)
{
	static const struct {
		const char *mark;
		enum name_kind kind;
	} marks[] = {
		{ "${", NAME_PARAM },         { "|map(", NAME_MAP },
		{ "conns(", NAME_SECTION },   { "nbsrv(", NAME_SECTION },
		{ "qlen(", NAME_SECTION },    { "rate(", NAME_CHECKPOINT },
		{ "conc(", NAME_CHECKPOINT }, { "queued(", NAME_CHECKPOINT },
	};

	for (size_t i = 0; at.line && i < sizeof(marks) / sizeof(*marks); i++)
		scan(c, at, str_from(marks[i].mark), marks[i].kind);
}

static void scan_values(struct collect *c, const struct ast_value *v)
{
	for (; v; v = v->next)
		scan_all(c, v->at);
}

/* <v> as a name; within quotes without them. */
static void add_value(struct collect *c, enum name_kind kind, const struct ast_value *v)
{
	struct at at = v->at;

	if (v->delim) {
		at.col++;
		at.len = at.len > 2 ? at.len - 2 : 0;
	}
	if (v->text.n && str_find(v->text, S("{")) < 0 && at.len == v->text.n)
		add(c, kind, v->text, at);
}

static void in_test(struct collect *c, const struct ast_test *t)
{
	scan_all(c, t->subject->at);
	if (t->from == VALS_SET && t->values)
		add_value(c, NAME_SET, t->values);
	else
		scan_values(c, t->values);
}

static void in_expr(struct collect *c, const struct ast_expr *e)
{
	if (e->kind == EXPR_NAME && !str_eq(e->name, S("all")))
		add(c, NAME_ACL, e->name, e->at);
	else if (e->kind == EXPR_TEST)
		in_test(c, e->test);
	for (const struct ast_expr *k = e->kids; k; k = k->next)
		in_expr(c, k);
}

static void in_action(struct collect *c, const struct ast_action *a)
{
	bool first = str_eq(a->word, S("switch")) || str_eq(a->word, S("setbe"));
	bool second = str_eq(a->word, S("uriremap"));
	bool counted = str_eq(a->word, S("pass")) || str_eq(a->word, S("count"));
	int n = 0;

	for (const struct ast_arg *g = a->args; g; g = g->next, n++) {
		if (!g->value) {
			scan_all(c, g->subject->at);
			continue;
		}
		scan_all(c, g->value->at);
		if ((first && n == 0) || (second && n == 1))
			add_value(c, NAME_SECTION, g->value);
		else if (counted && n == 0)
			add_value(c, NAME_CHECKPOINT, g->value);
	}
}

static void in_rule(struct collect *c, const struct ast_rule *r)
{
	for (const struct ast_action *a = r->actions; a; a = a->next)
		in_action(c, a);
	if (r->test)
		in_test(c, r->test);
	if (r->cond)
		in_expr(c, r->cond);
}

static void in_option(struct collect *c, const struct ast_option *o)
{
	scan_values(c, o->values);
	if (!o->values)
		return;
	if (o->id == OPT_DEFAULT_BACKEND || o->id == OPT_USE_FILTERS_FROM ||
	    o->id == OPT_USE_BACKEND_FROM)
		add_value(c, NAME_SECTION, o->values);
	else if (o->id == OPT_USE_PROFILE)
		for (const struct ast_value *v = o->values; v; v = v->next)
			if (!str_eq(v->text, S("override")))
				add_value(c, NAME_PROFILE, v);
	if (o->id == OPT_SERVER)
		for (const struct ast_value *v = o->values->next; v && v->next; v = v->next)
			if (!v->delim && str_eq(v->text, S("pass")))
				add_value(c, NAME_CHECKPOINT, v->next);
}

/* Lines of tests name sections; values of maps may. */
static void in_line(struct collect *c, const struct ast_line *l)
{
	if (c->section->kind == SEC_MAP && l->values && l->values->next) {
		add_value(c, NAME_SECTION, l->values->next);
		return;
	}
	if (c->section->kind != SEC_TEST || !l->values || !str_eq(l->values->text, S("expect")))
		return;
	for (const struct ast_value *v = l->values; v->next; v = v->next)
		if (!v->delim && (str_eq(v->text, S("backend")) || str_eq(v->text, S("frontend"))))
			add_value(c, NAME_SECTION, v->next);
}

static void in_stmt(struct collect *c, const struct ast_stmt *s)
{
	switch (s->kind) {
	case STMT_RULE:
		in_rule(c, s->rule);
		break;
	case STMT_ACL:
		add(c, NAME_ACL, s->acl->name, s->acl->name_at)->given = true;
		if (s->acl->test)
			in_test(c, s->acl->test);
		if (s->acl->expr)
			in_expr(c, s->acl->expr);
		break;
	case STMT_PARAM:
		add(c, NAME_PARAM, s->param->name, s->param->name_at)->given = true;
		break;
	case STMT_ASSERT:
		in_action(c, s->assertion->action);
		if (s->assertion->cond)
			in_expr(c, s->assertion->cond);
		break;
	case STMT_OPTION:
		in_option(c, s->option);
		break;
	case STMT_LINE:
		in_line(c, s->line);
		break;
	}
}

static void in_header(struct collect *c, const struct ast_section *s)
{
	static const enum name_kind kinds[] = {
		[SEC_PROFILE] = NAME_PROFILE,
		[SEC_LISTEN] = NAME_SECTION,
		[SEC_FRONTEND] = NAME_SECTION,
		[SEC_REQRULES] = NAME_SECTION,
		[SEC_BACKEND] = NAME_SECTION,
		[SEC_RSPRULES] = NAME_SECTION,
		[SEC_CHECKPOINT] = NAME_CHECKPOINT,
		[SEC_SET] = NAME_SET,
		[SEC_MAP] = NAME_MAP,
	};

	if (s->kind == SEC_FILE || s->kind == SEC_GLOBAL || s->kind == SEC_TEST)
		return;
	if (s->name.n && s->name.p[0] != '?')
		add(c, kinds[s->kind], s->name, s->name_at)->given = true;
	scan_values(c, s->args);
}

/* An acl used in a section that defines none of that name is the site's. */
static void find_scopes(struct names *out)
{
	for (size_t i = 0; i < out->all.n; i++) {
		struct name *n = out->all.p[i];

		if (n->kind != NAME_ACL || n->section->kind == SEC_FILE ||
		    n->section->kind == SEC_GLOBAL)
			continue;
		for (const struct ast_stmt *s = n->section->stmts; s && !n->scope; s = s->next)
			if (s->kind == STMT_ACL && str_eq(s->acl->name, n->text))
				n->scope = n->section;
	}
}

static bool is_section(const struct ast *ast, struct str name)
{
	for (const struct ast_section *s = ast->sections; s; s = s->next)
		if (s->kind >= SEC_LISTEN && s->kind <= SEC_RSPRULES && str_eq(s->name, name))
			return true;
	return false;
}

/* Values of maps that name no section are only values. */
static void drop_values(const struct ast *ast, struct names *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->all.n; i++) {
		const struct name *n = out->all.p[i];

		if (n->section->kind != SEC_MAP || n->kind != NAME_SECTION ||
		    is_section(ast, n->text))
			out->all.p[kept++] = out->all.p[i];
	}
	out->all.n = kept;
}

void names_collect(struct arena *a, const struct ast *ast, struct names *out)
{
	struct collect c = { .arena = a, .out = out };

	*out = (struct names) { .ast = ast };
	for (const struct ast_section *s = ast->sections; s; s = s->next) {
		c.section = s;
		c.stmt = NULL;
		in_header(&c, s);
		for (const struct ast_stmt *t = s->stmts; t; t = t->next) {
			c.stmt = t;
			in_stmt(&c, t);
		}
	}
	find_scopes(out);
	drop_values(ast, out);
}

const struct name *names_at(const struct names *n, uint32_t file, uint32_t line, uint32_t col)
{
	for (size_t i = 0; i < n->all.n; i++) {
		const struct name *name = n->all.p[i];

		if (name->at.file == file && name->at.line == line && col >= name->at.col &&
		    col <= name->at.col + name->at.len)
			return name;
	}
	return NULL;
}

bool names_same(const struct name *a, const struct name *b)
{
	return a->kind == b->kind && str_eq(a->text, b->text) && a->scope == b->scope;
}

const struct name *names_given(const struct names *all, const struct name *n)
{
	for (size_t i = 0; i < all->all.n; i++) {
		const struct name *g = all->all.p[i];

		if (g->given && names_same(g, n))
			return g;
	}
	return NULL;
}
