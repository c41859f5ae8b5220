/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../runtime/http/msg.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../runtime/core/pool.h"
#include "../../../runtime/http/h1.h"

Suite *msg_suite(void);

static const struct h1_limits lim = { 16000, 100, 4000 };

static void request(struct msg *m, const char *fields)
{
	const struct h1_error *err = NULL;
	char text[8000];
	size_t seen = 0, used;

	snprintf(text, sizeof(text), "GET /p/%%7E?q=1 HTTP/1.1\r\nHost: www.example\r\n%s\r\n",
		 fields);
	ck_assert_int_eq(h1_parse_request(str_from(text), &seen, &lim, m, &used, &err), H1_DONE);
}

static void is(struct str got, const char *want)
{
	ck_assert_msg(str_eq(got, str_from(want)), "[%.*s] is not [%s]", STR_ARG(got), want);
}

/* Start line and fields as they would be sent. */
static void sends(const struct msg *m, const char *want)
{
	static const struct h1_framing none = { .body = BODY_NONE };
	char *out = malloc(h1_head_size(m, &none));
	size_t n = h1_write_head(m, &none, out);

	is(str_of(out, n), want);
	free(out);
}

START_TEST(edits_show_in_the_head)
{
	struct msg m;

	request(&m, "A: 1\r\nB: 2\r\nA: 3\r\n");
	ck_assert(msg_add(&m, S("C"), S("4")));
	ck_assert(msg_set_value(&m, msg_find(&m, MSG_END, FIELD_OTHER, S("b")), S("two")));
	ck_assert_uint_eq(msg_del_all(&m, FIELD_OTHER, S("a")), 2);
	ck_assert(msg_set_method(&m, S("PUT")));
	ck_assert(msg_set_path(&m, S("/x")));
	ck_assert(msg_set_query(&m, S(""), false));
	ck_assert(msg_set_host(&m, S("Other:81")));
	is(msg_host(&m), "other");
	sends(&m, "PUT /x HTTP/1.1\r\nHost: Other:81\r\nB: two\r\nC: 4\r\n\r\n");
	is(msg_line(&m), "PUT /x HTTP/1.1");
	msg_free(&m);
}
END_TEST

START_TEST(slots_follow_the_first_live_header)
{
	struct msg m;
	uint32_t i;

	request(&m, "Cookie: a\r\nX: y\r\nCookie: b\r\n");
	i = msg_find(&m, MSG_END, FIELD_COOKIE, S(""));
	is(msg_value(&m, i), "a");
	msg_del(&m, i);
	i = msg_find(&m, MSG_END, FIELD_COOKIE, S(""));
	is(msg_value(&m, i), "b");
	ck_assert_uint_eq(msg_find(&m, i, FIELD_COOKIE, S("")), MSG_END);
	msg_del(&m, i);
	ck_assert_uint_eq(msg_find(&m, MSG_END, FIELD_COOKIE, S("")), MSG_END);
	ck_assert(msg_add(&m, S("cookie"), S("c")));
	is(msg_value(&m, msg_find(&m, MSG_END, FIELD_COOKIE, S(""))), "c");
	ck_assert_uint_eq(msg_find(&m, MSG_END, FIELD_OTHER, S("COOKIE")),
			  msg_find(&m, MSG_END, FIELD_COOKIE, S("")));
	msg_free(&m);
}
END_TEST

START_TEST(host_edits_leave_one_line)
{
	struct msg m;

	request(&m, "");
	ck_assert(msg_add(&m, S("Host"), S("second")));
	ck_assert(msg_set_host(&m, S("[2001:DB8::1]:8443")));
	is(msg_host(&m), "[2001:db8::1]");
	sends(&m, "GET /p/~?q=1 HTTP/1.1\r\nHost: [2001:DB8::1]:8443\r\n\r\n");
	ck_assert(msg_set_host(&m, S("bad host")));
	ck_assert_uint_eq(msg_host(&m).n, 0);
	ck_assert(m.flags & MSG_BAD_HOST);
	msg_free(&m);
}
END_TEST

/* Indexes, slots and every value outlive any number of edits. */
START_TEST(ten_thousand_edits_stay_small_and_right)
{
	struct msg m;
	uint32_t a, b;

	request(&m, "A: first\r\nB: keep me\r\nSet-Cookie: s\r\n");
	a = msg_find(&m, MSG_END, FIELD_OTHER, S("A"));
	b = msg_find(&m, MSG_END, FIELD_OTHER, S("B"));
	for (int i = 0; i < 10000; i++) {
		char text[64];

		snprintf(text, sizeof(text), "value number %d of the header", i);
		ck_assert(msg_set_value(&m, a, str_from(text)));
		ck_assert(msg_set_path(&m, str_from(text)));
		is(msg_value(&m, a), text);
		is(msg_value(&m, b), "keep me");
		ck_assert_uint_le(m.cap, 4096);
	}
	is(msg_str(&m, m.meth), "GET");
	is(msg_str(&m, m.query), "q=1");
	is(msg_str(&m, m.uri), "/p/%7E?q=1");
	is(msg_host(&m), "www.example");
	is(msg_value(&m, msg_find(&m, MSG_END, FIELD_SET_COOKIE, S(""))), "s");
	msg_free(&m);
}
END_TEST

START_TEST(a_queue_of_headers_never_fills_the_table)
{
	struct msg m;
	char name[16];

	request(&m, "");
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "X-%d", i);
		ck_assert(msg_add(&m, str_from(name), S("v")));
		if (i >= 10) {
			snprintf(name, sizeof(name), "X-%d", i - 10);
			ck_assert_uint_eq(msg_del_all(&m, FIELD_OTHER, str_from(name)), 1);
		}
	}
	is(msg_value(&m, msg_find(&m, MSG_END, FIELD_HOST, S(""))), "www.example");
	is(msg_name(&m, msg_find(&m, msg_find(&m, MSG_END, FIELD_HOST, S("")), FIELD_OTHER, S(""))),
	   "X-9990");
	msg_free(&m);
}
END_TEST

/* The value is in the block that the edit moves. */
START_TEST(values_may_point_into_the_message)
{
	struct msg m;
	uint32_t a;

	request(&m, "A: abc\r\n");
	a = msg_find(&m, MSG_END, FIELD_OTHER, S("A"));
	for (int i = 0; i < 200; i++) {
		struct str v = msg_value(&m, a);

		ck_assert(msg_add(&m, msg_name(&m, a), v));
		ck_assert(msg_set_value(&m, a, msg_value(&m, a)));
		ck_assert(msg_set_path(&m, msg_str(&m, m.uri)));
	}
	for (uint32_t i = MSG_END; (i = msg_find(&m, i, FIELD_OTHER, S("A"))) != MSG_END;)
		is(msg_value(&m, i), "abc");
	is(msg_str(&m, m.path), "/p/%7E?q=1");
	msg_free(&m);
}
END_TEST

START_TEST(limits_hold_and_leave_the_message_as_it_was)
{
	static char big[MSG_BYTES_MAX];
	struct msg m;
	uint32_t a, n = 0;

	memset(big, 'x', sizeof(big));
	request(&m, "A: abc\r\n");
	a = msg_find(&m, MSG_END, FIELD_OTHER, S("A"));
	ck_assert(!msg_set_value(&m, a, str_of(big, sizeof(big))));
	is(msg_value(&m, a), "abc");
	for (int i = 0; i < 50; i++) /* left-behind text does not count */
		ck_assert(msg_set_value(&m, a, str_of(big, MSG_BYTES_MAX - 1000)));
	ck_assert(!msg_add(&m, S("B"), str_of(big, 1000)));
	ck_assert(msg_set_value(&m, a, S("abc")));
	while (msg_add(&m, S("B"), S("")))
		n++;
	ck_assert_uint_eq(n, MSG_HEADERS_MAX - 2);
	is(msg_value(&m, a), "abc");
	msg_free(&m);
}
END_TEST

/* Growth keeps offsets and the runs of received fields. */
START_TEST(repacking_keeps_what_is_sent)
{
	struct msg m;
	char want[4000] = "GET /p/~?q=1 HTTP/1.1\r\nHost: www.example\r\n", fields[3000] = "";

	for (int i = 0; i < 60; i++)
		snprintf(fields + strlen(fields), sizeof(fields) - strlen(fields), "H%d:%s v%d\r\n",
			 i, i % 3 ? "" : " ", i);
	request(&m, fields);
	for (int i = 0; i < 60; i++) {
		char name[16];

		snprintf(name, sizeof(name), "H%d", i);
		if (i % 2)
			snprintf(want + strlen(want), sizeof(want) - strlen(want), "H%d: v%d\r\n",
				 i, i);
		else
			ck_assert_uint_eq(msg_del_all(&m, FIELD_OTHER, str_from(name)), 1);
		for (int k = 0; k < 20; k++)
			ck_assert(msg_set_method(&m, S("A method of some length")));
	}
	ck_assert(msg_set_method(&m, S("GET")));
	strcat(want, "\r\n");
	sends(&m, want);
	msg_free(&m);
}
END_TEST

START_TEST(made_answer_has_the_standard_phrase)
{
	struct msg m = { 0 };

	ck_assert(msg_answer(&m, 503));
	is(msg_line(&m), "HTTP/1.1 503 Service Unavailable");
	ck_assert_int_eq(m.body, BODY_LENGTH);
	ck_assert(msg_set_status(&m, 299, S("Fine")));
	is(msg_line(&m), "HTTP/1.1 299 Fine");
	ck_assert(msg_set_status(&m, 404, S("")));
	sends(&m, "HTTP/1.1 404 Not Found\r\n\r\n");
	msg_free(&m);
	for (unsigned code = 100; code < 600; code++)
		if (status_reason(code).n)
			ck_assert(msg_answer(&m, code));
	msg_free(&m);
	ck_assert_uint_eq(status_reason(299).n, 0);
	is(status_reason(100), "Continue");
	is(status_reason(511), "Network Authentication Required");
}
END_TEST

START_TEST(moving_leaves_nothing_behind)
{
	struct msg m, to;

	request(&m, "A: abc\r\n");
	msg_move(&to, &m);
	ck_assert_ptr_null(m.blk);
	msg_free(&m);
	is(msg_value(&to, msg_find(&to, MSG_END, FIELD_OTHER, S("a"))), "abc");
	msg_free(&to);
	ck_assert_uint_eq(pool_fini(stderr), 0);
}
END_TEST

Suite *msg_suite(void)
{
	Suite *s = suite_create("msg");
	TCase *t = tcase_create("edits");

	tcase_add_unchecked_fixture(t, msg_setup, NULL);
	tcase_add_test(t, edits_show_in_the_head);
	tcase_add_test(t, slots_follow_the_first_live_header);
	tcase_add_test(t, host_edits_leave_one_line);
	tcase_add_test(t, ten_thousand_edits_stay_small_and_right);
	tcase_add_test(t, a_queue_of_headers_never_fills_the_table);
	tcase_add_test(t, values_may_point_into_the_message);
	tcase_add_test(t, limits_hold_and_leave_the_message_as_it_was);
	tcase_add_test(t, repacking_keeps_what_is_sent);
	tcase_add_test(t, made_answer_has_the_standard_phrase);
	tcase_add_test(t, moving_leaves_nothing_behind);
	suite_add_tcase(s, t);
	return s;
}
