/* SPDX-License-Identifier: Apache-2.0 */
/* thread: one loop per thread; threads form groups of at most 64. Nothing is shared between threads unless a type
 * says so. th is the calling thread's own; the structures of a group are reached by th->group. */
#ifndef WEIR_CORE_THREAD_H
#define WEIR_CORE_THREAD_H

#include <stdatomic.h>
#include <stdint.h>

#include "task.h"

#define GROUPS_MAX 16
#define GROUP_THREADS_MAX 64

struct poller;

struct thread_group {
	uint16_t id, nthreads;
	uint16_t first;             /* tid of its first thread */
	struct fd_table *fds;       /* descriptors of this group */
	_Atomic uint64_t sleeping;  /* mask of local threads in the poller */
};

struct thread {
	uint16_t tid;               /* 0 to nthreads-1 */
	uint16_t ltid;              /* number inside its group */
	struct thread_group *group;
	uint64_t now;                   /* tick, read once per loop turn */
	uint64_t now_us;            /* same clock, in microseconds */
	struct poller_state *poll;  /* private to the poller */
	struct sched *sched;        /* run queues, timers, inbox */
	struct pool_cache *pools;   /* one per pool */
	struct buf_pool *bufs;
	_Atomic uint32_t load;      /* connections owned, for accept */
	void *log;                  /* ring of ops/log */
	void *proxy;                /* per-thread data of the proxy layer */
	uint64_t rng[2];            /* state of thread_random */
};

extern _Thread_local struct thread *th;
extern struct thread **threads; /* all of them, by tid */
extern unsigned nthreads;

struct thread_config {
	unsigned nthreads, ngroups;
	const struct poller *poller;
	uint32_t buffers_max;       /* per process; 0: no limit but the memory */
	/* Called on each thread, in tid order, before the loop starts / after it has ended. */
	int (*start)(struct thread *);
	void (*stop)(struct thread *);
};

/* Starts <cfg>->nthreads threads, the calling one is tid 0, and returns when all loops have ended.
 * 0, or -1 with a message on stderr when a thread or its start could not be set up. */
int thread_run(const struct thread_config *cfg);
/* Any thread or signal handler: every loop ends after its present turn. */
void thread_stop_all(void);
/* Any thread: calls <fn>(<arg>) once on thread <tid>, in its loop. 0, or -1 when memory is out. */
int thread_call(unsigned tid, void (*fn)(void *), void *arg);
/* Not for secrets. */
uint64_t thread_random(void);
/* Microseconds of the monotonic clock, read now. Wall clock: seconds and microseconds of the epoch, cached per turn. */
uint64_t clock_now_us(void);
uint64_t clock_wall_us(void);

#endif
