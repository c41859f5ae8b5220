/* SPDX-License-Identifier: Apache-2.0 */
#include "str.h"

bool str_ieq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] != b.p[i] && ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

bool str_istarts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_ieq(str_first(s, prefix.n), prefix);
}

bool str_iends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_ieq(str_skip(s, s.n - suffix.n), suffix);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.p, b.p, n) : 0;

	if (r != 0)
		return r;
	return a.n < b.n ? -1 : a.n > b.n;
}

ptrdiff_t str_chr(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

ptrdiff_t str_find(struct str hay, struct str needle)
{
	if (needle.n == 0)
		return 0;
	for (size_t i = 0; i + needle.n <= hay.n; i++) {
		const char *at = memchr(hay.p + i, needle.p[0], hay.n - needle.n - i + 1);

		if (!at)
			return -1;
		i = (size_t)(at - hay.p);
		if (memcmp(at, needle.p, needle.n) == 0)
			return (ptrdiff_t)i;
	}
	return -1;
}

ptrdiff_t str_ifind(struct str hay, struct str needle)
{
	for (size_t i = 0; i + needle.n <= hay.n; i++)
		if (str_ieq(str_of(hay.p + i, needle.n), needle))
			return (ptrdiff_t)i;
	return -1;
}

struct str str_cut(struct str *s, char c)
{
	ptrdiff_t at = str_chr(*s, c);
	struct str head = *s;

	if (at < 0) {
		*s = (struct str) { 0 };
		return head;
	}
	*s = str_skip(head, (size_t)at + 1);
	return str_first(head, (size_t)at);
}

struct str str_trim(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_skip(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool str_u64(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t d = (uint64_t)(unsigned char)s.p[i] - '0';

		if (d > 9 || v > (UINT64_MAX - d) / 10)
			return false;
		v = v * 10 + d;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

void str_lower(char *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		out[i] = ascii_lower(s.p[i]);
}
