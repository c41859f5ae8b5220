/* SPDX-License-Identifier: Apache-2.0 */
#include "mux_h1.h"

#include "../core/thread.h"
#include "stream.h"

#define HEAD_MAX (BUF_ROOM - 8) /* a head, and what may stand before it, lies in one buffer */
#define INTERIM_MAX 32

/* Storing. */

/* Moves the bytes of <b> to its start; nobody else holds it. */
static void compact(struct buf *b)
{
	if (b->off == BUF_HEAD)
		return;
	memmove(b->data + BUF_HEAD, b->data + b->off, b->len);
	b->off = BUF_HEAD;
}

static void move_bytes(struct buf *to, struct buf *from)
{
	uint32_t n = buf_room(to) < from->len ? buf_room(to) : from->len;

	memcpy(buf_tail(to), from->data + from->off, n);
	to->len += n;
	from->off += n;
	from->len -= n;
}

/* A copy of the bytes of <b> in a buffer of their own. */
static bool own(struct buf **b)
{
	struct buf *copy = buf_get();

	if (!copy)
		return false;
	move_bytes(copy, *b);
	buf_put(b);
	*b = copy;
	return true;
}

bool h1_store(struct h1 *h, struct buf *b)
{
	if (!h->rx) {
		h->rx = b;
		return true;
	}
	if (h->rx2) {
		buf_put(&b);
		return false;
	}
	h->rx2 = b;
	if (h->rx->refs > 1) {
		if (h->rx->len >= BUF_ROOM / 2)
			return true; /* eaten from there, or made our own by contiguous() */
		if (!own(&h->rx))
			return false;
	}
	if (buf_room(h->rx) < b->len)
		compact(h->rx);
	move_bytes(h->rx, b);
	if (!b->len)
		buf_put(&h->rx2);
	return true;
}

/* Brings bytes of <rx2> behind those of <rx>. True when there are more than before; *<failed>:
 * memory is out. */
static bool contiguous(struct h1 *h, bool *failed)
{
	uint32_t had = h->rx ? h->rx->len : 0;

	if (!h->rx2)
		return false;
	if (h->rx->refs > 1 && !own(&h->rx)) {
		*failed = true;
		return false;
	}
	compact(h->rx);
	move_bytes(h->rx, h->rx2);
	if (!h->rx2->len)
		buf_put(&h->rx2);
	return h->rx->len > had;
}

void h1_drop_received(struct h1 *h)
{
	if (h->rx)
		buf_put(&h->rx);
	if (h->rx2)
		buf_put(&h->rx2);
}

static struct str received(const struct h1 *h)
{
	return h->rx ? str_of(h->rx->data + h->rx->off, h->rx->len) : S("");
}

static void eat(struct h1 *h, size_t n)
{
	h->s->s.bytes_in += n;
	h->rx->off += (uint32_t)n;
	h->rx->len -= (uint32_t)n;
	if (h->rx->len)
		return;
	buf_put(&h->rx);
	h->rx = h->rx2;
	h->rx2 = NULL;
}

/* Upcalls. What they call may have detached the stream: it stays allocated until run() sees that.
 * */

static bool listens(const struct h1s *st)
{
	return !(st->flags & (H1S_DETACHED | H1S_FAILED));
}

static void tell_end(struct h1s *st, struct msg *trailers)
{
	st->in = H1_IN_END;
	st->s.flags |= STREAM_GOT_END;
	if (listens(st))
		st->s.ops->end(&st->s, trailers);
}

static void tell_head(struct h1s *st, struct msg *m)
{
	st->s.ops->head(&st->s, m);
	msg_free(m);
}

/* Hands over <n> bytes after <skip> and eats <used>. */
static void tell_data(struct h1 *h, size_t skip, size_t n, size_t used)
{
	struct slice data = { .buf = buf_ref(h->rx),
			      .off = h->rx->off + (uint32_t)skip,
			      .len = (uint32_t)n };

	eat(h, used);
	stream_give(&h->s->s, data);
}

static bool bad(struct h1s *st, const struct h1_error *err)
{
	st->s.bad = err->text;
	st->s.bad_status = st->h->side == MUX_FRONT ? err->status : 0;
	h1_fail(st, STREAM_BAD);
	return false;
}

static bool lost(struct h1s *st)
{
	h1_fail(st, STREAM_PEER_CLOSED);
	return false;
}

/* Heads. */

static struct h1_limits limits(const struct h1 *h)
{
	struct h1_limits lim = { h->conf->head_max, h->conf->headers_max, h->conf->uri_max };

	if (lim.head > HEAD_MAX)
		lim.head = HEAD_MAX;
	if (lim.headers > MSG_HEADERS_MAX)
		lim.headers = MSG_HEADERS_MAX;
	return lim;
}

void h1_count_rest(struct h1 *h)
{
	if (!(h->s->flags & H1S_FAILED))
		h->s->s.bytes_in += received(h).n;
}

/* Sets how the body of <m> is read. True when there is none. */
static bool expect_body(struct h1s *st, const struct msg *m)
{
	st->in_body = m->body;
	st->left = m->length;
	st->chunk = (struct h1_chunk) { 0 };
	st->seen = 0;
	st->in = H1_IN_BODY;
	return m->body == BODY_NONE || (m->body == BODY_LENGTH && !m->length);
}

/* A head that is not whole: more bytes at hand, or the end of the connection. */
static bool more(struct h1 *h, struct h1s *st)
{
	bool failed = false;

	if (contiguous(h, &failed))
		return true;
	if (failed) {
		h1_fail(st, STREAM_NO_MEMORY);
	} else if (h->flags & H1_EOF) {
		h1_count_rest(h);
		return lost(st);
	}
	return false;
}

static void note_request(struct h1s *st, const struct msg *m)
{
	struct str meth = msg_str(m, m->meth);

	if (m->flags & MSG_KEEP)
		st->flags |= H1S_KEEP;
	if (m->flags & MSG_HTTP10)
		st->flags |= H1S_HTTP10;
	if (m->flags & MSG_EXPECT)
		st->flags |= H1S_EXPECT;
	if (m->flags & MSG_UPGRADE)
		st->flags |= H1S_UPGRADE;
	if (m->flags & MSG_AUTHORITY)
		st->flags |= H1S_CONNECT;
	else if (str_eq(meth, S("HEAD")))
		st->flags |= H1S_HEAD;
}

/* The owner gets the line for its log. */
static __attribute__((noinline)) bool bad_request(struct h1 *h, struct h1s *st,
						  const struct h1_error *err)
{
	struct msg line;
	bool valid = h1_parse_line(received(h), &line);

	h1_count_rest(h);
	if (valid)
		st->s.bad_line = &line;
	bad(st, err);
	st->s.bad_line = NULL;
	if (valid)
		msg_free(&line);
	return false;
}

static __attribute__((noinline)) bool read_request(struct h1 *h, struct h1s *st)
{
	struct h1_limits lim = limits(h);
	const struct h1_error *err;
	struct msg m;
	size_t used;
	bool none;

	switch (h1_parse_request(received(h), &st->seen, &lim, &m, &used, &err)) {
	case H1_MORE:
		return more(h, st);
	case H1_BAD:
		return bad_request(h, st, err);
	case H1_DONE:
		break;
	}
	eat(h, used);
	note_request(st, &m);
	none = expect_body(st, &m);
	st->s.flags |= STREAM_GOT_HEAD;
	if (!h1_open(st)) {
		msg_free(&m);
		return true;
	}
	if (none) /* before the call: it may answer, or make a tunnel, at once */
		st->in = H1_IN_END;
	tell_head(st, &m);
	if (none && !(st->s.flags & STREAM_TUNNEL))
		tell_end(st, NULL);
	return true;
}

static bool no_answer(struct h1s *st)
{
	if (st->s.flags & (STREAM_GOT_BYTES | STREAM_FIRST))
		return lost(st);
	h1_fail(st, STREAM_STALE);
	return false;
}

/* A response head <m> other than an interim one. */
static bool final_response(struct h1s *st, struct msg *m)
{
	bool none = expect_body(st, m);

	if (m->flags & MSG_KEEP)
		st->flags |= H1S_KEEP;
	st->s.flags |= STREAM_GOT_HEAD;
	if (m->body == BODY_TUNNEL)
		h1_tunnel(st);
	if (none ||
	    (st->in_body == BODY_LENGTH && st->flags & H1S_CREDIT && received(st->h).n >= st->left))
		st->s.flags |= STREAM_WHOLE;
	tell_head(st, m);
	st->s.flags &= ~(uint32_t)STREAM_WHOLE;
	if (none)
		tell_end(st, NULL);
	return true;
}

static __attribute__((noinline)) bool read_response(struct h1 *h, struct h1s *st)
{
	static const struct h1_error unasked = { 502, "switch of protocols not asked for" };
	static const struct h1_error interim = { 502, "too many interim responses" };
	struct h1_limits lim = limits(h);
	const struct h1_error *err;
	struct msg m;
	size_t used;

	if (!h->rx)
		return h->flags & H1_EOF ? no_answer(st) : false;
	if (st->out == H1_OUT_HEAD) /* an answer before the question: nobody's */
		return no_answer(st);
	if (!(st->s.flags & STREAM_GOT_BYTES))
		st->s.t_head = th->now_us;
	st->s.flags |= STREAM_GOT_BYTES;
	switch (h1_parse_response(received(h), &st->seen, &lim, st->flags & H1S_HEAD,
				  st->flags & H1S_CONNECT, &m, &used, &err)) {
	case H1_MORE:
		return more(h, st);
	case H1_BAD:
		return bad(st, err);
	case H1_DONE:
		break;
	}
	eat(h, used);
	if (m.status >= 200 || (m.status == 101 && st->flags & H1S_UPGRADE))
		return final_response(st, &m);
	if (m.status == 101 || st->interim++ == INTERIM_MAX) {
		err = m.status == 101 ? &unasked : &interim;
		msg_free(&m);
		return bad(st, err);
	}
	st->seen = 0;
	tell_head(st, &m);
	return true;
}

/* Bodies. */

static bool read_counted(struct h1 *h, struct h1s *st)
{
	size_t n = h->rx->len < st->left ? h->rx->len : (size_t)st->left;

	st->left -= n;
	tell_data(h, 0, n, n);
	if (!st->left)
		tell_end(st, NULL);
	return true;
}

static __attribute__((noinline)) bool read_chunked(struct h1 *h, struct h1s *st)
{
	struct str in = received(h), data;
	const struct h1_error *err;
	size_t used;
	enum h1_result r = h1_chunk_parse(&st->chunk, in, &data, &used, &err);

	if (r == H1_BAD)
		return bad(st, err);
	if (r == H1_DONE)
		st->in = H1_IN_TRAILERS;
	if (data.n)
		tell_data(h, (size_t)(data.p - in.p), data.n, used);
	else
		eat(h, used);
	return true;
}

static __attribute__((noinline)) bool read_trailers(struct h1 *h, struct h1s *st)
{
	struct h1_limits lim = limits(h);
	const struct h1_error *err;
	struct msg m;
	size_t used;

	switch (h1_parse_trailers(received(h), &st->seen, &lim, &m, &used, &err)) {
	case H1_MORE:
		return more(h, st);
	case H1_BAD:
		return bad(st, err);
	case H1_DONE:
		break;
	}
	eat(h, used);
	tell_end(st, m.nhdr ? &m : NULL);
	msg_free(&m);
	return true;
}

/* The end of the connection in the middle of a message, or as the end of one. */
static bool body_ended(struct h1s *st)
{
	if (st->in != H1_IN_TUNNEL && st->in_body != BODY_CLOSE)
		return lost(st);
	tell_end(st, NULL);
	return true;
}

static bool read_body(struct h1 *h, struct h1s *st)
{
	if (!h->rx)
		return h->flags & H1_EOF ? body_ended(st) : false;
	if (!(st->flags & H1S_CREDIT))
		return false;
	st->flags &= (uint16_t)~H1S_EXPECT;
	if (st->in == H1_IN_TRAILERS)
		return read_trailers(h, st);
	if (st->in == H1_IN_BODY && st->in_body == BODY_LENGTH)
		return read_counted(h, st);
	if (st->in == H1_IN_BODY && st->in_body == BODY_CHUNKED)
		return read_chunked(h, st);
	tell_data(h, 0, h->rx->len, h->rx->len);
	return true;
}

bool h1_read(struct h1 *h)
{
	struct h1s *st = h->s;

	if (!listens(st) || st->in == H1_IN_END)
		return false;
	if (st->in != H1_IN_HEAD)
		return read_body(h, st);
	return h->side == MUX_FRONT ? read_request(h, st) : read_response(h, st);
}

void h1_tunnel(struct h1s *st)
{
	st->in = H1_IN_TUNNEL;
	st->out = H1_OUT_TUNNEL;
	st->flags |= H1S_CLOSE;
	st->s.flags |= STREAM_TUNNEL | STREAM_SENT_HEAD;
	st->s.flags &= ~(uint32_t)(STREAM_SENT_END | STREAM_GOT_END);
}
