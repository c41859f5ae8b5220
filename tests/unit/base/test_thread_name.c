/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "../../../runtime/base/thread_name.h"

Suite *thread_name_suite(void);

/* S106: the number in the process and that in the group follow from each other. */
START_TEST(s106_groups_divide_the_threads_and_the_numbers_map_both_ways)
{
	unsigned wrong = 0, shapes = 0;

	for (unsigned n = 1; n <= THREADS_MAX; n++) {
		for (unsigned g = 1; g <= GROUPS_MAX && g <= n; g++) {
			struct thread_shape s = { n, g };

			shapes++;
			for (unsigned t = 0; t < n; t++) {
				unsigned group = group_of(&s, t),
					 local = t - group_first(&s, group);

				wrong += group >= g || t < group_first(&s, group) ||
					 local >= group_size(&s, group) ||
					 group_first(&s, group) + local != t;
			}
			for (unsigned k = 0; k < g; k++) /* even: they differ by one at most */
				wrong += group_size(&s, k) < n / g || group_size(&s, k) > n / g + 1;
		}
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(shapes, 16000);
	ck_assert_uint_eq(group_size(&(struct thread_shape) { 28, 4 }, 2), 7);
}
END_TEST

static const char *named(const char *text, unsigned n, unsigned g)
{
	static char buf[4096];
	struct thread_shape s = { n, g };
	struct number_set set;
	char why[THREAD_WHY];

	if (!thread_names(str_from(text), &s, &set, why))
		return "no";
	return numbers_format(&set, buf, sizeof(buf));
}

/* S105, as tids of 128 threads in two groups. */
START_TEST(s105_nine_spellings_name_threads)
{
	static const struct {
		const char *text, *tids;
	} cases[] = {
		{ "45", "44" },      { "1/45", "44" },       { "all/45", "44,108" },
		{ "1/all", "0-63" }, { "all", "0-127" },     { "all/all", "0-127" },
		{ "1/65", "no" },    { "65", "64" },         { "35-45", "34-44" },
		{ "60-70", "no" },   { "129", "no" },        { "2/1-2", "64-65" },
		{ "1-2/3", "2,66" }, { "1,3", "0,2" },       { "1/1,2/2", "0,65" },
		{ "1,1/1", "no" },   { "all,1/1", "0-127" }, { "", "no" },
		{ "0", "no" },       { "x", "no" },          { "1/", "no" },
		{ "/1", "no" },      { "5-3", "no" },        { "1/2/3", "no" },
		{ "1-", "no" },      { "all-2", "no" },      { "3/1", "no" },
		{ "1,", "no" },      { "4294967297", "no" }, { "-1", "no" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_msg(strcmp(named(cases[i].text, 128, 2), cases[i].tids) == 0, "%s: %s",
			      cases[i].text, named(cases[i].text, 128, 2));
	ck_assert_str_eq(named("all/4", 7, 2), "no"); /* 3 and 4 threads */
	ck_assert_str_eq(named("2/4", 7, 2), "6");
	ck_assert_str_eq(named("45", 0, 0), "");
	ck_assert_str_eq(named("1/65", 0, 0), "no");
}
END_TEST

START_TEST(lists_of_numbers_are_read_and_written)
{
	static const char *const good[] = { "", "0", "0-3", "0-3,8", "1,3,5-7", "63-64", "1023" };
	static const char *const bad[] = { ",", "1,", "a", "3-1", "1024", "0-1024", "1--2", "-3" };
	struct number_set s;
	char buf[64];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ck_assert_msg(numbers_parse(str_from(good[i]), &s), "%s", good[i]);
		ck_assert_str_eq(numbers_format(&s, buf, sizeof(buf)), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!numbers_parse(str_from(bad[i]), &s), "%s", bad[i]);
	ck_assert(numbers_parse(S("0-3,5"), &s));
	ck_assert_uint_eq(numbers_count(&s), 5);
	ck_assert_int_eq(numbers_next(&s, 4), 5);
	ck_assert_int_eq(numbers_next(&s, 6), -1);
	memset(&s, 0x55, sizeof(s));
	ck_assert_uint_lt(strlen(numbers_format(&s, buf, sizeof(buf))), sizeof(buf)); /* cut */
}
END_TEST

Suite *thread_name_suite(void)
{
	Suite *s = suite_create("thread_name");
	TCase *tc = tcase_create("names");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, s106_groups_divide_the_threads_and_the_numbers_map_both_ways);
	tcase_add_test(tc, s105_nine_spellings_name_threads);
	tcase_add_test(tc, lists_of_numbers_are_read_and_written);
	suite_add_tcase(s, tc);
	return s;
}
