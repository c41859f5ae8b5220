/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"

static const char help[] =
	"usage: weir run SITE [--cc CC] [-- arguments of the site]\n\n"
	"Builds the site into a cache, unless it is there already, and starts it in the place of "
	"weir. What stands after -- goes\n"
	"to the site: weir run demo.weir -- --set listen=:8080\n\n"
	"The cache is ${XDG_CACHE_HOME:-~/.cache}/weir; its files may be removed at any time.\n";

int cmd_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cc", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct build b = { .cc = getenv("CC") };
	char target[4096];
	int c, code;

	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			b.cc = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return cmd_misuse("run", "bad option");
		}
	}
	if (!b.cc || !*b.cc)
		b.cc = "cc";
	if (optind == argc)
		return cmd_misuse("run", "a site file is missing");
	b.path = argv[optind++];
	if (optind < argc && strcmp(argv[optind], "--") != 0)
		return cmd_misuse("run", "what the site shall get stands after --");
	code = build_cached(&b, target, sizeof(target));
	if (code != EXIT_OK)
		return code;
	fflush(stdout);
	argv += optind - (optind == argc);
	*argv = target; /* in the place of -- or of the site's name */
	execv(target, argv);
	fprintf(stderr, "weir: cannot start %s: %s\n", target, strerror(errno));
	return EXIT_FAILED;
}
