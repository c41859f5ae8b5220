/* SPDX-License-Identifier: Apache-2.0 */
/* S109, S110: connections go from thread to thread, are closed and opened again, while their peers
 * send. Each counts its bytes: none is lost, none comes twice, no event of an earlier owner is taken
 * for one of the present. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../runtime/core/pool.h"
#include "../../../runtime/net/conn.h"
#include "../../../runtime/net/mux_ops.h"
#include "../runtime_poll.h"

Suite *takeover_suite(void);

#define THREADS 8
#define RUNNERS 24
#define MOVES 400 /* of each runner; WEIR_SOAK: thirty times as many */
static unsigned moves_wanted = MOVES;
#define REOPEN 10 /* moves on one pair of descriptors */

/* One end of a pair travels; the other one echoes, and stays where it was opened. */
struct runner {
	int fd;
	struct conn *conn; /* while it is with a thread */
	unsigned moves, sent, got;
};

static struct runner runners[RUNNERS];
static _Atomic unsigned finished, moved, echoes_open, wrong;
static struct addr nowhere;

static void end_if_done(void)
{
	if (atomic_load(&finished) == RUNNERS && atomic_load(&echoes_open) == 0)
		thread_stop_all();
}

/* -- the end that echoes -------------------------------------------------------------------------- */

static void echo_received(struct conn *c, struct buf *b)
{
	struct slice s = { b, b->off, b->len };

	conn_put(c, s);
}

static void echo_ended(struct conn *c, int err)
{
	(void)err;
	conn_abort(c, false);
}

static void nothing(struct conn *c)
{
	(void)c;
}

static void echo_gone(struct conn *c)
{
	(void)c;
	atomic_fetch_sub(&echoes_open, 1);
	end_if_done();
}

static const struct mux_ops echo_mux = {
	.received = echo_received, .ended = echo_ended, .drained = nothing, .release = nothing
};
static void never_ready(struct conn *c, int err)
{
	(void)c;
	(void)err;
}
static const struct conn_app echo_app = { .ready = never_ready, .gone = echo_gone };

/* -- the end that travels -------------------------------------------------------------------------- */

static void arrive(void *arg);
static void move_on(struct runner *r);

static void run_received(struct conn *c, struct buf *b)
{
	struct runner *r = c->owner;

	wrong += r->conn != c;
	for (uint32_t i = 0; i < b->len; i++)
		wrong += b->data[b->off + i] != (char)(r->got++ & 0x7f);
	buf_put(&b);
	if (r->got == r->sent)
		move_on(r);
}

static void run_ended(struct conn *c, int err)
{
	(void)err;
	wrong++;
	conn_abort(c, false);
}

static const struct mux_ops run_mux = {
	.received = run_received, .ended = run_ended, .drained = nothing, .release = nothing
};

static void open_next(struct runner *r);

static void run_gone(struct conn *c)
{
	struct runner *r = c->owner;

	r->conn = NULL;
	if (r->moves < moves_wanted)
		open_next(r);
	else if (atomic_fetch_add(&finished, 1) == RUNNERS - 1)
		end_if_done();
}

static const struct conn_app run_app = { .ready = never_ready, .gone = run_gone };

static void pass_on(struct task *t);
struct hop {
	struct task task;
	struct runner *r;
};
static struct hop hops[RUNNERS];

/* All bytes are back: to another thread, or away and anew. From the loop, as a connection is not
 * given away inside its own call. */
static void move_on(struct runner *r)
{
	struct hop *h = &hops[r - runners];

	task_init(&h->task, TASK_NORMAL, pass_on);
	h->r = r;
	task_wake(&h->task);
}

static void pass_on(struct task *t)
{
	struct hop *h = CONTAINER(t, struct hop, task);
	struct runner *r = h->r;

	r->moves++;
	if (r->moves % REOPEN == 0) {
		conn_abort(r->conn, false);
		return;
	}
	r->fd = conn_yield(r->conn);
	if (r->fd < 0) { /* something is under way: later */
		r->moves--;
		task_wake(t);
		return;
	}
	moved++;
	thread_call((unsigned)(thread_random() % nthreads), arrive, r);
}

static void arrive(void *arg)
{
	struct runner *r = arg;
	char bytes[40];
	unsigned n = 1 + (unsigned)(thread_random() % sizeof(bytes));

	r->conn = conn_adopt(r->fd, &nowhere, &run_app, r);
	ck_assert_ptr_nonnull(r->conn);
	conn_attach(r->conn, &run_mux, r);
	conn_recv(r->conn, IO_MANY);
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (char)(r->sent++ & 0x7f);
	conn_write(r->conn, bytes, n);
}

static void open_next(struct runner *r)
{
	struct conn *echo;
	int fd[2];

	socket_pair(fd);
	echo = conn_adopt(fd[0], &nowhere, &echo_app, NULL);
	ck_assert_ptr_nonnull(echo);
	atomic_fetch_add(&echoes_open, 1);
	conn_attach(echo, &echo_mux, NULL);
	conn_recv(echo, IO_MANY);
	r->fd = fd[1];
	r->got = r->sent;
	arrive(r);
}

static int start(struct thread *t)
{
	conn_thread_start();
	for (unsigned i = t->tid; i < RUNNERS; i += THREADS)
		open_next(&runners[i]);
	return 0;
}

static void stop(struct thread *t)
{
	(void)t;
	conn_thread_stop();
}

static void run(int poller, unsigned ngroups_wanted)
{
	struct thread_config cfg = { .nthreads = THREADS,
				     .ngroups = ngroups_wanted,
				     .poller = test_poller(poller),
				     .start = start,
				     .stop = stop };
	int before = fds_open();

	if (getenv("WEIR_SOAK"))
		moves_wanted = 30 * MOVES;
	conn_init();
	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(finished, RUNNERS);
	ck_assert_uint_eq(moved, RUNNERS * (moves_wanted - moves_wanted / REOPEN));
	ck_assert_uint_eq(pool_fini(stderr), 0);
	ck_assert_int_eq(fds_open(), before);
}

START_TEST(s109_s110_connections_travel_are_closed_and_opened_again)
{
	run(_i, 1);
}
END_TEST

Suite *takeover_suite(void)
{
	Suite *s = suite_create("takeover");
	TCase *tc = tcase_create("stress");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, s109_s110_connections_travel_are_closed_and_opened_again, 0,
			    POLLERS);
	suite_add_tcase(s, tc);
	return s;
}
