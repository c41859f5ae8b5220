/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cmd.h"
#include "diag.h"

static const struct command {
	const char *name, *doc;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "build", "compile a site into one binary", cmd_build },
	{ "run", "build into a cache and start", cmd_run },
	{ "lint", "say what is wrong with a site", cmd_lint },
	{ "explain-code", "say what the code of a message means", cmd_code },
	{ "test", "run the test blocks of a site", cmd_test },
	{ "gen-tests", "write a test block for each rule", cmd_gen_tests },
	{ "explain", "show which rules a request meets, and its outcome", cmd_explain },
	{ "why", "show why a request ends as it does: deciding rules, and those passed over",
	  cmd_why },
	{ "query", "find a request that meets a condition and an outcome", cmd_query },
	{ "fmt", "write files in the canonical form", cmd_fmt },
	{ "lsp", "serve editors", cmd_lsp },
	{ "diff", "show what two sites, or built binaries, do differently", cmd_diff },
	{ "replay", "show which requests of an access log two sites treat differently",
	  cmd_replay },
	{ "graph", "draw where requests go", cmd_graph },
	{ "inspect", "show what a built binary holds", cmd_inspect },
	{ "dump", "print a site's rule program or syntax tree", cmd_dump },
	{ "version", "print the version", cmd_version },
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void usage(FILE *out)
{
	fputs("usage: weir COMMAND [options] ...\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-12s  %s\n", commands[i].name, commands[i].doc);
	fputs("\n'weir COMMAND -h' shows the options of a command. Exit codes: 0 done, 1 something "
	      "is wrong, 2 misuse.\n",
	      out);
}

static int unknown(const char *word)
{
	struct str names[COMMANDS], near;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = str_from(commands[i].name);
	near = diag_nearest(str_from(word), names, COMMANDS);
	fprintf(stderr, "weir: there is no command '%s'", word);
	if (near.n)
		fprintf(stderr, "; did you mean '%.*s'?", STR_ARG(near));
	fputs("\n'weir -h' lists the commands\n", stderr);
	return EXIT_MISUSE;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	static char dash_h[] = "-h";
	int code = -1;

	if (!word) {
		usage(stderr);
		return EXIT_MISUSE;
	}
	if (strcmp(word, "--version") == 0)
		word = "version";
	/* "help COMMAND" is "COMMAND -h". */
	if (strcmp(word, "help") == 0 && argc > 2) {
		word = argv[1] = argv[2];
		argv[2] = dash_h;
		argc = 3;
	}
	if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "help") == 0) {
		usage(stdout);
		return EXIT_OK;
	}
	for (size_t i = 0; i < COMMANDS && code < 0; i++)
		if (strcmp(word, commands[i].name) == 0)
			code = commands[i].run(argc - 1, argv + 1);
	if (code < 0)
		return unknown(word);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fputs("weir: cannot write to standard output\n", stderr);
		return EXIT_FAILED;
	}
	return code;
}
