/* SPDX-License-Identifier: Apache-2.0 */
/* arena: bump allocator for things that die together. No single free, no realloc, no cleanups,
 * not thread-safe. Used by the compiler (never freed) and at start-up; not on request paths. */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *last;
	size_t used; /* bytes handed out, alignment included */
};

/* <n> zeroed bytes, aligned for any type. Prints a message and exits with status 1 when memory is
 * out. */
void *arena_get(struct arena *a, size_t n);
/* Copy of <s>, followed by a NUL that is not counted. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Everything handed out after the mark goes back at once: for searches that try and undo. */
struct arena_mark {
	struct arena_chunk *chunk;
	size_t chunk_used, used;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);
/* Frees every chunk and makes <a> empty. */
void arena_free(struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_get((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_get((a), (n) * sizeof(type)))

#endif
