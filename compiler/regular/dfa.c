/* SPDX-License-Identifier: Apache-2.0 */
#include "dfa.h"

#include <stdlib.h>
#include <string.h>

#include "dfa_raw.h"

const char *limit_name(enum limit l)
{
	static const char *const names[] = { "none", "regex positions", "automaton states",
					     "search tuples", "steps" };

	return names[l];
}

uint16_t dfa_run(const struct dfa *d, uint16_t state, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		state = dfa_step(d, state, (uint8_t)s.p[i]);
	return state;
}

bool dfa_accepts(const struct dfa *d, struct str s)
{
	return d->accept[dfa_run(d, 0, s)];
}

static const struct dfa *constant(struct arena *a, bool all)
{
	static const uint8_t class_of[256];
	struct budget b = BUDGET_DEFAULT;
	struct dfa_raw r;

	dfa_raw_init(&r, class_of, 1);
	dfa_raw_state(&r, &b);
	r.accept[0] = all;
	return dfa_raw_finish(a, &r, true, &b);
}

const struct dfa *dfa_none(struct arena *a)
{
	return constant(a, false);
}

const struct dfa *dfa_all(struct arena *a)
{
	return constant(a, true);
}

const struct dfa *dfa_bytes(struct arena *a, struct byteset set, uint32_t min, uint32_t max,
			    struct budget *b)
{
	struct arena t = { 0 };
	const struct dfa *d = dfa_whole(a, re_repeat(&t, re_set(&t, set), min, max), b);

	arena_free(&t);
	return d;
}

bool dfa_equal(const struct dfa *x, const struct dfa *y)
{
	return x == y ||
	       (x->hash == y->hash && x->nstates == y->nstates && x->nclasses == y->nclasses &&
		memcmp(x->class_of, y->class_of, 256) == 0 &&
		memcmp(x->accept, y->accept, x->nstates) == 0 &&
		(x->next == y->next ||
		 memcmp(x->next, y->next, (size_t)x->nstates * x->nclasses * sizeof(*x->next)) ==
			 0));
}

bool dfa_only_word(struct arena *a, const struct dfa *d, struct str *word)
{
	char *p = arena_get(a, d->nstates + 1);
	uint16_t q = 0;
	size_t n = 0;

	while (!d->accept[q]) {
		unsigned live = 0;
		uint16_t to = q;

		for (unsigned c = 0; c < 256; c++)
			if (dfa_step(d, q, (uint8_t)c) != d->dead) {
				p[n] = (char)c;
				to = dfa_step(d, q, (uint8_t)c);
				live++;
			}
		if (live != 1 || n++ == d->nstates)
			return false;
		q = to;
	}
	for (uint32_t c = 0; c < d->nclasses; c++)
		if (d->next[q * d->nclasses + c] != d->dead)
			return false;
	*word = str_of(p, n);
	return true;
}
