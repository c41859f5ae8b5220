/* SPDX-License-Identifier: Apache-2.0 */
/* profile: how often each kind of task has run and how long, per function. Off, it costs one load a
 * turn; on, two readings of the clock a task. Switched while all runs, group by group. */
#ifndef WEIR_CORE_PROFILE_H
#define WEIR_CORE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "thread.h"

struct sched;

/* What one kind of task has taken; times in nanoseconds of the wall. */
struct profile_row {
	void (*run)(void);
	uint64_t calls, ns, worst_ns;
};
#define PROFILE_ROWS 61 /* kinds that are told apart; further ones are not counted */

/* Any thread. */
void profile_set(bool on);
/* Any thread: fills at most <n> rows with the sums of all threads, the longest first; the rows. */
unsigned profile_rows(struct profile_row *out, unsigned n);

/* For the loop. */
static inline bool profile_on(void)
{
	return atomic_load_explicit(&th->group->profiling, memory_order_relaxed);
}
void profile_task(struct task *t);
void profile_free(struct sched *s);

#endif
