/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <pthread.h>

#include "../base/bug.h"
#include "../core/pool.h"
#include "balance.h"
#include "rule.h"

#define LINE 64 /* of the cache */
/* Of the requests that wait for any server, the first so many are asked whether they want this
 * one. */
#define LOOK_MAX 32

struct back_queue {
	_Atomic uint32_t waiting; /* in all lists of the backend */
	uint32_t max; /* 0: none */
	pthread_mutex_t lock;
	uint64_t seq;
	struct list any; /* those that take any server */
};

/* One request that waits. */
struct waiter {
	struct list link; /* lock of the backend */
	struct task task; /* the place is there; runs on the thread of the exchange */
	struct exchange *x; /* that thread alone; NULL: it has left */
	struct server *place; /* granted; lock until the task is posted */
	bool told; /* the task is posted: it is in no list any more */
	uint64_t seq; /* order of arrival in the backend */
	uint64_t since; /* us */
	struct server *want; /* this one alone; NULL: any */
	uint32_t avoid;
};

static struct pool waiter_pool;

/* -- places -------------------------------------------------------------------------------------
 */

/* A place on <s>, if there is one. Its order with <waiting>: who comes raises <waiting> and then
 * looks for a place; who goes lowers <used> and then looks for waiters. One of the two sees the
 * other. */
static bool take(const struct server *s)
{
	struct server_places *p = s->places;
	uint32_t used;

	if (!p)
		return true;
	used = atomic_load(&p->used);
	while (used < p->max)
		if (atomic_compare_exchange_weak(&p->used, &used, used + 1))
			return true;
	return false;
}

static struct waiter *first_any(struct back_queue *q, const struct server *s)
{
	struct list *at = q->any.next;

	for (unsigned i = 0; at != &q->any && i < LOOK_MAX; i++, at = at->next) {
		struct waiter *w = CONTAINER(at, struct waiter, link);

		if (w->avoid != s->index || s->be->nservers == 1)
			return w;
	}
	return NULL;
}

/* The one who waits longest of those that <s> may serve. Lock held. */
static struct waiter *first_for(struct back_queue *q, const struct server *s)
{
	struct waiter *any = balance_in_turn(s) ? first_any(q, s) : NULL, *own = NULL;

	if (!list_empty(&s->places->waiting))
		own = CONTAINER(s->places->waiting.next, struct waiter, link);
	return !own || (any && any->seq < own->seq) ? any : own;
}

/* Lock held. */
static void unlink_waiter(struct back_queue *q, struct waiter *w)
{
	list_del(&w->link);
	if (w->want)
		w->want->places->nwaiting--;
	atomic_fetch_sub(&q->waiting, 1);
}

/* Gives the free places of <s> to those who wait for them. <self> is not woken: it is asking. Lock
 * held. */
static void serve(struct back_queue *q, struct server *s, const struct waiter *self)
{
	struct waiter *w;

	while ((w = first_for(q, s)) && take(s)) {
		unlink_waiter(q, w);
		w->place = s;
		w->told = true;
		if (w != self)
			task_wake_remote(&w->task);
	}
}

/* Those in <list> choose anew. Lock held. */
static void dismiss(struct back_queue *q, struct list *list)
{
	while (!list_empty(list)) {
		struct waiter *w = CONTAINER(list->next, struct waiter, link);

		unlink_waiter(q, w);
		w->told = true;
		task_wake_remote(&w->task);
	}
}

/* No server of <be> could take one that waits, or one could at once. */
static bool waits_in_vain(const struct back *be)
{
	bool some = false;

	for (uint32_t i = 0; i < be->nservers; i++) {
		const struct server *s = &be->servers[i];

		if (balance_in_turn(s) && !s->places)
			return true;
		some |= balance_in_turn(s);
	}
	return !some;
}

static void turned(struct server *s)
{
	struct back *be = s->be;
	struct back_queue *q = be->queue;

	if (!atomic_load(&q->waiting))
		return;
	pthread_mutex_lock(&q->lock);
	if (s->places && atomic_load(&s->off))
		dismiss(q, &s->places->waiting);
	if (waits_in_vain(be))
		dismiss(q, &q->any);
	for (uint32_t i = 0; i < be->nservers; i++)
		if (be->servers[i].places)
			serve(q, &be->servers[i], NULL);
	pthread_mutex_unlock(&q->lock);
}

static void give_back(struct server *s)
{
	struct back_queue *q = s->be->queue;

	if (!s->places)
		return;
	atomic_fetch_sub(&s->places->used, 1);
	if (!atomic_load(&q->waiting))
		return;
	pthread_mutex_lock(&q->lock);
	serve(q, s, NULL);
	pthread_mutex_unlock(&q->lock);
}

/* -- waiting ------------------------------------------------------------------------------------
 */

static void forget(struct waiter *w)
{
	pool_put(&waiter_pool, w);
	pt()->nwaiters--;
}

static void granted(struct task *t)
{
	struct waiter *w = CONTAINER(t, struct waiter, task);
	struct exchange *x = w->x;
	struct server *s = w->place;
	uint64_t since = w->since;
	bool given_up = !s && w->want; /* the server that it waited for */

	forget(w);
	if (!x) {
		if (s)
			give_back(s);
		return;
	}
	x->waiter = NULL;
	x->place = x->srv = s;
	x->flags |= given_up ? X_REDISPATCHED : 0;
	x->queued_us += th->now_us - since;
	attempt_granted(x);
}

static struct waiter *waiter_new(struct exchange *x)
{
	struct waiter *w = pool_get_zero(&waiter_pool);

	if (!w)
		return NULL;
	pt()->nwaiters++;
	task_init(&w->task, TASK_URGENT, granted);
	w->x = x;
	w->avoid = x->avoid;
	w->since = th->now_us;
	return w;
}

/* To the end of the list of <want>, NULL: of the backend; then free places are given out, as the
 * one that waits for another server must not keep this one from a place. */
static enum queue_got wait_for(struct exchange *x, struct back *be, struct server *want)
{
	struct back_queue *q = be->queue;
	struct waiter *w;
	bool mine;

	if ((q->max && atomic_load(&q->waiting) >= q->max) || !(w = waiter_new(x)))
		return QUEUE_FULL;
	pthread_mutex_lock(&q->lock);
	w->seq = q->seq++;
	w->want = want;
	x->before_be = atomic_load(&q->waiting);
	x->before_srv = want ? want->places->nwaiting++ : 0;
	list_append(want ? &want->places->waiting : &q->any, &w->link);
	atomic_fetch_add(&q->waiting, 1);
	for (uint32_t i = 0; i < be->nservers; i++)
		if (be->servers[i].places)
			serve(q, &be->servers[i], w);
	mine = w->told;
	/* A server may have turned since one was looked for, before <waiting> could tell of us. */
	if (!mine && (want ? atomic_load(&want->off) != 0 : waits_in_vain(be))) {
		unlink_waiter(q, w);
		w->told = true;
		task_wake(&w->task);
	}
	pthread_mutex_unlock(&q->lock);
	if (!mine) {
		x->waiter = w;
		return QUEUE_WAIT;
	}
	x->place = x->srv = w->place;
	forget(w);
	return QUEUE_PLACE;
}

static enum queue_got enter(struct exchange *x)
{
	struct back *be = x->be->owner;
	struct server *s = x->srv;

	if (x->place)
		return QUEUE_PLACE; /* the request is repeated: it keeps its place */
	if (!s)
		s = balance_pick(x, be, x->avoid);
	if (!s)
		return QUEUE_NO_SERVER;
	if (!s->places || (!atomic_load(&be->queue->waiting) && take(s))) {
		x->place = s->places ? s : NULL;
		x->srv = s;
		return QUEUE_PLACE;
	}
	return wait_for(x, be, be->balance->insists ? s : x->srv);
}

static void leave(struct exchange *x)
{
	struct waiter *w = x->waiter;
	struct server *s = x->place;
	struct back_queue *q;
	bool waited;

	x->waiter = NULL;
	x->place = NULL;
	if (w) {
		q = x->be->owner->queue;
		pthread_mutex_lock(&q->lock);
		waited = !w->told;
		if (waited)
			unlink_waiter(q, w);
		pthread_mutex_unlock(&q->lock);
		x->queued_us += th->now_us - w->since;
		w->x = NULL;
		if (waited)
			forget(w); /* else its task is on its way, and gives the place on */
	}
	if (s)
		give_back(s);
}

/* -- set up -------------------------------------------------------------------------------------
 */

static void *alloc_line(size_t n)
{
	uintptr_t at = (uintptr_t)conf_alloc(n + LINE - 1);

	return (void *)((at + LINE - 1) & ~(uintptr_t)(LINE - 1));
}

static struct server_places *places_new(uint32_t max)
{
	/* Two lines: nothing else lies on that of <used>. */
	struct server_places *p = alloc_line(2 * LINE);

	p->max = max;
	list_init(&p->waiting);
	return p;
}

static void init(void)
{
	pool_init(&waiter_pool, "waiter", sizeof(struct waiter));
	for (uint32_t b = 0; b < site.ws->nsections; b++) {
		struct back *be = site.backs[b];

		if (!be || be->owner != be)
			continue;
		for (uint32_t i = 0; i < be->nservers; i++) {
			struct server *s = &be->servers[i];

			if (!s->ws || s->ws->maxconn <= 0)
				continue;
			s->places = places_new((uint32_t)s->ws->maxconn);
			if (be->queue)
				continue;
			be->queue = alloc_line(sizeof(*be->queue) + LINE);
			be->queue->max = (uint32_t)be->num[WS_QUEUE_MAX];
			list_init(&be->queue->any);
			BUG_ON(pthread_mutex_init(&be->queue->lock, NULL));
		}
	}
}

uint32_t queue_length(const struct back *be)
{
	return be->owner->queue
		       ? atomic_load_explicit(&be->owner->queue->waiting, memory_order_relaxed)
		       : 0;
}

static bool qlen_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		      struct val *v)
{
	const struct back *be = site.backs[s->num];

	(void)r;
	if (f->begun)
		return false;
	f->begun = true;
	v->num = be ? queue_length(be) : 0;
	return true;
}

const struct subject_part subject_QLEN = { "qlen", qlen_next };
const struct queue_part queue_places = { "queue", init, enter, leave, turned };
