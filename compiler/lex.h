/* SPDX-License-Identifier: Apache-2.0 */
/* lex: one statement's text to tokens. Linear in the text. Reports what it cannot read and goes
 * on behind the statement. What a word means in its place is the parser's business. */
#ifndef WEIR_LEX_H
#define WEIR_LEX_H

#include "ast.h"

#define LEX_LINE_MAX ((size_t)1 << 20) /* bytes of a statement with its continuation lines */

struct token {
	int kind; /* TOK_* of generated/grammar.h; among plain words TOK_WORD and TOK_STR only */
	char delim; /* TOK_STR: its delimiter */
	uint8_t opts; /* VAL_* */
	struct at at, opts_at;
	struct str text; /* as ast_value.text */
};

/* How a statement is read: by its first word, always as words, or as words unless it is an
 * include. */
enum lex_mode { LEX_STATEMENT, LEX_WORDS };

enum lex_result {
	LEX_EOF,
	LEX_GOT, /* tokens[0..n-1], n > 0 */
	LEX_BAD /* reported; tokens[] holds what was read, the first words at least */
};

/* Where the next value may be a regex between slashes. */
enum lex_regex { REGEX_NO, REGEX_VALUES, REGEX_SKIP, REGEX_ARG, REGEX_NEW };

struct lexer {
	struct arena *arena;
	const char *p, *end;
	const char *line_start;
	uint32_t file, line;
	const char *statement; /* start of the statement, for LEX_LINE_MAX */
	struct str comment; /* behind it, with the '#'; empty: none */
	struct token *tokens; /* of this statement; overwritten by the next */
	size_t n, room;
	bool words; /* reading plain words */
	enum lex_regex regex;
};

/* Starts to read source <file>. */
void lex_open(struct lexer *lx, struct arena *a, uint32_t file);
/* Reads the next statement; empty lines and comments are passed over. */
enum lex_result lex_statement(struct lexer *lx, enum lex_mode mode);

/* What stands between two <delim>s, with \<delim> as <delim>; all other escapes stay. */
struct str lex_undelimit(struct arena *a, struct str s, char delim);

/* For generated/lexer.c: the kinds of what stands at a place. */
enum piece {
	PIECE_END, /* LF */
	PIECE_BLANK,
	PIECE_JOIN /* continuation */,
	PIECE_COMMENT,
	PIECE_SEMI,
	PIECE_COMMA,
	PIECE_OPEN,
	PIECE_CLOSE,
	PIECE_BANG,
	PIECE_OP,
	PIECE_QUOTE,
	PIECE_SLASH,
	PIECE_COLON,
	PIECE_WORD
};
/* What stands at <*p>, where a token may begin. Leaves <*p> behind it, except at a word. A LF
 * must follow. */
enum piece lex_piece(const char **p);
/* End of the delimited text at <p> (the delimiter stands there), behind the closing one; NULL
 * when it has none. */
const char *lex_text(const char *p);
/* End of the bare word at <p>. In a <function> it may hold blanks and delimited texts within
 * brackets; NULL when a bracket or such a text has no end. With <map> it ends at a colon before
 * a quote. */
const char *lex_word(const char *p, bool function, bool map);

#endif
