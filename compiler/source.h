/* SPDX-License-Identifier: Apache-2.0 */
/* source: the files of one site, in the order in which they were opened. Index 0 is the site
 * file. It does not look into the text. One set a process at a time, not thread-safe; the texts
 * are the compile arena's and live as long as that. */
#ifndef WEIR_SOURCE_H
#define WEIR_SOURCE_H

#include <sys/types.h>

#include "ast.h"

#define SOURCE_FILE_MAX ((size_t)64 << 20)
#define SOURCE_ALL_MAX ((size_t)512 << 20)
#define SOURCE_FILES_MAX 10000
#define SOURCE_NO_CHAR 0xffffffffu

struct source {
	struct str path; /* opens the file, is shown in messages */
	struct str name; /* relative to the folder of the site file, or std/NAME: no build path */
	struct str text; /* one LF more and a NUL follow it */
	dev_t dev; /* identity of the file; 0 and 0 for a text that is no file */
	ino_t ino;
	bool list; /* values or entries, one a line: not the language */
	uint32_t nlines; /* known with <index> */
	uint32_t *index; /* where every 256th line starts; made when first asked for */
};

/* Forgets all files. The memory stays the arena's. */
void source_reset(void);
/* From now on <get> is asked first for the text of each path, for editors' buffers that are not
 * saved; NULL: no longer. The text is copied. */
void source_overlay(bool (*get)(struct str path, struct str *text));
/* Reads the file <path>. NULL and its number in <file>, or the reason in English. The site file
 * alone may be a pipe. */
const char *source_open(struct arena *a, struct str path, struct str name, uint32_t *file);
/* Takes a copy of <text> as a file. NULL and its number in <file>, or the reason. */
const char *source_text(struct arena *a, struct str name, struct str text, uint32_t *file);
uint32_t source_count(void);
/* <file> below source_count(). */
const struct source *source_get(uint32_t file);
/* Notes that <file>, below source_count(), is a list of values. */
void source_set_list(uint32_t file);
/* A file of the standard library: nobody uses all of it. */
bool source_is_library(uint32_t file);
/* Text of the line of <at>, without its end; empty when there is none. */
struct str source_line(struct at at);
/* Reads one UTF-8 character at <*p> and moves <*p> behind it. SOURCE_NO_CHAR, and one byte,
 * when it is none. */
uint32_t source_char(const char **p, const char *end);

#endif
