/* SPDX-License-Identifier: Apache-2.0 */
/* bug: checks of what only a defect of Weir can break. BUG_ON stays in every build (cost: one
 * branch); it prints place and condition and aborts. Never used for bad input. */
#ifndef WEIR_BASE_BUG_H
#define WEIR_BASE_BUG_H

_Noreturn void bug_stop(const char *file, int line, const char *cond);

#define BUG_ON(cond)                                                                               \
	do {                                                                                       \
		if (__builtin_expect(!!(cond), 0))                                                 \
			bug_stop(__FILE__, __LINE__, #cond);                                       \
	} while (0)

#endif
