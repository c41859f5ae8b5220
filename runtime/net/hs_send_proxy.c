/* SPDX-License-Identifier: Apache-2.0 */
#include "handshake.h"

#include "proxy_hdr.h"

static enum hs_result run_v1(struct conn *c, struct str in, size_t *used)
{
	char hdr[PROXY_ROOM];
	size_t n = proxy_hdr_v1(conn_told_src(c), conn_told_dst(c), hdr);

	(void)in;
	(void)used;
	return conn_write(c, hdr, n) ? HS_DONE : HS_FAIL;
}

static enum hs_result run_v2(struct conn *c, struct str in, size_t *used)
{
	char hdr[PROXY_ROOM];
	size_t n = proxy_hdr_v2(conn_told_src(c), conn_told_dst(c), hdr);

	(void)in;
	(void)used;
	return conn_write(c, hdr, n) ? HS_DONE : HS_FAIL;
}

const struct handshake hs_send_proxy_v1 = { "send-proxy", run_v1 };
const struct handshake hs_send_proxy_v2 = { "send-proxy-v2", run_v2 };
