/* SPDX-License-Identifier: Apache-2.0 */
/* scan: which of many patterns hold for one value, found in one pass over it. The patterns stand in
 * tables of 32-bit words that the compiler makes (compiler/decide/); an offset counts words from the
 * table's begin, 0 is none. A pattern belongs to a literal, a number; what is found are literals.
 * Reads what the compiler wrote, not what a client may choose: offsets are not checked. No
 * allocation.
 *
 *   entries  n, then n times  literal << 2 | enum scan_kind; in a finder the length of the patterns
 *            stands behind n
 *   tree     node: label bytes | first kid's byte << 16 | (kids' span - 1) << 24; entries << 2 |
 *            SCAN_NODE_*; label, as the value has it, filled up to whole words; entries
 *            without their n; kids: one node for each byte of the span, 0: none.
 *            A node's label follows the byte that led to it. It all lies together: what is read of
 *            a small node is one cache line.
 *   finder   root, window, bits, shifts. With a window of n, no pattern is shorter, and shifts are 2^bits
 *            bytes, by scan_pair of the window's last two bytes: by how many bytes the window may
 *            move on, 0: a pattern may begin at its first. No window: 0.
 *            state: kids, first kid's byte | (span - 1) << 8, state of the longest proper suffix,
 *            entries, next suffix state that has entries (0: none)
 *   ranges   n, m, n bounds (low word, high word), 2m entries: a segment tree over the n + 1 slots
 *            between the bounds, m of them at its foot
 *   nets     n, of IPv4: number of the first and how many, k, buckets, keys; then n times  address (4
 *            words), bits, number of the next larger net + 1, entries; in order of address, then
 *            bits. Keys: the IPv4 addresses as numbers. Buckets: of the 2^k values that the first
 *            k bits have, how many keys are below, and their number at the end */
#ifndef WEIR_BASE_SCAN_H
#define WEIR_BASE_SCAN_H

#include "str.h"

enum scan_kind {
	SCAN_HERE, /* tree: the value begins (ends) so; finder: it is inside */
	SCAN_WHOLE, /* tree: the value is this */
	SCAN_BOUND, /* tree: and a delimiter stands at the cut */
	SCAN_SLASH = SCAN_WHOLE, /* finder: a word between slashes */
	SCAN_DOT = SCAN_BOUND /* finder: a word between dots */
};
#define SCAN_KIND_BITS 2

#define SCAN_NODE_WORDS 2
#define SCAN_NODE_KIDS 1u
#define SCAN_NODE_SOME 2u /* some entry is not SCAN_WHOLE */
#define SCAN_NODE_SHIFT 2
#define SCAN_LABEL_MAX 0xffffu
#define SCAN_STATE_WORDS 5

enum scan_finder {
	SCAN_FINDER_ROOT,
	SCAN_FINDER_WINDOW,
	SCAN_FINDER_BITS,
	SCAN_FINDER_SHIFTS,
	SCAN_FINDER_WORDS
};

/* The shift of two bytes, whatever their case, among 2^<bits>. */
static inline uint32_t scan_pair(const char *p, uint32_t bits)
{
	uint32_t pair = (uint32_t)(unsigned char)p[0] | (uint32_t)(unsigned char)p[1] << 8;

	return (pair | 0x2020) * 0x9e3779b1u >> (32 - bits);
}
#define SCAN_NET_WORDS 7

enum scan_nets {
	SCAN_NETS_ALL,
	SCAN_NETS_V4_FIRST,
	SCAN_NETS_V4,
	SCAN_NETS_BITS,
	SCAN_NETS_BUCKETS,
	SCAN_NETS_KEYS,
	SCAN_NETS_WORDS
};

/* The literals that hold, each once. <bits> and <list> have room for all literals of the tables. */
struct scan_set {
	uint64_t *bits;
	uint32_t *list;
	uint32_t n;
};

static inline bool scan_has(const struct scan_set *s, uint32_t literal)
{
	return s->bits[literal / 64] >> literal % 64 & 1;
}

static inline void scan_add(struct scan_set *s, uint32_t literal)
{
	uint64_t bit = (uint64_t)1 << literal % 64;

	if (s->bits[literal / 64] & bit)
		return;
	s->bits[literal / 64] |= bit;
	s->list[s->n++] = literal;
}

#define SCAN_FOLD 1u /* ASCII letters count as their lower case, in which the patterns are */
#define SCAN_REVERSE 2u /* the tree is of ends: patterns and value are read backwards */
#define SCAN_HOST 4u /* delimiters are dots, else slashes and question marks */

/* Costs the bytes that some pattern shares with <text>. */
void scan_tree(const uint32_t *words, uint32_t tree, struct str text, unsigned flags,
	       struct scan_set *out);
/* Costs at most two steps for each byte of <text>, besides its shifts, and what is found. */
void scan_find(const uint32_t *words, uint32_t finder, struct str text, unsigned flags,
	       struct scan_set *out);
/* Costs the logarithm of the number of ranges, and what is found. */
void scan_range(const uint32_t *words, uint32_t ranges, int64_t value, struct scan_set *out);
/* Costs the logarithm of the number of nets, of IPv4 of those with the same first bits; and their
 * nesting. */
void scan_net(const uint32_t *words, uint32_t nets, const uint8_t ip[16], struct scan_set *out);

#endif
