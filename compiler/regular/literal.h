/* SPDX-License-Identifier: Apache-2.0 */
/* literal: tests of a subject against a fixed text. A value that costs nothing to make; its
 * automaton is made when it is asked for. */
#ifndef WEIR_REGULAR_LITERAL_H
#define WEIR_REGULAR_LITERAL_H

#include "dfa.h"

enum literal_kind {
	LITERAL_EQ, /* the subject is <text> */
	LITERAL_PRE, /* begins with it */
	LITERAL_SUF, /* ends with it */
	LITERAL_SUB, /* holds it */
	LITERAL_WORD /* holds it between two bytes of <delims> or ends of the subject */
};

struct literal {
	enum literal_kind kind;
	bool icase;
	/* PRE, SUF: the cut must be at a byte of <delims>, on either side, or at the subject's end. */
	bool bound;
	struct byteset delims; /* WORD and <bound> */
	struct str text;
};

bool literal_matches(const struct literal *l, struct str subject);
const struct dfa *literal_dfa(struct arena *a, const struct literal *l, struct budget *b);
/* Does <re>, searched, test for one of a few fixed texts? Reads the tree only. Fills <out>, at
 * most <max>, and returns how many; 0: no, or more than <max>. */
unsigned regex_as_literals(struct arena *a, const struct re *re, struct literal *out, unsigned max);
/* Is <d> the language of one EQ, PRE, SUF or SUB? Looks at the language, however it was written. */
bool dfa_as_literal(struct arena *a, const struct dfa *d, struct literal *out);

#endif
