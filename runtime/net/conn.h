/* SPDX-License-Identifier: Apache-2.0 */
/* conn: one transport connection: descriptor (control), transport (raw, later TLS), mux on top. Explicit states:
 *
 *   NEW ─► CONNECTING ─► HANDSHAKE ─► READY ─► DRAINING ─► CLOSING ─► freed
 *            (back)     (handlers, in order)    (output left)  (last completion)
 *
 * Who frees: conn_close starts the end from any state; the object is given back after closed() of its io. The mux
 * gets release() exactly once, before that. Owner thread only. */
#ifndef WEIR_NET_CONN_H
#define WEIR_NET_CONN_H

#include "../core/poll.h"
#include "../core/task.h"
#include "../base/addr.h"

struct conn;
struct mux_ops;
struct listener;

enum conn_state { CONN_NEW, CONN_CONNECTING, CONN_HANDSHAKE, CONN_READY, CONN_DRAINING, CONN_CLOSING };

#define CONN_BACK 0x0001      /* we connected */
#define CONN_EOF 0x0002       /* the peer has ended its direction */
#define CONN_SHUT 0x0004      /* we have ended ours */
#define CONN_SHUT_LATER 0x0008/* shut when the output is drained */
#define CONN_FAILED 0x0010    /* error seen; <err> says which */
#define CONN_FLUSH 0x0020     /* in the thread's flush list */
#define CONN_SENDING 0x0040   /* a send is under way */
#define CONN_PROXIED 0x0080   /* peer and local come from a PROXY header */
#define CONN_LOCAL_KNOWN 0x0100

/* One handler of the handshake list; each runs until it says DONE, then removes itself. */
enum hs_result { HS_MORE, HS_DONE, HS_FAIL, HS_CLOSE /* answered: end politely */ };
struct handshake {
	const char *name;
	/* <in>: bytes received so far; eats *<used> of them. <in>.n may be 0 at the first call. */
	enum hs_result (*run)(struct conn *c, struct str in, size_t *used);
};

/* What the owner of a connection (front: listener's app; back: server pool) wants to hear. */
struct conn_app {
	/* Handshake done (back: connected, or <err> a positive errno): attach a mux or close. */
	void (*ready)(struct conn *c, int err);
	/* The connection ends; forget it. Called once, after the mux has released. */
	void (*gone)(struct conn *c);
};

struct out_chunk;

struct conn {
	struct io io;
	const struct conn_app *app;
	const struct mux_ops *mux;      /* NULL before ready() */
	void *mux_ctx;
	const struct handshake *const *hs; /* rest of the handshake list, NULL-terminated, or NULL */
	struct listener *listener;      /* front */
	void *owner;                    /* back: of the app (server slot) */
	struct buf *early;              /* bytes received during the handshake */
	struct out_chunk *out_first, *out_last; /* output queue: empty costs two pointers */
	uint32_t out_bytes;
	uint16_t flags;                 /* CONN_* */
	uint8_t state;                  /* enum conn_state */
	uint8_t err;                    /* errno of the failure */
	struct list flush;              /* thread's list of connections to flush at the end of the turn */
	struct list link;               /* for the app: idle list, listener's list */
	struct timer timer;             /* for the mux (idle, head) and, before it, the handshake */
	struct addr peer, local;        /* <local> by conn_local() */
	uint64_t bytes_in, bytes_out;
};

/* Front: takes over an accepted descriptor and runs its handshake list. NULL when memory is out (<fd> closed). */
struct conn *conn_accepted(int fd, struct listener *l, const struct conn_app *app, const struct handshake *const *hs,
			   const struct sockaddr_storage *peer, uint32_t handshake_ms);
/* Back: starts connecting; ready() comes later. NULL and *<err> when it could not be started. <from> may be NULL. */
struct conn *conn_connect(const struct addr *to, const struct addr *from, const struct conn_app *app, void *owner,
			  const struct handshake *const *hs, uint32_t timeout_ms, int *err);

/* In ready(): installs the mux; bytes already received are delivered to it at once from the loop. */
void conn_attach(struct conn *c, const struct mux_ops *mux, void *ctx);

void conn_recv(struct conn *c, enum io_mode mode);
void conn_recv_stop(struct conn *c);

/* Appends to the output queue; sent at the end of the loop turn in as few system calls as possible.
 * conn_put takes the slice's reference; conn_write copies (heads, chunk lines). false: memory is out, the connection has been failed. */
bool conn_put(struct conn *c, struct slice s);
bool conn_write(struct conn *c, const char *p, size_t n);
/* Room for <n> bytes (n <= BUF_ROOM) in the output queue, to be filled at once; conn_wrote tells how many were. NULL as conn_write. */
char *conn_room(struct conn *c, size_t n);
void conn_wrote(struct conn *c, size_t n);

/* Ends our direction once the output is drained. */
void conn_shut(struct conn *c);
/* Polite end: drain output, shut, read and drop what the peer still sends for a short bounded time so that the last answer is
 * not lost to a reset (RFC 9112 9.6), close. */
void conn_close(struct conn *c);
/* At once; <reset> with RST. */
void conn_abort(struct conn *c, bool reset);

/* The address the client connected to; asked of the kernel once, when needed. */
const struct addr *conn_local(struct conn *c);

#endif
