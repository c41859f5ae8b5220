/* SPDX-License-Identifier: Apache-2.0 */
/* A log line holds part of a request. What replay says of it must be true of the whole request: on
 * random pairs of sites, random requests, and lines from which fields were left out. And the lines
 * of each format. */
#include "../../../compiler/replay.h"

#include <check.h>
#include <stdlib.h>

#include "../../../compiler/diag.h"
#include "../../../compiler/lower.h"
#include "../../../compiler/parse.h"

Suite *replay_suite(void);

#define SITES 60 /* with WEIR_SOAK twenty times as many */
#define REQUESTS 60

static struct arena arena;
static uint64_t seed = 0x9e3779b97f4a7c15;

static unsigned rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

#define PICK(list) ((list)[rnd(sizeof(list) / sizeof((list)[0]))])

static const char *const tests[] = { "host == a",      "host == b",   "host =* .a",
				     "h(x) == 1",      "h(x)",        "c(k) == 2",
				     "path =^ /a",     "path == /b",  "meth == POST",
				     "h(y) == 1",      "var(v) == 1", "src == 10.0.0.1",
				     "len(h(x)) == 1", "query == q",  "h(host) == a" };
static const char *const actions[] = {
	"deny",         "setbe p",     "setbe q",     "allow",
	"redir /z",     "set x 1",     "rem y",       "setvar v 1",
	"set host a",   "set path /a", "respond 200", "switch p",
	"mapuri /a /b", "add y 1",     "drop",        "set z \"%{h(x)}\""
};

static void put_rule(struct textbuf *b)
{
	static const char *const joins[] = { " ", ", " };
	unsigned n = 1 + rnd(2);

	textbuf_put(&arena, b, arena_printf(&arena, " req in %s on", PICK(actions)));
	for (unsigned i = 0; i < n; i++)
		textbuf_put(&arena, b,
			    arena_printf(&arena, "%s%s(%s)", i ? PICK(joins) : " ",
					 rnd(3) ? "" : "!", PICK(tests)));
	textbuf_put(&arena, b, S("\n"));
}

/* <n> rules, of which one is another than in the site before. */
static struct program *site(struct str *rules, unsigned n)
{
	struct textbuf b = { 0 };
	struct program *p;

	textbuf_put(&arena, &b,
		    S("acl never meth == X\nfrontend f\n bind :80\n default_backend p\n"));
	for (unsigned i = 0; i < n; i++)
		textbuf_put(&arena, &b, rules[i]);
	textbuf_put(&arena, &b,
		    S(" req in setbe q; setvar v 3 on never\nbackend p\n server s 10.0.0.1:80\n"
		      "backend q\n server s 10.0.0.1:80\n"));
	diag_reset();
	p = lower(&arena, parse_text(&arena, S("t.weir"), textbuf_str(&b)));
	ck_assert_msg(p != NULL, "%.*s", STR_ARG(textbuf_str(&b)));
	return p;
}

static struct str rule(void)
{
	struct textbuf b = { 0 };

	put_rule(&b);
	return textbuf_str(&b);
}

static struct request_spec request(void)
{
	static const char *const targets[] = { "/a", "/b", "/a/x", "/c?q" };
	static const char *const hosts[] = { "a", "b", "x.a", "c" };
	static const char *const methods[] = { "GET", "POST" };
	static const char *const values[] = { "1", "2" };
	struct request_spec r;

	request_init(&r);
	r.meth = str_from(PICK(methods));
	r.target = str_from(PICK(targets));
	r.version = S("1.1");
	fields_add(&arena, &r.headers, S("Host"), str_from(PICK(hosts)));
	if (rnd(2))
		fields_add(&arena, &r.headers, S("x"), str_from(PICK(values)));
	if (rnd(2))
		fields_add(&arena, &r.headers, S("y"), str_from(PICK(values)));
	if (rnd(2))
		fields_add(&arena, &r.headers, S("Cookie"), S("k=2"));
	r.src.addr[15] = (uint8_t)(1 + rnd(2));
	return r;
}

/* The line that the old site would have logged, without some of the fields. */
static struct logged logged_of(const struct request_spec *r, const struct outcome *o)
{
	static const struct str x[] = { { "x", 1 } }, y[] = { { "y", 1 }, { "cookie", 6 } };
	struct logged l = { .request = *r };

	l.known.src = rnd(2);
	l.known.host = rnd(2);
	l.known.headers = rnd(2) ? x : y;
	l.known.nheaders = rnd(2) + (l.known.headers == y ? rnd(2) : 0);
	l.request.headers = (struct fields) { 0 };
	for (uint32_t i = 0; i < r->headers.n; i++) {
		const struct field *f = &r->headers.at[i];
		bool known = str_ieq(f->name, S("host")) && l.known.host;

		for (uint32_t k = 0; k < l.known.nheaders; k++)
			known |= str_ieq(f->name, l.known.headers[k]);
		if (known)
			fields_add(&arena, &l.request.headers, f->name, f->value);
	}
	if (!l.known.host)
		fields_add(&arena, &l.request.headers, S("Host"), S("localhost"));
	if (!l.known.src)
		l.request.src.addr[15] = 77;
	l.ends = rnd(2);
	l.forwarded = l.ends && o->forwarded;
	l.backend = l.forwarded ? o->backend->name : (struct str) { 0 };
	l.status = o->answer.present ? o->answer.status : 0;
	return l;
}

START_TEST(true_of_the_whole_request)
{
	unsigned n = SITES * (getenv("WEIR_SOAK") ? 20 : 1), decided = 0, moved = 0, all = 0;

	for (unsigned i = 0; i < n; i++) {
		struct str rules[8];
		struct replay_sites s = { .a = &arena };

		for (unsigned k = 0; k < 8; k++)
			rules[k] = rule();
		s.p[0] = site(rules, 8);
		rules[rnd(8)] = rule();
		s.p[1] = site(rules, 8);
		for (int k = 0; k < 2; k++)
			s.codes[k] = ARENA_ARRAY(&arena, void *, s.p[k]->nregexes + 1);
		for (unsigned k = 0; k < REQUESTS; k++) {
			struct request_spec r = request();
			struct outcome *x = interp_run(&arena, s.p[0], &r, NULL),
				       *y = interp_run(&arena, s.p[1], &r, NULL);
			struct logged l = logged_of(&r, x);
			struct replay_verdict v;

			replay_judge(&s, &arena, &l, &v);
			ck_assert_msg(v.result != REPLAY_SAME || replay_same(x, y),
				      "called the same: site %u request %u", i, k);
			ck_assert_msg(v.result != REPLAY_MOVED || !replay_same(x, y),
				      "called moved: site %u request %u", i, k);
			ck_assert_msg(!v.astray, "the log is of this site: %u %u", i, k);
			all++;
			decided += v.result != REPLAY_OPEN;
			moved += v.result == REPLAY_MOVED;
		}
		for (int k = 0; k < 2; k++)
			interp_codes_free(s.codes[k], s.p[k]->nregexes);
		arena_free(&arena);
	}
	if (getenv("WEIR_SHOW"))
		fprintf(stderr, "requests %u decided %u moved %u\n", all, decided, moved);
	ck_assert_uint_ge(decided * 10, all * 4);
	ck_assert_uint_ge(moved * 100, all);
}
END_TEST

/* ---- formats ---- */

static struct logged line(const char *text)
{
	struct logged l;

	ck_assert_int_eq(logged_read(&arena, str_from(text), &l), LOGGED_REQUEST);
	return l;
}

static void same(struct str got, const char *want)
{
	ck_assert_msg(str_eq(got, str_from(want)), "got %.*s, not %s", STR_ARG(got), want);
}

START_TEST(own_lines)
{
	struct logged l = line(
		"[2001:db8::1]:4000 [22/Nov/2026:16:47:30.882] www app/a 0/0/0/0/0 200 272 -- "
		"1/1/1/1/0 0/0 {curl|} \"GET /a\\x22b HTTP/1.1\" id=1-2-0-3 rule=s:2 in=1 reuse=-");

	same(l.request.target, "/a\"b");
	same(l.request.bind, "www");
	same(l.backend, "app");
	ck_assert(l.known.src && !l.known.host && l.forwarded && l.ends);
	ck_assert_uint_eq(l.request.src_port, 4000);
	ck_assert_uint_eq(l.request.src.addr[0], 0x20);
	l = line("10.0.0.1:4000 [22/Nov/2026:16:47:30.882] www app/- 0/0/-1/-1/0 503 272 SC "
		 "1/1/1/1/0 0/0 \"GET / HTTP/1.0\" id=1-2-0-3 rule=- in=1 reuse=-");
	ck_assert(!l.forwarded && l.ends);
	ck_assert_uint_eq(l.status, 503);
	same(l.request.version, "1.0");
}
END_TEST

START_TEST(json_lines)
{
	struct logged l =
		line("{\"type\":\"http\",\"client\":\"10.0.0.1:7\",\"listener\":\"10.0.0.2:80\","
		     "\"frontend\":\"www\",\"backend\":\"app\",\"server\":\"a\",\"status\":404,"
		     "\"method\":\"GET\",\"target\":\"/\\u00e9\\u0022\",\"protocol\":\"HTTP/1.1\","
		     "\"host\":\"h.example\"}");

	same(l.request.target, "/\xe9\"");
	same(l.request.headers.at[0].value, "h.example");
	ck_assert(l.known.src && l.known.dst && l.known.host && l.forwarded);
	ck_assert_uint_eq(l.request.dst_port, 80);
	ck_assert_uint_eq(l.status, 404);
	ck_assert(l.request.answered);
}
END_TEST

START_TEST(foreign_lines)
{
	struct logged l = line(
		"Feb  6 12:14:14 lb haproxy[14]: 2001:db8::7:33317 [06/Feb/2009:12:14:14.655] in~ "
		"s/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {a} {} \"GET /i#3Fx "
		"HTTP/1.1\"");

	same(l.request.target, "/i?x");
	same(l.request.bind, "in");
	ck_assert(l.request.tls && l.forwarded);
	ck_assert_uint_eq(l.request.src_port, 33317);
	l = line("192.0.2.7 - - [22/Nov/2026:16:47:30 +0000] \"POST /p HTTP/2.0\" 200 5 \"-\" \"A "
		 "\\\"b\\\"\"");
	ck_assert_uint_eq(l.known.nheaders, 2);
	same(l.request.headers.at[0].value, "A \"b\"");
	same(l.request.meth, "POST");
	ck_assert(l.known.src && !l.ends && !l.request.answered);
	l = line("name.example - - [22/Nov/2026:16:47:30 +0000] \"GET /p HTTP/1.1\" 200 5");
	ck_assert(!l.known.src && !l.known.nheaders);
}
END_TEST

START_TEST(other_lines)
{
	static const struct {
		const char *text;
		enum logged_kind kind;
	} lines[] = {
		{ "", LOGGED_NOT },
		{ "[", LOGGED_NOT },
		{ " [", LOGGED_NOT },
		{ "x", LOGGED_NOT },
		{ "{\"type\":", LOGGED_NOT },
		{ "{\"type\":\"tcp\"}", LOGGED_OTHER },
		{ "{\"type\":\"http\",\"method\":\"\"}", LOGGED_OTHER },
		{ "10.0.0.1:1 [x] f b/s", LOGGED_NOT },
		{ "10.0.0.1:1 [x] f b/s 1/2/3 44 -- 1/1/1/1/0 0/0", LOGGED_OTHER },
		{ "10.0.0.1:1 [x] f b/s 1/2/3/4/5 200 4 \"<BADREQ>\"", LOGGED_OTHER },
		{ "10.0.0.1:1 [x] f b/s 1/2/3/4/5 200 4 \"GET", LOGGED_NOT },
		{ "1.1.1.1 - - [x] \"\\x16\\x03\" 400 0", LOGGED_OTHER },
		{ "1.1.1.1 - - [x] \"GET / HTTP/1.1\" - 0", LOGGED_NOT },
		{ "1.1.1.1 - - [x] \"\\", LOGGED_NOT },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct logged l;

		ck_assert_msg(logged_read(&arena, str_from(lines[i].text), &l) == lines[i].kind,
			      "%s", lines[i].text);
	}
}
END_TEST

static void teardown(void)
{
	diag_reset();
	arena_free(&arena);
}

Suite *replay_suite(void)
{
	Suite *s = suite_create("replay");
	TCase *t = tcase_create("lines");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, true_of_the_whole_request);
	tcase_add_test(t, own_lines);
	tcase_add_test(t, json_lines);
	tcase_add_test(t, foreign_lines);
	tcase_add_test(t, other_lines);
	suite_add_tcase(s, t);
	return s;
}
