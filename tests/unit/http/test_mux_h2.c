/* SPDX-License-Identifier: Apache-2.0 */
/* Each case is one connection: a script of a client (runtime_h2.h), an owner that answers by path,
 * what must come out and which upcalls there are. A case ends when the connection does, or when the
 * acknowledgement of a last PING says that all before it was looked at. Cases run with the bytes in one
 * piece, byte by byte, and with the faults of the pollers. */
#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../runtime/http/mux.h"
#include "../runtime_h2.h"
#include "../runtime_poll.h"
#include "mux_h2_cases.h"

Suite *mux_h2_suite(void);

#define IN 3000000
#define OWNERS 256
#define BIG 100000

/* One stream's owner: answers by path. */
struct owner {
	struct stream *s;
	struct msg req;
	char body[200];
	size_t n; /* of the body */
	size_t left; /* of a big answer */
};

static struct owner owners[OWNERS];
static unsigned nowners, open_now, open_most;
static int far_fd;
static struct conn *conn;
static struct task far;
static struct mux_conf conf;
static char got[IN], log_text[H2_TEXT], in[IN], out[H2_TEXT];
static size_t got_n, in_n, sent_n;
static size_t want_data; /* the far end leaves when it has so many bytes of bodies */
static bool far_eof, gone, drip, refuse_open, no_end, shut, abrupt;
static const struct sockaddr_storage nobody = { .ss_family = AF_UNIX };

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
	static size_t n;
	va_list ap;

	if (!log_text[0])
		n = 0;
	va_start(ap, fmt);
	n += (size_t)vsnprintf(log_text + n, sizeof(log_text) - n, fmt, ap);
	va_end(ap);
}

static struct slice slice_of(const char *p, size_t n)
{
	struct slice s = { .buf = buf_get(), .off = BUF_HEAD, .len = (uint32_t)n };

	ck_assert_ptr_nonnull(s.buf);
	if (p)
		memcpy(s.buf->data + BUF_HEAD, p, n);
	else
		memset(s.buf->data + BUF_HEAD, 'a', n);
	s.buf->len = (uint32_t)n;
	return s;
}

/* -- the owner ---------------------------------------------------------------------------------- */

static void done(struct owner *o, bool reset)
{
	struct stream *s = o->s;

	o->s = NULL;
	open_now--;
	msg_free(&o->req);
	s->mux->detach(s, reset);
}

static void answer(struct stream *s, unsigned status, const char *text, uint32_t how)
{
	struct msg m = { 0 };
	size_t n = strlen(text);

	ck_assert(msg_answer(&m, status));
	m.length = n;
	if (!s->mux->head(s, &m, n == 0, how))
		note("refused|");
	else if (n) {
		ck_assert(s->mux->data(s, slice_of(text, n)));
		ck_assert(s->mux->end(s, NULL));
	}
	msg_free(&m);
}

static void answer_chunked(struct stream *s, const char *one, const char *two)
{
	struct msg m = { 0 }, t = { 0 };

	ck_assert(msg_answer(&m, 200) && msg_add(&t, S("X-Sum"), S("7")));
	ck_assert(msg_add(&m, S("Connection"), S("keep-alive, X-Hop")));
	ck_assert(msg_add(&m, S("X-Kept"), S("Y")));
	m.body = BODY_CHUNKED;
	ck_assert(s->mux->head(s, &m, false, 0));
	ck_assert(s->mux->data(s, slice_of(one, strlen(one))));
	ck_assert(s->mux->data(s, slice_of(two, strlen(two))));
	ck_assert(s->mux->end(s, &t));
	msg_free(&m);
	msg_free(&t);
}

static bool path_is(const struct owner *o, const char *path)
{
	return o->req.has_path && str_eq(msg_str(&o->req, o->req.path), str_from(path));
}

/* Gives the rest of a big answer as far as it is taken. */
static void give(struct owner *o)
{
	while (o->left && o->s->queued <= STREAM_HIGH) {
		size_t n = o->left < 10000 ? o->left : 10000;

		o->left -= n;
		ck_assert(o->s->mux->data(o->s, slice_of(NULL, n)));
	}
	ck_assert_uint_le(o->s->queued, STREAM_HIGH + 10000);
	if (!o->left && !(o->s->flags & STREAM_SENT_END))
		ck_assert(o->s->mux->end(o->s, NULL));
	if (!o->left && !o->s->queued)
		done(o, false);
}

static void answer_big(struct owner *o, bool counted)
{
	struct msg m = { 0 };

	o->left = path_is(o, "/endless") ? 100 * BIG : BIG;
	ck_assert(msg_answer(&m, 200));
	m.body = counted ? BODY_LENGTH : BODY_CHUNKED;
	m.length = BIG;
	ck_assert(o->s->mux->head(o->s, &m, false, 0));
	msg_free(&m);
	give(o);
}

/* Announces 10 bytes and gives 5. */
static void answer_short(struct stream *s)
{
	struct msg m = { 0 };

	ck_assert(msg_answer(&m, 200));
	m.length = 10;
	ck_assert(s->mux->head(s, &m, false, 0) && s->mux->data(s, slice_of("hello", 5)));
	ck_assert(s->mux->end(s, NULL));
	msg_free(&m);
}

static void tunnel(struct owner *o)
{
	struct msg m = { 0 };

	ck_assert(msg_answer(&m, 200));
	ck_assert(o->s->mux->head(o->s, &m, false, HEAD_TUNNEL));
	o->s->mux->credit(o->s, true);
	msg_free(&m);
}

static void front_head(struct stream *s, struct msg *m)
{
	struct owner *o = s->owner;

	note("%.*s %.*s%s|", STR_ARG(msg_str(m, m->meth)),
	     STR_ARG(m->has_path ? msg_str(m, m->path) : msg_str(m, m->authority)),
	     m->body == BODY_LENGTH    ? " counted"
	     : m->body == BODY_CHUNKED ? " body"
				       : "");
	msg_move(&o->req, m);
	if (path_is(o, "/early")) {
		answer(s, 413, "no", 0);
		done(o, false);
	} else if (path_is(o, "/drop")) {
		done(o, true);
	} else if (path_is(o, "/cut")) {
		done(o, false);
	} else if (path_is(o, "/interim")) {
		answer(s, 103, "", 0);
	} else if (path_is(o, "/gone")) {
		conn_abort(s->conn, false);
	} else if (path_is(o, "/stop")) {
		s->mux->stop(s->conn);
	}
	if (!path_is(o, "/stall"))
		s->mux->credit(s, true);
}

static void front_data(struct stream *s, struct slice d)
{
	struct owner *o = s->owner;
	struct str t = slice_str(&d);

	if (s->flags & STREAM_TUNNEL) {
		ck_assert(s->mux->data(s, d));
		return;
	}
	if (o->n + t.n < sizeof(o->body))
		memcpy(o->body + o->n, t.p, t.n);
	o->n += t.n;
	slice_put(&d);
}

static void answer_by_path(struct owner *o)
{
	struct stream *s = o->s;

	if (path_is(o, "/chunked"))
		answer_chunked(s, "hello", " world");
	else if (path_is(o, "/none"))
		answer(s, 204, "", 0);
	else if (path_is(o, "/empty"))
		answer(s, 200, "", 0);
	else if (path_is(o, "/echo"))
		answer(s, 200, o->body, 0);
	else if (path_is(o, "/short"))
		answer_short(s);
	else if (path_is(o, "/leave"))
		answer(s, 200, "bye", HEAD_CLOSE);
	else
		answer(s, 200, "hello", 0);
	done(o, false);
}

static void front_end(struct stream *s, struct msg *trailers)
{
	struct owner *o = s->owner;

	note(s->flags & STREAM_TUNNEL ? "tunnel end|" : "end %zu%s|", o->n,
	     trailers ? " trailers" : "");
	if (s->flags & STREAM_TUNNEL) {
		ck_assert(s->mux->end(s, NULL));
		done(o, false);
	} else if (o->req.flags & MSG_AUTHORITY) {
		tunnel(o);
	} else if (path_is(o, "/big") || path_is(o, "/counted") || path_is(o, "/endless")) {
		answer_big(o, path_is(o, "/counted"));
	} else if (!path_is(o, "/hang")) {
		answer_by_path(o);
	}
}

static void front_drained(struct stream *s)
{
	struct owner *o = s->owner;

	if (o->left || s->flags & STREAM_SENT_END)
		give(o);
}

static void front_failed(struct stream *s, enum stream_error why)
{
	struct owner *o = s->owner;

	note("failed %d %u|", why, s->bad_status);
	if (s->bad_status)
		answer(s, s->bad_status, "", 0);
	done(o, false);
}

static const struct stream_ops front_ops = { front_head,    front_data,   front_end,
					     front_drained, front_failed, NULL };

static bool front_open(struct stream *s)
{
	struct owner *o = &owners[nowners++ % OWNERS];

	if (refuse_open)
		return false;
	ck_assert_ptr_null(o->s);
	*o = (struct owner) { .s = s };
	s->ops = &front_ops;
	s->owner = o;
	if (++open_now > open_most)
		open_most = open_now;
	return true;
}

static const struct mux_app app = { .open = front_open };

/* -- the far end -------------------------------------------------------------------------------- */

static void conn_gone(struct conn *c)
{
	(void)c;
	conn = NULL;
	gone = true;
}

static void far_send(void)
{
	size_t n = drip ? 1 : in_n - sent_n;
	ssize_t k = send(far_fd, in + sent_n, n, MSG_NOSIGNAL);

	if (k > 0)
		sent_n += (size_t)k;
	else if (k < 0 && errno != EAGAIN)
		sent_n = in_n;
	if (sent_n == in_n && shut)
		shutdown(far_fd, SHUT_WR);
}

/* Bytes of bodies that came for <stream>, 0: for all. */
static size_t data_of(uint32_t stream)
{
	size_t sum = 0;

	for (size_t at = 0; got_n - at >= H2_FRAME_HEAD;) {
		struct h2_frame f = h2_frame_read(got + at);

		if (got_n - at - H2_FRAME_HEAD < f.len)
			break;
		if (f.type == H2_DATA && (!stream || f.stream == stream))
			sum += f.len;
		at += H2_FRAME_HEAD + f.len;
	}
	return sum;
}

static bool far_over(void)
{
	if (far_eof || (abrupt && sent_n == in_n))
		return true;
	if (want_data)
		return data_of(0) >= want_data;
	return !no_end && sent_n == in_n && h2_has_ack(got, got_n, "the-end!");
}

/* Closes the far end when the case is over; ends the loop when the connection has gone too. */
static void far_step(struct task *t)
{
	ssize_t k = 0;

	if (far_fd >= 0) {
		if (sent_n < in_n)
			far_send();
		while ((k = read(far_fd, got + got_n, sizeof(got) - got_n)) >= 0) {
			got_n += (size_t)k;
			far_eof |= k == 0;
			if (k == 0)
				break;
		}
		if (far_over() || (errno == ECONNRESET && k < 0)) {
			close(far_fd);
			far_fd = -1;
		}
	}
	if (far_fd < 0 && gone)
		thread_stop_all();
	else
		task_wake(t);
}

static void front_ready(struct conn *c, int err)
{
	ck_assert_int_eq(err, 0);
	conn = c;
	ck_assert(mux_h2.start(c, MUX_FRONT, &conf));
}

static const struct conn_app front_app = { .ready = front_ready, .gone = conn_gone };

static int start(struct thread *t)
{
	int fd[2];

	(void)t;
	conn_thread_start();
	socket_pair(fd);
	far_fd = fd[1];
	task_init(&far, TASK_BULK, far_step);
	task_wake(&far);
	ck_assert_ptr_nonnull(conn_accepted(fd[0], NULL, &front_app, NULL, &nobody, 0));
	return 0;
}

static void stop(struct thread *t)
{
	(void)t;
	task_cancel(&far);
	conn_thread_stop();
}

/* Runs what is in <in>. */
static void run(int poller)
{
	got_n = sent_n = 0;
	log_text[0] = '\0';
	far_eof = gone = false;
	nowners = open_now = open_most = 0;
	conf.app = &app;
	if (!conf.head_max) {
		conf.head_max = 8000;
		conf.headers_max = 50;
		conf.uri_max = 400;
	}
	conn_init();
	mux_h2.setup();
	run_case(poller, 0, start, stop);
	ck_assert_uint_eq(open_now, 0);
}

static void script(const char *text)
{
	in_n = h2_script(text, in, 0);
	if (!no_end)
		in_n = h2_script("I:the-end!", in, in_n);
}

static void check_case(const struct h2_case *f, int poller)
{
	no_end = f->closed;
	script(f->in);
	run(poller);
	ck_assert_msg(h2_transcript(got, got_n, out) == got_n, "%s: cut frame", f->name);
	ck_assert_msg(!strcmp(out, f->out), "%s: client got [%s]", f->name, out);
	ck_assert_msg(!f->log || !strcmp(log_text, f->log), "%s: owner saw [%s]", f->name,
		      log_text);
	ck_assert_msg(far_eof == f->closed, "%s: closed %d", f->name, far_eof);
}

#define N(a) (int)(sizeof(a) / sizeof(*(a)))

static const struct h2_case *case_at(int i)
{
	if (i < N(cases))
		return &cases[i];
	i -= N(cases);
	return i < N(faults) ? &faults[i] : &ends[i - N(faults)];
}
#define CASES (N(cases) + N(faults) + N(ends))

START_TEST(frames_whole)
{
	check_case(case_at(_i), 0);
}
END_TEST

START_TEST(frames_dripped)
{
	drip = true;
	check_case(case_at(_i), 0);
}
END_TEST

START_TEST(frames_with_faults)
{
	check_case(case_at(_i), 1 + _i % (POLLERS - 1));
}
END_TEST

/* S70: streams that could send without end get like parts of the connection's window. */
START_TEST(streams_share_the_window)
{
	size_t least, most = 0;

	least = want_data = 2000000;
	no_end = true;
	script("P:4=1000000 W0:1934465 G1/endless G3/endless G5/endless G7/endless G9/endless "
	       "G11/endless G13/endless G15/endless G17/endless G19/endless");
	run(_i % POLLERS);
	ck_assert_uint_eq(data_of(0), want_data);
	for (uint32_t id = 1; id < 20; id += 2) {
		size_t n = data_of(id);

		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	ck_assert_msg(most <= least * 2, "%zu to %zu", least, most);
}
END_TEST

START_TEST(big_answers_arrive_whole)
{
	no_end = true;
	want_data = 2 * BIG;
	script("P:4=1000000 W0:1000000 G1/big G3/counted");
	run(_i % POLLERS);
	ck_assert_uint_eq(data_of(1), BIG);
	ck_assert_uint_eq(data_of(3), BIG);
}
END_TEST

/* What waits for a window that can no longer grow does not wait for ever. */
START_TEST(half_closed_client_with_a_closed_window)
{
	struct h2_case f = { "half closed", "P:4=3 G1/x G3/big O5/echo", NULL,
			     "GET /x|end 0|GET /big|end 0|POST /echo body|failed 1 0|failed 1 0|",
			     true };

	shut = no_end = true;
	script(f.in);
	run(0);
	ck_assert_str_eq(log_text, f.log);
	ck_assert(far_eof);
}
END_TEST

START_TEST(half_closed_client_is_answered)
{
	shut = no_end = true;
	script("P G1/x G3/chunked");
	run(0);
	h2_transcript(got, got_n, out);
	ck_assert_str_eq(out, OK5("1") "H3 200 x-kept=Y|D3 hello world|H3 x-sum=7.|Y:3:0|");
}
END_TEST

START_TEST(no_memory_for_an_exchange_is_503)
{
	struct h2_case f = { "503", "P G1/x O3/echo",
			     "H1 503 content-length=0.|H3 503 "
			     "content-length=0.|R3:0|",
			     "", false };

	refuse_open = true;
	check_case(&f, 0);
}
END_TEST

/* S76: what ends leaves nothing behind. */
START_TEST(streams_in_turn)
{
	no_end = false;
	in_n = h2_script("P W0:2000000", in, 0);
	for (unsigned id = 1; id < 30000; id += 2) {
		char text[32];

		snprintf(text, sizeof(text), "G%u/none", id);
		in_n = h2_script(text, in, in_n);
	}
	in_n = h2_script("I:the-end!", in, in_n);
	run(0);
	ck_assert_uint_eq(nowners, 15000);
	ck_assert_uint_eq(open_most, 1);
}
END_TEST

/* Any bytes: nothing is lost, nothing stays. */
START_TEST(scripts_with_flipped_bits)
{
	unsigned seed = (unsigned)_i;

	no_end = abrupt = true;
	for (unsigned n = 0; n < 40; n++) {
		script(case_at((_i * 40 + (int)n) % CASES)->in);
		for (unsigned k = 0; k < 4 && in_n > H2_PREFACE_BYTES; k++) {
			seed = seed * 1103515245 + 12345;
			in[H2_PREFACE_BYTES + (seed >> 8) % (in_n - H2_PREFACE_BYTES)] ^=
				(char)(1 << (seed >> 4 & 7));
		}
		memset(owners, 0, sizeof(owners));
		run((int)(n % POLLERS));
	}
}
END_TEST

Suite *mux_h2_suite(void)
{
	Suite *s = suite_create("mux_h2");
	TCase *t = tcase_create("cases");

	tcase_set_timeout(t, 10);
	tcase_add_loop_test(t, frames_whole, 0, CASES);
	tcase_add_loop_test(t, frames_dripped, 0, CASES);
	tcase_add_loop_test(t, frames_with_faults, 0, CASES);
	tcase_add_loop_test(t, streams_share_the_window, 0, POLLERS);
	tcase_add_loop_test(t, big_answers_arrive_whole, 0, POLLERS);
	tcase_add_test(t, half_closed_client_with_a_closed_window);
	tcase_add_test(t, half_closed_client_is_answered);
	tcase_add_test(t, no_memory_for_an_exchange_is_503);
	tcase_add_test(t, streams_in_turn);
	tcase_add_loop_test(t, scripts_with_flipped_bits, 0, 10);
	suite_add_tcase(s, t);
	return s;
}
