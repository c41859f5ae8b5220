/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a query: its condition is parsed as that of a rule, its terms as those of a test. */
#include "query.h"

#include "parse.h"

#define QUERY_MAX 65536 /* bytes */

/* The last "& outcome" parts the text; the word alone may begin it. */
static void split(struct asking *q, struct str text)
{
	struct str word = S("outcome");

	q->cond = text;
	for (size_t i = text.n; i-- > 0;) {
		struct str rest = str_trim(str_skip(text, i + (text.p[i] == '&')));

		if ((text.p[i] != '&' && i > 0) || !str_starts(rest, word) ||
		    (rest.n > word.n && rest.p[word.n] != ' '))
			continue;
		q->cond = str_trim(str_first(text, i));
		q->outcome = str_trim(str_skip(rest, word.n));
		return;
	}
}

static struct ast_expr *node(struct arena *a, enum expr_kind kind, struct ast_expr *kids)
{
	struct ast_expr *e = ARENA_NEW(a, struct ast_expr);

	*e = (struct ast_expr) { .kind = kind, .kids = kids };
	return e;
}

/* "TEST on A", "TEST unless A" as one condition. */
static struct ast_expr *whole_condition(struct arena *a, const struct ast_rule *r)
{
	struct ast_expr *test = NULL, *cond = r->cond;

	if (r->test) {
		test = node(a, EXPR_TEST, NULL);
		test->test = r->test;
		test->at = r->test->at;
		test = r->test_not ? node(a, EXPR_NOT, test) : test;
	}
	if (cond && r->unless)
		cond = node(a, EXPR_NOT, cond);
	if (!test || !cond)
		return test ? test : cond;
	test->next = cond;
	return node(a, EXPR_AND, test);
}

/* The statement that carries a condition through the passes: an assert that nobody asks for. */
static void carry(struct arena *a, struct ast *site, struct ast_expr *cond)
{
	struct ast_stmt *s = ARENA_NEW(a, struct ast_stmt), **end = &site->sections->stmts;
	struct ast_action *allow = ARENA_NEW(a, struct ast_action);

	allow->word = S("allow");
	*s = (struct ast_stmt) { .kind = STMT_ASSERT };
	s->assertion = ARENA_NEW(a, struct ast_assert);
	*s->assertion = (struct ast_assert) { .action = allow, .cond = cond };
	while (*end)
		end = &(*end)->next;
	*end = s;
}

/* False after a report, or when the text is none: then <why>. */
static bool read_cond(struct asking *q, struct ast *site, struct str text, const char **why)
{
	bool bare = text.p[0] == '(' || text.p[0] == '!';
	struct ast_stmt *s = parse_statement(
		q->a, S("query"),
		arena_printf(q->a, "req in allow %s%.*s\n", bare ? "on " : "", STR_ARG(text)),
		SEC_REQRULES);
	struct ast_expr *cond;

	if (!s)
		return false;
	cond = s->kind == STMT_RULE && !s->rule->actions->next ? whole_condition(q->a, s->rule)
							       : NULL;
	if (!cond)
		*why = "the part before & is no condition, such as: meth == POST on admin";
	else
		carry(q->a, site, cond);
	return cond != NULL;
}

static bool take_own(struct asking *q, const struct ast_value **v)
{
	struct str *to = str_eq((*v)->text, S("section"))   ? &q->section
			 : str_eq((*v)->text, S("rule"))    ? &q->rule
			 : str_eq((*v)->text, S("matched")) ? &q->matched
							    : NULL;

	if (str_eq((*v)->text, S("allow"))) {
		q->allow = true;
		*v = (*v)->next;
		return true;
	}
	if (!to || !(*v)->next)
		return false;
	*to = (*v)->next->text;
	*v = (*v)->next->next;
	return true;
}

/* The term at <v>, which takes as many words as expect_words() reads as one. */
static const char *take_expect(struct asking *q, const struct ast_value **v)
{
	const struct expectations before = q->expect;
	const struct ast_value *at = *v;
	struct ast_value words[3];
	const char *why = NULL;

	for (unsigned n = 0; n < 3 && at; n++, at = at->next) {
		struct expectations e = { 0 };
		const char *fault;

		words[n] = *at;
		words[n].next = NULL;
		if (n)
			words[n - 1].next = &words[n];
		fault = expect_words(q->a, &e, words);
		why = n ? why : fault;
		if (fault || e.n != 1)
			continue; /* too few words, or the last one is of the next term */
		q->expect = before;
		expect_words(q->a, &q->expect, words);
		*v = at->next;
	}
	return q->expect.n > before.n ? NULL : why;
}

static const char unknown[] =
	"an outcome is made of: allow, deny, drop, redir, respond, tarpit, auth, status N, backend "
	"NAME, section NAME, rule FILE:LINE, matched FILE:LINE, uri, host, meth, header, noheader, "
	"response, noresponse, location, var, capture";

static const char *read_terms(struct asking *q, struct str text)
{
	struct ast_stmt *s = parse_statement(
		q->a, S("outcome"), arena_printf(q->a, "expect %.*s\n", STR_ARG(text)), SEC_TEST);
	const struct ast_value *v = s && s->kind == STMT_LINE ? s->line->values->next : NULL;

	if (!v)
		return "nothing stands behind the word outcome";
	while (v) {
		const char *why = take_own(q, &v)         ? NULL
				  : expect_knows(v->text) ? take_expect(q, &v)
							  : unknown;

		if (why)
			return why;
	}
	return NULL;
}

static bool plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !memchr("-._/", c, 4))
			return false;
	}
	return s.n > 0;
}

/* Conditions under which an outcome that a rule does not make is likely: tried, never required. */
static void add_hints(struct asking *q, struct ast *site)
{
	const char *ignored = NULL;

	for (uint32_t i = 0; i < q->expect.n; i++) {
		const struct expectation *e = &q->expect.at[i];
		struct str text = { 0 }, w = e->word;

		if (str_eq(w, S("header")) && plain(e->name) && plain(e->value))
			text = arena_printf(q->a, "(h(%.*s) == \"%.*s\")", STR_ARG(e->name),
					    STR_ARG(e->value));
		else if (str_eq(w, S("noheader")) && plain(e->value))
			text = arena_printf(q->a, "!(h(%.*s))", STR_ARG(e->value));
		else if ((str_eq(w, S("host")) || str_eq(w, S("meth")) || str_eq(w, S("uri"))) &&
			 plain(e->value))
			text = arena_printf(q->a, "(%.*s == \"%.*s\")", STR_ARG(w),
					    STR_ARG(e->value));
		if (str_eq(w, S("header")) || str_eq(w, S("noheader"))) {
			q->writes = e->name.n ? e->name : e->value;
			q->write_hint = text.n ? q->nhints : UINT32_MAX;
		}
		if (text.n && read_cond(q, site, text, &ignored))
			q->nhints++;
	}
}

static const char *bad_status(const struct asking *q)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < q->expect.n; i++)
		if (str_eq(q->expect.at[i].word, S("status")) &&
		    (!str_u64(q->expect.at[i].value, 599, &n) || n < 200))
			return "status takes a number from 200 to 599";
	return NULL;
}

bool query_read(struct asking *q, struct arena *a, struct ast *site, struct str text,
		const char **why)
{
	*q = (struct asking) { .a = a, .text = str_trim(text) };
	*why = NULL;
	for (size_t i = 0; i < text.n && !*why; i++)
		if ((unsigned char)text.p[i] < ' ')
			*why = "a query is one line";
	if (!q->text.n)
		*why = "the query is empty";
	if (text.n > QUERY_MAX)
		*why = "the query is too long";
	if (*why)
		return false;
	split(q, q->text);
	if (q->outcome.n || !q->cond.n)
		*why = read_terms(q, q->outcome);
	if (*why)
		return false;
	*why = bad_status(q);
	if (*why)
		return false;
	q->has_cond = q->cond.n > 0;
	if (q->has_cond && !read_cond(q, site, q->cond, why))
		return false;
	add_hints(q, site);
	return true;
}
