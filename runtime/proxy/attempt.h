/* SPDX-License-Identifier: Apache-2.0 */
/* attempt: an exchange's way to a server: choice, connection, request head, retries, redispatch.
 * Owner thread only. Each of these may end the exchange. */
#ifndef WEIR_PROXY_ATTEMPT_H
#define WEIR_PROXY_ATTEMPT_H

#include "exchange.h"

/* The next attempt, at x->srv or at one that is chosen now. <fresh>: on no idle connection. */
void attempt_server(struct exchange *x, bool fresh);
/* Gives back the place on a server, or leaves the queue for one. */
void attempt_leave(struct exchange *x);
/* A connection that had been idle ended before any byte of the answer: repeats the request if it
 * may be repeated (RFC 9110 9.2.2), else answers 502. */
void attempt_again(struct exchange *x);
/* Moves <x> to <to>, or NULL, in the counters of servers and backends, which this thread alone
 * writes. */
void attempt_count(struct exchange *x, struct server *to);

#endif
