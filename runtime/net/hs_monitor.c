/* SPDX-License-Identifier: Apache-2.0 */
#include "handshake.h"

#include "listener.h"

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

static enum hs_result run_monitor(struct conn *c, struct str in, size_t *used)
{
	const struct listener_conf *conf = &c->listener->conf;

	(void)in;
	(void)used;
	if (c->peer.kind != AK_INET)
		return HS_DONE;
	for (unsigned i = 0; i < conf->nmonitor; i++)
		if (addr_in_net(c->peer.ip, &conf->monitor[i]))
			return conn_write(c, answer, sizeof(answer) - 1) ? HS_CLOSE : HS_FAIL;
	return HS_DONE;
}

const struct handshake hs_monitor = { "monitor-net", run_monitor };
