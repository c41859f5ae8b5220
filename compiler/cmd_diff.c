/* SPDX-License-Identifier: Apache-2.0 */
/* Command diff: which requests two sites treat differently. */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>

#include "binary.h"
#include "cmd.h"
#include "diff_files.h"
#include "diff_report.h"
#include "diff_tests.h"
#include "git.h"
#include "show.h"

static const char help[] =
	"usage: weir diff OLD NEW [options]\n\n"
	"Shows which requests two sites treat differently, with a request that shows each, and "
	"proves that there are no others.\n"
	"Each side is a site file, a built binary (which is read, not run), or git:REV:PATH.\n"
	"Exit code 0: nothing at or above --fail-on; 1: differences; 2: misuse, or a side cannot "
	"be read;\n"
	"3: something is not decided, with --require-proof; 4: a proof and the interpreter "
	"disagree (a fault of weir).\n\n"
	"      --format F          text (default), json, md, sarif, github or html\n"
	"      --fail-on S         exposure, outage, reroute, rewrite, response, any (default) or "
	"none\n"
	"      --require-proof     exit with 3 when something is not decided\n"
	"      --only NAME         only rules of that section or direction (\"req in\")\n"
	"      --replay LOG        count the requests of an access log in each class; \"-\" is "
	"standard "
	"input\n"
	"      --max-classes N     show the N most serious classes (default: 100)\n"
	"      --emit-tests DIR    write a test block for each class to DIR/diff.weir\n";

struct diff_args {
	enum report_format format;
	int fail_on; /* enum compare_severity; FAIL_ANY, FAIL_NONE */
	bool require_proof;
	const char *only, *emit, *log;
	uint64_t max;
};

#define FAIL_NONE -1
#define FAIL_ANY 100

/* The same as cmd_side(); <files>, when it is not NULL, gets what the site compiles in. */
static struct program *side_with_files(struct arena *a, const char *path, struct diff_files *files)
{
	struct binary b;
	struct program *p;
	struct str why = { 0 };
	const char *fault;

	if (git_is(path))
		return git_load(a, path, files);
	if (!binary_is(path)) {
		p = cmd_load(a, path, NULL);
		if (!p)
			cmd_reports();
		if (p && files)
			diff_files_read(files, a, p, NULL);
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

struct program *cmd_side(struct arena *a, const char *path)
{
	return side_with_files(a, path, NULL);
}

static bool read_fail_on(const char *word, int *out)
{
	if (strcmp(word, "any") == 0 || strcmp(word, "none") == 0) {
		*out = word[0] == 'a' ? FAIL_ANY : FAIL_NONE;
		return true;
	}
	for (int s = CMP_EXPOSURE; s <= CMP_RESPONSE; s++)
		if (strcmp(word, compare_severities[s]) == 0) {
			*out = s;
			return true;
		}
	return false;
}

/* EXIT_OK, or the code to exit with; <done>: nothing is left to do. */
static int read_args(int argc, char **argv, struct diff_args *d, bool *done)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "fail-on", required_argument, NULL, 'o' },
		{ "require-proof", no_argument, NULL, 'p' },
		{ "only", required_argument, NULL, 'n' },
		{ "replay", required_argument, NULL, 'r' },
		{ "max-classes", required_argument, NULL, 'm' },
		{ "emit-tests", required_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			if (!report_format(optarg, &d->format))
				return cmd_misuse("diff", "'%s' is no format", optarg);
			break;
		case 'o':
			if (!read_fail_on(optarg, &d->fail_on))
				return cmd_misuse("diff", "'%s' is no severity", optarg);
			break;
		case 'p':
			d->require_proof = true;
			break;
		case 'n':
			d->only = optarg;
			break;
		case 'r':
			d->log = optarg;
			break;
		case 'm':
			if (!cmd_number("diff", optarg, &d->max))
				return EXIT_MISUSE;
			break;
		case 'e':
			d->emit = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			*done = true;
			return EXIT_OK;
		default:
			return cmd_misuse("diff", "bad option");
		}
	}
	if (argc - optind != 2)
		return cmd_misuse("diff", "it takes two sites or binaries");
	return EXIT_OK;
}

static bool of_rule(const char *only, const struct p_rule *r)
{
	return r &&
	       (str_eq(r->section->name, str_from(only)) || strcmp(show_dir(r->dir), only) == 0);
}

/* Leaves what --only names. */
static void filter(struct compare *c, struct diff *s, const char *only)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->nclasses; i++)
		if (of_rule(only, c->classes[i].old) || of_rule(only, c->classes[i].new))
			c->classes[n++] = c->classes[i];
	c->nclasses = n;
	n = 0;
	for (uint32_t i = 0; i < s->n; i++)
		if (str_eq(s->items[i].section, str_from(only)) ||
		    (s->items[i].dir && strcmp(s->items[i].dir, only) == 0))
			s->items[n++] = s->items[i];
	s->n = n;
	n = 0;
	for (uint32_t i = 0; i < c->nidle; i++)
		if (of_rule(only, c->idle[i].rule))
			c->idle[n++] = c->idle[i];
	c->nidle = n;
}

/* Differences of structure that no class of requests is made of. */
static uint32_t count_settings(const struct diff *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n; i++)
		n += strcmp(d->items[i].kind, "rule") != 0 &&
		     strcmp(d->items[i].kind, "acl") != 0 && strcmp(d->items[i].kind, "entry") != 0;
	return n;
}

static int exit_code(const struct diff_args *d, const struct diff_report *r)
{
	const struct compare *c = r->classes;

	if (c->fault.n) {
		fprintf(stderr,
			"weir diff: a proof and the interpreter disagree; please report it with "
			"both "
			"sites: %.*s\n",
			STR_ARG(c->fault));
		return EXIT_DISAGREES;
	}
	if (d->fail_on == FAIL_ANY && (r->structure->n || c->nclasses || c->nopen))
		return EXIT_FAILED;
	for (uint32_t i = 0; i < c->nclasses; i++)
		if ((int)c->classes[i].severity <= d->fail_on)
			return EXIT_FAILED;
	return c->nopen && d->require_proof ? EXIT_UNDECIDED : EXIT_OK;
}

static int compare(const struct diff_args *d, char **names, const struct program *old,
		   const struct program *new, const struct diff_files *files)
{
	struct arena a = { 0 };
	struct compare c;
	struct diff s;
	struct diff_replay log;
	struct diff_report r = {
		.a = &a, .old_name = names[0], .new_name = names[1], .structure = &s, .classes = &c
	};
	int code;

	diff_compare(&s, &a, old, new);
	diff_entries(&s);
	diff_files(&s, &files[0], &files[1]);
	compare_begin(&c, &a, old, new);
	if (d->only)
		filter(&c, &s, d->only);
	r.settings = count_settings(&s);
	r.shown = c.nclasses < d->max ? c.nclasses : (uint32_t)d->max;
	if (d->log && !c.fault.n) {
		if (!diff_replay(&log, d->log, &c)) {
			compare_end(&c);
			arena_free(&a);
			return EXIT_MISUSE;
		}
		r.replay = &log;
	}
	for (uint32_t i = 0; i < r.shown && compare_show(&c, &c.classes[i]); i++)
		;
	r.verdict = c.nclasses || r.settings ? "DIFFERENT" : c.nopen ? "UNDECIDED" : "EQUIVALENT";
	code = exit_code(d, &r);
	if (code != EXIT_DISAGREES)
		report_write(&r, d->format, stdout);
	if (code != EXIT_DISAGREES && d->emit && !diff_tests(&r, d->emit))
		code = EXIT_MISUSE;
	compare_end(&c);
	arena_free(&a);
	return code;
}

int cmd_diff(int argc, char **argv)
{
	struct diff_args d = { .fail_on = FAIL_ANY, .max = 100 };
	struct arena a = { 0 };
	struct program *old, *new;
	struct diff_files files[2] = { { .known = false } };
	bool done = false;
	int code = read_args(argc, argv, &d, &done);

	if (code != EXIT_OK || done)
		return code;
	/* Each question takes and gives back some memory: it is not returned to the system. */
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	mallopt(M_TOP_PAD, 16 << 20);
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	old = side_with_files(&a, argv[optind], &files[0]);
	new = side_with_files(&a, argv[optind + 1], &files[1]);
	code = old && new ? compare(&d, argv + optind, old, new, files) : EXIT_MISUSE;
	arena_free(&a);
	return code;
}
