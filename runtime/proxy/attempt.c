/* SPDX-License-Identifier: Apache-2.0 */
#include "attempt.h"

#include <errno.h>

#include "../core/thread.h"
#include "balance.h"
#include "checkpoint.h"
#include "queue.h"
#include "relay.h"
#include "rule.h"
#include "server.h"

#define RETRY_PAUSE_MS 1000 /* before another attempt at the server that has just failed */

static void add(_Atomic uint32_t *to, uint32_t n)
{
	atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Moves <x> in the counters of servers and backends, which this thread alone writes. */
void attempt_count(struct exchange *x, struct server *to)
{
	if (x->counted) {
		add(&pt()->slots[x->counted->be->index][x->counted->index].requests, UINT32_MAX);
		add(&pt()->be_requests[x->be->index], UINT32_MAX);
	}
	if (to) {
		add(&pt()->slots[to->be->index][to->index].requests, 1);
		add(&pt()->be_requests[x->be->index], 1);
	}
	x->counted = to;
}

/* Sends the request head on the stream that was got; the body follows by credit. */
static void send_request(struct exchange *x)
{
	struct stream *s = x->back;
	bool end = (x->flags & X_REQ_END) && !x->held.buf;
	uint32_t how = (x->be->owner->num[WS_FORWARD_RAW] ? HEAD_RAW_TARGET : 0);

	s->owner = x;
	s->ops = &exchange_back_ops;
	x->t_connect = th->now_us;
	x->step = X_SENT;
	if (x->flags & X_TCP) {
		relay_start_tunnel(x);
		return;
	}
	if (x->flags & X_RAW_BACK) { /* its target is there: that is the answer (RFC 9110 9.3.6) */
		if (!msg_answer(&x->rsp, 200)) {
			exchange_fail(x, 503, END_RESOURCE);
			return;
		}
		x->rsp.body = BODY_TUNNEL;
		exchange_response(x);
		return;
	}
	if (x->be->owner->num[WS_REUSE] == WS_REUSE_NEVER || (x->flags & X_CLOSE_BACK))
		how |= HEAD_CLOSE;
	if (!s->mux->head(s, &x->req, end, how)) {
		exchange_fail(x, 503, END_RESOURCE);
		return;
	}
	x->t_sent = th->now_us;
	if (end) {
		x->flags |= X_REQ_SENT_END;
	} else {
		x->body_at = exchange_after(x->fe->num[WS_T_BODY]);
		relay_link_request(x);
		x->front->mux->credit(x->front, true);
	}
	s->mux->credit(s, true);
	exchange_deadlines(x, true, true);
}

/* Neither side owes anything; the step ends in <ms>, 0: not by time. */
static void quiet(struct exchange *x, int64_t ms)
{
	x->client_at = x->server_at = x->body_at = x->rate_at = 0;
	x->step_at = exchange_after(ms);
	exchange_arm(x);
}

/* An attempt failed: the next one, at once on another server or after a pause on the same, or the
 * end. */
static void connect_failed(struct exchange *x, int err)
{
	const int64_t *num = x->be->owner->num;
	int64_t redispatch = num[WS_REDISPATCH];

	attempt_leave(x);
	if (x->retries >= num[WS_RETRIES]) {
		exchange_fail(x, 503, err == ETIMEDOUT ? END_CONNECT_TIMEOUT : END_CONNECT_REFUSED);
		return;
	}
	x->retries++;
	/* redispatch N: after N failures; 0: at the last attempt. */
	if (redispatch >= 0 &&
	    (redispatch == 0 ? x->retries >= num[WS_RETRIES] : x->retries >= redispatch)) {
		x->flags |= X_REDISPATCHED;
		x->avoid = x->srv->index;
		x->srv = NULL;
		if (x->be->owner->nservers > 1) {
			attempt_server(x, true);
			return;
		}
	}
	x->step = X_WAIT;
	quiet(x, RETRY_PAUSE_MS);
}

void attempt_leave(struct exchange *x)
{
	if (x->place || x->waiter)
		site.ws->queue->leave(x);
}

/* x->srv is chosen. */
static void attempt_connect(struct exchange *x)
{
	int err = 0;

	if (x->srv->ws && x->srv->ws->pass != WS_NONE && site.ws->checkpoint->server(x))
		return;
	x->step = X_CONNECT;
	attempt_count(x, x->srv);
	switch (server_get(x, x->flags & X_FRESH, &err)) {
	case SERVER_STREAM:
		send_request(x);
		break;
	case SERVER_CONNECTING:
		quiet(x, 0);
		break;
	case SERVER_NO_TARGET: /* another attempt would find the same */
		exchange_fail(x, 502, END_NO_TARGET);
		break;
	case SERVER_FAILED:
		connect_failed(x, err);
		break;
	}
}

/* A server by balancing, and a place on it. */
static enum queue_got choose(struct exchange *x)
{
	struct back *be = x->be->owner;

	if (be->queue)
		return site.ws->queue->enter(x);
	if (!x->srv)
		x->srv = balance_pick(x, be, x->avoid);
	return x->srv ? QUEUE_PLACE : QUEUE_NO_SERVER;
}

void attempt_server(struct exchange *x, bool fresh)
{
	x->flags = fresh ? x->flags | X_FRESH : x->flags & ~(uint32_t)X_FRESH;
	/* It was chosen before, and has been found down or disabled since. */
	if (x->srv && !x->place && x->srv->off) {
		x->flags |= X_REDISPATCHED;
		x->srv = NULL;
	}
	switch (choose(x)) {
	case QUEUE_PLACE:
		attempt_connect(x);
		break;
	case QUEUE_WAIT:
		x->step = X_QUEUE;
		quiet(x, x->be->owner->num[WS_T_QUEUE]);
		break;
	case QUEUE_FULL:
		exchange_fail(x, 503, END_QUEUE_FULL);
		break;
	case QUEUE_NO_SERVER:
		exchange_fail(x, 503, END_NO_SERVER);
		break;
	}
}

void attempt_granted(struct exchange *x)
{
	x->step_at = 0;
	if (x->srv)
		attempt_connect(x);
	else
		attempt_server(x, x->flags & X_FRESH);
}

void exchange_connected(struct exchange *x, int err)
{
	if (err)
		connect_failed(x, err);
	else
		send_request(x);
}

void exchange_no_room(struct exchange *x)
{
	attempt_connect(x);
}

/* A reused connection ended before any byte of the answer. What can be repeated without harm goes
 * out again on a new connection (RFC 9110 9.2.2): nobody else could tell the difference. */
void attempt_again(struct exchange *x)
{
	struct server *place = x->place;
	/* A new connection is no reused one, but HTTP/2 may refuse requests on it, again and again. */
	bool again = x->flags & X_FRESH && x->srv && x->srv->proto != WS_PROTO_H1;
	int64_t most = again ? x->be->owner->num[WS_RETRIES] : UINT8_MAX;

	relay_count(x);
	if ((x->flags & X_IDEMPOTENT) && !(x->flags & X_BODY_SENT) && x->retries < most) {
		x->flags &= ~(uint32_t)X_REQ_SENT_END;
		x->retries++;
		x->place = NULL; /* kept over the repetition */
		exchange_drop_back(x, false);
		x->place = place;
		if (!(x->flags & X_REQ_END))
			x->front->mux->credit(x->front, false);
		attempt_server(x, true);
		return;
	}
	exchange_fail(x, 502, END_SERVER_CLOSED_HEAD);
}
