/* SPDX-License-Identifier: Apache-2.0 */
#include "topo.h"

#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>

#define CACHES 10 /* cache/index0 and on */
#define LAST_LEVEL 3

void topo_allowed(struct number_set *out)
{
	cpu_set_t set;

	*out = (struct number_set) { 0 };
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		CPU_ZERO(&set);
	for (unsigned i = 0; i < CPU_SETSIZE && i < NUMBERS_MAX; i++)
		if (CPU_ISSET(i, &set))
			numbers_add(out, i);
}

bool topo_restrict(const struct number_set *cpus)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = numbers_next(cpus, 0); i >= 0; i = numbers_next(cpus, (unsigned)i + 1))
		CPU_SET((unsigned)i, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

/* The first line of a file of the tree; false when there is none. */
static __attribute__((format(printf, 4, 5))) bool line_of(const char *sysfs, char *line,
							  size_t room, const char *fmt, ...)
{
	char path[512];
	va_list ap;
	size_t n;
	FILE *f;
	bool ok;

	n = (size_t)snprintf(path, sizeof(path), "%s/devices/system/", sysfs);
	if (n >= sizeof(path))
		return false;
	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(path) - n, fmt, ap);
	va_end(ap);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(line, (int)room, f) != NULL;
	fclose(f);
	if (ok)
		line[strcspn(line, "\n")] = 0;
	return ok;
}

static int number_of(const char *line)
{
	uint64_t n;

	return str_u64(str_from(line), INT16_MAX, &n) ? (int)n : -1;
}

/* The lowest number of a list, or -1. */
static int lowest(const char *line)
{
	struct number_set set;

	return numbers_parse(str_from(line), &set) ? numbers_next(&set, 0) : -1;
}

/* Lowest processor that shares the cache of level 3 of <cpu>. */
static int cache_of(const char *sysfs, unsigned cpu)
{
	char line[4096];

	for (unsigned i = 0; i < CACHES; i++) {
		if (!line_of(sysfs, line, sizeof(line), "cpu/cpu%u/cache/index%u/level", cpu, i))
			break;
		if (number_of(line) == LAST_LEVEL &&
		    line_of(sysfs, line, sizeof(line), "cpu/cpu%u/cache/index%u/shared_cpu_list",
			    cpu, i))
			return lowest(line);
	}
	return -1;
}

static void read_cpu(const char *sysfs, unsigned id, struct topo_cpu *c)
{
	char line[4096];
	int core = -1;

	*c = (struct topo_cpu) { .id = (uint16_t)id, .package = -1, .node = -1 };
	if (line_of(sysfs, line, sizeof(line), "cpu/cpu%u/topology/physical_package_id", id))
		c->package = (int16_t)number_of(line);
	if (line_of(sysfs, line, sizeof(line), "cpu/cpu%u/topology/thread_siblings_list", id))
		core = lowest(line);
	c->core = (int16_t)(core < 0 ? (int)id : core);
	c->cache = (int16_t)cache_of(sysfs, id);
}

static void read_nodes(const char *sysfs, struct topo *t)
{
	struct number_set nodes, cpus;
	char line[4096];

	if (!line_of(sysfs, line, sizeof(line), "node/online") ||
	    !numbers_parse(str_from(line), &nodes))
		return;
	for (int n = numbers_next(&nodes, 0); n >= 0; n = numbers_next(&nodes, (unsigned)n + 1)) {
		if (!line_of(sysfs, line, sizeof(line), "node/node%d/cpulist", n) ||
		    !numbers_parse(str_from(line), &cpus))
			continue;
		for (unsigned i = 0; i < t->n; i++)
			if (numbers_has(&cpus, t->cpu[i].id))
				t->cpu[i].node = (int16_t)n;
	}
}

static int compare(const void *pa, const void *pb)
{
	const struct topo_cpu *a = pa, *b = pb;

	if (a->package != b->package)
		return a->package - b->package;
	if (a->node != b->node)
		return a->node - b->node;
	if (a->cache != b->cache)
		return a->cache - b->cache;
	if (a->core != b->core)
		return a->core - b->core;
	return a->id - b->id;
}

bool topo_read(struct topo *t, const char *sysfs, const struct number_set *allowed)
{
	struct number_set online;
	char line[4096];

	t->n = 0;
	if (!line_of(sysfs, line, sizeof(line), "cpu/online") ||
	    !numbers_parse(str_from(line), &online)) {
		if (!allowed)
			return false;
		online = *allowed; /* no sysfs: processors of which nothing is known */
	}
	if (allowed)
		numbers_keep(&online, allowed);
	for (int i = numbers_next(&online, 0); i >= 0; i = numbers_next(&online, (unsigned)i + 1))
		read_cpu(sysfs, (unsigned)i, &t->cpu[t->n++]);
	read_nodes(sysfs, t);
	qsort(t->cpu, t->n, sizeof(*t->cpu), compare);
	return t->n > 0;
}

bool topo_same_package(const struct topo_cpu *a, const struct topo_cpu *b)
{
	return a->package == b->package;
}

bool topo_same_domain(const struct topo_cpu *a, const struct topo_cpu *b)
{
	return a->package == b->package && a->node == b->node && a->cache == b->cache;
}

static unsigned changes(const struct topo *t,
			bool (*same)(const struct topo_cpu *, const struct topo_cpu *))
{
	unsigned n = t->n > 0;

	for (unsigned i = 1; i < t->n; i++)
		n += !same(&t->cpu[i - 1], &t->cpu[i]);
	return n;
}

static bool same_core(const struct topo_cpu *a, const struct topo_cpu *b)
{
	return topo_same_domain(a, b) && a->core == b->core;
}

static const char *text_of(int n, char buf[16])
{
	if (n < 0)
		return "-";
	snprintf(buf, 16, "%d", n);
	return buf;
}

void topo_print(const struct topo *t, FILE *out)
{
	char cpus[256], a[16], b[16], c[16];

	fprintf(out, "processors       %u, cores %u, shared caches %u, sockets %u\n", t->n,
		changes(t, same_core), changes(t, topo_same_domain), changes(t, topo_same_package));
	for (unsigned i = 0, end; i < t->n; i = end) {
		struct number_set set = { 0 };

		for (end = i; end < t->n && topo_same_domain(&t->cpu[i], &t->cpu[end]); end++)
			numbers_add(&set, t->cpu[end].id);
		fprintf(out, "  socket %-3s node %-3s cache of %-4s processors %s\n",
			text_of(t->cpu[i].package, a), text_of(t->cpu[i].node, b),
			text_of(t->cpu[i].cache, c), numbers_format(&set, cpus, sizeof(cpus)));
	}
}
