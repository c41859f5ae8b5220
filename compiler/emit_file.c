/* SPDX-License-Identifier: Apache-2.0 */
/* emit_file: bytes that are compiled in: error pages and bodies of respond. Read once each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "diag.h"
#include "emit_part.h"
#include "source.h"

/* Path of <name>, relative to the folder of the file that names it. */
static struct str beside(struct arena *a, struct str file, struct str name)
{
	size_t n = file.n;

	while (n && file.p[n - 1] != '/')
		n--;
	if (name.n && name.p[0] == '/')
		return name;
	return arena_printf(a, "%.*s%.*s", (int)n, file.p, STR_ARG(name));
}

/* NULL, or why it cannot be read. */
static const char *read_bytes(struct arena *a, struct str path, struct str *out)
{
	const char *name = arena_str(a, path).p, *why = NULL;
	char *p = malloc(EMIT_FILE_MAX + 1);
	struct stat st;
	FILE *in = NULL;
	size_t n;

	/* Nobody may be at a pipe's other end: opening it would wait. */
	if (stat(name, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
		why = S_ISDIR(st.st_mode) ? "it is a directory" : "it is no regular file";
	} else if (!(in = fopen(name, "re")) || !p) {
		why = strerror(errno);
	} else {
		n = fread(p, 1, EMIT_FILE_MAX + 1, in);
		why = ferror(in)          ? strerror(errno)
		      : n > EMIT_FILE_MAX ? "it is larger than 1 MB"
					  : NULL;
		*out = arena_str(a, str_of(p, why ? 0 : n));
	}
	if (in)
		fclose(in);
	free(p);
	return why;
}

static void keep(struct emit *e, struct str name, struct str bytes)
{
	if (e->nfiles == e->files_room) {
		struct emit_file *old = e->files;

		e->files_room = e->files_room ? e->files_room * 2 : 16;
		e->files = ARENA_ARRAY(e->arena, struct emit_file, e->files_room);
		if (e->nfiles)
			memcpy(e->files, old, e->nfiles * sizeof(*old));
	}
	e->files[e->nfiles++] = (struct emit_file) { .name = name, .bytes = bytes };
}

struct str emit_file(struct emit *e, struct str name, struct p_place at)
{
	const struct source *by = source_get(at.file);
	struct str shown = beside(e->arena, by->name, name), bytes = { 0 };
	struct at place = { .file = at.file, .line = at.line, .col = 1, .len = 1 };
	const char *why;

	for (uint32_t i = 0; i < e->nfiles; i++)
		if (str_eq(e->files[i].name, shown))
			return e->files[i].bytes;
	why = read_bytes(e->arena, beside(e->arena, by->path, name), &bytes);
	if (why) {
		diag(E067, place, STR_ARG(name), why);
		e->bad = true;
		return S("");
	}
	keep(e, shown, bytes);
	return bytes;
}

struct str emit_file_type(struct str name)
{
	static const struct {
		struct str ending, type;
	} types[] = {
		{ { ".html", 5 }, { "text/html", 9 } },
		{ { ".htm", 4 }, { "text/html", 9 } },
		{ { ".txt", 4 }, { "text/plain", 10 } },
		{ { ".json", 5 }, { "application/json", 16 } },
		{ { ".xml", 4 }, { "application/xml", 15 } },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (str_iends(name, types[i].ending))
			return types[i].type;
	return S("text/html");
}
