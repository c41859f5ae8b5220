/* SPDX-License-Identifier: Apache-2.0 */
/* automaton: regular expressions as tables of 32-bit words that the compiler makes
 * (compiler/decide/automaton.c). One step a byte and no way back, whatever the pattern and the text.
 * Reads what the compiler wrote, not what a client may choose: offsets are not checked. No
 * allocation; any thread.
 *
 * An automaton is AUTOMATON_WORDS words, then the cells, a row for each state, then, where it is of
 * several patterns, one word a state: the offset of n and n literals, which hold when the text ends
 * there, or 0. States are numbered by kind: those that accept nothing yet, from <first> on those that
 * accept, from <still> on those that no byte leaves: there the run ends. The last of these is
 * <dead>, which accepts nothing any more. */
#ifndef WEIR_BASE_AUTOMATON_H
#define WEIR_BASE_AUTOMATON_H

#include "str.h"

enum automaton_word {
	AUTOMATON_CLASSES, /* offset of the classes of the 256 bytes, four in a word */
	AUTOMATON_SHAPE, /* number of classes, and AUTOMATON_WIDE: cells of 16 bits, else of 8 */
	AUTOMATON_START,
	AUTOMATON_FIRST,
	AUTOMATON_STILL,
	AUTOMATON_DEAD,
	AUTOMATON_LISTS, /* offset of the words by state; 0: one pattern */
	AUTOMATON_WORDS
};
#define AUTOMATON_WIDE 0x10000u

/* Whether the pattern at <at> of <words> matches. Costs at most one step a byte of <text>. */
bool automaton_accepts(const uint32_t *words, uint32_t at, struct str text);
/* The same of a pattern of which <prefix>, with <fold> in any case, was cut off. */
bool automaton_matches(const uint32_t *words, uint32_t at, struct str prefix, bool fold,
		       struct str text);
/* Of several patterns: n and n literals of those that match, or NULL. Costs the same. */
const uint32_t *automaton_list(const uint32_t *words, uint32_t at, struct str text);

#endif
