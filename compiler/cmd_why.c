/* SPDX-License-Identifier: Apache-2.0 */
/* Command why: which rule decided what becomes of a request, and why the others did not. */
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "cmd_request.h"
#include "why.h"

static const char help[] =
	"usage: weir why SITE --request \"GET /x\" [options]\n\n"
	"Runs the site's rules on one request, without any server, and says for each thing that "
	"they decide (where the request\n"
	"goes, each header, …) which rule decided it, which ones were passed over, and what would "
	"have to be different for them.\n\n" REQUEST_HELP
	"      --slot NAME            only this: decision, answer, \"header NAME\", \"answer "
	"header "
	"NAME\", host, path, query,\n"
	"                             uri, meth, status, \"var NAME\", \"capture NAME\", log, src, "
	"dst, \"checkpoint NAME\"\n"
	"      --all                  every rule that was passed over (default: 20 of each)\n"
	"      --format text|json\n";

enum { O_FORMAT = REQUEST_OPTIONS_END, O_SLOT, O_ALL };

static const struct option options[] = {
	REQUEST_OPTIONS,
	{ "slot", required_argument, NULL, O_SLOT },
	{ "all", no_argument, NULL, O_ALL },
	{ "format", required_argument, NULL, O_FORMAT },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* All options. -1: go on, else the exit code. */
static int read_options(int argc, char **argv, struct arena *a, struct request_spec *r,
			struct why_options *w)
{
	const char *fault;
	int c;

	while ((c = getopt_long(argc, argv, "H:h", options, NULL)) != -1)
		switch (c) {
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		case '?':
			return cmd_misuse("why", "bad option");
		case O_FORMAT:
			if (!cmd_format(optarg, &w->json))
				return EXIT_MISUSE;
			break;
		case O_SLOT:
			w->slot = str_from(optarg);
			break;
		case O_ALL:
			w->all = true;
			break;
		default:
			fault = request_option(a, r, c, str_from(optarg));
			if (fault)
				return cmd_misuse("why", "'%s': %s", optarg, fault);
		}
	if (argc - optind != 1)
		return cmd_misuse("why", "it takes one site file");
	return r->meth.n ? -1 : cmd_misuse("why", "--request is missing");
}

int cmd_why(int argc, char **argv)
{
	struct arena a = { 0 };
	struct why_options w = { 0 };
	struct request_spec r;
	struct program *p;
	int code, told;

	request_init(&r);
	r.meth = (struct str) { 0 };
	code = read_options(argc, argv, &a, &r, &w);
	if (code < 0) {
		request_finish(&a, &r);
		p = cmd_load(&a, argv[optind], NULL);
		cmd_reports();
		told = p ? why(p, &r, &w, stdout) : 1;
		if (told < 0)
			fprintf(stderr,
				"weir why: no rule on the way of this request decides '%.*s'\n",
				STR_ARG(w.slot));
		code = told ? EXIT_FAILED : EXIT_OK;
	}
	arena_free(&a);
	return code;
}
