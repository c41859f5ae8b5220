/* SPDX-License-Identifier: Apache-2.0 */
/* h1_wide: looks at several bytes of a head at once. Private to h1_*.c. A mask has bits for the
 * bytes that are to be looked at one by one; wide_first tells the place of the first. */
#ifndef WEIR_HTTP_H1_WIDE_H
#define WEIR_HTTP_H1_WIDE_H

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

#define WIDE 16

static inline __m128i wide_load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Of WIDE bytes from <p> on: those that are no byte of a field value, HTAB, and what is not ASCII.
 * One more than 0x7f and above is below zero, or zero. */
static inline uint32_t wide_controls(const char *p)
{
	__m128i more = _mm_add_epi8(wide_load(p), _mm_set1_epi8(1));

	return (uint32_t)_mm_movemask_epi8(_mm_cmpgt_epi8(more, _mm_set1_epi8(0x20))) ^ 0xffff;
}

/* Those that are neither letters nor "-". Letters are folded and then shifted to the lowest values
 * of a signed byte. */
static inline uint32_t wide_no_letters(const char *p)
{
	__m128i v = wide_load(p), fold = _mm_or_si128(v, _mm_set1_epi8(0x20));
	__m128i at = _mm_add_epi8(fold, _mm_set1_epi8(0x80 - 'a'));
	__m128i letter = _mm_cmplt_epi8(at, _mm_set1_epi8((char)(0x80 + 26)));
	__m128i good = _mm_or_si128(letter, _mm_cmpeq_epi8(v, _mm_set1_epi8('-')));

	return (uint32_t)_mm_movemask_epi8(good) ^ 0xffff;
}

/* Those that are neither lower-case letters nor in "-./0123456789". */
static inline uint32_t wide_no_host(const char *p)
{
	__m128i v = wide_load(p);
	__m128i letter = _mm_cmplt_epi8(_mm_add_epi8(v, _mm_set1_epi8(0x80 - 'a')),
					_mm_set1_epi8((char)(0x80 + 26)));
	__m128i digit = _mm_cmplt_epi8(_mm_add_epi8(v, _mm_set1_epi8(0x80 - '-')),
				       _mm_set1_epi8((char)(0x80 + 13)));

	return (uint32_t)_mm_movemask_epi8(_mm_or_si128(letter, digit)) ^ 0xffff;
}

/* Those that are <c>. */
static inline uint32_t wide_equal(const char *p, char c)
{
	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(wide_load(p), _mm_set1_epi8(c)));
}

/* Those that differ from <lower>, whose letters and "-" those of <p> are folded to. */
static inline uint32_t wide_unlike(const char *p, const char *lower)
{
	__m128i fold = _mm_or_si128(wide_load(p), _mm_set1_epi8(0x20));

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(fold, wide_load(lower))) ^ 0xffff;
}

/* The first four bytes, folded likewise. */
static inline uint32_t wide_four(const char *p)
{
	return (uint32_t)_mm_cvtsi128_si32(_mm_or_si128(wide_load(p), _mm_set1_epi8(0x20)));
}

static inline unsigned wide_first(uint32_t mask)
{
	return (unsigned)__builtin_ctz(mask);
}

/* <mask> without the first <n> bytes, which become its end. */
static inline uint32_t wide_skip(uint32_t mask, unsigned n)
{
	return mask >> n;
}

#else

#define WIDE 8
#define WIDE_BYTES(x) (UINT64_C(0x0101010101010101) * (x))

/* A byte below 0x20 borrows into its top bit, 0x7f carries into it, and one that has its top bit
 * set is let through. A borrow may mark bytes behind the first one too, never before it. */
static inline uint64_t wide_controls(const char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return ((v - WIDE_BYTES(0x20)) | ((v & WIDE_BYTES(0x7f)) + WIDE_BYTES(0x01))) & ~v &
	       WIDE_BYTES(0x80);
}

static inline uint64_t wide_no_letters(const char *p)
{
	(void)p;
	return WIDE_BYTES(0x80);
}

static inline unsigned wide_first(uint64_t mask)
{
	return (unsigned)__builtin_ctzll(mask) >> 3;
}

static inline uint64_t wide_skip(uint64_t mask, unsigned n)
{
	return mask >> (n * 8);
}

#endif
#endif
