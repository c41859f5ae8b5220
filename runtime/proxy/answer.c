/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "count.h"

/* 1xx, 204 and 304 have no body (RFC 9110 6.4.1). */
static bool bodiless(unsigned status)
{
	return status < 200 || status == 204 || status == 304;
}

static void set_body(struct exchange *x, struct str body)
{
	if (bodiless(x->rsp.status)) {
		x->rsp.body = BODY_NONE;
		x->made = (struct str) { 0 };
		return;
	}
	x->rsp.body = BODY_LENGTH;
	x->rsp.length = body.n;
	x->made = body;
}

static bool begin(struct exchange *x, unsigned status)
{
	msg_free(&x->rsp);
	answer_release(x);
	return msg_answer(&x->rsp, status);
}

/* A body that lies in the scratch is kept in a buffer until it is sent. */
static bool own_body(struct exchange *x, struct str *body)
{
	const char *scratch = pt()->scratch;

	if (body->p < scratch || body->p >= scratch + SCRATCH_SIZE)
		return true;
	if (body->n > BUF_ROOM)
		return false;
	x->made_buf = buf_get_reserved();
	if (!x->made_buf)
		return false;
	memcpy(x->made_buf->data, body->p, body->n);
	body->p = x->made_buf->data;
	return true;
}

static const struct ws_error *find_page(const struct ws_section *s, unsigned status)
{
	for (uint32_t i = 0; i < s->errors.n; i++) {
		const struct ws_error *e = &site.ws->errors[s->errors.first + i];

		if (e->status == status)
			return e;
	}
	return NULL;
}

static const struct ws_error *error_page(struct exchange *x, unsigned status)
{
	const struct ws_error *e = NULL;

	if (x->be)
		e = find_page(x->be->ws, status);
	return e ? e : find_page(x->fe->ws, status);
}

/* Statuses that the runtime itself makes have their text in constant memory. */
static struct str builtin_page(unsigned status)
{
	static const struct {
		unsigned status;
		struct str text;
	} pages[] = {
#define PAGE(code, phrase)                                                                         \
	{                                                                                          \
		code,                                                                              \
		{                                                                                  \
			"<!doctype html>\n<title>" #code " " phrase "</title>\n<h1>" phrase        \
			"</h1>\n",                                                                 \
				sizeof("<!doctype html>\n<title>" #code " " phrase                 \
				       "</title>\n<h1>" phrase "</h1>\n") -                        \
					1                                                          \
		}                                                                                  \
	}
		PAGE(400, "Bad Request"),
		PAGE(401, "Unauthorized"),
		PAGE(403, "Forbidden"),
		PAGE(404, "Not Found"),
		PAGE(405, "Method Not Allowed"),
		PAGE(408, "Request Timeout"),
		PAGE(410, "Gone"),
		PAGE(413, "Content Too Large"),
		PAGE(414, "URI Too Long"),
		PAGE(421, "Misdirected Request"),
		PAGE(425, "Too Early"),
		PAGE(429, "Too Many Requests"),
		PAGE(431, "Request Header Fields Too Large"),
		PAGE(500, "Internal Server Error"),
		PAGE(501, "Not Implemented"),
		PAGE(502, "Bad Gateway"),
		PAGE(503, "Service Unavailable"),
		PAGE(504, "Gateway Timeout"),
		PAGE(505, "HTTP Version Not Supported"),
#undef PAGE
	};

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (pages[i].status == status)
			return pages[i].text;
	return (struct str) { "", 0 };
}

void answer_status(struct exchange *x, unsigned status)
{
	const struct ws_error *page = error_page(x, status);
	struct str body = builtin_page(status);
	struct str type = S("text/html");

	if (page && page->url.len) {
		begin(x, 302);
		msg_add(&x->rsp, S("Location"), ws_str(page->url));
		set_body(x, S(""));
		return;
	}
	if (page) {
		body = ws_str(page->file_body);
		type = page->type.len ? ws_str(page->type) : type;
	}
	begin(x, status);
	if (body.n)
		msg_add(&x->rsp, S("Content-Type"), type);
	set_body(x, body);
}

static bool answer_respond(struct exchange *x, struct rule_run *r)
{
	const struct ws_answer *a = r->answer.ws;
	struct str body = r->answer.body;
	struct msg made; /* its texts may still read the message that it replaces */
	bool ok;

	msg_init(&made);
	ok = msg_answer(&made, r->answer.status);
	if (ok && a->type.len)
		ok = msg_add(&made, S("Content-Type"), ws_str(a->type));
	for (uint32_t i = 0; ok && i < a->headers.n; i++) {
		const struct ws_answer_header *h = &site.ws->answer_headers[a->headers.first + i];
		struct str value;

		ok = rule_text(r, h->text, &value) && rule_value_safe(value) &&
		     msg_add(&made, ws_str(h->name), value);
	}
	answer_release(x);
	if (!ok || !own_body(x, &body)) {
		msg_free(&made);
		return false;
	}
	msg_free(&x->rsp);
	msg_move(&x->rsp, &made);
	set_body(x, body);
	return true;
}

static bool answer_redirect(struct exchange *x, struct rule_run *r)
{
	if (!rule_value_safe(r->answer.location) || !begin(x, r->answer.status))
		return false;
	set_body(x, S(""));
	return msg_add(&x->rsp, S("Location"), r->answer.location);
}

/* RFC 7617 2; the realm holds nothing that would have to be escaped. */
static bool challenge(struct exchange *x, struct str realm)
{
	char *at = rule_scratch(realm.n + 16);
	int n;

	if (!at)
		return false;
	n = snprintf(at, realm.n + 16, "Basic realm=\"%.*s\"", STR_ARG(realm));
	return msg_add(&x->rsp, S("WWW-Authenticate"), str_of(at, (size_t)n));
}

static bool answer_page(struct exchange *x, const struct page_part *page)
{
	if (!begin(x, 200))
		return false;
	x->page = page;
	x->rsp.body = BODY_CHUNKED;
	return msg_add(&x->rsp, S("Content-Type"), page->type) &&
	       msg_add(&x->rsp, S("Cache-Control"), S("no-store")) &&
	       msg_add(&x->rsp, S("X-Content-Type-Options"), S("nosniff"));
}

bool answer_rule(struct exchange *x, struct rule_run *r)
{
	x->rule_where = r->rule ? r->rule->where : x->rule_where;
	if (r->answer.page)
		return answer_page(x, r->answer.page);
	if (r->answer.ws)
		return answer_respond(x, r);
	if (r->answer.location.n)
		return answer_redirect(x, r);
	answer_status(x, r->answer.status);
	/* An error page may have made it a redirect. */
	return !r->answer.realm.p || x->rsp.status != 401 || challenge(x, r->answer.realm);
}

void answer_release(struct exchange *x)
{
	if (x->made_buf)
		buf_put(&x->made_buf);
	x->made = (struct str) { 0 };
	x->page = NULL;
	x->page_at = (struct page_at) { 0 };
}
