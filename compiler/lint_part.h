/* SPDX-License-Identifier: Apache-2.0 */
/* lint_part: the passes of lint_program, and what they share with the findings that are proved. */
#ifndef WEIR_LINT_PART_H
#define WEIR_LINT_PART_H

#include "program.h"

/* S322: values and written texts that look like secrets. */
void lint_values(const struct program *p);

/* S308: delete of fields that frame messages. */
void lint_framing(const struct program *p);

/* P403: expressions that are plain texts. */
void lint_literals(const struct program *p);

/* P401, P402, P404, P405: expressions that may take long, and those that proofs do not see. */
void lint_regexes(struct arena *a, const struct program *p);
/* Calls <see> for each test below <e>; <positive>: no negation stands above it. */
void lint_each_test(const struct p_expr *e, bool positive,
		    void (*see)(const struct p_test *t, bool positive, void *arg), void *arg);

#endif
