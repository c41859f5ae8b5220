/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "cmd_request.h"
#include "explain.h"
#include "order.h"
#include "settings.h"

static const char help[] =
	"usage: weir explain SITE --request \"GET /x\" [options]\n"
	"       weir explain SITE --settings [SECTION] [--format json]\n"
	"       weir explain SITE --order\n\n"
	"Runs the site's rules on one request, without any server: which rules it met, in order, "
	"and the outcome.\n\n" REQUEST_HELP "      --format text|json\n\n"
	"      --settings [SECTION]   what holds for each section, and the line, profile or "
	"default "
	"that says so\n"
	"      --order                the rules in the order in which they run, for each way in\n";

enum mode { REQUEST, SETTINGS, ORDER };

enum { O_FORMAT = REQUEST_OPTIONS_END, O_SETTINGS, O_ORDER };

static const struct option options[] = {
	REQUEST_OPTIONS,
	{ "format", required_argument, NULL, O_FORMAT },
	{ "settings", no_argument, NULL, O_SETTINGS },
	{ "order", no_argument, NULL, O_ORDER },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* All options into <r>. -1: go on, else the exit code. */
static int read_options(int argc, char **argv, struct arena *a, struct request_spec *r, bool *json,
			enum mode *mode)
{
	const char *why;
	int c;

	while ((c = getopt_long(argc, argv, "H:h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (c == '?')
			return cmd_misuse("explain", "bad option");
		if (c == O_FORMAT) {
			if (!cmd_format(optarg, json))
				return EXIT_MISUSE;
			continue;
		}
		if (c == O_SETTINGS || c == O_ORDER) {
			*mode = c == O_ORDER ? ORDER : SETTINGS;
			continue;
		}
		why = request_option(a, r, c, str_from(optarg));
		if (why)
			return cmd_misuse("explain", "'%s': %s", optarg, why);
	}
	if (argc - optind != 1 && !(*mode == SETTINGS && argc - optind == 2))
		return cmd_misuse("explain", "it takes one site file");
	if (*mode != REQUEST && r->meth.n)
		return cmd_misuse("explain",
				  "--request, --settings and --order exclude each other");
	if (*mode == REQUEST && !r->meth.n)
		return cmd_misuse("explain", "--request, --settings or --order is missing");
	if (*mode == ORDER && *json)
		return cmd_misuse("explain", "--order is printed as text only");
	return -1;
}

/* --settings and --order of the site words[0]; words[1]: the one section. */
static int show_site(struct arena *a, char **words, bool one, enum mode mode, bool json)
{
	struct ast *ast;
	struct program *p = cmd_load_ast(a, words[0], NULL, &ast);

	cmd_reports();
	if (!p)
		return EXIT_FAILED;
	if (mode == ORDER) {
		order_print(a, p, stdout);
	} else if (!settings_print(a, ast, str_from(one ? words[1] : ""), stdout, json)) {
		fprintf(stderr, "weir explain: no section is named '%s'\n", words[1]);
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

int cmd_explain(int argc, char **argv)
{
	struct arena a = { 0 };
	struct request_spec r;
	struct program *p;
	enum mode mode = REQUEST;
	bool json = false;
	int code;

	request_init(&r);
	r.meth = (struct str) { 0 };
	code = read_options(argc, argv, &a, &r, &json, &mode);
	if (code < 0 && mode == REQUEST) {
		request_finish(&a, &r);
		p = cmd_load(&a, argv[optind], NULL);
		cmd_reports();
		code = p && explain(p, &r, stdout, json) == 0 ? EXIT_OK : EXIT_FAILED;
	} else if (code < 0) {
		code = show_site(&a, argv + optind, argc - optind == 2, mode, json);
	}
	arena_free(&a);
	return code;
}
