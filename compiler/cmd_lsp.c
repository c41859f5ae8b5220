/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "cmd.h"
#include "editor/lsp.h"

static const char help[] = "usage: weir lsp\n\n"
			   "A language server on standard input and output, for editors "
			   "(docs/editors.md).\n";

int cmd_lsp(int argc, char **argv)
{
	static const struct option options[] = {
		{ "stdio", no_argument, NULL, 's' }, /* what some editors add */
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (c == '?')
			return cmd_misuse("lsp", "bad option");
	}
	if (optind != argc)
		return cmd_misuse("lsp", "it takes no argument");
	signal(SIGPIPE, SIG_IGN);
	return lsp_serve(stdin, stdout);
}
