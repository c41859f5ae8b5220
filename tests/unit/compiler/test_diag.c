/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "compiler/diag_form.h"
#include "compiler/source.h"

static struct arena memory;
static uint32_t file;

/* Makes <text> the only file, with no reports. */
static void begin(const char *text)
{
	source_reset();
	arena_free(&memory);
	diag_reset();
	ck_assert_ptr_null(source_text(&memory, S("t.weir"), str_from(text), &file));
}

static struct at at(uint32_t line, uint32_t col, uint32_t len)
{
	return (struct at) { .file = file, .line = line, .col = col, .len = len };
}

static void check_text(const char *want)
{
	char *got = NULL;
	size_t n;
	FILE *out = open_memstream(&got, &n);

	diag_print_text(out);
	fclose(out);
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(a_report_shows_line_caret_hint_and_notes)
{
	begin("one\ntwo words\n");
	diag(E022, at(2, 5, 5), 5, "words");
	diag_hint("say %s", "this");
	diag_note(at(1, 1, 3), "was %d", 1);
	diag_note((struct at) { 0 }, "alone");
	check_text("t.weir:2:5: error: unknown keyword 'words' [E022]\n"
		   "    2 | two words\n"
		   "      |     ^~~~~\n"
		   "      = hint: say this\n"
		   "      = note: t.weir:1:1: was 1\n"
		   "    1 | one\n"
		   "      | ^~~\n"
		   "      = note: alone\n");
	ck_assert_uint_eq(diag_errors(), 1);
}
END_TEST

START_TEST(reports_come_in_order_of_place_and_once)
{
	begin("a\nb\nc\n");
	diag(E022, at(3, 1, 1), 1, "c");
	diag(E022, at(1, 1, 1), 1, "a");
	diag(E022, at(3, 1, 1), 1, "c");
	diag_note(at(1, 1, 1), "of a report that was not kept");
	diag(E001, at(1, 1, 1), "again");
	check_text("t.weir:1:1: error: again [E001]\n    1 | a\n      | ^\n"
		   "t.weir:1:1: error: unknown keyword 'a' [E022]\n    1 | a\n      | ^\n"
		   "t.weir:3:1: error: unknown keyword 'c' [E022]\n    3 | c\n      | ^\n");
	ck_assert_uint_eq(diag_errors(), 3);
}
END_TEST

START_TEST(the_caret_stays_under_tabs_and_wide_characters)
{
	begin("\tx\xc3\xa9\xe6\x97\xa5y\n");
	diag(E001, at(1, 8, 1), "here");
	check_text("t.weir:1:8: error: here [E001]\n"
		   "    1 | \tx\xc3\xa9\xe6\x97\xa5y\n"
		   "      | \t    ^\n");
}
END_TEST

START_TEST(a_long_line_is_cut_around_the_caret)
{
	char line[5001], want[400];

	memset(line, 'a', sizeof(line));
	line[2500] = 'X';
	line[5000] = 0;
	begin(line);
	diag(E001, at(1, 2501, 2000), "here");
	snprintf(want, sizeof(want),
		 "t.weir:1:2501: error: here [E001]\n    1 | ...%.50sX%.59s...\n      |    "
		 "%50s^%.59s\n",
		 line, line, "",
		 "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~");
	check_text(want);
}
END_TEST

START_TEST(a_long_word_is_not_quoted_whole)
{
	char word[3000], *got = NULL;
	size_t n;
	FILE *out = open_memstream(&got, &n);

	for (size_t i = 0; i + 1 < sizeof(word); i += 2)
		memcpy(word + i, "\xc3\xa9", 2);
	begin("a\n");
	diag(E022, at(1, 1, 1), (int)sizeof(word), word);
	diag_print_text(out);
	fclose(out);
	ck_assert_uint_lt(n, 800);
	ck_assert_ptr_nonnull(strstr(got, "\xc3\xa9... [E022]"));
	ck_assert_ptr_null(strchr(got, '?'));
	free(got);
}
END_TEST

START_TEST(control_bytes_of_the_text_never_reach_the_terminal)
{
	begin("a\x1b[31m\xff\n");
	diag(E022, at(1, 1, 1), 3, "a\x1b\xff");
	check_text(
		"t.weir:1:1: error: unknown keyword 'a?\?' [E022]\n    1 | a?[31m?\n      | ^\n");
}
END_TEST

START_TEST(more_than_the_limit_are_counted)
{
	char *got = NULL;
	size_t n;
	FILE *out = open_memstream(&got, &n);

	begin("a\n");
	for (uint32_t i = 0; i < DIAG_MAX + 7; i++)
		diag(E001, at(1, i + 1, 1), "x");
	diag_hint("of a report that was not kept");
	diag_print_text(out);
	fclose(out);
	ck_assert_uint_eq(diag_errors(), DIAG_MAX + 7);
	ck_assert_ptr_nonnull(strstr(got, "\n7 more not shown\n"));
	ck_assert_ptr_null(strstr(got, "hint"));
	free(got);
}
END_TEST

START_TEST(json_is_escaped)
{
	char *got = NULL;
	size_t n;
	FILE *out = open_memstream(&got, &n);

	begin("a\n");
	diag(E022, at(1, 1, 1), 6, "\"\\\x01\n\xff\x7f");
	diag_note((struct at) { 0 }, "n");
	diag_form_site(out, FORM_JSON, true);
	fclose(out);
	ck_assert_str_eq(
		got, "{\"version\":1,\"diagnostics\":[{\"code\":\"E022\",\"severity\":\"error\","
		     "\"class\":\"exact\",\"file\":\"t.weir\",\"line\":1,\"col\":1,\"len\":1,"
		     "\"text\":\"unknown keyword '\\\"\\\\\\u0001\\u000a\xef\xbf\xbd\\u007f'\","
		     "\"fingerprint\":\"888ecb8bcd290ed5\",\"notes\":[{\"text\":\"n\"}]}],"
		     "\"dropped\":0}\n");
	free(got);
}
END_TEST

START_TEST(the_nearest_name_is_one_typo_away)
{
	const struct str names[] = { { "admin", 5 }, { "office", 6 }, { "a", 1 } };

	ck_assert(str_eq(diag_nearest(S("adimn"), names, 3), S("admin")));
	ck_assert(str_eq(diag_nearest(S("Ofice"), names, 3), S("office")));
	ck_assert_uint_eq(diag_nearest(S("b"), names, 3).n, 0);
	ck_assert_uint_eq(diag_nearest(S("something"), names, 3).n, 0);
	ck_assert_uint_eq(diag_nearest(S(""), names, 3).n, 0);
}
END_TEST

START_TEST(lines_are_found_in_long_files)
{
	char text[4096], *p = text;

	for (int i = 1; i <= 700; i++)
		p += sprintf(p, "l%d\r\n", i);
	begin(text);
	for (uint32_t i = 1; i <= 700; i++) {
		char want[8];
		struct str got = source_line(at(i, 1, 1));

		sprintf(want, "l%u", i);
		ck_assert(str_eq(got, str_from(want)));
	}
	ck_assert_uint_eq(source_line(at(701, 1, 1)).n, 0);
}
END_TEST

Suite *diag_suite(void)
{
	Suite *s = suite_create("diag");
	TCase *t = tcase_create("diag");

	tcase_add_test(t, a_report_shows_line_caret_hint_and_notes);
	tcase_add_test(t, reports_come_in_order_of_place_and_once);
	tcase_add_test(t, the_caret_stays_under_tabs_and_wide_characters);
	tcase_add_test(t, a_long_line_is_cut_around_the_caret);
	tcase_add_test(t, a_long_word_is_not_quoted_whole);
	tcase_add_test(t, control_bytes_of_the_text_never_reach_the_terminal);
	tcase_add_test(t, more_than_the_limit_are_counted);
	tcase_add_test(t, json_is_escaped);
	tcase_add_test(t, the_nearest_name_is_one_typo_away);
	tcase_add_test(t, lines_are_found_in_long_files);
	suite_add_tcase(s, t);
	return s;
}
