/* SPDX-License-Identifier: Apache-2.0 */
#include "nfa.h"

#include <stdlib.h>
#include <string.h>

#include "../../runtime/base/bug.h"
#include "dfa_raw.h"

struct maker {
	struct nfa *nfa;
	struct budget *b;
	bool failed;
};

bool nfa_add(struct nfa *nfa, struct nfa_node node, struct budget *b)
{
	if (nfa->n >= b->positions) {
		b->hit = LIMIT_POSITIONS;
		return false;
	}
	if (!budget_take(b, 1))
		return false;
	if (nfa->n == nfa->cap) {
		nfa->cap = nfa->cap ? nfa->cap * 2 : 64;
		nfa->nodes = dfa_more_room(nfa->nodes, nfa->cap, sizeof(*nfa->nodes));
	}
	nfa->nodes[nfa->n++] = node;
	return true;
}

static uint32_t node(struct maker *m, enum nfa_kind kind, uint32_t x, uint32_t y,
		     const struct re *re)
{
	if (m->failed || !nfa_add(m->nfa, (struct nfa_node) { kind, x, y, re }, m->b)) {
		m->failed = true;
		return 0;
	}
	return m->nfa->n - 1;
}

static uint32_t build(struct maker *m, const struct re *re, uint32_t end);

static uint32_t build_cat(struct maker *m, const struct re *re, uint32_t end)
{
	uint32_t first = end, joint = end;

	for (const struct re *k = re->kid; k && !m->failed; k = k->next) {
		uint32_t to = k->next ? node(m, NFA_JUMP, 0, 0, NULL) : end;
		uint32_t at = build(m, k, to);

		if (k == re->kid)
			first = at;
		else if (!m->failed)
			m->nfa->nodes[joint].x = at;
		joint = to;
	}
	return first;
}

static uint32_t build_alt(struct maker *m, const struct re *re, uint32_t end)
{
	uint32_t at = build(m, re->kid, end);

	for (const struct re *k = re->kid->next; k && !m->failed; k = k->next) {
		uint32_t other = build(m, k, end);

		at = node(m, NFA_SPLIT, at, other, NULL);
	}
	return at;
}

/* Copies from the end to the start: each is built with the entry of what follows it. */
static uint32_t build_repeat(struct maker *m, const struct re *re, uint32_t end)
{
	uint32_t at = end;

	if (re->max == RE_FOREVER) {
		uint32_t loop = node(m, NFA_SPLIT, 0, end, NULL), body = build(m, re->kid, loop);

		if (m->failed)
			return 0;
		m->nfa->nodes[loop].x = body;
		at = re->min ? body : loop;
		for (uint32_t i = 1; i < re->min && !m->failed; i++)
			at = build(m, re->kid, at);
		return at;
	}
	for (uint32_t i = re->min; i < re->max && !m->failed; i++)
		at = node(m, NFA_SPLIT, build(m, re->kid, at), end, NULL);
	for (uint32_t i = 0; i < re->min && !m->failed; i++)
		at = build(m, re->kid, at);
	return at;
}

static uint32_t build(struct maker *m, const struct re *re, uint32_t end)
{
	switch (re->kind) {
	case RE_EMPTY: /* a node, so that the limit counts it */
		return node(m, NFA_JUMP, end, 0, NULL);
	case RE_SET:
		return node(m, NFA_BYTE, end, 0, re);
	case RE_LOOK:
		return node(m, NFA_LOOK, end, 0, re);
	case RE_CAT:
		return build_cat(m, re, end);
	case RE_ALT:
		return build_alt(m, re, end);
	case RE_REPEAT:
		return build_repeat(m, re, end);
	}
	BUG_ON(1);
}

bool nfa_make(struct nfa *nfa, const struct re *re, struct budget *b)
{
	struct maker m = { .nfa = nfa, .b = b };

	*nfa = (struct nfa) { 0 };
	nfa->match = node(&m, NFA_MATCH, 0, 0, NULL);
	nfa->start = build(&m, re, nfa->match);
	return !m.failed;
}

void nfa_free(struct nfa *nfa)
{
	free(nfa->nodes);
	*nfa = (struct nfa) { 0 };
}

void nfa_refine(uint8_t class_of[256], uint32_t *n, const struct byteset *set)
{
	uint16_t inside[256], outside[256];
	uint32_t count = 0;

	memset(inside, 0xff, sizeof(inside));
	memset(outside, 0xff, sizeof(outside));
	for (unsigned c = 0; c < 256; c++) {
		uint16_t *to =
			byteset_has(set, (uint8_t)c) ? &inside[class_of[c]] : &outside[class_of[c]];

		if (*to == UINT16_MAX)
			*to = (uint16_t)count++;
		class_of[c] = (uint8_t)*to;
	}
	*n = count;
}
