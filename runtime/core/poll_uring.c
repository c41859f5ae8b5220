/* SPDX-License-Identifier: Apache-2.0 */
/* poller_uring. Operations are entries of the submission ring and go to the kernel together, by the
 * one system call of a turn, which also takes in what has completed. Each io has a place in the
 * thread's table; <user_data> is the place, its generation and the kind of operation. A place is
 * free again after the last completion of its io, so what comes later is stale.
 *
 * An armed receive is a multishot one that stays with the kernel between completions. A disarmed one
 * is left there too, for at most LAZY_MAX ios: a keep-alive client sends nothing before its answer.
 * What comes all the same is held, in order, until the io is armed again, and the receive is then
 * cancelled. Above the bound the receive is cancelled at once. */
#include "poll_uring_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <unistd.h>

#include "../base/bug.h"
#include "clock.h"
#include "poll_accept.h"

#define ENTRIES 256
#define COMPLETIONS 2048
#define SEEN_BUDGET 256 /* completions delivered per turn */
#define SERVE_BUDGET 64
#define SKIP_MAX 3 /* turns in a row that may do without the kernel */
#define LAZY_MAX 256
#define TRIM_MS 1000

void uring_ready(struct io *io)
{
	if (!list_queued(&io->link))
		list_append(&th->poll->ready, &io->link);
}

struct io_uring_sqe *uring_entry(struct io *io, unsigned opcode, unsigned op)
{
	struct io_uring_sqe *e = uring_sqe(&th->poll->ring);
	struct place *p = place_of(io);

	p->ops++;
	e->opcode = (uint8_t)opcode;
	e->fd = p->fd;
	e->user_data = place_data(io, op);
	return e;
}

static void submitted(void)
{
	th->poll->arena_used = 0;
	th->poll->again = 0;
}

/* <n> bytes that live until the next submission. */
static void *arena_get(size_t n)
{
	struct poller_state *p = th->poll;

	uring_room(&p->ring, 1); /* the entry that names them comes next */
	n = (n + 15) & ~(size_t)15;
	BUG_ON(n > URING_ARENA);
	if (p->arena_used + n > URING_ARENA)
		uring_submit(&p->ring);
	p->arena_used += (uint32_t)n;
	return p->arena + p->arena_used - n;
}

static int place_find(struct poller_state *s, uint32_t *at)
{
	uint32_t n = s->nplaces ? s->nplaces * 2 : 64;
	struct place *more;

	if (s->free == UINT32_MAX) {
		more = n <= PLACES_MAX ? realloc(s->places, n * sizeof(*more)) : NULL;
		if (!more)
			return -ENOMEM;
		memset(more + s->nplaces, 0, (n - s->nplaces) * sizeof(*more));
		for (uint32_t i = s->nplaces; i < n; i++)
			more[i].next_free = i + 1 < n ? i + 1 : UINT32_MAX;
		s->free = s->nplaces;
		s->places = more;
		s->nplaces = n;
	}
	*at = s->free;
	s->free = s->places[*at].next_free;
	return 0;
}

static void place_free(struct io *io)
{
	struct poller_state *s = th->poll;
	struct place *p = place_of(io);

	p->io = NULL;
	p->gen++;
	p->next_free = s->free;
	s->free = io->gen;
}

static int uring_io_open(struct io *io)
{
	struct place *p;
	uint32_t at;

	if (place_find(th->poll, &at) < 0)
		return -ENOMEM;
	p = &th->poll->places[at];
	*p = (struct place) { .io = io, .gen = p->gen, .fd = io->fd };
	io->gen = at;
	io->state = 0;
	io->link = (struct list) { 0 };
	io->wait = (struct buf_waiter) { .wake = uring_recv_retry };
	return 0;
}

static void uring_send(struct io *io, const struct iovec *iov, int n, bool more)
{
	struct io_uring_sqe *e;
	struct msghdr *msg = NULL;

	BUG_ON(io->state & (SENDING | CLOSING));
	if (n > 1) {
		msg = arena_get(sizeof(*msg) + (size_t)n * sizeof(*iov));
		*msg = (struct msghdr) { .msg_iov = (struct iovec *)(void *)(msg + 1),
					 .msg_iovlen = (size_t)n };
		memcpy(msg->msg_iov, iov, (size_t)n * sizeof(*iov));
	}
	e = uring_entry(io, msg ? IORING_OP_SENDMSG : IORING_OP_SEND, OP_SEND);
	e->addr = (uint64_t)(uintptr_t)(msg ? (void *)msg : iov->iov_base);
	e->len = msg ? 1 : (uint32_t)iov->iov_len;
	e->msg_flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
	io->state |= SENDING;
	th->polled.sends++;
}

static void uring_connect(struct io *io, const struct sockaddr *to, socklen_t len)
{
	void *copy = arena_get(len);
	struct io_uring_sqe *e;

	BUG_ON(io->state & (CONNECTING | CLOSING));
	memcpy(copy, to, len);
	e = uring_entry(io, IORING_OP_CONNECT, OP_CONNECT);
	e->addr = (uint64_t)(uintptr_t)copy;
	e->off = len;
	io->state |= CONNECTING;
}

void uring_cancel(struct io *io, unsigned op)
{
	struct io_uring_sqe *e = uring_sqe(&th->poll->ring);

	e->opcode = IORING_OP_ASYNC_CANCEL;
	e->fd = -1;
	e->addr = place_data(io, op);
}

static void cancel_all(struct io *io)
{
	struct io_uring_sqe *e = uring_sqe(&th->poll->ring);

	e->opcode = IORING_OP_ASYNC_CANCEL;
	e->fd = place_of(io)->fd;
	e->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
}

/* The kernel reads the halves of the word the other way round on big-endian machines. */
static uint32_t poll_mask(uint32_t events)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? events << 16 | events >> 16 : events;
}

/* Waits for connections; accepting itself is done by system calls, as an entry that accepts could
 * not be ended without losing the connection it has just got, and the listener may be shared with a
 * process that needs it non-blocking. */
static void listen_submit(struct io *io)
{
	struct io_uring_sqe *e;

	if ((io->state & (LISTENING | POLLING)) != LISTENING)
		return;
	e = uring_entry(io, IORING_OP_POLL_ADD, OP_ACCEPT);
	e->poll32_events = poll_mask(POLLIN | EPOLLEXCLUSIVE); /* wakes one thread */
	io->state |= POLLING;
}

static void uring_accept(struct io *io, bool on)
{
	BUG_ON(on && (io->state & CLOSING));
	if (on) {
		io->state |= LISTENING;
		listen_submit(io);
		return;
	}
	if ((io->state & (LISTENING | POLLING)) == (LISTENING | POLLING))
		cancel_all(io);
	io->state &= (uint16_t)~LISTENING;
}

static bool listening(const struct io *io)
{
	return th->poll->current == io && (io->state & LISTENING);
}

static void accept_ready(struct io *io, int32_t n)
{
	int err = 0;

	th->poll->current = io;
	if (n > 0 && (io->state & LISTENING))
		err = poll_accept_some(io, listening);
	else if (n < 0 && n != -ECANCELED)
		err = -n;
	if (uring_gone(io))
		return;
	if (err) {
		io->state &= (uint16_t)~LISTENING;
		io->ops->accepted(io, -err, NULL);
		return;
	}
	listen_submit(io);
}

static void watch_submit(struct io *io, unsigned what)
{
	struct place *p = place_of(io);
	struct io_uring_sqe *e;

	if (p->polls & what)
		return;
	p->polls |= (uint8_t)what;
	e = uring_entry(io, IORING_OP_POLL_ADD, what == IO_IN ? OP_IN : OP_OUT);
	e->poll32_events = poll_mask(what == IO_IN ? POLLIN | POLLRDHUP : POLLOUT);
}

static void uring_watch(struct io *io, unsigned what, bool on)
{
	struct place *p = place_of(io);

	BUG_ON(io->state & CLOSING);
	for (unsigned w = IO_IN; w <= IO_OUT; w++) {
		if (!(what & w))
			continue;
		p->watch &= (uint8_t)~w;
		if (on) {
			p->watch |= (uint8_t)w;
			watch_submit(io, w);
		} else if (p->polls & w) {
			uring_cancel(io, w == IO_IN ? OP_IN : OP_OUT);
		}
	}
}

/* A wait that ends by an error is worth trying too: the caller finds out. */
static void watched(struct io *io, unsigned what, int32_t n)
{
	struct place *p = place_of(io);

	if (!(p->watch & what))
		return;
	if (n == -ECANCELED) { /* ended and begun again meanwhile */
		watch_submit(io, what);
		return;
	}
	p->watch &= (uint8_t)~what;
	io->ops->ready(io, what);
}

/* The last completion has come. */
static void close_now(struct io *io)
{
	close(place_of(io)->fd);
	place_free(io);
	io->state |= CLOSED;
	uring_ready(io);
}

static void uring_io_close(struct io *io, bool reset)
{
	static const struct linger now = { .l_onoff = 1 };
	struct place *p = place_of(io);

	BUG_ON(io->state & CLOSING);
	uring_recv_drop(io);
	list_del(&io->link);
	if (reset)
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	io->state = CLOSING;
	io->fd = -1;
	th->closing++;
	if (p->ops)
		cancel_all(io);
	else
		close_now(io);
}

static int uring_release(struct io *io)
{
	struct poller_state *s = th->poll;
	struct place *p = place_of(io);
	int fd = p->fd;

	BUG_ON(p->watch || io->state & (SENDING | CONNECTING | CLOSING));
	if (p->first || (io->state & ENDED))
		return -EBUSY;
	if (io->state & POLLING)
		uring_cancel_sync(&s->ring, place_data(io, OP_ACCEPT));
	if (p->polls & IO_IN)
		uring_cancel_sync(&s->ring, place_data(io, OP_IN));
	if (p->polls & IO_OUT)
		uring_cancel_sync(&s->ring, place_data(io, OP_OUT));
	if (io->state & FLIGHT) {
		uring_cancel_sync(&s->ring, place_data(io, OP_RECV));
		if (uring_has_result(&s->ring, place_data(io, OP_RECV)))
			return -EBUSY;
	}
	uring_recv_drop(io);
	list_del(&io->link);
	place_free(io);
	if (s->current == io)
		s->current = NULL;
	io->fd = -1;
	return fd;
}

/* The loop. */

static void wake_submit(struct poller_state *p)
{
	struct io_uring_sqe *e = uring_sqe(&p->ring);

	e->opcode = IORING_OP_POLL_ADD;
	e->fd = p->wakefd;
	e->len = IORING_POLL_ADD_MULTI;
	e->poll32_events = poll_mask(POLLIN);
	e->user_data = OP_WAKE;
}

/* An entry has had its last completion. */
static void op_ended(struct io *io, unsigned op)
{
	place_of(io)->ops--;
	switch (op) {
	case OP_RECV:
		uring_recv_ended(io);
		break;
	case OP_SEND:
		io->state &= (uint16_t)~SENDING;
		break;
	case OP_CONNECT:
		io->state &= (uint16_t)~CONNECTING;
		break;
	case OP_ACCEPT:
		io->state &= (uint16_t)~POLLING;
		break;
	default:
		place_of(io)->polls &= (uint8_t) ~(op == OP_IN ? IO_IN : IO_OUT);
	}
}

static void recv_completed(struct io *io, int32_t n, struct buf *b)
{
	/* Nothing is armed then, so there was no upcall. */
	bool rest = (io->state & (REST | FLIGHT)) == REST;

	uring_recv_completed(io, n, b);
	if (!rest)
		return;
	io->state &= (uint16_t)~REST;
	io->ops->ready(io, IO_IN);
}

static void completed(struct io *io, unsigned op, int32_t n, struct buf *b)
{
	th->poll->current = io;
	switch (op) {
	case OP_RECV:
		recv_completed(io, n, b);
		break;
	case OP_SEND:
		io->ops->sent(io, n == -EAGAIN || n == -EINTR ? 0 : n);
		break;
	case OP_CONNECT:
		io->ops->connected(io, -n);
		break;
	case OP_ACCEPT:
		accept_ready(io, n);
		break;
	default:
		watched(io, op == OP_IN ? IO_IN : IO_OUT, n);
	}
}

static void see(struct poller_state *s, const struct io_uring_cqe *cqe)
{
	uint32_t at = (uint32_t)cqe->user_data >> OP_BITS;
	unsigned op = cqe->user_data & ((1U << OP_BITS) - 1), flags = cqe->flags;
	int32_t n = cqe->res;
	uint32_t gen = (uint32_t)(cqe->user_data >> 32);
	struct buf *b = NULL;
	struct io *io;

	uring_seen(&s->ring);
	if (op <= OP_WAKE) {
		if (op == OP_WAKE && !(flags & IORING_CQE_F_MORE))
			wake_submit(s);
		return;
	}
	th->polled.events++;
	if (flags & IORING_CQE_F_BUFFER)
		b = uring_lent_take(&s->lent, flags >> IORING_CQE_BUFFER_SHIFT);
	io = at < s->nplaces && s->places[at].gen == gen ? s->places[at].io : NULL;
	if (!io) {
		th->polled.stale++;
		if (b)
			buf_put(&b);
		return;
	}
	if (!(flags & IORING_CQE_F_MORE))
		op_ended(io, op);
	if (!(io->state & CLOSING)) {
		completed(io, op, n, b);
		return;
	}
	if (b)
		buf_put(&b);
	if (!place_of(io)->ops)
		close_now(io);
}

static void see_completed(struct poller_state *s)
{
	const struct io_uring_cqe *cqe;

	for (unsigned i = 0; i < SEEN_BUDGET && (cqe = uring_peek(&s->ring)); i++)
		see(s, cqe);
}

static void serve(struct poller_state *s, struct io *io)
{
	if (io->state & CLOSED) {
		th->closing--;
		io->ops->closed(io);
	} else if ((io->state & RECV) && (place_of(io)->first || (io->state & ENDED))) {
		uring_recv_held(io);
	} else if ((io->state & (RECV | FLIGHT)) == RECV && !list_queued(&io->wait.link)) {
		s->current = io;
		uring_recv_again(io);
	}
}

static void serve_ready(struct poller_state *s)
{
	struct list *node;

	for (unsigned n = 0; n < SERVE_BUDGET && (node = list_shift(&s->ready)); n++)
		serve(s, CONTAINER(node, struct io, link));
	s->current = NULL;
}

static void ask(struct poller_state *s, struct thread *t, uint64_t until)
{
	struct __kernel_timespec ts;
	bool idle = list_empty(&s->ready) && !uring_peek(&s->ring);
	int timeout;

	if (s->trim_at && (!until || s->trim_at < until))
		until = s->trim_at;
	timeout = idle ? clock_timeout(t, until) : 0;
	t->polled.waits++;
	if (timeout != 0 && !thread_sleep(t))
		timeout = 0;
	ts = (struct __kernel_timespec) { .tv_sec = timeout / 1000,
					  .tv_nsec = (long long)(timeout % 1000) * 1000000 };
	uring_enter(&s->ring, timeout != 0, timeout > 0 ? &ts : NULL);
	if (timeout != 0)
		thread_awake(t);
	if (timeout == 0 && list_empty(&s->ready) && !uring_peek(&s->ring))
		clock_idle(until);
}

static void uring_turn(struct thread *t, uint64_t until)
{
	struct poller_state *s = t->poll;

	t->polled.turns++;
	uring_lend(&s->lent);
	if (list_empty(&s->ready) || ++s->skipped > SKIP_MAX) {
		s->skipped = 0;
		ask(s, t, until);
		clock_turn(t);
	}
	see_completed(s);
	serve_ready(s);
	if (s->trim_at && t->now >= s->trim_at && uring_quiet(&s->ring))
		s->trim_at = uring_lent_trim(&s->ring, &s->lent) ? t->now + TRIM_MS : 0;
	else if (!s->trim_at && s->lent.want > 1)
		s->trim_at = t->now + TRIM_MS;
	t->polled.lent = uring_nlent(&s->lent);
	t->polled.enters = s->ring.enters;
}

static void uring_wake(struct thread *t)
{
	static const uint64_t one = 1;

	if (write(t->poll->wakefd, &one, sizeof(one)) < 0)
		BUG_ON(errno != EAGAIN);
}

static void uring_leave(struct thread *t)
{
	if (t->poll)
		uring_lent_close(&t->poll->lent);
}

static void uring_stop(struct thread *t)
{
	struct poller_state *s = t->poll;

	uring_close(&s->ring);
	if (s->wakefd >= 0)
		close(s->wakefd);
	free(s->places);
	free(s);
	t->poll = NULL;
}

static int uring_start(struct thread *t)
{
	struct poller_state *s = calloc(1, sizeof(*s));
	uint32_t limit;

	if (!s)
		return -1;
	t->poll = s;
	list_init(&s->ready);
	s->free = UINT32_MAX;
	s->ring.fd = -1;
	s->wakefd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->wakefd < 0 || uring_open(&s->ring, ENTRIES, COMPLETIONS) < 0)
		return -1;
	/* A thread at rest keeps what it lends, and ios not armed what was let through. */
	limit = buf_limit() / nthreads;
	s->lazy_max = !buf_limit() ? LAZY_MAX : limit / 8 < LAZY_MAX ? limit / 8 : LAZY_MAX;
	if (uring_lent_open(&s->ring, &s->lent,
			    !buf_limit() || limit / 4 > URING_LENT_MAX ? URING_LENT_MAX
								       : limit / 4) < 0)
		return -1;
	s->ring.submitted = submitted;
	wake_submit(s);
	return 0;
}

static void uring_each(const struct thread *t, void (*fn)(void *arg, const struct io *io),
		       void *arg)
{
	const struct poller_state *s = t->poll;

	for (uint32_t i = 0; i < s->nplaces; i++)
		if (s->places[i].io && !(s->places[i].io->state & CLOSING))
			fn(arg, s->places[i].io);
}

const struct poller poller_uring = {
	.name = "io_uring",
	.unusable = uring_probe,
	.start = uring_start,
	.leave = uring_leave,
	.stop = uring_stop,
	.wait = uring_turn,
	.wake = uring_wake,
	.open = uring_io_open,
	.recv = uring_recv,
	.recv_stop = uring_recv_stop,
	.send = uring_send,
	.connect = uring_connect,
	.accept = uring_accept,
	.watch = uring_watch,
	.recv_rest = uring_recv_rest,
	.close = uring_io_close,
	.release = uring_release,
	.each = uring_each,
};
