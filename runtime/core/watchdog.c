/* SPDX-License-Identifier: Apache-2.0 */
/* Each thread has a timer on its own processor clock that sends the thread a signal. The handler
 * compares the number of the present turn with that of the last signal: equal ones mean that a whole
 * period has gone by in one turn. */
#include "watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <execinfo.h>
#endif

#include "../base/str.h"
#include "sched.h"
#include "thread.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define SIGNAL SIGRTMIN
#define FRAMES 48

struct watch {
	timer_t timer;
	bool on;
	uint32_t warn_ms, abort_ms;
	uint64_t turn; /* at the last signal */
	uint32_t stuck; /* signals since that turn began */
};

static _Thread_local struct watch watch;

/* Messages are made without the C library's streams, as the thread may hold their lock. */
struct line {
	char text[256];
	size_t n;
};

static void put(struct line *l, const char *s)
{
	while (*s && l->n < sizeof(l->text))
		l->text[l->n++] = *s++;
}

static void put_number(struct line *l, uint64_t v)
{
	char digits[24];
	size_t n = sizeof(digits) - 1;

	digits[n] = 0;
	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	put(l, digits + n);
}

static void say(const char *what, uint64_t ms)
{
	struct line l = { .n = 0 };
	ssize_t unused;

	put(&l, "weir: watchdog: thread ");
	put_number(&l, th->tid + 1u);
	put(&l, " (");
	put_number(&l, th->group->id + 1u);
	put(&l, "/");
	put_number(&l, th->ltid + 1u);
	put(&l, ") has been in one turn of its loop for ");
	put_number(&l, ms);
	put(&l, " ms of processor time");
	put(&l, what);
	put(&l, "\n");
	unused = write(STDERR_FILENO, l.text, l.n);
	(void)unused;
}

static void say_place(void)
{
#if defined(__GLIBC__)
	void *frames[FRAMES], *task = (void *)atomic_load(&th->sched->running);
	static const char at_task[] = "task:\n", at_stack[] = "stack:\n";
	ssize_t unused;
	int n;

	if (task) {
		unused = write(STDERR_FILENO, at_task, sizeof(at_task) - 1);
		backtrace_symbols_fd(&task, 1, STDERR_FILENO);
	}
	unused = write(STDERR_FILENO, at_stack, sizeof(at_stack) - 1);
	(void)unused;
	n = backtrace(frames, FRAMES);
	backtrace_symbols_fd(frames, n, STDERR_FILENO);
#endif
}

static void on_signal(int sig)
{
	int saved = errno;
	uint64_t ms;

	(void)sig;
	if (!th || !watch.on)
		return;
	if (th->turns != watch.turn) {
		watch.turn = th->turns;
		watch.stuck = 0;
		return;
	}
	ms = (uint64_t)++watch.stuck * watch.warn_ms;
	if (ms >= watch.abort_ms && !watchdog_traced()) {
		say(": it is stuck, the process ends", ms);
		say_place();
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	if (watch.stuck == 1)
		say("", ms);
	errno = saved;
}

bool watchdog_traced(void)
{
	static const char word[] = "TracerPid:\t";
	char text[2048];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	ptrdiff_t at;

	if (fd >= 0)
		close(fd);
	at = n > 0 ? str_find(str_of(text, (size_t)n), str_from(word)) : -1;
	return at >= 0 && at + (ptrdiff_t)sizeof(word) - 1 < n &&
	       text[at + (ptrdiff_t)sizeof(word) - 1] != '0';
}

void watchdog_init(void)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
#if defined(__GLIBC__)
	void *frame;

	backtrace(&frame, 1); /* its first call may allocate */
#endif
	sigfillset(&act.sa_mask);
	sigaction(SIGNAL, &act, NULL);
}

void watchdog_start(uint32_t warn_ms, uint32_t abort_ms)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL };
	struct itimerspec every = { .it_interval = { warn_ms / 1000, warn_ms % 1000 * 1000000L } };
	clockid_t clock;

	if (!warn_ms || !abort_ms || pthread_getcpuclockid(pthread_self(), &clock) != 0)
		return;
	ev.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	watch = (struct watch) { .warn_ms = warn_ms, .abort_ms = abort_ms };
	if (timer_create(clock, &ev, &watch.timer) != 0)
		return;
	watch.turn = th->turns;
	watch.on = true;
	every.it_value = every.it_interval;
	timer_settime(watch.timer, 0, &every, NULL);
}

void watchdog_stop(void)
{
	if (!watch.on)
		return;
	watch.on = false;
	timer_delete(watch.timer);
}
