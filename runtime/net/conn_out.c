/* SPDX-License-Identifier: Apache-2.0 */
/* The output queue of a connection: a ring of chunks, each a slice of a buffer; the connection
 * points to the last one. Small writes of all connections of a thread go one after the other
 * into one shared buffer. */
#include "conn_priv.h"

#include <errno.h>

#include "../base/bug.h"
#include "../core/pool.h"

#define OUT_IOV 32

struct out_chunk {
	struct out_chunk *next;
	uint64_t queued; /* last chunk: bytes of the whole queue */
	struct slice s;
};

static struct pool chunk_pool;
static _Thread_local struct buf
	*shared; /* small writes; never NULL between conn_room and conn_wrote */

void out_init(void)
{
	pool_init(&chunk_pool, "out_chunk", sizeof(struct out_chunk));
}

void out_thread_stop(void)
{
	if (shared)
		buf_put(&shared);
}

static struct buf *sealed(const struct conn *c)
{
	return c->flags & CONN_TRANSPORT ? c->extra->sealed : NULL;
}

static uint64_t queued(const struct conn *c)
{
	return c->out ? c->out->queued : 0;
}

uint64_t conn_queued(const struct conn *c)
{
	return queued(c) + (sealed(c) ? sealed(c)->len : 0);
}

uint64_t conn_unsealed(const struct conn *c)
{
	return queued(c);
}

bool out_empty(const struct conn *c)
{
	return !c->out && !sealed(c);
}

static bool writable(const struct conn *c)
{
	return c->state < CONN_DRAINING &&
	       !(c->flags & (CONN_FAILED | CONN_SHUT | CONN_SHUT_LATER));
}

bool conn_out_free(const struct conn *c)
{
	return c->state == CONN_READY && writable(c) && !c->out && !(c->flags & CONN_SENDING);
}

static bool no_memory(struct conn *c)
{
	conn_fail(c, ENOMEM);
	return false;
}

/* What happens to bytes when <c> is not writable: dropped; only lack of memory is told to the
 * writer. */
static bool dropped(const struct conn *c)
{
	return !((c->flags & CONN_FAILED) && c->err == ENOMEM);
}

/* Lengthens the last chunk by <s> when it continues it. */
static bool extend(struct conn *c, const struct slice *s)
{
	struct out_chunk *last = c->out;

	if (!last || last->s.buf != s->buf || last->s.off + last->s.len != s->off)
		return false;
	last->s.len += s->len;
	last->queued += s->len;
	return true;
}

/* Appends <s>, whose reference is taken. */
static bool append(struct conn *c, struct slice s)
{
	struct out_chunk *k = pool_get(&chunk_pool);

	if (!k) {
		slice_put(&s);
		return no_memory(c);
	}
	k->s = s;
	k->queued = queued(c) + s.len;
	if (c->out) {
		k->next = c->out->next;
		c->out->next = k;
	} else {
		k->next = k;
	}
	c->out = k;
	conn_at_turn(c);
	return true;
}

bool conn_put(struct conn *c, struct slice s)
{
	if (!s.len || !writable(c)) {
		slice_put(&s);
		return dropped(c);
	}
	if (extend(c, &s)) {
		slice_put(&s);
		conn_at_turn(c);
		return true;
	}
	return append(c, s);
}

/* The thread's shared buffer with room for <n> bytes. Only complete writes go through it, and at
 * most one is held by a thread, so it may come from the reserve: an answer once begun is never
 * stuck for its framing. */
static struct buf *shared_room(size_t n)
{
	if (shared && shared->refs == 1) {
		shared->off = BUF_HEAD;
		shared->len = 0;
	}
	if (shared && buf_room(shared) < n)
		buf_put(&shared);
	if (!shared)
		shared = buf_get();
	if (!shared)
		shared = buf_get_reserved();
	return shared;
}

char *conn_room(struct conn *c, size_t n)
{
	struct buf *b;

	BUG_ON(n > BUF_ROOM);
	if (!writable(c) && !dropped(c))
		return NULL;
	b = shared_room(n);
	if (!b)
		no_memory(c);
	return b ? buf_tail(b) : NULL;
}

void conn_wrote(struct conn *c, size_t n)
{
	struct slice s = { .buf = shared, .len = (uint32_t)n };

	BUG_ON(!shared || n > buf_room(shared));
	if (!n || !writable(c))
		return;
	s.off = shared->off + shared->len;
	shared->len += s.len;
	if (extend(c, &s)) {
		conn_at_turn(c);
		return;
	}
	buf_ref(shared);
	append(c, s);
}

bool conn_write(struct conn *c, const char *p, size_t n)
{
	while (n) {
		size_t k = n < BUF_ROOM ? n : BUF_ROOM;
		char *to;

		if (!writable(c))
			return dropped(c);
		if (shared && shared->refs > 1 && n >= 64 && buf_room(shared) >= 64 &&
		    buf_room(shared) < k)
			k = buf_room(shared);
		to = conn_room(c, k);
		if (!to)
			return false;
		memcpy(to, p, k);
		conn_wrote(c, k);
		p += k;
		n -= k;
	}
	return !(c->flags & CONN_FAILED) || dropped(c);
}

static void taken(struct conn *c, size_t n);

/* The transport's own end, once everything before it is in <b>. */
static void seal_end(struct conn *c, struct buf *b)
{
	struct conn_extra *x = c->extra;
	enum transport_result r;

	if (c->out || x->data_shut != STEP_WANTED)
		return;
	r = x->transport->shut(x->transport_ctx, c, b);
	if (r == TRANSPORT_OK && b->len)
		x->data_shut = STEP_STARTED;
	else if (r != TRANSPORT_MORE && r != TRANSPORT_WAIT)
		x->data_shut = STEP_DONE; /* it has nothing to say, or cannot any more */
}

/* A buffer of what the transport makes of the queue. False: there is nothing to send now. */
static bool seal(struct conn *c)
{
	struct conn_extra *x = c->extra;
	enum transport_result r;
	struct buf *b = buf_get();
	size_t n;

	if (!b)
		b = buf_get_reserved();
	if (!b)
		return no_memory(c);
	do {
		struct str in = c->out ? slice_str(&c->out->next->s) : S("");

		n = 0;
		r = x->transport->seal(x->transport_ctx, c, in, &n, b);
		if (n)
			taken(c, n);
	} while (r == TRANSPORT_OK && n && c->out);
	if (r == TRANSPORT_OK)
		seal_end(c, b);
	if (b->len)
		x->sealed = b;
	else
		buf_put(&b);
	if (r == TRANSPORT_FAILED)
		conn_fail(c, EPROTO);
	return x->sealed != NULL;
}

void out_flush_sealed(struct conn *c)
{
	struct iovec iov;

	if (c->flags & (CONN_SENDING | CONN_SHUT) || (!sealed(c) && !seal(c)))
		return;
	iov.iov_base = sealed(c)->data + sealed(c)->off;
	iov.iov_len = sealed(c)->len;
	c->flags |= CONN_SENDING;
	io_send(&c->io, &iov, 1, c->out != NULL);
}

void out_flush(struct conn *c)
{
	struct out_chunk *k = c->out ? c->out->next : NULL;
	struct iovec iov[OUT_IOV];
	int n = 0;

	if (has_transport(c)) {
		sealing->flush(c);
		return;
	}
	if (!k || (c->flags & (CONN_SENDING | CONN_SHUT)))
		return;
	do {
		iov[n].iov_base = k->s.buf->data + k->s.off;
		iov[n++].iov_len = k->s.len;
		k = k->next;
	} while (n < OUT_IOV && k != c->out->next);
	c->flags |= CONN_SENDING;
	io_send(&c->io, iov, n, k != c->out->next);
}

static void take_first(struct conn *c)
{
	struct out_chunk *first = c->out->next;

	if (first == c->out)
		c->out = NULL;
	else
		c->out->next = first->next;
	slice_put(&first->s);
	pool_put(&chunk_pool, first);
}

/* <n> bytes leave the queue. */
static void taken(struct conn *c, size_t n)
{
	BUG_ON(n > queued(c));
	c->out->queued -= n;
	while (n) {
		struct slice *s = &c->out->next->s;
		uint32_t k = n < s->len ? (uint32_t)n : s->len;

		s->off += k;
		s->len -= k;
		n -= k;
		if (!s->len)
			take_first(c);
	}
}

void out_sent(struct conn *c, size_t n)
{
	if (has_transport(c))
		sealing->sent(c, n);
	else
		taken(c, n);
}

void out_sent_sealed(struct conn *c, size_t n)
{
	struct conn_extra *x = c->extra;

	x->sealed->off += (uint32_t)n;
	x->sealed->len -= (uint32_t)n;
	if (x->sealed->len)
		return;
	buf_put(&x->sealed);
	if (x->data_shut == STEP_STARTED)
		x->data_shut = STEP_DONE;
}

void out_drop(struct conn *c)
{
	while (c->out)
		take_first(c);
}
