/* SPDX-License-Identifier: Apache-2.0 */
/* transport: what stands between the bytes of a connection and its descriptor, as TLS does. A
 * connection without one is raw and pays nothing for it. A transport sees buffers only; it never
 * touches the descriptor, and holds no dynamic buffer across turns. Owner thread of the connection.
 *
 * A handshake handler installs it (conn_set_transport) and waits until it is ready: from then on
 * all bytes in both directions pass through it, its own handshake too. It may want to send while
 * it reads, and the other way round: conn_wants_send asks for a call of seal() in this turn. */
#ifndef WEIR_NET_TRANSPORT_H
#define WEIR_NET_TRANSPORT_H

#include "conn.h"

enum transport_result {
	TRANSPORT_OK, /* everything at hand is done */
	TRANSPORT_MORE, /* open: call again, there is more plain text. seal, shut: <out> is full */
	TRANSPORT_WAIT, /* open: something must be sent first, open(NULL) comes behind it. seal, shut:
			   bytes of the peer are needed first */
	TRANSPORT_END, /* open: the peer has ended its data. shut: there is nothing to say */
	TRANSPORT_FAILED
};

struct transport {
	const char *name;
	/* Takes received bytes <in> (a reference; NULL after MORE and WAIT). *<plain>: plain text in a buffer
	 * of the caller's from now on, or NULL. */
	enum transport_result (*open)(void *ctx, struct conn *c, struct buf *in,
				      struct buf **plain);
	/* Seals <in>, which may be empty, and whatever it has to say itself, behind what <out> holds;
	 * *<taken>: bytes of <in> that are in it. */
	enum transport_result (*seal)(void *ctx, struct conn *c, struct str in, size_t *taken,
				      struct buf *out);
	/* Says that no more data will come, behind what <out> holds. */
	enum transport_result (*shut)(void *ctx, struct conn *c, struct buf *out);
	/* The connection is freed; <c> NULL: it was given away, and nobody took it. */
	void (*free)(void *ctx, struct conn *c);
	/* May be NULL: never. Whether another thread may go on with it: nothing is under way, it holds
	 * no buffer, and nothing else of this thread. */
	bool (*at_rest)(const void *ctx);
};

/* Before the threads, by whoever has a transport. Twice is harmless. */
void transport_init(void);
/* Puts <t> on the connection, above what it has. False: memory is out. */
bool conn_set_transport(struct conn *c, const struct transport *t, void *ctx);
/* What <t> was put on <c> with, the uppermost time; NULL: it was not. */
void *conn_transport_ctx(const struct conn *c, const struct transport *t);
/* Bytes of the queue that no transport has sealed yet. */
uint64_t conn_unsealed(const struct conn *c);
/* seal() is called at the end of the turn, even with nothing queued. */
void conn_wants_send(struct conn *c);

#endif
