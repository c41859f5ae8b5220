/* SPDX-License-Identifier: Apache-2.0 */
/* Peers for tests of the loop: each sends a stream of known bytes and checks the one it
 * receives. */
#ifndef WEIR_TESTS_RUNTIME_POLL_H
#define WEIR_TESTS_RUNTIME_POLL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../runtime/core/poll.h"
#include "../../runtime/core/thread.h"

struct peer {
	struct io io;
	uint64_t to_send, sent; /* bytes of its stream */
	uint64_t got;
	uint32_t chunk; /* bytes per send; 0: a full buffer */
	struct buf *out;
	uint32_t out_at; /* first byte of <out> not sent yet */
	struct buf_waiter wait;
	bool bad; /* received a byte that is not of the stream */
	bool ended, closed, half; /* half: stays open for receiving after its own stream */
	bool hold; /* does not receive by itself */
	bool done_sending, under_way;
	bool reserved; /* sends from the reserve: an answer already begun */
	int err, connect_err;
	unsigned completions; /* of any kind, after io_close: must stay 0 */
	bool closing;
	void (*on_bytes)(struct peer *);
	void (*on_end)(struct peer *);
	void (*on_connect)(struct peer *);
	void (*on_ready)(struct peer *, unsigned what);
	void (*on_closed)(struct peer *);
	void *user;
};

extern const struct io_ops peer_ops;

/* One of the pollers: 0 epoll, then the faulty one with that seed, the last io_uring (epoll again
 * where the machine has none, with a line that says so). */
#define POLLERS 6
#define POLLER_URING (POLLERS - 1)
const struct poller *test_poller(int i);

/* A listening socket of the loopback on a free port. */
int listen_any(struct sockaddr_in *addr, int backlog);
int socket_tcp(void);
/* Sockets connected with each other, non-blocking. */
void socket_pair(int fd[2]);
/* Descriptors open in this process. */
int fds_open(void);

void peer_open(struct peer *p, int fd);
/* Sends the next part of the stream unless a send is under way. */
void peer_send(struct peer *p);
void peer_close(struct peer *p, bool reset);
/* <n> bytes of the stream were received by the caller's own means. */
void peer_took(struct peer *p, const char *bytes, size_t n);

/* Runs one loop with <poller>; <start> sets the case up. Then nothing may be left: no object, no
 * buffer, no descriptor. */
void run_case(int poller, uint32_t buffers, int (*start)(struct thread *),
	      void (*stop)(struct thread *));

#endif
