/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/task.h"
#include "../net/listener.h"

/* Signals: the handler notes the signal and wakes a task of thread 0, the only thread that does
 * not block them. */

#define NOTED_STOP 1u
#define NOTED_AGAIN 2u
#define NOTED_REOPEN 4u

static const int handled[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };
static const struct process_signals *callbacks;
static _Atomic unsigned noted, stops;
static struct task task;

static void on_signal(int sig)
{
	int saved = errno;
	unsigned what = NOTED_REOPEN;

	if (sig != SIGHUP) {
		bool first = atomic_fetch_add(&stops, 1) == 0;

		what = first || sig == SIGUSR1 ? NOTED_STOP : NOTED_AGAIN;
	}
	atomic_fetch_or(&noted, what);
	task_wake_remote(&task);
	errno = saved;
}

static void handle_noted(struct task *t)
{
	static bool stopping;
	unsigned what = atomic_exchange(&noted, 0);

	(void)t;
	if (what & NOTED_REOPEN)
		callbacks->reopen();
	if ((what & NOTED_STOP) && !stopping) {
		stopping = true;
		callbacks->stop();
	}
	if (what & NOTED_AGAIN)
		callbacks->stop_now();
}

static void mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		sigaddset(&set, handled[i]);
	pthread_sigmask(how, &set, NULL);
}

void process_signals_init(const struct process_signals *s)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	callbacks = s;
	mask(SIG_BLOCK);
	sigfillset(&act.sa_mask);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		sigaction(handled[i], &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
}

void process_signals_start(void)
{
	task_init(&task, TASK_URGENT, handle_noted);
	mask(SIG_UNBLOCK);
}

void process_signals_stop(void)
{
	mask(SIG_BLOCK);
}

/* Service manager. */

bool process_notify(const char *state)
{
	const char *to = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = to ? strlen(to) : 0;
	bool told;
	int fd;

	if (n < 2 || n > sizeof(un.sun_path) - 1 || (to[0] != '/' && to[0] != '@'))
		return false;
	memcpy(un.sun_path, to, n);
	if (to[0] == '@')
		un.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	told = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&un,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) >= 0;
	close(fd);
	return told;
}

unsigned process_listen_fds(int *fds, unsigned max)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint64_t p = 0, n = 0;
	unsigned kept = 0;

	if (!str_u64(str_from(pid), UINT32_MAX, &p) || !str_u64(str_from(count), 1024, &n) ||
	    p != (uint64_t)getpid())
		n = 0;
	for (int fd = 3; fd < 3 + (int)n; fd++) {
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		if (kept < max)
			fds[kept++] = fd;
		else
			close(fd);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return kept;
}

/* Limits. */

unsigned process_raise_fds(unsigned want)
{
	struct rlimit lim;
	rlim_t to;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return 0;
	to = want && want < lim.rlim_max ? want : lim.rlim_max;
	if (to > lim.rlim_cur) {
		rlim_t was = lim.rlim_cur;

		lim.rlim_cur = to;
		if (setrlimit(RLIMIT_NOFILE, &lim) != 0)
			lim.rlim_cur = was;
	}
	return lim.rlim_cur < INT32_MAX ? (unsigned)lim.rlim_cur : INT32_MAX;
}

unsigned process_maxconn(unsigned fds, unsigned fixed, uint64_t memory)
{
	uint64_t n = fds > fixed + FDS_RESERVED ? (fds - fixed - FDS_RESERVED) / 2 : 1;

	if (memory && memory / CONN_MEMORY < n)
		n = memory / CONN_MEMORY;
	return n ? (unsigned)n : 1;
}

/* The number in file <path>; 0: there is none, or "max". */
static uint64_t number_in(const char *path)
{
	char text[64];
	uint64_t v = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (fd >= 0)
		close(fd);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	return n > 0 && str_u64(str_of(text, (size_t)n), UINT64_MAX / 2, &v) ? v : 0;
}

/* Processors of a quota "MICROSECONDS PERIOD" in file <path>, rounded up; 0: none, or "max". */
static uint64_t quota_in(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[64] = "";
	struct str period, quota;
	uint64_t q, p;

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	period = str_from(line);
	period = str_cut(&period, '\n');
	quota = str_cut(&period, ' ');
	if (!str_u64(quota, UINT32_MAX, &q) || !str_u64(period, UINT32_MAX, &p) || !p)
		return 0;
	return (q + p - 1) / p;
}

/* The smallest limit from the group <path> up to the root of its hierarchy. */
static uint64_t limit_upwards(const char *root, const char *file, char *path,
			      uint64_t (*read_one)(const char *path))
{
	uint64_t least = 0;

	for (;;) {
		char name[4400];
		char *slash = strrchr(path, '/');
		uint64_t v;

		snprintf(name, sizeof(name), "%s%s/%s", root, path, file);
		v = read_one(name);
		if (v && (!least || v < least))
			least = v;
		if (!slash)
			return least;
		*slash = 0;
	}
}

/* The smallest limit of the groups this process is in: <file> of version 2, <file1> below <root1>
 * of version 1 (NULL: not looked for). */
static uint64_t cgroup_limit(const char *file, const char *root1, const char *file1,
			     uint64_t (*read_one)(const char *path))
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4200];
	uint64_t least = 0;

	while (f && fgets(line, sizeof(line), f)) {
		struct str rest = str_from(line), kind;
		uint64_t v = 0;
		char path[4200];

		str_cut(&rest, ':');
		kind = str_cut(&rest, ':');
		rest = str_trim(str_cut(&rest, '\n'));
		snprintf(path, sizeof(path), "%.*s", STR_ARG(rest));
		if (kind.n == 0)
			v = limit_upwards("/sys/fs/cgroup", file, path, read_one);
		else if (root1 && str_find(kind, S("memory")) >= 0)
			v = limit_upwards(root1, file1, path, read_one);
		if (v && (!least || v < least))
			least = v;
	}
	if (f)
		fclose(f);
	return least;
}

uint64_t process_memory_limit(void)
{
	uint64_t least = cgroup_limit("memory.max", "/sys/fs/cgroup/memory",
				      "memory.limit_in_bytes", number_in);

	return least < UINT64_C(1) << 60 ? least : 0; /* version 1 writes "none" as a huge number */
}

unsigned process_cpu_quota(void)
{
	return (unsigned)cgroup_limit("cpu.max", NULL, NULL, quota_in);
}
