/* SPDX-License-Identifier: Apache-2.0 */
/* proxy_hdr: the header of the PROXY protocol, versions 1 (text) and 2 (binary), which a proxy
 * puts in front of a connection to tell whose it is. Pure: bytes in, addresses out, and back.
 * TLVs of version 2 are skipped. */
#ifndef WEIR_NET_PROXY_HDR_H
#define WEIR_NET_PROXY_HDR_H

#include <stdbool.h>

#include "../base/addr.h"
#include "../base/str.h"

#define PROXY_V1_MAX 107 /* longest line, CRLF included */
#define PROXY_V2_MAX 4096 /* longest header that is taken, TLVs included */
#define PROXY_ROOM 108 /* bytes that the longest written header needs */

struct proxy_hdr {
	struct addr src, dst;
	/* false: LOCAL, UNKNOWN or no internet address: the connection's own addresses hold */
	bool known;
};

enum proxy_parse { PROXY_MORE, PROXY_OK, PROXY_BAD };

/* Reads a header of either version from the start of <in>; *<used>: its length, when PROXY_OK. */
enum proxy_parse proxy_hdr_parse(struct str in, struct proxy_hdr *out, size_t *used);

/* Writes a header to <out> (PROXY_ROOM bytes), returns its length. Without two internet
 * addresses it says UNKNOWN or LOCAL; of mixed families it is an IPv6 one. <src>, <dst> may be
 * NULL. */
size_t proxy_hdr_v1(const struct addr *src, const struct addr *dst, char *out);
size_t proxy_hdr_v2(const struct addr *src, const struct addr *dst, char *out);

#endif
