/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../runtime/proxy/dynamic_table.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../runtime/site.h"

Suite *dynamic_table_suite(void);

static struct dynamic_entry *entry(enum dynamic_kind kind, const char *key, uint8_t flags)
{
	struct dynamic_entry e = { .kind = kind, .key = str_from(key), .flags = flags };

	if (kind == DYNAMIC_NET)
		ck_assert_ptr_null(addr_parse_net(e.key, &e.net));
	return dynamic_entry_new(&e);
}

static void free_all(struct dynamic_table *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		free(t->rows[i].entry);
	free(t);
}

/* The key that the longest prefix of <ip> has. */
static const char *longest(const struct dynamic_table *t, const char *ip)
{
	static char key[64];
	struct addr_net net;
	uint32_t row;

	ck_assert_ptr_null(addr_parse_net(str_from(ip), &net));
	row = dynamic_table_ip(t, net.ip);
	if (row == t->n)
		return "none";
	snprintf(key, sizeof(key), "%.*s", STR_ARG(t->rows[row].entry->key));
	return key;
}

START_TEST(addresses_take_the_longest_prefix)
{
	static const char *const nets[] = { "10.0.0.0/8", "10.1.0.0/16",   "10.1.2.3",
					    "0.0.0.0/0",  "2001:db8::/32", "2001:db8::/61" };
	struct dynamic_table *t = dynamic_table_empty(6);

	for (int i = 0; i < 6; i++)
		dynamic_table_put(t, entry(DYNAMIC_NET, nets[i], 0));
	ck_assert_str_eq(longest(t, "10.1.2.3"), "10.1.2.3");
	ck_assert_str_eq(longest(t, "10.1.2.4"), "10.1.0.0/16");
	ck_assert_str_eq(longest(t, "10.2.2.4"), "10.0.0.0/8");
	ck_assert_str_eq(longest(t, "11.2.2.4"), "0.0.0.0/0");
	ck_assert_str_eq(longest(t, "2001:db8:0:7::1"), "2001:db8::/61");
	ck_assert_str_eq(longest(t, "2001:db8:0:8::1"), "2001:db8::/32");
	ck_assert_str_eq(longest(t, "2001:db9::1"), "none");
	free_all(t);
}
END_TEST

START_TEST(entries_stay_in_order_and_are_found)
{
	struct dynamic_table *t = dynamic_table_empty(0), *next;
	struct dynamic_entry *gone;
	char key[16];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		next = dynamic_table_new(t, t->n, entry(DYNAMIC_TEXT, key, i % 2 ? WS_V_ICASE : 0));
		free(t);
		t = next;
	}
	ck_assert_uint_eq(t->n, 1000);
	ck_assert_uint_eq(dynamic_table_text(t, S("k999")), 999);
	ck_assert_uint_eq(dynamic_table_text(t, S("K999")), 999);
	ck_assert_uint_eq(dynamic_table_text(t, S("K998")), 1000);
	gone = t->rows[500].entry;
	next = dynamic_table_new(t, 500, NULL);
	ck_assert_uint_eq(next->n, 999);
	ck_assert_uint_eq(next->bytes, t->bytes - gone->bytes);
	ck_assert_uint_eq(dynamic_table_text(next, S("k500")), 999);
	ck_assert_uint_eq(dynamic_table_text(next, S("k501")), 500);
	free(t);
	free(gone);
	free_all(next);
}
END_TEST

Suite *dynamic_table_suite(void)
{
	Suite *s = suite_create("dynamic_table");
	TCase *c = tcase_create("all");

	tcase_add_test(c, addresses_take_the_longest_prefix);
	tcase_add_test(c, entries_stay_in_order_and_are_found);
	suite_add_tcase(s, c);
	return s;
}
