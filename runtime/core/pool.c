/* SPDX-License-Identifier: Apache-2.0 */
/* Objects rest in magazines: chains of at most <batch> objects. A thread fills and empties its
 * <head>; a full one joins its spares. When there are enough of them one goes to the group's shared
 * list, in one step whatever its length, and so do, once a second, those that were not needed
 * meanwhile: what a thread takes and gives back in turns stays with it, and its lines in its
 * processor's cache. */
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "../base/bug.h"
#include "pool_guard.h"
#include "thread.h"

#define GROUPS GROUPS_MAX
#define BATCH_BYTES 8192
#define BATCH_MAX 64
/* Of one pool's spare magazines with one thread: what a turn of its loop may take and give back,
 * as it serves at most 256 events; large objects are fewer. */
#define SPARE_OBJECTS 256
#define SPARE_BYTES ((size_t)512 << 10)
#define SHARED_BYTES                                                                               \
	((size_t)4 << 20) /* of one pool in one group; what is above goes to the allocator */

/* A resting object: the chain of its magazine, and for the first one the next magazine of the
 * list they are in. */
struct rest {
	struct rest *next;
	struct rest *next_batch;
	uint32_t len; /* of the magazine; valid when it is full or shared */
};

struct pool_cache {
	struct rest *head, *spares;
	_Atomic uint32_t n; /* in <head>; written by the owner only */
	uint32_t max; /* of <head>; 0: objects do not rest here */
	_Atomic uint32_t nspare; /* objects in <spares> */
	uint16_t nspares, low; /* magazines; <low>: least number since the last trim */
	uint16_t most; /* of <nspares> */
	uint8_t group;
};

struct pool_shared {
	_Alignas(64) pthread_mutex_t lock;
	struct rest *first;
	uint32_t batches, low; /* <low>: least number since the last trim */
};

static struct pool *pools[POOLS_MAX];
static unsigned npools = 1; /* 0 is no pool */
/* Of each group that has threads, POOLS_MAX of them; kept until pool_fini. */
static struct pool_shared *_Atomic shared[GROUPS];
static _Atomic uint64_t allocated[POOLS_MAX], returned[POOLS_MAX];
static pthread_mutex_t setup_lock = PTHREAD_MUTEX_INITIALIZER;

/* Caches of one thread; kept until pool_fini, so that counting never meets a freed one. */
struct thread_caches {
	struct thread_caches *next;
	unsigned tid;
	_Alignas(64) struct pool_cache of[POOLS_MAX];
};
static struct thread_caches *_Atomic all;
static struct pool_cache
	none[POOLS_MAX]; /* of a thread that has no caches: always empty, never written */
static _Thread_local struct pool_cache *caches = none;

#define LOAD(v) atomic_load_explicit(&(v), memory_order_relaxed)
#define STORE(v, x) atomic_store_explicit(&(v), (x), memory_order_relaxed)

#if defined(__SANITIZE_ADDRESS__)
#define CACHING false /* each object is its own allocation, and poisoned from pool_put on */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CACHING false
#endif
#endif
#ifndef CACHING
#define CACHING true
#endif

static size_t area_size(const struct pool *pool)
{
	size_t size = pool->size < sizeof(struct rest) ? sizeof(struct rest) : pool->size;

	return (size + 15) & ~(size_t)15;
}

static uint16_t batch_of(size_t size)
{
	size_t n = BATCH_BYTES / size;

	return (uint16_t)(n < 2 ? 2 : n > BATCH_MAX ? BATCH_MAX : n);
}

void pool_init(struct pool *pool, const char *name, size_t size)
{
	pthread_mutex_lock(&setup_lock);
	if (pool->id == 0) {
		BUG_ON(npools == POOLS_MAX || size > UINT32_MAX / 2);
		pool->name = name;
		pool->size = (uint32_t)size;
		pool->batch = batch_of(area_size(pool));
		pool->id = (uint16_t)npools;
		pools[npools++] = pool;
	}
	pthread_mutex_unlock(&setup_lock);
}

/* Most objects of one magazine of a thread. Of a limited pool, all caches together may hold a
 * quarter. */
static uint32_t cache_max(const struct pool *pool, unsigned nthr)
{
	uint64_t share;

	if (!CACHING || guard_modes())
		return 0;
	if (!pool->limit)
		return pool->batch;
	share = pool->limit / 8 / (nthr ? nthr : 1);
	return share < pool->batch ? (uint32_t)share : pool->batch;
}

/* Most spare magazines of a thread. */
static uint16_t spares_max(const struct pool *pool)
{
	size_t n = SPARE_BYTES / area_size(pool);

	n = (n < SPARE_OBJECTS ? n : SPARE_OBJECTS) / pool->batch;
	return (uint16_t)(n && !pool->limit ? n : 1);
}

static bool shared_make(unsigned group)
{
	struct pool_shared *s = aligned_alloc(64, sizeof(*s) * POOLS_MAX);

	if (!s)
		return false;
	memset(s, 0, sizeof(*s) * POOLS_MAX);
	for (unsigned i = 0; i < POOLS_MAX; i++)
		pthread_mutex_init(&s[i].lock, NULL);
	atomic_store(&shared[group], s);
	return true;
}

/* Those of thread <tid>, empty at first, or NULL. */
static struct thread_caches *caches_of(unsigned tid)
{
	struct thread_caches *c = atomic_load(&all);

	while (c && c->tid != tid)
		c = c->next;
	if (c)
		return c;
	c = aligned_alloc(64, sizeof(*c));
	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->tid = tid;
	c->next = atomic_load(&all);
	atomic_store(&all, c);
	return c;
}

int pool_thread_start(unsigned tid, unsigned group, unsigned nthr)
{
	struct thread_caches *mine;

	BUG_ON(group >= GROUPS);
	pthread_mutex_lock(&setup_lock);
	mine = atomic_load(&shared[group]) || shared_make(group) ? caches_of(tid) : NULL;
	pthread_mutex_unlock(&setup_lock);
	if (!mine)
		return -1;
	for (unsigned i = 0; i < POOLS_MAX; i++) {
		mine->of[i].group = (uint8_t)group;
		mine->of[i].max = pools[i] ? cache_max(pools[i], nthr) : 0;
		mine->of[i].most = pools[i] ? spares_max(pools[i]) : 0;
	}
	caches = mine->of;
	return 0;
}

/* Memory for an object. Before that fails, what rests is given up, once a tick: more would help
 * nobody. */
static void *area_new(struct pool *pool)
{
	static _Thread_local uint64_t squeezed_at;
	void *obj = malloc(area_size(pool));

	if (obj || (th && squeezed_at == th->now))
		return obj;
	squeezed_at = th ? th->now : 0;
	return pool_squeeze() ? malloc(area_size(pool)) : NULL;
}

/* A new object of the allocator, or NULL at the limit. */
static void *object_new(struct pool *pool)
{
	uint64_t had = atomic_fetch_add_explicit(&allocated[pool->id], 1, memory_order_relaxed);
	void *obj = NULL;

	if (!pool->limit || had < pool->limit)
		obj = area_new(pool);
	if (!obj)
		atomic_fetch_sub_explicit(&allocated[pool->id], 1, memory_order_relaxed);
	return obj;
}

static size_t batch_free(struct pool *pool, struct rest *r)
{
	uint64_t n = 0;

	while (r) {
		struct rest *next = r->next;

		free(r);
		n++;
		r = next;
	}
	atomic_fetch_sub_explicit(&allocated[pool->id], n, memory_order_relaxed);
	atomic_fetch_add_explicit(&returned[pool->id], n, memory_order_relaxed);
	return n * area_size(pool);
}

static struct pool_shared *shared_of(const struct pool *pool, unsigned group)
{
	return &atomic_load_explicit(&shared[group], memory_order_relaxed)[pool->id];
}

static struct rest *shared_pop(struct pool *pool, unsigned group)
{
	struct pool_shared *s = shared_of(pool, group);
	struct rest *r;

	pthread_mutex_lock(&s->lock);
	r = s->first;
	if (r) {
		s->first = r->next_batch;
		s->batches--;
		if (s->batches < s->low)
			s->low = s->batches;
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

static void shared_push(struct pool *pool, unsigned group, struct rest *r)
{
	struct pool_shared *s = shared_of(pool, group);
	bool full;

	pthread_mutex_lock(&s->lock);
	full = s->batches >= SHARED_BYTES / (area_size(pool) * pool->batch) + 1;
	if (!full) {
		r->next_batch = s->first;
		s->first = r;
		s->batches++;
	}
	pthread_mutex_unlock(&s->lock);
	if (full)
		batch_free(pool, r);
}

static struct rest *spare_pop(struct pool_cache *c)
{
	struct rest *r = c->spares;

	if (!r)
		return NULL;
	c->spares = r->next_batch;
	STORE(c->nspare, LOAD(c->nspare) - r->len);
	if (--c->nspares < c->low)
		c->low = c->nspares;
	return r;
}

static void spare_push(struct pool_cache *c, struct rest *r, uint32_t len)
{
	r->len = len;
	r->next_batch = c->spares;
	c->spares = r;
	c->nspares++;
	STORE(c->nspare, LOAD(c->nspare) + len);
}

/* <head> is empty: takes a spare magazine, one of the shared list, or a new object. */
static __attribute__((noinline)) void *get_slow(struct pool *pool, struct pool_cache *c,
						const void *caller)
{
	struct rest *r;

	BUG_ON(pool->id == 0);
	if (guard_modes())
		return guard_get(pool, caller);
	if (!c->max)
		return object_new(pool);
	r = spare_pop(c);
	if (!r)
		r = shared_pop(pool, c->group);
	if (!r)
		return object_new(pool);
	c->head = r->next;
	STORE(c->n, r->len - 1);
	return r;
}

static inline void *get(struct pool *pool, const void *caller)
{
	struct pool_cache *c = &caches[pool->id];
	struct rest *r = c->head;

	if (__builtin_expect(!r, 0))
		return get_slow(pool, c, caller);
	c->head = r->next;
	STORE(c->n, LOAD(c->n) - 1);
	return r;
}

void *pool_get(struct pool *pool)
{
	return get(pool, __builtin_return_address(0));
}

void *pool_get_zero(struct pool *pool)
{
	void *obj = get(pool, __builtin_return_address(0));

	if (obj)
		memset(obj, 0, pool->size);
	return obj;
}

/* <head> is full, or nothing rests with this thread. */
static __attribute__((noinline)) void put_slow(struct pool *pool, struct pool_cache *c,
					       struct rest *r, const void *caller)
{
	if (guard_modes()) {
		guard_put(pool, r, caller);
		return;
	}
	r->next = NULL;
	if (!c->max) {
		batch_free(pool, r);
		return;
	}
	if (c->nspares >= c->most)
		shared_push(pool, c->group, spare_pop(c));
	thread_trim_soon();
	spare_push(c, c->head, LOAD(c->n));
	c->head = r;
	STORE(c->n, 1);
}

void pool_put(struct pool *pool, void *obj)
{
	struct pool_cache *c = &caches[pool->id];
	struct rest *r = obj;
	uint32_t n = LOAD(c->n);

	if (!obj)
		return;
	if (__builtin_expect(n >= c->max, 0)) {
		put_slow(pool, c, r, __builtin_return_address(0));
		return;
	}
	r->next = c->head;
	c->head = r;
	STORE(c->n, n + 1);
}

/* The magazines of the group's list that were not needed since the last call go to the
 * allocator. */
static size_t shared_trim(struct pool *pool, unsigned group, bool *again)
{
	struct pool_shared *s = shared_of(pool, group);
	size_t freed = 0;
	uint32_t n;

	pthread_mutex_lock(&s->lock);
	n = s->low;
	s->low = s->batches - n;
	if (s->batches)
		*again = true;
	pthread_mutex_unlock(&s->lock);
	while (n--) {
		struct rest *r = shared_pop(pool, group);

		if (!r)
			break;
		freed += batch_free(pool, r);
	}
	return freed;
}

size_t pool_trim(bool *again)
{
	size_t freed = 0;

	for (unsigned i = 1; i < npools && caches != none; i++) {
		struct pool_cache *c = &caches[i];

		for (uint16_t n = c->low; n; n--)
			shared_push(pools[i], c->group, spare_pop(c));
		c->low = c->nspares;
		if (c->spares)
			*again = true;
		freed += shared_trim(pools[i], c->group, again);
	}
	return freed;
}

/* Everything that rests with the calling thread. */
static size_t caches_free(void)
{
	size_t freed = 0;

	for (unsigned i = 1; i < npools && caches != none; i++) {
		struct pool_cache *c = &caches[i];

		while (c->spares)
			freed += batch_free(pools[i], spare_pop(c));
		freed += batch_free(pools[i], c->head);
		c->head = NULL;
		STORE(c->n, 0);
	}
	return freed;
}

size_t pool_squeeze_own(void)
{
	size_t freed = caches_free();
	struct rest *r;

	for (unsigned i = 1; i < npools && caches != none; i++) {
		while ((r = shared_pop(pools[i], caches[i].group)))
			freed += batch_free(pools[i], r);
		if (guard_modes())
			freed += guard_trim(pools[i]);
	}
	return freed;
}

size_t pool_squeeze(void)
{
	for (unsigned i = 0; th && i < nthreads; i++) {
		if (threads[i] == th || atomic_exchange(&threads[i]->squeeze, true))
			continue;
		thread_wake(threads[i]);
	}
	return pool_squeeze_own();
}

void pool_heap(struct pool_heap *out)
{
	*out = (struct pool_heap) { 0 };
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
	struct mallinfo2 m = mallinfo2();

	out->held = m.arena + m.hblkhd;
	out->free = m.fordblks;
#endif
}

void pool_print_sizes(FILE *out)
{
	fprintf(out, "%-16s %9s %9s %9s %9s %9s %9s %9s %9s %9s\n", "pool", "size", "plain",
		"poison", "tag", "caller", "integrity", "backup", "both", "all");
	for (unsigned i = 1; i < npools; i++) {
		fprintf(out, "%-16s %9u %9zu", pools[i]->name, pools[i]->size, area_size(pools[i]));
		guard_print_sizes(pools[i], out);
		fputc('\n', out);
	}
}

void pool_thread_stop(void)
{
	caches_free();
	for (unsigned i = 1; i < npools && caches != none; i++)
		caches[i].max = 0;
	caches = none;
}

static uint64_t shared_count(unsigned id)
{
	uint64_t n = 0;

	for (unsigned g = 0; g < GROUPS; g++) {
		struct pool_shared *s = atomic_load(&shared[g]);

		if (!s)
			continue;
		s += id;
		pthread_mutex_lock(&s->lock);
		for (const struct rest *r = s->first; r; r = r->next_batch)
			n += r->len;
		pthread_mutex_unlock(&s->lock);
	}
	return n;
}

static void count(unsigned id, struct pool_count *out)
{
	uint64_t resting;

	out->name = pools[id]->name;
	out->size = pools[id]->size;
	out->cached = 0;
	for (const struct thread_caches *c = atomic_load(&all); c; c = c->next)
		out->cached += LOAD(c->of[id].n) + LOAD(c->of[id].nspare);
	out->shared = shared_count(id) + guard_resting(pools[id]);
	out->allocated = atomic_load(&allocated[id]) + guard_allocated(pools[id]);
	out->returned = atomic_load(&returned[id]);
	out->made = out->allocated + out->returned;
	resting = out->cached + out->shared;
	out->in_use = out->allocated > resting ? out->allocated - resting : 0;
}

unsigned pool_counts(struct pool_count *out, unsigned n)
{
	for (unsigned i = 1; i < npools && i <= n; i++)
		count(i, &out[i - 1]);
	return npools - 1;
}

uint64_t pool_fini(FILE *out)
{
	uint64_t sum = 0;

	pool_thread_stop();
	for (unsigned i = 1; i < npools; i++) {
		struct pool_count c;
		struct rest *r;

		count(i, &c);
		if (c.in_use)
			fprintf(out, "weir: pool %s: %llu objects still in use\n", c.name,
				(unsigned long long)c.in_use);
		sum += c.in_use;
		for (unsigned g = 0; g < GROUPS; g++)
			while (atomic_load(&shared[g]) && (r = shared_pop(pools[i], g)))
				batch_free(pools[i], r);
		guard_report(pools[i], out);
		guard_trim(pools[i]);
	}
	for (struct thread_caches *c = atomic_exchange(&all, NULL), *next; c; c = next) {
		next = c->next;
		free(c);
	}
	for (unsigned g = 0; g < GROUPS; g++)
		free(atomic_exchange(&shared[g], NULL));
	return sum;
}
