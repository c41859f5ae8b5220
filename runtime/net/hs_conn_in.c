/* SPDX-License-Identifier: Apache-2.0 */
#include "handshake.h"

#include "../core/thread.h"
#include "conn_priv.h"
#include "listener.h"

static enum hs_result run_conn_in(struct conn *c, struct str in, size_t *used)
{
	(void)in;
	(void)used;
	return c->listener->conf.conn_in(c);
}

void hs_conn_in_hold(struct conn *c)
{
	timer_del(&c->timer);
}

void hs_conn_in_go_on(struct conn *c)
{
	uint32_t ms = c->listener->conf.handshake_ms;

	if (c->state != CONN_HANDSHAKE || c->flags & CONN_FAILED)
		return;
	if (ms)
		timer_set(&c->timer, th->now + ms);
	conn_handshake(c);
}

const struct handshake hs_conn_in = { "conn in", run_conn_in };
