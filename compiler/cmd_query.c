/* SPDX-License-Identifier: Apache-2.0 */
/* Command query: a request that meets a condition and comes to an outcome, or the proof that there
 * is none. */
#include <getopt.h>
#include <stdio.h>

#include "binary.h"
#include "cmd.h"
#include "diag.h"
#include "git.h"
#include "lower.h"
#include "parse.h"
#include "paths.h"
#include "query.h"

static const char help[] =
	"usage: weir query SITE 'CONDITION & outcome TERMS' [options]\n\n"
	"SITE is a site file or git:REV:PATH; or a built binary (which is read, not run), of which "
	"only outcomes can be asked.\n"
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

struct asked {
	struct arena *a;
	const char *text;
	struct asking q;
	struct program *p;
	const char *why;
};

/* Reads the query, and lowers it with the site. */
static bool load(void *arg, const char *path)
{
	struct asked *k = arg;
	struct ast *site = parse_site(k->a, path, paths_stdlib());

	if (query_read(&k->q, k->a, site, str_from(k->text), &k->why))
		k->p = lower(k->a, site);
	if (!k->why)
		cmd_reports();
	return k->p != NULL;
}

/* A binary has no text that a condition could be read with. */
static bool load_binary(struct asked *k, const char *path)
{
	struct ast *none = parse_text(k->a, S("query"), S(""));

	if (!query_read(&k->q, k->a, none, str_from(k->text), &k->why))
		return false;
	if (k->q.has_cond) {
		k->why = "of a binary it takes '& outcome TERMS' alone; conditions need the site";
		return false;
	}
	k->q.nhints = 0;
	k->q.write_hint = 0;
	k->p = cmd_side(k->a, path);
	return k->p != NULL;
}

static int ask(struct arena *a, const char *path, const char *text, const struct query_report *r)
{
	struct asked k = { .a = a, .text = text };
	enum answer answer = ANSWER_LIMIT;
	bool good;

	diag_reset();
	good = git_is(path)      ? git_with(a, path, load, &k)
	       : binary_is(path) ? load_binary(&k, path)
				 : load(&k, path);
	if (k.why)
		return cmd_misuse("query", "%s", k.why);
	if (!good)
		return EXIT_MISUSE;
	k.why = query_ask(&k.q, k.p, r, &answer);
	if (k.why)
		return cmd_misuse("query", "%s", k.why);
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
