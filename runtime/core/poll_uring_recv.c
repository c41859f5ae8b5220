/* SPDX-License-Identifier: Apache-2.0 */
/* Receiving of poller_uring: what is armed, what is with the kernel, and what is held. */
#include "poll_uring_priv.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/bug.h"

static void lazy_end(struct io *io)
{
	if (!(io->state & LAZY))
		return;
	io->state &= (uint16_t)~LAZY;
	th->poll->lazy--;
}

static void recv_cancel(struct io *io)
{
	lazy_end(io);
	io->state |= CANCEL;
	uring_cancel(io, OP_RECV);
}

/* A multishot receive tries before it waits. One that waits first would be told of bytes and of an
 * error behind them by one event, and not look again after the bytes. A receive that is submitted
 * while no buffer is lent waits first, as it would fail at once else, and is for one time. */
static void recv_submit(struct io *io)
{
	bool first = (io->state & POLL_FIRST) || !uring_nlent(&th->poll->lent);
	bool multi = (io->state & MANY) && !first;
	struct io_uring_sqe *e;

	e = uring_entry(io, IORING_OP_RECV, OP_RECV);
	e->flags = IOSQE_BUFFER_SELECT;
	e->ioprio = first ? IORING_RECVSEND_POLL_FIRST : multi ? IORING_RECV_MULTISHOT : 0;
	io->state &= (uint16_t) ~(POLL_FIRST | MULTI);
	io->state |= (uint16_t)(FLIGHT | (multi ? MULTI : 0));
	th->polled.recvs++;
}

/* Brings what is with the kernel in line with what is armed. */
static void recv_settle(struct io *io)
{
	struct poller_state *p = th->poll;

	if (io->state & CLOSING)
		return;
	if (io->state & RECV) {
		lazy_end(io);
		if (place_of(io)->first || (io->state & ENDED))
			uring_ready(io);
		else if (!(io->state & FLIGHT) && !list_queued(&io->wait.link))
			recv_submit(io);
	} else if ((io->state & (FLIGHT | CANCEL | LAZY)) == FLIGHT) {
		if (place_of(io)->first || p->lazy >= p->lazy_max) {
			recv_cancel(io);
		} else {
			io->state |= LAZY;
			p->lazy++;
		}
	}
}

/* <n> as for received(). Only when armed and nothing is held. */
static void deliver(struct io *io, struct buf *b, int32_t n)
{
	th->poll->current = io;
	if (n <= 0 || !(io->state & MANY))
		io->state &= (uint16_t) ~(RECV | MANY);
	io->ops->received(io, b, n);
	if (!uring_gone(io))
		recv_settle(io);
}

static struct buf **next_of(struct buf *b)
{
	return (struct buf **)(void *)b->data;
}

/* Came without being asked for any more: kept until the io is armed again. */
static void hold(struct io *io, struct buf *b, int32_t n)
{
	struct place *p = place_of(io);

	_Static_assert(BUF_HEAD >= sizeof(struct buf *), "the chain is in the headroom");
	if (n <= 0) {
		io->state |= ENDED;
		p->end = n;
	} else {
		*next_of(b) = NULL;
		if (p->first)
			*next_of(p->last) = b;
		else
			p->first = b;
		p->last = b;
	}
	if ((io->state & (FLIGHT | CANCEL)) == FLIGHT)
		recv_cancel(io);
}

static struct buf *held_shift(struct place *p)
{
	struct buf *b = p->first;

	if (b)
		p->first = *next_of(b);
	return b;
}

void uring_recv_held(struct io *io)
{
	struct place *p = place_of(io);
	struct buf *b = held_shift(p);

	if (!b) {
		io->state &= (uint16_t)~ENDED;
		deliver(io, NULL, p->end);
		return;
	}
	deliver(io, b, (int32_t)b->len);
}

static void received(struct io *io, struct buf *b, int32_t n)
{
	if ((io->state & RECV) && !place_of(io)->first && !(io->state & ENDED))
		deliver(io, b, n);
	else
		hold(io, b, n);
}

/* No lent buffer is left and none can be lent. One receive is done with a buffer of its own, if
 * there is one. */
static void receive_starved(struct io *io)
{
	struct buf *b;
	ssize_t n;

	if (list_queued(&io->wait.link))
		return;
	b = buf_get();
	if (!b) {
		buf_wait(&io->wait);
		return;
	}
	do {
		th->poll->ring.enters++;
		n = syscall(SYS_recvfrom, place_of(io)->fd, b->data + b->off, BUF_ROOM,
			    MSG_DONTWAIT, NULL, NULL);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		b->len = (uint32_t)n;
		received(io, b, (int32_t)n);
		return;
	}
	n = n < 0 ? -errno : 0;
	buf_put(&b);
	if (n != -EAGAIN) {
		received(io, NULL, (int32_t)n);
		return;
	}
	io->state |= POLL_FIRST;
	recv_settle(io);
}

/* All lent buffers were taken by others: as many receives as there are buffers now go to the kernel
 * again, the others wait for the next turn. */
void uring_recv_again(struct io *io)
{
	struct poller_state *s = th->poll;

	uring_lend(&s->lent);
	if (s->again < uring_nlent(&s->lent)) {
		s->again++;
		recv_submit(io);
	} else if (s->again) {
		uring_ready(io);
	} else {
		receive_starved(io);
	}
}

bool uring_recv_retry(struct buf_waiter *w)
{
	struct io *io = CONTAINER(w, struct io, wait);

	if (!(io->state & RECV) || (io->state & (FLIGHT | CLOSING)))
		return false;
	receive_starved(io);
	return true;
}

void uring_recv(struct io *io, enum io_mode mode)
{
	BUG_ON(io->state & CLOSING);
	io->state &= (uint16_t) ~(MANY | REST);
	io->state |= (uint16_t)(RECV | (mode == IO_MANY ? MANY : 0));
	recv_settle(io);
}

void uring_recv_stop(struct io *io)
{
	io->state &= (uint16_t) ~(RECV | MANY);
	buf_wait_cancel(&io->wait);
	recv_settle(io);
}

int uring_recv_rest(struct io *io)
{
	if (place_of(io)->first || (io->state & ENDED))
		return -EBUSY;
	if (!(io->state & FLIGHT))
		return 0;
	if (!(io->state & CANCEL))
		recv_cancel(io);
	io->state |= REST;
	return -EAGAIN;
}

void uring_recv_completed(struct io *io, int32_t n, struct buf *b)
{
	if (n > 0) {
		b->len = (uint32_t)n;
		received(io, b, n);
		return;
	}
	if (b)
		buf_put(&b);
	if (n == -ENOBUFS && (io->state & RECV) && !(io->state & FLIGHT)) {
		uring_ready(io);
		return;
	}
	if (n == -EAGAIN)
		io->state |= POLL_FIRST;
	if (n == -ENOBUFS || n == -ECANCELED || n == -EAGAIN || n == -EINTR)
		recv_settle(io);
	else
		received(io, NULL, n);
}

void uring_recv_ended(struct io *io)
{
	lazy_end(io);
	io->state &= (uint16_t) ~(FLIGHT | MULTI | CANCEL);
}

void uring_recv_drop(struct io *io)
{
	struct buf *b;

	lazy_end(io);
	buf_wait_cancel(&io->wait);
	while ((b = held_shift(place_of(io))))
		buf_put(&b);
}
