/* SPDX-License-Identifier: Apache-2.0 */
/* watch: each rule waits for the literal of its clause that fewest rules have. Where many rules wait
 * for the same one, they wait for a second one with it, and so on: a tree of literals. */
#include <stdlib.h>

#include "decide_part.h"

#define SPLIT_RULES 1 /* more rules than this wait for a further literal */
#define SPLIT_RULES_DEAR 8 /* the same, when that is dear to look for */
#define COST_DEAR 8

uint32_t decide_set(struct watches *w, uint32_t literal)
{
	while (w->sets[literal] != literal) {
		w->sets[literal] = w->sets[w->sets[literal]];
		literal = w->sets[literal];
	}
	return literal;
}

static void together(struct watches *w, uint32_t a, uint32_t b)
{
	uint32_t x = decide_set(w, a), y = decide_set(w, b);

	w->sets[x > y ? x : y] = x > y ? y : x;
}

/* -- order of literals
 * ------------------------------------------------------------------------------ */

static bool before(const struct decide *d, uint32_t a, uint32_t b)
{
	const struct literal *x = &d->literals[a], *y = &d->literals[b];

	/* Those that cost a pass for each few of them come last. */
	if ((x->cost > COST_DEAR) != (y->cost > COST_DEAR))
		return y->cost > COST_DEAR;
	if (x->uses != y->uses)
		return x->uses < y->uses;
	return x->cost != y->cost ? x->cost < y->cost : a < b;
}

static void sort_clause(const struct decide *d, struct clause *c)
{
	for (uint32_t i = 1; i < c->n; i++)
		for (uint32_t k = i; k && before(d, c->literals[k], c->literals[k - 1]); k--) {
			uint32_t other = c->literals[k];

			c->literals[k] = c->literals[k - 1];
			c->literals[k - 1] = other;
		}
}

struct waiting {
	const struct clause *clause;
	uint32_t rule;
};

static int by_clause(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;
	uint32_t n = x->clause->n < y->clause->n ? x->clause->n : y->clause->n;

	for (uint32_t i = 0; i < n; i++)
		if (x->clause->literals[i] != y->clause->literals[i])
			return x->clause->literals[i] < y->clause->literals[i] ? -1 : 1;
	if (x->clause->n != y->clause->n)
		return x->clause->n < y->clause->n ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

/* -- the tree
 * --------------------------------------------------------------------------------------- */

static void want(struct decide *d, struct watches *w, uint32_t literal)
{
	struct literal *l = &d->literals[literal];

	if (l->wanted)
		return;
	l->wanted = true;
	for (uint32_t i = 0; i < l->nany; i++) {
		want(d, w, l->any[i]);
		together(w, literal, l->any[i]);
	}
}

static void note_rule(struct watches *w, uint32_t literal, uint32_t rule)
{
	if (w->first[literal] > rule)
		w->first[literal] = rule;
	if (w->last[literal] < rule)
		w->last[literal] = rule;
}

static void hang(struct decide *d, struct watches *w, uint32_t watch, const struct waiting *x,
		 uint32_t depth)
{
	struct watch *at = &w->at[watch];

	GROW(d->arena, at->rules, at->nrules, at->rules_room);
	at->rules[at->nrules++] = x->rule;
	note_rule(w, x->clause->literals[0], x->rule);
	w->watched++;
	if (x->clause->exact && x->clause->n == depth) {
		w->flags[x->rule] |= WS_DECIDE_HOLDS;
		w->held++;
	}
}

static bool splits(const struct decide *d, const struct waiting *x, uint32_t depth, uint32_t n)
{
	if (x->clause->n <= depth)
		return false;
	return n > (d->mode != DECIDE_ALWAYS &&
				    d->literals[x->clause->literals[depth]].cost >= COST_DEAR
			    ? SPLIT_RULES_DEAR
			    : SPLIT_RULES);
}

/* The watch of the rules <x>, which have their first <depth> literals in common. */
static uint32_t put_watch(struct decide *d, struct watches *w, const struct waiting *x, uint32_t n,
			  uint32_t depth)
{
	uint32_t own = w->n, literal = x[0].clause->literals[depth - 1];

	GROW(d->arena, w->at, w->n, w->room);
	w->at[w->n++] = (struct watch) { .literal = literal, .below = n };
	want(d, w, literal);
	together(w, x[0].clause->literals[0], literal);
	for (uint32_t i = 0, next; i < n; i = next) {
		uint32_t kid;

		next = i + 1;
		if (!splits(d, &x[i], depth, n)) {
			hang(d, w, own, &x[i], depth);
			continue;
		}
		while (next < n && x[next].clause->n > depth &&
		       x[next].clause->literals[depth] == x[i].clause->literals[depth])
			next++;
		kid = put_watch(d, w, x + i, next - i, depth + 1);
		GROW(d->arena, w->at[own].kids, w->at[own].nkids, w->at[own].kids_room);
		w->at[own].kids[w->at[own].nkids++] = kid;
	}
	return own;
}

static void prepare(struct decide *d, struct watches *w)
{
	uint32_t n = d->nliterals;

	*w = (struct watches) { 0 };
	w->always = ARENA_ARRAY(d->arena, uint32_t, d->chain->n);
	w->flags = ARENA_ARRAY(d->arena, uint8_t, d->chain->n);
	w->sets = ARENA_ARRAY(d->arena, uint32_t, n);
	w->first = ARENA_ARRAY(d->arena, uint32_t, n);
	w->last = ARENA_ARRAY(d->arena, uint32_t, n);
	for (uint32_t i = 0; i < n; i++) {
		w->sets[i] = i;
		w->first[i] = UINT32_MAX;
	}
}

void decide_watch(struct decide *d, struct watches *w)
{
	struct waiting *all = ARENA_ARRAY(d->arena, struct waiting, d->chain->n);
	uint32_t n = 0;

	prepare(d, w);
	for (uint32_t i = 0; i < d->chain->n; i++) {
		struct clause *c = &d->clauses[i];

		if (!c->n) {
			w->always[w->nalways++] = i;
			continue;
		}
		sort_clause(d, c);
		all[n++] = (struct waiting) { .clause = c, .rule = i };
	}
	qsort(all, n, sizeof(*all), by_clause);
	for (uint32_t i = 0, next; i < n; i = next) {
		for (next = i + 1;
		     next < n && all[next].clause->literals[0] == all[i].clause->literals[0];
		     next++)
			;
		GROW(d->arena, w->roots, w->nroots, w->roots_room);
		w->roots[w->nroots++] = put_watch(d, w, all + i, next - i, 1);
	}
}

/* -- words
 * ------------------------------------------------------------------------------------------ */

/* Kids are in order of literal already: clauses are sorted. */
static uint32_t put_words(struct decide *d, struct watches *w, uint32_t watch,
			  const struct literal *l)
{
	uint32_t nups = l ? l->nups : 0, off, at;
	struct watch *x = &w->at[watch];

	for (uint32_t i = 0; i < x->nkids; i++)
		w->at[x->kids[i]].row = put_words(d, w, x->kids[i], NULL);
	off = decide_words(d->e, 3 + x->nrules + 2 * x->nkids + nups);
	decide_word(d->e, off)[0] = x->nrules;
	decide_word(d->e, off)[1] = x->nkids;
	decide_word(d->e, off)[2] = nups;
	at = off + 3;
	for (uint32_t i = 0; i < x->nrules; i++)
		*decide_word(d->e, at++) = x->rules[i];
	for (uint32_t i = 0; i < x->nkids; i++) {
		*decide_word(d->e, at++) = w->at[x->kids[i]].literal;
		*decide_word(d->e, at++) = w->at[x->kids[i]].row;
	}
	for (uint32_t i = 0; i < nups; i++)
		*decide_word(d->e, at++) = l->ups[i];
	return off;
}

static void collect_ups(struct decide *d)
{
	uint32_t *rooms = ARENA_ARRAY(d->arena, uint32_t, d->nliterals);

	for (uint32_t i = 0; i < d->nliterals; i++)
		for (uint32_t k = 0; d->literals[i].wanted && k < d->literals[i].nany; k++) {
			uint32_t of = d->literals[i].any[k];
			struct literal *l = &d->literals[of];

			GROW(d->arena, l->ups, l->nups, rooms[of]);
			l->ups[l->nups++] = i;
		}
}

uint32_t decide_put_watches(struct decide *d, struct watches *w)
{
	uint32_t off = decide_words(d->e, d->nliterals), none = w->n;

	collect_ups(d);
	GROW(d->arena, w->at, w->n, w->room); /* an empty one, for literals with ups alone */
	w->at[none] = (struct watch) { 0 };
	for (uint32_t i = 0; i < w->nroots; i++) {
		uint32_t literal = w->at[w->roots[i]].literal;
		uint32_t row = put_words(d, w, w->roots[i], &d->literals[literal]);

		*decide_word(d->e, off + literal) = row;
	}
	for (uint32_t i = 0; i < d->nliterals; i++)
		if (d->literals[i].nups && !*decide_word(d->e, off + i)) {
			uint32_t row = put_words(d, w, none, &d->literals[i]);

			*decide_word(d->e, off + i) = row;
		}
	return off;
}
