/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent. Heads and frames of the connection go to its queue at once, bodies when the windows,
 * the queue and the turn of their stream allow. */
#include "mux_h2.h"

#include "../core/thread.h"
#include "msg_block.h"
#include "mux_copy.h"
#include "stream.h"

/* -- frames of the connection ------------------------------------------------------------------- */

void h2_send_frame(struct h2 *h, enum h2_type type, uint8_t flags, uint32_t stream,
		   struct str payload)
{
	struct h2_frame f = {
		.len = (uint32_t)payload.n, .type = (uint8_t)type, .flags = flags, .stream = stream
	};
	char *p = conn_room(h->conn, H2_FRAME_HEAD + payload.n);

	if (!p)
		return;
	h2_frame_write(p, &f);
	if (payload.n)
		memcpy(p + H2_FRAME_HEAD, payload.p, payload.n);
	conn_wrote(h->conn, H2_FRAME_HEAD + payload.n);
}

void h2_send_code(struct h2 *h, enum h2_type type, uint32_t stream, uint32_t value)
{
	char payload[4];

	h2_put_u32(payload, value);
	h2_send_frame(h, type, 0, stream, str_of(payload, sizeof(payload)));
}

void h2_send_goaway(struct h2 *h, uint32_t last, enum h2_code code)
{
	char payload[8];

	h2_put_u32(payload, last);
	h2_put_u32(payload + 4, code);
	h2_send_frame(h, H2_GOAWAY, 0, 0, str_of(payload, sizeof(payload)));
}

void h2_send_settings(struct h2 *h)
{
	const struct h2_setting ours[] = {
		h->side == MUX_FRONT
			? (struct h2_setting) { H2_SET_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX }
			: (struct h2_setting) { H2_SET_ENABLE_PUSH, 0 },
		{ H2_SET_MAX_HEADER_LIST_SIZE, h->conf->head_max },
	};
	char payload[sizeof(ours) / sizeof(*ours) * H2_SETTING_BYTES];
	size_t n = 0;

	if (h->side == MUX_BACK) /* RFC 9113 3.4 */
		conn_write(h->conn, H2_PREFACE, H2_PREFACE_BYTES);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		n += h2_setting_write(payload + n, ours[i]);
	h2_send_frame(h, H2_SETTINGS, 0, 0, str_of(payload, n));
	h2_send_code(h, H2_WINDOW_UPDATE, 0, H2_CONN_WINDOW - H2_WINDOW);
}

void h2_reset(struct h2s *st, enum h2_code code)
{
	if (st->flags & H2S_RESET || st->h->flags & H2_OVER)
		return;
	st->flags |= H2S_RESET;
	h2_queue_drop(&st->tx);
	st->s.queued = 0;
	list_del(&st->ready);
	if (!st->id) /* never begun */
		return;
	h2_send_code(st->h, H2_RST_STREAM, st->id, code);
}

void h2_credit_conn(struct h2 *h, uint32_t n)
{
	h->owed += n;
	if (h->owed < H2_CONN_WINDOW / 2)
		return;
	h2_send_code(h, H2_WINDOW_UPDATE, 0, h->owed);
	h->recv_win += h->owed;
	h->owed = 0;
}

void h2_credit_stream(struct h2s *st, uint32_t n)
{
	st->owed += n;
	if (st->owed < H2_WINDOW / 2 || st->flags & (H2S_FIN_IN | H2S_RESET))
		return;
	h2_send_code(st->h, H2_WINDOW_UPDATE, st->id, st->owed);
	st->recv_win += st->owed;
	st->owed = 0;
}

/* -- heads -------------------------------------------------------------------------------------- */

/* Bytes that the block of <m> needs at most. */
static size_t block_room(const struct msg *m)
{
	size_t n = HPACK_BEGIN_ROOM + 2 * HPACK_ROOM(20) + h2_request_room(m);

	for (uint32_t i = 0; i < m->nhdr; i++)
		n += HPACK_ROOM(msg_hdr(m, i)->name_len + (size_t)msg_hdr(m, i)->value_len);
	return n;
}

static size_t put_length(struct h2 *h, uint8_t *out, uint64_t v)
{
	char text[20];
	size_t n = sizeof(text);

	do {
		text[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return hpack_put(&h->out, out, FIELD_CONTENT_LENGTH, S(""),
			 str_of(text + n, sizeof(text) - n), 0);
}

static bool passes(const struct h2 *h, const struct msg_hdr *f)
{
	if (f->id == FIELD_HOST && h->side == MUX_BACK) /* it is :authority (RFC 9113 8.3.1) */
		return false;
	return !(f->flags & (HDR_DEAD | HDR_LISTED)) &&
	       !(field_flags[f->id] & (FIELD_FRAMING | FIELD_HOP));
}

static size_t put_fields(struct h2 *h, const struct msg *m, uint8_t *out)
{
	size_t n = 0;

	for (uint32_t i = 0; i < m->nhdr; i++) {
		const struct msg_hdr *f = msg_hdr(m, i);

		if (passes(h, f))
			n += hpack_put(&h->out, out + n, f->id, msg_name(m, i), msg_value(m, i),
				       f->flags & HDR_NEVER ? HPACK_NEVER : 0);
	}
	return n;
}

/* What is said about the body. */
struct framing {
	bool has_length;
	bool raw; /* of a request: the target as it came */
	uint64_t length;
};

/* The header list of <m>, or with <f> NULL its trailers. */
static size_t put_block(struct h2 *h, const struct msg *m, const struct framing *f, uint8_t *out)
{
	size_t n = hpack_begin(&h->out, out);

	if (f && h->side == MUX_BACK)
		n += h2_put_request(h, m, f->raw, out + n);
	else if (f)
		n += hpack_put_status(&h->out, out + n, m->status);
	n += put_fields(h, m, out + n);
	if (f && f->has_length)
		n += put_length(h, out + n, f->length);
	return n;
}

/* A block of <n> bytes in frames as large as the peer takes. */
static bool send_block(struct h2s *st, const char *p, size_t n, bool end)
{
	struct conn *c = st->h->conn;
	enum h2_type type = H2_HEADERS;
	bool ok = true;

	do {
		size_t k = n < H2_FRAME_MAX ? n : H2_FRAME_MAX;
		struct h2_frame f = { .len = (uint32_t)k, .type = (uint8_t)type, .stream = st->id };
		char head[H2_FRAME_HEAD];

		if (type == H2_HEADERS && end)
			f.flags |= H2_FLAG_END_STREAM;
		if (k == n)
			f.flags |= H2_FLAG_END_HEADERS;
		h2_frame_write(head, &f);
		ok = conn_write(c, head, sizeof(head)) && conn_write(c, p, k);
		st->s.bytes_out += sizeof(head) + k;
		type = H2_CONTINUATION;
		p += k;
		n -= k;
	} while (n && ok);
	return ok;
}

static bool send_list(struct h2s *st, const struct msg *m, const struct framing *f, bool end)
{
	size_t room = block_room(m) + H2_FRAME_HEAD, n;
	struct h2_frame frame = { .type = H2_HEADERS,
				  .flags = H2_FLAG_END_HEADERS,
				  .stream = st->id };
	uint32_t cap;
	char *p;
	bool ok;

	if (room > BUF_ROOM) {
		if (room > MSG_BLOCK_MAX || !(p = msg_block_get((uint32_t)room, &cap)))
			return false;
		n = put_block(st->h, m, f, (uint8_t *)p);
		ok = send_block(st, p, n, end);
		msg_block_put(p, cap);
		return ok;
	}
	p = conn_room(st->h->conn, room);
	if (!p)
		return false;
	n = put_block(st->h, m, f, (uint8_t *)p + H2_FRAME_HEAD);
	frame.len = (uint32_t)n;
	if (end)
		frame.flags |= H2_FLAG_END_STREAM;
	h2_frame_write(p, &frame);
	conn_wrote(st->h->conn, n + H2_FRAME_HEAD);
	st->s.bytes_out += n + H2_FRAME_HEAD;
	return true;
}

/* True while the owner may send on <st>. */
static bool sendable(const struct h2s *st)
{
	return st->h && h2_usable(st->h) && !(st->h->flags & H2_OVER) &&
	       !(st->flags & (H2S_DETACHED | H2S_RESET)) &&
	       (!(st->flags & H2S_FAILED) || st->s.bad_status);
}

/* The server has answered and does not want the rest of the request (RFC 9113 8.1). */
static bool unwanted(const struct h2s *st)
{
	return st->h && st->h->side == MUX_BACK && st->flags & H2S_RESET &&
	       !(st->flags & H2S_FAILED);
}

static void sent_fin(struct h2s *st)
{
	st->flags |= H2S_FIN_OUT;
	h2_earn(st->h, H2_GAIN_ANSWER);
}

static bool send_tunnel(struct h2s *st, const struct msg *m)
{
	static const struct framing none;

	if (!(st->flags & H2S_CONNECT) || m->status == 101) /* RFC 9113 8.6 */
		return false;
	st->in = H2_IN_TUNNEL;
	st->out = H2_OUT_TUNNEL;
	st->s.flags |= STREAM_TUNNEL | STREAM_SENT_HEAD;
	st->s.flags &= ~(uint32_t)(STREAM_SENT_END | STREAM_GOT_END);
	return send_list(st, m, &none, false);
}

/* Content-Length is said where HTTP/1 says it. <nothing>: no body ever follows; <end>: none of it. */
static struct framing length_of(const struct msg *m, bool nothing, bool end)
{
	struct framing f = { .has_length = m->body == BODY_LENGTH, .length = m->length };

	if (nothing && (m->status < 200 || m->status == 204)) /* RFC 9110 8.6 */
		f.has_length = false;
	else if (nothing)
		f.has_length |= !!(m->flags & MSG_LENGTH);
	else if (end || m->body == BODY_NONE)
		f = (struct framing) { .has_length = true };
	return f;
}

static bool send_request(struct h2s *st, const struct msg *m, bool end, uint32_t how)
{
	bool connect = m->flags & MSG_AUTHORITY, fin = end && !connect;
	struct framing f = { .has_length = m->body != BODY_NONE && (end || m->body == BODY_LENGTH),
			     .raw = how & HEAD_RAW_TARGET,
			     .length = end ? 0 : m->length };

	h2_number(st);
	if (connect)
		st->flags |= H2S_CONNECT;
	else if (str_eq(msg_str(m, m->meth), S("HEAD")))
		st->flags |= H2S_HEAD;
	st->out_body = end ? (uint8_t)BODY_NONE : m->body;
	st->out_left = f.length;
	st->out = end ? H2_OUT_END : H2_OUT_BODY;
	st->s.flags |= end ? STREAM_SENT_HEAD | STREAM_SENT_END : STREAM_SENT_HEAD;
	if (fin)
		st->flags |= H2S_ENDING;
	if (!send_list(st, m, &f, fin))
		return false;
	if (fin)
		sent_fin(st);
	if (how & HEAD_CLOSE)
		st->h->flags |= H2_LEAVING;
	return true;
}

bool h2_send_head(struct stream *s, const struct msg *m, bool end, uint32_t how)
{
	struct h2s *st = h2s_of(s);
	bool nothing = st->flags & H2S_HEAD || how & HEAD_NO_BODY || status_bodiless(m->status);
	struct framing f = length_of(m, nothing, end);
	bool fin;

	if (!sendable(st) || st->out != H2_OUT_HEAD)
		return false;
	if (st->h->side == MUX_BACK)
		return send_request(st, m, end, how);
	if (how & HEAD_TUNNEL || m->status == 101)
		return send_tunnel(st, m);
	if (m->status < 200)
		return send_list(st, m, &f, false);
	nothing |= end || (f.has_length && !f.length);
	fin = nothing && !(st->flags & H2S_BAD);
	st->out_body = nothing ? (uint8_t)BODY_NONE : m->body;
	st->out_left = nothing ? 0 : m->length;
	st->out = end ? H2_OUT_END : H2_OUT_BODY;
	s->flags |= end ? STREAM_SENT_HEAD | STREAM_SENT_END : STREAM_SENT_HEAD;
	if (end)
		st->flags |= H2S_ENDING;
	if (!send_list(st, m, &f, fin))
		return false;
	if (fin)
		sent_fin(st);
	if (how & HEAD_CLOSE && st->flags & H2S_FIN_IN && !(st->flags & H2S_FAILED))
		h2_stop(st->h);
	return true;
}

/* -- bodies ------------------------------------------------------------------------------------- */

/* Whether the byte that empties the queue of <st> is its last one. */
static bool last_byte(const struct h2s *st)
{
	if (st->trailers_out.blk || st->flags & (H2S_BAD | H2S_CUT))
		return false;
	return st->flags & H2S_ENDING ||
	       (st->out == H2_OUT_BODY && st->out_body == BODY_LENGTH && !st->out_left);
}

/* Writes one frame of the first <n> bytes of <data>. */
static bool write_data(struct h2s *st, const struct slice *data, uint32_t n, bool fin)
{
	struct conn *c = st->h->conn;
	struct h2_frame f = {
		.len = n, .type = H2_DATA, .flags = fin ? H2_FLAG_END_STREAM : 0, .stream = st->id
	};
	bool large = n >= BUF_ROOM / 2;
	char *p = conn_room(c, H2_FRAME_HEAD + (large ? 0 : n));

	if (!p)
		return false;
	h2_frame_write(p, &f);
	st->send_win -= n;
	st->h->send_win -= n;
	st->s.bytes_out += n + H2_FRAME_HEAD;
	if (n) /* who gets much may ask for our time as often (PING) */
		h2_earn(st->h, H2_GAIN_DATA);
	if (!large) {
		if (n)
			memcpy(p + H2_FRAME_HEAD, slice_str(data).p, n);
		conn_wrote(c, H2_FRAME_HEAD + n);
		mux_copied(n);
		return true;
	}
	conn_wrote(c, H2_FRAME_HEAD);
	return conn_put(c,
			(struct slice) { .buf = buf_ref(data->buf), .off = data->off, .len = n });
}

/* Bytes that may go out now, of <n>. */
static uint32_t allowed(const struct h2s *st, uint32_t n)
{
	const struct h2 *h = st->h;
	int64_t win = st->send_win < h->send_win ? st->send_win : h->send_win;

	if (win <= 0 || conn_queued(h->conn) >= H2_OUT_HIGH)
		return 0;
	n = n < H2_FRAME_MAX ? n : H2_FRAME_MAX;
	return n < win ? n : (uint32_t)win;
}

/* Everything the owner gave is sent: the end, if it was said. */
static bool finish(struct h2s *st)
{
	static const struct slice none;
	bool ok = true;

	if (!(st->flags & H2S_ENDING) || st->tx.bytes || st->flags & (H2S_FIN_OUT | H2S_RESET))
		return true;
	if (st->flags & (H2S_BAD | H2S_CUT)) {
		h2_reset(st, st->flags & H2S_BAD ? st->code : H2_INTERNAL_ERROR);
		return true;
	}
	if (st->trailers_out.blk)
		ok = send_list(st, &st->trailers_out, NULL, true);
	else
		ok = write_data(st, &none, 0, true);
	msg_free(&st->trailers_out);
	sent_fin(st);
	return ok;
}

void h2_may_send(struct h2s *st)
{
	if (st->tx.bytes && st->send_win > 0 && !(st->flags & H2S_RESET) &&
	    !list_queued(&st->ready))
		list_append(&st->h->ready, &st->ready);
}

/* One turn of <st>. False: memory is out, the connection fails. */
static bool turn(struct h2s *st)
{
	uint32_t sent = 0, n;

	while (sent < H2_QUANTUM && st->tx.bytes) {
		struct slice *first = h2_queue_first(&st->tx);
		bool all = first->len == st->tx.bytes;

		n = allowed(st, first->len);
		if (!n)
			break;
		all = all && n == first->len && last_byte(st);
		if (!write_data(st, first, n, all))
			return false;
		if (all)
			sent_fin(st);
		h2_queue_eat(&st->tx, n);
		sent += n;
	}
	st->s.queued = st->tx.bytes;
	if (sent)
		st->s.out_at = th->now;
	return finish(st);
}

static void tell_drained(struct h2s *st)
{
	if (st->flags & H2S_DETACHED)
		return;
	if (!(st->flags & H2S_FAILED) || st->s.bad_status)
		stream_drained(&st->s);
}

void h2_pump(struct h2 *h)
{
	while (!list_empty(&h->ready) && h->send_win > 0 && h2_usable(h) && !(h->flags & H2_OVER) &&
	       conn_queued(h->conn) < H2_OUT_HIGH) {
		struct h2s *st = CONTAINER(list_shift(&h->ready), struct h2s, ready);

		if (!turn(st))
			return;
		h2_may_send(st);
		if (st->flags & H2S_DETACHED)
			h2_settle(st);
		else if (st->s.queued <= STREAM_LOW)
			tell_drained(st);
	}
}

bool h2_send_data(struct stream *s, struct slice data)
{
	struct h2s *st = h2s_of(s);
	bool ok = true;
	uint32_t n = 0;

	if (!sendable(st) || (st->out != H2_OUT_BODY && st->out != H2_OUT_TUNNEL)) {
		slice_put(&data);
		return unwanted(st);
	}
	if (st->out == H2_OUT_BODY && st->out_body == BODY_NONE)
		data.len = 0;
	if (st->out == H2_OUT_BODY && st->out_body == BODY_LENGTH) {
		if (data.len > st->out_left) /* what is announced is what is sent */
			data.len = (uint32_t)st->out_left;
		st->out_left -= data.len;
	}
	if (data.len && !st->tx.bytes && list_empty(&st->h->ready))
		n = allowed(st, data.len);
	if (n) {
		bool fin = n == data.len && last_byte(st);

		ok = write_data(st, &data, n, fin);
		if (fin)
			sent_fin(st);
		data.off += n;
		data.len -= n;
	}
	if (!h2_queue_add(&st->tx, data))
		return false;
	s->queued = st->tx.bytes;
	h2_may_send(st);
	return ok;
}

bool h2_send_end(struct stream *s, const struct msg *trailers)
{
	struct h2s *st = h2s_of(s);

	if (!sendable(st) || st->out == H2_OUT_HEAD)
		return unwanted(st);
	if (st->out_body == BODY_LENGTH && st->out_left)
		st->flags |= H2S_CUT;
	if (trailers && trailers->nhdr && st->out == H2_OUT_BODY && st->out_body != BODY_LENGTH &&
	    st->out_body != BODY_NONE && !msg_copy(&st->trailers_out, trailers))
		return false;
	st->out = H2_OUT_END;
	st->flags |= H2S_ENDING;
	s->flags |= STREAM_SENT_END;
	return finish(st);
}
