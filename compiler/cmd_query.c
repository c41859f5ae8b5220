/* SPDX-License-Identifier: Apache-2.0 */
/* Command query: a request that meets a condition and comes to an outcome, or the proof that there
 * is none. */
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "diag.h"
#include "lower.h"
#include "parse.h"
#include "paths.h"
#include "query.h"

static const char help[] =
	"usage: weir query SITE 'CONDITION & outcome TERMS' [options]\n\n"
	"Finds a request that meets the condition as it comes in, and has the outcome; or proves "
	"that "
	"there is none.\n"
	"Either part may be missing: 'meth == POST on admin', 'outcome backend app'.\n\n"
	"CONDITION  what a rule may have: TEST, TEST on ACLS, on ACLS, (TEST) !(TEST) …\n"
	"TERMS      all must hold: allow, deny [N], redir [N], respond [N], tarpit [N], auth, "
	"drop, "
	"status N, backend NAME,\n"
	"           section NAME, rule FILE:LINE (it decides), matched FILE:LINE, uri U, host H, "
	"meth M, header N V,\n"
	"           noheader N, response N V, noresponse N, location L, var N V, capture N V\n\n"
	"Exit code 0: found; 1: there is none (proved); 2: misuse, or the site is not good; 3: not "
	"decided.\n\n"
	"      --all              one request for each rule or backend that it can end at\n"
	"      --format text|json\n";

enum { O_ALL = 256, O_FORMAT };

static const struct option options[] = {
	{ "all", no_argument, NULL, O_ALL },
	{ "format", required_argument, NULL, O_FORMAT },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int ask(struct arena *a, const char *path, const char *text, const struct query_report *r)
{
	struct asking q;
	struct ast *site;
	struct program *p = NULL;
	enum answer answer = ANSWER_LIMIT;
	const char *why = NULL;

	diag_reset();
	site = parse_site(a, path, paths_stdlib());
	if (query_read(&q, a, site, str_from(text), &why))
		p = lower(a, site);
	if (why)
		return cmd_misuse("query", "%s", why);
	cmd_reports();
	if (!p)
		return EXIT_MISUSE;
	why = query_ask(&q, p, r, &answer);
	if (why)
		return cmd_misuse("query", "%s", why);
	return answer == ANSWER_YES ? EXIT_OK : answer == ANSWER_NO ? EXIT_FAILED : EXIT_UNDECIDED;
}

int cmd_query(int argc, char **argv)
{
	struct arena a = { 0 };
	struct query_report r = { .out = stdout };
	int c, code;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (c) {
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		case O_ALL:
			r.all = true;
			break;
		case O_FORMAT:
			if (!cmd_format(optarg, &r.json))
				return EXIT_MISUSE;
			break;
		default:
			return cmd_misuse("query", "bad option");
		}
	if (argc - optind != 2)
		return cmd_misuse("query", "it takes a site file and a query");
	code = ask(&a, argv[optind], argv[optind + 1], &r);
	arena_free(&a);
	return code;
}
