/* SPDX-License-Identifier: Apache-2.0 */
#include "handshake.h"

#include "listener.h"

static enum hs_result run_conn_in(struct conn *c, struct str in, size_t *used)
{
	(void)in;
	(void)used;
	return c->listener->conf.conn_in(c);
}

const struct handshake hs_conn_in = { "conn in", run_conn_in };
