/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint: counters of rate and concurrency, one for each key of a checkpoint, and a queue on
 * each for those who wait for their turn. All threads share them. An optional part: linked only by
 * sites with a checkpoint.
 *
 * A counter lies in a table of fixed size: shards, each with a lock of its own, hold the keys; the
 * lock of one shard is held for a look-up and a count, never across a call of another layer. When
 * the table is full, the key that has been unused for longest in its shard is forgotten, never one
 * that has waiters or exchanges under way. A key unused for longer than it is kept is forgotten
 * when somebody comes to its shard.
 *
 * Who waits is in the queue of its counter, first come first served, and costs no thread. Only the
 * head of a queue has a timer; when it goes, the next head gets the duty, on its own thread. As all
 * of a queue wait equally long at most, the head is the first whose time is over, too.
 *
 * Knows no exchanges and no rules; refuses weights and priorities. */
#ifndef WEIR_PROXY_CHECKPOINT_H
#define WEIR_PROXY_CHECKPOINT_H

#include "rule.h"

struct checkpoint;
struct counter;
struct pause;

enum turn_state {
	TURN_HELD, /* counted until it is given back */
	TURN_WAITS,
	TURN_PASSED, /* its turn has come */
	TURN_LATE /* it has waited too long */
};

/* What an exchange or a connection has in a checkpoint. Its thread's, but for what the lock guards.
 */
struct turn {
	struct turn *next; /* of the same exchange or connection */
	struct checkpoint *cp;
	struct counter *counter;
	struct shard *shard; /* of <counter>, which may be another key's once nothing is held */
	/* of one that waits: */
	struct list link; /* queue of the counter; lock */
	struct task task; /* told something: its turn has come, or it is the head */
	struct timer timer; /* the head's */
	uint64_t until; /* tick */
	uint64_t since; /* us */
	/* From the loop: TURN_PASSED or TURN_LATE; checkpoint_settle is next. */
	void (*over)(struct turn *t);
	void *owner;
	struct pause *pause; /* of the owner */
	uint8_t state; /* enum turn_state; lock while it waits */
	bool duty; /* lock: the timer is its own */
	bool told; /* lock: <task> is on its way */
	bool heard; /* over() has been called, or is */
	bool left; /* its owner has gone; <task> frees it */
	bool waited; /* it is among the thread's nwaiters */
};

struct checkpoint_key {
	uint64_t half[2];
};

enum checkpoint_got {
	CHECKPOINT_PASSED,
	CHECKPOINT_WAITS, /* the first of <turns> is the one that waits: over() will come */
	CHECKPOINT_FULL, /* as many wait as may, or the table has no room */
	CHECKPOINT_NO_MEMORY
};

/* What has happened in a checkpoint. */
#define CHECKPOINT_COUNTS(COUNT)                                                                   \
	COUNT(passed, "passed", "counted: by pass, or by count")                                   \
	COUNT(waited, "waited", "of them had to wait")                                             \
	COUNT(full, "full", "refused: as many waited as may")                                      \
	COUNT(late, "late", "refused: waited longer than the delay")                               \
	COUNT(left, "left", "left while they waited")                                              \
	COUNT(evicted, "evicted", "keys forgotten because the table was full")

struct checkpoint_shown {
	struct str name;
#define COUNT(member, ...) uint64_t member;
	CHECKPOINT_COUNTS(COUNT)
#undef COUNT
	uint64_t keys, keys_max; /* at present; the table's room */
	uint64_t waiting, queues; /* at present; keys that somebody waits for: as many timers */
	uint64_t held; /* counted until they end, at present */
};

struct checkpoint_part {
	const char *name;
	/* By conf_load; false after messages on <err>. */
	bool (*load)(FILE *err);
	void (*free)(void);
	/* Before the threads. */
	void (*init)(void);
	/* Owner thread: the exchange or connection ends, or goes: its places are given back, its
	 * queue left. */
	void (*leave)(struct turn **turns);
	/* x->srv is chosen and has a checkpoint: true when <x> waits there or has been refused. */
	bool (*server)(struct exchange *x);
	/* rules_run for a connection that has turns: goes on where its rules have waited. */
	enum rule_end (*rules)(struct rule_run *r, const struct ws_section *ws, enum ws_dir dir);
	/* Any thread: facts of row <i>; false: there is none. Forgets keys that are kept no longer.
	 */
	bool (*show)(uint32_t i, struct checkpoint_shown *out);
};

void checkpoint_init(void);
/* Counts; with <limit> only when the limit allows it, else waits. Whoever has a place of the same
 * counter already keeps it. O(1). */
enum checkpoint_got checkpoint_enter(struct checkpoint *cp, struct checkpoint_key key, bool limit,
				     struct turn **turns);
/* In over(), or behind it: <t>, one of <turns>, is held from now on, or was counted and is gone. */
void checkpoint_settle(struct turn **turns, struct turn *t);
void checkpoint_leave(struct turn **turns);
/* Of <turns>, <t> ends. */
void checkpoint_drop(struct turn **turns, struct turn *t);
/* Of <key>, at present; 0: unknown. Change nothing. The rate is that of the last period. */
uint64_t checkpoint_rate(struct checkpoint *cp, struct checkpoint_key key);
uint64_t checkpoint_conc(struct checkpoint *cp, struct checkpoint_key key);
uint64_t checkpoint_queued(struct checkpoint *cp, struct checkpoint_key key);

/* Upcall: what is kept of a waiting owner's rules. */
void pause_free(struct pause *p);

#endif
