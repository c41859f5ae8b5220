/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <limits.h>
#include <unistd.h>

#include "../source.h"

/* The character at <p>, and how many UTF-16 units it has; bytes that are none count as one. */
static uint32_t step(const char **p, const char *end)
{
	uint32_t c = source_char(p, end);

	return c != SOURCE_NO_CHAR && c >= 0x10000 ? 2 : 1;
}

uint32_t place_column(struct str line, int64_t units)
{
	const char *p = line.p, *end = line.p + line.n;

	while (p < end && units > 0)
		units -= step(&p, end);
	return (uint32_t)(p - line.p) + 1;
}

uint32_t place_units(struct str line, size_t n)
{
	const char *p = line.p, *end = line.p + line.n;
	uint32_t units = 0;

	while (p < end && (size_t)(p - line.p) < n)
		units += step(&p, end);
	return units;
}

void place_put_range(FILE *out, struct at at)
{
	struct str line = source_line(at);
	size_t from = at.len && at.col ? at.col - 1 : 0;
	size_t to = at.len ? from + at.len : line.n;
	uint32_t n = at.line ? at.line - 1 : 0;

	fprintf(out,
		"{\"start\":{\"line\":%u,\"character\":%u},\"end\":{\"line\":%u,\"character\":%u}}",
		n, place_units(line, from), n, place_units(line, to));
}

void place_put_location(FILE *out, struct at at)
{
	fputs("{\"uri\":", out);
	place_put_uri(out, source_get(at.file)->path);
	fputs(",\"range\":", out);
	place_put_range(out, at);
	fputc('}', out);
}

static int hex(char c)
{
	c = ascii_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str place_path(struct arena *a, struct str uri)
{
	char *out;
	size_t n = 0;

	if (!str_starts(uri, S("file://")))
		return arena_str(a, uri);
	uri = str_skip(uri, 7);
	while (uri.n && uri.p[0] != '/') /* the host */
		uri = str_skip(uri, 1);
	out = arena_get(a, uri.n + 1);
	for (size_t i = 0; i < uri.n; i++) {
		if (uri.p[i] == '%' && i + 2 < uri.n && hex(uri.p[i + 1]) >= 0 &&
		    hex(uri.p[i + 2]) >= 0) {
			out[n++] = (char)(hex(uri.p[i + 1]) << 4 | hex(uri.p[i + 2]));
			i += 2;
		} else {
			out[n++] = uri.p[i];
		}
	}
	return str_of(out, n);
}

static void put_path(FILE *out, struct str path)
{
	static const char plain[] = "/-._~!$'()*+,;=:@";

	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];

		if ((c >= '0' && c <= '9') ||
		    (ascii_lower((char)c) >= 'a' && ascii_lower((char)c) <= 'z') ||
		    (c && strchr(plain, c)))
			fputc(c, out);
		else
			fprintf(out, "%%%02X", c);
	}
}

void place_put_uri(FILE *out, struct str path)
{
	char folder[PATH_MAX];
	ptrdiff_t colon = str_chr(path, ':');

	fputc('"', out);
	if (colon > 1 && str_chr(str_first(path, (size_t)colon), '/') < 0) { /* a scheme */
		put_path(out, path);
	} else {
		fputs("file://", out);
		if (!str_starts(path, S("/")) && getcwd(folder, sizeof(folder))) {
			put_path(out, str_from(folder));
			fputc('/', out);
		}
		put_path(out, path);
	}
	fputc('"', out);
}
