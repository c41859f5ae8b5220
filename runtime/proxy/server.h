/* SPDX-License-Identifier: Apache-2.0 */
/* server: gets an exchange a stream to a server: an idle connection of this thread, or a new one;
 * keeps what is given back, newest first, and evicts by half-life. Nothing here is shared between
 * threads but through takeover.h. A connection belongs to one server and one target: a request goes
 * out only on one that it would have opened itself. An HTTP/2 connection serves several requests at
 * a time, as many as the server allows, and those that wait for its connect wait together. */
#ifndef WEIR_PROXY_SERVER_H
#define WEIR_PROXY_SERVER_H

#include "target.h"

/* The owner of a back connection (conn.owner). */
struct srv_conn {
	struct conn *conn;
	struct server *srv;
	struct exchange
		*waiting; /* for the connect, and those behind it; NULL when all have left */
	struct server_slot *slot;
	struct list opening; /* thread's connects under way, or those that failed */
	struct target target; /* of a dynamic server: what it was opened for */
	uint32_t uses; /* requests it was given */
	uint8_t err; /* errno of a connect that failed; those who wait are told when <conn> is gone */
	bool private; /* never shared */
	bool raw; /* no messages: tcp, or the target of a CONNECT */
	bool idle; /* in one of the slot's lists of idle ones */
	bool many; /* HTTP/2: several requests at a time */
	bool shared; /* in the slot's list of those in use that take more */
};

enum server_got {
	SERVER_STREAM /* x->back is set */,
	SERVER_CONNECTING /* exchange_connected() will come */,
	SERVER_FAILED,
	SERVER_NO_TARGET /* the request names no address that could be connected to */
};

/* A stream to x->srv. <fresh>: no idle connection (a reused one has just failed). SERVER_FAILED
 * leaves errno in *<err>. */
enum server_got server_get(struct exchange *x, bool fresh, int *err);
/* Forgets the connect under way; the connection becomes idle or is closed when it is there. */
void server_cancel(struct exchange *x);
/* Closes the connections of this thread that no exchange uses or waits for; at the stop. */
void server_close_idle(void);

/* For a look at all connections: that of <c>, or NULL: it is none to a server, or ends. */
const struct srv_conn *server_conn(const struct conn *c);

/* Before the threads. */
void server_init(void);
int server_thread_start(void);
void server_thread_stop(void);

/* What is spoken on <c>, a connection to <srv> that is ready and carries messages; NULL: not what the
 * server's line says. */
const struct mux_ops *server_mux(const struct server *srv, const struct conn *c);
/* The handshake list of the connections to <srv>, or NULL. */
const struct handshake *const *server_handshakes(const struct server *srv);
/* A stream on the idle connection of this thread to <srv> that has rested longest, or NULL. When it is
 * detached with its message whole the connection is idle again. */
struct stream *server_probe(struct server *srv);
/* Any thread: sets or clears <bits> (SERVER_*) of <srv>; requests that wait are given out anew. */
void server_turn(struct server *srv, unsigned bits, bool on);

/* Upcall: the connect that server_get began has ended; x->back is set when <err> is 0. */
void exchange_connected(struct exchange *x, int err);
/* Likewise, but the connection takes no more requests. */
void exchange_no_room(struct exchange *x);

#endif
