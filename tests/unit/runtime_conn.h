/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of connections share: one connection with a tap on it, and its far end. */
#ifndef WEIR_TESTS_RUNTIME_CONN_H
#define WEIR_TESTS_RUNTIME_CONN_H

#include "runtime_poll.h"
#include "runtime_tap.h"

extern struct tap tap;
extern int far; /* the other end, when it is no peer */
extern const struct sockaddr_storage conn_case_nobody; /* an address of a client */

/* As run_case, and the tap was released. */
void conn_case_run(int poller, uint32_t buffers, int (*start)(struct thread *));
/* The same for a case whose <far> stays open. */
void conn_case_run_far(int poller, uint32_t buffers, int (*start)(struct thread *));
/* A client connection with the tap, that has <ms> for the handshakes <hs>; returns 0, for a start. */
int conn_case_accept(const struct handshake *const *hs, uint32_t ms);
/* What came out at the far end, as text. */
const char *conn_case_far_text(void);
/* Its end came, without a reset; it is closed. */
void conn_case_far_closed(void);

#endif
