/* SPDX-License-Identifier: Apache-2.0 */
/* clash: pairs of conditions that no request satisfies both of, seen from their texts alone. Most
 * pairs of rules that have nothing to do with each other fall here, at the cost of comparing a few
 * words; the others are a question for a search. */
#ifndef WEIR_PROOF_CLASH_H
#define WEIR_PROOF_CLASH_H

#include "context.h"

/* Is it plain that no request satisfies both? */
bool conj_clash(struct proof *g, const struct conj *x, const struct conj *y);
bool dnf_clash(struct proof *g, const struct dnf *x, const struct dnf *y);

/* What the conditions of a list say of the starts and ends of the fields they test most. */
struct clash_table;

/* Made once for a list; lasts as long as the proof. */
const struct clash_table *clash_table(struct proof *g, const struct context *c);
/* Is it plain that no request satisfies the conditions of both rules of the list? */
bool clash_rules(struct proof *g, const struct clash_table *t, uint32_t x, uint32_t y);

/* A table for each of the <n> lists, about the same fields, so that they can be compared. */
const struct clash_table *clash_tables(struct proof *g, const struct context *const *c, uint32_t n);
const struct clash_table *clash_table_at(const struct clash_table *t, uint32_t i);
/* Do the tables of clash_tables() say that no request satisfies the conditions of rule <x> of one
 * list and of rule <y> of the other? */
bool clash_between(const struct clash_table *t, uint32_t x, const struct clash_table *u,
		   uint32_t y);

#endif
