/* SPDX-License-Identifier: Apache-2.0 */
/* process: what the process has with the system: signals, service manager, limits, user and root
 * directory. All of it at start or on thread 0; nothing here is on a serving path. */
#ifndef WEIR_OPS_PROCESS_H
#define WEIR_OPS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/str.h"

/* How the process ends; part of the interface (docs). */
enum exit_code {
	EXIT_CODE_OK = 0, /* stopped as asked, nothing was cut */
	EXIT_CODE_CONFIG = 1, /* a parameter or file of the configuration is missing or wrong */
	EXIT_CODE_USAGE = 2, /* wrong command line */
	EXIT_CODE_SYSTEM = 3, /* a port, file, user or limit: the system refused at start */
	EXIT_CODE_RUNTIME = 4, /* threads or memory could not be had */
	EXIT_CODE_CUT =
		5 /* stopped while connections were open: drain time over, or a second signal */
};

/* Signals. SIGTERM, SIGINT, SIGUSR1: stop; again SIGTERM or SIGINT: stop now. SIGHUP: reopen.
 * SIGPIPE is ignored. */
struct process_signals {
	void (*stop)(void); /* first one; on thread 0, in its loop */
	void (*stop_now)(void); /* second one */
	void (*reopen)(void);
};
/* Before any thread is made: from here on signals wait. <s> stays valid. */
void process_signals_init(const struct process_signals *s);
/* On thread 0 (thread_config start, stop): signals come only between the two, and only to this
 * thread. */
void process_signals_start(void);
void process_signals_stop(void);

/* Tells the service manager, if there is one (NOTIFY_SOCKET): "READY=1", "STOPPING=1". True when
 * it was told. */
bool process_notify(const char *state);
/* Listening sockets handed over by the service manager (LISTEN_PID, LISTEN_FDS); the variables
 * are removed. Returns how many were put into <fds>; more than <max> are closed. */
unsigned process_listen_fds(int *fds, unsigned max);

/* Raises the descriptor limit to what is allowed, at most <want> (0: no such bound). Returns the
 * limit now. */
unsigned process_raise_fds(unsigned want);
/* Bytes that the process may use: the smallest memory limit of its cgroups; 0: none. */
uint64_t process_memory_limit(void);
/* Processors that the quotas of its cgroups (cpu.max) are worth, rounded up; 0: no quota. */
unsigned process_cpu_quota(void);
/* Most client connections for <fds> descriptors of which <fixed> are not for connections, and
 * <memory> bytes (0: any): two descriptors and CONN_MEMORY bytes each. At least 1. */
#define CONN_MEMORY 65536
unsigned process_maxconn(unsigned fds, unsigned fixed, uint64_t memory);

/* User, group and root directory, empty: unchanged. A number or a name of /etc/passwd,
 * /etc/group. */
struct process_rights {
	struct str user, group, root;
	bool foreign; /* keep CAP_NET_ADMIN: connections come from addresses of others */
};
/* After binding and opening, before the threads: root directory, groups, group, user, in this
 * order; then makes sure that there is no way back. False with a sentence in <err>. */
bool process_drop(const struct process_rights *r, char *err, size_t room);
/* Only looks the names up, for --check. */
bool process_drop_check(const struct process_rights *r, char *err, size_t room);

#endif
