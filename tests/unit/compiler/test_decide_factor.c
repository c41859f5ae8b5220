/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that a regex's matches hold, against PCRE2: whenever it matches, one of them is there; when
 * they are said to be all of the regex, never otherwise. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <check.h>

#include "compiler/decide/decide_part.h"

#define ROUNDS 4000
#define TEXTS 30
#define MANY 64

static struct arena memory;
static uint64_t seed = 7;

static void teardown(void)
{
	arena_free(&memory);
}

static uint32_t below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static bool factor_holds(const struct factor *f, struct str s, bool icase)
{
	if (f->start && f->end)
		return icase ? str_ieq(s, f->text) : str_eq(s, f->text);
	if (f->start)
		return icase ? str_istarts(s, f->text) : str_starts(s, f->text);
	if (f->end)
		return icase ? str_iends(s, f->text) : str_ends(s, f->text);
	return (icase ? str_ifind(s, f->text) : str_find(s, f->text)) >= 0;
}

static pcre2_code *compiled(struct str re, bool icase)
{
	int error;
	PCRE2_SIZE at;

	return pcre2_compile((PCRE2_SPTR)re.p, re.n,
			     PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF |
				     (icase ? PCRE2_CASELESS : 0),
			     &error, &at, NULL);
}

/* Joins random pieces; many are no regex, those are left. */
static struct str joined(const char *const *pieces, uint32_t npieces, uint32_t most)
{
	struct str out = S("");

	for (uint32_t n = below(most + 1); n > 0; n--)
		out = arena_printf(&memory, "%.*s%s", STR_ARG(out), pieces[below(npieces)]);
	return out;
}

static void one(struct str text, bool icase, unsigned *found, unsigned *exact_ones)
{
	static const char *const letters[] = { "a", "b",  "ab", "A",  "/",
					       ".", "x{", "1",  "\n", "abab" };
	struct p_regex re = { .text = text, .icase = icase };
	pcre2_code *code = compiled(text, icase);
	pcre2_match_data *data;
	struct factor f[MANY];
	bool exact;
	uint32_t n;

	if (!code)
		return;
	data = pcre2_match_data_create(1, NULL);
	n = decide_factors(&memory, &re, f, MANY, &exact);
	*found += n != 0;
	*exact_ones += n && exact;
	for (int i = 0; n && i < TEXTS; i++) {
		struct str s = joined(letters, sizeof(letters) / sizeof(*letters), 7);
		bool matches = pcre2_match(code, (PCRE2_SPTR)s.p, s.n, 0, 0, data, NULL) >= 0;
		bool held = false;

		for (uint32_t k = 0; k < n; k++)
			held = held || factor_holds(&f[k], s, icase);
		ck_assert_msg(!matches || held, "/%.*s/ matches '%.*s', its factor '%.*s' does not",
			      STR_ARG(text), STR_ARG(s), STR_ARG(f[0].text));
		ck_assert_msg(!exact || matches == held, "/%.*s/ is not all of '%.*s'",
			      STR_ARG(text), STR_ARG(s));
	}
	pcre2_match_data_free(data);
	pcre2_code_free(code);
}

START_TEST(random_ones)
{
	static const char *const pieces[] = {
		"a",           "b",     "ab",       "/",     "abab",   "\\.",   "\\/",   ".",
		".*",          "[ab]",  "[^]a]",    "(a|b)", "(?:ab)", "^",     "$",     "|",
		"+",           "*",     "?",        "{2}",   "{0,1}",  "{",     "\\d",   "\\n",
		"\\x61",       "\\141", "\\Qab\\E", "(?i)",  "(?=a)",  "(?!b)", "\\b",   "\\1",
		"[[:alpha:]]", "()",    "1",        "\\012", "[\\]a]", "(\\))", "([)]a)"
	};
	unsigned found = 0, exact = 0;

	for (int i = 0; i < ROUNDS; i++) {
		one(joined(pieces, sizeof(pieces) / sizeof(*pieces), 6), i & 1, &found, &exact);
		if (i % 500 == 0)
			arena_free(&memory);
	}
	ck_assert_uint_gt(found, ROUNDS / 10);
	ck_assert_uint_gt(exact, ROUNDS / 50);
}
END_TEST

static void expect(const char *re, const char *text, bool start, bool end, bool all)
{
	struct p_regex r = { .text = str_from(re) };
	struct factor f[MANY];
	bool exact;
	uint32_t n = decide_factors(&memory, &r, f, MANY, &exact);

	if (!text) {
		ck_assert_uint_eq(n, 0);
		return;
	}
	ck_assert_uint_ge(n, 1);
	ck_assert_msg(str_eq(f[0].text, str_from(text)), "/%s/ gives '%.*s'", re,
		      STR_ARG(f[0].text));
	ck_assert(f[0].start == start && f[0].end == end && exact == all);
}

START_TEST(usual_ones)
{
	expect("^/api/v[0-9]+/", "/api/v", true, false, false);
	expect("\\.php$", ".php", false, true, true);
	expect("^/only$", "/only", true, true, true);
	expect("select.*from", "select", false, false, false);
	expect("evil", "evil", false, false, true);
	expect("^/colou?r", "/colo", true, false, false);
	expect("ab+c", "ab", false, false, false);
	expect(".*", NULL, false, false, false);
	expect("a|.*", NULL, false, false, false);
	expect("(?i)abc", NULL, false, false, false);
	expect("\\d+", NULL, false, false, false);
}
END_TEST

Suite *decide_factor_suite(void)
{
	Suite *s = suite_create("decide_factor");
	TCase *c = tcase_create("factors");

	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, random_ones);
	tcase_add_test(c, usual_ones);
	suite_add_tcase(s, c);
	return s;
}
