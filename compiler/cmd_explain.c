/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "explain.h"
#include "request.h"

static const char help[] =
	"usage: weir explain SITE --request \"GET /x\" [options]\n\n"
	"Runs the site's rules on one request, without any server: which rules it met, in order, "
	"and the outcome.\n\n"
	"      --request LINE         \"METHOD TARGET [HTTP/x.y]\"\n"
	"  -H, --header \"N: V\"        a header of the request; may stand often\n"
	"      --src ADDR[:PORT]      the client (default: 127.0.0.1:50000)\n"
	"      --dst ADDR:PORT        where it connected to\n"
	"      --bind NAME            the frontend, listen or bind that gets it\n"
	"      --response LINE        what the server answers: \"STATUS [reason]\" (default: 200)\n"
	"      --response-header \"N: V\"\n"
	"      --format text|json\n";

enum { O_REQUEST = 256, O_SRC, O_DST, O_BIND, O_RESPONSE, O_RESPONSE_HEADER, O_FORMAT };

static const struct option options[] = {
	{ "request", required_argument, NULL, O_REQUEST },
	{ "header", required_argument, NULL, 'H' },
	{ "src", required_argument, NULL, O_SRC },
	{ "dst", required_argument, NULL, O_DST },
	{ "bind", required_argument, NULL, O_BIND },
	{ "response", required_argument, NULL, O_RESPONSE },
	{ "response-header", required_argument, NULL, O_RESPONSE_HEADER },
	{ "format", required_argument, NULL, O_FORMAT },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* NULL, or what is wrong with the option's text. */
static const char *take(struct arena *a, struct request_spec *r, int option, struct str text)
{
	switch (option) {
	case O_REQUEST:
		return request_line(r, text);
	case 'H':
		return request_header(a, &r->headers, text);
	case O_SRC:
		return request_src(r, text);
	case O_DST:
		return request_dst(r, text);
	case O_RESPONSE:
		return request_response(r, text);
	case O_RESPONSE_HEADER:
		return request_header(a, &r->response, text);
	default:
		r->bind = text;
		return NULL;
	}
}

/* All options into <r>. -1: go on, else the exit code. */
static int read_options(int argc, char **argv, struct arena *a, struct request_spec *r, bool *json)
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
		why = take(a, r, c, str_from(optarg));
		if (why)
			return cmd_misuse("explain", "'%s': %s", optarg, why);
	}
	if (argc - optind != 1)
		return cmd_misuse("explain", "it takes one site file");
	if (!r->meth.n)
		return cmd_misuse("explain", "--request is missing");
	return -1;
}

int cmd_explain(int argc, char **argv)
{
	struct arena a = { 0 };
	struct request_spec r;
	struct program *p;
	bool json = false;
	int code;

	request_init(&r);
	r.meth = (struct str) { 0 };
	code = read_options(argc, argv, &a, &r, &json);
	if (code < 0) {
		request_finish(&a, &r);
		p = cmd_load(&a, argv[optind], NULL);
		cmd_reports();
		code = p && explain(p, &r, stdout, json) == 0 ? EXIT_OK : EXIT_FAILED;
	}
	arena_free(&a);
	return code;
}
