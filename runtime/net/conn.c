/* SPDX-License-Identifier: Apache-2.0 */
#include "conn.h"

#include <errno.h>

#include "../base/bug.h"
#include "../core/pool.h"
#include "../core/thread.h"
#include "conn_priv.h"
#include "listener.h"
#include "mux_ops.h"

_Static_assert(sizeof(struct conn) <= 192, "memory per idle connection");

static struct pool conn_pool, extra_pool;
static _Thread_local struct conn *turn_first, *turn_last;
static _Thread_local struct list handshaking; /* client connections that are not ready yet */

static void io_received(struct io *io, struct buf *b, ssize_t n);
static void io_sent(struct io *io, ssize_t n);
static void io_connected(struct io *io, int err);
static void io_closed(struct io *io);
static void io_is_ready(struct io *io, unsigned what);

const struct io_ops conn_io = {
	.received = io_received,
	.sent = io_sent,
	.connected = io_connected,
	.ready = io_is_ready,
	.closed = io_closed,
};

#define TO(state) (1U << CONN_##state)
static const uint8_t legal[] = {
	[CONN_NEW] = TO(CONNECTING) | TO(HANDSHAKE) | TO(CLOSING),
	[CONN_CONNECTING] = TO(HANDSHAKE) | TO(CLOSING),
	[CONN_HANDSHAKE] = TO(READY) | TO(DRAINING) | TO(CLOSING),
	[CONN_READY] = TO(DRAINING) | TO(CLOSING),
	[CONN_DRAINING] = TO(CLOSING),
	[CONN_CLOSING] = 0,
};

void conn_enter(struct conn *c, enum conn_state to)
{
	BUG_ON(!(legal[c->state] & 1U << to));
	c->state = (uint8_t)to;
}

void conn_init(void)
{
	pool_init(&conn_pool, "conn", sizeof(struct conn));
	pool_init(&extra_pool, "conn_extra", sizeof(struct conn_extra));
	out_init();
}

void conn_at_turn(struct conn *c)
{
	if (c->flags & CONN_TURN)
		return;
	c->flags |= CONN_TURN;
	c->turn_next = NULL;
	if (turn_last)
		turn_last->turn_next = c;
	else
		turn_first = c;
	turn_last = c;
}

struct conn_extra *conn_extra_of(struct conn *c)
{
	if (!c->extra)
		c->extra = pool_get_zero(&extra_pool);
	return c->extra;
}

static void extra_free(struct conn *c)
{
	if (!c->extra)
		return;
	if (c->extra->early)
		buf_put(&c->extra->early);
	if (c->extra->transport)
		sealing->free(c);
	if (c->extra->sealed)
		buf_put(&c->extra->sealed);
	pool_put(&extra_pool, c->extra);
	c->extra = NULL;
}

/* Gives the extra object back when nothing in it is needed any more. */
static void extra_trim(struct conn *c)
{
	struct conn_extra *x = c->extra;

	if (x && !x->early && !x->transport && c->state >= CONN_READY && x->local.kind == AK_NONE)
		extra_free(c);
}

struct conn *conn_new(const struct conn_app *app)
{
	struct conn *c = pool_get_zero(&conn_pool);

	if (!c)
		return NULL;
	c->app = app;
	c->io.fd = -1;
	atomic_fetch_add_explicit(&th->load, 1, memory_order_relaxed);
	return c;
}

void conn_free(struct conn *c)
{
	timer_del(&c->timer);
	out_drop(c);
	extra_free(c);
	atomic_fetch_sub_explicit(&th->load, 1, memory_order_relaxed);
	pool_put(&conn_pool, c);
}

static void io_closed(struct io *io)
{
	struct conn *c = CONTAINER(io, struct conn, io);

	BUG_ON(c->state != CONN_CLOSING);
	if (!(c->flags & (CONN_BACK | CONN_TOLD)))
		list_del(&c->link);
	if (c->mux)
		c->mux->release(c);
	if (c->flags & (CONN_BACK | CONN_TOLD))
		c->app->gone(c);
	else if (c->app->lost)
		c->app->lost(c);
	BUG_ON(list_queued(&c->link));
	listener_conn_closed(c->flags & CONN_BACK ? NULL : c->listener);
	if (c->flags & CONN_TURN)
		c->flags |= CONN_CLOSED;
	else
		conn_free(c);
}

void conn_abort(struct conn *c, bool reset)
{
	if (c->state == CONN_CLOSING)
		return;
	timer_del(&c->timer);
	conn_enter(c, CONN_CLOSING);
	io_close(&c->io, reset);
}

/* <read>: bytes of the peer may be unread. */
static void fail(struct conn *c, int err, bool read)
{
	if (c->flags & CONN_FAILED || c->state >= CONN_DRAINING)
		return;
	c->flags |= CONN_FAILED;
	c->err = (uint8_t)(err < 255 ? err : EIO);
	if (!(c->flags & CONN_SENDING))
		out_drop(c);
	/* What the peer sent before its reset is read first: it may be its answer. */
	if (c->state == CONN_READY && read && err != ENOMEM && err != EPROTO)
		return;
	c->flags |= CONN_TELL;
	conn_at_turn(c);
}

/* A server's answer waits for whoever takes it, a client's failure is told at once. */
void conn_fail(struct conn *c, int err)
{
	fail(c, err, c->flags & (CONN_ARMED | CONN_BACK));
}

void conn_broken(struct conn *c, int err)
{
	fail(c, err, c->flags & CONN_ARMED);
}

static void tell_failure(struct conn *c)
{
	conn_recv_stop(c);
	c->flags |= CONN_OVER;
	if (c->state == CONN_READY && c->mux) {
		c->mux->ended(c, -(int)c->err);
	} else if (c->state < CONN_READY && (c->flags & CONN_BACK)) {
		timer_del(&c->timer);
		c->flags |= CONN_TOLD;
		c->app->ready(c, c->err);
	} else {
		conn_abort(c, false);
	}
}

/* Ends. */

static void finish(struct conn *c)
{
	conn_abort(c, false);
}

static void close_timer(struct timer *t)
{
	finish(CONTAINER(t, struct conn, timer));
}

void conn_close_within(struct conn *c, uint32_t ms)
{
	c->timer.fire = close_timer;
	timer_set(&c->timer, th->now + ms);
}

/* The output has left. A close while the peer still sends makes the kernel answer with a reset,
 * which may destroy our last bytes on their way: so end our direction, then wait for the peer's
 * end (RFC 9112 9.6). */
static void linger(struct conn *c)
{
	if (!transport_shut(c))
		return;
	if ((c->flags & (CONN_BACK | CONN_EOF)) || !(c->flags & CONN_SENT) ||
	    (!(c->flags & CONN_SHUT) && io_shut(&c->io) < 0)) {
		finish(c);
		return;
	}
	c->flags |= CONN_SHUT;
	conn_close_within(c, CONN_LINGER_MS);
}

void conn_close(struct conn *c)
{
	if (c->state >= CONN_DRAINING)
		return;
	if (c->state < CONN_HANDSHAKE || (c->flags & CONN_FAILED) ||
	    ((c->flags & CONN_BACK) && !(c->flags & CONN_TRANSPORT) && !c->out)) {
		finish(c);
		return;
	}
	conn_enter(c, CONN_DRAINING);
	timer_del(&c->timer);
	if (c->extra && c->extra->early)
		buf_put(&c->extra->early);
	if (!(c->flags & (CONN_EOF | CONN_BACK)))
		io_recv(&c->io, IO_MANY);
	if (!out_empty(c)) {
		conn_close_within(c, CONN_STALL_MS);
		conn_at_turn(c);
	} else {
		linger(c);
	}
}

static void shut_now(struct conn *c)
{
	if (!transport_shut(c))
		return;
	c->flags = (uint16_t)((c->flags & ~CONN_SHUT_LATER) | CONN_SHUT);
	if (io_shut(&c->io) < 0)
		conn_fail(c, ECONNRESET);
}

void conn_shut(struct conn *c)
{
	if (c->state >= CONN_DRAINING || (c->flags & (CONN_SHUT | CONN_SHUT_LATER | CONN_FAILED)))
		return;
	c->flags |= CONN_SHUT_LATER;
	if (out_empty(c))
		shut_now(c);
}

/* Receiving. */

bool conn_has_early(const struct conn *c)
{
	return c->extra && c->extra->early;
}

void conn_recv(struct conn *c, enum io_mode mode)
{
	if (c->state >= CONN_DRAINING || (c->flags & (CONN_EOF | CONN_TELL | CONN_OVER)))
		return;
	c->flags |= CONN_ARMED;
	if (mode == IO_MANY)
		c->flags |= CONN_ARMED_MANY;
	else
		c->flags = (uint16_t)(c->flags & ~CONN_ARMED_MANY);
	if ((conn_has_early(c) && c->state == CONN_READY) || transport_reopens(c))
		conn_at_turn(c);
	else
		io_recv(&c->io, mode);
}

void conn_recv_stop(struct conn *c)
{
	if (!(c->flags & CONN_ARMED) || c->state >= CONN_DRAINING)
		return;
	c->flags = (uint16_t)(c->flags & ~(CONN_ARMED | CONN_ARMED_MANY));
	if (!conn_has_early(c) || c->state < CONN_READY)
		io_recv_stop(&c->io);
}

static void deliver_early(struct conn *c)
{
	struct buf *b = c->extra->early;

	c->extra->early = NULL;
	extra_trim(c);
	if (c->flags & CONN_ARMED_MANY)
		conn_recv(c, IO_MANY);
	else
		c->flags = (uint16_t)(c->flags & ~CONN_ARMED);
	c->mux->received(c, b);
}

/* Adds <b> to the bytes of the handshake. False when there are too many or no memory. */
static bool add_early(struct conn *c, struct buf *b)
{
	struct conn_extra *x = conn_extra_of(c);
	bool fits = x && (!x->early || buf_room(x->early) >= b->len);

	if (fits && !x->early) {
		x->early = b;
		return true;
	}
	if (fits) {
		memcpy(buf_tail(x->early), b->data + b->off, b->len);
		x->early->len += b->len;
	}
	buf_put(&b);
	return fits;
}

/* The handler has put a transport on: what came with its first bytes is the transport's. */
static void feed_early(struct conn *c, size_t used)
{
	struct buf *b = c->extra->early;

	c->extra->early = NULL;
	b->off += (uint32_t)used;
	b->len -= (uint32_t)used;
	c->extra->above = true;
	if (b->len)
		sealing->open(c, b);
	else
		buf_put(&b);
	c->extra->above = false;
}

/* Runs handlers from the first that is not done. True when all are. */
static bool run_handlers(struct conn *c)
{
	struct conn_extra *x = c->extra;

	while (x && x->hs && *x->hs) {
		struct str in =
			x->early ? str_of(x->early->data + x->early->off, x->early->len) : S("");
		const void *below = x->transport_ctx;
		size_t used = 0;
		enum hs_result r = (*x->hs)->run(c, in, &used);

		BUG_ON(used > in.n);
		if (x->transport_ctx != below && x->early) {
			feed_early(c, used);
			if (r == HS_MORE)
				continue;
		} else if (x->early) {
			x->early->off += (uint32_t)used;
			x->early->len -= (uint32_t)used;
			if (!x->early->len)
				buf_put(&x->early);
		}
		if (r == HS_DONE) {
			x->hs++;
			continue;
		}
		if (r == HS_CLOSE)
			conn_close(c);
		else if (r == HS_FAIL || (c->flags & CONN_EOF) ||
			 (r != HS_HOLD && x->early && !buf_room(x->early)))
			conn_fail(c, ECONNABORTED);
		else if (!x->early || buf_room(x->early))
			conn_recv(c, IO_ONCE);
		return false;
	}
	return true;
}

void conn_handshake(struct conn *c)
{
	bool done;

	if (c->extra)
		c->extra->running = true;
	done = run_handlers(c);
	if (c->extra)
		c->extra->running = false;
	if (!done && !(c->flags & CONN_BACK) && !list_queued(&c->link))
		list_append(&handshaking, &c->link);
	if (!done || c->state != CONN_HANDSHAKE || (c->flags & CONN_FAILED))
		return;
	if (!(c->flags & CONN_BACK))
		list_del(&c->link);
	timer_del(&c->timer);
	conn_enter(c, CONN_READY);
	if (c->extra)
		c->extra->hs = NULL;
	extra_trim(c);
	c->flags |= CONN_TOLD;
	c->app->ready(c, 0);
}

void conn_cut_handshakes(void)
{
	struct list *at, *next;

	for (at = handshaking.next; at != &handshaking; at = next) {
		next = at->next;
		conn_abort(CONTAINER(at, struct conn, link), false);
	}
}

static void handshake_received(struct conn *c, struct buf *b, ssize_t n)
{
	if (n > 0 && add_early(c, b))
		conn_handshake(c);
	else
		conn_fail(c, n < 0 ? (int)-n : n == 0 ? ECONNRESET : EMSGSIZE);
}

static void ready_received(struct conn *c, struct buf *b, ssize_t n)
{
	if (n > 0) {
		c->mux->received(c, b);
		return;
	}
	if (n < 0 && !(c->flags & CONN_FAILED)) {
		c->flags |= CONN_FAILED;
		c->err = (uint8_t)(n > -255 ? -n : EIO);
		if (!(c->flags & CONN_SENDING))
			out_drop(c);
	}
	if (c->flags & CONN_FAILED)
		c->flags |= CONN_OVER;
	c->mux->ended(c, c->flags & CONN_FAILED ? -(int)c->err : 0);
}

static void draining_received(struct conn *c, struct buf *b, ssize_t n)
{
	if (n > 0)
		buf_put(&b);
	else if (n < 0 || (c->flags & CONN_SHUT))
		finish(c);
}

void conn_arrived(struct conn *c, struct buf *b, ssize_t n)
{
	if (n == 0)
		c->flags |= CONN_EOF;
	if (n <= 0 || !(c->flags & CONN_ARMED_MANY))
		c->flags = (uint16_t)(c->flags & ~(CONN_ARMED | CONN_ARMED_MANY));
	if (c->state == CONN_DRAINING) {
		draining_received(c, b, n);
	} else if (c->state == CONN_CLOSING || (c->flags & (CONN_TELL | CONN_OVER))) {
		if (b)
			buf_put(&b);
	} else if (c->state == CONN_HANDSHAKE) {
		handshake_received(c, b, n);
	} else {
		BUG_ON(c->state != CONN_READY || !c->mux);
		ready_received(c, b, n);
	}
}

static void io_received(struct io *io, struct buf *b, ssize_t n)
{
	struct conn *c = CONTAINER(io, struct conn, io);

	if (!(c->flags & CONN_TRANSPORT) || c->state >= CONN_DRAINING ||
	    (c->flags & (CONN_TELL | CONN_OVER)))
		conn_arrived(c, b, n);
	else if (n > 0)
		sealing->open(c, b);
	else
		sealing->ended(c, n);
}

static void io_connected(struct io *io, int err)
{
	struct conn *c = CONTAINER(io, struct conn, io);

	if (c->state != CONN_CONNECTING || (c->flags & CONN_FAILED))
		return;
	if (err) {
		conn_fail(c, err);
		return;
	}
	conn_enter(c, CONN_HANDSHAKE);
	conn_handshake(c);
}

static void io_is_ready(struct io *io, unsigned what)
{
	struct conn *c = CONTAINER(io, struct conn, io);

	if (c->state == CONN_READY && c->mux->ready)
		c->mux->ready(c, what);
}

/* Sending. */

void conn_drained(struct conn *c)
{
	if (c->state == CONN_DRAINING) {
		if (out_empty(c))
			linger(c);
		else
			conn_close_within(c, CONN_STALL_MS);
		return;
	}
	if (out_empty(c) && (c->flags & CONN_SHUT_LATER))
		shut_now(c);
	if (c->state == CONN_READY && c->mux && conn_queued(c) < CONN_LOW)
		c->mux->drained(c);
}

static void io_sent(struct io *io, ssize_t n)
{
	struct conn *c = CONTAINER(io, struct conn, io);

	c->flags = (uint16_t)(c->flags & ~CONN_SENDING);
	if (c->state == CONN_CLOSING)
		return;
	if (transport_reopens(c))
		conn_at_turn(c);
	if (n > 0) {
		c->flags |= CONN_SENT;
		out_sent(c, (size_t)n);
	}
	if (c->flags & CONN_FAILED) {
		out_drop(c);
		return;
	}
	if (n < 0) {
		if (c->state == CONN_DRAINING)
			finish(c);
		else
			conn_fail(c, (int)-n);
		return;
	}
	out_flush(c);
	if (n > 0)
		conn_drained(c);
}

/* End of the turn. */

static void end_turn(struct conn *c)
{
	if (c->flags & CONN_CLOSED) {
		conn_free(c);
		return;
	}
	if (c->state == CONN_CLOSING)
		return;
	if (c->flags & CONN_TELL) {
		c->flags = (uint16_t)(c->flags & ~CONN_TELL);
		tell_failure(c);
		return;
	}
	if (c->state == CONN_READY && conn_has_early(c) && (c->flags & CONN_ARMED) && c->mux)
		deliver_early(c);
	if (c->state > CONN_CONNECTING && c->state < CONN_CLOSING && !(c->flags & CONN_FAILED))
		out_flush(c);
	if (c->flags & CONN_TRANSPORT)
		sealing->turn(c);
}

static void turn(void)
{
	while (turn_first) {
		struct conn *c = turn_first;

		turn_first = c->turn_next;
		if (!turn_first)
			turn_last = NULL;
		c->turn_next = NULL;
		c->flags = (uint16_t)(c->flags & ~CONN_TURN);
		end_turn(c);
	}
}

void conn_thread_start(void)
{
	th->turn = turn;
	list_init(&handshaking);
}

void conn_thread_stop(void)
{
	turn();
	th->turn = NULL;
	out_thread_stop();
}
