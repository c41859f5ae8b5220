/* SPDX-License-Identifier: Apache-2.0 */
/* domain: names of hosts that are written in regular expressions. A guess at what was meant. */
#ifndef WEIR_PROOF_DOMAIN_H
#define WEIR_PROOF_DOMAIN_H

#include "../../runtime/base/arena.h"

struct domain {
	struct str name; /* dots that match any byte are dots here */
	size_t wild_at; /* offset in <name> of the first such dot */
	bool has_wild;
};

/* A letter, a digit or "-". */
bool domain_label_byte(char c);
/* The next name of two labels and more in <s> from <*from>, which moves behind it. */
bool domain_next(struct arena *a, struct str s, size_t *from, struct domain *d);
/* <s> with a \ before each dot between the letters of labels. */
struct str domain_dots_escaped(struct arena *a, struct str s);

#endif
