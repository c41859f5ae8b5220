/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../runtime/ops/log_writer.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "../../../runtime/core/poll.h"
#include "../../../runtime/core/thread.h"
#include "../runtime_log.h"

Suite *log_writer_suite(void);

extern const struct log_part log_http, log_json;

static char dir[64], path[100], err[300];
static void make_dir(void)
{
	strcpy(dir, "/tmp/weir-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
}

static void remove_dir(void)
{
	unlink(path);
	rmdir(dir);
}

static struct log_sink_set *file_sink(const struct log_part *part, uint8_t level)
{
	struct sink_conf c = {
		.kind = SINK_FILE, .part = part, .path = str_from(path), .level = level
	};
	struct log_sink_set *s = log_sinks_new(&c, 1, err, sizeof(err));

	ck_assert_msg(s != NULL, "%s", err);
	return s;
}

#define THREADS 3
#define PER_THREAD 3000

static struct log_sink_set *sinks;
static _Atomic unsigned finished, dropped_here;

static int put_many(struct thread *t)
{
	(void)t;
	ck_assert_int_eq(log_thread_start(), 0);
	for (unsigned i = 0; i < PER_THREAD; i++) {
		struct log_record r = log_sample();

		r.sinks = sinks;
		r.seq = log_id_next();
		r.host = S("x");
		if (!log_put(&r))
			atomic_fetch_add(&dropped_here, 1);
	}
	if (atomic_fetch_add(&finished, 1) + 1 == THREADS)
		thread_stop_all();
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

START_TEST(lines_of_many_threads_are_whole_and_have_unique_ids)
{
	struct thread_config cfg = { .nthreads = THREADS,
				     .poller = &poller_epoll,
				     .start = put_many };
	static char *ids[THREADS * PER_THREAD];
	char line[2000];
	unsigned n = 0, same = 0;
	FILE *f;

	make_dir();
	sinks = file_sink(&log_http, LOG_INFO);
	ck_assert_int_eq(log_writer_start(), 0);
	ck_assert_int_eq(thread_run(&cfg), 0);
	log_writer_stop();
	f = fopen(path, "r");
	while (fgets(line, sizeof(line), f)) {
		char *id = strstr(line, " id=");
		char *end = id ? strstr(id, " rule=site.weir:31 in=99 reuse=s\n") : NULL;

		if (!end || memcmp(line, "192.0.2.7:4711 [", 16) != 0)
			ck_abort_msg("not whole: %s", line);
		ids[n++] = strndup(id, (size_t)(end - id));
	}
	fclose(f);
	ck_assert_uint_eq(n + dropped_here, THREADS * PER_THREAD);
	ck_assert_uint_eq(log_counts().ring_full, dropped_here);
	qsort(ids, n, sizeof(ids[0]), by_text);
	for (unsigned i = 0; i < n; i++) {
		same += i && strcmp(ids[i - 1], ids[i]) == 0;
		if (i)
			free(ids[i - 1]);
	}
	ck_assert_uint_eq(same, 0);
	free(ids[n - 1]);
	log_free();
	log_sinks_free();
	remove_dir();
}
END_TEST

static void put_one(struct log_sink_set *to, const char *host, uint8_t level)
{
	struct log_record r = log_sample();

	r.sinks = to;
	r.uri = str_from(host);
	r.level = level;
	log_put(&r);
}

static void wait_lines(uint64_t n)
{
	while (log_counts().lines < n)
		usleep(1000);
}

static unsigned lines_with(const char *file, const char *text)
{
	char line[5000];
	unsigned n = 0;
	FILE *f = fopen(file, "r");

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	fclose(f);
	return n;
}

START_TEST(a_file_is_opened_again_and_levels_are_kept)
{
	char old[120];

	make_dir();
	sinks = file_sink(&log_http, LOG_NOTICE);
	ck_assert_int_eq(log_writer_start(), 0);
	log_be_thread();
	put_one(sinks, "/first", LOG_NOTICE);
	put_one(sinks, "/unheard", LOG_INFO);
	wait_lines(1);
	snprintf(old, sizeof(old), "%s/old", dir);
	ck_assert_int_eq(rename(path, old), 0);
	log_reopen();
	while (access(path, F_OK) != 0)
		usleep(1000);
	put_one(sinks, "/second", LOG_NOTICE);
	log_writer_stop();
	ck_assert_uint_eq(lines_with(old, ""), 1);
	ck_assert_uint_eq(lines_with(old, "/first"), 1);
	ck_assert_uint_eq(lines_with(path, ""), 1);
	ck_assert_uint_eq(lines_with(path, "/second"), 1);
	log_free();
	log_sinks_free();
	unlink(old);
	remove_dir();
}
END_TEST

START_TEST(a_full_disk_loses_whole_lines_and_says_so)
{
	struct rlimit lim, low;
	char said[400];
	FILE *f;
	int fd[2];
	ssize_t n;

	make_dir();
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &lim);
	sinks = file_sink(&log_http, LOG_INFO);
	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(dup2(fd[1], STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(log_writer_start(), 0);
	log_be_thread();
	low = lim;
	low.rlim_cur = 5000; /* for every file of this process: no check until it is lifted */
	setrlimit(RLIMIT_FSIZE, &low);
	for (int i = 0; i < 100; i++)
		put_one(sinks, "/full", LOG_INFO);
	log_writer_stop();
	setrlimit(RLIMIT_FSIZE, &lim);
	f = fopen(path, "r");
	fseek(f, -1, SEEK_END);
	ck_assert_int_eq(fgetc(f), '\n');
	fclose(f);
	ck_assert_uint_eq(lines_with(path, "/full") + log_counts().unwritten, 100);
	ck_assert_uint_gt(log_counts().unwritten, 50);
	n = read(fd[0], said, sizeof(said) - 1);
	ck_assert_int_gt(n, 0);
	said[n] = 0;
	ck_assert_ptr_nonnull(strstr(said, "lines not written"));
	log_free();
	log_sinks_free();
	remove_dir();
}
END_TEST

START_TEST(a_file_that_cannot_be_made_is_named_at_start)
{
	struct sink_conf c = { .kind = SINK_FILE,
			       .part = &log_http,
			       .path = S("/nonexistent/dir/log") };

	ck_assert_ptr_null(log_sinks_new(&c, 1, err, sizeof(err)));
	ck_assert_ptr_nonnull(strstr(err, "/nonexistent/dir/log: No such file"));
}
END_TEST

static void is_syslog(const char *text, const char *uri)
{
	ck_assert_int_eq(memcmp(text, "<133>1 2026-11-17T15:00:00.123456Z ", 35), 0);
	ck_assert_ptr_nonnull(strstr(text, " weir "));
	ck_assert_ptr_nonnull(strstr(text, " - - 192.0.2.7:4711 ["));
	ck_assert_ptr_nonnull(strstr(text, uri));
}

static void receive_as(int fd, const char *uri)
{
	char text[5000];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	ck_assert_int_gt(n, 0);
	text[n] = 0;
	is_syslog(text, uri);
	ck_assert_ptr_null(strchr(text, '\n'));
}

START_TEST(udp_syslog_gets_a_datagram_a_line)
{
	struct sink_conf c = {
		.kind = SINK_UDP, .part = &log_http, .facility = 16, .level = LOG_INFO
	};
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct addr_conf a;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ck_assert_ptr_null(addr_parse(S("127.0.0.1:0"), &a));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&ss, addr_to_sockaddr(&a.addr, &ss)), 0);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	addr_from_sockaddr(&c.addr, &ss);
	sinks = log_sinks_new(&c, 1, err, sizeof(err));
	ck_assert_int_eq(log_writer_start(), 0);
	log_be_thread();
	put_one(sinks, "/one", LOG_NOTICE);
	put_one(sinks, "/two", LOG_NOTICE);
	receive_as(fd, "/one");
	receive_as(fd, "/two");
	log_writer_stop();
	ck_assert_uint_eq(log_counts().unwritten, 0);
	log_free();
	log_sinks_free();
	close(fd);
}
END_TEST

static int unix_receiver(int type)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	strcpy(un.sun_path, path);
	unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

START_TEST(a_restarted_unix_receiver_is_found_again)
{
	struct sink_conf c = {
		.kind = SINK_UNIX, .part = &log_http, .facility = 16, .level = LOG_INFO
	};
	int fd;

	make_dir();
	c.path = str_from(path);
	fd = unix_receiver(SOCK_DGRAM);
	sinks = log_sinks_new(&c, 1, err, sizeof(err));
	ck_assert_int_eq(log_writer_start(), 0);
	log_be_thread();
	put_one(sinks, "/one", LOG_NOTICE);
	receive_as(fd, "/one");
	close(fd);
	fd = unix_receiver(SOCK_DGRAM);
	put_one(sinks, "/two", LOG_NOTICE);
	receive_as(fd, "/two");
	log_writer_stop();
	log_free();
	log_sinks_free();
	close(fd);
	remove_dir();
}
END_TEST

START_TEST(a_unix_stream_gets_lines)
{
	struct sink_conf c = {
		.kind = SINK_UNIX, .part = &log_http, .facility = 16, .level = LOG_INFO
	};
	char text[5000];
	FILE *f;
	int fd;

	make_dir();
	c.path = str_from(path);
	fd = unix_receiver(SOCK_STREAM);
	ck_assert_int_eq(listen(fd, 4), 0);
	sinks = log_sinks_new(&c, 1, err, sizeof(err));
	ck_assert_int_eq(log_writer_start(), 0);
	log_be_thread();
	put_one(sinks, "/one", LOG_NOTICE);
	put_one(sinks, "/two", LOG_NOTICE);
	f = fdopen(accept(fd, NULL, NULL), "r");
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), f));
	is_syslog(text, "/one");
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), f));
	is_syslog(text, "/two");
	log_writer_stop();
	log_free();
	log_sinks_free();
	ck_assert_ptr_null(fgets(text, sizeof(text), f));
	fclose(f);
	close(fd);
	remove_dir();
}
END_TEST

START_TEST(a_missing_receiver_costs_its_lines_only)
{
	struct sink_conf c[2] = {
		{ .kind = SINK_UNIX, .part = &log_json, .path = S("/nonexistent/log"), .level = 7 },
		{ .kind = SINK_FILE, .part = &log_http, .level = 7 }
	};

	make_dir();
	c[1].path = str_from(path);
	sinks = log_sinks_new(c, 2, err, sizeof(err));
	ck_assert_ptr_nonnull(sinks);
	ck_assert_int_eq(log_writer_start(), 0);
	log_be_thread();
	for (int i = 0; i < 5; i++)
		put_one(sinks, "/x", LOG_INFO);
	log_writer_stop();
	ck_assert_uint_eq(log_counts().unwritten, 5);
	ck_assert_uint_eq(lines_with(path, "/x"), 5);
	log_free();
	log_sinks_free();
	remove_dir();
}
END_TEST

/* A reader that is slow to come: what was written in part goes on where it stopped. */
START_TEST(a_line_cut_by_a_full_pipe_goes_on)
{
	struct sink_conf c = { .kind = SINK_STDOUT, .part = &log_http, .level = 7 };
	static char text[1 << 20];
	static char uri[3000];
	size_t n = 0;
	int fd[2], out = dup(STDOUT_FILENO);
	unsigned seen = 0;
	ssize_t r;

	memset(uri, 'u', sizeof(uri) - 1);
	ck_assert_int_eq(pipe(fd), 0);
	dup2(fd[1], STDOUT_FILENO);
	close(fd[1]);
	sinks = log_sinks_new(&c, 1, err, sizeof(err));
	ck_assert_int_eq(log_writer_start(), 0);
	log_be_thread();
	for (int i = 0; i < 50; i++)
		put_one(sinks, uri, LOG_INFO);
	while (log_counts().unwritten == 0)
		usleep(1000);
	while ((r = read(fd[0], text + n, 4096)) == 4096)
		n += (size_t)r;
	n += (size_t)(r > 0 ? r : 0);
	put_one(sinks, uri, LOG_INFO);
	log_writer_stop();
	dup2(out, STDOUT_FILENO);
	close(out);
	while ((r = read(fd[0], text + n, sizeof(text) - n)) > 0)
		n += (size_t)r;
	for (char *p = text, *end; p < text + n; p = end + 1, seen++) {
		end = memchr(p, '\n', (size_t)(text + n - p));
		ck_assert_ptr_nonnull(end);
		ck_assert_int_eq(memcmp(p, "192.0.2.7:4711 [", 16), 0);
		ck_assert_int_eq(memcmp(end - 7, "reuse=s", 7), 0);
	}
	ck_assert_uint_eq(seen + log_counts().unwritten, 51);
	close(fd[0]);
	log_free();
	log_sinks_free();
}
END_TEST

START_TEST(due_is_true_once_a_second)
{
	static _Atomic uint64_t last;
	unsigned n = 0;

	for (int i = 0; i < 1000; i++)
		n += log_due(&last);
	ck_assert_uint_le(n, 2);
	ck_assert_uint_ge(n, 1);
}
END_TEST

Suite *log_writer_suite(void)
{
	Suite *s = suite_create("log_writer");
	TCase *tc = tcase_create("log_writer");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, lines_of_many_threads_are_whole_and_have_unique_ids);
	tcase_add_test(tc, a_file_is_opened_again_and_levels_are_kept);
	tcase_add_test(tc, a_full_disk_loses_whole_lines_and_says_so);
	tcase_add_test(tc, a_file_that_cannot_be_made_is_named_at_start);
	tcase_add_test(tc, udp_syslog_gets_a_datagram_a_line);
	tcase_add_test(tc, a_restarted_unix_receiver_is_found_again);
	tcase_add_test(tc, a_unix_stream_gets_lines);
	tcase_add_test(tc, a_missing_receiver_costs_its_lines_only);
	tcase_add_test(tc, a_line_cut_by_a_full_pipe_goes_on);
	tcase_add_test(tc, due_is_true_once_a_second);
	suite_add_tcase(s, tc);
	return s;
}
