/* SPDX-License-Identifier: Apache-2.0 */
/* redos: expressions on which a matcher that tries one way after the other may need time
 * exponential in the length of the subject. */
#ifndef WEIR_REGULAR_REDOS_H
#define WEIR_REGULAR_REDOS_H

#include "dfa.h"

#define REDOS_POSITIONS 200 /* larger expressions are not looked at: LIMIT */

/* Is there a text that a part of <re> can read in two ways, coming back to where it began? Then
 * each copy of it doubles the ways, and YES leaves it in <pump>. Looks at neighbouring bytes are
 * taken to hold, and matchers may have shortcuts, so YES is a warning; NO is exact. */
enum answer redos_exponential(struct arena *a, const struct re *re, struct budget *b,
			      struct str *pump);

#endif
