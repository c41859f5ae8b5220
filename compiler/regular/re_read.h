/* SPDX-License-Identifier: Apache-2.0 */
/* re_read: what the parts of the reader of regular expressions share. Private to re_*.c. */
#ifndef WEIR_REGULAR_RE_READ_H
#define WEIR_REGULAR_RE_READ_H

#include "re.h"

/* Settings that (?…) changes, up to the end of the group. */
struct re_mode {
	bool icase, dotall, lines, free, free_class, unnumbered;
};

struct re_reader {
	struct arena *a;
	const char *p, *end;
	struct re_mode mode;
	unsigned depth, groups;
	bool quoting; /* behind \Q */
	bool reset; /* there was (?|, which numbers groups anew */
	bool near; /* what is opaque is left out */
	struct str why; /* opaque, when not empty */
};

static inline bool re_sees(const struct re_reader *r, struct str text)
{
	return str_starts(str_of(r->p, (size_t)(r->end - r->p)), text);
}

static inline bool re_takes(struct re_reader *r, struct str text)
{
	bool seen = re_sees(r, text);

	r->p += seen ? text.n : 0;
	return seen;
}

/* Makes the pattern opaque, or leaves the part out. */
static inline struct re *re_opaque(struct re_reader *r, struct str why)
{
	if (r->near)
		return re_new(r->a, RE_EMPTY);
	if (!r->why.n)
		r->why = why;
	return NULL;
}

/* The set of \d, \D, \h, \H, \s, \S, \v, \V, \w, \W, by its letter. False: no such. */
bool re_class_letter(char letter, struct byteset *set);
struct byteset re_word_bytes(void);
/* The class behind "[". */
struct re *re_class(struct re_reader *r);
/* A byte from the escape behind "\", which is none of the letters above; -1: it is none that
 * stands for a byte, and nothing was read. */
int re_escaped_byte(struct re_reader *r, bool in_class);

/* What (?>…) makes of its body, and "+" of a repetition: the first way to match is kept. Opaque
 * where that may lose a match that a later way would give. */
struct re *re_atomic(struct re_reader *r, struct re *body);
struct re *re_possessive(struct re_reader *r, struct re *kid, uint32_t min, uint32_t max);
/* \R: once it took CR LF it never gives back the LF. */
struct re *re_newline(struct re_reader *r);
/* Is <re> one byte of a set? */
bool re_as_set(const struct re *re, struct byteset *set);

#endif
