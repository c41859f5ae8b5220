/* SPDX-License-Identifier: Apache-2.0 */
/* mux_tcp: one stream for the connection's life, raw bytes in both directions, each ended on its
 * own. */
#include "mux.h"

#include <errno.h>

#include "../base/bug.h"
#include "../core/pool.h"
#include "../core/thread.h"
#include "mux_copy.h"
#include "stream.h"

#define TCP_CREDIT 0x01 /* the owner takes bytes */
#define TCP_EOF 0x02 /* the peer's end was seen */
#define TCP_OPEN 0x04 /* the owner knows the stream */
#define TCP_DETACHED 0x08 /* and has given it up */
#define TCP_RESET 0x10 /* end with RST */
#define TCP_FAILED 0x20 /* failed() was told */
#define TCP_BUSY 0x40 /* inside an upcall; set and cleared around each */

struct tcp {
	struct stream s;
	const struct mux_conf *conf;
	struct conn *conn; /* NULL: gone */
	struct task task;
	struct buf *rx; /* received without credit */
	uint8_t side, flags; /* enum mux_side, TCP_* */
};

static struct pool tcp_pool;

static void tcp_setup(void)
{
	stream_setup();
	pool_init(&tcp_pool, "mux_tcp", sizeof(struct tcp));
}

static struct tcp *tcp_of(struct stream *s)
{
	return (struct tcp *)(void *)s;
}

static struct tcp *tcp_at(const struct conn *c)
{
	return c->mux_ctx;
}

static bool usable(const struct tcp *t)
{
	return t->conn && t->conn->state == CONN_READY;
}

static bool listens(const struct tcp *t)
{
	return t->flags & TCP_OPEN && !(t->flags & (TCP_DETACHED | TCP_FAILED));
}

static void arm(struct tcp *t)
{
	if (!usable(t) || t->flags & TCP_EOF)
		return;
	if (!(t->flags & TCP_CREDIT) || t->rx || !listens(t))
		conn_recv_stop(t->conn);
	else if (!(t->conn->flags & CONN_ARMED))
		conn_recv(t->conn, IO_ONCE);
}

static void close_conn(struct tcp *t)
{
	if (t->flags & TCP_RESET)
		conn_abort(t->conn, true);
	else
		conn_close(t->conn);
}

/* Hands over what was received, then the end, as far as credit goes; closes when the owner has
 * gone. */
static void run(struct tcp *t)
{
	t->flags |= TCP_BUSY;
	if (listens(t) && t->rx && t->flags & TCP_CREDIT) {
		struct slice data = { .buf = t->rx, .off = t->rx->off, .len = t->rx->len };

		t->rx = NULL;
		t->s.bytes_in += data.len;
		stream_give(&t->s, data);
	}
	if (listens(t) && !t->rx && t->flags & TCP_EOF && !(t->s.flags & STREAM_GOT_END)) {
		t->s.flags |= STREAM_GOT_END;
		t->s.ops->end(&t->s, NULL);
	}
	t->flags &= (uint8_t)~TCP_BUSY;
	if (t->flags & TCP_DETACHED && usable(t))
		close_conn(t);
	arm(t);
}

static void fail(struct tcp *t, enum stream_error why)
{
	bool tell = listens(t);

	t->flags |= TCP_FAILED;
	t->flags |= TCP_BUSY;
	if (tell)
		t->s.ops->failed(&t->s, why);
	t->flags &= (uint8_t)~TCP_BUSY;
}

static void first_task(struct task *task)
{
	struct tcp *t = CONTAINER(task, struct tcp, task);

	if (!t->conn)
		return;
	if (t->side == MUX_FRONT && !(t->flags & TCP_OPEN) && usable(t)) {
		t->flags |= TCP_OPEN;
		if (!t->conf->app->open(&t->s))
			t->flags |= TCP_DETACHED | TCP_RESET;
	}
	run(t);
}

static bool tcp_start(struct conn *c, enum mux_side side, const struct mux_conf *conf)
{
	struct tcp *t = pool_get_zero(&tcp_pool);

	if (!t)
		return false;
	t->conf = conf;
	t->conn = t->s.conn = c;
	t->s.mux = &mux_tcp;
	t->side = (uint8_t)side;
	t->s.flags = STREAM_TUNNEL | STREAM_FIRST;
	t->s.t_head = th->now_us;
	task_init(&t->task, TASK_NORMAL, first_task);
	conn_attach(c, &mux_tcp, t);
	if (side == MUX_FRONT)
		task_wake(&t->task);
	return true;
}

static void tcp_received(struct conn *c, struct buf *b)
{
	struct tcp *t = tcp_at(c);

	if (t->rx) { /* armed only without one */
		buf_put(&b);
		conn_abort(c, true);
		return;
	}
	t->rx = b;
	run(t);
}

static void tcp_ended(struct conn *c, int err)
{
	struct tcp *t = tcp_at(c);

	t->flags |= TCP_EOF;
	if (err)
		fail(t, err == -ENOMEM ? STREAM_NO_MEMORY : STREAM_PEER_RESET);
	if (err && !(t->flags & TCP_OPEN))
		conn_abort(c, false);
	run(t);
}

static void tcp_drained(struct conn *c)
{
	struct tcp *t = tcp_at(c);

	t->s.queued = (uint32_t)conn_queued(c);
	t->flags |= TCP_BUSY;
	if (listens(t))
		stream_drained(&t->s);
	t->flags &= (uint8_t)~TCP_BUSY;
	run(t);
}

static void tcp_free(struct tcp *t)
{
	task_cancel(&t->task);
	pool_put(&tcp_pool, t);
}

static void tcp_release(struct conn *c)
{
	struct tcp *t = tcp_at(c);

	c->mux_ctx = NULL;
	if (t->rx)
		buf_put(&t->rx);
	t->conn = t->s.conn = NULL;
	if (!(t->flags & TCP_OPEN) || t->flags & TCP_DETACHED) {
		tcp_free(t);
		return;
	}
	/* The owner detaches in this call or later, and frees it by that. */
	if (!(t->flags & TCP_FAILED)) {
		t->flags |= TCP_FAILED;
		t->s.ops->failed(&t->s, STREAM_PEER_RESET);
	}
}

static struct stream *tcp_open(struct conn *c)
{
	struct tcp *t = tcp_at(c);

	if (t->flags & TCP_OPEN || !usable(t))
		return NULL;
	t->flags |= TCP_OPEN;
	return &t->s;
}

static bool tcp_head(struct stream *s, const struct msg *m, bool end, uint32_t how)
{
	(void)s;
	(void)m;
	(void)end;
	(void)how;
	return false; /* raw bytes have no heads */
}

static bool tcp_data(struct stream *s, struct slice data)
{
	struct tcp *t = tcp_of(s);
	size_t n = data.len;
	bool ok;

	if (!usable(t) || !listens(t) || s->flags & STREAM_SENT_END) {
		slice_put(&data);
		return false;
	}
	if (n >= BUF_ROOM / 2) {
		ok = conn_put(t->conn, data);
	} else {
		ok = conn_write(t->conn, slice_str(&data).p, n);
		mux_copied(n);
		slice_put(&data);
	}
	s->bytes_out += n;
	s->queued = (uint32_t)conn_queued(t->conn);
	return ok;
}

static bool tcp_end(struct stream *s, const struct msg *trailers)
{
	struct tcp *t = tcp_of(s);

	(void)trailers;
	if (!usable(t) || !listens(t))
		return false;
	s->flags |= STREAM_SENT_END;
	conn_shut(t->conn);
	return true;
}

static void tcp_credit(struct stream *s, bool on)
{
	struct tcp *t = tcp_of(s);

	if (on == !!(t->flags & TCP_CREDIT))
		return;
	t->flags ^= TCP_CREDIT;
	if (t->flags & TCP_BUSY || !t->conn)
		return;
	if (on && (t->rx || t->flags & TCP_EOF))
		task_wake(&t->task);
	else
		arm(t);
}

static uint64_t tcp_raw(const struct stream *s, bool out)
{
	const struct tcp *t = (const struct tcp *)(const void *)s;

	if (!usable(t) || !listens(t))
		return 0;
	if (out)
		return s->flags & STREAM_SENT_END ? 0 : UINT64_MAX;
	return t->rx || t->flags & TCP_EOF ? 0 : UINT64_MAX;
}

static void tcp_spliced(struct stream *s, bool out, size_t n)
{
	if (out)
		s->bytes_out += n;
	else
		s->bytes_in += n;
}

static void tcp_ready(struct conn *c, unsigned what)
{
	stream_ready(&tcp_at(c)->s, what);
}

static void tcp_detach(struct stream *s, bool reset)
{
	struct tcp *t = tcp_of(s);

	BUG_ON(t->flags & TCP_DETACHED);
	t->flags |= reset ? TCP_DETACHED | TCP_RESET : TCP_DETACHED;
	s->ops = NULL;
	if (!t->conn)
		tcp_free(t);
	else if (!(t->flags & TCP_BUSY))
		task_wake(&t->task);
}

static void tcp_stop(struct conn *c)
{
	struct tcp *t = tcp_at(c);

	if (!(t->flags & TCP_OPEN) && usable(t))
		conn_close(c);
}

const struct mux_ops mux_tcp = {
	.name = "tcp",
	.start = tcp_start,
	.received = tcp_received,
	.ended = tcp_ended,
	.drained = tcp_drained,
	.release = tcp_release,
	.ready = tcp_ready,
	.open = tcp_open,
	.head = tcp_head,
	.data = tcp_data,
	.end = tcp_end,
	.credit = tcp_credit,
	.raw = tcp_raw,
	.spliced = tcp_spliced,
	.detach = tcp_detach,
	.stop = tcp_stop,
	.setup = tcp_setup,
};
