/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../core/buf.h"
#include "../core/pool.h"
#include "../core/profile.h"
#include "../net/listener.h"
#include "../proxy/check.h"
#include "../proxy/checkpoint.h"
#include "../proxy/conf.h"
#include "../proxy/server.h"
#include "control_conn.h"
#include "control_table.h"
#include "control_threads.h"

#define CLIENTS_MAX 8
#define LINE_BYTES_MAX 1024
#define TOO_LONG "error: a line has at most 1023 bytes\n\n"
#define SILENCE_S 300 /* a client that neither asks nor reads for so long is let go */
#define POOLS_SHOWN 64

struct client {
	int fd; /* -1: free */
	size_t n; /* of <line> */
	char *out; /* answer under way, from malloc; NULL: none */
	size_t out_n, out_at;
	time_t last;
	bool ended;
	struct ucred who;
	struct control_bulk bulk;
	char line[LINE_BYTES_MAX];
};

static struct listener socket_;
static struct client clients[CLIENTS_MAX];
static pthread_t worker;
static pthread_mutex_t stop_lock = PTHREAD_MUTEX_INITIALIZER;
static int wake_fd = -1;
static bool running;
static _Atomic bool stopping;
static time_t started;

/* -- commands -----------------------------------------------------------------------------------
 */

static void show_info(struct answer *a)
{
	struct mux_copies all = mux_copies();
	struct buf_count b;

	buf_counts(&b);
	row_begin(a);
	row_text(a, "site", str_from(site.ws->name));
	row_text(a, "weir", str_from(site.ws->weir_version));
	row_text(a, "program", str_from(site.ws->digest_program));
	row_num(a, "pid", (uint64_t)getpid());
	row_num(a, "uptime_s", (uint64_t)(time(NULL) - started));
	row_num(a, "threads", nthreads);
	row_num(a, "connections",
		atomic_load_explicit(&listener_process.cur, memory_order_relaxed));
	row_num(a, "maxconn", listener_process.max);
	row_num(a, "buffers", b.in_use);
	row_num(a, "buffer_waits", b.waits);
	row_num(a, "copies", all.times);
	row_num(a, "copied", all.bytes);
	row_num(a, "spliced", all.spliced);
	row_num(a, "stopping", atomic_load(&site.stopping));
	row_end(a);
}

static void show_pools(struct answer *a)
{
	struct pool_count pools[POOLS_SHOWN];
	unsigned n = pool_counts(pools, POOLS_SHOWN);

	for (unsigned i = 0; i < n && i < POOLS_SHOWN; i++) {
		row_begin(a);
		row_text(a, "pool", str_from(pools[i].name));
		row_num(a, "size", pools[i].size);
		row_num(a, "in_use", pools[i].in_use);
		row_num(a, "cached", pools[i].cached);
		row_num(a, "shared", pools[i].shared);
		row_num(a, "allocated", pools[i].allocated);
		row_num(a, "returned", pools[i].returned);
		row_end(a);
	}
}

/* Kinds of tasks by the function that they run: its address in the binary, for addr2line. */
static void show_tasks(struct answer *a)
{
	struct profile_row rows[PROFILE_ROWS];
	unsigned n = profile_rows(rows, PROFILE_ROWS);

	for (unsigned i = 0; i < n; i++) {
		void *at = (void *)(uintptr_t)rows[i].run;
		Dl_info info = { 0 };
		char text[32];

		dladdr(at, &info);
		snprintf(text, sizeof(text), "0x%zx",
			 (size_t)((const char *)at - (const char *)info.dli_fbase));
		row_begin(a);
		row_text(a, "task", str_from(text));
		row_num(a, "calls", rows[i].calls);
		row_num(a, "us", rows[i].ns / 1000);
		row_num(a, "worst_us", rows[i].worst_ns / 1000);
		row_end(a);
	}
}

static uint64_t requests_now(const struct server *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < nthreads; i++) {
		const struct proxy_thread *p = threads[i]->proxy;

		sum += p ? atomic_load_explicit(&p->slots[s->be->index][s->index].requests,
						memory_order_relaxed)
			 : 0;
	}
	return sum;
}

/* The last check: what it gave, how long it took, how long ago that was. */
static void show_health(struct answer *a, const struct server_health *h)
{
	uint64_t at = h ? atomic_load(&h->at) : 0, now = clock_now_us() / 1000;

	row_text(a, "check", h ? check_result_name(h) : S("off"));
	if (!at)
		return;
	row_num(a, "check_status", atomic_load(&h->status));
	row_num(a, "check_ms", atomic_load(&h->ms));
	row_num(a, "check_age_ms", now > at ? now - at : 0);
	row_num(a, "checks", atomic_load(&h->checks));
	row_num(a, "failures", atomic_load(&h->failures));
	row_num(a, "changes", atomic_load(&h->changes));
}

static void show_servers(struct answer *a)
{
	for (uint32_t b = 0; b < site.ws->nsections; b++) {
		const struct back *be = site.backs[b];

		for (uint32_t i = 0; be && be->owner == be && i < be->nservers; i++) {
			const struct server *s = &be->servers[i];
			unsigned off = atomic_load_explicit(&s->off, memory_order_relaxed);

			row_begin(a);
			row_text(a, "backend", be->name);
			row_text(a, "server", s->name);
			row_text(a, "state",
				 off & SERVER_DISABLED ? S("maint")
				 : off & SERVER_DOWN   ? S("down")
						       : S("up"));
			row_num(a, "requests", requests_now(s));
			row_num(a, "maxconn",
				s->ws && s->ws->maxconn > 0 ? (uint64_t)s->ws->maxconn : 0);
			show_health(a, s->health);
			row_end(a);
		}
	}
}

static void show_conns(struct answer *a)
{
	if (!control_conns(a))
		row_refuse(a, "not now");
}

static struct server *find_server(struct str backend, struct str name)
{
	for (uint32_t b = 0; b < site.ws->nsections; b++) {
		struct back *be = site.backs[b];

		for (uint32_t i = 0; be && be->owner == be && i < be->nservers; i++)
			if (str_eq(be->name, backend) && str_eq(be->servers[i].name, name))
				return &be->servers[i];
	}
	return NULL;
}

/* server BACKEND/NAME enable|disable */
static void set_server(struct answer *a, struct str rest)
{
	struct str what = rest, name = str_cut(&what, ' '), backend = str_cut(&name, '/');
	struct server *s = name.p ? find_server(backend, name) : NULL;
	bool off = str_eq(what, S("disable"));

	if (!s) {
		row_refuse(a, "no such server; it is BACKEND/NAME, as show servers has them");
	} else if (!off && !str_eq(what, S("enable"))) {
		row_refuse(a, "enable or disable is expected");
	} else {
		server_turn(s, SERVER_DISABLED, off);
		row_log(a, "server %.*s/%.*s %s", STR_ARG(backend), STR_ARG(name),
			off ? "disabled" : "enabled");
	}
}

static void show_checkpoints(struct answer *a)
{
	struct checkpoint_shown s;

	for (uint32_t i = 0; site.ws->checkpoint && site.ws->checkpoint->show(i, &s); i++) {
		row_begin(a);
		row_text(a, "checkpoint", s.name);
		row_num(a, "keys", s.keys);
		row_num(a, "keys_max", s.keys_max);
		row_num(a, "waiting", s.waiting);
		row_num(a, "queues", s.queues);
		row_num(a, "held", s.held);
#define COUNT(member, name, doc) row_num(a, name, s.member);
		CHECKPOINT_COUNTS(COUNT)
#undef COUNT
		row_end(a);
	}
}

static const char help[] =
	"help                                this text\n"
	"[json] show info                    the process\n"
	"[json] show pools                   objects by pool\n"
	"[json] show threads                 what each thread has done\n"
	"[json] show groups                  the same of thread groups\n"
	"[json] show conn                    all connections at this moment\n"
	"[json] show tasks                   time taken by kinds of tasks\n"
	"profile on|off                      times tasks, or no more\n"
	"[json] show servers                 servers, their state and requests\n"
	"server BACKEND/NAME enable|disable  takes part in balancing, or not\n"
	"[json] show checkpoints             keys, waiting, passed, refused\n"
	"[json] show sets                    sets and maps that change\n"
	"[json] set list NAME                values of a set\n"
	"set add NAME VALUE                  one more value\n"
	"set del NAME VALUE                  one less\n"
	"set clear NAME                      no values\n"
	"set replace NAME                    all values: lines, to an empty one\n"
	"[json] map list NAME                entries of a map\n"
	"map set NAME KEY VALUE              a new entry, or another value\n"
	"map del NAME KEY                    one entry less\n"
	"map clear NAME                      no entries\n"
	"map replace NAME                    all entries: lines KEY VALUE, likewise\n"
	"quit                                ends the connection\n";

static void command(struct answer *a, struct control_bulk *bulk, struct str line)
{
	if (str_starts(line, S("json "))) {
		a->json = true;
		line = str_trim(str_skip(line, 5));
	}
	if (str_eq(line, S("show info")))
		show_info(a);
	else if (str_eq(line, S("show pools")))
		show_pools(a);
	else if (str_eq(line, S("show threads")))
		control_threads(a);
	else if (str_eq(line, S("show groups")))
		control_groups(a);
	else if (str_eq(line, S("show conn")))
		show_conns(a);
	else if (str_eq(line, S("show tasks")))
		show_tasks(a);
	else if (str_eq(line, S("profile on")) || str_eq(line, S("profile off")))
		profile_set(line.n == 10);
	else if (str_eq(line, S("show servers")))
		show_servers(a);
	else if (str_eq(line, S("show checkpoints")))
		show_checkpoints(a);
	else if (str_eq(line, S("show sets")))
		control_sets(a);
	else if (str_starts(line, S("set ")) || str_starts(line, S("map ")))
		control_change(a, bulk, line.p[0] == 'm', str_trim(str_skip(line, 4)));
	else if (str_starts(line, S("server ")))
		set_server(a, str_trim(str_skip(line, 7)));
	else if (str_eq(line, S("help")))
		fputs(help, a->f);
	else
		row_refuse(a, "unknown command; help lists them");
}

/* -- clients ------------------------------------------------------------------------------------
 */

static void drop(struct client *c)
{
	control_bulk_end(&c->bulk, NULL);
	close(c->fd);
	free(c->out);
	*c = (struct client) { .fd = -1 };
}

/* The answer, and an empty line, to c->out. False: memory is out. */
static bool answer(struct client *c, struct str line)
{
	struct answer a = { .who = c->who };
	bool good;

	c->out_at = c->out_n = 0;
	a.f = open_memstream(&c->out, &c->out_n);
	if (!a.f)
		return false;
	if (c->bulk.on)
		control_bulk_end(&c->bulk, &a);
	else
		command(&a, &c->bulk, line);
	if (!c->bulk.on)
		fputc('\n', a.f);
	good = !ferror(a.f);
	return fclose(a.f) == 0 && good;
}

/* Takes whole lines, one at a time: the next when the answer has left. False: the client ends. */
static bool take_lines(struct client *c)
{
	char *end;

	while (!c->out && (end = memchr(c->line, '\n', c->n))) {
		size_t used = (size_t)(end - c->line) + 1;
		char copy[LINE_BYTES_MAX];
		struct str line;

		memcpy(copy, c->line, used);
		memmove(c->line, c->line + used, c->n - used);
		c->n -= used;
		line = str_of(copy, used - 1);
		if (str_ends(line, S("\r")))
			line.n--;
		line = str_trim(line);
		if (c->bulk.on && line.n)
			control_bulk_line(&c->bulk, line);
		else if (str_eq(line, S("quit")))
			return false;
		else if ((c->bulk.on || line.n) && !answer(c, line))
			return false;
	}
	if (c->n < LINE_BYTES_MAX || c->out)
		return true;
	/* The client ends, whether it reads this or not. */
	send(c->fd, TOO_LONG, sizeof(TOO_LONG) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	return false;
}

static bool on_readable(struct client *c)
{
	ssize_t n = read(c->fd, c->line + c->n, LINE_BYTES_MAX - c->n);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->last = time(NULL);
	if (n == 0)
		c->ended = true;
	c->n += (size_t)n;
	return take_lines(c) && !(c->ended && !c->out);
}

static bool on_writable(struct client *c)
{
	ssize_t n = write(c->fd, c->out + c->out_at, c->out_n - c->out_at);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->last = time(NULL);
	c->out_at += (size_t)n;
	if (c->out_at < c->out_n)
		return true;
	free(c->out);
	c->out = NULL;
	return take_lines(c) && !(c->ended && !c->out);
}

static void on_connect(void)
{
	int fd = accept4(socket_.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	for (int i = 0; fd >= 0 && i < CLIENTS_MAX; i++)
		if (clients[i].fd < 0) {
			clients[i].fd = fd;
			clients[i].last = time(NULL);
			getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &clients[i].who,
				   &(socklen_t) { sizeof(clients[i].who) });
			return;
		}
	if (fd >= 0)
		close(fd);
}

static void serve(void)
{
	struct pollfd fds[CLIENTS_MAX + 2] = { { .fd = wake_fd, .events = POLLIN } };
	int nfree = 0;

	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &clients[i];

		if (c->fd >= 0 && time(NULL) - c->last > SILENCE_S)
			drop(c);
		nfree += c->fd < 0;
		fds[i + 2] = (struct pollfd) { .fd = c->fd, .events = c->out ? POLLOUT : POLLIN };
	}
	/* Without a free place the next client waits in the backlog. */
	fds[1] = (struct pollfd) { .fd = nfree ? socket_.fd : -1, .events = POLLIN };
	if (poll(fds, CLIENTS_MAX + 2, nfree < CLIENTS_MAX ? SILENCE_S * 1000 : -1) < 0)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &clients[i];

		if (fds[i + 2].fd >= 0 && fds[i + 2].revents &&
		    !(c->out ? on_writable(c) : on_readable(c)))
			drop(c);
	}
	if (fds[1].revents)
		on_connect();
}

static void *work(void *arg)
{
	(void)arg;
	while (!atomic_load(&stopping))
		serve();
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (clients[i].fd >= 0)
			drop(&clients[i]);
	return NULL;
}

/* -- life ---------------------------------------------------------------------------------------
 */

static bool open_socket(FILE *err)
{
	struct listener_conf conf = { .has_mode = true,
				      .mode = (mode_t)site.ws->control_mode,
				      .uid = (uid_t)-1,
				      .gid = (gid_t)-1,
				      .backlog = CLIENTS_MAX };
	const char *bad = NULL;
	char why[256] = "";
	struct str text;

	started = time(NULL);
	socket_.fd = -1;
	if (conf_addr(site.ws->control, &conf.addr, &text, &bad) && conf.addr.addr.kind != AK_UNIX)
		bad = "it is unix@PATH"; /* abstract sockets have no rights */
	if (!bad && listener_open(&socket_, &conf, why, sizeof(why)))
		return true;
	fprintf(err, "control '%.*s': %s\n", STR_ARG(text), bad ? bad : why);
	return false;
}

static int start(void)
{
	sigset_t all, old;
	int r;

	for (int i = 0; i < CLIENTS_MAX; i++)
		clients[i].fd = -1;
	atomic_store(&stopping, false);
	control_conns_start();
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = wake_fd < 0 ? errno : pthread_create(&worker, NULL, work, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	running = r == 0;
	if (r)
		fprintf(stderr, "weir: control: %s\n", strerror(r));
	return r ? -1 : 0;
}

static void stop(void)
{
	uint64_t one = 1;

	pthread_mutex_lock(&stop_lock);
	if (running) {
		atomic_store(&stopping, true);
		control_conns_stop();
		if (write(wake_fd, &one, sizeof(one)) < 0)
			fprintf(stderr, "weir: control: %s\n", strerror(errno));
		pthread_join(worker, NULL);
		close(wake_fd);
		running = false;
	}
	pthread_mutex_unlock(&stop_lock);
}

static void close_socket(void)
{
	listener_close(&socket_);
}

const struct control_part control_socket = { "control", open_socket, start, stop, close_socket };
