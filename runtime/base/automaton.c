/* SPDX-License-Identifier: Apache-2.0 */
#include "automaton.h"

#define INLINE static inline __attribute__((always_inline))

/* The state behind <text>. */
INLINE uint32_t walk(const uint32_t *words, const uint32_t *a, struct str text, bool wide)
{
	const uint8_t *class = (const uint8_t *)(words + a[AUTOMATON_CLASSES]);
	const uint8_t *cells = (const uint8_t *)(a + AUTOMATON_WORDS);
	uint32_t state = a[AUTOMATON_START], still = a[AUTOMATON_STILL];
	uint32_t n = a[AUTOMATON_SHAPE] & (AUTOMATON_WIDE - 1);

	for (size_t i = 0; i < text.n && state < still; i++) {
		uint32_t at = state * n + class[(unsigned char)text.p[i]];
		uint16_t cell;

		if (wide)
			memcpy(&cell, cells + 2 * (size_t)at, sizeof(cell));
		else
			cell = cells[at];
		state = cell;
	}
	return state;
}

static uint32_t state_behind(const uint32_t *words, const uint32_t *a, struct str text)
{
	return a[AUTOMATON_SHAPE] & AUTOMATON_WIDE ? walk(words, a, text, true)
						   : walk(words, a, text, false);
}

bool automaton_accepts(const uint32_t *words, uint32_t at, struct str text)
{
	const uint32_t *a = words + at;
	uint32_t state = state_behind(words, a, text);

	return state >= a[AUTOMATON_FIRST] && state != a[AUTOMATON_DEAD];
}

bool automaton_matches(const uint32_t *words, uint32_t at, struct str prefix, bool fold,
		       struct str text)
{
	if (fold ? !str_istarts(text, prefix) : !str_starts(text, prefix))
		return false;
	return automaton_accepts(words, at, str_skip(text, prefix.n));
}

const uint32_t *automaton_list(const uint32_t *words, uint32_t at, struct str text)
{
	const uint32_t *a = words + at;
	uint32_t list = words[a[AUTOMATON_LISTS] + state_behind(words, a, text)];

	return list ? words + list : NULL;
}
