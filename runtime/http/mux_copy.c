/* SPDX-License-Identifier: Apache-2.0 */
#include "mux_copy.h"

#include <stdatomic.h>

#include "../core/thread.h"
#include "mux.h"

void mux_copied(size_t n)
{
	_Atomic uint64_t *times = &th->copied.times, *bytes = &th->copied.bytes;

	atomic_store_explicit(times, atomic_load_explicit(times, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	atomic_store_explicit(bytes, atomic_load_explicit(bytes, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

struct mux_copies mux_copies(void)
{
	struct mux_copies sum = { 0 };

	for (unsigned i = 0; i < nthreads; i++) {
		sum.times += atomic_load_explicit(&threads[i]->copied.times, memory_order_relaxed);
		sum.bytes += atomic_load_explicit(&threads[i]->copied.bytes, memory_order_relaxed);
		sum.spliced += threads[i]->polled.spliced;
	}
	return sum;
}
