/* SPDX-License-Identifier: Apache-2.0 */
/* A mux that notes what its connection tells it, and does what a case says. */
#ifndef WEIR_TESTS_RUNTIME_TAP_H
#define WEIR_TESTS_RUNTIME_TAP_H

#include "../../runtime/net/conn.h"
#include "../../runtime/net/mux_ops.h"

struct tap {
	struct conn *c;
	char got[1 << 16];
	size_t n; /* bytes in <got> */
	size_t most; /* bytes of the largest received() */
	unsigned ready, ended, drained, released, gone;
	int ready_err, end_err;
	enum io_mode mode; /* of the receive that on_ready arms */
	void (*on_ready)(struct tap *); /* after attach; NULL: arms a receive */
	void (*on_bytes)(struct tap *, const char *p, size_t n); /* NULL: kept in <got> */
	void (*on_end)(struct tap *); /* NULL: closes */
	void (*on_drained)(struct tap *);
	void (*on_gone)(struct tap *); /* NULL: ends the loop */
};

extern const struct conn_app tap_app;
/* The tap of the next client connection, and of those whose owner is not set. */
extern struct tap *tap_next;
extern const struct mux_ops tap_mux;

#endif
