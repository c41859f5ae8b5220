/* SPDX-License-Identifier: Apache-2.0 */
/* S74: the coding of fields, by the examples of RFC 7541 appendix C and by what is around them. */
#include "../../../runtime/http/hpack.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../runtime/core/pool.h"
#include "../../../runtime/http/hpack_huffman.h"

Suite *hpack_suite(void);

/* What a decoder gave: "name=value\n" of each field, "!" before those never to be indexed. */
struct fields {
	char text[20000];
	size_t n;
	unsigned count;
	unsigned flags; /* of all */
	uint8_t id; /* of the last */
};

static bool note(void *arg, const struct hpack_field *f)
{
	struct fields *to = arg;
	size_t need = f->name.n + f->value.n + 4;

	if (to->n + need < sizeof(to->text))
		to->n += (size_t)snprintf(to->text + to->n, sizeof(to->text) - to->n,
					  "%s%.*s=%.*s\n", f->flags & HPACK_NEVER ? "!" : "",
					  STR_ARG(f->name), STR_ARG(f->value));
	to->count++;
	to->flags |= f->flags;
	to->id = f->id;
	return true;
}

static size_t unhex(const char *hex, char *out)
{
	size_t n = 0;

	for (; *hex; hex++) {
		char pair[3] = { hex[0], hex[0] == ' ' ? ' ' : hex[1], 0 };

		if (*hex == ' ')
			continue;
		out[n++] = (char)strtoul(pair, NULL, 16);
		hex++;
	}
	return n;
}

static enum hpack_result decode(struct hpack_in *d, struct str in, struct fields *to)
{
	struct hpack_list list = { .bytes_max = 65536, .fields_max = 100 };
	size_t used;

	to->n = to->count = to->flags = 0;
	to->text[0] = 0;
	return hpack_decode(d, &list, in, &used, note, to);
}

/* Decodes <hex>, which is a whole block. */
static enum hpack_result decode_hex(struct hpack_in *d, const char *hex, struct fields *to)
{
	static char bytes[70000];

	return decode(d, str_of(bytes, unhex(hex, bytes)), to);
}

#define REQUEST(path, scheme)                                                                      \
	":method=GET\n:scheme=" scheme "\n:path=" path "\n:authority=www.example.com\n"
#define DATE(s) "date=Mon, 21 Oct 2013 20:13:" s " GMT\n"
#define PLACE "location=https://www.example.com\n"
#define CACHE "cache-control=private\n"
#define LAST                                                                                       \
	":status=200\n" CACHE DATE("22") PLACE                                                     \
		"content-encoding=gzip\n"                                                          \
		"set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"

/* Appendix C: blocks of one connection follow each other until the next with a table size. */
static const struct {
	unsigned max; /* table of the connection that begins here; 0: goes on */
	const char *hex, *want;
	unsigned size; /* of the table afterwards */
} examples[] = {
	{ 4096, "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
	  "custom-key=custom-header\n", 55 },
	{ 4096, "040c2f73616d706c652f70617468", ":path=/sample/path\n", 0 },
	{ 4096, "100870617373776f726406736563726574", "!password=secret\n", 0 },
	{ 4096, "82", ":method=GET\n", 0 },
	{ 4096, "828684410f7777772e6578616d706c652e636f6d", REQUEST("/", "http"), 57 },
	{ 0, "828684be58086e6f2d6361636865", REQUEST("/", "http") "cache-control=no-cache\n", 110 },
	{ 0, "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
	  REQUEST("/index.html", "https") "custom-key=custom-value\n", 164 },
	{ 4096, "828684418cf1e3c2e5f23a6ba0ab90f4ff", REQUEST("/", "http"), 57 },
	{ 0, "828684be5886a8eb10649cbf", REQUEST("/", "http") "cache-control=no-cache\n", 110 },
	{ 0, "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
	  REQUEST("/index.html", "https") "custom-key=custom-value\n", 164 },
	{ 256,
	  "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d"
	  "546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
	  ":status=302\n" CACHE DATE("21") PLACE, 222 },
	{ 0, "4803333037c1c0bf", ":status=307\n" CACHE DATE("21") PLACE, 222 },
	{ 0,
	  "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f"
	  "6f"
	  "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b20"
	  "76"
	  "657273696f6e3d31",
	  LAST, 215 },
	{ 256,
	  "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c7"
	  "8f"
	  "0b97c8e9ae82ae43d3",
	  ":status=302\n" CACHE DATE("21") PLACE, 222 },
	{ 0, "4883640effc1c0bf", ":status=307\n" CACHE DATE("21") PLACE, 222 },
	{ 0,
	  "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335"
	  "df"
	  "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
	  LAST, 215 },
};
#define EXAMPLES (sizeof(examples) / sizeof(*examples))

/* <d> as it is before example <i>. */
static void before(struct hpack_in *d, unsigned i)
{
	static struct fields got;
	unsigned first = i;

	while (!examples[first].max)
		first--;
	hpack_in_init(d);
	if (examples[first].max != 4096)
		ck_assert_int_eq(decode_hex(d, "3fe101", &got), HPACK_DONE);
	for (; first < i; first++)
		ck_assert_int_eq(decode_hex(d, examples[first].hex, &got), HPACK_DONE);
}

START_TEST(examples_of_the_rfc)
{
	static struct fields got;
	struct hpack_in d;

	before(&d, (unsigned)_i);
	ck_assert_int_eq(decode_hex(&d, examples[_i].hex, &got), HPACK_DONE);
	ck_assert_str_eq(got.text, examples[_i].want);
	ck_assert_uint_eq(d.table.size, examples[_i].size);
	hpack_in_release(&d);
}
END_TEST

START_TEST(a_block_may_come_in_any_pieces)
{
	static struct fields got;
	char bytes[300], *piece;
	size_t n = unhex(examples[_i].hex, bytes);

	for (size_t step = 1; step <= n; step++) {
		struct hpack_list list = { .bytes_max = 65536, .fields_max = 100 };
		struct hpack_in d;
		size_t at = 0, end = 0, used;
		enum hpack_result r = HPACK_MORE;

		before(&d, (unsigned)_i);
		memset(&got, 0, sizeof(got));
		while (end < n) {
			end = end + step < n ? end + step : n;
			piece = malloc(end - at); /* nothing behind it is read */
			memcpy(piece, bytes + at, end - at);
			r = hpack_decode(&d, &list, str_of(piece, end - at), &used, note, &got);
			free(piece);
			ck_assert(r == HPACK_DONE || r == HPACK_MORE);
			ck_assert(r == HPACK_MORE || used == end - at);
			at += used;
		}
		ck_assert_int_eq(r, HPACK_DONE);
		ck_assert_str_eq(got.text, examples[_i].want);
		hpack_in_release(&d);
	}
}
END_TEST

/* What is broken is refused or means something else, and never takes more than its table. */
START_TEST(any_bit_may_flip)
{
	static struct fields got;
	char bytes[300], *copy;
	size_t n = unhex(examples[_i].hex, bytes);

	for (size_t bit = 0; bit < n * 8; bit++) {
		struct hpack_in d;

		before(&d, (unsigned)_i);
		copy = malloc(n);
		memcpy(copy, bytes, n);
		copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
		decode(&d, str_of(copy, n), &got);
		ck_assert_uint_le(d.table.size, d.table.max);
		free(copy);
		hpack_in_release(&d);
	}
}
END_TEST

static const struct {
	const char *hex;
	enum hpack_result want;
	const char *why;
} blocks[] = {
	{ "", HPACK_DONE, "nothing" },
	{ "80", HPACK_BAD, "index 0, 2.3.3" },
	{ "be", HPACK_BAD, "index behind an empty table, 2.3.3" },
	{ "bd", HPACK_DONE, "the last of the static table" },
	{ "7f80010161", HPACK_BAD, "name behind an empty table" },
	{ "ffffffff7f", HPACK_BAD, "a far index" },
	{ "ff8080808000", HPACK_BAD, "an integer with more than 28 bits, 5.1" },
	{ "ff80808000", HPACK_BAD, "index 127 in five bytes" },
	{ "ffffffffffffffffffffff01", HPACK_BAD, "an integer over 64 bits, 5.1" },
	{ "3fe11f", HPACK_DONE, "size 4096" },
	{ "3fe21f", HPACK_BAD, "size 4097, 6.3" },
	{ "20", HPACK_DONE, "size 0" },
	{ "203fe11f", HPACK_DONE, "two size updates, 4.2" },
	{ "8220", HPACK_BAD, "size update behind a field, 4.2" },
	{ "203fe11f8220", HPACK_BAD, "size update behind a field, 4.2" },
	{ "00016100", HPACK_DONE, "an empty value" },
	{ "00000161", HPACK_DONE, "an empty name is of the right form" },
	{ "00016181ff", HPACK_BAD, "eight bits of padding, 5.2" },
	{ "0001618118", HPACK_BAD, "padding that is not of EOS, 5.2" },
	{ "000161811f", HPACK_DONE, "a, and three bits of padding" },
	{ "00016182fffe", HPACK_BAD, "the start of a long code" },
	{ "00016184ffffffff", HPACK_BAD, "EOS, 5.2" },
	{ "00016184fffffffc", HPACK_BAD, "EOS, 5.2" },
	{ "00016180", HPACK_DONE, "an empty value in Huffman's code" },
	{ "007fffffff7f61", HPACK_BAD, "a name longer than any limit" },
	{ "0001617f81ff0361", HPACK_BAD, "a value of 65536 bytes behind a name of 1" },
	{ "0001617f80ff0361", HPACK_MORE, "a value of 65535 bytes" },
	{ "40", HPACK_MORE, "" },
	{ "4001", HPACK_MORE, "" },
	{ "400161", HPACK_MORE, "" },
	{ "40016102", HPACK_MORE, "" },
	{ "4001610262", HPACK_MORE, "" },
	{ "ff80", HPACK_MORE, "" },
};

START_TEST(blocks_are_refused_by_the_rules)
{
	static struct fields got;
	struct hpack_in d;

	hpack_in_init(&d);
	ck_assert_msg(decode_hex(&d, blocks[_i].hex, &got) == blocks[_i].want, "%s: %s",
		      blocks[_i].hex, blocks[_i].why);
	hpack_in_release(&d);
}
END_TEST

static const struct {
	const char *name, *value;
	unsigned id, flags;
} looks[] = {
	{ "host", "a", FIELD_HOST, 0 },
	{ "x", "a\tb \x80\xff", FIELD_OTHER, 0 },
	{ ":path", "/", HPACK_PATH, 0 },
	{ ":protocol", "websocket", HPACK_PROTOCOL, 0 },
	{ ":pat", "/", FIELD_OTHER, HPACK_BAD_NAME },
	{ ":", "/", FIELD_OTHER, HPACK_BAD_NAME },
	{ "", "/", FIELD_OTHER, HPACK_BAD_NAME },
	{ "Host", "a", FIELD_OTHER, HPACK_BAD_NAME },
	{ "content\rlength", "1", FIELD_OTHER, HPACK_BAD_NAME },
	{ "a b", "1", FIELD_OTHER, HPACK_BAD_NAME },
	{ "a:", "1", FIELD_OTHER, HPACK_BAD_NAME },
	{ "x", " a", FIELD_OTHER, HPACK_BAD_VALUE },
	{ "x", "a\t", FIELD_OTHER, HPACK_BAD_VALUE },
	{ "x", "a\nb", FIELD_OTHER, HPACK_BAD_VALUE },
	{ "x", "a\rb", FIELD_OTHER, HPACK_BAD_VALUE },
	{ "x", "\x7f", FIELD_OTHER, HPACK_BAD_VALUE },
};

/* As a literal that is indexed, in Huffman's code or not, and from the table. */
START_TEST(names_and_values_are_looked_at_once)
{
	static struct fields got;
	struct str parts[2] = { str_from(looks[_i].name), str_from(looks[_i].value) };
	struct hpack_in d;

	hpack_in_init(&d);
	for (int huffman = 0; huffman < 2; huffman++) {
		uint8_t block[200], *p = block;

		*p++ = 0x40;
		for (int k = 0; k < 2; k++) {
			*p++ = (uint8_t)(huffman ? 0x80 | hpack_huffman_size(parts[k])
						 : parts[k].n);
			if (huffman) {
				p = hpack_huffman_encode(parts[k], p);
			} else {
				memcpy(p, parts[k].p, parts[k].n);
				p += parts[k].n;
			}
		}
		ck_assert_int_eq(decode(&d, str_of((char *)block, (size_t)(p - block)), &got),
				 HPACK_DONE);
		ck_assert_uint_eq(got.id, looks[_i].id);
		ck_assert_uint_eq(got.flags, looks[_i].flags);
		ck_assert_int_eq(decode_hex(&d, "be", &got), HPACK_DONE);
		ck_assert_uint_eq(got.id, looks[_i].id);
		ck_assert_uint_eq(got.flags, looks[_i].flags);
	}
	/* A name from the table is as bad as it was, its new value is not. */
	ck_assert_int_eq(decode_hex(&d, "0f2f0161", &got), HPACK_DONE);
	ck_assert_uint_eq(got.flags, looks[_i].flags & HPACK_BAD_NAME);
	hpack_in_release(&d);
}
END_TEST

/* A kilobyte that names one large entry again and again: past the limits nothing is given. */
START_TEST(a_bomb_costs_its_limits)
{
	static struct fields got;
	struct hpack_list list = { .bytes_max = 20000, .fields_max = 100 };
	struct hpack_in d;
	char block[5100] = "\x40\x01x\x7f\xa1\x1e";
	size_t n = 6 + 4000, used;

	hpack_in_init(&d);
	memset(block + 6, 'y', 4000);
	memset(block + n, 0xbe, 1000);
	ck_assert_int_eq(hpack_decode(&d, &list, str_of(block, n + 1000), &used, note, &got),
			 HPACK_DONE);
	ck_assert_uint_eq(got.count, 4);
	ck_assert(list.over);
	ck_assert_uint_eq(list.fields, 5);
	/* The table went on: the entry is still the newest. */
	ck_assert_int_eq(decode_hex(&d, "be", &got), HPACK_DONE);
	ck_assert_uint_eq(got.count, 1);
	hpack_in_release(&d);
}
END_TEST

START_TEST(past_a_limit_the_table_stays_in_step)
{
	static struct fields got;
	struct hpack_list list = { .bytes_max = 1000, .fields_max = 1 };
	struct hpack_in d;
	size_t used;

	hpack_in_init(&d);
	ck_assert_int_eq(hpack_decode(&d, &list,
				      S("\x40\x01"
					"a\x01"
					"b\x40\x01"
					"c\x01"
					"d"),
				      &used, note, &got),
			 HPACK_DONE);
	ck_assert(list.over);
	ck_assert_uint_eq(got.count, 1);
	ck_assert_int_eq(decode_hex(&d, "bebf", &got), HPACK_DONE);
	ck_assert_str_eq(got.text, "c=d\na=b\n");
	hpack_in_release(&d);
}
END_TEST

static bool refuse(void *arg, const struct hpack_field *f)
{
	(void)f;
	++*(unsigned *)arg;
	return false;
}

START_TEST(a_visitor_may_end_the_list)
{
	struct hpack_list list = { .bytes_max = 1000, .fields_max = 10 };
	unsigned calls = 0;
	struct hpack_in d;
	size_t used;

	hpack_in_init(&d);
	ck_assert_int_eq(hpack_decode(&d, &list, S("\x82\x84\x86"), &used, refuse, &calls),
			 HPACK_DONE);
	ck_assert_uint_eq(used, 3);
	ck_assert_uint_eq(calls, 1);
	ck_assert(list.over);
	hpack_in_release(&d);
}
END_TEST

/* RFC 7541 4.2: a limit that was lowered is followed in the next block. */
START_TEST(a_lower_limit_is_asked_for)
{
	static struct fields got;
	struct hpack_in d;

	hpack_in_init(&d);
	hpack_in_limit(&d, 100);
	ck_assert_int_eq(decode_hex(&d, "82", &got), HPACK_BAD);
	ck_assert_int_eq(decode_hex(&d, "3f46", &got), HPACK_BAD); /* 101 */
	ck_assert_int_eq(decode_hex(&d, "3f4582", &got), HPACK_DONE);
	ck_assert_int_eq(decode_hex(&d, "82", &got), HPACK_DONE);
	hpack_in_release(&d);
}
END_TEST

/* RFC 7541 4.4: the name of a new entry may be the one that it drives out. */
START_TEST(a_name_outlives_its_entry)
{
	static struct fields got;
	struct hpack_in d;
	char block[200] = "\x40\x04name\x3c";

	hpack_in_init(&d);
	ck_assert_int_eq(decode_hex(&d, "3f45", &got), HPACK_DONE); /* 100: one entry of 96 */
	memset(block + 7, 'v', 60);
	ck_assert_int_eq(decode(&d, str_of(block, 67), &got), HPACK_DONE);
	ck_assert_uint_eq(d.table.size, 96);
	for (int i = 0; i < 20; i++) {
		memcpy(block, "\x7e\x3c", 2);
		memset(block + 2, 'a' + i, 60);
		ck_assert_int_eq(decode(&d, str_of(block, 62), &got), HPACK_DONE);
		ck_assert_int_eq(decode_hex(&d, "be", &got), HPACK_DONE);
		ck_assert_msg(!strncmp(got.text, "name=", 5) && got.text[5] == 'a' + i &&
				      got.n == 66,
			      "%s", got.text);
		ck_assert_int_eq(decode_hex(&d, "bf", &got), HPACK_BAD);
	}
	/* Too large a field empties the table. */
	memset(block + 2, 'z', 70);
	block[1] = 70;
	ck_assert_int_eq(decode(&d, str_of(block, 72), &got), HPACK_DONE);
	ck_assert_uint_eq(d.table.size, 0);
	ck_assert_int_eq(decode_hex(&d, "be", &got), HPACK_BAD);
	hpack_in_release(&d);
}
END_TEST

static uint64_t in_use(void)
{
	struct pool_count rows[POOLS_MAX];
	unsigned n = pool_counts(rows, POOLS_MAX);
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		if (!strncmp(rows[i].name, "hpack-", 6))
			bytes += rows[i].in_use * rows[i].size;
	return bytes;
}

START_TEST(an_unused_side_has_no_memory)
{
	static struct fields got;
	struct hpack_out e;
	struct hpack_in d;
	uint8_t block[200];

	hpack_in_init(&d);
	hpack_out_init(&e);
	ck_assert_int_eq(decode_hex(&d, "828684", &got), HPACK_DONE);
	hpack_put_status(&e, block, 200);
	ck_assert_uint_eq(in_use(), 0);
	/* The first request of a connection and its answer. */
	ck_assert_int_eq(decode_hex(&d, examples[4].hex, &got), HPACK_DONE);
	ck_assert_uint_eq(in_use(), 640);
	hpack_put(&e, block, FIELD_SERVER, S(""), S("origin"), 0);
	ck_assert_uint_le(in_use(), 640 * 2 + 400);
	ck_assert_int_eq(decode_hex(&d, "20", &got), HPACK_DONE);
	ck_assert_uint_le(in_use(), 640 + 400);
	hpack_in_release(&d);
	hpack_out_release(&e);
	ck_assert_uint_eq(in_use(), 0);
}
END_TEST

Suite *hpack_suite(void)
{
	Suite *s = suite_create("hpack");
	TCase *t = tcase_create("decode");

	tcase_add_unchecked_fixture(t, msg_setup, NULL);
	tcase_add_unchecked_fixture(t, hpack_setup, NULL);
	tcase_add_loop_test(t, examples_of_the_rfc, 0, EXAMPLES);
	tcase_add_loop_test(t, a_block_may_come_in_any_pieces, 0, EXAMPLES);
	tcase_add_loop_test(t, any_bit_may_flip, 0, EXAMPLES);
	tcase_add_loop_test(t, blocks_are_refused_by_the_rules, 0,
			    sizeof(blocks) / sizeof(*blocks));
	tcase_add_loop_test(t, names_and_values_are_looked_at_once, 0,
			    sizeof(looks) / sizeof(*looks));
	tcase_add_test(t, a_bomb_costs_its_limits);
	tcase_add_test(t, past_a_limit_the_table_stays_in_step);
	tcase_add_test(t, a_visitor_may_end_the_list);
	tcase_add_test(t, a_lower_limit_is_asked_for);
	tcase_add_test(t, a_name_outlives_its_entry);
	tcase_add_test(t, an_unused_side_has_no_memory);
	suite_add_tcase(s, t);
	return s;
}
