/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../runtime/http/h1.h"

#include <check.h>
#include <stdlib.h>

Suite *h1_fields_suite(void);

#define LENGTHS 36 /* more than two of the widest loads */
#define START "GET / HTTP/1.1\r\nHost: a\r\n"

static const struct h1_limits lim = { 1000, 12, 200 };

/* RFC 9110 5.6.2 */
static bool tchar(unsigned c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", (int)c));
}

/* RFC 9110 5.5 */
static bool value_byte(unsigned c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

/* Parses a request with the field line name ": " value from memory that ends where it ends. */
static enum h1_result parse(struct str name, struct str value, struct msg *m)
{
	size_t n = sizeof(START) - 1 + name.n + value.n + 6, used, seen = 0;
	char *head = malloc(n), *p = head;
	const struct h1_error *err;
	enum h1_result r;

	memcpy(p, START, sizeof(START) - 1);
	p += sizeof(START) - 1;
	memcpy(p, name.p, name.n);
	p += name.n;
	memcpy(p, ": ", 2);
	memcpy(p + 2, value.p, value.n);
	memcpy(p + 2 + value.n, "\r\n\r\n", 4);
	r = h1_parse_request(str_of(head, n), &seen, &lim, m, &used, &err);
	if (r == H1_DONE)
		ck_assert_uint_eq(used, n);
	else
		ck_assert_int_eq(err->status, 400);
	free(head);
	return r;
}

START_TEST(each_byte_counts_wherever_it_stands_in_a_name)
{
	size_t n = (size_t)_i + 1;
	char name[LENGTHS];
	struct msg m;

	for (size_t at = 0; at < n; at++) {
		for (unsigned c = 0; c < 256; c++) {
			if (c == ':' && at > 0) /* a shorter name */
				continue;
			memset(name, at % 2 ? 'q' : 'Q', n);
			name[at] = (char)c;
			if (parse(str_of(name, n), S("v"), &m) != H1_DONE) {
				ck_assert(!tchar(c));
				continue;
			}
			ck_assert(tchar(c));
			ck_assert_uint_eq(m.nhdr, 2);
			ck_assert(str_eq(msg_name(&m, 1), str_of(name, n)));
			ck_assert(str_eq(msg_value(&m, 1), S("v")));
			msg_free(&m);
		}
	}
}
END_TEST

/* Field <id> in the message of a head with <name>. */
static bool found(struct str name, int id)
{
	struct msg m;
	bool yes;

	ck_assert_int_eq(parse(name, S("1"), &m), H1_DONE);
	yes = msg_hdr(&m, 1)->id == id;
	msg_free(&m);
	return yes;
}

START_TEST(a_line_gets_the_field_of_its_name_in_any_case)
{
	struct str s = field_names[_i];
	char name[40];

	for (size_t i = 0; i < s.n; i++)
		name[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 32) : s.p[i];
	/* Host may be there once only, and framing has rules of its own. */
	if (_i == FIELD_HOST || _i == FIELD_TRANSFER_ENCODING)
		return;
	ck_assert(found(s, _i));
	ck_assert(found(str_of(name, s.n), _i));
	ck_assert(found(str_of(name, s.n - 1), FIELD_OTHER));
	for (size_t i = 0; i < s.n; i++) {
		char was = name[i];

		name[i] = was == 'A' ? 'B' : 'A';
		ck_assert(found(str_of(name, s.n), FIELD_OTHER));
		name[i] = was;
	}
	name[s.n] = 'x';
	ck_assert(found(str_of(name, s.n + 1), FIELD_OTHER));
}
END_TEST

START_TEST(each_byte_counts_wherever_it_stands_in_a_value)
{
	size_t n = (size_t)_i;
	char value[LENGTHS] = "";
	struct msg m;

	for (size_t at = 0; at == 0 || at < n; at++) {
		for (unsigned c = 0; c < 256; c++) {
			struct str text = str_of(value, n);
			bool canonical;

			memset(value, 0xe9, sizeof(value));
			if (n)
				value[at] = (char)c;
			if (parse(S("Q"), text, &m) != H1_DONE) {
				ck_assert(!value_byte(c));
				continue;
			}
			ck_assert(!n || value_byte(c));
			canonical = msg_hdr(&m, 1)->flags & HDR_CANONICAL;
			ck_assert(str_eq(msg_value(&m, 1), str_trim(text)));
			ck_assert_int_eq(canonical, str_trim(text).n == n);
			msg_free(&m);
		}
	}
}
END_TEST

Suite *h1_fields_suite(void)
{
	Suite *s = suite_create("h1_fields");
	TCase *t = tcase_create("bytes");

	tcase_add_unchecked_fixture(t, msg_setup, NULL);
	tcase_add_loop_test(t, each_byte_counts_wherever_it_stands_in_a_name, 0, LENGTHS);
	tcase_add_loop_test(t, each_byte_counts_wherever_it_stands_in_a_value, 0, LENGTHS + 1);
	tcase_add_loop_test(t, a_line_gets_the_field_of_its_name_in_any_case, 1, FIELDS);
	suite_add_tcase(s, t);
	return s;
}
