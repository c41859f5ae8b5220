/* SPDX-License-Identifier: Apache-2.0 */
/* parse: the text of a site, includes resolved, to its AST. Requires nothing; leaves every
 * statement that parses, in text order, and a report for each that does not. No name is looked
 * up but option keywords. */
#ifndef WEIR_PARSE_H
#define WEIR_PARSE_H

#include "ast.h"
#include "lex.h"

#define PARSE_DEPTH_MAX 64 /* includes within includes */

/* Parses the site file <path>; "std/NAME" is found in <stdlib_dir> (NULL: nowhere). Never NULL;
 * look at diag_errors(). Starts a new source set. */
struct ast *parse_site(struct arena *a, const char *path, const char *stdlib_dir);
/* The same for <text> from memory, shown as <name> in messages. Files cannot be included from
 * there. */
struct ast *parse_text(struct arena *a, struct str name, struct str text);

/* One more source of the set, which holds one statement of a section of <kind>: the statement. NULL
 * after reports, or when the text is none. It is in no tree. */
struct ast_stmt *parse_statement(struct arena *a, struct str name, struct str text,
				 enum section_kind kind);

/* A statement as it stands in the text. */
struct parse_seen {
	const struct token *tokens; /* until the next one */
	size_t n;
	const struct ast_stmt *stmt; /* NULL: a header, an include, the version, or reported */
	enum section_kind section; /* where it stands; of a header: the one that it opens */
	bool header;
	const char *from, *to; /* its first line's start, the start of the line behind it */
	struct str comment; /* at its end, with the '#'; empty: none */
};
struct parse_watch {
	void (*seen)(void *arg, const struct parse_seen *s);
	void *arg;
};

/* Reads <text> as a new source set of one file, by itself: <watch> is told each statement, and
 * includes are not followed. */
struct ast *parse_alone(struct arena *a, struct str name, struct str text,
			const struct parse_watch *watch);
/* The same for a source of this set, once more. What it has reported is not reported again. */
struct ast *parse_again(struct arena *a, uint32_t file, const struct parse_watch *watch);

#endif
