/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include "../base/bug.h"
#include "answer.h"
#include "attempt.h"
#include "count.h"

#define REST_MAX                                                                                   \
	16384 /* so much of a request body is awaited behind an answer to keep the connection */
#define RATE_WINDOW_MS 10000 /* rate-min is an average over that long */

static void credit_front(struct exchange *x, bool on)
{
	if (x->front)
		x->front->mux->credit(x->front, on);
}

static void credit_back(struct exchange *x, bool on)
{
	if (x->back)
		x->back->mux->credit(x->back, on);
}

static bool tunnel(const struct exchange *x)
{
	return x->step == X_TUNNEL;
}

/* The client has its answer, the little that is missing of its request is read and dropped: then
 * another can follow. What is more, of unknown length, or waits for our 100 (RFC 9110 10.1.1),
 * costs the connection. */
static bool small_rest(const struct exchange *x)
{
	return x->req.body == BODY_LENGTH && !(x->req.flags & MSG_EXPECT) &&
	       !(x->flags & (X_FRONT_OVER | X_TCP)) && x->req.length - x->body_in <= REST_MAX;
}

/* Everything has been given to the client's mux and has left it (tunnels: in both directions). */
static bool finished(const struct exchange *x)
{
	if (tunnel(x))
		return (x->flags & X_REQ_END) && (x->flags & X_RSP_END) && !x->front->queued &&
		       !x->back->queued;
	if ((x->flags & X_FRONT_OVER) && (x->flags & X_RSP_SENT_END))
		return true;
	return (x->flags & X_RSP_SENT_END) && x->front->queued == 0 &&
	       ((x->flags & X_REQ_END) || !small_rest(x));
}

/* After anything moved. <x> may be gone afterwards. */
static void moved(struct exchange *x, bool client, bool server)
{
	if (finished(x))
		exchange_finished(x);
	else
		exchange_deadlines(x, client, server);
}

/* -- links --------------------------------------------------------------------------------------- */

void relay_link_request(struct exchange *x)
{
	stream_link(x->front, x->back);
}

void relay_link_response(struct exchange *x)
{
	stream_link(x->back, x->front);
}

void relay_count(struct exchange *x)
{
	struct stream *front = x->front, *back = x->back;

	if (front && front->passed) {
		x->body_in += front->passed;
		x->flags |= X_BODY_SENT;
		front->passed = 0;
	}
	if (back && back->passed) {
		x->body_out += back->passed;
		back->passed = 0;
	}
}

void relay_unlink(struct exchange *x, struct stream *s)
{
	relay_count(x);
	if (!s || !(s->to || s->from))
		return;
	stream_unlink(s);
	x->client_at = x->server_at = x->rate_at = 0; /* were of the link; found anew */
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The client is waited for from the last time it sent, or took something, or could send again. */
uint64_t relay_client_last(const struct exchange *x)
{
	return later(later(x->front->in_at, x->front->out_at), x->front->to ? x->back->out_at : 0);
}

uint64_t relay_server_last(const struct exchange *x)
{
	return later(later(x->back->in_at, x->back->out_at), x->back->to ? x->front->out_at : 0);
}

/* -- client to server ---------------------------------------------------------------------------
 */

/* Appends <data> to what is held, in a buffer that nobody else holds. False: it does not fit. */
static bool hold(struct slice *held, struct slice data)
{
	struct buf *b = held->buf;

	if (!b) {
		*held = data;
		return true;
	}
	if (b->refs > 1 || held->off + held->len != b->off + b->len || buf_room(b) < data.len) {
		b = held->len + data.len <= BUF_ROOM ? buf_get() : NULL;
		if (!b)
			return false;
		memcpy(buf_tail(b), held->buf->data + held->off, held->len);
		b->len = held->len;
		buf_put(&held->buf);
		*held = (struct slice) { .buf = b, .off = b->off, .len = b->len };
	}
	memcpy(buf_tail(b), data.buf->data + data.off, data.len);
	b->len += data.len;
	held->len += data.len;
	slice_put(&data);
	return true;
}

/* tcp: the first bytes, at most a buffer of them; then the rules. */
static void gather(struct exchange *x, struct slice data)
{
	if (!hold(&x->held, data)) {
		slice_put(&data);
		exchange_drop(x, END_BAD_REQUEST);
	} else if (!site.ws->preread || !site.ws->preread->more(slice_str(&x->held))) {
		exchange_route_tcp(x);
	}
}

void relay_front_data(struct stream *s, struct slice data)
{
	struct exchange *x = s->owner;

	x->body_in += data.len;
	if (x->step == X_PREREAD) {
		gather(x, data);
		return;
	}
	if (!x->back) { /* answered already: the rest of the request is read only to be dropped */
		slice_put(&data);
		moved(x, true, false);
		return;
	}
	x->flags |= X_BODY_SENT;
	if (!x->back->mux->data(x->back, data)) {
		exchange_back_failed(x, STREAM_NO_MEMORY);
		return;
	}
	if (x->back->queued > STREAM_HIGH)
		credit_front(x, false);
	exchange_deadlines(x, true, false);
}

void relay_front_end(struct stream *s, struct msg *trailers)
{
	struct exchange *x = s->owner;
	bool had = x->flags & X_REQ_END;

	x->flags |= X_REQ_END;
	x->body_at = 0;
	if (x->step == X_PREREAD) {
		exchange_route_tcp(x);
		return;
	}
	if (had && !tunnel(x))
		return;
	if (x->back && !(x->flags & X_REQ_SENT_END)) {
		x->flags |= X_REQ_SENT_END;
		if (!x->back->mux->end(x->back, trailers)) {
			exchange_back_failed(x, STREAM_NO_MEMORY);
			return;
		}
	}
	moved(x, true, true);
}

/* -- server to client ---------------------------------------------------------------------------
 */

/* Interim responses are passed on, but not to a 1.0 client, who does not know them (RFC 9110 15.2).
 */
static void interim(struct exchange *x, const struct msg *m)
{
	if (!(x->req.flags & MSG_HTTP10))
		x->front->mux->head(x->front, m, false, 0);
	exchange_deadlines(x, false, true);
}

static void back_head(struct stream *s, struct msg *m)
{
	struct exchange *x = s->owner;

	if (m->status < 200 && m->status != 101) {
		interim(x, m);
		return;
	}
	if (m->status == 101 && !(x->req.flags & MSG_UPGRADE)) {
		exchange_back_failed(x, STREAM_BAD);
		return;
	}
	msg_move(&x->rsp, m);
	if (x->rsp.body == BODY_NONE)
		x->flags |= X_RSP_END;
	exchange_response(x);
}

static void back_data(struct stream *s, struct slice data)
{
	struct exchange *x = s->owner;

	if (x->flags &
	    X_RSP_SENT_END) { /* to HEAD that a rule made another method: the client gets no body */
		slice_put(&data);
		return;
	}
	x->body_out += data.len;
	if (!x->front->mux->data(x->front, data)) {
		exchange_drop(x, END_RESOURCE);
		return;
	}
	if (x->front->queued > STREAM_HIGH)
		credit_back(x, false);
	exchange_deadlines(x, false, true);
}

/* The response is whole: its connection is given back before the client has read all of it. */
static void release_back(struct exchange *x)
{
	struct stream *s = x->back;

	relay_unlink(x, s);
	x->back = NULL;
	s->mux->detach(s, false);
	attempt_leave(x);
}

static void back_end(struct stream *s, struct msg *trailers)
{
	struct exchange *x = s->owner;

	x->flags |= X_RSP_END;
	if (!(x->flags & X_RSP_SENT_END)) {
		x->flags |= X_RSP_SENT_END;
		if (!x->front->mux->end(x->front, trailers)) {
			exchange_drop(x, END_RESOURCE);
			return;
		}
	}
	if (!tunnel(x)) {
		release_back(x);
		/* It may have been off for this server's sake: what is missing of the request is
		 * read and dropped now. */
		if (!(x->flags & X_REQ_END) && small_rest(x))
			credit_front(x, true);
	}
	moved(x, false, true);
}

/* The whole request has left in the tick in which it was queued: the deadlines hold as they are. */
static bool sent_at_once(const struct exchange *x)
{
	return x->step == X_SENT && !x->back->queued && (x->flags & X_REQ_SENT_END) &&
	       !(x->flags & X_RSP_STARTED) &&
	       x->server_at == exchange_after(x->be->owner->num[WS_T_SERVER]);
}

static void back_drained(struct stream *s)
{
	struct exchange *x = s->owner;

	if (s->queued <= STREAM_LOW && !((x->flags & X_REQ_END) && !tunnel(x)))
		credit_front(x, true);
	if (!sent_at_once(x))
		moved(x, false, true);
}

static void back_failed(struct stream *s, enum stream_error why)
{
	exchange_back_failed(s->owner, why);
}

const struct stream_ops exchange_back_ops = {
	.head = back_head,
	.data = back_data,
	.end = back_end,
	.drained = back_drained,
	.failed = back_failed,
};

/* -- the answer ---------------------------------------------------------------------------------
 */

static bool more_made(const struct exchange *x)
{
	return x->made.n || x->page;
}

/* The next BUF_ROOM bytes of a made body, or fewer, to <out>. */
static uint32_t next_made(struct exchange *x, char *out)
{
	uint32_t n = (uint32_t)(x->made.n < BUF_ROOM ? x->made.n : BUF_ROOM);

	if (x->page) {
		n = (uint32_t)x->page->fill(&x->page_at, out, BUF_ROOM);
		if (!n)
			x->page = NULL;
		return n;
	}
	memcpy(out, x->made.p, n);
	x->made = str_skip(x->made, n);
	return n;
}

/* Gives as much of a made body to the mux as its queue takes. False: the exchange is gone. */
static bool pump_made(struct exchange *x)
{
	const struct mux_ops *mux = x->front->mux;

	while (more_made(x) && x->front->queued <= STREAM_HIGH) {
		struct slice piece = { .buf = buf_get_reserved(), .off = BUF_HEAD };

		if (!piece.buf)
			break;
		piece.len = next_made(x, piece.buf->data + piece.off);
		piece.buf->len = piece.len;
		if (!piece.len) {
			slice_put(&piece);
			continue;
		}
		x->body_out += piece.len;
		if (!mux->data(x->front, piece)) {
			exchange_drop(x, END_RESOURCE);
			return false;
		}
	}
	if (!more_made(x) && !(x->flags & X_RSP_SENT_END)) {
		x->flags |= X_RSP_SENT_END;
		mux->end(x->front, NULL);
	}
	if (more_made(x) &&
	    x->front->queued == 0) { /* no buffer now and no upcall to come: try again soon */
		x->step_at = th->now + 10;
		exchange_deadlines(x, false, false);
	}
	return true;
}

void relay_more_made(struct exchange *x)
{
	if (pump_made(x))
		moved(x, false, false);
}

void relay_front_drained(struct stream *s)
{
	struct exchange *x = s->owner;

	if ((x->flags & X_MADE) && !pump_made(x))
		return;
	if (x->back && s->queued <= STREAM_LOW)
		credit_back(x, true);
	moved(x, true, false);
}

void relay_front_failed(struct stream *s, enum stream_error why)
{
	exchange_front_failed(s->owner, why);
}

void relay_send_head(struct exchange *x)
{
	struct stream *s = x->front;
	bool raw = x->rsp.body == BODY_TUNNEL && !(x->flags & X_MADE);
	bool end = !raw && (x->rsp.body == BODY_NONE || (x->flags & X_HEAD_METHOD));
	uint32_t how = 0;

	bool rest = (x->flags & X_MADE) && !(x->flags & X_REQ_END) && x->req.blk;

	if (x->flags & X_CLOSE_FRONT || site.stopping || (rest && !small_rest(x)))
		how |= HEAD_CLOSE;
	if (x->flags & X_HEAD_METHOD)
		how |= HEAD_NO_BODY;
	if (raw)
		how |= HEAD_TUNNEL;
	if (x->flags & X_HEAD_METHOD) {
		x->made = (struct str) { 0 };
		x->page = NULL;
	}
	x->status = x->rsp.status;
	x->flags |= X_RSP_STARTED | (end ? X_RSP_SENT_END : 0);
	/* Without memory even for a made answer there is no message. */
	if (!x->rsp.blk || !s->mux->head(s, &x->rsp, end, how)) {
		exchange_drop(x, END_RESOURCE);
		return;
	}
	if (raw) {
		relay_start_tunnel(x);
		return;
	}
	if ((x->flags & X_MADE) && !end && !pump_made(x))
		return;
	if (rest && small_rest(x))
		credit_front(x, true);
	if (!end && !(x->flags & X_MADE))
		relay_link_response(x);
	/* An answer without a body may end here; a server's body goes on by credit, or at once. */
	if (!x->back || !(x->back->flags & STREAM_WHOLE))
		moved(x, false, true);
}

void relay_start_tunnel(struct exchange *x)
{
	struct stream *back = x->back;

	x->step = X_TUNNEL;
	x->flags |= X_RSP_STARTED;
	x->flags &= ~(uint32_t)(X_RSP_END | X_RSP_SENT_END);
	if (!(x->flags & X_TCP))
		x->flags &= ~(uint32_t)(X_REQ_END | X_REQ_SENT_END);
	if (x->held.buf) {
		struct slice held = x->held;

		x->held = (struct slice) { 0 };
		if (!back->mux->data(back, held)) {
			exchange_drop(x, END_RESOURCE);
			return;
		}
	}
	if (x->flags & X_REQ_END) {
		x->flags |= X_REQ_SENT_END;
		back->mux->end(back, NULL);
	} else {
		relay_link_request(x);
		credit_front(x, true);
	}
	relay_link_response(x);
	credit_back(x, true);
	exchange_deadlines(x, true, true);
}

/* -- the watch over slow clients --------------------------------------------------------------- */

/* What the client has sent of the body and taken of the answer. Only differences mean something:
 * bytes of an earlier answer may be in the queue too. */
static uint64_t client_bytes(const struct exchange *x)
{
	bool own = x->front->conn && !(x->front->flags & STREAM_SHARED);

	return x->body_in + x->front->bytes_out - (own ? conn_queued(x->front->conn) : 0);
}

bool relay_client_took(struct exchange *x)
{
	struct stream *s = x->front;
	uint32_t queued;
	bool less;

	if (s->flags & STREAM_SHARED) /* since the deadline was set */
		return s->out_at + (uint64_t)x->fe->num[WS_T_CLIENT] > x->client_at;
	queued = s->conn ? (uint32_t)conn_queued(s->conn) + s->in_pipe : s->queued;
	less = queued < s->queued;
	s->queued = queued;
	return less;
}

void relay_open_window(struct exchange *x)
{
	relay_count(x);
	x->rate_at = th->now + RATE_WINDOW_MS;
	x->rate_bytes = client_bytes(x);
}

/* Linked streams: was the client what the exchange waited for, from <since> until now? Else its queue
 * was empty at some time, or the server's was full. */
static bool waited_for_client(const struct exchange *x, uint64_t since)
{
	const struct stream *front = x->front;
	bool reads = front->queued && front->empty_at < since;
	bool sends = front->to && !(x->flags & X_REQ_END) && x->back->queued <= STREAM_HIGH &&
		     front->full_at < since;

	return reads || sends;
}

static bool slower_than_allowed(struct exchange *x)
{
	uint64_t got = client_bytes(x) - x->rate_bytes;
	uint64_t least = (uint64_t)x->fe->num[WS_RATE_BYTES] * RATE_WINDOW_MS /
			 (uint64_t)x->fe->num[WS_RATE_MS];

	x->rate_at = 0;
	relay_watch_rate(x, true);
	return got < least;
}

bool relay_too_slow(struct exchange *x)
{
	if (relay_linked(x) && !waited_for_client(x, x->rate_at - RATE_WINDOW_MS)) {
		relay_open_window(x);
		return false;
	}
	relay_count(x);
	return slower_than_allowed(x);
}
