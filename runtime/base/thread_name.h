/* SPDX-License-Identifier: Apache-2.0 */
/* thread_name: how a site names its threads: 45 in the process, 1/45 in group 1, all/45, 1/all, all,
 * 35-45. Written numbers begin with 1; tids and groups in the program with 0. The groups divide the
 * threads evenly, so that either numbering follows from the other. */
#ifndef WEIR_BASE_THREAD_NAME_H
#define WEIR_BASE_THREAD_NAME_H

#include "number_set.h"

#define GROUPS_MAX 16
#define GROUP_THREADS_MAX 64
#define THREADS_MAX (GROUPS_MAX * GROUP_THREADS_MAX)

/* How many there are; 0: not known yet. */
struct thread_shape {
	unsigned nthreads, ngroups;
};

/* The tid of the first thread of <group>; that of the group after the last one is nthreads. */
static inline unsigned group_first(const struct thread_shape *s, unsigned group)
{
	return (unsigned)((uint64_t)s->nthreads * group / s->ngroups);
}

static inline unsigned group_size(const struct thread_shape *s, unsigned group)
{
	return group_first(s, group + 1) - group_first(s, group);
}

/* The group of thread <tid>. */
static inline unsigned group_of(const struct thread_shape *s, unsigned tid)
{
	return (unsigned)((((uint64_t)tid + 1) * s->ngroups - 1) / s->nthreads);
}

#define THREAD_WHY 120

/* The threads that <text> names: spellings with commas, all of one numbering. False: <why> says
 * what is wrong. Of a shape not known only what never can be is refused, and <out> is empty. */
bool thread_names(struct str text, const struct thread_shape *shape, struct number_set *out,
		  char why[THREAD_WHY]);

/* One line of a cpu-map: THREADS PROCESSORS [each]. */
struct cpu_map {
	struct number_set threads; /* tids */
	struct number_set cpus;
	bool each; /* one processor for each thread, in order; else all for all */
};
bool cpu_map_read(struct str line, const struct thread_shape *shape, struct cpu_map *out,
		  char why[THREAD_WHY]);

#endif
