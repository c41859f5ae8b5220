/* SPDX-License-Identifier: Apache-2.0 */
/* subject: the text of a subject with its converters, NAME or NAME(argument,...)|CONVERTER...,
 * to its AST. The same in rule lines, in option values and in %{...} of written texts. Names
 * are not looked up here. */
#ifndef WEIR_SUBJECT_H
#define WEIR_SUBJECT_H

#include "ast.h"

/* <at> is the place of <text>, which stands on one line. NULL, and E034 reported, when it is no
 * subject. */
struct ast_subject *subject_parse(struct arena *a, struct str text, struct at at);

#endif
