/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"

#include "../core/pool.h"
#include "counters.h"

static struct pool turn_pool;

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
 * in it. */
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
	counters_touch(s, c, th->now);
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
		if (turns->cp == cp && counters_same(turns->counter->key, key))
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
	struct shard *s = counters_shard(cp, key);
	enum checkpoint_got got = CHECKPOINT_FULL;
	struct counter *c;

	pthread_mutex_lock(&s->lock);
	c = counters_use(cp, s, key);
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

static struct counter look(const struct checkpoint *cp, struct checkpoint_key key)
{
	struct shard *s = counters_shard(cp, key);
	struct counter copy = { 0 }, *c;

	pthread_mutex_lock(&s->lock);
	c = counters_find(cp, s, key);
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

void checkpoint_init(void)
{
	pool_init(&turn_pool, "turn", sizeof(struct turn));
}
