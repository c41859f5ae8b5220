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

Suite *mux_h2_suite(void);

#define IN 3000000
#define OWNERS 256
#define BIG 100000

struct h2_case {
	const char *name, *in;
	const char *out; /* transcript at the far end */
	const char *log; /* upcalls; NULL: not looked at */
	bool closed; /* the mux ends the connection */
};

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
static bool far_eof, gone, drip, refuse_open, no_end, reads_nothing, shut;
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

	o->left = BIG;
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

static bool path_is(const struct owner *o, const char *path)
{
	return o->req.has_path && str_eq(msg_str(&o->req, o->req.path), str_from(path));
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
	} else if (path_is(o, "/big") || path_is(o, "/counted")) {
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

/* Closes the far end when the case is over; ends the loop when the connection has gone too. */
static void far_step(struct task *t)
{
	bool over;
	ssize_t k;

	if (far_fd >= 0) {
		if (sent_n < in_n)
			far_send();
		while (!(reads_nothing && sent_n < in_n) &&
		       (k = read(far_fd, got + got_n, sizeof(got) - got_n)) >= 0) {
			got_n += (size_t)k;
			far_eof |= k == 0;
			if (k == 0)
				break;
		}
		over = far_eof || (!no_end && sent_n == in_n && h2_has_ack(got, got_n, "the-end!"));
		if (over || (errno == ECONNRESET && k < 0)) {
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

/* -- cases -------------------------------------------------------------------------------------- */

#define OK5(n) "H" n " 200 content-length=5|D" n " hello.|"
#define PSEUDO ":method=GET,:scheme=http,:authority=a,:path=/x"
#define POSTS ":method=POST,:scheme=http,:authority=a,:path=/echo"
#define BAD(n, status) "H" n " " status " content-length=0|R" n ":1|"
#define BAD_LOG "failed 4 400|"
/* Stream 1 goes on whatever happens to stream 3. */
#define SIBLING(what) "P O1/echo " what " F1:abc"
#define SURVIVED "H1 200 content-length=3|D1 abc.|"

static const struct h2_case cases[] = {
	{ "one request", "P G1/x", OK5("1"), "GET /x|end 0|", false },
	{ "many at a time", "P O1/echo O3/echo O5/echo F5:c D1:a F3:bb F1:d",
	  "H5 200 content-length=1|D5 c.|H3 200 content-length=2|D3 bb.|H1 200 "
	  "content-length=2|D1 ad.|",
	  NULL, false },
	{ "body of unknown length", "P O1/echo D1:ab D1:cd F1:e",
	  "H1 200 content-length=5|D1 abcde.|", "POST /echo body|end 5|", false },
	{ "counted body", "P H1:4:" POSTS ",content-length=2 D1:a F1:b",
	  "H1 200 content-length=2|D1 ab.|", "POST /echo counted|end 2|", false },
	{ "end without a byte", "P O1/echo D1:ab F1:", "H1 200 content-length=2|D1 ab.|", NULL,
	  false },
	{ "trailers", "P O1/echo D1:ab T1:x-sum=1,content-length=9",
	  "H1 200 content-length=2|D1 ab.|", "POST /echo body|end 2 trailers|", false },
	{ "trailers in the answer", "P G1/chunked", "H1 200 x-kept=Y|D1 hello world|H1 x-sum=7.|",
	  NULL, false },
	{ "HEAD", "P H1:5::method=HEAD,:scheme=http,:authority=a,:path=/x",
	  "H1 200 content-length=5.|", NULL, false },
	{ "204", "P G1/none G3/empty", "H1 204.|H3 200 content-length=0.|", NULL, false },
	{ "interim answer", "P G1/interim", "H1 103|" OK5("1"), NULL, false },
	{ "early answer", "P O1/early D1:abc D1:def F1:g G3/x",
	  "H1 413 content-length=2|D1 no.|R1:0|" OK5("3"), "POST /early body|GET /x|end 0|",
	  false },
	{ "dropped", "P G1/drop G3/x", "R1:8|" OK5("3"), NULL, false },
	{ "cut", "P G1/cut G3/short G5/x", "R1:2|H3 200 content-length=10|D3 hello|R3:2|" OK5("5"),
	  NULL, false },
	{ "CONNECT", "P H1:4::method=CONNECT,:authority=b:1 D1:raw F1:end", "H1 200|D1 rawend.|",
	  "CONNECT b:1|end 0|tunnel end|", false },
	{ "PING", "P I:abcdefgh", "i:abcdefgh|", "", false },
	{ "priority is checked, not obeyed",
	  "P X:000005020000000003000000010f G3/x X:00000502000000000700000003ff", OK5("3"), NULL,
	  false },
	{ "unknown frames and flags", "P X:000003ff7f00000001616263 H1:55:" PSEUDO, OK5("1"), NULL,
	  false },
	{ "padding and priority",
	  "P X:00000e012d0000000102000000000f8286844101610000 O3/echo "
	  "X:0000050009000000030261620000",
	  OK5("1") "H3 200 content-length=2|D3 ab.|", "GET /|end 0|POST /echo body|end 2|", false },
	{ "window of the peer", "P:4=3 G1/x W1:1", "H1 200 content-length=5|D1 hell|", NULL,
	  false },
	{ "window grows", "P:4=3 G1/x W1:1 W1:1", OK5("1"), NULL, false },
	{ "window set later", "P:4=0 G1/x S:4=4 W1:1", OK5("1"), NULL, false },
	{ "window below zero", "P:4=4 G1/x S:4=0 W1:4", "H1 200 content-length=5|D1 hell|", NULL,
	  false },
	{ "and above again", "P:4=4 G1/x S:4=0 W1:5", OK5("1"), NULL, false },
	{ "connection asked to end", "P G1/leave G3/x", "H1 200 content-length=3|Y:1:0|D1 bye.|",
	  NULL, true },
};

/* What ends a stream, and nothing else (S78). */
static const struct h2_case faults[] = {
	{ "method twice", SIBLING("H3:5:" PSEUDO ",:method=GET"), BAD("3", "400") SURVIVED, NULL,
	  false },
	{ "no path", SIBLING("H3:5::method=GET,:scheme=http,:authority=a"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "empty path", SIBLING("H3:5::method=GET,:scheme=http,:path=,:authority=a"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "no scheme", SIBLING("H3:5::method=GET,:path=/,:authority=a"), BAD("3", "400") SURVIVED,
	  NULL, false },
	{ "pseudo-field behind", SIBLING("H3:5::method=GET,:scheme=http,a=b,:path=/"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "unknown pseudo-field", SIBLING("H3:5:" PSEUDO ",:other=1"), BAD("3", "400") SURVIVED,
	  NULL, false },
	{ "status in a request", SIBLING("H3:5:" PSEUDO ",:status=200"), BAD("3", "400") SURVIVED,
	  NULL, false },
	{ "upper case", SIBLING("H3:5:" PSEUDO ",X-a=b"), BAD("3", "400") SURVIVED, NULL, false },
	{ "connection field", SIBLING("H3:5:" PSEUDO ",connection=close"), BAD("3", "400") SURVIVED,
	  NULL, false },
	{ "transfer-encoding", SIBLING("H3:4:" PSEUDO ",transfer-encoding=chunked"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "te", SIBLING("H3:5:" PSEUDO ",te=gzip"), BAD("3", "400") SURVIVED, NULL, false },
	{ "te trailers is good", SIBLING("H3:5:" PSEUDO ",te=trailers"), OK5("3") SURVIVED, NULL,
	  false },
	{ "more body than announced", SIBLING("H3:4:" POSTS ",content-length=1 D3:ab"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "less body than announced", SIBLING("H3:4:" POSTS ",content-length=3 F3:ab"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "no body where announced", SIBLING("H3:5:" POSTS ",content-length=3"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "trailers without an end", SIBLING("O3/echo H3:4:a=b"), BAD("3", "400") SURVIVED, NULL,
	  false },
	{ "pseudo-field in trailers", SIBLING("O3/echo T3::path=/"), BAD("3", "400") SURVIVED, NULL,
	  false },
	{ "CONNECT with a path", SIBLING("H3:4::method=CONNECT,:authority=b:1,:path=/"),
	  BAD("3", "400") SURVIVED, NULL, false },
	{ "reset by the client", SIBLING("G3/hang R3:8"), SURVIVED,
	  "POST /echo body|GET /hang|end "
	  "0|failed 2 0|end 3|",
	  false },
	{ "window grows by nothing", SIBLING("G3/hang W3:0"), "R3:1|" SURVIVED, NULL, false },
	{ "window too large", SIBLING("G3/hang W3:2147483647"), "R3:3|" SURVIVED, NULL, false },
	{ "DATA behind the end", SIBLING("G3/hang D3:x"), "R3:5|" SURVIVED, NULL, false },
	{ "headers behind the end", SIBLING("G3/hang T3:a=b"), "R3:5|" SURVIVED, NULL, false },
	{ "DATA for a stream that is over", SIBLING("G3/x D3:x"), OK5("3") "R3:5|" SURVIVED, NULL,
	  false },
	{ "headers for one", SIBLING("G3/x T3:a=b"), OK5("3") "R3:5|" SURVIVED, NULL, false },
	{ "PRIORITY of 4", SIBLING("G3/hang X:00000402000000000300000001"), "R3:6|" SURVIVED, NULL,
	  false },
	{ "depends on itself", SIBLING("G3/hang X:00000502000000000300000003ff"), "R3:1|" SURVIVED,
	  NULL, false },
	{ "no Host", SIBLING("H3:5::method=GET,:scheme=http,:path=/x"),
	  "H3 400 content-length=0.|" SURVIVED, NULL, false },
	{ "S85: Host and :authority differ", SIBLING("H3:5:" PSEUDO ",host=b"),
	  "H3 400 content-length=0.|" SURVIVED, NULL, false },
	{ "S85: Host and :authority agree", SIBLING("H3:5:" PSEUDO ",host=A"), OK5("3") SURVIVED,
	  NULL, false },
	{ "S85: Host alone", SIBLING("H3:5::method=GET,:scheme=http,:path=/x,host=a"),
	  OK5("3") SURVIVED, NULL, false },
	{ "path above the root", SIBLING("G3/../x"), "H3 400 content-length=0.|" SURVIVED, NULL,
	  false },
};

/* What ends the connection: the code of its GOAWAY (RFC 9113 5.4.1). */
static const struct h2_case ends[] = {
	{ "no preface", "X:474554202f20485454502f312e310d0a", "Y:0:1|", NULL, true },
	{ "no SETTINGS", "X:505249202a20485454502f322e300d0a0d0a534d0d0a0d0a G1/x", "Y:0:1|", NULL,
	  true },
	{ "even stream", "P G2/x", "Y:0:1|", NULL, true },
	{ "lower stream", "P G5/x G3/x", OK5("5") "Y:5:1|", NULL, true },
	{ "DATA on an idle stream", "P D1:x", "Y:0:1|", NULL, true },
	{ "RST_STREAM on an idle stream", "P R1:8", "Y:0:1|", NULL, true },
	{ "WINDOW_UPDATE on an idle stream", "P W1:1", "Y:0:1|", NULL, true },
	{ "window grows by nothing", "P W0:0", "Y:0:1|", NULL, true },
	{ "window too large", "P W0:2147483647", "Y:0:3|", NULL, true },
	{ "CONTINUATION of nothing", "P X:00000009040000000100", "Y:0:1|", NULL, true },
	{ "something inside a list", "P H1:0:" PSEUDO " I:abcdefgh", "Y:0:1|", NULL, true },
	{ "CONTINUATION of another", "P H1:0:" PSEUDO " X:000000090400000003", "Y:0:1|", NULL,
	  true },
	{ "bad compression", "P X:000001010500000001ff G3/x", "Y:1:9|", NULL, true },
	{ "cut compression", "P X:00000201050000000100ff", "Y:1:9|", NULL, true },
	{ "frame too large", "P X:004001000000000001", "Y:0:6|", NULL, true },
	{ "SETTINGS of 5", "P X:0000050400000000000000000000", "Y:0:6|", NULL, true },
	{ "ENABLE_PUSH 2", "P S:2=2", "Y:0:1|", NULL, true },
	{ "window of SETTINGS", "P S:4=2147483648", "Y:0:3|", NULL, true },
	{ "window of SETTINGS makes another too large", "P G1/hang W1:2147418112 S:4=65536",
	  "Y:1:3|", "GET /hang|end 0|failed 2 0|", true },
	{ "push", "P X:000004050400000001000000020000", "Y:0:1|", NULL, true },
	{ "more padding than payload", "P O1/hang X:000001000800000001ff", "Y:1:1|", NULL, true },
	{ "siblings hear of it", "P O1/echo G3/hang D9:x", "Y:3:1|",
	  "POST /echo body|GET /hang|end 0|failed 2 0|failed 2 0|", true },
};

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

Suite *mux_h2_suite(void)
{
	Suite *s = suite_create("mux_h2");
	TCase *t = tcase_create("cases");

	tcase_set_timeout(t, 10);
	tcase_add_loop_test(t, frames_whole, 0, CASES);
	tcase_add_loop_test(t, frames_dripped, 0, CASES);
	tcase_add_loop_test(t, frames_with_faults, 0, CASES);
	suite_add_tcase(s, t);
	return s;
}
