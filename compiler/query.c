/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include <stdio.h>

#include "expect.h"
#include "explain.h"
#include "show.h"
#include "symbol.h"

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

/* Behind credentials another action of the rule may answer. */
static bool answers_twice(const struct query_end *e)
{
	uint32_t n = 0;

	if (!e->answer || e->answer->id != ACT_AUTH)
		return false;
	for (uint32_t i = 0; i < e->rule->nactions; i++) {
		enum action_id id = e->rule->actions[i].id;

		n += id == ACT_DENY || id == ACT_DROP || id == ACT_TARPIT || id == ACT_REDIR ||
		     id == ACT_RESPOND || id == ACT_AUTH;
	}
	return n > 1;
}

static bool fits(void *arg, const struct query_end *e)
{
	const struct looking *l = arg;
	bool may = (l->answers_change && (!e->answer || e->answer->id != ACT_DROP)) ||
		   answers_twice(e);
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
			     .writes = q->writes,
			     .write_hint = q->write_hint,
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
		ask.targets |= str_eq(q->expect.at[i].word, S("host")) ||
			       str_eq(q->expect.at[i].word, S("meth")) ||
			       str_eq(q->expect.at[i].word, S("uri"));
	g = proof_new(q->a, p);
	*answer = proof_query(g, &ask, &open);
	proof_free(&g);
	(r->json ? tell_json : tell_text)(&l, *answer, open);
	return NULL;
}
