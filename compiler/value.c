/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "../runtime/base/addr.h"

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

const char *value_net(struct str s, struct p_net *net, bool *host_bits)
{
	struct str bits = s, host = str_cut(&bits, '/');
	struct addr_net parsed;
	uint8_t ip[16];
	const char *why = addr_parse_net(s, &parsed);

	*host_bits = false;
	if (why)
		return why;
	memcpy(net->addr, parsed.ip, 16);
	net->bits = parsed.bits;
	if (addr_parse_ip(host, ip, NULL))
		*host_bits = memcmp(ip, parsed.ip, 16) != 0;
	return NULL;
}

const char *value_ip(struct str s, struct p_net *ip)
{
	ip->bits = 128;
	return addr_parse_ip(s, ip->addr, NULL) ? NULL : "an address is expected";
}

/* The host as it is written. */
static struct str host_of(struct str s, const struct addr_conf *c)
{
	size_t n = s.n;

	if (s.n && s.p[0] == '[')
		return str_of(s.p + 1, (size_t)str_chr(s, ']') - 1);
	while (c->has_port && n && s.p[n - 1] != ':')
		n--;
	return c->has_port ? str_first(s, n - 1) : s;
}

const char *value_addr(struct str s, struct p_addr *addr)
{
	static const enum p_addr_kind kinds[] = {
		[AK_NONE] = ADDR_NONE, [AK_INET] = ADDR_INET, [AK_UNIX] = ADDR_UNIX,
		[AK_ABNS] = ADDR_ABNS, [AK_FD] = ADDR_FD,     [AK_NAME] = ADDR_INET,
	};
	struct addr_conf c;
	const char *why = addr_parse(s, &c);

	*addr = (struct p_addr) { .fd = -1 };
	if (why)
		return why;
	addr->kind = kinds[c.addr.kind];
	addr->fd = c.fd;
	if (addr->kind == ADDR_UNIX || addr->kind == ADDR_ABNS)
		addr->path = c.path;
	if (addr->kind != ADDR_INET)
		return NULL;
	addr->host = host_of(s, &c);
	addr->host_name = c.addr.kind == AK_NAME;
	addr->any_host = c.any_host;
	addr->port_offset = c.port_offset;
	addr->port = c.addr.port;
	addr->port_hi = c.port_hi;
	if (!addr->host_name && !addr->any_host) {
		memcpy(addr->ip.addr, c.addr.ip, 16);
		addr->ip.bits = 128;
	}
	return NULL;
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

const struct str value_levels[VALUE_LEVELS] = {
	{ "emerg", 5 },  { "alert", 5 }, { "crit", 4 },  { "err", 3 },    { "warning", 7 },
	{ "notice", 6 }, { "info", 4 },  { "debug", 5 }, { "silent", 6 },
};

struct str value_level_name(int64_t level)
{
	return value_levels[level < 0 || level >= VALUE_LEVELS ? VALUE_LEVELS - 1 : level];
}
