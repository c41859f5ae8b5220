/* SPDX-License-Identifier: Apache-2.0 */
/* shared: tasks that belong to no single thread. They wait in the queue of a group, and any thread
 * of their mask runs them; one at a time runs a task, never two. For rare work of the whole group
 * or process: each wake takes the group's lock. Tasks of one thread have task.h.
 *
 *   group  mask   task_new_on
 *   0      0      the calling thread (task_new_here)
 *   0      xxx    refused: a thread's bit means nothing without its group
 *   G      0      refused: nobody would run it
 *   G      xxx    those threads of group G (1 and up), bit 0 its first thread
 * task_new_anywhere: any thread; it is of the group that wakes it until it has run. */
#ifndef WEIR_CORE_SHARED_H
#define WEIR_CORE_SHARED_H

#include <stdatomic.h>

#include "task.h"

struct shared_task {
	struct list link; /* run queue of the group */
	void (*run)(struct shared_task *);
	uint64_t mask;
	struct timer timer; /* in the wheel of the group */
	_Atomic uint16_t home; /* group it is with, 1 and up; 0: none */
	uint8_t class;
	bool anywhere, running, again; /* under the lock of its group */
};

void task_new_here(struct shared_task *t, enum task_class class, void (*run)(struct shared_task *));
void task_new_on(struct shared_task *t, enum task_class class, void (*run)(struct shared_task *),
		 unsigned group, uint64_t mask);
void task_new_anywhere(struct shared_task *t, enum task_class class,
		       void (*run)(struct shared_task *));
/* Any thread of the loops: <t> runs once more from now on. Wakes at most one thread, and none when
 * one that may run it is awake. */
void shared_wake(struct shared_task *t);
/* The same at tick <at>; setting again moves it. */
void shared_wake_at(struct shared_task *t, uint64_t at);
/* Takes <t> out of queue and wheel. It may still be running on another thread: true when it is. */
bool shared_end(struct shared_task *t);

/* For the loop: the queue of a group. */
struct group_queue *group_queue_new(void);
void group_queue_free(struct group_queue **qp);
/* Whether a task waits that the calling thread may run; one load. */
bool shared_waiting(void);
/* Runs some of them. */
void shared_run(void);

#endif
