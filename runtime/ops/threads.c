/* SPDX-License-Identifier: Apache-2.0 */
#include "threads.h"

#include "../proxy/conf.h"
#include "process.h"

static struct plan plan;

static bool find_cpus(const struct threads_place *where, struct topo *topo, FILE *err)
{
	struct number_set set = { 0 }, only;
	const char *sysfs = where->sysfs ? where->sysfs : TOPO_SYSFS;

	if (!numbers_parse(where->cpus, &only)) {
		fprintf(err, "--cpus '%.*s': numbers and ranges are expected, as 0-3,8\n",
			STR_ARG(where->cpus));
		return false;
	}
	if (where->sysfs)
		memset(&set, 0xff, sizeof(set));
	else
		topo_allowed(&set);
	if (where->cpus.n)
		numbers_keep(&set, &only);
	if (!where->sysfs && where->cpus.n && !topo_restrict(&set))
		set = (struct number_set) { 0 };
	if (numbers_count(&set) &&
	    topo_read(topo, sysfs, where->sysfs && !where->cpus.n ? NULL : &set))
		return true;
	fprintf(err, "%s: no processor may be used\n", where->sysfs ? where->sysfs : "--cpus");
	return false;
}

/* Tells what is wrong with line <where> of the site. */
static void refuse(uint32_t where, const char *why, FILE *err)
{
	const struct ws_place *place = &site.ws->places[where];

	fprintf(err, "%.*s:%u: cpu-map: %s\n", STR_ARG(ws_str(site.ws->files[place->file])),
		place->line, why);
}

const struct plan *threads_plan(const struct threads_place *where, struct topo *topo, FILE *err)
{
	const int64_t *num = site.nums + site.ws->site_nums;
	struct thread_shape wanted = { .nthreads = (unsigned)num[WS_THREADS],
				       .ngroups = (unsigned)num[WS_GROUPS] };
	char why[THREAD_WHY];

	if (!find_cpus(where, topo, err))
		return NULL;
	if (!plan_shape(&plan, topo, &wanted, where->sysfs ? 0 : process_cpu_quota(), why)) {
		fprintf(err, "%s\n", why);
		return NULL;
	}
	if (!plan_bind(&plan, topo, ws_str(site.ws->cpu_map), why)) {
		refuse(site.ws->cpu_map_where, why, err);
		return NULL;
	}
	return &plan;
}
