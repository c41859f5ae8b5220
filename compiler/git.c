/* SPDX-License-Identifier: Apache-2.0 */
#include "git.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "source.h"

/* What the overlay of source.h, which has no argument, reads. */
static struct {
	struct arena *a;
	struct str rev;
	bool failed;
} reading;

bool git_is(const char *name)
{
	struct str s = str_from(name);

	return str_starts(s, S("git:")) && str_chr(str_skip(s, 4), ':') > 0;
}

static void child(const char *object, int out)
{
	char *argv[] = { (char *)(uintptr_t) "git", (char *)(uintptr_t) "cat-file",
			 (char *)(uintptr_t) "blob", (char *)(uintptr_t)object, NULL };

	if (dup2(out, STDOUT_FILENO) >= 0)
		execvp(argv[0], argv);
	fprintf(stderr, "weir: git: %s\n", strerror(errno));
	_exit(127);
}

/* All that comes from <fd>; more than a source may hold is cut, and refused later. */
static struct str read_all(struct arena *a, int fd)
{
	size_t room = 1 << 16, n = 0;
	char *p = arena_get(a, room);
	ssize_t got;

	while (n <= SOURCE_FILE_MAX && ((got = read(fd, p + n, room - n)) > 0 || errno == EINTR)) {
		if (got < 0)
			continue;
		n += (size_t)got;
		if (n == room) {
			char *more = arena_get(a, 2 * room);

			memcpy(more, p, n);
			p = more;
			room *= 2;
		}
		errno = 0;
	}
	return str_of(p, n);
}

/* The blob <object>, "REV:./PATH". False: git has said why. */
static bool blob(struct arena *a, const char *object, struct str *text)
{
	int fds[2], status = 0;
	pid_t pid;

	if (pipe(fds) != 0)
		return false;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child(object, fds[1]);
	}
	close(fds[1]);
	errno = 0;
	*text = pid > 0 ? read_all(a, fds[0]) : S("");
	close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool of_revision(struct str path, struct str *text)
{
	struct str object;

	if (path.n && path.p[0] == '/')
		return false; /* the library, or a file outside */
	object = arena_printf(reading.a, "%.*s:./%.*s", STR_ARG(reading.rev), STR_ARG(path));
	if (!blob(reading.a, object.p, text)) {
		*text = S("");
		reading.failed = true;
	}
	return true;
}

bool git_with(struct arena *a, const char *name, bool (*load)(void *arg, const char *path),
	      void *arg)
{
	struct str path = str_skip(str_from(name), 4);
	bool good;

	reading.a = a;
	reading.failed = false;
	reading.rev = str_cut(&path, ':');
	if (reading.rev.p[0] == '-' || !path.n || path.p[0] == '/') {
		fprintf(stderr, "weir: %s: it is git:REV:PATH, the path from the current folder\n",
			name);
		return false;
	}
	source_overlay(of_revision);
	good = load(arg, path.p);
	source_overlay(NULL);
	if (reading.failed)
		fprintf(stderr, "weir: %s: git cannot show it\n", name);
	return good && !reading.failed;
}

struct loading {
	struct arena *a;
	struct diff_files *files;
	struct program *program;
};

static bool load_program(void *arg, const char *path)
{
	struct loading *l = arg;

	l->program = cmd_load(l->a, path, NULL);
	if (l->program && l->files)
		diff_files_read(l->files, l->a, l->program, of_revision);
	if (!l->program && !reading.failed)
		cmd_reports();
	return l->program != NULL;
}

struct program *git_load(struct arena *a, const char *name, struct diff_files *files)
{
	struct loading l = { .a = a, .files = files };

	return git_with(a, name, load_program, &l) ? l.program : NULL;
}
