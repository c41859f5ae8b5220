/* SPDX-License-Identifier: Apache-2.0 */
#include "task.h"

#include <string.h>

#include "../base/bug.h"
#include "profile.h"
#include "sched.h"
#include "shared.h"
#include "thread.h"

/* Tasks run per loop turn. A turn must stay short, as input waits meanwhile; bulk gets its share in
 * any case. */
static const unsigned budget[TASK_CLASSES] = {
	[TASK_URGENT] = 256, [TASK_NORMAL] = 128, [TASK_BULK] = 8
};

void task_init(struct task *t, enum task_class class, void (*run)(struct task *))
{
	memset(t, 0, sizeof(*t));
	t->run = run;
	t->tid = th->tid;
	t->class = (uint8_t) class;
}

void task_wake(struct task *t)
{
	BUG_ON(t->tid != th->tid);
	if (list_queued(&t->link))
		return;
	list_append(&th->sched->run[t->class], &t->link);
	th->sched->queued |= 1U << t->class;
}

void task_wake_remote(struct task *t)
{
	struct thread *owner = threads[t->tid];
	_Atomic(struct task *) *inbox = &owner->sched->inbox;

	if (atomic_exchange(&t->remote, 1))
		return;
	t->remote_next = atomic_load_explicit(inbox, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(inbox, &t->remote_next, t))
		;
	thread_wake(owner);
}

void task_cancel(struct task *t)
{
	BUG_ON(t->tid != th->tid);
	list_del(&t->link);
}

void sched_init(struct sched *s, uint64_t now)
{
	for (unsigned c = 0; c < TASK_CLASSES; c++)
		list_init(&s->run[c]);
	atomic_init(&s->inbox, NULL);
	wheel_init(&s->wheel, now);
}

bool sched_inbox_empty(struct sched *s)
{
	return atomic_load(&s->inbox) == NULL;
}

/* The inbox is a stack; reversing it keeps the order of the wake-ups. */
static void inbox_take(struct sched *s)
{
	struct task *t = atomic_exchange_explicit(&s->inbox, NULL, memory_order_acquire);
	struct task *first = NULL;

	while (t) {
		struct task *next = t->remote_next;

		t->remote_next = first;
		first = t;
		t = next;
	}
	while (first) {
		t = first;
		first = t->remote_next;
		atomic_store(&t->remote, 0);
		task_wake(t);
	}
}

struct task *sched_inbox_pop(struct sched *s)
{
	struct task *t = atomic_load(&s->inbox);

	if (t)
		atomic_store(&s->inbox, t->remote_next);
	return t;
}

/* Runs what is queued now: a task that wakes itself comes again in the next turn, after input and
 * timers. */
static void run_class(struct list *queue, unsigned most, bool profiling)
{
	const struct list *last = queue->prev, *node = NULL;

	while (most-- && node != last && !list_empty(queue)) {
		struct task *t;

		node = list_shift(queue);
		t = CONTAINER(node, struct task, link);
		atomic_store_explicit(&th->sched->running, (void (*)(void))t->run,
				      memory_order_relaxed);
		if (__builtin_expect(profiling, 0))
			profile_task(t);
		else
			t->run(t);
	}
	atomic_store_explicit(&th->sched->running, NULL, memory_order_relaxed);
}

void sched_tasks(struct sched *s)
{
	bool profiling = profile_on();

	if (atomic_load_explicit(&s->inbox, memory_order_relaxed))
		inbox_take(s);
	for (unsigned c = 0; s->queued >> c; c++) {
		run_class(&s->run[c], budget[c], profiling);
		if (list_empty(&s->run[c]))
			s->queued &= ~(1U << c);
	}
	if (__builtin_expect(shared_waiting(), 0))
		shared_run();
}

void sched_timers(struct sched *s, uint64_t now)
{
	struct wheel *w = &s->wheel;

	if (now >= w->next || !list_empty(&w->due) || !list_empty(&w->moving))
		wheel_run(w, now);
	else if (now > w->cur)
		w->cur = now;
}

uint64_t sched_until(struct sched *s, uint64_t now)
{
	for (unsigned c = 0; s->queued >> c; c++)
		if (!list_empty(&s->run[c]))
			return now;
	return wheel_next(&s->wheel);
}
