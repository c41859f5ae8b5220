/* SPDX-License-Identifier: Apache-2.0 */
#include "interp_machine.h"

#include "../runtime/base/uri.h"

static struct str lower(struct machine *m, struct str s)
{
	char *p = arena_get(m->a, s.n + 1);

	str_lower(p, s);
	return str_of(p, s.n);
}

static struct str upper(struct machine *m, struct str s)
{
	char *p = arena_get(m->a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] & ~0x20) : s.p[i];
	return str_of(p, s.n);
}

static struct str decoded(struct machine *m, struct str s)
{
	char *p = arena_get(m->a, s.n + 1);
	ptrdiff_t n = uri_decode(s, p);

	return n < 0 ? (struct str) { 0 } : str_of(p, (size_t)n);
}

/* Each segment without what follows its first ";". */
static struct str without_parameters(struct machine *m, struct str s)
{
	char *p = arena_get(m->a, s.n + 1);
	bool skip = false;
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ';')
			skip = true;
		else if (s.p[i] == '/')
			skip = false;
		if (!skip)
			p[n++] = s.p[i];
	}
	return str_of(p, n);
}

static struct str field_of(struct str s, int64_t n, char delim)
{
	int64_t have = 1, want;

	for (size_t i = 0; i < s.n; i++)
		have += s.p[i] == delim;
	want = n < 0 ? have + n + 1 : n;
	if (want < 1 || want > have)
		return (struct str) { 0 };
	for (; want > 1; want--)
		str_cut(&s, delim);
	return str_cut(&s, delim);
}

static struct str json_escaped(struct machine *m, struct str s)
{
	static const char hex[] = "0123456789abcdef";
	char *p = arena_get(m->a, s.n * 6 + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c != '"' && c != '\\') {
			p[n++] = (char)c;
			continue;
		}
		p[n++] = '\\';
		if (c >= 0x20) {
			p[n++] = (char)c;
			continue;
		}
		memcpy(p + n, "u00", 3);
		p[n + 3] = hex[c >> 4];
		p[n + 4] = hex[c & 15];
		n += 5;
	}
	return str_of(p, n);
}

static struct str base64(struct machine *m, struct str s)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *p = arena_get(m->a, (s.n + 2) / 3 * 4 + 1), *q = p;

	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t w = 0;

		for (size_t k = 0; k < 3; k++)
			w = w << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0);
		*q++ = set[w >> 18];
		*q++ = set[w >> 12 & 63];
		*q++ = i + 1 < s.n ? set[w >> 6 & 63] : '=';
		*q++ = i + 2 < s.n ? set[w & 63] : '=';
	}
	return str_of(p, (size_t)(q - p));
}

/* FNV-1a, 32 bits. */
static uint32_t hash32(struct str s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h;
}

static void mask(struct value *v, int64_t bits4, int64_t bits6)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool v4 = memcmp(v->addr, mapped, 12) == 0;
	int64_t bits = v4 ? bits4 + 96 : bits6;

	for (int64_t i = bits; i < 128; i++)
		v->addr[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
}

static bool key_matches(struct machine *m, const struct p_map *map, const struct p_value *key,
			const struct value *x)
{
	struct p_subject subject = { .type = x->type };
	struct p_test test = { .subject = &subject, .op = map->op };

	return value_matches(m, &test, key, x);
}

/* "the longest wins" for == addresses, =^ =* =. ; the first for =~; == has one (language.md 3). */
struct str map_value(struct machine *m, const struct p_map *map, const struct value *key)
{
	struct str found = { 0 };
	size_t best = 0;

	for (uint32_t i = 0; i < map->n; i++) {
		size_t size = 1 + (map->keys[i].kind == VALUE_NET ? map->keys[i].net.bits
								  : map->keys[i].text.n);

		if ((found.p && (map->op == OP_RE || size <= best)) ||
		    !key_matches(m, map, &map->keys[i], key))
			continue;
		found = map->vals[i].p ? map->vals[i] : str_of("", 0);
		best = size;
	}
	return found;
}

static struct str mapped(struct machine *m, const struct p_conv *c, const struct value *v)
{
	struct str to = map_value(m, c->map, v);

	return !to.p && c->text ? text_value(m, c->text) : to;
}

static void one(struct machine *m, const struct p_conv *c, struct value *v)
{
	struct str s = c->id == CONV_MASK || c->id == CONV_MAP ? v->s : value_text(m, v), out;

	switch (c->id) {
	case CONV_LOWER:
		v->s = lower(m, s);
		break;
	case CONV_UPPER:
		v->s = upper(m, s);
		break;
	case CONV_URLDEC:
		v->s = decoded(m, s);
		break;
	case CONV_NOSEMI:
		v->s = without_parameters(m, s);
		break;
	case CONV_FIELD:
		v->s = field_of(s, c->num, c->delim);
		break;
	case CONV_SUB:
		v->s = regex_replaced(m, c->regex, s, c->text, &out) ? out : s;
		break;
	case CONV_MAP:
		v->s = mapped(m, c, v);
		break;
	case CONV_JSON:
		v->s = json_escaped(m, s);
		break;
	case CONV_BASE64:
		v->s = base64(m, s);
		break;
	case CONV_MASK:
		mask(v, c->num, c->num2);
		return;
	case CONV_HASH:
		v->n = c->num > 0 ? hash32(s) % c->num : hash32(s);
		v->type = TYPE_INT;
		return;
	case CONV_LIST:
	case CONVERTERS:
		return;
	}
	v->type = TYPE_STR;
}

/* Elements of a comma list without empty ones; a comma in a quoted string divides nothing (RFC
 * 9110 5.6.1, 5.6.4). */
static void elements(struct machine *m, struct str s, struct values *out)
{
	size_t from = 0;
	bool quoted = false;

	for (size_t i = 0; i <= s.n; i++) {
		struct str e;

		if (i < s.n && quoted && s.p[i] == '\\' && i + 1 < s.n) {
			i++;
			continue;
		}
		if (i < s.n && s.p[i] == '"')
			quoted = !quoted;
		if (i < s.n && (quoted || s.p[i] != ','))
			continue;
		e = str_trim(str_of(s.p + from, i - from));
		from = i + 1;
		if (e.n == 0)
			continue;
		GROWN(m->a, out->at, out->n, &out->room);
		out->at[out->n++] = (struct value) { .type = TYPE_STR, .s = e };
	}
}

void convert(struct machine *m, const struct p_conv *c, struct values *v)
{
	struct values out = { 0 };

	for (uint32_t i = 0; i < v->n; i++) {
		struct value x = v->at[i];

		if (c->id == CONV_LIST) {
			elements(m, x.s, &out);
			continue;
		}
		one(m, c, &x);
		if (x.type == TYPE_STR && !x.s.p)
			continue; /* this value is absent */
		GROWN(m->a, out.at, out.n, &out.room);
		out.at[out.n++] = x;
	}
	*v = out;
}
