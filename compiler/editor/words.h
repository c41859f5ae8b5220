/* SPDX-License-Identifier: Apache-2.0 */
/* words: the words of the language with a sentence on each, from the tables in grammar/. */
#ifndef WEIR_EDITOR_WORDS_H
#define WEIR_EDITOR_WORDS_H

#include "../ast.h"

enum word_kind {
	WORD_HEADER,
	WORD_STATEMENT, /* that is no option and no header: req, acl, include... */
	WORD_OPTION,
	WORD_ACTION,
	WORD_SUBJECT,
	WORD_CONVERTER,
	WORD_OPERATOR
};

struct word {
	enum word_kind kind;
	const char *word;
	const char *where; /* OPTION: owners; ACTION, SUBJECT: rule lists; as in the tables */
	const char *value; /* OPTION: default, or empty */
	const char *doc;
	bool call; /* SUBJECT, CONVERTER: takes an argument */
};

extern const struct word words[];
extern const size_t words_count;

/* The row of <text>, subjects in any case; NULL: none. */
const struct word *words_find(enum word_kind kind, struct str text);

#endif
