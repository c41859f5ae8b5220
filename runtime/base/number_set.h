/* SPDX-License-Identifier: Apache-2.0 */
/* number_set: a set of numbers below NUMBERS_MAX: threads or processors. A value, copied freely. */
#ifndef WEIR_BASE_NUMBER_SET_H
#define WEIR_BASE_NUMBER_SET_H

#include "str.h"

#define NUMBERS_MAX 1024

struct number_set {
	uint64_t word[NUMBERS_MAX / 64];
};

static inline void numbers_add(struct number_set *s, unsigned n)
{
	s->word[n / 64] |= UINT64_C(1) << n % 64;
}

static inline bool numbers_has(const struct number_set *s, unsigned n)
{
	return n < NUMBERS_MAX && (s->word[n / 64] >> n % 64 & 1);
}

unsigned numbers_count(const struct number_set *s);
/* The first number of <s> from <from> on, or -1. */
int numbers_next(const struct number_set *s, unsigned from);
/* Takes out of <s> what is not in <keep>. */
void numbers_keep(struct number_set *s, const struct number_set *keep);
bool numbers_equal(const struct number_set *a, const struct number_set *b);
/* "0-3,8": ranges with commas; an empty text is the empty set. False: not such a list, or a number
 * beyond the last one possible. */
bool numbers_parse(struct str text, struct number_set *out);
/* The same form, NUL-terminated and cut to <room>; returns <buf>. */
const char *numbers_format(const struct number_set *s, char *buf, size_t room);

#endif
