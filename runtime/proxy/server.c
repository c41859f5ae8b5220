/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/bug.h"
#include "../core/pool.h"
#include "queue.h"
#include "sharing.h"
#include "takeover.h"

/* Eviction runs that make one half-life: each takes an equal part, so that half is gone after all
 * of them. */
#define EVICT_RUNS 10

/* No request waits for it: for size. */
#define COLD __attribute__((cold))

static struct pool srv_conn_pool;

/* One a thread: the eviction clock. */
struct evictor {
	struct timer timer;
	uint32_t run;
};
static _Thread_local struct evictor evictor;
static _Thread_local struct list opening; /* srv_conn.opening */
/* Likewise, of connects that have failed: the connection is gone, somebody waits still. */
static _Thread_local struct {
	struct list conns;
	struct task task;
} failed;

static void tell_failed(struct task *t);

static struct server_slot *slot_of(const struct server *srv)
{
	return &pt()->slots[srv->be->index][srv->index];
}

/* -- idle lists ---------------------------------------------------------------------------------
 */

static void tell_spare(struct server_slot *slot)
{
	atomic_store_explicit(&slot->spare, slot->nidle + slot->nsafe, memory_order_relaxed);
}

static void idle_take(struct srv_conn *sc)
{
	if (!sc->idle)
		return;
	list_del(&sc->conn->link);
	sc->idle = false;
	if (sc->uses > 1)
		sc->slot->nsafe--;
	else
		sc->slot->nidle--;
	tell_spare(sc->slot);
}

/* A connection that served more than one request is known to survive the pause between two: it is
 * safe. */
static void idle_give(struct srv_conn *sc)
{
	struct server_slot *slot = sc->slot;

	sc->idle = true;
	if (sc->uses > 1) {
		list_push(&slot->safe, &sc->conn->link);
		slot->nsafe++;
	} else {
		list_push(&slot->idle, &sc->conn->link);
		slot->nidle++;
	}
	tell_spare(slot);
}

static void close_oldest(struct server_slot *slot)
{
	struct list *from = list_empty(&slot->idle) ? &slot->safe : &slot->idle;
	struct conn *c = CONTAINER(from->prev, struct conn, link);

	idle_take(c->owner);
	conn_close(c);
}

static uint32_t idle_limit(const struct server *srv)
{
	int64_t max = srv->be->num[WS_POOL_MAX];

	return (uint32_t)((max + nthreads - 1) / nthreads);
}

/* From the mux: the stream was detached and the connection can take another one. */
static void on_idle(struct conn *c)
{
	struct srv_conn *sc = c->owner;

	if (sc->many && site.ws->sharing->in_use(sc))
		return;
	if (sc->private || site.stopping || sc->srv->be->num[WS_REUSE] == WS_REUSE_NEVER ||
	    idle_limit(sc->srv) == 0) {
		conn_close(c);
		return;
	}
	idle_give(sc);
	if (sc->slot->nidle + sc->slot->nsafe > idle_limit(sc->srv))
		close_oldest(sc->slot);
}

const struct mux_app server_mux_app = { .idle = on_idle };

/* -- connecting ---------------------------------------------------------------------------------
 */

bool server_open(struct srv_conn *sc, struct exchange *x)
{
	x->back = sc->conn->mux->open(sc->conn);
	if (!x->back)
		return false;
	sc->uses++;
	if (sc->uses > 1) {
		x->back->flags &=
			~(uint32_t)STREAM_FIRST; /* also when another thread has used it */
		x->flags |= X_REUSED;
	}
	if (sc->uses == 1)
		x->flags &= ~(uint32_t)X_REUSED;
	if (sc->many)
		site.ws->sharing->offer(sc);
	return true;
}

const struct mux_ops *server_mux(const struct server *srv, const struct conn *c)
{
	return srv->proto == WS_PROTO_H1 ? site.ws->mux_http : site.ws->sharing->mux(srv, c);
}

/* All that wait for <sc>, the first one and those behind it. */
static void tell_waiting(struct srv_conn *sc, int err)
{
	struct exchange *x = sc->waiting, *others = x ? x->also_waits : NULL;

	sc->waiting = NULL;
	if (!x)
		return;
	x->connecting = NULL;
	x->also_waits = NULL;
	exchange_connected(x, err);
	if (others)
		site.ws->sharing->connected(sc, others, err);
}

static void on_ready(struct conn *c, int err)
{
	struct srv_conn *sc = c->owner;
	struct exchange *x = sc->waiting;
	const struct back *be = sc->srv->be;
	const struct mux_ops *mux = err       ? NULL
				    : sc->raw ? site.ws->mux_raw
					      : server_mux(sc->srv, c);

	list_del(&sc->opening);
	if (err == 0 && !mux)
		err = EPROTO;
	if (err == 0 && !mux->start(c, MUX_BACK, &be->mux))
		err = ENOMEM;
	sc->many = err == 0 && mux->room;
	if (err == 0 && x && !server_open(sc, x))
		err = ENOMEM;
	if (err) { /* those who wait are told when it is gone: the next attempt has its object */
		sc->err = (uint8_t)err;
		conn_abort(c, false);
		return;
	}
	if (!x) {
		/* Nobody waits any more: a raw connection must not be kept, its server waits for
		 * its one client. */
		if (sc->raw)
			conn_close(c);
		else
			on_idle(c);
	}
	tell_waiting(sc, 0);
}

static void srv_conn_free(struct srv_conn *sc)
{
	if (sc->target.src_port == TARGET_RANGE && sc->target.src.port)
		site.ws->target->give_port(sc->srv, &sc->target);
	pool_put(&srv_conn_pool, sc);
}

static void on_gone(struct conn *c)
{
	struct srv_conn *sc = c->owner;

	idle_take(sc);
	if (sc->many)
		site.ws->sharing->withdraw(sc);
	list_del(&sc->opening);
	sc->slot->active--;
	pt()->nservers--;
	c->owner = NULL;
	if (!sc->waiting) {
		srv_conn_free(sc);
		return;
	}
	sc->conn = NULL;
	if (!sc->err)
		sc->err = c->err ? c->err : ECONNRESET;
	list_append(&failed.conns, &sc->opening);
	task_wake(&failed.task);
}

static void tell_failed(struct task *t)
{
	struct list *at;

	(void)t;
	while ((at = list_shift(&failed.conns))) {
		struct srv_conn *sc = CONTAINER(at, struct srv_conn, opening);

		tell_waiting(sc, sc->err);
		srv_conn_free(sc);
	}
}

static const struct conn_app back_app = { .ready = on_ready, .gone = on_gone };

const struct srv_conn *server_conn(const struct conn *c)
{
	return c->app == &back_app ? c->owner : NULL;
}

const struct handshake *const *server_handshakes(const struct server *srv)
{
	return srv->hs;
}

/* Where <sc> goes and comes from; an errno when there is no such connection. */
static int connect_target(struct srv_conn *sc, struct conn_route *route, int *err)
{
	const struct server *srv = sc->srv;
	struct target *t = &sc->target;

	if (!srv->dynamic) {
		*route = (struct conn_route) { .to = &srv->addr };
		if (srv->source.kind != AK_NONE)
			route->from = &srv->source;
		return 0;
	}
	*err = t->src_port == TARGET_RANGE ? site.ws->target->take_port(srv, t) : 0;
	*route = (struct conn_route) { .to = &t->dst, .foreign = t->foreign };
	if (t->src_ip != TARGET_UNSET)
		route->from = &t->src;
	return *err;
}

static enum server_got connect_new(struct exchange *x, const struct target *target, int *err)
{
	struct srv_conn *sc = pool_get_zero(&srv_conn_pool);
	struct server *srv = x->srv;
	struct conn_route route;

	*err = ENOMEM;
	if (!sc)
		return SERVER_FAILED;
	/* An idle connection makes way, so that the server has no more of them than it may. */
	if (srv->places && slot_of(srv)->active >= srv->places->max &&
	    slot_of(srv)->nidle + slot_of(srv)->nsafe)
		close_oldest(slot_of(srv));
	sc->srv = srv;
	sc->slot = slot_of(srv);
	sc->raw = srv->be->tcp || x->flags & X_RAW_BACK;
	sc->private = (srv->ws && srv->ws->send_proxy) || sc->raw;
	sc->waiting = x;
	sc->target = *target;
	if (connect_target(sc, &route, err) == 0)
		sc->conn = conn_connect(&route, &back_app, sc, server_handshakes(srv),
					(uint32_t)srv->be->num[WS_T_CONNECT], err);
	if (!sc->conn) {
		srv_conn_free(sc);
		return SERVER_FAILED;
	}
	list_append(&opening, &sc->opening);
	sc->slot->active++;
	pt()->nservers++;
	x->connecting = sc;
	if (srv->ws && srv->ws->send_proxy &&
	    !conn_tell_addrs(sc->conn, &x->src, exchange_dst(x))) {
		server_cancel(x);
		return SERVER_FAILED;
	}
	return SERVER_CONNECTING;
}

/* The newest of <from> that was opened for <want>; a dynamic server's list is searched so far. */
#define SEARCH_MAX 64

struct conn *server_newest(const struct server *srv, const struct list *from,
			   const struct target *want)
{
	unsigned seen = 0;

	for (const struct list *at = from->next; at != from && seen < SEARCH_MAX;
	     at = at->next, seen++) {
		struct conn *c = CONTAINER(at, struct conn, link);
		const struct srv_conn *sc = c->owner;

		if (!srv->dynamic || site.ws->target->same(&sc->target, want))
			return c;
	}
	return NULL;
}

/* Whether the request may go out on a connection that others have used: <safe>, which has outlived a
 * pause before, or any. The first request of a client connection has nobody who would repeat it when
 * the server closes at the same moment; neither has one that is not idempotent. Those prefer, or get
 * only, safe ones; "always" takes any. */
static bool may_reuse(const struct exchange *x, bool safe)
{
	int64_t reuse = x->be->owner->num[WS_REUSE];
	bool first = x->front->flags & STREAM_FIRST;

	if (x->flags & X_RAW_BACK || reuse == WS_REUSE_NEVER)
		return false;
	/* A server that speaks HTTP/2 says which requests it has not looked at (RFC 9113 6.8). */
	if (x->srv->proto == WS_PROTO_H2)
		return true;
	if (reuse == WS_REUSE_SAFE && first)
		return false;
	return safe || reuse == WS_REUSE_ALWAYS || ((x->flags & X_IDEMPOTENT) && !first);
}

static struct conn *pick_idle(struct exchange *x, struct server_slot *slot,
			      const struct target *want)
{
	struct conn *c = NULL;

	if (x->srv->proto != WS_PROTO_H1 && may_reuse(x, true))
		c = site.ws->sharing->pick(x, want);
	if (!c && may_reuse(x, true))
		c = server_newest(x->srv, &slot->safe, want);
	return !c && may_reuse(x, false) ? server_newest(x->srv, &slot->idle, want) : c;
}

enum server_got server_get(struct exchange *x, bool fresh, int *err)
{
	struct server_slot *slot = slot_of(x->srv);
	struct target target = { 0 };
	struct conn *c;

	*err = x->srv->dynamic ? site.ws->target->find(x, x->srv, &target) : 0;
	if (*err)
		return SERVER_NO_TARGET;
	while (!fresh && (c = pick_idle(x, slot, &target))) {
		struct srv_conn *sc = c->owner;
		bool idle = sc->idle;

		idle_take(sc);
		if (server_open(sc, x)) {
			if (!sc->many) /* else the mux tells what was not looked at */
				x->flags |= X_FROM_IDLE;
			return SERVER_STREAM;
		}
		if (idle)
			conn_close(c);
	}
	x->flags &= ~(uint32_t)X_FROM_IDLE;
	if (x->srv->proto == WS_PROTO_H2) {
		if (may_reuse(x, true) && site.ws->sharing->join(x, &opening, &target))
			return SERVER_CONNECTING;
	} else if (!fresh && may_reuse(x, true)) {
		takeover_ask(x->srv);
	}
	return connect_new(x, &target, err);
}

void server_cancel(struct exchange *x)
{
	struct srv_conn *sc = x->connecting;

	if (!sc)
		return;
	x->connecting = NULL;
	for (struct exchange **at = &sc->waiting; *at; at = &(*at)->also_waits)
		if (*at == x) {
			*at = x->also_waits;
			x->also_waits = NULL;
			break;
		}
	if (sc->conn && sc->private) {
		conn_abort(sc->conn, false);
	} else if (!sc->waiting && list_queued(&sc->opening) && !sc->conn) { /* in <failed> */
		list_del(&sc->opening);
		srv_conn_free(sc);
	}
}

/* -- takeover ------------------------------------------------------------------------------------
 */

COLD int server_yield(const struct server *srv, struct yielded *y)
{
	struct server_slot *slot = slot_of(srv);
	struct list *from = list_empty(&slot->safe) ? &slot->idle : &slot->safe;
	struct srv_conn *sc;

	if (list_empty(from) || site.stopping)
		return -1;
	sc = CONTAINER(from->next, struct conn, link)->owner;
	if (sc->many) /* its state is more than its descriptor */
		return -1;
	*y = (struct yielded) { .uses = sc->uses, .target = sc->target, .peer = sc->conn->peer };
	idle_take(sc);
	if (conn_yield(sc->conn, &y->parts) < 0) {
		idle_give(sc);
		return -1;
	}
	slot->active--;
	pt()->nservers--;
	pool_put(&srv_conn_pool, sc);
	return 0;
}

/* Of the exchanges that wait for a connect to <sc>'s server, one that may use <sc> instead. */
static struct exchange *who_waits(const struct srv_conn *sc)
{
	for (struct list *at = opening.next; at != &opening; at = at->next) {
		struct srv_conn *other = CONTAINER(at, struct srv_conn, opening);
		struct exchange *x = other->waiting;

		if (!x || other->srv != sc->srv || other->private || !may_reuse(x, sc->uses > 1) ||
		    (sc->srv->dynamic && !site.ws->target->same(&sc->target, &other->target)))
			continue;
		server_cancel(x); /* it becomes idle when it is there */
		return x;
	}
	return NULL;
}

COLD void server_adopt(struct server *srv, const struct yielded *y)
{
	struct srv_conn *sc = site.stopping ? NULL : pool_get_zero(&srv_conn_pool);
	struct exchange *x;

	if (!sc) {
		conn_parts_close(&y->parts);
		return;
	}
	*sc = (struct srv_conn) {
		.srv = srv, .slot = slot_of(srv), .uses = y->uses, .target = y->target
	};
	sc->conn = conn_adopt(&y->parts, &y->peer, &back_app, sc);
	if (!sc->conn) {
		pool_put(&srv_conn_pool, sc);
		return;
	}
	sc->slot->active++;
	pt()->nservers++;
	if (!site.ws->mux_http->start(sc->conn, MUX_BACK, &srv->be->mux)) {
		conn_abort(sc->conn, false);
		return;
	}
	x = who_waits(sc);
	if (!x) {
		on_idle(sc->conn);
	} else if (server_open(sc, x)) {
		x->flags |= X_FROM_IDLE;
		exchange_connected(x, 0);
	} else {
		conn_abort(sc->conn, false);
		exchange_connected(x, ENOMEM);
	}
}

/* -- eviction -----------------------------------------------------------------------------------
 */

/* One run on one slot: ((low - min) + 2N - 1) / 2N connections, the oldest and unsafe first, where
 * low is the number at the beginning of the period, frozen for its length, so that half of it is
 * gone after N runs. */
static void evict_slot(struct server_slot *slot, const struct back *be, bool new_period)
{
	uint32_t idle = slot->nidle + slot->nsafe;
	uint32_t min = (uint32_t)be->num[WS_POOL_MIN] / nthreads;
	uint32_t n;

	if (new_period)
		slot->low = idle;
	if (slot->low <= min)
		return;
	n = (slot->low - min + 2 * EVICT_RUNS - 1) / (2 * EVICT_RUNS);
	while (n-- > 0 && slot->nidle + slot->nsafe > min)
		close_oldest(slot);
}

COLD static void evict(struct timer *t)
{
	uint64_t next = 0;
	bool new_period = evictor.run++ % EVICT_RUNS == 0;

	for (uint32_t b = 0; b < site.ws->nsections; b++) {
		const struct back *be = site.backs[b];
		uint64_t every;

		if (!be || be->owner != be || !be->nservers)
			continue;
		every = (uint64_t)be->num[WS_POOL_HALFLIFE] / EVICT_RUNS;
		if (every && (!next || every < next))
			next = every;
		for (uint32_t s = 0; s < be->nservers; s++)
			evict_slot(&pt()->slots[b][s], be, new_period);
	}
	timer_set(t, th->now + (next ? next : 1000));
}

static void close_unwanted(void)
{
	struct list *at, *next;

	for (at = opening.next; at != &opening; at = next) {
		struct srv_conn *sc = CONTAINER(at, struct srv_conn, opening);

		next = at->next;
		if (!sc->waiting)
			conn_abort(sc->conn, false);
	}
}

COLD void server_close_idle(void)
{
	close_unwanted();
	for (uint32_t b = 0; b < site.ws->nsections; b++)
		for (uint32_t s = 0; pt()->slots[b] && s < site.backs[b]->nservers; s++) {
			struct server_slot *slot = &pt()->slots[b][s];

			while (slot->nidle + slot->nsafe)
				close_oldest(slot);
		}
}

COLD int server_thread_start(void)
{
	list_init(&opening);
	list_init(&failed.conns);
	task_init(&failed.task, TASK_NORMAL, tell_failed);
	pt()->slots = calloc(site.ws->nsections + 1, sizeof(*pt()->slots));
	pt()->be_requests = calloc(site.ws->nsections + 1, sizeof(*pt()->be_requests));
	if (!pt()->slots || !pt()->be_requests)
		return -1;
	for (uint32_t b = 0; b < site.ws->nsections; b++) {
		const struct back *be = site.backs[b];

		if (!be || be->owner != be || !be->nservers)
			continue;
		pt()->slots[b] = calloc(be->nservers, sizeof(**pt()->slots));
		if (!pt()->slots[b])
			return -1;
		for (uint32_t s = 0; s < be->nservers; s++) {
			list_init(&pt()->slots[b][s].idle);
			list_init(&pt()->slots[b][s].safe);
			list_init(&pt()->slots[b][s].shared);
		}
	}
	evictor = (struct evictor) { .timer.fire = evict };
	timer_set(&evictor.timer, th->now + 1000);
	return 0;
}

COLD void server_thread_stop(void)
{
	timer_del(&evictor.timer);
	for (uint32_t b = 0; pt()->slots && b < site.ws->nsections; b++)
		free(pt()->slots[b]);
	free(pt()->slots);
	free(pt()->be_requests);
	pt()->slots = NULL;
}

struct stream *server_probe(struct server *srv)
{
	struct server_slot *slot = slot_of(srv);
	struct list *from = list_empty(&slot->idle) ? &slot->safe : &slot->idle;
	struct srv_conn *sc;
	struct stream *s;

	if (list_empty(from) || site.stopping)
		return NULL;
	sc = CONTAINER(from->prev, struct conn, link)->owner;
	idle_take(sc);
	s = sc->conn->mux->open(sc->conn);
	if (!s) {
		conn_close(sc->conn);
		return NULL;
	}
	sc->uses++;
	if (sc->many)
		site.ws->sharing->offer(sc);
	s->flags &= ~(uint32_t)STREAM_FIRST;
	return s;
}

void server_turn(struct server *srv, unsigned bits, bool on)
{
	if (on)
		atomic_fetch_or(&srv->off, (uint8_t)bits);
	else
		atomic_fetch_and(&srv->off, (uint8_t)~bits);
	if (srv->be->queue)
		site.ws->queue->turned(srv);
}

COLD void server_init(void)
{
	pool_init(&srv_conn_pool, "srv_conn", sizeof(struct srv_conn));
	takeover_init();
}
