/* SPDX-License-Identifier: Apache-2.0 */
/* listener: a listening socket and the threads that accept from it. Accepting takes at most 4 a
 * turn, then each descriptor goes to the less loaded of two random threads of the set, before
 * any connection object exists. At a limit (bind, frontend, process, descriptors) accepting pauses
 * until a connection closes; what has not been accepted waits in the kernel's backlog. */
#ifndef WEIR_NET_LISTENER_H
#define WEIR_NET_LISTENER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../base/addr.h"
#include "../core/thread.h"
#include "conn.h"

#define FDS_RESERVED 8 /* descriptors that no connection takes: log files, control */
#define LISTENER_BACKLOG 4096 /* the kernel bounds it by net.core.somaxconn */

struct mux_ops;

/* Most connections at a time; shared by the threads. */
struct conn_limit {
	uint32_t max; /* 0: none */
	_Atomic uint32_t cur;
	_Atomic uint32_t any; /* some thread waits */
	_Atomic uint64_t waiting[GROUPS_MAX]; /* by tid */
};

struct listener_conf {
	struct addr_conf addr; /* INET, UNIX, ABNS or FD; one port */
	bool v6only;
	bool transparent; /* the address may be none of this machine (needs CAP_NET_ADMIN) */
	bool has_mode; /* UNIX: <mode> is set, else the umask decides */
	mode_t mode;
	uid_t uid; /* UNIX: (uid_t)-1: unchanged */
	gid_t gid;
	int backlog; /* 0: LISTENER_BACKLOG */
	const uint16_t *tids; /* threads of the set; ntids 0: all */
	unsigned ntids;
	struct conn_limit *limit; /* of the frontend, or NULL */
	uint32_t maxconn; /* connections of this listener; 0: no limit */
	const char *interface; /* INET: the device to listen on, or NULL */
	const struct conn_app *app;
	const struct handshake *const
		*hs; /* hs_monitor, hs_accept_proxy, hs_conn_in, in this order; or NULL */
	uint32_t handshake_ms; /* for the whole list; 0: no limit */
	void *owner; /* the app's: its frontend */
	const struct mux_ops *mux; /* for the app: of its connections */
	const struct mux_ops *mux_agreed; /* instead, when TLS has agreed on HTTP/2; or NULL */
	const struct addr_net *monitor; /* for hs_monitor */
	unsigned nmonitor;
	enum hs_result (*conn_in)(struct conn *c); /* for hs_conn_in: HS_DONE or HS_FAIL */
};

struct listener {
	struct listener_conf conf;
	struct conn_limit limit; /* of this listener */
	struct addr bound; /* what the kernel says: with the port it chose */
	int fd; /* -1: not open */
	int group_fd[GROUPS_MAX]; /* one dup per group, shared by its threads */
	uint16_t group_users[GROUPS_MAX];
	_Atomic uint32_t users; /* threads that accept */
	bool made_file; /* UNIX: bound here */
	_Atomic uint64_t accepted; /* counter */
};

/* Before the threads start. <maxconn>: of the process, 0: none. <fd_max>: RLIMIT_NOFILE, 0:
 * unknown. <warn> may be NULL; it is called from any thread, at most once a second. */
void listener_init(uint32_t maxconn, unsigned fd_max, void (*warn)(const char *what, int err));
/* Listening sockets from the service manager; each is taken by the listener_open whose address
 * it has. */
void listener_inherit(const int *fds, unsigned n);
/* Closes what no listener took; returns how many there were. <tell> (may be NULL) gets the
 * address of each. */
unsigned listener_inherit_end(void (*tell)(const char *address));

/* Before the threads start: socket, bind, listen. False with a sentence in <err>. */
bool listener_open(struct listener *l, const struct listener_conf *conf, char *err, size_t room);
/* On each thread of the process (thread_config start): accepts if the thread is of the set. 0,
 * or -1: memory is out. */
int listener_start(struct listener *l);
/* Any thread, once: no more connections are accepted; the socket is closed and a unix socket's
 * file removed. */
void listener_stop(struct listener *l);
/* On each thread (thread_config stop): as listener_stop, for what this thread still accepts
 * from. */
void listener_thread_stop(void);
/* Closes an open listener that no thread has started. */
void listener_close(struct listener *l);

/* For conn: a connection has ended; <l> is NULL unless it came from a listener. */
void listener_conn_closed(struct listener *l);
/* Whether <fd> is one of the last FDS_RESERVED numbers. */
bool listener_fd_scarce(int fd);
extern struct conn_limit listener_process; /* all client connections */

#endif
