/* SPDX-License-Identifier: Apache-2.0 */
#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/thread.h"
#include "log_text.h"

#define RETRY_US 1000000
#define WAIT_MS 1000 /* for a target that takes nothing; then its lines are lost */

static bool refuse(struct log_sink *s, char *err, size_t room)
{
	int code = errno;

	if (err)
		snprintf(err, room, "log %s: %s", s->path ? s->path : "udp", strerror(code));
	s->retry_at = clock_now_us() + RETRY_US;
	return false;
}

/* A file is never waited for; what has a reader is, and no longer than WAIT_MS. */
static bool look_at(struct log_sink *s)
{
	struct stat st;

	s->slow = fstat(s->fd, &st) != 0 || !S_ISREG(st.st_mode);
	return true;
}

static bool open_file(struct log_sink *s, char *err, size_t room)
{
	s->fd = open(s->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	return s->fd >= 0 ? look_at(s) : refuse(s, err, room);
}

bool log_file_check(struct str path, char *err, size_t room)
{
	char file[4096], folder[4096];
	const char *slash;
	int fd = -1;

	snprintf(file, sizeof(file), "%.*s", STR_ARG(path));
	if (path.n >= sizeof(file))
		errno = ENAMETOOLONG;
	else
		fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0) {
		close(fd);
		return true;
	}
	slash = strrchr(file, '/');
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - file) + 1 : 1,
		 slash ? file : ".");
	if (errno == ENOENT && access(folder, W_OK | X_OK) == 0)
		return true;
	snprintf(err, room, "log %s: %s", file, strerror(errno));
	return false;
}

static bool connect_to(struct log_sink *s, int type, const struct sockaddr_storage *ss,
		       socklen_t len)
{
	int fd = socket(ss->ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)ss, len) == 0) {
		s->fd = fd;
		return true;
	}
	err = errno;
	close(fd);
	errno = err;
	return false;
}

/* Datagrams if the target takes them (syslogd, journald), else a stream. */
static bool open_unix(struct log_sink *s)
{
	struct sockaddr_storage ss;
	struct addr_conf a = { .addr.kind = AK_UNIX, .path = str_from(s->path) };
	socklen_t len = addr_conf_to_sockaddr(&a, &ss);

	s->stream = false;
	if (connect_to(s, SOCK_DGRAM, &ss, len))
		return true;
	if (errno != EPROTOTYPE)
		return false;
	s->stream = true;
	return connect_to(s, SOCK_STREAM, &ss, len);
}

bool sink_open(struct log_sink *s, char *err, size_t room)
{
	struct sockaddr_storage ss;
	socklen_t len;

	if (s->fd >= 0)
		return true;
	if (!err && clock_now_us() < s->retry_at)
		return false;
	switch (s->conf.kind) {
	case SINK_STDOUT:
		s->fd = STDOUT_FILENO;
		return look_at(s);
	case SINK_FILE:
		return open_file(s, err, room);
	case SINK_UNIX:
		return open_unix(s) || refuse(s, NULL, 0);
	case SINK_UDP:
		len = addr_to_sockaddr(&s->conf.addr, &ss);
		return connect_to(s, SOCK_DGRAM, &ss, len) || refuse(s, NULL, 0);
	}
	return false;
}

void sink_close(struct log_sink *s)
{
	if (s->fd >= 0 && s->conf.kind != SINK_STDOUT)
		close(s->fd);
	s->fd = -1;
}

void sink_reopen(struct log_sink *s)
{
	int old = s->fd;
	char err[300];

	if (s->conf.kind != SINK_FILE)
		return;
	s->fd = -1;
	if (open_file(s, err, sizeof(err))) {
		if (old >= 0)
			close(old);
		return;
	}
	s->fd = old;
	log_say(LOG_WARNING, "%s; the old file stays in use", err);
}

static bool wait_room(struct log_sink *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	int r = poll(&p, 1, s->stuck ? 0 : WAIT_MS);

	s->stuck = r == 0;
	return r == 1 && !(p.revents & (POLLERR | POLLNVAL));
}

static ssize_t write_some(struct log_sink *s, const char *p, size_t n)
{
	if (s->stream)
		return send(s->fd, p, n, MSG_NOSIGNAL);
	if (!s->slow)
		return write(s->fd, p, n);
	/* A pipe that is ready takes PIPE_BUF bytes without blocking. */
	if (!wait_room(s)) {
		errno = ETIMEDOUT;
		return -1;
	}
	return write(s->fd, p, n < PIPE_BUF ? n : PIPE_BUF);
}

/* Writes all of the batch; returns how many bytes went. */
static size_t write_all(struct log_sink *s)
{
	size_t done = 0;

	while (done < s->used) {
		ssize_t n = write_some(s, s->batch + done, s->used - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (!(n < 0 && errno == EAGAIN && wait_room(s)))
			break;
	}
	return done;
}

static unsigned count_lines(const char *p, size_t n)
{
	unsigned lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

/* After <done> bytes of the batch nothing more was taken. A part of a line that went to a file
 * on a full disk is removed again; of one that went into a pipe, the rest is kept to be written
 * first. */
static void mend_cut(struct log_sink *s, size_t done)
{
	bool inside = s->inside, begun_here;
	size_t part = 0, rest;
	const char *end;
	struct stat st;

	while (part < done && s->batch[done - part - 1] != '\n')
		part++;
	begun_here = part && !(inside && part == done);
	inside = done ? part != 0 : inside;
	end = memchr(s->batch + done, '\n', s->used - done);
	rest = inside && end ? (size_t)(end + 1 - s->batch) - done : 0;
	if (begun_here && !s->slow && fstat(s->fd, &st) == 0 && (size_t)st.st_size >= part &&
	    ftruncate(s->fd, st.st_size - (off_t)part) == 0)
		rest = 0;
	s->inside = rest != 0;
	memmove(s->batch, s->batch + done, rest);
	s->used = rest;
	s->lines = rest != 0;
}

unsigned sink_flush(struct log_sink *s)
{
	unsigned lost = s->lines;
	size_t done = 0;

	if (!s->used)
		return 0;
	if (sink_open(s, NULL, 0)) {
		done = write_all(s);
		lost -= count_lines(s->batch, done);
		if (done < s->used && s->stream)
			sink_close(s);
	}
	if (done < s->used && !s->stream) {
		mend_cut(s, done);
		return lost - s->lines;
	}
	s->used = 0;
	s->lines = 0;
	s->inside = false;
	return lost;
}

static const char *host_name(void)
{
	static char name[65];

	if (!name[0] && (gethostname(name, sizeof(name) - 1) != 0 || !name[0]))
		name[0] = '-';
	return name;
}

/* RFC 5424 6.2: priority, version, time, host, application, process, no message id, no
 * structured data. */
static void put_header(struct log_out *o, const struct log_sink *s, const struct log_record *r)
{
	put_char(o, '<');
	put_num(o, s->conf.facility * 8u + (r->level & 7u));
	put_str(o, S(">1 "));
	put_iso(o, r->at);
	put_char(o, ' ');
	put_word(o, str_from(host_name()));
	put_str(o, S(" weir "));
	put_num(o, (uint64_t)getpid());
	put_str(o, S(" - - "));
}

static unsigned send_datagram(struct log_sink *s, const char *p, size_t n)
{
	if (n > DATAGRAM_MAX)
		return 1;
	for (int attempt = 0; attempt < 2; attempt++) {
		if (!sink_open(s, NULL, 0))
			return 1;
		if (send(s->fd, p, n, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EAGAIN && wait_room(s))
			continue;
		/* UDP: an earlier datagram was refused; the next one may not be. */
		if (errno == ECONNREFUSED && s->conf.kind == SINK_UDP)
			continue;
		if (s->conf.kind == SINK_UNIX && errno != EAGAIN && errno != EMSGSIZE) {
			sink_close(s); /* the receiver was restarted */
			continue;
		}
		return 1;
	}
	return 1;
}

/* Puts a line into the batch, after writing what is there when it does not fit. */
static unsigned gather(struct log_sink *s, const char *p, size_t n)
{
	unsigned lost = 0;

	if (s->used + n + 1 > SINK_BATCH)
		lost = sink_flush(s);
	memcpy(s->batch + s->used, p, n);
	s->batch[s->used + n] = '\n';
	s->used += n + 1;
	s->lines++;
	return lost;
}

unsigned sink_line(struct log_sink *s, struct str line, const struct log_record *r)
{
	static char whole[LINE_MAX_BYTES + 256];
	struct log_out o = { .p = whole, .room = sizeof(whole) };

	if (s->conf.kind == SINK_STDOUT || s->conf.kind == SINK_FILE)
		return gather(s, line.p, line.n);
	put_header(&o, s, r);
	put_str(&o, line);
	if (!sink_open(s, NULL, 0))
		return 1;
	return s->stream ? gather(s, o.p, o.n) : send_datagram(s, o.p, o.n);
}
