/* SPDX-License-Identifier: Apache-2.0 */
/* The timers of task.h: a hierarchical wheel, see sched.h. Setting costs O(1); each timer is moved
 * at most once per level on its way to its time. */
#include "sched.h"

#include "../base/bug.h"
#include "thread.h"

/* Work per loop turn: a mass of timers must not keep input waiting. */
#define FIRE_BUDGET 512
#define MOVE_BUDGET 4096

#define TICK_MAX ((UINT64_C(1) << (WHEEL_BITS * WHEEL_LEVELS)) - 1)
#define SLOT_MASK (WHEEL_SLOTS - 1)

static void wheel_place(struct wheel *w, struct timer *t)
{
	uint64_t at = t->at < TICK_MAX ? t->at : TICK_MAX;
	unsigned level, slot;
	uint64_t first;

	if (at <= w->cur) {
		list_append(&w->due, &t->link);
		return;
	}
	level = (63 - (unsigned)__builtin_clzll(at ^ w->cur)) / WHEEL_BITS;
	slot = (unsigned)(at >> (level * WHEEL_BITS)) & SLOT_MASK;
	first = at >> (level * WHEEL_BITS) << (level * WHEEL_BITS);
	if (first < w->next)
		w->next = first;
	w->used[level] |= UINT64_C(1) << slot;
	list_append(&w->slot[level][slot], &t->link);
}

void wheel_set(struct wheel *w, struct timer *t, uint64_t at)
{
	BUG_ON(at == 0);
	t->at = at;
	list_del(&t->link);
	wheel_place(w, t);
}

void timer_place(struct timer *t, uint64_t at)
{
	wheel_set(&th->sched->wheel, t, at);
}

void timer_del(struct timer *t)
{
	t->at = 0;
	list_del(&t->link);
}

void wheel_init(struct wheel *w, uint64_t now)
{
	w->cur = now;
	w->next = UINT64_MAX;
	list_init(&w->due);
	list_init(&w->moving);
	for (unsigned l = 0; l < WHEEL_LEVELS; l++) {
		w->used[l] = 0;
		for (unsigned s = 0; s < WHEEL_SLOTS; s++)
			list_init(&w->slot[l][s]);
	}
}

/* The first slot with timers, as its level and number; its first tick, or 0 when there is none. */
static uint64_t wheel_first(struct wheel *w, unsigned *level, unsigned *slot)
{
	for (unsigned l = 0; l < WHEEL_LEVELS; l++) {
		while (w->used[l]) {
			unsigned s = (unsigned)__builtin_ctzll(w->used[l]);
			unsigned shift = l * WHEEL_BITS;

			if (list_empty(&w->slot[l][s])) { /* timers were deleted or moved */
				w->used[l] &= w->used[l] - 1;
				continue;
			}
			*level = l;
			*slot = s;
			return (w->cur >> (shift + WHEEL_BITS) << (shift + WHEEL_BITS)) |
			       (uint64_t)s << shift;
		}
	}
	return 0;
}

uint64_t wheel_next(struct wheel *w)
{
	if (!list_empty(&w->due) || !list_empty(&w->moving))
		return w->cur;
	return w->next == UINT64_MAX ? 0 : w->next;
}

static void list_splice(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* Brings <cur> to <now>, slot by slot, unless the budget ends before. */
static void wheel_advance(struct wheel *w, uint64_t now)
{
	unsigned level, slot, budget = MOVE_BUDGET;

	for (;;) {
		struct list *node;
		uint64_t at;

		while ((node = list_shift(&w->moving))) {
			wheel_place(w, CONTAINER(node, struct timer, link));
			if (--budget == 0)
				return;
		}
		at = wheel_first(w, &level, &slot);
		w->next = at ? at : UINT64_MAX;
		if (!at || at > now)
			break;
		w->cur = at;
		w->used[level] &= ~(UINT64_C(1) << slot);
		list_splice(level ? &w->moving : &w->due, &w->slot[level][slot]);
	}
	if (now > w->cur)
		w->cur = now;
}

void wheel_run(struct wheel *w, uint64_t now)
{
	if (now >= w->next || !list_empty(&w->moving))
		wheel_advance(w, now);
	else if (now > w->cur)
		w->cur = now;
	for (unsigned n = 0; n < FIRE_BUDGET; n++) {
		struct list *node = list_shift(&w->due);
		struct timer *t;

		if (!node)
			break;
		t = CONTAINER(node, struct timer, link);
		if (t->at > w->cur) {
			wheel_place(w, t);
			continue;
		}
		t->at = 0;
		t->fire(t);
	}
}
