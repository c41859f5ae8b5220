/* SPDX-License-Identifier: Apache-2.0 */
/* Command gen-tests: a test block for each rule that a request can reach, with the request that the
 * proof engine found for it and what the interpreter makes of that. */
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "diag.h"
#include "proof/proof.h"
#include "show.h"
#include "source.h"
#include "test_write.h"

static const char help[] = "usage: weir gen-tests SITE\n\n"
			   "Writes a test block for each rule of the site to standard output: a "
			   "request for which the\n"
			   "rule runs and matches, and what becomes of it today. Include them in "
			   "the site: 'weir test'\n"
			   "then says when a change makes one of these requests end elsewhere.\n"
			   "Rules that no request reaches, and those that were not decided, are "
			   "told on standard error.\n";

struct tally {
	unsigned written, unreached, open, unsaid;
};

static bool met(const struct outcome *o, const struct p_rule *rule)
{
	for (uint32_t i = 0; i < o->nrules; i++)
		if (o->rules[i].rule == rule && o->rules[i].matched)
			return true;
	return false;
}

static void tell(const struct p_rule *rule, const char *what)
{
	struct at at = diag_line(rule->place.file, rule->place.line);
	const struct source *s = source_get(at.file);

	fprintf(stderr, "%.*s:%u: %s\n", STR_ARG(s->name), rule->place.line, what);
}

/* A name needs no quoting: other quotes in it, and no backslashes. */
static struct str plain_name(struct arena *a, struct str s)
{
	char *p = arena_get(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] == '"' ? '\'' : s.p[i] == '\\' ? '/' : s.p[i];
	return str_of(p, s.n);
}

/* A destination has a port in a test block. */
static void as_words(struct request_spec *q)
{
	if (!q->dst.bits || q->has_dst)
		return;
	q->has_dst = true;
	if (!q->dst_port)
		q->dst_port = 80;
}

/* The block for <rule>. A test block has the site's own values of params and servers in service, so
 * the request is run once more under these. */
static void generate(struct arena *a, struct proof *g, const struct program *p,
		     const struct p_rule *rule, struct tally *t)
{
	const struct interp_state plain = { 0 };
	struct show_buffer b;
	struct reach r;
	struct outcome *o = NULL;
	struct str name;

	proof_reaches(g, rule, true, &r);
	if (r.answer == ANSWER_NO) {
		t->unreached++;
		tell(rule, "no request gets to this rule and matches");
		return;
	}
	if (r.answer == ANSWER_YES && r.confirmed) {
		as_words(&r.witness.request);
		o = interp_run(a, p, &r.witness.request, &plain);
	}
	if (!o || !met(o, rule) || !r.witness.request.src_port) {
		*(o ? &t->unsaid : &t->open) += 1;
		tell(rule, o ? "what it needs (a param, a server out of service) cannot stand in a "
			       "test block"
			     : "not decided: it depends on what the proofs cannot look into");
		return;
	}
	show_open(&b);
	show_rule(b.out, rule);
	name = plain_name(a, show_close(&b, a));
	t->written++;
	test_write(stdout, a, arena_printf(a, "line %u: %.*s", rule->place.line, STR_ARG(name)),
		   &r.witness.request, o);
}

int cmd_gen_tests(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	struct arena a = { 0 };
	struct tally t = { 0 };
	struct program *p;
	struct proof *g;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c != 'h')
			return cmd_misuse("gen-tests", "bad option");
		fputs(help, stdout);
		return EXIT_OK;
	}
	if (argc - optind != 1)
		return cmd_misuse("gen-tests", "it takes one site file");
	p = cmd_load(&a, argv[optind], NULL);
	cmd_reports();
	if (!p)
		return EXIT_FAILED;
	g = proof_new(&a, p);
	puts("# Made by weir gen-tests: a request for each rule, and what becomes of it.");
	for (uint32_t i = 0; i < p->nrules; i++)
		if (p->rules[i]->place.line && !source_is_library(p->rules[i]->place.file))
			generate(&a, g, p, p->rules[i], &t);
	proof_free(&g);
	fprintf(stderr,
		"%u tests; %u rules without a request, %u not decided, %u that tests cannot say\n",
		t.written, t.unreached, t.open, t.unsaid);
	arena_free(&a);
	return EXIT_OK;
}
