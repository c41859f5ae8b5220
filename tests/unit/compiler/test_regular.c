/* SPDX-License-Identifier: Apache-2.0 */
/* The algebra of languages, against what the words say one by one. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/regular/literal.h"
#include "compiler/regular/redos.h"
#include "compiler/regular/word.h"

#define LONGEST 6
#define WORDS 1093 /* of up to 6 letters of 3 */

static struct arena arena;
static struct budget budget = BUDGET_DEFAULT;
static char text[WORDS][LONGEST];
static struct str words[WORDS];

static void setup(void)
{
	unsigned n = 0;

	budget = (struct budget)BUDGET_DEFAULT;
	for (unsigned len = 0, count = 1; len <= LONGEST; len++, count *= 3)
		for (unsigned i = 0; i < count; i++, n++) {
			for (unsigned k = 0, rest = i; k < len; k++, rest /= 3)
				text[n][k] = "ab/"[rest % 3];
			words[n] = str_of(text[n], len);
		}
	ck_assert_uint_eq(n, WORDS);
}

static void teardown(void)
{
	arena_free(&arena);
}

static const struct dfa *lang(const char *pattern)
{
	struct str why;
	const struct re *re = re_parse(&arena, str_from(pattern), false, false, &why);

	ck_assert_ptr_nonnull(re);
	return dfa_search(&arena, re, &budget);
}

static const char *const patterns[] = {
	"a",    "^a",      "b$",      "^ab$", "^$",       "",          "a|b/",          "^(ab)*$",
	"a.*b", "^a?b?/$", "/a(/|$)", "(?!)", "\\bab\\b", "^(a|bb)+$", "^[^/]*/[^/]*$", "^a{2,4}/",
};
#define NPATTERNS (sizeof(patterns) / sizeof(*patterns))

#define EACH_WORD(w) for (struct str *w = words; w < words + WORDS; w++)

START_TEST(sets_of_words_follow_boole)
{
	for (unsigned i = 0; i < NPATTERNS * NPATTERNS; i++) {
		const struct dfa *x = lang(patterns[i / NPATTERNS]),
				 *y = lang(patterns[i % NPATTERNS]);
		const struct dfa *not_x = dfa_complement(&arena, x),
				 *not_y = dfa_complement(&arena, y);
		const struct dfa *both = dfa_intersection(&arena, x, y, &budget);
		const struct dfa *any = dfa_union(&arena, x, y, &budget);
		const struct dfa *less = dfa_difference(&arena, x, y, &budget);
		bool included = true, meets = false;

		EACH_WORD(w)
		{
			bool in_x = dfa_accepts(x, *w), in_y = dfa_accepts(y, *w);

			ck_assert(dfa_accepts(not_x, *w) == !in_x);
			ck_assert(dfa_accepts(both, *w) == (in_x && in_y));
			ck_assert(dfa_accepts(any, *w) == (in_x || in_y));
			ck_assert(dfa_accepts(less, *w) == (in_x && !in_y));
			included &= !in_x || in_y;
			meets |= in_x && in_y;
		}
		ck_assert((dfa_included(x, y, &budget) == ANSWER_YES) <= included);
		ck_assert((dfa_meets(x, y, &budget) == ANSWER_YES) >= meets);
		ck_assert((dfa_included(x, y, &budget) == ANSWER_YES) == dfa_is_none(less));
		ck_assert((dfa_meets(x, y, &budget) == ANSWER_NO) == dfa_is_none(both));
		/* Canonical: two ways to one language give one table. */
		ck_assert(dfa_equal(x, dfa_complement(&arena, not_x)));
		ck_assert(dfa_equal(any, dfa_complement(&arena, dfa_intersection(&arena, not_x,
										 not_y, &budget))));
		ck_assert(dfa_equal(less, dfa_intersection(&arena, x, not_y, &budget)));
		ck_assert(dfa_equal(both, dfa_intersection(&arena, y, x, &budget)));
		ck_assert(dfa_equal(x, y) == (dfa_included(x, y, &budget) == ANSWER_YES &&
					      dfa_included(y, x, &budget) == ANSWER_YES));
	}
}
END_TEST

static bool split_somewhere(const struct dfa *x, const struct dfa *y, struct str w)
{
	for (size_t n = 0; n <= w.n; n++)
		if (dfa_accepts(x, str_first(w, n)) && dfa_accepts(y, str_skip(w, n)))
			return true;
	return false;
}

START_TEST(concatenations_and_reversals_by_brute_force)
{
	for (unsigned i = 0; i < NPATTERNS; i++) {
		const struct dfa *x = lang(patterns[i]),
				 *y = lang(patterns[(i * 7 + 3) % NPATTERNS]);
		const struct dfa *xy = dfa_concat(&arena, x, y, &budget);
		const struct dfa *back = dfa_reverse(&arena, x, &budget);

		EACH_WORD(w)
		{
			char turned[LONGEST];

			for (size_t k = 0; k < w->n; k++)
				turned[k] = w->p[w->n - 1 - k];
			ck_assert(dfa_accepts(xy, *w) == split_somewhere(x, y, *w));
			ck_assert(dfa_accepts(back, str_of(turned, w->n)) == dfa_accepts(x, *w));
		}
		ck_assert(dfa_equal(x, dfa_reverse(&arena, back, &budget)));
	}
}
END_TEST

START_TEST(quotients_and_maps_by_brute_force)
{
	struct dfa_prefix_map map = { S("/a"), S("/bb"), false, lang("^(/|$)") };
	char room[LONGEST + 4];

	for (unsigned i = 0; i < NPATTERNS; i++) {
		const struct dfa *x = lang(patterns[i]), *left, *right, *pre, *image;

		left = dfa_left_quotient(&arena, S("/a"), x);
		right = dfa_right_quotient(&arena, x, S("/a"), &budget);
		pre = dfa_map_preimage(&arena, x, &map, &budget);
		image = dfa_map_image(&arena, x, &map, &budget);
		EACH_WORD(w)
		{
			struct str rest = str_skip(*w, 2), to = *w, joined;
			bool hit = str_starts(*w, S("/a")) && (rest.n == 0 || rest.p[0] == '/');

			joined = str_of(room, (size_t)sprintf(room, "/a%.*s", STR_ARG(*w)));
			ck_assert(dfa_accepts(left, *w) == dfa_accepts(x, joined));
			joined = str_of(room, (size_t)sprintf(room, "%.*s/a", STR_ARG(*w)));
			ck_assert(dfa_accepts(right, *w) == dfa_accepts(x, joined));
			if (hit)
				to = str_of(room, (size_t)sprintf(room, "/bb%.*s", STR_ARG(rest)));
			ck_assert(dfa_accepts(pre, *w) == dfa_accepts(x, to));
			ck_assert(!dfa_accepts(x, *w) || dfa_accepts(image, to));
		}
		/* Nothing is in the image that no word is mapped to. */
		ck_assert(dfa_included(image,
				       dfa_map_image(&arena,
						     dfa_map_preimage(&arena, image, &map, &budget),
						     &map, &budget),
				       &budget) == ANSWER_YES);
	}
}
END_TEST

START_TEST(common_words_are_shortest_and_complete)
{
	for (unsigned i = 0; i < 500; i++) {
		struct word_term t[3];
		struct str found, first = { 0 };
		enum answer answer;

		for (unsigned k = 0; k < 3; k++)
			t[k] = (struct word_term) {
				lang(patterns[(i * 31 + k * (i % 13 + 1)) % NPATTERNS]), i >> k & 1
			};
		answer = word_common(&arena, t, 3, &budget, &found);
		EACH_WORD(w)
		{
			bool all = true;

			for (unsigned k = 0; k < 3; k++)
				all &= dfa_accepts(t[k].dfa, *w) != t[k].negated;
			if (all && !first.p)
				first = *w;
		}
		if (answer == ANSWER_YES) {
			for (unsigned k = 0; k < 3; k++)
				ck_assert(dfa_accepts(t[k].dfa, found) != t[k].negated);
			ck_assert(!first.p || found.n <= first.n);
		} else {
			ck_assert_int_eq(answer, ANSWER_NO);
			ck_assert_ptr_null(first.p);
		}
	}
}
END_TEST

START_TEST(example_words_differ_and_are_readable)
{
	struct str out[20], w;
	unsigned n = word_some(&arena, lang("^/[a-z]+\\.php$"), out, 20);

	ck_assert_uint_eq(n, 20);
	ck_assert(str_eq(out[0], S("/a.php")));
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			ck_assert(!str_eq(out[i], out[k]));
	ck_assert(word_shortest(&arena, lang("[^a-z]\\d."), &w));
	ck_assert(str_eq(w, S("00a")));
	ck_assert(word_shortest(&arena, lang("^\\x01\\x02$"), &w));
	ck_assert(str_eq(w, S("\x01\x02")));
	ck_assert(!word_shortest(&arena, dfa_none(&arena), &w));
	ck_assert_uint_eq(word_some(&arena, lang("^(ab|c)$"), out, 20), 2);
	ck_assert(dfa_only_word(&arena, lang("^ab$"), &w) && str_eq(w, S("ab")));
	ck_assert(!dfa_only_word(&arena, lang("^a*$"), &w));
	ck_assert(!dfa_only_word(&arena, dfa_none(&arena), &w));
}
END_TEST

/* A limit is an answer of its own, never a wrong one. */
START_TEST(limits_are_reported)
{
	struct budget few = { .positions = 20, .states = 10000, .tuples = 10, .steps = 1000000 };
	struct str why, word;
	const struct re *large = re_parse(&arena, S("(a|b){9}c"), false, false, &why);
	struct word_term t[2] = { { lang("^(...)*a{20}$"), false }, { lang("^(.....)*$"), false } };

	ck_assert_ptr_null(dfa_search(&arena, large, &few));
	ck_assert_int_eq(few.hit, LIMIT_POSITIONS);
	few.positions = 1000;
	few.states = 4;
	ck_assert_ptr_null(dfa_search(&arena, large, &few));
	ck_assert_int_eq(few.hit, LIMIT_STATES);
	ck_assert_int_eq(word_common(&arena, t, 2, &few, &word), ANSWER_LIMIT);
	ck_assert_int_eq(few.hit, LIMIT_TUPLES);
	few.steps = 10;
	few.states = 1000;
	ck_assert_ptr_null(dfa_search(&arena, large, &few));
	ck_assert_int_eq(few.hit, LIMIT_STEPS);
}
END_TEST

START_TEST(opaque_parts_are_named)
{
	static const char *const opaque[] = { "(a)\\1",        "(?=ab)c",   "(?<!ab)c", "(?R)?a",
					      "a\\Kb",         "(?(1)a|b)", "(?C1)a",   "\\p{L}",
					      "(*FAIL)",       "(?>a|ab)c", "(ab)*+c",  "\\X",
					      "(?<n>a)\\k<n>", "a{,3}",     "(?1)(a)" };
	struct str why;

	for (unsigned i = 0; i < sizeof(opaque) / sizeof(*opaque); i++) {
		ck_assert_ptr_null(re_parse(&arena, str_from(opaque[i]), false, false, &why));
		ck_assert_msg(why.n > 0, "%s", opaque[i]);
	}
}
END_TEST

static void expect_literals(const char *pattern, unsigned n, enum literal_kind kind, bool icase,
			    const char *first)
{
	struct literal got[4], by_language;
	struct str why;
	const struct re *re = re_parse(&arena, str_from(pattern), false, false, &why);
	const struct dfa *d = dfa_search(&arena, re, &budget), *all = dfa_none(&arena);

	ck_assert_msg(regex_as_literals(&arena, re, got, 4) == n, "%s", pattern);
	if (n == 0)
		return;
	ck_assert_msg(got[0].kind == kind && got[0].icase == icase &&
			      str_eq(got[0].text, str_from(first)),
		      "%s", pattern);
	for (unsigned i = 0; i < n; i++)
		all = dfa_union(&arena, all, literal_dfa(&arena, &got[i], &budget), &budget);
	ck_assert_msg(dfa_equal(all, d), "%s", pattern);
	if (n == 1)
		ck_assert_msg(dfa_as_literal(&arena, d, &by_language) &&
				      str_eq(by_language.text, got[0].text),
			      "%s", pattern);
}

START_TEST(fixed_texts_are_recognised)
{
	struct literal l;

	expect_literals("^/abc$", 1, LITERAL_EQ, false, "/abc");
	expect_literals("^/abc", 1, LITERAL_PRE, false, "/abc");
	expect_literals("^/abc.*$", 1, LITERAL_PRE, false, "/abc");
	expect_literals("\\.php$", 1, LITERAL_SUF, false, ".php");
	expect_literals("(?i)curl", 1, LITERAL_SUB, true, "curl");
	expect_literals("^.*bot.*", 1, LITERAL_SUB, false, "bot");
	expect_literals("^.*bot$", 1, LITERAL_SUF, false, "bot");
	expect_literals("^/(css|js)/", 2, LITERAL_PRE, false, "/css/");
	expect_literals("\\.(?:gif|png|jpg)$", 3, LITERAL_SUF, false, ".gif");
	expect_literals("^a|b$", 2, LITERAL_PRE, false, "a");
	expect_literals("^$", 1, LITERAL_EQ, false, "");
	expect_literals("a+", 0, LITERAL_EQ, false, "");
	expect_literals("a(?i)b", 0, LITERAL_EQ, false, "");
	expect_literals("(a|b)(c|d)(e|f)", 0, LITERAL_EQ, false, "");
	ck_assert(dfa_as_literal(&arena, lang("^ab+c?|^abb"), &l));
	ck_assert(l.kind == LITERAL_PRE && str_eq(l.text, S("ab")));
	ck_assert(!dfa_as_literal(&arena, lang("ab|cd"), &l));
	ck_assert(!dfa_as_literal(&arena, dfa_none(&arena), &l));
}
END_TEST

START_TEST(literals_match_as_their_automata_accept)
{
	static const char *const texts[] = { "", "a", "ab", "a/", "/a", "/", "A", "aba" };

	for (unsigned i = 0; i < 8 * 20; i++) {
		struct literal l = { .kind = (enum literal_kind)(i % 5),
				     .icase = i / 5 & 1,
				     .bound = i / 10 & 1,
				     .delims = byteset_of('/'),
				     .text = str_from(texts[i / 20]) };
		const struct dfa *d = literal_dfa(&arena, &l, &budget);

		EACH_WORD(w)
		ck_assert_msg(dfa_accepts(d, *w) == literal_matches(&l, *w), "%u <%.*s>", i,
			      STR_ARG(*w));
	}
}
END_TEST

START_TEST(ambiguous_loops_are_found)
{
	static const struct {
		const char *pattern, *pump;
	} cases[] = {
		{ "^(a+)+$", "a" },
		{ "^(a*)*$", "a" },
		{ "(x|x)*y", "x" },
		{ "^(\\w+\\s?)*$", "a" },
		{ "(a|ab|b)*c", "ab" },
		{ "^(ab|a)*$", NULL },
		{ "^a*b*$", NULL },
		{ "(a|)*b", NULL },
		{ "(a?b?)*c", "a" },
		{ "^(/[^/]+)*$", NULL },
		{ "^(.*?,)+x", ",," },
		{ "(a{1,3})*$", "aa" },
		{ "^[a-z]+(-[a-z]+)*$", NULL },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str why, pump = S("");
		const struct re *re =
			re_parse(&arena, str_from(cases[i].pattern), false, false, &why);
		enum answer answer = redos_exponential(&arena, re, &budget, &pump);

		ck_assert_msg(answer == (cases[i].pump ? ANSWER_YES : ANSWER_NO), "%s",
			      cases[i].pattern);
		/* Part of the loop's own texts: as long as a few turns. */
		ck_assert_msg(answer == ANSWER_NO ||
				      (pump.n >= strlen(cases[i].pump) && pump.n <= 6),
			      "%s: %.*s", cases[i].pattern, STR_ARG(pump));
	}
}
END_TEST

Suite *regular_suite(void);
Suite *regular_suite(void)
{
	Suite *s = suite_create("regular");
	TCase *t = tcase_create("regular");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, sets_of_words_follow_boole);
	tcase_add_test(t, concatenations_and_reversals_by_brute_force);
	tcase_add_test(t, quotients_and_maps_by_brute_force);
	tcase_add_test(t, common_words_are_shortest_and_complete);
	tcase_add_test(t, example_words_differ_and_are_readable);
	tcase_add_test(t, limits_are_reported);
	tcase_add_test(t, opaque_parts_are_named);
	tcase_add_test(t, fixed_texts_are_recognised);
	tcase_add_test(t, literals_match_as_their_automata_accept);
	tcase_add_test(t, ambiguous_loops_are_found);
	suite_add_tcase(s, t);
	return s;
}
