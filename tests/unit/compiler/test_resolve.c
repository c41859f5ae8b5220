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
	struct program *p = lower(&memory, parse_text(&memory, S("t.weir"), str_from(text)));

	if (!p)
		diag_print_text(stderr);
	return p;
}

static struct p_section *section(struct program *p, const char *name)
{
	for (uint32_t i = 0; i < p->nsections; i++)
		if (str_eq(p->sections[i]->name, str_from(name)))
			return p->sections[i];
	ck_abort_msg("no section %s", name);
}

START_TEST(own_statements_win_over_profiles_and_later_profiles_over_earlier)
{
	struct program *p = compile(
		"profile a\n timeout client 1s\n timeout head 1s\n timeout body 1s\n"
		"profile b\n use_profile a\n timeout head 2s\n timeout keep-alive 2s\n"
		"profile c\n timeout keep-alive 3s override\n"
		"frontend f\n bind :80\n default_backend k\n use_profile b c\n timeout client 9s\n"
		"backend k\n server s 127.0.0.1:1\n");
	struct p_setting *s;

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(diag_warnings(), 0);
	s = section(p, "f")->settings;
	ck_assert_int_eq(s[OPT_TIMEOUT_CLIENT].num, 9000);
	ck_assert_uint_eq(s[OPT_TIMEOUT_CLIENT].origin.n, 0);
	ck_assert_int_eq(s[OPT_TIMEOUT_HEAD].num, 2000);
	ck_assert(str_eq(s[OPT_TIMEOUT_HEAD].origin, S("b")));
	ck_assert_int_eq(s[OPT_TIMEOUT_BODY].num, 1000);
	ck_assert(str_eq(s[OPT_TIMEOUT_BODY].origin, S("a")));
	ck_assert_int_eq(s[OPT_TIMEOUT_KEEPALIVE].num, 3000);
	ck_assert_uint_eq(s[OPT_TIMEOUT_HEAD].place.line, 7);
}
END_TEST

START_TEST(defaults_are_filled_in_and_not_set)
{
	struct program *p = compile("listen l :80\n server s 127.0.0.1:1\n timeout connect 7s\n");
	struct p_setting *s;

	ck_assert_ptr_nonnull(p);
	s = section(p, "l")->settings;
	ck_assert(!s[OPT_TIMEOUT_CLIENT].set);
	ck_assert_int_eq(s[OPT_TIMEOUT_CLIENT].num, 30000);
	ck_assert_int_eq(s[OPT_REUSE].num, 1);
	ck_assert_int_eq(s[OPT_TIMEOUT_QUEUE].num, 7000); /* as long as timeout connect */
	ck_assert_int_eq(s[OPT_RATE_MIN].num, 500);
	ck_assert_int_eq(s[OPT_RATE_MIN].num2, 1000);
	ck_assert_int_eq(p->globals[OPT_HEAD_MAX].num, 16384);
}
END_TEST

START_TEST(use_statements_chain)
{
	struct program *p =
		compile("frontend a\n bind :80\n use_filters_from b\n"
			"frontend b\n bind :81\n use_filters_from c\n"
			"frontend c\n bind :82\n default_backend k\n req in deny path == /x\n"
			"backend k\n use_backend_from m\nbackend m\n use_backend_from n\n"
			"backend n\n server s 127.0.0.1:1\n timeout server 3s\n reuse always\n");
	struct p_section *a, *k;

	ck_assert_ptr_nonnull(p);
	a = section(p, "a");
	ck_assert_ptr_eq(a->filters, section(p, "c"));
	ck_assert_uint_eq(a->chains[DIR_REQ_IN].n, 1);
	ck_assert_ptr_eq(a->default_backend, section(p, "k"));
	k = section(p, "k");
	ck_assert_ptr_eq(k->servers_of, section(p, "n"));
	ck_assert_int_eq(k->settings[OPT_TIMEOUT_SERVER].num, 3000);
	ck_assert_int_eq(k->settings[OPT_REUSE].num, 3);
	ck_assert_uint_eq(p->nrules, 1);
}
END_TEST

START_TEST(error_pages_are_chosen_by_status)
{
	struct program *p =
		compile("profile a\n error 503 504 file \"a\"\nprofile b\n error 504 file \"b\"\n"
			"listen l :80\n use_profile a b\n error 502 redir \"http://x/\"\n server s "
			"127.0.0.1:1\n");
	struct p_section *l;

	ck_assert_ptr_nonnull(p);
	l = section(p, "l");
	ck_assert_uint_eq(l->nerrors, 3);
	ck_assert_uint_eq(l->errors[0].status, 502);
	ck_assert(str_eq(l->errors[0].url, S("http://x/")));
	for (uint32_t i = 1; i < 3; i++)
		ck_assert(str_eq(l->errors[i].file, l->errors[i].status == 504 ? S("b") : S("a")));
}
END_TEST

START_TEST(seed_headers_compile)
{
	struct program *p = compile("listen l 127.0.0.1:80\n server there\n");
	struct p_section *l;

	ck_assert_ptr_nonnull(p);
	l = section(p, "l");
	ck_assert_uint_eq(l->nbinds, 1);
	ck_assert_uint_eq(l->binds[0].addr.port, 80);
	ck_assert(l->servers[0].addr.host_name && l->servers[0].addr.port_offset);
	ck_assert(str_eq(l->servers[0].addr.host, S("there")));
}
END_TEST

START_TEST(params_stay_open_until_start)
{
	struct program *p = compile("param port default 80\nparam who\nparam t default 5s\n"
				    "listen l \":${port}\"\n server s \"${who}\"\n timeout client "
				    "${t}\n req in deny h(x) == \"a${who}\"\n");
	struct p_section *l;
	struct p_value *v;

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->nparams, 3);
	l = section(p, "l");
	ck_assert_uint_eq(l->binds[0].addr.text->n, 2);
	ck_assert_ptr_eq(l->servers[0].addr.text->pieces[0].param, p->params[1]);
	ck_assert_ptr_nonnull(l->settings[OPT_TIMEOUT_CLIENT].computed);
	v = &p->rules[0]->cond->test->values[0];
	ck_assert_int_eq(v->kind, VALUE_TEXT);
	ck_assert_uint_eq(v->computed->n, 2);
}
END_TEST

START_TEST(a_long_chain_of_jumps_is_walked_without_recursion)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	fputs("frontend w\n bind :80\n default_backend b\n req in switch r0\nbackend b\n server s "
	      "127.0.0.1:1\n",
	      f);
	for (int i = 0; i < 3000; i++)
		fprintf(f, "reqrules r%d\n req in switch r%d\n", i, i + 1);
	fputs("reqrules r3000\n req in deny\n", f);
	fclose(f);
	ck_assert_ptr_nonnull(compile(text));
	free(text);
}
END_TEST

Suite *resolve_suite(void)
{
	Suite *s = suite_create("resolve");
	TCase *t = tcase_create("resolve");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, own_statements_win_over_profiles_and_later_profiles_over_earlier);
	tcase_add_test(t, defaults_are_filled_in_and_not_set);
	tcase_add_test(t, use_statements_chain);
	tcase_add_test(t, error_pages_are_chosen_by_status);
	tcase_add_test(t, seed_headers_compile);
	tcase_add_test(t, params_stay_open_until_start);
	tcase_add_test(t, a_long_chain_of_jumps_is_walked_without_recursion);
	suite_add_tcase(s, t);
	return s;
}
