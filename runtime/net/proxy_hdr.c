/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy_hdr.h"

#include <stdio.h>

static const char signature[12] = {
	'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'
};
static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* A port as version 1 writes it: decimal, no leading zero. */
static bool text_port(struct str s, uint16_t *out)
{
	uint64_t v;

	if (!str_u64(s, 65535, &v) || (s.n > 1 && s.p[0] == '0'))
		return false;
	*out = (uint16_t)v;
	return true;
}

static bool text_addr(struct str s, bool v4, struct addr *out)
{
	bool got;

	out->kind = AK_INET;
	if ((str_chr(s, ':') < 0) != v4 || !addr_parse_ip(s, out->ip, &got))
		return false;
	out->v4 = got;
	return true;
}

/* "TCP4 SRC DST SPORT DPORT" or "UNKNOWN…", between "PROXY " and CRLF. */
static bool parse_line(struct str s, struct proxy_hdr *out)
{
	struct str family = str_cut(&s, ' '), src, dst, sport;
	bool v4 = str_eq(family, S("TCP4"));

	if (str_eq(family, S("UNKNOWN")))
		return true;
	if (!v4 && !str_eq(family, S("TCP6")))
		return false;
	src = str_cut(&s, ' ');
	dst = str_cut(&s, ' ');
	sport = str_cut(&s, ' ');
	out->known = true;
	return text_addr(src, v4, &out->src) && text_addr(dst, v4, &out->dst) &&
	       text_port(sport, &out->src.port) && s.p && text_port(s, &out->dst.port);
}

static enum proxy_parse parse_v1(struct str in, struct proxy_hdr *out, size_t *used)
{
	struct str seen = str_first(in, PROXY_V1_MAX);
	ptrdiff_t end = str_find(seen, S("\r\n"));

	if (end < 0)
		return in.n >= PROXY_V1_MAX ? PROXY_BAD : PROXY_MORE;
	*used = (size_t)end + 2;
	return parse_line(str_skip(str_first(in, (size_t)end), 6), out) ? PROXY_OK : PROXY_BAD;
}

static uint16_t get16(const char *p)
{
	return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

static void put16(char *p, uint16_t v)
{
	p[0] = (char)(v >> 8);
	p[1] = (char)v;
}

static void get_ip(struct addr *a, const char *p, bool v4, uint16_t port)
{
	a->kind = AK_INET;
	if (v4) {
		memcpy(a->ip, mapped, sizeof(mapped));
		memcpy(a->ip + 12, p, 4);
	} else {
		memcpy(a->ip, p, 16);
	}
	a->v4 = memcmp(a->ip, mapped, sizeof(mapped)) == 0;
	a->port = port;
}

static enum proxy_parse parse_v2(struct str in, struct proxy_hdr *out, size_t *used)
{
	unsigned version, command, family;
	size_t len, need;
	bool v4;

	if (in.n < 16)
		return PROXY_MORE;
	version = (uint8_t)in.p[12] >> 4;
	command = in.p[12] & 0xf;
	family = (uint8_t)in.p[13];
	len = get16(in.p + 14);
	v4 = family >> 4 == 1;
	need = v4 ? 12 : family >> 4 == 2 ? 36 : family >> 4 == 3 ? 216 : 0;
	if (version != 2 || command > 1 || family >> 4 > 3 || (family & 0xf) > 2 ||
	    16 + len > PROXY_V2_MAX)
		return PROXY_BAD;
	if (command == 1 && len < need)
		return PROXY_BAD;
	if (in.n < 16 + len)
		return PROXY_MORE;
	*used = 16 + len;
	if (command == 0 || need == 0 || need == 216 || (family & 0xf) != 1)
		return PROXY_OK;
	need = v4 ? 4 : 16;
	get_ip(&out->src, in.p + 16, v4, get16(in.p + 16 + 2 * need));
	get_ip(&out->dst, in.p + 16 + need, v4, get16(in.p + 18 + 2 * need));
	out->known = true;
	return PROXY_OK;
}

enum proxy_parse proxy_hdr_parse(struct str in, struct proxy_hdr *out, size_t *used)
{
	struct str v1 = S("PROXY "), v2 = str_of(signature, sizeof(signature));

	memset(out, 0, sizeof(*out));
	*used = 0;
	if (str_starts(in, v1))
		return parse_v1(in, out, used);
	if (str_starts(in, v2))
		return parse_v2(in, out, used);
	/* As soon as a byte differs from both, this is no header: nothing is waited for. */
	return str_starts(v1, in) || str_starts(v2, in) ? PROXY_MORE : PROXY_BAD;
}

static bool both_inet(const struct addr *src, const struct addr *dst)
{
	return src && dst && src->kind == AK_INET && dst->kind == AK_INET;
}

static size_t put_text(char *out, struct str s)
{
	memcpy(out, s.p, s.n);
	return s.n;
}

/* In a TCP6 line an IPv4 address is written ::ffff:a.b.c.d. */
static size_t put_ip(char *out, const struct addr *a, bool v4)
{
	size_t n = a->v4 && !v4 ? put_text(out, S("::ffff:")) : 0;

	n += addr_format_ip(a, out + n);
	out[n] = ' ';
	return n + 1;
}

size_t proxy_hdr_v1(const struct addr *src, const struct addr *dst, char *out)
{
	bool v4;
	size_t n;

	if (!both_inet(src, dst))
		return put_text(out, S("PROXY UNKNOWN\r\n"));
	v4 = src->v4 && dst->v4;
	n = put_text(out, v4 ? S("PROXY TCP4 ") : S("PROXY TCP6 "));
	n += put_ip(out + n, src, v4);
	n += put_ip(out + n, dst, v4);
	return n + (size_t)snprintf(out + n, 16, "%u %u\r\n", src->port, dst->port);
}

size_t proxy_hdr_v2(const struct addr *src, const struct addr *dst, char *out)
{
	bool v4;
	size_t ip;

	memcpy(out, signature, sizeof(signature));
	if (!both_inet(src, dst)) {
		memcpy(out + 12, "\x20\0\0\0", 4);
		return 16;
	}
	v4 = src->v4 && dst->v4;
	ip = v4 ? 4 : 16;
	out[12] = 0x21;
	out[13] = v4 ? 0x11 : 0x21;
	put16(out + 14, (uint16_t)(2 * ip + 4));
	memcpy(out + 16, src->ip + 16 - ip, ip);
	memcpy(out + 16 + ip, dst->ip + 16 - ip, ip);
	put16(out + 16 + 2 * ip, src->port);
	put16(out + 18 + 2 * ip, dst->port);
	return 20 + 2 * ip;
}
