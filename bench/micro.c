/* SPDX-License-Identifier: Apache-2.0 */
/* micro: nanoseconds of the runtime's smallest steps, each beside a naive version of the same work:
 * micro [ROUNDS]. Every figure is the least of some rounds; it asserts nothing.
 * micro --count STEP N: does that step N times, for who counts instructions from outside
 * (tests/build/costs): task, timer, timer-many, turn, pool. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../runtime/core/poll.h"
#include "../runtime/core/pool.h"
#include "../runtime/core/sched.h"
#include "../runtime/core/thread.h"

#define FEW 1000 /* armed timers, or MANY */
#define MANY 1000000 /* armed timers */
#define PINGS 20000

static unsigned rounds = 7;
static unsigned steps = 200000; /* of a round */
static const char *counted; /* the only one to be done, or NULL */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The least time of one of <n> steps that <run> takes. */
static double least(double (*run)(void))
{
	double best = run();

	for (unsigned i = 1; i < rounds; i++) {
		double t = run();

		best = t < best ? t : best;
	}
	return best;
}

static void row(const char *what, double ours, double naive, const char *is)
{
	printf("%-44s %8.1f %8.1f  %s\n", what, ours, naive, is);
	fflush(stdout);
}

/* -- a task is woken and run ---------------------------------------------------------------------- */

static struct task tasks[64];
static unsigned left;

static void run_task(struct task *t)
{
	if (left) {
		left--;
		task_wake(t);
	}
}

static double task_ours(void)
{
	double begin = now_ns();

	left = steps;
	for (unsigned i = 0; i < 64; i++)
		task_wake(&tasks[i]);
	while (left)
		sched_tasks(th->sched);
	begin = now_ns() - begin;
	sched_tasks(th->sched);
	return begin / steps;
}

/* A queue of allocated calls under a lock. */
struct call {
	struct call *next;
	void (*fn)(void *);
	void *arg;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct call *first, **last = &first;

static void queue_put(void (*fn)(void *), void *arg)
{
	struct call *c = malloc(sizeof(*c));

	*c = (struct call) { .fn = fn, .arg = arg };
	pthread_mutex_lock(&lock);
	*last = c;
	last = &c->next;
	pthread_mutex_unlock(&lock);
}

static struct call *queue_get(void)
{
	struct call *c;

	pthread_mutex_lock(&lock);
	c = first;
	if (c && !(first = c->next))
		last = &first;
	pthread_mutex_unlock(&lock);
	return c;
}

static void run_naive(void *arg)
{
	if (left) {
		left--;
		queue_put(run_naive, arg);
	}
}

static double task_naive(void)
{
	double begin = now_ns();
	struct call *c;

	left = steps;
	for (unsigned i = 0; i < 64; i++)
		queue_put(run_naive, NULL);
	while ((c = queue_get())) {
		c->fn(c->arg);
		free(c);
	}
	return (now_ns() - begin) / steps;
}

/* -- timers --------------------------------------------------------------------------------------- */

static struct timer *timers;
static unsigned armed;

static void fire(struct timer *t)
{
	(void)t;
}

static uint64_t some_time(unsigned i)
{
	return th->now + 1000 + (uint64_t)i * 2654435761u % 60000;
}

static double timer_ours(void)
{
	double begin = now_ns();

	for (unsigned i = 0; i < steps; i++) {
		struct timer *t = &timers[(uint64_t)i * 40503 % armed];

		timer_del(t);
		timer_set(t, some_time(i));
	}
	return (now_ns() - begin) / steps;
}

/* A binary heap, with each timer's place in it. */
struct heap_timer {
	uint64_t at;
	unsigned place;
};
static struct heap_timer *naive;
static struct heap_timer **heap;

static void heap_to(unsigned i, struct heap_timer *t)
{
	heap[i] = t;
	t->place = i;
}

static void heap_move(struct heap_timer *t, uint64_t at)
{
	unsigned i = t->place, child;

	t->at = at;
	while (i && heap[(i - 1) / 2]->at > at) {
		heap_to(i, heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	while ((child = 2 * i + 1) < armed) {
		if (child + 1 < armed && heap[child + 1]->at < heap[child]->at)
			child++;
		if (heap[child]->at >= at)
			break;
		heap_to(i, heap[child]);
		i = child;
	}
	heap_to(i, t);
}

static double timer_naive(void)
{
	double begin = now_ns();

	for (unsigned i = 0; i < steps; i++)
		heap_move(&naive[(uint64_t)i * 40503 % armed], some_time(i));
	return (now_ns() - begin) / steps;
}

/* A turn of the loop in which no timer is due. */
static double turn_ours(void)
{
	double begin = now_ns();

	for (unsigned i = 0; i < steps; i++)
		sched_timers(th->sched, th->now);
	return (now_ns() - begin) / steps;
}

static void arm_timers(unsigned n)
{
	armed = n;
	for (unsigned i = 0; i < n; i++) {
		timers[i].fire = fire;
		timer_set(&timers[i], some_time(i));
	}
}

static void measure_timers(unsigned n)
{
	char what[60];

	arm_timers(n);
	for (unsigned i = 0; i < n; i++) {
		naive[i].at = 0;
		heap_to(i, &naive[i]);
	}
	for (unsigned i = 0; i < n; i++)
		heap_move(&naive[i], some_time(i));
	snprintf(what, sizeof(what), "timer taken out and set, %u armed", n);
	row(what, least(timer_ours), least(timer_naive), "binary heap");
	snprintf(what, sizeof(what), "turn with no timer due, %u armed", n);
	row(what, least(turn_ours), 0, "");
	for (unsigned i = 0; i < n; i++)
		timer_del(&timers[i]);
}

/* -- pools ---------------------------------------------------------------------------------------- */

static struct pool pool;
static void *held[256];

static double pool_ours(void)
{
	double begin = now_ns();

	for (unsigned i = 0; i < steps; i++) {
		unsigned k = (unsigned)((uint64_t)i * 2654435761u >> 7) % 16;

		if (held[k])
			pool_put(&pool, held[k]);
		held[k] = pool_get(&pool);
	}
	begin = now_ns() - begin;
	for (unsigned k = 0; k < 16; k++) {
		pool_put(&pool, held[k]);
		held[k] = NULL;
	}
	return begin / steps;
}

static double pool_naive(void)
{
	double begin = now_ns();

	for (unsigned i = 0; i < steps; i++) {
		unsigned k = (unsigned)((uint64_t)i * 2654435761u >> 7) % 16;

		free(held[k]);
		held[k] = malloc(192);
	}
	begin = now_ns() - begin;
	for (unsigned k = 0; k < 16; k++) {
		free(held[k]);
		held[k] = NULL;
	}
	return begin / steps;
}

/* -- another thread is woken ---------------------------------------------------------------------- */

static struct task ping, pong;
static double ping_begin;
static unsigned pings, ping_round;
static double ping_best;

static void run_ping(struct task *t)
{
	(void)t;
	if (pings++ < PINGS) {
		task_wake_remote(&pong);
		return;
	}
	ping_begin = (now_ns() - ping_begin) / PINGS / 2;
	if (!ping_round || ping_begin < ping_best)
		ping_best = ping_begin;
	if (++ping_round == rounds) {
		thread_stop_all();
		return;
	}
	pings = 0;
	ping_begin = now_ns();
	task_wake_remote(&pong);
}

static void run_pong(struct task *t)
{
	(void)t;
	task_wake_remote(&ping);
}

/* Two threads, a condition for each. */
static pthread_cond_t turn[2] = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };
static unsigned whose;

static void pass(unsigned me)
{
	for (unsigned i = 0; i < PINGS; i++) {
		pthread_mutex_lock(&lock);
		while (whose != me)
			pthread_cond_wait(&turn[me], &lock);
		whose = !me;
		pthread_cond_signal(&turn[!me]);
		pthread_mutex_unlock(&lock);
	}
}

static void *pass_other(void *arg)
{
	pass(1);
	return arg;
}

static double wake_naive(void)
{
	double begin = now_ns();
	pthread_t other;

	pthread_create(&other, NULL, pass_other, NULL);
	pass(0);
	pthread_join(other, NULL);
	return (now_ns() - begin) / PINGS / 2;
}

/* Does the step that is <counted>, once through; false: there is none of that name. */
static bool count_step(void)
{
	static const struct {
		const char *name;
		double (*run)(void);
		unsigned armed;
	} all[] = {
		{ "task", task_ours, 0 },           { "timer", timer_ours, FEW },
		{ "timer-many", timer_ours, MANY }, { "turn", turn_ours, FEW },
		{ "pool", pool_ours, 0 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (strcmp(counted, all[i].name) != 0)
			continue;
		arm_timers(all[i].armed);
		all[i].run();
		thread_stop_all();
		return true;
	}
	return false;
}

static int start(struct thread *t)
{
	if (t->tid == 1) {
		task_init(&pong, TASK_NORMAL, run_pong);
		task_wake(&pong);
		ping_begin = now_ns();
		return 0;
	}
	for (unsigned i = 0; i < 64; i++)
		task_init(&tasks[i], TASK_NORMAL, run_task);
	if (counted)
		return count_step() ? 0 : -1;
	task_init(&ping, TASK_NORMAL, run_ping);
	row("task woken and run", least(task_ours), least(task_naive),
	    "locked queue of allocated calls");
	measure_timers(FEW);
	measure_timers(MANY);
	row("object taken and given back, 192 bytes", least(pool_ours), least(pool_naive),
	    "malloc and free");
	return 0;
}

int main(int argc, char **argv)
{
	struct thread_config cfg = { .nthreads = 2, .poller = &poller_epoll, .start = start };
	double other;

	if (argc == 4 && strcmp(argv[1], "--count") == 0) {
		counted = argv[2];
		steps = (unsigned)strtoul(argv[3], NULL, 10);
		cfg.nthreads = 1;
	} else if (argc > 1) {
		rounds = (unsigned)strtoul(argv[1], NULL, 10);
	}
	if ((argc > 2 && !counted) || !rounds) {
		fputs("usage: micro [ROUNDS] | --count STEP steps\n", stderr);
		return 2;
	}
	pool_init(&pool, "micro", 192);
	timers = calloc(MANY, sizeof(*timers));
	naive = calloc(MANY, sizeof(*naive));
	heap = calloc(MANY, sizeof(*heap));
	if (!timers || !naive || !heap)
		return 1;
	if (counted)
		return thread_run(&cfg) != 0;
	printf("%-44s %8s %8s\n", "nanoseconds", "weir", "naive");
	other = least(wake_naive);
	if (thread_run(&cfg) != 0)
		return 1;
	row("sleeping thread woken by another one", ping_best, other, "condition variable");
	return 0;
}
