/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <errno.h>

#include "../base/bug.h"
#include "../core/log.h"
#include "../core/pool.h"
#include "answer.h"
#include "attempt.h"
#include "checkpoint.h"
#include "cookie.h"
#include "count.h"
#include "relay.h"
#include "route.h"
#include "server.h"
#include "session.h"
#include "xlog.h"

static struct pool exchange_pool;

static void fire(struct timer *t);
static void tcp_start(struct task *t);

/* -- life ---------------------------------------------------------------------------------------
 */

const struct addr *exchange_dst(struct exchange *x)
{
	if (!x->dst_set && x->front && x->front->conn) {
		x->dst = *conn_local(x->front->conn);
		x->dst_set = true;
	}
	return &x->dst;
}

struct exchange *exchange_begin(struct stream *s, struct front *fe)
{
	struct exchange *x = pool_get_zero(&exchange_pool);

	if (!x)
		return NULL;
	x->front = s;
	x->fe = fe;
	x->rule_where = x->default_be = x->avoid = x->reverse = WS_NONE;
	x->timer.fire = fire;
	s->owner = x;
	s->ops = &exchange_front_ops;
	list_append(&pt()->exchanges, &x->link);
	pt()->nexchanges++;
	return x;
}

static struct exchange *exchange_new(struct stream *s)
{
	struct exchange *x;
	struct session set;

	if (!session_copy(s->conn, &set))
		return NULL;
	x = exchange_begin(s, s->conn->listener->conf.owner);
	if (!x) {
		rule_release_vars(&set.vars);
		return NULL;
	}
	x->vars = set.vars;
	x->log_level = set.log_level;
	x->t_start = s->t_head ? s->t_head : th->now_us;
	x->src = s->conn->peer;
	return x;
}

void exchange_forget(struct exchange *x)
{
	BUG_ON(x->front || x->back || x->connecting);
	timer_del(&x->timer);
	if (x->start.run)
		task_cancel(&x->start);
	msg_drop(&x->req);
	msg_drop(&x->rsp);
	msg_drop(&x->req_left);
	slice_put(&x->held);
	answer_release(x);
	rule_release(x);
	if (x->turns)
		site.ws->checkpoint->leave(&x->turns);
	list_del(&x->link);
	pt()->nexchanges--;
	pool_put(&exchange_pool, x);
}

void exchange_drop_back(struct exchange *x, bool reset)
{
	struct stream *s = x->back;

	server_cancel(x);
	relay_unlink(x, s);
	x->back = NULL;
	if (s)
		s->mux->detach(s, reset);
	attempt_leave(x);
}

/* The end: log line, streams given back, object freed. <x> is gone afterwards. */
static void exchange_done(struct exchange *x)
{
	struct stream *s = x->front;

	x->step = X_DONE;
	exchange_drop_back(x, !(x->flags & X_RSP_END));
	xlog_write(x);
	if (site.ws->count)
		site.ws->count->exchange(x);
	attempt_count(x, NULL);
	pt()->served++;
	x->front = NULL;
	if (s)
		s->mux->detach(s, x->flags & X_DROP);
	exchange_forget(x);
}

/* The server's part of the answer is missing. What came of it goes out; the framing, or else the
 * mux by a reset, shows the client that it is not whole. */
static void cut_answer(struct exchange *x, enum end_code end)
{
	if (x->step == X_TUNNEL) {
		exchange_drop(x, end);
		return;
	}
	x->end = (uint8_t)end;
	exchange_done(x);
}

void exchange_drop(struct exchange *x, enum end_code end)
{
	x->end = (uint8_t)end;
	x->flags |= X_DROP;
	exchange_done(x);
}

void exchange_fail(struct exchange *x, unsigned status, enum end_code end)
{
	x->end = (uint8_t)end;
	if ((x->flags & (X_RSP_STARTED | X_TCP)) || !x->front) {
		exchange_drop(x, end);
		return;
	}
	exchange_drop_back(x, false);
	exchange_refuse(x, status, end);
}

void exchange_refuse(struct exchange *x, unsigned status, enum end_code end)
{
	x->end = (uint8_t)end;
	answer_status(x, status);
	exchange_send_made(x);
}

void exchange_stop_all(void)
{
	while (!list_empty(&pt()->exchanges))
		exchange_drop(CONTAINER(pt()->exchanges.next, struct exchange, link), END_STOPPED);
	while (!list_empty(&pt()->held)) {
		struct held *h = CONTAINER(pt()->held.next, struct held, link);

		h->cut(h);
	}
}

/* -- deadlines ----------------------------------------------------------------------------------
 */

static bool due(uint64_t at)
{
	return at && at <= th->now;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* Sets the one timer to the earliest of the deadlines. A later time costs no list operation. */
void exchange_arm(struct exchange *x)
{
	uint64_t at = earliest(x->client_at, x->server_at);

	at = earliest(at, x->step_at);
	at = earliest(at, x->body_at);
	at = earliest(at, x->rate_at);
	if (at)
		timer_set(&x->timer, at);
	else
		timer_del(&x->timer);
}

/* In a tunnel either side may be silent as long as the other is not. Once the server has ended and
 * all of it is with the client, the client's own end is due soon. */
static int tunnel_wait(const struct exchange *x)
{
	bool fin = (x->flags & X_RSP_END) && !x->front->queued && x->fe->num[WS_T_CLIENT_FIN] > 0;

	return fin ? WS_T_CLIENT_FIN : WS_T_TUNNEL;
}

static void tunnel_deadlines(struct exchange *x, bool one_moved)
{
	if (one_moved || !x->client_at)
		x->client_at = exchange_after(x->fe->num[tunnel_wait(x)]);
	if (one_moved || !x->server_at)
		x->server_at = exchange_after(x->be->owner->num[WS_T_TUNNEL]);
	x->rate_at = 0;
	exchange_arm(x);
}

/* Linked streams: when either side's silence is to be looked at. */
static void linked_deadlines(struct exchange *x, bool client_moved, bool server_moved)
{
	if (client_moved || !x->client_at)
		x->client_at = exchange_after(x->fe->num[WS_T_CLIENT]);
	if (server_moved || !x->server_at)
		x->server_at = exchange_after(x->be->owner->num[WS_T_SERVER]);
	if (!x->rate_at)
		relay_watch_rate(x, true);
	exchange_arm(x);
}

/* The deadline of a side that was <last> seen to do something. One that owes nothing now is looked
 * at again later. */
static uint64_t silent_at(bool owes, uint64_t last, int64_t ms)
{
	return !ms ? 0 : (owes ? last : th->now) + (uint64_t)ms;
}

/* Moves the deadlines to what linked streams have done meanwhile. False: one of them is due. */
static bool still_moving(struct exchange *x)
{
	uint64_t client = relay_client_last(x), server = relay_server_last(x);
	bool tunnel = x->step == X_TUNNEL;

	if (tunnel)
		client = server = client > server ? client : server;
	if (due(x->client_at))
		x->client_at = silent_at(relay_client_owes(x), client,
					 x->fe->num[tunnel ? tunnel_wait(x) : WS_T_CLIENT]);
	if (due(x->server_at))
		x->server_at = silent_at(relay_server_owes(x), server,
					 x->be->owner->num[tunnel ? WS_T_TUNNEL : WS_T_SERVER]);
	return !due(x->client_at) && !due(x->server_at);
}

void exchange_deadlines(struct exchange *x, bool client_moved, bool server_moved)
{
	bool client = relay_client_owes(x), server = relay_server_owes(x);

	if (x->step == X_TUNNEL) {
		tunnel_deadlines(x, client_moved || server_moved);
		return;
	}
	if (relay_linked(x)) {
		linked_deadlines(x, client_moved, server_moved);
		return;
	}
	if (!client)
		x->client_at = 0;
	else if (client_moved || !x->client_at)
		x->client_at = exchange_after(x->fe->num[WS_T_CLIENT]);
	if (!server)
		x->server_at = 0;
	else if (server_moved || !x->server_at)
		x->server_at = exchange_after(x->be->owner->num[WS_T_SERVER]);
	relay_watch_rate(x, client);
	exchange_arm(x);
}

/* The client has its whole answer; only the rest of its request is awaited. */
static bool answered(const struct exchange *x)
{
	return (x->flags & X_RSP_SENT_END) && x->step != X_TUNNEL && !x->front->queued;
}

static void client_silent(struct exchange *x)
{
	if (answered(x))
		exchange_done(x);
	else if (x->step == X_TUNNEL)
		exchange_drop(x, END_TUNNEL_TIMEOUT);
	else if (x->flags & X_RSP_STARTED)
		exchange_drop(x, END_CLIENT_SLOW);
	else
		exchange_fail(x, 408, END_CLIENT_TIMEOUT_REQ);
}

static void server_silent(struct exchange *x)
{
	if (x->step == X_TUNNEL)
		exchange_drop(x, END_TUNNEL_TIMEOUT);
	else if (x->flags & X_RSP_STARTED)
		cut_answer(x, END_SERVER_TIMEOUT_DATA);
	else
		exchange_fail(x, 504, END_SERVER_TIMEOUT_HEAD);
}

static void step_over(struct exchange *x)
{
	x->step_at = 0;
	if (x->step == X_QUEUE)
		exchange_fail(x, 503, END_QUEUE_TIMEOUT);
	else if (x->step == X_WAIT)
		attempt_server(x, true);
	else if (x->step == X_PREREAD)
		exchange_route_tcp(x);
	else if (x->step == X_ANSWER)
		relay_more_made(x);
}

static void fire(struct timer *t)
{
	struct exchange *x = CONTAINER(t, struct exchange, timer);

	if (due(x->step_at))
		step_over(x);
	else if (relay_linked(x) && (due(x->client_at) || due(x->server_at)) && still_moving(x))
		exchange_arm(x);
	else if (due(x->client_at) && relay_client_took(x))
		exchange_deadlines(x, true, false);
	else if (due(x->client_at) || due(x->body_at))
		client_silent(x);
	else if (due(x->server_at))
		server_silent(x);
	else if (due(x->rate_at) && relay_too_slow(x))
		client_silent(x);
	else
		exchange_arm(x);
}

/* -- what the streams tell ----------------------------------------------------------------------
 */

void exchange_back_failed(struct exchange *x, enum stream_error why)
{
	bool silent = !(x->back->flags & STREAM_GOT_BYTES) &&
		      (why == STREAM_PEER_CLOSED || why == STREAM_PEER_RESET);

	if (why == STREAM_STALE || (silent && (x->flags & X_FROM_IDLE) && !(x->flags & X_TCP)))
		attempt_again(x);
	else if (x->flags & X_RSP_STARTED)
		cut_answer(x, END_SERVER_ABORT_DATA);
	else if (why == STREAM_NO_MEMORY)
		exchange_fail(x, 503, END_RESOURCE);
	else
		exchange_fail(x, 502,
			      why == STREAM_BAD ? END_BAD_RESPONSE : END_SERVER_CLOSED_HEAD);
}

/* -- from the client ----------------------------------------------------------------------------
 */

static struct rule_run run_on(struct exchange *x, struct msg *m, enum ws_dir dir)
{
	return (struct rule_run) {
		.x = x,
		.m = m,
		.dir = dir,
		.vars = &x->vars,
		.turns = &x->turns,
		.log_level = &x->log_level,
	};
}

void route_ended(struct exchange *x, struct rule_run *r, enum route_end end)
{
	x->t_rules = th->now_us - x->queued_us; /* in checkpoints */
	switch (end) {
	case ROUTE_SERVER:
		if (site.ws->cookie && !site.ws->cookie->request(x))
			exchange_fail(x, 500, END_REWRITE);
		else
			attempt_server(x, false);
		break;
	case ROUTE_ANSWER:
		if (r->answer.hold) {
			x->rule_where = r->rule->where;
			r->answer.hold(x, &r->answer);
			break;
		}
		x->end = r->answer.location.n || r->answer.ws ? END_RULE_REDIR : END_RULE;
		if (answer_rule(x, r))
			exchange_send_made(x);
		else
			exchange_fail(x, 500, END_REWRITE);
		break;
	case ROUTE_DROP:
		exchange_drop(x, END_RULE);
		break;
	case ROUTE_FAIL:
		exchange_fail(x, 500, END_REWRITE);
		break;
	case ROUTE_NONE:
		exchange_fail(x, 503, END_NO_SERVER);
		break;
	}
}

/* Methods that may be repeated (RFC 9110 9.2.2). */
static bool idempotent(struct str meth)
{
	static const struct str list[] = { { "GET", 3 },    { "HEAD", 4 },    { "PUT", 3 },
					   { "DELETE", 6 }, { "OPTIONS", 7 }, { "TRACE", 5 } };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (str_eq(meth, list[i]))
			return true;
	return false;
}

static void front_head(struct stream *s, struct msg *m)
{
	struct exchange *x = s->owner;
	struct rule_run r = run_on(x, &x->req, WS_REQ_IN);
	struct str meth;

	msg_move(&x->req, m);
	meth = msg_str(&x->req, x->req.meth);
	x->t_head = th->now_us;
	if (x->req.body == BODY_NONE)
		x->flags |= X_REQ_END;
	if (str_eq(meth, S("HEAD")))
		x->flags |= X_HEAD_METHOD;
	if (idempotent(meth))
		x->flags |= X_IDEMPOTENT;
	route_ended(x, &r, route_request(x, &r));
}

static void bad_request(struct exchange *x)
{
	x->bad = x->front->bad;
	if (x->front->bad_line) { /* for the log: the answer passes no rules all the same */
		msg_move(&x->req, x->front->bad_line);
		x->flags |= X_FRONT_OUT | X_BACK_OUT;
	}
	exchange_fail(x, x->front->bad_status ? x->front->bad_status : 400, END_BAD_REQUEST);
}

void exchange_front_failed(struct exchange *x, enum stream_error why)
{
	bool waiting = x->step == X_CONNECT || x->step == X_WAIT;

	x->flags |= X_FRONT_OVER;
	if (answered(x))
		exchange_done(x);
	else if (why == STREAM_BAD && !(x->flags & X_RSP_STARTED))
		bad_request(x);
	else if (why == STREAM_TIMEOUT_HEAD)
		exchange_fail(x, 408, END_CLIENT_TIMEOUT_REQ);
	else if (why == STREAM_NO_MEMORY)
		exchange_fail(x, 503, END_RESOURCE);
	else
		exchange_drop(x, x->step == X_QUEUE         ? END_CLIENT_ABORT_QUEUE
				 : waiting                  ? END_CLIENT_ABORT_CONNECT
				 : x->flags & X_RSP_STARTED ? END_CLIENT_ABORT_DATA
				 : x->flags & X_REQ_END     ? END_CLIENT_ABORT_WAIT
							    : END_CLIENT_ABORT_REQ);
}

static bool front_begin(struct stream *s)
{
	struct exchange *x = exchange_new(s);

	if (!x)
		return false;
	x->step = X_HEAD;
	if (x->fe->tcp) {
		x->flags |= X_TCP;
		task_init(&x->start, TASK_URGENT, tcp_start);
		task_wake(&x->start);
	}
	return true;
}

const struct mux_app exchange_front_app = { .open = front_begin };

/* -- tcp ----------------------------------------------------------------------------------------
 */

/* Content rules wait for the first bytes or for the end of preread; without such rules the server
 * is called at once. */
static void tcp_start(struct task *t)
{
	struct exchange *x = CONTAINER(t, struct exchange, start);

	x->t_head = th->now_us;
	if (x->fe->ws->chains[WS_REQ_IN].n && x->fe->num[WS_T_PREREAD] && !(x->flags & X_REQ_END)) {
		x->step = X_PREREAD;
		x->step_at = th->now + (uint64_t)x->fe->num[WS_T_PREREAD];
		exchange_arm(x);
		x->front->mux->credit(x->front, true);
		return;
	}
	exchange_route_tcp(x);
}

void exchange_route_tcp(struct exchange *x)
{
	struct rule_run r = run_on(x, NULL, WS_REQ_IN);

	x->step_at = 0;
	x->front->mux->credit(x->front, false);
	route_ended(x, &r, route_request(x, &r));
}

/* -- the answer ---------------------------------------------------------------------------------
 */

static void response_replaced(struct exchange *x, struct rule_run *r, enum route_end end)
{
	exchange_drop_back(x, true);
	x->flags |= X_RSP_END;
	if (end == ROUTE_DROP) {
		exchange_drop(x, END_RULE_RESPONSE);
		return;
	}
	x->end = END_RULE_RESPONSE;
	if (end == ROUTE_ANSWER && answer_rule(x, r))
		exchange_send_made(x);
	else
		exchange_fail(x, 500, END_REWRITE);
}

/* An answer made here is in x->rsp, its body in x->made: the outer rsp out rules, then out with it.
 */
void exchange_send_made(struct exchange *x)
{
	struct rule_run r = run_on(x, &x->rsp, WS_RSP_OUT);
	enum route_end end;

	x->flags |= X_MADE | X_RSP_END;
	x->step = X_ANSWER;
	x->step_at = x->body_at = x->server_at = x->client_at = x->rate_at = 0;
	/* Answers given before a request is parsed pass no rules (language.md 2). */
	do {
		end = x->req.blk ? route_made(x, &r) : ROUTE_SERVER;
		if (end == ROUTE_ANSWER && !answer_rule(x, &r))
			end = ROUTE_FAIL;
		if (end == ROUTE_FAIL)
			answer_status(x, 500);
	} while (end == ROUTE_ANSWER ||
		 end == ROUTE_FAIL); /* each direction's rules run once: it ends */
	if (end == ROUTE_DROP) {
		exchange_drop(x, END_RULE_RESPONSE);
		return;
	}
	relay_send_head(x);
}

void exchange_response(struct exchange *x)
{
	struct rule_run r = run_on(x, &x->rsp, WS_RSP_IN);
	enum route_end end;

	x->t_response = th->now_us;
	end = route_response(x, &r);
	if (end == ROUTE_SERVER && site.ws->cookie && !site.ws->cookie->response(x))
		end = ROUTE_FAIL;
	if (end != ROUTE_SERVER) {
		response_replaced(x, &r, end);
		return;
	}
	x->step = X_RELAY;
	relay_send_head(x);
}

void exchange_finished(struct exchange *x)
{
	exchange_done(x);
}

const struct stream_ops exchange_front_ops = {
	.head = front_head,
	.data = relay_front_data,
	.end = relay_front_end,
	.drained = relay_front_drained,
	.failed = relay_front_failed,
};

void exchange_init(void)
{
	pool_init(&exchange_pool, "exchange", sizeof(struct exchange));
}
