/* SPDX-License-Identifier: Apache-2.0 */
/* A record as one JSON object (RFC 8259), members as in core/log_field.def. Texts are pure
 * ASCII: a byte above 0x7e is written \u00HH, that is, as if the text were Latin-1. */
#include "log_text.h"

static void put_text(struct log_out *o, struct str s)
{
	static const char hex[] = "0123456789abcdef";

	put_char(o, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			put_char(o, '\\');
		if (c >= 0x20 && c < 0x7f) {
			put_char(o, (char)c);
			continue;
		}
		put_str(o, S("\\u00"));
		put_char(o, hex[c >> 4]);
		put_char(o, hex[c & 15]);
	}
	put_char(o, '"');
}

static void put_name(struct log_out *o, const char *name)
{
	put_str(o, S(",\""));
	put_str(o, str_from(name));
	put_str(o, S("\":"));
}

static void put_caps(struct log_out *o, const struct log_caps *c)
{
	bool first = true;

	put_char(o, '{');
	for (uint32_t i = 0; i < c->n; i++) {
		if (!c->values[i].p)
			continue;
		if (!first)
			put_char(o, ',');
		first = false;
		put_text(o, c->names[i]);
		put_char(o, ':');
		put_text(o, c->values[i]);
	}
	put_char(o, '}');
}

static void put_json_ms(struct log_out *o, int64_t ms)
{
	if (ms < 0)
		put_str(o, S("null"));
	else
		put_num(o, (uint64_t)ms);
}

static void put_quoted_addr(struct log_out *o, const struct addr *a)
{
	put_char(o, '"');
	if (a->kind != AK_NONE)
		put_addr(o, a);
	put_char(o, '"');
}

static void put_quoted_iso(struct log_out *o, uint64_t us)
{
	put_char(o, '"');
	put_iso(o, us);
	put_char(o, '"');
}

static void put_quoted_id(struct log_out *o, const struct log_record *r)
{
	put_char(o, '"');
	put_id(o, r);
	put_char(o, '"');
}

#define JSON_WHEN(m) put_quoted_iso(o, r->m);
#define JSON_ID(m) put_quoted_id(o, r);
#define JSON_ADDR(m) put_quoted_addr(o, &r->m);
#define JSON_NAME(m) put_text(o, r->m);
#define JSON_TEXT(m) put_text(o, r->m);
#define JSON_NUM(m) put_num(o, r->m);
#define JSON_MS(m) put_json_ms(o, r->m);
#define JSON_FLAG(m) put_str(o, r->m ? S("true") : S("false"));
#define JSON_END(m) put_text(o, str_of(r->m, 2));
#define JSON_CAPS(m) put_caps(o, &r->m);

static void line(struct log_out *o, const struct log_record *r)
{
	char kind = r->kind == LOG_HTTP ? 'H' : 'T';

	put_str(o, kind == 'H' ? S("{\"type\":\"http\"") : S("{\"type\":\"tcp\""));
#define LOG_FIELD(type, member, name, kinds, doc)                                                  \
	if (strchr(kinds, kind)) {                                                                 \
		put_name(o, name);                                                                 \
		JSON_##type(member)                                                                \
	}
#include "../core/log_field.def"
	put_char(o, '}');
}

const struct log_part log_json = { "json", line };
