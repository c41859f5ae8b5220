/* SPDX-License-Identifier: Apache-2.0 */
/* threads: how many threads the site gets on this machine, and where they run: from the site's
 * threads, thread-groups and cpu-map, and from the processors that the process may use. */
#ifndef WEIR_OPS_THREADS_H
#define WEIR_OPS_THREADS_H

#include <stdio.h>

#include "../core/plan.h"

/* Where to look: NULL and an empty text: this machine, all that the process may use. */
struct threads_place {
	const char *sysfs; /* another machine's tree, to see its plan */
	struct str cpus; /* only these */
};

/* After conf_load: the plan, and <topo> that it is for. It stays valid for the whole process. NULL
 * after a message on <err>. */
const struct plan *threads_plan(const struct threads_place *where, struct topo *topo, FILE *err);

#endif
