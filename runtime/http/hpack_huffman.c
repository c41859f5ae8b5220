/* SPDX-License-Identifier: Apache-2.0 */
#include "hpack_huffman.h"

#define SHORT 8 /* codes up to this length are found by one look */
#define LONGEST 30
#define EOS 256

/* Bits of the code of each byte and of EOS (RFC 7541 appendix B), 16 in a row. */
static const uint8_t lengths[EOS + 1] = {
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, /* 0x00 */
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, /* 0x10 */
	6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6, /* 0x20 */
	5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, /* 0x30 */
	13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7, /* 0x40 */
	7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6, /* 0x50 */
	15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5, /* 0x60 */
	6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28, /* 0x70 */
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, /* 0x80 */
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, /* 0x90 */
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, /* 0xa0 */
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, /* 0xb0 */
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, /* 0xc0 */
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, /* 0xd0 */
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, /* 0xe0 */
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, /* 0xf0 */
	30, /* EOS */
};

static uint32_t codes[EOS + 1];
static uint16_t symbols[EOS + 1]; /* in the order of their codes */
static struct {
	uint8_t symbol, length; /* 0: longer than SHORT */
} shorts[1 << SHORT];
/* Of each length: where its codes end, as the upper bits of 32; its first code likewise; the place
 * of that one in <symbols>. */
static struct {
	uint32_t end, first;
	uint16_t at;
} longs[LONGEST + 1];

static void add_short(unsigned symbol, unsigned length, uint32_t code)
{
	unsigned from = code << (SHORT - length);

	for (unsigned i = from; i < from + (1u << (SHORT - length)); i++) {
		shorts[i].symbol = (uint8_t)symbol;
		shorts[i].length = (uint8_t)length;
	}
}

void hpack_huffman_setup(void)
{
	uint32_t code = 0;
	unsigned at = 0;

	for (unsigned n = 1; n <= LONGEST; n++, code <<= 1) {
		longs[n].first = code << (32 - n);
		longs[n].at = (uint16_t)at;
		for (unsigned s = 0; s <= EOS; s++) {
			if (lengths[s] != n)
				continue;
			if (n <= SHORT)
				add_short(s, n, code);
			codes[s] = code++;
			symbols[at++] = (uint16_t)s;
		}
		/* The last code is all ones: its end would be 1 << 32. */
		longs[n].end = n == LONGEST ? UINT32_MAX : code << (32 - n);
	}
}

/* The symbol whose code of more than SHORT bits begins <bits>; *<n>: its length. */
static unsigned long_symbol(uint32_t bits, unsigned *n)
{
	*n = SHORT + 1;
	while (*n < LONGEST && bits >= longs[*n].end)
		++*n;
	return symbols[longs[*n].at + ((bits - longs[*n].first) >> (32 - *n))];
}

ptrdiff_t hpack_huffman_decode(struct str in, char *out)
{
	const uint8_t *p = (const uint8_t *)in.p, *end = p + in.n;
	char *o = out;
	uint64_t bits = 0; /* the upper <have> of them */
	unsigned have = 0, n;

	for (;;) {
		unsigned symbol;

		for (; have <= 56 && p < end; have += 8)
			bits |= (uint64_t)*p++ << (56 - have);
		symbol = shorts[bits >> 56].symbol;
		n = shorts[bits >> 56].length;
		if (!n)
			symbol = long_symbol((uint32_t)(bits >> 32), &n);
		if (n > have)
			break;
		if (symbol == EOS) /* RFC 7541 5.2 */
			return -1;
		*o++ = (char)symbol;
		bits <<= n;
		have -= n;
	}
	/* RFC 7541 5.2: less than a byte, and the start of EOS. */
	if (have > 7 || bits >> 56 != (0xff00u >> have & 0xff))
		return -1;
	return o - out;
}

size_t hpack_huffman_size(struct str s)
{
	size_t n = 7;

	for (size_t i = 0; i < s.n; i++)
		n += lengths[(uint8_t)s.p[i]];
	return n / 8;
}

uint8_t *hpack_huffman_encode(struct str s, uint8_t *out)
{
	uint64_t bits = 0; /* the lower <have> of them */
	unsigned have = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned n = lengths[(uint8_t)s.p[i]];

		bits = bits << n | codes[(uint8_t)s.p[i]];
		have += n;
		while (have >= 8) {
			have -= 8;
			*out++ = (uint8_t)(bits >> have);
		}
	}
	if (have) /* RFC 7541 5.2 */
		*out++ = (uint8_t)(bits << (8 - have) | 0xffu >> have);
	return out;
}
