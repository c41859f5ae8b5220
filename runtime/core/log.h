/* SPDX-License-Identifier: Apache-2.0 */
/* log: records on their way from the threads to the writer. Each thread has one byte ring that
 * only it fills and only the writer empties: no lock, no system call on the way but a rare
 * wake-up. Records are raw values; the writer turns them into lines. A full ring drops the
 * record and counts it. Not here: lines, sinks (ops/). */
#ifndef WEIR_CORE_LOG_H
#define WEIR_CORE_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../base/addr.h"
#include "../base/str.h"

#define LOG_RING (256 * 1024) /* bytes per thread */
#define LOG_TEXT_MAX 4096 /* of one text; what is longer is cut */
#define LOG_CAPS_MAX 32 /* of one direction */
#define LOG_RECORD_TEXT 16384 /* of all texts of a record; what is beyond is left empty */
#define LOG_ID_TEXT 48

struct log_sink_set;

enum log_kind { LOG_HTTP, LOG_TCP, LOG_PLAIN };
enum log_level {
	LOG_EMERG,
	LOG_ALERT,
	LOG_CRIT,
	LOG_ERR,
	LOG_WARNING,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUG
};

/* Captured values; the names live as long as the process. A value with p NULL was not captured. */
struct log_caps {
	const struct str *names, *values;
	uint32_t n;
};

#define LOG_TYPE_WHEN(m) uint64_t m;
#define LOG_TYPE_ID(m) uint64_t m;
#define LOG_TYPE_ADDR(m) struct addr m;
#define LOG_TYPE_NAME(m) struct str m;
#define LOG_TYPE_TEXT(m) struct str m;
#define LOG_TYPE_NUM(m) uint64_t m;
#define LOG_TYPE_MS(m) int64_t m;
#define LOG_TYPE_FLAG(m) bool m;
#define LOG_TYPE_END(m) char m[2];
#define LOG_TYPE_CAPS(m) struct log_caps m;

struct log_record {
	struct log_sink_set *sinks; /* where it goes; NULL: nowhere (LOG_PLAIN: stderr) */
	uint8_t kind; /* enum log_kind */
	uint8_t level; /* enum log_level */
	uint16_t tid; /* set by log_put */
	struct str plain; /* LOG_PLAIN: the message, one line */
#define LOG_FIELD(type, member, ...) LOG_TYPE_##type(member)
#include "log_field.def"
};

/* An empty record: no text, all times -1. */
void log_record_init(struct log_record *r, enum log_kind kind);
/* Thread with a ring: copies <r> and its texts into it. False: the ring was full, the record is
 * dropped and counted. */
bool log_put(const struct log_record *r);

/* Number for a record's <seq>, of the calling thread. Its text is unique among processes and
 * threads. */
uint64_t log_id_next(void);
/* Writes the text of number <seq> of thread <tid> to <out> (LOG_ID_TEXT bytes), returns its
 * length. */
size_t log_id_text(unsigned tid, uint64_t seq, char *out);

/* One line for the operator on stderr: "weir: MESSAGE". On a thread with a ring it goes through
 * the writer, so that a slow stderr does not hold up the loop. Control bytes become "?". */
void log_say(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* True at most once a second for each <last> (static, zeroed). Any thread. */
bool log_due(_Atomic uint64_t *last);

/* For ops/: rings and their reading. */

struct log_ring;

/* Before the threads start; <wake> wakes the writer (any thread, async-signal-safe not needed). */
void log_init(void (*wake)(void));
/* On each thread: makes its ring. 0, or -1: memory is out. Rings stay until log_free. */
int log_thread_start(void);
/* The oldest record of thread <tid>, or NULL; it stays valid until log_next is called. Writer
 * only. */
const struct log_record *log_first(unsigned tid);
void log_next(unsigned tid);
/* Threads that have rings: 0 to the returned number - 1. */
unsigned log_threads(void);
/* Records dropped since the last call, of all rings. Writer only. */
uint64_t log_dropped(void);
/* The writer is about to sleep until it is woken; false when there are records already. A nap:
 * only a ring that is half full wakes it, so that lines are written many at a time. log_awake
 * ends both. */
bool log_sleep(void);
void log_nap(void);
void log_awake(void);
void log_free(void);

/* Bounded text output; what does not fit is left out and <cut> set. */
struct log_out {
	char *p;
	size_t n, room;
	bool cut;
};

/* How records become lines: an optional part. A line has no line feed. */
struct log_part {
	const char *name;
	void (*line)(struct log_out *o, const struct log_record *r);
};

#endif
