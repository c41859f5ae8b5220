/* SPDX-License-Identifier: Apache-2.0 */
#include "number_set.h"

#include <stdio.h>

#define WORDS (NUMBERS_MAX / 64)

unsigned numbers_count(const struct number_set *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORDS; i++)
		n += (unsigned)__builtin_popcountll(s->word[i]);
	return n;
}

int numbers_next(const struct number_set *s, unsigned from)
{
	for (unsigned i = from / 64; i < WORDS; i++) {
		uint64_t w = s->word[i];

		if (i == from / 64)
			w &= UINT64_MAX << from % 64;
		if (w)
			return (int)(i * 64 + (unsigned)__builtin_ctzll(w));
	}
	return -1;
}

void numbers_keep(struct number_set *s, const struct number_set *keep)
{
	for (unsigned i = 0; i < WORDS; i++)
		s->word[i] &= keep->word[i];
}

bool numbers_equal(const struct number_set *a, const struct number_set *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool numbers_parse(struct str text, struct number_set *out)
{
	*out = (struct number_set) { 0 };
	text = str_trim(text);
	while (text.n) {
		struct str hi = str_cut(&text, ','), lo = str_cut(&hi, '-');
		uint64_t a, b;

		if (!str_u64(lo, NUMBERS_MAX - 1, &a))
			return false;
		b = a;
		if (hi.p && !str_u64(hi, NUMBERS_MAX - 1, &b))
			return false;
		if (b < a || (text.p && !text.n))
			return false;
		for (; a <= b; a++)
			numbers_add(out, (unsigned)a);
	}
	return true;
}

const char *numbers_format(const struct number_set *s, char *buf, size_t room)
{
	size_t n = 0;
	int at = numbers_next(s, 0);

	buf[0] = 0;
	while (at >= 0 && n < room) {
		int end = at, put;

		while (numbers_has(s, (unsigned)end + 1))
			end++;
		put = snprintf(buf + n, room - n, end > at ? "%s%d-%d" : "%s%d", n ? "," : "", at,
			       end);
		n += put > 0 ? (size_t)put : room;
		at = numbers_next(s, (unsigned)end + 1);
	}
	return buf;
}
