/* SPDX-License-Identifier: Apache-2.0 */
#include "canon.h"

#include "build.h"
#include "keyword.h"
#include "symbol.h"

struct canon {
	struct arena *arena;
	struct textbuf out;
	struct at last; /* place of what was put last, as far as known */
};

static void put(struct canon *c, struct str s)
{
	textbuf_put(c->arena, &c->out, s);
}

static void byte(struct canon *c, char b)
{
	textbuf_byte(c->arena, &c->out, b);
}

/* The blank before what stands at <at>: <kind>, or the line's end that was there. */
static void gap(struct canon *c, char kind, struct at at)
{
	bool kept = c->last.line && at.line > c->last.line;

	byte(c, kept ? CANON_KEPT : kind);
	if (at.line)
		c->last = at;
}

/* Can <s> stand between two <delim>s? Not when a backslash of it would take the delimiter with
 * it. */
static bool fits(struct str s, char delim)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\\' && (++i == s.n || s.p[i] == delim))
			return false;
	return true;
}

static void put_delimited(struct canon *c, struct str s, char delim)
{
	byte(c, delim);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			byte(c, s.p[i++]);
		else if (s.p[i] == delim)
			byte(c, '\\');
		byte(c, s.p[i]);
	}
	byte(c, delim);
}

static char delimiter(const struct ast_value *v)
{
	bool twice = str_chr(v->text, '"') >= 0;

	if (v->delim == '"' || (!twice && fits(v->text, '"')))
		return '"';
	return v->delim && v->delim != '/' ? v->delim : '\'';
}

static void put_opts(struct canon *c, const struct ast_value *v)
{
	static const char letters[] = "icxb";

	for (int i = 0; letters[i]; i++)
		if (v->opts & 1 << i)
			byte(c, letters[i]);
}

/* <slashes>: a regex stays between slashes. */
static void put_value(struct canon *c, const struct ast_value *v, bool slashes)
{
	if (!v->delim)
		put(c, v->text);
	else if (v->delim == '/' && (slashes || !fits(v->text, delimiter(v))))
		put_delimited(c, v->text, '/');
	else
		put_delimited(c, v->text, delimiter(v));
	put_opts(c, v);
}

static bool name_byte(char b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
	       b == '_' || b == '-' || b == '.';
}

/* A name loses quotes that it does not need, and gets those that it does. */
static void put_name(struct canon *c, const struct ast_value *v)
{
	bool plain = v->text.n > 0 && !v->opts && !keyword_reserved(v->text);

	for (size_t i = 0; i < v->text.n && plain; i++)
		plain = name_byte(v->text.p[i]);
	if (plain)
		put(c, v->text);
	else if (!v->delim && keyword_reserved(v->text))
		put_delimited(c, v->text, '"');
	else
		put_value(c, v, false);
}

/* Words that belong together with what follows them, in arguments and in lines of tests: how many
 * of those. */
static unsigned follows(const struct ast_value *v)
{
	static const char *const words[] = {
		"as",   "backend", "bind", "body", "dst",    "file",       "frontend",
		"host", "len",     "meth", "path", "prefix", "query",      "scheme",
		"src",  "status",  "type", "uri",  "users",  "noresponse",
	};

	if (!v || v->delim)
		return 0;
	if (str_eq(v->text, S("header")) || str_eq(v->text, S("response")))
		return 2;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_eq(v->text, str_from(words[i])))
			return 1;
	return 0;
}

static void put_values(struct canon *c, const struct ast_value *v, bool slashes)
{
	for (; v; v = v->next) {
		put_value(c, v, slashes);
		if (v->next)
			gap(c, CANON_BREAK, v->next->at);
	}
}

/* The same for words of which some belong together. */
static void put_words(struct canon *c, const struct ast_value *v)
{
	for (unsigned n = 0; v; v = v->next) {
		put_value(c, v, false);
		n = n ? n - 1 : follows(v);
		if (v->next)
			gap(c, n ? ' ' : CANON_BREAK, v->next->at);
	}
}

static void put_test(struct canon *c, const struct ast_test *t)
{
	static const char *const from[] = { "", "file ", "set " };

	put(c, t->subject->text);
	if (!t->op.n)
		return;
	byte(c, ' ');
	put(c, t->op);
	byte(c, ' ');
	put(c, str_from(from[t->from]));
	put_values(c, t->values, true);
}

static void put_expr(struct canon *c, const struct ast_expr *e);

static void put_group(struct canon *c, const struct ast_expr *e)
{
	byte(c, '(');
	put_expr(c, e);
	byte(c, ')');
}

static bool is_list(const struct ast_expr *e)
{
	return e->kind == EXPR_AND || e->kind == EXPR_OR;
}

/* What may stand beside its siblings in <parent> without brackets of its own. */
static void put_kid(struct canon *c, const struct ast_expr *e, enum expr_kind parent)
{
	if (is_list(e) && !(parent == EXPR_OR && e->kind == EXPR_AND))
		put_group(c, e);
	else
		put_expr(c, e);
}

static void put_expr(struct canon *c, const struct ast_expr *e)
{
	switch (e->kind) {
	case EXPR_AND:
	case EXPR_OR:
		for (const struct ast_expr *k = e->kids; k; k = k->next) {
			put_kid(c, k, e->kind);
			if (k->next && e->kind == EXPR_OR)
				byte(c, ',');
			if (k->next)
				gap(c, CANON_BREAK, k->next->at);
		}
		break;
	case EXPR_NOT:
		byte(c, '!');
		put_kid(c, e->kids, EXPR_NOT);
		break;
	case EXPR_TEST:
		byte(c, '(');
		put_test(c, e->test);
		byte(c, ')');
		break;
	case EXPR_NAME:
		put(c, e->name);
		break;
	}
}

static void put_cond(struct canon *c, const struct ast_expr *e, bool unless)
{
	if (!e)
		return;
	gap(c, CANON_CLAUSE, e->at);
	put(c, unless ? S("unless ") : S("on "));
	put_expr(c, e);
}

/* Arguments that are names: of headers, sections, captures, variables, checkpoints. */
static bool is_name(const struct ast_action *a, unsigned n)
{
	static const struct {
		const char *word;
		unsigned arg;
	} names[] = {
		{ "add", 0 },      { "rem", 0 },     { "rep", 0 },    { "set", 0 },
		{ "switch", 0 },   { "setbe", 0 },   { "setvar", 0 }, { "pass", 0 },
		{ "uriremap", 1 }, { "capture", 2 }, { "count", 0 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].arg == n && str_eq(a->word, str_from(names[i].word)))
			return true;
	return false;
}

/* Words that mean something else without quotes where "set" and "add" have a name. */
static bool has_meaning(struct str s)
{
	static const char *const words[] = { "host", "path",   "query", "uri",
					     "meth", "status", "line" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_ieq(s, str_from(words[i])))
			return true;
	return false;
}

/* Which argument of <a> is a REGEX; -1: none. */
static int regex_of(const struct ast_action *a)
{
	if (str_eq(a->word, S("rep")))
		return 1;
	if (str_eq(a->word, S("delete")) || str_eq(a->word, S("rewrite")) ||
	    str_eq(a->word, S("reqline")) || str_eq(a->word, S("stsline")))
		return 0;
	return -1;
}

/* <slashed>: the argument before stands between slashes, so that this one must be delimited when
 * it begins with one. */
static void put_arg(struct canon *c, const struct ast_action *a, const struct ast_arg *g, int n,
		    bool slashed)
{
	const struct ast_value *v = g->value;

	if (!v)
		put(c, g->subject->text);
	else if (is_name(a, (unsigned)n) && !(v->delim && has_meaning(v->text)))
		put_name(c, v);
	else if (!v->delim && slashed && str_starts(v->text, S("/")))
		put_delimited(c, v->text, fits(v->text, '"') ? '"' : '\'');
	else
		put_value(c, v, n == regex_of(a));
}

static void put_action(struct canon *c, const struct ast_action *a)
{
	bool slashed = false, map = str_eq(a->word, S("switch"));
	unsigned together = 0;
	int n = 0;

	put(c, a->word);
	for (const struct ast_arg *g = a->args; g; g = g->next, n++) {
		if (n && map)
			byte(c, ':');
		else
			gap(c, n && !together ? CANON_BREAK : ' ', g->at);
		put_arg(c, a, g, n, slashed);
		together = together ? together - 1 : n || !is_name(a, 0) ? follows(g->value) : 0;
		slashed = n == regex_of(a) && g->value && g->value->delim == '/';
	}
}

static void put_rule(struct canon *c, const struct ast_rule *r)
{
	static const char *const dirs[RULE_DIRS] = {
		[DIR_CONN_IN] = "conn in ", [DIR_SESS_IN] = "sess in ", [DIR_REQ_IN] = "req in ",
		[DIR_REQ_OUT] = "req out ", [DIR_RSP_IN] = "rsp in ",   [DIR_RSP_OUT] = "rsp out ",
	};

	c->last = r->at;
	put(c, str_from(dirs[r->dir]));
	for (const struct ast_action *a = r->actions; a; a = a->next) {
		put_action(c, a);
		if (a->next) {
			put(c, S(" ;"));
			gap(c, CANON_CLAUSE, a->next->at);
		}
	}
	if (r->test) {
		gap(c, CANON_CLAUSE, r->test->at);
		put(c, r->test_not ? S("not ") : S(""));
		put_test(c, r->test);
	}
	put_cond(c, r->cond, r->unless);
}

static void put_acl(struct canon *c, const struct ast_acl *a)
{
	c->last = a->at;
	put(c, S("acl "));
	put(c, a->name);
	byte(c, CANON_COLUMN);
	if (a->test) {
		put_test(c, a->test);
	} else if (a->expr) {
		put(c, S("on "));
		put_expr(c, a->expr);
	}
}

static void put_param(struct canon *c, const struct ast_param *p)
{
	put(c, S("param "));
	put(c, p->name);
	if (!p->def)
		return;
	byte(c, CANON_COLUMN);
	put(c, S("default "));
	put_value(c, p->def, false);
}

static void put_assert(struct canon *c, const struct ast_assert *s)
{
	put(c, s->always ? S("assert always ") : S("assert never "));
	put_action(c, s->action);
	put_cond(c, s->cond, s->unless);
}

static void put_option(struct canon *c, const struct ast_option *o)
{
	c->last = o->at;
	put(c, keyword_option_name(o->id));
	if (o->values)
		gap(c, ' ', o->values->at);
	put_values(c, o->values, false);
}

/* Keys of a map and their values stand in columns. */
static void put_line(struct canon *c, const struct ast_line *l, enum section_kind section)
{
	const struct ast_value *v = l->values;
	bool entry = section == SEC_MAP && v && !v->delim && v->next && !v->next->next;

	if (entry && !str_eq(v->text, S("file"))) {
		put_value(c, v, false);
		byte(c, CANON_COLUMN);
		v = v->next;
	}
	c->last = l->at;
	if (section == SEC_TEST)
		put_words(c, v);
	else
		put_values(c, v, false);
}

struct str canon_stmt(struct arena *a, const struct ast_stmt *s, enum section_kind section)
{
	struct canon c = { .arena = a };

	switch (s->kind) {
	case STMT_RULE:
		put_rule(&c, s->rule);
		break;
	case STMT_ACL:
		put_acl(&c, s->acl);
		break;
	case STMT_PARAM:
		put_param(&c, s->param);
		break;
	case STMT_ASSERT:
		put_assert(&c, s->assertion);
		break;
	case STMT_OPTION:
		put_option(&c, s->option);
		break;
	case STMT_LINE:
		put_line(&c, s->line, section);
		break;
	}
	return textbuf_str(&c.out);
}

struct str canon_words(struct arena *a, const struct token *t, size_t n)
{
	struct canon c = { .arena = a };
	struct build b = { .arena = a };

	for (size_t i = 0; i < n; i++) {
		if (i)
			gap(&c, i == 1 ? ' ' : CANON_BREAK, t[i].at);
		c.last = t[i].at;
		put_value(&c, build_value(&b, &t[i]), false);
	}
	return textbuf_str(&c.out);
}

struct str canon_line(struct arena *a, struct str s)
{
	struct str line = arena_str(a, s);

	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] > 0 && line.p[i] <= CANON_COLUMN)
			((char *)line.p)[i] = ' ';
	return line;
}
