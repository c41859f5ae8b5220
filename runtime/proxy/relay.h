/* SPDX-License-Identifier: Apache-2.0 */
/* relay: the moving part of an exchange: heads and bodies between its two streams, credit in both
 * directions, the watch over slow clients. Decides nothing about rules, servers or retries. */
#ifndef WEIR_PROXY_RELAY_H
#define WEIR_PROXY_RELAY_H

#include "exchange.h"

/* Upcalls of the front stream; exchange.c has the head. */
void relay_front_data(struct stream *s, struct slice data);
void relay_front_end(struct stream *s, struct msg *trailers);
void relay_front_drained(struct stream *s);
void relay_front_failed(struct stream *s, enum stream_error why);

/* Sends x->rsp to the client and starts its body: the server's or x->made. May end the exchange. */
void relay_send_head(struct exchange *x);
/* Both directions are raw bytes from now on; what was held of the client goes first. */
void relay_start_tunnel(struct exchange *x);

/* X_ANSWER: goes on with a body for which there was no buffer. May end the exchange. */
void relay_more_made(struct exchange *x);

/* Links the request's body, or the response's, from stream to stream: the exchange is woken by ends,
 * failures and timers only. */
void relay_link_request(struct exchange *x);
void relay_link_response(struct exchange *x);
/* Before a stream is given up, and before what was relayed is looked at: counts what has passed. */
void relay_count(struct exchange *x);
void relay_unlink(struct exchange *x, struct stream *s);
static inline bool relay_linked(const struct exchange *x)
{
	return x->back && (x->back->to || x->back->from);
}

/* Does that side owe us bytes, or room for ours? */
static inline bool relay_client_owes(const struct exchange *x)
{
	bool body = (x->step == X_SENT || x->step == X_RELAY) && !(x->flags & X_REQ_END) &&
		    x->back && x->back->queued <= STREAM_HIGH;
	bool rest = (x->flags & (X_RSP_SENT_END | X_REQ_END)) == X_RSP_SENT_END;

	return x->front && (x->step == X_TUNNEL || body || rest ||
			    ((x->flags & X_RSP_STARTED) && x->front->queued));
}

static inline bool relay_server_owes(const struct exchange *x)
{
	bool answer = (x->flags & X_REQ_SENT_END) && !(x->flags & X_RSP_END) && x->front &&
		      x->front->queued <= STREAM_HIGH;

	return x->back && (x->step == X_TUNNEL || answer || x->back->queued);
}

/* Linked streams: the tick at which that side last did something. */
uint64_t relay_client_last(const struct exchange *x);
uint64_t relay_server_last(const struct exchange *x);

/* Has the client read something of what is queued for it since the queue was last looked at? */
bool relay_client_took(struct exchange *x);
/* rate-min: a window is open while the client is what we wait for. */
void relay_open_window(struct exchange *x);
static inline void relay_watch_rate(struct exchange *x, bool client_owes)
{
	if (!client_owes || x->step == X_TUNNEL || !x->fe->num[WS_RATE_BYTES])
		x->rate_at = 0;
	else if (!x->rate_at)
		relay_open_window(x);
}

/* The window is over: was the client slower than allowed? Opens the next one if not. */
bool relay_too_slow(struct exchange *x);

#endif
