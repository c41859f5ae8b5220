/* SPDX-License-Identifier: Apache-2.0 */
/* ast_dump: prints the AST, one statement a line. The same AST gives the same bytes; places are
 * lines only. */
#include "ast_dump.h"

#include "keyword.h"

struct dump {
	FILE *out;
	bool plain; /* as ast_dump_meaning() */
};

static void put_text(const struct dump *d, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f)
			fprintf(d->out, "\\x%02x", c);
		else
			fputc(c, d->out);
	}
}

static void put_value(const struct dump *d, const struct ast_value *v)
{
	static const char letters[] = "icxb";

	char delim = d->plain ? 0 : v->delim;

	fputs(delim ? " " : " <", d->out);
	if (delim)
		fputc(delim, d->out);
	put_text(d, v->text);
	fputc(delim ? delim : '>', d->out);
	for (int i = 0; letters[i]; i++)
		if (v->opts & 1 << i)
			fputc(letters[i], d->out);
}

static void put_values(const struct dump *d, const struct ast_value *v)
{
	for (; v; v = v->next)
		put_value(d, v);
}

static void put_subject(const struct dump *d, const struct ast_subject *s);

static void put_func(const struct dump *d, const struct ast_func *f)
{
	fprintf(d->out, "%.*s", STR_ARG(f->name));
	if (!f->call)
		return;
	fputc('(', d->out);
	if (f->inner)
		put_subject(d, f->inner);
	put_values(d, f->args);
	fputs(" )", d->out);
}

static void put_subject(const struct dump *d, const struct ast_subject *s)
{
	put_func(d, s->head);
	for (const struct ast_func *f = s->convs; f; f = f->next) {
		fputc('|', d->out);
		put_func(d, f);
	}
}

static void put_test(const struct dump *d, const struct ast_test *t)
{
	static const char *const from[] = { "", " file", " set" };

	fputs(" [", d->out);
	put_subject(d, t->subject);
	if (t->op.n)
		fprintf(d->out, " %.*s%s", STR_ARG(t->op), from[t->from]);
	put_values(d, t->values);
	fputc(']', d->out);
}

static void put_expr(const struct dump *d, const struct ast_expr *e)
{
	static const char *const heads[] = {
		[EXPR_AND] = " (and", [EXPR_OR] = " (or", [EXPR_NOT] = " (not"
	};

	if (e->kind == EXPR_TEST) {
		put_test(d, e->test);
		return;
	}
	if (e->kind == EXPR_NAME) {
		fprintf(d->out, " %.*s", STR_ARG(e->name));
		return;
	}
	fputs(heads[e->kind], d->out);
	for (const struct ast_expr *k = e->kids; k; k = k->next)
		put_expr(d, k);
	fputc(')', d->out);
}

static void put_cond(const struct dump *d, const struct ast_expr *e, bool unless)
{
	if (!e)
		return;
	fputs(unless ? " unless" : " on", d->out);
	put_expr(d, e);
}

static void put_action(const struct dump *d, const struct ast_action *a)
{
	fprintf(d->out, " {%.*s", STR_ARG(a->word));
	for (const struct ast_arg *g = a->args; g; g = g->next) {
		if (g->value) {
			put_value(d, g->value);
		} else {
			fputc(' ', d->out);
			put_subject(d, g->subject);
		}
	}
	fputc('}', d->out);
}

static void put_rule(const struct dump *d, const struct ast_rule *r)
{
	static const char *const dirs[RULE_DIRS] = {
		[DIR_CONN_IN] = "conn in", [DIR_SESS_IN] = "sess in", [DIR_REQ_IN] = "req in",
		[DIR_REQ_OUT] = "req out", [DIR_RSP_IN] = "rsp in",   [DIR_RSP_OUT] = "rsp out",
	};

	fputs(dirs[r->dir], d->out);
	for (const struct ast_action *a = r->actions; a; a = a->next)
		put_action(d, a);
	if (r->test) {
		fputs(r->test_not ? " not" : "", d->out);
		put_test(d, r->test);
	}
	put_cond(d, r->cond, r->unless);
}

static void put_acl(const struct dump *d, const struct ast_acl *a)
{
	fprintf(d->out, "acl %.*s", STR_ARG(a->name));
	if (a->test)
		put_test(d, a->test);
	put_cond(d, a->expr, false);
}

static void put_stmt(const struct dump *d, const struct ast_stmt *s)
{
	struct str name;

	if (d->plain)
		fputs("  ", d->out);
	else
		fprintf(d->out, "  %u: ", s->at.line);
	switch (s->kind) {
	case STMT_RULE:
		put_rule(d, s->rule);
		break;
	case STMT_ACL:
		put_acl(d, s->acl);
		break;
	case STMT_PARAM:
		fprintf(d->out, "param %.*s", STR_ARG(s->param->name));
		put_values(d, s->param->def);
		break;
	case STMT_ASSERT:
		fputs(s->assertion->always ? "assert always" : "assert never", d->out);
		put_action(d, s->assertion->action);
		put_cond(d, s->assertion->cond, s->assertion->unless);
		break;
	case STMT_OPTION:
		name = keyword_option_name(s->option->id);
		fprintf(d->out, "option %.*s", STR_ARG(name));
		put_values(d, s->option->values);
		break;
	case STMT_LINE:
		fputs("line", d->out);
		put_values(d, s->line->values);
		break;
	}
	fputc('\n', d->out);
}

static void put_ast(const struct dump *d, const struct ast *a)
{
	for (const struct ast_section *s = a->sections; s; s = s->next) {
		fprintf(d->out, "%s", keyword_header(s->kind));
		if (s->name.n) {
			fputc(' ', d->out);
			put_text(d, s->name);
		}
		put_values(d, s->args);
		fputc('\n', d->out);
		for (const struct ast_stmt *t = s->stmts; t; t = t->next)
			put_stmt(d, t);
	}
}

void ast_dump(const struct ast *a, FILE *out)
{
	put_ast(&(struct dump) { .out = out }, a);
}

void ast_dump_meaning(const struct ast *a, FILE *out)
{
	put_ast(&(struct dump) { .out = out, .plain = true }, a);
}
