/* SPDX-License-Identifier: Apache-2.0 */
/* emit_table: rows of one struct type of runtime/site.h, growing in an arena. Knows nothing of
 * what a row means. Rows are compared as bytes: callers zero them, padding included, before they
 * fill them. */
#ifndef WEIR_EMIT_TABLE_H
#define WEIR_EMIT_TABLE_H

#include "../runtime/base/arena.h"

struct table_run;

struct table {
	struct arena *arena;
	size_t size; /* of a row */
	uint32_t n, room;
	unsigned char *rows;
	struct table_run *runs; /* hash table of what table_put was given */
	uint32_t nruns, slots;
};

void table_init(struct table *t, struct arena *a, size_t size);
/* Appends <n> rows, copied from <rows> (NULL: zeroed). Returns the first one's number. Prints a
 * message and exits when the table would pass TABLE_BYTES_MAX. */
uint32_t table_add(struct table *t, const void *rows, uint32_t n);
/* The same, but an equal run that was put before is taken again. No rows: 0. */
uint32_t table_put(struct table *t, const void *rows, uint32_t n);
/* Takes the rows from <n> on away again; their place is zeroed. Nothing may refer to them any more. */
void table_cut(struct table *t, uint32_t n);

#define TABLE_BYTES_MAX ((size_t)3 << 30) /* offsets into tables have 32 bits */

static inline void *table_row(const struct table *t, uint32_t i)
{
	return t->rows + (size_t)i * t->size;
}

#endif
