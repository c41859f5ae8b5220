/* SPDX-License-Identifier: Apache-2.0 */
/* misparse: says what is wrong with a statement that does not parse, and what to write instead.
 * With build_misparse() and build_too_deep() of build.h, which the parser calls. One report a
 * statement. */
#ifndef WEIR_MISPARSE_H
#define WEIR_MISPARSE_H

#include "keyword.h"
#include "lex.h"

/* A statement of plain words whose keyword is none: <m> tells why. <n> at least 1. Returns the
 * kind of section that it was probably meant to open, or SEC_FILE. */
enum section_kind misparse_statement(struct arena *a, const struct token *t, size_t n,
				     const struct keyword_match *m);

#endif
