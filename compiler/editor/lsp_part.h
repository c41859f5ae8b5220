/* SPDX-License-Identifier: Apache-2.0 */
/* lsp_part: what the parts of the server share. Private to lsp*.c. */
#ifndef WEIR_EDITOR_LSP_PART_H
#define WEIR_EDITOR_LSP_PART_H

#include <stdio.h>

#include "json.h"
#include "names.h"

/* An open buffer. */
struct doc {
	struct doc *next;
	struct str uri, path, text; /* of malloc() */
	struct str *includes; /* paths of the files that it took when last looked at; of malloc() */
	size_t nincludes;
};

struct server {
	FILE *out;
	struct doc *docs;
	size_t ndocs;
	struct str *told; /* paths with diagnostics at the client; of malloc() */
	size_t ntold;
	bool ready, down;
};

/* A request about a place in a document. All memory is of <arena> and of the source set. */
struct query {
	struct arena *arena;
	const struct json *params;
	const struct doc *doc; /* NULL: not open */
	struct ast *ast; /* of the site that <doc> belongs to */
	uint32_t file; /* of <doc> in the source set */
	struct at at; /* the place; len 0 */
	struct str line; /* its line */
	struct names names;
	FILE *out; /* the result's JSON goes there */
};

struct doc *lsp_doc(const struct server *s, struct str uri);
/* The document to read <doc>'s site from: one that includes it, or itself. */
const struct doc *lsp_root(const struct server *s, const struct doc *doc);
/* A message without an answer: {"jsonrpc":"2.0",<body>}. */
void lsp_send(const struct server *s, struct str body);

/* Reads all open sites and tells the client what is wrong with them. */
void lsp_check(struct server *s);
/* Reads the site of <root> and makes its reports, as weir lint would show them. */
void lsp_lint(struct arena *a, const struct doc *root);

/* Each prints the result of one request. */
void lsp_hover(const struct query *q);
void lsp_definition(const struct query *q);
void lsp_references(const struct query *q);
/* NULL, or why not. */
const char *lsp_rename(const struct query *q);
void lsp_symbols(const struct query *q);
void lsp_format(const struct query *q);
void lsp_complete(const struct query *q);
void lsp_fixes(const struct query *q, const struct doc *root);

/* The option statement, or any other, that begins on the query's line; NULL: none. */
const struct ast_stmt *lsp_stmt(const struct query *q, const struct ast_section **section);

#endif
