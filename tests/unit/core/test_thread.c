/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../runtime/core/clock.h"
#include "../../../runtime/core/poll.h"
#include "../../../runtime/core/pool.h"
#include "../../../runtime/core/thread.h"

Suite *thread_suite(void);

#define N 4

static _Atomic unsigned started, stopped;
static unsigned order[N];

static int start_in_order(struct thread *t)
{
	ck_assert_ptr_eq(t, th);
	ck_assert_ptr_eq(threads[t->tid], t);
	order[t->tid] = atomic_fetch_add(&started, 1);
	if (t->tid == N - 1)
		thread_stop_all();
	return 0;
}

static void count_stop(struct thread *t)
{
	(void)t;
	atomic_fetch_add(&stopped, 1);
}

START_TEST(threads_start_in_order_in_equal_groups_and_all_stop)
{
	struct thread_config cfg = { .nthreads = N,
				     .ngroups = 2,
				     .poller = &poller_epoll,
				     .start = start_in_order,
				     .stop = count_stop };

	ck_assert_int_eq(thread_run(&cfg), 0);
	for (unsigned i = 0; i < N; i++)
		ck_assert_uint_eq(order[i], i);
	ck_assert_uint_eq(stopped, N);
	ck_assert_uint_eq(pool_fini(stderr), 0);
}
END_TEST

static int check_group(struct thread *t)
{
	static const uint16_t group[] = { 0, 0, 1, 1, 1 }, ltid[] = { 0, 1, 0, 1, 2 };

	ck_assert_uint_eq(t->group->id, group[t->tid]);
	ck_assert_uint_eq(t->ltid, ltid[t->tid]);
	ck_assert_uint_eq(t->group->first + t->ltid, t->tid);
	if (t->tid == 4)
		thread_stop_all();
	return 0;
}

START_TEST(an_odd_thread_is_in_one_group_only)
{
	struct thread_config cfg = {
		.nthreads = 5, .ngroups = 2, .poller = &poller_epoll, .start = check_group
	};

	ck_assert_int_eq(thread_run(&cfg), 0);
}
END_TEST

static int fail_second(struct thread *t)
{
	atomic_fetch_add(&started, 1);
	return t->tid == 1 ? -1 : 0;
}

START_TEST(a_failed_start_ends_all_and_stops_those_that_started)
{
	struct thread_config cfg = {
		.nthreads = 3, .poller = &poller_epoll, .start = fail_second, .stop = count_stop
	};

	ck_assert_int_eq(thread_run(&cfg), -1);
	ck_assert_uint_eq(started, 2);
	ck_assert_uint_eq(stopped, 1);
	ck_assert_uint_eq(pool_fini(stderr), 0);
}
END_TEST

/* Calls go round the threads, each to the next, many at a time. */
#define ROUNDS 20000
static _Atomic unsigned passed;

static void pass(void *arg)
{
	uintptr_t to = (uintptr_t)arg;

	ck_assert_uint_eq(th->tid, to);
	if (atomic_fetch_add(&passed, 1) >= ROUNDS)
		thread_stop_all();
	else
		ck_assert_int_eq(thread_call((unsigned)(to + 1) % N, pass, (void *)((to + 1) % N)),
				 0);
}

static int start_pass(struct thread *t)
{
	for (int i = 0; t->tid == N - 1 && i < 16; i++)
		thread_call(0, pass, NULL);
	return 0;
}

START_TEST(calls_between_threads_arrive_and_none_is_lost_at_the_end)
{
	struct thread_config cfg = { .nthreads = N, .poller = &poller_epoll, .start = start_pass };

	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_ge(passed, ROUNDS);
	ck_assert_uint_eq(pool_fini(stderr), 0);
}
END_TEST

/* Wake-ups of one task by all threads: it runs at least once after each, on its own thread. */
static struct task target;
static _Atomic unsigned asked[N], seen_all;
static struct task waker[N];

static void target_run(struct task *t)
{
	unsigned done = 0;

	ck_assert_ptr_eq(t, &target);
	ck_assert_uint_eq(th->tid, 0);
	for (unsigned i = 1; i < N; i++)
		done += atomic_load(&asked[i]) == 3000;
	if (done == N - 1 && atomic_fetch_add(&seen_all, 1) == 0)
		thread_stop_all();
}

static void wake_target(struct task *t)
{
	if (atomic_fetch_add(&asked[th->tid], 1) < 2999)
		task_wake(t);
	task_wake_remote(&target);
}

static int start_wake(struct thread *t)
{
	if (t->tid == 0) {
		task_init(&target, TASK_NORMAL, target_run);
	} else {
		task_init(&waker[t->tid], TASK_NORMAL, wake_target);
		task_wake(&waker[t->tid]);
	}
	return 0;
}

START_TEST(no_remote_wake_up_is_lost)
{
	struct thread_config cfg = { .nthreads = N, .poller = &poller_epoll, .start = start_wake };

	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_ge(seen_all, 1);
}
END_TEST

static void on_signal(int sig)
{
	(void)sig;
	thread_stop_all();
}

static int start_signal(struct thread *t)
{
	(void)t;
	raise(SIGTERM);
	return 0;
}

START_TEST(a_signal_handler_may_stop_the_loops)
{
	struct thread_config cfg = { .nthreads = 2,
				     .poller = &poller_epoll,
				     .start = start_signal };

	signal(SIGTERM, on_signal);
	ck_assert_int_eq(thread_run(&cfg), 0);
}
END_TEST

/* Hours pass at once under the set clock. */
static struct timer hours[3];
static uint64_t fired_at[3];

static void hour_fired(struct timer *t)
{
	fired_at[t - hours] = th->now;
	if (t == &hours[2])
		thread_stop_all();
}

static int start_hours(struct thread *t)
{
	for (unsigned i = 0; i < 3; i++) {
		hours[i].fire = hour_fired;
		timer_set(&hours[i], t->now + (i + 1) * 3600000);
	}
	return 0;
}

START_TEST(a_jumping_clock_brings_far_timers_at_once)
{
	struct thread_config cfg = { .nthreads = 1, .poller = &poller_epoll, .start = start_hours };

	clock_set(CLOCK_JUMP, 5000000);
	ck_assert_int_eq(thread_run(&cfg), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(fired_at[i], 5000 + (i + 1) * 3600000);
	ck_assert_uint_eq(clock_now_us() / 1000, 5000 + 3 * 3600000);
	ck_assert_uint_eq(clock_wall_us(), clock_now_us());
}
END_TEST

static struct task advancer;

static void advance(struct task *t)
{
	ck_assert_uint_eq(fired_at[0], 0);
	clock_set(CLOCK_FROZEN, clock_now_us() + 1200000000);
	if (th->now < 3600000 * 2)
		task_wake(t);
}

static int start_frozen(struct thread *t)
{
	hours[0].fire = hours[2].fire = hour_fired;
	timer_set(&hours[0], 3600000 * 2);
	timer_set(&hours[2], 3600000 * 2);
	task_init(&advancer, TASK_BULK, advance);
	task_wake(&advancer);
	(void)t;
	return 0;
}

START_TEST(a_frozen_clock_goes_on_when_it_is_set)
{
	struct thread_config cfg = { .nthreads = 1,
				     .poller = &poller_epoll,
				     .start = start_frozen };

	clock_set(CLOCK_FROZEN, 5000000);
	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_ge(fired_at[2], 3600000 * 2);
}
END_TEST

static int start_sleep(struct thread *t)
{
	ck_assert_uint_eq(group_sleeping(t->group), 0);
	ck_assert(thread_sleep(t));
	ck_assert_uint_eq(group_sleeping(t->group), 1);
	thread_awake(t);
	task_init(&target, TASK_NORMAL, target_run);
	task_wake_remote(&target);
	ck_assert(!thread_sleep(t)); /* the inbox is not empty */
	ck_assert_uint_eq(group_sleeping(t->group), 0);
	thread_stop_all();
	return 0;
}

START_TEST(a_thread_with_a_full_inbox_does_not_sleep)
{
	struct thread_config cfg = { .nthreads = 1, .poller = &poller_epoll, .start = start_sleep };

	ck_assert_int_eq(thread_run(&cfg), 0);
}
END_TEST

Suite *thread_suite(void)
{
	Suite *s = suite_create("thread");
	TCase *tc = tcase_create("loops");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, threads_start_in_order_in_equal_groups_and_all_stop);
	tcase_add_test(tc, an_odd_thread_is_in_one_group_only);
	tcase_add_test(tc, a_failed_start_ends_all_and_stops_those_that_started);
	tcase_add_test(tc, calls_between_threads_arrive_and_none_is_lost_at_the_end);
	tcase_add_test(tc, no_remote_wake_up_is_lost);
	tcase_add_test(tc, a_signal_handler_may_stop_the_loops);
	tcase_add_test(tc, a_jumping_clock_brings_far_timers_at_once);
	tcase_add_test(tc, a_frozen_clock_goes_on_when_it_is_set);
	tcase_add_test(tc, a_thread_with_a_full_inbox_does_not_sleep);
	suite_add_tcase(s, tc);
	return s;
}
