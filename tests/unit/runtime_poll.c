/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime_poll.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../runtime/core/poll_fault.h"
#include "../../runtime/core/pool.h"

static char byte_at(uint64_t i)
{
	return (char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

const struct poller *test_poller(int i)
{
	struct poll_fault f = { .seed = (uint64_t)i,
				.short_read = 300,
				.partial = 300,
				.again = 100,
				.delay = 200,
				.starve = 50,
				.late = 300 };

	if (i == 0)
		return &poller_epoll;
	if (i == POLLER_URING) {
		const char *why = poller_uring.unusable();

		if (why)
			printf("not run: io_uring: %s\n", why);
		return why ? &poller_epoll : &poller_uring;
	}
	poll_fault_set(&f);
	return &poller_fault;
}

int listen_any(struct sockaddr_in *addr, int backlog)
{
	int fd = socket_tcp();
	socklen_t len = sizeof(*addr);

	*addr = (struct sockaddr_in) { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ck_assert_int_eq(bind(fd, (struct sockaddr *)addr, len), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)addr, &len), 0);
	return fd;
}

int socket_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

void socket_pair(int fd[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

int fds_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static bool peer_wake(struct buf_waiter *w)
{
	struct peer *p = CONTAINER(w, struct peer, wait);

	if (p->closing)
		return false;
	peer_send(p);
	return true;
}

void peer_open(struct peer *p, int fd)
{
	p->wait.wake = peer_wake;
	ck_assert_int_eq(io_open(&p->io, fd, &peer_ops), 0);
	if (!p->hold)
		io_recv(&p->io, IO_MANY);
}

static bool fill(struct peer *p)
{
	uint64_t left = p->to_send - p->sent;
	uint32_t n = p->chunk ? p->chunk : BUF_ROOM;

	p->out = p->reserved ? buf_get_reserved() : buf_get();
	if (!p->out) {
		buf_wait(&p->wait);
		return false;
	}
	if (n > left)
		n = (uint32_t)left;
	for (uint32_t i = 0; i < n; i++)
		p->out->data[p->out->off + i] = byte_at(p->sent + i);
	p->out->len = n;
	p->out_at = 0;
	return true;
}

void peer_send(struct peer *p)
{
	struct iovec iov[2];
	uint32_t n, first;

	if (p->closing || p->under_way)
		return;
	if (p->sent == p->to_send) {
		if (!p->done_sending && p->to_send) {
			p->done_sending = true;
			if (!p->half)
				io_shut(&p->io);
		}
		return;
	}
	if (!p->out && !fill(p))
		return;
	n = p->out->len - p->out_at;
	first = n / 2;
	iov[0] = (struct iovec) { p->out->data + p->out->off + p->out_at, first };
	iov[1] = (struct iovec) { p->out->data + p->out->off + p->out_at + first, n - first };
	p->under_way = true;
	io_send(&p->io, iov, 2, p->sent + n < p->to_send);
	memset(iov, 0, sizeof(iov));
}

void peer_close(struct peer *p, bool reset)
{
	p->closing = true;
	buf_wait_cancel(&p->wait);
	io_close(&p->io, reset);
}

void peer_took(struct peer *p, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p->bad |= bytes[i] != byte_at(p->got + i);
	p->got += n;
}

static void on_received(struct io *io, struct buf *b, ssize_t n)
{
	struct peer *p = CONTAINER(io, struct peer, io);

	p->completions += p->closing;
	if (n <= 0) {
		ck_assert_ptr_null(b);
		ck_assert(!p->ended);
		p->ended = true;
		p->err = (int)-n;
		if (p->on_end)
			p->on_end(p);
		return;
	}
	ck_assert_uint_eq((uint64_t)n, b->len);
	peer_took(p, b->data + b->off, b->len);
	buf_put(&b);
	if (p->on_bytes)
		p->on_bytes(p);
}

static void on_sent(struct io *io, ssize_t n)
{
	struct peer *p = CONTAINER(io, struct peer, io);

	p->completions += p->closing;
	p->under_way = false;
	if (n < 0) {
		p->err = (int)-n;
		if (p->on_end && !p->ended) {
			p->ended = true;
			p->on_end(p);
		}
		return;
	}
	p->sent += (uint64_t)n;
	p->out_at += (uint32_t)n;
	if (p->out_at == p->out->len)
		buf_put(&p->out);
	peer_send(p);
}

static void on_connected(struct io *io, int err)
{
	struct peer *p = CONTAINER(io, struct peer, io);

	p->completions += p->closing;
	p->connect_err = err;
	if (p->on_connect)
		p->on_connect(p);
}

static void on_ready(struct io *io, unsigned what)
{
	struct peer *p = CONTAINER(io, struct peer, io);

	p->completions += p->closing;
	p->on_ready(p, what);
}

static void on_closed(struct io *io)
{
	struct peer *p = CONTAINER(io, struct peer, io);

	ck_assert(!p->closed);
	p->closed = true;
	if (p->out)
		buf_put(&p->out);
	if (p->on_closed)
		p->on_closed(p);
}

const struct io_ops peer_ops = {
	.received = on_received,
	.sent = on_sent,
	.connected = on_connected,
	.ready = on_ready,
	.closed = on_closed,
};

static void (*case_stop)(struct thread *);

static void stop_and_count(struct thread *t)
{
	struct buf_count c;

	if (case_stop)
		case_stop(t);
	while (t->closing) {
		t->poller->wait(t, t->now);
	}
	buf_counts(&c);
	ck_assert_uint_eq(c.in_use, t->polled.lent);
}

void run_case(int poller, uint32_t buffers, int (*start)(struct thread *),
	      void (*stop)(struct thread *))
{
	struct thread_config cfg = {
		.nthreads = 1,
		.poller = test_poller(poller),
		.buffers_max = buffers,
		.start = start,
		.stop = stop_and_count,
	};
	int before = fds_open();

	case_stop = stop;
	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_eq(pool_fini(stderr), 0);
	ck_assert_int_eq(fds_open(), before);
}
