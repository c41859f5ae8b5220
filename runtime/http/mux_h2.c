/* SPDX-License-Identifier: Apache-2.0 */
#include "mux_h2.h"

#include <errno.h>

#include "../base/bug.h"
#include "../core/pool.h"
#include "../core/thread.h"
#include "stream.h"

static struct pool h2_pool, h2s_pool;

static void h2_run(struct h2 *h);

static void h2_setup(void)
{
	msg_setup();
	stream_setup();
	hpack_setup();
	h2_queue_setup();
	pool_init(&h2_pool, "mux_h2", sizeof(struct h2));
	pool_init(&h2s_pool, "h2_stream", sizeof(struct h2s));
}

static struct h2 *h2_of(const struct conn *c)
{
	return c->mux_ctx;
}

/* -- streams ------------------------------------------------------------------------------------ */

static struct h2s **bucket(struct h2 *h, uint32_t id)
{
	return &h->map[id / 2 % H2_BUCKETS];
}

struct h2s *h2_find(const struct h2 *h, uint32_t id)
{
	struct h2s *st = h->map[id / 2 % H2_BUCKETS];

	while (st && st->id != id)
		st = st->next;
	return st;
}

struct h2s *h2_stream_new(struct h2 *h, uint32_t id)
{
	struct h2s *st = pool_get_zero(&h2s_pool);

	if (!st)
		return NULL;
	st->h = h;
	st->id = id;
	st->s.conn = h->conn;
	st->s.mux = &mux_h2;
	st->s.t_head = th->now_us;
	st->send_win = h->peer_window;
	st->recv_win = H2_WINDOW;
	st->s.flags = h->flags & H2_USED ? STREAM_SHARED : STREAM_SHARED | STREAM_FIRST;
	h->flags |= H2_USED;
	st->next = *bucket(h, id);
	*bucket(h, id) = st;
	list_append(&h->streams, &st->link);
	h->nstreams++;
	return st;
}

void h2_stream_number(struct h2s *st, uint32_t id)
{
	struct h2s **at = bucket(st->h, st->id);

	while (*at != st)
		at = &(*at)->next;
	*at = st->next;
	st->id = id;
	at = bucket(st->h, id);
	st->next = *at;
	*at = st;
}

static void free_now(struct h2s *st)
{
	h2_queue_drop(&st->rx);
	h2_queue_drop(&st->tx);
	msg_free(&st->trailers_in);
	msg_free(&st->trailers_out);
	pool_put(&h2s_pool, st);
}

/* Takes <st> out of everything that finds it. */
static void unlink_stream(struct h2s *st)
{
	struct h2s **at = bucket(st->h, st->id);

	while (*at != st)
		at = &(*at)->next;
	*at = st->next;
	list_del(&st->link);
	list_del(&st->ready);
	list_del(&st->wake);
	st->h->nstreams--;
}

void h2_stream_free(struct h2s *st)
{
	struct h2 *h = st->h;
	bool we = st->flags & H2S_RESET && !(st->flags & H2S_FIN_IN);

	unlink_stream(st);
	h->recent[h->nrecent++ % H2_RECENT] = st->id | (we ? H2_WE_RESET : 0);
	st->h = NULL;
	if (h->flags & H2_BUSY) {
		st->next = h->dead;
		h->dead = st;
	} else {
		free_now(st);
	}
}

enum h2_past h2_past(const struct h2 *h, uint32_t id)
{
	for (unsigned i = 0; i < H2_RECENT; i++)
		if ((h->recent[i] & ~H2_WE_RESET) == id)
			return h->recent[i] & H2_WE_RESET ? H2_PAST_RESET : H2_PAST_CLOSED;
	return H2_PAST_NEVER;
}

/* -- deadlines ---------------------------------------------------------------------------------- */

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static void timer_fired(struct timer *t);

/* Sets the connection's one timer to the first of the deadlines; left alone when that is later. */
static void set_timer(struct h2 *h)
{
	uint64_t at = earliest(h->idle_at, h->head_at);

	at = earliest(at, h->ack_at);
	at = earliest(at, h->stop_at);
	at = earliest(at, h->ping_at);
	h->conn->timer.fire = timer_fired;
	if (at)
		timer_set(&h->conn->timer, at);
}

static bool due(uint64_t at)
{
	return at && at <= th->now;
}

void h2_leave(struct h2 *h)
{
	h->stop_at = 0;
	if (h->flags & H2_LEAVING)
		return;
	h->flags |= H2_STOP | H2_LEAVING;
	h2_send_goaway(h, h->side == MUX_FRONT ? h->last_id : 0, H2_NO_ERROR);
}

/* RFC 9113 6.8: first every stream is welcome still, so that requests on their way are answered;
 * when the peer has answered the PING behind it, it knows, and the second GOAWAY is true. */
void h2_stop(struct h2 *h)
{
	if (!h2_usable(h) || h->flags & (H2_STOP | H2_OVER))
		return;
	if (h->side == MUX_BACK) {
		h2_leave(h);
		task_wake(&h->task);
		return;
	}
	h->flags |= H2_STOP;
	h2_send_goaway(h, H2_WINDOW_MAX, H2_NO_ERROR);
	h2_send_frame(h, H2_PING, 0, 0, str_of("weirstop", 8));
	h->stop_at = th->now + H2_STOP_MS;
	if (!(h->flags & H2_BUSY))
		set_timer(h);
}

static void timer_fired(struct timer *t)
{
	struct h2 *h = h2_of(CONTAINER(t, struct conn, timer));

	if (!h2_usable(h))
		return;
	if (due(h->ack_at))
		h2_fail(h, H2_SETTINGS_TIMEOUT); /* RFC 9113 6.5.3 */
	else if (due(h->head_at) || (due(h->idle_at) && !h->nopen))
		h2_fail(h, H2_NO_ERROR);
	else if (due(h->stop_at))
		h2_leave(h);
	else if (due(h->ping_at))
		h2_ping(h);
	h2_run(h);
}

/* -- the connection ----------------------------------------------------------------------------- */

bool h2_fail(struct h2 *h, enum h2_code code)
{
	if (!(h->flags & H2_OVER))
		h2_send_goaway(h, h->side == MUX_FRONT ? h->last_id : 0, code);
	h->flags |= H2_OVER;
	return false;
}

bool h2_spend(struct h2 *h, unsigned cost)
{
	uint64_t gained = (th->now - h->budget_at) * H2_BUDGET_SECOND / 1000;

	if (gained) {
		h->budget =
			gained > H2_BUDGET - h->budget ? H2_BUDGET : h->budget + (uint32_t)gained;
		h->budget_at = th->now;
	}
	if (h->budget < cost)
		return h2_fail(h, H2_ENHANCE_YOUR_CALM); /* RFC 9113 10.5 */
	h->budget -= cost;
	return true;
}

void h2_earn(struct h2 *h, unsigned n)
{
	h->budget = H2_BUDGET - h->budget < n ? H2_BUDGET : h->budget + n;
}

void h2_tell_later(struct h2s *st)
{
	if (!list_queued(&st->wake))
		list_append(&st->h->wake, &st->wake);
	if (!(st->h->flags & H2_BUSY))
		task_wake(&st->h->task);
}

/* Everybody hears that the connection is gone. */
static void fail_all(struct h2 *h, enum stream_error why)
{
	struct list *at = h->streams.next, *next;

	for (; at != &h->streams; at = next) {
		struct h2s *st = CONTAINER(at, struct h2s, link);

		next = at->next;
		st->flags |= H2S_RESET;
		h2_tell_failed(st, h2_loss(st, why));
	}
}

/* Nothing of <h> is left to be done: it closes when it is to. */
static void idle(struct h2 *h)
{
	if (h->flags & H2_OVER) {
		fail_all(h, STREAM_PEER_RESET);
		conn_close(h->conn);
	} else if (!h->nstreams && !h->rx.buf && h->flags & (H2_LEAVING | H2_EOF)) {
		if (!(h->flags & H2_LEAVING))
			h2_send_goaway(h, h->last_id, H2_NO_ERROR);
		conn_close(h->conn);
	} else if (h->flags & H2_FREED) {
		h->flags &= (uint16_t)~H2_FREED;
		if (!(h->flags & (H2_LEAVING | H2_EOF)))
			h->conf->app->idle(h->conn);
	}
}

/* Receiving is armed while what comes can be looked at. */
static void arm(struct h2 *h)
{
	struct conn *c = h->conn;

	if (!h2_usable(h) || h->flags & H2_EOF)
		return;
	if (h->rx.buf)
		conn_recv_stop(c);
	else if (!(c->flags & CONN_ARMED) || !(c->flags & CONN_ARMED_MANY))
		conn_recv(c, IO_MANY);
}

static void tell_waiting(struct h2 *h)
{
	while (!list_empty(&h->wake)) {
		struct h2s *st = CONTAINER(list_shift(&h->wake), struct h2s, wake);

		h2_give(st);
	}
}

static void free_dead(struct h2 *h)
{
	while (h->dead) {
		struct h2s *st = h->dead;

		h->dead = st->next;
		free_now(st);
	}
}

/* The client has ended its direction: who waits for a body will not get it, who waits for an answer
 * may still want it. */
static void half_closed(struct h2 *h)
{
	struct list *at = h->streams.next, *next;

	h->flags |= H2_EOF_TOLD;
	for (; at != &h->streams; at = next) {
		struct h2s *st = CONTAINER(at, struct h2s, link);

		next = at->next;
		if (!(st->flags & H2S_FIN_IN))
			h2_tell_failed(st, h2_loss(st, STREAM_PEER_CLOSED));
		else if (h2s_listens(st) && st->s.ops->left)
			st->s.ops->left(&st->s);
	}
}

/* Behind the end of the client's direction no window grows any more: what waits for one is lost. */
static void fail_stuck(struct h2 *h)
{
	struct list *at = h->streams.next, *next;

	for (; at != &h->streams; at = next) {
		struct h2s *st = CONTAINER(at, struct h2s, link);

		next = at->next;
		if (!st->tx.bytes || (st->send_win > 0 && h->send_win > 0))
			continue;
		h2_reset(st, H2_CANCEL);
		if (st->flags & H2S_DETACHED)
			h2_settle(st);
		else
			h2_tell_failed(st, STREAM_PEER_CLOSED);
	}
}

/* Everything that can be done now. False: the connection is past that. */
static bool work(struct h2 *h)
{
	bool go = true;

	while (go && h2_usable(h) && !(h->flags & H2_OVER)) {
		tell_waiting(h);
		go = conn_queued(h->conn) <= H2_OUT_HIGH && h2_read(h);
	}
	if (!h2_usable(h) || h->flags & H2_OVER)
		return false;
	if (!h->rx.buf && (h->flags & (H2_EOF | H2_EOF_TOLD)) == H2_EOF)
		half_closed(h);
	h2_pump(h);
	if (h->flags & H2_EOF_TOLD)
		fail_stuck(h);
	return true;
}

static void h2_run(struct h2 *h)
{
	BUG_ON(h->flags & H2_BUSY);
	h->flags |= H2_BUSY;
	while (work(h) && !list_empty(&h->wake))
		;
	if (h2_usable(h))
		idle(h);
	free_dead(h);
	h->flags &= (uint16_t)~H2_BUSY;
	if (!h2_usable(h))
		return;
	arm(h);
	set_timer(h);
}

static void run_task(struct task *t)
{
	struct h2 *h = CONTAINER(t, struct h2, task);

	if (h2_usable(h))
		h2_run(h);
}

static void h2_start_fields(struct h2 *h, struct conn *c, enum mux_side side,
			    const struct mux_conf *conf)
{
	h->conf = conf;
	h->conn = c;
	h->side = (uint8_t)side;
	task_init(&h->task, TASK_NORMAL, run_task);
	list_init(&h->streams);
	list_init(&h->ready);
	list_init(&h->wake);
	hpack_in_init(&h->in);
	hpack_out_init(&h->out);
	h->peer_window = H2_WINDOW;
	h->peer_frame = H2_FRAME_MAX;
	h->peer_streams = H2_STREAMS_MAX; /* until it says */
	h->send_win = H2_WINDOW;
	h->recv_win = H2_CONN_WINDOW;
	h->budget = H2_BUDGET;
	h->budget_at = th->now;
}

static bool h2_start(struct conn *c, enum mux_side side, const struct mux_conf *conf)
{
	struct h2 *h = pool_get_zero(&h2_pool);
	uint32_t first = conf->head_ms ? conf->head_ms : conf->keepalive_ms;

	if (!h)
		return false;
	h2_start_fields(h, c, side, conf);
	conn_attach(c, &mux_h2, h);
	if (side == MUX_BACK)
		h2_read_no_preface(h);
	h2_send_settings(h);
	h->ack_at = th->now + H2_ACK_MS;
	h->ping_at = side == MUX_BACK ? th->now + H2_PING_MS : 0;
	h->idle_at = first ? th->now + first : 0;
	arm(h);
	set_timer(h);
	return true;
}

static void h2_received(struct conn *c, struct buf *b)
{
	struct h2 *h = h2_of(c);

	if (!h2_store(h, b))
		h2_fail(h, H2_INTERNAL_ERROR);
	h2_run(h);
}

static void h2_ended(struct conn *c, int err)
{
	struct h2 *h = h2_of(c);

	h->flags |= H2_EOF;
	if (!err) {
		h2_run(h);
		return;
	}
	h2_drop_received(h);
	h->flags |= H2_BUSY;
	fail_all(h, err == -ENOMEM ? STREAM_NO_MEMORY : STREAM_PEER_RESET);
	free_dead(h);
	h->flags &= (uint16_t)~H2_BUSY;
	conn_abort(c, false);
}

static void h2_drained(struct conn *c)
{
	h2_run(h2_of(c));
}

/* A stream whose owner still knows it lives on without a connection until it is detached. */
static void release_stream(struct h2s *st)
{
	bool told = st->flags & H2S_FAILED && !st->s.bad_status;
	enum stream_error why = h2_loss(st, STREAM_PEER_RESET);

	unlink_stream(st);
	st->h = NULL;
	h2_queue_drop(&st->rx);
	h2_queue_drop(&st->tx);
	if (!(st->flags & H2S_OPEN) || st->flags & H2S_DETACHED) {
		free_now(st);
		return;
	}
	st->s.conn = NULL;
	st->s.queued = 0;
	st->s.bad_status = 0;
	st->flags |= H2S_FAILED;
	if (!told)
		st->s.ops->failed(&st->s, why);
}

static void h2_release(struct conn *c)
{
	struct h2 *h = h2_of(c);

	BUG_ON(h->flags & H2_BUSY);
	c->mux_ctx = NULL;
	task_cancel(&h->task);
	while (!list_empty(&h->streams))
		release_stream(CONTAINER(h->streams.next, struct h2s, link));
	h2_drop_received(h);
	hpack_in_release(&h->in);
	hpack_out_release(&h->out);
	pool_put(&h2_pool, h);
}

/* -- verbs -------------------------------------------------------------------------------------- */

static void h2_credit(struct stream *s, bool on)
{
	struct h2s *st = h2s_of(s);

	if (on == !!(st->flags & H2S_CREDIT) || !st->h)
		return;
	st->flags ^= H2S_CREDIT;
	if (on && (st->rx.bytes || st->flags & H2S_FIN_IN))
		h2_tell_later(st);
}

void h2_settle(struct h2s *st)
{
	struct h2 *h = st->h;

	if (st->flags & H2S_ENDING && st->tx.bytes && !(st->flags & H2S_RESET))
		return; /* an answer that is whole goes out */
	h2_stream_free(st);
	if (!h->nstreams && h->flags & (H2_LEAVING | H2_EOF) && !(h->flags & H2_BUSY))
		task_wake(&h->task);
}

/* What the peer is told about a stream that is not whole. */
static enum h2_code end_code(const struct h2s *st, bool reset)
{
	if (st->flags & H2S_BAD)
		return st->code;
	if (st->h->side == MUX_BACK)
		return H2_CANCEL;
	if (st->flags & H2S_ENDING && !(st->flags & H2S_CUT)) /* RFC 9113 8.1 */
		return H2_NO_ERROR;
	return reset ? H2_CANCEL : H2_INTERNAL_ERROR;
}

void h2_let_go(struct h2s *st, bool reset)
{
	struct h2 *h = st->h;

	BUG_ON(st->flags & H2S_DETACHED);
	st->flags |= H2S_DETACHED;
	st->s.ops = NULL;
	if (!h) {
		free_now(st);
		return;
	}
	if (--h->nopen == 0) {
		h->idle_at = h->conf->keepalive_ms ? th->now + h->conf->keepalive_ms : 0;
		if (!(h->flags & H2_BUSY) && h2_usable(h))
			set_timer(h);
	}
	if (h->side == MUX_BACK) {
		h->flags |= H2_FREED;
		if (!(h->flags & H2_BUSY))
			task_wake(&h->task);
	}
	if ((h->side == MUX_BACK || !(st->flags & H2S_ENDING && st->tx.bytes)) &&
	    (st->flags & (H2S_FIN_IN | H2S_FIN_OUT)) != (H2S_FIN_IN | H2S_FIN_OUT))
		h2_reset(st, end_code(st, reset));
	h2_settle(st);
}

static void h2_detach(struct stream *s, bool reset)
{
	h2_let_go(h2s_of(s), reset);
}

static void stop_conn(struct conn *c)
{
	h2_stop(h2_of(c));
}

const struct mux_ops mux_h2 = {
	.name = "h2",
	.start = h2_start,
	.received = h2_received,
	.ended = h2_ended,
	.drained = h2_drained,
	.release = h2_release,
	.open = h2_open,
	.room = h2_room,
	.head = h2_send_head,
	.data = h2_send_data,
	.end = h2_send_end,
	.credit = h2_credit,
	.detach = h2_detach,
	.stop = stop_conn,
	.setup = h2_setup,
};
