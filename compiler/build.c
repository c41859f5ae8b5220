/* SPDX-License-Identifier: Apache-2.0 */
#include "build.h"

#include "diag.h"
#include "seed.h"
#include "subject.h"

struct at at_join(struct at a, struct at b)
{
	if (a.line == 0)
		return b;
	if (a.file == b.file && a.line == b.line && b.col >= a.col)
		a.len = b.col + b.len - a.col;
	return a;
}

struct at at_value(const struct ast_value *v)
{
	return v->opts ? at_join(v->at, v->opts_at) : v->at;
}

struct ast_value *build_value(struct build *b, const struct token *t)
{
	struct ast_value *v = ARENA_NEW(b->arena, struct ast_value);

	v->at = t->at;
	v->text = t->text;
	v->delim = t->delim;
	v->opts = t->opts;
	v->opts_at = t->opts_at;
	return v;
}

struct value_list build_values(struct build *b, struct value_list l, struct ast_value *v)
{
	(void)b;
	if (l.last)
		l.last->next = v;
	else
		l.first = v;
	l.last = v;
	return l;
}

struct ast_subject *build_subject(struct build *b, const struct token *t)
{
	struct ast_subject *s = subject_parse(b->arena, t->text, t->at);

	if (s)
		return s;
	b->failed = true;
	s = ARENA_NEW(b->arena, struct ast_subject);
	s->at = t->at;
	s->head = ARENA_NEW(b->arena, struct ast_func);
	return s;
}

struct ast_test *build_test(struct build *b, struct ast_subject *s, const struct token *op,
			    struct value_list l)
{
	struct ast_test *t = ARENA_NEW(b->arena, struct ast_test);

	t->at = l.last ? at_join(s->at, at_value(l.last)) : s->at;
	t->subject = s;
	t->op = op ? op->text : S("");
	if (op)
		t->op_at = op->at;
	t->values = l.first;
	return t;
}

struct ast_test *build_test_from(struct build *b, struct ast_subject *s, const struct token *op,
				 enum ast_source from, struct ast_value *name)
{
	struct ast_test *t = build_test(b, s, op, (struct value_list) { name, name });

	t->from = from;
	return t;
}

static struct arg_list add_arg(struct arg_list l, struct ast_arg *a)
{
	if (l.last)
		l.last->next = a;
	else
		l.first = a;
	l.last = a;
	return l;
}

struct arg_list build_arg(struct build *b, struct arg_list l, struct ast_value *v)
{
	struct ast_arg *a = ARENA_NEW(b->arena, struct ast_arg);

	a->value = v;
	a->at = at_value(v);
	return add_arg(l, a);
}

struct arg_list build_arg_subject(struct build *b, struct arg_list l, struct ast_subject *s)
{
	struct ast_arg *a = ARENA_NEW(b->arena, struct ast_arg);

	a->subject = s;
	a->at = s->at;
	return add_arg(l, a);
}

struct arg_list build_arg_word(struct build *b, struct arg_list l, const struct token *word,
			       struct ast_value *v)
{
	l = build_arg(b, l, build_value(b, word));
	return v ? build_arg(b, l, v) : l;
}

struct ast_action *build_action(struct build *b, const struct token *word, struct arg_list l)
{
	struct ast_action *a = ARENA_NEW(b->arena, struct ast_action);

	a->at = l.last ? at_join(word->at, l.last->at) : word->at;
	a->word = str_eq(word->text, S("permit")) ? S("allow") : word->text;
	a->args = l.first;
	return a;
}

struct item build_item(struct build *b, struct ast_action *a, bool not_, struct ast_test *t)
{
	(void)b;
	return (struct item) { .action = a, .test = t, .test_not = not_ };
}

struct chain build_chain_test(struct build *b, struct chain c, struct ast_test *t, bool not_)
{
	if (c.test && !b->failed) {
		bool behind = c.test->at.line < t->at.line ||
			      (c.test->at.line == t->at.line && c.test->at.col < t->at.col);

		diag(E032, behind ? t->at : c.test->at);
		diag_note(behind ? c.test->at : t->at, "the first test");
		b->failed = true;
	}
	c.test = t;
	c.test_not = not_;
	return c;
}

static void second_condition(struct build *b, struct at at, struct at first)
{
	if (b->failed)
		return;
	diag(E001, at, "a rule has one condition; this is the second");
	diag_note(first, "the first condition");
	b->failed = true;
}

struct chain build_chain(struct build *b, struct chain c, struct item i)
{
	if (c.last)
		c.last->next = i.action;
	else
		c.first = i.action;
	c.last = i.action;
	if (i.cond.expr && c.cond.expr)
		second_condition(b, i.cond.at, c.cond.at);
	if (i.cond.expr)
		c.cond = i.cond;
	return i.test ? build_chain_test(b, c, i.test, i.test_not) : c;
}

struct ast_expr *build_name(struct build *b, const struct token *t)
{
	struct ast_expr *e = ARENA_NEW(b->arena, struct ast_expr);

	e->at = t->at;
	e->kind = EXPR_NAME;
	e->name = t->text;
	return e;
}

struct ast_expr *build_bracket(struct build *b, const struct token *from, struct ast_test *t,
			       const struct token *to)
{
	struct ast_expr *e = ARENA_NEW(b->arena, struct ast_expr);

	e->at = at_join(from->at, to->at);
	e->kind = EXPR_TEST;
	e->test = t;
	return e;
}

struct ast_expr *build_not(struct build *b, const struct token *t, struct ast_expr *kid)
{
	struct ast_expr *e = ARENA_NEW(b->arena, struct ast_expr);

	e->at = at_join(t->at, kid->at);
	e->kind = EXPR_NOT;
	e->kids = kid;
	return e;
}

struct expr_list build_exprs(struct build *b, struct expr_list l, struct ast_expr *e)
{
	(void)b;
	if (l.last)
		l.last->next = e;
	else
		l.first = e;
	l.last = e;
	l.n++;
	return l;
}

struct ast_expr *build_join(struct build *b, enum expr_kind kind, struct expr_list l)
{
	struct ast_expr *e;

	if (l.n == 1)
		return l.first;
	e = ARENA_NEW(b->arena, struct ast_expr);
	e->at = at_join(l.first->at, l.last->at);
	e->kind = kind;
	e->kids = l.first;
	return e;
}

struct cond build_cond(struct build *b, const struct token *t, struct ast_expr *e)
{
	(void)b;
	return (struct cond) { .expr = e,
			       .unless = str_eq(t->text, S("unless")),
			       .at = at_join(t->at, e->at) };
}

bool build_entity(const struct ast_value *v)
{
	bool good = v->delim == 0 && v->text.n > 0;

	for (size_t i = 0; i < v->text.n && good; i++) {
		char c = v->text.p[i];

		good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		       c == '_' || c == '-' || c == '.';
	}
	if (!good)
		diag(E029, v->at, STR_ARG(v->text));
	return good;
}

static struct ast_stmt *stmt(struct build *b, enum stmt_kind kind)
{
	struct ast_stmt *s = ARENA_NEW(b->arena, struct ast_stmt);

	s->kind = kind;
	s->at = at_join(b->tokens[0].at, b->tokens[b->n - 1].at);
	b->stmt = s;
	return s;
}

static enum rule_dir read_dir(struct build *b, const struct token *dir, const struct token *where)
{
	bool out = str_eq(where->text, S("out"));

	if (str_eq(dir->text, S("req")))
		return out ? DIR_REQ_OUT : DIR_REQ_IN;
	if (dir->text.p[0] == 'r')
		return out ? DIR_RSP_OUT : DIR_RSP_IN;
	if (out && !b->failed) {
		diag(E001, where->at, "conn and sess rules have only 'in'");
		b->failed = true;
	}
	return dir->text.p[0] == 'c' ? DIR_CONN_IN : DIR_SESS_IN;
}

void build_rule(struct build *b, const struct token *dir, const struct token *where, struct chain c,
		struct cond cond)
{
	struct ast_rule *r = ARENA_NEW(b->arena, struct ast_rule);

	r->dir = dir ? read_dir(b, dir, where) : DIR_REQ_IN;
	b->old = b->old || !dir;
	if (cond.expr && c.cond.expr)
		second_condition(b, cond.at, c.cond.at);
	if (c.cond.expr)
		cond = c.cond;
	r->actions = c.first;
	r->test = c.test;
	r->test_not = c.test_not;
	r->cond = cond.expr;
	r->unless = cond.unless;
	r->cond_at = cond.at;
	seed_finish(b, r);
	stmt(b, STMT_RULE)->rule = r;
	r->at = b->stmt->at;
}

void build_acl(struct build *b, const struct token *t, struct ast_value *name,
	       struct ast_test *test, struct ast_expr *expr)
{
	struct ast_acl *a = ARENA_NEW(b->arena, struct ast_acl);

	a->at = t->at;
	a->name_at = name->at;
	a->name = name->text;
	if (test || expr)
		build_entity(name);
	a->test = test;
	a->expr = expr;
	stmt(b, STMT_ACL)->acl = a;
	a->at = b->stmt->at;
}

void build_param(struct build *b, const struct token *t, struct ast_value *name,
		 struct ast_value *def)
{
	struct ast_param *p = ARENA_NEW(b->arena, struct ast_param);

	p->at = t->at;
	p->name_at = name->at;
	p->name = name->text;
	build_entity(name);
	p->def = def;
	stmt(b, STMT_PARAM)->param = p;
}

void build_assert(struct build *b, const struct token *t, bool always, struct ast_action *a,
		  struct cond c)
{
	struct ast_assert *s = ARENA_NEW(b->arena, struct ast_assert);

	seed_refuse(b, a);
	s->at = t->at;
	s->always = always;
	s->action = a;
	s->cond = c.expr;
	s->unless = c.unless;
	stmt(b, STMT_ASSERT)->assertion = s;
	s->at = b->stmt->at;
}

void build_include(struct build *b, const struct token *path)
{
	b->include = path;
}
