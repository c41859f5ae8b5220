/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "../../../runtime/core/buf.h"
#include "../../../runtime/core/clock.h"
#include "../../../runtime/core/poll.h"
#include "../../../runtime/core/pool.h"
#include "../../../runtime/core/thread.h"

Suite *buf_suite(void);

static struct buf_count counts(void)
{
	struct buf_count c;

	buf_counts(&c);
	return c;
}

static void in_loop(unsigned n, uint32_t limit, int (*start)(struct thread *))
{
	struct thread_config cfg = {
		.nthreads = n, .buffers_max = limit, .poller = &poller_epoll, .start = start
	};

	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_eq(pool_fini(stderr), 0);
}

static int use_buffers(struct thread *t)
{
	struct buf *b = buf_get(), *again;
	struct slice s;

	(void)t;
	ck_assert_uint_eq(b->off, BUF_HEAD);
	ck_assert_uint_eq(buf_room(b), BUF_ROOM);
	memset(buf_tail(b), 'x', 100);
	b->len = 100;
	ck_assert_uint_eq(buf_room(b), BUF_ROOM - 100);
	s = (struct slice) { .buf = buf_ref(b), .off = BUF_HEAD + 10, .len = 5 };
	buf_put(&b);
	ck_assert_ptr_null(b);
	ck_assert(str_eq(slice_str(&s), S("xxxxx")));
	ck_assert_uint_eq(counts().in_use, 1);
	slice_put(&s);
	ck_assert_uint_eq(counts().in_use, 0);
	ck_assert_uint_eq(slice_str(&s).n, 0);
	again = buf_get();
	ck_assert_uint_eq(again->len, 0);
	buf_put(&again);
	thread_stop_all();
	return 0;
}

START_TEST(a_buffer_lives_until_its_last_reference)
{
	in_loop(1, 0, use_buffers);
}
END_TEST

static int limit_buffers(struct thread *t)
{
	struct buf *b[16];

	(void)t;
	for (unsigned i = 0; i < 14; i++)
		ck_assert_ptr_nonnull(b[i] = buf_get());
	ck_assert_ptr_null(buf_get()); /* 2 of 16 are kept */
	ck_assert_ptr_nonnull(b[14] = buf_get_reserved());
	ck_assert_ptr_nonnull(b[15] = buf_get_reserved());
	ck_assert_ptr_null(buf_get_reserved());
	ck_assert_uint_eq(counts().refused, 2);
	/* What comes back to the reserve is not there for anybody else. */
	buf_put(&b[14]);
	buf_put(&b[15]);
	ck_assert_ptr_null(buf_get());
	ck_assert_ptr_nonnull(b[14] = buf_get_reserved());
	ck_assert_ptr_nonnull(b[15] = buf_get_reserved());
	ck_assert_uint_eq(counts().refused, 3);
	for (unsigned i = 0; i < 16; i++)
		buf_put(&b[i]);
	thread_stop_all();
	return 0;
}

START_TEST(the_limit_holds_and_the_reserve_is_for_the_reserved)
{
	in_loop(1, 16, limit_buffers);
}
END_TEST

/* Waiters are asked in their order; one that declines passes the buffer on; a cancelled one is not
 * asked. */
static struct buf_waiter waiter[4];
static struct buf *held[8], *won[4];
static char asked[8];
static struct task check;

static bool take(struct buf_waiter *w)
{
	long i = w - waiter;

	asked[strlen(asked)] = (char)('0' + i);
	if (i == 0)
		return false;
	ck_assert_ptr_nonnull(won[i] = buf_get());
	return true;
}

static void give_back(struct task *t)
{
	static unsigned step;

	if (step == 0)
		buf_put(&held[0]);
	if (step == 5) {
		ck_assert_str_eq(asked, "01"); /* 0 declines, 1 takes, 2 was cancelled */
		buf_put(&won[1]);
	}
	if (step == 10) {
		ck_assert_str_eq(asked, "013");
		buf_put(&won[3]);
		buf_put(&held[1]);
		buf_put(&held[2]);
		thread_stop_all();
	}
	step++;
	task_wake(t);
}

static int wait_for_buffers(struct thread *t)
{
	(void)t;
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(held[i] = buf_get());
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_ptr_null(buf_get());
		waiter[i].wake = take;
		buf_wait(&waiter[i]);
	}
	buf_wait_cancel(&waiter[2]);
	ck_assert_uint_eq(counts().waits, 4);
	task_init(&check, TASK_BULK, give_back);
	task_wake(&check);
	return 0;
}

START_TEST(s55_waiters_get_buffers_in_their_order)
{
	in_loop(1, 4, wait_for_buffers);
}
END_TEST

/* Four threads, four buffers, 24 users, very often: all get their turns. Every third one gives up
 * waiting now and then: whoever is behind it gets the buffer. */
#define TURNS 3000
#define LOOPS 4
struct user {
	struct buf_waiter w;
	struct task t;
	struct buf *b;
	unsigned turns;
};
static struct user users[LOOPS][6];
static _Atomic unsigned users_done;

static bool user_wake(struct buf_waiter *w)
{
	struct user *u = CONTAINER(w, struct user, w);

	u->b = buf_get();
	if (!u->b)
		buf_wait(w);
	if (!u->b && u->turns % 3 == 2)
		buf_wait_cancel(w);
	if (u->b || u->turns % 3 == 2)
		task_wake(&u->t);
	return u->b != NULL;
}

static void user_run(struct task *t)
{
	struct user *u = CONTAINER(t, struct user, t);

	if (u->b)
		buf_put(&u->b);
	if (++u->turns == TURNS) {
		if (atomic_fetch_add(&users_done, 1) == LOOPS * 6 - 1)
			thread_stop_all();
		return;
	}
	user_wake(&u->w);
}

static int start_users(struct thread *t)
{
	for (unsigned i = 0; i < 6; i++) {
		struct user *u = &users[t->tid][i];

		u->w.wake = user_wake;
		task_init(&u->t, TASK_NORMAL, user_run);
		task_wake(&u->t);
	}
	return 0;
}

START_TEST(s55_threads_hand_buffers_over_and_nobody_is_stuck)
{
	in_loop(LOOPS, 4, start_users);
	ck_assert_uint_eq(users_done, LOOPS * 6);
}
END_TEST

/* After load the resting buffers go: counted after two trims. */
static struct timer later;

static void check_trimmed(struct timer *t)
{
	(void)t;
	ck_assert_uint_eq(counts().cached, 0);
	thread_stop_all();
}

static int start_trim(struct thread *t)
{
	struct buf *b[60];

	for (unsigned i = 0; i < 60; i++)
		b[i] = buf_get();
	for (unsigned i = 0; i < 60; i++)
		buf_put(&b[i]);
	ck_assert_uint_eq(counts().in_use, 0);
	later.fire = check_trimmed;
	timer_set(&later, t->now + 5000);
	return 0;
}

START_TEST(resting_buffers_are_given_back_after_load)
{
	clock_set(CLOCK_JUMP, 1000000);
	in_loop(1, 0, start_trim);
}
END_TEST

Suite *buf_suite(void)
{
	Suite *s = suite_create("buf");
	TCase *tc = tcase_create("buffers");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, a_buffer_lives_until_its_last_reference);
	tcase_add_test(tc, the_limit_holds_and_the_reserve_is_for_the_reserved);
	tcase_add_test(tc, s55_waiters_get_buffers_in_their_order);
	tcase_add_test(tc, s55_threads_hand_buffers_over_and_nobody_is_stuck);
	tcase_add_test(tc, resting_buffers_are_given_back_after_load);
	suite_add_tcase(s, tc);
	return s;
}
