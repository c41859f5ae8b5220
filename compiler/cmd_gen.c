/* SPDX-License-Identifier: Apache-2.0 */
/* Command gen-tests: a test block for each rule that a request can reach, with the request that the
 * proof engine found for it and what the interpreter makes of that. */
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "coverage.h"
#include "diag.h"
#include "proof/proof.h"
#include "show.h"
#include "source.h"
#include "test_write.h"

static const char help[] =
	"usage: weir gen-tests SITE\n\n"
	"Writes test blocks to standard output: for each rule of the site a request for which it "
	"runs and matches, and one for\n"
	"which it runs and does not, and what becomes of them today. Include them in the site: "
	"'weir test' then says when a change\n"
	"makes one of these requests end elsewhere.\n"
	"Rules that no request reaches, and those that were not decided, are told on standard "
	"error.\n";

struct tally {
	unsigned written, unreached, open, unsaid;
};

static bool met(const struct outcome *o, const struct p_rule *rule, bool matches)
{
	for (uint32_t i = 0; i < o->nrules; i++)
		if (o->rules[i].rule == rule && o->rules[i].matched == matches)
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

struct generation {
	struct arena *a;
	struct proof *g;
	const struct program *p;
	struct coverage covered; /* by the blocks so far */
	struct tally t;
};

/* The block in which <rule> matches, or else does not. A test block has the site's own values of
 * params and servers in service, so the request is run once more under these. */
static void write_block(struct generation *n, const struct p_rule *rule, bool matches,
			struct reach *r)
{
	struct arena run = { 0 };
	struct show_buffer b;
	struct outcome *o = NULL;
	struct str name;

	if (r->answer == ANSWER_YES && r->confirmed) {
		as_words(&r->witness.request);
		o = interp_run(&run, n->p, &r->witness.request, NULL);
	}
	if (!o || !met(o, rule, matches) || !r->witness.request.src_port) {
		*(o ? &n->t.unsaid : &n->t.open) += 1;
		tell(rule, o ? "what it needs (a param, a server out of service) cannot stand in a "
			       "test block"
			     : "not decided: it depends on what the proofs cannot look into");
	} else {
		show_open(&b);
		show_rule(b.out, rule);
		name = plain_name(&run, show_close(&b, &run));
		n->t.written++;
		coverage_note(&n->covered, o);
		test_write(stdout, &run,
			   arena_printf(&run, "line %u%s: %.*s", rule->place.line,
					matches ? "" : " does not match", STR_ARG(name)),
			   &r->witness.request, o);
	}
	arena_free(&run);
}

static void generate(struct generation *n, const struct p_rule *rule)
{
	struct reach r;

	proof_reaches(n->g, rule, true, &r);
	if (r.answer == ANSWER_NO) {
		n->t.unreached++;
		tell(rule, "no request gets to this rule and matches");
		return;
	}
	write_block(n, rule, true, &r);
}

/* A request that passes the rule, unless a block has one already. */
static void generate_pass(struct generation *n, const struct p_rule *rule)
{
	struct reach r;

	if (!(coverage_wanted(rule) & COVERED_FALSE & ~n->covered.seen[rule->index]))
		return;
	proof_passes(n->g, rule, &r);
	if (r.answer != ANSWER_NO)
		write_block(n, rule, false, &r);
}

int cmd_gen_tests(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	struct arena a = { 0 };
	struct generation n = { .a = &a };
	struct program *p;
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
	n.p = p;
	n.g = proof_new(&a, p);
	coverage_init(&n.covered, &a, p);
	puts("# Made by weir gen-tests: requests for which each rule matches, and does not, and "
	     "what "
	     "becomes of them.");
	for (uint32_t i = 0; i < p->nrules; i++)
		if (coverage_wanted(p->rules[i]))
			generate(&n, p->rules[i]);
	for (uint32_t i = 0; i < p->nrules; i++)
		generate_pass(&n, p->rules[i]);
	proof_free(&n.g);
	fprintf(stderr,
		"%u tests; %u rules without a request, %u not decided, %u that tests cannot say\n",
		n.t.written, n.t.unreached, n.t.open, n.t.unsaid);
	arena_free(&a);
	return EXIT_OK;
}
