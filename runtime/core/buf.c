/* SPDX-License-Identifier: Apache-2.0 */
/* The limit is kept in permits: each buffer of a thread needs one, and threads take and return them
 * in batches, so that in steady state nothing shared is touched. When a thread waits, permits given
 * back anywhere go to the thread that has waited longest, under the lock that took them away: no
 * other can come between. */
#include "buf.h"

#include <pthread.h>
#include <stdlib.h>

#include "../base/bug.h"
#include "thread.h"

#define CACHE_MAX 64 /* resting buffers of a thread: 1 MB */
#define BATCH 8
#define RESERVE 2 /* permits per thread for answers already begun */
#define RETRY_MS 20 /* without a limit, the allocator is asked again after this time */

struct buf_pool {
	struct buf *free; /* last in, first out: a hot one is used again and again */
	_Atomic uint32_t nfree; /* written by the owner only, like <allocated> */
	_Atomic uint32_t allocated; /* buffers of this thread, in use or resting */
	uint32_t low; /* least <nfree> since the last trim */
	uint32_t permits; /* at least <allocated> when there is a limit */
	bool granting; /* a waiter is being asked: what is free is for it */
	struct list waiters;
	struct task task;
	struct timer retry;
	_Atomic uint64_t waits, refused;
	uint32_t granted; /* under <lock>: permits handed over, not yet seen by the thread */
	struct list waiting; /* under <lock>: in waiting_threads */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list waiting_threads = { &waiting_threads, &waiting_threads };
static _Atomic bool starved; /* some thread waits */
static _Atomic bool
	tight; /* <starved>, or the reserve is in use: what is given back does not rest */
static uint64_t used; /* permits in the hands of threads; under <lock> */
static uint64_t limit, reserve;
static uint32_t cache_max, batch;

#if defined(__SANITIZE_ADDRESS__)
#define CACHING 0 /* each buffer its own allocation, so that use after the last buf_put is seen */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CACHING 0
#endif
#endif
#ifndef CACHING
#define CACHING 1
#endif

#define LOAD(v) atomic_load_explicit(&(v), memory_order_relaxed)
#define STORE(v, x) atomic_store_explicit(&(v), (x), memory_order_relaxed)
#define BUMP(v) STORE(v, LOAD(v) + 1)

static uint32_t min_u32(uint64_t a, uint32_t b)
{
	return a < b ? (uint32_t)a : b;
}

void buf_setup(uint32_t most, unsigned nthr)
{
	limit = most;
	used = 0;
	reserve = min_u32(limit / 4, nthr * RESERVE);
	cache_max = CACHING ? CACHE_MAX : 0;
	batch = BATCH;
	if (limit) {
		cache_max = min_u32(limit / 4 / nthr, cache_max);
		batch = min_u32(limit / 8 / nthr, BATCH);
		batch = batch ? batch : 1;
	}
}

uint32_t buf_limit(void)
{
	return (uint32_t)limit;
}

/* Under <lock>, after <used> or <starved> has changed. What came out of the reserve must not rest in
 * a cache, where anybody could take it. */
static void tell_tight(void)
{
	atomic_store(&tight, atomic_load(&starved) || (limit && used > limit - reserve));
}

/* Under <lock>: gives free permits to the waiting threads, one each, the longest waiting first. */
static void hand_over(void)
{
	while (!list_empty(&waiting_threads) && (!limit || used < limit - reserve)) {
		struct list *node = list_shift(&waiting_threads);
		struct buf_pool *bp = CONTAINER(node, struct buf_pool, waiting);

		used++;
		bp->granted++;
		task_wake_remote(&bp->task);
	}
	atomic_store(&starved, !list_empty(&waiting_threads));
	tell_tight();
}

static void permits_give(struct buf_pool *bp, uint32_t n)
{
	bp->permits -= n;
	pthread_mutex_lock(&lock);
	used -= n;
	hand_over();
	pthread_mutex_unlock(&lock);
}

static bool permit_take(struct buf_pool *bp, uint64_t most)
{
	uint64_t n = 0;

	pthread_mutex_lock(&lock);
	if (used < most) {
		n = most - used < batch || atomic_load(&starved) ? 1 : batch;
		used += n;
		tell_tight();
	}
	pthread_mutex_unlock(&lock);
	bp->permits += (uint32_t)n;
	return n != 0;
}

static __attribute__((noinline)) struct buf *buf_new(struct buf_pool *bp, uint64_t most)
{
	struct buf *b = NULL;

	if (LOAD(bp->allocated) < bp->permits || permit_take(bp, limit ? most : UINT64_MAX))
		b = malloc(sizeof(*b));
	if (!b) {
		BUMP(bp->refused);
		return NULL;
	}
	STORE(bp->allocated, LOAD(bp->allocated) + 1);
	b->refs = 1;
	b->off = BUF_HEAD;
	b->len = 0;
	return b;
}

static inline struct buf *take_free(struct buf_pool *bp)
{
	struct buf *b = bp->free;

	bp->free = *(struct buf **)(void *)b->data;
	STORE(bp->nfree, LOAD(bp->nfree) - 1);
	if (LOAD(bp->nfree) < bp->low)
		bp->low = LOAD(bp->nfree);
	b->refs = 1;
	b->off = BUF_HEAD;
	b->len = 0;
	return b;
}

struct buf *buf_get(void)
{
	struct buf_pool *bp = th->bufs;

	if (__builtin_expect(!list_empty(&bp->waiters) && !bp->granting, 0)) {
		BUMP(bp->refused);
		return NULL;
	}
	return bp->free ? take_free(bp) : buf_new(bp, limit - reserve);
}

struct buf *buf_get_reserved(void)
{
	struct buf_pool *bp = th->bufs;

	return bp->free ? take_free(bp) : buf_new(bp, limit);
}

/* Gives <n> resting buffers to the allocator, and the permits not needed any more back. */
static size_t release(struct buf_pool *bp, uint32_t n)
{
	uint32_t spare;

	for (uint32_t i = 0; i < n; i++) {
		struct buf *b = bp->free;

		bp->free = *(struct buf **)(void *)b->data;
		free(b);
	}
	STORE(bp->nfree, LOAD(bp->nfree) - n);
	STORE(bp->allocated, LOAD(bp->allocated) - n);
	if (bp->low > LOAD(bp->nfree))
		bp->low = LOAD(bp->nfree);
	spare = bp->permits - LOAD(bp->allocated);
	thread_trim_soon();
	if (spare >= (batch > 1 ? 2 * batch : 1) || (spare && LOAD(tight)))
		permits_give(bp, spare);
	return n * sizeof(struct buf);
}

void buf_put(struct buf **bpp)
{
	struct buf *b = *bpp;
	struct buf_pool *bp = th->bufs;

	*bpp = NULL;
	if (--b->refs)
		return;
	*(struct buf **)(void *)b->data = bp->free;
	bp->free = b;
	STORE(bp->nfree, LOAD(bp->nfree) + 1);
	if (__builtin_expect(LOAD(bp->nfree) > cache_max || LOAD(tight), 0))
		release(bp, LOAD(tight) ? LOAD(bp->nfree) : LOAD(bp->nfree) / 2 + 1);
	else
		thread_trim_soon();
}

/* <later>: not before RETRY_MS, as memory and not the limit is what lacks. */
static void join_waiting(struct buf_pool *bp, bool later)
{
	pthread_mutex_lock(&lock);
	if (!list_queued(&bp->waiting)) {
		list_append(&waiting_threads, &bp->waiting);
		atomic_store(&starved, true);
		tell_tight();
	}
	if (limit && !later)
		hand_over();
	pthread_mutex_unlock(&lock);
	if ((!limit || later) && !timer_armed(&bp->retry))
		timer_set(&bp->retry, th->now + RETRY_MS);
}

/* A permit has been handed over: asks the waiters until one has used it. */
static void grant(struct task *t)
{
	struct buf_pool *bp = CONTAINER(t, struct buf_pool, task);
	bool refused =
		false; /* the last one waits again: there is no memory for what is permitted */

	pthread_mutex_lock(&lock);
	bp->permits += bp->granted;
	bp->granted = 0;
	pthread_mutex_unlock(&lock);
	while (!refused && !list_empty(&bp->waiters) &&
	       (bp->free || LOAD(bp->allocated) < bp->permits)) {
		struct list *node = list_shift(&bp->waiters);
		struct buf_waiter *w = CONTAINER(node, struct buf_waiter, link);

		bp->granting = true;
		w->wake(w);
		bp->granting = false;
		refused = bp->waiters.prev == node; /* <w> itself may be gone */
	}
	if (refused && bp->permits > LOAD(bp->allocated))
		permits_give(bp, bp->permits - LOAD(bp->allocated));
	if (!list_empty(&bp->waiters))
		join_waiting(bp, refused);
	else if (LOAD(starved))
		release(bp, LOAD(bp->nfree));
}

static void retry(struct timer *t)
{
	struct buf_pool *bp = CONTAINER(t, struct buf_pool, retry);

	pthread_mutex_lock(&lock);
	hand_over();
	pthread_mutex_unlock(&lock);
	if (!list_empty(&bp->waiters))
		timer_set(t, th->now + RETRY_MS);
}

void buf_wait(struct buf_waiter *w)
{
	struct buf_pool *bp = th->bufs;

	BUMP(bp->waits);
	if (!list_queued(&w->link))
		list_append(&bp->waiters, &w->link);
	join_waiting(bp, false);
}

void buf_wait_cancel(struct buf_waiter *w)
{
	list_del(&w->link);
}

size_t buf_trim(bool *again)
{
	struct buf_pool *bp = th->bufs;
	size_t freed = release(bp, bp->low);

	bp->low = LOAD(bp->nfree);
	if (LOAD(bp->nfree))
		*again = true;
	else if (bp->permits > LOAD(bp->allocated))
		permits_give(bp, bp->permits - LOAD(bp->allocated));
	return freed;
}

int buf_thread_start(void)
{
	struct buf_pool *bp = aligned_alloc(64, (sizeof(*bp) + 63) & ~(size_t)63);

	if (!bp)
		return -1;
	*bp = (struct buf_pool) { 0 };
	list_init(&bp->waiters);
	task_init(&bp->task, TASK_URGENT, grant);
	bp->retry.fire = retry;
	th->bufs = bp;
	return 0;
}

void buf_thread_stop(void)
{
	struct buf_pool *bp = th->bufs;

	timer_del(&bp->retry);
	task_cancel(&bp->task);
	pthread_mutex_lock(&lock);
	list_del(&bp->waiting);
	bp->permits += bp->granted;
	bp->granted = 0;
	pthread_mutex_unlock(&lock);
	release(bp, LOAD(bp->nfree));
	if (bp->permits > LOAD(bp->allocated))
		permits_give(bp, bp->permits - LOAD(bp->allocated));
}

void buf_counts(struct buf_count *out)
{
	*out = (struct buf_count) { 0 };
	for (unsigned t = 0; t < nthreads; t++) {
		const struct buf_pool *bp = threads[t]->bufs;

		out->in_use += LOAD(bp->allocated) - LOAD(bp->nfree);
		out->cached += LOAD(bp->nfree);
		out->waits += LOAD(bp->waits);
		out->refused += LOAD(bp->refused);
	}
}
