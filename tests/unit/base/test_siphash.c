/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "../../../runtime/base/siphash.h"

/* The vectors of the paper's reference implementation: key 00 01 … 0f, texts 00 01 … of growing length. */
START_TEST(published_vectors)
{
	static const struct {
		size_t n;
		uint64_t out[2];
	} rows[] = {
		{ 0, { UINT64_C(0xe6a825ba047f81a3), UINT64_C(0x930255c71472f66d) } },
		{ 1, { UINT64_C(0x44af996bd8c187da), UINT64_C(0x45fc229b11597634) } },
		{ 15, { UINT64_C(0x11a8b03399e99354), UINT64_C(0xd9c3cf970fec087e) } },
	};
	const uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
	char text[64];
	uint64_t out[2];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	for (size_t i = 0; i < 3; i++) {
		siphash128(key, str_of(text, rows[i].n), false, out);
		ck_assert_uint_eq(out[0], rows[i].out[0]);
		ck_assert_uint_eq(out[1], rows[i].out[1]);
	}
}
END_TEST

START_TEST(letters_in_lower_case)
{
	const uint64_t key[2] = { 1, 2 };
	uint64_t a[2], b[2], c[2];

	siphash128(key, S("A Longer Text, with Letters [and] others"), true, a);
	siphash128(key, S("a longer text, with letters [and] others"), false, b);
	siphash128(key, S("a longer text, with letters {and} others"), true, c);
	ck_assert(a[0] == b[0] && a[1] == b[1]);
	ck_assert(a[0] != c[0] && a[1] != c[1]);
}
END_TEST

Suite *siphash_suite(void)
{
	Suite *s = suite_create("siphash");
	TCase *tc = tcase_create("siphash");

	tcase_add_test(tc, published_vectors);
	tcase_add_test(tc, letters_in_lower_case);
	suite_add_tcase(s, tc);
	return s;
}
