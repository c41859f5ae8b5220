/* SPDX-License-Identifier: Apache-2.0 */
#include "binary.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char no_site[] = "it is no binary made by weir";

bool binary_is(const char *path)
{
	char magic[SELFMAG] = { 0 };
	struct stat st;
	FILE *in;
	bool is;

	/* What a pipe gives can be read once: it is left to the reader of configurations. */
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || !(in = fopen(path, "re")))
		return false;
	is = fread(magic, 1, sizeof(magic), in) == sizeof(magic) &&
	     memcmp(magic, ELFMAG, SELFMAG) == 0;
	fclose(in);
	return is;
}

static const char *read_all(struct arena *a, const char *path, struct str *out)
{
	FILE *in = fopen(path, "re");
	struct stat st;
	char *p;

	if (!in)
		return strerror(errno);
	if (fstat(fileno(in), &st) != 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size > BINARY_BYTES_MAX) {
		fclose(in);
		return "it is no file, or larger than 1 GB";
	}
	p = arena_get(a, (size_t)st.st_size + 1);
	*out = str_of(p, fread(p, 1, (size_t)st.st_size, in));
	fclose(in);
	return NULL;
}

/* <n> bytes at <off>; false beyond the end. */
static bool part(struct str all, uint64_t off, uint64_t n, struct str *out)
{
	if (off > all.n || n > all.n - off)
		return false;
	*out = str_of(all.p + off, (size_t)n);
	return true;
}

static bool fetch(struct str all, uint64_t off, void *out, size_t n)
{
	struct str s;

	if (!part(all, off, n, &s))
		return false;
	memcpy(out, s.p, n);
	return true;
}

/* The C string at <off> of the string table <table>; empty when it does not end there. */
static struct str name_at(struct str table, uint64_t off)
{
	const char *end;

	if (off >= table.n)
		return S("");
	end = memchr(table.p + off, 0, table.n - (size_t)off);
	return end ? str_of(table.p + off, (size_t)(end - table.p) - (size_t)off) : S("");
}

static bool header(struct str all, Elf64_Ehdr *h)
{
	return fetch(all, 0, h, sizeof(*h)) && memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 &&
	       h->e_ident[EI_CLASS] == ELFCLASS64 && h->e_ident[EI_DATA] == ELFDATA2LSB &&
	       h->e_shentsize == sizeof(Elf64_Shdr);
}

static bool section_header(struct str all, const Elf64_Ehdr *h, uint32_t i, Elf64_Shdr *out)
{
	return i < h->e_shnum &&
	       fetch(all, h->e_shoff + (uint64_t)i * sizeof(*out), out, sizeof(*out));
}

/* Section <name>: its bytes and header. */
static bool section(struct str all, const Elf64_Ehdr *h, struct str name, Elf64_Shdr *out,
		    struct str *bytes)
{
	Elf64_Shdr names;
	struct str table;

	if (!section_header(all, h, h->e_shstrndx, &names) ||
	    !part(all, names.sh_offset, names.sh_size, &table))
		return false;
	for (uint32_t i = 0; i < h->e_shnum; i++)
		if (section_header(all, h, i, out) && str_eq(name_at(table, out->sh_name), name))
			return out->sh_type != SHT_NOBITS &&
			       part(all, out->sh_offset, out->sh_size, bytes);
	return false;
}

static bool linked_strings(struct str all, const Elf64_Ehdr *h, const Elf64_Shdr *of,
			   struct str *strings)
{
	Elf64_Shdr s;

	return section_header(all, h, of->sh_link, &s) &&
	       part(all, s.sh_offset, s.sh_size, strings);
}

static void read_needed(struct str all, const Elf64_Ehdr *h, struct binary *b)
{
	Elf64_Shdr s;
	struct str bytes, strings;
	Elf64_Dyn d;

	if (!section(all, h, S(".dynamic"), &s, &bytes) || !linked_strings(all, h, &s, &strings))
		return;
	for (size_t at = 0; fetch(bytes, at, &d, sizeof(d)) && d.d_tag != DT_NULL; at += sizeof(d))
		if (d.d_tag == DT_NEEDED && b->nneeded < BINARY_NEEDED_MAX)
			b->needed[b->nneeded++] = name_at(strings, d.d_un.d_val);
}

/* "2.34" above "2.4": numbers between dots are compared. */
static bool version_above(struct str a, struct str b)
{
	while (a.n || b.n) {
		struct str x = str_cut(&a, '.'), y = str_cut(&b, '.');
		uint64_t n = 0, m = 0;

		if (!str_u64(x, UINT32_MAX, &n))
			n = 0;
		if (!str_u64(y, UINT32_MAX, &m))
			m = 0;
		if (n != m)
			return n > m;
	}
	return false;
}

static void read_one_need(struct str bytes, uint64_t at, unsigned n, struct str strings,
			  struct binary *b)
{
	Elf64_Vernaux aux;

	for (unsigned i = 0; i < n && fetch(bytes, at, &aux, sizeof(aux)); i++) {
		struct str name = name_at(strings, aux.vna_name);

		if (str_starts(name, S("GLIBC_")) && version_above(str_skip(name, 6), b->glibc))
			b->glibc = str_skip(name, 6);
		if (!aux.vna_next)
			return;
		at += aux.vna_next;
	}
}

static void read_versions(struct str all, const Elf64_Ehdr *h, struct binary *b)
{
	Elf64_Shdr s;
	struct str bytes, strings;
	Elf64_Verneed need;
	uint64_t at = 0;

	if (!section(all, h, S(".gnu.version_r"), &s, &bytes) ||
	    !linked_strings(all, h, &s, &strings))
		return;
	for (unsigned i = 0; i < s.sh_info && fetch(bytes, at, &need, sizeof(need)); i++) {
		read_one_need(bytes, at + need.vn_aux, need.vn_cnt, strings, b);
		if (!need.vn_next)
			return;
		at += need.vn_next;
	}
}

const char *binary_read(struct arena *a, const char *path, struct binary *b)
{
	Elf64_Ehdr h;
	Elf64_Shdr s;
	struct str text;
	const char *why;

	*b = (struct binary) { 0 };
	why = read_all(a, path, &b->bytes);
	if (why)
		return why;
	if (!header(b->bytes, &h) || !section(b->bytes, &h, S(EMBED_SECTION), &s, &text))
		return no_site;
	why = embed_read(text, &b->site);
	if (why)
		return why;
	read_needed(b->bytes, &h, b);
	read_versions(b->bytes, &h, b);
	return NULL;
}
