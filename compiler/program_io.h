/* SPDX-License-Identifier: Apache-2.0 */
/* program_io: the text form's tokens, one set of functions for both ways. Each io_ function
 * either writes a field or reads
 * it, so that a struct is described once (program_form.c) and writer and reader cannot differ. A
 * field is "KEY VALUE" and is
 * left out when it is zero; fields have a fixed order; "(" and ")" enclose a struct; the line
 * break is a blank to the reader.
 * Reading never fails midway: the first mistake is kept in <why>, and from then on every
 * function does nothing. */
#ifndef WEIR_PROGRAM_IO_H
#define WEIR_PROGRAM_IO_H

#include <stdio.h>

#include "../runtime/base/arena.h"

#define PIO_DEPTH_MAX 1000 /* nesting of "(" */
#define PIO_ITEMS_MAX (16u << 20) /* elements of all lists of a program */

/* What a reference is to. */
enum pio_kind {
	REF_SECTION,
	REF_ACL,
	REF_SUBJECT,
	REF_REGEX,
	REF_PARAM,
	REF_SET,
	REF_MAP,
	REF_KINDS
};

struct pio_slot;

struct pio {
	FILE *out; /* writing, else NULL */
	bool places; /* write places (a comparison of contents leaves them out) */
	struct arena *arena;
	const char *p, *end;
	struct str tok; /* the next token, as written; empty at the end */
	struct str why;
	unsigned line, depth;
	uint32_t items;
	/* writing: by index, how many of that name come before; NULL: all 0 */
	const uint32_t *nth[REF_KINDS];
	struct pio_slot *slots; /* what references are found in */
	size_t nslots, used;
};

static inline bool io_reading(const struct pio *io)
{
	return io->out == NULL;
}

/* Starts reading <text>, whose strings go to <a>. */
void io_open(struct pio *io, struct arena *a, struct str text);
bool io_failed(const struct pio *io);
/* Keeps the sentence "line N: <text>" unless there is one already. */
void io_fail(struct pio *io, const char *text);

/* Writing: writes <word> and returns <present> if it is. Reading: takes the next token if it is
 * <word>. */
bool io_key(struct pio *io, const char *word, bool present);
/* Line that begins with <word>; like io_key, on a new line indented by <depth>. */
bool io_line(struct pio *io, unsigned depth, const char *word, bool present);
/* "(" and ")". */
bool io_begin(struct pio *io);
void io_end(struct pio *io);
/* True while reading and a ")" or the end of the text comes next. */
bool io_at_end(const struct pio *io);

void io_str(struct pio *io, const char *key, struct str *s);
void io_flag(struct pio *io, const char *key, bool *b);
void io_num(struct pio *io, const char *key, int64_t *n, int64_t min, int64_t max);
/* The bare value, without key. */
void io_value_str(struct pio *io, struct str *s);
void io_value_num(struct pio *io, int64_t *n, int64_t min, int64_t max);
void io_value_word(struct pio *io, int *index, const char *const *words, int n);
/* Number of elements "[N" to "]" of a list whose elements take <size> bytes; on reading checks
 * it against the text that is left. */
uint32_t io_count(struct pio *io, const char *key, uint32_t n);

/* A field of any integer type, between the bounds. */
#define IO_NUM(io, key, field, min, max)                                                           \
	do {                                                                                       \
		int64_t v_ = (int64_t)(field);                                                     \
		io_num((io), (key), &v_, (min), (max));                                            \
		if (io_reading(io))                                                                \
			(field) = (__typeof__(field))v_;                                           \
	} while (0)

/* A list: count in <n>, elements in <list>, of which each is passed to <each>. */
#define IO_LIST(io, key, n, list, each, ...)                                                       \
	do {                                                                                       \
		(n) = io_count((io), (key), (n));                                                  \
		if (io_reading(io))                                                                \
			(list) = (n) ? arena_get((io)->arena, (n) * sizeof(*(list))) : NULL;       \
		for (uint32_t i_ = 0; i_ < (n) && !io_failed(io); i_++)                            \
			each((io), &(list)[i_], ##__VA_ARGS__);                                    \
	} while (0)

/* Reading only: the text of the token or bracket group that comes next, not taken. */
struct str io_span(struct pio *io);
/* Takes what io_span returned. */
void io_skip(struct pio *io, struct str span);
/* Remembers that <span> names <object>. False when there is one of that name. */
bool io_define(struct pio *io, enum pio_kind kind, struct str span, void *object);
void *io_lookup(const struct pio *io, enum pio_kind kind, struct str span);

#endif
