/* SPDX-License-Identifier: Apache-2.0 */
/* poll: the one completion-style interface to descriptors, implemented by epoll, by io_uring
 * and the fault-injecting test poller. Verbs start an operation; its completion
 * comes later from the thread's loop, never from inside the verb: no re-entry. Under epoll a verb
 * tries the system call at once and queues the completion.
 *
 *   io_open ─► io_connect | io_accept | io_recv / io_send … ─► io_close ─► closed()
 *
 * All verbs: owner thread only. An io has at most one receive armed and one send under way. */
#ifndef WEIR_CORE_POLL_H
#define WEIR_CORE_POLL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "../base/list.h"
#include "buf.h"

struct io;
struct thread;

struct io_ops {
	/* <n> > 0: <b> holds <n> bytes from its <off> on, and is the callee's. 0: end of stream,
	 * <b> NULL. < 0: -errno, <b> NULL. After 0 or an error nothing is armed any more. */
	void (*received)(struct io *io, struct buf *b, ssize_t n);
	/* <n> > 0: bytes taken by the kernel. 0: none was taken but there is room now, submit
	 * again. < 0: -errno. */
	void (*sent)(struct io *io, ssize_t n);
	/* 0 or a positive errno. */
	void (*connected)(struct io *io, int err);
	/* A new descriptor (non-blocking, close-on-exec), the callee's. <fd> < 0: -errno, <peer>
	 * NULL; EMFILE and alike are reported once, and accepting pauses until io_accept is called
	 * again. */
	void (*accepted)(struct io *io, int fd, const struct sockaddr_storage *peer);
	/* After io_watch: a system call for <what> (IO_IN, IO_OUT or both) may be worth trying. May
	 * be NULL where nothing is watched. */
	void (*ready)(struct io *io, unsigned what);
	/* After io_close: the descriptor is closed, no completion will come, the object may be
	 * freed. */
	void (*closed)(struct io *io);
};

enum io_mode { IO_ONCE, IO_MANY }; /* one completion, or until stopped, ended or failed */

struct io {
	const struct io_ops *ops;
	int fd;
	uint16_t state; /* private to the poller */
	uint16_t tid; /* owner */
	int32_t result; /* of the send under way */
	uint32_t gen;
	struct list link; /* private: ready or completion queue */
	struct buf_waiter wait; /* private: waiting for a receive buffer */
};

/* Takes over <fd> (non-blocking). <io> is zeroed by the caller or new. 0, or -errno and <fd> stays
 * the caller's. */
int io_open(struct io *io, int fd, const struct io_ops *ops);
/* Arms the receive; arming an armed one changes its mode. Bytes already there are delivered from
 * the loop. */
void io_recv(struct io *io, enum io_mode mode);
/* Disarms. A completion that was already on its way may still come (io_uring); epoll never delivers
 * one. */
void io_recv_stop(struct io *io);
/* Sends; <more>: further bytes follow soon. The bytes stay valid until sent(); the array need
 * not. */
void io_send(struct io *io, const struct iovec *iov, int n, bool more);
/* Non-blocking connect to <to>. */
void io_connect(struct io *io, const struct sockaddr *to, socklen_t len);
/* Listening descriptor: accepts at most 4 a turn until stopped. */
void io_accept(struct io *io);
void io_accept_stop(struct io *io);
/* For callers that make system calls of their own on the descriptor (splice), which never wait: it is
 * non-blocking. Such a call has just found nothing (IO_IN) or no room (IO_OUT): ready() is called
 * once when that may have changed. In that direction nothing is armed or under way. io_unwatch ends
 * it, and what follows are receives and sends again. */
#define IO_IN 1u
#define IO_OUT 2u
void io_watch(struct io *io, unsigned what);
void io_unwatch(struct io *io, unsigned what);
/* Before such calls that read, the receive being disarmed. 0: what they find comes next in the
 * stream. -EBUSY: bytes or the end were received that were not delivered: arm the receive to have
 * them. -EAGAIN: ready(IO_IN) is called when one of the two holds, unless a receive is armed before. */
int io_recv_rest(struct io *io);
/* It has bytes to read, or may have, and waits for a buffer. */
static inline bool io_starved(const struct io *io)
{
	return list_queued(&io->wait.link);
}
/* Ends the sending direction (after the last sent()). 0 or -errno. */
int io_shut(struct io *io);
/* Cancels what is under way, closes the descriptor and calls closed() from the loop; nothing else
 * is called any more. <reset>: with RST. The bytes of a send under way stay valid until
 * closed(). */
void io_close(struct io *io, bool reset);
/* Gives the descriptor back without closing it: nothing may be under way. The descriptor, or -EBUSY
 * when bytes have been received that were not delivered yet (call again after received()). */
int io_release(struct io *io);

/* A poller. <wait> delivers completions; it sleeps until the tick <until> at most (0: no limit)
 * unless work is queued. */
struct poller {
	const char *name;
	const char *(*unusable)(void); /* may be NULL: always usable. NULL, or why not */
	int (*start)(struct thread *);
	/* May be NULL. On the thread, when its loop has ended: what it holds of the thread's pools
	 * goes back. */
	void (*leave)(struct thread *);
	void (*stop)(struct thread *); /* any thread, after that */
	void (*wait)(struct thread *, uint64_t until);
	void (*wake)(struct thread *); /* any thread */
	int (*open)(struct io *);
	void (*recv)(struct io *, enum io_mode);
	void (*recv_stop)(struct io *);
	void (*send)(struct io *, const struct iovec *, int n, bool more);
	void (*connect)(struct io *, const struct sockaddr *, socklen_t);
	void (*accept)(struct io *, bool on);
	void (*watch)(struct io *, unsigned what, bool on);
	int (*recv_rest)(struct io *); /* may be NULL: a disarmed receive leaves nothing */
	void (*close)(struct io *, bool reset);
	int (*release)(struct io *);
	/* Calls <fn> for each io that <t> waits for; nobody else may be at work with them. */
	void (*each)(const struct thread *t, void (*fn)(void *arg, const struct io *io), void *arg);
};

extern const struct poller poller_epoll;
extern const struct poller poller_uring; /* Linux 6.1 */
extern const struct poller poller_fault; /* epoll with injected faults, for tests */

#endif
