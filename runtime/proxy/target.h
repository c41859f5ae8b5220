/* SPDX-License-Identifier: Apache-2.0 */
/* target: where a connection to a server comes from and where it goes, when that depends on the
 * client's connection or on the request: source client, client-ip, h(NAME) and port ranges;
 * transparent, proxy, "server 0.0.0.0:+1000". Each of the four elements (source and destination,
 * address and port) is unset, known, fixed or of a range. A connection serves only requests that
 * would have opened the same one. Optional part: a site whose addresses are all constant has none
 * of it. */
#ifndef WEIR_PROXY_TARGET_H
#define WEIR_PROXY_TARGET_H

#include "exchange.h"

enum target_state {
	TARGET_UNSET, /* the kernel's choice, not asked for */
	TARGET_KNOWN, /* the kernel's choice, asked for */
	TARGET_FIXED, /* this value */
	TARGET_RANGE /* one of a configured range */
};

struct target {
	struct addr src, dst;
	uint8_t src_ip, src_port, dst_ip, dst_port; /* enum target_state */
	bool foreign; /* <src> is an address of somebody else */
};

/* Ports of one server's source range; shared by all threads, without a lock. */
struct port_range {
	uint16_t low;
	uint32_t n;
	_Atomic uint32_t next; /* where the search begins: a port rests as long as possible */
	_Atomic uint64_t used[]; /* a bit a port */
};

struct target_part {
	/* At start: what <srv> needs besides its row. NULL, or a sentence that says what is wrong. */
	const char *(*load)(struct server *srv);
	/* The target of <x> on <srv>, source port of a range not yet taken. 0, or an errno: EINVAL
	 * the request names no address, EAFNOSUPPORT no such source can reach it. */
	int (*find)(struct exchange *x, const struct server *srv, struct target *t);
	/* A request that wants <want> may go out on a connection opened for <have>. */
	bool (*same)(const struct target *have, const struct target *want);
	/* Takes a port of the range into t->src.port: 0, or EADDRNOTAVAIL. Any thread. */
	int (*take_port)(const struct server *srv, struct target *t);
	void (*give_port)(const struct server *srv, const struct target *t);
};

#endif
