/* SPDX-License-Identifier: Apache-2.0 */
/* Command graph: a picture of a site. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "diag.h"
#include "diag_report.h"
#include "graph.h"
#include "proof/proof.h"
#include "show.h"

static const char help[] =
	"usage: weir graph SITE [options] > site.svg\n\n"
	"Draws where requests go: binds, sections, the rules that hand requests on (with their "
	"condition, shortened), backends and\n"
	"servers. What is proved never to happen is grey and dashed, with the code of the proof "
	"(weir explain-code W101).\n\n"
	"      --format svg|dot    a picture, drawn by dot of Graphviz (default), or its input\n"
	"      --max N             sections of each kind that are drawn one by one (default: 24): "
	"those with the most arrows\n"
	"      --no-proof          do not prove anything\n";

enum { O_FORMAT = 256, O_MAX, O_NOPROOF };

static const struct option options[] = {
	{ "format", required_argument, NULL, O_FORMAT },
	{ "max", required_argument, NULL, O_MAX },
	{ "no-proof", no_argument, NULL, O_NOPROOF },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct graph_args {
	bool dot, no_proof;
	uint64_t max;
};

/* ---- what is dead ---- */

struct dead {
	struct symbols at; /* "file line": the code's name */
	struct arena *a;
};

static struct str place_key(struct arena *a, uint32_t file, uint32_t line)
{
	return arena_printf(a, "%u %u", file, line);
}

/* The findings of lint that say that no request gets somewhere. */
static void find_dead(struct dead *d, const struct program *p)
{
	static const enum diag_code codes[] = { W101, W102, W105, W115, W117, W119 };
	struct diag_report *all;
	unsigned n;

	diag_reset();
	diag_limit(DIAG_ROOM_MAX);
	proof_lint(d->a, p);
	all = diag_all(&n);
	for (unsigned i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(codes) / sizeof(codes[0]); k++)
			if (all[i].code == codes[k] &&
			    (codes[k] != W117 || str_find(all[i].text, S("never")) >= 0))
				symbol_put(d->a, &d->at,
					   place_key(d->a, all[i].at.file, all[i].at.line),
					   (void *)(uintptr_t)diag_row(codes[k])->name);
}

static const char *dead_at(void *arg, struct p_place place)
{
	const struct dead *d = arg;

	return symbol_get(&d->at, place_key(d->a, place.file, place.line));
}

/* ---- dot ---- */

static void child(int in)
{
	char *argv[] = { (char *)(uintptr_t) "dot", (char *)(uintptr_t) "-Tsvg", NULL };

	if (dup2(in, STDIN_FILENO) >= 0)
		execvp(argv[0], argv);
	fprintf(stderr,
		"weir graph: dot of Graphviz cannot be started: %s; install graphviz, or take "
		"--format dot\n",
		strerror(errno));
	_exit(127);
}

/* The text through dot to standard output. */
static int draw(struct str text)
{
	int fds[2], status = 0;
	size_t done = 0;
	pid_t pid;

	fflush(NULL);
	if (pipe(fds) != 0 || (pid = fork()) < 0) {
		fprintf(stderr, "weir graph: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	if (pid == 0) {
		close(fds[1]);
		child(fds[0]);
	}
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	while (done < text.n) {
		ssize_t n = write(fds[1], text.p + done, text.n - done);

		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	close(fds[1]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return EXIT_OK;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 127)
		fputs("weir graph: dot has failed\n", stderr);
	return EXIT_FAILED;
}

static struct str dot_text(struct arena *a, const struct graph *g)
{
	struct show_buffer b;

	show_open(&b);
	graph_dot(g, b.out);
	return show_close(&b, a);
}

static int graph(struct arena *a, const char *path, const struct graph_args *args)
{
	struct program *p = cmd_load(a, path, NULL);
	struct dead d = { .a = a };
	struct graph g;
	struct str text;

	if (!p) {
		cmd_reports();
		return EXIT_FAILED;
	}
	if (!args->no_proof)
		find_dead(&d, p);
	graph_make(&g, a, p, (uint32_t)args->max, dead_at, &d);
	text = dot_text(a, &g);
	if (!args->dot)
		return draw(text);
	fwrite(text.p, 1, text.n, stdout);
	return EXIT_OK;
}

int cmd_graph(int argc, char **argv)
{
	struct graph_args args = { .max = GRAPH_TIER_MAX };
	struct arena a = { 0 };
	int c, code;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (c) {
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		case O_FORMAT:
			args.dot = strcmp(optarg, "dot") == 0;
			if (!args.dot && strcmp(optarg, "svg") != 0)
				return cmd_misuse("graph", "'%s' is no format: it is svg or dot",
						  optarg);
			break;
		case O_MAX:
			if (!cmd_number("graph", optarg, &args.max))
				return EXIT_MISUSE;
			if (!args.max)
				return cmd_misuse("graph", "'%s' is no number", optarg);
			break;
		case O_NOPROOF:
			args.no_proof = true;
			break;
		default:
			return cmd_misuse("graph", "bad option");
		}
	if (argc - optind != 1)
		return cmd_misuse("graph", "it takes one site file");
	code = graph(&a, argv[optind], &args);
	arena_free(&a);
	return code;
}
