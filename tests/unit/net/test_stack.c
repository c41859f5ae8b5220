/* SPDX-License-Identifier: Apache-2.0 */
/* S65: two transports on each of two connections that talk with each other: bytes pass, the handshakes
 * come from below, the ends from above. */
#include <check.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../../../runtime/net/tls.h"
#include "../runtime_box.h"
#include "../runtime_pem.h"
#include "../runtime_poll.h"
#include "../runtime_tap.h"

Suite *stack_suite(void);

#define STREAM (300 * 1024)
#define PIECE 10000

static struct tap near, far;
static struct box box[2][2]; /* of the near end, of the far end; lower, upper */
static struct tls_ctx *ctx[2][2]; /* front, back; lower, upper */
static struct io door;
static struct sockaddr_in here;
static size_t said, back, there;
static bool bad, breaks;
static char order[64];

static void note(char what)
{
	size_t n = strlen(order);

	if (n + 1 < sizeof(order))
		order[n] = what;
}

static char byte_at(size_t i)
{
	return (char)(i * 31 + (i >> 8) * 7);
}

/* -- handshakes */

static enum hs_result shake_box(struct conn *c, int level)
{
	struct box *b = &box[c->flags & CONN_BACK ? 0 : 1][level];

	if (!b->note) {
		b->note = note;
		b->owe_hello = c->flags & CONN_BACK;
		if (!conn_set_transport(c, &box_transport, b))
			return HS_FAIL;
	}
	return b->ready ? HS_DONE : HS_MORE;
}

static enum hs_result shake_tls(struct conn *c, struct str in, int level)
{
	return tls_handshake(c, ctx[c->flags & CONN_BACK ? 1 : 0][level], in, NULL);
}

static enum hs_result box_below(struct conn *c, struct str in, size_t *used)
{
	(void)in;
	(void)used;
	return shake_box(c, 0);
}

static enum hs_result box_above(struct conn *c, struct str in, size_t *used)
{
	(void)in;
	(void)used;
	return shake_box(c, 1);
}

static enum hs_result tls_below(struct conn *c, struct str in, size_t *used)
{
	(void)used;
	return shake_tls(c, in, 0);
}

static enum hs_result tls_above(struct conn *c, struct str in, size_t *used)
{
	(void)used;
	return shake_tls(c, in, 1);
}

static const struct handshake low_box = { "box", box_below }, high_box = { "box", box_above },
			      low_tls = { "tls", tls_below }, high_tls = { "tls", tls_above };
static const struct handshake *const kinds[][3] = {
	{ &low_box, &high_box, NULL },
	{ &low_box, &high_tls, NULL },
	{ &low_tls, &high_box, NULL },
	{ &low_tls, &high_tls, NULL },
};
#define KINDS 4
static const struct handshake *const *handlers;

/* -- the ends */

static void say_more(struct tap *t)
{
	char piece[PIECE];

	while (said < STREAM && conn_queued(t->c) < 4 * PIECE) {
		size_t n = STREAM - said < PIECE ? STREAM - said : PIECE;

		for (size_t i = 0; i < n; i++)
			piece[i] = byte_at(said + i);
		said += n;
		ck_assert(conn_write(t->c, piece, n));
	}
	if (said == STREAM) {
		said++;
		conn_shut(t->c);
	}
}

static void near_ready(struct tap *t)
{
	conn_recv(t->c, IO_MANY);
	say_more(t);
}

static void near_bytes(struct tap *t, const char *p, size_t n)
{
	(void)t;
	for (size_t i = 0; i < n; i++)
		bad |= p[i] != byte_at(back++);
}

static void far_bytes(struct tap *t, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bad |= p[i] != byte_at(there++);
	ck_assert(conn_write(t->c, p, n));
	if (breaks && there > STREAM / 2)
		conn_abort(t->c, true);
}

static void end_it(struct tap *t)
{
	conn_close(t->c);
}

static void both_gone(struct tap *t)
{
	(void)t;
	if (!near.gone || !(far.gone || !far.ready))
		return;
	io_close(&door, false);
	thread_stop_all();
}

static void entered(struct io *io, int fd, const struct sockaddr_storage *peer)
{
	int one = 1;

	(void)io;
	ck_assert_int_ge(fd, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ck_assert_ptr_nonnull(conn_accepted(fd, NULL, &tap_app, handlers, peer, 0));
}

static void door_closed(struct io *io)
{
	(void)io;
}

static const struct io_ops door_ops = { .accepted = entered, .closed = door_closed };

static int start(struct thread *t)
{
	struct sockaddr_storage ss = { 0 };
	struct addr to;
	int err;

	(void)t;
	conn_thread_start();
	ck_assert_int_eq(io_open(&door, listen_any(&here, 4), &door_ops), 0);
	io_accept(&door);
	memcpy(&ss, &here, sizeof(here));
	addr_from_sockaddr(&to, &ss);
	near = (struct tap) { .on_ready = near_ready,
			      .on_bytes = near_bytes,
			      .on_drained = say_more,
			      .on_end = end_it,
			      .on_gone = both_gone };
	far = (struct tap) {
		.on_bytes = far_bytes, .on_end = end_it, .on_gone = both_gone, .mode = IO_MANY
	};
	tap_next = &far;
	ck_assert_ptr_nonnull(conn_connect(&(struct conn_route) { .to = &to }, &tap_app, &near,
					   handlers, 0, &err));
	return 0;
}

static void stop(struct thread *t)
{
	(void)t;
	tls_thread_stop();
	conn_thread_stop();
}

static void make_contexts(void)
{
	static char pem[] = PEM_PATH;
	const char *certs[] = { pem }, *file;
	struct tls_conf front = { .certs = certs, .ncerts = 1 }, to = { .back = true, .ca = pem };
	char why[256];

	pem_make(pem, "DNS:far.example");
	for (int i = 0; i < 2; i++) {
		ctx[0][i] = tls_ctx_make(&front, why, sizeof(why), &file);
		ctx[1][i] = tls_ctx_make(&to, why, sizeof(why), &file);
		ck_assert(ctx[0][i] && ctx[1][i]);
	}
	unlink(pem);
}

static void run(int i)
{
	handlers = kinds[i % KINDS];
	signal(SIGPIPE, SIG_IGN);
	conn_init();
	tls_init();
	make_contexts();
	run_case(i / KINDS, 0, start, stop);
	for (int k = 0; k < 4; k++)
		tls_ctx_free(ctx[k / 2][k % 2]);
	ck_assert(!bad);
	ck_assert_int_eq(near.ready_err, 0);
	for (int k = 0; k < 4; k++)
		ck_assert_uint_eq(box[k / 2][k % 2].freed, box[k / 2][k % 2].note != NULL);
}

START_TEST(s65_two_transports_pass_bytes_and_end_from_above)
{
	run(_i);
	ck_assert_uint_eq(there, STREAM);
	ck_assert_uint_eq(back, STREAM);
	ck_assert(!near.end_err && !far.end_err);
	if (_i % KINDS == 0) /* both ends say two ends each, then all four are freed */
		ck_assert_str_eq(order, "eeeeffff");
}
END_TEST

/* Each level answers what it reads; those of the end that ends first cannot say their end at once. */
START_TEST(s65_two_transports_that_send_because_they_read)
{
	for (int k = 0; k < 4; k++) {
		box[k / 2][k % 2].acks = true;
		box[k / 2][k % 2].shut_tries = k < 2;
	}
	run(_i);
	ck_assert_uint_eq(there, STREAM);
	ck_assert_uint_eq(back, STREAM);
}
END_TEST

START_TEST(s65_two_transports_are_freed_when_the_connection_breaks)
{
	breaks = true;
	run(_i);
	ck_assert_uint_ge(there, STREAM / 2);
	ck_assert_uint_lt(there, STREAM);
}
END_TEST

Suite *stack_suite(void)
{
	Suite *s = suite_create("stack");
	TCase *tc = tcase_create("stack");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, s65_two_transports_pass_bytes_and_end_from_above, 0,
			    KINDS * POLLERS);
	tcase_add_loop_test(tc, s65_two_transports_that_send_because_they_read, 0, KINDS * POLLERS);
	tcase_add_loop_test(tc, s65_two_transports_are_freed_when_the_connection_breaks, 0,
			    KINDS * POLLERS);
	suite_add_tcase(s, tc);
	return s;
}
