/* SPDX-License-Identifier: Apache-2.0 */
/* proxy: brings the layer up and down: what must happen before the threads start, on each of them,
 * and at a stop. */
#ifndef WEIR_PROXY_PROXY_H
#define WEIR_PROXY_PROXY_H

#include "conf.h"

/* After conf_load, before the threads: pools of this layer and below. */
void proxy_init(void);
/* On each thread; 0 or -1. */
int proxy_thread_start(struct thread *t);
void proxy_thread_stop(struct thread *t);
/* Any thread, once: stops listening and lets go of clients; every loop ends when its last client
 * has gone or after the drain time. */
void proxy_stop(void);
/* Any thread, after proxy_stop: as if the drain time were over. */
void proxy_stop_now(void);
/* After the loops have ended: connections were cut. */
bool proxy_was_cut(void);

#endif
