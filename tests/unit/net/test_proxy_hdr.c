/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../../runtime/net/proxy_hdr.h"

Suite *proxy_hdr_suite(void);

static struct proxy_hdr hdr;
static size_t used;

/* Parses a copy of exactly <n> bytes, so that a sanitizer sees any read beyond. */
static enum proxy_parse parse(const char *p, size_t n)
{
	char *copy = malloc(n ? n : 1);
	enum proxy_parse r;

	memcpy(copy, p, n);
	r = proxy_hdr_parse(str_of(copy, n), &hdr, &used);
	free(copy);
	return r;
}

static enum proxy_parse parse_text(const char *p)
{
	return parse(p, strlen(p));
}

static void is(const struct addr *a, const char *want)
{
	char out[ADDR_TEXT];

	addr_format(a, out);
	ck_assert_str_eq(out, want);
}

static struct addr inet(const char *text)
{
	struct addr_conf c;

	ck_assert_ptr_null(addr_parse(str_from(text), &c));
	return c.addr;
}

START_TEST(a_line_tells_both_addresses)
{
	ck_assert_int_eq(parse_text("PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\nrest"), PROXY_OK);
	ck_assert_uint_eq(used, 40);
	ck_assert(hdr.known);
	is(&hdr.src, "192.0.2.1:1");
	is(&hdr.dst, "192.0.2.2:65535");
	ck_assert_int_eq(parse_text("PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 9 10\r\n"), PROXY_OK);
	is(&hdr.src, "[2001:db8::1]:9");
	is(&hdr.dst, "1.2.3.4:10");
	ck_assert_int_eq(parse_text("PROXY UNKNOWN\r\n"), PROXY_OK);
	ck_assert(!hdr.known);
	ck_assert_int_eq(parse_text("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), PROXY_OK);
	ck_assert(!hdr.known);
}
END_TEST

START_TEST(a_wrong_line_is_refused)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\n",
		"PROXX",
		"proxy TCP4",
		"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
		"PROXY TCP4 ::1 ::1 1 2\r\n",
		"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3 1 2\r\n",
		"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY \r\n",
		"PROXY TCP4\r\n",
		"PROXY TCP4 1.2.3.4\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 \r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n",
	};
	char longest[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(parse_text(bad[i]) == PROXY_BAD, "taken: %s", bad[i]);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "PROXY UNKNOWN ", 14);
	ck_assert_int_eq(parse(longest, 106), PROXY_MORE);
	ck_assert_int_eq(parse(longest, 107), PROXY_BAD);
	memcpy(longest + 105, "\r\n", 2);
	ck_assert_int_eq(parse(longest, 107), PROXY_OK);
	memcpy(longest + 105, "x\r\n", 3);
	ck_assert_int_eq(parse(longest, 108), PROXY_BAD);
}
END_TEST

START_TEST(every_beginning_of_a_header_asks_for_more)
{
	struct addr src = inet("192.0.2.1:1000"), dst = inet("[2001:db8::2]:443");
	char out[PROXY_ROOM];

	for (int v = 1; v <= 2; v++) {
		size_t n = v == 1 ? proxy_hdr_v1(&src, &dst, out) : proxy_hdr_v2(&src, &dst, out);

		for (size_t i = 0; i < n; i++)
			ck_assert_int_eq(parse(out, i), PROXY_MORE);
		ck_assert_int_eq(parse(out, n), PROXY_OK);
		ck_assert_uint_eq(used, n);
	}
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
	static const char *const addrs[] = { "1.2.3.4:5", "255.255.255.255:65535", "[::1]:0",
					     "[2001:db8:1111:2222:3333:4444:5555:6666]:65535" };
	char out[PROXY_ROOM];

	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 4; j++) {
			struct addr src = inet(addrs[i]), dst = inet(addrs[j]);

			ck_assert_int_eq(parse(out, proxy_hdr_v1(&src, &dst, out)), PROXY_OK);
			ck_assert(hdr.known && addr_equal(&hdr.src, &src) &&
				  addr_equal(&hdr.dst, &dst));
			ck_assert_int_eq(parse(out, proxy_hdr_v2(&src, &dst, out)), PROXY_OK);
			ck_assert(hdr.known && addr_equal(&hdr.src, &src) &&
				  addr_equal(&hdr.dst, &dst));
		}
	}
	ck_assert_uint_eq(proxy_hdr_v1(NULL, NULL, out), 15);
	ck_assert_int_eq(parse(out, 15), PROXY_OK);
	ck_assert(!hdr.known);
	ck_assert_int_eq(parse(out, proxy_hdr_v2(NULL, NULL, out)), PROXY_OK);
	ck_assert(!hdr.known);
}
END_TEST

static char bin[8192];

static size_t binary(unsigned version_command, unsigned family, size_t len)
{
	memset(bin, 0x11, sizeof(bin));
	memcpy(bin, "\r\n\r\n\0\r\nQUIT\n", 12);
	bin[12] = (char)version_command;
	bin[13] = (char)family;
	bin[14] = (char)(len >> 8);
	bin[15] = (char)len;
	return 16 + len;
}

START_TEST(binary_headers_are_checked)
{
	ck_assert_int_eq(parse(bin, binary(0x21, 0x11, 12)), PROXY_OK);
	ck_assert(hdr.known);
	is(&hdr.src, "17.17.17.17:4369");
	ck_assert_int_eq(parse(bin, binary(0x21, 0x11, 200)), PROXY_OK); /* with TLVs */
	ck_assert_uint_eq(used, 216);
	ck_assert_int_eq(parse(bin, binary(0x21, 0x21, 36)), PROXY_OK);
	ck_assert(hdr.known);
	ck_assert_int_eq(parse(bin, binary(0x20, 0x00, 0)), PROXY_OK); /* LOCAL */
	ck_assert(!hdr.known);
	ck_assert_int_eq(parse(bin, binary(0x20, 0x11, 12)), PROXY_OK);
	ck_assert(!hdr.known);
	ck_assert_int_eq(parse(bin, binary(0x21, 0x00, 7)), PROXY_OK); /* UNSPEC */
	ck_assert(!hdr.known);
	ck_assert_int_eq(parse(bin, binary(0x21, 0x31, 216)), PROXY_OK); /* unix */
	ck_assert(!hdr.known);
	ck_assert_int_eq(parse(bin, binary(0x21, 0x12, 12)), PROXY_OK); /* UDP */
	ck_assert(!hdr.known);
	ck_assert_int_eq(parse(bin, binary(0x11, 0x11, 12)), PROXY_BAD);
	ck_assert_int_eq(parse(bin, binary(0x22, 0x11, 12)), PROXY_BAD);
	ck_assert_int_eq(parse(bin, binary(0x21, 0x41, 12)), PROXY_BAD);
	ck_assert_int_eq(parse(bin, binary(0x21, 0x13, 12)), PROXY_BAD);
	ck_assert_int_eq(parse(bin, binary(0x21, 0x11, 11)), PROXY_BAD);
	ck_assert_int_eq(parse(bin, binary(0x21, 0x21, 35)), PROXY_BAD);
	ck_assert_int_eq(parse(bin, binary(0x21, 0x11, PROXY_V2_MAX - 16)), PROXY_OK);
	ck_assert_int_eq(parse(bin, binary(0x21, 0x11, PROXY_V2_MAX - 15)), PROXY_BAD);
}
END_TEST

START_TEST(random_bytes_do_no_harm)
{
	unsigned seed = 7;

	for (int i = 0; i < 20000; i++) {
		size_t n = binary(0x21, 0x11, 12);

		for (int k = 0; k < 3; k++) {
			seed = seed * 1103515245 + 12345;
			bin[(seed >> 8) % n] = (char)(seed >> 20);
		}
		if (parse(bin, n) == PROXY_OK)
			ck_assert_uint_le(used, n);
	}
}
END_TEST

Suite *proxy_hdr_suite(void)
{
	Suite *s = suite_create("proxy_hdr");
	TCase *tc = tcase_create("proxy_hdr");

	tcase_add_test(tc, a_line_tells_both_addresses);
	tcase_add_test(tc, a_wrong_line_is_refused);
	tcase_add_test(tc, every_beginning_of_a_header_asks_for_more);
	tcase_add_test(tc, what_is_written_is_read_back);
	tcase_add_test(tc, binary_headers_are_checked);
	tcase_add_test(tc, random_bytes_do_no_harm);
	suite_add_tcase(s, tc);
	return s;
}
