/* SPDX-License-Identifier: Apache-2.0 */
#include "mux_h1.h"

#include <errno.h>

#include "../base/bug.h"
#include "../core/pool.h"
#include "../core/thread.h"
#include "stream.h"

#define STOP_MS 10 /* an idle client is let go so long after the stop has begun */

static struct pool h1_pool, h1s_pool;

static void run(struct h1 *h);

static void h1_setup(void)
{
	msg_setup();
	stream_setup();
	pool_init(&h1_pool, "mux_h1", sizeof(struct h1));
	pool_init(&h1s_pool, "h1_stream", sizeof(struct h1s));
}

static struct h1 *h1_of(const struct conn *c)
{
	return c->mux_ctx;
}

static bool usable(const struct h1 *h)
{
	return h->conn->state == CONN_READY;
}

/* Streams. */

static void stream_task(struct task *t)
{
	struct h1s *st = CONTAINER(t, struct h1s, task);

	if (st->h)
		run(st->h);
}

/* Makes <st> the stream of the next message of <h>. */
static void stream_init(struct h1 *h, struct h1s *st)
{
	memset(st, 0, sizeof(*st));
	task_init(&st->task, TASK_NORMAL, stream_task);
	st->h = h;
	st->s.conn = h->conn;
	st->s.mux = &mux_h1;
	st->s.t_head = th->now_us;
	if (!(h->flags & H1_USED))
		st->s.flags = STREAM_FIRST;
	h->flags |= H1_USED;
	h->s = st;
}

static bool stream_new(struct h1 *h)
{
	struct h1s *st = pool_get(&h1s_pool);

	if (!st)
		return false;
	stream_init(h, st);
	return true;
}

static void stream_free(struct h1s *st)
{
	task_cancel(&st->task);
	pool_put(&h1s_pool, st);
}

bool h1_open(struct h1s *st)
{
	struct msg m = { 0 };

	st->flags |= H1S_OPEN;
	if (st->h->conf->app->open(&st->s))
		return true;
	/* No memory for an exchange: a bare answer, if there is memory for that. */
	st->flags |= H1S_CLOSE;
	if (msg_answer(&m, st->s.bad_status ? st->s.bad_status : 503))
		h1_send_head(&st->s, &m, true, HEAD_CLOSE);
	msg_free(&m);
	st->flags |= H1S_DETACHED;
	return false;
}

void h1_fail(struct h1s *st, enum stream_error why)
{
	if (st->flags & (H1S_FAILED | H1S_DETACHED))
		return;
	if (!(st->flags & H1S_OPEN) && !h1_open(st))
		return;
	st->flags |= H1S_FAILED;
	st->s.ops->failed(&st->s, why);
}

/* The connection fails under the answer to what failed before: that is told too. */
static void fail_answer(struct h1s *st)
{
	st->s.bad_status = 0;
	if (!(st->flags & H1S_DETACHED))
		st->s.ops->failed(&st->s, STREAM_PEER_RESET);
}

/* Timers (front). A timer that fires while a message is under way is a left-over and means
 * nothing. */

static void head_late(struct h1s *st)
{
	st->s.bad_status = 408;
	st->s.bad = "head not complete in time";
	h1_count_rest(st->h);
	h1_fail(st, STREAM_TIMEOUT_HEAD);
}

static void timer_fired(struct timer *t)
{
	struct conn *c = CONTAINER(t, struct conn, timer);
	struct h1 *h = h1_of(c);

	if (!usable(h))
		return;
	if (!h->s && h->flags & H1_STOP && conn_unread(c)) {
		timer_set(t, th->now + STOP_MS);
	} else if (!h->s) {
		conn_close(c);
	} else if (h->s->in == H1_IN_HEAD) {
		h->flags |= H1_BUSY;
		head_late(h->s);
		h->flags &= (uint8_t)~H1_BUSY;
		run(h);
	}
}

static void wait_for(struct h1 *h, uint32_t ms)
{
	h->conn->timer.fire = timer_fired;
	if (h->side == MUX_FRONT && ms)
		timer_set(&h->conn->timer, th->now + ms);
	else
		timer_del(&h->conn->timer);
}

/* Receiving is armed for whatever may be stored or handed over now. */
static void arm(struct h1 *h)
{
	const struct h1s *st = h->s;
	struct conn *c = h->conn;
	bool on = !h->rx2, once = false;

	if (!usable(h) || h->flags & H1_EOF)
		return;
	if (st && st->flags & (H1S_FAILED | H1S_DETACHED)) {
		on = false;
	} else if (st && st->in == H1_IN_END) {
		if (st->s.flags & STREAM_LAST)
			h1_drop_received(h);
		on = !h->rx;
	} else if (st && st->in != H1_IN_HEAD) {
		on = on && st->flags & H1S_CREDIT;
		once = true;
	}
	if (!on)
		conn_recv_stop(c);
	else if (!(c->flags & CONN_ARMED) || !(c->flags & CONN_ARMED_MANY) != once)
		conn_recv(c, once ? IO_ONCE : IO_MANY);
}

/* The end of a stream. */

static bool complete(const struct h1 *h, const struct h1s *st)
{
	return st->in == H1_IN_END && st->out == H1_OUT_END && st->flags & H1S_KEEP &&
	       !(st->flags & (H1S_CLOSE | H1S_FAILED | H1S_CUT | H1S_RESET)) &&
	       !(h->flags & H1_STOP);
}

/* Closes the connection behind the stream <st>, politely when its output is a whole message. */
static void close_behind(struct h1 *h, const struct h1s *st)
{
	bool cut = st->flags & H1S_CUT || (st->out == H1_OUT_BODY && st->out_body == BODY_CLOSE);

	if (st->flags & H1S_RESET || (h->side == MUX_FRONT && cut))
		conn_abort(h->conn, true);
	else if (h->side == MUX_BACK && st->out != H1_OUT_END)
		conn_abort(h->conn, false);
	else
		conn_close(h->conn);
}

static void idle(struct h1 *h)
{
	if (h->flags & H1_EOF)
		conn_close(h->conn);
	else if (h->side == MUX_FRONT)
		wait_for(h, h->conf->keepalive_ms);
	else if (h->conf->app->idle)
		h->conf->app->idle(h->conn);
}

/* The owner has given the stream up: next message, idle, or the end. */
static void settle(struct h1 *h)
{
	struct h1s *st = h->s;
	bool whole = complete(h, st);

	h->s = NULL;
	if (!whole || (h->side == MUX_BACK &&
		       h->rx)) { /* RFC 9112 6.3: what comes behind a response is nobody's */
		h1_drop_received(h);
		close_behind(h, st);
	}
	stream_free(st);
	if (usable(h) && !h->rx)
		idle(h);
}

/* Bytes without a stream. False when they wait. */
static bool begin(struct h1 *h)
{
	if (!h->rx)
		return false;
	if (h->side == MUX_BACK) {
		conn_abort(h->conn, false);
		return false;
	}
	if (conn_queued(h->conn) >
	    STREAM_HIGH) /* a client that asks and does not read the answers */
		return false;
	if (!stream_new(h)) {
		conn_abort(h->conn, false);
		return false;
	}
	return true;
}

static void run(struct h1 *h)
{
	bool go = true;

	BUG_ON(h->flags & H1_BUSY);
	h->flags |= H1_BUSY;
	while (go && usable(h)) {
		if (h->s && h->s->flags & H1S_DETACHED)
			settle(h);
		else if (!h->s)
			go = begin(h);
		else
			go = h1_read(h) || h->s->flags & H1S_DETACHED;
	}
	h->flags &= (uint8_t)~H1_BUSY;
	if (h->s && h->s->in == H1_IN_HEAD && h->side == MUX_FRONT &&
	    !(h->s->flags & H1S_WAITING)) {
		h->s->flags |= H1S_WAITING;
		wait_for(h, h->conf->head_ms);
	}
	arm(h);
}

/* From the connection. */

static bool h1_start(struct conn *c, enum mux_side side, const struct mux_conf *conf)
{
	struct h1 *h = pool_get_zero(&h1_pool);

	if (!h)
		return false;
	h->conf = conf;
	h->conn = c;
	h->side = (uint8_t)side;
	conn_attach(c, &mux_h1, h);
	wait_for(h, conf->head_ms ? conf->head_ms : conf->keepalive_ms);
	arm(h);
	return true;
}

static void h1_received(struct conn *c, struct buf *b)
{
	struct h1 *h = h1_of(c);

	if (!h1_store(h, b)) {
		if (h->s)
			h1_fail(h->s, STREAM_NO_MEMORY);
		else
			conn_abort(c, false);
	}
	run(h);
}

static void h1_ended(struct conn *c, int err)
{
	struct h1 *h = h1_of(c);
	struct h1s *st = h->s;
	bool stale =
		st && h->side == MUX_BACK && !(st->s.flags & (STREAM_FIRST | STREAM_GOT_BYTES));

	h->flags |= H1_EOF;
	if (err && st) {
		h1_drop_received(h);
		h->flags |= H1_BUSY;
		if (st->flags & H1S_FAILED && st->s.bad_status)
			fail_answer(st);
		else
			h1_fail(st, err == -ENOMEM ? STREAM_NO_MEMORY
				    : stale        ? STREAM_STALE
						   : STREAM_PEER_RESET);
		h->flags &= (uint8_t)~H1_BUSY;
	} else if (st && st->in == H1_IN_END && !(st->flags & H1S_DETACHED) && st->s.ops->left) {
		h->flags |= H1_BUSY;
		st->s.ops->left(&st->s);
		h->flags &= (uint8_t)~H1_BUSY;
	} else if (!st && (err || !h->rx)) {
		conn_close(c);
	}
	if (usable(h))
		run(h);
}

static void h1_drained(struct conn *c)
{
	struct h1 *h = h1_of(c);
	struct h1s *st = h->s;
	uint16_t had = st ? st->flags : H1S_DETACHED;

	if (st && st->flags & H1S_OPEN && !(st->flags & H1S_DETACHED) &&
	    (!(st->flags & H1S_FAILED) ||
	     st->s.bad_status)) { /* an answer to what failed goes out still */
		st->s.queued = (uint32_t)conn_queued(c);
		h->flags |= H1_BUSY;
		stream_drained(&st->s);
		h->flags &= (uint8_t)~H1_BUSY;
	}
	/* Nearly always there is nothing to read, and what may be received stays as it was. */
	if (h->s != st || !st || st->flags != had || had & H1S_DETACHED || h->rx ||
	    h->flags & H1_EOF)
		run(h);
}

/* A stream whose owner still knows it lives on without a connection until it is detached. */
static void h1_release(struct conn *c)
{
	struct h1 *h = h1_of(c);
	struct h1s *st = h->s;

	BUG_ON(h->flags & H1_BUSY);
	c->mux_ctx = NULL;
	h1_drop_received(h);
	if (st && (!(st->flags & H1S_OPEN) || st->flags & H1S_DETACHED)) {
		stream_free(st);
	} else if (st) {
		bool told = st->flags & H1S_FAILED && !st->s.bad_status;

		st->h = NULL;
		st->s.conn = NULL;
		st->s.bad_status = 0;
		st->flags |= H1S_FAILED;
		if (!told)
			st->s.ops->failed(&st->s, STREAM_PEER_RESET);
	}
	pool_put(&h1_pool, h);
}

/* Verbs. */

static struct stream *h1_open_back(struct conn *c)
{
	struct h1 *h = h1_of(c);

	if (!usable(h) || h->s || h->rx || h->flags & (H1_EOF | H1_STOP) ||
	    c->flags & CONN_FAILED || !stream_new(h))
		return NULL;
	h->s->flags |= H1S_OPEN;
	return &h->s->s;
}

static void h1_credit(struct stream *s, bool on)
{
	struct h1s *st = h1s_of(s);

	if (on == !!(st->flags & H1S_CREDIT) || !st->h)
		return;
	st->flags ^= H1S_CREDIT;
	if (st->h->flags & H1_BUSY)
		return;
	if (on && (st->h->rx || st->h->flags & H1_EOF))
		task_wake(&st->task);
	else
		arm(st->h);
}

static void h1_ready(struct conn *c, unsigned what)
{
	struct h1 *h = h1_of(c);

	if (h->s)
		stream_ready(&h->s->s, what);
}

static void h1_detach(struct stream *s, bool reset)
{
	struct h1s *st = h1s_of(s);

	BUG_ON(st->flags & H1S_DETACHED);
	st->flags |= reset ? H1S_DETACHED | H1S_RESET : H1S_DETACHED;
	s->ops = NULL;
	if (!st->h)
		stream_free(st);
	else if (!(st->h->flags & H1_BUSY))
		task_wake(&st->task);
}

/* A client's request may be there already, in the kernel or on its way through the poller: it is
 * answered. */
static void h1_stop(struct conn *c)
{
	struct h1 *h = h1_of(c);

	h->flags |= H1_STOP;
	if (!usable(h) || h->s)
		return;
	if (h->side == MUX_BACK) {
		conn_close(c);
		return;
	}
	c->timer.fire = timer_fired;
	timer_set(&c->timer, th->now + STOP_MS);
}

const struct mux_ops mux_h1 = {
	.name = "h1",
	.start = h1_start,
	.received = h1_received,
	.ended = h1_ended,
	.drained = h1_drained,
	.release = h1_release,
	.ready = h1_ready,
	.open = h1_open_back,
	.head = h1_send_head,
	.data = h1_send_data,
	.end = h1_send_end,
	.credit = h1_credit,
	.raw = h1_raw,
	.spliced = h1_spliced,
	.detach = h1_detach,
	.stop = h1_stop,
	.setup = h1_setup,
};
