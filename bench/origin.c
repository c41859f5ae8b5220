/* SPDX-License-Identifier: Apache-2.0 */
/* origin: a keep-alive HTTP/1.1 server that gives the same small answer to every request, as
 * cheaply as it can. It looks for nothing but the empty line that ends a head, so requests must
 * carry no body; several heads in one read are answered by one send. */
#include "sock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, CHUNK = 65536, BATCH = 64, BATCH_BYTES = 65536, PORTS_MAX = 64 };
enum { HEAD_END = 0x0d0a0d0a }; /* CR LF CR LF */

struct conn {
	int fd;
	uint32_t last; /* the last four bytes of the head being read */
	size_t owed; /* bytes of answers due and not yet sent */
	size_t off; /* where in an answer the next byte of <owed> is */
	uint32_t watched; /* the events that epoll looks for */
	unsigned waiting; /* its entries in the delay queue */
	bool closed; /* peer gone; freed when <waiting> is 0 */
};

/* An answer that waits for its time. The delay is the same for all, so the queue is in order of
 * time. */
struct due {
	uint64_t at;
	struct conn *c;
	size_t bytes;
};

static int epfd;
static struct conn ports[PORTS_MAX]; /* the listening sockets; only <fd> is used */
static char chunk[CHUNK];
static char *answers; /* <batch> copies of the answer, one after the other */
static size_t answer_len, batch;
static uint64_t delay_ns;
static struct due *queue; /* ring of <queue_size>, a power of two */
static size_t queue_size, queue_head, queue_tail;

static void make_answer(size_t size)
{
	char head[512], date[64];
	time_t t = time(NULL);
	int n;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&t));
	n = snprintf(head, sizeof(head),
		     "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: %s\r\n"
		     "Content-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n"
		     "Cache-Control: max-age=60\r\nETag: \"5f3c-1a2b\"\r\n\r\n",
		     date, size);
	answer_len = (size_t)n + size;
	batch = answer_len * BATCH <= BATCH_BYTES ? BATCH : 1;
	answers = malloc(answer_len * batch);
	if (!answers)
		die("out of memory");
	for (size_t i = 0; i < batch; i++) {
		memcpy(answers + i * answer_len, head, (size_t)n);
		memset(answers + i * answer_len + n, 'x', size);
	}
}

static void conn_close(struct conn *c)
{
	if (!c->closed)
		close(c->fd);
	c->closed = true;
	if (!c->waiting)
		free(c);
}

/* Returns how many heads end in the <n> bytes of the chunk. */
static size_t count_heads(struct conn *c, size_t n)
{
	uint32_t last = c->last;
	size_t heads = 0;

	for (size_t i = 0; i < n; i++) {
		last = last << 8 | (unsigned char)chunk[i];
		heads += last == HEAD_END;
	}
	c->last = last;
	return heads;
}

/* Reads from <c> or, while answers are owed, waits until they can be sent: never both, so that a
 * peer which does not read cannot pile up work here. */
static void watch(struct conn *c, int op, uint32_t events)
{
	struct epoll_event ev = { events, { .ptr = c } };

	if (epoll_ctl(epfd, op, c->fd, &ev) == -1)
		die("epoll_ctl: %s", strerror(errno));
	c->watched = events;
}

/* Sends what is owed; closes the connection when it broke. */
static void send_owed(struct conn *c)
{
	while (c->owed) {
		size_t n = answer_len * batch - c->off;
		ssize_t done;

		if (n > c->owed)
			n = c->owed;
		done = send(c->fd, answers + c->off, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EAGAIN)
			break;
		if (done < 0) {
			conn_close(c);
			return;
		}
		c->owed -= (size_t)done;
		c->off = (c->off + (size_t)done) % answer_len;
	}
	if ((c->owed ? EPOLLOUT : EPOLLIN) != c->watched)
		watch(c, EPOLL_CTL_MOD, c->owed ? EPOLLOUT : EPOLLIN);
}

static void queue_grow(void)
{
	size_t size = queue_size ? queue_size * 2 : 1024;
	struct due *q = malloc(size * sizeof(*q));

	if (!q)
		die("out of memory");
	for (size_t i = queue_head; i != queue_tail; i++)
		q[i & (size - 1)] = queue[i & (queue_size - 1)];
	free(queue);
	queue = q;
	queue_size = size;
}

static void queue_put(struct conn *c, size_t bytes)
{
	if (queue_tail - queue_head == queue_size)
		queue_grow();
	queue[queue_tail++ & (queue_size - 1)] = (struct due) { now_ns() + delay_ns, c, bytes };
	c->waiting++;
}

/* Sends the answers whose time has come; returns the milliseconds to wait for the next one, -1
 * for none. */
static int queue_run(void)
{
	while (queue_head != queue_tail) {
		struct due *d = &queue[queue_head & (queue_size - 1)];
		struct conn *c = d->c;
		uint64_t now = now_ns();

		if (d->at > now)
			return (int)((d->at - now + 999999) / 1000000);
		queue_head++;
		c->waiting--;
		c->owed += d->bytes;
		if (c->closed)
			conn_close(c);
		else
			send_owed(c);
	}
	return -1;
}

static void on_readable(struct conn *c)
{
	ssize_t n = recv(c->fd, chunk, CHUNK, 0);
	size_t heads;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			conn_close(c);
		return;
	}
	heads = count_heads(c, (size_t)n);
	if (!heads)
		return;
	if (delay_ns) {
		queue_put(c, heads * answer_len);
		return;
	}
	c->owed += heads * answer_len;
	send_owed(c);
}

static void accept_one(int lfd)
{
	int fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c;

	if (fd == -1) {
		if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
			return;
		die("accept: %s", strerror(errno));
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		die("out of memory");
	sock_nodelay(fd);
	c->fd = fd;
	watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static void on_event(struct conn *c, uint32_t what)
{
	if (c >= ports && c < ports + PORTS_MAX)
		accept_one(c->fd);
	else if (what & EPOLLOUT)
		send_owed(c);
	else if (what & (EPOLLIN | EPOLLERR | EPOLLHUP))
		on_readable(c);
}

static void serve(void)
{
	struct epoll_event evs[EVENTS];
	int wait = -1;

	for (;;) {
		int n = epoll_wait(epfd, evs, EVENTS, wait);

		for (int i = 0; i < n; i++)
			on_event(evs[i].data.ptr, evs[i].events);
		wait = queue_run();
	}
}

int main(int argc, char **argv)
{
	size_t size = 100, nports = 0;
	int opt;

	raise_nofile();
	epfd = epoll_create1(EPOLL_CLOEXEC);
	while ((opt = getopt(argc, argv, "s:d:l:")) != -1) {
		if (opt == 's') {
			size = (size_t)number_arg(optarg, 0, 1 << 30, "-s");
		} else if (opt == 'd') {
			delay_ns = (uint64_t)number_arg(optarg, 0, 3600000, "-d") * 1000000;
		} else if (opt == 'l' && nports < PORTS_MAX) {
			ports[nports].fd = sock_listen(sock_addr(optarg));
			watch(&ports[nports++], EPOLL_CTL_ADD, EPOLLIN);
		} else {
			die("usage: origin [-s BODY_BYTES] [-d DELAY_MS] -l [ADDRESS:]PORT ... "
			    "(at most %d)",
			    PORTS_MAX);
		}
	}
	if (!nports)
		die("no port to listen on: -l [ADDRESS:]PORT");
	make_answer(size);
	for (size_t i = 0; i < nports; i++)
		printf("port=%u\n", sock_port(ports[i].fd));
	fflush(stdout);
	serve();
}
