/* SPDX-License-Identifier: Apache-2.0 */
#include "thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "../base/bug.h"
#include "buf.h"
#include "clock.h"
#include "fd.h"
#include "isolate.h"
#include "poll.h"
#include "pool.h"
#include "profile.h"
#include "sched.h"
#include "shared.h"
#include "topo.h"
#include "watchdog.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
#define STACK_SIZE ((size_t)1 << 20) /* instrumented frames are larger */
#else
#define STACK_SIZE ((size_t)256 << 10)
#endif
#define TRIM_RETURN                                                                                \
	((size_t)256 << 10) /* freed bytes from which the allocator is asked to return pages */

_Thread_local struct thread *th;
struct thread **threads;
unsigned nthreads;

/* A call for thread_call; lives from the call until it has run. */
struct call {
	struct task task;
	void (*fn)(void *);
	void *arg;
};

static struct pool call_pool;
static struct shared_task page_task;
static const struct thread_config *config;
struct thread_group *thread_groups[GROUPS_MAX];
unsigned ngroups;

/* Starting goes by turns: <start_turn> is the tid whose start function may run, until it reaches
 * <start_end>. */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t start_cond = PTHREAD_COND_INITIALIZER;
static unsigned start_turn, start_end;
static bool start_failed;

/* Threads that thread_stop_all may wake; 0 while they are set up or taken down. */
static _Atomic unsigned stoppable;

void thread_wake(struct thread *t)
{
	if (atomic_load(&t->asleep) && atomic_exchange(&t->asleep, 0)) {
		atomic_fetch_add_explicit(&t->wakeups, 1, memory_order_relaxed);
		t->poller->wake(t);
	}
}

bool thread_sleep(struct thread *t)
{
	atomic_store(&t->asleep, 1);
	if (sched_inbox_empty(t->sched) && !shared_waiting() && !atomic_load(&t->stop))
		return true;
	thread_awake(t);
	return false;
}

void thread_awake(struct thread *t)
{
	atomic_store(&t->asleep, 0);
	if (__builtin_expect(atomic_load(&t->hold), 0))
		isolate_stand();
}

uint64_t group_sleeping(const struct thread_group *g)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < g->nthreads; i++)
		if (atomic_load(&threads[g->first + i]->asleep))
			mask |= UINT64_C(1) << i;
	return mask;
}

void thread_stop_all(void)
{
	unsigned n = atomic_load(&stoppable);

	for (unsigned i = 0; i < n; i++) {
		atomic_store(&threads[i]->stop, true);
		thread_wake(threads[i]);
	}
}

static void call_run(struct task *t)
{
	struct call *c = CONTAINER(t, struct call, task);
	void (*fn)(void *) = c->fn;
	void *arg = c->arg;

	pool_put(&call_pool, c);
	fn(arg);
}

int thread_call(unsigned tid, void (*fn)(void *), void *arg)
{
	struct call *c = pool_get(&call_pool);

	if (!c)
		return -1;
	BUG_ON(tid >= nthreads);
	memset(&c->task, 0, sizeof(c->task));
	c->task.run = call_run;
	c->task.tid = (uint16_t)tid;
	c->task.class = TASK_URGENT;
	c->fn = fn;
	c->arg = arg;
	task_wake_remote(&c->task);
	return 0;
}

/* xoroshiro128+ (Blackman and Vigna), public domain. */
uint64_t thread_random(void)
{
	uint64_t a = th->rng[0], b = th->rng[1], sum = a + b;

	b ^= a;
	th->rng[0] = (a << 24 | a >> 40) ^ b ^ b << 16;
	th->rng[1] = b << 37 | b >> 27;
	return sum;
}

/* The C library goes through all its heaps for this: one thread does it for all. */
static void return_pages(struct shared_task *t)
{
	(void)t;
#if defined(__GLIBC__)
	malloc_trim(0);
#endif
}

/* Gives back what the caches have not needed for a while, and once much has come together, pages to
 * the system. */
static void trim(void)
{
	static _Thread_local size_t freed;
	bool again = false;

	freed += pool_trim(&again) + buf_trim(&again);
	th->trim_at = again ? th->now + THREAD_TRIM_MS : 0;
	if (freed >= TRIM_RETURN && !again) {
		shared_wake(&page_task);
		freed = 0;
	}
}

/* Another thread has run out of memory. */
static void squeeze(void)
{
	bool again = false;

	atomic_store(&th->squeeze, false);
	pool_squeeze_own();
	buf_trim(&again);
	buf_trim(&again); /* what has rested since the first one, too */
}

uint64_t thread_until(void)
{
	uint64_t until = sched_until(th->sched, th->now);

	return th->trim_at && (!until || th->trim_at < until) ? th->trim_at : until;
}

static void loop(void)
{
	while (!atomic_load_explicit(&th->stop, memory_order_relaxed)) {
		if (__builtin_expect(atomic_load_explicit(&th->hold, memory_order_relaxed), 0))
			isolate_stand();
		if (__builtin_expect(atomic_load_explicit(&th->squeeze, memory_order_relaxed), 0))
			squeeze();
		th->turns++;
		if (th->turn)
			th->turn();
		th->poller->wait(th, thread_until());
		sched_tasks(th->sched);
		sched_timers(th->sched, th->now);
		if (th->trim_at && th->now >= th->trim_at)
			trim();
	}
}

/* Structures of this thread, made on it so that its memory is near. */
static int setup(void)
{
	struct thread *t = th;

	t->sched = aligned_alloc(64, (sizeof(*t->sched) + 63) & ~(size_t)63);
	if (!t->sched)
		return -1;
	memset(t->sched, 0, sizeof(*t->sched));
	clock_turn(t);
	sched_init(t->sched, t->now);
	if (getrandom(t->rng, sizeof(t->rng), GRND_NONBLOCK) != (ssize_t)sizeof(t->rng))
		t->rng[0] = t->now_us + t->tid;
	t->rng[1] |= 1;
	if (pool_thread_start(t->tid, t->group->id, nthreads) != 0 || buf_thread_start() != 0)
		return -1;
	return t->poller->start(t);
}

/* Waits for the turn of this thread, sets it up and passes the turn on. Whether the start function
 * succeeded. */
static bool start(void)
{
	bool ok = false;

	pthread_mutex_lock(&start_lock);
	while (start_turn != th->tid)
		pthread_cond_wait(&start_cond, &start_lock);
	if (!start_failed) {
		ok = setup() == 0 && (!config->start || config->start(th) == 0);
		if (!ok)
			fprintf(stderr, "weir: thread %u could not be started\n", th->tid + 1u);
		start_failed = !ok;
	}
	start_turn++;
	pthread_cond_broadcast(&start_cond);
	while (start_turn < start_end)
		pthread_cond_wait(&start_cond, &start_lock);
	pthread_mutex_unlock(&start_lock);
	return ok;
}

/* The stop function closes what the thread has; each io_close is seen through to its closed(). */
static void finish(void)
{
	if (config->stop)
		config->stop(th);
	sched_tasks(th->sched);
	while (th->closing) {
		if (th->turn)
			th->turn();
		th->poller->wait(th, th->now);
		sched_tasks(th->sched);
		if (th->turn)
			th->turn();
	}
}

/* To the processors of its own. A processor that has gone since the plan was made is no reason to
 * stop: the thread then runs where the process may. */
static void bind_cpus(const struct number_set *cpus)
{
	if (numbers_count(cpus))
		topo_restrict(cpus);
}

static void *thread_main(void *arg)
{
	bool ok;

	th = arg;
	if (config->cpus)
		bind_cpus(&config->cpus[th->tid]);
	ok = start();
	if (!start_failed) {
		atomic_store(&th->stands, 0);
		if (atomic_load(&th->hold))
			isolate_stand();
		watchdog_start(config->watchdog_warn_ms, config->watchdog_abort_ms);
		loop();
		watchdog_stop();
	}
	if (ok)
		finish();
	if (th->poll && th->poller->leave)
		th->poller->leave(th);
	atomic_store(&th->stands, 1);
	if (th->bufs)
		buf_thread_stop();
	pool_thread_stop();
	return NULL;
}

static int build_threads(void)
{
	unsigned n = nthreads, ng = ngroups;
	struct thread_shape shape = { n, ng };

	threads = calloc(n, sizeof(*threads));
	for (unsigned g = 0; threads && g < ng; g++) {
		thread_groups[g] = calloc(1, sizeof(*thread_groups[g]));
		if (!thread_groups[g] || !(thread_groups[g]->fds = fd_table_new()) ||
		    !(thread_groups[g]->queue = group_queue_new()))
			return -1;
		thread_groups[g]->id = (uint16_t)g;
		pthread_mutex_init(&thread_groups[g]->isolating, NULL);
		thread_groups[g]->first = (uint16_t)group_first(&shape, g);
		thread_groups[g]->nthreads = (uint16_t)group_size(&shape, g);
	}
	for (unsigned i = 0; threads && i < n; i++) {
		unsigned g = group_of(&shape, i);

		threads[i] = aligned_alloc(64, (sizeof(**threads) + 63) & ~(size_t)63);
		if (!threads[i])
			return -1;
		memset(threads[i], 0, sizeof(**threads));
		threads[i]->stands = 1; /* until its loop begins */
		threads[i]->tid = (uint16_t)i;
		threads[i]->ltid = (uint16_t)(i - thread_groups[g]->first);
		threads[i]->group = thread_groups[g];
		threads[i]->poller = config->poller;
	}
	return threads ? 0 : -1;
}

/* All loops have ended. What is left in an inbox is forgotten; calls are given back. */
static void thread_free(struct thread *t)
{
	struct task *task;

	while (t->sched && (task = sched_inbox_pop(t->sched)))
		if (task->run == call_run)
			pool_put(&call_pool, CONTAINER(task, struct call, task));
	for (unsigned c = 0; t->sched && c < TASK_CLASSES; c++) {
		struct list *node;

		while ((node = list_shift(&t->sched->run[c])))
			if (CONTAINER(node, struct task, link)->run == call_run)
				pool_put(&call_pool, CONTAINER(node, struct call, task.link));
	}
	if (t->poll)
		t->poller->stop(t);
	free(t->bufs);
	if (t->sched)
		profile_free(t->sched);
	free(t->sched);
	free(t);
}

static void free_threads(void)
{
	for (unsigned i = 0; threads && i < nthreads; i++)
		if (threads[i])
			thread_free(threads[i]);
	free(threads);
	threads = NULL;
	nthreads = 0;
	th = NULL;
	fd_claims_free();
	for (unsigned g = 0; g < GROUPS_MAX; g++) {
		if (thread_groups[g]) {
			fd_table_free(&thread_groups[g]->fds);
			group_queue_free(&thread_groups[g]->queue);
		}
		free(thread_groups[g]);
		thread_groups[g] = NULL;
	}
}

/* Starts the other threads, runs the loop of this one, joins them. */
static int run_threads(void)
{
	pthread_t *handles = calloc(nthreads, sizeof(*handles));
	unsigned made = 1;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	start_turn = 0;
	start_end = nthreads;
	start_failed = !handles;
	while (!start_failed && made < nthreads) {
		if (pthread_create(&handles[made], &attr, thread_main, threads[made]) != 0)
			break;
		made++;
	}
	pthread_attr_destroy(&attr);
	if (made < nthreads) {
		fprintf(stderr, "weir: cannot create thread %u of %u\n", made + 1, nthreads);
		pthread_mutex_lock(&start_lock);
		start_failed = true;
		start_end = made;
		pthread_mutex_unlock(&start_lock);
	}
	thread_main(threads[0]);
	for (unsigned i = 1; i < made; i++)
		pthread_join(handles[i], NULL);
	free(handles);
	return start_failed ? -1 : 0;
}

int thread_run(const struct thread_config *cfg)
{
	int r = -1;

	BUG_ON(cfg->nthreads == 0 || cfg->ngroups > GROUPS_MAX || cfg->ngroups > cfg->nthreads);
	BUG_ON(cfg->nthreads > (cfg->ngroups ? cfg->ngroups : 1) * GROUP_THREADS_MAX);
	config = cfg;
	nthreads = cfg->nthreads;
	ngroups = cfg->ngroups ? cfg->ngroups : 1;
	pool_init(&call_pool, "call", sizeof(struct call));
	task_new_anywhere(&page_task, TASK_BULK, return_pages);
	buf_setup(cfg->buffers_max, nthreads);
	if (build_threads() == 0) {
		atomic_store(&stoppable, nthreads);
		r = run_threads();
		atomic_store(&stoppable, 0);
	} else {
		fputs("weir: out of memory for threads\n", stderr);
	}
	free_threads();
	return r;
}
