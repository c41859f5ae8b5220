/* SPDX-License-Identifier: Apache-2.0 */
/* dfa: languages of byte strings as deterministic automata. Each is complete, minimal and in one
 * canonical form, so that equal languages have equal tables: dfa_equal() is a comparison of memory.
 * Immutable once made; owned by the arena that the maker was given; may be read by any thread.
 * A maker may return one of its arguments; it returns NULL when a limit of <b> is met
 * (b->hit says which). */
#ifndef WEIR_REGULAR_DFA_H
#define WEIR_REGULAR_DFA_H

#include "budget.h"
#include "re.h"

#define DFA_STATES_MAX 65000
#define DFA_NO_STATE UINT16_MAX
#define DFA_FOREVER UINT32_MAX

struct dfa {
	uint32_t nstates; /* 1 or more; state 0 is the start */
	uint32_t nclasses; /* 1 to 256 */
	uint32_t hash; /* of all that follows: equal languages have equal hashes */
	uint16_t dead; /* from here nothing is accepted, or DFA_NO_STATE */
	uint16_t full; /* from here everything is accepted, or DFA_NO_STATE */
	uint8_t class_of[256]; /* bytes of a class are treated alike everywhere */
	const uint16_t *next; /* [state * nclasses + class] */
	const uint8_t *accept; /* [state], 0 or 1 */
};

static inline uint16_t dfa_step(const struct dfa *d, uint16_t state, uint8_t c)
{
	return d->next[state * d->nclasses + d->class_of[c]];
}

/* State behind <s> from <state>. */
uint16_t dfa_run(const struct dfa *d, uint16_t state, struct str s);
bool dfa_accepts(const struct dfa *d, struct str s);

/* ---- makers ---- */

const struct dfa *dfa_none(struct arena *a); /* no string */
const struct dfa *dfa_all(struct arena *a); /* every string */
/* Subjects in which <re> matches somewhere. */
const struct dfa *dfa_search(struct arena *a, const struct re *re, struct budget *b);
/* The same of a pattern as a site has it, within BUDGET_REGEX, of whose steps it takes at most
 * *<steps>, and takes off what it used: what the binary decides by a table (compiler/decide/regex.c)
 * and the interpreter where its matcher gives up. NULL: it is opaque, or its table would have more
 * than DFA_TABLE_BYTES. */
const struct dfa *dfa_of_pattern(struct arena *a, struct str pattern, bool icase, bool freespace,
				 uint64_t *steps);
#define DFA_TABLE_BYTES 65536
/* Bytes of a table of cells as narrow as they can be. */
static inline size_t dfa_table_bytes(uint32_t nstates, uint32_t nclasses)
{
	return (size_t)nstates * nclasses * (nstates > 256 ? 2 : 1);
}
/* Strings that <re> matches from start to end. */
const struct dfa *dfa_whole(struct arena *a, const struct re *re, struct budget *b);
/* Strings of bytes of <set>, <min> to <max> of them (DFA_FOREVER: no upper bound). */
const struct dfa *dfa_bytes(struct arena *a, struct byteset set, uint32_t min, uint32_t max,
			    struct budget *b);

/* ---- algebra ---- */

const struct dfa *dfa_complement(struct arena *a, const struct dfa *d);
const struct dfa *dfa_intersection(struct arena *a, const struct dfa *x, const struct dfa *y,
				   struct budget *b);
const struct dfa *dfa_union(struct arena *a, const struct dfa *x, const struct dfa *y,
			    struct budget *b);
const struct dfa *dfa_difference(struct arena *a, const struct dfa *x, const struct dfa *y,
				 struct budget *b);
/* x y: a string of <x> followed by one of <y>. */
const struct dfa *dfa_concat(struct arena *a, const struct dfa *x, const struct dfa *y,
			     struct budget *b);
/* <p> before each string of <d>; each string of <d> before <s>. */
const struct dfa *dfa_prepend(struct arena *a, struct str p, const struct dfa *d, struct budget *b);
const struct dfa *dfa_append(struct arena *a, const struct dfa *d, struct str s, struct budget *b);
const struct dfa *dfa_reverse(struct arena *a, const struct dfa *d, struct budget *b);
/* p\d: what may follow <p> in a string of <d>. d/s: what may stand before <s>. */
const struct dfa *dfa_left_quotient(struct arena *a, struct str p, const struct dfa *d);
const struct dfa *dfa_right_quotient(struct arena *a, const struct dfa *d, struct str s,
				     struct budget *b);

/* The map that puts <to> in the place of a leading <from>, where what follows is in <rest> (NULL:
 * anything), and leaves all other strings alone. */
struct dfa_prefix_map {
	struct str from, to;
	bool icase; /* of <from> */
	const struct dfa *rest;
};
/* Strings that the map takes into <d>; strings to which it takes those of <d>. */
const struct dfa *dfa_map_preimage(struct arena *a, const struct dfa *d,
				   const struct dfa_prefix_map *map, struct budget *b);
const struct dfa *dfa_map_image(struct arena *a, const struct dfa *d,
				const struct dfa_prefix_map *map, struct budget *b);

/* ---- questions: none costs more than the size of its tables ---- */

bool dfa_equal(const struct dfa *x, const struct dfa *y);
static inline bool dfa_is_none(const struct dfa *d)
{
	return d->dead == 0;
}
static inline bool dfa_is_all(const struct dfa *d)
{
	return d->full == 0;
}

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_LIMIT };
/* Is each string of <x> in <y>? Have they one in common? */
enum answer dfa_included(const struct dfa *x, const struct dfa *y, struct budget *b);
enum answer dfa_meets(const struct dfa *x, const struct dfa *y, struct budget *b);
/* The only string of <d>, when it has exactly one. */
bool dfa_only_word(struct arena *a, const struct dfa *d, struct str *word);

#endif
