/* SPDX-License-Identifier: Apache-2.0 */
/* Between log_writer.c and log_sink.c (targets). Writer thread only, once it runs. */
#ifndef WEIR_OPS_LOG_SINK_H
#define WEIR_OPS_LOG_SINK_H

#include "log_writer.h"

#define LINE_MAX_BYTES 122880 /* longest line: all texts of a record escaped */
#define SINK_BATCH (256 * 1024) /* lines gathered for one write */
#define DATAGRAM_MAX 60000

struct log_sink {
	struct sink_conf conf;
	struct log_sink *next; /* of all */
	char *path;
	int fd;
	bool stream; /* UNIX: a stream, not datagrams */
	bool slow; /* STDOUT, FILE: a pipe or terminal, whose reader may hold us up */
	bool stuck; /* took nothing for WAIT_MS: not waited for until it takes something */
	bool inside; /* it has the begin of a line whose rest stands first in <batch> */
	uint64_t retry_at; /* clock in us: not opened again before */
	char *batch; /* STDOUT, FILE, stream: whole lines */
	size_t used;
	unsigned lines; /* in <batch> */
};

/* Opens the target if it is not. False when it is not there now; <err> says why when it is
 * given. */
bool sink_open(struct log_sink *s, char *err, size_t room);
void sink_close(struct log_sink *s);
/* Opens a file again at its path; keeps the old one when that fails. */
void sink_reopen(struct log_sink *s);
/* Takes one line, without its line feed; gathers or sends it. Returns how many lines were lost
 * by this. */
unsigned sink_line(struct log_sink *s, struct str line, const struct log_record *r);
/* Writes what is gathered. Returns how many lines were lost. */
unsigned sink_flush(struct log_sink *s);

#endif
