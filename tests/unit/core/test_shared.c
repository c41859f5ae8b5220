/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../../../runtime/core/isolate.h"
#include "../../../runtime/core/poll.h"
#include "../../../runtime/core/pool.h"
#include "../../../runtime/core/profile.h"
#include "../../../runtime/core/shared.h"
#include "../../../runtime/core/thread.h"
#include "../runtime_poll.h"

Suite *shared_suite(void);

#define N 8
#define GROUPS 4

static void run_threads(int poller, int (*start)(struct thread *))
{
	struct thread_config cfg = {
		.nthreads = N, .ngroups = GROUPS, .poller = test_poller(poller), .start = start
	};

	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_eq(pool_fini(stderr), 0);
}

static struct shared_task here, on, any, two;
static _Atomic unsigned ran[N], ran_two, runs;
static _Atomic unsigned wrong;

/* -- S108: where tasks run ---------------------------------------------------------------------- */

static void place_here(struct shared_task *t)
{
	wrong += t != &here || th->tid != 3;
	runs++;
}

static void place_on(struct shared_task *t)
{
	wrong += t != &on || th->tid != 5; /* group 3 has the tids 4 and 5 */
	runs++;
}

static void place_two(struct shared_task *t)
{
	wrong += t != &two || th->group->id != 1;
	ran_two++;
	runs++;
}

static void place_any(struct shared_task *t)
{
	wrong += t != &any;
	if (++runs < 50) {
		shared_wake(&here);
		shared_wake(&on);
		shared_wake(&two);
		shared_wake_at(t, th->now + 2);
	} else {
		thread_stop_all();
	}
}

static int start_places(struct thread *t)
{
	if (t->tid != 3)
		return 0;
	task_new_here(&here, TASK_NORMAL, place_here);
	task_new_on(&on, TASK_URGENT, place_on, 3, 2);
	task_new_on(&two, TASK_BULK, place_two, 2, 3);
	task_new_anywhere(&any, TASK_NORMAL, place_any);
	shared_wake(&any);
	return 0;
}

START_TEST(s108_tasks_run_where_the_table_says)
{
	run_threads(_i, start_places);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_ge(runs, 50);
	ck_assert_uint_gt(ran_two, 0);
}
END_TEST

static int start_bad(struct thread *t)
{
	static const struct {
		unsigned group;
		uint64_t mask;
	} rows[] = { { 0, 1 }, { 1, 0 }, { GROUPS + 1, 1 }, { 1, 4 } };

	if (t->tid == 0)
		task_new_on(&on, TASK_NORMAL, place_on, rows[ran_two].group, rows[ran_two].mask);
	return 0;
}

START_TEST(s108_invalid_rows_assert)
{
	ran_two = (unsigned)_i;
	run_threads(0, start_bad);
}
END_TEST

/* -- S107: run and wait queue of a group --------------------------------------------------------- */

#define WAKES 20000
static struct task waker[N];
static _Atomic unsigned asked, answered, inside;

static void serve_shared(struct shared_task *t)
{
	wrong += atomic_fetch_add(&inside, 1) != 0; /* never on two threads */
	answered = atomic_load(&asked);
	atomic_fetch_sub(&inside, 1);
	if (answered == WAKES * N)
		thread_stop_all();
	(void)t;
}

static void wake_often(struct task *t)
{
	static _Thread_local unsigned mine;

	for (unsigned i = 0; i < 10; i++) {
		asked++;
		shared_wake(&any);
	}
	if ((mine += 10) < WAKES)
		task_wake(t);
}

static int start_wakes(struct thread *t)
{
	if (t->tid == 0)
		task_new_anywhere(&any, TASK_NORMAL, serve_shared);
	task_init(&waker[t->tid], TASK_NORMAL, wake_often);
	task_wake(&waker[t->tid]);
	return 0;
}

START_TEST(s107_no_wake_of_a_shared_task_is_lost_and_one_thread_runs_it)
{
	run_threads(_i, start_wakes);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(answered, WAKES * N);
}
END_TEST

/* Thread 0 wakes a task of group 3 each ms; nobody of the groups 2 and 4 is ever woken. */
static struct timer each_ms;

static void stop_soon(struct shared_task *t)
{
	(void)t;
	if (++runs == 30)
		thread_stop_all();
}

static void ask_group3(struct timer *t)
{
	shared_wake(&two);
	timer_set(t, th->now + 1);
}

static uint64_t woken[N];

static void count_wakeups(struct thread *t)
{
	woken[t->tid] = t->wakeups;
}

static int start_remote(struct thread *t)
{
	if (t->tid == 0) {
		task_new_on(&two, TASK_NORMAL, stop_soon, 3, 3);
		each_ms.fire = ask_group3;
		timer_set(&each_ms, t->now + 20);
	}
	return 0;
}

START_TEST(s107_a_remote_wake_up_signals_one_thread_of_the_owning_group)
{
	struct thread_config cfg = { .nthreads = N,
				     .ngroups = GROUPS,
				     .poller = &poller_epoll,
				     .start = start_remote,
				     .stop = count_wakeups };
	uint64_t others = 0;

	ck_assert_int_eq(thread_run(&cfg), 0);
	for (unsigned i = 0; i < N; i++)
		if (i / 2 != 2)
			others += woken[i];
	ck_assert_uint_le(others, N - 2); /* the stop itself wakes each once */
	ck_assert_uint_le(woken[4] + woken[5], 30 + 2);
	ck_assert_uint_ge(woken[4] + woken[5], 10);
}
END_TEST

/* The times of shared tasks: each fires once, not before its time, by one keeper a group. */
#define TIMED 2000
static struct shared_task timed[TIMED];
static _Atomic unsigned fired;

static void timed_run(struct shared_task *t)
{
	wrong += ran[(t - timed) % N]++ > TIMED;
	if (++fired == TIMED)
		thread_stop_all();
}

static int start_timed(struct thread *t)
{
	for (unsigned i = t->tid; i < TIMED; i += N) {
		if (i & 1)
			task_new_on(&timed[i], TASK_NORMAL, timed_run, i % GROUPS + 1, 3);
		else
			task_new_anywhere(&timed[i], TASK_NORMAL, timed_run);
		shared_wake_at(&timed[i], t->now + 1 + i % 97);
	}
	return 0;
}

START_TEST(s107_times_of_shared_tasks_come)
{
	run_threads(_i, start_timed);
	ck_assert_uint_eq(fired, TIMED);
}
END_TEST

/* -- S107: isolation ------------------------------------------------------------------------------ */

#define ALONE 300
static uint64_t plain; /* no atomic: isolation alone protects it */
static uint64_t of_group[GROUPS];
static _Atomic unsigned ended;
static _Atomic int standing[N]; /* 1: in a turn's work */

static void alone(struct task *t)
{
	static _Thread_local unsigned mine;

	isolate_all();
	plain++;
	for (unsigned i = 0; i < N; i++)
		wrong += standing[i];
	isolate_all_end();
	isolate_group();
	of_group[th->group->id]++;
	isolate_group_end();
	standing[th->tid] = 1;
	sched_yield();
	standing[th->tid] = 0;
	if (++mine < ALONE)
		task_wake(t);
	else if (++ended == N)
		thread_stop_all();
}

static int start_alone(struct thread *t)
{
	task_init(&waker[t->tid], TASK_NORMAL, alone);
	task_wake(&waker[t->tid]);
	return 0;
}

START_TEST(s107_isolation_across_four_groups)
{
	run_threads(_i, start_alone);
	ck_assert_uint_eq(plain, ALONE * N);
	for (unsigned g = 0; g < GROUPS; g++)
		ck_assert_uint_eq(of_group[g], ALONE * N / GROUPS);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

/* 128 threads, all asleep but one: isolation of all wakes nobody. */
static uint64_t before, after;

static void alone_once(struct timer *t)
{
	(void)t;
	for (unsigned i = 0; i < nthreads; i++)
		before += threads[i]->wakeups;
	isolate_all();
	isolate_all_end();
	for (unsigned i = 0; i < nthreads; i++)
		after += threads[i]->wakeups;
	thread_stop_all();
}

static int start_many(struct thread *t)
{
	if (t->tid == 0) {
		each_ms.fire = alone_once;
		timer_set(&each_ms, t->now + 50);
	}
	return 0;
}

START_TEST(s107_isolation_of_128_threads_wakes_no_sleeper)
{
	struct thread_config cfg = {
		.nthreads = 128, .ngroups = 4, .poller = &poller_epoll, .start = start_many
	};

	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_eq(before, after);
}
END_TEST

/* -- profile --------------------------------------------------------------------------------------- */

static unsigned turns;
static struct profile_row rows[PROFILE_ROWS];
static unsigned nrows, nrows_off;

static void profiled(struct task *t)
{
	turns++;
	if (turns == 100) {
		nrows_off = profile_rows(rows, PROFILE_ROWS);
		profile_set(true);
	}
	if (turns == 300)
		profile_set(false);
	if (turns < 500) {
		task_wake(t);
	} else {
		nrows = profile_rows(rows, PROFILE_ROWS);
		thread_stop_all();
	}
}

static int start_profiled(struct thread *t)
{
	if (t->tid == 0) {
		task_init(&waker[0], TASK_NORMAL, profiled);
		task_wake(&waker[0]);
	}
	return 0;
}

START_TEST(profiling_is_switched_while_tasks_run)
{
	uint64_t calls = 0;

	run_threads(0, start_profiled);
	ck_assert_uint_eq(nrows_off, 0);
	for (unsigned i = 0; i < nrows; i++)
		if (rows[i].run == (void (*)(void))profiled)
			calls = rows[i].calls;
	ck_assert_uint_eq(calls, 200);
}
END_TEST

Suite *shared_suite(void)
{
	Suite *s = suite_create("shared");
	TCase *tc = tcase_create("groups");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, s108_tasks_run_where_the_table_says, 0, 2);
	tcase_add_loop_test_raise_signal(tc, s108_invalid_rows_assert, SIGABRT, 0, 4);
	tcase_add_loop_test(tc, s107_no_wake_of_a_shared_task_is_lost_and_one_thread_runs_it, 0, 2);
	tcase_add_test(tc, s107_a_remote_wake_up_signals_one_thread_of_the_owning_group);
	tcase_add_loop_test(tc, s107_times_of_shared_tasks_come, 0, 2);
	tcase_add_loop_test(tc, s107_isolation_across_four_groups, 0, 2);
	tcase_add_test(tc, s107_isolation_of_128_threads_wakes_no_sleeper);
	tcase_add_test(tc, profiling_is_switched_while_tasks_run);
	suite_add_tcase(s, tc);
	return s;
}
