/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include <arpa/inet.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define NUMBER_MAX ((uint64_t)INT64_MAX)

/* Splits <s> into its leading digits, as number, and the rest. */
static const char *number(struct str s, uint64_t *n, struct str *rest)
{
	size_t k = 0;

	while (k < s.n && s.p[k] >= '0' && s.p[k] <= '9')
		k++;
	*rest = str_skip(s, k);
	if (!k)
		return "a number is expected";
	if (!str_u64(str_first(s, k), NUMBER_MAX, n))
		return "the number is too large";
	return NULL;
}

const char *value_duration(struct str s, int64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t us;
	} units[] = {
		{ "us", 1 },       { "ms", 1000 },       { "s", 1000000 },
		{ "m", 60000000 }, { "h", 3600000000u }, { "d", 86400000000u },
	};
	uint64_t n;
	struct str rest;
	const char *why = number(s, &n, &rest);

	if (why)
		return "a duration is expected, as 5s";
	if (!rest.n)
		return "a duration needs a unit: us, ms, s, m, h or d";
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!str_eq(rest, str_from(units[i].unit)))
			continue;
		if (n > (uint64_t)VALUE_DURATION_MAX * 1000 / units[i].us)
			return "the duration is too long";
		*ms = (int64_t)((n * units[i].us + 999) / 1000);
		return NULL;
	}
	return "the units of a duration are us, ms, s, m, h and d";
}

static const char *scaled(struct str s, uint64_t base, int64_t *out)
{
	static const char letters[] = "kmg";
	uint64_t n, factor = 1;
	struct str rest;
	const char *why = number(s, &n, &rest);

	if (why)
		return why;
	if (rest.n > 1)
		return "after the number only k, m or g may stand";
	if (rest.n) {
		const char *at = strchr(letters, ascii_lower(rest.p[0]));

		if (!at || !*at)
			return "after the number only k, m or g may stand";
		for (ptrdiff_t i = 0; i <= at - letters; i++)
			factor *= base;
	}
	if (n > NUMBER_MAX / factor)
		return "the number is too large";
	*out = (int64_t)(n * factor);
	return NULL;
}

const char *value_size(struct str s, int64_t *bytes)
{
	return scaled(s, 1024, bytes);
}

const char *value_count(struct str s, int64_t *n)
{
	return scaled(s, 1000, n);
}

const char *value_int(struct str s, int64_t *n)
{
	bool minus = s.n && s.p[0] == '-';
	const char *why = value_count(str_skip(s, minus), n);

	if (!why && minus)
		*n = -*n;
	return why;
}

const char *value_range(struct str s, int64_t *lo, int64_t *hi)
{
	struct str rest = s, first = str_cut(&rest, ':');
	const char *why = value_int(first, lo);

	if (why)
		return why;
	if (!rest.p) {
		*hi = *lo;
		return NULL;
	}
	why = value_int(rest, hi);
	if (!why && *hi < *lo)
		return "the range's end is below its start";
	return why;
}

static bool parse_ip(struct str s, uint8_t addr[16], bool *v4)
{
	char z[INET6_ADDRSTRLEN];

	if (!s.n || s.n >= sizeof(z))
		return false;
	memcpy(z, s.p, s.n);
	z[s.n] = 0;
	if (inet_pton(AF_INET, z, addr + 12) == 1) {
		memset(addr, 0, 10);
		addr[10] = addr[11] = 0xff;
		*v4 = true;
		return true;
	}
	*v4 = false;
	return inet_pton(AF_INET6, z, addr) == 1;
}

const char *value_net(struct str s, struct p_net *net, bool *host_bits)
{
	struct str bits = s, host = str_cut(&bits, '/');
	uint64_t n;
	bool v4;

	*host_bits = false;
	if (!parse_ip(host, net->addr, &v4))
		return "an address or network is expected, as 10.0.0.0/8 or 2001:db8::/32";
	net->bits = 128;
	if (!bits.p)
		return NULL;
	if (!str_u64(bits, v4 ? 32 : 128, &n))
		return v4 ? "an IPv4 prefix has 0 to 32 bits" : "an IPv6 prefix has 0 to 128 bits";
	net->bits = (uint8_t)(n + (v4 ? 96 : 0));
	for (unsigned i = net->bits; i < 128; i++) {
		uint8_t bit = (uint8_t)(0x80 >> (i & 7));

		if (net->addr[i / 8] & bit)
			*host_bits = true;
		net->addr[i / 8] = (uint8_t)(net->addr[i / 8] & ~bit);
	}
	return NULL;
}

const char *value_ip(struct str s, struct p_net *ip)
{
	bool v4;

	ip->bits = 128;
	return parse_ip(s, ip->addr, &v4) ? NULL : "an address is expected";
}

/* Port after the colon: N, +N or N-M. */
static const char *parse_port(struct str s, struct p_addr *addr)
{
	struct str hi = s, lo;
	uint64_t n;

	if (s.n && s.p[0] == '+') {
		addr->port_offset = true;
		hi = s = str_skip(s, 1);
	}
	lo = str_cut(&hi, '-');
	if (!str_u64(lo, 65535, &n) || (n == 0 && hi.p))
		return "a port is 0 to 65535";
	addr->port = addr->port_hi = (uint16_t)n;
	if (!hi.p)
		return NULL;
	if (addr->port_offset || !str_u64(hi, 65535, &n) || n < addr->port)
		return "a range of ports is written LOW-HIGH";
	addr->port_hi = (uint16_t)n;
	return NULL;
}

/* A name has a letter somewhere: 10.0.0.300 is a mistyped address. */
static bool is_host_name(struct str s)
{
	bool letter = false;

	if (!s.n || s.n > 253 || s.p[0] == '.' || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
		      c == '_'))
			return false;
		letter = letter || (c >= 'a' && c <= 'z');
	}
	return letter;
}

static const char *parse_host(struct str host, struct p_addr *addr)
{
	bool v4;

	addr->kind = ADDR_INET;
	addr->host = host;
	if (!host.n || str_eq(host, S("*"))) {
		addr->any_host = true;
		return NULL;
	}
	if (parse_ip(host, addr->ip.addr, &v4)) {
		addr->ip.bits = 128;
		return NULL;
	}
	addr->host_name = true;
	return is_host_name(host) ? NULL : "this is no address and no host name";
}

/* Splits HOST:PORT, [V6]:PORT, or a host alone. */
static const char *parse_inet(struct str s, struct p_addr *addr)
{
	ptrdiff_t colon = str_chr(s, ':');
	struct str host = s, port = { 0 };
	const char *why;

	if (s.n && s.p[0] == '[') {
		ptrdiff_t end = str_chr(s, ']');

		if (end < 0)
			return "the ']' of the address is missing";
		host = str_of(s.p + 1, (size_t)end - 1);
		port = str_skip(s, (size_t)end + 1);
		if (port.n && port.p[0] != ':')
			return "after ']' only a port may stand";
		port = port.n ? str_skip(port, 1) : (struct str) { 0 };
	} else if (colon >= 0 && str_chr(str_skip(s, (size_t)colon + 1), ':') < 0) {
		host = str_first(s, (size_t)colon);
		port = str_skip(s, (size_t)colon + 1);
	}
	why = parse_host(host, addr);
	if (!why && port.p)
		why = parse_port(port, addr);
	return why;
}

const char *value_addr(struct str s, struct p_addr *addr)
{
	uint64_t n;

	*addr = (struct p_addr) { .fd = -1 };
	if (!s.n)
		return "an address is expected";
	if (str_starts(s, S("unix@")) || s.p[0] == '/') {
		addr->kind = ADDR_UNIX;
		addr->path = s.p[0] == '/' ? s : str_skip(s, 5);
		/* sun_path has room for 108 bytes with the final NUL */
		return addr->path.n && addr->path.n < 108
			       ? NULL
			       : "a unix socket's path has 1 to 107 bytes";
	}
	if (str_starts(s, S("abns@"))) {
		addr->kind = ADDR_ABNS;
		addr->path = str_skip(s, 5);
		return addr->path.n && addr->path.n < 108
			       ? NULL
			       : "an abstract socket's name has 1 to 107 bytes";
	}
	if (str_starts(s, S("fd@"))) {
		addr->kind = ADDR_FD;
		if (!str_u64(str_skip(s, 3), 65535, &n))
			return "after fd@ the number of a descriptor is expected";
		addr->fd = (int)n;
		return NULL;
	}
	return parse_inet(s, addr);
}

bool value_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      (c && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return s.n > 0;
}

bool value_is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("_.:-", c))))
			return false;
	}
	return s.n > 0;
}

bool value_is_clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == 0)
			return false;
	return true;
}

static bool is_thread_part(struct str s)
{
	struct str hi = s, lo = str_cut(&hi, '-');
	uint64_t a, b;

	if (str_eq(s, S("all")))
		return true;
	if (!str_u64(lo, 4096, &a) || a == 0)
		return false;
	return !hi.p || (str_u64(hi, 4096, &b) && b >= a);
}

bool value_is_thread(struct str s)
{
	struct str threads = s, group = str_cut(&threads, '/');

	return is_thread_part(group) && (!threads.p || is_thread_part(threads));
}

struct str value_plain(struct arena *a, struct str s)
{
	size_t n = 0;
	char *p;

	if (str_find(s, S("\\\\")) < 0)
		return s;
	p = arena_get(a, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '\\')
			i++;
		p[n++] = s.p[i];
	}
	return str_of(p, n);
}

const char *value_regex(struct str text, bool icase, bool freespace, unsigned *groups,
			size_t *offset, char *why, size_t size)
{
	/* "." is any byte and "$" the very end (language.md 1) */
	uint32_t options = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
			   (icase ? PCRE2_CASELESS : 0) | (freespace ? PCRE2_EXTENDED : 0);
	uint32_t count = 0;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text.p, text.n, options, &error, offset, NULL);

	if (!code) {
		pcre2_get_error_message(error, (PCRE2_UCHAR *)why, size);
		return why;
	}
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &count);
	pcre2_code_free(code);
	*groups = count;
	return NULL;
}
