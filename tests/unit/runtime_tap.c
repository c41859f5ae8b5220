/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime_tap.h"

#include <check.h>
#include <string.h>

#include "../../runtime/core/thread.h"

struct tap *tap_next;

static void received(struct conn *c, struct buf *b)
{
	struct tap *t = c->mux_ctx;

	ck_assert_uint_gt(b->len, 0);
	if (b->len > t->most)
		t->most = b->len;
	if (t->on_bytes) {
		t->on_bytes(t, b->data + b->off, b->len);
	} else {
		ck_assert_uint_le(t->n + b->len, sizeof(t->got));
		memcpy(t->got + t->n, b->data + b->off, b->len);
		t->n += b->len;
	}
	buf_put(&b);
}

static void ended(struct conn *c, int err)
{
	struct tap *t = c->mux_ctx;

	t->ended++;
	t->end_err = err;
	if (t->on_end)
		t->on_end(t);
	else
		conn_close(c);
}

static void drained(struct conn *c)
{
	struct tap *t = c->mux_ctx;

	t->drained++;
	if (t->on_drained)
		t->on_drained(t);
}

static void release(struct conn *c)
{
	struct tap *t = c->mux_ctx;

	ck_assert_uint_eq(t->gone, 0);
	t->released++;
}

const struct mux_ops tap_mux = {
	.name = "tap",
	.received = received,
	.ended = ended,
	.drained = drained,
	.release = release,
};

static void ready(struct conn *c, int err)
{
	struct tap *t = c->flags & CONN_BACK ? c->owner : tap_next;

	t->c = c;
	t->ready++;
	t->ready_err = err;
	if (err) {
		conn_close(c);
		return;
	}
	conn_attach(c, &tap_mux, t);
	if (t->on_ready)
		t->on_ready(t);
	else
		conn_recv(c, t->mode);
}

static void gone(struct conn *c)
{
	struct tap *t = c->mux ? c->mux_ctx : c->flags & CONN_BACK ? c->owner : tap_next;

	ck_assert_uint_eq(t->released, c->mux != NULL);
	t->gone++;
	t->c = NULL;
	if (t->on_gone)
		t->on_gone(t);
	else
		thread_stop_all();
}

const struct conn_app tap_app = { .ready = ready, .gone = gone };
