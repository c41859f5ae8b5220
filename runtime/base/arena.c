/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_MIN ((size_t)64 * 1024)
#define ALIGN (_Alignof(max_align_t))

struct arena_chunk {
	struct arena_chunk *prev;
	size_t size, used;
	_Alignas(max_align_t) char data[];
};

static struct arena_chunk *chunk_new(struct arena *a, size_t n)
{
	size_t size = n > CHUNK_MIN ? n : CHUNK_MIN;
	struct arena_chunk *c = calloc(1, sizeof(*c) + size);

	if (!c) {
		fputs("weir: out of memory\n", stderr);
		exit(1);
	}
	c->size = size;
	c->prev = a->last;
	a->last = c;
	return c;
}

void *arena_get(struct arena *a, size_t n)
{
	struct arena_chunk *c = a->last;
	void *p;

	if (n > SIZE_MAX / 2)
		n = SIZE_MAX / 2;
	n = (n + ALIGN - 1) & ~(ALIGN - 1);
	if (!c || c->size - c->used < n)
		c = chunk_new(a, n);
	p = c->data + c->used;
	c->used += n;
	a->used += n;
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_get(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return str_of(p, s.n);
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	int n;
	char *p;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = arena_get(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return str_of(p, (size_t)n);
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark) { a->last, a->last ? a->last->used : 0, a->used };
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
	while (a->last != mark.chunk) {
		struct arena_chunk *c = a->last;

		a->last = c->prev;
		free(c);
	}
	if (a->last) {
		memset(a->last->data + mark.chunk_used, 0, a->last->used - mark.chunk_used);
		a->last->used = mark.chunk_used;
	}
	a->used = mark.used;
}

void arena_free(struct arena *a)
{
	while (a->last) {
		struct arena_chunk *c = a->last;

		a->last = c->prev;
		free(c);
	}
	a->used = 0;
}
