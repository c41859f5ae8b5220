/* SPDX-License-Identifier: Apache-2.0 */
/* ast_dump: prints the AST, one statement a line. The same AST gives the same bytes. */
#ifndef WEIR_AST_DUMP_H
#define WEIR_AST_DUMP_H

#include <stdio.h>

#include "ast.h"

void ast_dump(const struct ast *a, FILE *out);
/* The same without lines and without the delimiters of values: texts that mean the same give the
 * same bytes. */
void ast_dump_meaning(const struct ast *a, FILE *out);

#endif
