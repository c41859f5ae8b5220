/* SPDX-License-Identifier: Apache-2.0 */
#include "fd.h"

#include <stdlib.h>

/* Two levels, as the limit of descriptors may be a billion where only a few are used. */
#define CHUNK 1024
#define CHUNKS 4096

struct fd_table {
	_Atomic(struct fd_slot *) chunk[CHUNKS];
};

struct fd_table *fd_table_new(void)
{
	return calloc(1, sizeof(struct fd_table));
}

void fd_table_free(struct fd_table **tp)
{
	struct fd_table *t = *tp;

	*tp = NULL;
	if (!t)
		return;
	for (unsigned i = 0; i < CHUNKS; i++)
		free(atomic_load(&t->chunk[i]));
	free(t);
}

static struct fd_slot *chunk_make(struct fd_table *t, unsigned i)
{
	struct fd_slot *fresh = calloc(CHUNK, sizeof(*fresh)), *there = NULL;

	if (fresh && !atomic_compare_exchange_strong(&t->chunk[i], &there, fresh)) {
		free(fresh);
		return there;
	}
	return fresh;
}

struct fd_slot *fd_slot(struct fd_table *t, int fd, int make)
{
	unsigned i = (unsigned)fd / CHUNK;
	struct fd_slot *chunk;

	if (fd < 0 || i >= CHUNKS)
		return NULL;
	chunk = atomic_load_explicit(&t->chunk[i], memory_order_acquire);
	if (!chunk && make)
		chunk = chunk_make(t, i);
	return chunk ? &chunk[(unsigned)fd % CHUNK] : NULL;
}
