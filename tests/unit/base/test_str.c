/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "../../../runtime/base/str.h"

Suite *str_suite(void);

static const struct str none;

START_TEST(comparing_looks_at_bytes_and_length)
{
	ck_assert(str_eq(S("abc"), S("abc")));
	ck_assert(!str_eq(S("abc"), S("abcd")));
	ck_assert(!str_eq(S("abc"), S("aBc")));
	ck_assert(str_eq(none, S("")));
	ck_assert(str_eq(S("a\0b"), S("a\0b")) && !str_eq(S("a\0b"), S("a\0c")));
	ck_assert_int_lt(str_cmp(S("ab"), S("abc")), 0);
	ck_assert_int_gt(str_cmp(S("b"), S("abc")), 0);
	ck_assert_int_gt(str_cmp(S("\xff"), S("a")), 0);
	ck_assert_int_eq(str_cmp(none, S("")), 0);
}
END_TEST

START_TEST(folding_concerns_ascii_letters_only)
{
	ck_assert(str_ieq(S("Content-Length"), S("cONTENT-lENGTH")));
	ck_assert(!str_ieq(S("a@"), S("a`"))); /* differ in the same bit as a letter's case */
	ck_assert(!str_ieq(S("\xc4"), S("\xe4")));
	ck_assert(str_istarts(S("HTTP/1.1"), S("http/")) && !str_istarts(S("HTT"), S("http")));
	ck_assert(str_iends(S("a.JPG"), S(".jpg")) && !str_iends(S("pg"), S(".jpg")));
}
END_TEST

START_TEST(prefixes_suffixes_and_cuts_stay_inside)
{
	struct str s = S("path?query?x");

	ck_assert(str_starts(s, S("path")) && str_starts(s, none) && !str_starts(none, S("p")));
	ck_assert(str_ends(s, S("?x")) && !str_ends(S("x"), S("?x")));
	ck_assert(str_eq(str_skip(S("abc"), 2), S("c")) && str_skip(S("abc"), 9).n == 0);
	ck_assert(str_eq(str_first(S("abc"), 2), S("ab")) && str_first(S("abc"), 9).n == 3);
	ck_assert(str_eq(str_cut(&s, '?'), S("path")));
	ck_assert(str_eq(s, S("query?x")));
	ck_assert(str_eq(str_cut(&s, '!'), S("query?x")));
	ck_assert(s.n == 0 && s.p == NULL);
	s = S("end?");
	ck_assert(str_eq(str_cut(&s, '?'), S("end")));
	ck_assert(s.n == 0 && s.p != NULL); /* there was a separator */
}
END_TEST

START_TEST(searching_finds_the_first_place)
{
	ck_assert_int_eq(str_chr(S("a,b,c"), ','), 1);
	ck_assert_int_eq(str_chr(none, ','), -1);
	ck_assert_int_eq(str_find(S("ababac"), S("abac")), 2);
	ck_assert_int_eq(str_find(S("abc"), S("")), 0);
	ck_assert_int_eq(str_find(S("abc"), S("bcd")), -1);
	ck_assert_int_eq(str_find(S("aaa"), S("aaaa")), -1);
	ck_assert_int_eq(str_ifind(S("Keep-Alive, CLOSE"), S("close")), 12);
	ck_assert_int_eq(str_ifind(S("clos"), S("close")), -1);
}
END_TEST

START_TEST(trimming_takes_blanks_at_the_ends)
{
	ck_assert(str_eq(str_trim(S(" \t a b\t ")), S("a b")));
	ck_assert_uint_eq(str_trim(S(" \t ")).n, 0);
	ck_assert(str_eq(str_trim(S("\n x")), S("\n x")));
}
END_TEST

START_TEST(numbers_are_whole_bounded_and_never_wrap)
{
	uint64_t v = 7;

	ck_assert(str_u64(S("0"), 10, &v) && v == 0);
	ck_assert(str_u64(S("18446744073709551615"), UINT64_MAX, &v) && v == UINT64_MAX);
	ck_assert(str_u64(S("007"), 10, &v) && v == 7);
	ck_assert(!str_u64(S("18446744073709551616"), UINT64_MAX, &v));
	ck_assert(!str_u64(S("99999999999999999999999"), UINT64_MAX, &v));
	ck_assert(!str_u64(S("11"), 10, &v));
	ck_assert(!str_u64(S(""), 10, &v) && !str_u64(S("-1"), 10, &v) &&
		  !str_u64(S("+1"), 10, &v));
	ck_assert(!str_u64(S("1 "), 10, &v) && !str_u64(S("0x1"), 10, &v));
	ck_assert_uint_eq(v, 7);
}
END_TEST

Suite *str_suite(void)
{
	Suite *s = suite_create("str");
	TCase *tc = tcase_create("text");

	tcase_add_test(tc, comparing_looks_at_bytes_and_length);
	tcase_add_test(tc, folding_concerns_ascii_letters_only);
	tcase_add_test(tc, prefixes_suffixes_and_cuts_stay_inside);
	tcase_add_test(tc, searching_finds_the_first_place);
	tcase_add_test(tc, trimming_takes_blanks_at_the_ends);
	tcase_add_test(tc, numbers_are_whole_bounded_and_never_wrap);
	suite_add_tcase(s, tc);
	return s;
}
