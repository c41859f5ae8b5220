/* SPDX-License-Identifier: Apache-2.0 */
#include "sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

long number_arg(const char *text, long min, long max, const char *what)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < min || n > max)
		die("%s must be a number from %ld to %ld, not '%s'", what, min, max, text);
	return n;
}

struct sockaddr_in sock_addr(const char *text)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	const char *colon = strrchr(text, ':');
	const char *port = colon ? colon + 1 : text;
	char host[INET_ADDRSTRLEN] = "127.0.0.1";

	if (colon && colon != text) {
		size_t n = (size_t)(colon - text);

		if (n >= sizeof(host))
			die("'%s' is no IPv4 address and port", text);
		memcpy(host, text, n);
		host[n] = 0;
	}
	sa.sin_port = htons((uint16_t)number_arg(port, 0, 65535, "a port"));
	if (inet_pton(AF_INET, host, &sa.sin_addr) != 1)
		die("'%s' is no IPv4 address and port", text);
	return sa;
}

int sock_listen(struct sockaddr_in at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd == -1)
		die("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1)
		die("bind to port %u: %s", ntohs(at.sin_port), strerror(errno));
	if (listen(fd, 4096) == -1)
		die("listen: %s", strerror(errno));
	return fd;
}

unsigned sock_port(int fd)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) == -1)
		die("getsockname: %s", strerror(errno));
	return ntohs(sa.sin_port);
}

void sock_nodelay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int sock_connect(struct sockaddr_in to, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd == -1)
		die("socket: %s", strerror(errno));
	sock_nodelay(fd);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1 && errno != EINPROGRESS) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

void raise_nofile(void)
{
	struct rlimit want = { 65536, 65536 };
	struct rlimit have;

	if (getrlimit(RLIMIT_NOFILE, &have) == -1 || have.rlim_cur >= want.rlim_cur)
		return;
	if (setrlimit(RLIMIT_NOFILE, &want) == -1) {
		have.rlim_cur = have.rlim_max;
		setrlimit(RLIMIT_NOFILE, &have);
	}
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
