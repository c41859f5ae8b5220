/* SPDX-License-Identifier: Apache-2.0 */
/* P401, P402: expressions that the matcher needs exponential or quadratic time for. The ambiguity is
 * found in the expression; it is said only when the matcher itself, given a subject made of it, runs
 * into a limit. P404, P405: expressions that proofs do not look into. */
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
#define LONG_TURNS 4000 /* of one byte: a subject as long as a head may hold */
#define LONG_LIMIT 100000 /* steps of the matcher while serving */
#define LONG_PREFIX_MAX 8
#define LONG_TRIES 200 /* expressions of a site that are tried so */
#define WIDE_MIN 10 /* places for several bytes: fewer never make a large automaton */
#define AUTOMATA_STEPS 50000000 /* of all automata that are made for P404 */
#define PREFIX_MAX 64
#define STEPS_MAX 3000000

struct matcher {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
};

static bool matcher_open(struct matcher *m, const struct p_regex *r, uint32_t more, uint32_t limit)
{
	uint32_t opts = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | more |
			(r->icase ? PCRE2_CASELESS : 0) | (r->freespace ? PCRE2_EXTENDED : 0);
	PCRE2_SIZE at;
	int error;

	m->code = pcre2_compile((PCRE2_SPTR)r->text.p, r->text.n, opts, &error, &at, NULL);
	m->data = m->code ? pcre2_match_data_create_from_pattern(m->code, NULL) : NULL;
	m->context = pcre2_match_context_create(NULL);
	if (m->context)
		pcre2_set_match_limit(m->context, limit);
	return m->data && m->context;
}

static void matcher_close(struct matcher *m)
{
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	pcre2_code_free(m->code);
}

static bool gives_up(struct arena *a, const struct matcher *m, struct str prefix, struct str pump,
		     int turns, char last)
{
	struct textbuf b = { 0 };
	struct str s;

	textbuf_put(a, &b, prefix);
	for (int i = 0; i < turns; i++)
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
			if (gives_up(a, m, str_first(word, n), pump, TURNS, ends[i]))
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

static bool exponential(struct arena *a, const struct p_regex *r, const struct re *re,
			struct str *pump)
{
	struct budget budget = BUDGET_DEFAULT;
	const struct dfa *d;
	struct matcher m = { 0 };
	struct str word = { 0 };
	bool found;

	budget.steps = STEPS_MAX;
	if (!nests(re, false) || redos_exponential(a, re, &budget, pump) != ANSWER_YES || !pump->n)
		return false;
	d = dfa_search(a, re, &budget);
	if (d)
		word_shortest(a, d, &word);
	found = matcher_open(&m, r, 0, TRY_LIMIT) && confirmed(a, &m, word, *pump);
	matcher_close(&m);
	return found;
}

/* ---- P402 ---- */

/* The bytes that <re> may repeat without end; none: it does not. */
static bool loops(const struct re *re, struct byteset *set)
{
	if (re->kind != RE_REPEAT || re->max != RE_FOREVER || re->kid->kind != RE_SET)
		return false;
	*set = re->kid->set;
	return true;
}

/* A byte that two loops beside each other, or with what may be empty between them, both take. */
static bool shared_byte(const struct re *re, uint8_t *byte)
{
	for (const struct re *x = re->kid; x; x = x->next) {
		struct byteset one, other;

		if (shared_byte(x, byte))
			return true;
		if (re->kind != RE_CAT || !loops(x, &one))
			continue;
		for (const struct re *y = x->next; y; y = y->next) {
			if (loops(y, &other))
				for (unsigned c = ' '; c < 0x7f; c++)
					if (byteset_has(&one, (uint8_t)c) &&
					    byteset_has(&other, (uint8_t)c)) {
						*byte = (uint8_t)c;
						return true;
					}
			if (y->kind == RE_SET ||
			    (y->kind == RE_REPEAT && y->min > 0 && !loops(y, &other)))
				break;
		}
	}
	return false;
}

static bool quadratic(struct arena *a, const struct p_regex *r, const struct re *re,
		      unsigned *tries, struct str *pump)
{
	static const char ends[] = { '!', '\x01', 'a' };
	struct budget budget = BUDGET_DEFAULT;
	const struct dfa *d;
	struct str word = { 0 };
	struct matcher m = { 0 };
	char *byte = arena_get(a, 1);
	bool found = false;

	budget.steps = STEPS_MAX;
	if (!shared_byte(re, (uint8_t *)byte) || !*tries)
		return false;
	(*tries)--;
	*pump = str_of(byte, 1);
	d = dfa_search(a, re, &budget);
	if (d)
		word_shortest(a, d, &word);
	/* its shortcuts save calls, which the limit counts, but not the looks at bytes */
	if (matcher_open(&m, r, PCRE2_NO_AUTO_POSSESS | PCRE2_NO_START_OPTIMIZE, LONG_LIMIT))
		for (size_t n = 0; n <= word.n && n <= LONG_PREFIX_MAX && !found; n++)
			for (size_t i = 0; i < sizeof(ends) && !found; i++)
				found = gives_up(a, &m, str_first(word, n), *pump, LONG_TURNS,
						 ends[i]);
	matcher_close(&m);
	return found;
}

/* ---- P404 ---- */

/* Places for three and more bytes, with repetitions written out. */
static uint64_t wide_places(const struct re *re)
{
	uint64_t n = 0;

	if (re->kind == RE_SET)
		return byteset_count(re->set) > 2;
	for (const struct re *k = re->kid; k; k = k->next)
		n += wide_places(k);
	if (re->kind == RE_REPEAT && n)
		n *= re->max != RE_FOREVER ? re->max : re->min ? re->min : 1;
	return n < WIDE_MIN ? n : WIDE_MIN;
}

/* Is its automaton too large? The limit that was met. */
static const char *too_large(struct arena *a, const struct re *re, uint64_t *steps)
{
	struct budget budget = BUDGET_DEFAULT;
	const struct dfa *d;

	if (wide_places(re) < WIDE_MIN || *steps < AUTOMATA_STEPS / 100)
		return NULL;
	budget.steps = *steps;
	d = dfa_search(a, re, &budget);
	*steps = budget.steps;
	return d || budget.hit == LIMIT_STEPS ? NULL : limit_name(budget.hit);
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
	uint64_t steps; /* left for P404 */
	unsigned tries; /* left for P402 */
};

/* <tested>: it decides something, so proofs would look into it. */
static void check(struct checks *c, const struct p_regex *r, struct p_place place, bool tested)
{
	struct arena own = { 0 };
	struct str pump = { 0 }, why;
	const struct re *re;
	const char *limit;
	struct at at;

	if (!r || c->done[r->index] || source_is_library(place.file))
		return;
	c->done[r->index] = true;
	at = diag_line(place.file, place.line);
	re = re_parse(&own, r->text, r->icase, r->freespace, &why);
	limit = re && tested ? too_large(&own, re, &c->steps) : NULL;
	if (limit)
		diag(P404, at, limit);
	if (!re && tested)
		diag(P405, at, STR_ARG(why));
	if (re && exponential(&own, r, re, &pump))
		diag(P401, at, STR_ARG(shown(c->a, pump)));
	else if (re && quadratic(&own, r, re, &c->tries, &pump))
		diag(P402, at, STR_ARG(shown(c->a, pump)));
	arena_free(&own);
}

static void see_test(const struct p_test *t, bool positive, void *arg)
{
	(void)positive;
	for (uint32_t i = 0; i < t->nvalues && !t->set; i++)
		if (t->values[i].kind == VALUE_REGEX)
			check(arg, t->values[i].regex, t->place, true);
}

void lint_regexes(struct arena *a, const struct program *p)
{
	struct checks c = { .a = a,
			    .done = ARENA_ARRAY(a, bool, p->nregexes + 1),
			    .steps = AUTOMATA_STEPS,
			    .tries = LONG_TRIES };

	for (uint32_t i = 0; i < p->nrules; i++) {
		const struct p_rule *r = p->rules[i];

		lint_each_test(r->cond, true, see_test, &c);
		for (uint32_t k = 0; k < r->nactions; k++)
			check(&c, r->actions[k].regex, r->actions[k].place, false);
	}
}
