/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../runtime/ops/process.h"

#include <check.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../runtime/core/poll.h"
#include "../../../runtime/core/thread.h"

Suite *process_suite(void);

static unsigned stops, stops_now, reopens;
static unsigned calls_on_thread0;

static void note_thread(void)
{
	calls_on_thread0 += th && th->tid == 0;
}

static void on_stop(void)
{
	stops++;
	note_thread();
	kill(getpid(), SIGUSR1); /* asks for the same: no more */
	kill(getpid(), SIGTERM);
}

static void on_stop_now(void)
{
	stops_now++;
	note_thread();
	thread_stop_all();
}

static void on_reopen(void)
{
	reopens++;
	note_thread();
	kill(getpid(), SIGTERM);
}

static const struct process_signals signals = { on_stop, on_stop_now, on_reopen };

static int begin(struct thread *t)
{
	if (t->tid == 0)
		process_signals_start();
	return 0;
}

static void end(struct thread *t)
{
	if (t->tid == 0)
		process_signals_stop();
}

START_TEST(signals_are_handled_in_the_loop_of_the_first_thread)
{
	struct thread_config cfg = {
		.nthreads = 3, .poller = &poller_epoll, .start = begin, .stop = end
	};

	process_signals_init(&signals);
	kill(getpid(), SIGPIPE);
	kill(getpid(), SIGHUP); /* before the threads: it waits for them */
	ck_assert_uint_eq(reopens, 0);
	ck_assert_int_eq(thread_run(&cfg), 0);
	kill(getpid(), SIGTERM); /* after them: nothing is called */
	ck_assert_uint_eq(reopens, 1);
	ck_assert_uint_eq(stops, 1);
	ck_assert_uint_eq(stops_now, 1);
	ck_assert_uint_eq(calls_on_thread0, 3);
}
END_TEST

static void notified_at(const char *name, bool abstract)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char got[64], value[120];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t n;

	strcpy(un.sun_path + abstract, name);
	ck_assert_int_eq(
		bind(fd, (struct sockaddr *)&un,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name))),
		0);
	snprintf(value, sizeof(value), "%s%s", abstract ? "@" : "", name);
	setenv("NOTIFY_SOCKET", value, 1);
	ck_assert(process_notify("READY=1"));
	n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	ck_assert_int_eq(n, 7);
	ck_assert_int_eq(memcmp(got, "READY=1", 7), 0);
	close(fd);
}

START_TEST(the_service_manager_is_told)
{
	char dir[] = "/tmp/weir-test-XXXXXX", path[80];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	notified_at(path, false);
	unlink(path);
	rmdir(dir);
	snprintf(path, sizeof(path), "weir-test-%d", (int)getpid());
	notified_at(path, true);
	ck_assert(!process_notify("READY=1")); /* it is gone */
	setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
	ck_assert(!process_notify("READY=1"));
	unsetenv("NOTIFY_SOCKET");
	ck_assert(!process_notify("READY=1"));
}
END_TEST

START_TEST(handed_over_sockets_are_for_this_process_only)
{
	char pid[20];
	int fds[4];

	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_PID", "1", 1);
	ck_assert_uint_eq(process_listen_fds(fds, 4), 0);
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	ck_assert_uint_eq(process_listen_fds(fds, 4), 2);
	ck_assert(fds[0] == 3 && fds[1] == 4);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "x", 1);
	ck_assert_uint_eq(process_listen_fds(fds, 4), 0);
}
END_TEST

START_TEST(limits_give_the_number_of_connections)
{
	struct rlimit lim;
	unsigned n;

	ck_assert_uint_eq(process_maxconn(1024, 16, 0), 500);
	ck_assert_uint_eq(process_maxconn(1024, 16, UINT64_C(100) * CONN_MEMORY), 100);
	ck_assert_uint_eq(process_maxconn(10, 16, 0), 1);
	ck_assert_uint_eq(process_maxconn(1024, 16, 1), 1);
	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = 100;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &lim), 0);
	ck_assert_uint_eq(process_raise_fds(120), 120);
	n = process_raise_fds(0);
	ck_assert(n == lim.rlim_max || n == INT32_MAX);
	ck_assert_uint_eq(process_raise_fds(50), n); /* never lowers */
	process_memory_limit();
}
END_TEST

static char err[300];

START_TEST(unknown_names_are_said)
{
	struct process_rights r = { .user = S("no-such-user-here") };

	ck_assert(!process_drop_check(&r, err, sizeof(err)));
	ck_assert_ptr_nonnull(strstr(err, "no user no-such-user-here"));
	ck_assert(!process_drop(&r, err, sizeof(err)));
	r = (struct process_rights) { .group = S("no-such-group-here") };
	ck_assert(!process_drop_check(&r, err, sizeof(err)));
	ck_assert_ptr_nonnull(strstr(err, "no group no-such-group-here"));
	r = (struct process_rights) { .root = S("/nonexistent/root") };
	ck_assert(!process_drop_check(&r, err, sizeof(err)));
	r = (struct process_rights) { .user = S("4000000") };
	ck_assert(!process_drop_check(&r, err, sizeof(err)));
	ck_assert_ptr_nonnull(strstr(err, "name a group too"));
	r = (struct process_rights) { .user = S("") };
	ck_assert(process_drop(&r, err, sizeof(err)));
}
END_TEST

/* What a child finds after giving its rights up: 0, or the number of the step that is wrong. */
static int drop_in_child(const char *dir)
{
	struct process_rights r = { .user = S("4000"), .group = S("4001"), .root = str_from(dir) };
	gid_t groups[8];

	if (!process_drop(&r, err, sizeof(err)))
		return 1;
	if (getuid() != 4000 || geteuid() != 4000 || getgid() != 4001 || getegid() != 4001)
		return 2;
	if (getgroups(8, groups) != 1 || groups[0] != 4001)
		return 3;
	if (access("/inside", F_OK) != 0 || access("/etc/passwd", F_OK) == 0)
		return 4;
	return setuid(0) == 0 || setgid(0) == 0 ? 5 : 0;
}

START_TEST(rights_are_given_up_for_good)
{
	char dir[] = "/tmp/weir-test-XXXXXX", path[80];
	gid_t more[2] = { 0, 5 };
	int status;
	pid_t child;

	if (geteuid() != 0) {
		printf("not run: rights_are_given_up_for_good needs root\n");
		return;
	}
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/inside", dir);
	close(open(path, O_CREAT | O_WRONLY, 0644));
	setgroups(2, more);
	child = fork();
	if (child == 0)
		_exit(drop_in_child(dir));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	unlink(path);
	rmdir(dir);
}
END_TEST

static int refused_in_child(void)
{
	struct process_rights r = { .user = S("4002"), .group = S("4001") };

	if (setgroups(0, NULL) != 0 || setresgid(4001, 4001, 4001) != 0 ||
	    setresuid(4000, 4000, 4000) != 0)
		return 1;
	if (process_drop(&r, err, sizeof(err)) || process_drop_check(&r, err, sizeof(err)))
		return 2;
	r.user = S("4000");
	return process_drop(&r, err, sizeof(err)) ? 0 : 3;
}

START_TEST(without_root_only_ones_own_user_is_taken)
{
	int status;
	pid_t child;

	if (geteuid() != 0) {
		printf("not run: without_root_only_ones_own_user_is_taken needs root\n");
		return;
	}
	child = fork();
	if (child == 0)
		_exit(refused_in_child());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

Suite *process_suite(void)
{
	Suite *s = suite_create("process");
	TCase *tc = tcase_create("process");

	tcase_add_test(tc, signals_are_handled_in_the_loop_of_the_first_thread);
	tcase_add_test(tc, the_service_manager_is_told);
	tcase_add_test(tc, handed_over_sockets_are_for_this_process_only);
	tcase_add_test(tc, limits_give_the_number_of_connections);
	tcase_add_test(tc, unknown_names_are_said);
	tcase_add_test(tc, rights_are_given_up_for_good);
	tcase_add_test(tc, without_root_only_ones_own_user_is_taken);
	suite_add_tcase(s, tc);
	return s;
}
