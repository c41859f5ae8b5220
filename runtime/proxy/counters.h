/* SPDX-License-Identifier: Apache-2.0 */
/* counters: the table of a checkpoint: a counter for each key. It has a fixed size: shards, each
 * with a lock of its own, hold the keys. When the table is full, the key that has been unused for
 * longest in its shard is forgotten, never one that has waiters or exchanges under way. A key
 * unused for longer than it is kept is forgotten when somebody comes to its shard. Between
 * checkpoint.c and counters.c; the first says what the numbers mean. */
#ifndef WEIR_PROXY_COUNTERS_H
#define WEIR_PROXY_COUNTERS_H

#include <pthread.h>

#include "checkpoint.h"

#define LINE 64 /* of the cache */

struct counter {
	struct checkpoint_key key;
	struct list used; /* of the shard, the one last used first */
	struct list queue; /* struct turn */
	uint64_t begin; /* tick at which the present period began */
	uint64_t seen; /* tick of the last use */
	uint32_t next; /* in its bucket, or in the list of free ones; NOBODY: it is the last */
	uint32_t now, before; /* counted in the present period, in the one before it */
	uint32_t held;
	uint32_t queued;
};

struct shard {
	_Alignas(LINE) pthread_mutex_t lock;
	uint32_t *buckets;
	struct list used;
	uint32_t nkeys, held, waiting, queues;
#define COUNT(member, ...) uint64_t member;
	CHECKPOINT_COUNTS(COUNT)
#undef COUNT
};

struct checkpoint {
	const struct ws_checkpoint *ws;
	uint64_t limit; /* messages in a period, or at a time */
	uint64_t period, keep, delay; /* ms; delay 0: none */
	uint32_t queue_max; /* 0: none */
	uint32_t nshards, mask, nbuckets; /* of a shard, a power of two */
	struct shard *shards;
	uint32_t *buckets;
	struct counter *counters;
	uint32_t room;
	/* Counters that hold no key: those never used, and a list. */
	_Alignas(LINE) pthread_mutex_t free_lock;
	uint32_t unused, freed;
};

/* Makes the tables of all checkpoints, or frees them. False after messages on <err>. */
bool counters_load(FILE *err);
void counters_free(void);
struct checkpoint *counters_of(uint32_t row);
/* The key of <s>; <lower>: whatever the case of its letters. */
struct checkpoint_key counters_key(struct str s, bool lower);
bool counters_same(struct checkpoint_key a, struct checkpoint_key b);
struct shard *counters_shard(const struct checkpoint *cp, struct checkpoint_key key);
/* Lock of <s> held, each of these: the counter of <key>, or NULL; the same, made when there is
 * none, NULL: there is no room; <c> is used at <now>. O(1). */
struct counter *counters_find(const struct checkpoint *cp, struct shard *s,
			      struct checkpoint_key key);
struct counter *counters_use(struct checkpoint *cp, struct shard *s, struct checkpoint_key key);
void counters_touch(struct shard *s, struct counter *c, uint64_t now);
/* As checkpoint_part.show. */
bool counters_show(uint32_t row, struct checkpoint_shown *out);

#endif
