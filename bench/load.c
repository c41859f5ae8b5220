/* SPDX-License-Identifier: Apache-2.0 */
/* load: a closed-loop HTTP/1.1 client. Each keep-alive connection has one request under way; its
 * requests look like a browser's. It prints one line of key=value figures. It knows answers with
 * Content-Length and those without a body (204, 304) only: a chunked one is counted as an error. */
#include "sock.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, CHUNK = 65536, HEAD_MAX = 8192, STUCK_MS = 10000 };
enum { SUB = 32, SUB_BITS = 5, BUCKETS = 40 * SUB }; /* latency histogram: 3 % steps */

struct conn {
	int fd;
	bool busy; /* a request is under way */
	bool last; /* the answer said "Connection: close" */
	size_t body_left; /* of the answer being read, once its head is complete */
	char *head; /* start of a head that came in parts, else NULL */
	size_t head_len;
	uint64_t sent_at;
};

struct text {
	char *p;
	size_t n;
};

static struct sockaddr_in target;
static struct text *requests; /* written beforehand, used in turn */
static size_t nrequests, next_request;
static const char *host = "www.example.com", *extra[16];
static size_t nextra;
static bool bare; /* requests of Host and the extra fields only */
static struct conn *conns;
static long nconns = 64;
static int epfd;
static char chunk[CHUNK];
static long goal, started, done, errors, under_way;
static uint64_t end_at; /* start no request after this, 0: no limit */
static unsigned long long bytes;
static long histogram[BUCKETS];

static unsigned bucket_of(uint64_t us)
{
	unsigned shift = 0;

	while (us >> shift >= 2 * SUB)
		shift++;
	return (shift << SUB_BITS) + (unsigned)(us >> shift);
}

/* Returns the latency in microseconds that the share <part> of the answers did not exceed; 0 when
 * there was none. */
static unsigned long percentile(double part)
{
	long need = (long)((double)done * part), seen = 0;
	unsigned b = 0;

	if (!done)
		return 0;
	while (b < BUCKETS - 1 && (seen += histogram[b]) <= need)
		b++;
	if (b < 2 * SUB)
		return b;
	return ((unsigned long)(b & (SUB - 1)) + SUB) << ((b >> SUB_BITS) - 1);
}

static void add_request(const char *at, const char *path)
{
	char buf[16384];
	int n = snprintf(
		buf, sizeof(buf), "GET %s HTTP/1.1\r\nHost: %s\r\n%s", path, at,
		bare ? ""
		     : "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
		       "Firefox/128.0\r\n"
		       "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
		       "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
		       "Referer: http://www.example.com/\r\nConnection: keep-alive\r\n"
		       "Cookie: session=3f2a9c51d0b84e7f; theme=light\r\n");

	for (size_t i = 0; i < nextra && n < (int)sizeof(buf); i++)
		n += snprintf(buf + n, sizeof(buf) - (size_t)n, "%s\r\n", extra[i]);
	if (n + 2 >= (int)sizeof(buf))
		die("the request is longer than %zu bytes", sizeof(buf));
	memcpy(buf + n, "\r\n", 3);
	requests = realloc(requests, (nrequests + 1) * sizeof(*requests));
	if (!requests)
		die("out of memory");
	requests[nrequests].n = (size_t)n + 2;
	requests[nrequests].p = strdup(buf);
	nrequests++;
}

/* Reads lines "PATH" or "HOST PATH" from <file>. */
static void read_paths(const char *file)
{
	FILE *f = fopen(file, "r");
	char line[16384], at[8192], path[8192];

	if (!f)
		die("%s: %s", file, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		int fields = sscanf(line, "%8191s %8191s", at, path);

		if (fields == 2)
			add_request(at, path);
		else if (fields == 1)
			add_request(host, at);
	}
	fclose(f);
	if (!nrequests)
		die("%s holds no path", file);
}

static void conn_open(struct conn *c)
{
	struct epoll_event ev = { EPOLLIN, { .ptr = c } };
	int fd = sock_connect(target, 0);

	if (fd == -1)
		die("connect: %s", strerror(errno));
	free(c->head);
	*c = (struct conn) { .fd = fd };
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, c->fd, &ev) == -1)
		die("epoll_ctl: %s", strerror(errno));
}

static bool may_start(void)
{
	return started < goal && !(end_at && now_ns() >= end_at);
}

/* Sends the next request on <c>. It fits in the empty socket buffer, so a short send is a
 * failure. */
static void start_request(struct conn *c)
{
	struct text *r = &requests[next_request];

	next_request = next_request + 1 < nrequests ? next_request + 1 : 0;
	started++;
	under_way++;
	c->busy = true;
	c->sent_at = now_ns();
	if (send(c->fd, r->p, r->n, MSG_NOSIGNAL) != (ssize_t)r->n)
		shutdown(c->fd, SHUT_RDWR); /* seen and counted as the end of the connection */
}

/* Closes <c>, whose answer, if one was due, is an error, and goes on with a new connection. The
 * first requests that are lost so end the run in the end: each of them counts as started. */
static void conn_lost(struct conn *c)
{
	if (c->busy) {
		errors++;
		under_way--;
	}
	close(c->fd);
	conn_open(c);
	if (may_start())
		start_request(c);
}

/* Returns the value of field <name> in the head <p>..<end>, or NULL. */
static const char *field(const char *p, const char *end, const char *name)
{
	size_t n = strlen(name);

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		if ((size_t)(end - p) <= n)
			return NULL;
		if (p[n] == ':' && strncasecmp(p, name, n) == 0) {
			for (p += n + 1; *p == ' '; p++)
				;
			return p;
		}
	}
	return NULL;
}

/* Reads the status and length of the complete head <p> of <n> bytes; false when the answer is of
 * no use. */
static bool read_head(struct conn *c, const char *p, size_t n)
{
	const char *v;
	int status;

	if (n < 16 || memcmp(p, "HTTP/1.", 7) != 0)
		return false;
	status = atoi(p + 9);
	v = field(p, p + n, "connection");
	c->last = v && strncasecmp(v, "close", 5) == 0;
	v = field(p, p + n, "content-length");
	if (!v && status != 204 && status != 304)
		return false;
	c->body_left = v && status != 304 ? strtoul(v, NULL, 10) : 0;
	if (status < 200 || status > 399)
		errors++;
	return true;
}

/* Counts the answer on <c> as complete and goes on. */
static void finish(struct conn *c)
{
	uint64_t us = (now_ns() - c->sent_at) / 1000;
	unsigned b = bucket_of(us);

	histogram[b < BUCKETS ? b : BUCKETS - 1]++;
	c->busy = false;
	under_way--;
	done++;
	if (c->last)
		conn_lost(c);
	else if (may_start())
		start_request(c);
}

/* Keeps <n> bytes of an incomplete head for later; false when it is too long. */
static bool keep_head(struct conn *c, const char *p, size_t n)
{
	if (!c->head)
		c->head = malloc(HEAD_MAX);
	if (!c->head)
		die("out of memory");
	if (c->head_len + n > HEAD_MAX)
		return false;
	memcpy(c->head + c->head_len, p, n);
	c->head_len += n;
	return true;
}

/* Takes the <n> bytes at <p> that came on <c>; false when they are not what was asked for. */
static bool take(struct conn *c, char *p, size_t n)
{
	char *end;

	if (!c->body_left) {
		if (c->head) {
			if (!keep_head(c, p, n))
				return false;
			p = c->head;
			n = c->head_len;
		}
		end = memmem(p, n, "\r\n\r\n", 4);
		if (!end)
			return c->head || keep_head(c, p, n);
		end += 4;
		if (!read_head(c, p, (size_t)(end - p)))
			return false;
		n -= (size_t)(end - p);
		free(c->head);
		c->head = NULL;
		c->head_len = 0;
	}
	if (n > c->body_left)
		return false;
	c->body_left -= n;
	if (!c->body_left)
		finish(c);
	return true;
}

static void on_event(struct conn *c)
{
	ssize_t n = recv(c->fd, chunk, CHUNK, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_lost(c);
		return;
	}
	bytes += (unsigned long long)n;
	if (!c->busy || !take(c, chunk, (size_t)n))
		conn_lost(c);
}

/* Waits until no request is under way. When nothing has come for STUCK_MS it gives up, and what
 * is then under way counts as errors. */
static void wait_answers(void)
{
	struct epoll_event evs[EVENTS];

	while (under_way) {
		int n = epoll_wait(epfd, evs, EVENTS, STUCK_MS);

		if (n == 0) {
			errors += under_way;
			under_way = 0;
		}
		for (int i = 0; i < n; i++)
			on_event(evs[i].data.ptr);
	}
}

/* Has <count> more requests answered or lost; with <seconds>, starts none after that time. */
static void run(long count, long seconds)
{
	goal = started + count;
	end_at = seconds ? now_ns() + (uint64_t)seconds * 1000000000u : 0;
	for (long i = 0; i < nconns && may_start(); i++)
		start_request(&conns[i]);
	wait_answers();
}

static void print_figures(uint64_t ns)
{
	double seconds = (double)ns / 1e9;

	printf("requests=%ld errors=%ld seconds=%.6f rps=%.0f p50_us=%lu p99_us=%lu bytes=%llu\n",
	       done, errors, seconds, (double)done / seconds, percentile(0.50), percentile(0.99),
	       bytes);
	fflush(stdout);
}

static void wait_stdin(void)
{
	int c;

	while ((c = getchar()) != '\n' && c != EOF)
		;
}

static void run_one(struct conn *c)
{
	goal = started + 1;
	start_request(c);
	wait_answers();
}

/* Opens connections one after the other, each with one answered request, and holds them until a
 * line or the end of stdin comes; then tells how many of them the peer has not closed. */
static void hold_idle(void)
{
	long open = 0;
	char byte;

	for (long i = 0; i < nconns; i++) {
		conn_open(&conns[i]);
		run_one(&conns[i]);
		if (done != i + 1)
			die("connection %ld of %ld was not answered", i + 1, nconns);
	}
	printf("ready=%ld\n", done);
	fflush(stdout);
	wait_stdin();
	for (long i = 0; i < nconns; i++)
		open += recv(conns[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
			errno == EAGAIN;
	printf("held=%ld\n", open);
}

/* Runs <warm> requests that count for nothing, then the measured ones. With <pause> it says
 * "warm" and waits for a line before them, and waits again before it closes the connections: the
 * proxy is asleep at both ends of the measurement, so its CPU clock can be read exactly. */
static void measure(long warm, long count, long seconds, bool pause)
{
	uint64_t begin;

	for (long i = 0; i < nconns; i++)
		conn_open(&conns[i]);
	run(warm, 0);
	done = errors = 0;
	bytes = 0;
	memset(histogram, 0, sizeof(histogram));
	if (pause) {
		printf("warm\n");
		fflush(stdout);
		wait_stdin();
	}
	begin = now_ns();
	run(count, seconds);
	print_figures(now_ns() - begin);
	if (pause)
		wait_stdin();
}

static _Noreturn void usage(void)
{
	die("usage: load [-c CONNECTIONS] [-n REQUESTS | -t SECONDS] [-w WARM_UP_REQUESTS]\n"
	    "            [--pause] [--bare] [-o HOST] [-H FIELD]... [-p PATH_LIST] [ADDRESS:]PORT\n"
	    "       load --idle CONNECTIONS [--bare] [-o HOST] [-H FIELD]... [-p PATH_LIST] "
	    "[ADDRESS:]PORT");
}

/* What the command line asks for, besides the file's own settings. */
struct plan {
	long count, seconds, warm;
	bool idle, pause;
	const char *paths;
};

/* Takes the option <opt> with its value <v>; false when there is no such option. */
static bool take_option(struct plan *p, int opt, const char *v)
{
	if (opt == 'c')
		nconns = number_arg(v, 1, 60000, "-c");
	else if (opt == 'n')
		p->count = number_arg(v, 1, 1000000000, "-n");
	else if (opt == 't')
		p->seconds = number_arg(v, 1, 86400, "-t");
	else if (opt == 'w')
		p->warm = number_arg(v, 0, 1000000000, "-w");
	else if (opt == 'o')
		host = v;
	else if (opt == 'H' && nextra < sizeof(extra) / sizeof(*extra))
		extra[nextra++] = v;
	else if (opt == 'p')
		p->paths = v;
	else if (opt == 'P')
		p->pause = true;
	else if (opt == 'b')
		bare = true;
	else
		return false;
	return true;
}

static struct plan read_args(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "idle", required_argument, NULL, 'i' },
		{ "pause", no_argument, NULL, 'P' },
		{ "bare", no_argument, NULL, 'b' },
		{ 0 },
	};
	struct plan p = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "c:n:t:w:o:H:p:", longs, NULL)) != -1) {
		if (opt == 'i') {
			p.idle = true;
			nconns = number_arg(optarg, 1, 60000, "--idle");
		} else if (!take_option(&p, opt, optarg)) {
			usage();
		}
	}
	if (optind != argc - 1)
		usage();
	if (!p.count)
		p.count = p.seconds ? 1000000000 : 10000;
	target = sock_addr(argv[optind]);
	return p;
}

int main(int argc, char **argv)
{
	struct plan p = read_args(argc, argv);

	if (p.paths)
		read_paths(p.paths);
	else
		add_request(host, "/articles/2024/index.html?page=2");
	raise_nofile();
	epfd = epoll_create1(EPOLL_CLOEXEC);
	conns = calloc((size_t)nconns, sizeof(*conns));
	if (epfd == -1 || !conns)
		die("%s", strerror(errno));
	if (p.idle)
		hold_idle();
	else
		measure(p.warm, p.count, p.seconds, p.pause);
	return errors ? 1 : 0;
}
