/* SPDX-License-Identifier: Apache-2.0 */
/* buf: dynamic buffers. One size: BUF_ROOM payload bytes with headroom and tailroom, so that a
 * frame header or a chunk-size line goes in front and a CRLF behind without a copy. Buffers are
 * counted references held by slices; the count is not atomic: a buffer belongs to one thread, and
 * passing one to another thread is not offered. An idle connection holds none. When the limit is
 * reached buf_get fails and the caller waits (buf_wait). */
#ifndef WEIR_CORE_BUF_H
#define WEIR_CORE_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/list.h"
#include "../base/str.h"

#define BUF_HEAD 64
#define BUF_ROOM 16384
#define BUF_TAIL 64

struct buf {
	uint32_t refs;
	uint32_t off, len; /* filled part of <data>; off starts at BUF_HEAD */
	uint32_t spare;
	char data[BUF_HEAD + BUF_ROOM + BUF_TAIL];
};

/* A part of a buffer, holding one reference. buf NULL: empty slice. */
struct slice {
	struct buf *buf;
	uint32_t off, len;
};

/* An empty buffer with one reference, or NULL when the limit or the memory is reached. */
struct buf *buf_get(void);
/* Like buf_get, and may take from the reserve kept for answers already begun. */
struct buf *buf_get_reserved(void);
static inline struct buf *buf_ref(struct buf *b)
{
	b->refs++;
	return b;
}
/* Drops one reference and sets *<bp> to NULL; the last one gives the buffer back and wakes a
 * waiter. */
void buf_put(struct buf **bp);

static inline char *buf_tail(struct buf *b)
{
	return b->data + b->off + b->len;
}

/* Bytes that can be appended. */
static inline uint32_t buf_room(const struct buf *b)
{
	return BUF_HEAD + BUF_ROOM - b->off - b->len;
}

static inline struct str slice_str(const struct slice *s)
{
	return str_of(s->buf ? s->buf->data + s->off : "", s->len);
}

static inline void slice_put(struct slice *s)
{
	if (s->buf)
		buf_put(&s->buf);
	s->off = s->len = 0;
}

/* Waits for a buffer: <wake> is called once, from the owner thread's loop, when one may be had. It
 * returns false when it does not want it any more, and the next waiter is asked. */
struct buf_waiter {
	struct list link;
	bool (*wake)(struct buf_waiter *);
};
void buf_wait(struct buf_waiter *w);
void buf_wait_cancel(struct buf_waiter *w);

struct buf_count {
	uint64_t in_use, cached; /* buffers; exact when the other threads are stopped */
	uint64_t waits, refused; /* calls of buf_wait; of buf_get without success */
};
void buf_counts(struct buf_count *out);

/* For the thread's start and end. buf_setup: before the threads, <limit> buffers in the process (0:
 * none), of which two per thread, but at most a quarter of all, are kept for buf_get_reserved. */
void buf_setup(uint32_t limit, unsigned nthr);
/* The limit that holds; 0: none. */
uint32_t buf_limit(void);
int buf_thread_start(void);
void buf_thread_stop(void);
/* Like pool_trim. */
size_t buf_trim(bool *again);

#endif
