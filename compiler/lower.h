/* SPDX-License-Identifier: Apache-2.0 */
/* lower: AST to rule program. The middle of the compiler, in the order of its passes:
 * resolve_names, resolve_options, option_settings, resolve_links, option_lines, option_binds,
 * lower_tables, lower_rules, check_flow. */
#ifndef WEIR_COMPILER_LOWER_H
#define WEIR_COMPILER_LOWER_H

#include "program.h"

/* The program of <ast>, in <a>'s memory, with the files of the current source set. NULL when any
 * error has been reported, by this pass or before; what can be checked is checked all the same. Not
 * thread-safe. */
struct program *lower(struct arena *a, const struct ast *ast);

#endif
