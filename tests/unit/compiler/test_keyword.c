/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "compiler/keyword.h"
#include "compiler/program.h"

/* Matches the words of <text>. */
static struct keyword_match match(const char *text)
{
	struct str rest = str_from(text), words[8];
	size_t n = 0;

	while (rest.p && n < 8)
		words[n++] = str_cut(&rest, ' ');
	return keyword_option(words, n);
}

static void check_found(const char *text, int id, size_t used)
{
	struct keyword_match m = match(text);

	ck_assert_msg(m.result == KEYWORD_FOUND, "'%s' gives result %d", text, m.result);
	ck_assert_msg(m.id == id, "'%s' is option %d", text, m.id);
	ck_assert_uint_eq(m.used, used);
}

START_TEST(words_shorten_one_by_one)
{
	check_found("timeout connect 5s", OPT_TIMEOUT_CONNECT, 2);
	check_found("tim co 5s", OPT_TIMEOUT_CONNECT, 2);
	check_found("t k 5s", OPT_TIMEOUT_KEEPALIVE, 2);
	check_found("timeout connection 5s", OPT_TIMEOUT_CONNECT, 2);
	check_found("lim u 5k", OPT_URI_MAX, 2);
	check_found("for r", OPT_FORWARD_RAW, 2);
}
END_TEST

START_TEST(an_exact_word_wins_over_being_a_prefix)
{
	check_found("timeout client 5s", OPT_TIMEOUT_CLIENT, 2);
	check_found("tim client 5s", OPT_TIMEOUT_CLIENT, 2);
	check_found("limit head 16k", OPT_HEAD_MAX, 2);
	check_found("log off", OPT_LOG, 1);
	check_found("forwardfor header x", OPT_FORWARDFOR, 1);
}
END_TEST

START_TEST(an_ambiguous_prefix_lists_the_candidates)
{
	struct keyword_match m = match("tim c 5s");

	ck_assert_int_eq(m.result, KEYWORD_AMBIGUOUS);
	ck_assert_uint_eq(m.ncandidates, 4);
	ck_assert(str_eq(m.candidates[0], S("timeout client")));
	ck_assert(str_eq(m.candidates[1], S("timeout connect")));
	ck_assert(str_eq(m.candidates[2], S("timeout check")));
	ck_assert(str_eq(m.candidates[3], S("timeout client-fin")));
	ck_assert_int_eq(match("lim hea 3").result, KEYWORD_AMBIGUOUS);
	ck_assert_int_eq(match("timeout cl 3").result, KEYWORD_AMBIGUOUS);
}
END_TEST

START_TEST(single_words_are_never_shortened)
{
	ck_assert_int_eq(match("bal leastconn").result, KEYWORD_NONE);
	ck_assert_int_eq(match("maxcon 5").result, KEYWORD_NONE);
	ck_assert_int_eq(match("").result, KEYWORD_NONE);
	ck_assert_int_eq(match("timeout").result, KEYWORD_INCOMPLETE);
	ck_assert_int_eq(match("timeout x").result, KEYWORD_INCOMPLETE);
}
END_TEST

START_TEST(subjects_take_both_cases_and_req)
{
	ck_assert(keyword_subject(S("uri"), true));
	ck_assert(keyword_subject(S("URI"), true));
	ck_assert(keyword_subject(S("req.path"), true));
	ck_assert(keyword_subject(S("h"), false));
	ck_assert(!keyword_subject(S("h"), true));
	ck_assert(!keyword_subject(S("hdr"), false));
}
END_TEST

START_TEST(typos_get_a_suggestion)
{
	ck_assert(str_eq(keyword_near_action(S("rediir")), S("redir")));
	ck_assert(str_eq(keyword_near_statement(S("frontned")), S("frontend")));
	ck_assert(str_eq(keyword_near_subject(S("hots")), S("host")));
	ck_assert_uint_eq(keyword_near_action(S("zzzzzzz")).n, 0);
}
END_TEST

Suite *keyword_suite(void)
{
	Suite *s = suite_create("keyword");
	TCase *t = tcase_create("keyword");

	tcase_add_test(t, words_shorten_one_by_one);
	tcase_add_test(t, an_exact_word_wins_over_being_a_prefix);
	tcase_add_test(t, an_ambiguous_prefix_lists_the_candidates);
	tcase_add_test(t, single_words_are_never_shortened);
	tcase_add_test(t, subjects_take_both_cases_and_req);
	tcase_add_test(t, typos_get_a_suggestion);
	suite_add_tcase(s, t);
	return s;
}
