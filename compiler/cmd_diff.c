/* SPDX-License-Identifier: Apache-2.0 */
#include "diff.h"

#include <getopt.h>
#include <stdio.h>

#include "binary.h"
#include "cmd.h"

static const char help[] =
	"usage: weir diff OLD NEW [--format text|json]\n\n"
	"Shows what the two sites do differently. Each is a site file or a built binary, which is "
	"read, not run.\n"
	"Exit code 0: no difference; 1: differences; 2: misuse, or one of them cannot be read.\n";

/* The program of a site file or a built binary, or NULL after a message. */
static struct program *load(struct arena *a, const char *path)
{
	struct binary b;
	struct program *p;
	struct str why = { 0 };
	const char *fault;

	if (!binary_is(path)) {
		p = cmd_load(a, path, NULL);
		if (!p)
			cmd_reports();
		return p;
	}
	fault = binary_read(a, path, &b);
	p = fault ? NULL : program_read(a, b.site.program, &why);
	if (fault)
		fprintf(stderr, "weir: %s: %s\n", path, fault);
	else if (!p)
		fprintf(stderr, "weir: %s: %.*s\n", path, STR_ARG(why));
	return p;
}

int cmd_diff(int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct arena a = { 0 };
	struct program *old, *new;
	bool json = false;
	unsigned n = 0;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			if (!cmd_format(optarg, &json))
				return EXIT_MISUSE;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return cmd_misuse("diff", "bad option");
		}
	}
	if (argc - optind != 2)
		return cmd_misuse("diff", "it takes two sites or binaries");
	old = load(&a, argv[optind]);
	new = load(&a, argv[optind + 1]);
	if (old && new)
		n = diff_programs(old, new, stdout, json);
	arena_free(&a);
	return !old || !new ? EXIT_MISUSE : n ? EXIT_FAILED : EXIT_OK;
}
