/* SPDX-License-Identifier: Apache-2.0 */
/* lint_tests: test blocks as weir test would read them, without running them. */
#include "lint.h"
#include "request.h"

/* A block while its lines are read. */
struct block {
	struct arena *a;
	const struct program *p;
	struct request_spec request;
	struct expectations expect;
	struct at at; /* of the request line; line 0: none yet */
};

/* The exchange that ends has to expect something. */
static void end_exchange(const struct block *b)
{
	if (b->at.line && b->expect.n == 0)
		diag(E090, b->at, "nothing is expected of this request");
}

static bool section_named(const struct program *p, struct str name)
{
	for (uint32_t i = 0; i < p->nsections; i++)
		if (str_eq(p->sections[i]->name, name))
			return true;
	return false;
}

static void check_expect(const struct block *b, const struct ast_line *line, uint32_t from)
{
	for (uint32_t i = from; i < b->expect.n; i++) {
		const struct expectation *e = &b->expect.at[i];

		if (str_eq(e->word, S("backend")) && !section_named(b->p, e->value)) {
			diag(E090, line->at, "no backend has that name");
			diag_hint("'%.*s' is no section of the site", STR_ARG(e->value));
		}
	}
}

static const char *read_line(struct block *b, const struct ast_line *line)
{
	const struct ast_value *words = line->values;
	struct str word = words ? words->text : S("");
	uint32_t expected = b->expect.n;
	const char *why;

	if (str_eq(word, S("request"))) {
		end_exchange(b);
		b->request = (struct request_spec) { 0 };
		b->expect = (struct expectations) { 0 };
		b->at = line->at;
		return request_words(b->a, &b->request, words->next);
	}
	if (!str_eq(word, S("response")) && !str_eq(word, S("expect")))
		return "a test has request, response and expect lines";
	if (!b->at.line)
		return "a test begins with its request line";
	if (str_eq(word, S("response")))
		return response_words(b->a, &b->request, words->next);
	why = expect_words(b->a, &b->expect, words->next);
	if (!why)
		check_expect(b, line, expected);
	return why;
}

void lint_tests(struct arena *a, const struct program *p)
{
	for (uint32_t i = 0; i < p->ncases; i++) {
		const struct p_case *c = p->cases[i];
		struct block b = { .a = a, .p = p };
		bool good = true;

		for (uint32_t k = 0; k < c->nlines && good; k++) {
			const char *why = read_line(&b, c->lines[k]);

			if (why)
				diag(E090, c->lines[k]->at, why);
			good = !why;
		}
		if (!good)
			continue;
		end_exchange(&b);
		if (!b.at.line)
			diag(E090, diag_line(c->place.file, c->place.line), "it has no request");
	}
}
