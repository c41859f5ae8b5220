/* SPDX-License-Identifier: Apache-2.0 */
/* comment: where the comment of a source line is, for what reads comments or wants lines without
 * them. It looks at one line alone and reports nothing. */
#ifndef WEIR_COMMENT_H
#define WEIR_COMMENT_H

#include "../runtime/base/arena.h"

/* Offset of the '#' that begins the comment of <line>, which a LF follows; line.n when there is
 * none. */
size_t comment_start(struct str line);
/* <line> without its comment, blanks between its words joined to one. */
struct str comment_without(struct arena *a, struct str line);

#endif
