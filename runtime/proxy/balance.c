/* SPDX-License-Identifier: Apache-2.0 */
/* Smooth weighted round robin, per thread: each pick raises every server by its weight and takes
 * the highest, which pays the sum. Backup servers are used when no other is left. */
#include "rule.h"
#include "server.h"

static bool usable(const struct server *s, bool backup, uint32_t avoid)
{
	if (s->index == avoid)
		return false;
	return s->ws ? !s->ws->disabled && s->ws->backup == backup && s->ws->weight > 0 : !backup;
}

static struct server *pick_among(struct back *be, bool backup, uint32_t avoid)
{
	struct server_slot *slots = pt()->slots[be->index];
	struct server *best = NULL;
	int32_t sum = 0;

	for (uint32_t i = 0; i < be->nservers; i++) {
		struct server *s = &be->servers[i];
		int32_t weight = s->ws ? s->ws->weight : 1;

		if (!usable(s, backup, avoid))
			continue;
		sum += weight;
		slots[i].rr += weight;
		if (!best || slots[i].rr > slots[best->index].rr)
			best = s;
	}
	if (best)
		slots[best->index].rr -= sum;
	return best;
}

static struct server *pick(struct exchange *x, struct back *be, uint32_t avoid)
{
	struct server *s;

	(void)x;
	for (int backup = 0; backup < 2; backup++) {
		s = pick_among(be, backup, avoid);
		if (s)
			return s;
	}
	/* The one to be avoided is the only one there is. */
	return avoid == WS_NONE ? NULL : pick(x, be, WS_NONE);
}

const struct balance_part balance_roundrobin = { "roundrobin", pick };
