/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that read sites and print: test, dump, version. */
#include <getopt.h>
#include <stdio.h>

#include "ast_dump.h"
#include "cmd.h"
#include "diag.h"
#include "parse.h"
#include "paths.h"
#include "testrun.h"

/* The test blocks of one site. <least>: per cent that must be covered; -1: nobody asks. */
static int test_site(const char *path, int least)
{
	struct arena a = { 0 };
	struct program *p = cmd_load(&a, path, NULL);
	struct coverage covered;
	int code = EXIT_OK;
	unsigned got;

	cmd_reports();
	if (!p) {
		arena_free(&a);
		return EXIT_FAILED;
	}
	coverage_init(&covered, &a, p);
	if (testrun(p, stdout, least >= 0 ? &covered : NULL) > 0)
		code = EXIT_FAILED;
	got = least >= 0 ? coverage_report(&covered, stdout) : 0;
	if ((int)got < least) {
		printf("%u per cent are covered, %d are required\n", got, least);
		code = EXIT_FAILED;
	}
	arena_free(&a);
	return code;
}

int cmd_test(int argc, char **argv)
{
	static const char help[] = "usage: weir test SITE... [options]\n\n"
				   "Runs the test blocks of each site, without any server, and "
				   "proves its asserts. Exit "
				   "code 1 when one of them fails.\n\n"
				   "      --coverage[=N]    say which rules no test has seen "
				   "match, or not match; exit "
				   "with 1 when less than\n"
				   "                        N per cent of that was seen\n";
	static const struct option options[] = { { "coverage", optional_argument, NULL, 'c' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	uint64_t n = 0;
	int code = EXIT_OK, least = -1, c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (c != 'c')
			return cmd_misuse("test", "bad option");
		if (optarg && !str_u64(str_from(optarg), 100, &n))
			return cmd_misuse("test", "'%s' is no percentage", optarg);
		least = (int)n;
	}
	if (optind == argc)
		return cmd_misuse("test", "a site file is missing");
	for (; optind < argc; optind++) {
		int one = test_site(argv[optind], least);

		code = one ? one : code;
	}
	return code;
}

int cmd_dump(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ast", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct arena a = { 0 };
	struct program *p;
	bool tree = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs("usage: weir dump SITE [--ast]\n\nPrints the rule program of a site "
			      "in its text form; with --ast what "
			      "the text says, before names are looked up.\n",
			      stdout);
			return EXIT_OK;
		}
		if (c != 'a')
			return cmd_misuse("dump", "bad option");
		tree = true;
	}
	if (argc - optind != 1)
		return cmd_misuse("dump", "it takes one site file");
	if (tree) {
		diag_reset();
		ast_dump(parse_site(&a, argv[optind], paths_stdlib()), stdout);
	} else {
		p = cmd_load(&a, argv[optind], NULL);
		if (p)
			program_write(p, stdout);
	}
	cmd_reports();
	arena_free(&a);
	return diag_errors() ? EXIT_FAILED : EXIT_OK;
}

int cmd_version(int argc, char **argv)
{
	(void)argv;
	if (argc > 1 && strcmp(argv[1], "-h") != 0 && strcmp(argv[1], "--help") != 0)
		return cmd_misuse("version", "it takes no argument");
	if (argc > 1)
		fputs("usage: weir version\n\n", stdout);
	printf("weir %s, language 1, program %d, abi %d\n", WEIR_VERSION, PROGRAM_VERSION,
	       WEIR_ABI);
	return EXIT_OK;
}
