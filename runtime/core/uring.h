/* SPDX-License-Identifier: Apache-2.0 */
/* uring: the two rings shared with the kernel, on the raw system calls, and the receive buffers
 * lent to it. What the entries mean is known to poll_uring alone. Linux 6.1 is the base: every
 * completion is posted while the owner is inside uring_enter, and nowhere else. Owner thread only. */
#ifndef WEIR_CORE_URING_H
#define WEIR_CORE_URING_H

#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define URING_LENT_MAX 32 /* receive buffers a thread lends at most; a power of two */

struct uring {
	int fd, enter_fd; /* <enter_fd>: its registered number where the kernel has one */
	unsigned enter_flags;
	unsigned *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail;
	uint32_t sq_mask, sq_entries, cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	void *map;
	size_t map_len, sqes_len;
	void (*submitted)(void); /* may be NULL: all entries made so far are with the kernel */
	uint64_t enters; /* calls of io_uring_enter */
};

/* 0, or -errno and nothing is left. */
int uring_open(struct uring *r, unsigned entries, unsigned completions);
void uring_close(struct uring *r);
/* Makes room for <n> entries (at most all), submitting those there are: what is made next goes to the
 * kernel with one submission. */
void uring_room(struct uring *r, unsigned n);
/* A zeroed entry; submits the others when there is no room. Never NULL. */
struct io_uring_sqe *uring_sqe(struct uring *r);
/* Entries not submitted yet. */
unsigned uring_pending(const struct uring *r);
/* Submits, and takes in what has completed. Waits for <wait> completions, at most <ts> when that is
 * not NULL. */
void uring_enter(struct uring *r, unsigned wait, const struct __kernel_timespec *ts);
/* Submits and returns. No completion is delivered; some may be posted. */
void uring_submit(struct uring *r);
/* The next completion, which stays until uring_seen, or NULL. */
const struct io_uring_cqe *uring_peek(const struct uring *r);
void uring_seen(struct uring *r);
/* No completion is to be seen, nor one in the kernel for which there was no room. */
bool uring_quiet(const struct uring *r);
/* Whether a completion for <user_data> that carries bytes, an end or a descriptor waits to be
 * seen, or may wait. */
bool uring_has_result(const struct uring *r, uint64_t user_data);
/* Cancels the entry <user_data> and returns when it has ended; its completion is still posted.
 * 0, or -errno: it could not be ended within a tenth of a second. -ENOENT: it had ended before. */
int uring_cancel_sync(struct uring *r, uint64_t user_data);

/* Buffers of the thread's pool lent to the kernel for receives. */
struct uring_lent {
	struct io_uring_buf_ring *ring;
	struct buf *buf[URING_LENT_MAX]; /* by number */
	uint8_t free[URING_LENT_MAX]; /* numbers not lent */
	unsigned nfree;
	uint16_t tail;
	unsigned want; /* to be lent; grows with load, shrinks when idle */
	unsigned most; /* bound of <want>; 0: none is ever lent */
	unsigned low; /* least number lent since the last trim */
};

/* 0 or -errno. */
int uring_lent_open(struct uring *r, struct uring_lent *l, unsigned most);
void uring_lent_close(struct uring_lent *l);
/* Lends until <want> are, or the pool has none. */
void uring_lend(struct uring_lent *l);
/* The buffer <number>, which the kernel has filled; the caller's. */
struct buf *uring_lent_take(struct uring_lent *l, unsigned number);
static inline unsigned uring_nlent(const struct uring_lent *l)
{
	return URING_LENT_MAX - l->nfree;
}
/* Gives back what was not needed since the last call. The ring is quiet. Whether some
 * may be given back later. */
bool uring_lent_trim(struct uring *r, struct uring_lent *l);

/* NULL: io_uring can be used here, shown by a round trip. Else why not. */
const char *uring_probe(void);

#endif
