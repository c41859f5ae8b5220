/* SPDX-License-Identifier: Apache-2.0 */
/* range: numbers between bounds as a segment tree, networks as a sorted list in which each knows the
 * next larger one around it (runtime/base/scan.h). */
#include <stdlib.h>

#include "decide_part.h"

/* -- lists of literals by slot
 * ----------------------------------------------------------------------- */

struct slot_entry {
	uint32_t slot, literal, weight;
};

struct slot_entries {
	struct slot_entry *at;
	uint32_t n, room;
};

static int by_slot(const void *a, const void *b)
{
	const struct slot_entry *x = a, *y = b;

	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	return (x->literal > y->literal) - (x->literal < y->literal);
}

/* Writes each slot's entries and the offset of them into word <slots> + slot * <stride>. */
static void put_slots(struct emit *e, struct slot_entries *list, uint32_t slots, uint32_t stride)
{
	qsort(list->at, list->n, sizeof(*list->at), by_slot);
	for (uint32_t i = 0, next; i < list->n; i = next) {
		uint32_t off;

		for (next = i; next < list->n && list->at[next].slot == list->at[i].slot; next++)
			;
		off = decide_words(e, 1 + next - i);
		*decide_word(e, off) = next - i;
		for (uint32_t k = i; k < next; k++)
			decide_word(e, off)[1 + k - i] = list->at[k].literal << SCAN_KIND_BITS;
		*decide_word(e, slots + list->at[i].slot * stride) = off;
	}
}

static void add(struct arena *a, struct slot_entries *list, uint32_t slot, const struct entry *x)
{
	GROW(a, list->at, list->n, list->room);
	list->at[list->n++] =
		(struct slot_entry) { .slot = slot, .literal = x->literal, .weight = x->weight };
}

/* -- ranges
 * ----------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Where the set of ranges that hold changes, sorted, each once. */
static uint32_t collect_bounds(const struct entry *entries, uint32_t n, int64_t *bounds)
{
	uint32_t all = 0, kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		bounds[all++] = entries[i].p->lo;
		if (entries[i].p->hi < INT64_MAX)
			bounds[all++] = entries[i].p->hi + 1;
	}
	qsort(bounds, all, sizeof(*bounds), by_number);
	for (uint32_t i = 0; i < all; i++)
		if (!kept || bounds[kept - 1] != bounds[i])
			bounds[kept++] = bounds[i];
	return kept;
}

/* Bounds that are not above <v>: the slot in which it is. */
static uint32_t slot_of(const int64_t *bounds, uint32_t n, int64_t v)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (bounds[mid] <= v)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The nodes of the tree of <m> slots that cover <from> to <to>. */
static void cover(struct arena *a, struct slot_entries *list, uint32_t m, uint32_t from,
		  uint32_t to, const struct entry *x)
{
	for (from += m, to += m + 1; from < to; from /= 2, to /= 2) {
		if (from & 1)
			add(a, list, from++, x);
		if (to & 1)
			add(a, list, --to, x);
	}
}

static uint32_t most_at_once(struct arena *a, const struct entry *entries, uint32_t n,
			     const int64_t *bounds, uint32_t nbounds)
{
	int64_t *change = ARENA_ARRAY(a, int64_t, nbounds + 2), now = 0, most = 0;

	for (uint32_t i = 0; i < n; i++) {
		change[slot_of(bounds, nbounds, entries[i].p->lo)] += entries[i].weight;
		change[slot_of(bounds, nbounds, entries[i].p->hi) + 1] -= entries[i].weight;
	}
	for (uint32_t i = 0; i <= nbounds; i++) {
		now += change[i];
		most = now > most ? now : most;
	}
	return (uint32_t)most;
}

uint32_t decide_ranges(struct emit *e, struct entry *entries, uint32_t n, uint32_t *worst)
{
	int64_t *bounds = ARENA_ARRAY(e->arena, int64_t, 2 * (size_t)n);
	uint32_t nbounds = collect_bounds(entries, n, bounds), m = 1, off;
	struct slot_entries list = { 0 };

	while (m < nbounds + 1)
		m *= 2;
	off = decide_words(e, 2 + 2 * nbounds + 2 * m);
	decide_word(e, off)[0] = nbounds;
	decide_word(e, off)[1] = m;
	for (uint32_t i = 0; i < nbounds; i++) {
		decide_word(e, off)[2 + 2 * i] = (uint32_t)bounds[i];
		decide_word(e, off)[3 + 2 * i] = (uint32_t)((uint64_t)bounds[i] >> 32);
	}
	for (uint32_t i = 0; i < n; i++)
		cover(e->arena, &list, m, slot_of(bounds, nbounds, entries[i].p->lo),
		      slot_of(bounds, nbounds, entries[i].p->hi), &entries[i]);
	put_slots(e, &list, off + 2 + 2 * nbounds, 1);
	*worst += most_at_once(e->arena, entries, n, bounds, nbounds);
	return off;
}

#define NET_BUCKET_BITS 20 /* 4 MB of them at most */

/* -- networks
 * --------------------------------------------------------------------------------------- */

static int by_net(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = memcmp(x->p->net.addr, y->p->net.addr, 16);

	if (!order)
		order = (x->p->net.bits > y->p->net.bits) - (x->p->net.bits < y->p->net.bits);
	return order ? order : (x->literal > y->literal) - (x->literal < y->literal);
}

static bool same_net(const struct p_net *a, const struct p_net *b)
{
	return a->bits == b->bits && memcmp(a->addr, b->addr, 16) == 0;
}

static bool around(const struct p_net *outer, const struct p_net *inner)
{
	unsigned whole = outer->bits / 8, rest = outer->bits % 8;

	return outer->bits <= inner->bits && memcmp(outer->addr, inner->addr, whole) == 0 &&
	       (!rest ||
		((outer->addr[whole] ^ inner->addr[whole]) & (0xff00u >> rest) & 0xff) == 0);
}

static bool is_v4(const struct p_net *n)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return n->bits >= 96 && memcmp(n->addr, mapped, 12) == 0;
}

static uint32_t v4_key(const struct p_net *n)
{
	return (uint32_t)n->addr[12] << 24 | (uint32_t)n->addr[13] << 16 |
	       (uint32_t)n->addr[14] << 8 | n->addr[15];
}

/* The head's part about IPv4: about as many buckets as there are nets, so that few are in one. */
static void put_v4(struct emit *e, uint32_t off, const struct p_net **nets, uint32_t count)
{
	uint32_t first = 0, n = 0, bits = 1, buckets, keys;

	while (first < count && !is_v4(nets[first]))
		first++;
	while (first + n < count && is_v4(nets[first + n]))
		n++;
	if (!n)
		return;
	while (bits < NET_BUCKET_BITS && (uint32_t)1 << bits < n)
		bits++;
	buckets = decide_words(e, ((uint32_t)1 << bits) + 1);
	keys = decide_words(e, n);
	for (uint32_t i = 0, at = 0; i <= (uint32_t)1 << bits; i++) {
		while (at < n && v4_key(nets[first + at]) >> (32 - bits) < i)
			at++;
		*decide_word(e, buckets + i) = at;
	}
	for (uint32_t i = 0; i < n; i++)
		*decide_word(e, keys + i) = v4_key(nets[first + i]);
	decide_word(e, off)[SCAN_NETS_V4_FIRST] = first;
	decide_word(e, off)[SCAN_NETS_V4] = n;
	decide_word(e, off)[SCAN_NETS_BITS] = bits;
	decide_word(e, off)[SCAN_NETS_BUCKETS] = buckets;
	decide_word(e, off)[SCAN_NETS_KEYS] = keys;
}

uint32_t decide_nets(struct emit *e, struct entry *entries, uint32_t n, uint32_t *worst)
{
	const struct p_net **nets = ARENA_ARRAY(e->arena, const struct p_net *, n);
	uint32_t *weights = ARENA_ARRAY(e->arena, uint32_t, n + 1), count = 0, off, most = 0;
	uint32_t *outer = ARENA_ARRAY(e->arena, uint32_t, n); /* 1 + number; 0: none */
	struct slot_entries list = { 0 };

	qsort(entries, n, sizeof(*entries), by_net);
	for (uint32_t i = 0; i < n; i++) {
		const struct p_net *net = &entries[i].p->net;

		if (!count || !same_net(nets[count - 1], net)) {
			uint32_t up = count;

			while (up && !around(nets[up - 1], net))
				up = outer[up - 1];
			nets[count] = net;
			outer[count] = up;
			weights[count++] = up ? weights[up - 1] : 0;
		}
		weights[count - 1] += entries[i].weight;
		most = weights[count - 1] > most ? weights[count - 1] : most;
		add(e->arena, &list, count - 1, &entries[i]);
	}
	off = decide_words(e, SCAN_NETS_WORDS + SCAN_NET_WORDS * count);
	*decide_word(e, off) = count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t *w = decide_word(e, off + SCAN_NETS_WORDS + SCAN_NET_WORDS * i);

		memcpy(w, nets[i]->addr, 16);
		w[4] = nets[i]->bits;
		w[5] = outer[i];
	}
	put_slots(e, &list, off + SCAN_NETS_WORDS + 6, SCAN_NET_WORDS);
	put_v4(e, off, nets, count);
	*worst += most;
	return off;
}
