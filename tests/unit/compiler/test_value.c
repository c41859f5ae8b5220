/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "compiler/value.h"

static int64_t duration(const char *text)
{
	int64_t ms = -1;

	return value_duration(str_from(text), &ms) ? -1 : ms;
}

START_TEST(durations_need_a_unit)
{
	ck_assert_int_eq(duration("5s"), 5000);
	ck_assert_int_eq(duration("250ms"), 250);
	ck_assert_int_eq(duration("1us"), 1); /* rounded up: never 0 by rounding */
	ck_assert_int_eq(duration("1001us"), 2);
	ck_assert_int_eq(duration("2m"), 120000);
	ck_assert_int_eq(duration("1h"), 3600000);
	ck_assert_int_eq(duration("2d"), 172800000);
	ck_assert_int_eq(duration("0s"), 0);
	ck_assert_int_eq(duration("5"), -1);
	ck_assert_int_eq(duration("s"), -1);
	ck_assert_int_eq(duration("5y"), -1);
	ck_assert_int_eq(duration("-5s"), -1);
	ck_assert_int_eq(duration("99999999999d"), -1);
	ck_assert_int_eq(duration("99999999999999999999999s"), -1);
	ck_assert_int_eq(duration(""), -1);
}
END_TEST

START_TEST(sizes_count_in_1024_and_counts_in_1000)
{
	int64_t n;

	ck_assert_ptr_null(value_size(S("16k"), &n));
	ck_assert_int_eq(n, 16384);
	ck_assert_ptr_null(value_count(S("16k"), &n));
	ck_assert_int_eq(n, 16000);
	ck_assert_ptr_null(value_size(S("2M"), &n));
	ck_assert_int_eq(n, 2097152);
	ck_assert_ptr_null(value_count(S("3g"), &n));
	ck_assert_int_eq(n, 3000000000);
	ck_assert_ptr_nonnull(value_size(S("9999999999g"), &n));
	ck_assert_ptr_nonnull(value_count(S("5kk"), &n));
	ck_assert_ptr_nonnull(value_count(S("k"), &n));
}
END_TEST

START_TEST(ranges_are_inclusive_and_ordered)
{
	int64_t lo, hi;

	ck_assert_ptr_null(value_range(S("400:499"), &lo, &hi));
	ck_assert_int_eq(lo, 400);
	ck_assert_int_eq(hi, 499);
	ck_assert_ptr_null(value_range(S("-3"), &lo, &hi));
	ck_assert_int_eq(lo, -3);
	ck_assert_int_eq(hi, -3);
	ck_assert_ptr_nonnull(value_range(S("9:3"), &lo, &hi));
	ck_assert_ptr_nonnull(value_range(S("9:"), &lo, &hi));
	ck_assert_ptr_nonnull(value_range(S(":9"), &lo, &hi));
}
END_TEST

START_TEST(mapped_addresses_are_ipv4_addresses)
{
	struct p_net a, b;
	bool bits;

	ck_assert_ptr_null(value_net(S("10.1.2.3"), &a, &bits));
	ck_assert_ptr_null(value_net(S("::ffff:10.1.2.3"), &b, &bits));
	ck_assert_mem_eq(a.addr, b.addr, 16);
	ck_assert_uint_eq(a.bits, 128);
	ck_assert_uint_eq(b.bits, 128);
	ck_assert_ptr_null(value_net(S("10.0.0.0/8"), &a, &bits));
	ck_assert_ptr_null(value_net(S("::ffff:10.0.0.0/104"), &b, &bits));
	ck_assert_mem_eq(a.addr, b.addr, 16);
	ck_assert_uint_eq(a.bits, b.bits);
}
END_TEST

START_TEST(host_bits_are_told_and_cleared)
{
	struct p_net a, b;
	bool bits;

	ck_assert_ptr_null(value_net(S("10.0.0.5/8"), &a, &bits));
	ck_assert(bits);
	ck_assert_ptr_null(value_net(S("10.0.0.0/8"), &b, &bits));
	ck_assert(!bits);
	ck_assert_mem_eq(a.addr, b.addr, 16);
	ck_assert_ptr_null(value_net(S("2001:db8::1/32"), &a, &bits));
	ck_assert(bits);
	ck_assert_ptr_nonnull(value_net(S("10.0.0.0/33"), &a, &bits));
	ck_assert_ptr_nonnull(value_net(S("::/129"), &a, &bits));
	ck_assert_ptr_nonnull(value_net(S("10.0.0"), &a, &bits));
	ck_assert_ptr_nonnull(value_net(S(""), &a, &bits));
}
END_TEST

START_TEST(addresses_have_all_their_forms)
{
	struct p_addr a;

	ck_assert_ptr_null(value_addr(S(":80"), &a));
	ck_assert(a.kind == ADDR_INET && a.any_host && a.port == 80 && a.port_hi == 80);
	ck_assert_ptr_null(value_addr(S("*:81"), &a));
	ck_assert(a.any_host && a.port == 81);
	ck_assert_ptr_null(value_addr(S("10.0.0.1:1024-65535"), &a));
	ck_assert(a.port == 1024 && a.port_hi == 65535 && a.ip.addr[12] == 10);
	ck_assert_ptr_null(value_addr(S("0.0.0.0:+1000"), &a));
	ck_assert(a.port_offset && a.port == 1000);
	ck_assert_ptr_null(value_addr(S("[2001:db8::1]:443"), &a));
	ck_assert(a.port == 443 && a.ip.addr[0] == 0x20);
	ck_assert_ptr_null(value_addr(S("2001:db8::1"), &a));
	ck_assert(a.port == 0 && a.ip.addr[15] == 1);
	ck_assert_ptr_null(value_addr(S("app.example.net:8080"), &a));
	ck_assert(a.host_name && a.port == 8080 && str_eq(a.host, S("app.example.net")));
	ck_assert_ptr_null(value_addr(S("unix@/run/x.sock"), &a));
	ck_assert(a.kind == ADDR_UNIX && str_eq(a.path, S("/run/x.sock")));
	ck_assert_ptr_null(value_addr(S("abns@x"), &a));
	ck_assert(a.kind == ADDR_ABNS);
	ck_assert_ptr_null(value_addr(S("fd@3"), &a));
	ck_assert(a.kind == ADDR_FD && a.fd == 3);
}
END_TEST

START_TEST(bad_addresses_are_refused)
{
	static const char *const bad[] = {
		"",       ":",     ":99999", ":x",    "[::1",   "[::1]x", "10.0.0.300:80",
		"a b:80", "unix@", "fd@x",   "-a:80", ":80-79", ":+1-2",  "1.2.3.4:",
		":-5"
	};
	struct p_addr a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(value_addr(str_from(bad[i]), &a) != NULL, "'%s' is taken", bad[i]);
}
END_TEST

START_TEST(header_names_are_tokens)
{
	ck_assert(value_is_token(S("X-Forwarded-For")));
	ck_assert(value_is_token(S("!#$%&'*+-.^_`|~9")));
	ck_assert(!value_is_token(S("")));
	ck_assert(!value_is_token(S("a b")));
	ck_assert(!value_is_token(S("a:")));
	ck_assert(!value_is_token(S("a\0")));
	ck_assert(!value_is_token(S("\xc3\xa9")));
	ck_assert(value_is_clean(S("a\tb\xff")));
	ck_assert(!value_is_clean(S("a\rb")));
	ck_assert(!value_is_clean(S("a\nb")));
	ck_assert(!value_is_clean(S("a\0b")));
}
END_TEST

START_TEST(regexes_are_compiled_as_they_will_run)
{
	unsigned groups = 0;
	size_t offset = 0;
	char why[128];

	ck_assert_ptr_null(
		value_regex(S("^/(a)(?:b)(c)$"), false, false, &groups, &offset, why, sizeof(why)));
	ck_assert_uint_eq(groups, 2);
	ck_assert_ptr_nonnull(
		value_regex(S("ab(c"), false, false, &groups, &offset, why, sizeof(why)));
	ck_assert_uint_eq(offset, 4);
	ck_assert_ptr_nonnull(
		value_regex(S("(*UTF)a"), false, false, &groups, &offset, why, sizeof(why)));
	ck_assert_ptr_null(
		value_regex(S("a # (comment"), false, true, &groups, &offset, why, sizeof(why)));
}
END_TEST

START_TEST(plain_values_know_one_escape)
{
	struct arena a = { 0 };

	ck_assert(str_eq(value_plain(&a, S("a\\\\b\\n\\")), S("a\\b\\n\\")));
	ck_assert(str_eq(value_plain(&a, S("\\d")), S("\\d")));
	arena_free(&a);
}
END_TEST

Suite *value_suite(void)
{
	Suite *s = suite_create("value");
	TCase *t = tcase_create("value");

	tcase_add_test(t, durations_need_a_unit);
	tcase_add_test(t, sizes_count_in_1024_and_counts_in_1000);
	tcase_add_test(t, ranges_are_inclusive_and_ordered);
	tcase_add_test(t, mapped_addresses_are_ipv4_addresses);
	tcase_add_test(t, host_bits_are_told_and_cleared);
	tcase_add_test(t, addresses_have_all_their_forms);
	tcase_add_test(t, bad_addresses_are_refused);
	tcase_add_test(t, header_names_are_tokens);
	tcase_add_test(t, regexes_are_compiled_as_they_will_run);
	tcase_add_test(t, plain_values_know_one_escape);
	suite_add_tcase(s, t);
	return s;
}
