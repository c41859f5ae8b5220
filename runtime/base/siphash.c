/* SPDX-License-Identifier: Apache-2.0 */
#include "siphash.h"

static uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void rounds(uint64_t v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

/* <n> bytes, at most eight, the first lowest. */
static uint64_t word(const char *p, size_t n, bool lower)
{
	uint64_t w = 0;

	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)(unsigned char)(lower ? ascii_lower(p[i]) : p[i]) << 8 * i;
	return w;
}

static void take(uint64_t v[4], uint64_t w)
{
	v[3] ^= w;
	rounds(v, 2);
	v[0] ^= w;
}

void siphash128(const uint64_t key[2], struct str s, bool lower, uint64_t out[2])
{
	uint64_t v[4] = { UINT64_C(0x736f6d6570736575) ^ key[0],
			  UINT64_C(0x646f72616e646f6d) ^ key[1] ^ 0xee,
			  UINT64_C(0x6c7967656e657261) ^ key[0],
			  UINT64_C(0x7465646279746573) ^ key[1] };
	size_t i = 0;

	for (; s.n - i >= 8; i += 8)
		take(v, word(s.p + i, 8, lower));
	take(v, word(s.p + i, s.n - i, lower) | (uint64_t)s.n << 56);
	v[2] ^= 0xee;
	rounds(v, 4);
	out[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	rounds(v, 4);
	out[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
}
