/* SPDX-License-Identifier: Apache-2.0 */
/* Several strings of a language: all with one byte, then two… A string of a given length is found
 * by depth first search, which asks before each step whether the rest can be filled. */
#include <stdlib.h>
#include <string.h>

#include "dfa_raw.h"
#include "word.h"

#define LENGTHS 512 /* looked at beyond the shortest */

struct lister {
	struct arena *a;
	const struct dfa *d;
	uint8_t byte[256];
	uint32_t k;
	uint8_t **can; /* [n][state]: <n> more bytes may lead to acceptance */
	struct str *out;
	unsigned n, max;
	char *text;
};

/* Adds the row of <n> bytes; false: no string has so many, starting anywhere. */
static bool add_row(struct lister *l, uint32_t n)
{
	const struct dfa *d = l->d;
	bool any = false;

	l->can[n] = dfa_room(d->nstates, 1);
	for (uint32_t q = 0; q < d->nstates; q++) {
		l->can[n][q] = n == 0 && d->accept[q];
		for (uint32_t c = 0; n && c < l->k && !l->can[n][q]; c++)
			l->can[n][q] = l->can[n - 1][dfa_step(d, (uint16_t)q, l->byte[c])];
		any |= l->can[n][q];
	}
	return any;
}

static void list(struct lister *l, uint16_t q, uint32_t at, uint32_t left)
{
	if (!l->can[left][q] || l->n == l->max)
		return;
	if (left == 0) {
		l->out[l->n++] = arena_str(l->a, str_of(l->text, at));
		return;
	}
	for (uint32_t c = 0; c < l->k && l->n < l->max; c++) {
		l->text[at] = (char)l->byte[c];
		list(l, dfa_step(l->d, q, l->byte[c]), at + 1, left - 1);
	}
}

/* A byte of each class, by <order>; classes without one are left out. */
static void take_bytes(struct lister *l, const uint8_t *order, uint32_t n)
{
	bool seen[256] = { false };

	for (uint32_t i = 0; i < n; i++)
		if (!seen[l->d->class_of[order[i]]]) {
			seen[l->d->class_of[order[i]]] = true;
			l->byte[l->k++] = order[i];
		}
}

unsigned word_some(struct arena *a, const struct dfa *d, struct str *out, unsigned n)
{
	struct lister l = { .a = a, .d = d, .out = out, .max = n };
	struct str first;
	uint32_t rows, len = 0;
	uint8_t order[256];

	if (n == 0 || !word_shortest(a, d, &first))
		return 0;
	take_bytes(&l, order, word_bytes(order, first));
	rows = (uint32_t)first.n + LENGTHS;
	l.can = dfa_room(rows, sizeof(*l.can));
	l.text = dfa_room(rows, 1);
	while (len < rows && l.n < n && add_row(&l, len)) {
		list(&l, 0, 0, len);
		len++;
	}
	for (uint32_t i = 0; i < rows; i++)
		free(l.can[i]);
	free(l.can);
	free(l.text);
	return l.n;
}
