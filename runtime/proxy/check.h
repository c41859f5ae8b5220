/* SPDX-License-Identifier: Apache-2.0 */
/* check: asks servers from time to time whether they are well, and takes those that are not out of
 * balancing. An optional part: only sites that check a server link it. A server's checks run on one
 * thread, one after the other, each on a connection of its own through the handshakes that the
 * server's other connections have; the checks of a site are spread over their period. While it waits
 * a check holds no buffer. What fails for lack of memory, buffers or descriptors here says nothing
 * about the server, and counts as no check. */
#ifndef WEIR_PROXY_CHECK_H
#define WEIR_PROXY_CHECK_H

#include "conf.h"

/* RESULT(id, name, doc) */
#define CHECK_RESULTS(RESULT)                                                                      \
	RESULT(NONE, "none", "not checked yet")                                                    \
	RESULT(OK, "ok", "good")                                                                   \
	RESULT(STATUS, "status", "an answer of another status")                                    \
	RESULT(REFUSED, "refused", "no connection")                                                \
	RESULT(TIMEOUT, "timeout", "not in time")                                                  \
	RESULT(CLOSED, "closed", "connection ended before the answer")                             \
	RESULT(INVALID, "invalid", "no valid answer")                                              \
	RESULT(SKIPPED, "skipped", "not made: something was missing here")

enum check_result {
#define RESULT(id, ...) CHECKED_##id,
	CHECK_RESULTS(RESULT)
#undef RESULT
};

/* What the last checks of a server gave: written by the thread of its checks, read by any, each
 * value by itself. */
struct server_health {
	_Atomic uint8_t result; /* enum check_result, of the last check */
	_Atomic uint16_t status; /* of its answer; 0: none */
	_Atomic uint32_t ms; /* how long it took */
	_Atomic uint64_t at; /* when it ended: tick; 0: none has */
	_Atomic uint64_t changed; /* tick of the last change between up and down; 0: none */
	_Atomic uint64_t checks, failures, changes;
};

static inline struct str check_result_name(const struct server_health *h)
{
	static const struct str names[] = {
#define RESULT(id, name, doc) { name, sizeof(name) - 1 },
		CHECK_RESULTS(RESULT)
#undef RESULT
	};

	return names[atomic_load_explicit(&h->result, memory_order_relaxed)];
}

struct check_part {
	const char *name;
	/* By conf_load. False after messages on <err>. */
	bool (*load)(FILE *err);
	/* On each thread: begins and ends the checks that are its own. 0, or -1: memory is out.
	 * <stop> twice is harmless. */
	int (*thread_start)(void);
	void (*thread_stop)(void);
};

#endif
