/* SPDX-License-Identifier: Apache-2.0 */
/* clock: where the time of a loop comes from. The real clock is read once per loop turn
 * (clock_turn); the times are in thread.h: th->now in ticks of 1 ms, th->now_us, clock_now_us(),
 * clock_wall_us().
 *
 * The clock can be replaced by a set one (clock_set), so that behaviour over hours is exercised at
 * once:
 *   CLOCK_FROZEN  stands until it is set again; a loop with nothing to do sleeps until something is
 *                 ready.
 *   CLOCK_JUMP    a loop with nothing ready jumps to its next timer instead of sleeping. Only for
 *                 one loop whose peers live in the same loop: a peer elsewhere would find its time
 *                 gone. */
#ifndef WEIR_CORE_CLOCK_H
#define WEIR_CORE_CLOCK_H

#include <stdint.h>

struct thread;

enum clock_mode { CLOCK_REAL, CLOCK_FROZEN, CLOCK_JUMP };

/* Any thread. <us> is the new time for monotonic and wall clock (at least 1000; CLOCK_REAL:
 * ignored). Set from outside a loop, it is seen by that loop in its next turn. */
void clock_set(enum clock_mode mode, uint64_t us);
/* Reads the clock for a new loop turn of <t>. */
void clock_turn(struct thread *t);
/* Timeout for a system call that sleeps until tick <until> (0: no limit), in ms; -1: no limit. */
int clock_timeout(const struct thread *t, uint64_t until);
/* Nothing was ready although <until> has not come: lets a jumping clock jump. */
void clock_idle(uint64_t until);

#endif
