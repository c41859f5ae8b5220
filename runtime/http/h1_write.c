/* SPDX-License-Identifier: Apache-2.0 */
#include "h1.h"

/* Start line, framing and connection fields beyond what is text of the message. */
#define FIXED 192
/* Up to this much text a head's size is taken from it, left-behind bytes included. */
#define QUICK_SIZE 4096

static char *put(char *out, struct str s)
{
	if (s.n)
		memcpy(out, s.p, s.n);
	return out + s.n;
}

size_t h1_head_size(const struct msg *m, const struct h1_framing *f)
{
	size_t n = FIXED + m->line.len + m->uri.len + m->meth.len + m->path.len + m->query.len +
		   m->reason.len;

	(void)f;
	if (m->used <= QUICK_SIZE)
		return n + m->used + (size_t)m->nhdr * 4;
	for (uint32_t i = 0; i < m->nhdr; i++)
		n += msg_hdr(m, i)->name_len + (size_t)msg_hdr(m, i)->value_len + 4;
	return n;
}

/* True when the received request line is what is to be sent. */
static bool line_fits(const struct msg *m, const struct h1_framing *f)
{
	if (!m->line.len || m->version != 11 || f->http10)
		return false;
	if (f->raw_target)
		return true;
	return !(m->flags & (MSG_PATH_EDITED | MSG_ABSOLUTE)) && m->path.off >= m->line.off &&
	       m->path.off < m->line.off + m->line.len;
}

static char *request_line(const struct msg *m, const struct h1_framing *f, char *out)
{
	struct str parts[4];

	if (line_fits(m, f))
		return put(put(out, msg_str(m, m->line)), S("\r\n"));
	out = put(put(out, msg_str(m, m->meth)), S(" "));
	if (f->raw_target) {
		out = put(out, msg_str(m, m->uri));
	} else {
		unsigned n = msg_target(m, parts);

		for (unsigned i = 0; i < n; i++)
			out = put(out, parts[i]);
	}
	return put(out, f->http10 ? S(" HTTP/1.0\r\n") : S(" HTTP/1.1\r\n"));
}

static char *status_line(const struct msg *m, const struct h1_framing *f, char *out)
{
	struct str reason = m->reason.len ? msg_str(m, m->reason) : status_reason(m->status);
	unsigned status = m->status;

	out = put(out, f->http10 ? S("HTTP/1.0 ") : S("HTTP/1.1 "));
	*out++ = (char)('0' + status / 100 % 10);
	*out++ = (char)('0' + status / 10 % 10);
	*out++ = (char)('0' + status % 10);
	*out++ = ' ';
	return put(put(out, reason), S("\r\n"));
}

static bool sent(const struct msg_hdr *h, const struct h1_framing *f)
{
	if (h->flags & (HDR_DEAD | HDR_LISTED))
		return false;
	if (!(field_flags[h->id] & (FIELD_FRAMING | FIELD_HOP)))
		return h->id != FIELD_TRAILER || f->body == BODY_CHUNKED;
	return h->id == FIELD_UPGRADE && f->upgrade;
}

/* Field lines of a message that has some. Canonical neighbours in the text go out as one run. */
static char *fields(const struct msg *m, const struct h1_framing *f, char *out)
{
	const char *const text = m->blk;
	const struct msg_hdr *h = msg_hdr(m, 0), *const end = h - m->nhdr;
	uint32_t from = 0, to = 0; /* the run */

	for (; h != end; h--) {
		if (!sent(h, f))
			continue;
		if (h->flags & HDR_CANONICAL) {
			if (h->name != to) {
				out = put(out, str_of(text + from, to - from));
				from = h->name;
			}
			to = h->value + h->value_len + 2;
			continue;
		}
		out = put(out, str_of(text + from, to - from));
		from = to = 0;
		out = put(put(out, str_of(text + h->name, h->name_len)), S(": "));
		out = put(put(out, str_of(text + h->value, h->value_len)), S("\r\n"));
	}
	return put(out, str_of(text + from, to - from));
}

static char *put_number(char *out, uint64_t v)
{
	char text[20];
	size_t n = sizeof(text);

	do {
		text[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return put(out, str_of(text + n, sizeof(text) - n));
}

static char *framing(const struct h1_framing *f, char *out)
{
	if (f->body == BODY_LENGTH)
		out = put(put_number(put(out, S("Content-Length: ")), f->length), S("\r\n"));
	else if (f->body == BODY_CHUNKED)
		out = put(out, S("Transfer-Encoding: chunked\r\n"));
	if (f->upgrade)
		out = put(out, S("Connection: upgrade\r\n"));
	else if (f->close)
		out = put(out, S("Connection: close\r\n"));
	else if (f->keep_alive)
		out = put(out, S("Connection: keep-alive\r\n"));
	return put(out, S("\r\n"));
}

size_t h1_write_head(const struct msg *m, const struct h1_framing *f, char *out)
{
	char *p = m->flags & MSG_RESPONSE ? status_line(m, f, out) : request_line(m, f, out);

	if (m->nhdr)
		p = fields(m, f, p);
	return (size_t)(framing(f, p) - out);
}

size_t h1_write_trailers(const struct msg *m, char *out)
{
	static const struct h1_framing none = { .body = BODY_NONE };
	char *p = put(out, S("0\r\n"));

	if (m && m->nhdr)
		p = fields(m, &none, p);
	return (size_t)(put(p, S("\r\n")) - out);
}

size_t h1_chunk_line(uint64_t size, char *end)
{
	static const char hex[] = "0123456789abcdef";
	char *p = end;

	*--p = '\n';
	*--p = '\r';
	do {
		*--p = hex[size & 15];
		size >>= 4;
	} while (size);
	return (size_t)(end - p);
}
