/* SPDX-License-Identifier: Apache-2.0 */
/* order: the rules of a program in the order in which they run, for each way into the site. */
#ifndef WEIR_ORDER_H
#define WEIR_ORDER_H

#include "program.h"

/* Prints, for every section with a bind: its lists, the request rules that it can jump to, the
 * backends that they can choose with their lists, and what runs on the way back. Each section is
 * printed once a direction for each entry, where it is first reached. */
void order_print(struct arena *a, const struct program *p, FILE *out);

#endif
