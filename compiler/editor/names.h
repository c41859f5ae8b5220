/* SPDX-License-Identifier: Apache-2.0 */
/* names: where the names of a site are given and used, from its AST: also from one with mistakes. */
#ifndef WEIR_EDITOR_NAMES_H
#define WEIR_EDITOR_NAMES_H

#include "../ast.h"
#include "../symbol.h"

enum name_kind {
	NAME_SECTION,
	NAME_PROFILE,
	NAME_CHECKPOINT,
	NAME_SET,
	NAME_MAP,
	NAME_ACL,
	NAME_PARAM,
	NAME_FILE /* of an include */
};

struct name {
	enum name_kind kind;
	struct str text;
	struct at at; /* of the name alone */
	const struct ast_section *scope; /* ACL: the section that defines it; NULL: the site */
	const struct ast_section *section; /* that it stands in, or that it opens */
	const struct ast_stmt *stmt; /* that it stands in; NULL: a header */
	bool given; /* here, not used */
};

struct names {
	struct vec all; /* struct name, in text order of statements */
	const struct ast *ast;
};

void names_collect(struct arena *a, const struct ast *ast, struct names *out);
/* The name at line and column of <file>, or NULL. */
const struct name *names_at(const struct names *n, uint32_t file, uint32_t line, uint32_t col);
bool names_same(const struct name *a, const struct name *b);
/* Where <n> is given, or NULL. */
const struct name *names_given(const struct names *all, const struct name *n);

#endif
