/* SPDX-License-Identifier: Apache-2.0 */
/* How a connection drives its transport: opening, resuming, ending. Sealing is in conn_out.c. */
#include "conn_priv.h"

#include <errno.h>

#include "../base/bug.h"
#include "transport_stack.h"

const struct sealing *sealing;

bool conn_set_transport(struct conn *c, const struct transport *t, void *ctx)
{
	struct conn_extra *x = conn_extra_of(c);

	if (!x)
		return false;
	BUG_ON(!sealing);
	if (x->transport && !stack_put(c, t, ctx))
		return false;
	if (!(c->flags & CONN_TRANSPORT)) {
		x->transport = t;
		x->transport_ctx = ctx;
	}
	c->flags |= CONN_TRANSPORT;
	conn_at_turn(c);
	return true;
}

void *conn_transport_ctx(const struct conn *c, const struct transport *t)
{
	return has_transport(c) ? stack_find(c, t) : NULL;
}

void conn_wants_send(struct conn *c)
{
	conn_at_turn(c);
}

static bool shut(struct conn *c)
{
	struct conn_extra *x = c->extra;

	if ((c->flags & CONN_FAILED) || x->data_shut == STEP_DONE)
		return true;
	if (x->data_shut == STEP_NONE) {
		x->data_shut = STEP_WANTED;
		if (c->state == CONN_DRAINING)
			conn_close_within(c, CONN_STALL_MS);
		conn_at_turn(c);
	}
	return false;
}

static void ended(struct conn *c, ssize_t n)
{
	struct conn_extra *x = c->extra;

	x->cut = true;
	x->cut_err = (int16_t)(n ? n : -ECONNRESET);
	if (x->reopen)
		conn_at_turn(c);
	else
		conn_arrived(c, NULL, x->cut_err);
}

/* It wants bytes of a descriptor that has ended. True: that is told. */
static bool tell_cut(struct conn *c)
{
	if (!c->extra->cut || c->extra->reopen || c->state >= CONN_DRAINING ||
	    (c->flags & (CONN_TELL | CONN_OVER | CONN_EOF)))
		return false;
	conn_arrived(c, NULL, c->extra->cut_err);
	return true;
}

static void open_more(struct conn *c, struct buf *in)
{
	struct conn_extra *x = c->extra;
	struct buf *plain = NULL;
	enum transport_result r = x->transport->open(x->transport_ctx, c, in, &plain);

	x->reopen = r == TRANSPORT_MORE || r == TRANSPORT_WAIT ? (uint8_t)r : 0;
	if (x->reopen)
		conn_at_turn(c);
	if (r == TRANSPORT_WAIT) /* a peer that takes nothing is not read from either */
		io_recv_stop(&c->io);
	if (plain)
		conn_arrived(c, plain, plain->len);
	if (c->state >= CONN_DRAINING || (c->flags & (CONN_TELL | CONN_OVER)))
		return;
	if (r == TRANSPORT_FAILED) {
		conn_fail(c, EPROTO);
	} else if (r == TRANSPORT_END) {
		io_recv_stop(&c->io);
		conn_arrived(c, NULL, 0);
	} else if (!plain && c->state == CONN_HANDSHAKE && !x->running) {
		conn_handshake(c);
		if (c->state == CONN_HANDSHAKE)
			tell_cut(c);
	} else if (!plain && tell_cut(c)) {
		return;
	} else if (!x->reopen && (c->flags & CONN_ARMED) && !conn_has_early(c)) {
		/* Part of a record only: whoever asked for bytes still waits. Not before the plain
		 * text of the handshake is delivered: what comes now would overtake it. */
		if (x->cut)
			conn_at_turn(c);
		else
			io_recv(&c->io, c->flags & CONN_ARMED_MANY ? IO_MANY : IO_ONCE);
	}
}

static void turn(struct conn *c)
{
	bool wants = c->state == CONN_HANDSHAKE ||
		     (c->state == CONN_READY && (c->flags & CONN_ARMED) && !conn_has_early(c));

	if (((c->flags & CONN_SENDING) && c->extra->reopen == TRANSPORT_WAIT) ||
	    c->state >= CONN_CLOSING)
		return;
	if (transport_reopens(c) && wants && !(c->flags & (CONN_TELL | CONN_OVER)))
		open_more(c, NULL);
	else if (out_empty(c) && c->extra->data_shut == STEP_DONE && !(c->flags & CONN_SHUT) &&
		 (c->state == CONN_DRAINING || (c->flags & CONN_SHUT_LATER)))
		conn_drained(c);
}

static bool at_rest(const struct conn *c)
{
	const struct conn_extra *x = c->extra;

	return !x->sealed && !x->reopen && !x->cut && x->data_shut == STEP_NONE &&
	       x->transport->at_rest && x->transport->at_rest(x->transport_ctx);
}

static void take(struct conn *c, struct conn_parts *p)
{
	p->transport = c->extra->transport;
	p->transport_ctx = c->extra->transport_ctx;
	c->extra->transport = NULL;
	c->flags = (uint16_t)(c->flags & ~CONN_TRANSPORT);
}

static void give(struct conn *c, const struct conn_parts *p)
{
	c->extra->transport = p->transport;
	c->extra->transport_ctx = p->transport_ctx;
	c->flags |= CONN_TRANSPORT;
}

static void free_it(struct conn *c)
{
	c->extra->transport->free(c->extra->transport_ctx, c);
}

static const struct sealing all = {
	.open = open_more,
	.ended = ended,
	.turn = turn,
	.shut = shut,
	.flush = out_flush_sealed,
	.sent = out_sent_sealed,
	.at_rest = at_rest,
	.take = take,
	.give = give,
	.free = free_it,
};

void transport_init(void)
{
	sealing = &all;
	stack_init();
}
