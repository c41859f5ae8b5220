/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

struct reader {
	struct arena *arena;
	const char *p, *end;
	unsigned depth;
};

static void blanks(struct reader *r)
{
	while (r->p < r->end && strchr(" \t\r\n", *r->p) && *r->p)
		r->p++;
}

static bool take(struct reader *r, char c)
{
	blanks(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool word(struct reader *r, struct str w)
{
	if (!str_starts(str_of(r->p, (size_t)(r->end - r->p)), w))
		return false;
	r->p += w.n;
	return true;
}

static bool hex4(struct reader *r, uint32_t *out)
{
	uint32_t v = 0;

	if (r->end - r->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = ascii_lower(*r->p++);

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* After "\u". Two halves of a pair are one character; half a pair is U+FFFD (RFC 8259 8.2). */
static bool read_unicode(struct reader *r, char **out)
{
	uint32_t c, low;

	if (!hex4(r, &c))
		return false;
	if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
		const char *back = r->p;

		r->p += 2;
		if (!hex4(r, &low))
			return false;
		if (low >= 0xdc00 && low < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		else
			r->p = back;
	}
	if (c >= 0xd800 && c < 0xe000)
		c = 0xfffd;
	*out = put_utf8(*out, c);
	return true;
}

static bool read_escape(struct reader *r, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (r->p == r->end)
		return false;
	if (*r->p == 'u') {
		r->p++;
		return read_unicode(r, out);
	}
	at = *r->p ? strchr(from, *r->p) : NULL;
	if (!at)
		return false;
	*(*out)++ = to[at - from];
	r->p++;
	return true;
}

/* Behind the opening quote. */
static bool read_text(struct reader *r, struct str *text)
{
	const char *close = r->p;
	char *start, *out;

	while (close < r->end && *close != '"')
		close += *close == '\\' ? 2 : 1;
	if (close >= r->end)
		return false;
	start = out = arena_get(r->arena, (size_t)(close - r->p) + 1);
	while (r->p < close) {
		if ((unsigned char)*r->p < 0x20)
			return false;
		if (*r->p != '\\') {
			*out++ = *r->p++;
			continue;
		}
		r->p++;
		if (!read_escape(r, &out))
			return false;
	}
	r->p = close + 1;
	*text = str_of(start, (size_t)(out - start));
	return true;
}

static bool read_number(struct reader *r, struct json *j)
{
	bool minus = r->p < r->end && *r->p == '-';
	const char *from = r->p;
	uint64_t n = 0;

	r->p += minus;
	while (r->p < r->end && *r->p && strchr("0123456789+-.eE", *r->p))
		r->p++;
	j->kind = JSON_NUMBER;
	if (r->p == from + minus)
		return false;
	if (str_u64(str_of(from + minus, (size_t)(r->p - from) - minus), INT64_MAX, &n))
		j->number = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

static struct json *read_value(struct reader *r);

static bool read_members(struct reader *r, struct json *j, char close)
{
	struct json **last = &j->kids;

	if (take(r, close))
		return true;
	do {
		struct str name = { 0 };
		struct json *kid;

		if (close == '}' && (!take(r, '"') || !read_text(r, &name) || !take(r, ':')))
			return false;
		kid = read_value(r);
		if (!kid)
			return false;
		kid->name = name;
		*last = kid;
		last = &kid->next;
	} while (take(r, ','));
	return take(r, close);
}

static bool read_scalar(struct reader *r, struct json *j)
{
	if (word(r, S("null")))
		return true;
	j->kind = JSON_BOOL;
	if (word(r, S("true"))) {
		j->number = 1;
		return true;
	}
	return word(r, S("false")) || read_number(r, j);
}

static struct json *read_value(struct reader *r)
{
	struct json *j = ARENA_NEW(r->arena, struct json);
	bool good;

	blanks(r);
	j->raw.p = r->p;
	if (r->depth == JSON_DEPTH_MAX)
		return NULL;
	r->depth++;
	if (take(r, '{')) {
		j->kind = JSON_OBJECT;
		good = read_members(r, j, '}');
	} else if (take(r, '[')) {
		j->kind = JSON_ARRAY;
		good = read_members(r, j, ']');
	} else if (take(r, '"')) {
		j->kind = JSON_TEXT;
		good = read_text(r, &j->text);
	} else {
		good = read_scalar(r, j);
	}
	r->depth--;
	j->raw.n = (size_t)(r->p - j->raw.p);
	return good ? j : NULL;
}

struct json *json_read(struct arena *a, struct str text)
{
	struct reader r = { .arena = a, .p = text.p, .end = text.p + text.n };
	struct json *j = read_value(&r);

	blanks(&r);
	return r.p == r.end ? j : NULL;
}

const struct json *json_get(const struct json *j, const char *name)
{
	const struct json *found = NULL;

	if (!j || j->kind != JSON_OBJECT)
		return NULL;
	for (const struct json *k = j->kids; k; k = k->next)
		if (str_eq(k->name, str_from(name)))
			found = k;
	return found;
}

const struct json *json_path(const struct json *j, const char *path)
{
	struct str rest = str_from(path);
	char name[64];

	while (j && rest.p) {
		struct str part = str_cut(&rest, '.');

		if (part.n >= sizeof(name))
			return NULL;
		memcpy(name, part.p, part.n);
		name[part.n] = 0;
		j = json_get(j, name);
	}
	return j;
}

struct str json_text(const struct json *j, const char *path)
{
	j = json_path(j, path);
	return j && j->kind == JSON_TEXT ? j->text : S("");
}

int64_t json_number(const struct json *j, const char *path, int64_t otherwise)
{
	j = json_path(j, path);
	return j && (j->kind == JSON_NUMBER || j->kind == JSON_BOOL) ? j->number : otherwise;
}
