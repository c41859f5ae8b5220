/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../runtime/core/clock.h"
#include "../../../runtime/core/poll_fault.h"
#include "../../../runtime/core/pool.h"
#include "../../../runtime/net/handshake.h"
#include "../../../runtime/net/listener.h"
#include "../runtime_poll.h"

Suite *listener_suite(void);

#define CLIENTS 120

static struct listener listener;
static struct listener_conf conf;
static struct conn_limit limit;
static int clients[CLIENTS];
static unsigned nclients;
static _Atomic unsigned served, now_open, most_open, warned;
static unsigned by_thread[4];
/* Of the first thread. */
static _Thread_local unsigned highest_fd;
static unsigned keep_open; /* connections stay until so many are served; 0: each is closed soon */
static _Thread_local struct list open_conns;
static _Thread_local struct timer closer;
static _Thread_local struct addr last_peer, last_local;
static char text[300];
static size_t ntext;

static void close_one(struct timer *t)
{
	struct list *n = list_shift(&open_conns);

	if (n)
		conn_abort(CONTAINER(n, struct conn, link), false);
	if (!list_empty(&open_conns))
		timer_set(t, th->now + 2);
}

static void on_ready(struct conn *c, int err)
{
	unsigned n = atomic_fetch_add(&now_open, 1) + 1, most = atomic_load(&most_open);

	ck_assert_int_eq(err, 0);
	if ((unsigned)c->io.fd > highest_fd)
		highest_fd = (unsigned)c->io.fd;
	while (n > most && !atomic_compare_exchange_weak(&most_open, &most, n))
		;
	by_thread[th->tid]++;
	last_peer = c->peer;
	last_local = *conn_local(c);
	list_append(&open_conns, &c->link);
	n = atomic_fetch_add(&served, 1) + 1;
	if (keep_open) {
		if (n == keep_open)
			thread_stop_all();
		return;
	}
	closer.fire = close_one;
	if (!timer_armed(&closer))
		timer_set(&closer, th->now + 2);
}

static void on_gone(struct conn *c)
{
	list_del(&c->link);
	atomic_fetch_sub(&now_open, 1);
	if (!keep_open && atomic_load(&served) == nclients && !atomic_load(&now_open))
		thread_stop_all();
}

static const struct conn_app app = { .ready = on_ready, .gone = on_gone };

static void on_warn(const char *what, int err)
{
	ck_assert_ptr_nonnull(what);
	ck_assert_int_eq(err, EMFILE);
	atomic_fetch_add(&warned, 1);
}

static void connect_clients(unsigned n)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&listener.bound, &ss);

	for (nclients = 0; nclients < n; nclients++) {
		int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		ck_assert(connect(fd, (struct sockaddr *)&ss, len) == 0 || errno == EINPROGRESS);
		clients[nclients] = fd;
	}
}

static int thread_begin(struct thread *t)
{
	(void)t;
	list_init(&open_conns);
	conn_thread_start();
	return listener_start(&listener);
}

static void thread_end(struct thread *t)
{
	struct list *n;

	(void)t;
	listener_thread_stop();
	timer_del(&closer);
	while ((n = list_shift(&open_conns)))
		conn_abort(CONTAINER(n, struct conn, link), false);
	conn_thread_stop();
}

static void open_loopback(void)
{
	char err[200] = "";

	ck_assert_ptr_null(addr_parse(S("127.0.0.1:0"), &conf.addr));
	conf.app = &app;
	conf.uid = (uid_t)-1;
	conf.gid = (gid_t)-1;
	ck_assert_msg(listener_open(&listener, &conf, err, sizeof(err)), "%s", err);
	ck_assert_uint_ne(listener.bound.port, 0);
}

static void run_threads(unsigned n, unsigned groups, const struct poller *poller, unsigned nconn)
{
	struct thread_config cfg = { .nthreads = n,
				     .ngroups = groups,
				     .poller = poller,
				     .start = thread_begin,
				     .stop = thread_end };
	int before = fds_open();

	conn_init();
	listener_init(0, 0, on_warn);
	open_loopback();
	connect_clients(nconn);
	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_eq(pool_fini(stderr), 0);
	for (unsigned i = 0; i < nclients; i++)
		close(clients[i]);
	ck_assert_int_eq(listener.fd, -1);
	ck_assert_int_eq(fds_open(), before);
	ck_assert_uint_eq(atomic_load(&listener_process.cur), 0);
	ck_assert_uint_eq(atomic_load(&limit.cur), 0);
}

START_TEST(connections_are_spread_over_the_threads)
{
	keep_open = CLIENTS;
	run_threads(4, _i ? 2 : 1, &poller_epoll, CLIENTS);
	ck_assert_uint_eq(served, CLIENTS);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_ge(by_thread[i], CLIENTS / 8);
}
END_TEST

START_TEST(only_the_threads_of_the_set_serve)
{
	static const uint16_t set[] = { 1, 3 };

	conf.tids = set;
	conf.ntids = 2;
	keep_open = CLIENTS;
	run_threads(4, 1, &poller_epoll, CLIENTS);
	ck_assert_uint_eq(by_thread[0] + by_thread[2], 0);
	ck_assert_uint_ge(by_thread[1], CLIENTS / 4);
	ck_assert_uint_ge(by_thread[3], CLIENTS / 4);
}
END_TEST

START_TEST(a_full_frontend_waits_and_serves_all)
{
	limit.max = 3;
	conf.limit = &limit;
	run_threads(_i == 0 ? 1 : 4, 1, &poller_epoll, 40);
	ck_assert_uint_eq(served, 40);
	ck_assert_uint_eq(most_open, 3);
}
END_TEST

START_TEST(a_full_bind_waits_and_serves_all)
{
	conf.maxconn = 3;
	conf.limit = &limit;
	run_threads(_i == 0 ? 1 : 4, 1, &poller_epoll, 40);
	ck_assert_uint_eq(served, 40);
	ck_assert_uint_eq(most_open, 3);
	ck_assert_uint_eq(atomic_load(&listener.limit.cur), 0);
}
END_TEST

START_TEST(accepting_goes_on_after_descriptors_were_out)
{
	struct poll_fault f = { .seed = (uint64_t)_i + 1, .accept = 400, .delay = 100 };

	clock_set(CLOCK_JUMP, 1000000);
	poll_fault_set(&f);
	run_threads(1, 1, &poller_fault, 30);
	ck_assert_uint_eq(served, 30);
	ck_assert_uint_ge(warned, 1);
}
END_TEST

static struct rlimit few;
static uint64_t accepts;

static int begin_few(struct thread *t)
{
	int r = thread_begin(t);

	connect_clients(12);
	few.rlim_cur = (rlim_t)fds_open() - 3 + 4 + FDS_RESERVED;
	setrlimit(RLIMIT_NOFILE, &few);
	listener_init(0, (unsigned)few.rlim_cur, on_warn);
	return r;
}

static void end_few(struct thread *t)
{
	accepts = t->polled.accepts;
	thread_end(t);
}

START_TEST(the_last_descriptors_are_kept_back_without_a_hot_loop)
{
	struct thread_config cfg = {
		.nthreads = 1, .poller = &poller_epoll, .start = begin_few, .stop = end_few
	};

	getrlimit(RLIMIT_NOFILE, &few);
	clock_set(CLOCK_JUMP, 1000000);
	conn_init();
	listener_init(0, 0, on_warn);
	open_loopback();
	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_eq(pool_fini(stderr), 0);
	ck_assert_uint_eq(served, 12);
	ck_assert_uint_lt(highest_fd + FDS_RESERVED, few.rlim_cur);
	ck_assert_uint_ge(warned, 1);
	ck_assert_uint_le(accepts, 60);
}
END_TEST

/* Handshakes as a listener has them. */

static void stop_soon(struct timer *t)
{
	(void)t;
	thread_stop_all();
}

static int begin_and_end(struct thread *t)
{
	int r = thread_begin(t);

	closer.fire = stop_soon;
	timer_set(&closer, th->now + 5000);
	return r;
}

static void run_handshake(const struct handshake *const *hs, const char *sent)
{
	struct thread_config cfg = {
		.nthreads = 1, .poller = &poller_epoll, .start = begin_and_end, .stop = thread_end
	};
	ssize_t n;

	clock_set(CLOCK_JUMP, 1000000);
	conf.hs = hs;
	conf.handshake_ms = 3000;
	conn_init();
	listener_init(0, 0, NULL);
	open_loopback();
	connect_clients(1);
	ck_assert_int_eq(write(clients[0], sent, strlen(sent)), (ssize_t)strlen(sent));
	keep_open = 1;
	ck_assert_int_eq(thread_run(&cfg), 0);
	ck_assert_uint_eq(pool_fini(stderr), 0);
	n = read(clients[0], text, sizeof(text));
	ntext = n > 0 ? (size_t)n : 0;
	close(clients[0]);
}

static enum hs_result not_99(struct conn *c)
{
	return c->peer.ip[15] == 99 ? HS_FAIL : HS_DONE;
}

static const struct handshake *const all[] = { &hs_monitor, &hs_accept_proxy, &hs_conn_in, NULL };

START_TEST(the_client_of_the_header_is_the_peer)
{
	char out[ADDR_TEXT];

	conf.conn_in = not_99;
	run_handshake(all, "PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\nGET");
	ck_assert_uint_eq(served, 1);
	addr_format(&last_peer, out);
	ck_assert_str_eq(out, "192.0.2.1:1000");
	addr_format(&last_local, out);
	ck_assert_str_eq(out, "192.0.2.2:2000");
}
END_TEST

START_TEST(rules_see_the_client_of_the_header)
{
	conf.conn_in = not_99;
	run_handshake(all, "PROXY TCP4 192.0.2.99 192.0.2.2 1000 2000\r\nGET");
	ck_assert_uint_eq(served, 0);
}
END_TEST

START_TEST(a_missing_header_ends_the_connection)
{
	conf.conn_in = not_99;
	run_handshake(all, "GET / HTTP/1.1\r\n");
	ck_assert_uint_eq(served, 0);
	ck_assert_uint_eq(ntext, 0);
}
END_TEST

START_TEST(a_monitor_gets_its_answer_before_anything_else)
{
	struct addr_net net;

	ck_assert_ptr_null(addr_parse_net(S("127.0.0.0/8"), &net));
	conf.monitor = &net;
	conf.nmonitor = 1;
	conf.conn_in = not_99;
	run_handshake(all, "");
	ck_assert_uint_eq(served, 0);
	ck_assert_uint_gt(ntext, 20);
	ck_assert_int_eq(memcmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
}
END_TEST

/* Sockets. */

static char dir[64], path[100], err[300];

static bool open_at(struct listener *l, const char *address)
{
	ck_assert_ptr_null(addr_parse(str_from(address), &conf.addr));
	conf.uid = (uid_t)-1;
	conf.gid = (gid_t)-1;
	err[0] = 0;
	return listener_open(l, &conf, err, sizeof(err));
}

static void make_dir(void)
{
	strcpy(dir, "/tmp/weir-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
}

START_TEST(a_unix_socket_has_its_mode_and_goes_with_its_listener)
{
	struct stat st;

	make_dir();
	conf.has_mode = true;
	conf.mode = 0620;
	ck_assert_msg(open_at(&listener, path), "%s", err);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0620);
	listener_close(&listener);
	ck_assert_int_ne(stat(path, &st), 0);
	rmdir(dir);
}
END_TEST

START_TEST(a_stale_socket_is_replaced_and_a_live_one_is_not)
{
	struct listener second;
	struct stat st;

	make_dir();
	ck_assert_msg(open_at(&listener, path), "%s", err);
	ck_assert(!open_at(&second, path));
	ck_assert_ptr_nonnull(strstr(err, "another process listens"));
	close(listener.fd); /* as after a crash: the file stays */
	ck_assert_msg(open_at(&second, path), "%s", err);
	/* What stands there is the second one's: the end of the first leaves it alone. */
	listener.fd = dup(0);
	listener_close(&listener);
	ck_assert_int_eq(stat(path, &st), 0);
	listener_close(&second);
	ck_assert_int_ne(stat(path, &st), 0);
	rmdir(dir);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_left_alone)
{
	int fd;

	make_dir();
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	ck_assert(!open_at(&listener, path));
	ck_assert_ptr_nonnull(strstr(err, "is no socket"));
	ck_assert_int_eq(unlink(path), 0);
	rmdir(dir);
}
END_TEST

START_TEST(a_used_port_is_named)
{
	struct listener second;
	char where[80];

	ck_assert_msg(open_at(&listener, "127.0.0.1:0"), "%s", err);
	snprintf(where, sizeof(where), "127.0.0.1:%u", listener.bound.port);
	ck_assert(!open_at(&second, where));
	ck_assert_ptr_nonnull(strstr(err, where));
	ck_assert_ptr_nonnull(strstr(err, "in use"));
	ck_assert_int_eq(second.fd, -1);
	listener_close(&listener);
}
END_TEST

START_TEST(inherited_sockets_are_matched_by_address)
{
	struct listener other, third;
	char where[80];
	int fds[3];

	ck_assert_msg(open_at(&listener, "127.0.0.1:0"), "%s", err);
	ck_assert_msg(open_at(&other, "abns@weir-test-inherit"), "%s", err);
	snprintf(where, sizeof(where), "127.0.0.1:%u", listener.bound.port);
	fds[0] = listener.fd;
	fds[1] = other.fd;
	fds[2] = dup(0);
	listener_inherit(fds, 3);
	ck_assert_msg(open_at(&third, where), "%s", err);
	ck_assert_int_eq(third.fd, fds[0]);
	ck_assert_msg(open_at(&other, "abns@weir-test-inherit"), "%s", err);
	ck_assert_int_eq(other.fd, fds[1]);
	ck_assert_uint_eq(listener_inherit_end(NULL), 1);
	snprintf(where, sizeof(where), "fd@%d", third.fd);
	ck_assert_msg(open_at(&listener, where), "%s", err);
	ck_assert_uint_eq(listener.bound.port, third.bound.port);
	ck_assert(!open_at(&listener, "fd@0"));
	ck_assert_ptr_nonnull(strstr(err, "no listening"));
	listener_close(&third);
	listener_close(&other);
}
END_TEST

START_TEST(any_host_takes_both_families)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket_tcp();

	ck_assert_msg(open_at(&listener, ":0"), "%s", err);
	to.sin_port = htons(listener.bound.port);
	ck_assert(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS);
	close(fd);
	listener_close(&listener);
}
END_TEST

static bool open_on(struct listener *l, const char *where, const char *device)
{
	struct listener_conf c = { .interface = device };

	ck_assert_ptr_null(addr_parse(str_from(where), &c.addr));
	return listener_open(l, &c, err, sizeof(err));
}

START_TEST(an_interface_is_bound_and_matched)
{
	char device[16] = "", where[80];
	socklen_t len = sizeof(device);
	struct listener other;

	ck_assert(!open_on(&listener, "127.0.0.1:0", "weir-no-such"));
	ck_assert_ptr_nonnull(strstr(err, "interface weir-no-such"));
	if (!open_on(&listener, "127.0.0.1:0", "lo")) {
		printf("not run: no right to bind to an interface: %s\n", err);
		return;
	}
	ck_assert_int_eq(getsockopt(listener.fd, SOL_SOCKET, SO_BINDTODEVICE, device, &len), 0);
	ck_assert_str_eq(device, "lo");
	snprintf(where, sizeof(where), "127.0.0.1:%u", listener.bound.port);
	listener_inherit(&listener.fd, 1);
	ck_assert(!open_on(&other, where, NULL)); /* the inherited one is of an interface */
	ck_assert_msg(open_on(&other, where, "lo"), "%s", err);
	ck_assert_int_eq(other.fd, listener.fd);
	listener_close(&other);
}
END_TEST

Suite *listener_suite(void)
{
	Suite *s = suite_create("listener");
	TCase *tc = tcase_create("listener");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, connections_are_spread_over_the_threads, 0, 2);
	tcase_add_test(tc, only_the_threads_of_the_set_serve);
	tcase_add_loop_test(tc, a_full_frontend_waits_and_serves_all, 0, 2);
	tcase_add_loop_test(tc, a_full_bind_waits_and_serves_all, 0, 2);
	tcase_add_test(tc, an_interface_is_bound_and_matched);
	tcase_add_loop_test(tc, accepting_goes_on_after_descriptors_were_out, 0, 4);
	tcase_add_test(tc, the_last_descriptors_are_kept_back_without_a_hot_loop);
	tcase_add_test(tc, the_client_of_the_header_is_the_peer);
	tcase_add_test(tc, rules_see_the_client_of_the_header);
	tcase_add_test(tc, a_missing_header_ends_the_connection);
	tcase_add_test(tc, a_monitor_gets_its_answer_before_anything_else);
	tcase_add_test(tc, a_unix_socket_has_its_mode_and_goes_with_its_listener);
	tcase_add_test(tc, a_stale_socket_is_replaced_and_a_live_one_is_not);
	tcase_add_test(tc, a_file_that_is_no_socket_is_left_alone);
	tcase_add_test(tc, a_used_port_is_named);
	tcase_add_test(tc, inherited_sockets_are_matched_by_address);
	tcase_add_test(tc, any_host_takes_both_families);
	suite_add_tcase(s, tc);
	return s;
}
