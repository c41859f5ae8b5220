/* SPDX-License-Identifier: Apache-2.0 */
#include "mux_copy.h"

#include <stdatomic.h>

#include "../core/thread.h"
#include "mux.h"

/* One line per thread: written by it alone, read by whoever asks. */
static struct {
	_Alignas(64) _Atomic uint64_t times;
	_Atomic uint64_t bytes;
} counts[GROUPS_MAX * GROUP_THREADS_MAX];

void mux_copied(size_t n)
{
	_Atomic uint64_t *times = &counts[th->tid].times, *bytes = &counts[th->tid].bytes;

	atomic_store_explicit(times, atomic_load_explicit(times, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	atomic_store_explicit(bytes, atomic_load_explicit(bytes, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

struct mux_copies mux_copies(void)
{
	struct mux_copies sum = { 0 };

	for (unsigned i = 0; i < nthreads; i++) {
		sum.times += atomic_load_explicit(&counts[i].times, memory_order_relaxed);
		sum.bytes += atomic_load_explicit(&counts[i].bytes, memory_order_relaxed);
	}
	return sum;
}
