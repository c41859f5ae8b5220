/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../compiler/program.h"

#include <check.h>
#include <stdlib.h>

#include "../../../compiler/diag.h"
#include "../../../compiler/lower.h"
#include "../../../compiler/parse.h"

Suite *program_suite(void);

static struct arena arena;

static void setup(void)
{
	diag_reset();
}

static void teardown(void)
{
	arena_free(&arena);
}

static struct program *compiled(const char *text)
{
	struct program *p = lower(&arena, parse_text(&arena, S("t.weir"), str_from(text)));

	if (!p)
		diag_print_text(stderr);
	ck_assert_ptr_nonnull(p);
	return p;
}

static struct str written(const struct program *p)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct str s;

	ck_assert_ptr_nonnull(f);
	program_write(p, f);
	fclose(f);
	s = arena_str(&arena, str_of(text, n));
	free(text);
	return s;
}

static const char site[] =
	"param PORT default \"80\"\n"
	"global\n    trusted 10.0.0.0/8 2001:db8::/32\n    log stdout format json\n"
	"acl adm path =^ \"/admin\"b \"/a\\\"b\"\n"
	"acl odd on !(adm, (h(x-y) !~ \"^a(b)\"x)) (src == 10.0.0.0/8)\n"
	"frontend www\n    bind :${PORT}\n    forwardfor unless 127.0.0.1\n    error 503 redir "
	"\"/sorry\"\n"
	"    req in deny 404 on adm\n"
	"    req in deny h(q) == set bad\n    req in deny H(q) == set bad\n    req in deny "
	"src_port == set bad\n"
	"    req in rep x-a \"^(.)(.*)\"i \"\\2\\1 %{h(x-b)|field(2,\\\",\\\")|lower}\"\n"
	"    req in set x-g \"\\1\" path =~ \"^/(.*)$\"\n"
	"    req in switch %{host|map(sites)}\n"
	"    req in capture uri as u len 7 ; setvar v \"%{capture(u)}\"\n"
	"    req in respond 200 type \"text/plain\" header x-q \"1\" body \"hi\\x01 \\n\" on odd\n"
	"    rsp out switch sec on adm\n"
	"map sites =*\n    .example.com app\n    .other app\n"
	"set bad\n    value 1\n    value 2\n"
	"backend app\n    server a 10.0.0.1:8080 weight 3 backup\n    server b 0.0.0.0:+1000\n    "
	"timeout server 5s\n"
	"rsprules sec\n    rsp out set status 299 on (status == 200:204)\n"
	"test \"t\"\n    request GET \"/x y\" host h\n    expect deny 404\n";

START_TEST(writes_what_it_reads)
{
	struct str once = written(compiled(site)), why;
	struct program *back = program_read(&arena, once, &why);

	ck_assert_msg(back != NULL, "%.*s\n%.*s", STR_ARG(why), STR_ARG(once));
	ck_assert(str_eq(written(back), once));
	ck_assert_int_lt(str_find(once, S("0x")), 0);
}
END_TEST

START_TEST(keeps_rules_and_references)
{
	struct str text = written(compiled(site)), why;
	struct program *p = program_read(&arena, text, &why);
	const struct p_section *www;

	ck_assert_ptr_nonnull(p);
	www = p->sections[0];
	ck_assert(str_eq(www->name, S("www")) && www->kind == SEC_FRONTEND && www->filters == www);
	ck_assert_uint_eq(www->chains[DIR_REQ_IN].n, 9);
	ck_assert_uint_eq(www->chains[DIR_REQ_IN].rules[0]->place.line, 11);
	ck_assert_int_eq(www->chains[DIR_REQ_IN].rules[0]->cond->kind, PE_ACL);
	ck_assert(str_eq(www->chains[DIR_REQ_IN].rules[0]->cond->acl->name, S("adm")));
	ck_assert_ptr_nonnull(www->chains[DIR_REQ_IN].rules[5]->capturing);
	ck_assert_ptr_eq(www->chains[DIR_RSP_OUT].rules[0]->actions[0].target, p->sections[2]);
	ck_assert_int_eq(p->sections[1]->servers[0].weight, 3);
	ck_assert(p->sections[1]->servers[1].addr.port_offset);
	ck_assert_uint_eq(p->sections[1]->servers[1].index, 1);
}
END_TEST

START_TEST(same_text_for_one_source)
{
	ck_assert(str_eq(written(compiled(site)), written(compiled(site))));
}
END_TEST

/* Every text cut short, and every text with one byte changed: a program or a sentence, never a
 * crash. */
START_TEST(damaged_texts_are_refused_or_read)
{
	struct str text = written(compiled(site)), why;

	for (size_t n = 0; n + 2 < text.n; n++) {
		struct arena a = { 0 };
		char *cut = malloc(n + 1);

		ck_assert_ptr_nonnull(cut);
		memcpy(cut, text.p, n);
		ck_assert_ptr_null(program_read(&a, str_of(cut, n), &why));
		ck_assert_uint_gt(why.n, 0);
		free(cut);
		arena_free(&a);
	}
	for (size_t i = 0; i < text.n; i++) {
		static const char bytes[] = "()9\"\\ z\0";
		struct arena a = { 0 };
		char *changed = malloc(text.n);
		struct program *p;

		ck_assert_ptr_nonnull(changed);
		memcpy(changed, text.p, text.n);
		changed[i] = bytes[i % 8];
		p = program_read(&a, str_of(changed, text.n), &why);
		ck_assert(p ? why.n == 0 : why.n > 0);
		free(changed);
		arena_free(&a);
	}
}
END_TEST

static const char *const bad[] = {
	"",
	"weir-program",
	"weir-program 2\n",
	"x",
	"weir-program 1\nsite \"a\"\nhas files 99999999\n",
	"weir-program 1\nsite \"a\nhas\n",
	"weir-program 1 site \"a\" has subjects 1 subject ( host icase",
	"weir-program 1 site \"a\" has sections 2 section \"a\" backend section \"a\" backend",
	/* an acl that contains itself */
	"weir-program 1 site \"a\" has acls 1 acl ( \"a\" ) global acl-body ( acl ( \"a\" ) ) end",
	/* a rule list longer than the rules */
	("weir-program 1 site \"a\" has sections 1 section \"a\" backend global section-body "
	 "filters \"a\" servers_of \"a\" req_in 1 0 0 end"),
	"weir-program 1 site \"a\" has global end rest",
#define WITH_TEST(test)                                                                            \
	("weir-program 1 site \"a\" has subjects 1 subject ( path icase ) acls 1 acl ( \"a\" ) "   \
	 "global "                                                                                 \
	 "acl-body ( test ( of ( path icase ) " test " ) ) end")
	/* values of another kind than the operator or the subject has */
	WITH_TEST("=~ values 1 str \"/x\""),
	WITH_TEST("== values 1 int 1 1"),
	WITH_TEST("< values 1 str \"/x\""),
};

START_TEST(bad_texts_are_refused_with_a_sentence)
{
	struct str why = { 0 };

	ck_assert_ptr_nonnull(program_read(&arena, S(WITH_TEST("== values 1 str \"/x\"")), &why));
	ck_assert_msg(program_read(&arena, str_from(bad[_i]), &why) == NULL, "%s", bad[_i]);
	ck_assert_uint_gt(why.n, 10);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	struct str why;
	char *text = malloc(3000000), *p = text;

	ck_assert_ptr_nonnull(text);
	p += sprintf(p, "weir-program 1 site \"a\" has acls 1 acl ( \"a\" ) global acl-body");
	for (int i = 0; i < 100000; i++)
		p += sprintf(p, " ( not of 1");
	ck_assert_ptr_null(program_read(&arena, str_of(text, (size_t)(p - text)), &why));
	ck_assert_int_ge(str_find(why, S("deep")), 0);
	free(text);
}
END_TEST

Suite *program_suite(void)
{
	Suite *s = suite_create("program");
	TCase *t = tcase_create("text");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, writes_what_it_reads);
	tcase_add_test(t, keeps_rules_and_references);
	tcase_add_test(t, same_text_for_one_source);
	tcase_add_test(t, damaged_texts_are_refused_or_read);
	tcase_add_loop_test(t, bad_texts_are_refused_with_a_sentence, 0,
			    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, deep_nesting_is_refused);
	suite_add_tcase(s, t);
	return s;
}
