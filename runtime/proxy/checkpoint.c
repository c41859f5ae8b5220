/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "../base/bug.h"
#include "../base/siphash.h"
#include "../core/pool.h"

#define LINE 64 /* of the cache */
#define SHARDS_MAX 64
#define SHARD_KEYS 64 /* a smaller table has fewer shards */
#define NOBODY 0 /* counters are named by their number plus one */
#define SHOW_KEYS 64 /* forgotten in one go when somebody looks */
#define LOOK_MAX 8 /* keys of a shard that are looked at for one to forget */

struct counter {
	struct checkpoint_key key;
	struct list used; /* of the shard, the one last used first */
	struct list queue; /* struct turn */
	uint64_t begin; /* tick at which the present period began */
	uint64_t seen; /* tick of the last use */
	uint32_t next; /* in its bucket, or in the list of free ones; NOBODY: it is the last */
	uint32_t now, before; /* counted in the present period, in the one before it */
	uint32_t held;
	uint32_t queued;
};

struct shard {
	_Alignas(LINE) pthread_mutex_t lock;
	uint32_t *buckets;
	struct list used;
	uint32_t nkeys, held, waiting, queues;
#define COUNT(member, ...) uint64_t member;
	CHECKPOINT_COUNTS(COUNT)
#undef COUNT
};

struct checkpoint {
	const struct ws_checkpoint *ws;
	uint64_t limit; /* messages in a period, or at a time */
	uint64_t period, keep, delay; /* ms; delay 0: none */
	uint32_t queue_max; /* 0: none */
	uint32_t nshards, mask, nbuckets; /* of a shard, a power of two */
	struct shard *shards;
	uint32_t *buckets;
	struct counter *counters;
	uint32_t room;
	/* Counters that hold no key: those never used, and a list. */
	_Alignas(LINE) pthread_mutex_t free_lock;
	uint32_t unused, freed;
};

static struct checkpoint *all;
static struct pool turn_pool;
static uint64_t hash_key[2];

/* -- counting -----------------------------------------------------------------------------------
 */

/* The clock of this thread may be a little behind that of the one that began the period. */
static uint64_t into(const struct counter *c, uint64_t now)
{
	return now > c->begin ? now - c->begin : 0;
}

static void roll(const struct checkpoint *cp, struct counter *c, uint64_t now)
{
	uint64_t passed = into(c, now);

	if (passed < cp->period)
		return;
	c->before = passed < 2 * cp->period ? c->now : 0;
	c->now = 0;
	c->begin += passed - passed % cp->period;
}

/* Messages of the last period, times the period: that before this one counts by the part that lies
 * in it. / */
static uint64_t weight(const struct checkpoint *cp, const struct counter *c, uint64_t now)
{
	uint64_t gone = into(c, now);

	return c->now * cp->period + (gone < cp->period ? c->before * (cp->period - gone) : 0);
}

static bool allows(const struct checkpoint *cp, struct counter *c, uint64_t now)
{
	if (cp->ws->limit == WS_LIMIT_CONCURRENCY)
		return c->held < cp->limit;
	roll(cp, c, now);
	return cp->ws->limit == WS_LIMIT_NONE || weight(cp, c, now) < cp->limit * cp->period;
}

/* The tick at which the limit allows one more when nothing changes before. roll() has been called.
 */
static uint64_t allowed_at(const struct checkpoint *cp, const struct counter *c)
{
	uint64_t now = c->now, before = c->before, begin = c->begin;

	if (now >= cp->limit) { /* not in this period */
		before = now;
		now = 0;
		begin += cp->period;
	}
	/* weight < limit * period when more than (before - (limit - now)) of <before> have gone. */
	if (before < cp->limit - now)
		return begin;
	return begin + (before - (cp->limit - now)) * cp->period / before + 1;
}

static void count(const struct checkpoint *cp, struct counter *c, struct shard *s, uint64_t now,
		  bool hold)
{
	roll(cp, c, now);
	if (c->now < UINT32_MAX)
		c->now++;
	s->passed++;
	if (!hold)
		return;
	c->held++;
	s->held++;
}

/* -- the table ----------------------------------------------------------------------------------
 */

static struct shard *shard_of(const struct checkpoint *cp, struct checkpoint_key key)
{
	return &cp->shards[key.half[1] & (cp->nshards - 1)];
}

static uint32_t *bucket_of(const struct checkpoint *cp, struct shard *s, struct checkpoint_key key)
{
	return &s->buckets[key.half[0] & (cp->nbuckets - 1)];
}

static bool same(struct checkpoint_key a, struct checkpoint_key b)
{
	return a.half[0] == b.half[0] && a.half[1] == b.half[1];
}

static struct counter *counter(const struct checkpoint *cp, uint32_t number)
{
	return &cp->counters[number - 1];
}

/* Lock of the shard held, as below. */
static struct counter *find(const struct checkpoint *cp, struct shard *s, struct checkpoint_key key)
{
	uint32_t at = *bucket_of(cp, s, key);

	while (at != NOBODY && !same(counter(cp, at)->key, key))
		at = counter(cp, at)->next;
	return at == NOBODY ? NULL : counter(cp, at);
}

static void used_at(struct shard *s, struct counter *c, uint64_t now)
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
	used_at(s, c, now);
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

/* The counter of <key>, made when there is none; NULL: there is no room. */
static struct counter *use(struct checkpoint *cp, struct shard *s, struct checkpoint_key key)
{
	struct counter *c;

	expire(cp, s, th->now, 2); /* more than one key comes */
	c = find(cp, s, key); /* now: a counter that was just forgotten may be another shard's */
	if (!c)
		c = add(cp, s, key);
	if (c)
		used_at(s, c, th->now);
	return c;
}

/* -- the queue ----------------------------------------------------------------------------------
 */

static struct turn *head(const struct counter *c)
{
	return list_empty(&c->queue) ? NULL : CONTAINER(c->queue.next, struct turn, link);
}

/* Own turn, the head: when there is something to do for it. */
static void set_timer(struct turn *t)
{
	uint64_t at = t->until;

	if (t->cp->ws->limit == WS_LIMIT_RATE) {
		uint64_t allowed = allowed_at(t->cp, t->counter);

		at = at && at < allowed ? at : allowed;
	}
	if (at)
		timer_set(&t->timer, at > th->now ? at : th->now + 1);
}

static void tell(struct turn *t)
{
	if (t->told)
		return;
	t->told = true;
	if (t->task.tid == th->tid)
		task_wake(&t->task);
	else
		task_wake_remote(&t->task);
}

/* Whoever is the head now has the timer. */
static void pass_duty(struct counter *c)
{
	struct turn *t = head(c);

	if (!t || t->duty)
		return;
	t->duty = true;
	if (t->task.tid == th->tid)
		set_timer(t);
	else
		tell(t);
}

static void unqueue(struct shard *s, struct turn *t)
{
	list_del(&t->link);
	s->waiting--;
	if (!--t->counter->queued)
		s->queues--;
}

/* Lets those go whose turn has come, or whose time is over, in their order. */
static void serve(struct checkpoint *cp, struct shard *s, struct counter *c)
{
	struct turn *t;

	while ((t = head(c))) {
		if (allows(cp, c, th->now)) {
			count(cp, c, s, th->now, cp->ws->holds);
			s->waited++;
			t->state = TURN_PASSED;
		} else if (t->until && t->until <= th->now) {
			s->late++;
			t->state = TURN_LATE;
		} else {
			break;
		}
		unqueue(s, t);
		tell(t);
	}
	pass_duty(c);
}

static void give_back(struct checkpoint *cp, struct shard *s, struct counter *c)
{
	c->held--;
	s->held--;
	used_at(s, c, th->now);
	if (cp->ws->limit == WS_LIMIT_CONCURRENCY)
		serve(cp, s, c);
}

/* It waits no longer, and nothing that it was told is on its way. */
static void end_wait(struct turn *t)
{
	if (!t->waited)
		return;
	t->waited = false;
	timer_del(&t->timer);
	if (t->pause)
		pause_free(t->pause);
	t->pause = NULL;
	pt()->nwaiters--;
}

static void turn_free(struct turn *t)
{
	end_wait(t);
	pool_put(&turn_pool, t);
}

static void fire(struct timer *timer)
{
	struct turn *t = CONTAINER(timer, struct turn, timer);
	struct shard *s = t->shard;

	pthread_mutex_lock(&s->lock);
	if (t->state == TURN_WAITS)
		serve(t->cp, s, t->counter);
	if (t->state == TURN_WAITS)
		set_timer(t);
	pthread_mutex_unlock(&s->lock);
}

/* What another thread, or this one, has told <t>. Nothing that is not told again is on its way. */
static void hear(struct task *task)
{
	struct turn *t = CONTAINER(task, struct turn, task);
	struct shard *s = t->shard;
	enum turn_state state;

	pthread_mutex_lock(&s->lock);
	t->told = false;
	state = t->state;
	if (state == TURN_WAITS && !t->left)
		set_timer(t);
	else if (state == TURN_PASSED && t->left && t->cp->ws->holds)
		give_back(t->cp, s, t->counter);
	pthread_mutex_unlock(&s->lock);
	if (t->left) {
		turn_free(t);
	} else if (state != TURN_WAITS) {
		timer_del(&t->timer);
		t->heard = true;
		t->over(t);
	}
}

static void wait_in(struct checkpoint *cp, struct shard *s, struct counter *c, struct turn *t)
{
	t->state = TURN_WAITS;
	t->until = cp->delay ? th->now + cp->delay : 0;
	t->since = th->now_us;
	task_init(&t->task, TASK_URGENT, hear);
	t->timer.fire = fire;
	t->waited = true;
	pt()->nwaiters++;
	list_append(&c->queue, &t->link);
	s->waiting++;
	if (!c->queued++)
		s->queues++;
	pass_duty(c);
}

/* -- coming and going ---------------------------------------------------------------------------
 */

static const struct turn *held_already(const struct checkpoint *cp, const struct turn *turns,
				       struct checkpoint_key key)
{
	for (; turns; turns = turns->next)
		if (turns->cp == cp && same(turns->counter->key, key))
			return turns;
	return NULL;
}

/* Lock held. <t> is there when one may be needed. */
static enum checkpoint_got enter(struct checkpoint *cp, struct shard *s, struct counter *c,
				 bool limit, bool hold, struct turn *t)
{
	if (!limit || (!c->queued && allows(cp, c, th->now))) {
		count(cp, c, s, th->now, hold);
		if (hold)
			t->state = TURN_HELD;
		return CHECKPOINT_PASSED;
	}
	if (cp->queue_max && c->queued >= cp->queue_max) {
		s->full++;
		return CHECKPOINT_FULL;
	}
	if (!t)
		return CHECKPOINT_NO_MEMORY;
	wait_in(cp, s, c, t);
	return CHECKPOINT_WAITS;
}

static enum checkpoint_got try_enter(struct checkpoint *cp, struct checkpoint_key key, bool limit,
				     bool hold, struct turn *t)
{
	struct shard *s = shard_of(cp, key);
	enum checkpoint_got got = CHECKPOINT_FULL;
	struct counter *c;

	pthread_mutex_lock(&s->lock);
	c = use(cp, s, key);
	if (!c && limit)
		s->full++;
	if (c && t) {
		t->counter = c;
		t->shard = s;
	}
	if (c)
		got = enter(cp, s, c, limit, hold, t);
	pthread_mutex_unlock(&s->lock);
	return got;
}

enum checkpoint_got checkpoint_enter(struct checkpoint *cp, struct checkpoint_key key, bool limit,
				     struct turn **turns)
{
	bool has = cp->ws->holds && held_already(cp, *turns, key), hold = cp->ws->holds && !has;
	enum checkpoint_got got;
	struct turn *t = NULL;

	if (has && cp->ws->limit == WS_LIMIT_CONCURRENCY)
		limit = false;
	for (unsigned i = 0; i < 2; i++) {
		if ((hold || i) && !(t = pool_get_zero(&turn_pool)))
			return CHECKPOINT_NO_MEMORY;
		if (t)
			t->cp = cp;
		got = try_enter(cp, key, limit, hold, t);
		if (t || got != CHECKPOINT_NO_MEMORY)
			break;
	}
	if (t && (got == CHECKPOINT_WAITS || (got == CHECKPOINT_PASSED && hold))) {
		t->next = *turns;
		*turns = t;
	} else if (t) {
		pool_put(&turn_pool, t);
	}
	return got;
}

static void take_out(struct turn **turns, const struct turn *t)
{
	while (*turns != t)
		turns = &(*turns)->next;
	*turns = t->next;
}

void checkpoint_settle(struct turn **turns, struct turn *t)
{
	end_wait(t);
	if (t->state == TURN_PASSED && t->cp->ws->holds) {
		t->state = TURN_HELD;
		return;
	}
	take_out(turns, t);
	turn_free(t);
}

/* <t> ends, whatever its state is. */
static void leave(struct turn *t)
{
	struct shard *s = t->shard;
	bool told;

	pthread_mutex_lock(&s->lock);
	if (t->state == TURN_WAITS) {
		unqueue(s, t);
		t->state = TURN_LATE; /* it had no turn */
		s->left++;
		if (t->cp->ws->limit == WS_LIMIT_RATE)
			roll(t->cp, t->counter, th->now);
		pass_duty(t->counter);
	} else if (!t->told && t->state != TURN_LATE && t->cp->ws->holds) {
		give_back(t->cp, s, t->counter);
	}
	told = t->told;
	pthread_mutex_unlock(&s->lock);
	timer_del(&t->timer);
	t->left = true;
	if (!told)
		turn_free(t);
}

void checkpoint_drop(struct turn **turns, struct turn *t)
{
	take_out(turns, t);
	leave(t);
}

void checkpoint_leave(struct turn **turns)
{
	struct turn *t;

	while ((t = *turns)) {
		*turns = t->next;
		leave(t);
	}
}

/* -- questions ----------------------------------------------------------------------------------
 */

struct checkpoint_key checkpoint_key(struct str s, bool lower)
{
	struct checkpoint_key key;

	siphash128(hash_key, s, lower, key.half);
	return key;
}

static struct counter look(const struct checkpoint *cp, struct checkpoint_key key)
{
	struct shard *s = shard_of(cp, key);
	struct counter copy = { 0 }, *c;

	pthread_mutex_lock(&s->lock);
	c = find(cp, s, key);
	if (c)
		copy = *c;
	pthread_mutex_unlock(&s->lock);
	return copy;
}

uint64_t checkpoint_rate(struct checkpoint *cp, struct checkpoint_key key)
{
	struct counter c = look(cp, key);

	roll(cp, &c, th->now);
	return weight(cp, &c, th->now) / cp->period;
}

uint64_t checkpoint_conc(struct checkpoint *cp, struct checkpoint_key key)
{
	return look(cp, key).held;
}

uint64_t checkpoint_queued(struct checkpoint *cp, struct checkpoint_key key)
{
	return look(cp, key).queued;
}

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

bool checkpoint_show(uint32_t row, struct checkpoint_shown *out)
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

bool checkpoint_load(FILE *err)
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

void checkpoint_free(void)
{
	for (uint32_t i = 0; all && i < site.ws->ncheckpoints; i++) {
		free(all[i].counters);
		free(all[i].buckets);
		free(all[i].shards);
	}
	free(all);
	all = NULL;
}

void checkpoint_init(void)
{
	pool_init(&turn_pool, "turn", sizeof(struct turn));
}

struct checkpoint *checkpoint_get(uint32_t row)
{
	return &all[row];
}

const struct ws_checkpoint *checkpoint_ws(const struct checkpoint *cp)
{
	return cp->ws;
}
