/* SPDX-License-Identifier: Apache-2.0 */
/* S109, S110: connections go from thread to thread, are closed and opened again, while their peers
 * send. Each counts its bytes: none is lost, none comes twice, no event of an earlier owner is taken
 * for one of the present. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../runtime/core/pool.h"
#include "../../../runtime/net/conn.h"
#include "../../../runtime/net/mux_ops.h"
#include "../../../runtime/net/tls.h"
#include "../runtime_pem.h"
#include "../runtime_poll.h"

Suite *takeover_suite(void);

#define THREADS 8
#define RUNNERS 24
#define MOVES 400 /* of each runner; WEIR_SOAK: thirty times as many */
static unsigned moves_wanted = MOVES;
#define REOPEN 10 /* moves on one pair of descriptors */

/* One end of a pair travels; the other one echoes, and stays where it was opened. */
struct runner {
	struct conn_parts parts;
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
static void echo_ready(struct conn *c, int err);
static const struct conn_app echo_app = { .ready = echo_ready, .gone = echo_gone };

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

static void run_ready(struct conn *c, int err);
static const struct conn_app run_app = { .ready = run_ready, .gone = run_gone };

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
	if (conn_yield(r->conn, &r->parts) < 0) { /* something is under way: later */
		r->moves--;
		task_wake(t);
		return;
	}
	moved++;
	thread_call((unsigned)(thread_random() % nthreads), arrive, r);
}

static void run_on(struct runner *r)
{
	char bytes[40];
	unsigned n = 1 + (unsigned)(thread_random() % sizeof(bytes));

	conn_attach(r->conn, &run_mux, r);
	conn_recv(r->conn, IO_MANY);
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (char)(r->sent++ & 0x7f);
	conn_write(r->conn, bytes, n);
}

static void arrive(void *arg)
{
	struct runner *r = arg;

	r->conn = conn_adopt(&r->parts, &nowhere, &run_app, r);
	ck_assert_ptr_nonnull(r->conn);
	run_on(r);
}

static void open_pair(struct runner *r)
{
	struct conn *echo;
	int fd[2];

	socket_pair(fd);
	echo = conn_adopt(&(struct conn_parts) { .fd = fd[0] }, &nowhere, &echo_app, NULL);
	ck_assert_ptr_nonnull(echo);
	atomic_fetch_add(&echoes_open, 1);
	echo_ready(echo, 0);
	r->parts = (struct conn_parts) { .fd = fd[1] };
	arrive(r);
}

/* -- with TLS: the handshake where the pair is opened, then the library's state travels, too ----- */

static struct tls_ctx *ctx[2]; /* front, back; NULL: in clear */
static char pem[] = PEM_PATH;
static _Thread_local struct sockaddr_in here;
static _Thread_local struct io door;

static enum hs_result run_tls(struct conn *c, struct str in, size_t *used)
{
	(void)used;
	return tls_handshake(c, ctx[c->flags & CONN_BACK ? 1 : 0], in, NULL);
}

static const struct handshake secret = { "tls", run_tls };
static const struct handshake *const handlers[] = { &secret, NULL };

static void echo_ready(struct conn *c, int err)
{
	wrong += err != 0;
	conn_attach(c, &echo_mux, NULL);
	conn_recv(c, IO_MANY);
}

static void run_ready(struct conn *c, int err)
{
	wrong += err != 0;
	if (err)
		conn_abort(c, false);
	else
		run_on(c->owner);
}

static void entered(struct io *io, int fd, const struct sockaddr_storage *peer)
{
	(void)io;
	ck_assert_int_ge(fd, 0);
	atomic_fetch_add(&echoes_open, 1);
	ck_assert_ptr_nonnull(conn_accepted(fd, NULL, &echo_app, handlers, peer, 0));
}

static void door_closed(struct io *io)
{
	(void)io;
}

static const struct io_ops door_ops = { .accepted = entered, .closed = door_closed };

static void open_sealed(struct runner *r)
{
	struct sockaddr_storage ss = { 0 };
	struct addr to;
	int err;

	memcpy(&ss, &here, sizeof(here));
	addr_from_sockaddr(&to, &ss);
	r->conn = conn_connect(&(struct conn_route) { .to = &to }, &run_app, r, handlers, 0, &err);
	ck_assert_ptr_nonnull(r->conn);
}

static void open_next(struct runner *r)
{
	r->got = r->sent;
	if (ctx[0])
		open_sealed(r);
	else
		open_pair(r);
}

static int start(struct thread *t)
{
	conn_thread_start();
	if (ctx[0]) {
		door = (struct io) { 0 };
		ck_assert_int_eq(io_open(&door, listen_any(&here, 64), &door_ops), 0);
		io_accept(&door);
	}
	for (unsigned i = t->tid; i < RUNNERS; i += THREADS)
		open_next(&runners[i]);
	return 0;
}

static void stop(struct thread *t)
{
	if (ctx[0])
		io_close(&door, false);
	while (t->closing)
		t->poller->wait(t, t->now);
	tls_thread_stop();
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
		moves_wanted *= 30;
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

/* Fewer moves, as each handshake costs a signature. */
START_TEST(s110_connections_with_tls_travel_with_their_session)
{
	const char *certs[] = { pem };
	struct tls_conf conf = { .certs = certs, .ncerts = 1 };
	char why[256];
	const char *file;

	signal(SIGPIPE, SIG_IGN);
	pem_make(pem, "DNS:far.example");
	tls_init();
	ctx[0] = tls_ctx_make(&conf, why, sizeof(why), &file);
	conf = (struct tls_conf) { .back = true, .ca = pem };
	ctx[1] = tls_ctx_make(&conf, why, sizeof(why), &file);
	unlink(pem);
	ck_assert_msg(ctx[0] && ctx[1], "%s", why);
	moves_wanted = MOVES / 10;
	run(_i, 1);
	tls_ctx_free(ctx[0]);
	tls_ctx_free(ctx[1]);
}
END_TEST

Suite *takeover_suite(void)
{
	Suite *s = suite_create("takeover");
	TCase *tc = tcase_create("stress");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, s109_s110_connections_travel_are_closed_and_opened_again, 0,
			    POLLERS);
	tcase_add_loop_test(tc, s110_connections_with_tls_travel_with_their_session, 0, POLLERS);
	suite_add_tcase(s, tc);
	return s;
}
