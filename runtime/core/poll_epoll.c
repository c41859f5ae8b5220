/* SPDX-License-Identifier: Apache-2.0 */
/* poller_epoll. Each descriptor is registered once, edge-triggered for everything, when an
 * operation first finds it not ready; the events then only say that a system call may be worth
 * trying, which is kept in the io's state. An io with something to do or to report is in <ready>,
 * and is served from the loop in the order of queueing. */
#include "poll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../base/bug.h"
#include "clock.h"
#include "fd.h"
#include "poll_accept.h"
#include "poll_sys.h"
#include "thread.h"

#define EVENTS 256
#define SERVE_BUDGET 64 /* ios served per turn */
#define SKIP_MAX 3 /* turns in a row that may do without asking for events */

/* States of an io. What is said of the descriptor is a guess kept by events and by short
 * results. */
enum {
	RECV = 0x01, /* receive armed */
	MANY = 0x02, /* receive stays armed after a completion */
	READABLE = 0x04, /* a receive may find bytes, the end or an error */
	ENDED = 0x08, /* end or error there: a short receive does not empty the socket */
	SENDING = 0x10, /* a send waits for room */
	SENT = 0x20, /* <result> of a send is to be delivered */
	CONNECTING = 0x40,
	CONNECTED = 0x80, /* <result> of a connect is to be delivered */
	REGISTERED = 0x100,
	LISTENING = 0x200,
	CLOSING = 0x400,
	REFUSED = 0x800, /* <result> of an io_accept that failed is to be delivered */
	WATCH = 0x1000, /* times IO_IN, IO_OUT: an event is waited for */
	TELL = 0x4000 /* likewise: it is to be delivered */
};

/* Event data: descriptor and generation; for listeners, whose descriptor several threads may share,
 * an index. */
#define DATA_LISTENER (UINT64_C(1) << 31)
#define DATA_WAKE UINT64_MAX

struct listener {
	struct io *io;
	uint32_t gen;
};

struct poller_state {
	int epfd, wakefd;
	unsigned skipped;
	struct list ready;
	struct io *current; /* being served; NULL once it was released */
	struct listener *listeners;
	uint32_t nlisteners, gen;
	struct epoll_event events[EVENTS];
};

static void make_ready(struct io *io)
{
	if (!list_queued(&io->link))
		list_append(&th->poll->ready, &io->link);
}

/* Registers <io> for everything. On failure the operation finds out by its own means. */
static int io_register(struct io *io)
{
	struct fd_slot *slot = fd_slot(th->group->fds, io->fd, 0);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	if (io->state & REGISTERED)
		return 0;
	io->gen = (atomic_fetch_add(&slot->gen, 1) + 1);
	atomic_store_explicit(&slot->io, io, memory_order_release);
	ev.data.u64 = (uint64_t)io->gen << 32 | (uint32_t)io->fd;
	if (epoll_ctl(th->poll->epfd, EPOLL_CTL_ADD, io->fd, &ev) != 0)
		return -errno;
	io->state |= REGISTERED;
	return 0;
}

/* From now on events of the present registration are stale. */
static void forget(struct io *io)
{
	struct fd_slot *slot = fd_slot(th->group->fds, io->fd, 0);

	if (!(io->state & REGISTERED))
		return;
	atomic_store(&slot->io, NULL);
	atomic_fetch_add(&slot->gen, 1);
	io->state &= (uint16_t)~REGISTERED;
}

static bool retry_recv(struct buf_waiter *w);

static int epoll_open(struct io *io)
{
	if (!fd_slot(th->group->fds, io->fd, 1))
		return -EMFILE;
	io->state = 0;
	io->link = (struct list) { 0 };
	io->wait = (struct buf_waiter) { .wake = retry_recv };
	return 0;
}

static void epoll_recv(struct io *io, enum io_mode mode)
{
	int r;

	BUG_ON(io->state & CLOSING);
	io->state &= (uint16_t)~MANY;
	io->state |= (uint16_t)(RECV | (mode == IO_MANY ? MANY : 0));
	r = io_register(io);
	if (r < 0)
		io->state |= READABLE | ENDED;
	if ((io->state & READABLE) && !list_queued(&io->wait.link))
		make_ready(io);
}

static void epoll_recv_stop(struct io *io)
{
	io->state &= (uint16_t) ~(RECV | MANY);
	buf_wait_cancel(&io->wait);
}

static void send_done(struct io *io, int32_t result)
{
	io->result = result;
	io->state |= SENT;
	make_ready(io);
}

static void epoll_send(struct io *io, const struct iovec *iov, int n, bool more)
{
	ssize_t r;

	BUG_ON(io->state & (SENDING | SENT | CLOSING));
	do {
		th->polled.sends++;
		r = sys_send(io->fd, iov, n, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	} while (r < 0 && errno == EINTR);
	if (r >= 0) {
		send_done(io, r > INT32_MAX ? INT32_MAX : (int32_t)r);
		return;
	}
	if (errno != EAGAIN) {
		send_done(io, -errno);
		return;
	}
	io->state |= SENDING;
	r = io_register(io);
	if (r < 0) {
		io->state &= (uint16_t)~SENDING;
		send_done(io, (int32_t)r);
	}
}

/* <what> may be worth trying: told if it is watched. */
static void watched(struct io *io, unsigned what)
{
	unsigned now = io->state / WATCH & what;

	if (!now)
		return;
	io->state &= (uint16_t) ~(WATCH * now);
	io->state |= (uint16_t)(TELL * now);
	make_ready(io);
}

static void connect_done(struct io *io, int err)
{
	io->state &= (uint16_t)~CONNECTING;
	io->result = err;
	io->state |= CONNECTED;
	make_ready(io);
}

static void epoll_connect(struct io *io, const struct sockaddr *to, socklen_t len)
{
	int r;

	BUG_ON(io->state & (CONNECTING | CONNECTED | CLOSING));
	if (connect(io->fd, to, len) == 0) {
		connect_done(io, 0);
		return;
	}
	if (errno != EINPROGRESS && errno != EINTR) {
		connect_done(io, errno);
		return;
	}
	io->state |= CONNECTING;
	r = io_register(io);
	if (r < 0)
		connect_done(io, -r);
}

static void epoll_watch(struct io *io, unsigned what, bool on)
{
	BUG_ON(io->state & CLOSING);
	io->state &= (uint16_t) ~((WATCH | TELL) * what);
	if (!on) {
		/* The caller may have left bytes behind. */
		io->state |= what & IO_IN ? READABLE : 0;
		return;
	}
	if (what & IO_IN)
		io->state &= (uint16_t)~READABLE;
	io->state |= (uint16_t)(WATCH * what);
	if (io_register(io) < 0)
		watched(io, what);
}

/* A place in the thread's list of listeners; its index, or -1. */
static int listener_add(struct poller_state *p, struct io *io)
{
	struct listener *more;

	for (uint32_t i = 0; i < p->nlisteners; i++) {
		if (!p->listeners[i].io) {
			p->listeners[i] = (struct listener) { .io = io, .gen = ++p->gen };
			return (int)i;
		}
	}
	more = realloc(p->listeners, (p->nlisteners + 1) * sizeof(*more));
	if (!more)
		return -1;
	p->listeners = more;
	more[p->nlisteners] = (struct listener) { .io = io, .gen = ++p->gen };
	return (int)p->nlisteners++;
}

static void accept_stop(struct io *io)
{
	struct poller_state *p = th->poll;

	if (!(io->state & LISTENING))
		return;
	io->state &= (uint16_t)~LISTENING;
	epoll_ctl(p->epfd, EPOLL_CTL_DEL, io->fd, NULL);
	for (uint32_t i = 0; i < p->nlisteners; i++)
		if (p->listeners[i].io == io)
			p->listeners[i] = (struct listener) { 0 };
}

static void accept_refused(struct io *io, int err)
{
	accept_stop(io);
	io->state |= REFUSED;
	io->result = -err;
	make_ready(io);
}

/* Level-triggered: what is left after four a turn is announced again, to any of the threads. */
static void epoll_accept(struct io *io, bool on)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int i;

	BUG_ON(on && (io->state & CLOSING));
	if (!on) {
		accept_stop(io);
		return;
	}
	if (io->state & LISTENING)
		return;
	i = listener_add(th->poll, io);
	if (i < 0) {
		accept_refused(io, ENOMEM);
		return;
	}
	io->state |= LISTENING;
	ev.data.u64 = (uint64_t)th->poll->listeners[i].gen << 32 | DATA_LISTENER | (uint32_t)i;
	if (epoll_ctl(th->poll->epfd, EPOLL_CTL_ADD, io->fd, &ev) != 0)
		accept_refused(io, errno);
}

static void epoll_close(struct io *io, bool reset)
{
	static const struct linger now = { .l_onoff = 1 };

	BUG_ON(io->state & CLOSING);
	epoll_recv_stop(io);
	accept_stop(io);
	forget(io);
	if (reset)
		setsockopt(io->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(io->fd);
	io->fd = -1;
	io->state = CLOSING;
	th->closing++;
	make_ready(io);
}

static int epoll_release(struct io *io)
{
	int fd = io->fd;

	BUG_ON(io->state >= WATCH);
	BUG_ON(io->state & (SENDING | SENT | CONNECTING | CONNECTED | CLOSING));
	epoll_recv_stop(io);
	accept_stop(io);
	if (io->state & REGISTERED) {
		forget(io);
		epoll_ctl(th->poll->epfd, EPOLL_CTL_DEL, fd, NULL);
	}
	list_del(&io->link);
	if (th->poll->current == io)
		th->poll->current = NULL;
	io->fd = -1;
	return fd;
}

/* Receives once into <b>; false when there was nothing, and <b> is still the caller's. */
static bool receive(struct io *io, struct buf *b)
{
	ssize_t n;

	do {
		th->polled.recvs++;
		n = sys_recv(io->fd, b->data + b->off, BUF_ROOM);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		th->polled.recvs_empty++;
		io->state &= (uint16_t)~READABLE;
		return false;
	}
	if (n > 0) {
		b->len = (uint32_t)n;
		/* Less than asked for: the socket is empty, and what comes later makes a new
		 * event. */
		if (n < BUF_ROOM && !(io->state & ENDED))
			io->state &= (uint16_t)~READABLE;
		if (!(io->state & MANY))
			io->state &= (uint16_t)~RECV;
		else if (io->state & READABLE)
			make_ready(io);
		io->ops->received(io, b, n);
		return true;
	}
	if (n < 0)
		n = -errno;
	buf_put(&b);
	io->state &= (uint16_t) ~(RECV | MANY | READABLE);
	io->ops->received(io, NULL, n);
	return true;
}

static void serve_recv(struct io *io)
{
	struct buf *b;

	if (list_queued(&io->wait.link))
		return;
	b = buf_get();
	if (!b)
		buf_wait(&io->wait);
	else if (!receive(io, b))
		buf_put(&b);
}

/* A buffer may be had now. Called from the loop like everything else. */
static bool retry_recv(struct buf_waiter *w)
{
	struct io *io = CONTAINER(w, struct io, wait);

	if ((io->state & (RECV | READABLE)) != (RECV | READABLE))
		return false;
	serve_recv(io);
	return true;
}

static bool gone(const struct io *io)
{
	return th->poll->current != io || (io->state & CLOSING);
}

/* Delivers and does what <io> was queued for: at most one completion of each kind. */
static void serve(struct io *io)
{
	th->poll->current = io;
	if (io->state & CLOSING) {
		th->closing--;
		io->ops->closed(io);
		return;
	}
	if (io->state & CONNECTED) {
		io->state &= (uint16_t)~CONNECTED;
		io->ops->connected(io, io->result);
		if (gone(io))
			return;
	}
	if (io->state & REFUSED) {
		io->state &= (uint16_t)~REFUSED;
		io->ops->accepted(io, io->result, NULL);
		return;
	}
	if (io->state & SENT) {
		io->state &= (uint16_t)~SENT;
		io->ops->sent(io, io->result);
		if (gone(io))
			return;
	}
	if (io->state >= TELL) {
		unsigned what = io->state / TELL;

		io->state &= TELL - 1;
		io->ops->ready(io, what);
		if (gone(io))
			return;
	}
	if ((io->state & (RECV | READABLE)) == (RECV | READABLE))
		serve_recv(io);
}

static bool listening(const struct io *io)
{
	return th->poll->current == io && (io->state & LISTENING);
}

static __attribute__((noinline)) void accept_some(struct io *io)
{
	int err;

	th->poll->current = io;
	err = poll_accept_some(io, listening);
	if (err) {
		accept_stop(io);
		io->ops->accepted(io, -err, NULL);
	}
}

static void listener_event(struct poller_state *p, uint64_t data)
{
	uint32_t i = (uint32_t)data & ~(uint32_t)DATA_LISTENER;

	if (i < p->nlisteners && p->listeners[i].io && p->listeners[i].gen == data >> 32)
		accept_some(p->listeners[i].io);
	else
		th->polled.stale++;
}

static void connect_event(struct io *io)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	connect_done(io, err);
}

static void handle(const struct epoll_event *ev)
{
	struct fd_slot *slot = fd_slot(th->group->fds, (int)(uint32_t)ev->data.u64, 0);
	struct io *io;

	if (!slot || atomic_load_explicit(&slot->gen, memory_order_acquire) != ev->data.u64 >> 32) {
		th->polled.stale++;
		return;
	}
	io = atomic_load_explicit(&slot->io, memory_order_acquire);
	if (ev->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		io->state |= READABLE;
	if (ev->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		io->state |= ENDED;
	if (io->state >= WATCH)
		watched(io, (ev->events & ~(uint32_t)EPOLLOUT ? IO_IN : 0) |
				    (ev->events & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? IO_OUT : 0));
	if (ev->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
		if (io->state & CONNECTING)
			connect_event(io);
		if (io->state & SENDING) {
			io->state &= (uint16_t)~SENDING;
			send_done(io, 0);
		}
	}
	if ((io->state & (RECV | READABLE)) == (RECV | READABLE))
		make_ready(io);
}

static void collect(struct poller_state *p, int n)
{
	for (int i = 0; i < n; i++) {
		const struct epoll_event *ev = &p->events[i];

		th->polled.events++;
		if (ev->data.u64 == DATA_WAKE)
			continue; /* edge-triggered: it need not be read */
		if (ev->data.u64 & DATA_LISTENER)
			listener_event(p, ev->data.u64);
		else
			handle(ev);
	}
}

static void serve_ready(struct poller_state *p)
{
	for (unsigned n = 0; n < SERVE_BUDGET; n++) {
		struct list *node = list_shift(&p->ready);

		if (!node)
			break;
		serve(CONTAINER(node, struct io, link));
	}
	p->current = NULL;
}

static int ask(struct poller_state *p, struct thread *t, uint64_t until)
{
	int timeout = list_empty(&p->ready) ? clock_timeout(t, until) : 0;
	int n;

	th->polled.waits++;
	if (timeout != 0 && !thread_sleep(t))
		timeout = 0;
	n = sys_wait(p->epfd, p->events, EVENTS, timeout);
	if (timeout != 0)
		thread_awake(t);
	if (n == 0 && timeout == 0 && list_empty(&p->ready))
		clock_idle(until);
	return n;
}

/* Delivers what was queued, sends that went out at once above all. True: so much came of it that a
 * turn has to pass before events are asked for; else *<until> is what holds now. */
static bool serve_first(struct poller_state *p, struct thread *t, uint64_t *until)
{
	uint64_t next;

	serve_ready(p);
	if (t->turn)
		t->turn();
	next = thread_until();
	if (((next && next <= t->now) || !list_empty(&p->ready)) && ++p->skipped <= SKIP_MAX)
		return true;
	if (next && (!*until || next < *until))
		*until = next;
	return false;
}

static void epoll_turn(struct thread *t, uint64_t until)
{
	struct poller_state *p = t->poll;
	int n;

	th->polled.turns++;
	if (!list_empty(&p->ready) && serve_first(p, t, &until))
		return;
	p->skipped = 0;
	n = ask(p, t, until);
	BUG_ON(n < 0 && errno != EINTR);
	clock_turn(t);
	collect(p, n);
	serve_ready(p);
}

static void epoll_wake(struct thread *t)
{
	static const uint64_t one = 1;

	if (write(t->poll->wakefd, &one, sizeof(one)) < 0)
		BUG_ON(errno != EAGAIN);
}

static void epoll_stop(struct thread *t)
{
	struct poller_state *p = t->poll;

	if (p->epfd >= 0)
		close(p->epfd);
	if (p->wakefd >= 0)
		close(p->wakefd);
	free(p->listeners);
	free(p);
	t->poll = NULL;
}

static int epoll_start(struct thread *t)
{
	struct poller_state *p = calloc(1, sizeof(*p));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = DATA_WAKE };

	if (!p)
		return -1;
	list_init(&p->ready);
	p->epfd = epoll_create1(EPOLL_CLOEXEC);
	p->wakefd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	t->poll = p;
	if (p->epfd < 0 || p->wakefd < 0 || epoll_ctl(p->epfd, EPOLL_CTL_ADD, p->wakefd, &ev) != 0)
		return -1;
	return 0;
}

/* The table is the group's: once for all of its threads. */
static void epoll_each(const struct thread *t, void (*fn)(void *arg, const struct io *io),
		       void *arg)
{
	if (t->ltid == 0)
		fd_each(t->group->fds, fn, arg);
}

const struct poller poller_epoll = {
	.name = "epoll",
	.start = epoll_start,
	.stop = epoll_stop,
	.wait = epoll_turn,
	.wake = epoll_wake,
	.open = epoll_open,
	.recv = epoll_recv,
	.recv_stop = epoll_recv_stop,
	.send = epoll_send,
	.connect = epoll_connect,
	.accept = epoll_accept,
	.watch = epoll_watch,
	.close = epoll_close,
	.release = epoll_release,
	.each = epoll_each,
};
