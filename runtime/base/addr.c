/* SPDX-License-Identifier: Apache-2.0 */
#include "addr.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool is_mapped(const uint8_t ip[16])
{
	return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four decimal numbers of at most three digits; a leading zero is refused, some readers take it
 * for octal. */
static bool parse_v4(struct str s, uint8_t out[4])
{
	size_t i = 0;

	for (int part = 0; part < 4; part++) {
		unsigned v = 0;
		size_t from = i;

		while (i < s.n && i - from < 3 && s.p[i] >= '0' && s.p[i] <= '9')
			v = v * 10 + (unsigned)(s.p[i++] - '0');
		if (i == from || v > 255 || (i - from > 1 && s.p[from] == '0'))
			return false;
		out[part] = (uint8_t)v;
		if (part < 3 && (i == s.n || s.p[i++] != '.'))
			return false;
	}
	return i == s.n;
}

/* One group of up to four hexadecimal digits; returns its length, 0 when there is none. */
static size_t parse_group(struct str s, uint8_t out[2])
{
	unsigned v = 0;
	size_t i = 0;

	while (i < s.n && i < 4 && hex_digit(s.p[i]) >= 0)
		v = v << 4 | (unsigned)hex_digit(s.p[i++]);
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	return i;
}

/* Groups of <s> into <out> until its end or "::". Returns bytes written, or -1; <s> becomes what
 * is left. */
static int parse_groups(struct str *s, uint8_t *out, int room)
{
	int n = 0;

	while (s->n && !str_starts(*s, S("::"))) {
		size_t k;

		if (n) {
			if (s->p[0] != ':')
				return -1;
			*s = str_skip(*s, 1);
		}
		if (room - n >= 4 && parse_v4(*s, out + n)) {
			*s = str_skip(*s, s->n);
			return n + 4;
		}
		if (room - n < 2 || !(k = parse_group(*s, out + n)))
			return -1;
		*s = str_skip(*s, k);
		n += 2;
	}
	return n;
}

/* RFC 4291 2.2; "::" stands for at least one group. */
static bool parse_v6(struct str s, uint8_t out[16])
{
	uint8_t tail[16];
	int head, more;

	memset(out, 0, 16);
	head = parse_groups(&s, out, 16);
	if (head < 0)
		return false;
	if (!s.n)
		return head == 16;
	s = str_skip(s, 2);
	if (head > 14)
		return false;
	more = parse_groups(&s, tail, 14 - head);
	if (more < 0 || s.n)
		return false;
	memcpy(out + 16 - more, tail, (size_t)more);
	return true;
}

bool addr_parse_ip(struct str text, uint8_t ip[16], bool *v4)
{
	memcpy(ip, mapped, sizeof(mapped));
	if (!parse_v4(text, ip + 12) && !parse_v6(text, ip))
		return false;
	if (v4)
		*v4 = is_mapped(ip);
	return true;
}

/* Bits of a contiguous dotted mask, or -1. */
static int mask_bits(struct str text)
{
	uint8_t m[4];
	uint32_t v;
	int bits = 0;

	if (!parse_v4(text, m))
		return -1;
	v = (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 | (uint32_t)m[2] << 8 | m[3];
	while (v & 0x80000000U) {
		v <<= 1;
		bits++;
	}
	return v ? -1 : bits;
}

static void clear_host_bits(uint8_t ip[16], unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned have = bits > i * 8 ? bits - i * 8 : 0;

		if (have < 8)
			ip[i] = (uint8_t)(ip[i] & (0xff00U >> have));
	}
}

const char *addr_parse_net(struct str text, struct addr_net *out)
{
	struct str ip = str_cut(&text, '/');
	bool dotted = str_chr(ip, ':') < 0;
	uint64_t bits;
	int mask;

	memset(out, 0, sizeof(*out));
	if (!addr_parse_ip(ip, out->ip, NULL))
		return "this is no IPv4 or IPv6 address";
	out->bits = 128;
	if (!text.p)
		return NULL;
	if (dotted && (mask = mask_bits(text)) >= 0)
		bits = (uint64_t)mask;
	else if (!str_u64(text, dotted ? 32 : 128, &bits))
		return dotted ? "the prefix length of an IPv4 network is 0 to 32"
			      : "the prefix length of an IPv6 network is 0 to 128";
	out->bits = (uint8_t)(dotted ? bits + 96 : bits);
	clear_host_bits(out->ip, out->bits);
	return NULL;
}

bool addr_in_net(const uint8_t ip[16], const struct addr_net *net)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (memcmp(ip, net->ip, whole) != 0)
		return false;
	return !rest || ((ip[whole] ^ net->ip[whole]) & (0xff00U >> rest) & 0xff) == 0;
}

bool addr_is_v4(const struct addr *a)
{
	return a->kind == AK_INET && is_mapped(a->ip);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind != AK_INET || (a->port == b->port && memcmp(a->ip, b->ip, 16) == 0);
}

/* A host name of RFC 1123, underscores allowed; a last label of digits only is a mistyped IPv4
 * address. */
static const char *check_name(struct str s)
{
	size_t label = 0;
	bool digits = true;

	if (s.n > 253)
		return "a host name has at most 253 bytes";
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (c == '.') {
			if (!label || s.p[i - 1] == '-')
				return "this is no address and no host name";
			label = 0;
			digits = true;
			continue;
		}
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
		      (c == '-' && label)))
			return "this is no address and no host name";
		digits = digits && c >= '0' && c <= '9';
		if (++label > 63)
			return "a part of a host name has at most 63 bytes";
	}
	if (!label || s.p[s.n - 1] == '-')
		return "this is no address and no host name";
	return digits ? "this is no IPv4 address: four numbers of 0 to 255, without leading zeros"
		      : NULL;
}

static const char *parse_port(struct str s, struct addr_conf *out)
{
	struct str lo = s, hi;
	uint64_t v, w;

	out->has_port = true;
	if (s.n && s.p[0] == '+') {
		if (!str_u64(str_skip(s, 1), 65535, &v) || !v)
			return "a port offset is +1 to +65535";
		out->port_offset = true;
		out->addr.port = out->port_hi = (uint16_t)v;
		return NULL;
	}
	hi = lo;
	lo = str_cut(&hi, '-');
	if (!str_u64(lo, 65535, &v))
		return "a port is a number of 0 to 65535";
	out->addr.port = out->port_hi = (uint16_t)v;
	if (!hi.p)
		return NULL;
	if (!v || !str_u64(hi, 65535, &w) || w < v)
		return "a port range is LOW-HIGH, both of 1 to 65535, the lower one first";
	out->port_hi = (uint16_t)w;
	return NULL;
}

static const char *parse_path(struct str path, enum addr_kind kind, struct addr_conf *out)
{
	out->addr.kind = (uint8_t)kind;
	out->path = path;
	if (!path.n)
		return "the name of a unix socket is empty";
	if (path.n > sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
		return "the name of a unix socket has at most 107 bytes";
	return memchr(path.p, 0, path.n) ? "the name of a unix socket contains a NUL byte" : NULL;
}

static const char *parse_fd(struct str s, struct addr_conf *out)
{
	uint64_t v;

	out->addr.kind = AK_FD;
	if (!str_u64(s, 1 << 20, &v))
		return "fd@ is followed by the number of a descriptor";
	out->fd = (int)v;
	return NULL;
}

static const char *parse_bracketed(struct str text, struct addr_conf *out)
{
	ptrdiff_t end = str_chr(text, ']');
	struct str rest;
	bool v4;

	if (end < 0)
		return "the bracket of an IPv6 address is not closed";
	rest = str_skip(text, (size_t)end + 1);
	text = str_skip(str_first(text, (size_t)end), 1);
	if (str_chr(text, ':') < 0 || !addr_parse_ip(text, out->addr.ip, &v4))
		return "what stands in brackets is no IPv6 address";
	out->addr.v4 = v4;
	if (!rest.n)
		return NULL;
	if (rest.p[0] != ':')
		return "after the bracket of an IPv6 address comes :PORT or nothing";
	return parse_port(str_skip(rest, 1), out);
}

static const char *parse_host(struct str text, struct addr_conf *out)
{
	struct str host;
	bool v4;

	if (addr_parse_ip(text, out->addr.ip, &v4)) {
		out->addr.v4 = v4;
		return NULL;
	}
	memset(out->addr.ip, 0, 16);
	host = str_cut(&text, ':');
	if (text.p && str_chr(text, ':') >= 0)
		return "this is no address; an IPv6 address with a port is written [ADDRESS]:PORT";
	if (!host.n && !text.p)
		return "the address is empty";
	if (!host.n || str_eq(host, S("*"))) {
		out->any_host = true;
	} else if (addr_parse_ip(host, out->addr.ip, &v4)) {
		out->addr.v4 = 1;
	} else {
		const char *bad = check_name(host);

		if (bad)
			return bad;
		memset(out->addr.ip, 0, 16);
		out->addr.kind = AK_NAME;
		out->path = host;
	}
	return text.p ? parse_port(text, out) : NULL;
}

const char *addr_parse(struct str text, struct addr_conf *out)
{
	memset(out, 0, sizeof(*out));
	out->fd = -1;
	out->path = S("");
	if (str_starts(text, S("unix@")))
		return parse_path(str_skip(text, 5), AK_UNIX, out);
	if (str_starts(text, S("/")))
		return parse_path(text, AK_UNIX, out);
	if (str_starts(text, S("abns@")))
		return parse_path(str_skip(text, 5), AK_ABNS, out);
	if (str_starts(text, S("fd@")))
		return parse_fd(str_skip(text, 3), out);
	out->addr.kind = AK_INET;
	return str_starts(text, S("[")) ? parse_bracketed(text, out) : parse_host(text, out);
}

static size_t put_text(char *out, struct str s)
{
	memcpy(out, s.p, s.n + 1);
	return s.n;
}

static unsigned group_at(const uint8_t ip[16], int i)
{
	return (unsigned)ip[i * 2] << 8 | ip[i * 2 + 1];
}

/* RFC 5952: the longest run of at least two zero groups, the first of equals, becomes "::". */
static size_t format_v6(const uint8_t ip[16], char *out)
{
	int best = -1, best_n = 1;
	size_t n = 0;

	for (int i = 0; i < 8; i++) {
		int k = i;

		while (k < 8 && group_at(ip, k) == 0)
			k++;
		if (k - i > best_n) {
			best = i;
			best_n = k - i;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			n += put_text(out + n, S("::"));
			i += best_n - 1;
			continue;
		}
		n += (size_t)snprintf(out + n, 8, i && out[n - 1] != ':' ? ":%x" : "%x",
				      group_at(ip, i));
	}
	return n;
}

size_t addr_format_ip(const struct addr *a, char *out)
{
	if (a->kind == AK_NONE)
		return put_text(out, S("-"));
	if (a->kind != AK_INET)
		return put_text(out, S("unix"));
	if (is_mapped(a->ip))
		return (size_t)snprintf(out, ADDR_TEXT, "%u.%u.%u.%u", a->ip[12], a->ip[13],
					a->ip[14], a->ip[15]);
	return format_v6(a->ip, out);
}

size_t addr_format(const struct addr *a, char *out)
{
	bool v6 = a->kind == AK_INET && !is_mapped(a->ip);
	size_t n = 0;

	if (v6)
		out[n++] = '[';
	n += addr_format_ip(a, out + n);
	if (v6)
		out[n++] = ']';
	if (a->kind == AK_INET)
		n += (size_t)snprintf(out + n, 8, ":%u", a->port);
	return n;
}

void addr_set_path(struct addr *a, const char *path)
{
	memset(a->ip, 0, sizeof(a->ip));
	memcpy(a->ip, &path, sizeof(path));
}

/* A unix or abstract name given by addr_set_path. */
static socklen_t path_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	struct addr_conf c = { .addr = *a };
	const char *path;

	memcpy(&path, a->ip, sizeof(path));
	if (!path)
		return 0;
	c.path = str_from(path);
	return addr_conf_to_sockaddr(&c, out);
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;

	memset(out, 0, sizeof(*out));
	if (a->kind == AK_UNIX || a->kind == AK_ABNS)
		return path_to_sockaddr(a, out);
	if (a->kind != AK_INET)
		return 0;
	if (is_mapped(a->ip)) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(a->port);
		memcpy(&in4->sin_addr, a->ip + 12, 4);
		return sizeof(*in4);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof(*in6);
}

socklen_t addr_conf_to_sockaddr(const struct addr_conf *a, struct sockaddr_storage *out)
{
	struct sockaddr_un *un = (struct sockaddr_un *)(void *)out;
	bool abstract = a->addr.kind == AK_ABNS;

	if (a->addr.kind == AK_INET)
		return addr_to_sockaddr(&a->addr, out);
	memset(out, 0, sizeof(*out));
	if ((a->addr.kind != AK_UNIX && !abstract) || a->path.n >= sizeof(un->sun_path))
		return 0;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path + abstract, a->path.p, a->path.n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + a->path.n + 1);
}

void addr_from_sockaddr(struct addr *a, const struct sockaddr_storage *from)
{
	memset(a, 0, sizeof(*a));
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)from;

		memcpy(a->ip, mapped, sizeof(mapped));
		memcpy(a->ip + 12, &in4->sin_addr, 4);
		a->port = ntohs(in4->sin_port);
	} else if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)from;

		memcpy(a->ip, &in6->sin6_addr, 16);
		a->port = ntohs(in6->sin6_port);
	} else {
		a->kind = from->ss_family == AF_UNIX ? AK_UNIX : AK_NONE;
		return;
	}
	a->kind = AK_INET;
	a->v4 = is_mapped(a->ip);
}
