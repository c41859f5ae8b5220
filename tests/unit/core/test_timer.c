/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "../../../runtime/core/sched.h"
#include "../../../runtime/core/shared.h"
#include "../../../runtime/core/thread.h"

Suite *timer_suite(void);

/* The wheel under a thread of its own making: the test is the loop and its clock. */
static struct thread me;
static struct sched sched;
static struct thread_group group = { .nthreads = 1 };

#define BEGIN UINT64_C(1000000007)

static void setup(void)
{
	me.sched = &sched;
	if (!group.queue)
		group.queue = group_queue_new();
	me.group = &group;
	me.now = BEGIN;
	sched_init(&sched, BEGIN);
	th = &me;
}

struct alarm {
	struct timer t;
	uint64_t fired_at;
	unsigned times;
};

static void fire(struct timer *t)
{
	struct alarm *a = CONTAINER(t, struct alarm, t);

	a->fired_at = me.now;
	a->times++;
}

static void at(struct alarm *a, uint64_t when)
{
	a->t.fire = fire;
	timer_set(&a->t, when);
}

static void run_to(uint64_t now)
{
	me.now = now;
	do
		sched_timers(&sched, now);
	while (sched_until(&sched, now) && sched_until(&sched, now) <= now);
}

/* As the loop does: sleeps until the wheel wants to be run. Returns how often it was. */
static unsigned sleep_to(uint64_t end)
{
	unsigned runs = 0;
	uint64_t next;

	while ((next = sched_until(&sched, me.now)) && next <= end) {
		me.now = next > me.now ? next : me.now;
		sched_timers(&sched, me.now);
		runs++;
	}
	me.now = end;
	sched_timers(&sched, end);
	return runs;
}

START_TEST(each_timer_fires_at_its_tick_near_and_far)
{
	static const uint64_t after[] = { 1,        2,        63,        64,         65,
					  4095,     4096,     4097,      262143,     262144,
					  16777215, 16777216, 100000000, 3000000000, 86400000 };
	struct alarm a[15] = { 0 };

	ck_assert_uint_le(sizeof(struct timer), 32);
	for (unsigned i = 0; i < 15; i++)
		at(&a[i], BEGIN + after[i]);
	sleep_to(BEGIN + 3000000001);
	for (unsigned i = 0; i < 15; i++) {
		ck_assert_uint_eq(a[i].fired_at, BEGIN + after[i]);
		ck_assert_uint_eq(a[i].times, 1);
		ck_assert(!timer_armed(&a[i].t));
	}
	ck_assert_uint_eq(sched_until(&sched, me.now), 0);
}
END_TEST

START_TEST(random_timers_set_moved_and_deleted_fire_when_due_and_never_early)
{
	static struct alarm a[3000];
	static uint64_t want[3000];
	unsigned fired = 0, wrong = 0;

	srand(7);
	for (unsigned round = 0; round < 400; round++) {
		for (unsigned k = 0; k < 60; k++) {
			unsigned i = (unsigned)rand() % 3000;
			uint64_t when = me.now + 1 + (unsigned)rand() % (1u << (rand() % 20));

			if (rand() % 4 == 0) {
				timer_del(&a[i].t);
				want[i] = 0;
			} else {
				at(&a[i], when);
				want[i] = when;
			}
		}
		run_to(me.now + (unsigned)rand() % 3000);
		for (unsigned i = 0; i < 3000; i++) {
			bool due = want[i] && want[i] <= me.now;

			wrong += a[i].times != due || timer_armed(&a[i].t) != (want[i] && !due);
			fired += due;
			a[i].times = 0;
			if (due)
				want[i] = 0;
		}
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(fired, 5000);
}
END_TEST

START_TEST(a_time_in_the_past_fires_in_the_next_turn)
{
	struct alarm a = { 0 };

	at(&a, BEGIN - 500);
	ck_assert_uint_le(sched_until(&sched, me.now), me.now);
	sched_timers(&sched, me.now);
	ck_assert_uint_eq(a.times, 1);
}
END_TEST

START_TEST(moving_to_a_later_time_does_not_touch_the_list)
{
	struct alarm a = { 0 };
	struct list before;

	at(&a, BEGIN + 1000);
	before = a.t.link;
	for (unsigned i = 1; i < 100; i++)
		at(&a, BEGIN + 1000 + i);
	ck_assert_ptr_eq(before.next, a.t.link.next);
	ck_assert_ptr_eq(before.prev, a.t.link.prev);
	sleep_to(BEGIN + 2000);
	ck_assert_uint_eq(a.fired_at, BEGIN + 1099);
	ck_assert_uint_eq(a.times, 1);
}
END_TEST

START_TEST(moving_to_an_earlier_time_works_at_once)
{
	struct alarm a = { 0 };

	at(&a, BEGIN + 100000);
	at(&a, BEGIN + 5);
	sleep_to(BEGIN + 6);
	ck_assert_uint_eq(a.fired_at, BEGIN + 5);
}
END_TEST

static void fire_again(struct timer *t)
{
	fire(t);
	if (CONTAINER(t, struct alarm, t)->times < 5)
		timer_set(t, me.now + 10);
}

START_TEST(a_timer_may_set_itself_again)
{
	struct alarm a = { 0 };

	at(&a, BEGIN + 10);
	a.t.fire = fire_again;
	sleep_to(BEGIN + 1000);
	ck_assert_uint_eq(a.times, 5);
	ck_assert_uint_eq(a.fired_at, BEGIN + 50);
}
END_TEST

/* Work is counted, not time: one turn fires and moves a bounded number. */
START_TEST(a_mass_of_timers_is_spread_over_turns)
{
	static struct alarm a[100000];
	unsigned fired = 0, runs = 0;

	for (unsigned i = 0; i < 100000; i++)
		at(&a[i], BEGIN + 70000);
	me.now = BEGIN + 70000;
	while (fired < 100000 && runs < 1000) {
		unsigned before = fired;

		sched_timers(&sched, me.now);
		runs++;
		for (fired = 0; fired < 100000 && a[fired].times; fired++)
			;
		ck_assert_uint_le(fired - before, 512);
	}
	ck_assert_uint_eq(fired, 100000);
}
END_TEST

START_TEST(a_sleeping_wheel_is_run_a_few_times_per_timer_only)
{
	struct alarm a = { 0 };

	at(&a, BEGIN + 86400000);
	ck_assert_uint_le(sleep_to(BEGIN + 90000000), 7);
	ck_assert_uint_eq(a.fired_at, BEGIN + 86400000);
}
END_TEST

Suite *timer_suite(void)
{
	Suite *s = suite_create("timer");
	TCase *tc = tcase_create("wheel");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, each_timer_fires_at_its_tick_near_and_far);
	tcase_add_test(tc, random_timers_set_moved_and_deleted_fire_when_due_and_never_early);
	tcase_add_test(tc, a_time_in_the_past_fires_in_the_next_turn);
	tcase_add_test(tc, moving_to_a_later_time_does_not_touch_the_list);
	tcase_add_test(tc, moving_to_an_earlier_time_works_at_once);
	tcase_add_test(tc, a_timer_may_set_itself_again);
	tcase_add_test(tc, a_mass_of_timers_is_spread_over_turns);
	tcase_add_test(tc, a_sleeping_wheel_is_run_a_few_times_per_timer_only);
	suite_add_tcase(s, tc);
	return s;
}
