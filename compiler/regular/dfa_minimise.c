/* SPDX-License-Identifier: Apache-2.0 */
/* Hopcroft's partition refinement: O(n k log n). A block of states is a range of <states>; those
 * moved to its front by the present splitter are [begin, moved). */
#include "dfa_raw.h"

#include <stdlib.h>
#include <string.h>

struct partition {
	uint16_t *states; /* grouped by block */
	uint16_t *place; /* of a state in <states> */
	uint16_t *block; /* of a state */
	uint32_t *begin, *end, *moved; /* of a block */
	uint32_t n; /* blocks */
	uint16_t *work; /* blocks that may split others */
	uint8_t *queued;
	uint32_t nwork;
	uint16_t *touched;
	uint32_t ntouched;
};

/* For each class, the states that lead to a state: from[at[c * (n + 1) + q]]… */
struct inverse {
	uint32_t *at;
	uint16_t *from;
};

static void invert(const struct dfa_raw *r, struct inverse *v)
{
	v->at = dfa_room((size_t)r->k * (r->n + 1) + 1, sizeof(*v->at));
	v->from = dfa_room((size_t)r->k * r->n, sizeof(*v->from));
	for (uint32_t c = 0; c < r->k; c++) {
		uint32_t *at = v->at + (size_t)c * (r->n + 1);
		uint16_t *from = v->from + (size_t)c * r->n;

		for (uint32_t q = 0; q < r->n; q++)
			at[r->next[q * r->k + c]]++;
		for (uint32_t q = 1; q <= r->n; q++)
			at[q] += at[q - 1];
		for (uint32_t q = r->n; q-- > 0;)
			from[--at[r->next[q * r->k + c]]] = (uint16_t)q;
	}
}

static void queue(struct partition *p, uint16_t block)
{
	if (!p->queued[block])
		p->work[p->nwork++] = block;
	p->queued[block] = 1;
}

/* Moves <q> to the front part of its block. */
static void touch(struct partition *p, uint16_t q)
{
	uint16_t b = p->block[q];
	uint32_t at = p->place[q], to = p->moved[b];

	if (at < to)
		return;
	if (to == p->begin[b])
		p->touched[p->ntouched++] = b;
	p->states[at] = p->states[to];
	p->place[p->states[at]] = (uint16_t)at;
	p->states[to] = q;
	p->place[q] = (uint16_t)to;
	p->moved[b]++;
}

/* The front part of each touched block becomes a block, unless it is all of it. */
static void split(struct partition *p)
{
	for (uint32_t i = 0; i < p->ntouched; i++) {
		uint16_t b = p->touched[i], fresh = (uint16_t)p->n;
		uint32_t cut = p->moved[b];

		if (cut < p->end[b]) {
			p->n++;
			p->begin[fresh] = p->moved[fresh] = p->begin[b];
			p->end[fresh] = cut;
			p->begin[b] = cut;
			for (uint32_t k = p->begin[fresh]; k < cut; k++)
				p->block[p->states[k]] = fresh;
			queue(p,
			      p->queued[b] || cut - p->begin[fresh] <= p->end[b] - cut ? fresh : b);
		}
		p->moved[b] = p->begin[b];
	}
	p->ntouched = 0;
}

static void refine(const struct dfa_raw *r, const struct inverse *v, struct partition *p)
{
	uint16_t *splitter = dfa_room(r->n, sizeof(*splitter));

	while (p->nwork) {
		uint16_t b = p->work[--p->nwork];
		uint32_t n = p->end[b] - p->begin[b];

		p->queued[b] = 0;
		memcpy(splitter, p->states + p->begin[b], n * sizeof(*splitter));
		for (uint32_t c = 0; c < r->k; c++) {
			const uint32_t *at = v->at + (size_t)c * (r->n + 1);
			const uint16_t *from = v->from + (size_t)c * r->n;

			for (uint32_t i = 0; i < n; i++)
				for (uint32_t k = at[splitter[i]]; k < at[splitter[i] + 1]; k++)
					touch(p, from[k]);
			split(p);
		}
	}
	free(splitter);
}

static void partition_init(struct partition *p, uint32_t n)
{
	*p = (struct partition) { .n = 1 };
	p->states = dfa_room(n, sizeof(*p->states));
	p->place = dfa_room(n, sizeof(*p->place));
	p->block = dfa_room(n, sizeof(*p->block));
	p->begin = dfa_room(n, sizeof(*p->begin));
	p->end = dfa_room(n, sizeof(*p->end));
	p->moved = dfa_room(n, sizeof(*p->moved));
	p->work = dfa_room(n, sizeof(*p->work));
	p->queued = dfa_room(n, 1);
	p->touched = dfa_room(n, sizeof(*p->touched));
	for (uint32_t q = 0; q < n; q++)
		p->states[q] = p->place[q] = (uint16_t)q;
	p->end[0] = n;
}

static void partition_free(struct partition *p)
{
	free(p->states);
	free(p->place);
	free(p->block);
	free(p->begin);
	free(p->end);
	free(p->moved);
	free(p->work);
	free(p->queued);
	free(p->touched);
}

uint32_t dfa_raw_blocks(const struct dfa_raw *r, uint16_t *block)
{
	struct partition p;
	struct inverse v;
	uint32_t n;

	partition_init(&p, r->n);
	for (uint32_t q = 0; q < r->n; q++)
		if (r->accept[q])
			touch(&p, (uint16_t)q);
	queue(&p, 0);
	split(&p);
	queue(&p, 0);
	if (p.n > 1)
		queue(&p, 1);
	invert(r, &v);
	refine(r, &v, &p);
	memcpy(block, p.block, r->n * sizeof(*block));
	n = p.n;
	free(v.at);
	free(v.from);
	partition_free(&p);
	return n;
}
