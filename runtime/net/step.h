/* SPDX-License-Identifier: Apache-2.0 */
/* step: an operation that may need several tries, as two bits. What is wanted is kept until it is
 * done, so that whoever is woken can go on with it. */
#ifndef WEIR_NET_STEP_H
#define WEIR_NET_STEP_H

#include <stdbool.h>

enum step {
	STEP_NONE = 0, /* not wanted */
	STEP_DONE = 1,
	STEP_WANTED = 2, /* not begun */
	STEP_STARTED = 3 /* begun, not done */
};

static inline bool step_desired(enum step s)
{
	return s != STEP_NONE;
}

static inline bool step_begun(enum step s)
{
	return s & 1;
}

static inline bool step_open(enum step s)
{
	return s & 2;
}

#endif
