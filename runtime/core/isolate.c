/* SPDX-License-Identifier: Apache-2.0 */
#include "isolate.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "../base/bug.h"
#include "thread.h"

#define YIELDS 200 /* looks at a thread that still runs, before naps are taken */
#define NAP_NS 50000

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
/* Those that stand wait here for their <hold> to end. */
static pthread_mutex_t go_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;

void isolate_stand(void)
{
	pthread_mutex_lock(&go_lock);
	do {
		atomic_store(&th->stands, 1);
		while (atomic_load(&th->hold))
			pthread_cond_wait(&go, &go_lock);
		atomic_store(&th->stands, 0);
	} while (atomic_load(&th->hold)); /* asked again, and counted as standing */
	pthread_mutex_unlock(&go_lock);
}

/* The calling thread stands while it waits for its right. With the common right in hand it may still
 * be held by the right of its group, and does nothing but take that one. */
static void right_take(pthread_mutex_t *lock)
{
	if (pthread_mutex_trylock(lock) == 0)
		return;
	atomic_store(&th->stands, 1);
	pthread_mutex_lock(lock);
	atomic_store(&th->stands, 0);
}

static void wait_standing(const struct thread *t)
{
	static const struct timespec nap = { .tv_nsec = NAP_NS };

	for (unsigned n = 0; !atomic_load(&t->stands) && !atomic_load(&t->asleep); n++) {
		if (n < YIELDS)
			sched_yield();
		else
			nanosleep(&nap, NULL);
	}
}

static void hold_group(const struct thread_group *g)
{
	for (unsigned i = g->first; i < (unsigned)g->first + g->nthreads; i++)
		if (threads[i] != th)
			atomic_store(&threads[i]->hold, 1);
}

static void wait_group(const struct thread_group *g)
{
	for (unsigned i = g->first; i < (unsigned)g->first + g->nthreads; i++)
		if (threads[i] != th)
			wait_standing(threads[i]);
}

static void release_group(const struct thread_group *g)
{
	pthread_mutex_lock(&go_lock);
	for (unsigned i = g->first; i < (unsigned)g->first + g->nthreads; i++)
		if (threads[i] != th)
			atomic_store(&threads[i]->hold, 0);
	pthread_cond_broadcast(&go);
	pthread_mutex_unlock(&go_lock);
}

void isolate_group(void)
{
	right_take(&th->group->isolating);
	hold_group(th->group);
	wait_group(th->group);
}

void isolate_group_end(void)
{
	release_group(th->group);
	pthread_mutex_unlock(&th->group->isolating);
}

void isolate_all(void)
{
	right_take(&all_lock);
	for (unsigned i = 0; i < ngroups; i++)
		right_take(&thread_groups[i]->isolating);
	for (unsigned i = 0; i < ngroups; i++)
		hold_group(thread_groups[i]);
	for (unsigned i = 0; i < ngroups; i++)
		wait_group(thread_groups[i]);
}

void isolate_all_end(void)
{
	for (unsigned i = ngroups; i-- > 0;) {
		release_group(thread_groups[i]);
		pthread_mutex_unlock(&thread_groups[i]->isolating);
	}
	pthread_mutex_unlock(&all_lock);
}
