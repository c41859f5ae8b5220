/* SPDX-License-Identifier: Apache-2.0 */
#include "emit_table.h"

#include <stdio.h>
#include <stdlib.h>

struct table_run {
	uint64_t hash;
	uint32_t first, n; /* n 0: free */
};

void table_init(struct table *t, struct arena *a, size_t size)
{
	*t = (struct table) { .arena = a, .size = size };
}

static void reserve(struct table *t, uint32_t n)
{
	size_t need = (size_t)t->n + n, room = t->room ? t->room : 16;
	unsigned char *rows;

	if (need <= t->room)
		return;
	if (need * t->size > TABLE_BYTES_MAX) {
		fputs("weir: a table of this site is larger than 3 GB\n", stderr);
		exit(1);
	}
	while (room < need)
		room *= 2;
	rows = arena_get(t->arena, room * t->size);
	if (t->n)
		memcpy(rows, t->rows, t->n * t->size);
	t->rows = rows;
	t->room = (uint32_t)room;
}

uint32_t table_add(struct table *t, const void *rows, uint32_t n)
{
	uint32_t first = t->n;

	reserve(t, n);
	if (rows && n)
		memcpy(table_row(t, first), rows, n * t->size);
	t->n += n;
	return first;
}

/* FNV-1a, 64 bits */
static uint64_t hash_bytes(const unsigned char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

/* The run equal to <rows>, or the free slot where it belongs. Runs that were cut off count when what
 * has come in their place is the same. */
static struct table_run *find(const struct table *t, uint64_t hash, const void *rows, uint32_t n)
{
	uint32_t i = (uint32_t)hash & (t->slots - 1);

	for (;; i = (i + 1) & (t->slots - 1)) {
		struct table_run *r = &t->runs[i];

		if (!r->n ||
		    (r->hash == hash && r->n == n && r->first <= t->n && n <= t->n - r->first &&
		     memcmp(table_row(t, r->first), rows, n * t->size) == 0))
			return r;
	}
}

static void grow(struct table *t)
{
	struct table_run *old = t->runs;
	uint32_t n = t->slots;

	t->slots = n ? n * 2 : 64;
	t->runs = ARENA_ARRAY(t->arena, struct table_run, t->slots);
	for (uint32_t i = 0; i < n; i++)
		if (old[i].n && old[i].first <= t->n && old[i].n <= t->n - old[i].first)
			*find(t, old[i].hash, table_row(t, old[i].first), old[i].n) = old[i];
}

uint32_t table_put(struct table *t, const void *rows, uint32_t n)
{
	uint64_t hash = hash_bytes(rows, n * t->size);
	struct table_run *r;

	if (!n)
		return 0;
	if (t->nruns * 2 >= t->slots)
		grow(t);
	r = find(t, hash, rows, n);
	if (!r->n) {
		*r = (struct table_run) { .hash = hash, .first = table_add(t, rows, n), .n = n };
		t->nruns++;
	}
	return r->first;
}

void table_cut(struct table *t, uint32_t n)
{
	if (t->n > n)
		memset(table_row(t, n), 0, (t->n - n) * t->size);
	t->n = n;
}
