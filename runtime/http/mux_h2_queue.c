/* SPDX-License-Identifier: Apache-2.0 */
#include "mux_h2.h"

#include "../core/pool.h"

struct h2_piece {
	struct h2_piece *next;
	struct slice s;
};

static struct pool piece_pool;

void h2_queue_setup(void)
{
	pool_init(&piece_pool, "h2_piece", sizeof(struct h2_piece));
}

/* Copies <data> behind the last piece, if that has a buffer of its own with room for it. */
static bool extend(struct h2_queue *q, const struct slice *data)
{
	struct h2_piece *last = q->last;
	struct buf *b = last ? last->s.buf : NULL;

	if (!b || b->refs > 1 || last->s.off + last->s.len != b->off + b->len ||
	    buf_room(b) < data->len)
		return false;
	memcpy(buf_tail(b), data->buf->data + data->off, data->len);
	b->len += data->len;
	last->s.len += data->len;
	return true;
}

/* <data> in a buffer of its own: a small piece must not keep a large one. */
static bool own(struct slice *data)
{
	struct buf *b;

	if (data->len >= BUF_ROOM / 2)
		return true;
	b = buf_get();
	if (!b)
		return false;
	memcpy(buf_tail(b), data->buf->data + data->off, data->len);
	b->len = data->len;
	buf_put(&data->buf);
	data->buf = b;
	data->off = b->off;
	return true;
}

static bool append(struct h2_queue *q, struct slice data)
{
	struct h2_piece *p = pool_get(&piece_pool);

	if (!p)
		return false;
	p->s = data;
	if (q->last) {
		p->next = q->last->next;
		q->last->next = p;
	} else {
		p->next = p;
	}
	q->last = p;
	return true;
}

bool h2_queue_add(struct h2_queue *q, struct slice data)
{
	uint32_t n = data.len;

	if (!n) {
		slice_put(&data);
		return true;
	}
	if (data.len < BUF_ROOM / 2 && extend(q, &data)) {
		slice_put(&data);
	} else if (!own(&data) || !append(q, data)) {
		slice_put(&data);
		return false;
	}
	q->bytes += n;
	return true;
}

struct slice *h2_queue_first(const struct h2_queue *q)
{
	return &q->last->next->s;
}

/* The first piece goes, its reference does not. */
static void unlink_first(struct h2_queue *q)
{
	struct h2_piece *first = q->last->next;

	if (first == q->last)
		q->last = NULL;
	else
		q->last->next = first->next;
	q->bytes -= first->s.len;
	pool_put(&piece_pool, first);
}

void h2_queue_eat(struct h2_queue *q, uint32_t n)
{
	struct slice *s = h2_queue_first(q);

	s->off += n;
	s->len -= n;
	q->bytes -= n;
	if (!s->len) {
		struct slice gone = h2_queue_take(q);

		slice_put(&gone);
	}
}

struct slice h2_queue_take(struct h2_queue *q)
{
	struct slice s = *h2_queue_first(q);

	unlink_first(q);
	return s;
}

void h2_queue_drop(struct h2_queue *q)
{
	while (q->last) {
		struct slice s = h2_queue_take(q);

		slice_put(&s);
	}
}
