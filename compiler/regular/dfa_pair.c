/* SPDX-License-Identifier: Apache-2.0 */
/* Two automata run side by side. */
#include <stdlib.h>
#include <string.h>

#include "dfa_raw.h"

enum pair_op { PAIR_AND, PAIR_OR, PAIR_MINUS };

struct pairs {
	const struct dfa *x, *y;
	enum pair_op op;
	uint32_t *pair; /* of each new state: x << 16 | y */
	uint32_t *table, ctable, n, cap; /* hash: new state + 1 */
	uint8_t byte[256], class_of[256];
	uint32_t k;
};

static uint32_t slot(const struct pairs *p, uint32_t pair)
{
	uint32_t h = pair * 2654435761u;

	return (h ^ h >> 15) & (p->ctable - 1);
}

static void grow(struct pairs *p)
{
	p->cap = p->cap ? p->cap * 2 : 64;
	p->pair = dfa_more_room(p->pair, p->cap, sizeof(*p->pair));
	free(p->table);
	p->ctable = p->cap * 2;
	p->table = dfa_room(p->ctable, sizeof(*p->table));
	for (uint32_t q = 0; q < p->n; q++) {
		uint32_t i = slot(p, p->pair[q]);

		while (p->table[i])
			i = (i + 1) & (p->ctable - 1);
		p->table[i] = q + 1;
	}
}

/* The number of <pair>, which is new when it is the old p->n. */
static uint32_t find(struct pairs *p, uint32_t pair)
{
	uint32_t i;

	if (p->n == p->cap)
		grow(p);
	for (i = slot(p, pair); p->table[i]; i = (i + 1) & (p->ctable - 1))
		if (p->pair[p->table[i] - 1] == pair)
			return p->table[i] - 1;
	p->pair[p->n++] = pair;
	p->table[i] = p->n;
	return p->n - 1;
}

static void pairs_init(struct pairs *p, const struct dfa *x, const struct dfa *y, enum pair_op op)
{
	uint16_t joint[256];

	*p = (struct pairs) { .x = x, .y = y, .op = op };
	for (unsigned c = 0; c < 256; c++) {
		uint32_t i = 0;

		while (i < p->k && joint[i] != (x->class_of[c] << 8 | y->class_of[c]))
			i++;
		if (i == p->k) {
			joint[p->k] = (uint16_t)(x->class_of[c] << 8 | y->class_of[c]);
			p->byte[p->k++] = (uint8_t)c;
		}
		p->class_of[c] = (uint8_t)i;
	}
}

static void pairs_free(struct pairs *p)
{
	free(p->pair);
	free(p->table);
}

/* Where it is decided whatever follows, one pair stands for all. */
static uint32_t joined(const struct pairs *p, uint16_t qx, uint16_t qy)
{
	const struct dfa *x = p->x, *y = p->y;
	bool x_none = qx == x->dead, y_none = p->op == PAIR_MINUS ? qy == y->full : qy == y->dead;

	if (p->op == PAIR_OR) {
		if (qx == x->full)
			qy = y->full != DFA_NO_STATE ? y->full : 0;
		else if (qy == y->full)
			qx = x->full != DFA_NO_STATE ? x->full : 0;
	} else if (x_none || y_none) {
		return UINT32_MAX;
	}
	return (uint32_t)qx << 16 | qy;
}

static uint32_t next_pair(const struct pairs *p, uint32_t pair, uint32_t c)
{
	if (pair == UINT32_MAX)
		return pair;
	return joined(p, dfa_step(p->x, (uint16_t)(pair >> 16), p->byte[c]),
		      dfa_step(p->y, (uint16_t)pair, p->byte[c]));
}

static bool accepts(const struct pairs *p, uint32_t pair)
{
	bool x, y;

	if (pair == UINT32_MAX)
		return false;
	x = p->x->accept[pair >> 16];
	y = p->y->accept[pair & 0xffff];
	return p->op == PAIR_AND ? x && y : p->op == PAIR_OR ? x || y : x && !y;
}

static bool expand(struct pairs *p, struct dfa_raw *r, uint32_t q, struct budget *b)
{
	r->accept[q] = accepts(p, p->pair[q]);
	for (uint32_t c = 0; c < p->k; c++) {
		uint32_t to = find(p, next_pair(p, p->pair[q], c));

		if (to == r->n && dfa_raw_state(r, b) == DFA_NO_STATE)
			return false;
		r->next[q * p->k + c] = (uint16_t)to;
	}
	return true;
}

static const struct dfa *combine(struct arena *a, const struct dfa *x, const struct dfa *y,
				 enum pair_op op, struct budget *b)
{
	const struct dfa *d = NULL;
	struct dfa_raw r;
	struct pairs p;
	bool good;

	pairs_init(&p, x, y, op);
	dfa_raw_init(&r, p.class_of, p.k);
	find(&p, joined(&p, 0, 0));
	good = dfa_raw_state(&r, b) != DFA_NO_STATE;
	for (uint32_t q = 0; good && q < p.n; q++)
		good = expand(&p, &r, q, b);
	if (good)
		d = dfa_raw_finish(a, &r, false, b);
	dfa_raw_free(&r);
	pairs_free(&p);
	return d;
}

const struct dfa *dfa_intersection(struct arena *a, const struct dfa *x, const struct dfa *y,
				   struct budget *b)
{
	if (dfa_is_all(x) || dfa_is_none(y))
		return y;
	if (dfa_is_all(y) || dfa_is_none(x))
		return x;
	return combine(a, x, y, PAIR_AND, b);
}

const struct dfa *dfa_union(struct arena *a, const struct dfa *x, const struct dfa *y,
			    struct budget *b)
{
	if (dfa_is_none(x) || dfa_is_all(y))
		return y;
	if (dfa_is_none(y) || dfa_is_all(x))
		return x;
	return combine(a, x, y, PAIR_OR, b);
}

const struct dfa *dfa_difference(struct arena *a, const struct dfa *x, const struct dfa *y,
				 struct budget *b)
{
	if (dfa_is_none(x) || dfa_is_none(y))
		return x;
	return combine(a, x, y, PAIR_MINUS, b);
}

/* Is there a string that <op> accepts? Nothing is built. */
static enum answer exists(const struct dfa *x, const struct dfa *y, enum pair_op op,
			  struct budget *b)
{
	enum answer answer = ANSWER_NO;
	struct pairs p;

	pairs_init(&p, x, y, op);
	find(&p, joined(&p, 0, 0));
	for (uint32_t q = 0; answer == ANSWER_NO && q < p.n; q++) {
		if (accepts(&p, p.pair[q])) {
			answer = ANSWER_YES;
		} else if (!budget_take(b, p.k)) {
			answer = ANSWER_LIMIT;
		} else if (p.n > b->tuples) {
			b->hit = LIMIT_TUPLES;
			answer = ANSWER_LIMIT;
		}
		for (uint32_t c = 0; answer == ANSWER_NO && c < p.k; c++)
			find(&p, next_pair(&p, p.pair[q], c));
	}
	pairs_free(&p);
	return answer;
}

enum answer dfa_included(const struct dfa *x, const struct dfa *y, struct budget *b)
{
	enum answer outside = exists(x, y, PAIR_MINUS, b);

	if (outside == ANSWER_LIMIT)
		return outside;
	return outside == ANSWER_NO ? ANSWER_YES : ANSWER_NO;
}

enum answer dfa_meets(const struct dfa *x, const struct dfa *y, struct budget *b)
{
	return exists(x, y, PAIR_AND, b);
}
