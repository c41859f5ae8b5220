/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "../../../runtime/base/list.h"

Suite *list_suite(void);

struct node {
	struct list link;
	int v;
};

static struct list head;
static struct node n[4];

static void setup(void)
{
	list_init(&head);
	for (int i = 0; i < 4; i++)
		n[i].v = i;
}

static int shift(void)
{
	struct list *l = list_shift(&head);

	return l ? CONTAINER(l, struct node, link)->v : -1;
}

START_TEST(append_and_push_order_the_nodes)
{
	list_append(&head, &n[1].link);
	list_append(&head, &n[2].link);
	list_push(&head, &n[0].link);
	list_insert(&n[1].link, &n[3].link);
	ck_assert_int_eq(shift(), 0);
	ck_assert_int_eq(shift(), 1);
	ck_assert_int_eq(shift(), 3);
	ck_assert_int_eq(shift(), 2);
	ck_assert_int_eq(shift(), -1);
	ck_assert(list_empty(&head));
}
END_TEST

START_TEST(a_node_knows_whether_it_is_queued)
{
	ck_assert(!list_queued(&n[0].link));
	list_del(&n[0].link); /* in no list: nothing happens */
	list_append(&head, &n[0].link);
	list_append(&head, &n[1].link);
	list_append(&head, &n[2].link);
	ck_assert(list_queued(&n[1].link));
	list_del(&n[1].link);
	list_del(&n[1].link);
	ck_assert(!list_queued(&n[1].link));
	ck_assert_int_eq(shift(), 0);
	ck_assert_int_eq(shift(), 2);
	ck_assert(list_empty(&head));
}
END_TEST

Suite *list_suite(void)
{
	Suite *s = suite_create("list");
	TCase *tc = tcase_create("ring");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, append_and_push_order_the_nodes);
	tcase_add_test(tc, a_node_knows_whether_it_is_queued);
	suite_add_tcase(s, tc);
	return s;
}
