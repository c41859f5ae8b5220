/* SPDX-License-Identifier: Apache-2.0 */
/* pool_guard: the debugging modes of the pools. With any mode on, all objects go through here: each
 * has what the modes need around it, and rests in one list per pool under a lock. Slow on purpose; no
 * per-thread caches. Private to pool.c; the modes are chosen with pool_debug(). */
#ifndef WEIR_CORE_POOL_GUARD_H
#define WEIR_CORE_POOL_GUARD_H

#include "pool.h"

/* Non-zero: some mode is on. */
unsigned guard_modes(void);
void *guard_get(struct pool *pool, const void *caller);
void guard_put(struct pool *pool, void *obj, const void *caller);
uint64_t guard_resting(const struct pool *pool);
uint64_t guard_allocated(const struct pool *pool);
/* Says of each object in use where it was taken (mode caller). */
void guard_report(const struct pool *pool, FILE *out);
/* Frees the resting objects, after a last check of them; the bytes. */
size_t guard_trim(struct pool *pool);
/* Bytes of an object with each kind of modes: see pool_print_sizes. */
void guard_print_sizes(const struct pool *pool, FILE *out);

#endif
