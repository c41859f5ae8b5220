/* SPDX-License-Identifier: Apache-2.0 */
/* conns: all connections of the process as they were at one moment. For the operator; serving never
 * asks. Rows are copies: what they point to in the site stays, the connections may be gone. */
#ifndef WEIR_PROXY_CONNS_H
#define WEIR_PROXY_CONNS_H

#include "server.h"

#define CONNS_MAX 65536 /* rows taken at a time */

struct conns_row {
	const struct conn *conn; /* a name only */
	const struct front *fe; /* NULL: none yet, or nobody's request */
	const struct back *be; /* likewise */
	const struct server *srv; /* back side */
	struct addr src, dst; /* kind AK_NONE: not known */
	uint8_t src_ip, src_port, dst_ip, dst_port; /* enum target_state */
	uint8_t state; /* enum conn_state */
	bool back, idle;
	uint16_t tid;
	int fd;
};

struct conns {
	struct conns_row *row; /* from malloc; by <conn> */
	uint32_t n, left_out;
};

/* A thread of the loops, inside a call of its loop: every other one stands while the rows are
 * copied. False: memory is out. */
bool conns_take(struct conns *out);
void conns_free(struct conns *c);

#endif
