/* SPDX-License-Identifier: Apache-2.0 */
/* lint_text: findings that the text alone shows: names, spellings, lists of values. */
#include "lint.h"
#include "source.h"
#include "symbol.h"

/* An acl's lines under one name of one section, or of the file level. */
struct name_lines {
	const struct ast_acl *first;
	bool told;
};

/* Name of the subject that <t> reads, with its argument. */
static bool same_subject(const struct ast_test *x, const struct ast_test *y)
{
	const struct ast_func *a = x->subject->head, *b = y->subject->head;

	if (!a || !b || !str_ieq(a->name, b->name))
		return false;
	if (!a->args || !b->args)
		return a->args == b->args;
	return str_ieq(a->args->text, b->args->text);
}

/* W204: an acl of several lines that read different subjects. */
static void mixed_acl(struct arena *a, struct symbols *names, const struct ast_acl *acl)
{
	struct name_lines *n = symbol_get(names, acl->name);

	if (!n) {
		n = ARENA_NEW(a, struct name_lines);
		n->first = acl;
		symbol_put(a, names, acl->name, n);
		return;
	}
	if (n->told || !acl->test || !n->first->test || same_subject(acl->test, n->first->test))
		return;
	n->told = true;
	diag(W204, acl->name_at, STR_ARG(acl->name));
	diag_note(n->first->name_at, "the first line of this name");
}

/* C502: lower case words, joined by '_' or '-'. */
static void acl_name(const struct ast_acl *acl)
{
	for (size_t i = 0; i < acl->name.n; i++)
		if (acl->name.p[i] >= 'A' && acl->name.p[i] <= 'Z') {
			diag(C502, acl->name_at, STR_ARG(acl->name));
			return;
		}
}

static bool ordered(const struct ast_value *v, bool *twice)
{
	bool sorted = true;

	*twice = false;
	for (; v && v->next; v = v->next) {
		int c = str_cmp(v->text, v->next->text);

		sorted = sorted && c <= 0;
		*twice = *twice || (c == 0 && v->opts == v->next->opts);
	}
	return sorted;
}

/* Between slashes or with letters a value is more than its text; lists in quotes or bare are
 * compared as written. */
static void value_list(const struct ast_test *t)
{
	bool twice;

	if (!t || t->from != VALS_INLINE || !t->values || !t->values->next)
		return;
	if (!ordered(t->values, &twice))
		diag(C504, t->at, "is not sorted");
	else if (twice)
		diag(C504, t->at, "holds a value twice");
}

static void walk_expr(const struct ast_expr *e)
{
	if (!e)
		return;
	if (e->kind == EXPR_NOT && e->kids && e->kids->kind == EXPR_NOT)
		diag(C503, e->at);
	value_list(e->test);
	for (const struct ast_expr *k = e->kids; k; k = k->next)
		walk_expr(k);
}

static void statement(struct arena *a, struct symbols *names, const struct ast_stmt *s)
{
	if (s->kind == STMT_ACL) {
		mixed_acl(a, names, s->acl);
		acl_name(s->acl);
		value_list(s->acl->test);
		walk_expr(s->acl->expr);
	} else if (s->kind == STMT_RULE) {
		value_list(s->rule->test);
		walk_expr(s->rule->cond);
	}
}

/* W206: rules of one side whose order in the text is not that in which they run. */
static void rule_order(const struct ast_section *sec)
{
	static const char *const lists[] = { "conn in", "sess in", "req in",
					     "req out", "rsp in",  "rsp out" };
	const struct ast_rule *late[2] = { NULL, NULL };

	for (const struct ast_stmt *s = sec->stmts; s; s = s->next) {
		const struct ast_rule *r = s->kind == STMT_RULE ? s->rule : NULL;
		int side = r && r->dir >= DIR_RSP_IN;

		if (!r || source_is_library(s->at.file))
			continue;
		if (late[side] && r->dir < late[side]->dir) {
			diag(W206, r->at, lists[r->dir], lists[late[side]->dir]);
			diag_note(late[side]->at, "this runs later");
			return;
		}
		late[side] = r;
	}
}

/* C505: the site file begins with the version of the language. */
static void version_line(void)
{
	struct str text = source_get(0)->text;
	uint32_t n = 1;

	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));

		if (line.n && line.p[0] != '#') {
			size_t at = (size_t)(line.p - source_get(0)->text.p);

			if (str_starts(line, S("weir ")))
				return;
			diag(C505, diag_line(0, n));
			diag_fix(true, "add the line");
			diag_edit(0, at, at, S("weir 1\n"));
			return;
		}
		n++;
	}
}

void lint_text(struct arena *a, const struct ast *ast)
{
	struct symbols site = { 0 };

	version_line();
	for (const struct ast_section *sec = ast->sections; sec; sec = sec->next) {
		struct symbols own = { 0 };
		bool outer = sec->kind == SEC_FILE || sec->kind == SEC_GLOBAL;

		rule_order(sec);
		for (const struct ast_stmt *s = sec->stmts; s; s = s->next)
			if (!source_is_library(s->at.file))
				statement(a, outer ? &site : &own, s);
	}
}
