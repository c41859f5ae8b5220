/* SPDX-License-Identifier: Apache-2.0 */
/* dfa_raw: an automaton while it is being made. Private to compiler/regular/. */
#ifndef WEIR_REGULAR_DFA_RAW_H
#define WEIR_REGULAR_DFA_RAW_H

#include "dfa.h"

/* Complete, in malloc'd memory. */
struct dfa_raw {
	uint32_t n, cap, k; /* states, room for them, classes */
	uint16_t start;
	uint8_t class_of[256];
	uint16_t *next; /* [state * k + class] */
	uint8_t *accept;
};

void dfa_raw_init(struct dfa_raw *r, const uint8_t class_of[256], uint32_t k);
void dfa_raw_free(struct dfa_raw *r);
/* A new state with all transitions to itself; DFA_NO_STATE and b->hit when there are too many. */
uint16_t dfa_raw_state(struct dfa_raw *r, struct budget *b);
/* Merges states that accept the same, <minimal> tells that there are none; then the canonical
 * form. Frees <r>. NULL: out of steps. */
const struct dfa *dfa_raw_finish(struct arena *a, struct dfa_raw *r, bool minimal,
				 struct budget *b);
/* For each state of <r> its block: states of a block accept the same (dfa_minimise.c). Returns the
 * number of blocks. */
uint32_t dfa_raw_blocks(const struct dfa_raw *r, uint16_t *block);
/* The automaton of <nfa>, which stays the caller's; <search>: of the subjects in which it matches
 * somewhere. */
struct nfa;
const struct dfa *dfa_of_nfa(struct arena *a, const struct nfa *nfa, bool search, struct budget *b);
/* What struct dfa keeps in hash. */
uint32_t dfa_hash(const struct dfa *d);
/* A byte of each class. */
void dfa_bytes_of(const uint8_t class_of[256], uint8_t *byte);

/* malloc and calloc that never return NULL. */
void *dfa_room(size_t n, size_t size);
void *dfa_more_room(void *p, size_t n, size_t size);

#endif
