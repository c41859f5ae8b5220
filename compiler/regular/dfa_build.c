/* SPDX-License-Identifier: Apache-2.0 */
/* The subset construction. A state is the set of nodes that may be reached without another byte:
 * BYTE, MATCH, and LOOK nodes of which the byte before is known to be right and the byte after is
 * not known yet. Only sets with such a LOOK also keep what the byte before was (<context>), for
 * the looks that may follow it at the same place. */
#include <stdlib.h>
#include <string.h>

#include "dfa_raw.h"
#include "nfa.h"

#define POOL_MAX 8000000 /* nodes in all sets together: bounds the memory of a construction */
#define EDGE UINT32_MAX /* context: the subject's start; next: its end */
#define UNKNOWN (UINT32_MAX - 1)

struct set {
	uint32_t at, n; /* in the pool, sorted */
	uint32_t context;
	uint32_t hash;
};

struct subset {
	const struct nfa *nfa;
	struct dfa_raw raw;
	struct budget *b;
	bool search;
	uint8_t byte[256]; /* of each class */
	uint32_t context_of[257]; /* of each class, and of the subject's start */
	uint32_t edge_context;
	struct set *sets; /* of each state */
	uint32_t csets;
	uint32_t *pool, npool, cpool;
	uint32_t *table, ctable; /* hash: state + 1 */
	uint32_t *stack, *found, nfound; /* of closure() */
	uint32_t *seen, round; /* by node: the round in which closure() met it */
	uint32_t **bucket, *nbucket, *cbucket; /* by class: targets of a step */
	uint16_t full;
	bool pending, matched; /* closure() met a LOOK that waits, the MATCH */
};

static bool side_takes(const struct re_side *side, const struct subset *s, uint32_t c)
{
	return c == EDGE ? side->edge : byteset_has(&side->set, s->byte[c]);
}

static bool side_is_any(const struct re_side *side)
{
	return side->edge && byteset_eq(side->set, BYTESET_ALL);
}

/* The LOOK <node> with <prev> before: passed (1), refused (0), or to be kept (-1). */
static int look(const struct subset *s, const struct nfa_node *node, uint32_t prev, uint32_t next)
{
	if (!side_takes(&node->re->before, s, prev))
		return 0;
	if (side_is_any(&node->re->after))
		return 1;
	if (next == UNKNOWN)
		return -1;
	return side_takes(&node->re->after, s, next);
}

static void closure_begin(struct subset *s)
{
	s->nfound = 0;
	s->round++;
	s->pending = s->matched = false;
}

/* Adds what <from> reaches without a byte to <found>. <prev>, <next>: class or EDGE; <next> may be
 * UNKNOWN. */
static void closure(struct subset *s, uint32_t from, uint32_t prev, uint32_t next)
{
	uint32_t n = 0;

#define PUSH(q)                                                                                    \
	do {                                                                                       \
		if (s->seen[q] != s->round) {                                                      \
			s->seen[q] = s->round;                                                     \
			s->stack[n++] = (q);                                                       \
		}                                                                                  \
	} while (0)
	PUSH(from);
	while (n) {
		uint32_t q = s->stack[--n];
		const struct nfa_node *node = &s->nfa->nodes[q];
		int passed = 1;

		if (node->kind == NFA_LOOK)
			passed = look(s, node, prev, next);
		if (node->kind == NFA_SPLIT)
			PUSH(node->y);
		if (node->kind == NFA_BYTE || node->kind == NFA_MATCH || passed < 0)
			s->found[s->nfound++] = q;
		else if (passed > 0)
			PUSH(node->x);
		s->pending |= passed < 0;
		s->matched |= node->kind == NFA_MATCH;
	}
#undef PUSH
}

static int by_number(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return a < b ? -1 : a > b;
}

static void sort(uint32_t *v, uint32_t n)
{
	if (n > 24) {
		qsort(v, n, sizeof(*v), by_number);
		return;
	}
	for (uint32_t i = 1; i < n; i++) {
		uint32_t x = v[i], k = i;

		for (; k && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

static uint32_t hash_of(const uint32_t *v, uint32_t n, uint32_t context)
{
	uint32_t h = 2166136261u ^ context;

	for (uint32_t i = 0; i < n; i++)
		h = (h ^ v[i]) * 16777619u;
	return h ^ h >> 15;
}

static void grow_table(struct subset *s)
{
	s->ctable = s->ctable ? s->ctable * 2 : 64;
	free(s->table);
	s->table = dfa_room(s->ctable, sizeof(*s->table));
	for (uint32_t q = 0; q < s->raw.n; q++) {
		uint32_t i = s->sets[q].hash & (s->ctable - 1);

		while (s->table[i])
			i = (i + 1) & (s->ctable - 1);
		s->table[i] = q + 1;
	}
}

static bool is_found(const struct subset *s, const struct set *set, uint32_t hash, uint32_t context)
{
	return set->hash == hash && set->context == context && set->n == s->nfound &&
	       memcmp(s->pool + set->at, s->found, s->nfound * sizeof(*s->found)) == 0;
}

static uint16_t new_state(struct subset *s, uint32_t hash, uint32_t context)
{
	uint16_t q;

	if (s->npool + s->nfound > POOL_MAX) {
		s->b->hit = LIMIT_STATES;
		return DFA_NO_STATE;
	}
	q = dfa_raw_state(&s->raw, s->b);
	if (q == DFA_NO_STATE)
		return q;
	if (q >= s->csets) {
		s->csets = s->csets ? s->csets * 2 : 32;
		s->sets = dfa_more_room(s->sets, s->csets, sizeof(*s->sets));
	}
	if (s->npool + s->nfound > s->cpool) {
		s->cpool = (s->npool + s->nfound) * 2;
		s->pool = dfa_more_room(s->pool, s->cpool, sizeof(*s->pool));
	}
	s->sets[q] = (struct set) { s->npool, s->nfound, context, hash };
	memcpy(s->pool + s->npool, s->found, s->nfound * sizeof(*s->found));
	s->npool += s->nfound;
	return q;
}

/* The state of what closure() found with <prev> before it. */
static uint16_t state_of_found(struct subset *s, uint32_t prev)
{
	uint32_t context = 0, hash, i;
	uint16_t q;

	if (s->search && s->matched) { /* whatever follows */
		closure_begin(s);
		s->found[s->nfound++] = s->nfa->match;
	} else if (s->pending) {
		context = 1 + (prev == EDGE ? s->edge_context : s->context_of[prev]);
	}
	sort(s->found, s->nfound);
	hash = hash_of(s->found, s->nfound, context);
	if (s->raw.n * 2 >= s->ctable)
		grow_table(s);
	i = hash & (s->ctable - 1);
	for (; s->table[i]; i = (i + 1) & (s->ctable - 1))
		if (is_found(s, &s->sets[s->table[i] - 1], hash, context))
			return (uint16_t)(s->table[i] - 1);
	q = new_state(s, hash, context);
	if (q != DFA_NO_STATE)
		s->table[i] = q + 1u;
	return q;
}

/* A class, or EDGE, that stands for <context>. */
static uint32_t prev_of(const struct subset *s, uint32_t context)
{
	uint32_t c = 0;

	if (context - 1 == s->edge_context)
		return EDGE;
	while (s->context_of[c] != context - 1)
		c++;
	return c;
}

static bool is_pending(const struct subset *s, uint16_t q)
{
	return s->sets[q].context != 0;
}

/* What the set of <q> becomes once the next byte is known to be <next>. */
static void resolve(struct subset *s, uint16_t q, uint32_t next)
{
	struct set set = s->sets[q];
	uint32_t prev = prev_of(s, set.context);

	closure_begin(s);
	for (uint32_t i = 0; i < set.n; i++)
		closure(s, s->pool[set.at + i], prev, next);
}

static void bucket_add(struct subset *s, uint32_t c, uint32_t node)
{
	if (s->nbucket[c] == s->cbucket[c]) {
		s->cbucket[c] = s->cbucket[c] ? s->cbucket[c] * 2 : 8;
		s->bucket[c] = dfa_more_room(s->bucket[c], s->cbucket[c], sizeof(**s->bucket));
	}
	s->bucket[c][s->nbucket[c]++] = node;
}

/* Transitions of <nodes> into the buckets: of class <only>, or of all classes (UNKNOWN). */
static void fill_buckets(struct subset *s, const uint32_t *nodes, uint32_t n, uint32_t only)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct nfa_node *node = &s->nfa->nodes[nodes[i]];

		if (node->kind != NFA_BYTE)
			continue;
		if (only != UNKNOWN && byteset_has(&node->re->set, s->byte[only]))
			bucket_add(s, only, node->x);
		for (uint32_t c = 0; only == UNKNOWN && c < s->raw.k; c++)
			if (byteset_has(&node->re->set, s->byte[c]))
				bucket_add(s, c, node->x);
	}
}

/* The state behind class <c>, whose bucket is full. False: a limit. */
static bool step(struct subset *s, uint16_t q, uint32_t c, bool matched)
{
	uint16_t to;

	closure_begin(s);
	for (uint32_t i = 0; i < s->nbucket[c]; i++)
		closure(s, s->bucket[c][i], c, UNKNOWN);
	s->nbucket[c] = 0;
	if (s->search)
		closure(s, s->nfa->start, c, UNKNOWN);
	s->matched |= matched && s->search;
	if (!budget_take(s->b, s->nfound + 1))
		return false;
	to = state_of_found(s, c);
	s->raw.next[q * s->raw.k + c] = to;
	return to != DFA_NO_STATE;
}

static bool expand(struct subset *s, uint16_t q)
{
	struct set set = s->sets[q];

	if (set.n == 1 && s->pool[set.at] == s->nfa->match && s->search) {
		s->raw.accept[q] = 1; /* transitions lead back to it */
		return true;
	}
	if (is_pending(s, q)) {
		resolve(s, q, EDGE);
		s->raw.accept[q] = s->matched;
	} else {
		for (uint32_t i = 0; i < set.n; i++)
			s->raw.accept[q] |= s->pool[set.at + i] == s->nfa->match;
		fill_buckets(s, s->pool + set.at, set.n, UNKNOWN);
	}
	for (uint32_t c = 0; c < s->raw.k; c++) {
		bool matched = false;

		if (is_pending(s, q)) {
			resolve(s, q, c);
			matched = s->matched;
			fill_buckets(s, s->found, s->nfound, c);
		}
		if (!step(s, q, c, matched))
			return false;
	}
	return true;
}

/* Bytes that no set or look tells apart become a class; classes that no look tells apart when
 * they stand before it become a context. */
static void classify(struct subset *s)
{
	uint8_t class_of[256] = { 0 }, before[256] = { 0 };
	uint32_t k = 1, n = 1;
	bool edge_differs = false;

	for (uint32_t i = 0; i < s->nfa->n; i++) {
		const struct re *re = s->nfa->nodes[i].re;

		if (!re)
			continue;
		if (s->nfa->nodes[i].kind == NFA_BYTE) {
			nfa_refine(class_of, &k, &re->set);
			continue;
		}
		nfa_refine(class_of, &k, &re->before.set);
		nfa_refine(class_of, &k, &re->after.set);
		nfa_refine(before, &n, &re->before.set);
		edge_differs = true;
	}
	dfa_raw_init(&s->raw, class_of, k);
	dfa_bytes_of(class_of, s->byte);
	for (uint32_t c = 0; c < k; c++)
		s->context_of[c] = before[s->byte[c]];
	s->edge_context = edge_differs ? n : 0;
}

static void subset_init(struct subset *s)
{
	classify(s);
	s->cpool = 64;
	s->pool = dfa_room(s->cpool, sizeof(*s->pool));
	s->stack = dfa_room(s->nfa->n, sizeof(*s->stack));
	s->found = dfa_room(s->nfa->n, sizeof(*s->found));
	s->seen = dfa_room(s->nfa->n, sizeof(*s->seen));
	s->bucket = dfa_room(s->raw.k, sizeof(*s->bucket));
	s->nbucket = dfa_room(s->raw.k, sizeof(*s->nbucket));
	s->cbucket = dfa_room(s->raw.k, sizeof(*s->cbucket));
}

static void subset_free(struct subset *s)
{
	for (uint32_t c = 0; s->bucket && c < s->raw.k; c++)
		free(s->bucket[c]);
	free(s->bucket);
	free(s->nbucket);
	free(s->cbucket);
	free(s->stack);
	free(s->found);
	free(s->seen);
	free(s->sets);
	free(s->pool);
	free(s->table);
	dfa_raw_free(&s->raw);
}

const struct dfa *dfa_of_nfa(struct arena *a, const struct nfa *nfa, bool search, struct budget *b)
{
	struct subset s = { .nfa = nfa, .b = b, .search = search };
	const struct dfa *d = NULL;
	uint32_t q = 0;
	bool good;

	subset_init(&s);
	closure_begin(&s);
	closure(&s, nfa->start, EDGE, UNKNOWN);
	good = state_of_found(&s, EDGE) != DFA_NO_STATE;
	while (good && q < s.raw.n)
		good = expand(&s, (uint16_t)q++);
	if (good)
		d = dfa_raw_finish(a, &s.raw, false, b);
	subset_free(&s);
	return d;
}

static const struct dfa *determinise(struct arena *a, const struct re *re, bool search,
				     struct budget *b)
{
	const struct dfa *d = NULL;
	struct nfa nfa;

	if (nfa_make(&nfa, re, b))
		d = dfa_of_nfa(a, &nfa, search, b);
	nfa_free(&nfa);
	return d;
}

const struct dfa *dfa_search(struct arena *a, const struct re *re, struct budget *b)
{
	return determinise(a, re, true, b);
}

const struct dfa *dfa_whole(struct arena *a, const struct re *re, struct budget *b)
{
	return determinise(a, re, false, b);
}

const struct dfa *dfa_of_pattern(struct arena *a, struct str pattern, bool icase, bool freespace,
				 uint64_t *steps)
{
	struct budget b = BUDGET_REGEX;
	struct arena t = { 0 };
	const struct dfa *d = NULL;
	const struct re *re;
	struct str why;

	b.steps = *steps < b.steps ? *steps : b.steps;
	*steps -= b.steps;
	re = re_parse(&t, pattern, icase, freespace, &why);
	if (re)
		d = dfa_search(a, re, &b);
	*steps += b.steps;
	arena_free(&t);
	return d && dfa_table_bytes(d->nstates, d->nclasses) <= DFA_TABLE_BYTES ? d : NULL;
}
