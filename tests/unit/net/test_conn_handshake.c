/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <unistd.h>

#include "../../../runtime/core/clock.h"
#include "../../../runtime/core/pool.h"
#include "../runtime_conn.h"

Suite *conn_handshake_suite(void);

static struct timer tick;

static unsigned runs;

static enum hs_result run_line(struct conn *c, struct str in, size_t *used)
{
	ptrdiff_t end = str_chr(in, '\n');

	ck_assert_ptr_null(c->mux);
	runs++;
	if (end < 0)
		return HS_MORE;
	*used = (size_t)end + 1;
	return str_starts(in, S("bad")) ? HS_FAIL : HS_DONE;
}

static enum hs_result run_answer(struct conn *c, struct str in, size_t *used)
{
	(void)in;
	(void)used;
	return conn_write(c, "no", 2) ? HS_CLOSE : HS_FAIL;
}

static const struct handshake line = { "line", run_line }, refuse = { "refuse", run_answer };
static const struct handshake *const two_lines[] = { &line, &line, NULL };
static const struct handshake *const line_refuse[] = { &line, &refuse, NULL };

static void at_end_of_text(struct tap *t, const char *p, size_t n)
{
	memcpy(t->got + t->n, p, n);
	t->n += n;
	if (t->n == 5)
		conn_close(t->c);
	else
		conn_recv(t->c, IO_ONCE);
}

static int start_lines(struct thread *t)
{
	(void)t;
	tap.on_bytes = at_end_of_text;
	conn_case_accept(two_lines, 1000);
	ck_assert_int_eq(write(far, "one\ntwo\nbytes", 13), 13);
	shutdown(far, SHUT_WR);
	return 0;
}

START_TEST(handlers_run_in_order_and_the_mux_gets_the_rest)
{
	conn_case_run_far(_i, 0, start_lines);
	ck_assert_uint_eq(tap.ready, 1);
	ck_assert_uint_eq(tap.n, 5);
	ck_assert_int_eq(memcmp(tap.got, "bytes", 5), 0);
	ck_assert_uint_eq(tap.gone, 1);
	close(far);
}
END_TEST

static bool credit_broken;

/* Nothing is delivered while no receive is armed, and one buffer per armed one. */
static void arm_later(struct timer *t)
{
	(void)t;
	credit_broken |= tap.n != 0;
	conn_recv(tap.c, IO_ONCE);
}

static void hold_back(struct tap *t)
{
	(void)t;
	tick.fire = arm_later;
	timer_set(&tick, th->now + 3);
}

static int start_credit(struct thread *t)
{
	start_lines(t);
	tap.on_ready = hold_back;
	return 0;
}

START_TEST(early_bytes_wait_for_credit)
{
	clock_set(CLOCK_JUMP, 1000000);
	conn_case_run_far(_i, 0, start_credit);
	ck_assert(!credit_broken);
	ck_assert_uint_eq(tap.n, 5);
	close(far);
}
END_TEST

static void stop_soon(struct timer *t)
{
	(void)t;
	thread_stop_all();
}

static int start_bad_line(struct thread *t)
{
	(void)t;
	conn_case_accept(two_lines, 1000);
	ck_assert_int_eq(write(far, "bad\n", 4), 4);
	tick.fire = stop_soon;
	timer_set(&tick, th->now + 200);
	return 0;
}

static int start_no_line(struct thread *t)
{
	(void)t;
	conn_case_accept(two_lines, 1000);
	tick.fire = stop_soon;
	timer_set(&tick, th->now + 1200);
	return 0;
}

static int start_long_line(struct thread *t)
{
	char text[40000];

	(void)t;
	memset(text, 'a', sizeof(text));
	conn_case_accept(two_lines, 1000);
	ck_assert_int_eq(write(far, text, sizeof(text)), sizeof(text));
	tick.fire = stop_soon;
	timer_set(&tick, th->now + 200);
	return 0;
}

static int (*const failing[])(struct thread *) = { start_bad_line, start_no_line, start_long_line };

START_TEST(a_client_that_fails_in_its_handshake_is_closed_unheard)
{
	char c;

	clock_set(CLOCK_JUMP, 1000000);
	conn_case_run_far(_i / 3, 0, failing[_i % 3]);
	ck_assert_uint_eq(tap.ready, 0);
	ck_assert_uint_eq(tap.gone, 0);
	ck_assert(read(far, &c, 1) == 0 || errno == ECONNRESET);
	close(far);
}
END_TEST

static int start_refusal(struct thread *t)
{
	(void)t;
	conn_case_accept(line_refuse, 1000);
	ck_assert_int_eq(write(far, "one\nrest", 8), 8);
	shutdown(far, SHUT_WR);
	tick.fire = stop_soon;
	timer_set(&tick, th->now + 200);
	return 0;
}

START_TEST(a_handler_may_answer_and_end)
{
	clock_set(CLOCK_JUMP, 1000000);
	conn_case_run_far(_i, 0, start_refusal);
	ck_assert_uint_eq(tap.ready, 0);
	ck_assert_str_eq(conn_case_far_text(), "no");
	conn_case_far_closed();
}
END_TEST

static uint64_t extras(void)
{
	struct pool_count n[POOLS_MAX];
	unsigned k = pool_counts(n, POOLS_MAX);

	for (unsigned i = 0; i < k; i++)
		if (strcmp(n[i].name, "conn_extra") == 0)
			return n[i].in_use;
	ck_abort_msg("no such pool");
	return 0;
}

static uint64_t extras_ready, extras_local;

static void count_extras(struct tap *t, const char *p, size_t n)
{
	(void)p;
	(void)n;
	extras_ready = extras();
	ck_assert_int_eq(conn_local(t->c)->kind, AK_UNIX);
	ck_assert_ptr_eq(conn_local(t->c), conn_local(t->c));
	extras_local = extras();
	conn_close(t->c);
}

static int start_extras(struct thread *t)
{
	start_lines(t);
	tap.on_bytes = count_extras;
	return 0;
}

START_TEST(an_idle_connection_is_one_object)
{
	conn_case_run_far(0, 0, start_extras);
	ck_assert_uint_eq(extras_ready, 0);
	ck_assert_uint_eq(extras_local, 1);
	close(far);
}
END_TEST

Suite *conn_handshake_suite(void)
{
	Suite *s = suite_create("conn_handshake");
	TCase *tc = tcase_create("conn_handshake");

	tcase_set_timeout(tc, 4);
	tcase_add_loop_test(tc, handlers_run_in_order_and_the_mux_gets_the_rest, 0, POLLERS);
	tcase_add_loop_test(tc, early_bytes_wait_for_credit, 0, POLLERS);
	tcase_add_loop_test(tc, a_client_that_fails_in_its_handshake_is_closed_unheard, 0,
			    3 * POLLERS);
	tcase_add_loop_test(tc, a_handler_may_answer_and_end, 0, POLLERS);
	tcase_add_test(tc, an_idle_connection_is_one_object);
	suite_add_tcase(s, tc);
	return s;
}
