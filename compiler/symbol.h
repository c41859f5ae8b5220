/* SPDX-License-Identifier: Apache-2.0 */
/* symbol: names to objects (hash table), growing arrays of pointers, and interning of text. Memory
 * is an arena's: nothing is removed or freed. Not thread-safe. The hash is not keyed: input is the
 * operator's own text. */
#ifndef WEIR_COMPILER_SYMBOL_H
#define WEIR_COMPILER_SYMBOL_H

#include "../runtime/base/arena.h"
#include "../runtime/base/str.h"

struct symbol {
	struct symbol *next; /* in the same bucket */
	struct str name;
	uint32_t hash;
	void *object;
};

/* Zeroed is empty and usable. Objects keep the order of their insertion in <all>. */
struct symbols {
	struct symbol **buckets;
	size_t nbuckets;
	struct symbol **all;
	size_t n, cap;
};

/* Object of <name>, or NULL. */
void *symbol_get(const struct symbols *t, struct str name);
/* Adds <object>, which is not NULL, unless the name is there: returns the one that holds the name
 * now. */
void *symbol_put(struct arena *a, struct symbols *t, struct str name, void *object);

/* A growing array of pointers; zeroed is empty. */
struct vec {
	void **p;
	size_t n, cap;
};

void vec_push(struct arena *a, struct vec *v, void *item);

/* Text under construction; zeroed is empty. */
struct textbuf {
	char *p;
	size_t n, cap;
};

void textbuf_put(struct arena *a, struct textbuf *b, struct str s);
void textbuf_byte(struct arena *a, struct textbuf *b, char c);

static inline struct str textbuf_str(const struct textbuf *b)
{
	return str_of(b->p ? b->p : "", b->n);
}

#endif
