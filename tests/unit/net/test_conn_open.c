/* SPDX-License-Identifier: Apache-2.0 */
/* How connections begin, and what is left when that fails. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../runtime/core/clock.h"
#include "../../../runtime/core/pool.h"
#include "../../../runtime/net/conn.h"
#include "../../../runtime/net/handshake.h"
#include "../runtime_poll.h"
#include "../runtime_tap.h"

Suite *conn_open_suite(void);

static struct tap tap, tap2;
static struct timer tick;

static void thread_end(struct thread *t)
{
	(void)t;
	conn_thread_stop();
}

static void run(int poller, uint32_t buffers, int (*start)(struct thread *))
{
	conn_init();
	run_case(poller, buffers, start, thread_end);
	ck_assert_uint_eq(tap.released, tap.ready && !tap.ready_err);
}

/* Connecting. */

static int connect_to(const struct sockaddr_in *to, uint32_t ms)
{
	struct addr a;
	int err = 0;

	conn_thread_start();
	addr_from_sockaddr(&a, (const struct sockaddr_storage *)(const void *)to);
	tap_next = NULL;
	ck_assert_ptr_nonnull(
		conn_connect(&(struct conn_route) { .to = &a }, &tap_app, &tap, NULL, ms, &err));
	ck_assert_uint_eq(tap.ready, 0);
	return 0;
}

static int start_refused(struct thread *t)
{
	struct sockaddr_storage ss = { 0 };
	int fd = listen_any((struct sockaddr_in *)(void *)&ss, 1);

	(void)t;
	close(fd);
	return connect_to((struct sockaddr_in *)(void *)&ss, 5000);
}

START_TEST(a_refused_connect_is_told_once)
{
	run(_i, 0, start_refused);
	ck_assert_uint_eq(tap.ready, 1);
	ck_assert_int_eq(tap.ready_err, ECONNREFUSED);
	ck_assert_uint_eq(tap.gone, 1);
}
END_TEST

static int full_queue[3];

static int start_slow(struct thread *t)
{
	struct sockaddr_storage ss = { 0 };

	(void)t;
	full_queue[0] = listen_any((struct sockaddr_in *)(void *)&ss, 0);
	for (int i = 1; i < 3; i++) {
		full_queue[i] = socket_tcp();
		connect(full_queue[i], (struct sockaddr *)&ss, sizeof(struct sockaddr_in));
	}
	return connect_to((struct sockaddr_in *)(void *)&ss, 700);
}

static void close_queue(struct tap *t)
{
	for (int i = 0; i < 3; i++)
		close(full_queue[i]);
	(void)t;
	thread_stop_all();
}

START_TEST(a_connect_that_takes_too_long_is_told_once)
{
	clock_set(CLOCK_JUMP, 1000000);
	tap.on_gone = close_queue;
	run(0, 0, start_slow);
	ck_assert_uint_eq(tap.ready, 1);
	ck_assert_int_eq(tap.ready_err, ETIMEDOUT);
	ck_assert_uint_eq(tap.gone, 1);
}
END_TEST

START_TEST(what_cannot_be_started_says_why)
{
	struct addr a = { .kind = AK_UNIX };
	int err = 0;

	conn_init();
	ck_assert_ptr_null(
		conn_connect(&(struct conn_route) { .to = &a }, &tap_app, &tap2, NULL, 0, &err));
	ck_assert_int_eq(err, EAFNOSUPPORT);
	ck_assert_uint_eq(tap2.ready, 0);
}
END_TEST

static void abandon(struct timer *t)
{
	(void)t;
	thread_stop_all();
}

static int start_abandoned(struct thread *t)
{
	struct sockaddr_storage ss = { 0 };
	struct addr a;
	int err;

	(void)t;
	full_queue[0] = listen_any((struct sockaddr_in *)(void *)&ss, 4);
	conn_thread_start();
	addr_from_sockaddr(&a, &ss);
	conn_close(
		conn_connect(&(struct conn_route) { .to = &a }, &tap_app, &tap, NULL, 100, &err));
	tick.fire = abandon;
	timer_set(&tick, th->now + 20);
	return 0;
}

static void ignore(struct tap *t)
{
	(void)t;
}

static void close_abandoned(struct thread *t)
{
	close(full_queue[0]);
	thread_end(t);
}

START_TEST(giving_up_leaves_nothing)
{
	clock_set(CLOCK_JUMP, 1000000);
	tap.on_gone = ignore;
	conn_init();
	run_case(_i, 0, start_abandoned, close_abandoned);
	ck_assert_uint_eq(tap.ready, 0);
	ck_assert_uint_eq(tap.gone, 1);
}
END_TEST

/* S49: memory is out from the n-th allocation on, which is in turn each step by which a connection
 * begins and gets to its first answer. */

static _Thread_local int allowed = -1; /* allocations that still succeed; -1: all */
static _Thread_local unsigned refused;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static bool denied(void)
{
	if (allowed < 0 || !th)
		return false;
	if (allowed == 0) {
		refused++;
		return true;
	}
	allowed--;
	return false;
}

/* What the test library needs for itself is granted. */
void __real__mark_point(const char *file, int line);
void __wrap__mark_point(const char *file, int line);

void __wrap__mark_point(const char *file, int line)
{
	int left = allowed;

	allowed = -1;
	__real__mark_point(file, line);
	allowed = left;
}

void *__wrap_malloc(size_t n)
{
	return denied() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return denied() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return denied() ? NULL : __real_realloc(p, n);
}

#define STEPS 12 /* more than there are allocations */
static int far[2], step, served;
static bool begun;

static enum hs_result eat_four(struct conn *c, struct str in, size_t *used)
{
	(void)c;
	if (in.n < 4)
		return HS_MORE;
	*used = 4;
	return HS_DONE;
}

static const struct handshake four = { "four", eat_four };
static const struct handshake *const list[] = { &four, NULL };

static void end(struct timer *t)
{
	(void)t;
	thread_stop_all();
}

static void answer(struct tap *t, const char *p, size_t n)
{
	(void)p;
	(void)n;
	conn_write(t->c, "answer", 6);
}

static void answered(struct tap *t)
{
	conn_abort(t->c, false);
}

static void steps_over(struct tap *t)
{
	(void)t;
	thread_stop_all();
}

static int start_step(struct thread *t)
{
	static const struct sockaddr_storage nobody = { .ss_family = AF_UNIX };
	struct sockaddr_storage ss = { 0 };
	struct addr a;
	int fd[2], err = 0, l;

	(void)t;
	conn_thread_start();
	tap.on_bytes = answer;
	tap.on_drained = answered;
	tap.on_gone = steps_over;
	tick.fire = end;
	timer_set(&tick, th->now + 1000); /* a client that fails in its handshake is not told of */
	if (step < STEPS) {
		tap_next = &tap;
		socket_pair(fd);
		far[0] = fd[1];
		ck_assert_int_eq(write(far[0], "handbytes", 9), 9);
		allowed = step;
		begun = conn_accepted(fd[0], NULL, &tap_app, list, &nobody, 500) != NULL;
		return 0;
	}
	l = listen_any((struct sockaddr_in *)(void *)&ss, 4);
	addr_from_sockaddr(&a, &ss);
	allowed = step - STEPS;
	begun = conn_connect(&(struct conn_route) { .to = &a }, &tap_app, &tap, list, 500, &err);
	ck_assert_int_eq(begun ? 0 : ENOMEM, err);
	far[0] = -1;
	if (begun) { /* under way already */
		while ((far[0] = accept(l, NULL, NULL)) < 0)
			ck_assert(errno == EAGAIN || errno == EINTR);
		ck_assert_int_eq(write(far[0], "handbytes", 9), 9);
	}
	close(l);
	return 0;
}

static void stop_step(struct thread *t)
{
	char got[8];

	allowed = -1;
	thread_end(t);
	if (far[0] < 0)
		return;
	served = tap.ready && !tap.ready_err && read(far[0], got, sizeof(got)) == 6;
	close(far[0]);
}

START_TEST(s49_a_failure_at_any_step_leaves_nothing)
{
	int poller = _i < 4 * STEPS ? 0 : POLLER_URING;
	uint32_t buffers = _i / (2 * STEPS) == 1 ? 64 : 0;

	step = _i % (2 * STEPS); /* the second half are connections to servers */
	clock_set(CLOCK_JUMP, 1000000);
	conn_init();
	run_case(poller, buffers, start_step, stop_step);
	ck_assert_uint_eq(tap.released, tap.ready && !tap.ready_err);
	ck_assert(served || refused);
	if (step % STEPS == 0)
		ck_assert(!begun && !tap.ready);
	if (step % STEPS == STEPS - 1)
		ck_assert(served);
}
END_TEST

Suite *conn_open_suite(void)
{
	Suite *s = suite_create("conn_open");
	TCase *tc = tcase_create("conn_open");

	tcase_set_timeout(tc, 4);
	tcase_add_loop_test(tc, a_refused_connect_is_told_once, 0, POLLERS);
	tcase_add_test(tc, a_connect_that_takes_too_long_is_told_once);
	tcase_add_test(tc, what_cannot_be_started_says_why);
	tcase_add_loop_test(tc, giving_up_leaves_nothing, 0, POLLERS);
	tcase_add_loop_test(tc, s49_a_failure_at_any_step_leaves_nothing, 0, 5 * STEPS);
	suite_add_tcase(s, tc);
	return s;
}
