/* SPDX-License-Identifier: Apache-2.0 */
/* mux_ops: what a connection calls (bytes, end, drained, release) and what the owner of a stream
 * calls on the mux that is installed on a connection. Here, below http, because the connection
 * calls it; streams and messages are known by name only. The types are in http/mux.h. */
#ifndef WEIR_NET_MUX_OPS_H
#define WEIR_NET_MUX_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/buf.h"

struct conn;
struct msg;
struct mux_conf;
struct stream;

enum mux_side { MUX_FRONT, MUX_BACK };

struct mux_ops {
	const char *name;
	/* Attaches to a ready connection. false: memory is out. */
	bool (*start)(struct conn *c, enum mux_side side, const struct mux_conf *conf);
	/* From the connection: bytes (the buffer is the mux's), end (err 0) or failure (-errno),
	 * output drained, release. */
	void (*received)(struct conn *c, struct buf *b);
	void (*ended)(struct conn *c, int err);
	void (*drained)(struct conn *c);
	void (*release)(struct conn *c);
	/* May be NULL. As io_ops.ready: for streams that are spliced. */
	void (*ready)(struct conn *c, unsigned what);
	/* Back: a stream for one request, or NULL. */
	struct stream *(*open)(struct conn *c);
	/* Back; NULL for a mux with one stream at a time. How many more open() would give now;
	 * *<busy>: how many there are. */
	uint32_t (*room)(const struct conn *c, uint32_t *busy);
	/* Sends a head. The mux decides the framing for its peer from <m>->body and the peer's
	 * version; it only reads <m>. <end>: no body follows, and end() is not called. Interim
	 * responses: status 1xx; dropped towards 1.0. false: as data. */
	bool (*head)(struct stream *s, const struct msg *m, bool end, uint32_t how);
	/* Takes the slice's reference. false: the stream has failed. */
	bool (*data)(struct stream *s, struct slice data);
	bool (*end)(struct stream *s, const struct msg *trailers);
	/* Credit for received body bytes, off at first: while off, nothing is read beyond what is
	 * under way. */
	void (*credit)(struct stream *s, bool on);
	/* May be NULL. How many bytes <s> may get (<out>: send) from now on that need no look and no
	 * framing; 0: none now, or there are such bytes in store. */
	uint64_t (*raw)(const struct stream *s, bool out);
	/* <n> of them have passed by splice(2), past the mux. */
	void (*spliced)(struct stream *s, bool out, size_t n);
	/* The owner is done with <s>. When a direction is not whole: the connection is closed (H1)
	 * or the stream reset (H2). <reset>: with RST towards the peer. */
	void (*detach)(struct stream *s, bool reset);
	/* Graceful stop: idle connections close, busy ones say so with their next answer. */
	void (*stop)(struct conn *c);
	/* Before the threads start: makes the pools. Twice is harmless. */
	void (*setup)(void);
};

#endif
