/* SPDX-License-Identifier: Apache-2.0 */
/* mux_h2: HTTP/2 on one connection (RFC 9113). Private to mux_h2*.c: mux_h2.c has life, timers and
 * the streams, mux_h2_in.c frames as they are received, mux_h2_stream.c what they mean for a stream,
 * mux_h2_out.c what is sent.
 *
 * An idle connection holds a struct h2 and the tables of header compression. A struct h2s is there
 * from the first frame of a request until its exchange has detached and what it gave is sent. Upcalls
 * come from h2_run() alone, as in mux_h1.h: bytes, drains, timers and the connection's task call it,
 * never a verb. What is freed inside it is freed at its end.
 *
 * Flow control. A stream's bytes that its owner does not take (credit off) are stored, at most its
 * window of H2_WINDOW bytes, small pieces copied together; the window grows again as they are given
 * on. The window of the connection grows as bytes come, so that no stream stops another one. What is
 * to be sent waits by stream; the connection's queue takes up to H2_OUT_HIGH bytes, H2_QUANTUM of each
 * stream in turn. While more than that is queued, nothing of the peer is looked at. */
#ifndef WEIR_HTTP_MUX_H2_H
#define WEIR_HTTP_MUX_H2_H

#include "h2_frame.h"
#include "hpack.h"
#include "mux.h"

/* Limits, named in docs/operations.md. */
#define H2_STREAMS_MAX 100 /* at a time: our MAX_CONCURRENT_STREAMS */
#define H2_CONN_WINDOW UINT32_C(1048576) /* that the peer has for the whole connection */
#define H2_BLOCK_MAX 65536 /* compressed bytes of one header list */
#define H2_CONTINUATIONS 32 /* frames of it behind the first */
#define H2_ACK_MS 10000 /* for the peer's answer to our SETTINGS */
#define H2_PING_MS 30000 /* back: between questions whether the server is there */
#define H2_PING_WAIT_MS 10000 /* for its answer */
#define H2_STOP_MS 1000 /* between the two steps of a graceful stop, if its PING is not answered */
#define H2_OUT_HIGH 65536
#define H2_QUANTUM 16384
/* What a peer may do that costs it less than us: each such frame takes from a budget that refills
 * with time and with every answer that is sent whole. */
#define H2_BUDGET 512
#define H2_BUDGET_SECOND 64 /* refilled by time, a second */
#define H2_COST_RESET 4
#define H2_COST_SETTINGS 4
#define H2_COST_FRAME 1 /* PING, PRIORITY, DATA without a byte, frames for closed streams */
#define H2_GAIN_ANSWER 4
#define H2_GAIN_DATA 1 /* a DATA frame of at least 1024 bytes, or one that is sent */

#define H2_BUCKETS 32
#define H2_RECENT 32

#define H2_EOF 0x0001 /* the peer has ended its direction; set by ended() */
#define H2_STOP 0x0002 /* first GOAWAY is sent, the PING behind it not answered */
#define H2_LEAVING                                                                                 \
	0x0004 /* last GOAWAY is sent: streams above last_id are nobody's; back: none is begun */
#define H2_BUSY 0x0008 /* inside h2_run(); set and cleared by it */
#define H2_OVER 0x0010 /* the connection has failed: it closes at the end of h2_run() */
#define H2_PREFACED 0x0020 /* the preface has come */
#define H2_SET 0x0040 /* the first SETTINGS has come */
#define H2_ACKED 0x0080 /* ours was acknowledged */
#define H2_USED 0x0100 /* has carried a stream */
#define H2_BLOCK 0x0200 /* inside a header list: only CONTINUATION may come */
#define H2_EOF_TOLD 0x0400 /* the streams know of H2_EOF */
#define H2_PINGED 0x0800 /* back: our PING is not answered */
#define H2_FREED 0x1000 /* back: the owner has detached a stream, and is told that there is room */

/* Slices in order; a ring, its last one named. */
struct h2_piece;
struct h2_queue {
	struct h2_piece *last;
	uint32_t bytes;
};

struct h2 {
	const struct mux_conf *conf;
	struct conn *conn;
	struct slice rx; /* received, not eaten */
	struct h2_queue more; /* behind <rx>: what was under way when receiving was stopped */
	struct task task; /* h2_run() for what a verb has set off */
	uint8_t side; /* enum mux_side */
	uint16_t flags; /* H2_* */

	/* The frame being read. */
	uint8_t nhead; /* bytes of <head>, or of the preface */
	uint8_t what; /* mux_h2_in.c: what the next bytes are */
	char head[H2_FRAME_HEAD];
	struct h2_frame frame;
	uint32_t left; /* of its payload, not eaten */
	uint32_t pad; /* DATA: padding at its end */
	char *part; /* payload that is not whole, of other types than DATA; or NULL */
	uint32_t part_cap;

	/* The header list being read, when it is in more than one frame. */
	char *block;
	uint32_t block_cap, block_n;
	uint8_t ncontinued;
	struct h2_frame begun; /* its HEADERS */
	uint8_t begun_code; /* enum h2_code of a stream error that waits for the whole list */

	struct hpack_in in;
	struct hpack_out out;
	struct h2s *map[H2_BUCKETS]; /* chains by id */
	struct list streams; /* all of them */
	struct list ready; /* with bytes to send and a window for them, in turn */
	struct list wake; /* with something to tell that a verb has set off */
	struct h2s *dead; /* given up inside h2_run() */
	uint32_t nstreams, nopen; /* all; of them with an owner */
	uint32_t last_id; /* highest of the client's */
	uint32_t recent[H2_RECENT]; /* streams that ended last; H2_WE_RESET: by our RST_STREAM */
	uint8_t nrecent;

	uint32_t peer_window, peer_frame; /* its INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE */
	uint32_t peer_streams; /* back: its MAX_CONCURRENT_STREAMS */
	int64_t send_win, recv_win;
	uint32_t owed; /* received, not given back to the window yet */
	uint32_t budget;
	uint64_t budget_at; /* tick of the last refill */
	/* Deadlines, ticks; 0: none. */
	uint64_t idle_at, head_at, ack_at, stop_at, ping_at;
};
#define H2_WE_RESET UINT32_C(0x80000000)

#define H2S_CREDIT 0x0001 /* the owner takes body bytes */
#define H2S_OPEN 0x0002 /* the owner knows the stream */
#define H2S_DETACHED 0x0004 /* and has given it up */
#define H2S_FAILED 0x0008 /* failed() was told */
#define H2S_FIN_IN 0x0010 /* END_STREAM has come */
#define H2S_FIN_OUT 0x0020 /* END_STREAM was sent */
#define H2S_RESET 0x0040 /* RST_STREAM was sent or has come: no frame goes out any more */
#define H2S_HEAD 0x0080 /* the request is HEAD */
#define H2S_CONNECT 0x0100
#define H2S_ENDING 0x0200 /* end() was called: END_STREAM goes with the last byte */
#define H2S_CUT 0x0400 /* fewer bytes than announced: reset instead of an end */
#define H2S_BAD 0x0800 /* <code> goes out as RST_STREAM behind the answer */

enum h2_in { H2_IN_BODY, H2_IN_END, H2_IN_TUNNEL };
enum h2_out { H2_OUT_HEAD, H2_OUT_BODY, H2_OUT_END, H2_OUT_TUNNEL };

struct h2s {
	struct stream s;
	struct h2 *h; /* NULL: the connection is gone */
	struct h2s *next; /* chain of its bucket, or of the dead */
	struct list link, ready, wake;
	struct h2_queue rx; /* received, not taken by the owner */
	struct h2_queue tx; /* to be sent */
	struct msg trailers_in, trailers_out; /* behind what is queued; without a block: none */
	uint32_t id;
	int64_t send_win, recv_win;
	uint32_t owed;
	uint64_t left; /* of the announced body, to come */
	uint64_t out_left; /* likewise, to be given by the owner */
	uint16_t flags; /* H2S_* */
	uint8_t in, out; /* enum h2_in, h2_out */
	uint8_t in_body, out_body; /* enum msg_body */
	uint8_t code; /* enum h2_code, with H2S_BAD */
};

static inline struct h2s *h2s_of(struct stream *s)
{
	return (struct h2s *)(void *)s;
}

static inline bool h2_usable(const struct h2 *h)
{
	return h->conn->state == CONN_READY;
}

/* Whether the owner hears of it. */
static inline bool h2s_listens(const struct h2s *st)
{
	return (st->flags & (H2S_OPEN | H2S_DETACHED | H2S_FAILED)) == H2S_OPEN;
}

/* How a stream ends with its connection: <why>, but a reused one that the server may not have looked
 * at may be tried again. */
static inline enum stream_error h2_loss(const struct h2s *st, enum stream_error why)
{
	bool stale = st->h->side == MUX_BACK && why != STREAM_NO_MEMORY &&
		     !(st->s.flags & (STREAM_FIRST | STREAM_GOT_BYTES));

	return stale ? STREAM_STALE : why;
}

/* mux_h2.c */
struct h2s *h2_find(const struct h2 *h, uint32_t id);
/* A new stream, not known to the owner of the connection; NULL: memory is out. */
struct h2s *h2_stream_new(struct h2 *h, uint32_t id);
/* Gives the stream without a number the number <id>. */
void h2_stream_number(struct h2s *st, uint32_t id);
/* Ends <st>, whose owner has detached or never knew it. */
void h2_stream_free(struct h2s *st);
/* What is known of a stream that is not there. */
enum h2_past { H2_PAST_NEVER, H2_PAST_CLOSED, H2_PAST_RESET };
enum h2_past h2_past(const struct h2 *h, uint32_t id);
/* The connection fails: GOAWAY, and it closes at the end of the run. False. */
bool h2_fail(struct h2 *h, enum h2_code code);
/* Takes <cost> of the budget. False: it is spent, the connection has failed. */
bool h2_spend(struct h2 *h, unsigned cost);
/* Gives <n> back to it. */
void h2_earn(struct h2 *h, unsigned n);
/* <st> has something to tell its owner, from the loop. */
void h2_tell_later(struct h2s *st);
/* The owner of <st> has no more to do with it; <reset> as in mux_ops.detach. */
void h2_let_go(struct h2s *st, bool reset);
/* The last step of a graceful stop: what has begun is answered, nothing else. */
void h2_leave(struct h2 *h);
/* The first one: GOAWAY that refuses nothing yet, and a PING. */
void h2_stop(struct h2 *h);
/* Frees <st> if nothing keeps it: its owner is gone and all is sent. */
void h2_settle(struct h2s *st);

/* mux_h2_queue.c */
void h2_queue_setup(void);
/* Takes the reference of <data>; small pieces are copied together. False: memory is out. */
bool h2_queue_add(struct h2_queue *q, struct slice data);
/* The first piece; the queue is not empty. */
struct slice *h2_queue_first(const struct h2_queue *q);
/* <n> bytes of the first piece are done with. */
void h2_queue_eat(struct h2_queue *q, uint32_t n);
/* The first piece, whose reference is the caller's. */
struct slice h2_queue_take(struct h2_queue *q);
void h2_queue_drop(struct h2_queue *q);

/* mux_h2_in.c */
/* What comes begins by a frame. */
void h2_read_no_preface(struct h2 *h);
/* Takes over the received <b>. False when it is more than may be stored. */
bool h2_store(struct h2 *h, struct buf *b);
void h2_drop_received(struct h2 *h);
/* One step of reading. False: nothing to be done before more bytes. */
bool h2_read(struct h2 *h);

/* mux_h2_stream.c. False: the connection has failed. */
bool h2_got_block(struct h2 *h, struct str block);
bool h2_got_data(struct h2 *h); /* a DATA frame begins, its length and padding are known */
void h2_got_bytes(struct h2 *h, struct slice data); /* of it; the reference is taken */
bool h2_got_data_end(struct h2 *h);
bool h2_got_reset(struct h2 *h, enum h2_code code);
/* Reads a header list to its end, as the table of the next one depends on it. *<over>: it is more
 * than its limits allow. */
bool h2_decode(struct h2 *h, struct str block,
	       bool (*visit)(void *arg, const struct hpack_field *f), void *arg, bool *over);
/* A frame for a stream that is not there. */
bool h2_stray(struct h2 *h, uint32_t id);
/* What is stored goes to the owner, as far as it has credit; then the end. */
void h2_give(struct h2s *st);
/* The stream ends by our RST_STREAM, and its owner is told. */
void h2_stream_fail(struct h2s *st, enum h2_code code, const char *why);
void h2_tell_failed(struct h2s *st, enum stream_error why);

/* mux_h2_out.c */
/* Frames of the connection, and RST_STREAM. */
void h2_send_settings(struct h2 *h);
void h2_send_frame(struct h2 *h, enum h2_type type, uint8_t flags, uint32_t stream,
		   struct str payload);
void h2_send_code(struct h2 *h, enum h2_type type, uint32_t stream, uint32_t value);
void h2_send_goaway(struct h2 *h, uint32_t last, enum h2_code code);
/* RST_STREAM, unless frames of <st> can no longer be sent. */
void h2_reset(struct h2s *st, enum h2_code code);
/* Received bytes are given back to the windows, of the stream if <st>, when they are many. */
void h2_credit_conn(struct h2 *h, uint32_t n);
void h2_credit_stream(struct h2s *st, uint32_t n);
/* <st> may have become ready to send. */
void h2_may_send(struct h2s *st);
/* Sends of the ready streams what the connection takes. Upcalls. */
void h2_pump(struct h2 *h);
bool h2_send_head(struct stream *s, const struct msg *m, bool end, uint32_t how);
bool h2_send_data(struct stream *s, struct slice data);
bool h2_send_end(struct stream *s, const struct msg *trailers);

/* mux_h2_back.c */
struct stream *h2_open(struct conn *c);
uint32_t h2_room(const struct conn *c, uint32_t *busy);
/* The pseudo-fields of <m>, and te; the bytes that they and the writing of them need at most. */
size_t h2_put_request(struct h2 *h, const struct msg *m, bool raw, uint8_t *out);
size_t h2_request_room(const struct msg *m);
/* <st> is the next stream of its connection. */
void h2_number(struct h2s *st);
/* A header list of <st>, which has no response yet, or NULL: of no stream. False: as above. */
bool h2_back_block(struct h2 *h, struct h2s *st, struct str block);
/* GOAWAY: streams above <last> were not looked at, and none is begun any more. */
bool h2_goaway(struct h2 *h, uint32_t last);
/* The time of ping_at has come. */
void h2_ping(struct h2 *h);

#endif
