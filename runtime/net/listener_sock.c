/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of listeners: made, bound, taken from the service manager, closed. At start and
 * stop only. */
#include "listener_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conn.h"
#include "listener.h"

#define INHERIT_MAX 256

static int inherited[INHERIT_MAX];
static unsigned ninherited;

/* The name of an address for messages; valid until the next call. */
static const char *name_of(const struct addr_conf *a)
{
	static char text[160];

	if (a->addr.kind == AK_FD)
		snprintf(text, sizeof(text), "fd@%d", a->fd);
	else if (a->addr.kind != AK_INET)
		snprintf(text, sizeof(text), "%.*s", (int)a->path.n, a->path.p);
	else if (a->any_host)
		snprintf(text, sizeof(text), ":%u", a->addr.port);
	else
		addr_format(&a->addr, text);
	return text;
}

static bool refuse(char *err, size_t room, const struct addr_conf *a, const char *what, int code)
{
	snprintf(err, room, "%s: %s%s%s", name_of(a), what, code ? ": " : "",
		 code ? strerror(code) : "");
	return false;
}

int sock_dup(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int get_int(int fd, int option)
{
	int v = 0;
	socklen_t len = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, option, &v, &len) == 0 ? v : -1;
}

static bool is_listening(int fd)
{
	return get_int(fd, SO_ACCEPTCONN) == 1 && get_int(fd, SO_TYPE) == SOCK_STREAM;
}

static void set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Inherited sockets. */

void listener_inherit(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n && ninherited < INHERIT_MAX; i++) {
		set_flags(fds[i]);
		inherited[ninherited++] = fds[i];
	}
}

static void tell_unused(int fd, void (*tell)(const char *address))
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	char text[ADDR_TEXT] = "no socket";
	struct addr addr;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0) {
		addr_from_sockaddr(&addr, &ss);
		addr_format(&addr, text);
	}
	tell(ss.ss_family == AF_UNIX ? "a unix socket" : text);
}

unsigned listener_inherit_end(void (*tell)(const char *address))
{
	unsigned n = ninherited;

	while (ninherited) {
		int fd = inherited[--ninherited];

		if (tell)
			tell_unused(fd, tell);
		close(fd);
	}
	return n;
}

static bool same_path(const struct sockaddr_storage *ss, socklen_t len,
		      const struct addr_conf *want)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)ss;
	bool abstract = want->addr.kind == AK_ABNS;
	struct str have = str_of(un->sun_path, len - offsetof(struct sockaddr_un, sun_path));

	if (abstract != (have.n && have.p[0] == 0))
		return false;
	have = str_skip(have, abstract);
	while (have.n && have.p[have.n - 1] == 0)
		have.n--;
	return str_eq(have, want->path);
}

static bool on_device(int fd, const char *want)
{
	char have[IFNAMSIZ] = "";
	socklen_t len =
		sizeof(have); /* the kernel wants room for the longest, and ends it with NUL */

	if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, have, &len) != 0)
		len = 0;
	return strcmp(have, want ? want : "") == 0;
}

static bool has_address(int fd, const struct addr_conf *want)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct addr have;

	if (!is_listening(fd) || getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return false;
	if (want->addr.kind == AK_INET) {
		addr_from_sockaddr(&have, &ss);
		return addr_equal(&have, &want->addr);
	}
	return ss.ss_family == AF_UNIX && len > offsetof(struct sockaddr_un, sun_path) &&
	       same_path(&ss, len, want);
}

/* The inherited socket with address <want> on the interface <device>, NULL: on any; or -1. */
static int take_inherited(const struct addr_conf *want, const char *device)
{
	for (unsigned i = 0; i < ninherited; i++) {
		int fd = inherited[i];

		if (has_address(fd, want) &&
		    (want->addr.kind != AK_INET || on_device(fd, device))) {
			inherited[i] = inherited[--ninherited];
			return fd;
		}
	}
	return -1;
}

/* New sockets. */

/* What stands at the path of a unix address. */
enum at_path { PATH_FREE, PATH_STALE /* a socket that nobody listens on */, PATH_LIVE, PATH_FILE };

static enum at_path look_at(const struct addr_conf *a, char path[sizeof(struct sockaddr_un)])
{
	struct sockaddr_storage ss;
	socklen_t len = addr_conf_to_sockaddr(a, &ss);
	struct stat st;
	int fd, r;

	memcpy(path, a->path.p, a->path.n);
	path[a->path.n] = 0;
	if (lstat(path, &st) != 0)
		return PATH_FREE;
	if (!S_ISSOCK(st.st_mode))
		return PATH_FILE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = connect(fd, (struct sockaddr *)&ss, len) == 0 ? 0 : errno;
	if (fd >= 0)
		close(fd);
	return r == ECONNREFUSED ? PATH_STALE : PATH_LIVE;
}

static bool bind_unix(struct listener *l, int fd, char *err, size_t room)
{
	const struct listener_conf *conf = &l->conf;
	char path[sizeof(struct sockaddr_un)];
	struct sockaddr_storage ss;
	socklen_t len = addr_conf_to_sockaddr(&conf->addr, &ss);
	enum at_path at = look_at(&conf->addr, path);
	mode_t old;
	int r;

	if (at == PATH_FILE)
		return refuse(err, room, &conf->addr, "this file exists and is no socket", 0);
	if (at == PATH_LIVE)
		return refuse(err, room, &conf->addr, "another process listens on this socket", 0);
	if (at == PATH_STALE)
		unlink(path);
	old = umask(conf->has_mode ? 0777 & ~conf->mode : 022);
	umask(conf->has_mode ? 0777 & ~conf->mode : old);
	r = bind(fd, (struct sockaddr *)&ss, len) == 0 ? 0 : errno;
	umask(old);
	if (r != 0)
		return refuse(err, room, &conf->addr, "cannot bind", r);
	l->made_file = true;
	if ((conf->uid != (uid_t)-1 || conf->gid != (gid_t)-1) &&
	    chown(path, conf->uid, conf->gid) != 0)
		return refuse(err, room, &conf->addr,
			      "cannot give the socket to its user and group", errno);
	return true;
}

/* Linux before 5.7 wants CAP_NET_RAW for it. */
static bool bind_device(struct listener *l, int fd, char *err, size_t room)
{
	const char *name = l->conf.interface;
	char what[64];

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1) == 0)
		return true;
	snprintf(what, sizeof(what), "cannot use the interface %.15s", name);
	return refuse(err, room, &l->conf.addr, what, errno);
}

static bool bind_other(struct listener *l, int fd, char *err, size_t room)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_conf_to_sockaddr(&l->conf.addr, &ss);
	int one = 1, v6only = l->conf.v6only && !l->conf.addr.any_host;

	if (ss.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
	if (ss.ss_family != AF_UNIX) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
			   sizeof(one)); /* accepted ones inherit it */
		if (l->conf.transparent && conn_foreign(fd, ss.ss_family) < 0)
			return refuse(err, room, &l->conf.addr, "transparent", errno);
	}
	if (l->conf.interface && !bind_device(l, fd, err, room))
		return false;
	if (bind(fd, (struct sockaddr *)&ss, len) == 0)
		return true;
	return refuse(err, room, &l->conf.addr, "cannot bind", errno);
}

static int new_socket(struct listener_conf *conf)
{
	bool local = conf->addr.addr.kind != AK_INET;
	int family = local ? AF_UNIX : conf->addr.addr.v4 ? AF_INET : AF_INET6;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool v4;

	if (fd >= 0 || !conf->addr.any_host || errno != EAFNOSUPPORT)
		return fd;
	/* A machine without IPv6: every address is every IPv4 address. */
	addr_parse_ip(S("0.0.0.0"), conf->addr.addr.ip, &v4);
	conf->addr.addr.v4 = 1;
	return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool make_socket(struct listener *l, char *err, size_t room)
{
	const struct listener_conf *conf = &l->conf;
	bool ok;

	l->fd = new_socket(&l->conf);
	if (l->fd < 0)
		return refuse(err, room, &conf->addr, "cannot make a socket", errno);
	ok = conf->addr.addr.kind == AK_UNIX ? bind_unix(l, l->fd, err, room)
					     : bind_other(l, l->fd, err, room);
	if (ok && listen(l->fd, conf->backlog ? conf->backlog : LISTENER_BACKLOG) != 0)
		ok = refuse(err, room, &conf->addr, "cannot listen", errno);
	if (!ok)
		listener_close(l);
	return ok;
}

static bool use_fd(struct listener *l, char *err, size_t room)
{
	if (!is_listening(l->conf.addr.fd))
		return refuse(err, room, &l->conf.addr,
			      "this descriptor is no listening stream socket", 0);
	l->fd = l->conf.addr.fd;
	set_flags(l->fd);
	return true;
}

bool listener_open(struct listener *l, const struct listener_conf *conf, char *err, size_t room)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	memset(l, 0, sizeof(*l));
	l->conf = *conf;
	l->limit.max = conf->maxconn;
	l->fd = -1;
	for (unsigned i = 0; i < GROUPS_MAX; i++)
		l->group_fd[i] = -1;
	if (conf->addr.addr.kind == AK_FD) {
		if (!use_fd(l, err, room))
			return false;
	} else {
		l->fd = take_inherited(&conf->addr, conf->interface);
		if (l->fd < 0 && !make_socket(l, err, room))
			return false;
	}
	getsockname(l->fd, (struct sockaddr *)&ss, &len);
	addr_from_sockaddr(&l->bound, &ss);
	return true;
}

void listener_close(struct listener *l)
{
	char path[sizeof(struct sockaddr_un)];

	if (l->fd < 0)
		return;
	for (unsigned i = 0; i < GROUPS_MAX; i++) {
		if (l->group_fd[i] >= 0)
			close(l->group_fd[i]);
		l->group_fd[i] = -1;
	}
	close(l->fd);
	l->fd = -1;
	/* The file stays when another process has taken the socket over, or has put its own
	 * there. */
	if (l->made_file && look_at(&l->conf.addr, path) == PATH_STALE)
		unlink(path);
}
