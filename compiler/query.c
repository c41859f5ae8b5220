/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include <stdio.h>

#include "expect.h"
#include "explain.h"
#include "parse.h"
#include "show.h"
#include "symbol.h"

#define QUERY_MAX 65536 /* bytes */

/* ---- reading ---- */

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
		if (text.n && read_cond(q, site, text, &ignored))
			q->nhints++;
	}
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
	q->has_cond = q->cond.n > 0;
	if (q->has_cond && !read_cond(q, site, q->cond, why))
		return false;
	add_hints(q, site);
	return true;
}

/* ---- asking ---- */

struct hit {
	struct query_end end;
	struct str lines[24], curl;
	uint32_t nlines;
	const struct outcome *outcome;
	const struct request_spec *request;
};

struct looking {
	struct asking *q;
	const struct program *p;
	const struct query_report *r;
	const struct p_section *section;
	const struct p_rule *rule, *matched;
	bool answers_change; /* rules on answers make others */
	struct vec hits; /* struct hit */
};

static bool is_verdict(const struct expectation *e, enum action_id *id)
{
	static const struct {
		const char *word;
		enum action_id id;
	} words[] = { { "deny", ACT_DENY },     { "drop", ACT_DROP },       { "redir", ACT_REDIR },
		      { "tarpit", ACT_TARPIT }, { "respond", ACT_RESPOND }, { "auth", ACT_AUTH } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(e->word, str_from(words[i].word))) {
			*id = words[i].id;
			return true;
		}
	return false;
}

static int64_t status_of(const struct p_action *a)
{
	return a->status              ? a->status
	       : a->id == ACT_DENY    ? 403
	       : a->id == ACT_REDIR   ? 302
	       : a->id == ACT_RESPOND ? 200
	       : a->id == ACT_AUTH    ? 401
				      : 500;
}

static bool status_fits(const struct query_end *e, struct str text)
{
	uint64_t n = 0;

	return !e->answer || (e->answer->id != ACT_DROP && str_u64(text, 599, &n) &&
			      (int64_t)n == status_of(e->answer));
}

static bool fits(void *arg, const struct query_end *e)
{
	const struct looking *l = arg;
	bool may = l->answers_change && (!e->answer || e->answer->id != ACT_DROP);
	enum action_id id;

	if (l->q->allow && !e->backend)
		return false;
	if (l->rule && e->rule != l->rule && !(may && l->rule->dir >= DIR_RSP_IN))
		return false;
	for (uint32_t i = 0; i < l->q->expect.n; i++) {
		const struct expectation *x = &l->q->expect.at[i];

		if (str_eq(x->word, S("backend")) &&
		    (!e->backend || !str_eq(e->backend->name, x->value)))
			return false;
		if (may)
			continue;
		if (str_eq(x->word, S("status")) && !status_fits(e, x->value))
			return false;
		if (is_verdict(x, &id) && (!e->answer || e->answer->id != id ||
					   (x->has_value && !status_fits(e, x->value))))
			return false;
	}
	return true;
}

static bool entered(const struct looking *l, const struct outcome *o)
{
	if (o->entry == l->section || (o->forwarded && o->backend == l->section))
		return true;
	for (uint32_t i = 0; i < o->nrules; i++)
		if (o->rules[i].section == l->section)
			return true;
	return l->section->chains[DIR_REQ_IN].n == 0 && l->section->kind == SEC_REQRULES;
}

static bool matched(const struct outcome *o, const struct p_rule *rule)
{
	for (uint32_t i = 0; i < o->nrules; i++)
		if (o->rules[i].rule == rule && o->rules[i].matched)
			return true;
	return false;
}

static bool has_all(const struct looking *l, const struct outcome *o)
{
	bool ok = (!l->q->allow || o->forwarded) && (!l->rule || o->decided == l->rule) &&
		  (!l->section || entered(l, o)) && (!l->matched || matched(o, l->matched));

	for (uint32_t i = 0; i < l->q->expect.n && ok; i++)
		expect_look(l->q->a, l->p, o, &l->q->expect.at[i], &ok);
	return ok;
}

/* The server's answer as the terms want it. False: they say nothing of it. */
static bool wanted_answer(const struct looking *l, struct request_spec *r)
{
	bool any = false;

	for (uint32_t i = 0; i < l->q->expect.n; i++) {
		const struct expectation *e = &l->q->expect.at[i];
		bool location = str_eq(e->word, S("location"));
		uint64_t n;

		if (str_eq(e->word, S("status")) && str_u64(e->value, 599, &n) && n >= 200)
			r->status = (uint16_t)n;
		else if (location || str_eq(e->word, S("response")))
			fields_add(l->q->a, &r->response, location ? S("Location") : e->name,
				   e->value);
		else
			continue;
		any = true;
	}
	if (any && !r->status)
		r->status = 200;
	r->answered |= any;
	return any;
}

static bool meets(void *arg, struct witness *w)
{
	struct looking *l = arg;
	struct interp_state full = w->state;

	full.brief = l->section == NULL;
	if (l->section)
		w->outcome = interp_run(l->q->a, l->p, &w->request, &full);
	if (has_all(l, w->outcome))
		return true;
	if (!w->outcome->forwarded || !wanted_answer(l, &w->request))
		return false;
	w->outcome = interp_run(l->q->a, l->p, &w->request, &full);
	return has_all(l, w->outcome);
}

static bool found(void *arg, const struct query_end *e, const struct witness *w)
{
	struct looking *l = arg;
	struct hit *h = ARENA_NEW(l->q->a, struct hit);
	struct request_spec *r = ARENA_NEW(l->q->a, struct request_spec);

	*r = w->request;
	*h = (struct hit) { .end = *e, .outcome = w->outcome, .request = r };
	h->nlines = witness_lines(l->q->a, w, h->lines, 24);
	h->curl = witness_curl(l->q->a, w, S("http://127.0.0.1:8080"));
	vec_push(l->q->a, &l->hits, h);
	return !l->r->all;
}

/* ---- telling ---- */

static void put_outcome(FILE *out, const struct looking *l, const struct hit *h)
{
	const struct outcome *o = h->outcome;

	if (o->forwarded)
		fprintf(out, "backend %.*s", STR_ARG(o->backend->name));
	else
		fputs(verdict_names[o->verdict], out);
	if (o->answer.present && !(o->forwarded && o->answer.status == 200))
		fprintf(out, " %u", o->answer.status);
	if (o->decided) {
		fputs(" by ", out);
		show_place(out, l->p, o->decided->place);
		fputs("  ", out);
		show_rule(out, o->decided);
	} else {
		fputs(o->forwarded ? " by default" : "", out);
	}
}

static void tell_text(const struct looking *l, enum answer answer, uint32_t open)
{
	FILE *out = l->r->out;

	for (size_t i = 0; i < l->hits.n; i++) {
		const struct hit *h = l->hits.p[i];

		put_outcome(out, l, h);
		fputs("\n", out);
		for (uint32_t k = 0; k < h->nlines; k++)
			fprintf(out, "    %.*s\n", STR_ARG(h->lines[k]));
		if (h->request->answered) {
			fprintf(out, "    the server answers %u\n", h->request->status);
			for (uint32_t k = 0; k < h->request->response.n; k++)
				fprintf(out, "    with %.*s: %.*s\n",
					STR_ARG(h->request->response.at[k].name),
					STR_ARG(h->request->response.at[k].value));
		}
		fprintf(out, "    %.*s\n", STR_ARG(h->curl));
	}
	if (answer == ANSWER_NO)
		fputs("no request does this (proved)\n", out);
	else if (answer == ANSWER_LIMIT)
		fputs("not decided: no request was found, and no proof that there is none\n", out);
	else if (l->r->all && !open)
		fprintf(out, "%zu way%s to it, no others (proved)\n", l->hits.n,
			l->hits.n == 1 ? "" : "s");
	else if (l->r->all)
		fprintf(out, "%zu way%s to it; %u not decided\n", l->hits.n,
			l->hits.n == 1 ? "" : "s", open);
}

static void json_hit(const struct looking *l, const struct hit *h)
{
	FILE *out = l->r->out;

	fputs("{\"rule\":", out);
	if (h->outcome->decided) {
		struct show_buffer b;

		show_open(&b);
		show_rule(b.out, h->outcome->decided);
		putc('{', out);
		explain_json_place(out, l->p, h->outcome->decided->place);
		putc(',', out);
		explain_json_str(out, "text", show_close(&b, l->q->a));
		putc('}', out);
	} else {
		fputs("null", out);
	}
	fprintf(out, ",\"verdict\":\"%s\",", verdict_names[h->outcome->verdict]);
	explain_json_str(out, "backend",
			 h->outcome->forwarded ? h->outcome->backend->name : (struct str) { 0 });
	fprintf(out, ",\"status\":%u,\"server_status\":%u,\"request\":[",
		h->outcome->answer.present ? h->outcome->answer.status : 0,
		h->request->answered ? h->request->status : 0);
	for (uint32_t k = 0; k < h->nlines; k++) {
		fputs(k ? "," : "", out);
		show_json(out, h->lines[k]);
	}
	fputs("],", out);
	explain_json_str(out, "curl", h->curl);
	putc('}', out);
}

static void tell_json(const struct looking *l, enum answer answer, uint32_t open)
{
	FILE *out = l->r->out;

	fputs("{\"version\":1,", out);
	explain_json_str(out, "query", l->q->text);
	fprintf(out, ",\"answer\":\"%s\",\"found\":[",
		answer == ANSWER_YES  ? "yes"
		: answer == ANSWER_NO ? "no"
				      : "undecided");
	for (size_t i = 0; i < l->hits.n; i++) {
		fputs(i ? "," : "", out);
		json_hit(l, l->hits.p[i]);
	}
	fprintf(out, "],\"open\":%u}\n", l->r->all || answer != ANSWER_YES ? open : 0);
}

/* ---- names ---- */

/* The rule at FILE:LINE; LINE alone is of the site file. */
static const struct p_rule *rule_at(const struct program *p, struct str at)
{
	struct str file = { 0 };
	ptrdiff_t colon = -1;
	uint64_t line;

	for (size_t i = 0; i < at.n; i++)
		colon = at.p[i] == ':' ? (ptrdiff_t)i : colon;
	if (colon >= 0)
		file = str_first(at, (size_t)colon);
	if (!str_u64(str_skip(at, (size_t)(colon + 1)), UINT32_MAX, &line))
		return NULL;
	for (uint32_t i = 0; i < p->nrules; i++) {
		const struct p_place *x = &p->rules[i]->place;

		if (x->line == line && (file.n ? str_eq(p->files[x->file], file) : x->file == 0))
			return p->rules[i];
	}
	return NULL;
}

static const char *find_names(struct looking *l)
{
	struct asking *q = l->q;

	for (uint32_t i = 0; i < l->p->nsections; i++)
		if (q->section.n && str_eq(l->p->sections[i]->name, q->section))
			l->section = l->p->sections[i];
	if (q->section.n && !l->section)
		return "the site has no section of that name";
	l->rule = q->rule.n ? rule_at(l->p, q->rule) : NULL;
	l->matched = q->matched.n ? rule_at(l->p, q->matched) : NULL;
	if ((q->rule.n && !l->rule) || (q->matched.n && !l->matched))
		return "no rule stands at that place (FILE:LINE, or LINE of the site file)";
	for (uint32_t i = 0; i < q->expect.n; i++) {
		bool known = !str_eq(q->expect.at[i].word, S("backend"));

		for (uint32_t k = 0; k < l->p->nsections && !known; k++)
			known = str_eq(l->p->sections[k]->name, q->expect.at[i].value);
		if (!known)
			return "the site has no backend of that name";
	}
	return NULL;
}

static bool changes_answers(const struct program *p)
{
	for (uint32_t i = 0; i < p->nrules; i++)
		for (uint32_t k = 0; k < p->rules[i]->nactions; k++) {
			const struct p_action *a = &p->rules[i]->actions[k];

			if (p->rules[i]->dir >= DIR_RSP_IN &&
			    (a->id == ACT_DENY || a->id == ACT_REDIR || a->id == ACT_RESPOND ||
			     a->id == ACT_STSLINE || a->id == ACT_DROP ||
			     (a->id == ACT_SET && a->part == PART_STATUS)))
				return true;
		}
	return false;
}

const char *query_ask(struct asking *q, const struct program *p, const struct query_report *r,
		      enum answer *answer)
{
	struct looking l = { .q = q, .p = p, .r = r, .answers_change = changes_answers(p) };
	const struct p_expr **hints = ARENA_ARRAY(q->a, const struct p_expr *, q->nhints + 1);
	uint32_t first = p->nasserts - q->nhints, open;
	const char *why = find_names(&l);
	struct proof *g;
	struct query ask = { .cond = q->has_cond ? p->asserts[first - 1].cond : NULL,
			     .hints = hints,
			     .nhints = q->nhints,
			     .through = l.section,
			     .matched = &l.matched,
			     .nmatched = l.matched != NULL,
			     .arg = &l,
			     .fits = fits,
			     .meets = meets,
			     .found = found };

	if (why)
		return why;
	for (uint32_t i = 0; i < q->nhints; i++)
		hints[i] = p->asserts[first + i].cond;
	for (uint32_t i = 0; i < q->expect.n; i++)
		if (str_eq(q->expect.at[i].word, S("header")) ||
		    str_eq(q->expect.at[i].word, S("noheader")))
			ask.writes = q->expect.at[i].name.n ? q->expect.at[i].name
							    : q->expect.at[i].value;
	g = proof_new(q->a, p);
	*answer = proof_query(g, &ask, &open);
	proof_free(&g);
	(r->json ? tell_json : tell_text)(&l, *answer, open);
	return NULL;
}
