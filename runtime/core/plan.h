/* SPDX-License-Identifier: Apache-2.0 */
/* plan: how many threads in how many groups, and on which processors. Threads are placed by socket,
 * then by shared cache; groups take neighbouring processors, equal shares of them. */
#ifndef WEIR_CORE_PLAN_H
#define WEIR_CORE_PLAN_H

#include <stdio.h>

#include "../base/thread_name.h"
#include "topo.h"

struct plan {
	struct thread_shape shape;
	bool bound; /* some thread has processors of its own */
	struct number_set *cpus; /* by tid, of plan_bind; empty: as the process */
};

/* Fills <plan>->shape; 0 in <wanted> is chosen: <most> threads at most, one a processor. False: <why>
 * says why it cannot be. */
bool plan_shape(struct plan *plan, const struct topo *topo, const struct thread_shape *wanted,
		unsigned most, char why[THREAD_WHY]);
/* Then: the processors of each thread, by <maps> (see base/thread_name.h) when it is not empty. */
bool plan_bind(struct plan *plan, const struct topo *topo, struct str maps, char why[THREAD_WHY]);
void plan_print(const struct plan *plan, FILE *out);

#endif
