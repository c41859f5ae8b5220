/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects read from the request and the response. */
#include "rule.h"

struct msg *rule_request(struct rule_run *r, bool in_response)
{
	return in_response && r->x->req_left.blk ? &r->x->req_left : &r->x->req;
}

/* The message that subject <s> reads: the request also in response rules when it says so. */
static struct msg *message(struct rule_run *r, const struct ws_subject *s)
{
	bool response = r->dir == WS_RSP_IN || r->dir == WS_RSP_OUT;

	return response && !(s->flags & WS_SUBJ_REQUEST) ? &r->x->rsp : rule_request(r, response);
}

static bool is_response(struct rule_run *r, const struct ws_subject *s)
{
	return message(r, s) == &r->x->rsp;
}

/* Gives <text> once. */
static bool once(struct fetch *f, struct val *v, struct str text)
{
	if (f->begun)
		return false;
	f->begun = true;
	v->s = text;
	return true;
}

static const char *version_text(uint8_t version)
{
	return version == 10 ? "1.0" : version == 20 ? "2.0" : "1.1";
}

/* The start line as it is now: edits included. */
static bool line_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		      struct val *v)
{
	struct str line = f->begun ? (struct str) { 0 } : rule_line(r, message(r, s));

	return line.n && once(f, v, line);
}

static bool meth_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		      struct val *v)
{
	struct msg *m = message(r, s);

	return once(f, v, msg_str(m, m->meth));
}

static bool uri_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f, struct val *v)
{
	struct str target = f->begun ? (struct str) { 0 } : rule_target(message(r, s));

	return target.n && once(f, v, target);
}

static bool path_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		      struct val *v)
{
	struct msg *m = message(r, s);

	return m->has_path && once(f, v, msg_str(m, m->path));
}

static bool query_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		       struct val *v)
{
	struct msg *m = message(r, s);

	return m->has_query && once(f, v, msg_str(m, m->query));
}

/* Values of the query parameter NAME as they stand: name=value joined by &, not decoded. */
static bool q_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f, struct val *v)
{
	struct msg *m = message(r, s);
	struct str name = ws_str(s->name);
	struct str rest;

	if (!m->has_query || (f->begun && f->at == UINT32_MAX))
		return false;
	rest = str_skip(msg_str(m, m->query), f->at);
	f->begun = true;
	while (rest.p) {
		struct str pair = str_cut(&rest, '&');
		struct str key = str_cut(&pair, '=');

		f->at = rest.p ? (uint32_t)(rest.p - msg_str(m, m->query).p) : UINT32_MAX;
		if (str_eq(key, name)) {
			v->s = pair.p ? pair : S("");
			return true;
		}
	}
	return false;
}

static bool version_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
			 struct val *v)
{
	return once(f, v, str_from(version_text(message(r, s)->version)));
}

static bool scheme_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
			struct val *v)
{
	struct msg *m = message(r, s);
	struct str scheme = msg_str(m, m->scheme);

	if (!scheme.n)
		scheme = r->x->front && r->x->front->conn &&
					 (r->x->front->conn->flags & CONN_TRANSPORT)
				 ? S("https")
				 : S("http");
	return once(f, v, scheme);
}

static bool host_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		      struct val *v)
{
	struct str host = msg_host(message(r, s));

	return host.n && once(f, v, host);
}

static bool h_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f, struct val *v)
{
	struct msg *m = message(r, s);

	f->at = msg_find(m, f->begun ? f->at : MSG_END, (enum field_id)s->num, ws_str(s->name));
	f->begun = true;
	if (f->at == MSG_END) {
		f->at = m->nhdr; /* stays at the end */
		return false;
	}
	v->s = msg_value(m, f->at);
	return true;
}

bool rule_cookie_pair(struct str line, uint32_t *pos, struct str *name, struct str *value)
{
	struct str rest = str_skip(line, *pos);
	struct str pair;

	if (*pos > line.n || !rest.n)
		return false;
	pair = str_cut(&rest, ';');
	*pos = rest.p ? (uint32_t)(rest.p - line.p) : (uint32_t)line.n + 1;
	*name = str_trim(str_cut(&pair, '='));
	*value = pair.p ? str_trim(pair) : S("");
	return true;
}

#define COOKIE_POS 0xffffu /* low half: position in the line; high half: header index */

/* Cookie in requests, Set-Cookie (its first pair) in responses. */
static bool c_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f, struct val *v)
{
	struct msg *m = message(r, s);
	bool response = is_response(r, s);
	enum field_id id = response ? FIELD_SET_COOKIE : FIELD_COOKIE;
	uint32_t i, pos = 0;

	if (!f->begun) {
		i = msg_find(m, MSG_END, id, (struct str) { 0 });
	} else {
		i = f->at >> 16;
		pos = f->at & COOKIE_POS;
	}
	f->begun = true;
	while (i < m->nhdr) {
		struct str line = msg_value(m, i), name, value;

		while (pos < COOKIE_POS && rule_cookie_pair(line, &pos, &name, &value)) {
			if (response)
				pos = COOKIE_POS;
			if (str_eq(name, ws_str(s->name))) {
				f->at = i << 16 | (pos < COOKIE_POS ? pos : COOKIE_POS);
				v->s = value;
				return true;
			}
		}
		i = msg_find(m, i, id, (struct str) { 0 });
		pos = 0;
	}
	f->at = MSG_HEADERS_MAX << 16;
	return false;
}

static bool status_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
			struct val *v)
{
	(void)s;
	v->num = r->x->rsp.status;
	return once(f, v, (struct str) { 0 });
}

static bool made_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		      struct val *v)
{
	(void)s;
	v->num = (r->x->flags & X_MADE) != 0;
	return once(f, v, (struct str) { 0 });
}

const struct subject_part subject_LINE = { "line", line_next };
const struct subject_part subject_METH = { "meth", meth_next };
const struct subject_part subject_URI = { "uri", uri_next };
const struct subject_part subject_PATH = { "path", path_next };
const struct subject_part subject_QUERY = { "query", query_next };
const struct subject_part subject_Q = { "q", q_next };
const struct subject_part subject_VERSION = { "version", version_next };
const struct subject_part subject_SCHEME = { "scheme", scheme_next };
const struct subject_part subject_HOST = { "host", host_next };
const struct subject_part subject_H = { "h", h_next };
const struct subject_part subject_C = { "c", c_next };
const struct subject_part subject_STATUS = { "status", status_next };
const struct subject_part subject_MADE = { "made", made_next };
