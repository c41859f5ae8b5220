/* SPDX-License-Identifier: Apache-2.0 */
/* out: the tables of a site as files of C in a folder. Files are bounded in size, so that they
 * compile in parallel. Tables above 64 KB go out as bytes that the assembler takes in (.incbin).
 * The same site gives the same bytes. */
#ifndef WEIR_OUT_H
#define WEIR_OUT_H

#include "embed.h"

#define OUT_FILES_MAX 64
#define OUT_FILE_BYTES ((size_t)512 << 10) /* a file of C ends after the table that passes this */
#define OUT_TABLE_BYTES ((size_t)64 << 10) /* beyond it a table goes out as bytes */

struct out_files {
	unsigned n;
	struct str names[OUT_FILES_MAX]; /* to compile: NAME.c and NAME.s */
	size_t bytes; /* of the tables, as linked */
};

/* Writes into the folder <dir>. <readable>: writes the large tables as C, too, beside the bytes.
 * False: errno is set. */
bool out_site(const struct emit *e, const struct embed *m, const char *dir, bool readable,
	      struct out_files *files);

#endif
