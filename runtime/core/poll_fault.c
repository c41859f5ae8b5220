/* SPDX-License-Identifier: Apache-2.0 */
/* poller_fault: stands between the users of poll.h and poller_epoll. Each io of a user has a twin
 * that the inner poller serves; what comes from there is cut, held back, or replaced by an error
 * before it goes on. */
#include "poll_fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/bug.h"
#include "poll.h"
#include "thread.h"

#define IOV_MAX_CUT 64
#define DELAY_MAX 4 /* turns */
#define THREADS (GROUPS_MAX * GROUP_THREADS_MAX)

struct twin {
	struct io inner;
	struct io *outer;
	struct list link; /* in active: something is to be delivered */
	unsigned turns; /* to let pass before */
	bool armed, many, inner_armed, late;
	bool end, connected, sent, closed; /* to be delivered: end of stream or error, ... */
	bool accepting;
	unsigned ready; /* IO_IN, IO_OUT: to be delivered */
	struct buf *held; /* received, not delivered */
	int32_t end_result, sent_result, connect_result;
	int broken; /* errno of an injected error; every operation fails from then on */
	int fd; /* of the io, or -1 */
	int accepted_fd; /* held back while the user was told EMFILE; -1: none */
	struct sockaddr_storage peer;
};

struct state {
	uint64_t rng;
	struct list active;
	struct task
		more; /* queued while something is in <active>: the inner poller must not sleep */
	struct twin *current; /* being served; NULL once it was released */
	struct twin **by_fd;
	int nfd;
};

static struct state *states[THREADS];
static bool fault_is_set;
static struct poll_fault fault = { .seed = 1,
				   .short_read = 300,
				   .partial = 300,
				   .again = 100,
				   .delay = 200,
				   .starve = 50,
				   .late = 300 };

void poll_fault_set(const struct poll_fault *f)
{
	fault = *f;
	fault_is_set = true;
}

static void read_env(const char *text)
{
	struct {
		const char *name;
		uint16_t *to;
	} words[] = {
		{ "short_read", &fault.short_read }, { "partial", &fault.partial },
		{ "again", &fault.again },           { "delay", &fault.delay },
		{ "starve", &fault.starve },         { "late", &fault.late },
		{ "reset", &fault.reset },           { "refuse", &fault.refuse },
		{ "accept", &fault.accept },
	};
	struct str rest = str_from(text);

	while (rest.n) {
		struct str value = str_cut(&rest, ',');
		struct str name = str_cut(&value, '=');
		uint64_t v;

		if (!str_u64(value, UINT64_MAX, &v))
			continue;
		if (str_eq(name, S("seed")))
			fault.seed = v;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (str_eq(name, str_from(words[i].name)))
				*words[i].to = (uint16_t)(v > 1000 ? 1000 : v);
	}
}

static struct state *my(void)
{
	return states[th->tid];
}

/* splitmix64 (Steele, Lea, Flood), public domain. */
static uint64_t draw(void)
{
	uint64_t z = my()->rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static bool roll(uint16_t permille)
{
	return permille && draw() % 1000 < permille;
}

/* 1 to <most>, small parts more often. */
static uint32_t part_of(uint64_t most)
{
	uint64_t n = 1 + draw() % most;

	return (uint32_t)(roll(300) ? 1 : roll(500) ? 1 + n / 64 % most : n);
}

static struct twin *twin_of(const struct io *outer)
{
	struct twin *t = my()->by_fd[outer->fd];

	BUG_ON(!t || t->outer != outer);
	return t;
}

static void activate(struct twin *t)
{
	if (list_queued(&t->link))
		return;
	t->turns = roll(fault.delay) ? 1 + (unsigned)(draw() % DELAY_MAX) : 0;
	list_append(&my()->active, &t->link);
	task_wake(&my()->more);
}

static void nothing(struct task *t)
{
	(void)t;
}

static void pump(struct twin *t)
{
	if (t->held || t->end) {
		activate(t);
	} else if (t->armed && !t->inner_armed) {
		t->inner_armed = true;
		poller_epoll.recv(&t->inner, IO_ONCE);
	}
}

static void inner_received(struct io *io, struct buf *b, ssize_t n)
{
	struct twin *t = CONTAINER(io, struct twin, inner);

	t->inner_armed = false;
	t->held = b;
	if (n <= 0) {
		t->end = true;
		t->end_result = (int32_t)n;
	}
	activate(t);
}

static void inner_sent(struct io *io, ssize_t n)
{
	struct twin *t = CONTAINER(io, struct twin, inner);

	t->sent = true;
	t->sent_result = (int32_t)n;
	activate(t);
}

static void inner_connected(struct io *io, int err)
{
	struct twin *t = CONTAINER(io, struct twin, inner);

	t->connected = true;
	t->connect_result = err;
	activate(t);
}

static void inner_accepted(struct io *io, int fd, const struct sockaddr_storage *peer)
{
	struct twin *t = CONTAINER(io, struct twin, inner);

	if (fd < 0)
		t->accepting = false;
	if (fd >= 0 && roll(fault.accept)) {
		t->accepted_fd = fd;
		t->peer = *peer;
		t->accepting = false;
		poller_epoll.accept(io, false);
		t->outer->ops->accepted(t->outer, -EMFILE, NULL);
		return;
	}
	t->outer->ops->accepted(t->outer, fd, peer);
}

static void inner_ready(struct io *io, unsigned what)
{
	struct twin *t = CONTAINER(io, struct twin, inner);

	t->ready |= what;
	activate(t);
}

static void inner_closed(struct io *io)
{
	struct twin *t = CONTAINER(io, struct twin, inner);

	t->closed = true;
	activate(t);
}

static const struct io_ops inner_ops = {
	.received = inner_received,
	.sent = inner_sent,
	.connected = inner_connected,
	.accepted = inner_accepted,
	.ready = inner_ready,
	.closed = inner_closed,
};

static int map_fd(struct state *s, int fd, struct twin *t)
{
	if (fd >= s->nfd) {
		int n = (fd + 64) * 2;
		struct twin **more = realloc(s->by_fd, (size_t)n * sizeof(*more));

		if (!more)
			return -ENOMEM;
		memset(more + s->nfd, 0, (size_t)(n - s->nfd) * sizeof(*more));
		s->by_fd = more;
		s->nfd = n;
	}
	s->by_fd[fd] = t;
	return 0;
}

static int fault_open(struct io *io)
{
	struct twin *t = calloc(1, sizeof(*t));
	int r = -ENOMEM;

	if (!t)
		return r;
	t->outer = io;
	t->accepted_fd = -1;
	t->fd = io->fd;
	t->inner.fd = io->fd;
	t->inner.ops = &inner_ops;
	t->inner.tid = io->tid;
	r = poller_epoll.open(&t->inner);
	if (r == 0)
		r = map_fd(my(), io->fd, t);
	if (r != 0)
		free(t);
	return r;
}

static void unmap(struct twin *t)
{
	if (t->fd >= 0 && my()->by_fd[t->fd] == t)
		my()->by_fd[t->fd] = NULL;
	list_del(&t->link);
}

static void fault_recv(struct io *io, enum io_mode mode)
{
	struct twin *t = twin_of(io);

	t->armed = true;
	t->many = mode == IO_MANY;
	t->late = false;
	if (t->broken && !t->held && !t->end) {
		t->end = true;
		t->end_result = -t->broken;
	}
	pump(t);
}

static void fault_recv_stop(struct io *io)
{
	struct twin *t = twin_of(io);

	t->late = t->armed && t->held && roll(fault.late);
	t->armed = false;
	t->inner_armed = false;
	poller_epoll.recv_stop(&t->inner);
}

static uint64_t iov_sum(const struct iovec *iov, int n)
{
	uint64_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* Sends only the first <left> bytes of <iov>. */
static void send_part(struct twin *t, const struct iovec *iov, int n, uint64_t left, bool more)
{
	struct iovec cut[IOV_MAX_CUT];
	int k = 0;

	for (; k < n && k < IOV_MAX_CUT && left; k++) {
		cut[k] = iov[k];
		if (cut[k].iov_len > left)
			cut[k].iov_len = left;
		left -= cut[k].iov_len;
	}
	poller_epoll.send(&t->inner, cut, k, more);
}

/* A send has failed: so does a receive that is armed, as the kernel would have it. */
static void break_now(struct twin *t)
{
	inner_sent(&t->inner, -t->broken);
	if (!t->armed || t->held || t->end)
		return;
	t->inner_armed = false;
	poller_epoll.recv_stop(&t->inner);
	t->end = true;
	t->end_result = -t->broken;
}

static void fault_send(struct io *io, const struct iovec *iov, int n, bool more)
{
	static const int errors[] = { EPIPE, ECONNRESET, ETIMEDOUT };
	struct twin *t = twin_of(io);
	uint64_t sum = iov_sum(iov, n);

	BUG_ON(t->sent);
	if (!t->broken && roll(fault.reset))
		t->broken = errors[draw() % 3];
	if (t->broken)
		break_now(t);
	else if (roll(fault.again))
		inner_sent(&t->inner, 0);
	else if (sum > 1 && roll(fault.partial))
		send_part(t, iov, n, part_of(sum), more);
	else
		poller_epoll.send(&t->inner, iov, n, more);
}

static void fault_connect(struct io *io, const struct sockaddr *to, socklen_t len)
{
	struct twin *t = twin_of(io);

	if (roll(fault.refuse)) {
		t->broken = roll(500) ? ECONNREFUSED : ETIMEDOUT;
		inner_connected(&t->inner, t->broken);
		return;
	}
	poller_epoll.connect(&t->inner, to, len);
}

static void fault_accept(struct io *io, bool on)
{
	struct twin *t = twin_of(io);

	t->accepting = on;
	if (on && t->accepted_fd >= 0)
		activate(t);
	else
		poller_epoll.accept(&t->inner, on);
}

/* A break ends the socket too: the system calls of the user find that, its receive the error. */
static void fault_watch(struct io *io, unsigned what, bool on)
{
	struct twin *t = twin_of(io);

	t->ready &= ~what;
	poller_epoll.watch(&t->inner, what, on);
	if (!on)
		return;
	if (!t->broken && roll(fault.reset)) {
		t->broken = ECONNRESET;
		shutdown(io->fd, SHUT_RDWR);
	}
	if (t->broken || roll(fault.again)) {
		poller_epoll.watch(&t->inner, what, false);
		inner_ready(&t->inner, what);
	}
}

static int fault_recv_rest(struct io *io)
{
	const struct twin *t = twin_of(io);

	return t->held || t->end ? -EBUSY : 0;
}

static void fault_close(struct io *io, bool reset)
{
	struct twin *t = twin_of(io);

	unmap(t);
	if (t->held)
		buf_put(&t->held);
	if (t->accepted_fd >= 0)
		close(t->accepted_fd);
	t->fd = t->accepted_fd = -1;
	t->armed = t->end = t->sent = t->connected = t->accepting = false;
	t->ready = 0;
	io->fd = -1;
	th->closing++;
	poller_epoll.close(&t->inner, reset);
}

static int fault_release(struct io *io)
{
	struct twin *t = twin_of(io);
	int fd;

	BUG_ON(t->sent || t->connected);
	if (t->held || t->end)
		return -EBUSY;
	unmap(t);
	if (t->accepted_fd >= 0)
		close(t->accepted_fd);
	fd = poller_epoll.release(&t->inner);
	if (my()->current == t)
		my()->current = NULL;
	free(t);
	io->fd = -1;
	return fd;
}

static void deliver_end(struct twin *t)
{
	int32_t r = t->end_result;

	t->end = t->armed = t->late = false;
	t->outer->ops->received(t->outer, NULL, r);
}

/* Passes on what is held, or a part of it, or an error in its place. */
static void deliver_bytes(struct twin *t)
{
	struct buf *b = t->held, *part;
	uint32_t n = b->len;

	if (!t->late && roll(fault.starve)) {
		activate(t);
		t->turns = DELAY_MAX;
		return;
	}
	if (roll(fault.reset)) {
		t->broken = ECONNRESET;
		buf_put(&t->held);
		t->end_result = -ECONNRESET;
		deliver_end(t);
		return;
	}
	part = n > 1 && roll(fault.short_read) ? buf_get() : NULL;
	if (part) {
		n = part_of(n - 1);
		memcpy(buf_tail(part), b->data + b->off, n);
		part->len = n;
		b->off += n;
		b->len -= n;
		b = part;
	} else {
		memmove(b->data + BUF_HEAD, b->data + b->off, n);
		b->off = BUF_HEAD;
		t->held = NULL;
	}
	t->late = false;
	if (!t->many)
		t->armed = false;
	t->outer->ops->received(t->outer, b, n);
}

static bool gone(const struct twin *t)
{
	return my()->current != t || t->fd < 0;
}

static void deliver_accepted(struct twin *t)
{
	int fd = t->accepted_fd;

	t->accepted_fd = -1;
	t->outer->ops->accepted(t->outer, fd, &t->peer);
	if (!gone(t) && t->accepting)
		poller_epoll.accept(&t->inner, true);
}

static void serve(struct twin *t)
{
	struct io *outer = t->outer;

	my()->current = t;
	if (t->closed) {
		free(t);
		th->closing--;
		outer->ops->closed(outer);
		return;
	}
	if (t->connected) {
		t->connected = false;
		outer->ops->connected(outer, t->connect_result);
	}
	if (!gone(t) && t->sent) {
		t->sent = false;
		outer->ops->sent(outer, t->sent_result);
	}
	if (!gone(t) && t->ready) {
		unsigned what = t->ready;

		t->ready = 0;
		outer->ops->ready(outer, what);
	}
	if (!gone(t) && t->accepting && t->accepted_fd >= 0)
		deliver_accepted(t);
	if (gone(t))
		return;
	if (t->held && (t->armed || t->late))
		deliver_bytes(t);
	else if (t->end && t->armed)
		deliver_end(t);
	if (!gone(t) && t->armed)
		pump(t);
}

static void fault_wait(struct thread *thread, uint64_t until)
{
	struct state *s = my();
	struct list now;

	poller_epoll.wait(thread, list_empty(&s->active) ? until : thread->now);
	list_init(&now);
	if (!list_empty(&s->active)) { /* what becomes active from here on is for the next turn */
		now = s->active;
		now.next->prev = now.prev->next = &now;
		list_init(&s->active);
	}
	while (!list_empty(&now)) {
		struct twin *t = CONTAINER(list_shift(&now), struct twin, link);

		if (t->turns) {
			t->turns--;
			list_append(&s->active, &t->link);
		} else {
			serve(t);
		}
	}
	s->current = NULL;
}

static int fault_start(struct thread *t)
{
	struct state *s = calloc(1, sizeof(*s));
	const char *env = getenv("WEIR_FAULT");

	if (!s)
		return -1;
	if (!fault_is_set && env && t->tid == 0)
		read_env(env);
	s->rng = fault.seed * UINT64_C(0x2545f4914f6cdd1d) + t->tid;
	list_init(&s->active);
	task_init(&s->more, TASK_URGENT, nothing);
	states[t->tid] = s;
	return poller_epoll.start(t);
}

static void fault_stop(struct thread *t)
{
	poller_epoll.stop(t);
	if (states[t->tid])
		free(states[t->tid]->by_fd);
	free(states[t->tid]);
	states[t->tid] = NULL;
}

static void fault_wake(struct thread *t)
{
	poller_epoll.wake(t);
}

static void fault_each(const struct thread *t, void (*fn)(void *arg, const struct io *io),
		       void *arg)
{
	const struct state *s = states[t->tid];

	for (int fd = 0; fd < s->nfd; fd++)
		if (s->by_fd[fd])
			fn(arg, s->by_fd[fd]->outer);
}

const struct poller poller_fault = {
	.name = "fault",
	.start = fault_start,
	.stop = fault_stop,
	.wait = fault_wait,
	.wake = fault_wake,
	.open = fault_open,
	.recv = fault_recv,
	.recv_stop = fault_recv_stop,
	.send = fault_send,
	.connect = fault_connect,
	.accept = fault_accept,
	.watch = fault_watch,
	.recv_rest = fault_recv_rest,
	.close = fault_close,
	.release = fault_release,
	.each = fault_each,
};
