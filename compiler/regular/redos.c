/* SPDX-License-Identifier: Apache-2.0 */
/* Ambiguity of the automaton of positions: from a pair (q, q) two different ways on one text lead
 * to (q, q) again. Two ways between the same positions without a byte in between count too; one
 * that goes through an empty turn of a loop does not, as matchers leave such loops. */
#include "redos.h"

#include <stdlib.h>
#include <string.h>

#include "dfa_raw.h"
#include "nfa.h"
#include "word.h"

struct pumping {
	struct nfa nfa;
	struct budget *b;
	uint32_t *node, n; /* of each position */
	uint32_t *position; /* of each node */
	uint8_t *ways; /* [from * n + to]: 0, 1, 2 or more */
	uint8_t *byte; /* [from * n + to]: one that both positions take; 0 in <meets>: none */
	bool *meets;
	uint8_t *visits;
	bool *inside; /* the node was left by <x> on the present way */
	uint32_t *parent, *queue;
};

/* Adds the ways from <node> to positions. False: out of steps. */
static bool walk(struct pumping *p, uint32_t from, uint32_t at, unsigned depth)
{
	const struct nfa_node *node = &p->nfa.nodes[at];
	bool good = true;

	if (!budget_take(p->b, 1) || depth > 4000)
		return false;
	if (node->kind == NFA_MATCH)
		return true;
	if (node->kind == NFA_BYTE) {
		uint8_t *ways = &p->ways[from * p->n + p->position[at]];

		*ways = *ways ? 2 : 1;
		return true;
	}
	if (p->inside[at] || p->visits[at] == 2)
		return true;
	p->visits[at]++;
	p->inside[at] = node->kind == NFA_SPLIT;
	good = walk(p, from, node->x, depth + 1);
	p->inside[at] = false;
	if (good && node->kind == NFA_SPLIT)
		good = walk(p, from, node->y, depth + 1);
	p->visits[at]--;
	return good;
}

/* A byte of both sets, best to read first. */
static bool common_byte(const struct byteset *x, const struct byteset *y, uint8_t *c)
{
	uint8_t order[256];
	unsigned n = word_bytes(order, S("\n"));

	for (unsigned i = 0; i < n; i++)
		if (byteset_has(x, order[i]) && byteset_has(y, order[i])) {
			*c = order[i];
			return true;
		}
	return false;
}

static bool prepare(struct pumping *p)
{
	p->node = dfa_room(p->nfa.n, sizeof(*p->node));
	p->position = dfa_room(p->nfa.n, sizeof(*p->position));
	for (uint32_t i = 0; i < p->nfa.n; i++)
		if (p->nfa.nodes[i].kind == NFA_BYTE) {
			p->position[i] = p->n;
			p->node[p->n++] = i;
		}
	if (p->n > REDOS_POSITIONS) {
		p->b->hit = LIMIT_POSITIONS;
		return false;
	}
	p->ways = dfa_room((size_t)p->n * p->n, 1);
	p->byte = dfa_room((size_t)p->n * p->n, 1);
	p->meets = dfa_room((size_t)p->n * p->n, sizeof(*p->meets));
	p->visits = dfa_room(p->nfa.n, 1);
	p->inside = dfa_room(p->nfa.n, sizeof(*p->inside));
	p->parent = dfa_room((size_t)p->n * p->n * 2, sizeof(*p->parent));
	p->queue = dfa_room((size_t)p->n * p->n * 2, sizeof(*p->queue));
	for (uint32_t i = 0; i < p->n; i++) {
		const struct nfa_node *node = &p->nfa.nodes[p->node[i]];

		if (!walk(p, i, node->x, 0))
			return false;
		for (uint32_t k = 0; k < p->n; k++)
			p->meets[i * p->n + k] =
				common_byte(&node->re->set, &p->nfa.nodes[p->node[k]].re->set,
					    &p->byte[i * p->n + k]);
	}
	return true;
}

/* A pair of positions, and whether the two ways to it differ. */
static uint32_t pair(const struct pumping *p, uint32_t i, uint32_t k, bool differ)
{
	return (i * p->n + k) * 2 + differ;
}

/* Goes on from the pair <at>; sets the parents of those that are new and queues them. */
static uint32_t spread(struct pumping *p, uint32_t at, uint32_t tail)
{
	uint32_t i = at / 2 / p->n, k = at / 2 % p->n;

	for (uint32_t x = 0; x < p->n; x++)
		for (uint32_t y = 0; p->ways[i * p->n + x] && y < p->n; y++) {
			bool differ = at & 1 || x != y || (i == k && p->ways[i * p->n + x] > 1);
			uint32_t to = pair(p, x, y, differ);

			if (!p->ways[k * p->n + y] || !p->meets[x * p->n + y] || p->parent[to])
				continue;
			p->parent[to] = at + 1;
			p->queue[tail++] = to;
		}
	return tail;
}

/* The text from (q, q) to the pair <at>, backwards along the parents. */
static struct str text_to(struct arena *a, const struct pumping *p, uint32_t start, uint32_t at)
{
	uint32_t n = 1;
	char *text;

	for (uint32_t i = p->parent[at] - 1; i != start; i = p->parent[i] - 1)
		n++;
	text = arena_get(a, n + 1);
	for (uint32_t i = at, left = n; left; i = p->parent[i] - 1)
		text[--left] = (char)p->byte[i / 2];
	return str_of(text, n);
}

static enum answer pump_at(struct arena *a, struct pumping *p, uint32_t q, struct str *pump)
{
	uint32_t start = pair(p, q, q, false), goal = pair(p, q, q, true), tail = 1;

	memset(p->parent, 0, (size_t)p->n * p->n * 2 * sizeof(*p->parent));
	p->queue[0] = start;
	p->parent[start] = start + 1; /* not to be met again */
	for (uint32_t head = 0; head < tail && !p->parent[goal]; head++) {
		if (!budget_take(p->b, (uint64_t)p->n * p->n))
			return ANSWER_LIMIT;
		tail = spread(p, p->queue[head], tail);
	}
	if (!p->parent[goal])
		return ANSWER_NO;
	*pump = text_to(a, p, start, goal);
	return ANSWER_YES;
}

enum answer redos_exponential(struct arena *a, const struct re *re, struct budget *b,
			      struct str *pump)
{
	struct pumping p = { .b = b };
	enum answer answer = ANSWER_LIMIT;

	if (nfa_make(&p.nfa, re, b) && prepare(&p)) {
		answer = ANSWER_NO;
		for (uint32_t q = 0; q < p.n && answer == ANSWER_NO; q++)
			answer = pump_at(a, &p, q, pump);
	}
	free(p.node);
	free(p.position);
	free(p.ways);
	free(p.byte);
	free(p.meets);
	free(p.visits);
	free(p.inside);
	free(p.parent);
	free(p.queue);
	nfa_free(&p.nfa);
	return answer;
}
