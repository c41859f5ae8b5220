/* SPDX-License-Identifier: Apache-2.0 */
/* relay: the floor that every ratio of bench/ is taken from. Accepts, connects to the origin at
 * once, and moves bytes both ways with recv and send under edge-triggered epoll, in one thread.
 * It parses nothing, reuses no connection and has no timeout: what a proxy costs above it is the
 * price of understanding HTTP. */
#include "sock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, CHUNK = 16384, ACCEPTS = 4 };

/* One direction's receiving side. <rest> holds what could not be sent to this end yet (malloc,
 * only while the end is full or still connecting); nothing more is read from the peer until it
 * has gone. */
struct end {
	int fd;
	bool eof; /* set by pump(): this end has sent its FIN */
	struct pair *pair;
	struct end *peer;
	char *rest;
	size_t rest_len, rest_sent;
};

struct pair {
	struct end client, server;
	struct pair *next_dead;
	bool dead; /* set by pair_close(); freed at the end of the turn */
};

static int epfd;
static struct pair *dead;
static char chunk[CHUNK];

/* Closes both sides. The memory stays until the turn ends, for later events of the turn may
 * point to it. */
static void pair_close(struct pair *p)
{
	if (p->dead)
		return;
	p->dead = true;
	close(p->client.fd);
	close(p->server.fd);
	p->next_dead = dead;
	dead = p;
}

static void free_dead(void)
{
	while (dead) {
		struct pair *p = dead;

		dead = p->next_dead;
		free(p->client.rest);
		free(p->server.rest);
		free(p);
	}
}

/* Keeps the unsent <n> bytes at <from> for <e>. */
static void keep_rest(struct end *e, const char *from, size_t n)
{
	e->rest = malloc(n);
	if (!e->rest)
		die("out of memory");
	memcpy(e->rest, from, n);
	e->rest_len = n;
	e->rest_sent = 0;
}

/* Sends <n> bytes of the chunk to <e>; returns false when the connection broke. */
static bool forward(struct end *e, size_t n)
{
	ssize_t done = send(e->fd, chunk, n, MSG_NOSIGNAL);

	if (done < 0) {
		if (errno != EAGAIN)
			return false;
		done = 0;
	}
	if ((size_t)done < n)
		keep_rest(e, chunk + done, n - (size_t)done);
	return true;
}

/* Moves what <from> has received to its peer. A short read says that the socket is empty
 * (epoll(7)), which saves one recv a request, unless <hup> announced an end of file that must
 * still be read. */
static void pump(struct end *from, bool hup)
{
	struct end *to = from->peer;

	while (!to->rest && !from->eof) {
		ssize_t n = recv(from->fd, chunk, CHUNK, 0);

		if (n < 0) {
			if (errno != EAGAIN)
				pair_close(from->pair);
			return;
		}
		if (n == 0) {
			from->eof = true;
			shutdown(to->fd, SHUT_WR);
			if (to->eof)
				pair_close(from->pair);
			return;
		}
		if (!forward(to, (size_t)n)) {
			pair_close(from->pair);
			return;
		}
		if (n < CHUNK && !hup)
			return;
	}
}

/* Sends the kept rest of <e>; when all of it has gone, reads its peer again. */
static void flush_rest(struct end *e)
{
	ssize_t n = send(e->fd, e->rest + e->rest_sent, e->rest_len - e->rest_sent, MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN)
			pair_close(e->pair);
		return;
	}
	e->rest_sent += (size_t)n;
	if (e->rest_sent < e->rest_len)
		return;
	free(e->rest);
	e->rest = NULL;
	pump(e->peer, true);
}

static void watch(struct end *e)
{
	struct epoll_event ev = { EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, { .ptr = e } };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, e->fd, &ev) == -1)
		die("epoll_ctl: %s", strerror(errno));
}

static void pair_open(int client, struct sockaddr_in origin)
{
	struct pair *p = calloc(1, sizeof(*p));
	int server = sock_connect(origin, SOCK_NONBLOCK);

	if (!p)
		die("out of memory");
	if (server == -1) {
		close(client);
		free(p);
		return;
	}
	sock_nodelay(client);
	p->client = (struct end) { .fd = client, .pair = p, .peer = &p->server };
	p->server = (struct end) { .fd = server, .pair = p, .peer = &p->client };
	watch(&p->client);
	watch(&p->server);
}

static void accept_some(int lfd, struct sockaddr_in origin)
{
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd == -1) {
			if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
				return;
			die("accept: %s", strerror(errno));
		}
		pair_open(fd, origin);
	}
}

static void on_event(struct end *e, uint32_t what)
{
	if (!e->pair->dead && (what & (EPOLLOUT | EPOLLERR)) && e->rest)
		flush_rest(e);
	if (!e->pair->dead && (what & ~(uint32_t)EPOLLOUT))
		pump(e, what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
	if (!e->pair->dead && (what & EPOLLERR))
		pair_close(e->pair);
}

int main(int argc, char **argv)
{
	struct epoll_event evs[EVENTS];
	struct epoll_event ev = { EPOLLIN, { .ptr = NULL } };
	struct sockaddr_in origin;
	int lfd;

	if (argc != 3)
		die("usage: relay LISTEN ORIGIN (each [ADDRESS:]PORT; port 0: the kernel chooses)");
	raise_nofile();
	origin = sock_addr(argv[2]);
	lfd = sock_listen(sock_addr(argv[1]));
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd == -1 || epoll_ctl(epfd, EPOLL_CTL_ADD, lfd, &ev) == -1)
		die("epoll: %s", strerror(errno));
	printf("port=%u\n", sock_port(lfd));
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epfd, evs, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (evs[i].data.ptr)
				on_event(evs[i].data.ptr, evs[i].events);
			else
				accept_some(lfd, origin);
		}
		free_dead();
	}
}
