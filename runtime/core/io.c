/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of poll.h, checked and handed to the poller of the thread. */
#include "poll.h"

#include <errno.h>

#include "../base/bug.h"
#include "fd.h"
#include "thread.h"

int io_open(struct io *io, int fd, const struct io_ops *ops)
{
	int r;

	io->ops = ops;
	io->fd = fd;
	io->tid = th->tid;
	fd_claim(fd, th->group->id);
	r = th->poller->open(io);
	if (r < 0)
		fd_disclaim(fd, th->group->id);
	return r;
}

void io_recv(struct io *io, enum io_mode mode)
{
	BUG_ON(io->tid != th->tid);
	th->poller->recv(io, mode);
}

void io_recv_stop(struct io *io)
{
	BUG_ON(io->tid != th->tid);
	th->poller->recv_stop(io);
}

void io_send(struct io *io, const struct iovec *iov, int n, bool more)
{
	BUG_ON(io->tid != th->tid);
	th->poller->send(io, iov, n, more);
}

void io_connect(struct io *io, const struct sockaddr *to, socklen_t len)
{
	BUG_ON(io->tid != th->tid);
	th->poller->connect(io, to, len);
}

void io_accept(struct io *io)
{
	BUG_ON(io->tid != th->tid);
	th->poller->accept(io, true);
}

void io_accept_stop(struct io *io)
{
	BUG_ON(io->tid != th->tid);
	th->poller->accept(io, false);
}

void io_watch(struct io *io, unsigned what)
{
	BUG_ON(io->tid != th->tid);
	th->poller->watch(io, what, true);
}

void io_unwatch(struct io *io, unsigned what)
{
	BUG_ON(io->tid != th->tid);
	th->poller->watch(io, what, false);
}

int io_recv_rest(struct io *io)
{
	BUG_ON(io->tid != th->tid);
	return th->poller->recv_rest ? th->poller->recv_rest(io) : 0;
}

int io_shut(struct io *io)
{
	BUG_ON(io->tid != th->tid);
	return shutdown(io->fd, SHUT_WR) == 0 ? 0 : -errno;
}

void io_close(struct io *io, bool reset)
{
	BUG_ON(io->tid != th->tid);
	fd_disclaim(io->fd, th->group->id);
	th->poller->close(io, reset);
}

int io_release(struct io *io)
{
	int fd;

	BUG_ON(io->tid != th->tid);
	fd = th->poller->release(io);
	if (fd >= 0)
		fd_disclaim(fd, th->group->id);
	return fd;
}
