/* SPDX-License-Identifier: Apache-2.0 */
/* What a head means: the one framing of its body, the connection options, the target and the
 * host. */
#include "../base/h1_class.h"
#include "h1_scan.h"
#include "h1_wide.h"

#include "../base/uri.h"

#define FAIL(code, what)                                                                           \
	do {                                                                                       \
		static const struct h1_error failure_ = { (code), (what) };                        \
		return &failure_;                                                                  \
	} while (0)

#define LENGTH_MAX (UINT64_MAX / 4)

static uint32_t first(const struct msg *m, enum field_id id)
{
	return m->slot[id] ? m->slot[id] - 1u : MSG_END;
}

/* The next line of that field after <i>. */
static uint32_t next(const struct msg *m, uint32_t i, enum field_id id)
{
	return m->flags & MSG_REPEATED ? msg_find(m, i, id, S("")) : MSG_END;
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(h1_class(s.p[i]) & H1_TOKEN))
			return false;
	return s.n != 0;
}

/* <s> as a number below 10^18, when it is nothing but that many digits. */
static bool plain_number(struct str s, uint64_t *out)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		n = n * 10 + (uint64_t)(s.p[i] - '0');
	*out = n;
	return i && i == s.n && i <= 18;
}

/* Content-Length: one decimal number, or the same one repeated, as a list or in several lines
 * (RFC 9112 6.3). */
static const struct h1_error *read_length(struct msg *m)
{
	struct str number = { NULL, 0 };
	uint32_t only = first(m, FIELD_CONTENT_LENGTH);

	if (!(m->flags & MSG_REPEATED) && plain_number(msg_value(m, only), &m->length))
		return NULL;
	for (uint32_t i = only; i != MSG_END; i = next(m, i, FIELD_CONTENT_LENGTH)) {
		struct str rest = msg_value(m, i);

		do {
			struct str one = str_trim(str_cut(&rest, ','));

			if (number.p && !str_eq(one, number))
				FAIL(400, "unlike Content-Length values");
			number = one;
			if (!str_u64(one, LENGTH_MAX, &m->length))
				FAIL(400, "invalid Content-Length");
		} while (rest.p);
	}
	return NULL;
}

/* Transfer-Encoding: exactly "chunked", once (RFC 9112 6.1). Other codings would have to be
 * undone to know the end. */
static const struct h1_error *read_coding(const struct msg *m)
{
	uint32_t i = first(m, FIELD_TRANSFER_ENCODING);
	struct str v = msg_value(m, i), rest = v;

	if (m->flags & MSG_HTTP10)
		FAIL(400, "Transfer-Encoding in HTTP/1.0");
	if (m->slot[FIELD_CONTENT_LENGTH])
		FAIL(400, "Transfer-Encoding beside Content-Length");
	if (next(m, i, FIELD_TRANSFER_ENCODING) != MSG_END)
		FAIL(400, "more than one Transfer-Encoding");
	if (str_ieq(v, S("chunked")))
		return NULL;
	do {
		struct str one = str_trim(str_cut(&rest, ','));

		if (!is_token(one) || (str_ieq(one, S("chunked")) && rest.p))
			FAIL(400, "invalid Transfer-Encoding");
	} while (rest.p);
	FAIL(501, "unknown transfer coding");
}

/* Marks every field of that name as hop-by-hop. Host stays: it is the sender's, not the hop's. */
static void list_field(struct msg *m, struct str name)
{
	for (uint32_t i = MSG_END; (i = msg_find(m, i, FIELD_OTHER, name)) != MSG_END;)
		if (msg_hdr(m, i)->id != FIELD_HOST)
			msg_hdr(m, i)->flags |= HDR_LISTED;
}

#define OPTION_CLOSE 0x01
#define OPTION_KEEP 0x02
#define OPTION_UPGRADE 0x04

/* Connection options, RFC 9110 7.6.1. What is no token is passed over: nothing of this field is
 * ever forwarded. */
static unsigned read_options(struct msg *m)
{
	unsigned got = 0;

	for (uint32_t i = first(m, FIELD_CONNECTION); i != MSG_END;
	     i = next(m, i, FIELD_CONNECTION)) {
		struct str rest = msg_value(m, i);

		if (str_eq(rest, S("keep-alive"))) { /* as nearly always */
			got |= OPTION_KEEP;
			continue;
		}
		do {
			struct str one = str_trim(str_cut(&rest, ','));

			if (str_ieq(one, S("keep-alive")))
				got |= OPTION_KEEP;
			else if (str_ieq(one, S("close")))
				got |= OPTION_CLOSE;
			else if (str_ieq(one, S("upgrade")))
				got |= OPTION_UPGRADE;
			else if (is_token(one))
				list_field(m, one);
		} while (rest.p);
	}
	return got;
}

/* An Upgrade that may be passed on. h2c is not: what it switches to would go past the rules. */
static bool upgrade_passes(const struct msg *m)
{
	if (m->flags & MSG_HTTP10 || !m->slot[FIELD_UPGRADE])
		return false;
	for (uint32_t i = first(m, FIELD_UPGRADE); i != MSG_END; i = next(m, i, FIELD_UPGRADE)) {
		struct str rest = msg_value(m, i);

		do {
			struct str one = str_trim(str_cut(&rest, ','));
			struct str name = str_cut(&one, '/');

			if (!is_token(name) || str_istarts(name, S("h2")) ||
			    str_ieq(name, S("http")))
				return false;
		} while (rest.p);
	}
	return true;
}

static const struct h1_error *frame(struct msg *m)
{
	const struct h1_error *err;
	unsigned options = m->slot[FIELD_CONNECTION] ? read_options(m) : 0;

	if (m->slot[FIELD_TRANSFER_ENCODING]) {
		err = read_coding(m);
		if (err)
			return err;
		m->body = BODY_CHUNKED;
		m->flags |= MSG_CHUNKED;
	} else if (m->slot[FIELD_CONTENT_LENGTH]) {
		err = read_length(m);
		if (err)
			return err;
		m->body = BODY_LENGTH;
	}
	if (!(options & OPTION_CLOSE) && (options & OPTION_KEEP || !(m->flags & MSG_HTTP10)))
		m->flags |= MSG_KEEP;
	if (options & OPTION_UPGRADE && upgrade_passes(m))
		m->flags |= MSG_UPGRADE;
	return NULL;
}

const struct h1_error *h1_frame_request(struct msg *m)
{
	const struct h1_error *err = frame(m);
	bool empty = m->body == BODY_NONE || (m->body == BODY_LENGTH && m->length == 0);

	if (err)
		return err;
	if (!empty) {
		/* Bytes of a body and of the next protocol on one connection are told apart by no
		 * one. */
		m->flags &= ~(uint32_t)MSG_UPGRADE;
		if (m->slot[FIELD_EXPECT] && !(m->flags & MSG_HTTP10) &&
		    str_ieq(msg_value(m, first(m, FIELD_EXPECT)), S("100-continue")))
			m->flags |= MSG_EXPECT;
	}
	return NULL;
}

/* RFC 9112 6.3 */
const struct h1_error *h1_frame_response(struct msg *m, bool head_request, bool connect)
{
	const struct h1_error *err = frame(m);

	if (err)
		return err;
	if (m->status == 101 || (connect && m->status >= 200 && m->status < 300)) {
		m->body = BODY_TUNNEL;
	} else if (head_request || status_bodiless(m->status)) {
		if (m->body == BODY_LENGTH && (head_request || m->status == 304))
			m->flags |= MSG_LENGTH;
		m->body = BODY_NONE;
	} else if (m->body == BODY_NONE) {
		m->body = BODY_CLOSE;
		m->flags &= ~(uint32_t)MSG_KEEP;
	}
	return NULL;
}

/* So many bytes of the host <s> are known to be of a host form. */
static size_t host_start(struct str s)
{
#ifdef __SSE2__
	/* Behind the text there is the table, with one line at least. */
	uint32_t odd = wide_no_host(s.p) | wide_equal(s.p, '/');
	size_t n = odd ? wide_first(odd) : WIDE;

	_Static_assert(sizeof(struct msg_hdr) >= WIDE, "a load stays inside the block");
	return n < s.n ? n : s.n;
#else
	(void)s;
	return 0;
#endif
}

/* Takes the host subject right from <from> when it is its own host form: lower case, no port but
 * digits, no dot at the end. */
static bool plain_host(struct msg *m, struct msg_ref from)
{
	struct str s = msg_str(m, from);
	size_t n = host_start(s), k;

	while (n < s.n && h1_class(s.p[n]) & H1_HOST)
		n++;
	k = n;
	if (n && n < s.n && s.p[n] == ':' && s.n - n <= 5)
		for (k = n + 1; k < s.n && s.p[k] >= '0' && s.p[k] <= '9';)
			k++;
	if (k != s.n || (n && s.p[n - 1] == '.'))
		return false;
	m->host = (struct msg_ref) { from.off, (uint32_t)n };
	m->flags |= MSG_HOST_KNOWN;
	return true;
}

/* RFC 9112 3.2: exactly one valid Host in 1.1; the parser refused several. */
static const struct h1_error *read_host(struct msg *m)
{
	uint32_t i = first(m, FIELD_HOST);
	struct msg_ref from;

	if (i == MSG_END) {
		if (!(m->flags & MSG_HTTP10))
			FAIL(400, "no Host");
		return NULL;
	}
	from = (struct msg_ref) { msg_hdr(m, i)->value, msg_hdr(m, i)->value_len };
	if (!plain_host(m, from)) {
		msg_host(m);
		if (m->flags & MSG_BAD_HOST || !(m->flags & MSG_HOST_KNOWN))
			FAIL(400, "invalid Host");
	}
	return NULL;
}

/* Path to its normal form; <received> is the path as it came. */
static const struct h1_error *normalise(struct msg *m, struct msg_ref received)
{
	ptrdiff_t n;

	m->has_path = true;
	m->path = received;
	if (!msg_reserve(m, received.len, 0))
		FAIL(503, "out of memory");
	n = uri_normalise(msg_str(m, m->path), m->blk + m->used);
	if (n < 0)
		FAIL(400, "invalid path");
	if (!str_eq(msg_str(m, m->path), str_of(m->blk + m->used, (size_t)n))) {
		m->path = (struct msg_ref) { m->used, (uint32_t)n };
		m->used += (uint32_t)n;
	}
	return NULL;
}

static struct msg_ref ref_of(const struct msg *m, struct str s)
{
	return (struct msg_ref) { s.n ? (uint32_t)(s.p - m->blk) : 0, (uint32_t)s.n };
}

/* RFC 9112 3.2.2: the authority takes the place of Host. */
static const struct h1_error *absolute_form(struct msg *m, const struct uri *u)
{
	struct msg_ref path = ref_of(m, u->path);
	uint32_t line = m->line.len;

	m->flags |= MSG_ABSOLUTE;
	if (!str_ieq(u->scheme, S("http")) && !str_ieq(u->scheme, S("https")))
		FAIL(400, "unknown scheme in the target");
	m->scheme = ref_of(m, u->scheme);
	m->authority = ref_of(m, u->authority);
	m->has_query = u->query.p != NULL;
	m->query = ref_of(m, u->query);
	m->has_path = true;
	if (path.len) {
		const struct h1_error *err = normalise(m, path);

		if (err)
			return err;
	} else if (str_eq(msg_str(m, m->meth), S("OPTIONS")) &&
		   !m->has_query) { /* RFC 9112 3.2.4 */
		m->flags |= MSG_ASTERISK;
		if (!msg_text(m, S("*"), &m->path))
			FAIL(503, "out of memory");
	} else if (!msg_text(m, S("/"), &m->path)) {
		FAIL(503, "out of memory");
	}
	if (!msg_set_host(m, msg_str(m, m->authority)))
		FAIL(503, "out of memory");
	m->line.len = line; /* the received one, kept for rules and logs */
	return NULL;
}

static const struct h1_error *other_form(struct msg *m)
{
	struct uri u;

	if (!uri_split(msg_str(m, m->meth), msg_str(m, m->uri), &u))
		FAIL(400, "invalid request target");
	if (u.form == URI_ABSOLUTE)
		return absolute_form(m, &u);
	if (u.form == URI_AUTHORITY) {
		m->flags |= MSG_AUTHORITY;
		m->authority = m->uri;
		m->path = m->query = (struct msg_ref) { 0 };
		m->has_path = m->has_query = false;
		m->flags &= ~(uint32_t)(MSG_HOST_KNOWN | MSG_BAD_HOST);
		if (m->body != BODY_NONE) /* RFC 9110 9.3.6 */
			FAIL(400, "CONNECT with a body");
	} else if (u.form == URI_ASTERISK) {
		m->flags |= MSG_ASTERISK;
		m->path = m->uri;
		m->has_path = true;
	} else {
		return normalise(m, m->path);
	}
	return NULL;
}

const struct h1_error *h1_target(struct msg *m, bool normal)
{
	const struct h1_error *err = read_host(m);

	if (err)
		return err;
	if (normal && !(m->meth.len == 7 && str_eq(msg_str(m, m->meth), S("CONNECT"))))
		return NULL;
	return other_form(m);
}
