/* SPDX-License-Identifier: Apache-2.0 */
/* task: a call to be made later by one thread. timer: a call at a time, on the thread that set it.
 * Classes order the run queue of a thread: urgent before normal before bulk, with a budget for each
 * per loop turn, so that bulk work never starves latency and is never starved itself. */
#ifndef WEIR_CORE_TASK_H
#define WEIR_CORE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/list.h"

enum task_class { TASK_URGENT, TASK_NORMAL, TASK_BULK };
#define TASK_CLASSES 3

struct task {
	struct list link; /* run queue of the owner */
	struct task *remote_next; /* inbox of the owner: wake from another thread */
	void (*run)(struct task *);
	uint16_t tid; /* owner thread */
	uint8_t class;
	_Atomic uint8_t remote; /* 1: in the inbox */
};

/* Makes <t> a task of the calling thread. */
void task_init(struct task *t, enum task_class class, void (*run)(struct task *));
/* Owner thread only: queues <t> unless it is queued. */
void task_wake(struct task *t);
/* Any thread: at most one wake-up of the owner. <t> must stay allocated until it has run once. */
void task_wake_remote(struct task *t);
/* Owner thread only: takes <t> out of the run queue. A remote wake-up under way must have been
 * waited for. */
void task_cancel(struct task *t);

/* Times ("ticks") are milliseconds of the monotonic clock (or of the test clock); 0 is never a
 * valid time. */

struct timer {
	struct list link;
	uint64_t at; /* 0: not set */
	void (*fire)(struct timer *);
};

/* Owner thread only, O(1). Fires at or up to one loop turn after <at>; setting it again moves it.
 * Moving a timer to a later time costs no list operation: it is moved when the earlier time has
 * come. */
void timer_place(struct timer *t, uint64_t at);
static inline void timer_set(struct timer *t, uint64_t at)
{
	if (t->at && at >= t->at)
		t->at = at; /* found later than expected when its slot comes, and placed again then
			     */
	else
		timer_place(t, at);
}
void timer_del(struct timer *t);
static inline bool timer_armed(const struct timer *t)
{
	return t->at != 0;
}

#endif
