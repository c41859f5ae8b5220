/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <unistd.h>

#include "../../../runtime/core/clock.h"
#include "../runtime_conn.h"

Suite *conn_suite(void);

static struct peer peer;
static struct task later;
static struct timer tick;

static char byte_at(uint64_t i)
{
	return (char)(i * 31 + (i >> 8) * 7 + (i >> 16));
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
	return conn_case_accept(NULL, 0);
}

START_TEST(what_a_turn_writes_goes_out_in_order)
{
	conn_case_run_far(_i, 0, start_parts);
	ck_assert_str_eq(conn_case_far_text(), "one two SLICED three");
	conn_case_far_closed();
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
	conn_case_accept(NULL, 0);
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
	conn_case_run(_i, 0, start_bulk);
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
	return conn_case_accept(NULL, 0);
}

START_TEST(a_connection_that_finds_no_buffer_ends_cleanly)
{
	conn_case_run_far(_i, 8, start_full);
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
	conn_accepted(fd[0], NULL, &tap_app, NULL, &conn_case_nobody, 0);
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
	conn_case_run(_i, 0, start_upload);
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
	return conn_case_accept(NULL, 0);
}

START_TEST(a_peer_that_does_not_end_is_left_after_the_linger_time)
{
	clock_set(CLOCK_JUMP, 1000000);
	conn_case_run_far(0, 0, start_silent);
	ck_assert_uint_ge(over - begun, CONN_LINGER_MS);
	ck_assert_uint_le(over - begun, CONN_LINGER_MS + 10);
	ck_assert_str_eq(conn_case_far_text(), "bye");
	conn_case_far_closed();
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
	return conn_case_accept(NULL, 0);
}

START_TEST(a_peer_that_takes_nothing_is_left_after_the_stall_time)
{
	clock_set(CLOCK_JUMP, 1000000);
	conn_case_run_far(0, 0, start_stuck);
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
	conn_case_run(_i, 0, start_reset);
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
	return conn_case_accept(NULL, 0);
}

START_TEST(an_answer_is_read_although_sending_fails)
{
	conn_case_run(_i, 0, start_answered);
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
	conn_case_run(_i, 0, start_unread);
	ck_assert_uint_eq(tap.n, 6);
	ck_assert_int_eq(memcmp(tap.got, "answer", 6), 0);
	ck_assert_uint_eq(tap.ended, 1);
	ck_assert_int_lt(tap.end_err, 0);
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
	return conn_case_accept(NULL, 0);
}

/* The legal ones are taken by the other tests here. */
START_TEST(s56_an_illegal_step_aborts)
{
	conn_case_run(0, 0, start_twice);
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
	tcase_add_test_raise_signal(tc, s56_an_illegal_step_aborts, 6);
	suite_add_tcase(s, tc);
	return s;
}
