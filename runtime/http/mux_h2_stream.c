/* SPDX-License-Identifier: Apache-2.0 */
/* What frames mean for a stream, RFC 9113 5.1 and 8. */
#include "mux_h2.h"

#include "h2_request.h"
#include "stream.h"

#define USEFUL 1024 /* bytes of a DATA frame that earns some budget */

/* -- upcalls ------------------------------------------------------------------------------------ */

void h2_tell_failed(struct h2s *st, enum stream_error why)
{
	if ((st->flags & (H2S_OPEN | H2S_DETACHED)) != H2S_OPEN)
		return;
	if (st->flags & H2S_FAILED) { /* under the answer to what failed before */
		if (!st->s.bad_status)
			return;
		st->s.bad_status = 0;
	}
	st->flags |= H2S_FAILED;
	st->s.ops->failed(&st->s, why);
}

static void tell_end(struct h2s *st)
{
	st->in = H2_IN_END;
	st->s.flags |= STREAM_GOT_END;
	st->s.ops->end(&st->s, st->trailers_in.blk ? &st->trailers_in : NULL);
}

void h2_give(struct h2s *st)
{
	while (h2s_listens(st) && st->flags & H2S_CREDIT && st->rx.bytes && st->in != H2_IN_END) {
		struct slice data = h2_queue_take(&st->rx);

		h2_credit_stream(st, data.len);
		stream_give(&st->s, data);
	}
	if (h2s_listens(st) && st->flags & H2S_CREDIT && !st->rx.bytes && st->flags & H2S_FIN_IN &&
	    st->in != H2_IN_END)
		tell_end(st);
}

/* -- ends before the time ----------------------------------------------------------------------- */

void h2_stream_fail(struct h2s *st, enum h2_code code, const char *why)
{
	struct h2 *h = st->h;

	if (!h2_spend(h, H2_COST_RESET))
		return;
	st->s.bad = why;
	h2_reset(st, code);
	h2_queue_drop(&st->rx);
	if (st->flags & H2S_DETACHED)
		h2_settle(st);
	else
		h2_tell_failed(st, STREAM_PEER_RESET);
}

/* What the peer sends is no valid message: it is answered, and a fault of the protocol is followed by
 * RST_STREAM (RFC 9113 8.1.1). */
static void bad(struct h2s *st, const struct h1_error *err, bool malformed)
{
	st->s.bad = err->text;
	st->s.bad_status = err->status;
	if (malformed) {
		st->flags |= H2S_BAD;
		st->code = H2_PROTOCOL_ERROR;
	}
	h2_queue_drop(&st->rx);
	h2_tell_failed(st, STREAM_BAD);
}

static bool bad_body(struct h2s *st)
{
	static const struct h1_error length = { 400, "body and Content-Length differ" };
	struct h2 *h = st->h;

	if (!h2_spend(h, H2_COST_RESET))
		return false;
	bad(st, &length, true);
	return true;
}

/* A frame for a stream that is not there. */
bool h2_stray(struct h2 *h, uint32_t id)
{
	if (id > h->last_id || !(id & 1)) /* RFC 9113 5.1, 5.1.1 */
		return h2_fail(h, H2_PROTOCOL_ERROR);
	if (h2_past(h, id) != H2_PAST_RESET) /* else it was under way, and means nothing */
		h2_send_code(h, H2_RST_STREAM, id, H2_STREAM_CLOSED);
	return h2_spend(h, H2_COST_FRAME);
}

bool h2_got_reset(struct h2 *h, enum h2_code code)
{
	uint32_t id = h->frame.stream;
	struct h2s *st = h2_find(h, id);

	if (!st)
		return id <= h->last_id && id & 1 ? h2_spend(h, H2_COST_FRAME)
						  : h2_fail(h, H2_PROTOCOL_ERROR);
	h2_queue_drop(&st->tx);
	st->s.queued = 0;
	list_del(&st->ready);
	if (h->side == MUX_BACK && st->flags & H2S_FIN_IN && code == H2_NO_ERROR) {
		st->flags |=
			H2S_RESET; /* RFC 9113 8.1: the response is whole, the rest not wanted */
		return h2_spend(h, H2_COST_RESET);
	}
	st->flags |= H2S_RESET | H2S_FIN_IN;
	h2_queue_drop(&st->rx);
	if (st->flags & H2S_DETACHED)
		h2_settle(st);
	else
		h2_tell_failed(st, code == H2_REFUSED_STREAM ? h2_loss(st, STREAM_PEER_RESET)
							     : STREAM_PEER_RESET);
	return h2_spend(h, H2_COST_RESET);
}

/* -- header lists ------------------------------------------------------------------------------- */

bool h2_decode(struct h2 *h, struct str block,
	       bool (*visit)(void *arg, const struct hpack_field *f), void *arg, bool *over)
{
	struct hpack_list list = { .bytes_max = h->conf->head_max,
				   .fields_max = h->conf->headers_max + 3 };
	enum hpack_result res;
	size_t used;

	res = hpack_decode(&h->in, &list, block, &used, visit, arg);
	*over = list.over;
	if (res == HPACK_NO_MEMORY)
		return h2_fail(h, H2_INTERNAL_ERROR);
	return res == HPACK_DONE || h2_fail(h, H2_COMPRESSION_ERROR); /* RFC 9113 4.3 */
}

/* False: the connection has failed. */
static bool decode(struct h2 *h, struct str block, struct h2_request *r)
{
	bool over;

	if (!h2_decode(h, block, h2_request_visit, r, &over))
		return false;
	if (over)
		h2_request_over(r);
	return true;
}

/* Of a stream that is none. */
static bool decode_nothing(struct h2 *h, struct str block)
{
	struct h2_request r;
	bool ok;

	h2_request_begin(&r, true, 0);
	ok = decode(h, block, &r);
	msg_free(&r.m);
	return ok;
}

/* The exchange that <st> is for. False: there is no memory for one; it was answered. */
static bool open_stream(struct h2s *st)
{
	struct h2 *h = st->h;
	struct msg m = { 0 };

	st->flags |= H2S_OPEN;
	h->nopen++;
	h->idle_at = 0;
	if (h->conf->app->open(&st->s))
		return true;
	if (msg_answer(&m, st->s.bad_status ? st->s.bad_status : 503))
		h2_send_head(&st->s, &m, true, 0);
	msg_free(&m);
	h2_let_go(st, false);
	return false;
}

/* The line of a refused request, for the log. */
static bool line_of(const struct msg *m, struct msg *line)
{
	if (!m->meth.len || !m->uri.len)
		return false;
	msg_init(line);
	line->version = 20;
	if (msg_text(line, msg_str(m, m->meth), &line->meth) &&
	    msg_text(line, msg_str(m, m->uri), &line->uri))
		return true;
	msg_free(line);
	return false;
}

static void bad_request(struct h2s *st, const struct h2_request *r)
{
	struct msg line;
	bool valid = line_of(&r->m, &line);

	st->s.bad_status = r->err->status;
	if (!open_stream(st))
		goto out;
	if (valid)
		st->s.bad_line = &line;
	bad(st, r->err, r->malformed);
	st->s.bad_line = NULL;
out:
	if (valid)
		msg_free(&line);
}

static void request(struct h2s *st, struct msg *m)
{
	struct str meth = msg_str(m, m->meth);
	bool end = st->flags & H2S_FIN_IN || m->body == BODY_NONE;

	if (m->flags & MSG_AUTHORITY)
		st->flags |= H2S_CONNECT;
	else if (str_eq(meth, S("HEAD")))
		st->flags |= H2S_HEAD;
	st->in_body = m->body;
	st->left = m->length;
	st->s.flags |= STREAM_GOT_HEAD;
	if (!open_stream(st))
		return;
	if (end) /* before the call: it may answer, or make a tunnel, at once */
		st->in = H2_IN_END;
	st->s.ops->head(&st->s, m);
	if (end && h2s_listens(st) && !(st->s.flags & STREAM_TUNNEL))
		tell_end(st);
}

static bool refused(struct h2 *h, uint32_t id, enum h2_code code)
{
	h2_send_code(h, H2_RST_STREAM, id, code);
	return h2_spend(h, H2_COST_RESET);
}

static bool new_stream(struct h2 *h, struct h2_request *r, size_t bytes)
{
	const struct h2_frame *f = &h->begun;
	bool end = f->flags & H2_FLAG_END_STREAM;
	struct h2s *st;

	if (h->flags & H2_LEAVING) /* RFC 9113 6.8: the client knows that it was not looked at */
		return true;
	if (h->begun_code)
		return refused(h, f->stream, h->begun_code);
	if (h->nstreams >= H2_STREAMS_MAX) /* RFC 9113 5.1.2 */
		return refused(h, f->stream, H2_REFUSED_STREAM);
	st = h2_stream_new(h, f->stream);
	if (!st)
		return refused(h, f->stream, H2_REFUSED_STREAM);
	st->s.bytes_in = bytes;
	if (end)
		st->flags |= H2S_FIN_IN;
	if (h2_request_end(r, end))
		bad_request(st, r);
	else
		request(st, &r->m);
	return true;
}

static bool got_request(struct h2 *h, struct str block)
{
	struct h2_request r;
	bool ok;

	h->last_id = h->begun.stream;
	h2_request_begin(&r, false, h->conf->uri_max);
	ok = decode(h, block, &r) &&
	     new_stream(h, &r, block.n + H2_FRAME_HEAD * (1u + h->ncontinued));
	msg_free(&r.m);
	return ok;
}

static void trailers(struct h2s *st, struct h2_request *r)
{
	const struct h1_error *err = h2_request_end(r, st->h->begun.flags & H2_FLAG_END_STREAM);

	if (!err && st->in_body == BODY_LENGTH && st->left) {
		bad_body(st);
	} else if (err) {
		if (h2_spend(st->h, H2_COST_RESET))
			bad(st, err, r->malformed);
	} else {
		if (r->m.nhdr)
			msg_move(&st->trailers_in, &r->m);
		h2_give(st);
	}
}

/* A second list of a stream: trailers (RFC 9113 8.1). */
static bool got_trailers(struct h2 *h, struct h2s *st, struct str block)
{
	bool over = st->flags & H2S_FIN_IN;
	struct h2_request r;
	bool ok;

	h2_request_begin(&r, true, 0);
	ok = decode(h, block, &r);
	if (ok && over) {
		h2_stream_fail(st, H2_STREAM_CLOSED, "header list behind the end");
	} else if (ok) {
		st->s.bytes_in += block.n + H2_FRAME_HEAD;
		if (h->begun.flags & H2_FLAG_END_STREAM)
			st->flags |= H2S_FIN_IN;
		if (h2s_listens(st))
			trailers(st, &r);
	}
	msg_free(&r.m);
	return ok;
}

bool h2_got_block(struct h2 *h, struct str block)
{
	uint32_t id = h->begun.stream;
	struct h2s *st = h2_find(h, id);

	if (h->side == MUX_BACK && !(st && st->s.flags & STREAM_GOT_HEAD))
		return h2_back_block(h, st, block);
	if (st)
		return got_trailers(h, st, block);
	if (id > h->last_id && id & 1)
		return got_request(h, block);
	if (!(id & 1) || h2_past(h, id) == H2_PAST_NEVER) /* RFC 9113 5.1.1 */
		return h2_fail(h, H2_PROTOCOL_ERROR);
	return decode_nothing(h, block) && h2_stray(h, id);
}

/* -- DATA --------------------------------------------------------------------------------------- */

/* Whether the body keeps to what was announced; <n> bytes come now. */
static bool right_length(const struct h2s *st, uint32_t n, bool end)
{
	if (st->in != H2_IN_BODY || st->in_body != BODY_LENGTH)
		return true;
	return end ? st->left == n : st->left >= n;
}

static bool data_of(struct h2 *h, struct h2s *st)
{
	uint32_t n = h->left - h->pad;
	bool end = h->frame.flags & H2_FLAG_END_STREAM;

	if (st->flags & H2S_FIN_IN) {
		h2_stream_fail(st, H2_STREAM_CLOSED, "DATA behind the end");
		return true;
	}
	if (h->frame.len > st->recv_win) { /* RFC 9113 6.9.1 */
		h2_stream_fail(st, H2_FLOW_CONTROL_ERROR, "more than the window");
		return true;
	}
	if (h->side == MUX_BACK && !(st->s.flags & STREAM_GOT_HEAD)) { /* RFC 9113 8.1 */
		h2_stream_fail(st, H2_PROTOCOL_ERROR, "DATA before the head");
		return true;
	}
	st->recv_win -= h->frame.len;
	st->s.bytes_in += h->frame.len + H2_FRAME_HEAD;
	h2_credit_stream(st, h->frame.len - n); /* padding is nobody's */
	if (!n && !end && !h2_spend(h, H2_COST_FRAME))
		return false;
	if (n >= USEFUL)
		h2_earn(h, H2_GAIN_DATA);
	return right_length(st, n, end) || !h2s_listens(st) || bad_body(st);
}

bool h2_got_data(struct h2 *h)
{
	struct h2s *st = h2_find(h, h->frame.stream);

	if (h->frame.len > h->recv_win)
		return h2_fail(h, H2_FLOW_CONTROL_ERROR);
	h->recv_win -= h->frame.len;
	h2_credit_conn(h, h->frame.len);
	return st ? data_of(h, st) : h2_stray(h, h->frame.stream);
}

void h2_got_bytes(struct h2 *h, struct slice data)
{
	struct h2s *st = h2_find(h, h->frame.stream);

	if (!st || !h2s_listens(st) || st->flags & H2S_FIN_IN) {
		slice_put(&data);
		return;
	}
	if (st->in == H2_IN_BODY && st->in_body == BODY_LENGTH)
		st->left -= data.len;
	if (st->flags & H2S_CREDIT && !st->rx.bytes && st->in != H2_IN_END) {
		h2_credit_stream(st, data.len);
		stream_give(&st->s, data);
	} else if (!h2_queue_add(&st->rx, data)) {
		h2_stream_fail(st, H2_INTERNAL_ERROR, "no memory for a body");
	}
}

bool h2_got_data_end(struct h2 *h)
{
	struct h2s *st = h2_find(h, h->frame.stream);

	if (!st || !(h->frame.flags & H2_FLAG_END_STREAM) || st->flags & H2S_FIN_IN)
		return true;
	st->flags |= H2S_FIN_IN;
	h2_give(st);
	return true;
}
