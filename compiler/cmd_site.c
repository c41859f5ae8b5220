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

/* Only -h, then one or more sites. False: <code> is the exit code. */
static bool only_sites(int argc, char **argv, const char *command, const char *help, int *code)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	int c = getopt_long(argc, argv, "h", options, NULL);

	if (c == 'h') {
		fputs(help, stdout);
		*code = EXIT_OK;
		return false;
	}
	if (c != -1 || optind == argc) {
		*code = c != -1 ? cmd_misuse(command, "bad option")
				: cmd_misuse(command, "a site file is missing");
		return false;
	}
	return true;
}

int cmd_test(int argc, char **argv)
{
	static const char help[] = "usage: weir test SITE...\n\n"
				   "Runs the test blocks of each site, without any server. Exit "
				   "code 1 when one of them fails.\n";
	int code = EXIT_OK;

	if (!only_sites(argc, argv, "test", help, &code))
		return code;
	for (; optind < argc; optind++) {
		struct arena a = { 0 };
		struct program *p = cmd_load(&a, argv[optind], NULL);

		cmd_reports();
		if (!p || testrun(p, stdout) > 0)
			code = EXIT_FAILED;
		arena_free(&a);
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
