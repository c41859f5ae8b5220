/* SPDX-License-Identifier: Apache-2.0 */
/* replay: the requests of an access log through two sites: which ones would be treated differently.
 * Each line is read once and forgotten; memory is bounded by REPLAY_GROUPS_MAX and the table of
 * answers known. What a line does not hold is not guessed: a request of which it decides something
 * counts as not decided. */
#ifndef WEIR_REPLAY_H
#define WEIR_REPLAY_H

#include <stdio.h>

#include "interp.h"
#include "symbol.h"

#define REPLAY_LINE_MAX 65536 /* bytes; longer lines are no requests */
#define REPLAY_GROUPS_MAX 10000
#define REPLAY_KNOWN 16384 /* requests whose result is kept for the next one like it */

/* ---- replay_log.c ---- */

/* A request as a log line has it; texts are in the arena that was given. */
struct logged {
	struct request_spec request;
	struct interp_known known;
	struct str headers[4]; /* of known.headers */
	struct str backend; /* as logged; p NULL: the format has none */
	bool ends; /* the format has backend and server */
	bool forwarded; /* the line names a server */
	uint32_t status; /* 0: none */
};

enum logged_kind {
	LOGGED_REQUEST,
	LOGGED_OTHER /* tcp, a request that was not valid */,
	LOGGED_NOT
};

/* Reads Weir's lines (http, json), HAProxy's HTTP log, common and combined logs, each with
 * whatever a log collector put before it. */
enum logged_kind logged_read(struct arena *a, struct str line, struct logged *out);

/* ---- replay_judge.c ---- */

enum replay_result { REPLAY_SAME, REPLAY_MOVED, REPLAY_OPEN };

struct replay_sites {
	const struct program *p[2]; /* old, new */
	void **codes[2]; /* of the interpreter */
	struct arena *a;
	struct symbols keys; /* tests, as text */
};

struct replay_verdict {
	enum replay_result result;
	const struct outcome *old, *new; /* MOVED: an example, in the arena that was given */
	const struct p_subject *missing; /* OPEN: what the log does not say; NULL: */
	bool credentials; /* the client's credentials */
	bool astray; /* the old site does not do what the log says */
};

void replay_judge(struct replay_sites *sites, struct arena *a, const struct logged *l,
		  struct replay_verdict *out);

/* ---- replay.c ---- */

/* Requests that go from one rule to another. */
struct replay_group {
	const struct p_rule *old, *new; /* that decided; NULL: none */
	const struct p_rule *wrote[2]; /* another target alone: rules that ran on one side alone */
	struct str was, is;
	uint64_t n, line; /* line: of the first */
	struct str example;
};

/* Why requests were not decided. */
struct replay_reason {
	struct str what; /* a subject */
	uint64_t n;
};

struct replay {
	struct arena *a;
	const struct program *old, *new;
	uint64_t lines, requests, same, moved, open, others, unread;
	uint64_t astray; /* the old site would not have done what the log says */
	struct symbols groups; /* struct replay_group, as found */
	struct symbols reasons; /* struct replay_reason */
	bool full; /* more groups than REPLAY_GROUPS_MAX */
};

/* Do both do the same: verdict, backend, target sent, status and place of an answer that is made? */
bool replay_same(const struct outcome *x, const struct outcome *y);
/* Reads the file <log> to its end; "-" is standard input. What <r> holds is in <a>. NULL, or why it
 * could not be read. */
const char *replay_file(struct replay *r, struct arena *a, const struct program *old,
			const struct program *new, const char *log);

/* ---- replay_report.c ---- */

struct replay_names {
	const char *log, *old, *new;
	uint64_t max; /* groups shown */
};

void replay_text(const struct replay *r, const struct replay_names *n, FILE *out);
void replay_json(const struct replay *r, const struct replay_names *n, FILE *out);
/* What became of the log: lines of text; members of an object. */
void replay_sums(const struct replay *r, FILE *out);
void replay_json_sums(const struct replay *r, FILE *out);
/* A text of a log, of which any byte may be anything, in printable characters. */
void replay_plain(FILE *out, struct str s);
/* Groups by how many requests they have, then as found. In the arena of <r>. */
struct replay_group **replay_sorted(const struct replay *r);

#endif
