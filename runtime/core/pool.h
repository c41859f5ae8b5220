/* SPDX-License-Identifier: Apache-2.0 */
/* pool: objects of one size, kept in per-thread caches over a shared list of the group over the
 * allocator. pool_get and pool_put of the same thread touch no shared cache line in steady state;
 * an object may be put by another thread than it was taken by. Caches are bounded and shrink.
 * Counts are exact: a test build ends with every pool at zero in use. */
#ifndef WEIR_CORE_POOL_H
#define WEIR_CORE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define POOLS_MAX 64

struct pool {
	const char *name;
	uint32_t size; /* as asked */
	uint16_t id; /* 1 and up; 0: not initialised */
	uint16_t batch; /* objects moved at once between the places */
	/* Most objects allocated, so that no more are in use; 0: none. Set before the threads
	 * start. With several threads up to a quarter of it may rest in caches of others when
	 * pool_get fails. */
	uint64_t limit;
};

/* Before the threads start. Static <pool>; <name> stays valid. Initialising twice is harmless. */
void pool_init(struct pool *pool, const char *name, size_t size);
/* An object with undefined contents (poisoned in debugging modes), aligned to 16; NULL at the limit
 * or out of memory. */
void *pool_get(struct pool *pool);
/* pool_get, then zeroed. */
void *pool_get_zero(struct pool *pool);
/* Gives <obj> back; NULL does nothing. */
void pool_put(struct pool *pool, void *obj);

struct pool_count {
	const char *name;
	uint32_t size;
	uint64_t in_use, cached, shared, allocated; /* allocated = in_use + cached + shared */
	uint64_t made,
		returned; /* ever got from the allocator, given back: made = allocated + returned */
};
/* Fills at most <n> rows; returns how many pools there are. Any thread; exact when the others are
 * stopped. */
unsigned pool_counts(struct pool_count *out, unsigned n);
/* After all threads have ended: frees caches. Prints each pool with objects in use to <out> and
 * returns their sum. */
uint64_t pool_fini(FILE *out);
/* Gives the calling thread its caches / gives them back; called by the thread's start and end. */
int pool_thread_start(unsigned tid, unsigned group, unsigned nthr);
void pool_thread_stop(void);
/* Owner thread: gives back what was not needed since the last call. The bytes given to the
 * allocator; *<again>: a later call may give back more. */
size_t pool_trim(bool *again);
/* Chosen at start, before the first pool_init: comma list of
 * poison,tag,caller,integrity,cold-first,no-cache,backup. 0, or -1 for an unknown word. */
int pool_debug(const char *modes);
/* Bytes of an object of each pool without modes, and with them. */
void pool_print_sizes(FILE *out);

/* Memory is short: every resting object of the calling thread and of its group goes to the
 * allocator, and the other threads do the same in their next turn. The bytes given back here. Called
 * by the pools themselves before pool_get fails; costs as much as what rests. */
size_t pool_squeeze(void);
/* For a thread's loop: does its part of a pool_squeeze of another one. */
size_t pool_squeeze_own(void);

/* The fourth and fifth place: what the allocator holds of the system, for pools and all else, and how
 * much of that is free in it. Zero where the C library does not tell. */
struct pool_heap {
	uint64_t held, free;
};
void pool_heap(struct pool_heap *out);

#endif
