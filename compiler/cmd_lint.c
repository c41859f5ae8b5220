/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about findings: lint, explain-code. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"
#include "diag_form.h"
#include "lint.h"
#include "lint_fix.h"
#include "proof/proof.h"

static const char lint_help[] =
	"usage: weir lint SITE... [options]\n\n"
	"Reads each site and says what is wrong with it. Nothing outside the site's own files is "
	"looked at.\n"
	"Exit code 0: nothing at or above --fail-on; 1: findings; 2: misuse, or a baseline or a "
	"repaired file\n"
	"cannot be read or written; 3: something is not decided, with --require-proof; 4: a proof "
	"and the interpreter "
	"disagree (a fault of weir).\n\n"
	"      --format F             text (default), json, sarif, github or gcc\n"
	"      --select CODES         show these only: codes or beginnings, W1,S303; all is every "
	"code (default: all but C and W110)\n"
	"      --ignore CODES         show all but these\n"
	"      --fail-on SEVERITY     error (default), warning, info or none\n"
	"      -Werror                same as --fail-on warning\n"
	"      --require-proof        exit with 3 when something is not decided\n"
	"      --baseline FILE        leave out the findings that FILE holds\n"
	"      --write-baseline FILE  write the findings to FILE and exit with 0\n"
	"      --fix                  repair what can be repaired without changing what any "
	"request "
	"meets: that is proved\n"
	"      --unsafe-fixes         with --fix: also what may change it\n"
	"      --diff                 with --fix: print what would change and write nothing\n";

struct lint_args {
	enum diag_format format;
	enum severity fail_on;
	bool never_fail, require_proof, fix, unsafe, preview;
	struct lint_codes codes;
	const char *baseline, *write_baseline;
};

static bool read_severity(const char *word, struct lint_args *l)
{
	static const char *const severities[] = { "error", "warning", "info", "none" };

	for (int i = 0; i < 4; i++)
		if (strcmp(word, severities[i]) == 0) {
			l->never_fail = i == 3;
			l->fail_on = i == 3 ? SEV_ERROR : (enum severity)i;
			return true;
		}
	fprintf(stderr, "weir lint: '%s' is no severity: it is error, warning, info or none\n",
		word);
	return false;
}

static bool read_codes(struct lint_args *l, const char *list, bool on)
{
	struct str bad;

	if (lint_codes(&l->codes, str_from(list), on, &bad))
		return true;
	fprintf(stderr, "weir lint: '%.*s' is no code of a finding, nor the beginning of one\n",
		STR_ARG(bad));
	return false;
}

/* The options of lint. EXIT_OK, or the code to exit with; <done>: nothing is left to do. */
static int read_args(int argc, char **argv, struct lint_args *l, bool *done)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "select", required_argument, NULL, 's' },
		{ "ignore", required_argument, NULL, 'i' },
		{ "fail-on", required_argument, NULL, 'o' },
		{ "require-proof", no_argument, NULL, 'p' },
		{ "baseline", required_argument, NULL, 'b' },
		{ "write-baseline", required_argument, NULL, 'w' },
		{ "fix", no_argument, NULL, 'x' },
		{ "unsafe-fixes", no_argument, NULL, 'u' },
		{ "diff", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool selected = false;
	int c;

	lint_codes_default(&l->codes);
	while ((c = getopt_long(argc, argv, "W:h", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			if (!diag_format(optarg, &l->format))
				return cmd_misuse("lint", "'%s' is no format", optarg);
			break;
		case 's':
			if (!selected)
				l->codes = (struct lint_codes) { 0 };
			selected = true;
			if (!read_codes(l, optarg, true))
				return EXIT_MISUSE;
			break;
		case 'i':
			if (!read_codes(l, optarg, false))
				return EXIT_MISUSE;
			break;
		case 'o':
			if (!read_severity(optarg, l))
				return EXIT_MISUSE;
			break;
		case 'W':
			if (strcmp(optarg, "error") != 0)
				return cmd_misuse("lint", "there is no option -W%s", optarg);
			l->fail_on = SEV_WARNING;
			break;
		case 'p':
			l->require_proof = true;
			break;
		case 'x':
			l->fix = true;
			break;
		case 'u':
			l->fix = l->unsafe = true;
			break;
		case 'd':
			l->fix = l->preview = true;
			break;
		case 'b':
			l->baseline = optarg;
			break;
		case 'w':
			l->write_baseline = optarg;
			break;
		case 'h':
			fputs(lint_help, stdout);
			*done = true;
			return EXIT_OK;
		default:
			return cmd_misuse("lint", "bad option");
		}
	}
	if (optind == argc)
		return cmd_misuse("lint", "a site file is missing");
	return EXIT_OK;
}

/* What the exit code is made of, over all sites. */
struct lint_sum {
	bool failed, undecided, disagreed;
};

static void count(const struct lint_args *l, struct lint_sum *sum)
{
	unsigned found = diag_errors();

	if (l->fail_on >= SEV_WARNING)
		found += diag_warnings();
	if (l->fail_on >= SEV_INFO)
		found += diag_infos();
	sum->failed = sum->failed || (found && !l->never_fail);
}

/* Reports of <path>, chosen among; <b> may be NULL. Returns the program, or NULL. */
static struct program *lint_load(struct arena *a, const char *path, const struct lint_args *l,
				 struct lint_baseline *b, struct lint_sum *sum)
{
	const struct diag_report *all;
	struct ast *ast;
	struct emit e;
	struct program *p = cmd_load_ast(a, path, &e, &ast);
	unsigned n;

	if (p) {
		diag_limit(LINT_FINDINGS_MAX);
		lint_site(a, ast, p);
		if (l->codes.on[W110])
			proof_overlaps(a, p);
	}
	lint_ignore(a, &l->codes);
	lint_select(&l->codes);
	if (b)
		lint_baseline_apply(a, b);
	all = diag_all(&n);
	for (unsigned i = 0; i < n; i++) {
		sum->undecided = sum->undecided || all[i].code == N901 || all[i].code == N902;
		sum->disagreed = sum->disagreed || all[i].code == N999;
	}
	return p;
}

#define FIX_ROUNDS 10 /* a repair may make room for another */

/* Repairs the site until nothing is left to repair. False: a file could not be written. */
static bool repair(const char *path, const struct lint_args *l)
{
	for (int round = 0; round < FIX_ROUNDS; round++) {
		struct arena a = { 0 };
		struct lint_sum none = { 0 };
		struct program *p = lint_load(&a, path, l, NULL, &none);
		struct fix_sum sum = { 0 };

		if (p)
			sum = lint_fix(path, p, l->unsafe, l->preview, stdout);
		diag_reset();
		arena_free(&a);
		if (sum.failed)
			return false;
		if (!sum.done || l->preview)
			break;
	}
	return true;
}

static int lint_exit(const struct lint_args *l, const struct lint_sum *sum)
{
	if (sum->disagreed)
		return EXIT_DISAGREES;
	if (sum->failed)
		return EXIT_FAILED;
	return sum->undecided && l->require_proof ? EXIT_UNDECIDED : EXIT_OK;
}

/* Prints entries that no site has used, as reports of their own. */
static void stale(const struct lint_args *l, struct lint_baseline *b, struct lint_sum *sum)
{
	lint_baseline_stale(b);
	lint_select(&l->codes);
	if (diag_errors() + diag_warnings() + diag_infos())
		diag_form_site(stdout, l->format, false);
	count(l, sum);
	diag_reset();
}

static int lint_sites(char **paths, int n, const struct lint_args *l, struct lint_baseline *b,
		      FILE *to)
{
	struct lint_sum sum = { 0 };

	if (!to)
		diag_form_open(stdout, l->format);
	for (int i = 0; i < n; i++) {
		struct arena a = { 0 };

		lint_load(&a, paths[i], l, b, &sum);
		if (to)
			lint_baseline_put(to);
		else
			diag_form_site(stdout, l->format, i == 0);
		count(l, &sum);
		diag_reset();
		arena_free(&a);
	}
	if (b && !to)
		stale(l, b, &sum);
	if (!to)
		diag_form_close(stdout, l->format);
	return lint_exit(l, &sum);
}

/* All findings become the baseline: a new file takes the place of the old one. */
static int write_baseline(char **paths, int n, const struct lint_args *l)
{
	struct arena a = { 0 };
	struct str name = arena_printf(&a, "%s.new", l->write_baseline);
	FILE *to = fopen(name.p, "we");
	bool good;

	if (to) {
		lint_baseline_head(to);
		lint_sites(paths, n, l, NULL, to);
	}
	good = to && fflush(to) == 0 && !ferror(to);
	if (to)
		good = fclose(to) == 0 && good;
	if (good && rename(name.p, l->write_baseline) != 0)
		good = false;
	if (!good) {
		fprintf(stderr, "weir lint: %s: %s\n", l->write_baseline, strerror(errno));
		unlink(name.p);
	}
	arena_free(&a);
	return good ? EXIT_OK : EXIT_MISUSE;
}

int cmd_lint(int argc, char **argv)
{
	struct lint_args l = { .fail_on = SEV_ERROR };
	struct arena a = { 0 };
	struct lint_baseline *b = NULL;
	struct str why = { 0 };
	bool done = false;
	int code = read_args(argc, argv, &l, &done);

	if (code != EXIT_OK || done)
		return code;
	for (int i = optind; i < argc && l.fix; i++)
		if (!repair(argv[i], &l))
			return EXIT_MISUSE;
	if (l.preview)
		return EXIT_OK;
	if (l.write_baseline)
		return write_baseline(argv + optind, argc - optind, &l);
	if (l.baseline && !(b = lint_baseline_read(&a, l.baseline, &why))) {
		fprintf(stderr, "weir lint: %s: %.*s\n", l.baseline, STR_ARG(why));
		arena_free(&a);
		return EXIT_MISUSE;
	}
	code = lint_sites(argv + optind, argc - optind, &l, b, NULL);
	arena_free(&a);
	return code;
}
