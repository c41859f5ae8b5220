/* SPDX-License-Identifier: Apache-2.0 */
/* budget: what one analysis may cost, counted and never timed, so that a verdict is the same on
 * every machine. A function that meets a limit gives no answer and says which limit it was: never
 * a wrong one. */
#ifndef WEIR_REGULAR_BUDGET_H
#define WEIR_REGULAR_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum limit {
	LIMIT_NONE,
	LIMIT_POSITIONS, /* a regex is too large once its repetitions are written out */
	LIMIT_STATES, /* an automaton has too many states while it is made */
	LIMIT_TUPLES, /* a search over several automata saw too many tuples of states */
	LIMIT_STEPS /* all work together */
};

struct budget {
	uint32_t positions; /* of one regex */
	uint32_t states; /* of one automaton, at most DFA_STATES_MAX */
	uint32_t tuples; /* of one search */
	uint64_t steps; /* left; every call takes off what it used */
	enum limit hit; /* the last limit that was met */
};

#define BUDGET_DEFAULT                                                                             \
	{                                                                                          \
		.positions = 20000, .states = 10000, .tuples = 64000, .steps = 2000000000          \
	}

/* Of one expression that is compiled into a table. */
#define BUDGET_REGEX                                                                               \
	{                                                                                          \
		.positions = 4000, .states = 4000, .tuples = 0, .steps = 8000000                   \
	}

/* Takes <n> steps off. False, and the limit is noted, when there are no more. */
static inline bool budget_take(struct budget *b, uint64_t n)
{
	if (b->steps < n) {
		b->steps = 0;
		b->hit = LIMIT_STEPS;
		return false;
	}
	b->steps -= n;
	return true;
}

/* What the limit is called in messages: "automaton states"… */
const char *limit_name(enum limit l);

#endif
