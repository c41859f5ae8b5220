/* SPDX-License-Identifier: Apache-2.0 */
/* Command explain-code: what a code means, a site that has it, and one that has not. */
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "diag_report.h"

static const char code_help[] = "usage: weir explain-code [CODE [--bad|--good]]\n\n"
				"Says what a code of a message means, with an example that has it "
				"and one that has not. Without CODE: a line for each.\n\n"
				"      --bad    print the example that has it, alone\n"
				"      --good   print the one that has not\n";

static void indent(FILE *out, const char *text)
{
	struct str rest = str_from(text);

	while (rest.p && rest.n) {
		struct str line = str_cut(&rest, '\n');

		fprintf(out, "    %.*s\n", STR_ARG(line));
	}
}

static void describe(FILE *out, enum diag_code code)
{
	static const char *const fixes[] = { "no fix", "safe fix", "unsafe fix" };
	const struct diag_row *row = diag_row(code);
	const struct diag_help *help = diag_help(code);

	fprintf(out, "%s: %s", row->name, diag_severities[row->severity]);
	if (help)
		fprintf(out, ", %s, %s", help->class == CLASS_EXACT ? "exact" : "heuristic",
			fixes[help->fix]);
	fprintf(out, "\n\n%s\n", row->doc);
	if (!help)
		return;
	fprintf(out, "\nWhat to do: %s\n", help->todo);
	if (*help->bad) {
		fputs("\nBad:\n\n", out);
		indent(out, help->bad);
	}
	if (*help->good) {
		fputs("\nGood:\n\n", out);
		indent(out, help->good);
	}
}

static void list(FILE *out)
{
	for (int i = 0; i < DIAG_CODES; i++) {
		const struct diag_row *row = diag_row((enum diag_code)i);

		fprintf(out, "%s  %-7s  %s\n", row->name, diag_severities[row->severity], row->doc);
	}
}

int cmd_code(int argc, char **argv)
{
	static const struct option options[] = {
		{ "bad", no_argument, NULL, 'b' },
		{ "good", no_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const struct diag_help *help;
	enum diag_code code;
	int c, example = 0;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(code_help, stdout);
			return EXIT_OK;
		}
		if (c != 'b' && c != 'g')
			return cmd_misuse("explain-code", "bad option");
		example = c;
	}
	if (argc == optind && !example) {
		list(stdout);
		return EXIT_OK;
	}
	if (argc - optind != 1)
		return cmd_misuse("explain-code", "it takes one code");
	code = diag_find(str_from(argv[optind]));
	if (code == DIAG_CODES)
		return cmd_misuse("explain-code", "there is no code '%s'", argv[optind]);
	help = diag_help(code);
	if (!example)
		describe(stdout, code);
	else if (help)
		fputs(example == 'b' ? help->bad : help->good, stdout);
	return EXIT_OK;
}
