/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical form: classes are numbered by their first byte and are as few as can be, states
 * in the order in which a breadth-first walk over the classes meets them. */
#include "dfa_raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *dfa_more_room(void *p, size_t n, size_t size)
{
	void *more = reallocarray(p, n ? n : 1, size);

	if (!more) {
		fputs("weir: out of memory\n", stderr);
		exit(1);
	}
	return more;
}

void *dfa_room(size_t n, size_t size)
{
	return memset(dfa_more_room(NULL, n, size), 0, n * size);
}

void dfa_bytes_of(const uint8_t class_of[256], uint8_t *byte)
{
	for (unsigned c = 256; c-- > 0;)
		byte[class_of[c]] = (uint8_t)c;
}

void dfa_raw_init(struct dfa_raw *r, const uint8_t class_of[256], uint32_t k)
{
	*r = (struct dfa_raw) { .k = k, .cap = 32 };
	memcpy(r->class_of, class_of, 256);
	r->next = dfa_room((size_t)r->cap * k, sizeof(*r->next));
	r->accept = dfa_room(r->cap, 1);
}

void dfa_raw_free(struct dfa_raw *r)
{
	free(r->next);
	free(r->accept);
	r->next = NULL;
	r->accept = NULL;
}

uint16_t dfa_raw_state(struct dfa_raw *r, struct budget *b)
{
	if (r->n >= b->states || r->n >= DFA_STATES_MAX) {
		b->hit = LIMIT_STATES;
		return DFA_NO_STATE;
	}
	if (!budget_take(b, r->k))
		return DFA_NO_STATE;
	if (r->n == r->cap) {
		r->cap *= 2;
		r->next = dfa_more_room(r->next, (size_t)r->cap * r->k, sizeof(*r->next));
		r->accept = dfa_more_room(r->accept, r->cap, 1);
	}
	for (uint32_t c = 0; c < r->k; c++)
		r->next[r->n * r->k + c] = (uint16_t)r->n;
	r->accept[r->n] = 0;
	return (uint16_t)r->n++;
}

/* Merges the states of <r> by <block>. */
static void merge(struct dfa_raw *r, const uint16_t *block, uint32_t blocks)
{
	uint16_t *next = dfa_room((size_t)blocks * r->k, sizeof(*next));
	uint8_t *accept = dfa_room(blocks, 1);
	uint16_t start = block[r->start];

	for (uint32_t q = 0; q < r->n; q++) {
		accept[block[q]] = r->accept[q];
		for (uint32_t c = 0; c < r->k; c++)
			next[block[q] * r->k + c] = block[r->next[q * r->k + c]];
	}
	dfa_raw_free(r);
	r->n = blocks;
	r->start = start;
	r->next = next;
	r->accept = accept;
}

/* States reachable from the start, in the canonical order into <order>; returns their number. */
static uint32_t walk(const struct dfa_raw *r, const uint16_t *columns, uint32_t k, uint16_t *order,
		     uint16_t *number)
{
	uint32_t n = 0;

	memset(number, 0xff, r->n * sizeof(*number));
	number[r->start] = 0;
	order[n++] = r->start;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t c = 0; c < k; c++) {
			uint16_t to = r->next[order[i] * r->k + columns[c]];

			if (number[to] == DFA_NO_STATE) {
				number[to] = (uint16_t)n;
				order[n++] = to;
			}
		}
	return n;
}

static bool same_column(const struct dfa_raw *r, const uint16_t *states, uint32_t n, uint32_t x,
			uint32_t y)
{
	for (uint32_t i = 0; i < n; i++)
		if (r->next[states[i] * r->k + x] != r->next[states[i] * r->k + y])
			return false;
	return true;
}

static uint32_t column_hash(const struct dfa_raw *r, const uint16_t *states, uint32_t n, uint32_t x)
{
	uint32_t h = 2166136261u;

	for (uint32_t i = 0; i < n; i++)
		h = (h ^ r->next[states[i] * r->k + x]) * 16777619u;
	return h;
}

/* Classes with equal columns become one: <class_of> and, for each new class, an old one in
 * <columns>. Returns their number. Only the <n> states of <states> count. */
static uint32_t join_classes(const struct dfa_raw *r, const uint16_t *states, uint32_t n,
			     uint8_t class_of[256], uint16_t *columns)
{
	uint16_t now[256];
	uint32_t hash[256], k = 0;

	memset(now, 0xff, sizeof(now));
	for (unsigned c = 0; c < 256; c++) {
		uint8_t old = r->class_of[c];
		uint32_t i = 0, h;

		if (now[old] == UINT16_MAX) {
			h = column_hash(r, states, n, old);
			while (i < k &&
			       (hash[i] != h || !same_column(r, states, n, columns[i], old)))
				i++;
			if (i == k) {
				hash[k] = h;
				columns[k++] = old;
			}
			now[old] = (uint16_t)i;
		}
		class_of[c] = (uint8_t)now[old];
	}
	return k;
}

uint32_t dfa_hash(const struct dfa *d)
{
	uint32_t h = 2166136261u ^ d->nstates;

	for (unsigned c = 0; c < 256; c++)
		h = (h ^ d->class_of[c]) * 16777619u;
	for (uint32_t q = 0; q < d->nstates; q++) {
		h = (h ^ d->accept[q]) * 16777619u;
		for (uint32_t c = 0; c < d->nclasses; c++)
			h = (h ^ d->next[q * d->nclasses + c]) * 16777619u;
	}
	return h;
}

static void find_sinks(struct dfa *d)
{
	d->dead = d->full = DFA_NO_STATE;
	for (uint32_t q = 0; q < d->nstates; q++) {
		uint32_t c = 0;

		while (c < d->nclasses && d->next[q * d->nclasses + c] == q)
			c++;
		if (c == d->nclasses)
			*(d->accept[q] ? &d->full : &d->dead) = (uint16_t)q;
	}
}

/* <r> is minimal but for states that its start does not reach. */
static struct dfa *canonical(struct arena *a, const struct dfa_raw *r)
{
	struct dfa *d = ARENA_NEW(a, struct dfa);
	uint16_t *order = dfa_room(r->n, sizeof(*order)), *number = dfa_room(r->n, sizeof(*number));
	uint16_t columns[256], *next;
	uint8_t *accept;

	for (uint32_t c = 0; c < r->k; c++)
		columns[c] = (uint16_t)c;
	d->nstates = walk(r, columns, r->k, order, number);
	d->nclasses = join_classes(r, order, d->nstates, d->class_of, columns);
	walk(r, columns, d->nclasses, order, number);
	next = ARENA_ARRAY(a, uint16_t, (size_t)d->nstates * d->nclasses);
	accept = ARENA_ARRAY(a, uint8_t, d->nstates);
	for (uint32_t q = 0; q < d->nstates; q++) {
		accept[q] = r->accept[order[q]];
		for (uint32_t c = 0; c < d->nclasses; c++)
			next[q * d->nclasses + c] = number[r->next[order[q] * r->k + columns[c]]];
	}
	d->next = next;
	d->accept = accept;
	find_sinks(d);
	d->hash = dfa_hash(d);
	free(order);
	free(number);
	return d;
}

const struct dfa *dfa_raw_finish(struct arena *a, struct dfa_raw *r, bool minimal, struct budget *b)
{
	const struct dfa *d = NULL;

	if (budget_take(b, (uint64_t)r->n * r->k * (minimal ? 1 : 4))) {
		if (!minimal && r->n > 1) {
			uint16_t *block = dfa_room(r->n, sizeof(*block));

			merge(r, block, dfa_raw_blocks(r, block));
			free(block);
		}
		d = canonical(a, r);
	}
	dfa_raw_free(r);
	return d;
}
