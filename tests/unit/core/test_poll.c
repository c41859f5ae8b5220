/* SPDX-License-Identifier: Apache-2.0 */
/* What every poller must do, for each of them: epoll, and the faulty one with several seeds. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../runtime_poll.h"

Suite *poll_suite(void);

#define PAIRS 100

static struct peer a[PAIRS], b[PAIRS];
static unsigned open_peers;
static struct task later;
static unsigned turns;

/* The usual life: closes when the peer has ended, ends the loop when all are closed. */
static void count_closed(struct peer *p)
{
	ck_assert_uint_eq(p->completions, 0);
	if (--open_peers == 0)
		thread_stop_all();
}

static void close_at_end(struct peer *p)
{
	if (!p->closing && (p->done_sending || !p->to_send || p->err))
		peer_close(p, false);
}

/* Its own stream is not done yet: sending goes on, and the peer closes when the other side
 * closes. */
static void shut_at_end(struct peer *p)
{
	if (p->err || p->done_sending || !p->to_send)
		close_at_end(p);
}

static void check_done(struct task *t)
{
	for (unsigned i = 0; i < PAIRS; i++) {
		if (a[i].ended && !a[i].closing && a[i].io.ops)
			shut_at_end(&a[i]);
		if (b[i].ended && !b[i].closing && b[i].io.ops)
			shut_at_end(&b[i]);
	}
	if (open_peers)
		task_wake(t);
}

static void pair_open(unsigned i, uint64_t ab, uint64_t ba)
{
	int fd[2];

	socket_pair(fd);
	a[i].to_send = ab;
	b[i].to_send = ba;
	a[i].on_end = b[i].on_end = close_at_end;
	a[i].on_closed = b[i].on_closed = count_closed;
	open_peers += 2;
	peer_open(&a[i], fd[0]);
	peer_open(&b[i], fd[1]);
	peer_send(&a[i]);
	peer_send(&b[i]);
	if (!later.run)
		task_init(&later, TASK_BULK, check_done);
	task_wake(&later);
}

static void all_received(unsigned n, uint64_t ab, uint64_t ba)
{
	for (unsigned i = 0; i < n; i++) {
		ck_assert(!a[i].bad && !b[i].bad);
		ck_assert_int_eq(a[i].err, 0);
		ck_assert_int_eq(b[i].err, 0);
		ck_assert_uint_eq(b[i].got, ab);
		ck_assert_uint_eq(a[i].got, ba);
	}
}

static int start_small(struct thread *t)
{
	(void)t;
	for (unsigned i = 0; i < 20; i++) {
		a[i].chunk = 1 + i * 7;
		b[i].chunk = 300;
		pair_open(i, 3000, 5000);
	}
	return 0;
}

START_TEST(small_transfers_both_ways_arrive_whole_and_end)
{
	run_case(_i, 0, start_small, NULL);
	all_received(20, 3000, 5000);
}
END_TEST

static int start_huge(struct thread *t)
{
	(void)t;
	pair_open(0, 8 << 20, 0);
	return 0;
}

START_TEST(a_huge_transfer_arrives_whole)
{
	run_case(_i, 0, start_huge, NULL);
	all_received(1, 8 << 20, 0);
}
END_TEST

/* TCP: the answer comes after the request's end was seen. */
static struct peer client, server;
static struct io listener;
static struct sockaddr_in addr;
static int accept_errors[4];
static unsigned naccept_errors, naccepted;

static void answer_at_end(struct peer *p)
{
	ck_assert_int_eq(p->err, 0);
	p->to_send = 40000;
	peer_send(p);
}

static void server_accepted(struct io *io, int fd, const struct sockaddr_storage *peer)
{
	(void)io;
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(peer->ss_family, AF_INET);
	naccepted++;
	open_peers++;
	server.on_end = answer_at_end;
	server.on_closed = count_closed;
	peer_open(&server, fd);
}

static void listener_closed(struct io *io)
{
	(void)io;
}

static const struct io_ops listener_ops = { .accepted = server_accepted,
					    .closed = listener_closed };

static void send_connected(struct peer *p)
{
	ck_assert_int_eq(p->connect_err, 0);
	io_recv(&p->io, IO_MANY);
	peer_send(p);
}

static void client_end(struct peer *p)
{
	peer_close(p, false);
	peer_close(&server, false);
}

static int start_half_close(struct thread *t)
{
	(void)t;
	ck_assert_int_eq(io_open(&listener, listen_any(&addr, 8), &listener_ops), 0);
	io_accept(&listener);
	client.hold = true;
	client.to_send = 20000;
	client.on_connect = send_connected;
	client.on_end = client_end;
	client.on_closed = count_closed;
	open_peers++;
	peer_open(&client, socket_tcp());
	io_connect(&client.io, (struct sockaddr *)&addr, sizeof(addr));
	return 0;
}

static void close_listener(struct thread *t)
{
	(void)t;
	io_close(&listener, false);
}

START_TEST(an_answer_after_the_clients_half_close_arrives)
{
	run_case(_i, 0, start_half_close, close_listener);
	ck_assert_uint_eq(server.got, 20000);
	ck_assert_uint_eq(client.got, 40000);
	ck_assert(!client.bad && !server.bad && server.ended);
}
END_TEST

static void refused(struct peer *p)
{
	ck_assert_int_eq(p->connect_err, ECONNREFUSED);
	peer_close(p, false);
}

static int start_refused(struct thread *t)
{
	int fd = listen_any(&addr, 1);

	(void)t;
	close(fd);
	client.hold = true;
	client.on_connect = refused;
	client.on_closed = count_closed;
	open_peers++;
	peer_open(&client, socket_tcp());
	io_connect(&client.io, (struct sockaddr *)&addr, sizeof(addr));
	return 0;
}

START_TEST(a_refused_connect_is_told)
{
	run_case(_i, 0, start_refused, NULL);
	ck_assert(client.closed);
}
END_TEST

static void reset_on_bytes(struct peer *p)
{
	if (!p->closing)
		peer_close(p, true);
}

static void client_reset(struct peer *p)
{
	ck_assert(p->err == ECONNRESET || p->err == EPIPE);
	peer_close(p, false);
}

static int start_reset(struct thread *t)
{
	server.on_bytes = reset_on_bytes;
	start_half_close(t);
	client.on_end = client_reset;
	client.half = true;
	client.to_send = 1 << 20;
	return 0;
}

START_TEST(a_reset_is_an_error_for_the_other_side)
{
	run_case(_i, 0, start_reset, close_listener);
	ck_assert(client.closed && client.ended && server.closed);
}
END_TEST

/* Bytes and a reset behind them are there before the receive is armed: both are told. */
static struct task arm;
static int far;

static void arm_late(struct task *t)
{
	if (++turns < 3)
		task_wake(t);
	else
		io_recv(&server.io, IO_MANY);
}

static int start_reset_behind(struct thread *t)
{
	static const struct linger now = { .l_onoff = 1 };
	int fd = listen_any(&addr, 1);

	(void)t;
	far = socket_tcp();
	ck_assert_int_eq(fcntl(far, F_SETFL, 0), 0);
	ck_assert_int_eq(connect(far, (struct sockaddr *)&addr, sizeof(addr)), 0);
	server.hold = true;
	server.on_end = close_at_end;
	server.on_closed = count_closed;
	open_peers = 1;
	peer_open(&server, accept4(fd, NULL, NULL, SOCK_NONBLOCK));
	ck_assert_int_eq(write(far, "\0\x1f>]|", 5), 5);
	setsockopt(far, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(far);
	close(fd);
	task_init(&arm, TASK_NORMAL, arm_late);
	task_wake(&arm);
	return 0;
}

START_TEST(a_reset_behind_bytes_is_told_after_them)
{
	run_case(_i, 0, start_reset_behind, NULL);
	ck_assert_uint_eq(server.got, 5);
	ck_assert(!server.bad && server.ended);
	ck_assert_int_eq(server.err, ECONNRESET);
}
END_TEST

static void close_both_soon(struct task *t)
{
	if (++turns < 20) {
		task_wake(t);
		return;
	}
	for (unsigned i = 0; i < 10; i++) {
		peer_close(&a[i], i & 1);
		peer_close(&b[i], i & 2);
	}
}

static int start_close_busy(struct thread *t)
{
	for (unsigned i = 0; i < 10; i++) {
		b[i].hold = i & 1;
		pair_open(i, 64 << 20, 64 << 20);
		a[i].on_end = b[i].on_end = NULL;
	}
	(void)t;
	task_cancel(&later);
	task_init(&later, TASK_NORMAL, close_both_soon);
	task_wake(&later);
	return 0;
}

START_TEST(closing_under_way_ends_with_closed_and_nothing_else)
{
	run_case(_i, 0, start_close_busy, NULL);
	for (unsigned i = 0; i < 10; i++)
		ck_assert(a[i].closed && b[i].closed && !a[i].completions && !b[i].completions);
}
END_TEST

/* Back-pressure: <b> takes one piece at a time, and none for the first turns. */
static uint64_t got_before;

static void take_one(struct peer *p)
{
	got_before = p->got;
	turns = 0;
	task_wake(&later);
}

static void give_credit(struct task *t)
{
	ck_assert_uint_eq(b[0].got, got_before);
	if (++turns < 12) { /* late completions have come by now */
		task_wake(t);
		return;
	}
	if (!b[0].closing)
		io_recv(&b[0].io, IO_ONCE);
}

static int start_credit(struct thread *t)
{
	(void)t;
	b[0].hold = true;
	b[0].on_bytes = take_one;
	pair_open(0, 200000, 0);
	task_cancel(&later);
	task_init(&later, TASK_NORMAL, give_credit);
	task_wake(&later);
	return 0;
}

START_TEST(nothing_is_read_without_credit)
{
	run_case(_i, 0, start_credit, NULL);
	all_received(1, 200000, 0);
}
END_TEST

/* A receive stopped and armed again and again loses nothing. */
static void stop_and_rearm(struct peer *p)
{
	io_recv_stop(&p->io);
	if (!list_queued(&later.link))
		task_wake(&later);
}

static void rearm(struct task *t)
{
	(void)t;
	if (!b[0].closing)
		io_recv(&b[0].io, IO_MANY);
}

static int start_rearm(struct thread *t)
{
	(void)t;
	b[0].on_bytes = stop_and_rearm;
	pair_open(0, 500000, 0);
	task_cancel(&later);
	task_init(&later, TASK_NORMAL, rearm);
	return 0;
}

START_TEST(stopping_and_arming_again_loses_nothing)
{
	run_case(_i, 0, start_rearm, NULL);
	all_received(1, 500000, 0);
}
END_TEST

/* System calls of the user's own and receives take turns: each finds what comes next. */
static uint64_t own_bytes;
static unsigned had_rest;

static void read_own(struct peer *p)
{
	char bytes[3000];
	ssize_t n;

	switch (io_recv_rest(&p->io)) {
	case -EBUSY: /* received before */
		had_rest++;
		io_recv(&p->io, IO_ONCE);
		return;
	case -EAGAIN: /* on_ready follows */
		had_rest++;
		return;
	}
	for (int i = 0; i < 5; i++) {
		n = read(p->io.fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EAGAIN) {
			io_watch(&p->io, IO_IN);
			return;
		}
		ck_assert_int_ge(n, 0);
		peer_took(p, bytes, (size_t)n);
		own_bytes += (uint64_t)n;
	}
	io_unwatch(&p->io, IO_IN);
	io_recv(&p->io, IO_MANY);
}

static void stop_and_read(struct peer *p)
{
	io_recv_stop(&p->io);
	read_own(p);
}

static void read_more(struct peer *p, unsigned what)
{
	ck_assert_uint_eq(what, IO_IN);
	read_own(p);
}

static int start_own(struct thread *t)
{
	(void)t;
	b[0].on_bytes = stop_and_read;
	b[0].on_ready = read_more;
	pair_open(0, 4 << 20, 0);
	return 0;
}

START_TEST(calls_of_ones_own_take_turns_with_receives)
{
	run_case(_i, 0, start_own, NULL);
	all_received(1, 4 << 20, 0);
	ck_assert_uint_ge(own_bytes, 1 << 20);
	if (_i == POLLER_URING && !poller_uring.unusable())
		ck_assert_uint_gt(had_rest, 0);
}
END_TEST

/* Writing: waits for room each time the socket is full. */
static unsigned rooms;

static void write_own(struct peer *p)
{
	static const char bytes[4096];
	ssize_t n;

	while (p->sent < p->to_send) {
		n = write(p->io.fd, bytes, sizeof(bytes));
		if (n < 0) {
			ck_assert_int_eq(errno, EAGAIN);
			io_watch(&p->io, IO_OUT);
			return;
		}
		p->sent += (uint64_t)n;
	}
	io_unwatch(&p->io, IO_OUT);
	peer_close(p, false);
}

static void write_more(struct peer *p, unsigned what)
{
	ck_assert_uint_eq(what, IO_OUT);
	rooms++;
	write_own(p);
}

static int start_write(struct thread *t)
{
	(void)t;
	a[0].on_ready = write_more;
	pair_open(0, 0, 0);
	a[0].to_send = 4 << 20;
	write_own(&a[0]);
	return 0;
}

START_TEST(room_is_told_to_those_who_write_themselves)
{
	run_case(_i, 0, start_write, NULL);
	ck_assert_uint_eq(b[0].got, 4 << 20);
	ck_assert_uint_ge(rooms, 4);
}
END_TEST

/* Told of nothing after io_unwatch, and closed with waits under way. */
static void leave_watched(struct task *t)
{
	(void)t;
	if (turns++ < 20) {
		io_watch(&b[0].io, IO_IN);
		if (turns % 2)
			io_unwatch(&b[0].io, IO_IN);
		task_wake(t);
		return;
	}
	io_unwatch(&b[0].io, IO_IN);
	io_recv(&b[0].io, IO_MANY); /* and receives again */
	io_watch(&a[0].io, IO_IN);
	peer_send(&a[0]);
}

static void nothing_is_ready(struct peer *p, unsigned what)
{
	(void)p;
	(void)what;
	ck_assert(th->poller == &poller_fault); /* tells of nothing now and then */
}

static void close_watched(struct peer *p)
{
	if (p->got == 1000)
		peer_close(&a[0], false);
}

static struct task watcher;

static int start_watched(struct thread *t)
{
	(void)t;
	a[0].hold = b[0].hold = true;
	a[0].half = true;
	a[0].on_ready = b[0].on_ready = nothing_is_ready;
	b[0].on_bytes = close_watched;
	pair_open(0, 0, 0);
	a[0].to_send = 1000;
	task_init(&watcher, TASK_BULK, leave_watched);
	task_wake(&watcher);
	return 0;
}

START_TEST(a_wait_that_is_left_tells_nothing)
{
	run_case(_i, 0, start_watched, NULL);
	ck_assert_uint_eq(b[0].got, 1000);
	ck_assert(!b[0].bad);
}
END_TEST

static int start_starved(struct thread *t)
{
	(void)t;
	for (unsigned i = 0; i < PAIRS; i++)
		pair_open(i, 30000, 20000);
	return 0;
}

START_TEST(s53_four_buffers_serve_a_hundred_transfers)
{
	run_case(_i, 4, start_starved, NULL);
	all_received(PAIRS, 30000, 20000);
}
END_TEST

/* Accepting. */
static struct peer burst[40], taken[40];
static uint64_t accepts_in_turn, accept_turn;

static void burst_accepted(struct io *io, int fd, const struct sockaddr_storage *peer)
{
	(void)peer;
	if (fd < 0) {
		accept_errors[naccept_errors++ & 3] = fd;
		task_wake(&later);
		return;
	}
	if (accept_turn != th->polled.turns)
		accepts_in_turn = 0;
	accept_turn = th->polled.turns;
	ck_assert_uint_le(++accepts_in_turn, 4);
	taken[naccepted].on_closed = count_closed;
	taken[naccepted].on_end = close_at_end;
	open_peers++;
	peer_open(&taken[naccepted++], fd);
	(void)io;
}

static const struct io_ops burst_ops = { .accepted = burst_accepted, .closed = listener_closed };

static void burst_connected(struct peer *p)
{
	ck_assert_int_eq(p->connect_err, 0);
	peer_close(p, false);
}

static void burst_start(unsigned n)
{
	ck_assert_int_eq(io_open(&listener, listen_any(&addr, 64), &burst_ops), 0);
	for (unsigned i = 0; i < n; i++) {
		burst[i].hold = true;
		burst[i].on_connect = burst_connected;
		burst[i].on_closed = count_closed;
		open_peers++;
		peer_open(&burst[i], socket_tcp());
		io_connect(&burst[i].io, (struct sockaddr *)&addr, sizeof(addr));
	}
	io_accept(&listener);
}

static void stop_when_all(struct task *t)
{
	if (naccepted < 40)
		task_wake(t);
	else
		open_peers--;
	if (!open_peers)
		thread_stop_all();
}

static int start_burst(struct thread *t)
{
	(void)t;
	open_peers++; /* the task's, until all were accepted */
	task_init(&later, TASK_NORMAL, stop_when_all);
	task_wake(&later);
	burst_start(40);
	return 0;
}

START_TEST(a_burst_is_accepted_at_most_four_a_turn)
{
	run_case(_i, 0, start_burst, close_listener);
	ck_assert_uint_eq(naccepted, 40);
	ck_assert_uint_eq(naccept_errors, 0);
}
END_TEST

/* No descriptor is left: told once, then quiet until accepting is asked for again. */
static int spare_fd;
static struct rlimit no_files;

static void let_accept(struct task *t)
{
	ck_assert_uint_eq(naccept_errors, 1);
	if (++turns < 30) {
		task_wake(t);
		return;
	}
	no_files.rlim_cur = 1024;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &no_files), 0);
	io_accept(&listener);
}

static void quiet_connected(struct peer *p)
{
	ck_assert_int_eq(p->connect_err, 0);
}

static void close_client(struct peer *p)
{
	peer_close(p, false);
	peer_close(&burst[0], false);
}

static int start_emfile(struct thread *t)
{
	(void)t;
	task_init(&later, TASK_NORMAL, let_accept);
	burst_start(1);
	burst[0].on_connect = quiet_connected;
	burst[0].to_send = 1;
	taken[0].on_bytes = close_client;
	peer_send(&burst[0]);
	spare_fd = dup(0);
	close(spare_fd);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &no_files), 0);
	no_files.rlim_cur = (rlim_t)spare_fd;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &no_files), 0);
	return 0;
}

START_TEST(without_descriptors_accepting_pauses_and_goes_on)
{
	run_case(_i, 0, start_emfile, close_listener);
	ck_assert_uint_eq(naccept_errors, 1);
	ck_assert_int_eq(accept_errors[0], -EMFILE);
	ck_assert_uint_eq(naccepted, 1);
}
END_TEST

Suite *poll_suite(void)
{
	Suite *s = suite_create("poll");
	TCase *tc = tcase_create("conformance");

	tcase_set_timeout(tc, 20);
	tcase_add_loop_test(tc, small_transfers_both_ways_arrive_whole_and_end, 0, POLLERS);
	tcase_add_loop_test(tc, a_huge_transfer_arrives_whole, 0, POLLERS);
	tcase_add_loop_test(tc, an_answer_after_the_clients_half_close_arrives, 0, POLLERS);
	tcase_add_loop_test(tc, a_refused_connect_is_told, 0, POLLERS);
	tcase_add_loop_test(tc, a_reset_is_an_error_for_the_other_side, 0, POLLERS);
	tcase_add_loop_test(tc, a_reset_behind_bytes_is_told_after_them, 0, POLLERS);
	tcase_add_loop_test(tc, closing_under_way_ends_with_closed_and_nothing_else, 0, POLLERS);
	tcase_add_loop_test(tc, nothing_is_read_without_credit, 0, POLLERS);
	tcase_add_loop_test(tc, stopping_and_arming_again_loses_nothing, 0, POLLERS);
	tcase_add_loop_test(tc, calls_of_ones_own_take_turns_with_receives, 0, POLLERS);
	tcase_add_loop_test(tc, room_is_told_to_those_who_write_themselves, 0, POLLERS);
	tcase_add_loop_test(tc, a_wait_that_is_left_tells_nothing, 0, POLLERS);
	tcase_add_loop_test(tc, s53_four_buffers_serve_a_hundred_transfers, 0, POLLERS);
	tcase_add_loop_test(tc, a_burst_is_accepted_at_most_four_a_turn, 0, POLLERS);
	tcase_add_loop_test(tc, without_descriptors_accepting_pauses_and_goes_on, 0, POLLERS);
	suite_add_tcase(s, tc);
	return s;
}
