/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/diag.h"
#include "compiler/lower.h"
#include "compiler/parse.h"

static struct arena memory;

static void setup(void)
{
	diag_reset();
}

static void teardown(void)
{
	arena_free(&memory);
	diag_reset();
}

static struct program *compile(const char *text)
{
	return lower(&memory, parse_text(&memory, S("t.weir"), str_from(text)));
}

/* A frontend with <rules> and a backend b. */
static struct program *with_rules(const char *rules)
{
	struct str text = arena_printf(&memory,
				       "frontend www\n bind :80\n default_backend b\n%s\n"
				       "backend b\n server s 127.0.0.1:1\n",
				       rules);
	struct program *p = compile(text.p);

	if (!p)
		diag_print_text(stderr);
	ck_assert_ptr_nonnull(p);
	return p;
}

static struct p_action *only_action(struct program *p)
{
	ck_assert_uint_eq(p->nrules, 1);
	return &p->rules[0]->actions[0];
}

START_TEST(equal_subjects_and_regexes_are_one_object)
{
	struct program *p = with_rules(" req in deny path =~ \"a\"\n req in deny path =~ \"a\"\n"
				       " req in deny PATH =~ \"a\"\n req in deny path =~ \"a\"c");

	ck_assert_uint_eq(p->nsubjects, 2);
	ck_assert_uint_eq(p->nregexes, 2);
	ck_assert_ptr_eq(p->rules[0]->cond->test->subject, p->rules[1]->cond->test->subject);
	ck_assert_ptr_eq(p->rules[0]->cond->test->values[0].regex,
			 p->rules[1]->cond->test->values[0].regex);
	ck_assert_ptr_eq(p->rules[2]->cond->test->values[0].regex,
			 p->rules[3]->cond->test->values[0].regex);
}
END_TEST

START_TEST(case_is_in_the_spelling_and_the_letter_wins)
{
	struct program *p = with_rules(
		" req in deny on (host == a) (HOST == a) (host == \"a\"c) (HOST == \"a\"i)");
	struct p_expr *e = p->rules[0]->cond;

	ck_assert_int_eq(e->kind, PE_AND);
	ck_assert_uint_eq(e->nkids, 4);
	ck_assert(e->kids[0]->test->values[0].icase);
	ck_assert(!e->kids[1]->test->values[0].icase);
	ck_assert(!e->kids[2]->test->values[0].icase);
	ck_assert(e->kids[3]->test->values[0].icase);
}
END_TEST

START_TEST(written_texts_become_pieces)
{
	struct p_action *a = only_action(with_rules(
		" req in set x \"a%{host|lower}-\\1\\t%%{b}$${c}\\x41\\d\" path =~ \"(.)\""));

	ck_assert_uint_eq(a->text->n, 5);
	ck_assert(str_eq(a->text->pieces[0].text, S("a")));
	ck_assert_int_eq(a->text->pieces[1].kind, PIECE_SUBJECT);
	ck_assert(str_eq(a->text->pieces[2].text, S("-")));
	ck_assert_int_eq(a->text->pieces[3].kind, PIECE_BACKREF);
	ck_assert(str_eq(a->text->pieces[4].text, S("\t%{b}${c}A\\d")));
}
END_TEST

START_TEST(groups_come_from_the_own_regex_first)
{
	struct program *p = with_rules(" req in rep x /(a)(b)/ \"\\2\" path =~ \"(.)\"\n req in "
				       "set x \"\\0\" path =~ \"(.)\"\n"
				       " req in set x y path =~ \"(.)\"");

	ck_assert_ptr_null(p->rules[0]->capturing);
	ck_assert_ptr_nonnull(p->rules[1]->capturing);
	ck_assert_ptr_null(p->rules[2]->capturing); /* nothing reads them */
}
END_TEST

START_TEST(a_replacement_is_an_edit_before_the_switch)
{
	struct program *p = compile("frontend www\n bind :80\n default_backend b\n req in switch "
				    "b:\"/\" URI =^ \"/img/\"\n"
				    "backend b\n server s 127.0.0.1:1\n");

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->rules[0]->nactions, 2);
	ck_assert_int_eq(p->rules[0]->actions[0].id, ACT_MAPURI);
	ck_assert(str_eq(p->rules[0]->actions[0].old, S("/img/")));
	ck_assert(!p->rules[0]->actions[0].icase);
	ck_assert_int_eq(p->rules[0]->actions[1].id, ACT_SWITCH);
	ck_assert_ptr_nonnull(p->rules[0]->actions[1].target);
}
END_TEST

START_TEST(uriremap_takes_new_on_either_side)
{
	struct program *p = with_rules(
		" req in uriremap /a /x b\n req in uriremap /a b /x\n req in uriremap /a b");
	static const char *const new[] = { "/x", "/x", "/a" };

	for (int i = 0; i < 3; i++) {
		ck_assert(str_eq(p->rules[i]->actions[0].text->pieces[0].text, str_from(new[i])));
		ck_assert(str_eq(p->rules[i]->actions[0].target->name, S("b")));
	}
}
END_TEST

START_TEST(set_host_is_a_part_and_set_h_host_too)
{
	struct program *p = with_rules(" req in set host x\n req in set h(host) x\n req in set "
				       "h(path) x\n rsp out set status 404\n"
				       " req in set h(status) x");

	ck_assert_int_eq(p->rules[0]->actions[0].part, PART_HOST);
	ck_assert_int_eq(p->rules[1]->actions[0].part, PART_HOST);
	ck_assert_int_eq(p->rules[2]->actions[0].part, PART_HEADER);
	ck_assert(str_eq(p->rules[2]->actions[0].name, S("path")));
	ck_assert_int_eq(p->rules[3]->actions[0].part, PART_STATUS);
	ck_assert_int_eq(p->rules[3]->actions[0].status, 404);
	ck_assert_int_eq(p->rules[4]->actions[0].part, PART_HEADER);
}
END_TEST

START_TEST(an_acl_used_on_both_sides_is_read_twice)
{
	struct program *p = compile(
		"acl t h(x) == 1\nacl p path =^ /x\nfrontend www\n bind :80\n default_backend b\n"
		" req in deny on t p\n rsp out rem y on t p\nbackend b\n server s 127.0.0.1:1\n");

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->nacls, 4);
	ck_assert(!p->acls[0]->response && !p->acls[0]->expr->test->subject->of_request);
	ck_assert(p->acls[2]->response && !p->acls[2]->expr->test->subject->of_request);
	ck_assert(p->acls[3]->expr->test->subject->of_request); /* a path is only in requests */
}
END_TEST

START_TEST(deny_has_the_status_of_its_side)
{
	struct program *p = with_rules(" req in deny\n rsp out deny\n rsp out deny 404");

	ck_assert_int_eq(p->rules[0]->actions[0].status, 403);
	ck_assert_int_eq(p->rules[1]->actions[0].status, 502);
	ck_assert_int_eq(p->rules[2]->actions[0].status, 404);
}
END_TEST

START_TEST(unused_acls_do_not_get_into_the_program)
{
	struct program *p = with_rules(" acl u path =~ \"x\"\n acl v var(y) == 1");

	ck_assert_uint_eq(p->nacls, 0);
	ck_assert_uint_eq(p->nsubjects, 0);
	ck_assert_uint_eq(p->nregexes, 0);
	ck_assert_uint_eq(diag_warnings(), 2);
}
END_TEST

START_TEST(captures_of_the_two_sides_are_apart)
{
	struct program *p =
		with_rules(" req in capture path as n\n rsp out capture h(x) as n len 5\n"
			   " req in deny capture(n) == 1\n rsp out rem x capture(n) == 1");

	ck_assert_uint_eq(p->ncaptures, 2);
	ck_assert_uint_ne(p->rules[0]->actions[0].capture, p->rules[1]->actions[0].capture);
	ck_assert_int_eq(p->rules[0]->actions[0].num, 128);
	ck_assert_int_eq(p->rules[1]->actions[0].num, 5);
	ck_assert_int_eq(p->rules[2]->cond->test->subject->num, p->rules[0]->actions[0].capture);
	ck_assert_int_eq(p->rules[3]->cond->test->subject->num, p->rules[1]->actions[0].capture);
}
END_TEST

START_TEST(a_set_has_a_form_for_each_type)
{
	struct program *p =
		compile("set s\n 10.0.0.1 10.0.0.2\nfrontend www\n bind :80\n default_backend b\n"
			" req in deny src == set s\n req in deny host == set s\n req in deny host "
			"== set s\n"
			"backend b\n server s 127.0.0.1:1\n");

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->nsets, 2);
	ck_assert_int_eq(p->rules[0]->cond->test->set->values[0].kind, VALUE_NET);
	ck_assert_int_eq(p->rules[1]->cond->test->set->values[0].kind, VALUE_STR);
	ck_assert_ptr_eq(p->rules[1]->cond->test->set, p->rules[2]->cond->test->set);
}
END_TEST

START_TEST(an_error_anywhere_gives_no_program)
{
	ck_assert_ptr_null(compile("frontend www\n bind :80\n req in nonsense\n"));
	ck_assert_uint_ge(diag_errors(), 1);
}
END_TEST

START_TEST(acls_may_nest_only_so_deep)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	fputs("acl a0 path == /\n", f);
	for (int i = 1; i < 5000; i++)
		fprintf(f, "acl a%d on a%d\n", i, i - 1);
	fputs("frontend www\n bind :80\n default_backend b\n req in deny on a4999\nbackend b\n "
	      "server s 127.0.0.1:1\n",
	      f);
	fclose(f);
	ck_assert_ptr_null(compile(text));
	ck_assert_uint_eq(diag_errors(), 1);
	free(text);
}
END_TEST

Suite *lower_suite(void)
{
	Suite *s = suite_create("lower");
	TCase *t = tcase_create("lower");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, equal_subjects_and_regexes_are_one_object);
	tcase_add_test(t, case_is_in_the_spelling_and_the_letter_wins);
	tcase_add_test(t, written_texts_become_pieces);
	tcase_add_test(t, groups_come_from_the_own_regex_first);
	tcase_add_test(t, a_replacement_is_an_edit_before_the_switch);
	tcase_add_test(t, uriremap_takes_new_on_either_side);
	tcase_add_test(t, set_host_is_a_part_and_set_h_host_too);
	tcase_add_test(t, an_acl_used_on_both_sides_is_read_twice);
	tcase_add_test(t, deny_has_the_status_of_its_side);
	tcase_add_test(t, unused_acls_do_not_get_into_the_program);
	tcase_add_test(t, captures_of_the_two_sides_are_apart);
	tcase_add_test(t, a_set_has_a_form_for_each_type);
	tcase_add_test(t, an_error_anywhere_gives_no_program);
	tcase_add_test(t, acls_may_nest_only_so_deep);
	suite_add_tcase(s, t);
	return s;
}
