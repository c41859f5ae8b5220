/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol.h"

#define FIRST_SIZE 16

static uint32_t hash_of(struct str s)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h;
}

static struct symbol *find(const struct symbols *t, struct str name, uint32_t hash)
{
	if (!t->nbuckets)
		return NULL;
	for (struct symbol *s = t->buckets[hash & (t->nbuckets - 1)]; s; s = s->next)
		if (s->hash == hash && str_eq(s->name, name))
			return s;
	return NULL;
}

/* Doubles the table and its list of all. */
static void grow(struct arena *a, struct symbols *t)
{
	size_t cap = t->cap ? t->cap * 2 : FIRST_SIZE;
	struct symbol **all = ARENA_ARRAY(a, struct symbol *, cap);
	struct symbol **buckets = ARENA_ARRAY(a, struct symbol *, cap * 2);

	for (size_t i = 0; i < t->n; i++) {
		struct symbol *s = t->all[i];
		struct symbol **b = &buckets[s->hash & (cap * 2 - 1)];

		all[i] = s;
		s->next = *b;
		*b = s;
	}
	t->all = all;
	t->buckets = buckets;
	t->cap = cap;
	t->nbuckets = cap * 2;
}

void *symbol_get(const struct symbols *t, struct str name)
{
	struct symbol *s = find(t, name, hash_of(name));

	return s ? s->object : NULL;
}

void *symbol_put(struct arena *a, struct symbols *t, struct str name, void *object)
{
	uint32_t hash = hash_of(name);
	struct symbol *s = find(t, name, hash);
	struct symbol **b;

	if (s)
		return s->object;
	if (t->n == t->cap)
		grow(a, t);
	s = ARENA_NEW(a, struct symbol);
	b = &t->buckets[hash & (t->nbuckets - 1)];
	*s = (struct symbol) { .next = *b, .name = name, .hash = hash, .object = object };
	*b = s;
	t->all[t->n++] = s;
	return object;
}

void vec_push(struct arena *a, struct vec *v, void *item)
{
	if (v->n == v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 8;
		void **p = ARENA_ARRAY(a, void *, cap);

		if (v->n)
			memcpy(p, v->p, v->n * sizeof(*p));
		v->p = p;
		v->cap = cap;
	}
	v->p[v->n++] = item;
}

void textbuf_put(struct arena *a, struct textbuf *b, struct str s)
{
	if (!s.n)
		return;
	if (b->cap - b->n < s.n) {
		size_t cap = (b->cap + s.n) * 2;
		char *p = arena_get(a, cap);

		if (b->n)
			memcpy(p, b->p, b->n);
		b->p = p;
		b->cap = cap;
	}
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void textbuf_byte(struct arena *a, struct textbuf *b, char c)
{
	textbuf_put(a, b, str_of(&c, 1));
}
