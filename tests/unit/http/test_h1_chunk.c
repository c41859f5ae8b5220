/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../runtime/http/h1.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

Suite *h1_chunk_suite(void);

static const struct h1_limits lim = { 300, 8, 100 };

#define V(in, want)                                                                                \
	{                                                                                          \
		in, sizeof(in) - 1, want                                                           \
	}
static const struct {
	const char *in;
	size_t n;
	const char *want; /* data|trailers|rest, "bad" or "more" */
} bodies[] = {
	V("0\r\n\r\n", "||"),
	V("5\r\nhello\r\n0\r\n\r\n", "hello||"),
	V("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET", "hello world||GET"),
	V("A\r\n0123456789\r\n0\r\n\r\n", "0123456789||"),
	V("a\r\n0123456789\r\n000\r\n\r\n", "0123456789||"),
	V("00000000000005\r\nhello\r\n0\r\n\r\n", "hello||"),
	V("5;a=b\r\nhello\r\n0;x\r\n\r\n", "hello||"),
	V("5 ; a=\"b;c\"\r\nhello\r\n0\r\n\r\n", "hello||"),
	V("0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", "|X-Sum=1 Y=2 |"),
	V("0\r\nX: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: z\r\nCookie: "
	  "a\r\nIf-Match: b\r\n\r\n",
	  "|X=1 |"),
	V("0\r\n\r\n\r\n", "||\r\n"),
	V("5\r\nhel\r\n\r\n0\r\n\r\n", "hel\r\n||"),
	V("", "more"),
	V("5\r\nhello\r\n0\r\n", "more"),
	V("5\r\nhello\r\n0\r\nX: 1\r\n", "more"),
	V("\r\n", "bad"),
	V("g\r\n", "bad"),
	V("-5\r\nhello\r\n", "bad"),
	V("+5\r\nhello\r\n", "bad"),
	V("0x5\r\nhello\r\n", "bad"),
	V(" 5\r\nhello\r\n", "bad"),
	V("5 \r\nhello\r\n", "bad"),
	V("5\t\r\nhello\r\n", "bad"),
	V("5\nhello\r\n", "bad"),
	V("5\r\rhello\r\n", "bad"),
	V("5\r\nhello\n0\r\n\r\n", "bad"),
	V("5\r\nhello0\r\n\r\n", "bad"),
	V("5\r\nhello\r0\r\n\r\n", "bad"),
	V("5;a\nhello\r\n0\r\n\r\n", "bad"),
	V("5;a\rb\r\nhello\r\n", "bad"),
	V("5;\x01\r\nhello\r\n", "bad"),
	V("5;\0\r\nhello\r\n", "bad"),
	V("5,5\r\nhello\r\n", "bad"),
	V("fffffffffffffff0\r\n", "bad"),
	V("10000000000000005\r\n", "bad"),
	V("0000000000000005\r\n", "bad"),
	V("0\r\n X: 1\r\n\r\n", "bad"),
	V("0\r\nX : 1\r\n\r\n", "bad"),
	V("0\r\nX: 1\n\r\n", "bad"),
	V("0\r\n1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n8:\r\n9:\r\n\r\n", "bad"),
};

struct reader {
	struct h1_chunk chunk;
	bool trailers;
	size_t seen, at; /* at: bytes of the input eaten */
	char data[256];
	size_t n;
	char fields[256];
};

static enum h1_result read_trailers(struct reader *r, struct str in)
{
	const struct h1_error *err;
	struct msg m;
	size_t used;
	enum h1_result res = h1_parse_trailers(in, &r->seen, &lim, &m, &used, &err);

	if (res != H1_DONE)
		return res;
	r->at += used;
	for (uint32_t i = MSG_END; (i = msg_find(&m, i, FIELD_OTHER, S(""))) != MSG_END;)
		snprintf(r->fields + strlen(r->fields), sizeof(r->fields) - strlen(r->fields),
			 "%.*s=%.*s ", STR_ARG(msg_name(&m, i)), STR_ARG(msg_value(&m, i)));
	msg_free(&m);
	return res;
}

/* Reads on with the first <n> bytes of <in> at hand. */
static enum h1_result read_to(struct reader *r, const char *in, size_t n)
{
	while (!r->trailers && r->at < n) {
		const struct h1_error *err;
		struct str data;
		size_t used;
		enum h1_result res = h1_chunk_parse(&r->chunk, str_of(in + r->at, n - r->at), &data,
						    &used, &err);

		if (res == H1_BAD)
			return H1_BAD;
		memcpy(r->data + r->n, data.p, data.n);
		r->n += data.n;
		r->at += used;
		r->trailers = res == H1_DONE;
	}
	return r->trailers ? read_trailers(r, str_of(in + r->at, n - r->at)) : H1_MORE;
}

static void compare(const struct reader *r, enum h1_result res, const char *in, size_t n,
		    const char *want)
{
	char got[700];

	if (res == H1_BAD)
		snprintf(got, sizeof(got), "bad");
	else if (res == H1_MORE)
		snprintf(got, sizeof(got), "more");
	else
		snprintf(got, sizeof(got), "%.*s|%s|%.*s", (int)r->n, r->data, r->fields,
			 (int)(n - r->at), in + r->at);
	ck_assert_msg(!strcmp(got, want), "[%s] gives [%s], not [%s]", in, got, want);
}

START_TEST(body_is_the_same_whole_and_in_pieces)
{
	const char *in = bodies[_i].in;
	size_t n = bodies[_i].n;

	for (size_t cut = 0; cut <= n; cut++) {
		struct reader r = { 0 };
		enum h1_result res = read_to(&r, in, cut);

		if (res == H1_MORE)
			res = read_to(&r, in, n);
		compare(&r, res, in, n, bodies[_i].want);
	}
	struct reader r = { 0 };
	enum h1_result res = H1_MORE;

	for (size_t k = 0; k <= n && res == H1_MORE; k++)
		res = read_to(&r, in, k);
	compare(&r, res, in, n, bodies[_i].want);
}
END_TEST

START_TEST(extensions_are_limited_for_each_chunk)
{
	char line[1200];
	struct h1_chunk c = { 0 };
	const struct h1_error *err;
	struct str data;
	size_t used;

	memset(line, 'x', sizeof(line));
	memcpy(line, "1;", 2);
	ck_assert_int_eq(h1_chunk_parse(&c, str_of(line, sizeof(line)), &data, &used, &err),
			 H1_BAD);
	memset(&c, 0, sizeof(c));
	for (int i = 0; i < 100; i++) { /* as long a line, but for many chunks */
		memcpy(line + 500, "\r\nz\r\n", 5);
		ck_assert_int_eq(h1_chunk_parse(&c, str_of(line, 505), &data, &used, &err),
				 H1_MORE);
		ck_assert_uint_eq(data.n, 1);
		ck_assert_int_eq(
			h1_chunk_parse(&c, str_of(line + used, 505 - used), &data, &used, &err),
			H1_MORE);
	}
}
END_TEST

START_TEST(a_huge_chunk_is_counted_right)
{
	struct h1_chunk c = { 0 };
	const struct h1_error *err;
	struct str data;
	size_t used;

	ck_assert_int_eq(h1_chunk_parse(&c, S("7ffffffffffffff\r\nabc"), &data, &used, &err),
			 H1_MORE);
	ck_assert_uint_eq(data.n, 3);
	ck_assert_uint_eq(c.left, UINT64_C(0x7ffffffffffffff) - 3);
}
END_TEST

Suite *h1_chunk_suite(void)
{
	Suite *s = suite_create("h1_chunk");
	TCase *t = tcase_create("chunks");

	tcase_add_unchecked_fixture(t, msg_setup, NULL);
	tcase_add_loop_test(t, body_is_the_same_whole_and_in_pieces, 0,
			    sizeof(bodies) / sizeof(*bodies));
	tcase_add_test(t, extensions_are_limited_for_each_chunk);
	tcase_add_test(t, a_huge_chunk_is_counted_right);
	suite_add_tcase(s, t);
	return s;
}
