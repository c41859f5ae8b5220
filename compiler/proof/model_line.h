/* SPDX-License-Identifier: Apache-2.0 */
/* model_line: what the parts of the request line's model share. Private to model_line.c, which
 * guesses, and model_target.c, which searches. */
#ifndef WEIR_PROOF_MODEL_LINE_H
#define WEIR_PROOF_MODEL_LINE_H

#include "model.h"

struct line {
	const struct group *gr;
	const struct demand *d;
	uint32_t *lits; /* room for all of them, twice */
	bool *opaque;
};

struct proof_field *line_field(const struct group *gr, enum subject_id id);
/* Literals of the fields with subject <id>, into <out>; returns how many. */
uint32_t line_lits(const struct solver *s, const struct line *l, enum subject_id id, uint32_t *out);
uint32_t line_positive(const uint32_t *lits, uint32_t n);
/* Fills the fields from the texts of <m>; do all literals hold? */
bool line_fits(struct solver *s, struct model *m, const struct line *l);
/* m->meth that its own literals allow, CONNECT excepted. */
enum answer line_method(struct solver *s, struct model *m, struct line *l);
/* What the literals of <id> leave of the field's values, those aside that are opaque or met a limit.
 * NULL: a limit. */
const struct dfa *line_language(struct solver *s, const struct line *l, enum subject_id id);
/* Is there a request line, of any form, that satisfies all literals? <no_origin>: it is certain that
 * none of origin-form does. */
enum answer model_solve_target(struct solver *s, struct model *m, struct line *l, bool no_origin);

#endif
