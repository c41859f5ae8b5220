/* SPDX-License-Identifier: Apache-2.0 */
/* expect: does an outcome have what a word of "expect" (request.h) says? */
#ifndef WEIR_EXPECT_H
#define WEIR_EXPECT_H

#include "interp.h"

/* What the outcome has where <e> looks; p NULL: nothing. <ok> says whether it is what was
 * expected. */
struct str expect_look(struct arena *a, const struct program *p, const struct outcome *o,
		       const struct expectation *e, bool *ok);

#endif
