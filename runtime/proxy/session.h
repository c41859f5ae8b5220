/* SPDX-License-Identifier: Apache-2.0 */
/* session: what conn in and sess in rules set for a client connection: variables, the level of
 * its log lines, turns in checkpoints. Kept by thread, beside the connection, and only for those
 * of a front with such rules (struct front.sets). Owner thread only. */
#ifndef WEIR_PROXY_SESSION_H
#define WEIR_PROXY_SESSION_H

#include "conf.h"

struct x_value;
struct turn;

struct session {
	struct x_value *vars; /* as an exchange has them: NULL until one is set */
	struct turn *turns; /* in checkpoints, until the connection ends */
	uint8_t log_level;
};

/* Before the threads. */
void session_init(void);
/* On each thread. 0, or -1 when memory is out. */
int session_thread_start(void);
void session_thread_stop(void);

/* What is set for <c>, for its rules to read and change; the caller's until session_put. */
struct session session_take(const struct conn *c);
/* Keeps <s>, with its values, for <c>. False: memory is out, they are gone. */
bool session_put(const struct conn *c, struct session *s);
/* A copy for an exchange that begins on <c>. False: memory is out, nothing is copied. */
bool session_copy(const struct conn *c, struct session *out);
/* <c> ends. */
void session_drop(const struct conn *c);

#endif
