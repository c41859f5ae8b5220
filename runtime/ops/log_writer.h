/* SPDX-License-Identifier: Apache-2.0 */
/* log_writer: the writer of access logs and its sinks. One thread outside the groups empties the
 * rings of core/log, makes lines and writes them. Lines are whole: never split, never mixed.
 * What cannot be written is dropped and counted, and one line a second on stderr says how many;
 * the proxy goes on. */
#ifndef WEIR_OPS_LOG_WRITER_H
#define WEIR_OPS_LOG_WRITER_H

#include "../core/log.h"

enum sink_kind { SINK_STDOUT, SINK_FILE, SINK_UDP, SINK_UNIX };

struct sink_conf {
	enum sink_kind kind;
	const struct log_part *part; /* log_http, log_json */
	struct str path; /* FILE, UNIX: kept, it is opened again */
	struct addr addr; /* UDP */
	uint8_t facility; /* syslog; 16: local0 */
	uint8_t level; /* records above this severity number are left out */
};

/* Before the threads start, with the rights of the start: opens what <conf> names (a file is
 * made with mode 0640). NULL with a sentence in <err>. UNIX and UDP targets need not be there
 * yet. The same file named twice is opened once. */
struct log_sink_set *log_sinks_new(const struct sink_conf *conf, unsigned n, char *err,
				   size_t room);
/* Whether the log file <path> could be opened; makes nothing. False with a sentence in <err>. */
bool log_file_check(struct str path, char *err, size_t room);
/* After log_writer_stop. Frees every set. */
void log_sinks_free(void);

/* Starts the writer thread; signals are blocked in it. 0, or -1 with a message on stderr. */
int log_writer_start(void);
/* Any thread: files are opened again by the writer (SIGHUP). */
void log_reopen(void);
/* Writes what the rings hold, then ends the writer. The threads have stopped. */
void log_writer_stop(void);

struct log_count {
	uint64_t lines; /* made, for each sink */
	uint64_t ring_full; /* dropped: records that found no room */
	uint64_t unwritten; /* dropped: lines that a sink did not take */
};
/* Any thread. */
struct log_count log_counts(void);

#endif
