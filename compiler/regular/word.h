/* SPDX-License-Identifier: Apache-2.0 */
/* word: example strings of languages. The shortest comes first; among equally short ones bytes that
 * people like to read: small letters, digits, "-._/", capitals, other visible ones. Bytes that are
 * not visible are taken only when a language has no visible string. */
#ifndef WEIR_REGULAR_WORD_H
#define WEIR_REGULAR_WORD_H

#include "dfa.h"

/* A shortest string of <d>. False: it has none. */
bool word_shortest(struct arena *a, const struct dfa *d, struct str *word);
/* Up to <n> different strings of <d>, shortest first, into <out>; bytes that <d> treats alike do
 * not make two. Returns how many. */
unsigned word_some(struct arena *a, const struct dfa *d, struct str *out, unsigned n);

/* Bytes to make words of, best first: the visible ones, and the others when <like> has one.
 * Returns how many. */
unsigned word_bytes(uint8_t order[256], struct str like);

/* A language, or its complement. */
struct word_term {
	const struct dfa *dfa;
	bool negated;
};

/* A shortest string that all <n> terms hold. YES: it is in <word>. NO: there is none. LIMIT: more
 * tuples of states or steps than <b> grants. */
enum answer word_common(struct arena *a, const struct word_term *t, unsigned n, struct budget *b,
			struct str *word);

#endif
