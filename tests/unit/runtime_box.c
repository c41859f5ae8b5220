/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime_box.h"

#include <check.h>
#include <string.h>

static bool record(struct buf *out, char type, struct str s)
{
	char *p = buf_tail(out);

	if (buf_room(out) < BOX_HEAD + s.n)
		return false;
	p[0] = type;
	p[1] = (char)(s.n >> 8);
	p[2] = (char)s.n;
	for (size_t i = 0; i < s.n; i++)
		p[BOX_HEAD + i] = (char)(s.p[i] ^ BOX_MASK);
	out->len += (uint32_t)(BOX_HEAD + s.n);
	return true;
}

static size_t whole(const struct box *b)
{
	size_t len = b->n < BOX_HEAD ? 0 : (size_t)(uint8_t)b->in[1] << 8 | (uint8_t)b->in[2];

	return b->n >= BOX_HEAD && b->n >= BOX_HEAD + len ? BOX_HEAD + len : 0;
}

static struct buf *plain_of(struct box *b, size_t len)
{
	struct buf *p = buf_get();

	ck_assert_ptr_nonnull(p);
	for (size_t i = BOX_HEAD; i < len; i++)
		p->data[p->off + i - BOX_HEAD] = (char)(b->in[i] ^ BOX_MASK);
	p->len = (uint32_t)(len - BOX_HEAD);
	return p;
}

static enum transport_result box_open(void *ctx, struct conn *c, struct buf *in, struct buf **plain)
{
	struct box *b = ctx;
	size_t len;
	char type;

	if (in) {
		ck_assert_uint_le(b->n + in->len, sizeof(b->in));
		memcpy(b->in + b->n, in->data + in->off, in->len);
		b->n += in->len;
		buf_put(&in);
	}
	if (b->owe_ack)
		return TRANSPORT_WAIT;
	len = whole(b);
	if (!len)
		return TRANSPORT_OK;
	type = b->in[0];
	if (type == 'D' && b->ready && len > BOX_HEAD)
		*plain = plain_of(b, len);
	memmove(b->in, b->in + len, b->n - len);
	b->n -= len;
	if (type == 'H' && !b->ready) {
		b->ready = true;
		b->owe_hello = !b->said_hello;
		b->stuck = false;
		conn_wants_send(c);
	} else if (type == 'E') {
		return TRANSPORT_END;
	} else if ((type != 'D' && type != 'A') || !b->ready) {
		return TRANSPORT_FAILED;
	}
	if (type == 'D' && b->acks && !b->ended) {
		b->owe_ack = true;
		return TRANSPORT_WAIT;
	}
	return TRANSPORT_MORE;
}

static enum transport_result box_seal(void *ctx, struct conn *c, struct str in, size_t *taken,
				      struct buf *out)
{
	struct box *b = ctx;
	size_t k = in.n < 5000 ? in.n : 5000;

	(void)c;
	if (b->owe_hello && record(out, 'H', S(""))) {
		b->owe_hello = false;
		b->said_hello = true;
	}
	if (b->owe_ack && record(out, 'A', S("")))
		b->owe_ack = false;
	if (b->stuck || !b->ready)
		return TRANSPORT_WAIT;
	if (k && !record(out, 'D', str_of(in.p, k)))
		return TRANSPORT_MORE;
	*taken = k;
	return TRANSPORT_OK;
}

static enum transport_result box_shut(void *ctx, struct conn *c, struct buf *out)
{
	struct box *b = ctx;

	(void)c;
	if (b->shut_tries) {
		b->shut_tries--;
		return TRANSPORT_WAIT;
	}
	if (!record(out, 'E', S("")))
		return TRANSPORT_MORE;
	b->note('e');
	b->ended = true; /* and answers nothing any more */
	b->owe_ack = false;
	return TRANSPORT_OK;
}

static void box_free(void *ctx, struct conn *c)
{
	struct box *b = ctx;

	(void)c;
	b->freed++;
	b->note('f');
}

const struct transport box_transport = { "box", box_open, box_seal, box_shut, box_free, NULL };
