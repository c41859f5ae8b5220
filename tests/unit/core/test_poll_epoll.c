/* SPDX-License-Identifier: Apache-2.0 */
/* What is promised of poller_epoll beyond the common suite: how many system calls, stale events,
 * accepting on several threads; and of the faulty one, that injected errors end connections
 * cleanly. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../runtime/core/poll_fault.h"
#include "../../../runtime/core/pool.h"
#include "../runtime_poll.h"

Suite *poll_epoll_suite(void);

static struct peer a[40], b[40];
static unsigned open_peers, rounds;
static struct task later;

static void count_closed(struct peer *p)
{
	ck_assert_uint_eq(p->completions, 0);
	if (--open_peers == 0)
		thread_stop_all();
}

static void peers_open(unsigned i)
{
	int fd[2];

	socket_pair(fd);
	a[i].on_closed = b[i].on_closed = count_closed;
	a[i].half = b[i].half = true;
	open_peers += 2;
	peer_open(&a[i], fd[0]);
	peer_open(&b[i], fd[1]);
}

/* Question and answer of 100 bytes, 1000 times. */
static void ask_again(struct peer *p)
{
	struct buf_count c;

	if (p == &a[0] && ++rounds == 1000) {
		peer_close(&a[0], false);
		peer_close(&b[0], false);
		return;
	}
	buf_counts(&c);
	ck_assert_uint_le(c.in_use + c.cached, 2);
	p->to_send += 100;
	peer_send(p);
}

static int start_ask(struct thread *t)
{
	(void)t;
	a[0].on_bytes = b[0].on_bytes = ask_again;
	peers_open(0);
	a[0].to_send = 100;
	peer_send(&a[0]);
	return 0;
}

static struct poll_count polled;

static void keep_counts(struct thread *t)
{
	polled = t->polled;
}

START_TEST(a_message_costs_one_receive_and_one_send)
{
	run_case(0, 0, start_ask, keep_counts);
	ck_assert_uint_eq(rounds, 1000);
	ck_assert_uint_eq(polled.recvs, 2000);
	ck_assert_uint_eq(polled.recvs_empty, 0);
	ck_assert_uint_eq(polled.sends, 2000);
	ck_assert_uint_le(polled.waits, 2 * 2000 + 10);
}
END_TEST

/* Both get bytes in one turn; the first to be told closes the other and takes its number for a new
 * descriptor. */
static int reused_fd;

static void close_other(struct peer *p)
{
	struct peer *other = p == &a[0] ? &a[1] : &a[0];
	int old = other->io.fd;

	if (other->closing)
		return;
	peer_close(other, false);
	reused_fd = dup(b[2].io.fd);
	ck_assert_int_eq(reused_fd, old);
	open_peers++;
	b[3].on_closed = count_closed;
	peer_open(&b[3], reused_fd);
}

static void close_rest(struct task *t)
{
	if (++rounds < 5) {
		task_wake(t);
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (a[i].io.ops && !a[i].closing)
			peer_close(&a[i], false);
		if (b[i].io.ops && !b[i].closing)
			peer_close(&b[i], false);
	}
}

static int start_reuse(struct thread *t)
{
	(void)t;
	for (unsigned i = 0; i < 3; i++)
		peers_open(i);
	a[0].on_bytes = a[1].on_bytes = close_other;
	b[0].to_send = b[1].to_send = 10;
	peer_send(&b[0]);
	peer_send(&b[1]);
	task_init(&later, TASK_BULK, close_rest);
	task_wake(&later);
	return 0;
}

START_TEST(a_descriptor_number_used_again_gets_no_event_of_its_past)
{
	run_case(_i, 0, start_reuse, keep_counts);
	ck_assert_uint_eq(b[3].got, 0);
	ck_assert(!b[3].ended || b[3].err == 0);
}
END_TEST

/* Stale for certain: closed in the turn in which its event was fetched. The listener is served
 * while events are looked at, so its callback can close what comes later in the same batch. */
static struct io listener;
static struct peer client;
static struct sockaddr_in addr;

static void accept_and_close(struct io *io, int fd, const struct sockaddr_storage *peer)
{
	(void)io;
	(void)peer;
	close(fd);
	for (unsigned i = 0; i < 10; i++)
		peer_close(&a[i], false);
}

static void nothing_closed(struct io *io)
{
	(void)io;
}

static const struct io_ops listener_ops = { .accepted = accept_and_close,
					    .closed = nothing_closed };

static void make_events(struct task *t)
{
	static bool asked;

	if (asked) {
		if (!a[0].closing) {
			task_wake(t);
			return;
		}
		for (unsigned i = 0; i < 10; i++)
			peer_close(&b[i], false);
		peer_close(&client, false);
		return;
	}
	asked = true;
	io_connect(&client.io, (struct sockaddr *)&addr, sizeof(addr));
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(write(b[i].io.fd, "x", 1), 1);
	task_wake(t);
}

static int start_stale(struct thread *t)
{
	(void)t;
	ck_assert_int_eq(io_open(&listener, listen_any(&addr, 8), &listener_ops), 0);
	io_accept(&listener);
	for (unsigned i = 0; i < 10; i++)
		peers_open(i);
	client.hold = true;
	client.on_closed = count_closed;
	open_peers++;
	peer_open(&client, socket_tcp());
	task_init(&later, TASK_BULK, make_events);
	task_wake(&later);
	return 0;
}

static void stop_stale(struct thread *t)
{
	keep_counts(t);
	io_close(&listener, false);
}

START_TEST(events_of_closed_descriptors_are_counted_and_dropped)
{
	run_case(0, 0, start_stale, stop_stale);
	ck_assert_uint_ge(polled.stale, 1);
}
END_TEST

/* Injected errors: every connection ends, and nothing is left. */
static void close_failed(struct peer *p)
{
	if (!p->closing)
		peer_close(p, p->err != 0);
}

static int start_errors(struct thread *t)
{
	(void)t;
	for (unsigned i = 0; i < 40; i++) {
		a[i].on_end = b[i].on_end = close_failed;
		peers_open(i);
		a[i].half = b[i].half = false;
		a[i].to_send = b[i].to_send = 1 << 20;
		peer_send(&a[i]);
		peer_send(&b[i]);
	}
	return 0;
}

START_TEST(injected_errors_end_connections_and_leave_nothing)
{
	struct poll_fault f = { .seed = (uint64_t)_i,
				.short_read = 400,
				.partial = 400,
				.again = 200,
				.delay = 300,
				.starve = 200,
				.late = 500,
				.reset = 30 };
	struct thread_config cfg = {
		.nthreads = 1, .poller = &poller_fault, .buffers_max = 16, .start = start_errors
	};
	int before = fds_open();
	unsigned failed = 0;

	poll_fault_set(&f);
	ck_assert_int_eq(thread_run(&cfg), 0);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert(a[i].closed && b[i].closed && !a[i].bad && !b[i].bad);
		failed += a[i].err != 0;
	}
	ck_assert_uint_gt(failed, 0);
	ck_assert_uint_eq(pool_fini(stderr), 0);
	ck_assert_int_eq(fds_open(), before);
}
END_TEST

/* Given back, a descriptor is as it was, and another io may have it. */
static void hand_on(struct peer *p)
{
	int fd = io_release(&p->io);

	if (fd == -EBUSY) /* the rest has been received already */
		return;
	ck_assert_int_ge(fd, 0);
	b[1].on_closed = count_closed;
	b[1].got = p->got;
	b[1].on_end = close_failed;
	memset(&p->io, 0xee, sizeof(p->io));
	peer_open(&b[1], fd);
}

static int start_release(struct thread *t)
{
	(void)t;
	b[0].on_bytes = hand_on;
	peers_open(0);
	a[0].half = false;
	a[0].to_send = 300000;
	a[0].chunk = 1000;
	a[0].on_end = close_failed;
	peer_send(&a[0]);
	return 0;
}

START_TEST(a_released_descriptor_serves_another_io)
{
	run_case(_i, 0, start_release, NULL);
	ck_assert_uint_eq(b[1].got ? b[1].got : b[0].got, 300000);
	ck_assert(!b[1].bad && !b[0].bad);
}
END_TEST

/* Two threads listen on one socket; each connection is accepted once, on one of them. */
#define CLIENTS 60
static _Atomic unsigned accepted_by[2];
static int clients[CLIENTS];
static struct io listeners[2];
static int listen_fd;

static void count_accepted(struct io *io, int fd, const struct sockaddr_storage *peer)
{
	(void)io;
	(void)peer;
	ck_assert_int_ge(fd, 0);
	close(fd);
	atomic_fetch_add(&accepted_by[th->tid], 1);
	if (atomic_load(&accepted_by[0]) + atomic_load(&accepted_by[1]) == CLIENTS)
		thread_stop_all();
}

static const struct io_ops shared_ops = { .accepted = count_accepted, .closed = nothing_closed };

static int start_shared(struct thread *t)
{
	ck_assert_int_eq(io_open(&listeners[t->tid], listen_fd, &shared_ops), 0);
	io_accept(&listeners[t->tid]);
	for (unsigned i = 0; t->tid == 1 && i < CLIENTS; i++) {
		clients[i] = socket_tcp();
		connect(clients[i], (struct sockaddr *)&addr, sizeof(addr));
	}
	return 0;
}

static void stop_shared(struct thread *t)
{
	ck_assert_int_eq(io_release(&listeners[t->tid]), listen_fd);
}

START_TEST(threads_of_a_group_may_share_a_listening_descriptor)
{
	struct thread_config cfg = {
		.nthreads = 2, .poller = test_poller(_i), .start = start_shared, .stop = stop_shared
	};

	listen_fd = listen_any(&addr, 128);
	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_eq(accepted_by[0] + accepted_by[1], CLIENTS);
}
END_TEST

Suite *poll_epoll_suite(void)
{
	Suite *s = suite_create("poll_epoll");
	TCase *tc = tcase_create("epoll and faults");

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, a_message_costs_one_receive_and_one_send);
	tcase_add_loop_test(tc, a_descriptor_number_used_again_gets_no_event_of_its_past, 0,
			    POLLER_URING);
	tcase_add_test(tc, events_of_closed_descriptors_are_counted_and_dropped);
	tcase_add_loop_test(tc, injected_errors_end_connections_and_leave_nothing, 1, 9);
	tcase_add_loop_test(tc, a_released_descriptor_serves_another_io, 0, POLLERS);
	tcase_add_loop_test(tc, threads_of_a_group_may_share_a_listening_descriptor, 0, POLLERS);
	suite_add_tcase(s, tc);
	return s;
}
