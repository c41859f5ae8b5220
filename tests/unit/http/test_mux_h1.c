/* SPDX-License-Identifier: Apache-2.0 */
/* Each case is one connection: bytes from the far end, a scripted owner, and what must come out
 * on both sides. Cases run with the bytes in one piece and dripped. */
#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../runtime/core/clock.h"
#include "../../../runtime/http/h1.h"
#include "../../../runtime/http/mux.h"
#include "../runtime_poll.h"

Suite *mux_h1_suite(void);

#define OUT 200000

struct front_case {
	const char *name, *in;
	const char *out; /* at the far end */
	bool closed; /* and then the connection ends */
	const char *log; /* upcalls; NULL: not looked at */
	bool shut; /* the far end half closes behind <in> */
};

struct back_case {
	const char *name, *request; /* the head the owner sends, with its body's framing */
	const char *body; /* sent by data(), NULL: none */
	const char *wire; /* must arrive at the far end */
	const char *in; /* its answer */
	const char *log;
	bool shut;
};

static int far_fd;
static struct conn *conn;
static struct timer tick;
static struct mux_conf conf;
static char got[OUT], log_text[OUT], body[OUT];
static size_t got_n, body_n, sent_n, want_n;
static unsigned quiet;
static bool far_eof, far_reset, gone, shut_done, drip, pending;
static const char *send_text;
static bool send_shut, want_closed;
static size_t send_len;
static struct msg held;
static struct stream *held_stream;
static const struct sockaddr_storage nobody = { .ss_family = AF_UNIX };

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
	size_t n = strlen(log_text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(log_text + n, sizeof(log_text) - n, fmt, ap);
	va_end(ap);
}

static struct slice slice_of(const char *p, size_t n)
{
	struct slice s = { .buf = buf_get(), .off = BUF_HEAD, .len = (uint32_t)n };

	ck_assert_ptr_nonnull(s.buf);
	memcpy(s.buf->data + BUF_HEAD, p, n);
	s.buf->len = (uint32_t)n;
	return s;
}

/* The owner of front streams answers by path. */

static void answer(struct stream *s, unsigned status, const char *text, uint32_t how)
{
	struct msg m = { 0 };
	size_t n = strlen(text);

	ck_assert(msg_answer(&m, status));
	m.length = n;
	if (!mux_h1.head(s, &m, n == 0, how))
		note("refused|");
	else if (n) {
		ck_assert(mux_h1.data(s, slice_of(text, n)));
		ck_assert(mux_h1.end(s, NULL));
	}
	msg_free(&m);
}

static void answer_chunked(struct stream *s)
{
	struct msg m = { 0 }, t = { 0 };

	ck_assert(msg_answer(&m, 200) && msg_add(&t, S("X-Sum"), S("7")));
	m.body = BODY_CHUNKED;
	ck_assert(mux_h1.head(s, &m, false, 0));
	ck_assert(mux_h1.data(s, slice_of("hello", 5)));
	ck_assert(mux_h1.data(s, slice_of(" world, again", 13)));
	ck_assert(mux_h1.end(s, &t));
	msg_free(&m);
	msg_free(&t);
}

static void answer_tunnel(struct stream *s, unsigned status)
{
	struct msg m = { 0 };

	ck_assert(msg_answer(&m, status));
	if (status == 101)
		ck_assert(msg_add(&m, S("Upgrade"), S("websocket")));
	ck_assert(mux_h1.head(s, &m, false, HEAD_TUNNEL));
	mux_h1.credit(s, true);
	msg_free(&m);
}

static bool path_is(const char *path)
{
	return str_eq(msg_str(&held, held.path), str_from(path));
}

static void front_head(struct stream *s, struct msg *m)
{
	note("%.*s %.*s|", STR_ARG(msg_str(m, m->meth)),
	     STR_ARG(m->has_path ? msg_str(m, m->path) : msg_str(m, m->authority)));
	msg_move(&held, m);
	body_n = 0;
	if (path_is("/early")) {
		answer(s, 413, "no", HEAD_CLOSE);
		msg_free(&held);
		mux_h1.detach(s, false);
	} else if (path_is("/drop")) {
		msg_free(&held);
		mux_h1.detach(s, false);
	} else if (path_is("/continue")) {
		answer(s, 100, "", 0);
		mux_h1.credit(s, true);
	} else if (!path_is("/later")) {
		mux_h1.credit(s, true);
	}
}

static void front_data(struct stream *s, struct slice d)
{
	struct str t = slice_str(&d);

	if (s->flags & STREAM_TUNNEL) {
		ck_assert(mux_h1.data(s, d));
		return;
	}
	ck_assert_uint_le(body_n + t.n, sizeof(body));
	memcpy(body + body_n, t.p, t.n);
	body_n += t.n;
	slice_put(&d);
}

static void front_end(struct stream *s, struct msg *trailers)
{
	bool tunnel = s->flags & STREAM_TUNNEL;

	note(tunnel ? "tunnel end|" : "end %zu%s|", body_n, trailers ? " trailers" : "");
	if (tunnel) {
		ck_assert(mux_h1.end(s, NULL));
	} else if (held.flags & MSG_AUTHORITY) {
		msg_free(&held);
		answer_tunnel(s, 200);
		return;
	} else if (path_is("/upgrade")) {
		msg_free(&held);
		answer_tunnel(s, 101);
		return;
	} else if (path_is("/chunked")) {
		answer_chunked(s);
	} else if (path_is("/none")) {
		answer(s, 204, "", 0);
	} else if (path_is("/empty")) {
		answer(s, 200, "", 0);
	} else if (path_is("/close")) {
		answer(s, 200, "bye", HEAD_CLOSE);
	} else if (path_is("/echo") || path_is("/continue")) {
		body[body_n] = '\0';
		answer(s, 200, body, 0);
	} else if (path_is("/reset")) {
		msg_free(&held);
		mux_h1.detach(s, true);
		return;
	} else if (path_is("/hang")) {
		held_stream = s;
		return;
	} else {
		answer(s, 200, "hello", 0);
	}
	msg_free(&held);
	mux_h1.detach(s, false);
}

static void front_drained(struct stream *s)
{
	(void)s;
}

static void front_failed(struct stream *s, enum stream_error why)
{
	note("failed %d %u|", why, s->bad_status);
	if (s->bad_status)
		answer(s, s->bad_status, "", HEAD_CLOSE);
	msg_free(&held);
	mux_h1.detach(s, false);
}

static const struct stream_ops front_ops = { front_head, front_data, front_end, front_drained,
					     front_failed, NULL };

static bool refuse_open;

static bool front_open(struct stream *s)
{
	s->ops = &front_ops;
	return !refuse_open;
}

/* The owner of back streams notes everything and detaches at the end. */

static bool whole; /* the last head said that all of its message is there */
static unsigned wholes;

static void back_head(struct stream *s, struct msg *m)
{
	whole = s->flags & STREAM_WHOLE;
	wholes += whole;
	note("%u %d%s|", m->status, m->body, s->flags & STREAM_TUNNEL ? " tunnel" : "");
	if (m->status == 103)
		return;
	mux_h1.credit(s, true);
}

static void back_data(struct stream *s, struct slice d)
{
	ck_assert(!(s->flags & STREAM_WHOLE));
	if (!pending)
		note("data ");
	pending = true;
	note("%.*s", STR_ARG(slice_str(&d)));
	slice_put(&d);
}

static void back_end(struct stream *s, struct msg *trailers)
{
	note("%send%s|", pending ? "|" : "", trailers ? " trailers" : "");
	pending = whole = false;
	mux_h1.detach(s, false);
}

static void back_failed(struct stream *s, enum stream_error why)
{
	note("%sfailed %d|", pending ? "|" : "", why);
	ck_assert(!whole);
	pending = false;
	mux_h1.detach(s, false);
}

static const struct stream_ops back_ops = { back_head, back_data, back_end, front_drained,
					    back_failed, NULL };

static void back_idle(struct conn *c)
{
	(void)c;
	note("idle|");
}

static const struct mux_app app = { .open = front_open, .idle = back_idle };

/* The far end. */

static void conn_gone(struct conn *c)
{
	(void)c;
	conn = NULL;
	gone = true;
}

static void far_step(void)
{
	size_t n = drip ? 1 : send_len - sent_n;
	ssize_t k;

	if (sent_n < send_len) {
		k = send(far_fd, send_text + sent_n, n, MSG_NOSIGNAL);
		if (k > 0)
			sent_n += (size_t)k;
		else if (k < 0 && errno != EAGAIN)
			sent_n = send_len;
		quiet = 0;
	} else if (send_shut && !shut_done) {
		shutdown(far_fd, SHUT_WR);
		shut_done = true;
	}
	while ((k = read(far_fd, got + got_n, sizeof(got) - got_n)) > 0) {
		got_n += (size_t)k;
		quiet = 0;
	}
	far_eof |= k == 0;
	far_reset |= k < 0 && errno == ECONNRESET;
}

/* Ends the case some turns after the last thing happened, so that what must not come has time to.
 * */
static void on_tick(struct timer *t)
{
	static bool far_closed;

	if (!quiet)
		far_closed = false;
	if (far_fd >= 0)
		far_step();
	quiet++;
	if (far_fd >= 0 && quiet > 12 && got_n >= want_n &&
	    (!want_closed || far_eof || far_reset)) {
		if (held_stream)
			mux_h1.detach(held_stream, false);
		held_stream = NULL;
		msg_free(&held);
		close(far_fd);
		far_fd = -1;
		far_closed = true;
	}
	if (far_closed && gone)
		thread_stop_all();
	else
		timer_set(t, th->now + 1);
}

static const struct conn_app *the_app;
static struct conn_app front_app, back_app;
static const struct back_case *back_now;

static void front_ready(struct conn *c, int err)
{
	ck_assert_int_eq(err, 0);
	conn = c;
	ck_assert(mux_h1.start(c, MUX_FRONT, &conf));
}

/* The head of <text>, sent on a new stream of <c>. */
static void send_request(struct conn *c, const char *text)
{
	static const struct h1_limits lim = { 16000, 100, 8000 };
	const struct h1_error *err;
	struct stream *s = mux_h1.open(c);
	struct msg m;
	size_t seen = 0, used;

	ck_assert_ptr_nonnull(s);
	ck_assert_ptr_null(mux_h1.open(c));
	s->ops = &back_ops;
	ck_assert_int_eq(h1_parse_request(str_from(text), &seen, &lim, &m, &used, &err), H1_DONE);
	ck_assert(mux_h1.head(s, &m, !back_now->body, 0));
	if (back_now->body) {
		ck_assert(mux_h1.data(s, slice_of(back_now->body, strlen(back_now->body))));
		ck_assert(mux_h1.end(s, NULL));
	}
	mux_h1.credit(s, true);
	msg_free(&m);
}

static void back_ready(struct conn *c, int err)
{
	ck_assert_int_eq(err, 0);
	conn = c;
	ck_assert(mux_h1.start(c, MUX_BACK, &conf));
	send_request(c, back_now->request);
}

static int start(struct thread *t)
{
	int fd[2];

	(void)t;
	conn_thread_start();
	socket_pair(fd);
	far_fd = fd[1];
	tick = (struct timer) { .fire = on_tick };
	timer_set(&tick, th->now + 1);
	ck_assert_ptr_nonnull(conn_accepted(fd[0], NULL, the_app, NULL, &nobody, 0));
	return 0;
}

static void stop(struct thread *t)
{
	(void)t;
	timer_del(&tick);
	conn_thread_stop();
}

static void run(const struct conn_app *a, int poller)
{
	got_n = body_n = sent_n = quiet = 0;
	log_text[0] = '\0';
	far_eof = far_reset = gone = shut_done = pending = false;
	the_app = a;
	conf.app = &app;
	if (!conf.head_max) {
		conf.head_max = 8000;
		conf.headers_max = 50;
		conf.uri_max = 4000;
	}
	conn_init();
	mux_h1.setup();
	run_case(poller, 0, start, stop);
	got[got_n] = '\0';
}

#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define OK5_CLOSE "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
#define BAD(status, text)                                                                          \
	"HTTP/1.1 " status " " text "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define HO "Host: a\r\n"

static const struct front_case fronts[] = {
	{ "one request, kept", "GET /x HTTP/1.1\r\n" HO "\r\n", OK5, false, "GET /x|end 0|",
	  false },
	{ "pipelined",
	  "GET /1 HTTP/1.1\r\n" HO "\r\nGET /2 HTTP/1.1\r\n" HO "\r\nGET /close HTTP/1.1\r\n" HO
	  "\r\nGET /4 HTTP/1.1\r\n",
	  OK5 OK5 "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbye", true,
	  "GET /1|end 0|GET /2|end 0|GET /close|end 0|", false },
	{ "pipelined behind bodies",
	  "POST /echo HTTP/1.1\r\n" HO "Content-Length: 3\r\n\r\nabcPOST /echo HTTP/1.1\r\n" HO
	  "Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n3\r\nfgh\r\n0\r\nT: 1\r\n\r\nGET /x "
	  "HTTP/1.1\r\n" HO "\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: "
	  "5\r\n\r\ndefgh" OK5,
	  false, "POST /echo|end 3|POST /echo|end 5 trailers|GET /x|end 0|", false },
	{ "client says close", "GET /x HTTP/1.1\r\n" HO "Connection: close\r\n\r\n", OK5_CLOSE,
	  true, NULL, false },
	{ "1.0", "GET /x HTTP/1.0\r\n\r\n", OK5_CLOSE, true, NULL, false },
	{ "1.0 kept", "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /x HTTP/1.0\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello" OK5_CLOSE,
	  true, NULL, false },
	{ "chunked with trailers", "GET /chunked HTTP/1.1\r\n" HO "\r\n",
	  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nd\r\n world, "
	  "again\r\n0\r\nX-Sum: 7\r\n\r\n",
	  false, NULL, false },
	{ "unknown length to 1.0", "GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world, again", true, NULL, false },
	{ "HEAD", "HEAD /x HTTP/1.1\r\n" HO "\r\nGET /x HTTP/1.1\r\n" HO "\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" OK5, false, NULL, false },
	{ "204",
	  "GET /none HTTP/1.1\r\n" HO "\r\n"
	  "GET /empty HTTP/1.1\r\n" HO "\r\n",
	  "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false,
	  NULL, false },
	{ "100-continue",
	  "POST /continue HTTP/1.1\r\n" HO "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
	  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", false,
	  NULL, false },
	{ "interim answers are not for 1.0",
	  "POST /continue HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", true, NULL,
	  false },
	{ "final answer instead of 100",
	  "POST /early HTTP/1.1\r\n" HO "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
	  "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
	  true, "POST /early|", false },
	{ "upgrade",
	  "GET /upgrade HTTP/1.1\r\n" HO
	  "Connection: upgrade\r\nUpgrade: websocket\r\n\r\nraw\r\nbytes",
	  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
	  "upgrade\r\n\r\nraw\r\nbytes",
	  true, "GET /upgrade|end 0|tunnel end|", true },
	{ "CONNECT", "CONNECT b:1 HTTP/1.1\r\n" HO "\r\nraw", "HTTP/1.1 200 OK\r\n\r\nraw", true,
	  "CONNECT b:1|end 0|tunnel end|", true },
	{ "half close", "GET /x HTTP/1.1\r\n" HO "\r\n", NULL, true, "GET /x|end 0|", true },
	{ "bad request", "GET / HTTP/1.1\r\n\r\n", BAD("400", "Bad Request"), true, "failed 4 400|",
	  false },
	{ "bad request behind a good one", "GET /x HTTP/1.1\r\n" HO "\r\nGET / HTTP/3.0\r\n\r\n",
	  OK5 BAD("505", "HTTP Version Not Supported"), true, "GET /x|end 0|failed 4 505|", false },
	{ "bad chunk",
	  "POST /echo HTTP/1.1\r\n" HO "Transfer-Encoding: chunked\r\n\r\n2\r\nabX\r\n",
	  BAD("400", "Bad Request"), true, "POST /echo|failed 4 400|", false },
	{ "end in the head", "GET / HT", "", true, "failed 1 0|", true },
	{ "end in the body", "POST /echo HTTP/1.1\r\n" HO "Content-Length: 9\r\n\r\nabc", "", true,
	  "POST /echo|failed 1 0|", true },
	{ "nothing at all", "", "", true, "", true },
	{ "dropped", "GET /drop HTTP/1.1\r\n" HO "\r\n", "", true, "GET /drop|", false },
	{ "dropped with reset", "GET /reset HTTP/1.1\r\n" HO "\r\n", "", true, "GET /reset|end 0|",
	  false },
};

static void front_check(const struct front_case *f, int poller)
{
	send_text = f->in;
	send_len = strlen(f->in);
	send_shut = f->shut;
	want_closed = f->closed;
	want_n = f->out ? strlen(f->out) : 1;
	front_app = (struct conn_app) { .ready = front_ready, .gone = conn_gone };
	run(&front_app, poller);
	if (f->out)
		ck_assert_msg(!strcmp(got, f->out), "%s: client got [%s]", f->name, got);
	if (f->log)
		ck_assert_msg(!strcmp(log_text, f->log), "%s: owner saw [%s]", f->name, log_text);
	ck_assert_msg(f->closed == (far_eof || far_reset), "%s: closed %d", f->name, far_eof);
}

START_TEST(client_side_whole)
{
	front_check(&fronts[_i], 0);
}
END_TEST

START_TEST(client_side_dripped)
{
	drip = true;
	front_check(&fronts[_i], 0);
}
END_TEST

START_TEST(client_side_with_faults)
{
	front_check(&fronts[_i], 1 + _i % (POLLERS - 1));
}
END_TEST

#define GET "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"

static const struct back_case backs[] = {
	{ "counted", GET, NULL, GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	  "200 1|data hello|end|idle|", false },
	{ "empty", GET, NULL, GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	  "200 1|end|idle|", false },
	{ "chunked", GET, NULL, GET,
	  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nT: "
	  "1\r\n\r\n",
	  "200 2|data abc|end trailers|idle|", false },
	{ "until the end", GET, NULL, GET, "HTTP/1.1 200 OK\r\n\r\nabc", "200 3|data abc|end|",
	  true },
	{ "204", GET, NULL, GET, "HTTP/1.1 204 No\r\n\r\n", "204 0|end|idle|", false },
	{ "interim, then final", GET, NULL, GET,
	  "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	  "103 0|200 1|data x|end|idle|", false },
	{ "server says close", GET, NULL, GET,
	  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", "200 1|data x|end|",
	  false },
	{ "1.0 server", GET, NULL, GET, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
	  "200 1|data x|end|", false },
	{ "bytes behind the answer", GET, NULL, GET,
	  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n", NULL, false },
	{ "HEAD", "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", NULL,
	  "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
	  "200 0|end|idle|", false },
	{ "counted request", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", "abc",
	  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 204 No\r\n\r\n",
	  "204 0|end|idle|", false },
	{ "chunked request", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
	  "abc",
	  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	  "HTTP/1.1 204 No\r\n\r\n", "204 0|end|idle|", false },
	{ "request without Host", "GET / HTTP/1.0\r\nA: 1\r\n\r\n", NULL,
	  "GET / HTTP/1.0\r\nA: 1\r\nConnection: keep-alive\r\n\r\n",
	  "HTTP/1.0 204 No\r\nConnection: keep-alive\r\n\r\n", "204 0|end|idle|", false },
	{ "upgrade",
	  "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", NULL,
	  "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
	  "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nraw",
	  "101 4 tunnel|data raw|end|", true },
	{ "switch not asked for", GET, NULL, GET,
	  "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "failed 4|", false },
	{ "no answer", GET, NULL, GET, "", "failed 1|", true },
	{ "half a head", GET, NULL, GET, "HTTP/1.1 200 O", "failed 1|", true },
	{ "half a body", GET, NULL, GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
	  "200 1|data hel|failed 1|", true },
	{ "half a chunked body", GET, NULL, GET,
	  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
	  "200 2|data hel|failed 1|", true },
	{ "no HTTP", GET, NULL, GET, "SSH-2.0-OpenSSH_9.2 hello\r\n", "failed 4|", false },
	{ "two framings", GET, NULL, GET,
	  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "failed 4|",
	  false },
};

static void back_check(const struct back_case *b)
{
	back_now = b;
	send_text = b->in;
	send_len = strlen(b->in);
	send_shut = b->shut;
	want_closed = false;
	want_n = strlen(b->wire);
	back_app = (struct conn_app) { .ready = back_ready, .gone = conn_gone };
	run(&back_app, 0);
	ck_assert_msg(!strcmp(got, b->wire), "%s: server got [%s]", b->name, got);
	if (b->log)
		ck_assert_msg(!strcmp(log_text, b->log), "%s: owner saw [%s]", b->name, log_text);
	else
		ck_assert_msg(!strstr(log_text, "idle") || gone, "%s: owner saw [%s]", b->name,
			      log_text);
}

START_TEST(server_side_whole)
{
	wholes = 0;
	back_check(&backs[_i]);
	/* The first two, with a body and without, came in one piece. */
	ck_assert_msg(wholes == 1 || _i > 1, "%s: %u", backs[_i].name, wholes);
}
END_TEST

START_TEST(server_side_dripped)
{
	drip = true;
	back_check(&backs[_i]);
}
END_TEST

START_TEST(late_head_is_answered_408)
{
	struct front_case f = { "408",
				"GET / HTTP/1.1\r\nHost: ",
				BAD("408", "Request Timeout"),
				true,
				"failed 3 408|",
				false };

	conf.head_ms = 20;
	front_check(&f, 0);
}
END_TEST

START_TEST(silent_client_is_closed_without_a_word)
{
	struct front_case f = { "silent", "", "", true, "", false };

	conf.head_ms = 20;
	front_check(&f, 0);
}
END_TEST

START_TEST(idle_client_is_closed_in_time)
{
	struct front_case f = { "idle", "GET /x HTTP/1.1\r\n" HO "\r\n", OK5, true, "GET /x|end 0|",
				false };

	conf.keepalive_ms = 20;
	front_check(&f, 0);
}
END_TEST

START_TEST(no_memory_for_an_exchange_is_503)
{
	struct front_case f = {
		"503", "GET /x HTTP/1.1\r\n" HO "\r\n", BAD("503", "Service Unavailable"), true, "",
		false
	};

	refuse_open = true;
	front_check(&f, 0);
}
END_TEST

START_TEST(client_that_resets_fails_the_stream)
{
	struct front_case f = {
		"gone", "GET /hang HTTP/1.1\r\n" HO "\r\n", "", false, NULL, false
	};

	front_check(&f, 0);
	ck_assert_str_eq(log_text, "GET /hang|end 0|");
}
END_TEST

/* Bodies of many buffers keep every byte, whatever the framing. */
static void big_body(bool chunked)
{
	static char in[90000], out[90000];
	const char *head = chunked ? "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
				     "chunked\r\n\r\n13880\r\n"
				   : "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 80000\r\n\r\n";
	struct front_case f = { "big", in, OK5, false, "POST /x|end 80000|", false };
	size_t n = strlen(head);

	memcpy(in, head, n);
	for (size_t i = 0; i < 80000; i++)
		in[n + i] = out[i] = (char)('a' + i * 7 % 26);
	strcpy(in + n + 80000, chunked ? "\r\n0\r\n\r\n" : "");
	if (chunked) {
		memcpy(strstr(in, "/echo"), "/x   ", 5);
		memmove(in + 7, in + 10, strlen(in + 10) + 1);
	}
	front_check(&f, 0);
	ck_assert_uint_eq(body_n, 80000);
	ck_assert_mem_eq(body, out, 80000);
}

START_TEST(big_bodies_arrive_whole)
{
	big_body(_i);
}
END_TEST

Suite *mux_h1_suite(void)
{
	Suite *s = suite_create("mux_h1");
	TCase *t = tcase_create("cases");

	tcase_set_timeout(t, 20);
	tcase_add_loop_test(t, client_side_whole, 0, sizeof(fronts) / sizeof(*fronts));
	tcase_add_loop_test(t, client_side_dripped, 0, sizeof(fronts) / sizeof(*fronts));
	tcase_add_loop_test(t, client_side_with_faults, 0, sizeof(fronts) / sizeof(*fronts));
	tcase_add_loop_test(t, server_side_whole, 0, sizeof(backs) / sizeof(*backs));
	tcase_add_loop_test(t, server_side_dripped, 0, sizeof(backs) / sizeof(*backs));
	tcase_add_test(t, late_head_is_answered_408);
	tcase_add_test(t, silent_client_is_closed_without_a_word);
	tcase_add_test(t, idle_client_is_closed_in_time);
	tcase_add_test(t, no_memory_for_an_exchange_is_503);
	tcase_add_test(t, client_that_resets_fails_the_stream);
	tcase_add_loop_test(t, big_bodies_arrive_whole, 0, 2);
	suite_add_tcase(s, t);
	return s;
}
