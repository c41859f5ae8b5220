/* SPDX-License-Identifier: Apache-2.0 */
/* P401: expressions that the matcher needs exponential time for. The ambiguity is found in the
 * expression's automaton; it is said only when the matcher itself, given a subject made of it, runs
 * into a limit. */
#include "lint_part.h"

#include "diag.h"
#include "regular/redos.h"
#include "regular/word.h"
#include "source.h"
#include "symbol.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define TURNS 40 /* of the pumped text in a subject */
#define TRY_LIMIT 200000 /* steps of the matcher: such a subject has some hundred bytes */
#define PREFIX_MAX 64
#define STEPS_MAX 3000000

struct matcher {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
};

static bool matcher_open(struct matcher *m, const struct p_regex *r)
{
	uint32_t opts = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF |
			(r->icase ? PCRE2_CASELESS : 0) | (r->freespace ? PCRE2_EXTENDED : 0);
	PCRE2_SIZE at;
	int error;

	m->code = pcre2_compile((PCRE2_SPTR)r->text.p, r->text.n, opts, &error, &at, NULL);
	m->data = m->code ? pcre2_match_data_create_from_pattern(m->code, NULL) : NULL;
	m->context = pcre2_match_context_create(NULL);
	if (m->context)
		pcre2_set_match_limit(m->context, TRY_LIMIT);
	return m->data && m->context;
}

static void matcher_close(struct matcher *m)
{
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	pcre2_code_free(m->code);
}

static bool gives_up(struct arena *a, const struct matcher *m, struct str prefix, struct str pump,
		     char last)
{
	struct textbuf b = { 0 };
	struct str s;

	textbuf_put(a, &b, prefix);
	for (int i = 0; i < TURNS; i++)
		textbuf_put(a, &b, pump);
	textbuf_byte(a, &b, last);
	s = textbuf_str(&b);
	return pcre2_match(m->code, (PCRE2_SPTR)s.p, s.n, 0, 0, m->data, m->context) ==
	       PCRE2_ERROR_MATCHLIMIT;
}

/* <word> matches; somewhere in it stands what the pump is a turn of. */
static bool confirmed(struct arena *a, const struct matcher *m, struct str word, struct str pump)
{
	static const char ends[] = { '!', '\x01', '/', 'a' };

	for (size_t n = 0; n <= word.n && n <= PREFIX_MAX; n++)
		for (size_t i = 0; i < sizeof(ends); i++)
			if (gives_up(a, m, str_first(word, n), pump, ends[i]))
				return true;
	return false;
}

/* Is there a choice inside a repetition? Without one there is a single way over each text, but for
 * where one repetition ends and the next begins. */
static bool nests(const struct re *re, bool inside)
{
	bool repeats = re->kind == RE_REPEAT && re->max > 1;

	if (inside && (re->kind == RE_ALT || (re->kind == RE_REPEAT && re->min != re->max)))
		return true;
	for (const struct re *k = re->kid; k; k = k->next)
		if (nests(k, inside || repeats))
			return true;
	return false;
}

static bool exponential(struct arena *a, const struct p_regex *r, struct str *pump)
{
	struct budget budget = BUDGET_DEFAULT;
	const struct dfa *d;
	const struct re *re;
	struct matcher m = { 0 };
	struct str why, word = { 0 };
	bool found;

	budget.steps = STEPS_MAX;
	re = re_parse(a, r->text, r->icase, r->freespace, &why);
	if (!re || !nests(re, false) || redos_exponential(a, re, &budget, pump) != ANSWER_YES || !pump->n)
		return false;
	d = dfa_search(a, re, &budget);
	if (d)
		word_shortest(a, d, &word);
	found = matcher_open(&m, r) && confirmed(a, &m, word, *pump);
	matcher_close(&m);
	return found;
}

/* Bytes that do not print as \xHH. */
static struct str shown(struct arena *a, struct str s)
{
	struct textbuf b = { 0 };

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] > ' ' && s.p[i] < 0x7f)
			textbuf_byte(a, &b, s.p[i]);
		else
			textbuf_put(a, &b, arena_printf(a, "\\x%02x", (unsigned char)s.p[i]));
	}
	return textbuf_str(&b);
}

struct checks {
	struct arena *a;
	bool *done; /* by regex */
};

static void check(struct checks *c, const struct p_regex *r, struct p_place place)
{
	struct arena own = { 0 };
	struct str pump = { 0 };

	if (!r || c->done[r->index] || source_is_library(place.file))
		return;
	c->done[r->index] = true;
	if (exponential(&own, r, &pump))
		diag(P401, diag_line(place.file, place.line), STR_ARG(shown(c->a, pump)));
	arena_free(&own);
}

static void see_test(const struct p_test *t, bool positive, void *arg)
{
	(void)positive;
	for (uint32_t i = 0; i < t->nvalues && !t->set; i++)
		if (t->values[i].kind == VALUE_REGEX)
			check(arg, t->values[i].regex, t->place);
}

void lint_regexes(struct arena *a, const struct program *p)
{
	struct checks c = { .a = a, .done = ARENA_ARRAY(a, bool, p->nregexes + 1) };

	for (uint32_t i = 0; i < p->nrules; i++) {
		const struct p_rule *r = p->rules[i];

		lint_each_test(r->cond, true, see_test, &c);
		for (uint32_t k = 0; k < r->nactions; k++)
			check(&c, r->actions[k].regex, r->actions[k].place);
	}
}
