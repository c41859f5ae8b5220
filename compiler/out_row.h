/* SPDX-License-Identifier: Apache-2.0 */
/* out_row: one table of a site as C initialisers, a row a line. Private to out. */
#ifndef WEIR_OUT_ROW_H
#define WEIR_OUT_ROW_H

#include <stdio.h>

#include "emit.h"

/* Writes "{ …rows… };" of table <t>. */
void out_rows(const struct emit *e, enum emit_table t, FILE *out);
/* A string literal of any bytes, in lines that end where the text has a line feed. */
void out_string(FILE *out, struct str s);
/* <s> where a comment may stand: at most <max> bytes, nothing that ends or opens one. */
void out_comment(FILE *out, struct str s, size_t max);

#endif
