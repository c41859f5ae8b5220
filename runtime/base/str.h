/* SPDX-License-Identifier: Apache-2.0 */
/* str: text as a value (pointer, length). Never owned, never NUL-terminated inside; a literal is
 * S("x"). Comparison functions are byte-wise; the "i" forms fold ASCII letters only. */
#ifndef WEIR_BASE_STR_H
#define WEIR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define S(lit) ((struct str) { .p = (lit), .n = sizeof(lit) - 1 })
#define STR_ARG(s) (int)(s).n, (s).p /* for "%.*s" */

/* Text of the C string <z>; NULL gives the empty text. */
static inline struct str str_from(const char *z)
{
	return (struct str) { .p = z ? z : "", .n = z ? strlen(z) : 0 };
}

static inline struct str str_of(const char *p, size_t n)
{
	return (struct str) { .p = p, .n = n };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* <s> without its first <k> bytes (all of it when shorter). */
static inline struct str str_skip(struct str s, size_t k)
{
	if (k > s.n)
		k = s.n;
	return str_of(s.p + k, s.n - k);
}

static inline struct str str_first(struct str s, size_t k)
{
	return str_of(s.p, k < s.n ? k : s.n);
}

/* ASCII lower case of one byte; other bytes unchanged. */
static inline char ascii_lower(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}

bool str_ieq(struct str a, struct str b);
bool str_istarts(struct str s, struct str prefix);
bool str_iends(struct str s, struct str suffix);
int str_cmp(struct str a, struct str b);

/* First position of byte <c> in <s>, or -1. */
ptrdiff_t str_chr(struct str s, char c);
/* First position of <needle> in <hay> (an empty needle is found at 0), or -1. */
ptrdiff_t str_find(struct str hay, struct str needle);
ptrdiff_t str_ifind(struct str hay, struct str needle);

/* Cuts at the first <c>: returns what is before it and leaves in <s> what is after; without <c>
 * returns all of <s> and leaves it empty with a NULL pointer. */
struct str str_cut(struct str *s, char c);

/* <s> without blanks (SP, HTAB) at both ends. */
struct str str_trim(struct str s);

/* Whole text as decimal number. False when empty, not digits or above <max>. */
bool str_u64(struct str s, uint64_t max, uint64_t *out);

/* Copies <s> with ASCII letters in lower case to <out> (at least s.n bytes). */
void str_lower(char *out, struct str s);

#endif
