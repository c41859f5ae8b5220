/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "../../../runtime/core/sched.h"
#include "../../../runtime/core/shared.h"
#include "../../../runtime/core/thread.h"

Suite *task_suite(void);

static struct thread me;
static struct sched sched;
static struct thread_group group = { .nthreads = 1 };

static void setup(void)
{
	me.sched = &sched;
	if (!group.queue)
		group.queue = group_queue_new();
	me.group = &group;
	sched_init(&sched, 1000);
	th = &me;
}

static char order[4000];
static size_t norder;

struct named {
	struct task t;
	char name;
	unsigned left; /* times it wakes itself again */
};

static void run(struct task *t)
{
	struct named *n = CONTAINER(t, struct named, t);

	order[norder++] = n->name;
	if (n->left) {
		n->left--;
		task_wake(t);
	}
}

static void make(struct named *n, enum task_class class, char name, unsigned left)
{
	task_init(&n->t, class, run);
	n->name = name;
	n->left = left;
	task_wake(&n->t);
}

static size_t how_many(char name)
{
	size_t n = 0;

	for (size_t i = 0; i < norder; i++)
		n += order[i] == name;
	return n;
}

START_TEST(classes_run_in_order_and_a_class_in_the_order_of_waking)
{
	struct named b, n1, n2, u;

	make(&b, TASK_BULK, 'b', 0);
	make(&n1, TASK_NORMAL, '1', 0);
	make(&n2, TASK_NORMAL, '2', 0);
	make(&u, TASK_URGENT, 'u', 0);
	sched_tasks(&sched);
	ck_assert_str_eq(order, "u12b");
}
END_TEST

START_TEST(waking_twice_runs_once_and_cancelled_runs_never)
{
	struct named a, c;

	make(&a, TASK_NORMAL, 'a', 0);
	task_wake(&a.t);
	make(&c, TASK_NORMAL, 'c', 0);
	task_cancel(&c.t);
	sched_tasks(&sched);
	sched_tasks(&sched);
	ck_assert_str_eq(order, "a");
}
END_TEST

START_TEST(no_class_starves_another)
{
	static struct named u[1000], n[1000], b[1000], late;

	for (unsigned i = 0; i < 1000; i++) {
		make(&b[i], TASK_BULK, 'b', 0);
		make(&n[i], TASK_NORMAL, 'n', 0);
		make(&u[i], TASK_URGENT, 'u', 0);
	}
	sched_tasks(&sched);
	ck_assert_uint_ge(how_many('b'), 1);
	ck_assert_uint_ge(how_many('n'), 4 * how_many('b'));
	ck_assert_uint_ge(how_many('u'), how_many('n'));
	ck_assert_uint_le(norder, 500); /* a turn is bounded */
	make(&late, TASK_URGENT, 'l', 0);
	for (unsigned turn = 0; turn < 4; turn++)
		sched_tasks(&sched);
	ck_assert_uint_eq(how_many('l'), 1);
	ck_assert_uint_le(sched_until(&sched, me.now), me.now);
}
END_TEST

START_TEST(a_task_that_wakes_itself_comes_again_in_the_next_turn)
{
	struct named a, b;

	make(&a, TASK_NORMAL, 'a', 3);
	make(&b, TASK_NORMAL, 'b', 0);
	sched_tasks(&sched);
	ck_assert_str_eq(order, "ab");
	sched_tasks(&sched);
	ck_assert_str_eq(order, "aba");
}
END_TEST

START_TEST(the_inbox_keeps_the_order_and_takes_a_task_once)
{
	struct named a, b;
	struct thread *all[] = { &me };

	threads = all;
	make(&a, TASK_NORMAL, 'a', 0);
	make(&b, TASK_NORMAL, 'b', 0);
	task_cancel(&a.t);
	task_cancel(&b.t);
	ck_assert(sched_inbox_empty(&sched));
	task_wake_remote(&a.t);
	task_wake_remote(&b.t);
	task_wake_remote(&a.t);
	ck_assert(!sched_inbox_empty(&sched));
	sched_tasks(&sched);
	ck_assert_str_eq(order, "ab");
	ck_assert(sched_inbox_empty(&sched));
	task_wake_remote(&a.t);
	sched_tasks(&sched);
	ck_assert_str_eq(order, "aba");
}
END_TEST

Suite *task_suite(void)
{
	Suite *s = suite_create("task");
	TCase *tc = tcase_create("run queues");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, classes_run_in_order_and_a_class_in_the_order_of_waking);
	tcase_add_test(tc, waking_twice_runs_once_and_cancelled_runs_never);
	tcase_add_test(tc, no_class_starves_another);
	tcase_add_test(tc, a_task_that_wakes_itself_comes_again_in_the_next_turn);
	tcase_add_test(tc, the_inbox_keeps_the_order_and_takes_a_task_once);
	suite_add_tcase(s, tc);
	return s;
}
