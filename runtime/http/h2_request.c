/* SPDX-License-Identifier: Apache-2.0 */
#include "h2_request.h"

#include "../base/h1_class.h"
#include "h1_scan.h"
#include "msg_block.h"

#define METHOD_MAX 64 /* as in HTTP/1 */

#define SEEN_METHOD 0x01
#define SEEN_SCHEME 0x02
#define SEEN_PATH 0x04
#define SEEN_AUTHORITY 0x08

/* The first failure is the one that is told. */
#define REFUSE(r, code, of_rfc, what)                                                              \
	do {                                                                                       \
		static const struct h1_error failure_ = { (code), (what) };                        \
		refuse((r), &failure_, (of_rfc));                                                  \
	} while (0)
#define MALFORMED(r, what) REFUSE(r, 400, true, what)

static void refuse(struct h2_request *r, const struct h1_error *err, bool malformed)
{
	if (r->err)
		return;
	r->err = err;
	r->malformed = malformed;
}

void h2_request_begin(struct h2_request *r, bool trailers, uint32_t uri_max)
{
	msg_init(&r->m);
	r->m.version = 20;
	r->m.flags = MSG_KEEP;
	r->err = NULL;
	r->malformed = r->regular = false;
	r->trailers = trailers;
	r->seen = r->cookies = 0;
	r->uri_max = uri_max;
}

static bool only(struct str s, unsigned class)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(h1_class(s.p[i]) & class))
			return false;
	return s.n != 0;
}

static void keep(struct h2_request *r, struct str text, struct msg_ref *ref)
{
	if (!msg_text(&r->m, text, ref))
		REFUSE(r, 503, false, "out of memory");
}

static void add(struct h2_request *r, struct str name, struct str value, uint8_t flags)
{
	if (!msg_add(&r->m, name, value))
		REFUSE(r, 431, false, "too many field lines");
	else if (flags & HPACK_NEVER)
		msg_hdr(&r->m, r->m.nhdr - 1)->flags |= HDR_NEVER;
}

/* Pseudo-fields: each once, before all others (RFC 9113 8.3). */

static void method(struct h2_request *r, struct str v)
{
	if (!only(v, H1_TOKEN))
		MALFORMED(r, "invalid method");
	else if (v.n > METHOD_MAX)
		REFUSE(r, 501, false, "method too long");
	else
		keep(r, v, &r->m.meth);
}

static void scheme(struct h2_request *r, struct str v)
{
	if (!str_ieq(v, S("http")) && !str_ieq(v, S("https")))
		REFUSE(r, 400, false, "unknown scheme in the target");
}

static void path(struct h2_request *r, struct str v)
{
	if (!only(v, H1_TARGET) || (v.p[0] != '/' && !str_eq(v, S("*"))))
		MALFORMED(r, "invalid request target"); /* RFC 9113 8.3.1 */
	else if (v.n > r->uri_max)
		REFUSE(r, 414, false, "request target too long");
	else
		keep(r, v, &r->m.uri);
}

static void pseudo(struct h2_request *r, const struct hpack_field *f)
{
	static const struct {
		uint8_t id, bit;
		void (*read)(struct h2_request *r, struct str v);
	} rows[] = {
		{ HPACK_METHOD, SEEN_METHOD, method },
		{ HPACK_SCHEME, SEEN_SCHEME, scheme },
		{ HPACK_PATH, SEEN_PATH, path },
		{ HPACK_AUTHORITY, SEEN_AUTHORITY, NULL },
	};

	if (r->trailers || r->regular) {
		MALFORMED(r, "pseudo-field where none may be");
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].id != f->id)
			continue;
		if (r->seen & rows[i].bit)
			MALFORMED(r, "pseudo-field twice");
		r->seen |= rows[i].bit;
		if (rows[i].read)
			rows[i].read(r, f->value);
		else
			add(r, S("host"), f->value, f->flags);
		return;
	}
	MALFORMED(r, "unknown pseudo-field");
}

/* Other fields. */

/* RFC 9113 8.3.1: Host and :authority that differ are refused, equal ones become one. */
static void host(struct h2_request *r, const struct hpack_field *f)
{
	if (!r->m.slot[FIELD_HOST])
		add(r, f->name, f->value, f->flags);
	else if (!str_ieq(msg_value(&r->m, r->m.slot[FIELD_HOST] - 1u), f->value))
		REFUSE(r, 400, false, "Host and :authority differ");
	else if (!(r->seen & SEEN_AUTHORITY))
		REFUSE(r, 400, false, "more than one Host");
}

/* Fields of a connection have no meaning here (RFC 9113 8.2.2). */
static bool of_connection(const struct hpack_field *f)
{
	if (f->id == FIELD_TE)
		return !str_ieq(f->value, S("trailers"));
	return f->id < FIELDS && field_flags[f->id] & FIELD_HOP;
}

static void regular(struct h2_request *r, const struct hpack_field *f)
{
	r->regular = true;
	if (of_connection(f)) {
		MALFORMED(r, "field of a connection");
		return;
	}
	if (f->id == FIELD_HOST && !r->trailers) {
		host(r, f);
		return;
	}
	if (f->id == FIELD_COOKIE && r->cookies < UINT8_MAX)
		r->cookies++;
	else if (f->id < FIELDS && f->id != FIELD_OTHER && r->m.slot[f->id])
		r->m.flags |= MSG_REPEATED;
	add(r, f->name, f->value, f->flags);
}

bool h2_request_visit(void *arg, const struct hpack_field *f)
{
	struct h2_request *r = arg;

	if (r->err)
		return true;
	if (f->flags & HPACK_BAD_NAME) /* RFC 9113 8.2.1 */
		MALFORMED(r, "invalid field name");
	else if (f->flags & HPACK_BAD_VALUE)
		MALFORMED(r, "invalid byte in a field value");
	else if (f->id >= FIELDS)
		pseudo(r, f);
	else
		regular(r, f);
	return true;
}

/* The end of the list. */

/* Cookie lines become one (RFC 9113 8.2.3). */
static void join_cookies(struct h2_request *r)
{
	struct msg *m = &r->m;
	uint32_t first = msg_find(m, MSG_END, FIELD_COOKIE, S("")), i, cap, n = 0;
	uint8_t never = 0;
	char *text;

	for (i = first; i != MSG_END; i = msg_find(m, i, FIELD_COOKIE, S("")))
		n += msg_hdr(m, i)->value_len + 2;
	if (n > MSG_BLOCK_MAX || !(text = msg_block_get(n, &cap))) {
		REFUSE(r, 503, false, "out of memory");
		return;
	}
	n = 0;
	for (i = first; i != MSG_END; i = msg_find(m, i, FIELD_COOKIE, S(""))) {
		struct str v = msg_value(m, i);

		memcpy(text + n, v.p, v.n);
		memcpy(text + n + v.n, "; ", 2);
		n += (uint32_t)v.n + 2;
		never |= msg_hdr(m, i)->flags & HDR_NEVER;
		if (i != first)
			msg_del(m, i);
	}
	if (!msg_set_value(m, first, str_of(text, n - 2)))
		REFUSE(r, 431, false, "head too long");
	msg_hdr(m, first)->flags |= never;
	msg_block_put(text, cap);
}

static bool is_connect(const struct h2_request *r)
{
	return str_eq(msg_str(&r->m, r->m.meth), S("CONNECT"));
}

/* The pseudo-fields that there must be, and no others (RFC 9113 8.3.1, 8.5). */
static void check_pseudo(struct h2_request *r)
{
	unsigned seen = r->seen;

	if (!(seen & SEEN_METHOD))
		MALFORMED(r, "no method");
	else if (is_connect(r) && seen != (SEEN_METHOD | SEEN_AUTHORITY))
		MALFORMED(r, "pseudo-fields of CONNECT");
	else if (!is_connect(r) && (seen & (SEEN_SCHEME | SEEN_PATH)) != (SEEN_SCHEME | SEEN_PATH))
		MALFORMED(r, "no scheme or no path");
}

/* Path and query of m->uri. True when the path is its own normal form. */
static bool split_target(struct msg *m)
{
	struct str s = msg_str(m, m->uri);
	bool odd = s.p[0] != '/';
	size_t n = 0;

	for (; n < s.n && s.p[n] != '?'; n++)
		odd |= s.p[n] == '%' ||
		       (s.p[n] == '/' && n + 1 < s.n && (s.p[n + 1] == '/' || s.p[n + 1] == '.'));
	m->path = (struct msg_ref) { m->uri.off, (uint32_t)n };
	m->has_path = true;
	if (n < s.n) {
		m->query =
			(struct msg_ref) { m->uri.off + (uint32_t)n + 1, (uint32_t)(s.n - n - 1) };
		m->has_query = true;
	}
	return !odd;
}

/* The body that follows; a length must be the true one (RFC 9113 8.1.1). */
static void frame(struct h2_request *r, bool end)
{
	struct msg *m = &r->m;

	refuse(r, h1_frame_request(m), false);
	if (r->err)
		return;
	if (end) {
		if (m->body == BODY_LENGTH && m->length)
			MALFORMED(r, "less body than announced");
	} else if (m->body == BODY_NONE && !is_connect(r)) {
		m->body = BODY_CHUNKED;
		m->flags |= MSG_CHUNKED;
		if (m->slot[FIELD_EXPECT] &&
		    str_ieq(msg_value(m, m->slot[FIELD_EXPECT] - 1u), S("100-continue")))
			m->flags |= MSG_EXPECT;
	}
}

static void finish_request(struct h2_request *r, bool end)
{
	struct msg *m = &r->m;
	bool normal = false;

	check_pseudo(r);
	if (r->err)
		return;
	if (is_connect(r))
		keep(r, msg_value(m, m->slot[FIELD_HOST] - 1u), &m->uri);
	else
		normal = split_target(m);
	if (r->cookies > 1)
		join_cookies(r);
	frame(r, end);
	if (!r->err)
		refuse(r, h1_target(m, normal), false);
}

static void finish_trailers(struct h2_request *r, bool end)
{
	if (!end) /* RFC 9113 8.1 */
		MALFORMED(r, "trailers without an end");
	for (uint32_t i = r->m.nhdr; i-- > 0;)
		if (h1_trailer_forbidden(&r->m, i))
			msg_del(&r->m, i);
}

const struct h1_error *h2_request_end(struct h2_request *r, bool end)
{
	if (!r->err && r->trailers)
		finish_trailers(r, end);
	else if (!r->err)
		finish_request(r, end);
	return r->err;
}

const struct h1_error *h2_request_over(struct h2_request *r)
{
	REFUSE(r, 431, false, "head too long");
	return r->err;
}
