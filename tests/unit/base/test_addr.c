/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "../../../runtime/base/addr.h"

Suite *addr_suite(void);

static void formats_as(const char *text, const char *want)
{
	struct addr a = { .kind = AK_INET };
	char out[ADDR_TEXT];
	bool v4;

	ck_assert_msg(addr_parse_ip(str_from(text), a.ip, &v4), "%s is refused", text);
	ck_assert_uint_eq(addr_format_ip(&a, out), strlen(want));
	ck_assert_str_eq(out, want);
	ck_assert_int_eq(v4, strchr(want, ':') == NULL);
}

START_TEST(every_spelling_of_an_address_has_one_output_form)
{
	formats_as("10.0.0.1", "10.0.0.1");
	formats_as("0.0.0.0", "0.0.0.0");
	formats_as("255.255.255.255", "255.255.255.255");
	formats_as("::", "::");
	formats_as("::1", "::1");
	formats_as("1::", "1::");
	formats_as("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
	formats_as("2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1");
	formats_as("2001:0:0:1:0:0:1:1", "2001::1:0:0:1:1");
	formats_as("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7");
	formats_as("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8");
	formats_as("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0");
	formats_as("::ffff:10.1.2.3", "10.1.2.3");
	formats_as("::ffff:a01:203", "10.1.2.3");
	formats_as("64:ff9b::192.0.2.33", "64:ff9b::c000:221");
	formats_as("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304");
	formats_as("fe80::0001", "fe80::1");
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
	static const char *const bad[] = {
		"",
		"1",
		"1.2.3",
		"1.2.3.4.",
		"1.2.3.4.5",
		"256.1.1.1",
		"01.2.3.4",
		"1.2.3.04",
		"1..2.3",
		"1.2.3.4 ",
		"1.2.3.0004",
		":",
		":::",
		"1:::2",
		"::1::",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7:8::",
		"::1:2:3:4:5:6:7:8",
		"12345::",
		"g::",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::1.2.3",
		"1.2.3.4::",
		"::1.2.3.4:5",
		"::ffff:256.1.1.1",
		"fe80::1%eth0",
		"1:",
		":1",
		"1:2:3:4:5:6:7:",
		"[::1]",
		"0x1.2.3.4",
	};
	uint8_t ip[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!addr_parse_ip(str_from(bad[i]), ip, NULL), "\"%s\" is taken",
			      bad[i]);
}
END_TEST

static struct addr_conf taken(const char *text)
{
	struct addr_conf c;
	const char *bad = addr_parse(str_from(text), &c);

	ck_assert_msg(!bad, "%s: %s", text, bad);
	return c;
}

static void taken_as(const char *text, const char *want)
{
	struct addr_conf c = taken(text);
	char out[ADDR_TEXT];

	ck_assert_uint_eq(addr_format(&c.addr, out), strlen(want));
	ck_assert_str_eq(out, want);
}

START_TEST(a_configured_address_says_host_and_port)
{
	taken_as("10.0.0.1:80", "10.0.0.1:80");
	taken_as("[::1]:80", "[::1]:80");
	taken_as("::1", "[::1]:0");
	taken_as("[2001:db8::1]", "[2001:db8::1]:0");
	taken_as("[::ffff:1.2.3.4]:8", "1.2.3.4:8");
	taken_as(":80", "[::]:80");
	ck_assert(taken(":80").any_host && taken("*:80").any_host && taken("*").any_host);
	ck_assert(!taken("[::]:80").any_host && !taken("0.0.0.0:80").any_host);
	ck_assert(taken("1.2.3.4:0").has_port && !taken("1.2.3.4").has_port &&
		  !taken("name").has_port);
	ck_assert_int_eq(taken("name.example:80").addr.kind, AK_NAME);
	ck_assert(str_eq(taken("name.example:80").path, S("name.example")));
	ck_assert_uint_eq(taken("name.example:80").addr.port, 80);
	ck_assert(str_eq(taken("web_1").path, S("web_1")));
	ck_assert(taken("0.0.0.0:+1000").port_offset);
	ck_assert_uint_eq(taken("0.0.0.0:+1000").addr.port, 1000);
	ck_assert_uint_eq(taken("10.0.0.1:1024-65535").addr.port, 1024);
	ck_assert_uint_eq(taken("10.0.0.1:1024-65535").port_hi, 65535);
	ck_assert_uint_eq(taken("10.0.0.1:8080").port_hi, 8080);
	ck_assert_int_eq(taken("fd@3").fd, 3);
	ck_assert_int_eq(taken("fd@3").addr.kind, AK_FD);
	ck_assert(str_eq(taken("/run/a.sock").path, S("/run/a.sock")));
	ck_assert(str_eq(taken("unix@a.sock").path, S("a.sock")));
	ck_assert_int_eq(taken("abns@weir").addr.kind, AK_ABNS);
}
END_TEST

START_TEST(a_wrong_configured_address_is_named_by_a_sentence)
{
	static const char *const bad[] = {
		"",
		":",
		":x",
		":65536",
		":80-",
		":80-79",
		":0-9",
		":80-65536",
		":+0",
		":+65536",
		":+",
		":-1",
		":80:90",
		"1.2.3.4:",
		"1.2.3:80",
		"999.1.1.1:80",
		"010.0.0.1:80",
		"[::1",
		"[::1]80",
		"[1.2.3.4]:80",
		"[]:80",
		"[name]:80",
		"::1]:80",
		"1::2::3",
		"name:",
		"a..b",
		".a",
		"a.",
		"-a",
		"a-",
		"a-.b",
		"a b",
		"a/b",
		"fd@",
		"fd@x",
		"fd@-1",
		"fd@1048577",
		"unix@",
		"abns@",
		"*.example:80",
		"12345",
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg",
	};
	struct addr_conf c;
	char path[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = addr_parse(str_from(bad[i]), &c);

		ck_assert_msg(why && strlen(why) > 15, "\"%s\" is taken", bad[i]);
	}
	memset(path, '/', sizeof(path));
	ck_assert_ptr_null(addr_parse(str_of(path, 107), &c));
	ck_assert_ptr_nonnull(addr_parse(str_of(path, 108), &c));
	path[50] = 0;
	ck_assert_ptr_nonnull(addr_parse(str_of(path, 107), &c));
}
END_TEST

static bool holds(const char *net, const char *ip)
{
	struct addr_net n;
	uint8_t b[16];
	const char *bad = addr_parse_net(str_from(net), &n);

	ck_assert_msg(!bad, "%s: %s", net, bad);
	ck_assert(addr_parse_ip(str_from(ip), b, NULL));
	return addr_in_net(b, &n);
}

START_TEST(a_net_holds_its_addresses_and_no_others)
{
	ck_assert(holds("10.0.0.0/8", "10.255.255.255"));
	ck_assert(!holds("10.0.0.0/8", "11.0.0.0"));
	ck_assert(holds("10.0.0.0/8", "::ffff:10.0.0.1"));
	ck_assert(holds("::ffff:10.0.0.0/104", "10.0.0.1"));
	ck_assert(holds("10.1.2.3/255.255.0.0", "10.1.9.9"));
	ck_assert(holds("192.168.5.77/31", "192.168.5.76") &&
		  !holds("192.168.5.77/31", "192.168.5.78"));
	ck_assert(holds("1.2.3.4", "1.2.3.4") && !holds("1.2.3.4", "1.2.3.5"));
	ck_assert(holds("0.0.0.0/0", "9.9.9.9") && !holds("0.0.0.0/0", "2001:db8::1"));
	ck_assert(holds("::/0", "9.9.9.9") && holds("::/0", "2001:db8::1"));
	ck_assert(holds("2001:db8::/33", "2001:db8:7fff::1") &&
		  !holds("2001:db8::/33", "2001:db8:8000::1"));
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct addr_net n = { .bits = (uint8_t)bits };
		uint8_t in[16] = { 0 }, out[16] = { 0 };

		if (bits < 128)
			in[bits / 8] = (uint8_t)(0x80 >> bits % 8);
		ck_assert(addr_in_net(in, &n));
		if (bits) {
			out[(bits - 1) / 8] = (uint8_t)(0x80 >> (bits - 1) % 8);
			ck_assert(!addr_in_net(out, &n));
		}
	}
}
END_TEST

START_TEST(a_wrong_net_is_refused)
{
	static const char *const bad[] = { "",
					   "/8",
					   "10.0.0.0/",
					   "10.0.0.0/33",
					   "::/129",
					   "10.0.0.0/255.0.255.0",
					   "10/8",
					   "::/255.0.0.0",
					   "10.0.0.0/8/8",
					   "x/8",
					   "10.0.0.0/-1" };
	struct addr_net n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(addr_parse_net(str_from(bad[i]), &n) != NULL, "\"%s\" is taken",
			      bad[i]);
}
END_TEST

START_TEST(the_kernel_form_comes_back_equal)
{
	static const char *const texts[] = { "10.0.0.1:80", "[2001:db8::1]:443", "0.0.0.0:0",
					     "[::]:65535" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct addr_conf c = taken(texts[i]);
		struct sockaddr_storage ss;
		struct addr back;

		ck_assert_uint_eq(addr_to_sockaddr(&c.addr, &ss),
				  c.addr.v4 ? sizeof(struct sockaddr_in)
					    : sizeof(struct sockaddr_in6));
		addr_from_sockaddr(&back, &ss);
		ck_assert(addr_equal(&back, &c.addr));
		ck_assert_uint_eq(back.v4, c.addr.v4);
		back.port ^= 1;
		ck_assert(!addr_equal(&back, &c.addr));
	}
}
END_TEST

START_TEST(an_ipv4_peer_of_an_ipv6_socket_is_ipv4)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&ss;
	struct addr a;
	char out[ADDR_TEXT];
	bool v4;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(9);
	ck_assert(addr_parse_ip(S("::ffff:1.2.3.4"), in6->sin6_addr.s6_addr, &v4));
	addr_from_sockaddr(&a, &ss);
	addr_format(&a, out);
	ck_assert_str_eq(out, "1.2.3.4:9");
	ck_assert_uint_eq(a.v4, 1);
}
END_TEST

START_TEST(unix_names_have_a_kernel_form_and_no_port)
{
	struct sockaddr_storage ss;
	struct sockaddr_un *un = (struct sockaddr_un *)(void *)&ss;
	struct addr_conf c = taken("/run/a.sock");
	struct addr a;
	char out[ADDR_TEXT];

	ck_assert_uint_eq(addr_conf_to_sockaddr(&c, &ss),
			  offsetof(struct sockaddr_un, sun_path) + 12);
	ck_assert_str_eq(un->sun_path, "/run/a.sock");
	addr_from_sockaddr(&a, &ss);
	addr_format(&a, out);
	ck_assert_str_eq(out, "unix");
	c = taken("abns@weir");
	ck_assert_uint_eq(addr_conf_to_sockaddr(&c, &ss),
			  offsetof(struct sockaddr_un, sun_path) + 5);
	ck_assert(un->sun_path[0] == 0 && memcmp(un->sun_path + 1, "weir", 4) == 0);
	c = taken("name:80");
	ck_assert_uint_eq(addr_conf_to_sockaddr(&c, &ss), 0);
	memset(&ss, 0, sizeof(ss));
	addr_from_sockaddr(&a, &ss);
	ck_assert_uint_eq(addr_to_sockaddr(&a, &ss), 0);
	addr_format(&a, out);
	ck_assert_str_eq(out, "-");
}
END_TEST

Suite *addr_suite(void)
{
	Suite *s = suite_create("addr");
	TCase *tc = tcase_create("addr");

	tcase_add_test(tc, every_spelling_of_an_address_has_one_output_form);
	tcase_add_test(tc, what_is_no_address_is_refused);
	tcase_add_test(tc, a_configured_address_says_host_and_port);
	tcase_add_test(tc, a_wrong_configured_address_is_named_by_a_sentence);
	tcase_add_test(tc, a_net_holds_its_addresses_and_no_others);
	tcase_add_test(tc, a_wrong_net_is_refused);
	tcase_add_test(tc, the_kernel_form_comes_back_equal);
	tcase_add_test(tc, an_ipv4_peer_of_an_ipv6_socket_is_ipv4);
	tcase_add_test(tc, unix_names_have_a_kernel_form_and_no_port);
	suite_add_tcase(s, tc);
	return s;
}
