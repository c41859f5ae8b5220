/* SPDX-License-Identifier: Apache-2.0 */
/* udiff: two texts as a unified diff of lines. Exact up to UDIFF_EDITS differing lines; beyond, the
 * differing middle is shown as one change. */
#ifndef WEIR_UDIFF_H
#define WEIR_UDIFF_H

#include <stdio.h>

#include "ast.h"

#define UDIFF_EDITS 2000

/* Prints what makes <b> of <a>, or nothing when they are equal. <name> stands in the head. */
void udiff(struct arena *arena, FILE *out, struct str name, struct str a, struct str b);

#endif
