/* SPDX-License-Identifier: Apache-2.0 */
/* count: what has passed, for the pages of respond stats and respond metrics; only sites with one
 * of these link it. Each thread counts for itself, in memory that no other writes; whoever reads
 * sums, without a lock. The front and the back side are counted apart: a listen is both, and is
 * counted once on each. What a server fails to do is counted on the back side and at the server,
 * what a client fails to do on the front side. */
#ifndef WEIR_PROXY_COUNT_H
#define WEIR_PROXY_COUNT_H

#include "exchange.h"

/* COUNTED(member, name in metrics, doc) */
#define COUNT_LIST(COUNTED)                                                                        \
	COUNTED(requests, "requests", "requests; in tcp mode connections")                         \
	COUNTED(bytes_in, "bytes_in", "bytes from the client")                                     \
	COUNTED(bytes_out, "bytes_out", "bytes to the client")                                     \
	COUNTED(retries, "retries", "connection attempts after the first")                         \
	COUNTED(redispatches, "redispatches", "retries that went to another server")

/* How what failed has failed: FAILED(id, name, doc) */
#define FAIL_LIST(FAILED)                                                                          \
	FAILED(CLIENT, "client", "the client left or was too slow")                                \
	FAILED(REFUSED, "refused", "refused: invalid, or by a rule or limit")                      \
	FAILED(QUEUE, "queue", "no place on a server in time")                                     \
	FAILED(CONNECT, "connect", "no connection to a server")                                    \
	FAILED(RESPONSE, "response", "the server's answer was missing, cut or invalid")            \
	FAILED(TIMEOUT, "timeout", "the server was silent")                                        \
	FAILED(RESOURCE, "resource", "memory or buffers were missing")

enum count_fail {
#define FAILED(id, ...) FAIL_##id,
	FAIL_LIST(FAILED)
#undef FAILED
		FAILS
};

#define COUNT_CLASSES 6 /* of status: none, 1xx to 5xx */

struct side_count {
#define COUNTED(member, ...) _Atomic uint64_t member;
	COUNT_LIST(COUNTED)
#undef COUNTED
	_Atomic uint64_t classes[COUNT_CLASSES];
	_Atomic uint64_t fails[FAILS];
};

/* The same, summed. */
struct side_sum {
#define COUNTED(member, ...) uint64_t member;
	COUNT_LIST(COUNTED)
#undef COUNTED
	uint64_t classes[COUNT_CLASSES];
	uint64_t fails[FAILS];
};

struct thread_counts {
	struct side_count *front, *back; /* by section */
	struct side_count **servers; /* by section and server */
	_Atomic uint64_t *hits; /* by rule: how often it has run */
};

struct count_part {
	const char *name;
	int (*thread_start)(void); /* 0, or -1: memory is out */
	void (*thread_stop)(void);
	void (*exchange)(const struct exchange *x); /* owner thread, at its end */
	void (*rule)(const struct ws_rule *rule); /* it runs now */
};

/* Any thread. */
struct side_sum count_front(uint32_t section);
struct side_sum count_back(uint32_t section);
struct side_sum count_server(uint32_t section, uint32_t server);
uint64_t count_hits(uint32_t rule);
/* Connections a front side has accepted; requests on a back side and on a server at present. */
uint64_t count_accepted(const struct front *fe);
uint32_t count_back_now(uint32_t section);
uint32_t count_server_now(const struct server *s);

/* A page that is written row by row, as the client takes it. */
#define PAGE_ROW_MAX 2048 /* bytes of a row */
struct page_part {
	const char *name;
	struct str type;
	/* Whole rows from *<at> on, at least one; 0: there are no more. <room> is PAGE_ROW_MAX or
	 * more. */
	size_t (*fill)(struct page_at *at, char *out, size_t room);
};

#endif
