/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "binary.h"
#include "cmd.h"
#include "show.h"

static const char help[] = "usage: weir inspect BIN [--program]\n\n"
			   "Shows what the built binary BIN holds: versions, digests, sections, "
			   "parts, libraries it needs. BIN is read, not run.\n\n"
			   "      --program   print the rule program in it instead\n";

static const char *kind_word(enum section_kind kind)
{
	switch (kind) {
	case SEC_LISTEN:
		return "listen";
	case SEC_FRONTEND:
		return "frontend";
	case SEC_REQRULES:
		return "reqrules";
	case SEC_BACKEND:
		return "backend";
	case SEC_RSPRULES:
		return "rsprules";
	case SEC_CHECKPOINT:
		return "checkpoint";
	default:
		return "section";
	}
}

static void print_sections(const struct program *p)
{
	for (uint32_t i = 0; i < p->nsections; i++) {
		const struct p_section *s = p->sections[i];
		const char *comma = "";

		printf("  %-9s %-24.*s", kind_word(s->kind), STR_ARG(s->name));
		for (int dir = 0; dir < RULE_DIRS; dir++)
			if (s->chains[dir].n) {
				printf("%s %s %u", comma, show_dir((enum rule_dir)dir),
				       s->chains[dir].n);
				comma = ",";
			}
		if (s->nbinds)
			printf("%s %u bind%s", comma, s->nbinds, s->nbinds == 1 ? "" : "s");
		if (s->nservers)
			printf("%s %u server%s", *comma || s->nbinds ? "," : "", s->nservers,
			       s->nservers == 1 ? "" : "s");
		putchar('\n');
	}
}

static void print_binary(const struct binary *b, const struct program *p)
{
	const struct embed *m = &b->site;

	printf("site      %.*s\n", STR_ARG(m->name));
	printf("weir      %.*s, abi %u\n", STR_ARG(m->version), m->abi);
	printf("digests   source   %.*s\n", STR_ARG(m->source));
	printf("          program  %.*s\n", STR_ARG(m->program_digest));
	printf("          runtime  %.*s\n", STR_ARG(m->runtime));
	printf("needs     ");
	for (unsigned i = 0; i < b->nneeded; i++)
		printf("%s%.*s", i ? ", " : "", STR_ARG(b->needed[i]));
	printf("%s\n", b->nneeded ? "" : "no shared library");
	if (b->glibc.n)
		printf("glibc     %.*s or later\n", STR_ARG(b->glibc));
	printf("parts     %.*s\n", STR_ARG(m->parts));
	printf("sections  %u, rules %u\n", p->nsections, p->nrules);
	print_sections(p);
	for (uint32_t i = 0; i < p->nparams; i++)
		printf("param     %.*s%s%.*s\n", STR_ARG(p->params[i]->name),
		       p->params[i]->has_default ? ", default " : ", must be set",
		       STR_ARG(p->params[i]->def));
}

int cmd_inspect(int argc, char **argv)
{
	static const struct option options[] = {
		{ "program", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct arena a = { 0 };
	struct binary b;
	struct program *p;
	struct str why = { 0 };
	const char *fault;
	bool program = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			program = true;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return cmd_misuse("inspect", "bad option");
		}
	}
	if (argc - optind != 1)
		return cmd_misuse("inspect", "it takes one binary");
	fault = binary_read(&a, argv[optind], &b);
	p = fault ? NULL : program_read(&a, b.site.program, &why);
	if (p && program)
		fwrite(b.site.program.p, 1, b.site.program.n, stdout);
	else if (p)
		print_binary(&b, p);
	else
		fprintf(stderr, "weir: %s: %.*s\n", argv[optind],
			STR_ARG(fault ? str_from(fault) : why));
	arena_free(&a);
	return p ? EXIT_OK : EXIT_FAILED;
}
