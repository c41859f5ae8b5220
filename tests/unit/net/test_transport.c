/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanism under TLS, tested with a transport that does what TLS may do: shake hands, send
 * while it reads, block, fail. Mission rows S57 to S60, S63 to S65. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../runtime/core/clock.h"
#include "../../../runtime/net/step.h"
#include "../../../runtime/net/transport.h"
#include "../runtime_box.h"
#include "../runtime_poll.h"
#include "../runtime_tap.h"

Suite *transport_suite(void);

#define STREAM (300 * 1024)

static struct box box;
static struct tap tap;
static struct timer tick;
static int far;
static char got[1 << 20]; /* what the far end has read, unmasked: types and bytes */
static size_t ngot;
static bool far_ended;
static char order[64]; /* of what happened */

static void note(char what)
{
	size_t n = strlen(order);

	if (n + 1 < sizeof(order))
		order[n] = what;
}

static enum hs_result run_box(struct conn *c, struct str in, size_t *used)
{
	(void)in;
	(void)used;
	if (!(c->flags & CONN_TRANSPORT) && !conn_set_transport(c, &box_transport, &box))
		return HS_FAIL;
	if (!box.ready)
		return HS_MORE;
	note('b');
	return HS_DONE;
}

static enum hs_result run_line(struct conn *c, struct str in, size_t *used)
{
	ptrdiff_t end = str_chr(in, '\n');

	if (end < 0)
		return HS_MORE;
	*used = (size_t)end + 1;
	note(c->flags & CONN_TRANSPORT ? 'L' : 'l');
	return HS_DONE;
}

static const struct handshake line = { "line", run_line }, in_box = { "box", run_box };
static const struct handshake *const boxed[] = { &in_box, NULL };
static const struct handshake *const mixed[] = { &line, &in_box, &line, NULL };

/* -- the far end: a plain descriptor that speaks records */

static char to_far[1 << 20];
static size_t nto_far, at_far;
static size_t step; /* bytes written a tick; 0: it only reads */

static void far_says(char type, const char *p, size_t n)
{
	to_far[nto_far++] = type;
	to_far[nto_far++] = (char)(n >> 8);
	to_far[nto_far++] = (char)n;
	for (size_t i = 0; i < n; i++)
		to_far[nto_far++] = (char)(p[i] ^ BOX_MASK);
}

static bool far_leaves; /* at the end of what it has to say */

static void far_turn(struct timer *t)
{
	ssize_t n = 0;

	if (at_far < nto_far)
		n = write(far, to_far + at_far, step < nto_far - at_far ? step : nto_far - at_far);
	if (n > 0)
		at_far += (size_t)n;
	if (far_leaves && at_far == nto_far)
		shutdown(far, SHUT_WR);
	while (!far_ended) {
		n = read(far, got + ngot, sizeof(got) - ngot);
		if (n <= 0) {
			far_ended = n == 0 || errno != EAGAIN;
			break;
		}
		ngot += (size_t)n;
	}
	if (far_ended) {
		note('c');
		close(far);
		far = -1;
		return;
	}
	timer_set(t, th->now + 1);
}

/* Takes the records in <got> apart: their types to <types>, the data to <data>. */
static size_t records(char *types, size_t room, char *data)
{
	size_t at = 0, k = 0, n = 0;

	while (at + BOX_HEAD <= ngot) {
		size_t len = (size_t)(uint8_t)got[at + 1] << 8 | (uint8_t)got[at + 2];

		ck_assert_uint_le(at + BOX_HEAD + len, ngot);
		if (k + 1 < room && !(k && got[at] == 'D' && types[k - 1] == 'D'))
			types[k++] = got[at];
		for (size_t i = 0; i < len; i++)
			data[n++] = (char)(got[at + BOX_HEAD + i] ^ BOX_MASK);
		at += BOX_HEAD + len;
	}
	ck_assert_uint_eq(at, ngot);
	types[k] = 0;
	return n;
}

static char types[64], data[1 << 20];

static int begin(const struct handshake *const *hs)
{
	int fd[2];

	conn_thread_start();
	socket_pair(fd);
	far = fd[1];
	tap_next = &tap;
	tick.fire = far_turn;
	timer_set(&tick, th->now + 1);
	conn_accepted(fd[0], NULL, &tap_app, hs,
		      &(struct sockaddr_storage) { .ss_family = AF_UNIX }, 5000);
	return 0;
}

static void thread_end(struct thread *t)
{
	(void)t;
	timer_del(&tick);
	conn_thread_stop();
}

static void keep_on(struct tap *t)
{
	(void)t;
}

static void stop_when_over(struct timer *t)
{
	if (far >= 0)
		far_turn(t);
	if (far < 0 && tap.gone + !tap.ready)
		thread_stop_all();
	else
		timer_set(t, th->now + 1);
}

static void run(int poller, int (*start)(struct thread *))
{
	clock_set(CLOCK_JUMP, 1000000);
	conn_init();
	transport_init();
	box.note = note;
	if (!tap.on_gone)
		tap.on_gone = keep_on;
	if (!tap.on_bytes)
		tap.mode = IO_MANY;
	run_case(poller, 0, start, thread_end);
	ck_assert_uint_eq(box.freed, 1);
	ck_assert_uint_eq(tap.released, 1);
}

static int start_with(const struct handshake *const *hs)
{
	begin(hs);
	tick.fire = stop_when_over;
	return 0;
}

/* -- cases */

static void answer(struct tap *t)
{
	ck_assert_int_eq(t->end_err, 0);
	ck_assert(conn_write(t->c, "answer", 6));
	conn_close(t->c);
}

static int start_boxed(struct thread *t)
{
	(void)t;
	tap.on_end = answer;
	return start_with(boxed);
}

START_TEST(s65_bytes_pass_through_in_both_directions)
{
	step = sizeof(to_far);
	far_says('H', "", 0);
	far_says('D', "hello ", 6);
	far_says('D', "", 0);
	far_says('D', "world", 5);
	far_says('E', "", 0);
	run(_i, start_boxed);
	ck_assert_uint_eq(tap.n, 11);
	ck_assert_int_eq(memcmp(tap.got, "hello world", 11), 0);
	ck_assert_uint_eq(records(types, sizeof(types), data), 6);
	ck_assert_int_eq(memcmp(data, "answer", 6), 0);
	ck_assert_str_eq(types, "HDE");
}
END_TEST

static int start_mixed(struct thread *t)
{
	(void)t;
	tap.on_end = answer;
	return start_with(mixed);
}

/* S60, S58: a line in clear, the transport, a line inside; then its end, then that of the descriptor,
 * whole or byte by byte. */
START_TEST(s60_handlers_before_and_inside)
{
	bool bytewise = _i >= POLLERS;

	step = bytewise ? 1 : sizeof(to_far);
	memcpy(to_far, "one\n", 4);
	nto_far = 4;
	far_says('H', "", 0);
	far_says('D', "two\nbytes", 9);
	far_says('E', "", 0);
	run(_i % POLLERS, start_mixed);
	ck_assert_uint_eq(tap.n, 5);
	ck_assert_int_eq(memcmp(tap.got, "bytes", 5), 0);
	records(types, sizeof(types), data);
	ck_assert_str_eq(types, "HDE");
	ck_assert_int_eq(memcmp(order, "lbLe", 4), 0);
	ck_assert_ptr_nonnull(strchr(order, 'c'));
}
END_TEST

static void one_more(struct tap *t, const char *p, size_t n)
{
	(void)p;
	t->n += n;
	conn_recv(t->c, IO_ONCE);
}

/* S64: it must send before it may go on reading. */
START_TEST(s64_sending_on_read_does_not_stall)
{
	step = _i % 2 ? 7 : sizeof(to_far);
	box.acks = true;
	tap.on_bytes = one_more;
	far_says('H', "", 0);
	for (int i = 0; i < 5; i++)
		far_says('D', "x", 1);
	far_says('E', "", 0);
	run(_i % POLLERS, start_boxed);
	ck_assert_uint_eq(tap.n, 5);
	records(types, sizeof(types), data);
	ck_assert_str_eq(types, "HAAAAADE");
}
END_TEST

static struct timer retry;

static void try_again(struct timer *t)
{
	note('r');
	if (!tap.c)
		return;
	conn_wants_send(tap.c);
	timer_set(t, th->now + 5);
}

static void answer_blocked(struct tap *t)
{
	retry.fire = try_again;
	timer_set(&retry, th->now + 5);
	answer(t);
}

static void retry_over(struct tap *t)
{
	(void)t;
	timer_del(&retry);
}

static int start_blocked(struct thread *t)
{
	(void)t;
	tap.on_end = answer_blocked;
	tap.on_gone = retry_over;
	return start_with(boxed);
}

/* S58: the transport's end cannot be written at first; it is kept and done later, and only then the
 * descriptor ends, once. */
START_TEST(s58_a_blocked_end_is_resumed)
{
	step = sizeof(to_far);
	box.shut_tries = 3;
	far_says('H', "", 0);
	far_says('D', "x", 1);
	far_says('E', "", 0);
	run(_i, start_blocked);
	records(types, sizeof(types), data);
	ck_assert_str_eq(types, "HDE");
	ck_assert_uint_eq(box.shut_tries, 0);
	ck_assert_ptr_nonnull(strstr(order, "re"));
	ck_assert_uint_eq(tap.gone, 1);
}
END_TEST

static void keep_error(struct tap *t)
{
	conn_close(t->c);
}

static int start_error(struct thread *t)
{
	(void)t;
	tap.on_end = keep_error;
	return start_with(boxed);
}

/* A record that is none. */
START_TEST(a_broken_record_is_a_failure)
{
	step = sizeof(to_far);
	far_says('H', "", 0);
	far_says('D', "some", 4);
	far_says('?', "", 0);
	far_says('D', "more", 4);
	run(_i, start_error);
	ck_assert_uint_eq(tap.n, 4);
	ck_assert_uint_eq(tap.ended, 1);
	ck_assert_int_eq(tap.end_err, -EPROTO);
}
END_TEST

/* The descriptor ends and the transport has not: nobody knows whether all is there. */
START_TEST(a_cut_is_a_failure)
{
	step = sizeof(to_far);
	far_leaves = true;
	far_says('H', "", 0);
	far_says('D', "some", 4);
	far_says('D', "more", 4);
	nto_far -= 2;
	run(_i, start_error);
	ck_assert_uint_eq(tap.n, 4);
	ck_assert_uint_eq(tap.ended, 1);
	ck_assert_int_eq(tap.end_err, -ECONNRESET);
}
END_TEST

static void half(struct tap *t)
{
	for (size_t i = 0; i < STREAM; i += 64) {
		char piece[64];

		memset(piece, (int)(i / 64), sizeof(piece));
		ck_assert(conn_write(t->c, piece, sizeof(piece)));
	}
	conn_shut(t->c);
	ck_assert(conn_write(t->c, "dropped", 7));
	conn_recv(t->c, IO_MANY);
}

static int start_much(struct thread *t)
{
	(void)t;
	tap.on_ready = half;
	return start_with(boxed);
}

/* Much goes out and our direction ends before the peer's, which then ends too. */
START_TEST(much_goes_out_and_the_end_behind_it)
{
	size_t n;

	step = 2;
	far_says('H', "", 0);
	for (int i = 0; i < 40; i++)
		far_says('D', "y", 1);
	far_says('E', "", 0);
	run(_i, start_much);
	n = records(types, sizeof(types), data);
	ck_assert_uint_eq(n, STREAM);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq((char)(i / 64), data[i]);
	ck_assert_str_eq(types, "HDE");
}
END_TEST

/* S57: the four codes. */
START_TEST(s57_steps)
{
	static const enum step all[] = { STEP_NONE, STEP_WANTED, STEP_STARTED, STEP_DONE };
	static const bool desired[] = { false, true, true, true },
			  begun[] = { false, false, true, true },
			  open[] = { false, true, true, false };

	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(step_desired(all[i]), desired[i]);
		ck_assert_int_eq(step_begun(all[i]), begun[i]);
		ck_assert_int_eq(step_open(all[i]), open[i]);
	}
}
END_TEST

Suite *transport_suite(void)
{
	Suite *s = suite_create("transport");
	TCase *tc = tcase_create("transport");

	tcase_set_timeout(tc, 10);
	tcase_add_loop_test(tc, s65_bytes_pass_through_in_both_directions, 0, POLLERS);
	tcase_add_loop_test(tc, s60_handlers_before_and_inside, 0, 2 * POLLERS);
	tcase_add_loop_test(tc, s64_sending_on_read_does_not_stall, 0, 2 * POLLERS);
	tcase_add_loop_test(tc, s58_a_blocked_end_is_resumed, 0, POLLERS);
	tcase_add_loop_test(tc, a_broken_record_is_a_failure, 0, POLLERS);
	tcase_add_loop_test(tc, a_cut_is_a_failure, 0, POLLERS);
	tcase_add_loop_test(tc, much_goes_out_and_the_end_behind_it, 0, POLLERS);
	tcase_add_test(tc, s57_steps);
	suite_add_tcase(s, tc);
	return s;
}
