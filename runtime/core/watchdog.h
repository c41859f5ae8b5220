/* SPDX-License-Identifier: Apache-2.0 */
/* watchdog: finds a thread whose loop does not come to the end of its turn. It goes by the processor
 * time of the thread: one that sleeps, waits for a page or is not given the processor is not stuck.
 * A first message says so; a thread that goes on like this ends the process, with its number, what
 * it runs and its stack, as nobody else can serve its connections. An idle thread is never
 * woken for it. */
#ifndef WEIR_CORE_WATCHDOG_H
#define WEIR_CORE_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#define WATCHDOG_WARN_MS 200
#define WATCHDOG_ABORT_MS 2000

/* Before the threads: the signal's handler. */
void watchdog_init(void);
/* On a thread, around its loop: processor time of one turn until the message, and until the end of
 * the process. 0: not watched. */
void watchdog_start(uint32_t warn_ms, uint32_t abort_ms);
void watchdog_stop(void);
/* Whether the process is being traced: a debugger stops threads as it likes. */
bool watchdog_traced(void);

#endif
