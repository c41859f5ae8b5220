/* SPDX-License-Identifier: Apache-2.0 */
#include "control_threads.h"

#include "../core/thread.h"

/* What threads have done; their own counters, read while they go on. */
struct activity {
	uint64_t turns, waits, events, stale, wakeups, connections, asleep, copied, spliced;
};

static void add_activity(struct activity *sum, const struct thread *t)
{
	sum->turns += t->polled.turns;
	sum->waits += t->polled.waits;
	sum->events += t->polled.events;
	sum->stale += t->polled.stale;
	sum->wakeups += atomic_load(&t->wakeups);
	sum->connections += atomic_load(&t->load);
	sum->asleep += atomic_load(&t->asleep);
	sum->copied += atomic_load(&t->copied.bytes);
	sum->spliced += t->polled.spliced;
}

static void put_activity(struct answer *a, const struct activity *sum)
{
	row_num(a, "turns", sum->turns);
	row_num(a, "waits", sum->waits);
	row_num(a, "events", sum->events);
	row_num(a, "stale", sum->stale);
	row_num(a, "wakeups", sum->wakeups);
	row_num(a, "connections", sum->connections);
	row_num(a, "asleep", sum->asleep);
	row_num(a, "copied", sum->copied);
	row_num(a, "spliced", sum->spliced);
}

void control_threads(struct answer *a)
{
	for (unsigned i = 0; i < nthreads; i++) {
		struct activity sum = { 0 };

		add_activity(&sum, threads[i]);
		row_begin(a);
		row_num(a, "thread", i + 1u);
		row_num(a, "group", threads[i]->group->id + 1u);
		put_activity(a, &sum);
		row_end(a);
	}
}

void control_groups(struct answer *a)
{
	for (unsigned g = 0; g < ngroups; g++) {
		const struct thread_group *group = thread_groups[g];
		struct activity sum = { 0 };

		for (unsigned i = 0; i < group->nthreads; i++)
			add_activity(&sum, threads[group->first + i]);
		row_begin(a);
		row_num(a, "group", g + 1u);
		row_num(a, "threads", group->nthreads);
		put_activity(a, &sum);
		row_end(a);
	}
}
