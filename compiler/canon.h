/* SPDX-License-Identifier: Apache-2.0 */
/* canon: the canonical spelling of one statement, from its AST. It does not know lines, comments
 * or indentation: fmt does. Quotes stay where they were written, but names lose them. */
#ifndef WEIR_CANON_H
#define WEIR_CANON_H

#include "ast.h"
#include "lex.h"

/* Blanks of the text at which its line may be broken, and where columns are aligned. No text of a
 * site holds these bytes. */
#define CANON_BREAK '\1'
#define CANON_CLAUSE '\2' /* the better place to break at: before an action, before on */
#define CANON_KEPT '\3' /* the line was broken here */
#define CANON_COLUMN '\4' /* the next statements' texts begin in the same column here */

/* A statement that is no header, no include and no version line. <section> is where it stands. */
struct str canon_stmt(struct arena *a, const struct ast_stmt *s, enum section_kind section);
/* Words as they are, texts in double quotes: headers, includes. */
struct str canon_words(struct arena *a, const struct token *t, size_t n);
/* <s> on one line: the bytes above as blanks. */
struct str canon_line(struct arena *a, struct str s);

#endif
