/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <stdlib.h>

/* A run of processors of a topo. */
struct run {
	unsigned first, n;
};

/* The longest run inside <in> whose processors are the <same>; the first of equal ones. */
static struct run longest(const struct topo *t, struct run in,
			  bool (*same)(const struct topo_cpu *, const struct topo_cpu *))
{
	struct run best = { in.first, 0 };

	for (unsigned i = in.first, end; i < in.first + in.n; i = end) {
		for (end = i + 1; end < in.first + in.n && same(&t->cpu[i], &t->cpu[end]);)
			end++;
		if (end - i > best.n)
			best = (struct run) { i, end - i };
	}
	return best;
}

/* The processors for <n> threads: one shared cache if they fit there, else one socket, else all. A
 * single thread is left to the kernel. */
static struct run used(const struct topo *t, unsigned n)
{
	struct run all = { 0, t->n }, package = longest(t, all, topo_same_package), domain;

	if (n == 1 || n > package.n)
		return all;
	domain = longest(t, package, topo_same_domain);
	return n > domain.n ? package : domain;
}

static unsigned ceil_div(unsigned a, unsigned b)
{
	return (a + b - 1) / b;
}

static unsigned min_u(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* As many groups as shared caches of the larger kind hold the processors. */
static unsigned auto_groups(const struct topo *t, unsigned n)
{
	struct run in = used(t, n);
	unsigned groups = ceil_div(in.n, longest(t, in, topo_same_domain).n);
	unsigned least = ceil_div(n, GROUP_THREADS_MAX);

	groups = min_u(groups, min_u(n, GROUPS_MAX));
	return groups < least ? least : groups;
}

bool plan_shape(struct plan *plan, const struct topo *topo, const struct thread_shape *wanted,
		unsigned most, char why[THREAD_WHY])
{
	unsigned n = wanted->nthreads, g = wanted->ngroups;

	if (!n) {
		n = min_u(topo->n, THREADS_MAX);
		n = most && most < n ? most : n;
		if (g && n < g)
			n = g;
		if (g && n > g * GROUP_THREADS_MAX)
			n = g * GROUP_THREADS_MAX;
	}
	if (g > GROUPS_MAX) {
		snprintf(why, THREAD_WHY, "thread-groups %u: 1 to %d are possible", g, GROUPS_MAX);
		return false;
	}
	if (n > (g ? g : GROUPS_MAX) * GROUP_THREADS_MAX || n < g) {
		snprintf(why, THREAD_WHY, "threads %u: %u to %u are possible with %u group%s", n,
			 g ? g : 1, (g ? g : GROUPS_MAX) * GROUP_THREADS_MAX, g ? g : GROUPS_MAX,
			 g == 1 ? "" : "s");
		return false;
	}
	plan->shape.nthreads = n;
	plan->shape.ngroups = g ? g : auto_groups(topo, n);
	return true;
}

/* Each group gets its share of the processors, in their order. Where all share one cache there is
 * nothing to gain: the kernel moves threads as it likes. */
static void bind_groups(struct plan *plan, const struct topo *t)
{
	struct run in = used(t, plan->shape.nthreads);
	bool one_domain = longest(t, in, topo_same_domain).n == in.n;
	unsigned groups = one_domain ? 1 : plan->shape.ngroups;

	if (plan->shape.nthreads == 1 || (groups == 1 && in.n == t->n))
		return;
	plan->bound = true;
	for (unsigned tid = 0; tid < plan->shape.nthreads; tid++) {
		unsigned g = groups == 1 ? 0 : group_of(&plan->shape, tid);
		unsigned from = in.first + in.n * g / groups,
			 to = in.first + in.n * (g + 1) / groups;

		do
			numbers_add(&plan->cpus[tid], t->cpu[from].id);
		while (++from < to);
	}
}

/* One line of the site's cpu-map. */
static bool bind_map(struct plan *plan, const struct cpu_map *map, const struct number_set *usable,
		     char why[THREAD_WHY])
{
	struct number_set left = map->cpus;
	char asked[48], may[48];
	int cpu = -1;

	numbers_keep(&left, usable);
	if (!numbers_equal(&left, &map->cpus)) {
		snprintf(why, THREAD_WHY, "the process may use only %s of the processors %s",
			 numbers_count(&left) ? numbers_format(&left, may, sizeof(may)) : "none",
			 numbers_format(&map->cpus, asked, sizeof(asked)));
		return false;
	}
	for (int t = numbers_next(&map->threads, 0); t >= 0;
	     t = numbers_next(&map->threads, (unsigned)t + 1)) {
		if (!map->each) {
			plan->cpus[t] = map->cpus;
			continue;
		}
		cpu = numbers_next(&map->cpus, (unsigned)(cpu + 1));
		plan->cpus[t] = (struct number_set) { 0 };
		numbers_add(&plan->cpus[t], (unsigned)cpu);
	}
	plan->bound = true;
	return true;
}

bool plan_bind(struct plan *plan, const struct topo *topo, struct str maps, char why[THREAD_WHY])
{
	struct number_set usable = { 0 };

	plan->bound = false;
	free(plan->cpus);
	plan->cpus = calloc(plan->shape.nthreads, sizeof(*plan->cpus));
	if (!plan->cpus) {
		snprintf(why, THREAD_WHY, "out of memory");
		return false;
	}
	if (!maps.n) {
		bind_groups(plan, topo);
		return true;
	}
	for (unsigned i = 0; i < topo->n; i++)
		numbers_add(&usable, topo->cpu[i].id);
	while (maps.n) {
		struct str line = str_cut(&maps, ';');
		struct cpu_map map;

		if (!cpu_map_read(line, &plan->shape, &map, why) ||
		    !bind_map(plan, &map, &usable, why))
			return false;
	}
	return true;
}

void plan_print(const struct plan *plan, FILE *out)
{
	const struct thread_shape *s = &plan->shape;
	char cpus[256];

	fprintf(out, "threads          %u in %u group%s\n", s->nthreads, s->ngroups,
		s->ngroups == 1 ? "" : "s");
	for (unsigned i = 0, end; i < s->nthreads; i = end) {
		unsigned g = group_of(s, i);
		const struct number_set *set = &plan->cpus[i];

		for (end = i + 1; end < s->nthreads && group_of(s, end) == g &&
				  numbers_equal(set, &plan->cpus[end]);)
			end++;
		fprintf(out, "  group %-3u threads %u-%u: processors %s\n", g + 1, i + 1, end,
			numbers_count(set) ? numbers_format(set, cpus, sizeof(cpus))
					   : "as the process");
	}
}
