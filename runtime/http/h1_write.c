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

/* Text of the message that goes out as it is: from <from> to <to>. Kept until something else has to
 * come behind it. */
struct run {
	uint32_t from, to;
};

static char *put_run(const struct msg *m, const struct run *r, char *out)
{
	return put(out, str_of(m->blk + r->from, r->to - r->from));
}

/* Is the start line as received what is to be sent? We say the version that is ours, not one that is
 * above it (RFC 9110 2.5). */
static bool line_fits(const struct msg *m, const struct h1_framing *f)
{
	struct str line = msg_str(m, m->line);

	if (line.n < 12 || m->version != 11 || f->http10)
		return false;
	if (m->flags & MSG_RESPONSE)
		return m->reason.len && memcmp(line.p, "HTTP/1.1 ", 9) == 0;
	if (memcmp(line.p + line.n - 8, "HTTP/1.1", 8) != 0)
		return false;
	if (f->raw_target)
		return true;
	return !(m->flags & (MSG_PATH_EDITED | MSG_ABSOLUTE)) && m->path.off >= m->line.off &&
	       m->path.off < m->line.off + m->line.len;
}

static char *request_line(const struct msg *m, const struct h1_framing *f, char *out)
{
	struct str parts[4];

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

/* The start line with its CRLF, written or in <r>. */
static char *start_line(const struct msg *m, const struct h1_framing *f, char *out, struct run *r)
{
	uint32_t end = m->line.off + m->line.len;

	if (!line_fits(m, f))
		return m->flags & MSG_RESPONSE ? status_line(m, f, out) : request_line(m, f, out);
	if (m->used - end >= 2 && memcmp(m->blk + end, "\r\n", 2) == 0) {
		*r = (struct run) { m->line.off, end + 2 };
		return out;
	}
	return put(put(out, msg_str(m, m->line)), S("\r\n"));
}

/* Fields that are not sent, or not always. */
#define BIT(id) (UINT64_C(1) << (id))
static const uint64_t special = BIT(FIELD_TRAILER)
#define FIELD(id, name, flags) | ((flags) & (FIELD_FRAMING | FIELD_HOP) ? BIT(FIELD_##id) : 0)
#include "field.def"
	;
_Static_assert(FIELDS <= 64, "a bit for each field");

static bool sent(const struct msg_hdr *h, const struct h1_framing *f)
{
	if (h->flags & (HDR_DEAD | HDR_LISTED))
		return false;
	if (!(field_flags[h->id] & (FIELD_FRAMING | FIELD_HOP)))
		return h->id != FIELD_TRAILER || f->body == BODY_CHUNKED;
	return h->id == FIELD_UPGRADE && f->upgrade;
}

/* Field lines of a message that has some, behind what is in <run>. Canonical neighbours in the text
 * go out as one run. */
static char *fields(const struct msg *m, const struct h1_framing *f, char *out, struct run run)
{
	const struct msg_hdr *h = msg_hdr(m, 0), *const end = h - m->nhdr;

	for (; h != end; h--) {
		/* As nearly all. */
		if (__builtin_expect(h->flags != HDR_CANONICAL || special >> h->id & 1, 0)) {
			if (!sent(h, f))
				continue;
			if (!(h->flags & HDR_CANONICAL)) {
				out = put_run(m, &run, out);
				run = (struct run) { 0 };
				out = put(put(out, str_of(m->blk + h->name, h->name_len)), S(": "));
				out = put(put(out, str_of(m->blk + h->value, h->value_len)),
					  S("\r\n"));
				continue;
			}
		}
		if (h->name != run.to) {
			out = put_run(m, &run, out);
			run.from = h->name;
		}
		run.to = h->value + h->value_len + 2;
	}
	return put_run(m, &run, out);
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
	struct run run = { 0 };
	char *p = start_line(m, f, out, &run);

	p = m->nhdr ? fields(m, f, p, run) : put_run(m, &run, p);
	return (size_t)(framing(f, p) - out);
}

size_t h1_write_trailers(const struct msg *m, char *out)
{
	static const struct h1_framing none = { .body = BODY_NONE };
	char *p = put(out, S("0\r\n"));

	if (m && m->nhdr)
		p = fields(m, &none, p, (struct run) { 0 });
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
