/* SPDX-License-Identifier: Apache-2.0 */
/* How connections begin, and their addresses. */
#include "conn_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/bug.h"
#include "../core/thread.h"
#include "listener.h"
#include "mux_ops.h"

static _Thread_local struct addr no_memory_addr;

static void front_timeout(struct timer *t)
{
	conn_abort(CONTAINER(t, struct conn, timer), false);
}

static void back_timeout(struct timer *t)
{
	conn_fail(CONTAINER(t, struct conn, timer), ETIMEDOUT);
}

static bool start_handshake(struct conn *c, const struct handshake *const *hs, uint32_t ms)
{
	if (hs && *hs) {
		if (!conn_extra_of(c))
			return false;
		c->extra->hs = hs;
	}
	c->timer.fire = c->flags & CONN_BACK ? back_timeout : front_timeout;
	if (ms && ((c->flags & CONN_BACK) || (hs && *hs)))
		timer_set(&c->timer, th->now + ms);
	return true;
}

struct conn *conn_accepted(int fd, struct listener *l, const struct conn_app *app,
			   const struct handshake *const *hs, const struct sockaddr_storage *peer,
			   uint32_t handshake_ms)
{
	struct conn *c = conn_new(app);

	if (!c || !start_handshake(c, hs, handshake_ms) || io_open(&c->io, fd, &conn_io) < 0) {
		close(fd);
		if (c)
			conn_free(c);
		listener_conn_closed(l);
		return NULL;
	}
	c->listener = l;
	addr_from_sockaddr(&c->peer, peer);
	conn_enter(c, CONN_HANDSHAKE);
	conn_handshake(c);
	return c;
}

int conn_foreign(int fd, int family)
{
	int one = 1;

	return family == AF_INET6
		       ? setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &one, sizeof(one))
		       : setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one));
}

/* A socket for a connection to <to> by <route>. The descriptor or -errno. */
static int back_socket(const struct sockaddr_storage *to, const struct conn_route *route)
{
	const struct addr *from = route->from;
	int fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_storage ss;
	int one = 1, err;
	socklen_t len;

	if (fd < 0)
		return -errno;
	if (listener_fd_scarce(fd)) {
		close(fd);
		return -EMFILE;
	}
	/* Output is gathered over a turn already: waiting for the peer's acknowledgement gains
	 * nothing. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!from || !(len = addr_to_sockaddr(from, &ss)))
		return fd;
	if (route->foreign && conn_foreign(fd, ss.ss_family) < 0) {
		close(fd);
		return -EPERM;
	}
	if (from->port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	else
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, len) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

struct conn *conn_connect(const struct conn_route *route, const struct conn_app *app, void *owner,
			  const struct handshake *const *hs, uint32_t timeout_ms, int *err)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(route->to, &ss);
	int fd = len ? back_socket(&ss, route) : -EAFNOSUPPORT;
	struct conn *c = fd >= 0 ? conn_new(app) : NULL;

	if (fd < 0) {
		*err = -fd;
		return NULL;
	}
	if (c)
		c->flags = CONN_BACK;
	if (!c || !start_handshake(c, hs, timeout_ms) || io_open(&c->io, fd, &conn_io) < 0) {
		*err = ENOMEM;
		close(fd);
		if (c)
			conn_free(c);
		return NULL;
	}
	c->owner = owner;
	c->peer = *route->to;
	conn_enter(c, CONN_CONNECTING);
	io_connect(&c->io, (struct sockaddr *)&ss, len);
	return c;
}

int conn_yield(struct conn *c, struct conn_parts *p)
{
	const uint16_t busy = CONN_EOF | CONN_SHUT | CONN_SHUT_LATER | CONN_FAILED | CONN_TURN |
			      CONN_SENDING | CONN_TELL | CONN_OVER;

	BUG_ON(!(c->flags & CONN_BACK));
	if (c->state != CONN_READY || (c->flags & busy) || c->out ||
	    (c->extra && c->extra->early) || (has_transport(c) && !sealing->at_rest(c)))
		return -1;
	p->fd = io_release(&c->io);
	if (p->fd < 0)
		return -1;
	p->transport = NULL;
	if (has_transport(c))
		sealing->take(c, p);
	if (c->mux)
		c->mux->release(c);
	conn_free(c);
	return 0;
}

void conn_parts_close(const struct conn_parts *p)
{
	close(p->fd);
	if (p->transport)
		p->transport->free(p->transport_ctx, NULL);
}

struct conn *conn_adopt(const struct conn_parts *p, const struct addr *peer,
			const struct conn_app *app, void *owner)
{
	struct conn *c = conn_new(app);

	if (!c || (p->transport && !conn_extra_of(c)) || io_open(&c->io, p->fd, &conn_io) < 0) {
		conn_parts_close(p);
		if (c)
			conn_free(c);
		return NULL;
	}
	c->flags = CONN_BACK | CONN_SENT;
	if (p->transport)
		sealing->give(c, p);
	c->owner = owner;
	c->peer = *peer;
	conn_enter(c, CONN_HANDSHAKE);
	conn_enter(c, CONN_READY);
	return c;
}

void conn_attach(struct conn *c, const struct mux_ops *mux, void *ctx)
{
	BUG_ON(c->state != CONN_READY || c->mux);
	c->mux = mux;
	c->mux_ctx = ctx;
}

bool conn_unread(const struct conn *c)
{
	char byte;

	return recv(c->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Addresses. */

const struct addr *conn_local(struct conn *c)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct addr *a = &no_memory_addr;

	if (c->extra && c->extra->local.kind != AK_NONE)
		return &c->extra->local;
	if (conn_extra_of(c))
		a = &c->extra->local;
	if (c->state == CONN_CLOSING || getsockname(c->io.fd, (struct sockaddr *)&ss, &len) < 0)
		ss.ss_family = AF_UNSPEC;
	addr_from_sockaddr(a, &ss);
	return a;
}

const struct conn *conn_of(const struct io *io)
{
	return io->ops == &conn_io ? CONTAINER(io, const struct conn, io) : NULL;
}

const struct addr *conn_local_known(const struct conn *c)
{
	return c->extra && c->extra->local.kind != AK_NONE ? &c->extra->local : NULL;
}

bool conn_set_addrs(struct conn *c, const struct addr *peer, const struct addr *local)
{
	if (!conn_extra_of(c))
		return false;
	c->peer = *peer;
	c->extra->local = *local;
	c->flags |= CONN_PROXIED;
	return true;
}

const struct handshake *conn_handler(const struct conn *c)
{
	return *c->extra->hs;
}

bool conn_tell_addrs(struct conn *c, const struct addr *src, const struct addr *dst)
{
	if (!conn_extra_of(c))
		return false;
	c->extra->told_src = *src;
	c->extra->told_dst = *dst;
	return true;
}

const struct addr *conn_told_src(const struct conn *c)
{
	return c->extra ? &c->extra->told_src : NULL;
}

const struct addr *conn_told_dst(const struct conn *c)
{
	return c->extra ? &c->extra->told_dst : NULL;
}
