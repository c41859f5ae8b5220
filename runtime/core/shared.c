/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of a group lie in one wheel, and one thread at a time has a timer of its own for it: the
 * keeper, the one that set the earliest time. So one thread wakes, not the whole group. */
#include "shared.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../base/bug.h"
#include "sched.h"
#include "thread.h"

#define RUN_BUDGET 8 /* shared tasks a thread runs in a turn */

struct group_queue {
	_Alignas(64) _Atomic uint64_t wanted; /* threads that may run what is queued */
	_Alignas(64) pthread_mutex_t lock;
	struct list run[TASK_CLASSES];
	struct wheel wheel;
	uint64_t keeper_at; /* the keeper looks then; 0: there is none */
	uint16_t keeper; /* its tid */
};

struct group_queue *group_queue_new(void)
{
	struct group_queue *q = aligned_alloc(64, (sizeof(*q) + 63) & ~(size_t)63);

	if (!q)
		return NULL;
	memset(q, 0, sizeof(*q));
	pthread_mutex_init(&q->lock, NULL);
	for (unsigned c = 0; c < TASK_CLASSES; c++)
		list_init(&q->run[c]);
	wheel_init(&q->wheel, 0);
	return q;
}

void group_queue_free(struct group_queue **qp)
{
	if (*qp)
		pthread_mutex_destroy(&(*qp)->lock);
	free(*qp);
	*qp = NULL;
}

static uint64_t all_of(const struct thread_group *g)
{
	return g->nthreads == 64 ? UINT64_MAX : (UINT64_C(1) << g->nthreads) - 1;
}

static void look(struct timer *t);
static void due(struct timer *t);

void task_new_on(struct shared_task *t, enum task_class class, void (*run)(struct shared_task *),
		 unsigned group, uint64_t mask)
{
	BUG_ON((group == 0) != (mask == 0)); /* rows 2 and 3 of the table */
	*t = (struct shared_task) { .run = run, .class = (uint8_t) class, .timer.fire = due };
	if (!group) {
		group = th->group->id + 1u;
		mask = UINT64_C(1) << th->ltid;
	}
	BUG_ON(group > ngroups || (mask & ~all_of(thread_groups[group - 1])));
	t->mask = mask;
	t->home = (uint16_t)group;
}

void task_new_here(struct shared_task *t, enum task_class class, void (*run)(struct shared_task *))
{
	task_new_on(t, class, run, 0, 0);
}

void task_new_anywhere(struct shared_task *t, enum task_class class,
		       void (*run)(struct shared_task *))
{
	*t = (struct shared_task) { .run = run,
				    .class = (uint8_t) class,
				    .mask = UINT64_MAX,
				    .timer.fire = due,
				    .anywhere = true };
}

/* Locks the group that <t> is with; one that is with none comes to the caller's. */
static struct thread_group *lock_home(struct shared_task *t)
{
	for (;;) {
		uint16_t home = atomic_load(&t->home), mine = (uint16_t)(th->group->id + 1);
		struct thread_group *g;

		if (!home && !atomic_compare_exchange_strong(&t->home, &home, mine))
			continue;
		g = thread_groups[(home ? home : mine) - 1];
		pthread_mutex_lock(&g->queue->lock);
		if (atomic_load(&t->home) == g->id + 1)
			return g;
		pthread_mutex_unlock(&g->queue->lock); /* it has run meanwhile and gone on */
	}
}

/* Under the lock. True: somebody has to be woken, as all who may run it sleep. */
static bool enqueue(struct group_queue *q, const struct thread_group *g, struct shared_task *t)
{
	uint64_t mask = t->mask & all_of(g);

	if (list_queued(&t->link))
		return false;
	if (t->running) {
		t->again = true;
		return false;
	}
	list_append(&q->run[t->class], &t->link);
	atomic_fetch_or(&q->wanted, mask);
	return (group_sleeping(g) & mask) == mask;
}

static void wake_one(const struct thread_group *g, uint64_t mask)
{
	uint64_t asleep = group_sleeping(g) & mask;

	if (asleep)
		thread_wake(threads[g->first + (unsigned)__builtin_ctzll(asleep)]);
}

void shared_wake(struct shared_task *t)
{
	struct thread_group *g = lock_home(t);
	bool wake = enqueue(g->queue, g, t);

	pthread_mutex_unlock(&g->queue->lock);
	if (wake)
		wake_one(g, t->mask);
}

/* A time of a shared task has come; under the lock, on the thread that turns the wheel. */
static void due(struct timer *timer)
{
	struct shared_task *t = CONTAINER(timer, struct shared_task, timer);
	struct thread_group *g = thread_groups[atomic_load(&t->home) - 1];

	if (enqueue(g->queue, g, t))
		wake_one(g, t->mask);
}

/* Under the lock: makes sure that somebody looks at the wheel at its next time. */
static void keep(struct group_queue *q)
{
	uint64_t next = wheel_next(&q->wheel);

	if (!next || (q->keeper_at && q->keeper_at <= next && q->keeper != th->tid))
		return;
	q->keeper = th->tid;
	q->keeper_at = next;
	th->sched->shared_look.fire = look;
	if (!timer_armed(&th->sched->shared_look) || next < th->sched->shared_look.at)
		timer_place(&th->sched->shared_look, next);
}

/* The keeper's timer. A thread may keep the wheels of several groups. */
static void look(struct timer *timer)
{
	(void)timer;
	for (unsigned i = 0; i < ngroups; i++) {
		struct group_queue *q = thread_groups[i]->queue;

		pthread_mutex_lock(&q->lock);
		if (q->keeper_at && q->keeper == th->tid) {
			q->keeper_at = 0;
			wheel_run(&q->wheel, th->now);
			keep(q);
		}
		pthread_mutex_unlock(&q->lock);
	}
}

void shared_wake_at(struct shared_task *t, uint64_t at)
{
	struct thread_group *g = lock_home(t);

	wheel_set(&g->queue->wheel, &t->timer, at);
	keep(g->queue);
	pthread_mutex_unlock(&g->queue->lock);
}

bool shared_end(struct shared_task *t)
{
	struct thread_group *g = lock_home(t);
	bool running = t->running;

	list_del(&t->link);
	timer_del(&t->timer);
	t->again = false;
	if (t->anywhere && !running)
		atomic_store(&t->home, 0);
	pthread_mutex_unlock(&g->queue->lock);
	return running;
}

bool shared_waiting(void)
{
	return atomic_load(&th->group->queue->wanted) >> th->ltid & 1;
}

/* Takes the first task that this thread may run; without one, says anew who is wanted. */
static struct shared_task *take(struct group_queue *q)
{
	uint64_t mine = UINT64_C(1) << th->ltid, wanted = 0;

	for (unsigned c = 0; c < TASK_CLASSES; c++) {
		for (struct list *n = q->run[c].next; n != &q->run[c]; n = n->next) {
			struct shared_task *t = CONTAINER(n, struct shared_task, link);

			if (t->mask & mine) {
				list_del(&t->link);
				t->running = true;
				return t;
			}
			wanted |= t->mask;
		}
	}
	atomic_store(&q->wanted, wanted & all_of(th->group));
	return NULL;
}

/* Under the lock: <t> has run. */
static void done(struct group_queue *q, struct shared_task *t)
{
	t->running = false;
	if (t->again) {
		t->again = false;
		enqueue(q, th->group, t); /* this thread may run it and is awake */
	} else if (t->anywhere && !timer_armed(&t->timer)) {
		atomic_store(&t->home, 0);
	}
}

void shared_run(void)
{
	struct group_queue *q = th->group->queue;

	pthread_mutex_lock(&q->lock);
	for (unsigned n = 0; n < RUN_BUDGET; n++) {
		struct shared_task *t = take(q);

		if (!t)
			break;
		pthread_mutex_unlock(&q->lock);
		t->run(t);
		pthread_mutex_lock(&q->lock);
		done(q, t);
	}
	pthread_mutex_unlock(&q->lock);
}
