/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "../../../runtime/http/h2_frame.h"

Suite *h2_frame_suite(void);

struct rule {
	const char *name;
	struct h2_frame f;
	int code; /* -1: good */
	bool stream;
};

#define PADDED H2_FLAG_PADDED
#define ACK H2_FLAG_ACK
#define PRIO H2_FLAG_PRIORITY

/* RFC 9113 4.2 and 6: what one frame alone shows. */
static const struct rule rules[] = {
	{ "largest", { 16384, 1, H2_DATA, 0 }, -1, false },
	{ "too large", { 16385, 1, H2_DATA, 0 }, H2_FRAME_SIZE_ERROR, false },
	{ "unknown too large", { 16385, 0, 99, 0 }, H2_FRAME_SIZE_ERROR, false },
	{ "unknown", { 3, 0, 99, 255 }, -1, false },
	{ "DATA on 0", { 1, 0, H2_DATA, 0 }, H2_PROTOCOL_ERROR, false },
	{ "DATA padded, empty", { 0, 1, H2_DATA, PADDED }, H2_FRAME_SIZE_ERROR, false },
	{ "DATA padded", { 1, 1, H2_DATA, PADDED }, -1, false },
	{ "HEADERS on 0", { 1, 0, H2_HEADERS, 0 }, H2_PROTOCOL_ERROR, false },
	{ "HEADERS with priority", { 5, 1, H2_HEADERS, PRIO }, -1, false },
	{ "HEADERS with less", { 4, 1, H2_HEADERS, PRIO }, H2_FRAME_SIZE_ERROR, false },
	{ "HEADERS with both", { 5, 1, H2_HEADERS, PRIO | PADDED }, H2_FRAME_SIZE_ERROR, false },
	{ "PRIORITY", { 5, 1, H2_PRIORITY, 0 }, -1, false },
	{ "PRIORITY on 0", { 5, 0, H2_PRIORITY, 0 }, H2_PROTOCOL_ERROR, false },
	{ "PRIORITY of 4", { 4, 1, H2_PRIORITY, 0 }, H2_FRAME_SIZE_ERROR, true },
	{ "RST_STREAM", { 4, 1, H2_RST_STREAM, 0 }, -1, false },
	{ "RST_STREAM on 0", { 4, 0, H2_RST_STREAM, 0 }, H2_PROTOCOL_ERROR, false },
	{ "RST_STREAM of 3", { 3, 1, H2_RST_STREAM, 0 }, H2_FRAME_SIZE_ERROR, false },
	{ "SETTINGS", { 12, 0, H2_SETTINGS, 0 }, -1, false },
	{ "SETTINGS on 1", { 6, 1, H2_SETTINGS, 0 }, H2_PROTOCOL_ERROR, false },
	{ "SETTINGS of 5", { 5, 0, H2_SETTINGS, 0 }, H2_FRAME_SIZE_ERROR, false },
	{ "acknowledgement", { 0, 0, H2_SETTINGS, ACK }, -1, false },
	{ "acknowledgement of 6", { 6, 0, H2_SETTINGS, ACK }, H2_FRAME_SIZE_ERROR, false },
	{ "PUSH_PROMISE", { 9, 1, H2_PUSH_PROMISE, 0 }, H2_PROTOCOL_ERROR, false },
	{ "PING", { 8, 0, H2_PING, 0 }, -1, false },
	{ "PING of 9", { 9, 0, H2_PING, 0 }, H2_FRAME_SIZE_ERROR, false },
	{ "PING on 1", { 8, 1, H2_PING, 0 }, H2_PROTOCOL_ERROR, false },
	{ "GOAWAY", { 8, 0, H2_GOAWAY, 0 }, -1, false },
	{ "GOAWAY of 7", { 7, 0, H2_GOAWAY, 0 }, H2_FRAME_SIZE_ERROR, false },
	{ "GOAWAY on 1", { 8, 1, H2_GOAWAY, 0 }, H2_PROTOCOL_ERROR, false },
	{ "WINDOW_UPDATE", { 4, 0, H2_WINDOW_UPDATE, 0 }, -1, false },
	{ "WINDOW_UPDATE of 5", { 5, 1, H2_WINDOW_UPDATE, 0 }, H2_FRAME_SIZE_ERROR, false },
	{ "CONTINUATION on 0", { 1, 0, H2_CONTINUATION, 0 }, H2_PROTOCOL_ERROR, false },
};

START_TEST(size_and_stream_are_checked)
{
	const struct rule *r = &rules[_i];
	const struct h2_error *err = h2_frame_check(&r->f);

	ck_assert_msg((err ? err->code : -1) == r->code, "%s: %d", r->name, err ? err->code : -1);
	ck_assert_msg(!err || err->stream == r->stream, "%s: scope", r->name);
}
END_TEST

START_TEST(head_survives_writing_and_reading)
{
	static const struct h2_frame frames[] = {
		{ 0, 0, 0, 0 },
		{ 0xffffff, 0x7fffffff, 0xff, 0xff },
		{ 0x010203, 0x04050607, H2_PING, ACK },
	};
	char text[H2_FRAME_HEAD];

	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		struct h2_frame f;

		h2_frame_write(text, &frames[i]);
		f = h2_frame_read(text);
		ck_assert(f.len == frames[i].len && f.stream == frames[i].stream &&
			  f.type == frames[i].type && f.flags == frames[i].flags);
	}
	memset(text, 0xff, sizeof(text));
	ck_assert_uint_eq(h2_frame_read(text).stream, 0x7fffffff); /* RFC 9113 4.1 */
}
END_TEST

START_TEST(padding_and_priority_are_taken_off)
{
	struct h2_frame f = { 0, 3, H2_HEADERS, PADDED | PRIO };
	struct str block;

	ck_assert_ptr_null(h2_headers_read(&f, str_of("\2\0\0\0\1\20ab\0\0", 10), &block));
	ck_assert(str_eq(block, S("ab")));
	ck_assert_ptr_null(h2_headers_read(&f, str_of("\2\0\0\0\1\20\0\0", 8), &block));
	ck_assert_uint_eq(block.n, 0);
	ck_assert_int_eq(h2_headers_read(&f, str_of("\3\0\0\0\1\20\0\0", 8), &block)->code,
			 H2_PROTOCOL_ERROR);
	/* A stream that depends on itself, RFC 7540 5.3.1. */
	ck_assert(h2_headers_read(&f, str_of("\0\x80\0\0\3\20ab", 8), &block)->stream);
	ck_assert(str_eq(block, S("ab")));
	f = (struct h2_frame) { 5, 3, H2_PRIORITY, 0 };
	ck_assert_ptr_null(h2_priority_read(&f, str_of("\0\0\0\1\0", 5)));
	ck_assert(h2_priority_read(&f, str_of("\0\0\0\3\0", 5))->stream);
}
END_TEST

START_TEST(padding_of_data_is_shorter_than_the_frame)
{
	struct h2_frame f = { 5, 1, H2_DATA, PADDED };
	uint32_t pad;

	ck_assert_ptr_null(h2_data_padding(&f, 4, &pad));
	ck_assert_uint_eq(pad, 4);
	ck_assert_int_eq(h2_data_padding(&f, 5, &pad)->code, H2_PROTOCOL_ERROR);
}
END_TEST

START_TEST(settings_have_valid_values)
{
	static const struct {
		struct h2_setting s;
		int code;
	} rows[] = {
		{ { H2_SET_ENABLE_PUSH, 1 }, -1 },
		{ { H2_SET_ENABLE_PUSH, 2 }, H2_PROTOCOL_ERROR },
		{ { H2_SET_INITIAL_WINDOW_SIZE, 0x7fffffff }, -1 },
		{ { H2_SET_INITIAL_WINDOW_SIZE, 0x80000000 }, H2_FLOW_CONTROL_ERROR },
		{ { H2_SET_MAX_FRAME_SIZE, 16383 }, H2_PROTOCOL_ERROR },
		{ { H2_SET_MAX_FRAME_SIZE, 16384 }, -1 },
		{ { H2_SET_MAX_FRAME_SIZE, 0xffffff }, -1 },
		{ { H2_SET_MAX_FRAME_SIZE, 0x1000000 }, H2_PROTOCOL_ERROR },
		{ { 0xff, 0xffffffff }, -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[H2_SETTING_BYTES];
		struct h2_setting s;
		const struct h2_error *err;

		ck_assert_uint_eq(h2_setting_write(text, rows[i].s), sizeof(text));
		err = h2_setting_read(text, &s);
		ck_assert_int_eq(err ? err->code : -1, rows[i].code);
		ck_assert(s.id == rows[i].s.id && s.value == rows[i].s.value);
	}
}
END_TEST

START_TEST(a_window_grows_by_something)
{
	struct h2_frame conn = { 4, 0, H2_WINDOW_UPDATE, 0 },
			stream = { 4, 1, H2_WINDOW_UPDATE, 0 };
	uint32_t add;

	ck_assert_ptr_null(h2_window_read(&conn, str_of("\xff\xff\xff\xff", 4), &add));
	ck_assert_uint_eq(add, 0x7fffffff);
	ck_assert(!h2_window_read(&conn, str_of("\x80\0\0\0", 4), &add)->stream);
	ck_assert(h2_window_read(&stream, str_of("\0\0\0\0", 4), &add)->stream);
}
END_TEST

Suite *h2_frame_suite(void)
{
	Suite *s = suite_create("h2_frame");
	TCase *t = tcase_create("rules");

	tcase_add_loop_test(t, size_and_stream_are_checked, 0, sizeof(rules) / sizeof(*rules));
	tcase_add_test(t, head_survives_writing_and_reading);
	tcase_add_test(t, padding_and_priority_are_taken_off);
	tcase_add_test(t, padding_of_data_is_shorter_than_the_frame);
	tcase_add_test(t, settings_have_valid_values);
	tcase_add_test(t, a_window_grows_by_something);
	suite_add_tcase(s, t);
	return s;
}
