/* SPDX-License-Identifier: Apache-2.0 */
/* sched: what a thread has to do later: run queues by class, the inbox other threads put tasks
 * into, and the timers in a hierarchical wheel. Private to the loop; users have task.h. */
#ifndef WEIR_CORE_SCHED_H
#define WEIR_CORE_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "task.h"

#define WHEEL_BITS 6
#define WHEEL_SLOTS (1 << WHEEL_BITS)
#define WHEEL_LEVELS 7 /* 2^42 ms: 139 years */

/* A timer is in the slot of the highest digit (base 64) in which its time differs from <cur>, so
 * that all slots of a level come before those of the next one. Slots of a level behind <cur> are
 * empty. */
struct wheel {
	uint64_t cur; /* all times up to here have been handed to <due> */
	uint64_t next; /* no slot's time comes before; UINT64_MAX: none at all */
	uint64_t used[WHEEL_LEVELS]; /* slots that may hold timers */
	struct list due; /* to fire, or to place again when moved meanwhile */
	struct list moving; /* of a slot whose time has come, to be placed lower */
	struct list slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

struct sched {
	struct list run[TASK_CLASSES];
	uint32_t queued; /* bit per class: its run queue may hold tasks */
	_Atomic(void (*)(
		void)) running; /* what the task at work runs; NULL: none; for the watchdog */
	struct timer shared_look; /* this thread keeps the wheel of a group: see shared.c */
	_Atomic(struct profile *) profile; /* see profile.c; NULL: never asked for */
	struct wheel wheel;
	_Alignas(64) _Atomic(struct task *) inbox;
	char pad[64 - sizeof(void *)];
};

void sched_init(struct sched *s, uint64_t now);
/* Takes the tasks of the inbox into the run queues, then runs tasks within the budget of each
 * class. */
void sched_tasks(struct sched *s);
/* Fires the timers whose time has come; bounded work per call. */
void sched_timers(struct sched *s, uint64_t now);
/* The tick until which nothing is to be done; 0: no limit. At most <now>: at once. */
uint64_t sched_until(struct sched *s, uint64_t now);
bool sched_inbox_empty(struct sched *s);
/* Takes one task out of the inbox or NULL; for the end of a thread. */
struct task *sched_inbox_pop(struct sched *s);

void wheel_init(struct wheel *w, uint64_t now);
/* Places <t>, or moves it. */
void wheel_set(struct wheel *w, struct timer *t, uint64_t at);
void wheel_run(struct wheel *w, uint64_t now);
/* Earliest tick at which wheel_run may have something to do; 0: never. */
uint64_t wheel_next(struct wheel *w);

#endif
