/* SPDX-License-Identifier: Apache-2.0 */
/* takeover: an idle connection to a server goes from one thread of a group to another that has none.
 * The asker tells the owner and goes on to connect; the owner, in its own loop, takes the
 * connection apart and gives the descriptor away with its TLS state, or nothing. What comes first, connect or descriptor,
 * serves the request; the other one becomes idle. A connection is so with one thread at any time:
 * picking, closing and giving away are all the owner's. Never across groups. */
#ifndef WEIR_PROXY_TAKEOVER_H
#define WEIR_PROXY_TAKEOVER_H

#include "server.h"

/* A connection between two threads. */
struct yielded {
	struct conn_parts parts;
	uint32_t uses;
	struct target target;
	struct addr peer;
};

/* Before the threads. */
void takeover_init(void);
/* Asks one thread of the group that has an idle connection to <srv>; nothing when none has. */
void takeover_ask(struct server *srv);

/* In server.c. The newest idle connection of this thread to <srv>, safe ones first. 0, or -1. */
int server_yield(const struct server *srv, struct yielded *y);
/* Takes the descriptor over; a waiting request gets the connection. */
void server_adopt(struct server *srv, const struct yielded *y);

#endif
