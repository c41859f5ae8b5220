/* SPDX-License-Identifier: Apache-2.0 */
#include "uri.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "h1_class.h"

static bool is_alpha(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_unreserved(char c)
{
	return h1_class(c) & H1_UNRESERVED;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Byte of the escape that starts <s>, or -1. */
static int escape_at(struct str s)
{
	int hi, lo;

	if (s.n < 3)
		return -1;
	hi = hex_digit(s.p[1]);
	lo = hex_digit(s.p[2]);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

bool uri_bytes(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(h1_class(s.p[i]) & H1_TARGET))
			return false;
	return true;
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )  RFC 3986 3.1 */
static bool is_scheme(struct str s)
{
	if (s.n == 0 || !is_alpha(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && !strchr("+-.", s.p[i]))
			return false;
	return true;
}

static void split_query(struct str rest, struct uri *out)
{
	out->path = str_cut(&rest, '?');
	out->query = rest;
}

/* No part is written: the host form needs no more room than this for any authority that is
 * valid. */
static bool authority_valid(struct str a, bool need_port)
{
	char room[URI_HOST_ROOM(255)];
	struct str host;
	unsigned port;

	if (a.n == 0 || a.n > 255 || !uri_host(a, room, &host, &port))
		return false;
	return host.n > 0 && (port > 0 || !need_port);
}

/* absolute-form, RFC 9112 3.2.2 */
static bool split_absolute(struct str target, struct uri *out)
{
	ptrdiff_t at = str_find(target, S("://"));
	struct str rest;
	size_t n = 0;

	if (at < 0)
		return false;
	out->form = URI_ABSOLUTE;
	out->scheme = str_first(target, (size_t)at);
	rest = str_skip(target, (size_t)at + 3);
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	out->authority = str_first(rest, n);
	split_query(str_skip(rest, n), out);
	return is_scheme(out->scheme) && authority_valid(out->authority, false);
}

bool uri_split(struct str meth, struct str target, struct uri *out)
{
	*out = (struct uri) { 0 };
	if (target.n == 0 || !uri_bytes(target))
		return false;
	if (str_eq(meth, S("CONNECT"))) { /* RFC 9112 3.2.3 */
		out->form = URI_AUTHORITY;
		out->authority = target;
		return authority_valid(target, true);
	}
	if (target.p[0] == '/') {
		out->form = URI_ORIGIN;
		split_query(target, out);
		return true;
	}
	if (str_eq(target, S("*"))) { /* RFC 9112 3.2.4 */
		out->form = URI_ASTERISK;
		out->path = target;
		return str_eq(meth, S("OPTIONS"));
	}
	return split_absolute(target, out);
}

/* Escapes only: decoded when unreserved, else upper case. */
static ptrdiff_t fold_escapes(struct str path, char *out)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t w = 0;

	for (size_t r = 0; r < path.n; r++) {
		int c;

		if (path.p[r] != '%') {
			out[w++] = path.p[r];
			continue;
		}
		c = escape_at(str_skip(path, r));
		if (c <= 0)
			return -1;
		r += 2;
		if (is_unreserved((char)c)) {
			out[w++] = (char)c;
		} else {
			out[w++] = '%';
			out[w++] = hex[c >> 4];
			out[w++] = hex[c & 15];
		}
	}
	return (ptrdiff_t)w;
}

/* Removes empty and dot segments of the <n> bytes at <p>, in place (RFC 3986 5.2.4, but ".."
 * above the root is an error). */
static ptrdiff_t fold_segments(char *p, size_t n)
{
	size_t r = 0, w = 0;

	while (r < n) { /* p[r] is "/", p[0..w) is done and does not end in "/" */
		size_t from = ++r, len;

		while (r < n && p[r] != '/')
			r++;
		len = r - from;
		if (len == 2 && p[from] == '.' && p[from + 1] == '.') {
			if (w == 0)
				return -1;
			while (p[--w] != '/')
				;
		} else if (len > 1 || (len == 1 && p[from] != '.')) {
			p[w++] = '/';
			memmove(p + w, p + from, len);
			w += len;
			continue;
		}
		if (r == n) /* a dot or empty segment at the end leaves its "/" */
			p[w++] = '/';
	}
	return (ptrdiff_t)w;
}

ptrdiff_t uri_normalise(struct str path, char *out)
{
	ptrdiff_t n;

	if (path.n == 0 || path.p[0] != '/')
		return -1;
	n = fold_escapes(path, out);
	return n < 0 ? -1 : fold_segments(out, (size_t)n);
}

ptrdiff_t uri_decode(struct str s, char *out)
{
	size_t w = 0;

	for (size_t r = 0; r < s.n; r++) {
		int c = (unsigned char)s.p[r];

		if (c == '%') {
			c = escape_at(str_skip(s, r));
			if (c < 0)
				return -1;
			r += 2;
		}
		out[w++] = (char)c;
	}
	return (ptrdiff_t)w;
}

/* port = *DIGIT, RFC 3986 3.2.3 */
static bool read_port(struct str s, unsigned *port)
{
	uint64_t v = 0;

	if (s.n && !str_u64(s, 65535, &v))
		return false;
	*port = (unsigned)v;
	return true;
}

/* "[" IPv6address "]" [ ":" port ] */
static bool host_v6(struct str a, char *out, struct str *host, unsigned *port)
{
	ptrdiff_t end = str_chr(a, ']');
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;
	struct str rest;

	if (end < 3 || end > INET6_ADDRSTRLEN - 1)
		return false;
	memcpy(text, a.p + 1, (size_t)end - 1);
	text[end - 1] = '\0';
	if (strlen(text) != (size_t)end - 1 || inet_pton(AF_INET6, text, &ip) != 1)
		return false;
	inet_ntop(AF_INET6, &ip, text, sizeof(text));
	*host = str_of(out, strlen(text) + 2);
	out[0] = '[';
	memcpy(out + 1, text, host->n - 2);
	out[host->n - 1] = ']';
	rest = str_skip(a, (size_t)end + 1);
	if (rest.n && rest.p[0] != ':')
		return false;
	return read_port(str_skip(rest, 1), port);
}

bool uri_host(struct str authority, char *out, struct str *host, unsigned *port)
{
	struct str name = str_cut(&authority, ':');

	*port = 0;
	*host = str_of(out, 0);
	if (name.n && name.p[0] == '[')
		return host_v6(str_of(name.p, name.n + (authority.p ? authority.n + 1 : 0)), out,
			       host, port);
	if (authority.p && (name.n == 0 || !read_port(authority, port)))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!(h1_class(name.p[i]) & H1_REG_NAME))
			return false; /* reg-name without escapes, RFC 3986 3.2.2 */
	if (name.n && name.p[name.n - 1] == '.') {
		name.n--;
		if (name.n == 0 || name.p[name.n - 1] == '.')
			return false;
	}
	str_lower(out, name);
	host->n = name.n;
	return true;
}

bool uri_prefix(struct str path, struct str old, bool icase, struct str *rest)
{
	bool slash = old.n && old.p[old.n - 1] == '/';

	if (icase ? !str_istarts(path, old) : !str_starts(path, old))
		return false;
	*rest = str_skip(path, old.n - slash);
	return rest->n == 0 || rest->p[0] == '/';
}
