/* SPDX-License-Identifier: Apache-2.0 */
#include "balance.h"

#include "rule.h"
#include "server.h"

bool balance_in_turn(const struct server *s)
{
	const struct back *be = s->be;

	if (!server_usable(s))
		return false;
	if (!server_backup(s))
		return true;
	for (uint32_t i = 0; i < be->nservers; i++)
		if (server_usable(&be->servers[i]) && !server_backup(&be->servers[i]))
			return false;
	return true;
}

/* The first that requests may go to, full or not. */
static struct server *first_in_turn(struct back *be, uint32_t avoid)
{
	for (int backup = 0; backup < 2; backup++)
		for (uint32_t i = 0; i < be->nservers; i++) {
			struct server *s = &be->servers[i];

			if (i != avoid && server_usable(s) && server_backup(s) == backup)
				return s;
		}
	return NULL;
}

struct server *balance_pick(struct exchange *x, struct back *be, uint32_t avoid)
{
	struct server *s = first_in_turn(be, avoid);

	/* The one to be avoided may be the only one there is. */
	if (!s && avoid != WS_NONE) {
		avoid = WS_NONE;
		s = first_in_turn(be, avoid);
	}
	if (!s)
		return NULL;
	return be->balance->pick(x, be, server_backup(s), avoid);
}

/* -- round robin --------------------------------------------------------------------------------
 */

/* Smooth weighted round robin, per thread: each pick raises every server that has room by its
 * weight and takes the highest, which pays the sum. */
static struct server *roundrobin(struct exchange *x, struct back *be, bool backup, uint32_t avoid)
{
	struct server_slot *slots = pt()->slots[be->index];
	struct server *best = NULL, *full = NULL;
	int32_t sum = 0;

	(void)x;
	for (uint32_t i = 0; i < be->nservers; i++) {
		struct server *s = &be->servers[i];
		int32_t weight = s->ws ? s->ws->weight : 1;

		if (i == avoid || !server_usable(s) || server_backup(s) != backup)
			continue;
		if (server_full(s)) {
			full = s;
			continue;
		}
		sum += weight;
		slots[i].rr += weight;
		if (!best || slots[i].rr > slots[best->index].rr)
			best = s;
	}
	if (best)
		slots[best->index].rr -= sum;
	return best ? best : full;
}

const struct balance_part balance_roundrobin = { "roundrobin", roundrobin, false };
