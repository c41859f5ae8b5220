/* SPDX-License-Identifier: Apache-2.0 */
/* Command replay: which logged requests two sites treat differently. */
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "replay.h"

static const char help[] =
	"usage: weir replay ACCESS-LOG OLD NEW [options]\n\n"
	"Runs the requests of an access log through the rules of two sites and says which ones "
	"would be treated differently.\n"
	"The log is Weir's (format http or json), HAProxy's HTTP log, or a common or combined log; "
	"\"-\" is standard input.\n"
	"Each site is a site file, a built binary (which is read, not run), or git:REV:PATH.\n\n"
	"What a log line does not hold is unknown: when a rule reads it and that decides, the "
	"request is counted as not decided.\n\n"
	"Exit code 0: nothing moved; 1: something did; 2: misuse, or something cannot be read; 3: "
	"something is not decided,\n"
	"with --require-proof.\n\n"
	"      --max N            show the N largest groups (default: 100)\n"
	"      --require-proof    exit with 3 when nothing moved, but something is not decided\n"
	"      --format text|json\n";

enum { O_MAX = 256, O_PROOF, O_FORMAT };

static const struct option options[] = {
	{ "max", required_argument, NULL, O_MAX },
	{ "require-proof", no_argument, NULL, O_PROOF },
	{ "format", required_argument, NULL, O_FORMAT },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct replay_args {
	struct replay_names names;
	bool json, proof;
};

static int replay(struct arena *a, const struct replay_args *args)
{
	const struct replay_names *n = &args->names;
	struct program *old = cmd_side(a, n->old), *new = old ? cmd_side(a, n->new) : NULL;
	struct replay r;
	const char *why;

	if (!new)
		return EXIT_MISUSE;
	why = replay_file(&r, a, old, new, n->log);
	if (why) {
		fprintf(stderr, "weir replay: %s: %s\n", n->log, why);
		return EXIT_MISUSE;
	}
	(args->json ? replay_json : replay_text)(&r, n, stdout);
	return r.moved ? EXIT_FAILED : r.open && args->proof ? EXIT_UNDECIDED : EXIT_OK;
}

int cmd_replay(int argc, char **argv)
{
	struct replay_args args = { .names.max = 100 };
	struct arena a = { 0 };
	int c, code;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (c) {
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		case O_MAX:
			if (!cmd_number("replay", optarg, &args.names.max))
				return EXIT_MISUSE;
			break;
		case O_PROOF:
			args.proof = true;
			break;
		case O_FORMAT:
			if (!cmd_format(optarg, &args.json))
				return EXIT_MISUSE;
			break;
		default:
			return cmd_misuse("replay", "bad option");
		}
	if (argc - optind != 3)
		return cmd_misuse("replay", "it takes a log and two sites or binaries");
	args.names.log = argv[optind];
	args.names.old = argv[optind + 1];
	args.names.new = argv[optind + 2];
	code = replay(&a, &args);
	arena_free(&a);
	return code;
}
