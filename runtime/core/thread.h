/* SPDX-License-Identifier: Apache-2.0 */
/* thread: one loop per thread; threads form groups of at most 64. Nothing is shared between threads
 * unless a type says so. th is the calling thread's own; the structures of a group are reached by
 * th->group. */
#ifndef WEIR_CORE_THREAD_H
#define WEIR_CORE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../base/thread_name.h"
#include "task.h"

#define THREAD_TRIM_MS 1000

struct poller;

struct thread_group {
	uint16_t id, nthreads;
	uint16_t first; /* tid of its first thread */
	struct fd_table *fds; /* descriptors of this group */
	struct group_queue *queue; /* shared tasks */
	_Atomic bool profiling; /* times tasks; see profile.h */
	pthread_mutex_t isolating; /* right to isolate this group; see isolate.h */
};

/* What a poller has done; the owner counts, others may read. */
struct poll_count {
	uint64_t turns, waits; /* loop turns; of them with a system call for events */
	uint64_t events, stale; /* from the kernel; of a former use of the descriptor, dropped */
	uint64_t recvs, recvs_empty, sends, accepts; /* system calls; receives that found nothing */
	uint64_t enters; /* io_uring: system calls for its rings, and receives made apart */
	uint64_t spliced; /* bytes that passed from socket to socket by splice(2) */
	uint32_t lent; /* io_uring: buffers that wait with the kernel for bytes */
};

/* Body bytes that were copied to output buffers instead of passed by reference, and how many
 * times; likewise. */
struct copy_count {
	_Atomic uint64_t times, bytes;
};

struct thread {
	uint16_t tid; /* 0 to nthreads-1 */
	uint16_t ltid; /* number inside its group */
	struct thread_group *group;
	uint64_t now; /* tick, read in each turn that asks for events */
	uint64_t now_us; /* same clock, in microseconds */
	uint64_t wall_us; /* 0: not asked for in this turn */
	uint32_t closing; /* io_close without closed() so far */
	uint64_t trim_at; /* tick of the next trim of the caches; 0: nothing to trim */
	const struct poller *poller;
	struct poller_state *poll; /* private to the poller */
	struct poll_count polled;
	struct copy_count copied;
	uint64_t turns; /* of its loop */
	struct sched *sched; /* run queues, timers, inbox */
	struct buf_pool *bufs;
	void (*turn)(void); /* set by net: ends each loop turn, before the wait */
	void *log; /* ring of ops/log */
	void *proxy; /* per-thread data of the proxy layer */
	uint64_t rng[2]; /* state of thread_random */
	_Alignas(64) _Atomic uint32_t asleep; /* in the poller: a wake-up is needed */
	_Atomic uint32_t hold, stands; /* asked to stand still / does; see isolate.h */
	_Atomic bool squeeze; /* memory is short: give up what rests here */
	_Atomic uint64_t wakeups; /* ends of its sleep by others; counter */
	_Atomic uint32_t load; /* connections owned, for accept; written by the owner */
	_Atomic bool stop;
};

extern _Thread_local struct thread *th;
extern struct thread **threads; /* all of them, by tid */
extern unsigned nthreads;
extern struct thread_group *thread_groups[GROUPS_MAX];
extern unsigned ngroups;

struct thread_config {
	unsigned nthreads, ngroups;
	const struct number_set *cpus; /* processors by tid, empty: as the process; or NULL */
	const struct poller *poller;
	uint32_t watchdog_warn_ms, watchdog_abort_ms; /* see watchdog.h; 0: not watched */
	uint32_t buffers_max; /* per process; 0: no limit but the memory */
	/* Called on each thread, in tid order, before the loop starts / after it has ended. */
	int (*start)(struct thread *);
	void (*stop)(struct thread *);
};

/* Starts <cfg>->nthreads threads, the calling one is tid 0, and returns when all loops have ended.
 * 0, or -1 with a message on stderr when a thread or its start could not be set up. */
int thread_run(const struct thread_config *cfg);
/* Any thread: ends the sleep of <t> in its poller, if it sleeps. */
void thread_wake(struct thread *t);
/* For pollers: announces sleep; false when there is work and the thread must not sleep.
 * thread_awake ends it. */
bool thread_sleep(struct thread *t);
void thread_awake(struct thread *t);
/* For pollers: the tick until which the calling thread has nothing to do, as given to <wait>; to be
 * asked again when completions have been delivered since. */
uint64_t thread_until(void);
/* Mask of the local threads of <g> that sleep in their poller; may be outdated at once. The flags
 * are kept per thread, as a common word would be written by all threads of the group in every
 * turn. */
uint64_t group_sleeping(const struct thread_group *g);
/* Any thread or signal handler: every loop ends after its present turn. */
void thread_stop_all(void);
/* Any thread: calls <fn>(<arg>) once on thread <tid>, in its loop. 0, or -1 when memory is out. */
int thread_call(unsigned tid, void (*fn)(void *), void *arg);
/* Caches of the calling thread have grown: they are trimmed in a second, and until nothing is left
 * to trim. */
static inline void thread_trim_soon(void)
{
	if (th && !th->trim_at)
		th->trim_at = th->now + THREAD_TRIM_MS;
}
/* Not for secrets. */
uint64_t thread_random(void);
/* Microseconds of the monotonic clock, read now. Wall clock: seconds and microseconds of the epoch,
 * cached per turn. */
uint64_t clock_now_us(void);
uint64_t clock_wall_us(void);

#endif
