/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime_h2.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../runtime/http/hpack.h"

/* -- scripts ------------------------------------------------------------------------------------ */

static char *to;

static void bytes(const char *p, size_t n)
{
	memcpy(to, p, n);
	to += n;
}

static void frame(unsigned type, unsigned flags, uint32_t stream, const char *p, size_t n)
{
	struct h2_frame f = { (uint32_t)n, stream, (uint8_t)type, (uint8_t)flags };
	char head[H2_FRAME_HEAD];

	h2_frame_write(head, &f);
	bytes(head, sizeof(head));
	bytes(p, n);
}

static void number(unsigned type, uint32_t stream, const char *text)
{
	char p[4];

	h2_put_u32(p, (uint32_t)strtoul(text, NULL, 10));
	frame(type, 0, stream, p, sizeof(p));
}

/* Literal fields without indexing, RFC 7541 6.2.2. */
static void fields(unsigned flags, uint32_t stream, const char *text)
{
	static char block[70000];
	struct str rest = str_from(text);
	size_t n = 0;

	while (rest.n) {
		struct str value = str_cut(&rest, ','), name;
		bool pseudo = value.p[0] == ':';

		value = str_skip(value, pseudo);
		name = str_cut(&value, '=');
		name = str_of(name.p - pseudo, name.n + pseudo);
		ck_assert(name.n < 127 && value.n < 127);
		block[n++] = 0;
		block[n++] = (char)name.n;
		memcpy(block + n, name.p, name.n);
		n += name.n;
		block[n++] = (char)value.n;
		memcpy(block + n, value.p, value.n);
		n += value.n;
	}
	frame(H2_HEADERS, flags, stream, block, n);
}

static void settings(const char *text)
{
	char p[H2_SETTING_BYTES];
	char *end;
	struct h2_setting s = { .id = (uint16_t)strtoul(text, &end, 10) };

	s.value = (uint32_t)strtoul(end + 1, NULL, 10);
	frame(H2_SETTINGS, 0, 0, p, h2_setting_write(p, s));
}

static void request(const char *method, unsigned flags, uint32_t stream, const char *path)
{
	char text[400];

	snprintf(text, sizeof(text), ":method=%s,:scheme=http,:authority=a,:path=%s", method, path);
	fields(flags, stream, text);
}

static void hex(const char *text)
{
	for (; text[0] && text[1]; text += 2) {
		char two[3] = { text[0], text[1], 0 }, c = (char)strtoul(two, NULL, 16);

		bytes(&c, 1);
	}
}

static void many(unsigned flags, uint32_t stream, const char *text)
{
	size_t left = strtoul(text, NULL, 10);
	static char p[H2_FRAME_MAX];

	memset(p, 'b', sizeof(p));
	do {
		size_t n = left < sizeof(p) ? left : sizeof(p);

		left -= n;
		frame(H2_DATA, left ? 0 : flags, stream, p, n);
	} while (left);
}

static void preface(const char *rest)
{
	bytes(H2_PREFACE, H2_PREFACE_BYTES);
	if (*rest == ':')
		settings(rest + 1);
	else
		frame(H2_SETTINGS, 0, 0, "", 0);
	frame(H2_SETTINGS, H2_FLAG_ACK, 0, "", 0);
}

static void word(const char *w)
{
	char *rest;
	uint32_t id = (uint32_t)strtoul(w + 1, &rest, 10);
	unsigned flags;
	const char *arg = *rest ? rest + 1 : rest;

	switch (*w) {
	case 'P':
		preface(rest);
		break;
	case 'G':
		request("GET", H2_FLAG_END_STREAM | H2_FLAG_END_HEADERS, id, rest);
		break;
	case 'O':
		request("POST", H2_FLAG_END_HEADERS, id, rest);
		break;
	case 'D':
	case 'F':
		frame(H2_DATA, *w == 'F', id, arg, strlen(arg));
		break;
	case 'd':
	case 'f':
		many(*w == 'f', id, arg);
		break;
	case 'H':
		flags = (unsigned)strtoul(arg, &rest, 16);
		fields(flags, id, rest + 1);
		break;
	case 'T':
		fields(H2_FLAG_END_STREAM | H2_FLAG_END_HEADERS, id, arg);
		break;
	case 'R':
		number(H2_RST_STREAM, id, arg);
		break;
	case 'W':
		number(H2_WINDOW_UPDATE, id, arg);
		break;
	case 'I':
		frame(H2_PING, 0, 0, arg, strlen(arg));
		break;
	case 'S':
		settings(arg);
		break;
	case 'X':
		hex(arg);
		break;
	default:
		ck_abort_msg("no such word: %s", w);
	}
}

size_t h2_script(const char *script, char *out, size_t n)
{
	char *text = strdup(script), *at = NULL;

	to = out + n;
	for (char *w = strtok_r(text, " \n", &at); w; w = strtok_r(NULL, " \n", &at))
		word(w);
	free(text);
	return (size_t)(to - out);
}

/* -- transcripts -------------------------------------------------------------------------------- */

static char *text_at;

static bool visit(void *arg, const struct hpack_field *f)
{
	(void)arg;
	if (f->id == HPACK_STATUS)
		text_at += sprintf(text_at, " %.*s", STR_ARG(f->value));
	else
		text_at += sprintf(text_at, " %.*s=%.*s", STR_ARG(f->name), STR_ARG(f->value));
	return true;
}

static void list(struct hpack_in *d, struct str block)
{
	struct hpack_list l = { .bytes_max = 70000, .fields_max = 600 };
	size_t used;

	ck_assert_int_eq(hpack_decode(d, &l, block, &used, visit, NULL), HPACK_DONE);
}

/* Frames of one stream that follow each other count as one: how many there are is a matter of what
 * was received at once. */
static void data(uint32_t stream, struct str s)
{
	static uint32_t last;
	static char *from, *behind;
	static char kept[64];
	static size_t n;

	if (text_at != behind || last != stream) {
		from = text_at;
		n = 0;
	}
	text_at = from;
	if (n < sizeof(kept))
		memcpy(kept + n, s.p, s.n < sizeof(kept) - n ? s.n : sizeof(kept) - n);
	n += s.n;
	last = stream;
	if (n > 24)
		text_at += sprintf(text_at, "D%u #%zu", stream, n);
	else
		text_at += sprintf(text_at, "D%u %.*s", stream, (int)n, kept);
	behind = text_at + 1;
}

static bool known(struct hpack_in *d, const struct h2_frame *f, struct str in)
{
	bool ack = f->flags & H2_FLAG_ACK;

	switch (f->type) {
	case H2_HEADERS:
		text_at += sprintf(text_at, "H%u", f->stream);
		list(d, in);
		return true;
	case H2_DATA:
		data(f->stream, in);
		return true;
	case H2_RST_STREAM:
		text_at += sprintf(text_at, "R%u:%u", f->stream, h2_u32(in.p));
		return true;
	case H2_GOAWAY:
		text_at += sprintf(text_at, "Y:%u:%u", h2_u32(in.p), h2_u32(in.p + 4));
		return true;
	case H2_PING:
		if (ack && str_eq(in, S("the-end!")))
			return false;
		text_at += sprintf(text_at, "%c:%.*s", ack ? 'i' : 'I', STR_ARG(in));
		return true;
	case H2_WINDOW_UPDATE:
		if (f->stream)
			text_at += sprintf(text_at, "W%u:%u", f->stream, h2_u32(in.p));
		return f->stream != 0;
	default:
		return false;
	}
}

size_t h2_transcript(const char *in, size_t n, char *out)
{
	struct hpack_in d;
	size_t at = 0;

	hpack_in_init(&d);
	text_at = out;
	while (n - at >= H2_FRAME_HEAD) {
		struct h2_frame f = h2_frame_read(in + at);

		if (n - at - H2_FRAME_HEAD < f.len)
			break;
		ck_assert_uint_le(f.len, H2_FRAME_MAX);
		if (known(&d, &f, str_of(in + at + H2_FRAME_HEAD, f.len))) {
			bool end = (f.type == H2_DATA || f.type == H2_HEADERS) &&
				   f.flags & H2_FLAG_END_STREAM;

			text_at += sprintf(text_at, end ? ".|" : "|");
		}
		at += H2_FRAME_HEAD + f.len;
	}
	*text_at = '\0';
	hpack_in_release(&d);
	return at;
}

bool h2_has_ack(const char *in, size_t n, const char *text)
{
	size_t at = 0;

	while (n - at >= H2_FRAME_HEAD) {
		struct h2_frame f = h2_frame_read(in + at);

		if (n - at - H2_FRAME_HEAD < f.len)
			return false;
		at += H2_FRAME_HEAD;
		if (f.type == H2_PING && f.flags & H2_FLAG_ACK && !memcmp(in + at, text, 8))
			return true;
		at += f.len;
	}
	return false;
}
