/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../runtime/ops/log_writer.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../runtime/core/poll.h"
#include "../../../runtime/core/thread.h"
#include "../runtime_log.h"

Suite *log_suite(void);

extern const struct log_part log_http, log_json;

static char all_bytes[256];
static const struct str cap_names[2] = { { "first", 5 }, { "second", 6 } };
static struct str cap_values[2];

static struct str line_of(const struct log_part *part, const struct log_record *r)
{
	static char text[1 << 17];
	struct log_out o = { .p = text, .room = sizeof(text) - 1 };

	part->line(&o, r);
	ck_assert(!o.cut);
	text[o.n] = 0;
	return str_of(text, o.n);
}

START_TEST(a_text_line_holds_the_fields_in_order)
{
	struct log_record r = log_sample();
	struct str s;

	cap_values[0] = S("v|1");
	cap_values[1] = S("");
	r.caps_in = (struct log_caps) { cap_names, cap_values, 2 };
	s = line_of(&log_http, &r);
	ck_assert_ptr_eq(strstr(s.p, "192.0.2.7:4711 [17/Nov/2026:15:00:00.123] www app/a "
				     "1/0/2/30/34 200 1234 -- "
				     "5/0/0/0/+1 0/0 {v\\x7C1|} \"GET /x?y=1 HTTP/1.1\" id="),
			 s.p);
	ck_assert_ptr_nonnull(strstr(s.p, " rule=site.weir:31 in=99 reuse=s"));
	r.kind = LOG_TCP;
	s = line_of(&log_http, &r);
	ck_assert_ptr_eq(
		strstr(s.p, "192.0.2.7:4711 [17/Nov/2026:15:00:00.123] www app/a 0/2/34 1234 -- "
			    "5/0/0/0/+1 0/0 id="),
		s.p);
}
END_TEST

START_TEST(json_has_stable_names)
{
	static const char *const names[] = {
#define LOG_FIELD(type, member, name, kinds, doc) name,
#include "../../../runtime/core/log_field.def"
	};
	struct log_record r = log_sample();
	struct str s = line_of(&log_json, &r);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char key[80];

		snprintf(key, sizeof(key), "\"%s\":", names[i]);
		ck_assert_msg(strstr(s.p, key) != NULL, "no %s", names[i]);
		ck_assert_ptr_null(strstr(strstr(s.p, key) + 1, key));
	}
	ck_assert_ptr_nonnull(
		strstr(s.p, "{\"type\":\"http\",\"time\":\"2026-11-17T15:00:00.123456Z\""));
	ck_assert_ptr_nonnull(strstr(s.p, "\"server_address\":\"\""));
	r.t_connect = -1;
	ck_assert_ptr_nonnull(strstr(line_of(&log_json, &r).p, "\"connect_ms\":null"));
	r.kind = LOG_TCP;
	ck_assert_ptr_null(strstr(line_of(&log_json, &r).p, "\"status\""));
}
END_TEST

/* Every byte in every text. */
static struct log_record hostile(void)
{
	struct log_record r = log_sample();
	struct str s = str_of(all_bytes, sizeof(all_bytes));

	for (int i = 0; i < 256; i++)
		all_bytes[i] = (char)i;
	r.method = r.uri = r.host = r.rule = r.version = r.reason = s;
	r.frontend = r.backend = r.server = s;
	cap_values[0] = cap_values[1] = s;
	r.caps_in = r.caps_out = (struct log_caps) { cap_names, cap_values, 2 };
	r.end[0] = '"';
	r.end[1] = '\n';
	return r;
}

START_TEST(no_byte_can_break_a_text_line)
{
	struct log_record r = hostile();
	struct str s = line_of(&log_http, &r);
	unsigned quotes = 0, open_braces = 0, close_braces = 0;
	const char *caps = strstr(s.p, " 0/0 ");
	bool quoted = false, wrong = false;

	for (size_t i = 0; i < s.n; i++) {
		wrong |= s.p[i] < 0x20 || s.p[i] >= 0x7f;
		if (s.p[i] == '"') {
			quotes++;
			quoted = !quoted;
		}
		wrong |= s.p[i] == '\\' && s.p[i + 1] != 'x';
		open_braces += s.p[i] == '{' && caps && s.p + i > caps && !quotes;
		close_braces += s.p[i] == '}' && caps && s.p + i > caps && !quotes;
	}
	ck_assert(!wrong);
	ck_assert_uint_eq(quotes, 2);
	ck_assert_uint_eq(open_braces, 2);
	ck_assert_uint_eq(close_braces, 2);
	ck_assert_ptr_nonnull(strstr(s.p, "\\x0A"));
	ck_assert_ptr_nonnull(strstr(s.p, "\\x0D"));
	ck_assert_ptr_nonnull(strstr(s.p, "\\x22"));
	ck_assert_ptr_nonnull(strstr(s.p, "\\x5C"));
	ck_assert_ptr_nonnull(strstr(s.p, "\\xFF"));
}
END_TEST

/* Reads one JSON string at <p>, checks its escapes, returns what follows; <out> gets its bytes. */
static const char *json_string(const char *p, char *out, size_t *n)
{
	ck_assert_int_eq(*p++, '"');
	for (*n = 0; *p != '"'; (*n)++) {
		ck_assert(*p >= 0x20 && *p < 0x7f);
		if (*p != '\\') {
			out[*n] = *p++;
		} else if (p[1] == 'u') {
			ck_assert(p[2] == '0' && p[3] == '0');
			out[*n] = (char)strtoul((char[]) { p[4], p[5], 0 }, NULL, 16);
			p += 6;
		} else {
			ck_assert(p[1] == '"' || p[1] == '\\');
			out[*n] = p[1];
			p += 2;
		}
	}
	return p + 1;
}

/* Walks one object, counts members; nested objects hold strings only here. */
static const char *json_object(const char *p, unsigned *members)
{
	static char text[4096];
	size_t n;

	ck_assert_int_eq(*p++, '{');
	while (*p != '}') {
		p = json_string(p, text, &n);
		ck_assert_int_eq(*p++, ':');
		(*members)++;
		if (*p == '"') {
			p = json_string(p, text, &n);
			ck_assert(n != 256 || memcmp(text, all_bytes, 256) == 0);
		} else if (*p == '{') {
			p = json_object(p, members);
		} else {
			p += strspn(p, "0123456789truefalsn");
		}
		ck_assert(*p == ',' || *p == '}');
		p += *p == ',';
	}
	return p + 1;
}

START_TEST(no_byte_can_break_a_json_line)
{
	struct log_record r = hostile();
	struct str s = line_of(&log_json, &r);
	unsigned members = 0;

	ck_assert_ptr_eq(json_object(s.p, &members), s.p + s.n);
	ck_assert_uint_eq(members, 1 + 36 + 4);
}
END_TEST

START_TEST(a_ring_keeps_records_whole_and_counts_what_it_drops)
{
	char text[5000];
	uint64_t put = 0, taken = 0, dropped = 0;
	bool wrong = false;

	log_init(NULL);
	log_be_thread();
	ck_assert_ptr_null(log_first(0));
	for (unsigned i = 0; i < 3000; i++) {
		struct log_record r = log_sample();
		size_t n = i * 37 % 6000;
		const struct log_record *got;

		memset(text, 'a' + (int)(i % 26), sizeof(text));
		r.uri = str_of(text, n < sizeof(text) ? n : sizeof(text));
		cap_values[0] = r.uri;
		cap_values[1] = (struct str) { 0 };
		r.caps_in = (struct log_caps) { cap_names, cap_values, 2 };
		r.status = i;
		if (log_put(&r))
			put++;
		else
			dropped++;
		if (i % 100 < 50)
			continue;
		got = log_first(0);
		ck_assert_ptr_nonnull(got);
		for (size_t k = 0; k < got->uri.n; k++)
			wrong |= got->uri.p[k] != 'a' + (int)(got->status % 26);
		ck_assert(got->uri.n <= LOG_TEXT_MAX && str_eq(got->uri, got->caps_in.values[0]));
		ck_assert_ptr_null(got->caps_in.values[1].p);
		ck_assert(str_eq(got->caps_in.names[1], cap_names[1]));
		log_next(0);
		taken++;
	}
	ck_assert(!wrong);
	for (; log_first(0); taken++)
		log_next(0);
	ck_assert_uint_eq(put, taken);
	ck_assert_uint_gt(dropped, 0);
	ck_assert_uint_eq(log_dropped(), dropped);
	ck_assert_uint_eq(log_dropped(), 0);
	log_free();
}
END_TEST

START_TEST(a_record_s_texts_are_bounded)
{
	static char big[60000];
	struct log_record r = log_sample();
	const struct log_record *got;

	log_init(NULL);
	log_be_thread();
	r.method = r.uri = r.host = r.rule = str_of(big, sizeof(big));
	cap_values[0] = cap_values[1] = r.uri;
	r.caps_in = r.caps_out = (struct log_caps) { cap_names, cap_values, 2 };
	ck_assert(log_put(&r));
	got = log_first(0);
	ck_assert_uint_eq(got->caps_out.values[1].n, LOG_TEXT_MAX);
	ck_assert_uint_eq(got->method.n, 0); /* the record's share is used up */
	ck_assert_uint_lt(line_of(&log_json, got).n, 6 * LOG_RECORD_TEXT + 4096);
	log_next(0);
	log_free();
}
END_TEST

Suite *log_suite(void)
{
	Suite *s = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, a_text_line_holds_the_fields_in_order);
	tcase_add_test(tc, json_has_stable_names);
	tcase_add_test(tc, no_byte_can_break_a_text_line);
	tcase_add_test(tc, no_byte_can_break_a_json_line);
	tcase_add_test(tc, a_ring_keeps_records_whole_and_counts_what_it_drops);
	tcase_add_test(tc, a_record_s_texts_are_bounded);
	suite_add_tcase(s, tc);
	return s;
}
