/* SPDX-License-Identifier: Apache-2.0 */
/* Between conn.c (states, receiving, ends), conn_open.c (beginnings) and conn_out.c (output
 * queue). */
#ifndef WEIR_NET_CONN_PRIV_H
#define WEIR_NET_CONN_PRIV_H

#include "step.h"
#include "transport.h"

/* Kept only while needed, so that an idle connection is one object. */
struct conn_extra {
	const struct handshake *const *hs; /* rest of the list, NULL-terminated, or NULL */
	struct buf *early; /* bytes received during the handshake and not yet delivered */
	struct addr local; /* kind AK_NONE: not known */
	struct addr told_src, told_dst; /* for send-proxy */
	const struct transport *transport; /* NULL: raw */
	void *transport_ctx;
	struct buf *sealed; /* what the transport made, on its way; or NULL */
	bool reopen; /* it has more to open, in this turn or when it is asked for */
	bool running; /* handlers */
	enum step data_shut; /* the transport's own end, before that of the descriptor */
};

extern const struct io_ops conn_io;

/* A zeroed connection in state NEW, or NULL; counted in the thread's load. */
struct conn *conn_new(const struct conn_app *app);
/* Frees <c>; its io is closed or was never opened. */
void conn_free(struct conn *c);
/* The extra object, made when there is none; NULL: memory is out. */
struct conn_extra *conn_extra_of(struct conn *c);
/* To state <to>; aborts when the step is not legal. */
void conn_enter(struct conn *c, enum conn_state to);
/* Goes on with the handshake list; calls ready() at its end. */
void conn_handshake(struct conn *c);
/* Puts <c> into the list of what is done at the end of the turn. */
void conn_at_turn(struct conn *c);
/* A send or receive failed, or memory is out: output is dropped; told to the mux or the app,
 * from the loop. */
void conn_fail(struct conn *c, int err);

/* Starts a send of what is queued, unless one is under way. */
void out_flush(struct conn *c);
/* The kernel has taken <n> bytes. */
void out_sent(struct conn *c, size_t n);
void out_drop(struct conn *c);
/* Nothing is queued or on its way. */
bool out_empty(const struct conn *c);
void out_init(void);
void out_thread_stop(void);

#endif
