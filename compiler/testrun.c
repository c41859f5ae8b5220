/* SPDX-License-Identifier: Apache-2.0 */
#include "testrun.h"

#include "expect.h"
#include "proof/proof.h"

#include "show.h"

/* One exchange of a block: what is asked, and what must come of it. */
struct exchange {
	struct request_spec request;
	struct expectations expect;
	uint32_t line; /* of its request line */
};

struct testrun {
	const struct program *p;
	const struct p_case *block;
	FILE *out;
	struct arena a;
	bool failed;
	struct coverage *covered; /* or NULL */
};

static void place(struct testrun *t, uint32_t line)
{
	struct p_place at = { .file = t->block->place.file,
			      .line = line ? line : t->block->place.line };

	show_place(t->out, t->p, at);
}

static void start_fail(struct testrun *t, uint32_t line)
{
	if (!t->failed)
		fprintf(t->out, "FAIL %.*s\n", STR_ARG(t->block->name));
	t->failed = true;
	fputs("     ", t->out);
	place(t, line);
	fputs(": ", t->out);
}

static void report(struct testrun *t, const struct exchange *x, const struct expectation *e,
		   struct str got, const struct outcome *o)
{
	start_fail(t, x->line);
	fprintf(t->out, "expected %.*s", STR_ARG(e->word));
	if (e->name.n)
		fprintf(t->out, " %.*s", STR_ARG(e->name));
	if (e->has_value)
		fprintf(t->out, " \"%.*s\"", STR_ARG(e->value));
	if (got.p)
		fprintf(t->out, ", got \"%.*s\"", STR_ARG(got));
	else
		fputs(", got nothing", t->out);
	if (o->decided) {
		fputs(" (decided at ", t->out);
		show_place(t->out, t->p, o->decided->place);
		fputs(")", t->out);
	}
	if (o->why.n)
		fprintf(t->out, " (%.*s)", STR_ARG(o->why));
	fputs("\n", t->out);
}

static void run_exchange(struct testrun *t, const struct exchange *x)
{
	struct outcome *o = interp_run(&t->a, t->p, &x->request, NULL);

	if (t->covered)
		coverage_note(t->covered, o);
	for (uint32_t i = 0; i < x->expect.n; i++) {
		bool ok = false;
		struct str got = expect_look(&t->a, t->p, o, &x->expect.at[i], &ok);

		if (!ok)
			report(t, x, &x->expect.at[i], got, o);
	}
	if (x->expect.n == 0) {
		start_fail(t, x->line);
		fputs("nothing is expected of this request\n", t->out);
	}
}

/* Takes one line; a new request line first runs the exchange before it. */
static const char *take_line(struct testrun *t, const struct ast_line *line, struct exchange *x,
			     bool *open)
{
	const struct ast_value *words = line->values;
	struct str word = words ? words->text : str_of("", 0);
	bool request = str_eq(word, S("request"));

	if (!request && !str_eq(word, S("response")) && !str_eq(word, S("expect")))
		return "a test has request, response and expect lines";
	if (!request && !*open)
		return "a test begins with its request line";
	if (!request && str_eq(word, S("response")))
		return response_words(&t->a, &x->request, words->next);
	if (!request)
		return expect_words(&t->a, &x->expect, words->next);
	if (*open)
		run_exchange(t, x);
	*x = (struct exchange) { .line = line->at.line };
	*open = true;
	return request_words(&t->a, &x->request, words->next);
}

static void run_block(struct testrun *t)
{
	struct exchange x;
	bool open = false;
	const char *why = NULL;

	for (uint32_t i = 0; i < t->block->nlines && !why; i++) {
		why = take_line(t, t->block->lines[i], &x, &open);
		if (why) {
			start_fail(t, t->block->lines[i]->at.line);
			fprintf(t->out, "%s\n", why);
		}
	}
	if (open && !why)
		run_exchange(t, &x);
	if (!open && !why) {
		start_fail(t, 0);
		fputs("the test has no request\n", t->out);
	}
	if (!t->failed)
		fprintf(t->out, "ok   %.*s\n", STR_ARG(t->block->name));
}

/* Each assert is proved, or fails with a request that breaks it. */
static unsigned run_asserts(const struct program *p, FILE *out)
{
	struct arena a = { 0 };
	struct proof *g = p->nasserts ? proof_new(&a, p) : NULL;
	unsigned failed = 0;

	for (uint32_t i = 0; i < p->nasserts; i++) {
		const struct p_assert *s = &p->asserts[i];
		struct str file =
			s->place.file < p->nfiles ? p->files[s->place.file] : str_of("", 0);
		struct str lines[20];
		struct reach r;
		unsigned n = 0;

		proof_assert(g, s, &r);
		if (r.answer == ANSWER_YES)
			n = witness_lines(&a, &r.witness, lines, 20);
		failed += r.answer != ANSWER_NO;
		fprintf(out, "%s assert at %.*s:%u\n", r.answer == ANSWER_NO ? "ok  " : "FAIL",
			STR_ARG(file), s->place.line);
		if (r.answer == ANSWER_LIMIT)
			fputs("     not decided: a limit of the analysis was reached\n", out);
		for (unsigned k = 0; k < n; k++)
			fprintf(out, "     %.*s\n", STR_ARG(lines[k]));
	}
	if (g)
		proof_free(&g);
	arena_free(&a);
	return failed;
}

unsigned testrun(const struct program *p, FILE *out, struct coverage *covered)
{
	unsigned failed = 0;

	for (uint32_t i = 0; i < p->ncases; i++) {
		struct testrun t = { .p = p, .block = p->cases[i], .out = out, .covered = covered };

		run_block(&t);
		failed += t.failed;
		arena_free(&t.a);
	}
	failed += run_asserts(p, out);
	fprintf(out, "%u passed, %u failed\n", p->ncases + p->nasserts - failed, failed);
	return failed;
}
