/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

#include <stdlib.h>
#include <sys/random.h>

#include "../base/bug.h"
#include "../base/siphash.h"

#define SHARDS_MAX 64
#define SHARD_KEYS 64 /* a smaller table has fewer shards */
#define NOBODY 0 /* counters are named by their number plus one */
#define SHOW_KEYS 64 /* forgotten in one go when somebody looks */
#define LOOK_MAX 8 /* keys of a shard that are looked at for one to forget */

static struct checkpoint *all;
static uint64_t hash_key[2];

struct checkpoint_key counters_key(struct str s, bool lower)
{
	struct checkpoint_key key;

	siphash128(hash_key, s, lower, key.half);
	return key;
}

/* -- the table ----------------------------------------------------------------------------------
 */

struct shard *counters_shard(const struct checkpoint *cp, struct checkpoint_key key)
{
	return &cp->shards[key.half[1] & (cp->nshards - 1)];
}

static uint32_t *bucket_of(const struct checkpoint *cp, struct shard *s, struct checkpoint_key key)
{
	return &s->buckets[key.half[0] & (cp->nbuckets - 1)];
}

bool counters_same(struct checkpoint_key a, struct checkpoint_key b)
{
	return a.half[0] == b.half[0] && a.half[1] == b.half[1];
}

static struct counter *counter(const struct checkpoint *cp, uint32_t number)
{
	return &cp->counters[number - 1];
}

struct counter *counters_find(const struct checkpoint *cp, struct shard *s,
			      struct checkpoint_key key)
{
	uint32_t at = *bucket_of(cp, s, key);

	while (at != NOBODY && !counters_same(counter(cp, at)->key, key))
		at = counter(cp, at)->next;
	return at == NOBODY ? NULL : counter(cp, at);
}

void counters_touch(struct shard *s, struct counter *c, uint64_t now)
{
	c->seen = now;
	list_del(&c->used);
	list_push(&s->used, &c->used);
}

/* Somebody needs <c>: it counts as used now. */
static bool busy(struct shard *s, struct counter *c, uint64_t now)
{
	if (!c->held && !c->queued)
		return false;
	counters_touch(s, c, now);
	return true;
}

static void forget(struct checkpoint *cp, struct shard *s, struct counter *c)
{
	uint32_t *at = bucket_of(cp, s, c->key), own = (uint32_t)(c - cp->counters) + 1;

	while (*at != own)
		at = &counter(cp, *at)->next;
	*at = c->next;
	list_del(&c->used);
	s->nkeys--;
	pthread_mutex_lock(&cp->free_lock);
	c->next = cp->freed;
	cp->freed = own;
	pthread_mutex_unlock(&cp->free_lock);
}

/* Of the keys that <s> has used least lately, one that nobody needs: it is forgotten. */
static bool evict(struct checkpoint *cp, struct shard *s)
{
	for (unsigned i = 0; !list_empty(&s->used) && i < LOOK_MAX; i++) {
		struct counter *c = CONTAINER(s->used.prev, struct counter, used);

		if (busy(s, c, th->now))
			continue;
		forget(cp, s, c);
		s->evicted++;
		return true;
	}
	return false;
}

/* The table is full: another shard gives up a key. One that is in use just now is left out, so that
 * no two threads wait for each other. */
static bool evict_other(struct checkpoint *cp, const struct shard *own)
{
	bool done = false;

	for (uint32_t i = 0; i < cp->nshards && !done; i++) {
		struct shard *s = &cp->shards[i];

		if (s == own || pthread_mutex_trylock(&s->lock))
			continue;
		done = evict(cp, s);
		pthread_mutex_unlock(&s->lock);
	}
	return done;
}

/* Forgets keys that have been unused for longer than they are kept; looks at <max> at most. */
static void expire(struct checkpoint *cp, struct shard *s, uint64_t now, unsigned max)
{
	while (max-- && !list_empty(&s->used)) {
		struct counter *c = CONTAINER(s->used.prev, struct counter, used);

		if (now < c->seen + cp->keep)
			return;
		if (!busy(s, c, now))
			forget(cp, s, c);
	}
}

static uint32_t take_free(struct checkpoint *cp)
{
	uint32_t at = NOBODY;

	pthread_mutex_lock(&cp->free_lock);
	if (cp->freed != NOBODY) {
		at = cp->freed;
		cp->freed = counter(cp, at)->next;
	} else if (cp->unused < cp->room) {
		at = ++cp->unused;
	}
	pthread_mutex_unlock(&cp->free_lock);
	return at;
}

static struct counter *add(struct checkpoint *cp, struct shard *s, struct checkpoint_key key)
{
	uint32_t at = take_free(cp), *bucket = bucket_of(cp, s, key);
	struct counter *c;

	if (at == NOBODY && (evict(cp, s) || evict_other(cp, s)))
		at = take_free(cp);
	if (at == NOBODY)
		return NULL;
	c = counter(cp, at);
	*c = (struct counter) { .key = key, .next = *bucket, .begin = th->now };
	list_init(&c->queue);
	*bucket = at;
	s->nkeys++;
	return c;
}

struct counter *counters_use(struct checkpoint *cp, struct shard *s, struct checkpoint_key key)
{
	struct counter *c;

	expire(cp, s, th->now, 2); /* more than one key comes */
	c = counters_find(cp, s, key); /* now: one just forgotten may be another shard's */
	if (!c)
		c = add(cp, s, key);
	if (c)
		counters_touch(s, c, th->now);
	return c;
}

/* -- shown --------------------------------------------------------------------------------------
 */

/* The lock is given back now and then. */
static void expire_all(struct checkpoint *cp, struct shard *s)
{
	uint64_t now = clock_now_us() / 1000;
	uint32_t before, after;

	do {
		pthread_mutex_lock(&s->lock);
		before = s->nkeys;
		expire(cp, s, now, SHOW_KEYS);
		after = s->nkeys;
		pthread_mutex_unlock(&s->lock);
	} while (after < before);
}

bool counters_show(uint32_t row, struct checkpoint_shown *out)
{
	struct checkpoint *cp = row < site.ws->ncheckpoints ? &all[row] : NULL;

	if (!cp)
		return false;
	*out = (struct checkpoint_shown) { .name = ws_str(cp->ws->name), .keys_max = cp->room };
	for (uint32_t i = 0; i < cp->nshards; i++) {
		struct shard *s = &cp->shards[i];

		expire_all(cp, s);
		pthread_mutex_lock(&s->lock);
#define COUNT(member, ...) out->member += s->member;
		CHECKPOINT_COUNTS(COUNT)
#undef COUNT
		out->keys += s->nkeys;
		out->waiting += s->waiting;
		out->queues += s->queues;
		out->held += s->held;
		pthread_mutex_unlock(&s->lock);
	}
	return true;
}

/* -- set up -------------------------------------------------------------------------------------
 */

static uint32_t power_of_two(uint64_t n)
{
	uint32_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static bool make(struct checkpoint *cp, const struct ws_checkpoint *ws)
{
	const int64_t *num = site.nums + ws->nums;
	bool keyed = ws->key != WS_NONE;

	cp->ws = ws;
	cp->limit = (uint64_t)num[ws->limit == WS_LIMIT_RATE ? WS_RATE_BYTES : WS_MAXCONN];
	cp->period = (uint64_t)num[WS_RATE_MS];
	cp->keep = (uint64_t)num[WS_KEEP];
	cp->delay = (uint64_t)num[WS_T_QUEUE];
	cp->queue_max = (uint32_t)num[WS_QUEUE_MAX];
	cp->room = keyed ? (uint32_t)num[WS_POOL_MAX] : 1;
	cp->nshards = power_of_two(cp->room / SHARD_KEYS);
	cp->nshards = cp->nshards > SHARDS_MAX ? SHARDS_MAX : cp->nshards;
	cp->nbuckets = power_of_two((cp->room + cp->nshards - 1) / cp->nshards);
	/* Pages of these that no key has touched take no memory. */
	cp->counters = calloc(cp->room, sizeof(*cp->counters));
	cp->buckets = calloc((size_t)cp->nshards * cp->nbuckets, sizeof(*cp->buckets));
	if (posix_memalign((void **)&cp->shards, LINE, cp->nshards * sizeof(*cp->shards)))
		cp->shards = NULL;
	if (!cp->counters || !cp->buckets || !cp->shards)
		return false;
	memset(cp->shards, 0, cp->nshards * sizeof(*cp->shards));
	BUG_ON(pthread_mutex_init(&cp->free_lock, NULL));
	for (uint32_t i = 0; i < cp->nshards; i++) {
		cp->shards[i].buckets = cp->buckets + (size_t)i * cp->nbuckets;
		list_init(&cp->shards[i].used);
		BUG_ON(pthread_mutex_init(&cp->shards[i].lock, NULL));
	}
	return true;
}

bool counters_load(FILE *err)
{
	if (posix_memalign((void **)&all, LINE, site.ws->ncheckpoints * sizeof(*all)))
		all = NULL;
	if (!all || getrandom(hash_key, sizeof(hash_key), 0) != (ssize_t)sizeof(hash_key)) {
		fputs("checkpoints: memory or random numbers are missing\n", err);
		return false;
	}
	memset(all, 0, site.ws->ncheckpoints * sizeof(*all));
	for (uint32_t i = 0; i < site.ws->ncheckpoints; i++) {
		const struct ws_place *at = &site.ws->places[site.ws->checkpoints[i].where];

		if (make(&all[i], &site.ws->checkpoints[i]))
			continue;
		fprintf(err, "%.*s:%u: memory is missing for the table of this checkpoint\n",
			STR_ARG(ws_str(site.ws->files[at->file])), at->line);
		return false;
	}
	return true;
}

void counters_free(void)
{
	for (uint32_t i = 0; all && i < site.ws->ncheckpoints; i++) {
		free(all[i].counters);
		free(all[i].buckets);
		free(all[i].shards);
	}
	free(all);
	all = NULL;
}

struct checkpoint *counters_of(uint32_t row)
{
	return &all[row];
}
