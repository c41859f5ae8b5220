/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <limits.h>
#include <time.h>

#include "thread.h"

static _Atomic uint8_t mode;
static _Atomic uint64_t set_us;

static uint64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_now_us(void)
{
	if (__builtin_expect(atomic_load_explicit(&mode, memory_order_relaxed) != CLOCK_REAL, 0))
		return atomic_load(&set_us);
	return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_wall_us(void)
{
	uint64_t us;

	if (th && th->wall_us)
		return th->wall_us;
	us = atomic_load(&mode) != CLOCK_REAL ? atomic_load(&set_us) : read_us(CLOCK_REALTIME);
	if (th)
		th->wall_us = us;
	return us;
}

void clock_set(enum clock_mode m, uint64_t us)
{
	atomic_store(&set_us, us);
	atomic_store(&mode, (uint8_t)m);
	if (th)
		clock_turn(th);
}

void clock_turn(struct thread *t)
{
	t->now_us = clock_now_us();
	t->now = t->now_us / 1000;
	t->wall_us = 0;
}

int clock_timeout(const struct thread *t, uint64_t until)
{
	uint64_t ms;

	if (until && until <= t->now)
		return 0;
	if (atomic_load_explicit(&mode, memory_order_relaxed) == CLOCK_JUMP && until)
		return 0;
	if (!until || atomic_load_explicit(&mode, memory_order_relaxed) == CLOCK_FROZEN)
		return -1;
	ms = until - t->now;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

void clock_idle(uint64_t until)
{
	if (until && atomic_load_explicit(&mode, memory_order_relaxed) == CLOCK_JUMP &&
	    until * 1000 > atomic_load(&set_us))
		atomic_store(&set_us, until * 1000);
}
