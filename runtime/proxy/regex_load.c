/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling all expressions of a site, before it listens: on as many threads as there are
 * processors and work. Each takes the next one that is left, so that a costly one holds up nobody. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "rule.h"

#define EACH 32 /* expressions that are worth a thread: about a millisecond of work */
#define HELPERS_MAX 15

struct work {
	const struct regex_part *part;
	struct regex_code **codes;
	struct str *whys;
	_Atomic uint32_t next;
};

/* The sentence stands in memory that the next failure of this thread takes. */
static struct str kept(struct str why)
{
	char *copy = malloc(why.n + 1);

	if (!copy)
		return (struct str) { 0 };
	memcpy(copy, why.p, why.n);
	return str_of(copy, why.n);
}

static void *take(void *arg)
{
	struct work *w = arg;
	uint32_t i;

	while ((i = atomic_fetch_add(&w->next, 1)) < site.ws->nregexes) {
		const struct ws_regex *r = &site.ws->regexes[i];
		struct str why = { 0 };

		w->codes[i] = w->part->compile(r, ws_str(r->text), r->flags, &why);
		if (!w->codes[i])
			w->whys[i] = kept(why);
	}
	return NULL;
}

static unsigned helpers_for(uint32_t n)
{
	cpu_set_t cpus;
	unsigned most = n / EACH;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return 0;
	if (most >= (unsigned)CPU_COUNT(&cpus))
		most = (unsigned)CPU_COUNT(&cpus) - 1;
	return most < HELPERS_MAX ? most : HELPERS_MAX;
}

void regex_load(const struct regex_part *part, struct regex_code **codes, struct str *whys)
{
	struct work w = { .part = part, .codes = codes, .whys = whys };
	pthread_t helper[HELPERS_MAX];
	unsigned n = helpers_for(site.ws->nregexes), started = 0;

	while (started < n && pthread_create(&helper[started], NULL, take, &w) == 0)
		started++;
	take(&w); /* whatever the others leave */
	while (started)
		pthread_join(helper[--started], NULL);
}
