/* SPDX-License-Identifier: Apache-2.0 */
#include "fd.h"

#include <stdlib.h>

#include "../base/bug.h"

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

/* Claims: group + 1 in the upper half, its users in the lower one. */
#define USER 1u
#define OF(group) (((group) + 1u) << 16)
#define GROUP_PART 0xffff0000u

static _Atomic(_Atomic uint32_t *) claims[CHUNKS];

/* The word of <fd>; NULL when memory is out or the number too high: it is not watched. */
static _Atomic uint32_t *claim_of(int fd)
{
	unsigned i = (unsigned)fd / CHUNK;
	_Atomic uint32_t *chunk, *fresh;

	if (fd < 0 || i >= CHUNKS)
		return NULL;
	chunk = atomic_load(&claims[i]);
	if (!chunk) {
		fresh = calloc(CHUNK, sizeof(*fresh));
		if (fresh && atomic_compare_exchange_strong(&claims[i], &chunk, fresh))
			chunk = fresh;
		else
			free(fresh);
	}
	return chunk ? &chunk[(unsigned)fd % CHUNK] : NULL;
}

void fd_claim(int fd, unsigned group)
{
	_Atomic uint32_t *word = claim_of(fd);
	uint32_t had = 0;

	/* Usually 0; a listener's number is shared by the threads of its group. */
	while (word &&
	       !atomic_compare_exchange_weak(word, &had, had ? had + USER : OF(group) + USER))
		BUG_ON(had && (had & GROUP_PART) != OF(group));
}

void fd_disclaim(int fd, unsigned group)
{
	_Atomic uint32_t *word = claim_of(fd);
	uint32_t had = word ? atomic_load(word) : 0, left;

	if (!had)
		return;
	do {
		BUG_ON((had & GROUP_PART) != OF(group));
		left = had - USER;
	} while (!atomic_compare_exchange_weak(word, &had, left == OF(group) ? 0 : left));
}

void fd_claims_free(void)
{
	for (unsigned i = 0; i < CHUNKS; i++)
		free((void *)atomic_exchange(&claims[i], NULL));
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

void fd_each(const struct fd_table *t, void (*fn)(void *arg, const struct io *io), void *arg)
{
	for (unsigned i = 0; i < CHUNKS; i++) {
		const struct fd_slot *chunk = atomic_load(&t->chunk[i]);
		const struct io *io;

		for (unsigned k = 0; chunk && k < CHUNK; k++) {
			io = atomic_load_explicit(&chunk[k].io, memory_order_relaxed);
			if (io)
				fn(arg, io);
		}
	}
}
