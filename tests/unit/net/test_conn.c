/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../runtime/core/clock.h"
#include "../../../runtime/core/pool.h"
#include "../../../runtime/net/conn.h"
#include "../runtime_poll.h"
#include "../runtime_tap.h"

Suite *conn_suite(void);

static struct tap tap;
static struct peer peer;
static int far; /* the other end, when it is no peer */
static struct task later;
static struct timer tick;

static char byte_at(uint64_t i)
{
	return (char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static const struct sockaddr_storage nobody = { .ss_family = AF_UNIX };

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

static int holder = -1; /* keeps the number of descriptors equal while <far> outlives the loop */

/* As run, for a case whose <far> stays open. */
static void run_far(int poller, uint32_t buffers, int (*start)(struct thread *))
{
	holder = dup(0);
	run(poller, buffers, start);
}

static int accept_pair(const struct handshake *const *hs, uint32_t ms)
{
	int fd[2];

	conn_thread_start();
	if (holder >= 0)
		close(holder);
	socket_pair(fd);
	far = fd[1];
	tap_next = &tap;
	conn_accepted(fd[0], NULL, &tap_app, hs, &nobody, ms);
	return 0;
}

/* What came out at the far end, as text. */
static const char *at_far(void)
{
	static char text[4096];
	ssize_t n = read(far, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	return text;
}

static void far_closed_cleanly(void)
{
	char c;

	ck_assert_int_eq(read(far, &c, 1), 0);
	close(far);
}

/* Output. */

static void write_parts(struct tap *t)
{
	struct buf *b = buf_get();
	struct slice s = { .buf = b, .off = b->off, .len = 6 };
	char *room;

	memcpy(b->data + b->off, "SLICED", 6);
	b->len = 6;
	ck_assert(conn_write(t->c, "one ", 4));
	ck_assert(conn_write(t->c, "two ", 4));
	ck_assert(conn_put(t->c, s));
	room = conn_room(t->c, 100);
	memcpy(room, " three", 6);
	conn_wrote(t->c, 6);
	ck_assert_uint_eq(conn_queued(t->c), 20);
	shutdown(far, SHUT_WR);
	conn_close(t->c);
	ck_assert(conn_write(t->c, "dropped", 7));
	ck_assert_uint_eq(conn_queued(t->c), 20);
}

static uint64_t sends;

static void note_sends(struct tap *t)
{
	(void)t;
	sends = th->polled.sends;
	thread_stop_all();
}

static int start_parts(struct thread *t)
{
	(void)t;
	tap.on_ready = write_parts;
	tap.on_gone = note_sends;
	return accept_pair(NULL, 0);
}

START_TEST(what_a_turn_writes_goes_out_in_order)
{
	run_far(_i, 0, start_parts);
	ck_assert_str_eq(at_far(), "one two SLICED three");
	far_closed_cleanly();
	ck_assert_uint_eq(tap.gone, 1);
	if (_i == 0)
		ck_assert_uint_eq(sends, 1);
}
END_TEST

#define BULK 700000
static uint64_t made, checked;
static bool wrong;

/* The next part of the stream of known bytes, by each of the ways to write. */
static void make_some(struct tap *t)
{
	while (made < BULK && conn_queued(t->c) < 65536) {
		size_t n = 1 + (size_t)(thread_random() % 9000);
		char text[9001];

		if (n > BULK - made)
			n = (size_t)(BULK - made);
		for (size_t i = 0; i < n; i++)
			text[i] = byte_at(made + i);
		if (made % 3) {
			ck_assert(conn_write(t->c, text, n));
		} else {
			struct buf *b = buf_get();

			ck_assert_ptr_nonnull(b);
			memcpy(b->data + b->off, text, n);
			b->len = (uint32_t)n;
			ck_assert(conn_put(t->c, (struct slice) { b, b->off, (uint32_t)n }));
		}
		made += n;
	}
	if (made == BULK)
		conn_shut(t->c);
}

static void check_some(struct tap *t, const char *p, size_t n)
{
	(void)t;
	for (size_t i = 0; i < n; i++)
		wrong |= p[i] != byte_at(checked + i);
	checked += n;
}

static void bulk_ready(struct tap *t)
{
	conn_recv(t->c, IO_MANY);
	make_some(t);
}

static void bulk_end(struct tap *t)
{
	if (!(t->c->flags & CONN_SHUT))
		return;
	conn_close(t->c);
}

static void bulk_drained(struct tap *t)
{
	make_some(t);
	if ((t->c->flags & CONN_SHUT) && t->ended)
		bulk_end(t);
}

static void peer_done(struct peer *p)
{
	if (p->ended && p->done_sending && !p->closing)
		peer_close(p, false);
}

/* The loop ends when both sides have. */
static void both_gone(void)
{
	if (tap.gone && peer.closed)
		thread_stop_all();
}

static void tap_gone(struct tap *t)
{
	(void)t;
	both_gone();
}

static void peer_gone(struct peer *p)
{
	(void)p;
	both_gone();
}

static void watch_peer(struct task *t)
{
	peer_done(&peer);
	if (!peer.closing)
		task_wake(t);
}

static int start_bulk(struct thread *t)
{
	(void)t;
	tap.on_ready = bulk_ready;
	tap.on_bytes = check_some;
	tap.on_end = bulk_end;
	tap.on_drained = bulk_drained;
	accept_pair(NULL, 0);
	peer.to_send = BULK;
	peer.on_closed = peer_gone;
	tap.on_gone = tap_gone;
	peer_open(&peer, far);
	peer_send(&peer);
	task_init(&later, TASK_BULK, watch_peer);
	task_wake(&later);
	return 0;
}

START_TEST(much_goes_both_ways_in_order)
{
	run(_i, 0, start_bulk);
	ck_assert(!wrong && !peer.bad);
	ck_assert_uint_eq(checked, BULK);
	ck_assert_uint_eq(peer.got, BULK);
	ck_assert_int_eq(peer.err, 0);
	ck_assert_uint_eq(tap.gone, 1);
}
END_TEST

static bool refused;

static void fill_all(struct tap *t)
{
	for (int i = 0; i < 4000 && !refused; i++) {
		char text[4000] = { 0 };

		refused = !conn_write(t->c, text, sizeof(text));
	}
	ck_assert(refused);
	ck_assert_uint_eq(t->ended, 0);
	ck_assert_ptr_null(conn_room(t->c, 10));
	ck_assert(!conn_write(t->c, "x", 1));
}

static int start_full(struct thread *t)
{
	(void)t;
	tap.on_ready = fill_all;
	return accept_pair(NULL, 0);
}

START_TEST(a_connection_that_finds_no_buffer_ends_cleanly)
{
	run_far(_i, 8, start_full);
	ck_assert_uint_eq(tap.ended, 1);
	ck_assert_int_eq(tap.end_err, -ENOMEM);
	ck_assert_uint_eq(tap.gone, 1);
	close(far);
}
END_TEST

/* Ends. */

static void tcp_pair(int fd[2])
{
	struct sockaddr_in to;
	int l = listen_any(&to, 8);

	fd[1] = socket_tcp();
	ck_assert(connect(fd[1], (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS);
	while ((fd[0] = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0)
		ck_assert(errno == EAGAIN || errno == EINTR);
	close(l);
}

static int accept_tcp(void)
{
	int fd[2];

	conn_thread_start();
	tcp_pair(fd);
	far = fd[1];
	tap_next = &tap;
	conn_accepted(fd[0], NULL, &tap_app, NULL, &nobody, 0);
	return 0;
}

#define ANSWER 30000

static void answer_early(struct tap *t, const char *p, size_t n)
{
	char text[ANSWER];

	(void)p;
	(void)n;
	if (made)
		return;
	made = ANSWER;
	for (size_t i = 0; i < ANSWER; i++)
		text[i] = byte_at(i);
	ck_assert(conn_write(t->c, text, ANSWER));
	conn_close(t->c);
}

static int start_upload(struct thread *t)
{
	(void)t;
	tap.mode = IO_MANY;
	tap.on_bytes = answer_early;
	accept_tcp();
	peer.to_send = 3000000;
	peer.on_closed = peer_gone;
	tap.on_gone = tap_gone;
	peer_open(&peer, far);
	peer_send(&peer);
	task_init(&later, TASK_BULK, watch_peer);
	task_wake(&later);
	return 0;
}

START_TEST(s59_an_early_answer_survives_an_upload)
{
	run(_i, 0, start_upload);
	ck_assert_uint_eq(peer.got, ANSWER);
	ck_assert(!peer.bad);
	ck_assert_int_eq(peer.err, 0);
	ck_assert_uint_eq(tap.gone, 1);
}
END_TEST

static uint64_t begun, over;

static void answer_and_close(struct tap *t)
{
	begun = th->now;
	ck_assert(conn_write(t->c, "bye", 3));
	conn_close(t->c);
}

static void note_end(struct tap *t)
{
	(void)t;
	over = th->now;
	thread_stop_all();
}

static int start_silent(struct thread *t)
{
	(void)t;
	tap.on_ready = answer_and_close;
	tap.on_gone = note_end;
	return accept_pair(NULL, 0);
}

START_TEST(a_peer_that_does_not_end_is_left_after_the_linger_time)
{
	clock_set(CLOCK_JUMP, 1000000);
	run_far(0, 0, start_silent);
	ck_assert_uint_ge(over - begun, CONN_LINGER_MS);
	ck_assert_uint_le(over - begun, CONN_LINGER_MS + 10);
	ck_assert_str_eq(at_far(), "bye");
	far_closed_cleanly();
}
END_TEST

static void much_and_close(struct tap *t)
{
	char text[10000] = { 0 };

	begun = th->now;
	for (int i = 0; i < 100; i++)
		ck_assert(conn_write(t->c, text, sizeof(text)));
	conn_close(t->c);
}

static int start_stuck(struct thread *t)
{
	(void)t;
	tap.on_ready = much_and_close;
	tap.on_gone = note_end;
	return accept_pair(NULL, 0);
}

START_TEST(a_peer_that_takes_nothing_is_left_after_the_stall_time)
{
	clock_set(CLOCK_JUMP, 1000000);
	run_far(0, 0, start_stuck);
	ck_assert_uint_ge(over - begun, CONN_STALL_MS);
	ck_assert_uint_le(over - begun, CONN_STALL_MS + 10);
	close(far);
}
END_TEST

static void reset_far(struct tap *t)
{
	static const struct linger now = { .l_onoff = 1 };

	conn_recv(t->c, IO_MANY);
	setsockopt(far, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(far);
}

static int start_reset(struct thread *t)
{
	(void)t;
	tap.on_ready = reset_far;
	return accept_tcp();
}

START_TEST(a_reset_is_told_once)
{
	run(_i, 0, start_reset);
	ck_assert_uint_eq(tap.ended, 1);
	ck_assert_int_eq(tap.end_err, -ECONNRESET);
	ck_assert_uint_eq(tap.gone, 1);
}
END_TEST

/* The server has answered and reset before our bytes reached it: its answer is read before the
 * failure. */
static void answered_then_gone(struct tap *t)
{
	char text[1000] = { 0 };

	ck_assert_int_eq(write(far, "answer", 6), 6);
	close(far);
	conn_recv(t->c, IO_MANY);
	for (int i = 0; i < 20; i++)
		ck_assert(conn_write(t->c, text, sizeof(text)));
}

static int start_answered(struct thread *t)
{
	(void)t;
	tap.on_ready = answered_then_gone;
	return accept_pair(NULL, 0);
}

START_TEST(an_answer_is_read_although_sending_fails)
{
	run(_i, 0, start_answered);
	ck_assert_uint_eq(tap.n, 6);
	ck_assert_int_eq(memcmp(tap.got, "answer", 6), 0);
	ck_assert_uint_eq(tap.ended, 1);
}
END_TEST

/* Nothing is to be read just then, as the one who takes it is slow: what the server sent waits for
 * him, and the failure behind it. */
static void read_at_last(struct timer *t)
{
	(void)t;
	ck_assert_uint_eq(tap.ended, 0);
	conn_recv(tap.c, IO_MANY);
}

static int start_unread(struct thread *t)
{
	static const struct addr server = { .kind = AK_UNIX };
	char text[20000] = { 0 };
	int fd[2];

	(void)t;
	conn_thread_start();
	socket_pair(fd);
	tap.c = conn_adopt(&(struct conn_parts) { .fd = fd[0] }, &server, &tap_app, &tap);
	tap.ready = 1;
	conn_attach(tap.c, &tap_mux, &tap);
	ck_assert_int_eq(write(fd[1], "answer", 6), 6);
	close(fd[1]);
	ck_assert(conn_write(tap.c, text, sizeof(text)));
	tick.fire = read_at_last;
	timer_set(&tick, th->now + 1000);
	return 0;
}

START_TEST(an_answer_that_waits_for_its_reader_outlives_the_servers_reset)
{
	clock_set(CLOCK_JUMP, 1000000);
	run(_i, 0, start_unread);
	ck_assert_uint_eq(tap.n, 6);
	ck_assert_int_eq(memcmp(tap.got, "answer", 6), 0);
	ck_assert_uint_eq(tap.ended, 1);
	ck_assert_int_lt(tap.end_err, 0);
}
END_TEST

/* Handshakes. */

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
	accept_pair(two_lines, 1000);
	ck_assert_int_eq(write(far, "one\ntwo\nbytes", 13), 13);
	shutdown(far, SHUT_WR);
	return 0;
}

START_TEST(handlers_run_in_order_and_the_mux_gets_the_rest)
{
	run_far(_i, 0, start_lines);
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
	run_far(_i, 0, start_credit);
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
	accept_pair(two_lines, 1000);
	ck_assert_int_eq(write(far, "bad\n", 4), 4);
	tick.fire = stop_soon;
	timer_set(&tick, th->now + 200);
	return 0;
}

static int start_no_line(struct thread *t)
{
	(void)t;
	accept_pair(two_lines, 1000);
	tick.fire = stop_soon;
	timer_set(&tick, th->now + 1200);
	return 0;
}

static int start_long_line(struct thread *t)
{
	char text[40000];

	(void)t;
	memset(text, 'a', sizeof(text));
	accept_pair(two_lines, 1000);
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
	run_far(_i / 3, 0, failing[_i % 3]);
	ck_assert_uint_eq(tap.ready, 0);
	ck_assert_uint_eq(tap.gone, 0);
	ck_assert(read(far, &c, 1) == 0 || errno == ECONNRESET);
	close(far);
}
END_TEST

static int start_refusal(struct thread *t)
{
	(void)t;
	accept_pair(line_refuse, 1000);
	ck_assert_int_eq(write(far, "one\nrest", 8), 8);
	shutdown(far, SHUT_WR);
	tick.fire = stop_soon;
	timer_set(&tick, th->now + 200);
	return 0;
}

START_TEST(a_handler_may_answer_and_end)
{
	clock_set(CLOCK_JUMP, 1000000);
	run_far(_i, 0, start_refusal);
	ck_assert_uint_eq(tap.ready, 0);
	ck_assert_str_eq(at_far(), "no");
	far_closed_cleanly();
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
	run_far(0, 0, start_extras);
	ck_assert_uint_eq(extras_ready, 0);
	ck_assert_uint_eq(extras_local, 1);
	close(far);
}
END_TEST

static void attach_twice(struct tap *t)
{
	conn_attach(t->c, &tap_mux, t);
}

static int start_twice(struct thread *t)
{
	(void)t;
	tap.on_ready = attach_twice;
	return accept_pair(NULL, 0);
}

/* The legal ones are taken by the other tests here. */
START_TEST(s56_an_illegal_step_aborts)
{
	run(0, 0, start_twice);
}
END_TEST

Suite *conn_suite(void)
{
	Suite *s = suite_create("conn");
	TCase *tc = tcase_create("conn");

	tcase_set_timeout(tc, 4);
	tcase_add_loop_test(tc, what_a_turn_writes_goes_out_in_order, 0, POLLERS);
	tcase_add_loop_test(tc, much_goes_both_ways_in_order, 0, POLLERS);
	tcase_add_loop_test(tc, a_connection_that_finds_no_buffer_ends_cleanly, 0, POLLERS);
	tcase_add_loop_test(tc, s59_an_early_answer_survives_an_upload, 0, POLLERS);
	tcase_add_test(tc, a_peer_that_does_not_end_is_left_after_the_linger_time);
	tcase_add_test(tc, a_peer_that_takes_nothing_is_left_after_the_stall_time);
	tcase_add_loop_test(tc, a_reset_is_told_once, 0, POLLERS);
	tcase_add_loop_test(tc, an_answer_is_read_although_sending_fails, 0, POLLERS);
	tcase_add_loop_test(tc, an_answer_that_waits_for_its_reader_outlives_the_servers_reset, 0,
			    POLLERS);
	tcase_add_loop_test(tc, handlers_run_in_order_and_the_mux_gets_the_rest, 0, POLLERS);
	tcase_add_loop_test(tc, early_bytes_wait_for_credit, 0, POLLERS);
	tcase_add_loop_test(tc, a_client_that_fails_in_its_handshake_is_closed_unheard, 0,
			    3 * POLLERS);
	tcase_add_loop_test(tc, a_handler_may_answer_and_end, 0, POLLERS);
	tcase_add_test(tc, an_idle_connection_is_one_object);
	tcase_add_test_raise_signal(tc, s56_an_illegal_step_aborts, 6);
	suite_add_tcase(s, tc);
	return s;
}
