/* SPDX-License-Identifier: Apache-2.0 */
/* queue: requests that wait for a place on a server with maxconn: one list for each such server
 * (requests that no other server may have) and one for its backend, served first come first served
 * as places become free. A waiter costs no thread and no polling: a place that becomes free wakes
 * one of them, on its own thread. An optional part: sites without maxconn on a server do not link
 * it. The locks are taken only where somebody waits. */
#ifndef WEIR_PROXY_QUEUE_H
#define WEIR_PROXY_QUEUE_H

#include "exchange.h"

enum queue_got {
	QUEUE_PLACE, /* x->srv is set, and the exchange has a place there if places are counted */
	QUEUE_WAIT, /* attempt_granted() will come, unless the exchange leaves */
	QUEUE_FULL, /* as many wait as may */
	QUEUE_NO_SERVER
};

struct queue_part {
	const char *name;
	/* Before the threads, after conf_load. */
	void (*init)(void);
	/* Owner thread: a place on x->srv, or on one that is chosen now. O(1) where nobody waits. */
	enum queue_got (*enter)(struct exchange *x);
	/* Owner thread: gives the place back, or leaves the queue; the next waiter is woken. Of an
	 * exchange that has neither: nothing. */
	void (*leave)(struct exchange *x);
	/* Any thread: <s> has become usable, or is so no more. Who waits gets a place that is free now,
	 * or chooses anew. */
	void (*turned)(struct server *s);
};

/* Requests that wait for the servers of <be>; any thread, may be outdated at once. */
uint32_t queue_length(const struct back *be);

/* Upcall, from the loop: x->srv is chosen and the exchange has its place; when it is NULL, the one it
 * waited for is gone and another is to be chosen. */
void attempt_granted(struct exchange *x);

#endif
