/* SPDX-License-Identifier: Apache-2.0 */
/* ast_dump: prints the AST, one statement a line. The same AST gives the same bytes. */
#ifndef WEIR_AST_DUMP_H
#define WEIR_AST_DUMP_H

#include <stdio.h>

#include "ast.h"

void ast_dump(const struct ast *a, FILE *out);

#endif
