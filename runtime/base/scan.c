/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#define INLINE static inline __attribute__((always_inline))

static bool delimiter(char c, bool host)
{
	return host ? c == '.' : c == '/' || c == '?';
}

/* -- trees -------------------------------------------------------------------------------------
 */

INLINE char byte_at(struct str text, size_t i, bool reverse, bool fold)
{
	char c = text.p[reverse ? text.n - 1 - i : i];

	return fold ? ascii_lower(c) : c;
}

/* <at> bytes were read. A delimiter stands on either side of the cut, or the value ends there. */
static bool bounded(struct str text, size_t at, unsigned flags)
{
	bool host = flags & SCAN_HOST, reverse = flags & SCAN_REVERSE;

	return at == text.n || delimiter(byte_at(text, at, reverse, false), host) ||
	       (at && delimiter(byte_at(text, at - 1, reverse, false), host));
}

static void tree_entries(const uint32_t *entries, uint32_t n, struct str text, size_t at,
			 unsigned flags, struct scan_set *out)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t kind = entries[i] & ((1u << SCAN_KIND_BITS) - 1);

		if (kind == SCAN_HERE || (kind == SCAN_WHOLE && at == text.n) ||
		    (kind == SCAN_BOUND && bounded(text, at, flags)))
			scan_add(out, entries[i] >> SCAN_KIND_BITS);
	}
}

/* Eight bytes, with the letters A to Z among them made small: a byte's top bit says whether it is
 * one. */
INLINE uint64_t lower_8(uint64_t x)
{
	const uint64_t each = 0x0101010101010101u;
	uint64_t low = x & 0x7f * each;
	uint64_t is =
		((low + (0x80 - 'A') * each) ^ (low + (0x7f - 'Z') * each)) & ~x & 0x80 * each;

	return x | is >> 2;
}

INLINE uint64_t load_8(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

INLINE uint64_t load_4(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

INLINE bool same_8(const char *p, const char *label, bool fold)
{
	return (fold ? lower_8(load_8(p)) : load_8(p)) == load_8(label);
}

/* Whether <n> bytes at <p> are <label>; with <fold>, once they are lower case. The last bytes are
 * taken from the end, so that some are compared twice. */
INLINE bool is_label(const char *p, const char *label, uint32_t n, bool fold)
{
	if (n >= 8) {
		for (uint32_t i = 0; i + 8 < n; i += 8)
			if (!same_8(p + i, label + i, fold))
				return false;
		return same_8(p + n - 8, label + n - 8, fold);
	}
	if (n >= 4) {
		uint64_t a = load_4(p) << 32 | load_4(p + n - 4);

		return (fold ? lower_8(a) : a) == (load_4(label) << 32 | load_4(label + n - 4));
	}
	for (uint32_t i = 0; i < n; i++)
		if ((fold ? ascii_lower(p[i]) : p[i]) != label[i])
			return false;
	return true;
}

INLINE void walk(const uint32_t *words, uint32_t tree, struct str text, unsigned flags,
		 bool reverse, bool fold, struct scan_set *out)
{
	const uint32_t *node = words + tree;
	size_t at = 0;

	for (;;) {
		uint32_t shape = node[0], what = node[1], n = shape & SCAN_LABEL_MAX, kid;
		const uint32_t *rest = node + SCAN_NODE_WORDS;

		if (n) {
			if (text.n - at < n || !is_label(text.p + (reverse ? text.n - at - n : at),
							 (const char *)rest, n, fold))
				return;
			at += n;
			rest += (n + 3) / 4;
		}
		if ((what & SCAN_NODE_SOME) || (at == text.n && what >> SCAN_NODE_SHIFT))
			tree_entries(rest, what >> SCAN_NODE_SHIFT, text, at, flags, out);
		if (!(what & SCAN_NODE_KIDS) || at == text.n)
			return;
		kid = (uint32_t)(unsigned char)byte_at(text, at, reverse, fold) -
		      (shape >> 16 & 0xff);
		if (kid > shape >> 24)
			return;
		kid = rest[(what >> SCAN_NODE_SHIFT) + kid];
		if (!kid)
			return;
		node = words + kid;
		at++;
	}
}

void scan_tree(const uint32_t *words, uint32_t tree, struct str text, unsigned flags,
	       struct scan_set *out)
{
	switch (flags & (SCAN_FOLD | SCAN_REVERSE)) {
	case 0:
		walk(words, tree, text, flags, false, false, out);
		break;
	case SCAN_FOLD:
		walk(words, tree, text, flags, false, true, out);
		break;
	case SCAN_REVERSE:
		walk(words, tree, text, flags, true, false, out);
		break;
	default:
		walk(words, tree, text, flags, true, true, out);
	}
}

/* -- finder ------------------------------------------------------------------------------------
 */

/* The entry's pattern ends before <end>; its length is not known here: a word's is in the word
 * behind it. */
static void find_entries(const uint32_t *entries, struct str text, size_t end, struct scan_set *out)
{
	uint32_t length = entries[1];

	for (uint32_t i = 2; i < entries[0] + 2; i++) {
		uint32_t kind = entries[i] & ((1u << SCAN_KIND_BITS) - 1);
		char delim = kind == SCAN_SLASH ? '/' : '.';

		if (kind == SCAN_HERE || ((end == text.n || text.p[end] == delim) &&
					  (end == length || text.p[end - length - 1] == delim)))
			scan_add(out, entries[i] >> SCAN_KIND_BITS);
	}
}

static uint32_t step(const uint32_t *words, uint32_t root, uint32_t state, unsigned char c)
{
	for (;;) {
		const uint32_t *s = words + state;
		uint32_t kid = c - (s[1] & 0xff);

		if (s[0] && kid <= s[1] >> 8 && words[s[0] + kid])
			return words[s[0] + kid];
		if (state == root)
			return root;
		state = s[2];
	}
}

/* Runs from <at>, where no pattern is under way, until none is any more; returns where. */
INLINE size_t run(const uint32_t *words, uint32_t root, struct str text, size_t at, bool fold,
		  struct scan_set *out)
{
	uint32_t state = root;

	do {
		unsigned char c = (unsigned char)(fold ? ascii_lower(text.p[at]) : text.p[at]);

		state = step(words, root, state, c);
		at++;
		for (uint32_t s = words[state + 3] ? state : words[state + 4]; s; s = words[s + 4])
			find_entries(words + words[s + 3], text, at, out);
	} while (state != root && at < text.n);
	return at;
}

/* Where no pattern is under way, a byte costs a look, or the window moves over several for one. */
INLINE void find(const uint32_t *words, uint32_t finder, struct str text, bool fold,
		 struct scan_set *out)
{
	const uint32_t *head = words + finder;
	uint32_t root = head[SCAN_FINDER_ROOT], window = head[SCAN_FINDER_WINDOW];
	uint32_t bits = head[SCAN_FINDER_BITS];
	const uint8_t *shifts = (const uint8_t *)(words + head[SCAN_FINDER_SHIFTS]);
	const uint32_t *kids = words + words[root];
	uint32_t low = words[root + 1] & 0xff, span = words[root + 1] >> 8;
	size_t at = 0;

	while (window && at + window <= text.n) {
		uint8_t shift = shifts[scan_pair(text.p + at + window - 2, bits)];

		at = shift ? at + shift : run(words, root, text, at, fold, out);
	}
	while (!window && at < text.n) {
		unsigned char c = (unsigned char)(fold ? ascii_lower(text.p[at]) : text.p[at]);

		if (c - low > span || !kids[c - low])
			at++;
		else
			at = run(words, root, text, at, fold, out);
	}
}

void scan_find(const uint32_t *words, uint32_t finder, struct str text, unsigned flags,
	       struct scan_set *out)
{
	if (flags & SCAN_FOLD)
		find(words, finder, text, true, out);
	else
		find(words, finder, text, false, out);
}

/* -- numbers and addresses -----------------------------------------------------------------------
 */

static void all_entries(const uint32_t *words, uint32_t entries, struct scan_set *out)
{
	if (!entries)
		return;
	for (uint32_t i = 1; i <= words[entries]; i++)
		scan_add(out, words[entries + i] >> SCAN_KIND_BITS);
}

void scan_range(const uint32_t *words, uint32_t ranges, int64_t value, struct scan_set *out)
{
	uint32_t n = words[ranges], m = words[ranges + 1], low = 0, high = n;
	const uint32_t *bounds = words + ranges + 2, *nodes = bounds + 2 * n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int64_t bound = (int64_t)((uint64_t)bounds[2 * mid + 1] << 32 | bounds[2 * mid]);

		if (bound <= value)
			low = mid + 1;
		else
			high = mid;
	}
	for (uint32_t node = m + low; node; node /= 2)
		all_entries(words, nodes[node], out);
}

static bool net_holds(const uint32_t *net, const uint8_t ip[16])
{
	const uint8_t *own = (const uint8_t *)net;
	uint32_t whole = net[4] / 8, rest = net[4] % 8;

	return memcmp(ip, own, whole) == 0 &&
	       (!rest || ((ip[whole] ^ own[whole]) & (0xff00u >> rest) & 0xff) == 0);
}

static uint64_t big_endian(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* How many nets begin at <ip> or before: IPv4 ones stand together, behind ::ffff:0:0/96. */
static uint32_t nets_before(const uint32_t *words, const uint32_t *head, const uint8_t ip[16])
{
	const uint32_t *nets = head + SCAN_NETS_WORDS;
	uint32_t low = 0, high = head[SCAN_NETS_ALL];

	if (head[SCAN_NETS_V4] && !big_endian(ip, 8) && big_endian(ip + 8, 4) == 0xffff) {
		const uint32_t *keys = words + head[SCAN_NETS_KEYS];
		uint32_t key = (uint32_t)big_endian(ip + 12, 4);
		const uint32_t *bucket =
			words + head[SCAN_NETS_BUCKETS] + (key >> (32 - head[SCAN_NETS_BITS]));

		for (low = bucket[0], high = bucket[1]; low < high;) {
			uint32_t mid = low + (high - low) / 2;

			if (keys[mid] <= key)
				low = mid + 1;
			else
				high = mid;
		}
		return head[SCAN_NETS_V4_FIRST] + low;
	}
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (memcmp(nets + SCAN_NET_WORDS * mid, ip, 16) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void scan_net(const uint32_t *words, uint32_t nets, const uint8_t ip[16], struct scan_set *out)
{
	const uint32_t *first = words + nets + SCAN_NETS_WORDS;
	uint32_t near = nets_before(words, words + nets, ip);

	/* Networks nest: those that hold the address are the last one that begins before it, or
	 * among the larger ones around that. */
	while (near) {
		const uint32_t *net = first + SCAN_NET_WORDS * (near - 1);

		if (net_holds(net, ip))
			all_entries(words, net[6], out);
		near = net[5];
	}
}
