/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "../compiler_front.h"
#include "runtime/base/str.h"

static void check_dump(const char *text, const char *want)
{
	char *got = front_dump(text), *said = front_report(text);

	ck_assert_msg(!*said, "'%s' is refused: %s", text, said);
	ck_assert_str_eq(got, want);
	free(got);
	free(said);
}

static void check_errors(const char *text, const char *want)
{
	char *got = front_errors(text, strlen(text));

	ck_assert_msg(strcmp(got, want) == 0, "'%s' gives '%s', not '%s'", text, got, want);
	free(got);
}

START_TEST(a_bare_word_ends_where_the_language_says)
{
	check_dump("acl a path == /wiki/A_(b) h2,http/1.1 a;b x# #z\n",
		   "  1: acl a [path == </wiki/A_(b)> <h2,http/1.1> <a;b> <x#>]\n");
}
END_TEST

START_TEST(signs_end_words_before_a_blank)
{
	check_dump("acl a on (path == /x), b\n", "  1: acl a on (or [path == </x>] b)\n");
	check_dump("acl a on (path == /a(b)) c\n", "  1: acl a on (and [path == </a(b)>] c)\n");
	check_dump("acl a on !b && c || d\n", "  1: acl a on (or (and (not b) c) d)\n");
	check_dump("frontend f\nreq in log off; drop\n",
		   "frontend f\n  2: req in {log <off>} {drop}\n");
}
END_TEST

START_TEST(texts_keep_all_escapes_but_their_delimiter)
{
	check_dump("acl a uri =~ \"a\\\"b\\\\\\d'\"\n", "  1: acl a [uri =~ \"a\"b\\\\\\d'\"]\n");
	check_dump("acl a uri =~ 'a\\'\"b' 'c\\\"'\n", "  1: acl a [uri =~ 'a'\"b' 'c\\\"']\n");
	check_dump("acl a uri =~ /a\\/b\\./i\n", "  1: acl a [uri =~ /a/b\\./i]\n");
	check_dump("acl a uri == \"a\\\\\" b\n", "  1: acl a [uri == \"a\\\\\" <b>]\n");
}
END_TEST

START_TEST(slashes_delimit_a_regex_only_in_its_places)
{
	check_dump("acl a path =~ /a b/ /c/x d\n", "  1: acl a [path =~ /a b/ /c/x <d>]\n");
	check_dump("acl a path == /a/ /b\n", "  1: acl a [path == </a/> </b>]\n");
	check_dump("acl a path =~ file /etc/list\n", "  1: acl a [path =~ file </etc/list>]\n");
	check_dump("frontend f\nreq in rep x /a b/ /c d/ on e\n",
		   "frontend f\n  2: req in {rep <x> /a b/ /c d/} on e\n");
	check_dump("frontend f\nreq in rewrite /a/ b path == /x/\n",
		   "frontend f\n  2: req in {rewrite /a/ <b>} [path == </x/>]\n");
	check_dump("frontend f\nreq in delete /a b/ path == /x/\n",
		   "frontend f\n  2: req in {delete /a b/} [path == </x/>]\n");
	check_dump("frontend f\nreq in mapuri /a/ /b/\n",
		   "frontend f\n  2: req in {mapuri </a/> </b/>}\n");
	check_dump("acl a h(x)|sub(/a (b/,\"c d\") == y\n",
		   "  1: acl a [h( <x> )|sub( /a (b/ \"c d\" ) == <y>]\n");
	check_errors("acl a path =~ /images/logo\n", "1:23 E025");
	check_errors("frontend f\nreq in rewrite /a/ /b\n", "2:20 E024");
}
END_TEST

START_TEST(option_letters_follow_the_delimiter_directly)
{
	check_dump("acl a path =^ \"/api\"bi '/x'c\n", "  1: acl a [path =^ \"/api\"ib '/x'c]\n");
	check_errors("acl a path =^ \"/api\"iz\n", "1:22 E025");
	check_errors("acl a path =^ \"/api\"ic\n", "1:21 E001");
	check_errors("acl a path =^ \"/api\"1\n", "1:21 E001");
}
END_TEST

START_TEST(a_backslash_after_a_blank_continues_the_line)
{
	check_dump("acl a path == /a \\\n  /b \\\r\n /c\nacl b tls\n",
		   "  1: acl a [path == </a> </b> </c>]\n  4: acl b [tls]\n");
	check_dump("acl a path == /a\\\nacl b tls\n",
		   "  1: acl a [path == </a\\>]\n  2: acl b [tls]\n");
	check_dump("acl a path == /a \\", "  1: acl a [path == </a>]\n");
	check_dump("# no \\\nacl a tls\n", "  2: acl a [tls]\n");
	check_errors("acl a path == /a \\\n  /b (\nacl b pth\n", "2:6 E001 3:7 E001");
	check_errors("acl a path == \"x \\\n  y\" z )\nacl b tls )\n", "1:15 E024 3:11 E001");
}
END_TEST

START_TEST(line_ends_comments_and_the_mark_are_no_text)
{
	check_dump("\xef\xbb\xbfweir 1\r\n\r\n  # c\r\nacl a tls # x\r\n", "  4: acl a [tls]\n");
	check_dump("acl a tls", "  1: acl a [tls]\n");
	check_dump("", "");
	check_dump("\n\n   \t\n", "");
}
END_TEST

START_TEST(bad_bytes_are_reported_at_their_place)
{
	static const char nul[] = "acl a t\0ls\nacl b tls\n";
	char *got = front_errors(nul, sizeof(nul) - 1);

	ck_assert_str_eq(got, "1:8 E026");
	free(got);
	check_errors("acl a path == \xc3\x28\n", "1:15 E026");
	check_errors("acl a path == \xed\xa0\x80\n", "1:15 E026");
	check_errors("acl a path == \x1b\n", "1:15 E026");
	check_errors("acl a path ==\rx\n", "1:14 E026");
	check_errors("# \xff\nfrontend \xff\nreq in drop\n", "1:3 E026 2:10 E026");
}
END_TEST

START_TEST(what_has_no_end_is_an_error)
{
	check_errors("acl a path == \"x\nacl b path == 'y\n", "1:15 E024 2:15 E024");
	check_errors("acl a h(x == y\n", "1:7 E024");
	check_errors("acl a path == \"x\\\"\n", "1:15 E024");
}
END_TEST

START_TEST(words_of_meaning_are_values_only_in_quotes)
{
	check_errors("acl a path == if\n", "1:15 E030");
	check_errors("acl a path == ==\n", "1:15 E030");
	check_errors("acl a path == h(x)\n", "1:15 E030");
	check_errors("set s\n value on\n", "2:8 E030");
	check_errors("frontend f\nbind :80 ; x\n", "2:10 E030");
	check_dump("acl a path == \"if\" host deny in\n",
		   "  1: acl a [path == \"if\" <host> <deny> <in>]\n");
}
END_TEST

START_TEST(a_long_statement_is_refused_once)
{
	size_t n = (size_t)3 << 20;
	char *text = malloc(n), *got;

	memset(text, 'x', n);
	memcpy(text, "acl a path == ", 14);
	memcpy(text + n - 12, "\nacl b tls )", 12);
	got = front_errors(text, n);
	ck_assert_str_eq(got, "1:1 E027 2:11 E001");
	free(got);
	for (size_t i = 64; i + 64 < n; i += 64)
		memcpy(text + i, " \\\n", 3);
	got = front_errors(text, n);
	ck_assert_ptr_nonnull(strstr(got, " E027"));
	ck_assert_ptr_null(strstr(strstr(got, " E027") + 1, " E027"));
	free(got);
	free(text);
}
END_TEST

Suite *lexer_suite(void)
{
	Suite *s = suite_create("lexer");
	TCase *t = tcase_create("lexer");

	tcase_add_test(t, a_bare_word_ends_where_the_language_says);
	tcase_add_test(t, signs_end_words_before_a_blank);
	tcase_add_test(t, texts_keep_all_escapes_but_their_delimiter);
	tcase_add_test(t, slashes_delimit_a_regex_only_in_its_places);
	tcase_add_test(t, option_letters_follow_the_delimiter_directly);
	tcase_add_test(t, a_backslash_after_a_blank_continues_the_line);
	tcase_add_test(t, line_ends_comments_and_the_mark_are_no_text);
	tcase_add_test(t, bad_bytes_are_reported_at_their_place);
	tcase_add_test(t, what_has_no_end_is_an_error);
	tcase_add_test(t, words_of_meaning_are_values_only_in_quotes);
	tcase_add_test(t, a_long_statement_is_refused_once);
	suite_add_tcase(s, t);
	return s;
}
