/* SPDX-License-Identifier: Apache-2.0 */
#include "embed.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "show.h"
#include "source.h"

#define FIRST_LINE "weir-site 1"

struct str embed_program(struct arena *a, const struct program *p)
{
	struct show_buffer b;

	show_open(&b);
	program_write(p, b.out);
	return show_close(&b, a);
}

/* -- digests
 * -------------------------------------------------------------------------------------- */

static EVP_MD_CTX *digest_open(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL))
		return c;
	fputs("weir: libcrypto gives no SHA-256\n", stderr);
	exit(1);
}

static void digest_close(EVP_MD_CTX *c, char out[DIGEST_TEXT])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	EVP_DigestFinal_ex(c, sum, &n);
	for (unsigned i = 0; i < n; i++)
		snprintf(out + i * 2, 3, "%02x", sum[i]);
	EVP_MD_CTX_free(c);
}

void embed_digest(struct str s, char out[DIGEST_TEXT])
{
	EVP_MD_CTX *c = digest_open();

	EVP_DigestUpdate(c, s.p, s.n);
	digest_close(c, out);
}

bool embed_digest_file(const char *path, char out[DIGEST_TEXT])
{
	FILE *in = fopen(path, "re");
	EVP_MD_CTX *c;
	char buf[16384];
	size_t n;
	bool good;

	if (!in)
		return false;
	c = digest_open();
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		EVP_DigestUpdate(c, buf, n);
	good = !ferror(in);
	fclose(in);
	digest_close(c, out);
	return good;
}

/* Lengths stand before name and bytes, so that no two sets give the same stream. */
static void digest_file(EVP_MD_CTX *c, struct str name, struct str bytes)
{
	char head[64];
	int n = snprintf(head, sizeof(head), "%zu %zu\n", name.n, bytes.n);

	EVP_DigestUpdate(c, head, (size_t)n);
	EVP_DigestUpdate(c, name.p, name.n);
	EVP_DigestUpdate(c, bytes.p, bytes.n);
}

void embed_digest_sources(const struct emit *e, char out[DIGEST_TEXT])
{
	EVP_MD_CTX *c = digest_open();

	for (uint32_t i = 0; i < source_count(); i++)
		digest_file(c, source_get(i)->name, source_get(i)->text);
	for (uint32_t i = 0; i < e->nfiles; i++)
		digest_file(c, e->files[i].name, e->files[i].bytes);
	digest_close(c, out);
}

/* -- the section
 * ----------------------------------------------------------------------------------- */

struct str embed_parts(struct arena *a, const struct emit *e)
{
	struct show_buffer b;
	const char *blank = "";

	show_open(&b);
#define NAME(used, name)                                                                           \
	if (used) {                                                                                \
		fprintf(b.out, "%s%s", blank, (name));                                             \
		blank = " ";                                                                       \
	}
	for (int i = 0; i < EMIT_PARTS; i++)
		NAME(e->parts[i], emit_part_names[i])
	for (int i = 0; i < ACTIONS; i++)
		NAME(e->action_fn[i] != WS_NONE, emit_action_names[i])
	for (int i = 0; i < CONVERTERS; i++)
		NAME(e->conv_fn[i] != WS_NONE, emit_conv_names[i])
	for (int i = 0; i < SUBJECTS; i++)
		NAME(e->subjects[i], emit_subject_names[i])
#undef NAME
	return show_close(&b, a);
}

/* A line's value: control bytes of a file name would end the line. */
static void put_line(FILE *out, const char *key, struct str s)
{
	fprintf(out, "%s ", key);
	for (size_t i = 0; i < s.n; i++)
		putc((unsigned char)s.p[i] < ' ' ? '?' : s.p[i], out);
	putc('\n', out);
}

struct str embed_write(struct arena *a, const struct embed *m, size_t *program_at)
{
	struct show_buffer b;
	struct str head, all;
	char *p;

	show_open(&b);
	fputs(FIRST_LINE "\n", b.out);
	put_line(b.out, "version", m->version);
	fprintf(b.out, "abi %u\n", m->abi);
	put_line(b.out, "name", m->name);
	put_line(b.out, "source", m->source);
	put_line(b.out, "program", m->program_digest);
	put_line(b.out, "runtime", m->runtime);
	put_line(b.out, "parts", m->parts);
	fprintf(b.out, "size %zu\n\n", m->program.n);
	head = show_close(&b, a);
	*program_at = head.n;
	p = arena_get(a, head.n + m->program.n);
	memcpy(p, head.p, head.n);
	memcpy(p + head.n, m->program.p, m->program.n);
	all = str_of(p, head.n + m->program.n);
	return all;
}

const char *embed_read(struct str text, struct embed *m)
{
	static const char damaged[] = "the site's description in it is damaged";
	const struct {
		struct str key;
		struct str *value;
	} keys[] = {
		{ S("version"), &m->version }, { S("name"), &m->name },
		{ S("source"), &m->source },   { S("program"), &m->program_digest },
		{ S("runtime"), &m->runtime }, { S("parts"), &m->parts },
	};
	struct str line = str_cut(&text, '\n'), key;
	uint64_t abi = 0, size = 0;

	*m = (struct embed) { 0 };
	if (!str_eq(line, S(FIRST_LINE)))
		return "it was made by another version of weir: its description is of an unknown "
		       "form";
	for (;;) {
		if (!text.p)
			return damaged;
		line = str_cut(&text, '\n');
		if (line.n == 0)
			break;
		key = str_cut(&line, ' ');
		if ((str_eq(key, S("abi")) && !str_u64(line, UINT32_MAX, &abi)) ||
		    (str_eq(key, S("size")) && !str_u64(line, SIZE_MAX / 2, &size)))
			return damaged;
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (str_eq(keys[i].key, key))
				*keys[i].value = line.p ? line : S("");
	}
	m->abi = (uint32_t)abi;
	if (!text.p || size > text.n)
		return damaged;
	m->program = str_first(text, (size_t)size);
	return NULL;
}
