/* SPDX-License-Identifier: Apache-2.0 */
/* Linked streams: bytes pass between two connections without their owner. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../runtime/core/poll_fault.h"
#include "../../../runtime/http/mux.h"
#include "../runtime_poll.h"

Suite *stream_suite(void);

#define BYTES (UINT64_C(64) << 20)

static struct peer far[2];
static struct stream *stream[2];
static struct mux_conf conf;
static unsigned calls, ends, gone_conns, closed_peers;
static uint64_t copied, spliced;
static struct poll_count polled;
static const struct sockaddr_storage nobody = { .ss_family = AF_UNIX };

static struct stream *other(const struct stream *s)
{
	return stream[s == stream[0]];
}

static void owner_head(struct stream *s, struct msg *m)
{
	(void)s;
	(void)m;
	ck_abort();
}

static void owner_data(struct stream *s, struct slice data)
{
	(void)s;
	(void)data;
	ck_abort();
}

static void detach_both(void)
{
	for (int i = 0; i < 2; i++) {
		struct stream *s = stream[i];

		stream[i] = NULL;
		stream_unlink(s);
		s->conn->mux->detach(s, false);
	}
}

static void owner_end(struct stream *s, struct msg *trailers)
{
	struct stream *to = other(s);

	(void)trailers;
	calls++;
	ck_assert(to->conn->mux->end(to, NULL));
	if (++ends == 2 && !stream[0]->queued && !stream[1]->queued)
		detach_both();
}

static void owner_drained(struct stream *s)
{
	(void)s;
	calls++;
	if (ends == 2 && !stream[0]->queued && !stream[1]->queued)
		detach_both();
}

static enum stream_error failure;

static bool may_fail;

static void owner_failed(struct stream *s, enum stream_error why)
{
	ck_assert(may_fail || s == stream[1]);
	ck_assert_int_eq(failure, STREAM_OK);
	failure = why;
	detach_both();
}

static const struct stream_ops owner_ops = {
	.head = owner_head,
	.data = owner_data,
	.end = owner_end,
	.drained = owner_drained,
	.failed = owner_failed,
};

static void conn_is_ready(struct conn *c, int err)
{
	int i = stream[0] != NULL;

	ck_assert_int_eq(err, 0);
	ck_assert(mux_tcp.start(c, MUX_BACK, &conf));
	stream[i] = mux_tcp.open(c);
	stream[i]->ops = &owner_ops;
}

static void all_gone(void)
{
	if (gone_conns == 2 && closed_peers == 2)
		thread_stop_all();
}

static void conn_is_gone(struct conn *c)
{
	(void)c;
	gone_conns++;
	all_gone();
}

static const struct conn_app app = { .ready = conn_is_ready, .gone = conn_is_gone };

static void peer_closed(struct peer *p)
{
	(void)p;
	closed_peers++;
	all_gone();
}

static void peer_ended(struct peer *p)
{
	ck_assert_int_eq(p->err, 0);
	if (far[0].ended && far[1].ended) {
		peer_close(&far[0], false);
		peer_close(&far[1], false);
	}
}

static uint64_t bytes[2];

static int begin(struct thread *t)
{
	(void)t;
	conn_thread_start();
	for (int i = 0; i < 2; i++) {
		int fd[2];

		socket_pair(fd);
		far[i].to_send = bytes[i];
		far[i].on_end = far[i].on_end ? far[i].on_end : peer_ended;
		far[i].on_closed = peer_closed;
		ck_assert_ptr_nonnull(conn_accepted(fd[1], NULL, &app, NULL, &nobody, 0));
		peer_open(&far[i], fd[0]);
		peer_send(&far[i]);
	}
	stream_link(stream[0], stream[1]);
	stream_link(stream[1], stream[0]);
	for (int i = 0; i < 2; i++)
		stream[i]->conn->mux->credit(stream[i], true);
	return 0;
}

static void finish(struct thread *t)
{
	(void)t;
	copied = mux_copies().bytes;
	polled = th->polled;
	spliced = polled.spliced;
	stream_thread_stop();
	conn_thread_stop();
}

static void run(int poller, uint32_t buffers, uint64_t there, uint64_t back)
{
	uint64_t before = mux_copies().bytes;

	bytes[0] = there;
	bytes[1] = back;
	conn_init();
	mux_tcp.setup();
	run_case(poller, buffers, begin, finish);
	copied -= before;
	ck_assert(!far[0].bad && !far[1].bad);
}

/* Nearly all of it was spliced: the rest came before it was seen to be much. */
static void passed_whole(uint64_t there, uint64_t back)
{
	ck_assert_uint_eq(far[1].got, there);
	ck_assert_uint_eq(far[0].got, back);
	ck_assert_uint_eq(ends, 2);
	ck_assert_uint_le(calls, 10);
	ck_assert_uint_le(copied, (there + back) / 100);
	ck_assert_uint_ge(spliced, (there + back) / 10 * 9);
}

/* S68: both sides forward alone; the owner is called for ends only. S89: nothing is copied. With
 * io_uring no more is received here than what came before the splice. */
START_TEST(s68_s89_sixty_four_megabytes_pass_without_their_owner)
{
	run(_i, 0, BYTES, 1000);
	passed_whole(BYTES, 1000);
	if (_i == POLLER_URING && !poller_uring.unusable())
		ck_assert_uint_le(polled.recvs, 64);
}
END_TEST

START_TEST(both_directions_are_spliced_and_end_each_on_its_own)
{
	run(_i, 0, 8 << 20, 6 << 20);
	passed_whole(8 << 20, 6 << 20);
}
END_TEST

/* What is spliced needs none. */
START_TEST(a_splice_goes_on_where_buffers_are_few)
{
	run(_i, 6, 8 << 20, 1000);
	passed_whole(8 << 20, 1000);
}
END_TEST

/* The owner lets go with bytes in the kernel and in the pipe. */
static void let_go(struct peer *p)
{
	if (p->got < 1 << 20 || !stream[0])
		return;
	for (int i = 0; i < 2; i++) {
		struct stream *s = stream[i];

		stream[i] = NULL;
		stream_unlink(s);
		s->conn->mux->detach(s, true);
	}
}

static void close_alone(struct peer *p)
{
	if (!p->closing)
		peer_close(p, true);
}

START_TEST(a_splice_that_is_let_go_leaves_nothing)
{
	far[1].on_bytes = let_go;
	far[0].on_end = far[1].on_end = close_alone;
	run(_i, 0, 8 << 20, 8 << 20);
	ck_assert_uint_eq(ends, 0);
	ck_assert_uint_gt(spliced, 0);
}
END_TEST

/* Connections break at any time: told once, and nothing is left. */
static int begin_breaking(struct thread *t)
{
	static const struct poll_fault f = { .partial = 100, .delay = 100, .reset = 5 };
	int r = begin(t);

	poll_fault_set(&f);
	return r;
}

START_TEST(a_splice_that_breaks_is_told_once)
{
	may_fail = true;
	signal(SIGPIPE, SIG_IGN); /* as a site has it: splice(2) knows no MSG_NOSIGNAL */
	bytes[0] = bytes[1] = 4 << 20;
	far[0].on_end = far[1].on_end = close_alone;
	conn_init();
	mux_tcp.setup();
	run_case(_i, 0, begin_breaking, finish);
	ck_assert(failure != STREAM_OK || ends == 2);
	ck_assert(!far[0].bad && !far[1].bad);
}
END_TEST

/* S63: one side does not take its bytes, then takes them all, then resets; the other ends. */

#define MUCH (16 << 20) /* more than the kernel takes for one who does not read */

static unsigned seen_full, seen_empty, seen_end;
static struct task watcher;

static bool is_full(void)
{
	return stream[0]->full_at || stream[1]->in_pipe;
}

static bool is_empty(void)
{
	return !stream[1]->queued && stream[1]->empty_at && far[1].got == MUCH;
}

static void watch(struct task *t)
{
	if (!stream[0])
		return;
	if (!seen_full && is_full()) {
		ck_assert_uint_gt(stream[1]->queued, 0);
		ck_assert_uint_lt(far[0].sent, MUCH); /* and so the sender waits */
		seen_full++;
		io_recv(&far[1].io, IO_MANY);
	} else if (seen_full && !seen_empty && is_empty()) {
		ck_assert(!(stream[0]->flags & STREAM_GOT_END));
		seen_empty++;
		ck_assert_int_eq(shutdown(far[0].io.fd, SHUT_WR), 0);
	} else if (seen_empty && !seen_end && ends) {
		ck_assert(stream[0]->flags & STREAM_GOT_END);
		ck_assert(!(stream[1]->flags & STREAM_GOT_END));
		seen_end++;
		peer_close(&far[1], true);
	}
	task_wake(t);
}

static void flags_over(struct peer *p)
{
	if (p == &far[1])
		peer_close(&far[0], false);
	peer_closed(p);
}

static int begin_flags(struct thread *t)
{
	struct sockaddr_in to;
	int l = listen_any(&to, 8);

	(void)t;
	conn_thread_start();
	for (int i = 0; i < 2; i++) {
		int near = socket_tcp(), fd;

		ck_assert(connect(near, (struct sockaddr *)&to, sizeof(to)) == 0 ||
			  errno == EINPROGRESS);
		while ((fd = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0)
			ck_assert(errno == EAGAIN || errno == EINTR);
		far[i].to_send = i ? 0 : MUCH;
		far[i].half = far[i].hold = true;
		far[i].on_closed = flags_over;
		ck_assert_ptr_nonnull(conn_accepted(fd, NULL, &app, NULL, &nobody, 0));
		peer_open(&far[i], near);
	}
	close(l);
	peer_send(&far[0]);
	stream_link(stream[0], stream[1]);
	stream_link(stream[1], stream[0]);
	for (int i = 0; i < 2; i++)
		stream[i]->conn->mux->credit(stream[i], true);
	task_init(&watcher, TASK_BULK, watch);
	task_wake(&watcher);
	return 0;
}

START_TEST(s63_full_empty_end_and_error_are_told)
{
	conn_init();
	mux_tcp.setup();
	run_case(_i, 0, begin_flags, finish);
	ck_assert_uint_eq(seen_full, 1);
	ck_assert_uint_eq(seen_empty, 1);
	ck_assert_uint_eq(seen_end, 1);
	ck_assert_int_eq(failure, STREAM_PEER_RESET);
	ck_assert(!far[1].bad);
}
END_TEST

Suite *stream_suite(void)
{
	Suite *s = suite_create("stream");
	TCase *tc = tcase_create("stream");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, s68_s89_sixty_four_megabytes_pass_without_their_owner, 0, POLLERS);
	tcase_add_loop_test(tc, both_directions_are_spliced_and_end_each_on_its_own, 0, POLLERS);
	tcase_add_loop_test(tc, a_splice_goes_on_where_buffers_are_few, 0, POLLERS);
	tcase_add_loop_test(tc, a_splice_that_is_let_go_leaves_nothing, 0, POLLERS);
	tcase_add_loop_test(tc, a_splice_that_breaks_is_told_once, 1, POLLER_URING);
	tcase_add_loop_test(tc, s63_full_empty_end_and_error_are_told, 0, POLLERS);
	suite_add_tcase(s, tc);
	return s;
}
