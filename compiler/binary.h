/* SPDX-License-Identifier: Apache-2.0 */
/* binary: reads a built site without running it: 64-bit little-endian ELF. Any bytes are safe:
 * every offset is checked against the file's size. */
#ifndef WEIR_BINARY_H
#define WEIR_BINARY_H

#include "embed.h"

#define BINARY_BYTES_MAX ((size_t)1 << 30)
#define BINARY_NEEDED_MAX 32

struct binary {
	struct str bytes;
	struct embed site;
	unsigned nneeded;
	struct str needed[BINARY_NEEDED_MAX]; /* shared libraries */
	struct str glibc; /* lowest version of glibc that has all symbols, "2.34"; empty: none */
};

/* Does the file begin like an ELF file? False, too, when it cannot be read. */
bool binary_is(const char *path);
/* NULL, or a sentence. */
const char *binary_read(struct arena *a, const char *path, struct binary *b);

#endif
