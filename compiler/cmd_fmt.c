/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "diag.h"
#include "fmt.h"
#include "source.h"
#include "udiff.h"

static const char help[] =
	"usage: weir fmt FILE... [options]\n\n"
	"Writes each file in the canonical form: spelling, indentation, columns, line lengths. "
	"Comments stay.\nWhat it means does not change. A file with mistakes is left alone. "
	"'-' reads standard input and\nwrites standard output.\n\n"
	"      --check   change nothing; exit code 1 when a file is not in the form\n"
	"      --diff    change nothing; print what would change, exit code as with --check\n";

enum mode { WRITE, CHECK, DIFF };

/* All of <fd>. NULL, or the reason in English. */
static const char *read_all(struct arena *a, int fd, struct str *text)
{
	size_t room = 65536, n = 0;
	char *p = arena_get(a, room);
	ssize_t got;

	while ((got = read(fd, p + n, room - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return strerror(errno);
		n += (size_t)got;
		if (n > SOURCE_FILE_MAX)
			return "it is larger than 64 MB";
		if (n == room) {
			char *more = arena_get(a, room * 2);

			memcpy(more, p, n);
			p = more;
			room *= 2;
		}
	}
	*text = str_of(p, n);
	return NULL;
}

static const char *read_path(struct arena *a, const char *path, struct str *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why;
	struct stat st;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		why = "it is no regular file";
	else
		why = read_all(a, fd, text);
	close(fd);
	return why;
}

static bool write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = str_skip(s, (size_t)n);
	}
	return true;
}

/* Replaces the file <path>, which a reader sees whole at any time: the old one or the new one. A
 * link stays a link. NULL, or the reason. */
static const char *replace(struct arena *a, const char *path, struct str text)
{
	char *real = realpath(path, NULL);
	const char *why = NULL;
	struct stat st;
	char *temp;
	int fd;

	if (!real)
		return strerror(errno);
	temp = (char *)arena_printf(a, "%s.XXXXXX", real).p;
	fd = mkstemp(temp);
	if (fd < 0 || stat(real, &st) != 0 || fchmod(fd, st.st_mode & 07777) != 0 ||
	    (fchown(fd, st.st_uid, st.st_gid) != 0 && errno != EPERM) || !write_all(fd, text) ||
	    fsync(fd) != 0 || rename(temp, real) != 0) {
		why = strerror(errno);
		if (fd >= 0)
			unlink(temp);
	}
	if (fd >= 0)
		close(fd);
	free(real);
	return why;
}

/* What is done with the form <after> of file <path>. Returns an exit code. */
static int deliver(struct arena *a, const char *path, struct str before, struct str after,
		   enum mode mode)
{
	bool same = str_eq(before, after);
	const char *why;

	if (mode == DIFF)
		udiff(a, stdout, str_from(path), before, after);
	if (mode == CHECK && !same)
		printf("%s:%u: not in canonical form\n", path, fmt_first_difference(before, after));
	if (mode != WRITE)
		return same ? EXIT_OK : EXIT_FAILED;
	if (strcmp(path, "-") == 0) {
		fwrite(after.p, 1, after.n, stdout);
		return EXIT_OK;
	}
	why = same ? NULL : replace(a, path, after);
	if (!why)
		return EXIT_OK;
	fprintf(stderr, "weir fmt: cannot write %s: %s\n", path, why);
	return EXIT_FAILED;
}

static int fmt_one(const char *path, enum mode mode)
{
	struct arena a = { 0 };
	bool in = strcmp(path, "-") == 0;
	struct str before, after, name = in ? S("<stdin>") : str_from(path);
	const char *why = in ? read_all(&a, 0, &before) : read_path(&a, path, &before);
	int code = EXIT_FAILED;

	diag_reset();
	if (why)
		diag(E020, (struct at) { 0 }, STR_ARG(name), why);
	if (!why && fmt_text(&a, name, before, &after))
		code = deliver(&a, path, before, after, mode);
	else
		diag_print_text(stderr);
	diag_reset();
	arena_free(&a);
	return code;
}

int cmd_fmt(int argc, char **argv)
{
	static const struct option options[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "diff", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum mode mode = WRITE;
	int c, code = EXIT_OK;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (c == '?')
			return cmd_misuse("fmt", "bad option");
		mode = c == 'd' ? DIFF : mode == DIFF ? DIFF : CHECK;
	}
	if (optind == argc)
		return cmd_misuse("fmt", "a file is missing");
	for (; optind < argc; optind++)
		if (fmt_one(argv[optind], mode) != EXIT_OK)
			code = EXIT_FAILED;
	return code;
}
