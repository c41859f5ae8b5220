/* SPDX-License-Identifier: Apache-2.0 */
/* embed: what a built binary says about itself: versions, digests, parts and the rule program,
 * as one text in the ELF section ".weir". Written by build; read back by diff and inspect
 * without running the binary. Reading takes any bytes. */
#ifndef WEIR_EMBED_H
#define WEIR_EMBED_H

#include "emit.h"

#define EMBED_SECTION ".weir"
#define DIGEST_TEXT 65 /* SHA-256 in hex, and a NUL */

struct digests {
	char source[DIGEST_TEXT], program[DIGEST_TEXT], runtime[DIGEST_TEXT];
};

struct embed {
	struct str version, name, source, program_digest, runtime; /* digests in hex */
	uint32_t abi;
	struct str parts; /* names with a blank between */
	struct str program; /* its text form */
};

/* The text form of <p>. */
struct str embed_program(struct arena *a, const struct program *p);
/* Digest of <s>; of the file <path> (false: it cannot be read); of the source set, the files
 * compiled in among it. */
void embed_digest(struct str s, char out[DIGEST_TEXT]);
bool embed_digest_file(const char *path, char out[DIGEST_TEXT]);
void embed_digest_sources(const struct emit *e, char out[DIGEST_TEXT]);
/* Names of all optional parts that <e> uses, sorted by kind. */
struct str embed_parts(struct arena *a, const struct emit *e);

/* The text of the section; <program_at>: where in it the program begins. */
struct str embed_write(struct arena *a, const struct embed *m, size_t *program_at);
/* NULL, or a sentence. What <m> holds points into <text>. */
const char *embed_read(struct str text, struct embed *m);

#endif
