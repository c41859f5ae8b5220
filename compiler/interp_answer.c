/* SPDX-License-Identifier: Apache-2.0 */
/* Answers made by rules or for errors. */
#include "interp_machine.h"

struct str answer_reason(int64_t status)
{
	static const struct {
		int64_t status;
		const char *text;
	} reasons[] = {
#define STATUS(code, phrase) { code, phrase },
#include "../grammar/status.def"
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return str_from(reasons[i].text);
	return str_of("", 0);
}

/* "Error pages: the backend's once chosen, else the frontend's, else built in." */
static const struct p_errorpage *error_page(const struct machine *m, uint16_t status)
{
	const struct p_section *from[2] = { m->out->backend, m->out->entry };

	for (int k = 0; k < 2; k++)
		for (uint32_t i = 0; from[k] && i < from[k]->nerrors; i++)
			if (from[k]->errors[i].status == status)
				return &from[k]->errors[i];
	return NULL;
}

/* A made answer takes the place of whatever there was; the first verdict of a run is the run's. */
enum flow answer_make(struct machine *m, enum verdict verdict, int64_t status)
{
	const struct p_errorpage *page = NULL;

	*m->answer = (struct interp_answer) { .present = verdict != VERDICT_DROP,
					      .made = true,
					      .status = (uint16_t)status };
	m->out->verdict = verdict;
	m->out->decided = m->now ? m->now->rule : NULL;
	if (verdict == VERDICT_DENY || verdict == VERDICT_TARPIT || verdict == VERDICT_AUTH ||
	    verdict == VERDICT_ERROR)
		page = error_page(m, m->answer->status);
	if (page && page->url.n) {
		m->answer->status = 302;
		fields_add(m->a, &m->answer->headers, S("Location"), page->url);
	} else if (page) {
		m->answer->file = page->file;
	}
	m->answer->reason = answer_reason(m->answer->status);
	if (verdict == VERDICT_DROP)
		effect(m, "closes without an answer");
	else if (verdict != VERDICT_ERROR)
		effect(m, "answers %u", m->answer->status);
	return FINAL;
}

enum flow answer_error(struct machine *m, int64_t status, struct str why)
{
	m->out->why = why;
	effect(m, "error %u: %.*s", (unsigned)status, STR_ARG(why));
	return answer_make(m, VERDICT_ERROR, status);
}

/* redir TARGET | scheme S | prefix P; drop-query and append-slash act on the path that is added
 * or given */
enum flow answer_redirect(struct machine *m, const struct p_action *a)
{
	const struct interp_message *q = m->responding ? &m->req_left : &m->req;
	struct str to = text_value(m, a->text), path, query = { 0 };

	if (a->redir == REDIR_TARGET) {
		query = to;
		path = str_cut(&query, '?');
	} else {
		path = q->path.p ? q->path : S("/");
		query = q->query;
	}
	if (a->append_slash && !str_ends(path, S("/")))
		path = joined(m, path, S("/"), str_of("", 0));
	if (query.p && !a->drop_query)
		path = joined(m, path, S("?"), query);
	if (a->redir == REDIR_PREFIX) {
		while (to.n && to.p[to.n - 1] == '/')
			to.n--;
		path = joined(m, to, path, str_of("", 0));
	} else if (a->redir == REDIR_SCHEME) {
		path = joined(m, joined(m, to, S("://"), q->host), path, str_of("", 0));
	}
	if (path.n == 0)
		return answer_error(m, 500, S("a redirect without a target"));
	answer_make(m, VERDICT_REDIR, a->status ? a->status : 302);
	fields_add(m->a, &m->answer->headers, S("Location"), path);
	effect(m, "Location: %.*s", STR_ARG(path));
	return FINAL;
}

enum flow answer_respond(struct machine *m, const struct p_action *a)
{
	struct fields f = { 0 };
	struct str page = a->page == PAGE_STATS ? S("text/html; charset=utf-8")
						: S("text/plain; version=0.0.4; charset=utf-8");
	struct str body = a->text ? text_value(m, a->text) : str_of("", 0);

	if (a->page) {
		fields_add(m->a, &f, S("Content-Type"), page);
		fields_add(m->a, &f, S("Cache-Control"), S("no-store"));
		fields_add(m->a, &f, S("X-Content-Type-Options"), S("nosniff"));
	}
	if (a->type.n)
		fields_add(m->a, &f, S("Content-Type"), a->type);
	for (uint32_t i = 0; i < a->nheaders; i++)
		fields_add(m->a, &f, a->headers[i].name, text_value(m, a->headers[i].value));
	answer_make(m, VERDICT_RESPOND, a->status ? a->status : 200);
	m->answer->headers = f;
	m->answer->body = body;
	m->answer->file = a->file;
	return FINAL;
}

/* The users file is not read: credentials of the right kind count as valid. */
enum flow answer_auth(struct machine *m, const struct p_action *a)
{
	if (str_istarts(header_first(&m->req.headers, S("authorization")), S("basic "))) {
		effect(m, "has credentials (their validity is not checked here)");
		return GO_ON;
	}
	answer_make(m, VERDICT_AUTH, 401);
	if (m->answer->status == 401) /* no redirect of an error page */
		fields_add(m->a, &m->answer->headers, S("WWW-Authenticate"),
			   arena_printf(m->a, "Basic realm=\"%.*s\"", STR_ARG(a->name)));
	return FINAL;
}
