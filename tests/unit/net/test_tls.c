/* SPDX-License-Identifier: Apache-2.0 */
/* TLS over connections, with the library itself at the far end of a socket. Mission rows S58, S60, S64
 * and S65. */
#include <check.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../runtime/core/clock.h"
#include "../../../runtime/net/tls.h"
#include "../../../runtime/net/transport.h"
#include "../runtime_pem.h"
#include "../runtime_poll.h"
#include "../runtime_tap.h"

Suite *tls_suite(void);

#define STREAM (300 * 1024)

static char order[64]; /* of what happened */

static void note(char what)
{
	size_t n = strlen(order);

	if (n + 1 < sizeof(order) && (!n || order[n - 1] != what))
		order[n] = what;
}

/* -- a certificate */

static char pem[] = PEM_PATH;
static const char *names = "DNS:far.example";

/* -- the side under test */

static struct tls_ctx *ctx;
static struct tap tap;
static int losses;
static enum tls_loss loss;

static void lost(struct conn *c, enum tls_loss how, const char *why)
{
	(void)c;
	ck_assert_ptr_nonnull(why);
	losses++;
	loss = how;
}

static enum hs_result run_tls(struct conn *c, struct str in, size_t *used)
{
	enum hs_result r = tls_handshake(c, ctx, in, lost);

	(void)used;
	if (r == HS_DONE)
		note('T');
	return r;
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

static enum hs_result run_connect(struct conn *c, struct str in, size_t *used)
{
	(void)in;
	(void)used;
	return conn_write(c, "CONNECT\n", 8) ? HS_DONE : HS_FAIL;
}

static const struct handshake line = { "line", run_line }, secret = { "tls", run_tls },
			      connect_first = { "connect", run_connect };
static const struct handshake *const straight[] = { &secret, NULL };
static const struct handshake *const mixed[] = { &line, &secret, &line, NULL };
/* A tunnel through another proxy: asked for, waited for, then TLS inside. */
static const struct handshake *const tunnel[] = { &connect_first, &line, &secret, NULL };
/* As send-proxy does: a line that leaves right before the handshake. */
static const struct handshake *const told[] = { &connect_first, &secret, NULL };

/* -- the far end: the library over memory, moved by a timer */

static struct far {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
	int fd;
	struct timer tick;
	size_t step; /* bytes written a tick */
	char clear[64]; /* said before TLS; what is read before it ends with a line feed */
	size_t clear_at, want_clear;
	const char *say; /* inside */
	size_t nsay, said;
	char got[STREAM + 64];
	size_t ngot;
	bool reads; /* else it only writes, until all is said */
	bool ends; /* says the end of TLS behind <say>; else when the other has said its own */
	bool noise; /* <say> is sent as it is: it is no TLS */
	unsigned updates; /* so often it asks for new keys, each behind a byte */
	bool end_seen, over, broken;
	unsigned waits; /* ticks in a row in which nothing of it was taken */
	uint64_t events, useless; /* of the loop meanwhile */
	bool server;
} far;

static char big[STREAM];

static void fill_big(void)
{
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 31 + (i >> 8) * 7);
}

#define SETTLED 30
#define WAITS 50

/* The other reads no more, because it has to send; it shall be woken by nothing then. */
static void far_waits(void)
{
	far.waits++;
	if (far.waits == SETTLED)
		far.events = th->polled.events;
	if (far.waits == WAITS) {
		far.useless = th->polled.events - far.events;
		far.reads = true;
	}
}

static void far_write(void)
{
	char piece[16384];
	size_t clear = strlen(far.clear) - far.clear_at;
	char *p = far.clear + far.clear_at;
	long left = (long)clear;
	ssize_t n;

	if (!clear)
		left = BIO_get_mem_data(far.out, &p);
	if (left <= 0)
		return;
	n = (ssize_t)far.step < left ? (ssize_t)far.step : (ssize_t)left;
	n = write(far.fd, p, (size_t)n < sizeof(piece) ? (size_t)n : sizeof(piece));
	if (n < 0 && errno != EAGAIN)
		far.broken = true;
	else if (n < 0)
		far_waits();
	else
		far.waits = 0;
	if (n > 0 && clear)
		far.clear_at += (size_t)n;
	else if (n > 0)
		ck_assert_int_eq(BIO_read(far.out, piece, (int)n), n);
}

static void far_read(void)
{
	char piece[16384];
	ssize_t n = 0;

	while (far.want_clear && (n = read(far.fd, piece, 1)) > 0)
		far.want_clear -= piece[0] == '\n';
	while (!far.want_clear && (n = read(far.fd, piece, sizeof(piece))) > 0)
		BIO_write(far.in, piece, (int)n);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		far.over = true;
	}
}

static void far_talk(void)
{
	size_t n;

	if (far.noise) {
		if (!far.said)
			BIO_write(far.out, far.say, (int)far.nsay);
		far.said = far.nsay;
		return;
	}
	if (!SSL_is_init_finished(far.ssl)) {
		SSL_do_handshake(far.ssl);
		if (!SSL_is_init_finished(far.ssl))
			return;
	}
	while (far.updates && far.said < far.nsay) {
		ck_assert_int_eq(SSL_write_ex(far.ssl, far.say + far.said, 1, &n), 1);
		ck_assert_int_eq(SSL_key_update(far.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		ck_assert_int_eq(SSL_do_handshake(far.ssl), 1);
		far.said++;
		far.updates--;
	}
	if (far.said < far.nsay) {
		ck_assert_int_eq(SSL_write_ex(far.ssl, far.say + far.said, far.nsay - far.said, &n),
				 1);
		far.said += n;
	}
	if (far.said == far.nsay && far.ends)
		SSL_shutdown(far.ssl);
	if (far.said == far.nsay && BIO_pending(far.out) == 0)
		far.reads = true;
}

static void far_listen(void)
{
	size_t n;

	while (far.ngot < sizeof(far.got) &&
	       SSL_read_ex(far.ssl, far.got + far.ngot, sizeof(far.got) - far.ngot, &n) == 1)
		far.ngot += n;
	if (!far.end_seen && (SSL_get_shutdown(far.ssl) & SSL_RECEIVED_SHUTDOWN)) {
		far.end_seen = true;
		note('e');
		if (far.said == far.nsay)
			SSL_shutdown(far.ssl);
	}
}

static void far_turn(struct timer *t)
{
	if (far.fd < 0) {
		if (tap.gone || losses || tap.ready_err)
			thread_stop_all();
		timer_set(t, th->now + 1);
		return;
	}
	if (!far.want_clear)
		far_talk();
	far_write();
	if (!far.over && (far.reads || !SSL_is_init_finished(far.ssl)))
		far_read();
	far_listen();
	if (far.broken || (far.over && !BIO_pending(far.out))) {
		note('c');
		close(far.fd);
		far.fd = -1;
	}
	timer_set(t, th->now + 1);
}

static void far_make(bool server)
{
	SSL_CTX *c = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (server) {
		ck_assert_int_eq(SSL_CTX_use_certificate_file(c, pem, SSL_FILETYPE_PEM), 1);
		ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(c, pem, SSL_FILETYPE_PEM), 1);
	} else {
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
		ck_assert_int_eq(SSL_CTX_load_verify_locations(c, pem, NULL), 1);
	}
	far.server = server;
	far.ctx = c;
	far.ssl = SSL_new(c);
	far.in = BIO_new(BIO_s_mem());
	far.out = BIO_new(BIO_s_mem());
	SSL_set_bio(far.ssl, far.in, far.out);
	if (server) {
		SSL_set_accept_state(far.ssl);
	} else {
		SSL_set_connect_state(far.ssl);
		SSL_set1_host(far.ssl, "far.example");
		SSL_set_tlsext_host_name(far.ssl, "far.example");
	}
	far.reads = true;
	far.step = 16384;
}

/* -- running */

static const struct handshake *const *handlers;

static int start_front(struct thread *t)
{
	int fd[2];

	(void)t;
	conn_thread_start();
	socket_pair(fd);
	if (!far.reads)
		for (int i = 0; i < 2; i++)
			setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &(int) { 4096 }, sizeof(int));
	far.fd = fd[1];
	far.tick.fire = far_turn;
	timer_set(&far.tick, th->now + 1);
	tap_next = &tap;
	conn_accepted(fd[0], NULL, &tap_app, handlers,
		      &(struct sockaddr_storage) { .ss_family = AF_UNIX }, 5000);
	return 0;
}

static int listening;

static void accept_far(struct timer *t)
{
	far.fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (far.fd >= 0) {
		close(listening);
		t->fire = far_turn;
	}
	timer_set(t, th->now + 1);
}

static int start_back(struct thread *t)
{
	struct sockaddr_in to;
	struct addr addr = { .kind = AK_NONE };
	struct conn_route route = { .to = &addr };
	int err;

	(void)t;
	conn_thread_start();
	listening = listen_any(&to, 4);
	addr_from_sockaddr(&addr, (struct sockaddr_storage *)&to);
	far.tick.fire = accept_far;
	timer_set(&far.tick, th->now + 1);
	tap.c = conn_connect(&route, &tap_app, &tap, handlers, 5000, &err);
	ck_assert_ptr_nonnull(tap.c);
	return 0;
}

static void stop(struct thread *t)
{
	(void)t;
	timer_del(&far.tick);
	tls_thread_stop();
	conn_thread_stop();
}

static void keep_on(struct tap *t)
{
	(void)t;
}

static void run(int poller, const struct handshake *const *hs, bool server)
{
	const char *certs[] = { pem };
	struct tls_conf conf = { .back = !server, .certs = certs, .ncerts = server };
	const char *file;
	char why[200];

	if (!server) {
		conf.verify = TLS_VERIFY_REQUIRED;
		conf.ca = pem;
		conf.name = "far.example";
	}
	clock_set(CLOCK_JUMP, 1000000);
	conn_init();
	tls_init();
	handlers = hs;
	ctx = tls_ctx_make(&conf, why, sizeof(why), &file);
	ck_assert_msg(ctx != NULL, "%s", why);
	tap.on_gone = keep_on;
	run_case(poller, 0, server ? start_front : start_back, stop);
	ck_assert(far.fd < 0);
	tls_ctx_free(ctx);
	SSL_free(far.ssl);
	SSL_CTX_free(far.ctx);
}

static void begin(bool server)
{
	signal(SIGPIPE, SIG_IGN);
	pem_make(pem, names);
	fill_big();
	far_make(server);
}

static void teardown(void)
{
	unlink(pem);
}

/* -- cases */

static void answer(struct tap *t)
{
	ck_assert_int_eq(t->end_err, 0);
	ck_assert(conn_write(t->c, "answer", 6));
	conn_close(t->c);
}

static void say(const char *text, size_t n)
{
	far.say = text;
	far.nsay = n;
}

/* S58: what was asked, the answer, the end of TLS, the end of the connection, in this order. */
START_TEST(S58_the_end_of_tls_comes_before_that_of_the_connection)
{
	begin(false);
	say("hello world", 11);
	far.ends = true;
	tap.mode = IO_MANY;
	tap.on_end = answer;
	run(_i, straight, true);
	ck_assert_uint_eq(tap.n, 11);
	ck_assert_int_eq(memcmp(tap.got, "hello world", 11), 0);
	ck_assert_uint_eq(far.ngot, 6);
	ck_assert_str_eq(order, "Tec");
	ck_assert_uint_eq(tap.gone, 1);
	ck_assert_int_eq(losses, 0);
}
END_TEST

/* S60: a line in clear, TLS, a line inside, in pieces of one byte or whole. */
START_TEST(S60_handlers_before_and_inside)
{
	begin(false);
	far.step = _i >= POLLERS ? 1 : 16384;
	strcpy(far.clear, "one\n");
	say("two\nbytes", 9);
	far.ends = true;
	tap.mode = IO_MANY;
	tap.on_end = answer;
	run(_i % POLLERS, mixed, true);
	ck_assert_uint_eq(tap.n, 5);
	ck_assert_int_eq(memcmp(tap.got, "bytes", 5), 0);
	ck_assert_str_eq(order, "lTLec");
}
END_TEST

static size_t received;

static void one_more(struct tap *t, const char *p, size_t n)
{
	ck_assert_int_eq(memcmp(p, big + received, n), 0);
	received += n;
	if (t->mode == IO_ONCE)
		conn_recv(t->c, IO_ONCE);
}

/* Much comes right behind the handshake, to one who asks for one buffer at a time, or for many:
 * nothing overtakes anything. */
START_TEST(much_comes_in)
{
	begin(false);
	say(big, STREAM);
	far.ends = true;
	tap.mode = _i >= POLLERS ? IO_MANY : IO_ONCE;
	tap.on_bytes = one_more;
	tap.on_end = answer;
	run(_i % POLLERS, straight, true);
	ck_assert_uint_eq(received, STREAM);
	ck_assert_uint_eq(far.ngot, 6);
}
END_TEST

static void send_big(struct tap *t)
{
	for (size_t i = 0; i < STREAM; i += 4096)
		ck_assert(conn_write(t->c, big + i, STREAM - i < 4096 ? STREAM - i : 4096));
	conn_shut(t->c);
	conn_recv(t->c, IO_MANY);
}

/* S58: the end waits behind much that the peer takes slowly. */
START_TEST(S58_much_goes_out_and_the_end_behind_it)
{
	begin(false);
	tap.on_ready = send_big;
	run(_i, straight, true);
	ck_assert_uint_eq(far.ngot, STREAM);
	ck_assert_int_eq(memcmp(far.got, big, STREAM), 0);
	ck_assert_str_eq(order, "Tec");
	ck_assert_int_eq(tap.end_err, 0);
}
END_TEST

#define UPDATES 3000

/* S64: each request for new keys makes the library write while it reads; the peer reads nothing until
 * it is not read from any more. */
START_TEST(S64_writing_on_read_does_not_stall)
{
	begin(false);
	say(big, UPDATES);
	far.updates = UPDATES;
	far.reads = false;
	far.ends = true;
	tap.mode = IO_MANY;
	tap.on_bytes = one_more;
	tap.on_end = answer;
	run(_i, straight, true);
	ck_assert_uint_eq(received, UPDATES);
	ck_assert_uint_eq(far.ngot, 6);
	ck_assert(far.events);
	if (_i == 0 || _i == POLLER_URING)
		ck_assert_uint_le(far.useless, 1);
}
END_TEST

static void shut_first(struct tap *t)
{
	conn_shut(t->c);
	conn_recv(t->c, IO_MANY);
}

/* Behind our end nothing is written, whatever the library would answer. */
START_TEST(S64_requests_behind_our_end)
{
	begin(false);
	say(big, UPDATES);
	far.updates = UPDATES;
	far.ends = true;
	tap.mode = IO_MANY;
	tap.on_ready = shut_first;
	tap.on_bytes = one_more;
	run(_i, straight, true);
	ck_assert_uint_eq(received, UPDATES);
	ck_assert_uint_eq(far.ngot, 0);
	ck_assert_int_eq(tap.end_err, 0);
}
END_TEST

static void ask(struct tap *t)
{
	ck_assert(conn_write(t->c, "question", 8));
	conn_recv(t->c, IO_MANY);
}

static size_t wanted;

static void close_when_whole(struct tap *t, const char *p, size_t n)
{
	memcpy(t->got + t->n, p, n);
	t->n += n;
	if (t->n == wanted)
		conn_close(t->c);
}

/* S65: TLS in a tunnel that another proxy was asked for; the layers end from above, in order. */
START_TEST(S65_the_layers_of_a_tunnel_end_in_order)
{
	bool asks = _i < POLLERS;

	begin(true);
	far.want_clear = 1;
	if (asks)
		strcpy(far.clear, "200\n");
	say("reply", 5);
	wanted = 5;
	tap.on_ready = ask;
	tap.on_bytes = close_when_whole;
	run(_i % POLLERS, asks ? tunnel : told, false);
	ck_assert_uint_eq(tap.n, 5);
	ck_assert_uint_eq(far.ngot, 8);
	ck_assert_int_eq(memcmp(far.got, "question", 8), 0);
	ck_assert_str_eq(order, asks ? "lTec" : "Tec");
	ck_assert_uint_eq(tap.gone, 1);
}
END_TEST

/* A handshake of more bytes than one buffer holds. */
START_TEST(a_certificate_larger_than_a_buffer)
{
	static char all[32768] = "DNS:far.example";

	for (size_t n = strlen(all); n < 24000; n = strlen(all))
		snprintf(all + n, sizeof(all) - n, ",DNS:name-%zu.some-long-domain.example", n);
	names = all;
	begin(_i >= POLLERS);
	say("hello", 5);
	wanted = 5;
	tap.mode = IO_MANY;
	tap.on_ready = _i >= POLLERS ? ask : NULL;
	tap.on_bytes = close_when_whole;
	run(_i % POLLERS, straight, _i < POLLERS);
	ck_assert_uint_eq(tap.n, 5);
	ck_assert_str_eq(order, "Tec");
}
END_TEST

/* What is no TLS is refused, with an alert; the handshake that is not done is told of. */
START_TEST(noise_is_refused)
{
	begin(false);
	say("GET / HTTP/1.1\r\n\r\n", 18);
	far.noise = true;
	run(_i, straight, true);
	ck_assert_int_eq(losses, 1);
	ck_assert_int_eq(loss, TLS_REFUSED);
	ck_assert_uint_eq(tap.ready, 0);
}
END_TEST

Suite *tls_suite(void)
{
	Suite *s = suite_create("tls");
	TCase *tc = tcase_create("tls");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, S58_the_end_of_tls_comes_before_that_of_the_connection, 0, POLLERS);
	tcase_add_loop_test(tc, S60_handlers_before_and_inside, 0, 2 * POLLERS);
	tcase_add_loop_test(tc, much_comes_in, 0, 2 * POLLERS);
	tcase_add_loop_test(tc, S58_much_goes_out_and_the_end_behind_it, 0, POLLERS);
	tcase_add_loop_test(tc, S64_writing_on_read_does_not_stall, 0, POLLERS);
	tcase_add_loop_test(tc, S64_requests_behind_our_end, 0, POLLERS);
	tcase_add_loop_test(tc, S65_the_layers_of_a_tunnel_end_in_order, 0, 2 * POLLERS);
	tcase_add_loop_test(tc, a_certificate_larger_than_a_buffer, 0, 2 * POLLERS);
	tcase_add_loop_test(tc, noise_is_refused, 0, POLLERS);
	suite_add_tcase(s, tc);
	return s;
}
