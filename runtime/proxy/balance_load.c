/* SPDX-License-Identifier: Apache-2.0 */
/* balance leastconn, random and first: by the requests that servers have at the moment, of all
 * threads, read without a lock and outdated at once. leastconn reads threads × servers counters for
 * a request, random twice the threads, first none. */
#include "balance.h"
#include "rule.h"

static uint32_t weight_of(const struct server *s)
{
	return s->ws ? (uint32_t)s->ws->weight : 1;
}

static uint32_t load_of(const struct server *s)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < nthreads; i++) {
		const struct proxy_thread *p = threads[i]->proxy;

		if (p)
			sum += atomic_load_explicit(&p->slots[s->be->index][s->index].requests,
						    memory_order_relaxed);
	}
	return sum;
}

/* Which of two has less to do for its weight; of equals neither. */
static bool lighter(uint32_t load_a, const struct server *a, uint32_t load_b,
		    const struct server *b)
{
	return ((uint64_t)load_a + 1) * weight_of(b) < ((uint64_t)load_b + 1) * weight_of(a);
}

static bool eligible(const struct server *s, bool backup, uint32_t avoid)
{
	return s->index != avoid && server_usable(s) && server_backup(s) == backup;
}

/* Equals take turns: the search begins behind the last one that was found. */
static struct server *leastconn(struct exchange *x, struct back *be, bool backup, uint32_t avoid)
{
	struct server_slot *slots = pt()->slots[be->index];
	uint32_t start = (uint32_t)slots[0].rr % be->nservers, least = 0;
	struct server *best = NULL, *full = NULL;

	(void)x;
	for (uint32_t k = 0; k < be->nservers; k++) {
		struct server *s = &be->servers[(start + k) % be->nservers];
		uint32_t load;

		if (!eligible(s, backup, avoid))
			continue;
		if (server_full(s)) {
			full = s;
			continue;
		}
		load = load_of(s);
		if (best && !lighter(load, s, least, best))
			continue;
		best = s;
		least = load;
	}
	if (best)
		slots[0].rr = (int32_t)best->index + 1;
	return best ? best : full;
}

/* One by weight; NULL: all are full. */
static struct server *draw(struct back *be, bool backup, uint32_t avoid)
{
	uint64_t sum = 0, at;

	for (uint32_t i = 0; i < be->nservers; i++)
		if (eligible(&be->servers[i], backup, avoid) && !server_full(&be->servers[i]))
			sum += weight_of(&be->servers[i]);
	if (!sum)
		return NULL;
	at = thread_random() % sum;
	for (uint32_t i = 0; i < be->nservers; i++) {
		struct server *s = &be->servers[i];

		if (!eligible(s, backup, avoid) || server_full(s))
			continue;
		if (at < weight_of(s))
			return s;
		at -= weight_of(s);
	}
	return NULL; /* one has become full meanwhile */
}

static struct server *first(struct exchange *x, struct back *be, bool backup, uint32_t avoid)
{
	struct server *full = NULL;

	(void)x;
	for (uint32_t i = 0; i < be->nservers; i++) {
		struct server *s = &be->servers[i];

		if (!eligible(s, backup, avoid))
			continue;
		if (!server_full(s))
			return s;
		full = full ? full : s;
	}
	return full;
}

/* Two by weight, of these the one with less to do. */
static struct server *two(struct exchange *x, struct back *be, bool backup, uint32_t avoid)
{
	struct server *a = draw(be, backup, avoid), *b = a ? draw(be, backup, avoid) : NULL;

	if (!b)
		return a ? a : first(x, be, backup, avoid);
	return a != b && lighter(load_of(b), b, load_of(a), a) ? b : a;
}

const struct balance_part balance_leastconn = { "leastconn", leastconn, false };
const struct balance_part balance_random = { "random", two, false };
const struct balance_part balance_first = { "first", first, false };
