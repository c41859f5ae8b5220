/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cc.h"
#include "cmd.h"
#include "paths.h"
#include "proof/prune.h"
#include "report.h"

static const char help[] =
	"usage: weir build SITE -o BIN [options]\n"
	"       weir build SITE --emit-c DIR\n\n"
	"Compiles the site file SITE into the binary BIN. A C compiler is needed here, and nothing "
	"of weir where BIN runs.\n\n"
	"  -o, --output BIN   the binary to make; it is replaced at once, or left as it is\n"
	"      --emit-c DIR   write the generated C into the folder DIR\n"
	"      --cc CC        C compiler (default: cc; environment CC)\n"
	"      --cflags F     more flags for compiling and linking\n"
	"      --report       print what each rule list became, the parts linked, sizes and memory "
	"bounds\n"
	"      --static       make a static binary\n"
	"      --lto          optimise at link time\n"
	"      --decide HOW   rule lists as tables that find the rules: auto (where it pays), "
	"always, "
	"never\n"
	"      --no-prune     keep rules and tests that are proved to change nothing\n"
	"      --strip        leave out the symbol table\n";

/* The site's tables, and its program as it is written. False after reports. */
static bool load(struct arena *a, const struct build *b, struct emit *e, struct embed *m,
		 struct prune *pruned)
{
	struct program *p = cmd_load(a, b->path, e);

	cmd_reports();
	*pruned = (struct prune) { 0 };
	if (!p)
		return false;
	*m = (struct embed) { .version = S(WEIR_VERSION), .name = p->site, .abi = WEIR_ABI };
	m->program = embed_program(a, p);
	if (!b->no_prune)
		proof_prune(a, p, pruned);
	if (pruned->n && !emit_build(e, a, p))
		return false;
	decide_build(e, b->decide);
	return true;
}

static bool describe(struct arena *a, const struct emit *e, const char *lib, struct embed *m,
		     struct digests *d)
{
	struct str archive = arena_printf(a, "%s/libweirrt.a", lib);

	m->parts = embed_parts(a, e);
	if (!embed_digest_file(archive.p, d->runtime)) {
		fprintf(stderr, "weir: cannot read the runtime library %s: %s\n", archive.p,
			strerror(errno));
		return false;
	}
	embed_digest(m->program, d->program);
	embed_digest_sources(e, d->source);
	m->source = str_from(d->source);
	m->program_digest = str_from(d->program);
	m->runtime = str_from(d->runtime);
	return true;
}

/* The C files for people, in a folder that may be there already. */
static bool emit_c(const struct emit *e, const struct embed *m, const char *dir)
{
	struct out_files files;

	if ((mkdir(dir, 0777) != 0 && errno != EEXIST) || !out_site(e, m, dir, true, &files)) {
		fprintf(stderr, "weir: cannot write the C files to %s: %s\n", dir, strerror(errno));
		return false;
	}
	return true;
}

static bool compile(const struct build *b, const struct emit *e, const struct embed *m,
		    const struct prune *pruned, const char *lib)
{
	struct cc c = { .command = b->cc,
			.flags = b->cflags,
			.lib = lib,
			.is_static = b->is_static,
			.lto = b->lto,
			.strip = b->strip,
			.regex = e->parts[PART_REGEX_PCRE2] || e->parts[PART_REGEX_BOTH],
			.crypt = e->action_fn[ACT_AUTH] != WS_NONE,
			.tls = e->parts[PART_TLS] };
	const char *dir = cc_open();
	struct out_files files;
	bool good;

	if (!dir)
		return false;
	good = out_site(e, m, dir, false, &files);
	if (!good)
		fprintf(stderr, "weir: cannot write the C files to %s: %s\n", dir, strerror(errno));
	good = good && cc_run(&c, &files, b->target);
	cc_close();
	if (good && b->report)
		report_build(e, m, pruned, &files, b->target, stdout);
	return good;
}

static const char *library(struct arena *a)
{
	const char *lib = paths_lib();
	char *absolute = lib ? realpath(lib, NULL) : NULL;

	if (!absolute) {
		fputs("weir: the runtime library is not found: it is lib/weir beside weir or "
		      "beside its folder; WEIR_LIB names another "
		      "place\n",
		      stderr);
		return NULL;
	}
	lib = arena_str(a, str_from(absolute)).p;
	free(absolute);
	return lib;
}

/* -- the cache
 * ------------------------------------------------------------------------------------ */

/* ${XDG_CACHE_HOME:-~/.cache}/weir, made when it is missing. */
static bool cache_folder(char *out, size_t room)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	size_t n;

	if (base && *base == '/')
		n = (size_t)snprintf(out, room, "%s", base);
	else if (home && *home)
		n = (size_t)snprintf(out, room, "%s/.cache", home);
	else
		return false;
	if (n + 8 > room || (mkdir(out, 0700) != 0 && errno != EEXIST))
		return false;
	snprintf(out + n, room - n, "/weir");
	return mkdir(out, 0700) == 0 || errno == EEXIST;
}

/* All that decides the bytes of the binary, in one digest. */
static struct str cache_name(struct arena *a, const struct build *b, const struct embed *m)
{
	static char key[DIGEST_TEXT];

	embed_digest(arena_printf(a, "%.*s %.*s %.*s %.*s %s", STR_ARG(m->version),
				  STR_ARG(m->source), STR_ARG(m->program_digest),
				  STR_ARG(m->runtime), b->cc),
		     key);
	return str_from(key);
}

int build_cached(struct build *b, char *target, size_t room)
{
	struct arena a = { 0 };
	struct emit e;
	struct embed m;
	struct digests d;
	struct prune pruned;
	const char *lib = load(&a, b, &e, &m, &pruned) ? library(&a) : NULL;
	int code = EXIT_FAILED;
	size_t n;

	if (lib && describe(&a, &e, lib, &m, &d)) {
		if (!cache_folder(target, room - DIGEST_TEXT)) {
			fputs("weir: there is no folder for the cache: set XDG_CACHE_HOME\n",
			      stderr);
		} else {
			n = strlen(target);
			snprintf(target + n, room - n, "/%.*s", STR_ARG(cache_name(&a, b, &m)));
			b->target = target;
			if (access(target, X_OK) == 0 || compile(b, &e, &m, &pruned, lib))
				code = EXIT_OK;
		}
	}
	arena_free(&a);
	return code;
}

int build_site(const struct build *b)
{
	struct arena a = { 0 };
	struct emit e;
	struct embed m;
	struct digests d;
	struct prune pruned;
	const char *lib = load(&a, b, &e, &m, &pruned) ? library(&a) : NULL;
	int code = EXIT_FAILED;

	if (lib && describe(&a, &e, lib, &m, &d) && (!b->emit_c || emit_c(&e, &m, b->emit_c)) &&
	    (!b->target || compile(b, &e, &m, &pruned, lib)))
		code = EXIT_OK;
	arena_free(&a);
	return code;
}

static bool decide_mode(const char *word, enum decide_mode *mode)
{
	static const char *const words[] = {
		[DECIDE_AUTO] = "auto", [DECIDE_ALWAYS] = "always", [DECIDE_NEVER] = "never"
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(word, words[i]) == 0) {
			*mode = (enum decide_mode)i;
			return true;
		}
	return false;
}

int cmd_build(int argc, char **argv)
{
	enum {
		OPT_EMIT_C = 256,
		OPT_CC,
		OPT_CFLAGS,
		OPT_REPORT_,
		OPT_STATIC,
		OPT_LTO,
		OPT_STRIP,
		OPT_DECIDE,
		OPT_NO_PRUNE
	};
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "emit-c", required_argument, NULL, OPT_EMIT_C },
		{ "cc", required_argument, NULL, OPT_CC },
		{ "cflags", required_argument, NULL, OPT_CFLAGS },
		{ "report", no_argument, NULL, OPT_REPORT_ },
		{ "static", no_argument, NULL, OPT_STATIC },
		{ "lto", no_argument, NULL, OPT_LTO },
		{ "strip", no_argument, NULL, OPT_STRIP },
		{ "decide", required_argument, NULL, OPT_DECIDE },
		{ "no-prune", no_argument, NULL, OPT_NO_PRUNE },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct build b = { .cc = getenv("CC") };
	int c;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			b.target = optarg;
			break;
		case OPT_EMIT_C:
			b.emit_c = optarg;
			break;
		case OPT_CC:
			b.cc = optarg;
			break;
		case OPT_CFLAGS:
			b.cflags = optarg;
			break;
		case OPT_REPORT_:
			b.report = true;
			break;
		case OPT_STATIC:
			b.is_static = true;
			break;
		case OPT_LTO:
			b.lto = true;
			break;
		case OPT_STRIP:
			b.strip = true;
			break;
		case OPT_DECIDE:
			if (!decide_mode(optarg, &b.decide))
				return cmd_misuse("build", "--decide takes auto, always or never");
			break;
		case OPT_NO_PRUNE:
			b.no_prune = true;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return cmd_misuse("build", "bad option");
		}
	}
	if (!b.cc || !*b.cc)
		b.cc = "cc";
	if (argc - optind != 1)
		return cmd_misuse("build", argc == optind ? "a site file is missing"
							  : "it takes one site file");
	if (!b.target && !b.emit_c)
		return cmd_misuse("build", "-o BIN is missing");
	b.path = argv[optind];
	return build_site(&b);
}
