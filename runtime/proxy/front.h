/* SPDX-License-Identifier: Apache-2.0 */
/* front: the client side: listeners of every bind, new client connections, conn in and sess in
 * rules, graceful stop. */
#ifndef WEIR_PROXY_FRONT_H
#define WEIR_PROXY_FRONT_H

#include "exchange.h"

/* Before the threads: opens every bind. False after a message on <err> for each that failed. */
bool front_open(FILE *err);
/* Closes what front_open has opened, when no thread will be started; files of unix sockets are
 * removed. */
void front_undo(void);
/* On each thread. */
int front_thread_start(void);
/* Any thread, once: no new connections. */
void front_close(void);
/* On each thread: idle clients are let go, busy ones are told with their next answer. */
void front_drain(void);
/* On each thread, when the drain time is over: what is left is cut. */
void front_cut(void);

#endif
