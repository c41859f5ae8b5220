/* SPDX-License-Identifier: Apache-2.0 */
/* fmt: the canonical form of one file: spelling (canon.h), indentation, columns, blank lines and
 * the breaking of long lines. Comments stay where they are; includes are not followed. The form
 * is described in docs/fmt.md. */
#ifndef WEIR_FMT_H
#define WEIR_FMT_H

#include "ast.h"

#define FMT_WIDTH 100 /* columns; what cannot be broken may be longer */

/* The form of <text>, which is the arena's; <name> is for messages. False when the text has
 * mistakes, which are reported, or when the result would not mean the same (a fault of weir, said
 * in E035). Starts a new source set. */
bool fmt_text(struct arena *a, struct str name, struct str text, struct str *out);
/* The same for source <file> of this set, which has been parsed without mistakes; the result is not
 * read again. */
struct str fmt_source(struct arena *a, uint32_t file);
/* Line, from 1, where <a> and <b> begin to differ; 0: nowhere. */
uint32_t fmt_first_difference(struct str a, struct str b);

#endif
