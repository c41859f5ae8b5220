/* SPDX-License-Identifier: Apache-2.0 */
#include "profile.h"

#include <stdlib.h>
#include <time.h>

#include "sched.h"

/* Of one thread, which alone writes; a hash with open addresses, by function. */
struct cell {
	_Atomic(void (*)(void)) run;
	_Atomic uint64_t calls, ns, worst_ns;
};
struct profile {
	struct cell cell[PROFILE_ROWS];
};

#define LOAD(v) atomic_load_explicit(&(v), memory_order_relaxed)
#define STORE(v, x) atomic_store_explicit(&(v), (x), memory_order_relaxed)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void profile_set(bool on)
{
	for (unsigned i = 0; i < ngroups; i++)
		atomic_store(&thread_groups[i]->profiling, on);
}

static struct cell *cell_of(struct profile *p, void (*run)(void))
{
	unsigned at = (unsigned)((uintptr_t)run >> 4) % PROFILE_ROWS;

	for (unsigned i = 0; i < PROFILE_ROWS; i++, at = (at + 1) % PROFILE_ROWS) {
		void (*here)(void) = LOAD(p->cell[at].run);

		if (!here)
			atomic_store_explicit(&p->cell[at].run, run, memory_order_release);
		if (!here || here == run)
			return &p->cell[at];
	}
	return NULL;
}

static void note(struct sched *s, void (*run)(void), uint64_t ns)
{
	struct profile *p = atomic_load_explicit(&s->profile, memory_order_relaxed);
	struct cell *c;

	if (!p) {
		p = calloc(1, sizeof(*p));
		atomic_store_explicit(&s->profile, p, memory_order_release);
	}
	c = p ? cell_of(p, run) : NULL;
	if (!c)
		return;
	STORE(c->calls, LOAD(c->calls) + 1);
	STORE(c->ns, LOAD(c->ns) + ns);
	if (ns > LOAD(c->worst_ns))
		STORE(c->worst_ns, ns);
}

void profile_task(struct task *t)
{
	void (*run)(void) = (void (*)(void))t->run; /* the task may be gone afterwards */
	uint64_t begin = now_ns();

	t->run(t);
	note(th->sched, run, now_ns() - begin);
}

void profile_free(struct sched *s)
{
	free(atomic_load(&s->profile));
}

/* Adds <c> to its row of <out>. */
static unsigned add(struct profile_row *out, unsigned rows, struct cell *c)
{
	void (*run)(void) = atomic_load_explicit(&c->run, memory_order_acquire);
	unsigned i = 0;

	if (!run)
		return rows;
	while (i < rows && out[i].run != run)
		i++;
	if (i == PROFILE_ROWS)
		return rows;
	if (i == rows)
		out[rows++] = (struct profile_row) { .run = run };
	out[i].calls += LOAD(c->calls);
	out[i].ns += LOAD(c->ns);
	if (LOAD(c->worst_ns) > out[i].worst_ns)
		out[i].worst_ns = LOAD(c->worst_ns);
	return rows;
}

static int by_time(const void *pa, const void *pb)
{
	const struct profile_row *a = pa, *b = pb;

	return a->ns < b->ns ? 1 : a->ns > b->ns ? -1 : 0;
}

unsigned profile_rows(struct profile_row *out, unsigned n)
{
	struct profile_row all[PROFILE_ROWS];
	unsigned rows = 0;

	for (unsigned t = 0; t < nthreads; t++) {
		struct sched *s = threads[t]->sched; /* NULL: it has not begun */
		struct profile *p =
			s ? atomic_load_explicit(&s->profile, memory_order_acquire) : NULL;

		for (unsigned i = 0; p && i < PROFILE_ROWS; i++)
			rows = add(all, rows, &p->cell[i]);
	}
	qsort(all, rows, sizeof(*all), by_time);
	for (unsigned i = 0; i < rows && i < n; i++)
		out[i] = all[i];
	return rows < n ? rows : n;
}
