/* SPDX-License-Identifier: Apache-2.0 */
/* settings: which option statement holds for each section, and where it stands: its own, one of a
 * profile, one of a section that it takes from, or the default. */
#ifndef WEIR_SETTINGS_H
#define WEIR_SETTINGS_H

#include "ast.h"

#include <stdio.h>

/* Prints all that <section> ("global" for that), or every section when it is empty, can state and
 * has a value for. <ast> is one of a site without errors, its files the current source set. False:
 * there is no such section. */
bool settings_print(struct arena *a, const struct ast *ast, struct str section, FILE *out,
		    bool json);

#endif
