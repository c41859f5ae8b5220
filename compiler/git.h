/* SPDX-License-Identifier: Apache-2.0 */
/* git: a site as a revision of the repository around the current folder has it. Runs git with a
 * fixed list of arguments, no shell. One revision at a time; not thread-safe. */
#ifndef WEIR_GIT_H
#define WEIR_GIT_H

#include "diff_files.h"
#include "program.h"

/* Is <name> "git:REV:PATH"? */
bool git_is(const char *name);
/* Calls <load> with PATH of git:REV:PATH while files are read as REV has them. False after a message,
 * or when <load> fails. */
bool git_with(struct arena *a, const char *name, bool (*load)(void *arg, const char *path),
	      void *arg);
/* The program of git:REV:PATH, its includes and lists of that revision, too; std/ is the installed
 * one. NULL after messages. <files>, when it is not NULL, gets the bytes of the files it names. */
struct program *git_load(struct arena *a, const char *name, struct diff_files *files);

#endif
