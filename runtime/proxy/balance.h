/* SPDX-License-Identifier: Apache-2.0 */
/* balance: which server of a backend a request goes to. Servers that are full (maxconn) are passed
 * over while another has room. Backup servers are used when no other is usable, not when the others
 * are full: their requests wait. */
#ifndef WEIR_PROXY_BALANCE_H
#define WEIR_PROXY_BALANCE_H

#include "exchange.h"

/* Takes part: neither disabled nor down, and its weight is not 0. */
static inline bool server_usable(const struct server *s)
{
	return !atomic_load(&s->off) && (!s->ws || s->ws->weight > 0);
}

static inline bool server_backup(const struct server *s)
{
	return s->ws && s->ws->backup;
}

/* All its places are taken; may be outdated at once. */
static inline bool server_full(const struct server *s)
{
	return s->places &&
	       atomic_load_explicit(&s->places->used, memory_order_relaxed) >= s->places->max;
}

/* <s> is one of those that requests go to at present: usable, and no backup unless only backups
 * are. */
bool balance_in_turn(const struct server *s);
/* A server of <be> other than <avoid> (WS_NONE: any) if there is another; a full one when all are.
 * NULL: none is usable. */
struct server *balance_pick(struct exchange *x, struct back *be, uint32_t avoid);

#endif
