/* SPDX-License-Identifier: Apache-2.0 */
/* diff_files: what the names in a site stand for: entries of sets and maps, bytes of error pages and
 * of "respond file". */
#ifndef WEIR_DIFF_FILES_H
#define WEIR_DIFF_FILES_H

#include "diff.h"
#include "symbol.h"

struct diff_files {
	bool known; /* of a built binary they are not */
	struct symbols bytes; /* struct str by name */
};

/* Reads the files of <p>, whose sources are the present set; <get>, when it is not NULL, is asked
 * first. What cannot be read is left out. */
void diff_files_read(struct diff_files *f, struct arena *a, const struct program *p,
		     bool (*get)(struct str path, struct str *text));
/* Adds what differs, after diff_compare(). */
void diff_files(struct diff *d, const struct diff_files *old, const struct diff_files *new);
void diff_entries(struct diff *d);

#endif
