/* SPDX-License-Identifier: Apache-2.0 */
/* Start line of a message: edits, and its text for rules and logs. */
#include "msg.h"

#include "../base/uri.h"

/* Puts <text> in the place of *<r>; the old text need not fit beside the new one. */
static bool replace(struct msg *m, struct msg_ref *r, struct str text)
{
	const struct msg_ref old = *r;
	struct msg_ref to;

	*r = (struct msg_ref) { 0 };
	if (!msg_text(m, text, &to)) {
		*r = old;
		return false;
	}
	*r = to;
	return true;
}

bool msg_set_method(struct msg *m, struct str meth)
{
	if (!replace(m, &m->meth, meth))
		return false;
	m->line.len = 0;
	return true;
}

bool msg_set_path(struct msg *m, struct str path)
{
	if (!replace(m, &m->path, path))
		return false;
	m->has_path = true;
	m->line.len = 0;
	m->flags |= MSG_PATH_EDITED;
	if (m->flags & MSG_ASTERISK && !str_eq(msg_str(m, m->path), S("*")))
		m->flags &= ~(uint32_t)MSG_ASTERISK;
	return true;
}

bool msg_set_query(struct msg *m, struct str query, bool present)
{
	if (!present)
		m->query = (struct msg_ref) { 0 };
	else if (!replace(m, &m->query, query))
		return false;
	m->has_query = present;
	m->line.len = 0;
	m->flags |= MSG_PATH_EDITED;
	return true;
}

bool msg_set_host(struct msg *m, struct str host)
{
	uint32_t i = msg_find(m, MSG_END, FIELD_HOST, S("")), more;

	if (i == MSG_END ? !msg_add(m, S("Host"), host) : !msg_set_value(m, i, host))
		return false;
	i = msg_find(m, MSG_END, FIELD_HOST, S(""));
	while ((more = msg_find(m, i, FIELD_HOST, S(""))) != MSG_END)
		msg_del(m, more);
	if (m->authority.len) {
		m->authority = (struct msg_ref) { msg_hdr(m, i)->value, msg_hdr(m, i)->value_len };
		m->line.len = 0;
	}
	return true;
}

bool msg_set_status(struct msg *m, unsigned status, struct str reason)
{
	if (!replace(m, &m->reason, reason))
		return false;
	m->status = (uint16_t)status;
	m->line.len = 0;
	return true;
}

bool msg_answer(struct msg *m, unsigned status)
{
	msg_free(m);
	m->flags = MSG_RESPONSE | MSG_KEEP;
	m->status = (uint16_t)status;
	m->version = 11;
	m->body = status_bodiless(status) ? BODY_NONE : BODY_LENGTH;
	return msg_reserve(m, 0, 0);
}

unsigned msg_target(const struct msg *m, struct str parts[4])
{
	unsigned n = 0;

	if (m->flags & MSG_AUTHORITY) {
		parts[n++] = msg_str(m, m->authority);
		return n;
	}
	parts[n++] = m->path.len ? msg_str(m, m->path) : S("/");
	if (m->has_query) {
		parts[n++] = S("?");
		parts[n++] = msg_str(m, m->query);
	}
	return n;
}

static struct str version_text(const struct msg *m)
{
	return m->version == 10 ? S("HTTP/1.0") : m->version == 20 ? S("HTTP/2.0") : S("HTTP/1.1");
}

static unsigned line_parts(const struct msg *m, char status[4], struct str parts[8])
{
	unsigned n = 0;

	if (!(m->flags & MSG_RESPONSE)) {
		parts[n++] = msg_str(m, m->meth);
		parts[n++] = S(" ");
		n += msg_target(m, parts + n);
		parts[n++] = S(" ");
		parts[n++] = version_text(m);
		return n;
	}
	for (unsigned i = 0, v = m->status; i < 3; i++, v /= 10)
		status[2 - i] = (char)('0' + v % 10);
	parts[n++] = version_text(m);
	parts[n++] = S(" ");
	parts[n++] = str_of(status, 3);
	parts[n++] = S(" ");
	parts[n++] = m->reason.len ? msg_str(m, m->reason) : status_reason(m->status);
	return n;
}

struct str msg_line(struct msg *m)
{
	struct str parts[8];
	char status[4];
	uint32_t n = 0;

	if (m->line.len)
		return msg_str(m, m->line);
	for (unsigned i = line_parts(m, status, parts); i-- > 0;)
		n += (uint32_t)parts[i].n;
	if (!msg_reserve(m, n, 0))
		return S("");
	m->line = (struct msg_ref) { .off = m->used, .len = n };
	for (unsigned i = 0, k = line_parts(m, status, parts); i < k; i++) {
		if (parts[i].n)
			memcpy(m->blk + m->used, parts[i].p, parts[i].n);
		m->used += (uint32_t)parts[i].n;
	}
	return msg_str(m, m->line);
}

/* The text to take the host from: the target of CONNECT, else Host (which the parsers make equal
 * to an authority). */
static struct msg_ref host_source(const struct msg *m)
{
	if (!(m->flags & MSG_AUTHORITY) && m->slot[FIELD_HOST]) {
		const struct msg_hdr *h = msg_hdr(m, m->slot[FIELD_HOST] - 1u);

		return (struct msg_ref) { h->value, h->value_len };
	}
	return m->authority;
}

struct str msg_host(struct msg *m)
{
	struct msg_ref from;
	struct str host;
	unsigned port;

	if (m->flags & MSG_HOST_KNOWN)
		return msg_str(m, m->host);
	from = host_source(m);
	if (!from.len || !msg_reserve(m, (uint32_t)URI_HOST_ROOM(from.len), 0))
		return S("");
	from = host_source(m);
	m->host = (struct msg_ref) { .off = m->used, .len = 0 };
	if (uri_host(msg_str(m, from), m->blk + m->used, &host, &port)) {
		m->host.len = (uint32_t)host.n;
		m->used += m->host.len;
	} else {
		m->flags |= MSG_BAD_HOST;
	}
	m->flags |= MSG_HOST_KNOWN;
	return msg_str(m, m->host);
}
