/* SPDX-License-Identifier: Apache-2.0 */
#include "mux_h1.h"

#include "msg_block.h"
#include "mux_copy.h"

static void count_out(struct h1s *st, size_t n)
{
	st->s.bytes_out += n;
	st->s.queued = (uint32_t)conn_queued(st->s.conn);
}

/* Writes a head, or with <f> NULL the last chunk and trailers. */
static bool write_text(struct h1s *st, const struct msg *m, const struct h1_framing *f)
{
	size_t n = m ? h1_head_size(m, f) : 8;
	uint32_t cap = 0;
	bool big = n > BUF_ROOM, ok = true;
	char *p = big ? msg_block_get((uint32_t)n, &cap) : conn_room(st->s.conn, n);

	if (!p)
		return false;
	n = f ? h1_write_head(m, f, p) : h1_write_trailers(m, p);
	if (big) {
		ok = conn_write(st->s.conn, p, n);
		msg_block_put(p, cap);
	} else {
		conn_wrote(st->s.conn, n);
	}
	count_out(st, n);
	return ok;
}

/* Framing of a body of which nothing follows: an answer to HEAD, 304. */
static void frame_nothing(const struct h1s *st, const struct msg *m, struct h1_framing *f)
{
	if (m->status < 200 || m->status == 204) /* RFC 9110 8.6 */
		return;
	if (m->body == BODY_LENGTH || m->flags & MSG_LENGTH) {
		f->body = BODY_LENGTH;
		f->length = m->length;
	} else if (m->body == BODY_CHUNKED && !(st->flags & H1S_HTTP10)) {
		f->body = BODY_CHUNKED;
	}
}

/* Framing of a body that follows, or of an empty one. <none>: what an empty body needs. */
static void frame_body(const struct h1s *st, const struct msg *m, bool end, enum msg_body none,
		       struct h1_framing *f)
{
	if (end || m->body == BODY_NONE) {
		f->body = m->body == BODY_NONE ? none : BODY_LENGTH;
	} else if (m->body == BODY_LENGTH) {
		f->body = BODY_LENGTH;
		f->length = m->length;
	} else {
		f->body = st->flags & H1S_HTTP10 ? BODY_CLOSE : BODY_CHUNKED;
	}
}

static bool has_host(const struct msg *m)
{
	return m->slot[FIELD_HOST] != 0;
}

static bool send_request(struct h1s *st, const struct msg *m, bool end, uint32_t how)
{
	struct h1_framing f = { .body = BODY_NONE, .raw_target = how & HEAD_RAW_TARGET };
	struct str meth = msg_str(m, m->meth);

	frame_body(st, m, end, BODY_NONE, &f);
	/* Without Host the request is none of 1.1 (RFC 9112 3.2): it goes on as the 1.0 it came
	 * as. */
	f.http10 = !has_host(m) && f.body != BODY_CHUNKED;
	f.close = how & HEAD_CLOSE || st->h->flags & H1_STOP;
	f.keep_alive = f.http10;
	f.upgrade = m->flags & MSG_UPGRADE && m->body == BODY_NONE;
	if (f.close)
		st->flags |= H1S_CLOSE;
	if (f.upgrade)
		st->flags |= H1S_UPGRADE;
	if (str_eq(meth, S("HEAD")))
		st->flags |= H1S_HEAD;
	else if (str_eq(meth, S("CONNECT")))
		st->flags |= H1S_CONNECT;
	st->out_body = (uint8_t)f.body;
	st->out_left = f.length;
	st->out = end ? H1_OUT_END : H1_OUT_BODY;
	return write_text(st, m, &f);
}

/* True when the connection ends behind the answer <f>. */
static bool closes(const struct h1s *st, const struct h1_framing *f, uint32_t how)
{
	if (!(st->flags & H1S_KEEP) || st->flags & (H1S_CLOSE | H1S_FAILED | H1S_EXPECT))
		return true; /* EXPECT: the client may send its body or not (RFC 9110 10.1.1) */
	if (st->h->flags & H1_EOF && !st->h->rx) /* half closed: no other request can come */
		return true;
	return how & HEAD_CLOSE || st->h->flags & H1_STOP || f->body == BODY_CLOSE;
}

static bool send_interim(struct h1s *st, const struct msg *m)
{
	static const struct h1_framing f = { .body = BODY_NONE };

	if (m->status == 100)
		st->flags &= (uint16_t)~H1S_EXPECT;
	return st->flags & H1S_HTTP10 ? true : write_text(st, m, &f); /* RFC 9110 15.2 */
}

static bool send_tunnel(struct h1s *st, const struct msg *m)
{
	struct h1_framing f = { .body = BODY_NONE, .upgrade = m->status == 101 };

	if (st->in !=
	    H1_IN_END) /* bytes of a body and of the tunnel would be told apart by no one */
		return false;
	h1_tunnel(st);
	return write_text(st, m, &f);
}

static bool send_response(struct h1s *st, const struct msg *m, bool end, uint32_t how)
{
	struct h1_framing f = { .body = BODY_NONE };
	bool nothing = st->flags & H1S_HEAD || how & HEAD_NO_BODY || status_bodiless(m->status);

	if (how & HEAD_TUNNEL || m->status == 101)
		return send_tunnel(st, m);
	if (m->status < 200)
		return send_interim(st, m);
	if (nothing)
		frame_nothing(st, m, &f);
	else
		frame_body(st, m, end, BODY_LENGTH, &f);
	f.close = closes(st, &f, how);
	f.keep_alive = st->flags & H1S_HTTP10 && !f.close;
	if (f.close)
		st->flags |= H1S_CLOSE;
	st->out_body = nothing ? (uint8_t)BODY_NONE : (uint8_t)f.body;
	st->out_left = nothing ? 0 : f.length;
	st->out = end ? H1_OUT_END : H1_OUT_BODY;
	return write_text(st, m, &f);
}

/* True while the owner may send on <st>. */
static bool sendable(const struct h1s *st)
{
	return st->h && st->h->conn->state == CONN_READY && !(st->flags & H1S_DETACHED) &&
	       (!(st->flags & H1S_FAILED) || st->s.bad_status);
}

bool h1_send_head(struct stream *s, const struct msg *m, bool end, uint32_t how)
{
	struct h1s *st = h1s_of(s);

	if (!sendable(st) || st->out != H1_OUT_HEAD)
		return false;
	if (st->h->side == MUX_BACK ? !send_request(st, m, end, how)
				    : !send_response(st, m, end, how))
		return false;
	if (st->out != H1_OUT_HEAD)
		s->flags |= STREAM_SENT_HEAD;
	if (st->out == H1_OUT_END)
		s->flags |= STREAM_SENT_END;
	return true;
}

/* Small pieces are copied together; those of at least half a buffer go by reference. */
static bool write_body(struct conn *c, struct slice data)
{
	struct str s = slice_str(&data);
	bool ok;

	if (data.len >= BUF_ROOM / 2)
		return conn_put(c, data);
	ok = conn_write(c, s.p, s.n);
	mux_copied(s.n);
	slice_put(&data);
	return ok;
}

/* One chunk: a small one in one piece. */
static bool write_chunk(struct conn *c, struct slice data, size_t *framing)
{
	char line[20];
	size_t n = h1_chunk_line(data.len, line + sizeof(line));
	const char *from = line + sizeof(line) - n;
	char *p;

	*framing = n + 2;
	if (data.len >= BUF_ROOM / 2) {
		if (conn_write(c, from, n))
			return conn_put(c, data) && conn_write(c, "\r\n", 2);
		slice_put(&data);
		return false;
	}
	p = conn_room(c, n + data.len + 2);
	if (p) {
		memcpy(p, from, n);
		memcpy(p + n, slice_str(&data).p, data.len);
		memcpy(p + n + data.len, "\r\n", 2);
		conn_wrote(c, n + data.len + 2);
		mux_copied(data.len);
	}
	slice_put(&data);
	return p != NULL;
}

bool h1_send_data(struct stream *s, struct slice data)
{
	struct h1s *st = h1s_of(s);
	size_t framing = 0, n = data.len;
	bool ok;

	if (!sendable(st) || (st->out != H1_OUT_BODY && st->out != H1_OUT_TUNNEL)) {
		slice_put(&data);
		return false;
	}
	if (!n || (st->out == H1_OUT_BODY && st->out_body == BODY_NONE)) { /* answer to HEAD */
		slice_put(&data);
		return true;
	}
	if (st->out == H1_OUT_BODY && st->out_body == BODY_LENGTH) {
		if (n > st->out_left) /* what is announced is what is sent */
			data.len = (uint32_t)(n = (size_t)st->out_left);
		st->out_left -= n;
	}
	if (st->out == H1_OUT_BODY && st->out_body == BODY_CHUNKED)
		ok = write_chunk(s->conn, data, &framing);
	else
		ok = write_body(s->conn, data);
	count_out(st, n + framing);
	return ok;
}

bool h1_send_end(struct stream *s, const struct msg *trailers)
{
	struct h1s *st = h1s_of(s);
	bool ok = true;

	if (!sendable(st) || st->out == H1_OUT_HEAD)
		return false;
	if (st->out == H1_OUT_TUNNEL)
		conn_shut(s->conn);
	else if (st->out == H1_OUT_BODY && st->out_body == BODY_CHUNKED)
		ok = write_text(st, trailers, NULL);
	else if (st->out == H1_OUT_BODY && st->out_body == BODY_LENGTH && st->out_left)
		st->flags |= H1S_CUT | H1S_CLOSE;
	st->out = H1_OUT_END;
	s->flags |= STREAM_SENT_END;
	return ok;
}

static uint64_t raw_in(const struct h1s *st)
{
	if (st->h->rx || st->h->flags & H1_EOF || st->flags & (H1S_DETACHED | H1S_FAILED))
		return 0;
	if (st->in == H1_IN_BODY && st->in_body == BODY_LENGTH)
		return st->left;
	return st->in == H1_IN_TUNNEL || (st->in == H1_IN_BODY && st->in_body == BODY_CLOSE)
		       ? UINT64_MAX
		       : 0;
}

uint64_t h1_raw(const struct stream *s, bool out)
{
	const struct h1s *st = (const struct h1s *)(const void *)s;

	if (!sendable(st))
		return 0;
	if (!out)
		return raw_in(st);
	if (st->out == H1_OUT_BODY && st->out_body == BODY_LENGTH)
		return st->out_left;
	return st->out == H1_OUT_TUNNEL || (st->out == H1_OUT_BODY && st->out_body == BODY_CLOSE)
		       ? UINT64_MAX
		       : 0;
}

void h1_spliced(struct stream *s, bool out, size_t n)
{
	struct h1s *st = h1s_of(s);

	if (out) {
		s->bytes_out += n;
		if (st->out == H1_OUT_BODY && st->out_body == BODY_LENGTH)
			st->out_left -= n;
	} else {
		s->bytes_in += n;
		if (st->in == H1_IN_BODY && st->in_body == BODY_LENGTH)
			st->left -= n;
	}
}
