/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdint.h>
#include <string.h>

#include "../../../runtime/base/arena.h"

Suite *arena_suite(void);

START_TEST(pieces_are_zeroed_aligned_and_apart)
{
	struct arena a = { 0 };
	unsigned char *p[2000];
	unsigned wrong = 0;

	for (unsigned i = 0; i < 2000; i++) {
		size_t n = 1 + i % 97;

		p[i] = arena_get(&a, n);
		wrong += (uintptr_t)p[i] % _Alignof(max_align_t) != 0;
		for (size_t k = 0; k < n; k++)
			wrong += p[i][k] != 0;
		memset(p[i], (int)i, n);
	}
	for (unsigned i = 0; i < 2000; i++)
		for (size_t k = 0; k < 1 + i % 97; k++)
			wrong += p[i][k] != (unsigned char)i;
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_ge(a.used, 2000);
	arena_free(&a);
	ck_assert_uint_eq(a.used, 0);
	ck_assert_ptr_null(a.last);
}
END_TEST

START_TEST(a_piece_larger_than_a_chunk_is_whole)
{
	struct arena a = { 0 };
	char *big = arena_get(&a, 1 << 20), *small = arena_get(&a, 10);

	memset(big, 'b', 1 << 20);
	memset(small, 's', 10);
	ck_assert_int_eq(big[(1 << 20) - 1], 'b');
	arena_free(&a);
}
END_TEST

START_TEST(copied_text_ends_with_a_nul_that_does_not_count)
{
	struct arena a = { 0 };
	struct str s = arena_str(&a, str_of("abcdef", 3)), e = arena_str(&a, str_of(NULL, 0));

	ck_assert_uint_eq(s.n, 3);
	ck_assert_str_eq(s.p, "abc");
	ck_assert_uint_eq(e.n, 0);
	ck_assert_str_eq(e.p, "");
	s = arena_printf(&a, "%s-%d", "x", 42);
	ck_assert(str_eq(s, S("x-42")));
	ck_assert_str_eq(s.p, "x-42");
	arena_free(&a);
}
END_TEST

Suite *arena_suite(void)
{
	Suite *s = suite_create("arena");
	TCase *tc = tcase_create("arena");

	tcase_add_test(tc, pieces_are_zeroed_aligned_and_apart);
	tcase_add_test(tc, a_piece_larger_than_a_chunk_is_whole);
	tcase_add_test(tc, copied_text_ends_with_a_nul_that_does_not_count);
	suite_add_tcase(s, tc);
	return s;
}
