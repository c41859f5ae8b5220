/* SPDX-License-Identifier: Apache-2.0 */
/* nfa: a regular expression with its repetitions written out, one node per position. Lives in
 * malloc'd memory, as long as an automaton is being made of it. */
#ifndef WEIR_REGULAR_NFA_H
#define WEIR_REGULAR_NFA_H

#include "budget.h"
#include "re.h"

enum nfa_kind {
	NFA_BYTE, /* a byte of re->set, then <x> */
	NFA_LOOK, /* re->before and re->after hold here, then <x> */
	NFA_SPLIT, /* <x> or <y> */
	NFA_JUMP, /* <x> */
	NFA_MATCH
};

struct nfa_node {
	enum nfa_kind kind;
	uint32_t x, y;
	const struct re *re; /* BYTE, LOOK */
};

struct nfa {
	struct nfa_node *nodes;
	uint32_t n, cap, start, match;
};

/* False: more than b->positions nodes. Either way nfa_free() releases what <nfa> holds. */
bool nfa_make(struct nfa *nfa, const struct re *re, struct budget *b);
void nfa_free(struct nfa *nfa);

/* A node behind those there are. False: as nfa_make(). */
bool nfa_add(struct nfa *nfa, struct nfa_node node, struct budget *b);

/* Splits [0,256) into classes of bytes that <set> does not tell apart; <class_of> and <n> hold
 * the classes so far (at first n = 1, all 0). */
void nfa_refine(uint8_t class_of[256], uint32_t *n, const struct byteset *set);

#endif
