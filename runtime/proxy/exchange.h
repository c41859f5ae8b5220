/* SPDX-License-Identifier: Apache-2.0 */
/* exchange: one request and its response, from the client's first byte to the log line: rules, backend, server,
 * retries, relay, timeouts, made answers. A step table with one dispatcher; it knows streams, not connections or bytes.
 *
 *   HEAD ─► RULES ─► SERVER ─► CONNECT ─► SENT (request relayed, answer awaited) ─► RELAY ─► DONE
 *             └──────────────► ANSWER (made here) ──────────────────────────────────────► DONE
 *
 * Owner thread only. Freed by itself when both streams are detached and the log record is written. */
#ifndef WEIR_PROXY_EXCHANGE_H
#define WEIR_PROXY_EXCHANGE_H

#include "../http/mux.h"
#include "conf.h"

enum x_step { X_HEAD, X_RULES, X_SERVER, X_CONNECT, X_WAIT /* before a retry */, X_SENT, X_RELAY, X_ANSWER, X_TUNNEL, X_DONE };

/* Why and when an exchange ended (proxy/end.def): two letters in the log. */
enum end_code {
#define END(id, letters, doc) END_##id,
#include "end.def"
	ENDS
};

#define X_TCP 0x0001         /* no message: raw bytes both ways */
#define X_MADE 0x0002        /* the answer was made here */
#define X_BACKEND 0x0004     /* a backend was chosen: its rsp out rules and error pages hold */
#define X_REQ_END 0x0008     /* request received whole */
#define X_REQ_SENT_END 0x0010
#define X_RSP_END 0x0020     /* response received whole (or made) */
#define X_RSP_SENT_END 0x0040
#define X_RSP_STARTED 0x0080 /* the response head has been given to the client's mux: no other answer is possible */
#define X_REUSED 0x0100      /* on a server connection that served before */
#define X_BODY_SENT 0x0200   /* some request body bytes went to the server: no retry */
#define X_CLOSE_FRONT 0x0400 /* set connection "close", deny of a broken message, drain */
#define X_CLOSE_BACK 0x0800
#define X_HEAD_METHOD 0x1000
#define X_IDEMPOTENT 0x2000
#define X_LOGGED 0x4000
#define X_DROP 0x8000        /* close without an answer */

struct srv_conn;

struct exchange {
	struct stream *front, *back;
	struct conn *client;        /* of the front stream; NULL when it is gone */
	struct srv_conn *connecting;
	struct front *fe;
	struct front *last_fe;      /* last section whose req in rules ran (error pages, default_backend) */
	struct back *be;
	struct server *srv;
	struct msg req, rsp;
	struct timer timer;
	uint64_t client_at, server_at, step_at; /* ticks; 0: none */
	uint8_t step;               /* enum x_step */
	uint8_t end;                /* enum end_code */
	uint8_t retries;            /* attempts made after the first */
	uint8_t log_level;
	uint32_t flags;             /* X_* */
	uint32_t rule_where;        /* place of the rule that decided, or WS_NONE */
	uint32_t default_be;        /* of the last section reached that has one, or WS_NONE */
	uint32_t failed_server;     /* server index to avoid at redispatch, or WS_NONE */
	uint16_t maploc_n;          /* reverse maps to run on the response */
	uint32_t maploc[8];         /* action rows of uriremap */
	struct x_value *captures;   /* one a slot (rule.h), NULL until one is set */
	struct x_value *vars;       /* likewise */
	struct addr src, dst;       /* as seen by rules: connection's, PROXY's or set by setsrc, setdst */
	bool src_set, dst_set;
	uint64_t t_start, t_head, t_rules, t_connect, t_response; /* clock in us; 0: not reached */
	uint64_t rate_since, rate_bytes; /* slow peer watch: start of the window and bytes moved until then */
	uint64_t body_in, body_out;
	struct log_text *kept;      /* what the log line needs of messages that are gone */
};

/* The apps given to the front muxes: a new stream becomes an exchange. */
extern const struct mux_app exchange_front_app;
/* Starts an answer made here; <body> may be empty. Used by actions and by the exchange itself. The answer's
 * rsp out rules run; a response that has begun is cut instead. */
void exchange_answer(struct exchange *x, unsigned status, enum end_code end);
unsigned exchange_count(void); /* of this thread */

#endif
