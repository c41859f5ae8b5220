/* SPDX-License-Identifier: Apache-2.0 */
/* The parser, and the pairs of tests/golden/parse: NAME.weir, what ast_dump prints of it
 * (NAME.ast), and what is reported (NAME.err). Runs in tests/unit. WEIR_GOLDEN=write in the
 * environment writes them anew. */
#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../compiler_front.h"
#include "compiler/diag.h"
#include "compiler/parse.h"
#include "compiler/source.h"
#include "compiler/subject.h"

static const char golden[] = "../golden/parse";
static char folder[] = "/tmp/weir-parse-XXXXXX";

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

/* One rule of frontend f, at line 2. */
static void check_rule(const char *rule, const char *want)
{
	char text[512], dump[1024];

	snprintf(text, sizeof(text), "frontend f\n%s\n", rule);
	snprintf(dump, sizeof(dump), "frontend f\n  2: %s\n", want);
	check_dump(text, dump);
}

/* The hint for <rule>, in line 2. */
static void check_hint(const char *rule, const char *code, const char *hint)
{
	char text[512], *said;

	snprintf(text, sizeof(text), "frontend f\n%s\n", rule);
	said = front_report(text);
	ck_assert_msg(strstr(said, code) && strstr(said, hint), "'%s' says: %s", rule, said);
	ck_assert_msg(!strstr(strchr(said, '[') + 1, " error: "), "'%s' is reported twice: %s",
		      rule, said);
	free(said);
}

START_TEST(tests_stand_after_the_arguments_of_any_action)
{
	check_rule("req in switch images URI =^ \"/images\"",
		   "req in {switch <images>} [URI =^ \"/images\"]");
	check_rule("req in mapuri /a /b ; switch images path == /x on y",
		   "req in {mapuri </a> </b>} {switch <images>} [path == </x>] on y");
	check_rule("req in deny path == /x ; log info",
		   "req in {deny} {log <info>} [path == </x>]");
	check_rule("req in rem host host == x", "req in {rem <host>} [host == <x>]");
	check_rule("req in set host status path == /",
		   "req in {set <host> <status>} [path == </>]");
	check_rule("req in deny not tls", "req in {deny} not [tls]");
	check_rule("req in deny !h(x)", "req in {deny} not [h( <x> )]");
	check_errors("frontend f\nreq in deny tls ; log x tls\n", "2:25 E032");
}
END_TEST

START_TEST(actions_take_their_arguments)
{
	check_rule("req in permit", "req in {allow}");
	check_rule("req in deny 404 tls", "req in {deny <404>} [tls]");
	check_rule("req in tarpit 503 ${delay} tls", "req in {tarpit <503> <${delay}>} [tls]");
	check_rule("req in redir 301 scheme https drop-query !tls",
		   "req in {redir <301> <scheme> <https> <drop-query>} not [tls]");
	check_rule("req in redir /x scheme == http", "req in {redir </x>} [scheme == <http>]");
	check_rule("req in redir prefix \"/a\" append-slash on b",
		   "req in {redir <prefix> \"/a\" <append-slash>} on b");
	check_rule("req in respond 200 type text/plain header A b body \"c\" path == /h",
		   "req in {respond <200> <type> <text/plain> <header> <A> <b> <body> \"c\"} [path "
		   "== </h>]");
	check_rule("req in respond metrics path == /m",
		   "req in {respond <metrics>} [path == </m>]");
	check_rule("req in auth \"r\" users /etc/u on a",
		   "req in {auth \"r\" <users> </etc/u>} on a");
	check_rule("req in uriremap /a b path == /a", "req in {uriremap </a> <b>} [path == </a>]");
	check_rule("req in uriremap /a b / path == /a",
		   "req in {uriremap </a> <b> </>} [path == </a>]");
	check_rule("req in capture h(x)|lower as y len 20 tls",
		   "req in {capture h( <x> )|lower <as> <y> <len> <20>} [tls]");
	check_rule("req in set h(path) v", "req in {set h( <path> ) <v>}");
	check_rule("req in switch b:c", "req in {switch <b:c>}");
	check_rule("resp out count cp", "rsp out {count <cp>}");
	check_errors("frontend f\nconn out drop\nreq in drop foo\n req in add x\n",
		     "2:6 E001 3:13 E001 4:14 E001");
}
END_TEST

START_TEST(conditions_bind_not_then_and_then_or)
{
	check_dump("acl x on !a b, c || not (d, e && f)\n",
		   "  1: acl x on (or (and (not a) b) c (not (or d (and e f))))\n");
	check_dump("acl x on all\n", "  1: acl x on all\n");
	check_dump("acl x on (tls) !(path == /a /b) (src == set n)\n",
		   "  1: acl x on (and [tls] (not [path == </a> </b>]) [src == set <n>])\n");
	check_dump("acl x on !(a b, c)\n", "  1: acl x on (not (or (and a b) c))\n");
}
END_TEST

START_TEST(file_level_statements)
{
	check_dump("assert never setbe adm unless a\nassert always deny 404 on b (path == /x)\n",
		   "  1: assert never {setbe <adm>} unless a\n  2: assert always {deny <404>} on "
		   "(and b [path == </x>])\n");
	check_dump("param p default \"x\"\nparam q\nparam default\n",
		   "  1: param p \"x\"\n  2: param q\n  3: param default\n");
	check_dump("acl a h(x)\nacl a uri =~ x y\nacl b src == file \"n\"\nacl in on a\n",
		   "  1: acl a [h( <x> )]\n  2: acl a [uri =~ <x> <y>]\n  3: acl b [src == file "
		   "\"n\"]\n  4: acl in on a\n");
	check_errors("assert never deny\nassert deny on a\nacl on x\nacl a\nparam\n",
		     "1:18 E001 2:8 E001 3:5 E001 4:6 E001 5:6 E001");
}
END_TEST

START_TEST(one_report_a_line_and_no_follow_up)
{
	check_errors("frontend\nreq in deny on\nreq in drop\nbackend b b\"c\nserver a 1\n",
		     "1:1 E031 2:15 E001");
	check_errors("frontend a!b\nreq in drop\nfrontend \"x\ntimeout client 5s\n",
		     "1:10 E029 3:10 E024");
	check_errors("acl a host = x\nacl b path == x ,\nreq in drop\nreq in\nretries 1\n",
		     "1:12 E001 2:17 E001 3:1 E021 4:7 E001");
	check_errors("frontned f\nreq in drop\nbackend b\nserver a 1\n", "1:1 E022");
}
END_TEST

START_TEST(a_reported_acl_still_gives_its_name)
{
	struct arena a = { 0 };
	struct ast *ast;

	diag_reset();
	ast = parse_text(&a, S("t.weir"),
			 S("acl good path === /x\nacl bad\nacl worse path == \"x\n"));
	ck_assert_uint_eq(diag_errors(), 3);
	ck_assert(str_eq(ast->sections->stmts->acl->name, S("good")));
	ck_assert_ptr_null(ast->sections->stmts->acl->test);
	ck_assert(str_eq(ast->sections->stmts->next->next->acl->name, S("worse")));
	arena_free(&a);
}
END_TEST

START_TEST(hints_show_the_canonical_form)
{
	check_hint("req in deny on host == x y, z", "[E001]", "write (host == x y)");
	check_hint("req in deny on tls", "[E001]", "write (tls)");
	check_hint("req in URI =^ \"/images\" switch images", "[W207]",
		   "write: req in switch images URI =^ \"/images\"");
	check_hint("req in setbe host == x images", "[E001]", "the test comes after");
	check_hint("req in replace \"x\"", "[E001]", "mapuri OLD NEW");
	check_hint("if path == /x replace \"/\"", "[E001]", "rep NAME REGEX NEW");
	check_hint("req in rediir /x", "[E023]", "did you mean 'redir'?");
	check_hint("reqisetbe \"x\" b", "[E001]", "req in setbe");
	check_hint("reqirep \"x\" b", "[E022]", "req in rep NAME");
	check_hint("req in deny hots == x", "[E034]", "did you mean 'host'?");
	check_hint("req in deny path == a, b", "[E001]", "separated by blanks");
	check_hint("req in drop setbe b", "[E001]", "actions are joined by ';'");
	check_hint("req in deny h == x", "[E034]", "it takes an argument in brackets");
	check_hint("req in deny path =+ /x", "[E001]", "operators: ==");
	check_hint("req in deny path == /x !tls", "[E001]", "further ones go after on");
	check_hint("req in delete c(x)", "[E001]", "write: rem NAME");
	check_hint("assert never deny path == /x", "[E001]", "write: on (path == /x)");
	check_hint("include a.weir", "[E001]", "stands in quotes");
	check_hint("req in deny on (a (b)", "[E001]", "a ')' is missing");
	check_hint("timeot client 5s", "[E022]", "did you mean 'timeout'?");
}
END_TEST

START_TEST(headers_names_and_plain_lines)
{
	check_dump("listen l :80 tls\nmap m =~ dynamic\n\"a\"i b\nset s\nvalue h(x) y\ntest \"a "
		   "b\"\nexpect not x\n",
		   "listen l <:80> <tls>\nmap m <=~> <dynamic>\n  3: line \"a\"i <b>\nset s\n  5: "
		   "line <value> <h(x)> <y>\n"
		   "test a b\n  7: line <expect> <not> <x>\n");
	check_dump("checkpoint c\nkey src|mask(32, 64)\nglobal\nlimit head 16k\n",
		   "checkpoint c\n  2: option key <src|mask(32, 64)>\nglobal\n  4: option limit "
		   "head <16k>\n");
	check_errors("weir 2\nweir 1\n", "1:6 E028 2:1 E001");
	check_errors("frontend f\ntim c 5s\ntimeout\n\"x\"\n", "2:1 E009 3:1 E033 4:1 E001");
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	char text[4096] = "acl a on ", *got;

	memset(text + 9, '(', 2000);
	got = front_errors(text, strlen(text));
	ck_assert_ptr_nonnull(strstr(got, "E027"));
	free(got);
	memset(text + 9, '!', 2000);
	got = front_errors(text, strlen(text));
	ck_assert_ptr_nonnull(strstr(got, "E027"));
	free(got);
	memset(text + 9, '(', 90);
	text[99] = 'b';
	memset(text + 100, ')', 90);
	text[190] = 0;
	check_dump(text, "  1: acl a on b\n");
}
END_TEST

START_TEST(a_subject_is_read_from_its_text)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "path", true },
		{ "h(x)|lower|field(2,\";\")", true },
		{ "len(h(x)|list)", true },
		{ "src|sub(/a\\/),b/i,\"c,d\")", true },
		{ "date(%H:%M %p)", true },
		{ "", false },
		{ "h(", false },
		{ "h()", false },
		{ "h(x", false },
		{ "h(x))", false },
		{ "h(x)|", false },
		{ "h(\"x)", false },
		{ "len(len(x))", false },
		{ "len(", false },
		{ "h(\"x\"y)", false },
		{ "path x", false },
		{ "(x)", false },
	};
	struct arena a = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct at at = { .line = 1, .col = 1 };

		diag_reset();
		ck_assert_msg(!!subject_parse(&a, str_from(cases[i].text), at) == cases[i].good,
			      "'%s'", cases[i].text);
		ck_assert_uint_eq(diag_errors(), !cases[i].good);
	}
	arena_free(&a);
}
END_TEST

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void make_folder(void)
{
	char path[256];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sub", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void drop_folder(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

/* Parses top.weir of the folder, with its sub as the library; the text is what is expected. */
static void check_site(const char *want, const char *reports)
{
	char path[256], lib[256], *said, *got;

	snprintf(path, sizeof(path), "%s/top.weir", folder);
	snprintf(lib, sizeof(lib), "%s/sub", folder);
	got = front_site(path, lib, &said);
	if (want)
		ck_assert_str_eq(got, want);
	ck_assert_msg(*reports ? !!strstr(said, reports) : !*said, "reports: %s", said);
	free(got);
	free(said);
}

START_TEST(an_include_leaves_the_including_section_open)
{
	write_file("top.weir",
		   "acl a tls\nfrontend f\n include \"sub/one.weir\"\n req in drop on c\n");
	write_file("sub/one.weir",
		   "weir 1\nacl b tls\nbackend x\n retries 1\ninclude \"two.weir\"\n retries 2");
	write_file("sub/two.weir", "acl c tls\ninclude \"std/three.weir\"\n");
	write_file("sub/three.weir", "acl d tls\n");
	check_site("file\n  1: acl a [tls]\n  2: acl b [tls]\n  1: acl c [tls]\n  1: acl d [tls]\n"
		   "frontend f\n  4: req in {drop} on c\nbackend x\n  4: option retries <1>\n  6: "
		   "option retries <2>\n",
		   "");
}
END_TEST

START_TEST(files_have_names_without_the_build_folder)
{
	struct arena a = { 0 };
	char path[256], lib[256];

	write_file("top.weir", "include \"sub/one.weir\"\ninclude \"std/two.weir\"\n");
	write_file("sub/one.weir", "");
	write_file("sub/two.weir", "include \"three.weir\"\n");
	write_file("sub/three.weir", "");
	snprintf(path, sizeof(path), "%s/top.weir", folder);
	snprintf(lib, sizeof(lib), "%s/sub", folder);
	diag_reset();
	parse_site(&a, path, lib);
	ck_assert_uint_eq(source_count(), 4);
	ck_assert(str_eq(source_get(0)->name, S("top.weir")));
	ck_assert(str_eq(source_get(1)->name, S("sub/one.weir")));
	ck_assert(str_eq(source_get(2)->name, S("std/two.weir")));
	ck_assert(str_eq(source_get(3)->name, S("std/three.weir")));
	arena_free(&a);
}
END_TEST

START_TEST(bad_includes_are_errors_at_their_line)
{
	write_file("top.weir", "acl a tls\ninclude \"missing.weir\"\nacl b tls\n");
	check_site("file\n  1: acl a [tls]\n  3: acl b [tls]\n",
		   "top.weir:2:9: error: cannot include missing.weir: No such");
	write_file("top.weir", "include \"sub/one.weir\"\n");
	write_file("sub/one.weir", "\ninclude \"../top.weir\"\nacl b tls\n");
	check_site(
		"file\n  3: acl b [tls]\n",
		"sub/one.weir:2:9: error: cannot include ../top.weir: it includes itself [E012]");
	write_file("top.weir", "include \"sub\"\ninclude \"\"\ninclude \"/dev/zero\"\n");
	check_site("file\n", "cannot include sub: it is a directory");
	check_site("file\n", "top.weir:2:9: error: cannot include : the name is empty");
	check_site("file\n", "cannot include /dev/zero: it is no regular file");
	write_file("top.weir", "include \"one.weir\"\nacl x tls\n");
	write_file("one.weir", "req in drop\n");
	check_site("file\n  2: acl x [tls]\n",
		   "one.weir:1:1: error: 'req' stands outside any section [E021]");
}
END_TEST

START_TEST(includes_are_bounded)
{
	char name[32], text[64];

	write_file("top.weir", "include \"f0.weir\"\n");
	for (int i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "f%d.weir", i);
		snprintf(text, sizeof(text), "include \"f%d.weir\"\n", i + 1);
		write_file(name, text);
	}
	check_site("file\n", "includes are nested too deeply [E012]");
	write_file("top.weir", "include \"g0.weir\"\n");
	for (int i = 0; i < 4; i++) {
		char many[4096] = "";

		snprintf(name, sizeof(name), "g%d.weir", i);
		for (int k = 0; k < 15; k++)
			sprintf(many + strlen(many), "include \"g%d.weir\"\n", i + 1);
		write_file(name, many);
	}
	write_file("g4.weir", "# end\n");
	check_site("file\n", "more than 10000 files [E012]");
	ck_assert_uint_eq(source_count(), SOURCE_FILES_MAX);
}
END_TEST

START_TEST(a_missing_site_is_an_error_without_a_place)
{
	struct arena a = { 0 };
	char *said = NULL, *got = front_site("/nowhere/x.weir", NULL, &said);

	ck_assert_str_eq(got, "file\n");
	ck_assert_str_eq(said,
			 "error: cannot read /nowhere/x.weir: No such file or directory [E020]\n");
	free(got);
	free(said);
	arena_free(&a);
}
END_TEST

static char *slurp(const char *path)
{
	char *text = NULL;
	size_t room;
	FILE *f = fopen(path, "r");

	if (!f)
		return strdup("");
	if (getdelim(&text, &room, 0, f) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(f);
	return text;
}

static void check_golden(const char *base, const char *suffix, const char *got)
{
	char path[600], *want;

	snprintf(path, sizeof(path), "%s.%s", base, suffix);
	if (getenv("WEIR_GOLDEN")) {
		FILE *f = fopen(path, "w");

		fputs(got, f);
		fclose(f);
	}
	want = slurp(path);
	ck_assert_msg(strcmp(got, want) == 0, "%s differs; got:\n%s", path, got);
	free(want);
}

START_TEST(golden_files_give_their_ast_and_reports)
{
	struct dirent *e;
	unsigned n = 0;
	DIR *d = opendir(golden);

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d))) {
		char base[512], path[520], *said, *got, *dot = strrchr(e->d_name, '.');

		if (!dot || strcmp(dot, ".weir") != 0)
			continue;
		snprintf(base, sizeof(base), "%s/%.*s", golden, (int)(dot - e->d_name), e->d_name);
		snprintf(path, sizeof(path), "%s.weir", base);
		got = front_site(path, NULL, &said);
		check_golden(base, "ast", got);
		check_golden(base, "err", said);
		free(got);
		free(said);
		n++;
	}
	closedir(d);
	ck_assert_uint_gt(n, 0);
}
END_TEST

Suite *parse_suite(void)
{
	Suite *s = suite_create("parse");
	TCase *t = tcase_create("text"), *f = tcase_create("files");

	tcase_add_test(t, tests_stand_after_the_arguments_of_any_action);
	tcase_add_test(t, actions_take_their_arguments);
	tcase_add_test(t, conditions_bind_not_then_and_then_or);
	tcase_add_test(t, file_level_statements);
	tcase_add_test(t, one_report_a_line_and_no_follow_up);
	tcase_add_test(t, a_reported_acl_still_gives_its_name);
	tcase_add_test(t, hints_show_the_canonical_form);
	tcase_add_test(t, headers_names_and_plain_lines);
	tcase_add_test(t, deep_nesting_is_refused);
	tcase_add_test(t, a_subject_is_read_from_its_text);
	tcase_add_test(t, golden_files_give_their_ast_and_reports);
	tcase_add_checked_fixture(f, make_folder, drop_folder);
	tcase_add_test(f, an_include_leaves_the_including_section_open);
	tcase_add_test(f, files_have_names_without_the_build_folder);
	tcase_add_test(f, bad_includes_are_errors_at_their_line);
	tcase_add_test(f, includes_are_bounded);
	tcase_add_test(f, a_missing_site_is_an_error_without_a_place);
	suite_add_tcase(s, t);
	suite_add_tcase(s, f);
	return s;
}
