/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "../../../runtime/core/clock.h"
#include "../../../runtime/core/poll.h"
#include "../../../runtime/core/pool.h"
#include "../../../runtime/proxy/checkpoint.h"
#include "../../../runtime/proxy/counters.h"

#define ROWS 2

static struct ws_checkpoint rows[ROWS];
static int64_t nums[ROWS * WS_NUMS];
static struct ws_site ws;
static struct proxy_thread proxy[8];
static void (*begin)(void);

/* Row <i>: <n> in <period> ms, or at a time when that is 0; <keys> 0: no key. */
static void limit(uint32_t i, int64_t n, int64_t period, int64_t keys)
{
	int64_t *num = &nums[i * WS_NUMS];

	rows[i] = (struct ws_checkpoint) { .nums = i * WS_NUMS,
					   .key = keys ? 0 : WS_NONE,
					   .rsp_key = WS_NONE,
					   .limit = period ? WS_LIMIT_RATE : WS_LIMIT_CONCURRENCY,
					   .holds = period == 0 };
	num[WS_RATE_BYTES] = num[WS_MAXCONN] = n;
	num[WS_RATE_MS] = period ? period : 10000;
	num[WS_KEEP] = 60000;
	num[WS_T_QUEUE] = 100000000;
	num[WS_QUEUE_MAX] = 0;
	num[WS_POOL_MAX] = keys;
}

static int start(struct thread *t)
{
	t->proxy = &proxy[t->tid];
	if (t->tid == 0)
		begin();
	return 0;
}

/* <fn> runs on a loop whose clock jumps from timer to timer; then nothing may be left. */
static void run(void (*fn)(void), unsigned n, int (*each)(struct thread *))
{
	struct thread_config cfg = { .nthreads = n, .poller = &poller_epoll, .start = each };
	struct checkpoint_shown s;

	ws = (struct ws_site) { .checkpoints = rows, .ncheckpoints = ROWS };
	site = (struct site) { .ws = &ws, .nums = nums };
	memset(proxy, 0, sizeof(proxy));
	begin = fn;
	ck_assert(counters_load(stderr));
	checkpoint_init();
	clock_set(n == 1 ? CLOCK_JUMP : CLOCK_REAL, 5000000);
	ck_assert_int_eq(thread_run(&cfg), 0);
	for (uint32_t i = 0; i < ROWS; i++) {
		ck_assert(counters_show(i, &s));
		ck_assert_uint_eq(s.waiting + s.queues + s.held, 0);
	}
	for (unsigned i = 0; i < n; i++)
		ck_assert_uint_eq(proxy[i].nwaiters, 0);
	counters_free();
	ck_assert_uint_eq(pool_fini(stderr), 0);
	clock_set(CLOCK_REAL, 0);
}

static struct checkpoint_key key_number(uint32_t n)
{
	return counters_key(str_of((const char *)&n, sizeof(n)), false);
}

static struct checkpoint_shown shown(uint32_t row)
{
	struct checkpoint_shown s;

	ck_assert(counters_show(row, &s));
	return s;
}

static struct timer stopper;

static void stop_at(uint64_t ms, void (*fire)(struct timer *))
{
	stopper = (struct timer) { .fire = fire };
	timer_set(&stopper, th->now + ms);
}

/* -- S98 ----------------------------------------------------------------------------------------
 */

#define EACH 3 /* clients of a source, who come again as soon as they have passed */
#define SOURCES 16

struct client {
	struct turn *turns;
	uint32_t source, at; /* checkpoint that is next */
};

static struct client clients[SOURCES * EACH];
static uint32_t sources;
static uint64_t passed, refused, passed_by[SOURCES];
static bool over;

static void client_waited(struct turn *t);

static void client_goes(struct client *c)
{
	while (!over) {
		switch (checkpoint_enter(counters_of(c->at),
					 c->at ? key_number(c->source)
					       : (struct checkpoint_key) { { 0 } },
					 true, &c->turns)) {
		case CHECKPOINT_PASSED:
			break;
		case CHECKPOINT_WAITS:
			c->turns->owner = c;
			c->turns->over = client_waited;
			return;
		default:
			refused++;
			return;
		}
		c->at = !c->at;
		if (c->at) {
			passed++;
			passed_by[c->source]++;
		}
	}
}

static void client_waited(struct turn *t)
{
	struct client *c = t->owner;

	ck_assert_uint_eq(t->state, TURN_PASSED);
	checkpoint_settle(&c->turns, t);
	c->at = !c->at;
	if (c->at) {
		passed++;
		passed_by[c->source]++;
	}
	client_goes(c);
}

static void minute_over(struct timer *t)
{
	(void)t;
	over = true;
	for (unsigned i = 0; i < sources * EACH; i++)
		checkpoint_leave(&clients[i].turns);
	thread_stop_all();
}

static void minute(void)
{
	over = false;
	passed = refused = 0;
	memset(passed_by, 0, sizeof(passed_by));
	stop_at(60000, minute_over);
	for (unsigned i = 0; i < sources * EACH; i++) {
		clients[i] = (struct client) { .source = i / EACH, .at = 1 };
		client_goes(&clients[i]);
	}
}

START_TEST(S98_a_minute_gives_what_the_limits_allow)
{
	limit(0, 100, 1000, 0); /* of the host */
	limit(1, 10, 1000, 1000); /* of each source */
	sources = 5; /* ask for less than the host may have */
	run(minute, 1, start);
	ck_assert_uint_eq(refused, 0);
	ck_assert_uint_ge(passed, 50 * 60 * 98 / 100);
	ck_assert_uint_le(passed, 50 * 60 * 102 / 100);
	sources = SOURCES; /* ask for more */
	run(minute, 1, start);
	ck_assert_uint_eq(refused, 0);
	ck_assert_uint_ge(passed, 100 * 60 * 98 / 100);
	ck_assert_uint_le(passed, 100 * 60 * 102 / 100);
	for (uint32_t i = 0; i < SOURCES; i++)
		ck_assert_uint_le(passed_by[i], 10 * 60 * 102 / 100);
}
END_TEST

static uint64_t began_at;

static void burst(void)
{
	began_at = th->now;
	minute();
	ck_assert_uint_eq(passed_by[0], 10);
}

START_TEST(from_rest_a_whole_period_goes_at_once)
{
	limit(0, 1000000, 1000, 0);
	limit(1, 10, 7000, 10);
	sources = 1;
	run(burst, 1, start);
	ck_assert_uint_ge(passed, 10 * 60000 / 7000);
	ck_assert_uint_le(passed, 10 * 60000 / 7000 + 1);
}
END_TEST

/* -- S99 ----------------------------------------------------------------------------------------
 */

#define WAITERS 6

static struct turn *waiters[WAITERS];
static uint64_t came_at[WAITERS];
static unsigned order[WAITERS], ncame;

static void waiter_came(struct turn *t)
{
	unsigned i = (unsigned)((struct turn **)t->owner - waiters);

	came_at[i] = th->now;
	order[ncame++] = i | (t->state == TURN_LATE ? 0x100 : 0);
	checkpoint_settle(&waiters[i], t);
}

static enum checkpoint_got come(unsigned i, uint32_t key)
{
	enum checkpoint_got got =
		checkpoint_enter(counters_of(0), key_number(key), true, &waiters[i]);

	if (got == CHECKPOINT_WAITS) {
		waiters[i]->owner = &waiters[i];
		waiters[i]->over = waiter_came;
	}
	return got;
}

static unsigned timers(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WAITERS; i++)
		n += waiters[i] && timer_armed(&waiters[i]->timer);
	return n;
}

static void waiters_end(struct timer *t)
{
	(void)t;
	for (unsigned i = 0; i < WAITERS; i++)
		checkpoint_leave(&waiters[i]);
	thread_stop_all();
}

static void heads(void)
{
	ncame = 0;
	ck_assert_int_eq(come(0, 1), CHECKPOINT_PASSED);
	for (unsigned i = 1; i < WAITERS; i++)
		ck_assert_int_eq(come(i, 1), CHECKPOINT_WAITS);
	ck_assert_uint_eq(timers(), 1);
	ck_assert(timer_armed(&waiters[1]->timer));
	ck_assert_uint_eq(shown(0).queues, 1);
	ck_assert_uint_eq(shown(0).waiting, 5);
	checkpoint_leave(&waiters[1]); /* the head: the next one gets its duty */
	ck_assert_uint_eq(timers(), 1);
	ck_assert(timer_armed(&waiters[2]->timer));
	checkpoint_leave(&waiters[3]); /* another one: nothing changes */
	ck_assert_uint_eq(timers(), 1);
	ck_assert_uint_eq(shown(0).left, 2);
	began_at = th->now;
	stop_at(10000, waiters_end);
}

START_TEST(S99_only_the_head_has_a_timer)
{
	limit(0, 1, 1000, 10);
	limit(1, 1, 1000, 0);
	run(heads, 1, start);
	ck_assert_uint_eq(ncame, 3);
	ck_assert_uint_eq(order[0], 2);
	ck_assert_uint_eq(order[1], 4);
	ck_assert_uint_eq(order[2], 5);
	for (unsigned i = 0; i < 3; i++) { /* one a second, and one turn of the loop */
		uint64_t after = came_at[order[i]] - began_at;

		ck_assert_uint_ge(after, (i + 1) * 1000);
		ck_assert_uint_le(after, (i + 1) * 1000 + 5);
	}
}
END_TEST

static void late_ones(void)
{
	ncame = 0;
	began_at = th->now;
	ck_assert_int_eq(come(0, 1), CHECKPOINT_PASSED);
	for (unsigned i = 1; i < 4; i++)
		ck_assert_int_eq(come(i, 1), CHECKPOINT_WAITS);
	ck_assert_int_eq(come(4, 1), CHECKPOINT_FULL);
	stop_at(1000, waiters_end);
}

START_TEST(S102_too_many_and_too_late)
{
	limit(0, 1, 0, 10);
	limit(1, 1, 1000, 0);
	nums[WS_QUEUE_MAX] = 3;
	nums[WS_T_QUEUE] = 100;
	run(late_ones, 1, start);
	ck_assert_uint_eq(ncame, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(order[i], (i + 1) | 0x100);
		ck_assert_uint_ge(came_at[i + 1] - began_at, 100);
		ck_assert_uint_le(came_at[i + 1] - began_at, 105);
	}
}
END_TEST

/* -- S100 ---------------------------------------------------------------------------------------
 */

#define KEYS 10000

static void come_and_go(uint32_t first, uint32_t n)
{
	for (uint32_t k = first; k < first + n; k++) {
		struct checkpoint_key key = key_number(k);
		struct turn *turns = NULL;

		for (unsigned i = 0; i < 2; i++)
			ck_assert_int_eq(checkpoint_enter(counters_of(0), key, true, &turns),
					 CHECKPOINT_PASSED);
		ck_assert_int_eq(checkpoint_enter(counters_of(0), key, true, &turns),
				 CHECKPOINT_WAITS);
		checkpoint_leave(&turns);
		ck_assert_uint_eq(checkpoint_rate(counters_of(0), key), 2);
	}
}

static void keys_over(struct timer *t)
{
	(void)t;
	ck_assert_uint_eq(shown(0).keys, 0); /* kept no longer */
	come_and_go(KEYS, 3 * KEYS); /* more than there is room for */
	ck_assert_uint_eq(shown(0).keys, KEYS);
	ck_assert_uint_eq(shown(0).evicted, 2 * KEYS);
	ck_assert_uint_eq(checkpoint_rate(counters_of(0), key_number(KEYS)), 0);
	ck_assert_uint_eq(checkpoint_rate(counters_of(0), key_number(4 * KEYS - 1)), 2);
	thread_stop_all();
}

static void keys(void)
{
	come_and_go(0, KEYS);
	ck_assert_uint_eq(shown(0).keys, KEYS);
	ck_assert_uint_eq(shown(0).keys_max, KEYS);
	ck_assert_uint_eq(shown(0).evicted, 0);
	stop_at(60001, keys_over);
}

START_TEST(S100_ten_thousand_keys_and_a_table_that_does_not_grow)
{
	limit(0, 2, 30000, KEYS);
	limit(1, 1, 1000, 0);
	run(keys, 1, start);
}
END_TEST

/* -- S101 ---------------------------------------------------------------------------------------
 */

static void places(void)
{
	struct turn *again = NULL;

	ncame = 0;
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(come(i, 1), CHECKPOINT_PASSED);
	ck_assert_int_eq(come(0, 1), CHECKPOINT_PASSED); /* it has a place */
	ck_assert_uint_eq(shown(0).held, 2);
	ck_assert_uint_eq(checkpoint_conc(counters_of(0), key_number(1)), 2);
	ck_assert_int_eq(checkpoint_enter(counters_of(0), key_number(1), false, &again),
			 CHECKPOINT_PASSED); /* count: whatever the limit */
	ck_assert_uint_eq(checkpoint_conc(counters_of(0), key_number(1)), 3);
	for (unsigned i = 2; i < 5; i++)
		ck_assert_int_eq(come(i, 1), CHECKPOINT_WAITS);
	ck_assert_int_eq(come(5, 2), CHECKPOINT_PASSED); /* of another key */
	checkpoint_leave(&again);
	checkpoint_leave(&waiters[0]); /* 2 gets the place, and leaves before it hears of it: 3 */
	checkpoint_leave(&waiters[2]);
	stop_at(10, waiters_end);
}

START_TEST(S101_places_are_given_back)
{
	limit(0, 2, 0, 10);
	limit(1, 1, 1000, 0);
	run(places, 1, start);
	ck_assert_uint_eq(ncame, 1);
	ck_assert_uint_eq(order[0], 3);
}
END_TEST

/* -- threads ------------------------------------------------------------------------------------
 */

#define THREADS 4
#define WORKERS 8 /* of a thread */
#define ROUNDS 300
#define ATONCE 3

struct worker {
	struct turn *turns;
	struct task task;
	unsigned round;
	bool inside;
};

static struct worker workers[THREADS][WORKERS];
static _Atomic uint32_t inside, most, working; /* <working>: threads */
static struct timer lookers[THREADS];
static unsigned done[THREADS];

static void worker_enters(struct worker *w)
{
	uint32_t n = atomic_fetch_add(&inside, 1) + 1, m = atomic_load(&most);

	while (n > m && !atomic_compare_exchange_weak(&most, &m, n))
		;
	w->inside = true;
	task_wake(&w->task);
}

static void worker_came(struct turn *t)
{
	struct worker *w = t->owner;

	checkpoint_settle(&w->turns, t);
	worker_enters(w);
}

static void work(struct task *task)
{
	struct worker *w = CONTAINER(task, struct worker, task);

	if (w->inside) {
		w->inside = false;
		atomic_fetch_sub(&inside, 1);
		checkpoint_leave(&w->turns);
	}
	if (w->round++ == ROUNDS) {
		done[th->tid]++;
		return;
	}
	switch (checkpoint_enter(counters_of(0), key_number(7), true, &w->turns)) {
	case CHECKPOINT_PASSED:
		worker_enters(w);
		return;
	case CHECKPOINT_WAITS:
		w->turns->owner = w;
		w->turns->over = worker_came;
		if (w->round % 5)
			return;
		checkpoint_leave(&w->turns); /* has no patience */
		task_wake(task);
		return;
	default:
		ck_abort();
	}
}

/* A turn that has been left is freed when what was told to it has arrived. */
static void look(struct timer *t)
{
	if (done[th->tid] < WORKERS || pt()->nwaiters)
		timer_set(t, th->now + 1);
	else if (atomic_fetch_sub(&working, 1) == 1)
		thread_stop_all();
}

static int start_workers(struct thread *t)
{
	t->proxy = &proxy[t->tid];
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *w = &workers[t->tid][i];

		*w = (struct worker) { 0 };
		task_init(&w->task, TASK_NORMAL, work);
		task_wake(&w->task);
	}
	lookers[t->tid] = (struct timer) { .fire = look };
	timer_set(&lookers[t->tid], t->now + 1);
	return 0;
}

START_TEST(threads_share_a_queue)
{
	limit(0, ATONCE, 0, 10);
	limit(1, 1, 1000, 0);
	inside = most = 0;
	working = THREADS;
	memset(done, 0, sizeof(done));
	run(NULL, THREADS, start_workers);
	ck_assert_uint_le(most, ATONCE);
	ck_assert_uint_eq(inside, 0);
}
END_TEST

START_TEST(keys_of_texts)
{
	struct checkpoint_key a = counters_key(S("User-1"), true),
			      b = counters_key(S("uSER-1"), true),
			      c = counters_key(S("User-1"), false),
			      d = counters_key(S("user-1"), false);

	ck_assert(a.half[0] == b.half[0] && a.half[1] == b.half[1]);
	ck_assert(c.half[0] != d.half[0] && c.half[1] != d.half[1]);
	ck_assert(a.half[0] == d.half[0] && a.half[1] == d.half[1]);
}
END_TEST

Suite *checkpoint_suite(void)
{
	Suite *s = suite_create("checkpoint");
	TCase *tc = tcase_create("checkpoint");

	tcase_add_test(tc, S98_a_minute_gives_what_the_limits_allow);
	tcase_add_test(tc, from_rest_a_whole_period_goes_at_once);
	tcase_add_test(tc, S99_only_the_head_has_a_timer);
	tcase_add_test(tc, S100_ten_thousand_keys_and_a_table_that_does_not_grow);
	tcase_add_test(tc, S101_places_are_given_back);
	tcase_add_test(tc, S102_too_many_and_too_late);
	tcase_add_test(tc, threads_share_a_queue);
	tcase_add_test(tc, keys_of_texts);
	suite_add_tcase(s, tc);
	return s;
}
