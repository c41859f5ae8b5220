/* SPDX-License-Identifier: Apache-2.0 */
#include "thread_name.h"

#include <stdarg.h>
#include <stdio.h>

/* One half of a spelling: N, N-M or all (lo 0). */
struct half {
	unsigned lo, hi;
};

static __attribute__((format(printf, 2, 3))) bool refuse(char why[THREAD_WHY], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, THREAD_WHY, fmt, ap);
	va_end(ap);
	return false;
}

static bool read_half(struct str s, struct half *out)
{
	struct str hi = s, lo = str_cut(&hi, '-');
	uint64_t a, b;

	*out = (struct half) { 0, 0 };
	if (str_eq(s, S("all")))
		return true;
	if (!str_u64(lo, 1000000, &a) || a == 0)
		return false;
	b = a;
	if (hi.p && (!str_u64(hi, 1000000, &b) || b < a))
		return false;
	*out = (struct half) { (unsigned)a, (unsigned)b };
	return true;
}

/* Threads by their number in the process. */
static bool add_global(struct half t, const struct thread_shape *shape, struct number_set *out,
		       char why[THREAD_WHY])
{
	if (t.hi > (shape->nthreads ? shape->nthreads : THREADS_MAX))
		return refuse(why, "there are %s%u threads", shape->nthreads ? "" : "at most ",
			      shape->nthreads ? shape->nthreads : THREADS_MAX);
	if (!t.lo) {
		t.lo = 1;
		t.hi = shape->nthreads;
	} else if (shape->nthreads && shape->ngroups &&
		   group_of(shape, t.lo - 1) != group_of(shape, t.hi - 1)) {
		unsigned g = group_of(shape, t.lo - 1);

		return refuse(why, "it crosses the end of group %u, which is thread %u", g + 1,
			      group_first(shape, g + 1));
	}
	for (unsigned i = t.lo; shape->nthreads && i <= t.hi; i++)
		numbers_add(out, i - 1);
	return true;
}

/* Threads <t> of group <g>. */
static bool add_of_group(unsigned g, struct half t, const struct thread_shape *shape,
			 struct number_set *out, char why[THREAD_WHY])
{
	unsigned size = group_size(shape, g), first = group_first(shape, g);

	if (t.hi > size)
		return refuse(why, "group %u has %u thread%s", g + 1, size, size == 1 ? "" : "s");
	for (unsigned i = t.lo ? t.lo : 1; i <= (t.lo ? t.hi : size); i++)
		numbers_add(out, first + i - 1);
	return true;
}

static bool add_grouped(struct half g, struct half t, const struct thread_shape *shape,
			struct number_set *out, char why[THREAD_WHY])
{
	unsigned groups = shape->ngroups ? shape->ngroups : GROUPS_MAX;

	if (g.hi > groups)
		return refuse(why, "there %s %s%u group%s", groups == 1 ? "is" : "are",
			      shape->ngroups ? "" : "at most ", groups, groups == 1 ? "" : "s");
	if (t.hi > GROUP_THREADS_MAX)
		return refuse(why, "a group has at most %d threads", GROUP_THREADS_MAX);
	if (!g.lo)
		g = (struct half) { 1, groups };
	for (unsigned i = g.lo; shape->nthreads && shape->ngroups && i <= g.hi; i++)
		if (!add_of_group(i - 1, t, shape, out, why))
			return false;
	return true;
}

bool thread_names(struct str text, const struct thread_shape *shape, struct number_set *out,
		  char why[THREAD_WHY])
{
	bool global = false, grouped = false;

	*out = (struct number_set) { 0 };
	do {
		struct str one = str_cut(&text, ','), threads = one, group = str_cut(&threads, '/');
		struct half g, t;

		if (!read_half(group, &g) || (threads.p && !read_half(threads, &t)))
			return refuse(why, "it is N, N-M or all, and the same after GROUP/");
		global |= !threads.p && g.lo;
		grouped |= threads.p != NULL;
		if (global && grouped)
			return refuse(why, "numbers of the process and of a group do not mix");
		if (threads.p ? !add_grouped(g, t, shape, out, why)
			      : !add_global(g, shape, out, why))
			return false;
	} while (text.p);
	return true;
}

bool cpu_map_read(struct str line, const struct thread_shape *shape, struct cpu_map *out,
		  char why[THREAD_WHY])
{
	struct str rest = str_trim(line), threads = str_cut(&rest, ' '), cpus;

	rest = str_trim(rest);
	cpus = str_cut(&rest, ' ');
	rest = str_trim(rest);
	out->each = str_eq(rest, S("each"));
	if (!thread_names(threads, shape, &out->threads, why))
		return false;
	if (!cpus.n || (rest.n && !out->each) || !numbers_parse(cpus, &out->cpus))
		return refuse(why, "processors are written 0-3,8, and each may follow");
	if (out->each && shape->nthreads && shape->ngroups &&
	    numbers_count(&out->cpus) != numbers_count(&out->threads))
		return refuse(why, "each: %u processors for %u threads", numbers_count(&out->cpus),
			      numbers_count(&out->threads));
	return true;
}
