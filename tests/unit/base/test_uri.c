/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../runtime/base/uri.h"

#include <check.h>
#include <stdlib.h>

Suite *uri_suite(void);

/* Copies <in> to a heap block of exactly its size, so that a sanitizer sees any byte read or
 * written beyond. */
static char *exact(const char *in, size_t n)
{
	char *p = malloc(n ? n : 1);

	ck_assert_ptr_nonnull(p);
	memcpy(p, in, n);
	return p;
}

static const struct {
	const char *in, *out;
} paths[] = {
	{ "/", "/" },
	{ "/a", "/a" },
	{ "/a/", "/a/" },
	{ "//", "/" },
	{ "///a//b///", "/a/b/" },
	{ "/.", "/" },
	{ "/./", "/" },
	{ "/a/.", "/a/" },
	{ "/a/./b", "/a/b" },
	{ "/a/..", "/" },
	{ "/a/../", "/" },
	{ "/a/b/../c", "/a/c" },
	{ "/a/b/../../c", "/c" },
	{ "/a//../b", "/b" },
	{ "/...", "/..." },
	{ "/..a", "/..a" },
	{ "/.a", "/.a" },
	{ "/a.", "/a." },
	{ "/a/...", "/a/..." },
	{ "/%61dmin", "/admin" },
	{ "/%41", "/A" },
	{ "/%7e%2D%5f%2e", "/~-_." },
	{ "/%2e", "/" },
	{ "/a/%2E%2e/b", "/b" },
	{ "/a/.%2e", "/" },
	{ "/%2fa", "/%2Fa" },
	{ "/%c3%A9", "/%C3%A9" },
	{ "/%25%32e", "/%252e" },
	{ "/%0a", "/%0A" },
	{ "/a;x=1/b", "/a;x=1/b" },
	{ "/%2e%2e%2f", "/..%2F" },
	{ "/..", NULL },
	{ "/../", NULL },
	{ "/a/../..", NULL },
	{ "/%2e%2e", NULL },
	{ "/./..", NULL },
	{ "//..", NULL },
	{ "/%00", NULL },
	{ "/%", NULL },
	{ "/%4", NULL },
	{ "/%4g", NULL },
	{ "/%g4", NULL },
	{ "", NULL },
	{ "a", NULL },
	{ "*", NULL },
	{ "/a/b/../../../c", NULL },
};

START_TEST(path_has_one_spelling)
{
	const char *in = paths[_i].in, *want = paths[_i].out;
	size_t n = strlen(in);
	char *buf = exact(in, n);
	ptrdiff_t got = uri_normalise(str_of(buf, n), buf);

	if (want) {
		ck_assert_msg(got == (ptrdiff_t)strlen(want) &&
				      memcmp(buf, want, strlen(want)) == 0,
			      "%s gave %.*s, not %s", in, got < 0 ? 5 : (int)got,
			      got < 0 ? "error" : buf, want);
		ck_assert_int_eq(uri_normalise(str_of(buf, (size_t)got), buf), got);
	} else {
		ck_assert_msg(got == -1, "%s was taken as %.*s", in, got < 0 ? 0 : (int)got, buf);
	}
	free(buf);
}
END_TEST

/* Every path of up to 6 bytes over the bytes that matter: the result is normal, is a fixed
 * point, and never longer. */
START_TEST(normal_paths_are_fixed_points)
{
	static const char alphabet[] = "/.%2eE";

	for (unsigned code = 0; code < 46656; code++) {
		char in[7] = "/", out[7], again[7];
		unsigned c = code;
		ptrdiff_t n;

		for (int i = 1; i < 7; i++, c /= 6)
			in[i] = alphabet[c % 6];
		n = uri_normalise(str_of(in, 7), out);
		if (n < 0)
			continue;
		ck_assert(n <= 7 && out[0] == '/');
		ck_assert_int_lt(str_find(str_of(out, (size_t)n), S("//")), 0);
		ck_assert_int_lt(str_find(str_of(out, (size_t)n), S("/./")), 0);
		ck_assert_int_lt(str_find(str_of(out, (size_t)n), S("/../")), 0);
		ck_assert(!str_ends(str_of(out, (size_t)n), S("/..")) &&
			  !str_ends(str_of(out, (size_t)n), S("/.")));
		ck_assert_int_eq(uri_normalise(str_of(out, (size_t)n), again), n);
		ck_assert_mem_eq(out, again, (size_t)n);
	}
}
END_TEST

static const struct {
	const char *in, *host;
	unsigned port;
} hosts[] = {
	{ "example.com", "example.com", 0 },
	{ "Example.COM:8080", "example.com", 8080 },
	{ "a.", "a", 0 },
	{ "a.:80", "a", 80 },
	{ "a:", "a", 0 },
	{ "", "", 0 },
	{ "[::1]", "[::1]", 0 },
	{ "[0:0::1]:443", "[::1]", 443 },
	{ "[2001:DB8::A]", "[2001:db8::a]", 0 },
	{ "[::ffff:102:304]:1", "[::ffff:1.2.3.4]", 1 },
	{ "a_b-c.d", "a_b-c.d", 0 },
	{ "1.2.3.4:65535", "1.2.3.4", 65535 },
	{ ":80", NULL, 0 },
	{ ".", NULL, 0 },
	{ "a..", NULL, 0 },
	{ "a:65536", NULL, 0 },
	{ "a:8o", NULL, 0 },
	{ "a:1:2", NULL, 0 },
	{ "u@a", NULL, 0 },
	{ "a/b", NULL, 0 },
	{ "a b", NULL, 0 },
	{ "%61", NULL, 0 },
	{ "[::1", NULL, 0 },
	{ "[]", NULL, 0 },
	{ "[::1]x", NULL, 0 },
	{ "[::1]80", NULL, 0 },
	{ "[v1.a]", NULL, 0 },
	{ "[1.2.3.4]", NULL, 0 },
	{ "[::1%25lo]", NULL, 0 },
	{ "::1", NULL, 0 },
	{ "a\\b", NULL, 0 },
	{ "\xc3\xa9.com", NULL, 0 },
	{ "[::1]:", "[::1]", 0 },
	{ "[:::::::::::::::::::::::::::::::::::::::::::::::::::::::::::1]", NULL, 0 },
};

START_TEST(host_has_one_spelling)
{
	size_t n = strlen(hosts[_i].in);
	char *in = exact(hosts[_i].in, n), *out = malloc(URI_HOST_ROOM(n));
	struct str host;
	unsigned port;
	bool ok = uri_host(str_of(in, n), out, &host, &port);

	ck_assert_msg(ok == (hosts[_i].host != NULL), "%s", hosts[_i].in);
	if (ok) {
		ck_assert_msg(str_eq(host, str_from(hosts[_i].host)), "%s gave %.*s", hosts[_i].in,
			      STR_ARG(host));
		ck_assert_uint_eq(port, hosts[_i].port);
	}
	free(in);
	free(out);
}
END_TEST

START_TEST(host_with_a_nul_is_refused)
{
	char out[URI_HOST_ROOM(8)];
	struct str host;
	unsigned port;

	ck_assert(!uri_host(S("a\0b"), out, &host, &port));
	ck_assert(!uri_host(S("[::1\0]"), out, &host, &port));
}
END_TEST

static const struct {
	const char *meth, *in;
	int form;
	const char *auth, *path, *query;
} targets[] = {
	{ "GET", "/", URI_ORIGIN, "", "/", NULL },
	{ "GET", "/a?b?c", URI_ORIGIN, "", "/a", "b?c" },
	{ "GET", "/?", URI_ORIGIN, "", "/", "" },
	{ "GET", "http://h/p?q", URI_ABSOLUTE, "h", "/p", "q" },
	{ "GET", "http://h:1?q", URI_ABSOLUTE, "h:1", "", "q" },
	{ "OPTIONS", "*", URI_ASTERISK, "", "*", NULL },
	{ "CONNECT", "h:443", URI_AUTHORITY, "h:443", "", NULL },
	{ "CONNECT", "[::1]:443", URI_AUTHORITY, "[::1]:443", "", NULL },
	{ "GET", "https://[::1]/", URI_ABSOLUTE, "[::1]", "/", NULL },
	{ "GET", "*", -1, "", "", NULL },
	{ "GET", "a", -1, "", "", NULL },
	{ "GET", "", -1, "", "", NULL },
	{ "CONNECT", "h", -1, "", "", NULL },
	{ "CONNECT", "/", -1, "", "", NULL },
	{ "CONNECT", ":443", -1, "", "", NULL },
	{ "GET", "http://", -1, "", "", NULL },
	{ "GET", "http:///p", -1, "", "", NULL },
	{ "GET", "http://u@h/", -1, "", "", NULL },
	{ "GET", "1http://h/", -1, "", "", NULL },
	{ "GET", "/a b", -1, "", "", NULL },
	{ "GET", "/a#b", -1, "", "", NULL },
	{ "GET", "/\x7f", -1, "", "", NULL },
	{ "GET", "/\xc3\xa9", -1, "", "", NULL },
	{ "GET", "h:443", -1, "", "", NULL },
	{ "GET", "/a\tb", -1, "", "", NULL },
};

START_TEST(target_splits_by_form)
{
	struct str in = str_from(targets[_i].in);
	struct uri u;
	bool ok = uri_split(str_from(targets[_i].meth), in, &u);

	ck_assert_msg(ok == (targets[_i].form >= 0), "%s", in.p);
	if (!ok)
		return;
	ck_assert_int_eq(u.form, targets[_i].form);
	ck_assert_msg(str_eq(u.authority, str_from(targets[_i].auth)), "%s", in.p);
	ck_assert_msg(str_eq(u.path, str_from(targets[_i].path)), "%s", in.p);
	ck_assert_msg((u.query.p != NULL) == (targets[_i].query != NULL), "%s", in.p);
	ck_assert_msg(str_eq(u.query, str_from(targets[_i].query)), "%s", in.p);
}
END_TEST

START_TEST(prefix_takes_whole_segments)
{
	struct str rest;

	ck_assert(uri_prefix(S("/img"), S("/img"), false, &rest) && rest.n == 0);
	ck_assert(uri_prefix(S("/img/x"), S("/img"), false, &rest) && str_eq(rest, S("/x")));
	ck_assert(!uri_prefix(S("/imgfoo"), S("/img"), false, &rest));
	ck_assert(!uri_prefix(S("/IMG"), S("/img"), false, &rest));
	ck_assert(uri_prefix(S("/IMG/X"), S("/img"), true, &rest) && str_eq(rest, S("/X")));
	ck_assert(!uri_prefix(S("/img"), S("/img/"), false, &rest));
	ck_assert(uri_prefix(S("/img/"), S("/img/"), false, &rest) && str_eq(rest, S("/")));
	ck_assert(uri_prefix(S("/x"), S("/"), false, &rest) && str_eq(rest, S("/x")));
	ck_assert(!uri_prefix(S("*"), S("/"), false, &rest));
}
END_TEST

START_TEST(decode_takes_every_escape)
{
	char out[8];

	ck_assert_int_eq(uri_decode(S("a%2F%00b"), out), 4);
	ck_assert_mem_eq(out, "a/\0b", 4);
	ck_assert_int_eq(uri_decode(S("%4"), out), -1);
	ck_assert_int_eq(uri_decode(S("%zz"), out), -1);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

Suite *uri_suite(void)
{
	Suite *s = suite_create("uri");
	TCase *t = tcase_create("uri");

	tcase_add_loop_test(t, path_has_one_spelling, 0, COUNT(paths));
	tcase_add_test(t, normal_paths_are_fixed_points);
	tcase_add_loop_test(t, host_has_one_spelling, 0, COUNT(hosts));
	tcase_add_test(t, host_with_a_nul_is_refused);
	tcase_add_loop_test(t, target_splits_by_form, 0, COUNT(targets));
	tcase_add_test(t, prefix_takes_whole_segments);
	tcase_add_test(t, decode_takes_every_escape);
	suite_add_tcase(s, t);
	return s;
}
