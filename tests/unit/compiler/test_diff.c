/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../compiler/diff.h"

#include <check.h>
#include <stdlib.h>

#include "../../../compiler/diag.h"
#include "../compiler_front.h"

Suite *diff_suite(void);

static struct arena arena;

static void setup(void)
{
	diag_reset();
}

static void teardown(void)
{
	arena_free(&arena);
}

#define APP "default_backend app\nbackend app\n server a 10.0.0.1:80\n"
#define F(rules) "frontend f\n bind :80\n" rules APP

/* Old, new, how many differences, and a line that must be told (or NULL). */
static const struct {
	const char *old, *new;
	unsigned n;
	const char *line;
} rows[] = {
	{ F(""), F(""), 0, NULL },
	{ F("req in deny path == /a\n"), F("# why\n\n   req   in deny   path == \"/a\"  # x\n"), 0,
	  NULL },
	{ F("req in deny path == /a\n"), F("req in deny on (path == /a)\n"), 0, NULL },
	{ F(""),
	  "profile p\n timeout client 30s\n"
	  "frontend f\n use_profile p\n bind :80\n" APP,
	  0, NULL },
	{ F(""), F("req in deny path == /a\n"), 1,
	  "+ req in deny 403 on (path == \"/a\")   (t.weir:3)" },
	{ F("req in deny path == /a\n"), F(""), 1, "- req in deny 403 on (path == \"/a\")" },
	{ F("req in deny path == /a\n"), F("req in deny path == /b\n"), 1,
	  "~ req in deny 403 on (path == \"/a\") -> req in deny 403 on (path == \"/b\")" },
	{ F("req in deny path == /a\n"), F("req in deny PATH == /a\n"), 1, "(PATH == \"/a\")" },
	{ F("req in deny path == /a\n"), F("req in deny 404 path == /a\n"), 1, NULL },
	{ F("req in set x 1\nreq in set y 1\nreq in set z 1\n"),
	  F("req in set z 1\nreq in set x 1\nreq in set y 1\n"), 1, "> moved: req in set z \"1\"" },
	{ F("req in set x 1\nreq in set x 1\n"), F("req in set x 1\n"), 1, "- req in set x \"1\"" },
	{ F("req in set x 1\n"), F("rsp out set x 1\n"), 2, "+ rsp out set x \"1\"" },
	{ "acl a path == /1\n" F("req in deny on a\n"),
	  "acl a path == /2\n" F("req in deny on a\n"), 1,
	  "acl a: (path == \"/1\") -> (path == \"/2\")" },
	{ F("") "timeout server 5s\n", F("") "timeout server 7s\n", 1,
	  "setting timeout server: 5000 ms -> 7000 ms" },
	{ F(""), F("") "server b 10.0.0.2:80 backup\n", 1, "+ server b: 10.0.0.2:80 backup" },
	{ F(""), F("") "backend q\n server x 1.2.3.4:1\n", 1,
	  "+ section backend: 0 rules, 1 server" },
	{ F(""), "frontend f\n bind :81\n" APP, 2, "bind :81" },
	{ "global\n trusted 10.0.0.0/8\n" F(""), F(""), 1, "- trusted 10.0.0.0/8" },
	{ F("req in deny h(x) == set s\n") "set s\n value 1\n",
	  F("req in deny h(x) == set s\n") "set s\n value 2\n", 1, "set s" },
	{ "param P default 1\n" F("req in set x ${P}\n"),
	  "param P default 2\n" F("req in set x ${P}\n"), 1,
	  "param P: default \"1\" -> default \"2\"" },
};

static struct str told(const struct program *old, const struct program *new, bool json, unsigned *n)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);
	struct diff d;
	struct str s;

	ck_assert_ptr_nonnull(f);
	diff_compare(&d, &arena, old, new);
	*n = d.n;
	(json ? diff_json_items : diff_items)(&d, f);
	fclose(f);
	s = arena_str(&arena, str_of(out, size));
	free(out);
	return s;
}

START_TEST(counts_what_differs)
{
	unsigned n, back;
	struct program *old = front_program(&arena, str_from(rows[_i].old)),
		       *new = front_program(&arena, str_from(rows[_i].new));
	struct str text = told(old, new, false, &n);

	ck_assert_msg(n == rows[_i].n, "%u differences, not %u:\n%s", n, rows[_i].n, text.p);
	ck_assert_msg(!rows[_i].line || strstr(text.p, rows[_i].line), "not told: %s\n%s",
		      rows[_i].line, text.p);
	told(new, old, false, &back);
	ck_assert_uint_eq(back, n);
	text = told(old, new, true, &n);
	for (const char *at = text.p; (at = strstr(at, "{\"change\":")); at++)
		back--;
	ck_assert_uint_eq(back, 0);
}
END_TEST

/* The fewest moves: k rules taken to the other end are k moves, whatever their distance. */
START_TEST(moves_are_the_fewest)
{
	struct str old = S("frontend f\n bind :80\n"), new = old;
	unsigned n;

	for (int i = 0; i < 200; i++) {
		old = arena_printf(&arena, "%s req in set x%d 1\n", old.p, i);
		new = arena_printf(&arena, "%s req in set x%d 1\n", new.p, (i + 197) % 200);
	}
	told(front_program(&arena, arena_printf(&arena, "%s" APP, old.p)),
	     front_program(&arena, arena_printf(&arena, "%s" APP, new.p)), false, &n);
	ck_assert_uint_eq(n, 3);
}
END_TEST

Suite *diff_suite(void)
{
	Suite *s = suite_create("diff");
	TCase *t = tcase_create("diff");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, counts_what_differs, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, moves_are_the_fewest);
	suite_add_tcase(s, t);
	return s;
}
