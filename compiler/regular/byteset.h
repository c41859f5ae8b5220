/* SPDX-License-Identifier: Apache-2.0 */
/* byteset: a set of bytes, as a value. */
#ifndef WEIR_REGULAR_BYTESET_H
#define WEIR_REGULAR_BYTESET_H

#include <stdbool.h>
#include <stdint.h>

struct byteset {
	uint64_t w[4];
};

#define BYTESET_ALL ((struct byteset) { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } })

static inline bool byteset_has(const struct byteset *s, uint8_t c)
{
	return s->w[c >> 6] >> (c & 63) & 1;
}

static inline void byteset_add(struct byteset *s, uint8_t c)
{
	s->w[c >> 6] |= (uint64_t)1 << (c & 63);
}

static inline void byteset_add_range(struct byteset *s, unsigned lo, unsigned hi)
{
	for (unsigned c = lo; c <= hi; c++)
		byteset_add(s, (uint8_t)c);
}

static inline struct byteset byteset_of(uint8_t c)
{
	struct byteset s = { 0 };

	byteset_add(&s, c);
	return s;
}

static inline struct byteset byteset_not(struct byteset s)
{
	for (int i = 0; i < 4; i++)
		s.w[i] = ~s.w[i];
	return s;
}

static inline struct byteset byteset_or(struct byteset a, struct byteset b)
{
	for (int i = 0; i < 4; i++)
		a.w[i] |= b.w[i];
	return a;
}

static inline struct byteset byteset_and(struct byteset a, struct byteset b)
{
	for (int i = 0; i < 4; i++)
		a.w[i] &= b.w[i];
	return a;
}

static inline bool byteset_eq(struct byteset a, struct byteset b)
{
	return a.w[0] == b.w[0] && a.w[1] == b.w[1] && a.w[2] == b.w[2] && a.w[3] == b.w[3];
}

static inline bool byteset_none(struct byteset s)
{
	return !(s.w[0] | s.w[1] | s.w[2] | s.w[3]);
}

/* The first byte of a set that is not empty. */
static inline uint8_t byteset_first(struct byteset s)
{
	int i = 0;

	while (!s.w[i])
		i++;
	return (uint8_t)(i * 64 + __builtin_ctzll(s.w[i]));
}

static inline unsigned byteset_count(struct byteset s)
{
	return (unsigned)(__builtin_popcountll(s.w[0]) + __builtin_popcountll(s.w[1]) +
			  __builtin_popcountll(s.w[2]) + __builtin_popcountll(s.w[3]));
}

/* <s> with both cases of every ASCII letter that it holds in one. */
static inline struct byteset byteset_fold(struct byteset s)
{
	/* "A" is bit 1 and "a" bit 33 of the second word. */
	const uint64_t upper = (uint64_t)0x07fffffe, letters = s.w[1] & (upper | upper << 32);

	s.w[1] |= letters << 32 | letters >> 32;
	return s;
}

#endif
