/* SPDX-License-Identifier: Apache-2.0 */
/* automaton: automata as the words that runtime/base/automaton reads. */
#include "decide_part.h"

#include "../../runtime/base/automaton.h"

/* The number of each state once those of a kind stand together; <from>: the first of each kind. */
static uint32_t *numbers(struct arena *a, const struct automaton *x,
			 uint32_t from[AUTOMATON_KINDS + 1])
{
	uint32_t *number = ARENA_ARRAY(a, uint32_t, x->nstates), n = 0;

	for (unsigned kind = 0; kind < AUTOMATON_KINDS; kind++) {
		from[kind] = n;
		for (uint32_t q = 0; q < x->nstates; q++)
			if (x->kind[q] == kind)
				number[q] = n++;
	}
	from[AUTOMATON_KINDS] = n;
	return number;
}

/* The cells behind the head, and the lists of states behind them. */
static void fill(const struct automaton *x, const uint32_t *number, bool wide, uint32_t *words)
{
	uint8_t *cells = (uint8_t *)(words + AUTOMATON_WORDS);

	for (uint32_t q = 0; q < x->nstates; q++)
		for (uint32_t c = 0; c < x->nclasses; c++) {
			uint16_t to = (uint16_t)number[x->next[(size_t)q * x->nclasses + c]];
			size_t at = (size_t)number[q] * x->nclasses + c;

			if (wide)
				memcpy(cells + 2 * at, &to, sizeof(to));
			else
				cells[at] = (uint8_t)to;
		}
}

uint32_t decide_put_automaton(struct emit *e, const struct automaton *x)
{
	uint32_t from[AUTOMATON_KINDS + 1], *number, *words, n;
	struct arena scratch = { 0 };
	bool wide = x->nstates > 256;

	number = numbers(&scratch, x, from);
	n = AUTOMATON_WORDS + (uint32_t)((dfa_table_bytes(x->nstates, x->nclasses) + 3) / 4);
	words = ARENA_ARRAY(&scratch, uint32_t, n + (x->lists ? x->nstates : 0));
	if (x->lists) {
		uint32_t *lists = ARENA_ARRAY(&scratch, uint32_t, x->nstates);

		for (uint32_t q = 0; q < x->nstates; q++)
			lists[number[q]] = x->lists[q];
		words[AUTOMATON_LISTS] = emit_put(e, EMIT_AUTOMATA, lists, x->nstates);
	}
	words[AUTOMATON_CLASSES] = emit_put(e, EMIT_AUTOMATA, x->class_of, 256 / 4);
	words[AUTOMATON_SHAPE] = x->nclasses | (wide ? AUTOMATON_WIDE : 0);
	words[AUTOMATON_START] = number[x->start];
	words[AUTOMATON_FIRST] = from[AUTOMATON_ACCEPTS];
	words[AUTOMATON_STILL] = from[AUTOMATON_FULL];
	words[AUTOMATON_DEAD] = from[AUTOMATON_NONE];
	fill(x, number, wide, words);
	n = emit_put(e, EMIT_AUTOMATA, words, n);
	arena_free(&scratch);
	return n;
}
