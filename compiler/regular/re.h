/* SPDX-License-Identifier: Apache-2.0 */
/* re: regular expressions as trees. The reader takes PCRE2 syntax on bytes with the options that
 * the proxy compiles with ("." any byte, "$" the very end, never UTF) and answers what PCRE2 would:
 * the language of subjects in which the expression matches somewhere. */
#ifndef WEIR_REGULAR_RE_H
#define WEIR_REGULAR_RE_H

#include "../../runtime/base/arena.h"
#include "byteset.h"

#define RE_FOREVER UINT32_MAX
#define RE_DEPTH 250 /* nested groups, as many as PCRE2 takes */

enum re_kind {
	RE_EMPTY, /* the empty word */
	RE_SET, /* one byte of <set>, which may be empty: then nothing */
	RE_CAT, /* <kid> and those that follow it, one after the other */
	RE_ALT, /* one of <kid> and those that follow it */
	RE_REPEAT, /* <kid>, <min> to <max> times */
	RE_LOOK /* the empty word, between a byte that <before> takes and one that <after> does */
};

/* What may stand beside a place: a byte of <set>, or with <edge> the end of the subject. */
struct re_side {
	struct byteset set;
	bool edge;
};

struct re {
	enum re_kind kind;
	struct byteset set; /* SET */
	struct re_side before, after; /* LOOK */
	uint32_t min, max; /* REPEAT; <max> may be RE_FOREVER */
	struct re *kid; /* CAT, ALT, REPEAT */
	struct re *next; /* the next one of its parent */
};

/* The tree of <pattern>, which PCRE2 must have taken; <icase> and <freespace> are the value's
 * options. NULL: the pattern is opaque, and <why> says what makes it so (a sentence's end:
 * "a back reference"). Laziness and groups leave no trace, as they do not change what matches. */
const struct re *re_parse(struct arena *a, struct str pattern, bool icase, bool freespace,
			  struct str *why);

/* The same, with opaque parts left out: what it matches may well not match <pattern>, and the other
 * way round. NULL: it cannot be read. */
const struct re *re_near(struct arena *a, struct str pattern, bool icase, bool freespace);

/* Parts, for those who make trees of their own. <kids> are linked by next already. */
struct re *re_new(struct arena *a, enum re_kind kind);
struct re *re_set(struct arena *a, struct byteset set);
/* The bytes of <text> in order. */
struct re *re_text(struct arena *a, struct str text, bool icase);
struct re *re_list(struct arena *a, enum re_kind kind, struct re *kids);
struct re *re_repeat(struct arena *a, struct re *kid, uint32_t min, uint32_t max);
struct re *re_look(struct arena *a, struct re_side before, struct re_side after);

#define RE_ANY ((struct re_side) { BYTESET_ALL, true })
#define RE_EDGE ((struct re_side) { { { 0 } }, true })

#endif
