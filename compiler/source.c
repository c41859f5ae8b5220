/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX_STEP 256
#define FIRST_READ 65536

static struct source *files[SOURCE_FILES_MAX];
static uint32_t nfiles;
static size_t all_bytes;
static struct arena *memory; /* of the last file: holds the line indexes */

static bool (*overlay)(struct str path, struct str *text);

void source_overlay(bool (*get)(struct str path, struct str *text))
{
	overlay = get;
}

void source_reset(void)
{
	nfiles = 0;
	all_bytes = 0;
	memory = NULL;
}

uint32_t source_count(void)
{
	return nfiles;
}

const struct source *source_get(uint32_t file)
{
	return files[file];
}

void source_set_list(uint32_t file)
{
	files[file]->list = true;
}

static const char *add(struct arena *a, struct source s, uint32_t *file)
{
	if (nfiles == SOURCE_FILES_MAX)
		return "more than 10000 files";
	if (s.text.n > SOURCE_FILE_MAX)
		return "it is larger than 64 MB";
	if (s.text.n > SOURCE_ALL_MAX - all_bytes)
		return "all files together are larger than 512 MB";
	files[nfiles] = ARENA_NEW(a, struct source);
	*files[nfiles] = s;
	all_bytes += s.text.n;
	memory = a;
	*file = nfiles++;
	return NULL;
}

/* Adds <s> with a copy of its text. */
static const char *add_copy(struct arena *a, struct source s, uint32_t *file)
{
	struct str text = s.text;

	if (text.n <= SOURCE_FILE_MAX) {
		char *p = arena_get(a, text.n + 2);

		if (text.n)
			memcpy(p, text.p, text.n);
		p[text.n] = '\n';
		s.text.p = p;
	}
	return add(a, s, file);
}

const char *source_text(struct arena *a, struct str name, struct str text, uint32_t *file)
{
	struct source s = { .path = arena_str(a, name), .text = text };

	s.name = s.path;
	return add_copy(a, s, file);
}

/* Reads <fd> to its end. NULL, or the reason. <size>: what is expected. */
static const char *read_all(struct arena *a, int fd, size_t size, struct str *text)
{
	size_t room = size + 1, n = 0;
	char *p = arena_get(a, room + 2);

	for (;;) {
		ssize_t got = read(fd, p + n, room - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return strerror(errno);
		n += (size_t)got;
		if (got == 0)
			break;
		if (n > SOURCE_FILE_MAX)
			return "it is larger than 64 MB";
		if (n == room) {
			char *more = arena_get(a, 2 * room + 2);

			memcpy(more, p, n);
			p = more;
			room *= 2;
		}
	}
	p[n] = '\n';
	p[n + 1] = 0;
	*text = str_of(p, n);
	return NULL;
}

static const char *read_file(struct arena *a, int fd, struct source *s)
{
	struct stat st;
	size_t size = FIRST_READ;

	if (fstat(fd, &st))
		return strerror(errno);
	if (S_ISDIR(st.st_mode))
		return "it is a directory";
	if (S_ISREG(st.st_mode)) {
		if ((uintmax_t)st.st_size > SOURCE_FILE_MAX)
			return "it is larger than 64 MB";
		size = (size_t)st.st_size;
	} else if (nfiles || !S_ISFIFO(st.st_mode)) {
		return "it is no regular file";
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return read_all(a, fd, size, &s->text);
}

const char *source_open(struct arena *a, struct str path, struct str name, uint32_t *file)
{
	struct source s = { .path = arena_str(a, path), .name = arena_str(a, name) };
	struct stat st;
	const char *why;
	int fd;

	if (memchr(path.p, 0, path.n))
		return "the name holds a NUL";
	if (overlay && overlay(path, &s.text)) {
		if (stat(s.path.p, &st) == 0) {
			s.dev = st.st_dev;
			s.ino = st.st_ino;
		}
		return add_copy(a, s, file);
	}
	fd = open(s.path.p, O_RDONLY | O_CLOEXEC | (nfiles ? O_NONBLOCK : 0));
	if (fd < 0)
		return strerror(errno);
	why = read_file(a, fd, &s);
	close(fd);
	return why ? why : add(a, s, file);
}

uint32_t source_char(const char **p, const char *end)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)*p;
	uint32_t c = s[0];
	size_t n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;

	if (n == 0 || (size_t)(end - *p) < n)
		goto bad;
	if (n > 1)
		c &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			goto bad;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		goto bad;
	*p += n;
	return c;
bad:
	*p += 1;
	return SOURCE_NO_CHAR;
}

static void make_index(struct source *s)
{
	const char *p = s->text.p, *end = p + s->text.n;
	uint32_t line = 0;
	size_t lines = 1;

	for (const char *q = p; (q = memchr(q, '\n', (size_t)(end - q))); q++)
		lines++;
	s->nlines = (uint32_t)lines;
	s->index = ARENA_ARRAY(memory, uint32_t, lines / INDEX_STEP + 1);
	while (p) {
		if (line % INDEX_STEP == 0)
			s->index[line / INDEX_STEP] = (uint32_t)(p - s->text.p);
		line++;
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
}

struct str source_line(struct at at)
{
	struct source *s;
	const char *p, *end, *nl;

	if (at.file >= nfiles || at.line == 0)
		return S("");
	s = files[at.file];
	if (!s->index)
		make_index(s);
	if (at.line > s->nlines)
		return S("");
	end = s->text.p + s->text.n;
	p = s->text.p + s->index[(at.line - 1) / INDEX_STEP];
	for (uint32_t i = (at.line - 1) % INDEX_STEP; i; i--) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return S("");
		p++;
	}
	nl = memchr(p, '\n', (size_t)(end - p));
	if (!nl)
		nl = end;
	if (nl > p && nl[-1] == '\r')
		nl--;
	return str_of(p, (size_t)(nl - p));
}

bool source_is_library(uint32_t file)
{
	const struct source *s = source_get(file);

	return s && str_starts(s->name, S("std/"));
}
