/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/h1_class.h"
#include "h1_scan.h"
#include "msg_block.h"

#define EMPTY_LINES 2 /* skipped before a start line, RFC 9112 2.2 */
#define METHOD_MAX 64

static bool range(struct msg_ref *r, const struct h1_scan *s, const char *from, const char *to)
{
	r->off = (uint32_t)(from - s->base);
	r->len = (uint32_t)(to - from);
	return r->len != 0;
}

/* HTTP-version CRLF at <p>, RFC 9112 2.3. Any 1.x above 1.0 is read as 1.1. */
static enum h1_result version(struct h1_scan *s, struct msg *m, const char *p)
{
	size_t left = (size_t)(s->end - p);

	m->version = 11;
	if (left >= 10 && memcmp(p, "HTTP/1.1\r\n", 10) == 0)
		return H1_DONE;
	if (left < 10 || memcmp(p, "HTTP/", 5) != 0 || p[6] != '.' || p[5] < '0' || p[5] > '9' ||
	    p[7] < '0' || p[7] > '9' || p[8] != '\r' || p[9] != '\n')
		H1_FAIL(s, 400, "invalid version or end of the start line");
	if (p[5] != '1')
		H1_FAIL(s, 505, "version not supported");
	if (p[7] == '0') {
		m->version = 10;
		m->flags |= MSG_HTTP10;
	}
	return H1_DONE;
}

/* Path and query of an origin-form target at <p>. Returns its end; *<odd>: the path needs
 * normalising. */
static const char *origin_form(struct h1_scan *s, struct msg *m, const char *p, bool *odd)
{
	const char *path = p;

	for (;; p++) {
		while (h1_class(*p) & H1_SEGMENT)
			p++;
		if (*p == '/')
			*odd |= p[1] == '/' || p[1] == '.';
		else if (*p == '%')
			*odd = true;
		else
			break;
	}
	m->has_path = range(&m->path, s, path, p);
	if (*p == '?') {
		const char *query = ++p;

		while (h1_class(*p) & H1_TARGET)
			p++;
		range(&m->query, s, query, p);
		m->has_query = true;
	}
	return p;
}

/* request-line CRLF, RFC 9112 3. *<normal>: origin-form with a path that is its own normal form. */
static enum h1_result request_line(struct h1_scan *s, struct msg *m, bool *normal)
{
	const char *p = s->p, *target;
	bool odd = false;

	while (h1_class(*p) & H1_TOKEN)
		p++;
	if (!range(&m->meth, s, s->p, p) || *p != ' ')
		H1_FAIL(s, 400, "invalid method");
	if (m->meth.len > METHOD_MAX)
		H1_FAIL(s, 501, "method too long");
	target = ++p;
	*normal = *p == '/';
	if (*normal)
		p = origin_form(s, m, p, &odd);
	else
		while (h1_class(*p) & H1_TARGET)
			p++;
	if (!range(&m->uri, s, target, p) || *p != ' ')
		H1_FAIL(s, 400, "invalid request target");
	if (m->uri.len > s->lim->uri)
		H1_FAIL(s, 414, "request target too long");
	*normal = *normal && !odd;
	if (version(s, m, p + 1) != H1_DONE)
		return H1_BAD;
	s->p = p + 11;
	range(&m->line, s, s->base, s->p - 2);
	return H1_DONE;
}

/* status-line CRLF, RFC 9112 4. A missing blank before an empty reason is accepted. */
static enum h1_result status_line(struct h1_scan *s, struct msg *m)
{
	const char *p = s->p, *reason;
	unsigned status = 0;

	if (s->end - p < 9 || memcmp(p, "HTTP/", 5) != 0 || p[5] != '1' || p[6] != '.' ||
	    p[7] < '0' || p[7] > '9' || p[8] != ' ')
		H1_FAIL(s, 502, "invalid status line");
	m->version = p[7] == '0' ? 10 : 11;
	m->flags |= p[7] == '0' ? MSG_RESPONSE | MSG_HTTP10 : MSG_RESPONSE;
	for (p += 9; *p >= '0' && *p <= '9' && status < 1000; p++)
		status = status * 10 + (unsigned)(*p - '0');
	if (p - s->p != 12 || status < 100 || status > 599) /* RFC 9110 15 */
		H1_FAIL(s, 502, "invalid status");
	m->status = (uint16_t)status;
	reason = p;
	if (*p == ' ') {
		reason = ++p;
		while (h1_class(*p) & H1_VALUE)
			p++;
	}
	if (*p != '\r' || p[1] != '\n')
		H1_FAIL(s, 502, "invalid end of the status line");
	range(&m->reason, s, reason, p);
	range(&m->line, s, s->base, p);
	s->p = p + 2;
	return H1_DONE;
}

/* Looks from <seen> on for the empty line that ends a head. */
static bool head_ended(struct str in, size_t seen)
{
	const char *end = in.p + in.n, *p = in.p + (seen > 3 ? seen - 3 : 0);

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		if (p < end && (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n')))
			return true;
	}
	return false;
}

/* Sets <s> to the part of <in> that may be read: behind the empty lines, within the limit, up to
 * the last LF. H1_MORE: nothing. */
static enum h1_result scan_start(struct h1_scan *s, struct str in, const struct h1_limits *lim)
{
	const char *last;

	s->lim = lim;
	s->err = NULL;
	for (unsigned i = 0; in.n >= 2 && in.p[0] == '\r' && in.p[1] == '\n'; i++) {
		if (i == EMPTY_LINES) {
			s->base = s->p = in.p;
			H1_FAIL(s, 400, "too many empty lines before a head");
		}
		in = str_skip(in, 2);
	}
	s->base = s->p = s->end = in.p;
	last = in.n ? memrchr(in.p, '\n', in.n < lim->head ? in.n : lim->head) : NULL;
	if (!last)
		return H1_MORE;
	s->end = last + 1;
	return H1_DONE;
}

/* Copies the text of a whole head into the block of <m>. */
static enum h1_result keep_text(struct h1_scan *s, struct msg *m)
{
	uint32_t n = (uint32_t)(s->p - s->base) - 2;

	if (m->cap - m->nhdr * sizeof(struct msg_hdr) < n && !msg_fit(m, n))
		H1_FAIL(s, 503, "out of memory");
	memcpy(m->blk, s->base, n);
	m->used = n;
	return H1_DONE;
}

/* Not whole: waits, unless the limit is reached without an end. */
static enum h1_result more(struct h1_scan *s, struct str in, bool request, size_t *seen)
{
	size_t have = (size_t)(in.p + in.n - s->base);

	*seen = in.n;
	if (have <= s->lim->head)
		return H1_MORE;
	if (request && s->p == s->base)
		H1_FAIL(s, 414, "request line too long"); /* RFC 9112 3 */
	H1_FAIL(s, 431, "head too long");
}

static enum h1_result finish(const struct h1_scan *s, enum h1_result r, struct msg *m,
			     struct str in, size_t *used, const struct h1_error **err)
{
	if (r == H1_DONE) {
		*used = (size_t)(s->p - in.p);
	} else {
		msg_free(m);
		*err = s->err;
	}
	return r;
}

static enum h1_result request(struct h1_scan *s, struct msg *m)
{
	bool normal;
	enum h1_result r = request_line(s, m, &normal);

	if (r == H1_DONE)
		r = h1_scan_fields(s, m);
	if (r == H1_DONE)
		r = keep_text(s, m);
	if (r != H1_DONE)
		return r;
	s->err = h1_frame_request(m);
	if (!s->err)
		s->err = h1_target(m, normal);
	return s->err ? H1_BAD : H1_DONE;
}

static enum h1_result response(struct h1_scan *s, struct msg *m, bool head_request, bool connect)
{
	enum h1_result r = status_line(s, m);

	if (r == H1_DONE)
		r = h1_scan_fields(s, m);
	if (r == H1_DONE)
		r = keep_text(s, m);
	if (r != H1_DONE)
		return r;
	s->err = h1_frame_response(m, head_request, connect);
	return s->err ? H1_BAD : H1_DONE;
}

/* True when a second look at a head of which <seen> bytes were looked at may tell more: it is
 * whole, or too long, or its start line is whole since (what speaks another protocol is told at
 * once). */
static bool worth_a_look(const struct h1_scan *s, struct str in, size_t seen)
{
	size_t skipped = (size_t)(s->base - in.p);

	return in.n - skipped > s->lim->head || head_ended(in, seen) || seen <= skipped ||
	       !memchr(s->base, '\n', seen - skipped);
}

/* Common way into a head: <m> gets a block, <s> its bytes. */
static enum h1_result begin(struct h1_scan *s, struct str in, size_t seen,
			    const struct h1_limits *lim, struct msg *m)
{
	enum h1_result r = scan_start(s, in, lim);

	msg_init(m);
	if (r == H1_DONE && seen && !worth_a_look(s, in, seen))
		return H1_MORE;
	if (r == H1_DONE && !msg_fit(m, 0))
		H1_FAIL(s, 503, "out of memory");
	return r;
}

enum h1_result h1_parse_request(struct str in, size_t *seen, const struct h1_limits *lim,
				struct msg *m, size_t *used, const struct h1_error **err)
{
	struct h1_scan s;
	enum h1_result r = begin(&s, in, *seen, lim, m);

	if (r == H1_DONE)
		r = request(&s, m);
	if (r == H1_MORE)
		r = more(&s, in, true, seen);
	return finish(&s, r, m, in, used, err);
}

static bool only(struct str s, unsigned class)
{
	size_t n = 0;

	while (n < s.n && h1_class(s.p[n]) & class)
		n++;
	return n && n == s.n;
}

/* Apart from request_line(), which is faster with one caller. */
bool h1_parse_line(struct str in, struct msg *m)
{
	struct str line, method, target;

	while (str_starts(in, S("\r\n")))
		in = str_skip(in, 2);
	line = str_cut(&in, '\n');
	if (!in.p || !str_ends(line, S("\r")))
		return false;
	line.n--;
	method = str_cut(&line, ' ');
	target = str_cut(&line, ' ');
	if (!only(method, H1_TOKEN) || !only(target, H1_TARGET) || line.n != 8 ||
	    !str_starts(line, S("HTTP/1.")) || (line.p[7] != '0' && line.p[7] != '1'))
		return false;
	msg_init(m);
	m->version = line.p[7] == '0' ? 10 : 11;
	if (msg_fit(m, 0) && msg_text(m, method, &m->meth) && msg_text(m, target, &m->uri))
		return true;
	msg_free(m);
	return false;
}

enum h1_result h1_parse_response(struct str in, size_t *seen, const struct h1_limits *lim,
				 bool head_request, bool connect, struct msg *m, size_t *used,
				 const struct h1_error **err)
{
	struct h1_scan s;
	enum h1_result r = begin(&s, in, *seen, lim, m);

	if (r == H1_DONE)
		r = response(&s, m, head_request, connect);
	if (r == H1_MORE)
		r = more(&s, in, false, seen);
	return finish(&s, r, m, in, used, err);
}

/* Fields that a sender must not put behind a body (RFC 9110 6.5.1), beside every field that has a
 * direct slot. */
bool h1_trailer_forbidden(const struct msg *m, uint32_t i)
{
	static const struct str names[] = {
#define NAME(lit) { lit, sizeof(lit) - 1 }
		NAME("cache-control"),
		NAME("max-forwards"),
		NAME("range"),
		NAME("pragma"),
		NAME("age"),
		NAME("expires"),
		NAME("vary"),
		NAME("warning"),
		NAME("www-authenticate"),
		NAME("proxy-authenticate"),
		NAME("proxy-authorization"),
		NAME("content-encoding"),
		NAME("content-range"),
		NAME("retry-after"),
	};

	if (msg_hdr(m, i)->id != FIELD_OTHER || str_istarts(msg_name(m, i), S("if-")))
		return true;
	for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
		if (str_ieq(msg_name(m, i), names[k]))
			return true;
	return false;
}

static enum h1_result trailers(struct h1_scan *s, struct msg *m)
{
	enum h1_result r = h1_scan_fields(s, m);

	if (r == H1_DONE)
		r = keep_text(s, m);
	if (r != H1_DONE)
		return r;
	for (uint32_t i = m->nhdr; i-- > 0;)
		if (h1_trailer_forbidden(m, i))
			msg_del(m, i);
	return H1_DONE;
}

enum h1_result h1_parse_trailers(struct str in, size_t *seen, const struct h1_limits *lim,
				 struct msg *m, size_t *used, const struct h1_error **err)
{
	struct h1_scan s = { .lim = lim, .base = in.p, .p = in.p, .end = in.p };
	const char *last = in.n ? memrchr(in.p, '\n', in.n < lim->head ? in.n : lim->head) : NULL;
	enum h1_result r = H1_MORE;

	msg_init(m);
	if (str_starts(in, S("\r\n"))) { /* none, as nearly always */
		*used = 2;
		return H1_DONE;
	}
	if (last && (!*seen || head_ended(in, *seen) || in.n > lim->head)) {
		s.end = last + 1;
		r = trailers(&s, m);
	}
	if (r == H1_MORE)
		r = more(&s, in, false, seen);
	return finish(&s, r, m, in, used, err);
}
