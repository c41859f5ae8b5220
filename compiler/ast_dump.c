/* SPDX-License-Identifier: Apache-2.0 */
/* ast_dump: prints the AST, one statement a line. The same AST gives the same bytes; places are
 * lines only. */
#include "ast_dump.h"

#include "keyword.h"

static void put_text(FILE *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
}

static void put_value(FILE *out, const struct ast_value *v)
{
	static const char letters[] = "icxb";

	fputs(v->delim ? " " : " <", out);
	if (v->delim)
		fputc(v->delim, out);
	put_text(out, v->text);
	fputc(v->delim ? v->delim : '>', out);
	for (int i = 0; letters[i]; i++)
		if (v->opts & 1 << i)
			fputc(letters[i], out);
}

static void put_values(FILE *out, const struct ast_value *v)
{
	for (; v; v = v->next)
		put_value(out, v);
}

static void put_subject(FILE *out, const struct ast_subject *s);

static void put_func(FILE *out, const struct ast_func *f)
{
	fprintf(out, "%.*s", STR_ARG(f->name));
	if (!f->call)
		return;
	fputc('(', out);
	if (f->inner)
		put_subject(out, f->inner);
	put_values(out, f->args);
	fputs(" )", out);
}

static void put_subject(FILE *out, const struct ast_subject *s)
{
	put_func(out, s->head);
	for (const struct ast_func *f = s->convs; f; f = f->next) {
		fputc('|', out);
		put_func(out, f);
	}
}

static void put_test(FILE *out, const struct ast_test *t)
{
	static const char *const from[] = { "", " file", " set" };

	fputs(" [", out);
	put_subject(out, t->subject);
	if (t->op.n)
		fprintf(out, " %.*s%s", STR_ARG(t->op), from[t->from]);
	put_values(out, t->values);
	fputc(']', out);
}

static void put_expr(FILE *out, const struct ast_expr *e)
{
	static const char *const heads[] = {
		[EXPR_AND] = " (and", [EXPR_OR] = " (or", [EXPR_NOT] = " (not"
	};

	if (e->kind == EXPR_TEST) {
		put_test(out, e->test);
		return;
	}
	if (e->kind == EXPR_NAME) {
		fprintf(out, " %.*s", STR_ARG(e->name));
		return;
	}
	fputs(heads[e->kind], out);
	for (const struct ast_expr *k = e->kids; k; k = k->next)
		put_expr(out, k);
	fputc(')', out);
}

static void put_cond(FILE *out, const struct ast_expr *e, bool unless)
{
	if (!e)
		return;
	fputs(unless ? " unless" : " on", out);
	put_expr(out, e);
}

static void put_action(FILE *out, const struct ast_action *a)
{
	fprintf(out, " {%.*s", STR_ARG(a->word));
	for (const struct ast_arg *g = a->args; g; g = g->next) {
		if (g->value) {
			put_value(out, g->value);
		} else {
			fputc(' ', out);
			put_subject(out, g->subject);
		}
	}
	fputc('}', out);
}

static void put_rule(FILE *out, const struct ast_rule *r)
{
	static const char *const dirs[RULE_DIRS] = {
		[DIR_CONN_IN] = "conn in", [DIR_SESS_IN] = "sess in", [DIR_REQ_IN] = "req in",
		[DIR_REQ_OUT] = "req out", [DIR_RSP_IN] = "rsp in",   [DIR_RSP_OUT] = "rsp out",
	};

	fputs(dirs[r->dir], out);
	for (const struct ast_action *a = r->actions; a; a = a->next)
		put_action(out, a);
	if (r->test) {
		fputs(r->test_not ? " not" : "", out);
		put_test(out, r->test);
	}
	put_cond(out, r->cond, r->unless);
}

static void put_acl(FILE *out, const struct ast_acl *a)
{
	fprintf(out, "acl %.*s", STR_ARG(a->name));
	if (a->test)
		put_test(out, a->test);
	put_cond(out, a->expr, false);
}

static void put_stmt(FILE *out, const struct ast_stmt *s)
{
	struct str name;

	fprintf(out, "  %u: ", s->at.line);
	switch (s->kind) {
	case STMT_RULE:
		put_rule(out, s->rule);
		break;
	case STMT_ACL:
		put_acl(out, s->acl);
		break;
	case STMT_PARAM:
		fprintf(out, "param %.*s", STR_ARG(s->param->name));
		put_values(out, s->param->def);
		break;
	case STMT_ASSERT:
		fputs(s->assertion->always ? "assert always" : "assert never", out);
		put_action(out, s->assertion->action);
		put_cond(out, s->assertion->cond, s->assertion->unless);
		break;
	case STMT_OPTION:
		name = keyword_option_name(s->option->id);
		fprintf(out, "option %.*s", STR_ARG(name));
		put_values(out, s->option->values);
		break;
	case STMT_LINE:
		fputs("line", out);
		put_values(out, s->line->values);
		break;
	}
	fputc('\n', out);
}

void ast_dump(const struct ast *a, FILE *out)
{
	for (const struct ast_section *s = a->sections; s; s = s->next) {
		fprintf(out, "%s", keyword_header(s->kind));
		if (s->name.n) {
			fputc(' ', out);
			put_text(out, s->name);
		}
		put_values(out, s->args);
		fputc('\n', out);
		for (const struct ast_stmt *t = s->stmts; t; t = t->next)
			put_stmt(out, t);
	}
}
