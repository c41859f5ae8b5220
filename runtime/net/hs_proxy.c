/* SPDX-License-Identifier: Apache-2.0 */
#include "handshake.h"

#include "proxy_hdr.h"

static enum hs_result run_accept_proxy(struct conn *c, struct str in, size_t *used)
{
	struct proxy_hdr h;

	switch (proxy_hdr_parse(in, &h, used)) {
	case PROXY_MORE:
		return HS_MORE;
	case PROXY_BAD:
		*used = 0;
		return HS_FAIL;
	case PROXY_OK:
		break;
	}
	return !h.known || conn_set_addrs(c, &h.src, &h.dst) ? HS_DONE : HS_FAIL;
}

const struct handshake hs_accept_proxy = { "accept-proxy", run_accept_proxy };
