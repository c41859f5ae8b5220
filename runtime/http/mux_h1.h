/* SPDX-License-Identifier: Apache-2.0 */
/* mux_h1: HTTP/1 on one connection. Private to mux_h1*.c: mux_h1.c has life and timers,
 * mux_h1_in.c what is received, mux_h1_out.c what is sent.
 *
 * An idle connection holds a struct h1 only. A struct h1s is there while a message is under way:
 * front, from the first byte of a request until its exchange has detached; back, from open to
 * detach. Upcalls come from run() alone, which is called by bytes, drains, timers and the stream's
 * task, never by a verb; what a verb sets off waits for it. */
#ifndef WEIR_HTTP_MUX_H1_H
#define WEIR_HTTP_MUX_H1_H

#include "h1.h"
#include "mux.h"

#define H1_EOF 0x01 /* the peer has ended its direction; set by ended() */
#define H1_STOP 0x02 /* graceful stop; set by stop() */
#define H1_BUSY 0x04 /* inside run(); set and cleared by it */
#define H1_USED 0x08 /* has carried a stream; set when one is made */

struct h1 {
	const struct mux_conf *conf;
	struct conn *conn;
	struct buf *rx, *rx2; /* received, not eaten; <rx2> only beside <rx> */
	struct h1s *s; /* the message under way, or NULL */
	uint8_t side; /* enum mux_side */
	uint8_t flags; /* H1_* */
};

enum h1_in { H1_IN_HEAD, H1_IN_BODY, H1_IN_TRAILERS, H1_IN_END, H1_IN_TUNNEL };
enum h1_out { H1_OUT_HEAD, H1_OUT_BODY, H1_OUT_END, H1_OUT_TUNNEL };

#define H1S_KEEP 0x0001 /* the peer allows another message; from its head */
#define H1S_CLOSE 0x0002 /* we close behind this message */
#define H1S_HTTP10 0x0004 /* front: the client's version is 1.0 */
#define H1S_HEAD 0x0008 /* the request is HEAD */
#define H1S_CONNECT 0x0010 /* the request is CONNECT */
#define H1S_CREDIT 0x0020 /* the owner takes body bytes */
#define H1S_EXPECT                                                                                 \
	0x0040 /* front: the client waits for 100; cleared when it was sent or the body comes */
#define H1S_UPGRADE 0x0080 /* an upgrade was asked for */
#define H1S_OPEN 0x0100 /* the owner knows the stream */
#define H1S_DETACHED 0x0200 /* and has given it up */
#define H1S_RESET 0x0400 /* end with RST */
#define H1S_FAILED 0x0800 /* failed() was told */
#define H1S_CUT 0x1000 /* our message cannot be completed: the connection must not end politely */
#define H1S_WAITING 0x2000 /* the timer for the head is set */

struct h1s {
	struct stream s;
	struct h1 *h; /* NULL: the connection is gone */
	struct task task;
	struct h1_chunk chunk;
	size_t seen; /* of the head or trailers being read */
	uint64_t left; /* received body: bytes to come */
	uint64_t out_left; /* sent body: bytes announced and not sent */
	uint16_t flags; /* H1S_* */
	uint8_t in, out; /* enum h1_in, h1_out */
	uint8_t in_body, out_body; /* enum msg_body */
	uint8_t interim; /* 1xx answers read */
};

static inline struct h1s *h1s_of(struct stream *s)
{
	return (struct h1s *)(void *)s;
}

/* mux_h1.c */
void h1_fail(struct h1s *st, enum stream_error why);
/* Hands a request to the owner of the connection. False: the mux has answered and closes. */
bool h1_open(struct h1s *st);

/* mux_h1_in.c */
/* Takes over the received <b>. False when it is more than may be stored, or memory is out. */
bool h1_store(struct h1 *h, struct buf *b);
void h1_drop_received(struct h1 *h);
/* What was received of a head that will not be whole counts as received by its stream. */
void h1_count_rest(struct h1 *h);
/* One step of reading. False: nothing to be done before more bytes, credit or a verb. */
bool h1_read(struct h1 *h);
void h1_tunnel(struct h1s *st);

/* mux_h1_out.c */
bool h1_send_head(struct stream *s, const struct msg *m, bool end, uint32_t how);
bool h1_send_data(struct stream *s, struct slice data);
bool h1_send_end(struct stream *s, const struct msg *trailers);
uint64_t h1_raw(const struct stream *s, bool out);
void h1_spliced(struct stream *s, bool out, size_t n);

#endif
