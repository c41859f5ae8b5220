/* SPDX-License-Identifier: Apache-2.0 */
/* product: regular expressions of one value in as few automata as their growth allows. Two are run
 * side by side as one whose states are the pairs that are reached; a state knows which patterns hold
 * when the text ends there. Anchored ones hardly grow. Those that may begin anywhere multiply, so a
 * product past its limit is not made, and both stay apart. */
#include <stdlib.h>

#include "decide_part.h"

#define STATES_MAX 4096
#define BYTES_MAX 131072
#define GROWTH 4 /* states of a product for each of its members' */
#define STEPS_SITE 400000000 /* of all merging of one value: the rest stays apart */

/* Literals in order. Equal sets have one number; 0 is the empty one. */
struct literal_set {
	uint32_t n, *literals, weight, row; /* row: 1 + its words among the automata */
};
struct sets {
	struct arena *a;
	struct literal_set *at;
	uint32_t n, room, *table, ctable;
};

struct product {
	uint32_t nstates, k, base; /* base: states of its members */
	uint8_t class_of[256];
	uint16_t *next; /* [state * k + class] */
	uint32_t *set; /* [state] */
};

struct making {
	struct emit *e;
	struct arena *a;
	struct sets sets;
	uint64_t steps;
};

/* -- sets
 * -------------------------------------------------------------------------------------------- */

static uint32_t hash_of(const uint32_t *v, uint32_t n)
{
	uint32_t h = 2166136261u;

	for (uint32_t i = 0; i < n; i++)
		h = (h ^ v[i]) * 16777619u;
	return h ^ h >> 15;
}

static void grow_sets(struct sets *s)
{
	s->ctable = s->ctable ? s->ctable * 2 : 256;
	s->table = ARENA_ARRAY(s->a, uint32_t, s->ctable);
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t slot = hash_of(s->at[i].literals, s->at[i].n) & (s->ctable - 1);

		while (s->table[slot])
			slot = (slot + 1) & (s->ctable - 1);
		s->table[slot] = i + 1;
	}
}

static uint32_t set_of(struct sets *s, const uint32_t *literals, uint32_t n, uint32_t weight)
{
	uint32_t slot;
	struct literal_set *set;

	if (s->n * 2 >= s->ctable)
		grow_sets(s);
	for (slot = hash_of(literals, n) & (s->ctable - 1); s->table[slot];
	     slot = (slot + 1) & (s->ctable - 1)) {
		set = &s->at[s->table[slot] - 1];
		if (set->n == n &&
		    (!n || memcmp(set->literals, literals, n * sizeof(*literals)) == 0))
			return s->table[slot] - 1;
	}
	GROW(s->a, s->at, s->n, s->room);
	set = &s->at[s->n++];
	*set = (struct literal_set) { .n = n, .weight = weight };
	set->literals = ARENA_ARRAY(s->a, uint32_t, n);
	if (n)
		memcpy(set->literals, literals, n * sizeof(*literals));
	s->table[slot] = s->n;
	return s->n - 1;
}

static uint32_t set_union(struct making *m, uint32_t x, uint32_t y)
{
	struct literal_set a = m->sets.at[x], b = m->sets.at[y];
	struct arena scratch = { 0 };
	uint32_t *all, n = 0, i = 0, k = 0, set;

	if (x == y || !b.n)
		return x;
	if (!a.n)
		return y;
	all = ARENA_ARRAY(&scratch, uint32_t, a.n + b.n);
	while (i < a.n || k < b.n) {
		if (k == b.n || (i < a.n && a.literals[i] < b.literals[k])) {
			all[n++] = a.literals[i++];
		} else {
			i += i < a.n && a.literals[i] == b.literals[k];
			all[n++] = b.literals[k++];
		}
	}
	set = set_of(&m->sets, all, n, a.weight + b.weight);
	arena_free(&scratch);
	return set;
}

/* -- two side by side
 * --------------------------------------------------------------------------------- */

struct joining {
	struct making *m;
	const struct product *x, *y;
	struct product *out;
	uint8_t byte[256]; /* of each class */
	uint32_t *pair, *table, ctable, limit;
};

static void join_classes(struct joining *j)
{
	struct product *o = j->out;
	uint16_t joint[256];

	for (unsigned c = 0; c < 256; c++) {
		uint16_t both = (uint16_t)(j->x->class_of[c] << 8 | j->y->class_of[c]);
		uint32_t i = 0;

		while (i < o->k && joint[i] != both)
			i++;
		if (i == o->k) {
			joint[o->k] = both;
			j->byte[o->k++] = (uint8_t)c;
		}
		o->class_of[c] = (uint8_t)i;
	}
}

/* The state of the pair, or UINT32_MAX past the limit. */
static uint32_t state_of(struct joining *j, uint32_t qx, uint32_t qy)
{
	uint32_t pair = qx << 16 | qy, h = pair * 2654435761u, slot;
	struct product *o = j->out;

	for (slot = (h ^ h >> 15) & (j->ctable - 1); j->table[slot];
	     slot = (slot + 1) & (j->ctable - 1))
		if (j->pair[j->table[slot] - 1] == pair)
			return j->table[slot] - 1;
	if (o->nstates == j->limit)
		return UINT32_MAX;
	j->pair[o->nstates] = pair;
	j->table[slot] = o->nstates + 1;
	return o->nstates++;
}

static bool join_states(struct joining *j)
{
	const struct product *x = j->x, *y = j->y;
	struct product *o = j->out;

	if (state_of(j, 0, 0) != 0)
		return false;
	for (uint32_t q = 0; q < o->nstates; q++) {
		uint32_t qx = j->pair[q] >> 16, qy = j->pair[q] & 0xffff;

		if (j->m->steps < o->k)
			return false;
		j->m->steps -= o->k;
		o->set[q] = set_union(j->m, x->set[qx], y->set[qy]);
		for (uint32_t c = 0; c < o->k; c++) {
			uint32_t to = state_of(j, x->next[qx * x->k + x->class_of[j->byte[c]]],
					       y->next[qy * y->k + y->class_of[j->byte[c]]]);

			if (to == UINT32_MAX)
				return false;
			o->next[q * o->k + c] = (uint16_t)to;
		}
	}
	return true;
}

static void product_free(struct product *p)
{
	if (p) {
		free(p->next);
		free(p->set);
		free(p);
	}
}

/* Both as one, in their place; NULL: it would be too large, and they stay. */
static struct product *join(struct making *m, struct product *x, struct product *y)
{
	struct joining j = { .m = m, .x = x, .y = y };
	struct arena scratch = { 0 };
	struct product *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->base = x->base + y->base;
	j.out = o;
	join_classes(&j);
	j.limit = GROWTH * o->base + 64;
	if (j.limit > STATES_MAX)
		j.limit = STATES_MAX;
	while (j.limit > 1 && dfa_table_bytes(j.limit, o->k) > BYTES_MAX)
		j.limit /= 2;
	for (j.ctable = 64; j.ctable < 2 * j.limit;)
		j.ctable *= 2;
	j.table = ARENA_ARRAY(&scratch, uint32_t, j.ctable);
	j.pair = ARENA_ARRAY(&scratch, uint32_t, j.limit);
	o->next = calloc((size_t)j.limit * o->k, sizeof(*o->next));
	o->set = calloc(j.limit, sizeof(*o->set));
	if (!o->next || !o->set || !join_states(&j)) {
		product_free(o);
		o = NULL;
	} else {
		product_free(x);
		product_free(y);
	}
	arena_free(&scratch);
	return o;
}

/* -- many
 * -------------------------------------------------------------------------------------------- */

static struct product *single(struct making *m, const struct entry *x)
{
	struct product *o = calloc(1, sizeof(*o));
	struct arena scratch = { 0 };
	uint64_t steps = UINT64_MAX;
	const struct p_regex *r = x->p->regex;
	const struct dfa *d = dfa_of_pattern(&scratch, r->text, r->icase, r->freespace, &steps);
	uint32_t set = set_of(&m->sets, &x->literal, 1, x->weight);
	size_t cells;

	if (!o || !d)
		abort(); /* no memory; the pattern has an automaton */
	cells = (size_t)d->nstates * d->nclasses;
	o->nstates = o->base = d->nstates;
	o->k = d->nclasses;
	memcpy(o->class_of, d->class_of, sizeof(o->class_of));
	o->next = calloc(cells, sizeof(*o->next));
	o->set = calloc(d->nstates, sizeof(*o->set));
	if (!o->next || !o->set)
		abort();
	memcpy(o->next, d->next, cells * sizeof(*o->next));
	for (uint32_t q = 0; q < d->nstates; q++)
		o->set[q] = d->accept[q] ? set : 0;
	arena_free(&scratch);
	return o;
}

/* The products of <n> entries into <out>; returns their number. Halves are joined where they meet, so
 * that the work is that of sorting. */
static uint32_t products(struct making *m, const struct entry *entries, uint32_t n,
			 struct product **out)
{
	uint32_t low, high;
	struct product *both;

	if (n == 1) {
		out[0] = single(m, entries);
		return 1;
	}
	low = products(m, entries, n / 2, out);
	high = products(m, entries + n / 2, n - n / 2, out + low);
	both = join(m, out[low - 1], out[low]);
	if (!both)
		return low + high;
	out[low - 1] = both;
	memmove(out + low, out + low + 1, (high - 1) * sizeof(*out));
	return low + high - 1;
}

/* -- words
 * ------------------------------------------------------------------------------------------- */

static uint32_t row_of(struct making *m, uint32_t set)
{
	struct literal_set *s = &m->sets.at[set];
	uint32_t *words;

	if (s->n && !s->row) {
		words = ARENA_ARRAY(m->a, uint32_t, s->n + 1);
		words[0] = s->n;
		memcpy(words + 1, s->literals, s->n * sizeof(*words));
		s->row = emit_put(m->e, EMIT_AUTOMATA, words, s->n + 1);
	}
	return s->row;
}

static uint32_t put_product(struct making *m, const struct product *p, uint32_t *worst)
{
	struct automaton x = {
		.nstates = p->nstates, .nclasses = p->k, .class_of = p->class_of, .next = p->next
	};
	uint32_t *lists = ARENA_ARRAY(m->a, uint32_t, p->nstates), most = 0;

	x.kind = ARENA_ARRAY(m->a, uint8_t, p->nstates);
	x.lists = lists;
	for (uint32_t q = 0; q < p->nstates; q++) {
		uint32_t weight = m->sets.at[p->set[q]].weight, c = 0;

		while (c < p->k && p->next[q * p->k + c] == q)
			c++;
		x.kind[q] = c == p->k ? AUTOMATON_FULL : AUTOMATON_GOES_ON;
		lists[q] = row_of(m, p->set[q]);
		most = weight > most ? weight : most;
	}
	*worst += most;
	return decide_put_automaton(m->e, &x);
}

/* Those that may begin anywhere behind the others, which merge without growth. */
static int anchored_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	bool s = str_starts(x->p->regex->text, S("^")), t = str_starts(y->p->regex->text, S("^"));

	if (s != t)
		return s ? -1 : 1;
	return (x->literal > y->literal) - (x->literal < y->literal);
}

uint32_t decide_products(struct emit *e, struct entry *entries, uint32_t n, uint32_t *number,
			 uint32_t *worst)
{
	struct arena scratch = { 0 };
	struct making m = { .e = e, .a = &scratch, .sets.a = &scratch, .steps = STEPS_SITE };
	struct product **all = ARENA_ARRAY(&scratch, struct product *, n + 1);
	uint32_t off;

	/* Offset 0 is no list. */
	if (!e->tables[EMIT_AUTOMATA].n)
		emit_add(e, EMIT_AUTOMATA, NULL, 1);
	set_of(&m.sets, NULL, 0, 0);
	qsort(entries, n, sizeof(*entries), anchored_first);
	*number = products(&m, entries, n, all);
	off = decide_words(e, *number + 1);
	*decide_word(e, off) = *number;
	for (uint32_t i = 0; i < *number; i++) {
		*decide_word(e, off + 1 + i) = put_product(&m, all[i], worst);
		product_free(all[i]);
	}
	arena_free(&scratch);
	return off;
}
