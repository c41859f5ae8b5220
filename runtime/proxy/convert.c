/* SPDX-License-Identifier: Apache-2.0 */
/* Converters. Each changes one value in place; results are made in the scratch. */
#include <inttypes.h>

#include "rule.h"

static bool lower_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	char *at = rule_scratch(v->s.n);

	(void)r;
	(void)c;
	(void)again;
	if (!at)
		return false;
	str_lower(at, v->s);
	v->s.p = at;
	return true;
}

static bool upper_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	char *at = rule_scratch(v->s.n);

	(void)r;
	(void)c;
	(void)again;
	if (!at)
		return false;
	for (size_t i = 0; i < v->s.n; i++) {
		char ch = v->s.p[i];

		at[i] = ch >= 'a' && ch <= 'z' ? (char)(ch & ~0x20) : ch;
	}
	v->s.p = at;
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX decoded; a bad escape makes the value absent. '+' stays: it means a blank only in forms. */
static bool urldec_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	char *at = rule_scratch(v->s.n);
	size_t n = 0;

	(void)r;
	(void)c;
	(void)again;
	for (size_t i = 0; at && i < v->s.n; i++) {
		char ch = v->s.p[i];

		if (ch == '%') {
			int hi = i + 2 < v->s.n ? hex(v->s.p[i + 1]) : -1;
			int lo = i + 2 < v->s.n ? hex(v->s.p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return false;
			ch = (char)(hi << 4 | lo);
			i += 2;
		}
		at[n++] = ch;
	}
	v->s = str_of(at, n);
	return at != NULL;
}

/* Path parameters (RFC 3986 3.3): from ';' to the next '/'. */
static bool nosemi_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	char *at = rule_scratch(v->s.n);
	bool skip = false;
	size_t n = 0;

	(void)r;
	(void)c;
	(void)again;
	for (size_t i = 0; at && i < v->s.n; i++) {
		char ch = v->s.p[i];

		skip = ch == ';' || (skip && ch != '/');
		if (!skip)
			at[n++] = ch;
	}
	v->s = str_of(at, n);
	return at != NULL;
}

static bool field_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	struct str rest = v->s;
	int32_t fields = 1, want = c->num;

	(void)r;
	(void)again;
	for (size_t i = 0; i < v->s.n; i++)
		fields += v->s.p[i] == (char)c->delim;
	if (want < 0)
		want = fields + want + 1;
	if (want < 1 || want > fields)
		return false;
	for (int32_t i = 1; i < want; i++)
		str_cut(&rest, (char)c->delim);
	v->s = str_cut(&rest, (char)c->delim);
	return true;
}

static bool sub_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	struct str groups[REGEX_GROUPS], outer[REGEX_GROUPS], text;
	char *at;
	int found;
	bool ok;
	size_t before, after;

	(void)again;
	found = site.ws->regex->match(site.regexes[c->regex], v->s, groups);
	if (found <= 0) {
		r->limit |= found < 0;
		return found == 0;
	}
	memcpy(outer, r->groups, sizeof(outer));
	memcpy(r->groups, groups, sizeof(groups));
	ok = rule_text(r, c->text, &text);
	memcpy(r->groups, outer, sizeof(outer));
	before = (size_t)(groups[0].p - v->s.p);
	after = v->s.n - before - groups[0].n;
	at = ok ? rule_scratch(before + text.n + after) : NULL;
	if (!at)
		return false;
	memcpy(at, v->s.p, before);
	memcpy(at + before, text.p, text.n);
	memcpy(at + before + text.n, groups[0].p + groups[0].n, after);
	v->s = str_of(at, before + text.n + after);
	return true;
}

static void mask_ip(uint8_t ip[16], uint32_t bits)
{
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			ip[i] &= (uint8_t)(0xff00 >> keep);
	}
}

static bool mask_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	(void)r;
	(void)again;
	mask_ip(v->ip.ip, addr_is_v4(&v->ip) ? 96 + (uint32_t)c->num : (uint32_t)c->num2);
	return true;
}

static bool map_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	const struct ws_map *m = &site.ws->maps[c->map];

	(void)again;
	if (rule_map(r, m, v, NULL, &v->s))
		return true;
	return c->text != WS_NONE && rule_text(r, c->text, &v->s);
}

/* Elements of a comma list; quotes protect commas, empty elements do not count (RFC 9110 5.6.1). */
static bool list_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	size_t at = *again;

	(void)r;
	(void)c;
	while (at < v->s.n) {
		bool quoted = false;
		size_t end = at;
		struct str item;

		for (; end < v->s.n && (quoted || v->s.p[end] != ','); end++) {
			if (v->s.p[end] == '"')
				quoted = !quoted;
			else if (quoted && v->s.p[end] == '\\' && end + 1 < v->s.n)
				end++;
		}
		item = str_trim(str_of(v->s.p + at, end - at));
		at = end + 1;
		if (item.n) {
			*again = at < v->s.n ? (uint32_t)at : 0;
			v->s = item;
			return true;
		}
	}
	*again = 0;
	return false;
}

static bool json_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	static const char digits[] = "0123456789abcdef";
	char *at = rule_scratch(v->s.n * 6);
	size_t n = 0;

	(void)r;
	(void)c;
	(void)again;
	for (size_t i = 0; at && i < v->s.n; i++) {
		unsigned char ch = (unsigned char)v->s.p[i];

		if (ch == '"' || ch == '\\') {
			at[n++] = '\\';
			at[n++] = (char)ch;
		} else if (ch < 0x20) {
			memcpy(at + n, "\\u00", 4);
			at[n + 4] = digits[ch >> 4];
			at[n + 5] = digits[ch & 15];
			n += 6;
		} else {
			at[n++] = (char)ch;
		}
	}
	v->s = str_of(at, n);
	return at != NULL;
}

static bool base64_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *at = rule_scratch((v->s.n + 2) / 3 * 4);
	size_t n = 0;

	(void)r;
	(void)c;
	(void)again;
	for (size_t i = 0; at && i < v->s.n; i += 3) {
		size_t left = v->s.n - i;
		uint32_t b = (uint32_t)(unsigned char)v->s.p[i] << 16;

		if (left > 1)
			b |= (uint32_t)(unsigned char)v->s.p[i + 1] << 8;
		if (left > 2)
			b |= (unsigned char)v->s.p[i + 2];
		at[n++] = set[b >> 18];
		at[n++] = set[b >> 12 & 63];
		at[n++] = left > 1 ? set[b >> 6 & 63] : '=';
		at[n++] = left > 2 ? set[b & 63] : '=';
	}
	v->s = str_of(at, n);
	return at != NULL;
}

/* FNV-1a, 32 bits: without a key, for spreading, not for secrets. */
static bool hash_run(struct rule_run *r, const struct ws_conv *c, struct val *v, uint32_t *again)
{
	const struct ws_subject from = { .type = (uint8_t)c->num2 };
	uint32_t h = 2166136261u;
	struct str text;

	(void)again;
	if (!rule_val_text(r, &from, v, &text))
		return false;
	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (unsigned char)text.p[i]) * 16777619u;
	v->num = c->num > 0 ? h % (uint32_t)c->num : h;
	return true;
}

const struct conv_part conv_LOWER = { "lower", lower_run };
const struct conv_part conv_UPPER = { "upper", upper_run };
const struct conv_part conv_URLDEC = { "urldec", urldec_run };
const struct conv_part conv_NOSEMI = { "nosemi", nosemi_run };
const struct conv_part conv_FIELD = { "field", field_run };
const struct conv_part conv_SUB = { "sub", sub_run };
const struct conv_part conv_MASK = { "mask", mask_run };
const struct conv_part conv_MAP = { "map", map_run };
const struct conv_part conv_LIST = { "list", list_run };
const struct conv_part conv_JSON = { "json", json_run };
const struct conv_part conv_BASE64 = { "base64", base64_run };
const struct conv_part conv_HASH = { "hash", hash_run };
