/* SPDX-License-Identifier: Apache-2.0 */
/* exchange: one request and its response, from the client's first byte to the log line: rules, backend, server,
 * retries, relay, timeouts, made answers. A step table with one dispatcher; it knows streams, not connections or bytes.
 *
 *   HEAD ─► (rules) ─► CONNECT ─► SENT (request relayed, answer awaited) ─► RELAY ─► DONE
 *              │          ▲ └─► WAIT, then QUEUE or CONNECT         └─► TUNNEL ─► DONE
 *              ├─► QUEUE ─┘ (all servers are full)
 *              └─► ANSWER (made here) ──────────────────────────────────────────► DONE
 *
 * Owner thread only. Freed by itself when both streams are detached and the log record is written. */
#ifndef WEIR_PROXY_EXCHANGE_H
#define WEIR_PROXY_EXCHANGE_H

#include "../http/mux.h"
#include "conf.h"

enum x_step {
	X_HEAD,
	X_PREREAD /* tcp */,
	X_QUEUE /* for a place on a server, or in a checkpoint */,
	X_CONNECT,
	X_WAIT /* before a retry */,
	X_SENT,
	X_RELAY,
	X_ANSWER,
	X_TUNNEL,
	X_DONE
};

/* Why and when an exchange ended (proxy/end.def): two letters in the log. */
enum end_code {
#define END(id, letters, doc) END_##id,
#include "end.def"
	ENDS
};

#define X_TCP 0x0001 /* no message: raw bytes both ways */
#define X_MADE 0x0002 /* the answer was made here */
#define X_BACKEND 0x0004 /* a backend was chosen: its rsp out rules and error pages hold */
#define X_REQ_END 0x0008 /* request received whole */
#define X_REQ_SENT_END 0x0010
#define X_RSP_END 0x0020 /* response received whole (or made) */
#define X_RSP_SENT_END 0x0040
#define X_RSP_STARTED                                                                              \
	0x0080 /* the response head has been given to the client's mux: no other answer is possible */
#define X_REUSED 0x0100 /* on a server connection that served before */
#define X_BODY_SENT 0x0200 /* some request body bytes went to the server: no retry */
#define X_CLOSE_FRONT 0x0400 /* set connection "close", deny of a broken message, drain */
#define X_CLOSE_BACK 0x0800
#define X_HEAD_METHOD 0x1000
#define X_IDEMPOTENT 0x2000
#define X_RAW_BACK 0x4000 /* CONNECT that we serve: raw bytes to its target */
#define X_DROP 0x8000 /* close without an answer */
#define X_BACK_OUT 0x10000 /* rsp out rules of the backend have run, or are running */
#define X_FRONT_OUT 0x20000 /* likewise those of the front side */
#define X_REDISPATCHED 0x40000
#define X_FRONT_OVER                                                                               \
	0x80000 /* the front stream has failed: the answer goes out, nothing is told of it any more */
#define X_FROM_IDLE                                                                                \
	0x100000 /* the server connection had been idle: its end says nothing about the request */
#define X_FRESH 0x200000 /* the next attempt is made on no idle connection */

struct srv_conn;
struct waiter;
struct turn;

/* Where a page (count.h) goes on. */
struct page_at {
	uint16_t family, variant;
	uint32_t i, j;
};

/* rsprules sections that one response may enter; one more fails the rules: 500. */
#define X_ENTERED_MAX 32

struct exchange {
	struct stream *front, *back;
	struct srv_conn *connecting;
	struct exchange *also_waits; /* the next one that waits for the same connect */
	struct front *fe;
	struct back *be; /* NULL before one is chosen */
	struct server *srv;
	struct server *place; /* where it takes one of the places that maxconn allows, or NULL */
	struct waiter *waiter; /* X_QUEUE */
	struct turn *turns; /* in checkpoints */
	struct server *passed; /* whose checkpoint it has passed */
	struct server *counted; /* whose request this is, for the counters; NULL: nobody's */
	struct msg req, rsp;
	struct msg
		req_left; /* the request as the req in rules left it, when req out changes it and a response asks */
	struct timer timer;
	struct task start; /* tcp: begins from the loop */
	struct slice held; /* tcp: first bytes, before the server is there */
	struct str made; /* rest of a made answer's body: constant, or in <made_buf> */
	struct buf *made_buf;
	const struct page_part *page; /* the body is this page, from <page_at> on; or NULL */
	struct page_at page_at;
	const char *bad; /* why the request was refused, for the log */
	uint64_t client_at,
		server_at; /* ticks: end of the silence that is allowed to each side; 0: it owes nothing */
	uint64_t step_at, body_at, rate_at;
	uint64_t rate_bytes; /* moved when the window of rate-min began */
	uint8_t step; /* enum x_step */
	uint8_t end; /* enum end_code */
	uint8_t retries; /* attempts made after the first */
	uint8_t log_level;
	uint8_t cookie; /* of cookie.c: what the client had and what it got */
	bool dst_set; /* <dst> is */
	uint32_t flags; /* X_* */
	uint32_t status; /* of the answer sent, 0: none */
	uint32_t rule_where; /* place of the rule that decided, or WS_NONE */
	uint32_t default_be; /* of the last section reached that has one, or WS_NONE */
	uint32_t avoid; /* server that failed, or WS_NONE */
	uint32_t
		reverse; /* action row of the uriremap that holds, undone on the response; or WS_NONE */
	uint32_t nentered;
	uint32_t entered[X_ENTERED_MAX]; /* rsprules sections entered by this response */
	uint32_t ran_in, ran_out; /* bits of <entered>: their rules of that direction have run */
	struct x_value *captures; /* one a slot (rule.h), NULL until one is set */
	struct x_value *vars; /* likewise */
	struct addr src,
		dst; /* as rules see them: connection's, PROXY's or set by setsrc, setdst */
	uint64_t t_start, t_head, t_rules, t_connect, t_sent,
		t_response; /* clock in us; 0: not reached */
	uint64_t queued_us; /* waited for places, in all */
	uint32_t before_be,
		before_srv; /* requests that waited before it when it last came to wait */
	uint64_t body_in, body_out;
	struct list link; /* thread's exchanges */
};

/* The apps given to the front muxes: a new stream becomes an exchange. */
extern const struct mux_app exchange_front_app;

/* Before the threads. */
void exchange_init(void);
/* Ends the exchange with an answer made here: the error page or a built-in text for <status>. A response that has begun is
 * cut instead. */
void exchange_fail(struct exchange *x, unsigned status, enum end_code end);
/* Likewise, for what a rule decided. */
void exchange_refuse(struct exchange *x, unsigned status, enum end_code end);
/* A new exchange of <s>, a stream of <fe>, with nothing set; NULL: memory is out. */
struct exchange *exchange_begin(struct stream *s, struct front *fe);
/* Frees <x>, whose streams have been taken from it, without a log line. */
void exchange_forget(struct exchange *x);
/* Ends it without an answer. */
void exchange_drop(struct exchange *x, enum end_code end);
/* The address the client connected to, as rules see it; asked of the kernel once, when needed. */
const struct addr *exchange_dst(struct exchange *x);
/* Between exchange.c, attempt.c and relay.c. */
extern const struct stream_ops exchange_front_ops, exchange_back_ops;
void exchange_deadlines(struct exchange *x, bool client_moved, bool server_moved);
/* Sets the one timer to the earliest of the deadlines. */
void exchange_arm(struct exchange *x);
/* Gives the server's stream, or the connect under way, up. */
void exchange_drop_back(struct exchange *x, bool reset);
/* The tick <ms> from now; 0, none, for 0. */
static inline uint64_t exchange_after(int64_t ms)
{
	return ms > 0 ? th->now + (uint64_t)ms : 0;
}
void exchange_response(struct exchange *x); /* x->rsp is the server's final head */
void exchange_send_made(struct exchange *x); /* x->rsp is made, its body x->made */
void exchange_route_tcp(struct exchange *x);
void exchange_front_failed(struct exchange *x, enum stream_error why);
void exchange_back_failed(struct exchange *x, enum stream_error why);
void exchange_finished(struct exchange *x); /* everything has left: log and free */
/* The drain time of a stop is over: every exchange of this thread is cut. */
void exchange_stop_all(void);

#endif
