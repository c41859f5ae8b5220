/* SPDX-License-Identifier: Apache-2.0 */
/* S52, S79: a connection to a server is asked by PING whether the other end is there; it lives on when
 * it is answered and ends when not. The deadline itself is called, no time passes. */
#include "../../../runtime/http/mux_h2.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../runtime_poll.h"

Suite *mux_h2_back_suite(void);

static int far_fd;
static struct conn *conn;
static struct task far;
static char got[4096];
static size_t got_n;
static bool gone, far_eof;
static unsigned step;
static const struct sockaddr_storage nobody = { .ss_family = AF_UNIX };

static void idle(struct conn *c)
{
	(void)c;
}

static const struct mux_app app = { .idle = idle };
static const struct mux_conf conf = {
	.app = &app, .head_max = 8000, .headers_max = 50, .uri_max = 400
};

static void back_ready(struct conn *c, int err)
{
	ck_assert_int_eq(err, 0);
	conn = c;
	ck_assert(mux_h2.start(c, MUX_BACK, &conf));
}

static void back_gone(struct conn *c)
{
	(void)c;
	gone = true;
}

static const struct conn_app back_app = { .ready = back_ready, .gone = back_gone };

/* Frames of <type> that came behind the preface. */
static unsigned frames(unsigned type)
{
	unsigned n = 0;

	for (size_t at = H2_PREFACE_BYTES; got_n >= at + H2_FRAME_HEAD;) {
		struct h2_frame f = h2_frame_read(got + at);

		n += f.type == type;
		at += H2_FRAME_HEAD + f.len;
	}
	return n;
}

static void answer(void)
{
	static const char frames_out[] = "\0\0\0\4\0\0\0\0\0" /* SETTINGS */
					 "\0\0\x8\6\1\0\0\0\0weirping";
	size_t n = sizeof(frames_out) - 1;

	ck_assert_int_eq(send(far_fd, frames_out, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void next_step(struct h2 *h)
{
	if (step == 0 && frames(H2_SETTINGS)) {
		h2_ping(h);
		ck_assert(h->flags & H2_PINGED);
		step = 1;
	} else if (step == 1 && frames(H2_PING)) {
		answer();
		step = 2;
	} else if (step == 2 && !(h->flags & H2_PINGED)) {
		ck_assert_uint_gt(h->ping_at, th->now + H2_PING_WAIT_MS);
		h2_ping(h);
		h2_ping(h); /* the first one was not answered */
		task_wake(&h->task);
		step = 3;
	}
}

static void far_step(struct task *t)
{
	ssize_t k = 0;

	while (far_fd >= 0 && (k = read(far_fd, got + got_n, sizeof(got) - got_n)) > 0)
		got_n += (size_t)k;
	if (far_fd >= 0 && (k == 0 || (k < 0 && errno == ECONNRESET))) {
		far_eof = true;
		close(far_fd);
		far_fd = -1;
	}
	if (conn && !gone && step < 3)
		next_step(conn->mux_ctx);
	if (far_fd < 0 && gone)
		thread_stop_all();
	else
		task_wake(t);
}

static int start(struct thread *t)
{
	int fd[2];

	(void)t;
	conn_thread_start();
	socket_pair(fd);
	far_fd = fd[1];
	task_init(&far, TASK_BULK, far_step);
	task_wake(&far);
	ck_assert_ptr_nonnull(conn_accepted(fd[0], NULL, &back_app, NULL, &nobody, 0));
	return 0;
}

static void stop(struct thread *t)
{
	(void)t;
	task_cancel(&far);
	conn_thread_stop();
}

START_TEST(a_server_that_does_not_answer_a_ping_is_gone)
{
	conn_init();
	mux_h2.setup();
	run_case(_i, 0, start, stop);
	ck_assert_uint_eq(step, 3);
	ck_assert(far_eof);
	ck_assert_int_eq(memcmp(got, H2_PREFACE, H2_PREFACE_BYTES), 0);
	ck_assert_uint_eq(frames(H2_PING), 2);
	ck_assert_uint_eq(frames(H2_GOAWAY), 1);
}
END_TEST

Suite *mux_h2_back_suite(void)
{
	Suite *s = suite_create("mux_h2_back");
	TCase *t = tcase_create("ping");

	tcase_add_loop_test(t, a_server_that_does_not_answer_a_ping_is_gone, 0, POLLERS);
	suite_add_tcase(s, t);
	return s;
}
