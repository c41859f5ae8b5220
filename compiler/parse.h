/* SPDX-License-Identifier: Apache-2.0 */
/* parse: the text of a site, includes resolved, to its AST. Requires nothing; leaves every
 * statement that parses, in text order, and a report for each that does not. No name is looked
 * up but option keywords. */
#ifndef WEIR_PARSE_H
#define WEIR_PARSE_H

#include "ast.h"

#define PARSE_DEPTH_MAX 64 /* includes within includes */

/* Parses the site file <path>; "std/NAME" is found in <stdlib_dir> (NULL: nowhere). Never NULL;
 * look at diag_errors(). Starts a new source set. */
struct ast *parse_site(struct arena *a, const char *path, const char *stdlib_dir);
/* The same for <text> from memory, shown as <name> in messages. Files cannot be included from
 * there. */
struct ast *parse_text(struct arena *a, struct str name, struct str text);

#endif
