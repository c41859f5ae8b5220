/* SPDX-License-Identifier: Apache-2.0 */
/* keyword: the words of the language, from the tables in grammar/, and the shortening of option
 * keywords. */
#ifndef WEIR_KEYWORD_H
#define WEIR_KEYWORD_H

#include "ast.h"

/* Kind of the section that header <word> opens; SEC_FILE when it is no header. */
enum section_kind keyword_section(struct str word);
/* The header word of <kind>. */
const char *keyword_header(enum section_kind kind);
/* Token of a word that has a meaning of its own in rule lines, else 0. Words are case sensitive. */
int keyword_token(struct str word);
/* True for on, unless, not, if, then: values only in quotes. */
bool keyword_reserved(struct str word);
bool keyword_operator(struct str word);
bool keyword_action(struct str word);
/* Does a statement that begins with <word> hold tokens of a rule: direction, "if", or an action
 * whose direction is left out? */
bool keyword_starts_rule(struct str word);
/* True for a subject's name, len and count, in any case, with or without "req." before it. With
 * <alone> only for those that take no argument: the others are ordinary words without their
 * bracket. */
bool keyword_subject(struct str name, bool alone);

enum keyword_result { KEYWORD_NONE, KEYWORD_FOUND, KEYWORD_AMBIGUOUS, KEYWORD_INCOMPLETE };

#define KEYWORD_LIST 12 /* candidates kept for the message */

struct keyword_match {
	enum keyword_result result;
	int id; /* enum option_id, of the row that stands for all spellings of it */
	size_t used; /* words that the keyword took, or that fit so far */
	size_t ncandidates; /* AMBIGUOUS, INCOMPLETE */
	struct str candidates[KEYWORD_LIST];
};

/* Finds the option keyword at the start of <words>. A keyword of one word is never shortened;
 * the words of longer ones may each be a prefix that fits only one keyword; an exact word wins
 * over being a prefix. */
struct keyword_match keyword_option(const struct str *words, size_t n);
/* The whole keyword of an option. */
struct str keyword_option_name(int id);

/* Nearest header, direction or option keyword; nearest action; nearest subject; or empty. */
struct str keyword_near_statement(struct str word);
struct str keyword_near_action(struct str word);
struct str keyword_near_subject(struct str word);

#endif
