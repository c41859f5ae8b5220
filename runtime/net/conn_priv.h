/* SPDX-License-Identifier: Apache-2.0 */
/* Between conn.c (states, receiving, ends), conn_open.c (beginnings), conn_out.c (output queue) and
 * conn_transport.c (what stands between bytes and descriptor). */
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
	uint8_t reopen; /* MORE, WAIT: it has more to open, in this turn or when it is asked for, or
			   behind what is sent; else 0 */
	bool running; /* handlers */
	bool above; /* bytes of the handshake are opened: the transport put on last has these, not
		       one below it */
	bool cut; /* the descriptor has ended before the transport gave all it had: <cut_err> */
	int16_t cut_err;
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

/* Bytes (<n> > 0), the end (0) or a failure (-errno), as the mux or the handshake shall see them. */
void conn_arrived(struct conn *c, struct buf *b, ssize_t n);
/* Output has left: goes on with an end that waits for it, or tells the mux. */
void conn_drained(struct conn *c);
/* Bytes of the handshake that nobody has eaten yet. */
bool conn_has_early(const struct conn *c);
/* While it ends: at once after <ms> without progress. */
void conn_close_within(struct conn *c, uint32_t ms);

/* What is done for connections with a transport, and for them only (CONN_TRANSPORT): in a binary that
 * has none, nothing of it is linked. */
struct sealing {
	/* The next piece of what it makes of <in>, which is NULL when it goes on with what it has;
	 * the rest comes at the end of the turn, when the credit and the handshake are what this
	 * piece makes them. */
	void (*open)(struct conn *c, struct buf *in);
	/* The descriptor has ended: 0 or -errno. Without the transport's own end behind what it
	 * still has to give, the connection is cut off: nobody knows whether all is there. */
	void (*ended)(struct conn *c, ssize_t n);
	/* What is left to do at the end of a turn when nothing is being sent: no sent() will come
	 * for it. */
	void (*turn)(struct conn *c);
	/* The layers end from above: first the transport says its end, then the descriptor. False:
	 * not yet; flush goes on with it, and conn_drained() comes when it is on its way. */
	bool (*shut)(struct conn *c);
	void (*flush)(struct conn *c); /* as out_flush */
	void (*sent)(struct conn *c, size_t n); /* as out_sent */
	/* Nothing of it is under way or belongs to this thread. */
	bool (*at_rest)(const struct conn *c);
	/* It leaves <c>, which has then none; it is put on another. */
	void (*take)(struct conn *c, struct conn_parts *p);
	void (*give)(struct conn *c, const struct conn_parts *p);
	void (*free)(struct conn *c);
};
extern const struct sealing *sealing; /* NULL before transport_init */

static inline bool has_transport(const struct conn *c)
{
	return c->flags & CONN_TRANSPORT;
}

static inline bool transport_shut(struct conn *c)
{
	return !has_transport(c) || sealing->shut(c);
}

/* It has more to give before bytes of the descriptor are needed. */
static inline bool transport_reopens(const struct conn *c)
{
	return has_transport(c) && (c->extra->reopen || c->extra->cut);
}

/* For struct sealing: the queue's side of it. */
void out_flush_sealed(struct conn *c);
void out_sent_sealed(struct conn *c, size_t n);

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
