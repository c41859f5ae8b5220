/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>

#include "compiler/decide/decide.h"
#include "compiler/diag.h"
#include "compiler/embed.h"
#include "compiler/lower.h"
#include "compiler/parse.h"

static struct arena memory;
static struct emit emitted;

static void setup(void)
{
	diag_reset();
}

static void teardown(void)
{
	arena_free(&memory);
	diag_reset();
}

static bool emit_of(const char *text)
{
	struct program *p = lower(&memory, parse_text(&memory, S("t.weir"), str_from(text)));

	if (!p)
		diag_print_text(stderr);
	ck_assert_ptr_nonnull(p);
	return emit_build(&emitted, &memory, p);
}

/* The tables of a listen with <lines>. */
static void listen_with(const char *lines)
{
	ck_assert(emit_of(
		arena_printf(&memory, "listen www\n bind :80\n server s 127.0.0.1:1\n%s\n", lines)
			.p));
}

#define ROW(type, table, i) ((const type *)table_row(&emitted.tables[EMIT_##table], (i)))
#define ROWS(table) (emitted.tables[EMIT_##table].n)

static struct str text_of(struct ws_ref r)
{
	return r.len ? str_of(ROW(char, TEXT, r.off), r.len) : S("");
}

/* The one value of a test of literals. */
static struct str value_of_test(uint32_t test)
{
	const struct ws_value *v =
		ROW(struct ws_value, VALUES, ROW(struct ws_test, TESTS, test)->values.first);

	return text_of((struct ws_ref) { .off = (uint32_t)v->lo, .len = (uint32_t)v->hi });
}

/* Walks the graph of rule <rule>; a test holds when its value is among the letters of <held>.
 * <steps>: tests made. */
static bool walk(uint32_t rule, const char *held, unsigned *steps)
{
	uint32_t at = ROW(struct ws_rule, RULES, rule)->cond;

	for (*steps = 0; at != WS_YES && at != WS_NO; ++*steps) {
		const struct ws_node *n = ROW(struct ws_node, NODES, at);

		at = strchr(held, *value_of_test(n->test).p) ? n->yes : n->no;
	}
	return at == WS_YES;
}

START_TEST(graph_has_the_truth_of_the_condition)
{
	static const char *const sets[] = { "-", "a", "b", "c", "ab", "ac", "bc", "abc" };
	unsigned steps;

	listen_with(" acl is_a path == a\n acl is_b path == b\n acl is_c path == c\n acl both on "
		    "is_a is_b\n"
		    " req in deny on is_a !is_b, is_c\n req in deny unless both, is_c\n req in "
		    "deny on !both !is_c");
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		bool a = strchr(sets[i], 'a'), b = strchr(sets[i], 'b'), c = strchr(sets[i], 'c');

		ck_assert_int_eq(walk(0, sets[i], &steps), (a && !b) || c);
		ck_assert_int_eq(walk(1, sets[i], &steps), !((a && b) || c));
		ck_assert_int_eq(walk(2, sets[i], &steps), !(a && b) && !c);
	}
}
END_TEST

START_TEST(later_tests_are_not_made_when_earlier_ones_decide)
{
	unsigned steps;

	listen_with(" req in deny on (path == a) (path == b) (path == c)");
	ck_assert(!walk(0, "bc", &steps));
	ck_assert_uint_eq(steps, 1);
	ck_assert(walk(0, "abc", &steps));
	ck_assert_uint_eq(steps, 3);
}
END_TEST

START_TEST(equal_tests_share_a_row_negated_or_not)
{
	listen_with(" req in deny path == a\n req in deny path != a\n req in drop on !(path == a)");
	ck_assert_uint_eq(ROWS(TESTS), 1);
	ck_assert_uint_eq(ROWS(NODES), 2);
	ck_assert_uint_eq(ROWS(RULES), 3);
}
END_TEST

START_TEST(a_condition_without_bound_is_refused)
{
	struct str text = S("listen www\n bind :80\n server s 127.0.0.1:1\n acl a0 path == a\n");

	for (int i = 1; i < 40; i++)
		text = arena_printf(&memory, "%.*s acl a%d on a%d a%d\n", STR_ARG(text), i, i - 1,
				    i - 1);
	text = arena_printf(&memory, "%.*s req in deny on a39\n", STR_ARG(text));
	ck_assert(!emit_of(text.p));
	ck_assert_uint_eq(diag_errors(), 1);
}
END_TEST

START_TEST(settings_with_params_are_bound_by_row)
{
	const struct ws_bound_num *b;

	ck_assert(emit_of("param t default 5s\nparam n default 2\nglobal\n threads ${n}\n"
			  "listen www\n bind :80\n server s 127.0.0.1:1\n timeout server ${t}\n"));
	ck_assert_uint_eq(ROWS(BOUND_NUMS), 2);
	b = ROW(struct ws_bound_num, BOUND_NUMS, 0);
	ck_assert_uint_eq(b->row, emitted.site_nums + WS_THREADS);
	ck_assert_uint_eq(b->unit, 0);
	b = ROW(struct ws_bound_num, BOUND_NUMS, 1);
	ck_assert_uint_eq(b->row, ROW(struct ws_section, SECTIONS, 0)->nums + WS_T_SERVER);
	ck_assert_uint_eq(b->unit, 2);
}
END_TEST

static int64_t number(enum ws_num n)
{
	return *ROW(int64_t, NUMS, ROW(struct ws_section, SECTIONS, 0)->nums + (uint32_t)n);
}

START_TEST(redispatch_is_off_last_or_counted)
{
	listen_with("");
	ck_assert_int_eq(number(WS_REDISPATCH), -1);
	listen_with(" redispatch");
	ck_assert_int_eq(number(WS_REDISPATCH), 0);
	listen_with(" redispatch 2");
	ck_assert_int_eq(number(WS_REDISPATCH), 2);
}
END_TEST

START_TEST(settings_get_their_rows)
{
	listen_with(" timeout client 7s\n timeout queue 9s\n retries 4\n reuse always\n rate-min "
		    "100 per 3s\n pool max 5 min 2 half-life 6s");
	ck_assert_int_eq(number(WS_T_CLIENT), 7000);
	ck_assert_int_eq(number(WS_T_QUEUE), 9000);
	ck_assert_int_eq(number(WS_RETRIES), 4);
	ck_assert_int_eq(number(WS_REUSE), WS_REUSE_ALWAYS);
	ck_assert_int_eq(number(WS_RATE_BYTES), 100);
	ck_assert_int_eq(number(WS_RATE_MS), 3000);
	ck_assert_int_eq(number(WS_POOL_MAX), 5);
	ck_assert_int_eq(number(WS_POOL_MIN), 2);
	ck_assert_int_eq(number(WS_POOL_HALFLIFE), 6000);
}
END_TEST

START_TEST(networks_with_params_are_parsed_at_start)
{
	ck_assert(emit_of(
		"param office default 10.0.0.0/8\nlisten www\n bind :80\n server s 127.0.0.1:1\n"
		" req in deny src == ${office}\n req in drop src == ${office}\n"));
	ck_assert_uint_eq(ROWS(VALUE_NETS), 1);
	ck_assert_uint_eq(ROW(struct ws_value_net, VALUE_NETS, 0)->text,
			  ROW(struct ws_value, VALUES, 0)->index);
}
END_TEST

START_TEST(addresses_are_written_as_they_are_read)
{
	static const char *const want[] = { "*:80", "127.0.0.1:1", "[2001:db8::1]:8080",
					    "0.0.0.0:+1000", "/run/s" };
	uint32_t first;

	listen_with(" server t [2001:db8::1]:8080\n server u 0.0.0.0:+1000\n server v unix@/run/s");
	ck_assert_uint_eq(ROWS(SERVERS), 4);
	for (uint32_t i = 0; i < 5; i++) {
		first = i ? ROW(struct ws_server, SERVERS, i - 1)->addr
			  : ROW(struct ws_bind, BINDS, 0)->addr;
		first = ROW(struct ws_text, TEXTS, first)->pieces.first;
		ck_assert(str_eq(text_of(ROW(struct ws_piece, PIECES, first)->text),
				 str_from(want[i])));
	}
}
END_TEST

START_TEST(only_used_parts_are_named)
{
	listen_with(" req in deny path == a");
	ck_assert(str_eq(embed_parts(&memory, &emitted),
			 S("poller_epoll mux_h1 balance_roundrobin action_DENY subject_PATH")));
	listen_with(" req in deny path =~ a\n conn in drop src == 10.0.0.1\n monitor-net "
		    "10.0.0.2\n log stdout format json\n"
		    " server p 127.0.0.1:2 send-proxy-v2");
	ck_assert(str_eq(embed_parts(&memory, &emitted),
			 S("poller_epoll mux_h1 regex_pcre2 balance_roundrobin log_json hs_monitor "
			   "hs_conn_in hs_send_proxy_v2 "
			   "action_DENY action_DROP subject_PATH subject_SRC")));
	ck_assert(emit_of("listen t\n mode tcp\n bind :1\n server s 127.0.0.1:1\n"));
	ck_assert(str_eq(embed_parts(&memory, &emitted),
			 S("poller_epoll mux_tcp balance_roundrobin")));
	ck_assert(emit_of("global\n poller io_uring\nlisten t\n mode tcp\n bind :1\n server s "
			  "127.0.0.1:1\n"));
	ck_assert(str_eq(embed_parts(&memory, &emitted),
			 S("poller_epoll poller_uring mux_tcp balance_roundrobin")));
}
END_TEST

START_TEST(what_was_cut_off_a_table_is_not_found_again)
{
	struct table t;
	uint32_t first;

	table_init(&t, &memory, 1);
	ck_assert_uint_eq(table_put(&t, "abc", 3), 0);
	ck_assert_uint_eq(table_put(&t, "defg", 4), 3);
	table_cut(&t, 3);
	ck_assert_uint_eq(table_add(&t, NULL, 2), 3);
	ck_assert(memcmp(table_row(&t, 0), "abc\0\0", 5) == 0);
	first = table_put(&t, "defg", 4);
	ck_assert(first >= 5 && memcmp(table_row(&t, first), "defg", 4) == 0);
	for (uint32_t i = 0; i < 1000; i++) /* its index grows, too */
		table_put(&t, &i, sizeof(i));
	ck_assert_uint_eq(table_put(&t, "abc", 3), 0);
	ck_assert_uint_eq(table_put(&t, "defg", 4), first);
}
END_TEST

/* Together in one list, two regular expressions are merged to find out what that would cost. */
START_TEST(a_list_in_line_leaves_no_merged_automata)
{
	uint32_t apart;

	listen_with(" req in deny path =~ \"a[0-9]+b\"\n req out deny path =~ \"c[0-9]+d\"");
	decide_build(&emitted, DECIDE_AUTO);
	apart = ROWS(AUTOMATA);
	listen_with(" req in deny path =~ \"a[0-9]+b\"\n req in deny path =~ \"c[0-9]+d\"");
	decide_build(&emitted, DECIDE_AUTO);
	ck_assert_uint_eq(ROWS(DECIDES), 0);
	ck_assert_uint_gt(apart, 0);
	ck_assert_uint_eq(ROWS(AUTOMATA), apart);
}
END_TEST

START_TEST(an_embedded_text_is_read_back_and_a_cut_one_refused)
{
	struct embed m = { .version = S("1"),
			   .name = S("n"),
			   .source = S("s"),
			   .program_digest = S("p"),
			   .runtime = S("r"),
			   .parts = S("a b"),
			   .program = S("weir-program\nx"),
			   .abi = 7 },
		     got;
	size_t at;
	struct str text = embed_write(&memory, &m, &at);

	ck_assert_ptr_null(embed_read(text, &got));
	ck_assert(str_eq(got.program, m.program));
	ck_assert_ptr_eq(got.program.p, text.p + at);
	ck_assert(str_eq(got.parts, m.parts));
	ck_assert_uint_eq(got.abi, 7);
	for (size_t n = 0; n < text.n; n++)
		ck_assert_ptr_nonnull(embed_read(str_first(text, n), &got));
}
END_TEST

Suite *emit_suite(void);
Suite *emit_suite(void)
{
	Suite *s = suite_create("emit");
	TCase *t = tcase_create("emit");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, graph_has_the_truth_of_the_condition);
	tcase_add_test(t, later_tests_are_not_made_when_earlier_ones_decide);
	tcase_add_test(t, equal_tests_share_a_row_negated_or_not);
	tcase_add_test(t, a_condition_without_bound_is_refused);
	tcase_add_test(t, settings_with_params_are_bound_by_row);
	tcase_add_test(t, redispatch_is_off_last_or_counted);
	tcase_add_test(t, settings_get_their_rows);
	tcase_add_test(t, networks_with_params_are_parsed_at_start);
	tcase_add_test(t, addresses_are_written_as_they_are_read);
	tcase_add_test(t, only_used_parts_are_named);
	tcase_add_test(t, what_was_cut_off_a_table_is_not_found_again);
	tcase_add_test(t, a_list_in_line_leaves_no_merged_automata);
	tcase_add_test(t, an_embedded_text_is_read_back_and_a_cut_one_refused);
	suite_add_tcase(s, t);
	return s;
}
