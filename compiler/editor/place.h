/* SPDX-License-Identifier: Apache-2.0 */
/* place: the protocol's places (lines from 0, columns in UTF-16 units) and names of files, and the
 * compiler's. */
#ifndef WEIR_EDITOR_PLACE_H
#define WEIR_EDITOR_PLACE_H

#include <stdio.h>

#include "../ast.h"

/* Column, from 1 in bytes, of UTF-16 unit <units> of <line>; behind its end: its end. */
uint32_t place_column(struct str line, int64_t units);
/* UTF-16 units before byte <n> of <line>. */
uint32_t place_units(struct str line, size_t n);

/* {"start":…,"end":…} of <at>; of the whole line <line> (from 1) when <at>.len is 0. */
void place_put_range(FILE *out, struct at at);
/* {"uri":…,"range":…} */
void place_put_location(FILE *out, struct at at);

/* "file:///a%20b" to "/a b"; other schemes stay as they are. */
struct str place_path(struct arena *a, struct str uri);
/* The reverse, as a JSON string. A relative path is taken from the working folder. */
void place_put_uri(FILE *out, struct str path);

#endif
