/* SPDX-License-Identifier: Apache-2.0 */
/* limits: the numbers that bound a process, from the site where it says, else from the machine. */
#ifndef WEIR_OPS_LIMITS_H
#define WEIR_OPS_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../base/thread_name.h"

struct limits {
	unsigned threads, groups;
	unsigned fds; /* descriptors the process may open */
	unsigned fixed; /* of them not for connections: listeners, logs, pollers, reserve */
	uint64_t memory; /* of the cgroup; 0: none */
	unsigned maxconn; /* client connections */
	bool maxconn_set; /* by the site */
	unsigned buffers; /* 0: bounded by maxconn alone */
};

/* After conf_load: raises the descriptor limit to what is allowed. Warnings go to <err>. */
void limits_find(struct limits *lim, const struct thread_shape *shape, FILE *err);
void limits_print(const struct limits *lim, FILE *out);

#endif
