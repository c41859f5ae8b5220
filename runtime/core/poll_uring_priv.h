/* SPDX-License-Identifier: Apache-2.0 */
/* Between poll_uring.c (operations, the loop) and poll_uring_recv.c (receiving). */
#ifndef WEIR_CORE_POLL_URING_PRIV_H
#define WEIR_CORE_POLL_URING_PRIV_H

#include <string.h>

#include "poll.h"
#include "thread.h"
#include "uring.h"

#define URING_ARENA 16384 /* message headers and addresses of entries not submitted yet */

/* States of an io. */
enum {
	RECV = 0x01, /* receive armed */
	MANY = 0x02, /* receive stays armed after a completion */
	FLIGHT = 0x04, /* a receive is with the kernel */
	MULTI = 0x08, /* it is a multishot one */
	CANCEL = 0x10, /* and was asked to end */
	LAZY = 0x20, /* and is left there although not armed */
	POLL_FIRST = 0x40, /* nothing was there: the next receive waits before it takes a buffer */
	SENDING = 0x80,
	CONNECTING = 0x100,
	LISTENING = 0x200,
	POLLING = 0x400, /* the wait for a listener is with the kernel */
	ENDED = 0x800, /* the end or an error is held, behind the buffers */
	REST = 0x1000, /* ready(IO_IN) is to be told when no receive is with the kernel any more */
	CLOSING = 0x2000,
	CLOSED = 0x4000 /* closed() is to be delivered */
};

/* Kinds of operations, in the low bits of user_data. 0 is a cancel: nobody waits for its result. */
enum { OP_NONE, OP_WAKE, OP_RECV, OP_SEND, OP_CONNECT, OP_ACCEPT, OP_IN, OP_OUT };
#define OP_BITS 4
#define PLACES_MAX (1U << (32 - OP_BITS))

struct place {
	struct io *io; /* NULL: free */
	struct buf *first, *last; /* received while not armed; chained through their headroom */
	uint32_t gen, next_free;
	int fd;
	int32_t end; /* with ENDED: what to deliver */
	uint16_t ops; /* entries whose last completion has not come */
	uint8_t watch, polls; /* IO_IN, IO_OUT: to be told; a wait for it is with the kernel */
};

struct poller_state {
	struct uring ring;
	struct uring_lent lent;
	struct list ready;
	struct io *current; /* being served; NULL once it was released */
	struct place *places;
	uint32_t nplaces, free; /* <free>: first free place, or UINT32_MAX */
	unsigned skipped, lazy, lazy_max;
	unsigned again; /* receives tried again since the last submission */
	uint64_t trim_at;
	int wakefd;
	uint32_t arena_used;
	_Alignas(16) char arena[URING_ARENA];
};

static inline struct place *place_of(const struct io *io)
{
	return &th->poll->places[io->gen];
}

static inline uint64_t place_data(const struct io *io, unsigned op)
{
	return (uint64_t)place_of(io)->gen << 32 | io->gen << OP_BITS | op;
}

/* Whether <io>, being served, is not to be touched any more. */
static inline bool uring_gone(const struct io *io)
{
	return th->poll->current != io || (io->state & CLOSING);
}

/* Puts <io> into the queue of what is served in the loop. */
void uring_ready(struct io *io);
/* An entry for <io>, whose last completion is waited for. */
struct io_uring_sqe *uring_entry(struct io *io, unsigned opcode, unsigned op);

/* Asks the kernel to end the entry <op> of <io>. */
void uring_cancel(struct io *io, unsigned op);

/* The verbs. */
void uring_recv(struct io *io, enum io_mode mode);
void uring_recv_stop(struct io *io);
int uring_recv_rest(struct io *io);
/* A receive has completed with <n> as in the completion, into <b> or NULL; <io> is not closing. */
void uring_recv_completed(struct io *io, int32_t n, struct buf *b);
/* For an armed receive that found no buffer: tries again. */
void uring_recv_again(struct io *io);
/* Delivers what is held, one buffer or the end, when armed. */
void uring_recv_held(struct io *io);
/* The io ends or is given back: forgets the receive, drops what is held. */
void uring_recv_drop(struct io *io);
/* The last completion of a receive. */
void uring_recv_ended(struct io *io);
bool uring_recv_retry(struct buf_waiter *w);

#endif
