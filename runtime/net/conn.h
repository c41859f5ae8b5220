/* SPDX-License-Identifier: Apache-2.0 */
/* conn: one transport connection: descriptor (control), transport (raw, or TLS), mux on top.
 * Explicit states:
 *
 *   NEW ─► CONNECTING ─► HANDSHAKE ─► READY ─► DRAINING ─► CLOSING ─► freed
 *            (back)     (handlers, in order)    (output left)  (last completion)
 *
 * Who frees: conn_close starts the end from any state; the object is given back after closed() of
 * its io. The mux gets release() exactly once, before that. Owner thread only. */
#ifndef WEIR_NET_CONN_H
#define WEIR_NET_CONN_H

#include "../core/poll.h"
#include "../core/task.h"
#include "../base/addr.h"

struct conn;
struct mux_ops;
struct listener;

enum conn_state {
	CONN_NEW,
	CONN_CONNECTING,
	CONN_HANDSHAKE,
	CONN_READY,
	CONN_DRAINING,
	CONN_CLOSING
};

#define CONN_BACK 0x0001 /* we connected */
#define CONN_EOF 0x0002 /* the peer has ended its direction */
#define CONN_SHUT 0x0004 /* we have ended ours; with the next bit a step (step.h) */
#define CONN_SHUT_LATER 0x0008 /* wanted: when the output is drained */
#define CONN_FAILED 0x0010 /* error seen; <err> says which. What is written now is dropped */
#define CONN_TURN 0x0020 /* in the thread's list for the end of the turn */
#define CONN_SENDING 0x0040 /* a send is under way */
#define CONN_PROXIED 0x0080 /* peer and local come from a PROXY header */
#define CONN_ARMED 0x0100 /* a receive is armed; cleared by its last completion */
#define CONN_ARMED_MANY 0x0200 /* until stopped */
#define CONN_TELL 0x0400 /* failure to be told at the end of the turn */
#define CONN_TOLD 0x0800 /* ready() was called */
#define CONN_CLOSED 0x1000 /* closed() came while CONN_TURN; freed at the end of the turn */
#define CONN_OVER 0x2000 /* the failure was told: nothing more is */
#define CONN_SENT 0x4000 /* the kernel has taken bytes */
#define CONN_TRANSPORT 0x8000 /* bytes pass through a transport (transport.h) */

/* One handler of the handshake list; each runs until it says DONE, then removes itself. */
enum hs_result {
	HS_MORE,
	HS_DONE,
	HS_FAIL,
	HS_CLOSE /* answered: end politely */,
	HS_HOLD /* not before it is asked again (handshake.h); bytes are kept up to a buffer */
};
struct handshake {
	const char *name;
	/* <in>: bytes received so far; eats *<used> of them. <in>.n may be 0 at the first call.
	 * HS_MORE with all of a buffer's bytes uneaten ends the connection. */
	enum hs_result (*run)(struct conn *c, struct str in, size_t *used);
};

/* What the owner of a connection (front: listener's app; back: server pool) wants to hear. */
struct conn_app {
	/* Handshake done (back: connected, or <err> a positive errno): attach a mux or close.
	 * Called at most once; not after conn_close or conn_abort, nor for a client that fails
	 * in its handshake. */
	void (*ready)(struct conn *c, int err);
	/* The connection ends; forget it. Called once, after the mux has released. Not called
	 * for a client connection that was never ready. */
	void (*gone)(struct conn *c);
	/* May be NULL. A client connection that was never ready ends; called once. */
	void (*lost)(struct conn *c);
};

struct out_chunk;
struct conn_extra;

/* 192 bytes; an idle one has nothing else but what its mux keeps. */
struct conn {
	struct io io;
	const struct conn_app *app;
	const struct mux_ops *mux; /* NULL before conn_attach */
	void *mux_ctx;
	union {
		struct listener *listener; /* front; NULL: not from a listener */
		void *owner; /* back: of the app (server slot) */
	};
	struct out_chunk *out; /* output queue: its last chunk, or NULL; see conn_queued */
	struct conn *
		turn_next; /* thread's list of connections with something to do at the turn's end */
	struct conn_extra *extra; /* rest of the handshake, early bytes, local address; or NULL */
	struct list link; /* for the app: idle list, client list */
	struct timer
		timer; /* for the mux (idle, head); before and after it, the connection's own */
	struct addr peer;
	uint16_t flags; /* CONN_* */
	uint8_t state; /* enum conn_state */
	uint8_t err; /* errno of the failure */
};

#define CONN_LOW 16384 /* mux->drained is also called when less than this is queued */
#define CONN_LINGER_MS 2000 /* longest wait for the peer's end after ours (RFC 9112 9.6) */
#define CONN_STALL_MS                                                                              \
	10000 /* closing: longest time in which the peer takes nothing of the output */

/* Before the threads start: pools. On each thread, from thread_config start and stop. */
void conn_init(void);
void conn_thread_start(void);
void conn_thread_stop(void);

/* Front: takes over an accepted descriptor and runs its handshake list; ready() may be called
 * before this returns. <l>, <hs> may be NULL; handshake_ms 0: no limit. NULL when memory is out
 * (<fd> closed). */
struct conn *conn_accepted(int fd, struct listener *l, const struct conn_app *app,
			   const struct handshake *const *hs, const struct sockaddr_storage *peer,
			   uint32_t handshake_ms);
/* Where a connection goes and comes from. <from> may be NULL; its port 0: the kernel's choice. */
struct conn_route {
	const struct addr *to, *from;
	bool foreign; /* <from> may be no address of this machine (needs CAP_NET_ADMIN) */
};
/* Back: starts connecting; ready() comes later, from the loop. NULL and *<err> (positive errno)
 * when it could not be started. timeout_ms 0: no limit. */
struct conn *conn_connect(const struct conn_route *route, const struct conn_app *app, void *owner,
			  const struct handshake *const *hs, uint32_t timeout_ms, int *err);
/* A connection between two threads: its descriptor, and what it is sealed with or NULL. */
struct conn_parts {
	int fd;
	const struct transport *transport;
	void *transport_ctx;
};
/* Back, ready and without anything under way: ends <c> but for its parts, which the caller gets, for
 * another thread. Neither gone() nor lost() is called. -1: not now, <c> stays as it is. */
int conn_yield(struct conn *c, struct conn_parts *p);
/* Back: a connection to <peer> that another thread has yielded; it is ready. NULL, and the parts are
 * closed, when memory is out. */
struct conn *conn_adopt(const struct conn_parts *p, const struct addr *peer,
			const struct conn_app *app, void *owner);
/* Nobody takes them. */
void conn_parts_close(const struct conn_parts *p);
/* Lets socket <fd> of <family> have an address that is not this machine's. -1 and errno. Any
 * thread. */
int conn_foreign(int fd, int family);

/* Cuts the client connections of this thread that are in their handshake: their app does not know
 * them yet. */
void conn_cut_handshakes(void);

/* In ready(): installs the mux. Bytes that came with the handshake are delivered to it at the
 * end of the turn once it has armed a receive. */
void conn_attach(struct conn *c, const struct mux_ops *mux, void *ctx);

void conn_recv(struct conn *c, enum io_mode mode);
void conn_recv_stop(struct conn *c);

/* Appends to the output queue; sent at the end of the loop turn in as few system calls as
 * possible. conn_put takes the slice's reference; conn_write copies (heads, chunk lines). false:
 * memory is out, the connection has been failed (mux->ended comes at the end of the turn).
 * Towards a peer that has reset the connection, and after conn_shut and conn_close, the bytes
 * are dropped and the answer is true: what the peer sent before is still to be read, and its end
 * is told by mux->ended. */
bool conn_put(struct conn *c, struct slice s);
bool conn_write(struct conn *c, const char *p, size_t n);
/* Room for <n> bytes (n <= BUF_ROOM) in the output queue, to be filled at once; conn_wrote tells
 * how many were (0 to n). NULL as conn_write. */
char *conn_room(struct conn *c, size_t n);
void conn_wrote(struct conn *c, size_t n);
/* Bytes in the output queue, not yet taken by the kernel. */
uint64_t conn_queued(const struct conn *c);

/* For those who make system calls on the descriptor of a ready connection (io_watch): whether our
 * direction is free for that, nothing being queued or under way. */
bool conn_out_free(const struct conn *c);
/* Such a call has failed. Told like the failure of a receive or send. */
void conn_broken(struct conn *c, int err);

/* Whether the kernel has bytes of the peer that were not received yet. Asks it. */
bool conn_unread(const struct conn *c);

/* Ends our direction once the output is drained. */
void conn_shut(struct conn *c);
/* Polite end: drain output, shut, read and drop what the peer still sends for a short bounded
 * time so that the last answer is not lost to a reset (RFC 9112 9.6), close. */
void conn_close(struct conn *c);
/* At once; <reset> with RST. */
void conn_abort(struct conn *c, bool reset);

/* The address the client connected to; asked of the kernel once, when needed. Valid until the
 * connection ends, or when memory is out until the thread's next call. */
const struct addr *conn_local(struct conn *c);

/* For a look at all connections. The connection of <io>, or NULL: it is of something else. */
const struct conn *conn_of(const struct io *io);
/* What conn_local would give if that is known already, else NULL. */
const struct addr *conn_local_known(const struct conn *c);

/* For handshake handlers: sets peer and local address to those a proxy told. False: memory is
 * out. */
bool conn_set_addrs(struct conn *c, const struct addr *peer, const struct addr *local);
/* The handler that runs: one that is part of something larger finds it by this. */
const struct handshake *conn_handler(const struct conn *c);
/* Back, right after conn_connect: what the send-proxy handlers will tell. False: memory is out. */
bool conn_tell_addrs(struct conn *c, const struct addr *src, const struct addr *dst);
/* What conn_tell_addrs set, or NULL. */
const struct addr *conn_told_src(const struct conn *c);
const struct addr *conn_told_dst(const struct conn *c);

#endif
