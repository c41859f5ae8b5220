/* SPDX-License-Identifier: Apache-2.0 */
/* What is promised of poller_uring beyond the common suite: few system calls, what is let through
 * is bounded and in order, stale completions, the buffers that are lent. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../../runtime/core/clock.h"
#include "../../../runtime/core/uring.h"
#include "../runtime_poll.h"

Suite *poll_uring_suite(void);

#define PAIRS 64
#define ROUNDS 200

#define MANY 300

static struct peer a[MANY], b[MANY];
static unsigned open_peers, rounds, most_lent;
static uint64_t most_in_use;
static struct poll_count polled;
static struct task later;
static struct timer timer;

static void count_closed(struct peer *p)
{
	ck_assert_uint_eq(p->completions, 0);
	if (--open_peers == 0)
		thread_stop_all();
}

static void close_at_end(struct peer *p)
{
	if (!p->closing)
		peer_close(p, false);
}

static void keep_counts(struct thread *t)
{
	polled = t->polled;
}

static void pair_open(unsigned i)
{
	int fd[2];

	socket_pair(fd);
	a[i].on_closed = b[i].on_closed = count_closed;
	a[i].on_end = close_at_end;
	b[i].on_end = b[i].on_end ? b[i].on_end : close_at_end;
	a[i].half = b[i].half = true;
	open_peers += 2;
	peer_open(&a[i], fd[0]);
	peer_open(&b[i], fd[1]);
}

static void answer(struct peer *p)
{
	if (p >= a && p < a + PAIRS && ++rounds >= PAIRS * ROUNDS) {
		if (!p->closing)
			peer_close(p, false);
		return;
	}
	p->to_send += 100;
	peer_send(p);
}

static int start_rounds(struct thread *t)
{
	(void)t;
	for (unsigned i = 0; i < PAIRS; i++) {
		pair_open(i);
		a[i].on_bytes = b[i].on_bytes = answer;
		a[i].to_send = 100;
		peer_send(&a[i]);
	}
	return 0;
}

/* A request through a proxy is two messages received and two sent: here, one round. */
START_TEST(system_calls_per_request_are_few_with_64_connections)
{
	run_case(POLLER_URING, 0, start_rounds, keep_counts);
	ck_assert_uint_ge(rounds, PAIRS * ROUNDS);
	ck_assert_uint_ge(polled.sends, 2 * PAIRS * ROUNDS - 2 * PAIRS);
	ck_assert_uint_le(polled.enters * 2, PAIRS * ROUNDS);
}
END_TEST

/* <b> takes one piece and stops; what is let through all the same is held. */
static void stop_after_one(struct peer *p)
{
	struct buf_count c;

	io_recv_stop(&p->io);
	rounds = 0;
	buf_counts(&c);
	if (c.in_use > most_in_use)
		most_in_use = c.in_use;
	task_wake(&later);
}

static void arm_again(struct task *t)
{
	struct buf_count c;

	buf_counts(&c);
	if (c.in_use > most_in_use)
		most_in_use = c.in_use;
	if (th->polled.lent > most_lent)
		most_lent = th->polled.lent;
	if (++rounds < 4)
		task_wake(t);
	else if (!b[0].closing)
		io_recv(&b[0].io, IO_MANY);
}

static int start_flood(struct thread *t)
{
	(void)t;
	task_init(&later, TASK_NORMAL, arm_again);
	pair_open(0);
	a[0].half = false;
	b[0].on_bytes = stop_after_one;
	a[0].to_send = 4 << 20;
	a[0].chunk = 3000;
	peer_send(&a[0]);
	return 0;
}

START_TEST(what_comes_after_a_stop_is_held_in_order_and_bounded)
{
	run_case(POLLER_URING, 0, start_flood, keep_counts);
	ck_assert_uint_eq(b[0].got, 4 << 20);
	ck_assert(!b[0].bad);
	ck_assert_uint_le(most_lent, URING_LENT_MAX);
	ck_assert_uint_le(most_in_use, 3 * URING_LENT_MAX);
}
END_TEST

/* Given back with a receive under way: its completion finds the place taken by another. */
static void release_and_reopen(struct task *t)
{
	int fd = io_release(&b[0].io);

	(void)t;
	ck_assert_int_ge(fd, 0);
	memset(&b[0], 0, sizeof(b[0]));
	b[0].on_closed = count_closed;
	b[0].on_end = close_at_end;
	peer_open(&b[0], fd);
	a[0].to_send = 5000;
	a[0].half = false;
	peer_send(&a[0]);
}

static int start_release(struct thread *t)
{
	(void)t;
	pair_open(0);
	task_init(&later, TASK_NORMAL, release_and_reopen);
	task_wake(&later);
	return 0;
}

START_TEST(completions_of_a_former_use_are_counted_and_dropped)
{
	run_case(POLLER_URING, 0, start_release, keep_counts);
	ck_assert_uint_eq(b[0].got, 5000);
	ck_assert_uint_ge(polled.stale, 1);
}
END_TEST

/* A burst makes more buffers wait with the kernel; at rest they go back. */
static void look_at_rest(struct timer *t)
{
	(void)t;
	most_lent = th->polled.lent;
	for (unsigned i = 0; i < PAIRS; i++)
		peer_close(&b[i], false);
}

static void count_bytes(struct peer *p)
{
	if (th->polled.lent > rounds)
		rounds = th->polled.lent;
	if (p->got == 200000 && !timer_armed(&timer)) {
		timer.fire = look_at_rest;
		timer_set(&timer, th->now + 60000);
	}
}

static int start_burst(struct thread *t)
{
	(void)t;
	for (unsigned i = 0; i < PAIRS; i++) {
		pair_open(i);
		b[i].on_bytes = count_bytes;
		a[i].to_send = 200000;
		peer_send(&a[i]);
	}
	return 0;
}

START_TEST(lent_buffers_grow_with_load_and_go_back_at_rest)
{
	clock_set(CLOCK_JUMP, 1000000);
	run_case(POLLER_URING, 0, start_burst, NULL);
	ck_assert_uint_gt(rounds, 8);
	ck_assert_uint_le(rounds, URING_LENT_MAX);
	ck_assert_uint_le(most_lent, 1);
}
END_TEST

static int start_burst_small(struct thread *t)
{
	(void)t;
	for (unsigned i = 0; i < PAIRS; i++) {
		pair_open(i);
		a[i].half = false;
		a[i].to_send = 20000;
		peer_send(&a[i]);
	}
	return 0;
}

/* More operations in one turn than the ring has entries: each keeps its own vector until it is with
 * the kernel. */
static int start_many(struct thread *t)
{
	(void)t;
	for (unsigned i = 0; i < MANY; i++) {
		a[i].hold = true;
		pair_open(i);
		a[i].half = false;
		a[i].to_send = 100 + i;
		peer_send(&a[i]);
	}
	return 0;
}

static void close_many(struct peer *p)
{
	peer_close(p, false);
	peer_close(&a[p - b], false);
}

START_TEST(more_sends_than_entries_in_one_turn_keep_their_bytes)
{
	for (unsigned i = 0; i < MANY; i++)
		b[i].on_end = close_many;
	run_case(POLLER_URING, 0, start_many, NULL);
	for (unsigned i = 0; i < MANY; i++)
		ck_assert(b[i].got == 100 + i && !b[i].bad);
}
END_TEST

/* A small limit is not used up by what only waits: here nothing is lent at all. */
START_TEST(under_a_small_limit_nothing_is_lent)
{
	run_case(POLLER_URING, 3, start_burst_small, keep_counts);
	ck_assert_uint_eq(polled.lent, 0);
	for (unsigned i = 0; i < PAIRS; i++)
		ck_assert(b[i].got == 20000 && !b[i].bad);
}
END_TEST

Suite *poll_uring_suite(void)
{
	Suite *s = suite_create("poll_uring");
	TCase *tc = tcase_create("io_uring");
	const char *why = poller_uring.unusable();

	if (why)
		printf("not run: poll_uring: %s\n", why);
	tcase_set_timeout(tc, 20);
	suite_add_tcase(s, tc);
	if (why)
		return s;
	tcase_add_test(tc, system_calls_per_request_are_few_with_64_connections);
	tcase_add_test(tc, what_comes_after_a_stop_is_held_in_order_and_bounded);
	tcase_add_test(tc, completions_of_a_former_use_are_counted_and_dropped);
	tcase_add_test(tc, lent_buffers_grow_with_load_and_go_back_at_rest);
	tcase_add_test(tc, more_sends_than_entries_in_one_turn_keep_their_bytes);
	tcase_add_test(tc, under_a_small_limit_nothing_is_lent);
	return s;
}
