/* SPDX-License-Identifier: Apache-2.0 */
/* mux: turns the bytes of a connection into streams (one request and its response each) and back,
 * on either side. h1 has one stream at a time, tcp one for the connection's life, h2 many. The
 * exchange sees only struct stream. No upcall comes from inside a verb: upcalls come from bytes,
 * drains and timers. */
#ifndef WEIR_HTTP_MUX_H
#define WEIR_HTTP_MUX_H

#include "../net/conn.h"
#include "../net/mux_ops.h"
#include "msg.h"

struct stream;

/* Why a stream ended before its time; names as in proxy/end.def. */
enum stream_error {
	STREAM_OK,
	STREAM_PEER_CLOSED, /* end of connection in the middle of a message */
	STREAM_PEER_RESET,
	STREAM_TIMEOUT_HEAD, /* head not whole in time */
	STREAM_BAD, /* not a valid message: <bad> says why */
	STREAM_NO_MEMORY,
	STREAM_STALE, /* back: a reused connection ended before any byte of the response */
};

/* Upcalls to the owner of a stream (the exchange). */
struct stream_ops {
	/* A head. Front: the request. Back: the response, interim ones (1xx) too, each by a call
	 * of its own. <m>'s contents are moved out by the callee with msg_move. tcp: not called.
	 * */
	void (*head)(struct stream *s, struct msg *m);
	/* Body bytes; the reference is the callee's. Comes only while credit was given. */
	void (*data)(struct stream *s, struct slice data);
	/* End of the message; <trailers> (moved out with msg_move if wanted) or NULL. tcp and
	 * tunnels: the peer's end of direction; a stream that becomes a tunnel has one end() for
	 * the message before it and one for the tunnel. */
	void (*end)(struct stream *s, struct msg *trailers);
	/* What was queued on this stream has left, or is below the low-water mark: send more. */
	void (*drained)(struct stream *s);
	/* Nothing more will come. The callee still calls detach. Front with <bad_status> set
	 * (STREAM_BAD, STREAM_TIMEOUT_HEAD): an answer may still be sent by head, data, end; the
	 * connection closes behind it; when that cannot go out failed() is called once more, with
	 * bad_status 0. Otherwise nothing goes out any more. */
	void (*failed)(struct stream *s, enum stream_error why);
	/* Front, may be NULL: the client has ended its direction behind its whole request. It may
	 * still want the answer. */
	void (*left)(struct stream *s);
};

#define STREAM_SENT_HEAD 0x0001
#define STREAM_SENT_END 0x0002
#define STREAM_GOT_HEAD 0x0004
#define STREAM_GOT_END 0x0008
#define STREAM_TUNNEL 0x0010 /* both directions are raw bytes from now on */
#define STREAM_FIRST 0x0020 /* first of its connection */
#define STREAM_GOT_BYTES 0x0040 /* back: at least one byte of the response came */

#define STREAM_SHARED 0x0200 /* others share its connection: <queued> is what waits here alone */
#define STREAM_LAST                                                                                \
	0x0080 /* set by the owner: what the client sends behind this request is dropped */
#define STREAM_WHOLE                                                                               \
	0x0100 /* back, inside head(): all of the message is there, end() comes before anything \
		  else if the stream is kept */

struct stream {
	struct conn *conn; /* NULL: gone, failed() was called, only detach is left */
	const struct mux_ops *mux; /* whose verbs it takes, also then */
	const struct stream_ops *ops;
	void *owner;
	uint32_t flags; /* STREAM_* */
	uint32_t queued; /* bytes queued and not yet taken by the kernel (h2: by the connection) */
	const char *bad; /* STREAM_BAD: why */
	uint16_t bad_status; /* STREAM_BAD, front: status to answer */
	uint64_t t_head; /* clock in us when the head's first byte came */
	uint64_t bytes_in, bytes_out; /* of this stream, framing and heads included */
	/* Of linked streams; ticks are of the last time, 0: never. */
	struct stream *to, *from; /* body bytes go there, come from there; or NULL */
	uint64_t passed; /* body bytes given to <to>, since the owner last looked */
	uint64_t in_at, out_at; /* bytes came; could be sent, or began to wait for that */
	union {
		uint64_t empty_at; /* all that was queued had been sent */
		/* STREAM_BAD, inside failed(), where nothing is linked: the request line, if it is
		 * valid; or NULL */
		struct msg *bad_line;
	};
	uint64_t full_at; /* this one waited as <to> had too much queued */
	uint32_t bulk; /* bytes that passed in large pieces, one after the other */
	uint32_t in_pipe; /* of <queued>: in the pipe of the splice from <from> */
	struct splice *splice; /* to <to>, or NULL */
};

#define STREAM_LOW 16384 /* drained() when queued falls to this or less */
#define STREAM_HIGH 65536 /* the owner stops giving credit to the other side above this */

/* From now on body bytes of <from> go to <to> without data() and drained() of their owners, and
 * credit of <from> is kept by the muxes: off above STREAM_HIGH, on again at STREAM_LOW. The owner is
 * told of ends and failures only. It unlinks before it detaches either of them. */
void stream_link(struct stream *from, struct stream *to);
/* Before the threads; on each thread before it ends. */
void stream_setup(void);
void stream_thread_stop(void);
/* Ends the links of <s> in both directions. */
void stream_unlink(struct stream *s);

/* How the connection's owner is told about streams. Given at attach. */
struct mux_app {
	/* Front: a request has begun: set ops and owner. false: no memory, the mux answers 503 or
	 * closes. */
	bool (*open)(struct stream *s);
	/* Back: a stream was detached and the connection can take another one; with a mux of many
	 * streams, others may be there still. */
	void (*idle)(struct conn *c);
};

struct mux_conf {
	const struct mux_app *app;
	uint32_t head_max, headers_max, uri_max;
	uint32_t keepalive_ms, head_ms; /* front; 0: none */
};

#define HEAD_CLOSE 0x01 /* this connection ends after this message */
#define HEAD_RAW_TARGET 0x02 /* forward raw */
#define HEAD_TUNNEL 0x04 /* 101, or 2xx to CONNECT: both directions become raw after this head */
#define HEAD_NO_BODY 0x08 /* answer to HEAD: framing fields as if there were a body, none follows */

/* Body bytes that were copied to output buffers instead of passed by reference, and how many
 * times; bytes that passed by splice(2). Any thread. */
struct mux_copies {
	uint64_t times, bytes, spliced;
};
struct mux_copies mux_copies(void);

extern const struct mux_ops mux_h1;
extern const struct mux_ops mux_h2;
extern const struct mux_ops mux_tcp;

#endif
