/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../runtime/core/poll.h"
#include "../../../runtime/core/thread.h"
#include "../../../runtime/core/watchdog.h"

Suite *watchdog_suite(void);

static struct task spinner;
static volatile uint64_t sink;

static void spin(struct task *t)
{
	(void)t;
	for (;;)
		sink++;
}

/* Turns that take long, but end: no reason to stop anything. */
static void busy(struct task *t)
{
	uint64_t until = clock_now_us() + 30000;
	static unsigned n;

	while (clock_now_us() < until)
		sink++;
	if (++n < 10)
		task_wake(t);
	else
		thread_stop_all();
}

static void (*work)(struct task *);

static int start(struct thread *t)
{
	if (t->tid == 2) {
		task_init(&spinner, TASK_NORMAL, work);
		task_wake(&spinner);
	}
	return 0;
}

/* The status of a process that does <what> on thread 3 of 4 in two groups, and what it said. */
static int watched(void (*what)(struct task *), uint32_t warn, uint32_t end, char *said, size_t room)
{
	struct thread_config cfg = { .nthreads = 4,
				     .ngroups = 2,
				     .poller = &poller_epoll,
				     .start = start,
				     .watchdog_warn_ms = warn,
				     .watchdog_abort_ms = end };
	int out[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 2);
		close(out[0]);
		close(out[1]);
		watchdog_init();
		work = what;
		_exit(thread_run(&cfg) == 0 ? 0 : 1);
	}
	close(out[1]);
	while ((got = read(out[0], said + n, room - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = 0;
	close(out[0]);
	waitpid(pid, &status, 0);
	return status;
}

START_TEST(s114_the_watchdog_ends_a_process_with_a_thread_that_spins)
{
	char said[8192];
	int status = watched(spin, 20, 100, said, sizeof(said));

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	ck_assert_msg(strstr(said, "thread 3 (2/1) has been in one turn of its loop for 20 ms"),
		      "%s", said);
	ck_assert_msg(strstr(said, "for 100 ms of processor time: it is stuck"), "%s", said);
	ck_assert_msg(strstr(said, "task:\n") && strstr(said, "stack:\n"), "%s", said);
}
END_TEST

START_TEST(s114_turns_that_end_are_left_alone_and_the_watchdog_can_be_off)
{
	char said[8192];
	int status = watched(busy, 20, 100, said, sizeof(said));

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", said);
	status = watched(busy, 0, 0, said, sizeof(said));
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_str_eq(said, "");
}
END_TEST

Suite *watchdog_suite(void)
{
	Suite *s = suite_create("watchdog");
	TCase *tc = tcase_create("stuck");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, s114_the_watchdog_ends_a_process_with_a_thread_that_spins);
	tcase_add_test(tc, s114_turns_that_end_are_left_alone_and_the_watchdog_can_be_off);
	suite_add_tcase(s, tc);
	return s;
}
