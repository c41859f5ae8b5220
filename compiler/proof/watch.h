/* SPDX-License-Identifier: Apache-2.0 */
/* watch: finds the atoms that hold for a value without asking each: fixed texts by hash, expressions
 * by a text that each of their matches holds, networks by their prefix. Cost of one value: its
 * length times the number of different lengths of texts, and the atoms found. */
#ifndef WEIR_PROOF_WATCH_H
#define WEIR_PROOF_WATCH_H

#include "model.h"

/* Adds <x> to the index of its field. */
void watch_add(struct proof *g, struct atom *x);
/* Fills v->trues with the watched atoms of <f> that hold for <v>. */
void watch_find(struct proof *g, struct arena *a, struct proof_field *f, struct value *v);
/* The same for <v>, which has the occurrences of both values <from>; what it gets is in <a>, what they
 * get in <keep>, which lasts as long as they do. */
void watch_both(struct proof *g, struct arena *keep, struct arena *a, struct proof_field *field,
		struct value *v, struct value *const from[2]);
/* How few values an atom has, small first: which literal of a conjunction should be watched. */
unsigned watch_rank(const struct atom *x);

#define WATCH_NEEDLE 64
/* The longest text found, in lower case, that each match of <r> holds: one run of bytes, in <room>;
 * empty: none. <at_start>: each match is of a subject that begins with it. */
struct str watch_needle(struct proof *g, const struct p_regex *r, char room[WATCH_NEEDLE],
			bool *at_start);

#endif
