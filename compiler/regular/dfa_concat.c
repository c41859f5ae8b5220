/* SPDX-License-Identifier: Apache-2.0 */
/* Complement, quotients, concatenation, reversal and maps of prefixes. */
#include <stdlib.h>
#include <string.h>

#include "dfa_raw.h"
#include "nfa.h"

#define POSITIONS 2000000 /* when automata, not trees, are written out as nodes */

const struct dfa *dfa_complement(struct arena *a, const struct dfa *d)
{
	struct dfa *c = ARENA_NEW(a, struct dfa);
	uint8_t *accept = ARENA_ARRAY(a, uint8_t, d->nstates);

	*c = *d;
	for (uint32_t q = 0; q < d->nstates; q++)
		accept[q] = !d->accept[q];
	c->accept = accept;
	c->dead = d->full;
	c->full = d->dead;
	c->hash = dfa_hash(c);
	return c;
}

static void copy_of(struct dfa_raw *r, const struct dfa *d)
{
	size_t n = (size_t)d->nstates * d->nclasses;

	*r = (struct dfa_raw) { .n = d->nstates, .cap = d->nstates, .k = d->nclasses };
	memcpy(r->class_of, d->class_of, 256);
	r->next = dfa_room(n, sizeof(*r->next));
	r->accept = dfa_room(d->nstates, 1);
	memcpy(r->next, d->next, n * sizeof(*r->next));
	memcpy(r->accept, d->accept, d->nstates);
}

const struct dfa *dfa_left_quotient(struct arena *a, struct str p, const struct dfa *d)
{
	struct budget free_of_charge = BUDGET_DEFAULT;
	struct dfa_raw r;

	copy_of(&r, d);
	r.start = dfa_run(d, 0, p);
	free_of_charge.steps = UINT64_MAX;
	return dfa_raw_finish(a, &r, true, &free_of_charge);
}

const struct dfa *dfa_right_quotient(struct arena *a, const struct dfa *d, struct str s,
				     struct budget *b)
{
	struct dfa_raw r;

	if (!budget_take(b, d->nstates * (uint64_t)s.n))
		return NULL;
	copy_of(&r, d);
	for (uint32_t q = 0; q < d->nstates; q++)
		r.accept[q] = d->accept[dfa_run(d, (uint16_t)q, s)];
	return dfa_raw_finish(a, &r, false, b);
}

/* Bytes of each class of <d>. */
static struct re *class_sets(struct arena *t, const struct dfa *d)
{
	struct re *sets = ARENA_ARRAY(t, struct re, d->nclasses);

	for (unsigned c = 0; c < 256; c++)
		byteset_add(&sets[d->class_of[c]].set, (uint8_t)c);
	return sets;
}

/* One way from state to state. */
struct edge {
	uint16_t from, to;
	struct re *set;
};

/* The ways of <d> between states from which something is accepted; <heads> entries of states. */
static uint32_t edges_of(struct arena *t, const struct dfa *d, struct edge *out)
{
	struct re *sets = class_sets(t, d);
	uint32_t n = 0;

	for (uint32_t q = 0; q < d->nstates; q++) {
		uint32_t first = n;

		for (uint32_t c = 0; c < d->nclasses; c++) {
			uint16_t to = d->next[q * d->nclasses + c];
			uint32_t i = first;

			if (q == d->dead || to == d->dead)
				continue;
			while (i < n && out[i].to != to)
				i++;
			if (i == n)
				out[n++] = (struct edge) { (uint16_t)q, to,
							   re_set(t, (struct byteset) { { 0 } }) };
			out[i].set->set = byteset_or(out[i].set->set, sets[c].set);
		}
	}
	return n;
}

/* Adds <d>, backwards or not: a JUMP for each state, at the node number returned and those that
 * follow it, with splits to its edges. What is accepted goes on at <end>; backwards, what the start
 * state is. UINT32_MAX: a limit. */
static uint32_t add_dfa(struct arena *t, struct nfa *nfa, const struct dfa *d, bool backwards,
			uint32_t end, struct budget *b)
{
	struct edge *edges = ARENA_ARRAY(t, struct edge, (size_t)d->nstates * d->nclasses);
	uint32_t n = edges_of(t, d, edges), base = nfa->n;
	bool good = true;

	/* A state begins as a jump to nothing: a byte of the empty set. */
	for (uint32_t q = 0; good && q < d->nstates; q++)
		good = nfa_add(nfa, (struct nfa_node) { .kind = NFA_SPLIT }, b);
	if (!good)
		return UINT32_MAX;
	for (uint32_t q = 0; q < d->nstates; q++) {
		bool ends = backwards ? q == 0 : d->accept[q];

		nfa->nodes[base + q].x = nfa->nodes[base + q].y = ends ? end : base + q;
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t from = base + (backwards ? edges[i].to : edges[i].from);
		uint32_t to = base + (backwards ? edges[i].from : edges[i].to);
		struct nfa_node *head;

		if (!nfa_add(nfa, (struct nfa_node) { NFA_BYTE, to, 0, edges[i].set }, b) ||
		    !nfa_add(nfa, (struct nfa_node) { NFA_SPLIT, nfa->n - 1, 0, NULL }, b))
			return UINT32_MAX;
		head = &nfa->nodes[from]; /* the newest edge goes in front of the chain */
		nfa->nodes[nfa->n - 1].y = head->y;
		head->y = nfa->n - 1;
	}
	return base;
}

/* <b> with room for automata as nodes. */
static struct budget wide(const struct budget *b)
{
	struct budget w = *b;

	w.positions = POSITIONS;
	return w;
}

static void narrow(struct budget *b, const struct budget *w)
{
	b->steps = w->steps;
	b->hit = w->hit;
}

const struct dfa *dfa_concat(struct arena *a, const struct dfa *x, const struct dfa *y,
			     struct budget *b)
{
	struct budget w = wide(b);
	struct arena t = { 0 };
	struct nfa nfa = { 0 };
	const struct dfa *d = NULL;
	uint32_t second = UINT32_MAX;

	nfa.start = UINT32_MAX;
	if (nfa_add(&nfa, (struct nfa_node) { .kind = NFA_MATCH }, &w))
		second = add_dfa(&t, &nfa, y, false, 0, &w);
	if (second != UINT32_MAX)
		nfa.start = add_dfa(&t, &nfa, x, false, second, &w);
	if (nfa.start != UINT32_MAX)
		d = dfa_of_nfa(a, &nfa, false, &w);
	narrow(b, &w);
	nfa_free(&nfa);
	arena_free(&t);
	return d;
}

const struct dfa *dfa_reverse(struct arena *a, const struct dfa *d, struct budget *b)
{
	struct budget w = wide(b);
	struct arena t = { 0 };
	struct nfa nfa = { 0 };
	const struct dfa *out = NULL;
	uint32_t base = UINT32_MAX, at = 0;
	bool good;

	if (nfa_add(&nfa, (struct nfa_node) { .kind = NFA_MATCH }, &w))
		base = add_dfa(&t, &nfa, d, true, 0, &w);
	good = base != UINT32_MAX;
	/* Starts at each accepting state. */
	at = nfa.n;
	good = good && nfa_add(&nfa, (struct nfa_node) { NFA_SPLIT, at, at, NULL }, &w);
	for (uint32_t q = 0; good && q < d->nstates; q++)
		if (d->accept[q]) {
			good = nfa_add(&nfa, (struct nfa_node) { NFA_SPLIT, base + q, at, NULL },
				       &w);
			at = nfa.n - 1;
		}
	nfa.start = at;
	if (good)
		out = dfa_of_nfa(a, &nfa, false, &w);
	narrow(b, &w);
	nfa_free(&nfa);
	arena_free(&t);
	return out;
}

static const struct dfa *constant(struct arena *t, struct str s, struct budget *b)
{
	return dfa_whole(t, re_text(t, s, false), b);
}

const struct dfa *dfa_append(struct arena *a, const struct dfa *d, struct str s, struct budget *b)
{
	struct budget w = wide(b);
	struct arena t = { 0 };
	const struct dfa *tail = constant(&t, s, &w), *out;

	narrow(b, &w);
	out = tail ? dfa_concat(a, d, tail, b) : NULL;
	arena_free(&t);
	return out;
}

const struct dfa *dfa_prepend(struct arena *a, struct str p, const struct dfa *d, struct budget *b)
{
	struct budget w = wide(b);
	struct arena t = { 0 };
	const struct dfa *head = constant(&t, p, &w), *out;

	narrow(b, &w);
	out = head ? dfa_concat(a, head, d, b) : NULL;
	arena_free(&t);
	return out;
}

static const struct dfa *copy(struct arena *a, const struct dfa *d)
{
	size_t n = (size_t)d->nstates * d->nclasses * sizeof(*d->next);
	struct dfa *to = ARENA_NEW(a, struct dfa);

	*to = *d;
	to->next = memcpy(arena_get(a, n), d->next, n);
	to->accept = memcpy(arena_get(a, d->nstates), d->accept, d->nstates);
	return to;
}

/* States behind any spelling of <p>, marked in <reached>. */
static void run_spellings(const struct dfa *d, struct str p, uint8_t *reached, uint8_t *room)
{
	memset(reached, 0, d->nstates);
	reached[0] = 1;
	for (size_t i = 0; i < p.n; i++) {
		struct byteset set = byteset_fold(byteset_of((uint8_t)p.p[i]));

		memcpy(room, reached, d->nstates);
		memset(reached, 0, d->nstates);
		for (unsigned c = 0; c < 256; c++)
			for (uint32_t q = 0; byteset_has(&set, (uint8_t)c) && q < d->nstates; q++)
				if (room[q])
					reached[dfa_step(d, (uint16_t)q, (uint8_t)c)] = 1;
	}
}

/* What may follow a spelling of <p>: the union over the states behind one. */
static const struct dfa *quotient_of_spellings(struct arena *t, struct str p, const struct dfa *d,
					       struct budget *b)
{
	uint8_t *reached = arena_get(t, d->nstates), *room = arena_get(t, d->nstates);
	const struct dfa *out = dfa_none(t);
	struct dfa_raw r;

	if (!budget_take(b, 2 * d->nstates * (uint64_t)p.n))
		return NULL;
	run_spellings(d, p, reached, room);
	for (uint32_t q = 0; out && q < d->nstates; q++) {
		const struct dfa *part;

		if (!reached[q] || q == d->dead)
			continue;
		copy_of(&r, d);
		r.start = (uint16_t)q;
		part = dfa_raw_finish(t, &r, true, b);
		out = part ? dfa_union(t, out, part, b) : NULL;
	}
	return out;
}

/* The strings of <map>'s domain: <from> and what may follow it. */
static const struct dfa *mapped(struct arena *t, const struct dfa_prefix_map *map,
				const struct dfa *rest, struct budget *b)
{
	const struct dfa *head = dfa_whole(t, re_text(t, map->from, map->icase), b);

	return head ? dfa_concat(t, head, rest, b) : NULL;
}

/* <changed>, and what of <d> is not in the domain, into <a>. */
static const struct dfa *with_others(struct arena *a, struct arena *t, const struct dfa *changed,
				     const struct dfa *d, const struct dfa *domain,
				     struct budget *b)
{
	const struct dfa *kept = changed && domain ? dfa_difference(t, d, domain, b) : NULL;
	const struct dfa *out = kept ? dfa_union(t, changed, kept, b) : NULL;

	return out ? copy(a, out) : NULL;
}

const struct dfa *dfa_map_preimage(struct arena *a, const struct dfa *d,
				   const struct dfa_prefix_map *map, struct budget *b)
{
	struct arena t = { 0 };
	const struct dfa *rest = map->rest ? map->rest : dfa_all(&t), *out;

	out = dfa_intersection(&t, dfa_left_quotient(&t, map->to, d), rest, b);
	out = out ? mapped(&t, map, out, b) : NULL;
	out = with_others(a, &t, out, d, mapped(&t, map, rest, b), b);
	arena_free(&t);
	return out;
}

const struct dfa *dfa_map_image(struct arena *a, const struct dfa *d,
				const struct dfa_prefix_map *map, struct budget *b)
{
	struct arena t = { 0 };
	const struct dfa *rest = map->rest ? map->rest : dfa_all(&t), *out;

	out = map->icase ? quotient_of_spellings(&t, map->from, d, b)
			 : dfa_left_quotient(&t, map->from, d);
	out = out ? dfa_intersection(&t, out, rest, b) : NULL;
	out = out ? dfa_prepend(&t, map->to, out, b) : NULL;
	out = with_others(a, &t, out, d, mapped(&t, map, rest, b), b);
	arena_free(&t);
	return out;
}
