/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of compiler/decide/ as runtime/base/scan reads them, against every pattern tried one by
 * one (S103). Alphabets are small, so that patterns nest, overlap and are equal. */
#include <check.h>
#include <stdlib.h>

#include "compiler/decide/decide_part.h"
#include "runtime/base/automaton.h"

#define PATTERNS 60
#define ROUNDS 250
#define VALUES 400 /* ROUNDS * VALUES = 10^5 vectors a structure */

static struct arena memory;
static struct emit emitted;
static struct pattern patterns[PATTERNS];
static struct entry entries[PATTERNS];
static uint32_t npatterns, list[PATTERNS];
static uint64_t bits[PATTERNS / 64 + 1], seed;
static struct scan_set found;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static void setup(void)
{
	seed = 1;
}

static void teardown(void)
{
	arena_free(&memory);
}

static void begin(void)
{
	arena_free(&memory);
	memset(&emitted, 0, sizeof(emitted));
	emitted.arena = &memory;
	table_init(&emitted.tables[EMIT_DECIDE_WORDS], &memory, sizeof(uint32_t));
	decide_words(&emitted, 1);
	npatterns = 1 + random_below(PATTERNS);
	memset(patterns, 0, sizeof(patterns));
	for (uint32_t i = 0; i < npatterns; i++)
		entries[i] = (struct entry) { .p = &patterns[i], .literal = i, .weight = 1 };
}

static void forget(void)
{
	found = (struct scan_set) { .bits = bits, .list = list };
	memset(bits, 0, sizeof(bits));
}

static struct str random_text(uint32_t most, const char *alphabet)
{
	uint32_t n = random_below(most + 1), letters = (uint32_t)strlen(alphabet);
	char *p = arena_get(&memory, n + 1);

	for (uint32_t i = 0; i < n; i++)
		p[i] = alphabet[random_below(letters)];
	return str_of(p, n);
}

static bool delimiter(char c, bool host)
{
	return host ? c == '.' : c == '/' || c == '?';
}

/* As runtime/proxy/rule.c has it, said another way. */
static bool holds(const struct pattern *p, struct str v, bool host)
{
	struct str t = p->text, at;
	bool end = p->kind == PATTERN_END;

	if (p->kind == PATTERN_INSIDE) {
		for (size_t i = 0; i + t.n <= v.n; i++) {
			char d = p->how == SCAN_SLASH ? '/' : '.';

			if (!str_eq(str_of(v.p + i, t.n), t))
				continue;
			if (p->how == SCAN_HERE ||
			    ((i == 0 || v.p[i - 1] == d) && (i + t.n == v.n || v.p[i + t.n] == d)))
				return true;
		}
		return false;
	}
	if (v.n < t.n)
		return false;
	at = end ? str_skip(v, v.n - t.n) : str_first(v, t.n);
	if (!str_eq(at, t) || (p->how == SCAN_WHOLE && v.n != t.n))
		return false;
	if (p->how != SCAN_BOUND || v.n == t.n)
		return true;
	return end ? delimiter(v.p[v.n - t.n - 1], host) || delimiter(v.p[v.n - t.n], host)
		   : delimiter(v.p[t.n], host) || delimiter(v.p[t.n - 1], host);
}

static void same_as_each(struct str v, bool fold, bool host)
{
	char *lower = arena_get(&memory, v.n + 1);
	uint32_t n = 0;

	str_lower(lower, v);
	for (uint32_t i = 0; i < npatterns; i++) {
		bool want = holds(&patterns[i], fold ? str_of(lower, v.n) : v, host);

		if (want != scan_has(&found, i))
			ck_abort_msg("'%.*s' in '%.*s', how %d, host %d", STR_ARG(patterns[i].text),
				     STR_ARG(v), (int)patterns[i].how, host);
		n += want;
	}
	ck_assert_uint_eq(found.n, n);
}

static void texts(enum pattern_kind kind, bool fold)
{
	for (uint32_t i = 0; i < npatterns; i++) {
		patterns[i].kind = kind;
		patterns[i].how = (enum scan_kind)random_below(3);
		do
			patterns[i].text = random_text(6, fold ? "ab/.\xc3\x01" : "abA/.\xc3\xff");
		while (!patterns[i].text.n);
	}
}

/* Starts and ends, in both cases, of names and of paths. */
START_TEST(trees)
{
	for (int round = 0; round < ROUNDS; round++) {
		bool fold = round & 1, reverse = round & 2, host = round & 4;
		uint32_t worst = 0, root, most = 0;

		begin();
		texts(reverse ? PATTERN_END : PATTERN_START, fold);
		root = decide_tree(&emitted, entries, npatterns, reverse, &worst);
		for (int k = 0; k < VALUES; k++) {
			struct str v = random_text(9, "abAB/.?\xc3\xff");

			forget();
			scan_tree(decide_word(&emitted, 0), root, v,
				  (fold ? SCAN_FOLD : 0) | (reverse ? SCAN_REVERSE : 0) |
					  (host ? SCAN_HOST : 0),
				  &found);
			same_as_each(v, fold, host);
			most = found.n > most ? found.n : most;
		}
		ck_assert_uint_le(most, worst);
	}
}
END_TEST

START_TEST(finders)
{
	for (int round = 0; round < ROUNDS; round++) {
		bool fold = round & 1;
		uint32_t worst = 0, root;

		begin();
		texts(PATTERN_INSIDE, fold);
		root = decide_finder(&emitted, entries, npatterns, &worst);
		for (int k = 0; k < VALUES; k++) {
			struct str v = random_text(14, "abA/.\xc3\x01");

			forget();
			scan_find(decide_word(&emitted, 0), root, v, fold ? SCAN_FOLD : 0, &found);
			same_as_each(v, fold, false);
		}
	}
}
END_TEST

/* Patterns of three bytes and more are found by a window that moves over several bytes. */
START_TEST(windows)
{
	uint32_t with = 0;

	for (int round = 0; round < ROUNDS; round++) {
		bool fold = round & 1;
		uint32_t worst = 0, root;

		begin();
		npatterns = npatterns < 8 ? npatterns : 8;
		for (uint32_t i = 0; i < npatterns; i++) {
			patterns[i].kind = PATTERN_INSIDE;
			patterns[i].how = (enum scan_kind)random_below(3);
			do
				patterns[i].text =
					random_text(40, fold ? "ab/.\xc3\x01" : "abA/.\xc3\xff");
			while (patterns[i].text.n < 3);
		}
		root = decide_finder(&emitted, entries, npatterns, &worst);
		with += decide_word(&emitted, root)[SCAN_FINDER_WINDOW] != 0;
		for (int k = 0; k < VALUES; k++) {
			struct str v = random_text(60, "abA/.\xc3\x01");
			const struct pattern *p = &patterns[random_below(npatterns)];

			if (random_below(2)) /* with a pattern in it */
				v = arena_printf(&memory, "%.*s%.*s%.*s", STR_ARG(v),
						 STR_ARG(p->text), STR_ARG(random_text(9, "ab/.")));
			forget();
			scan_find(decide_word(&emitted, 0), root, v, fold ? SCAN_FOLD : 0, &found);
			same_as_each(v, fold, false);
		}
	}
	ck_assert_uint_gt(with, ROUNDS / 2);
}
END_TEST

/* A label longer than one node holds, and one pattern inside another. */
START_TEST(long_texts)
{
	size_t n = 3 * SCAN_LABEL_MAX + 5;
	uint32_t worst = 0, root;
	char *p;

	begin();
	p = arena_get(&memory, n);
	memset(p, 'a', n);
	npatterns = 3;
	for (uint32_t i = 0; i < 3; i++) {
		patterns[i].kind = PATTERN_START;
		patterns[i].text = str_of(p, i == 0 ? n : i == 1 ? SCAN_LABEL_MAX + 1 : 1);
	}
	root = decide_tree(&emitted, entries, npatterns, false, &worst);
	ck_assert_uint_eq(worst, 3);
	forget();
	scan_tree(decide_word(&emitted, 0), root, str_of(p, n), 0, &found);
	ck_assert_uint_eq(found.n, 3);
	forget();
	scan_tree(decide_word(&emitted, 0), root, str_of(p, n - 1), 0, &found);
	ck_assert_uint_eq(found.n, 2);
	ck_assert(!scan_has(&found, 0));
	forget();
	scan_tree(decide_word(&emitted, 0), root, (struct str) { 0 }, 0, &found);
	ck_assert_uint_eq(found.n, 0);
}
END_TEST

/* Long labels are compared eight bytes at a time: every byte at every place of one. */
START_TEST(long_labels)
{
	static const char text[] = "k-/[`{z@\xc1\xe1 ab.cde";
	struct str want = str_of(text, sizeof(text) - 1);
	char value[sizeof(text)];

	for (unsigned how = 0; how < 4; how++) {
		uint32_t worst = 0, root;

		begin();
		npatterns = 1;
		patterns[0].kind = how & 1 ? PATTERN_END : PATTERN_START;
		patterns[0].text = want;
		root = decide_tree(&emitted, entries, 1, how & 1, &worst);
		for (size_t at = 0; at < want.n; at++)
			for (int c = 0; c < 256; c++) {
				memcpy(value, text, want.n);
				value[at] = (char)c;
				forget();
				scan_tree(decide_word(&emitted, 0), root, str_of(value, want.n),
					  (how & 1 ? SCAN_REVERSE : 0) | (how & 2 ? SCAN_FOLD : 0),
					  &found);
				ck_assert_uint_eq(found.n, (how & 2 ? ascii_lower((char)c)
								    : (char)c) == text[at]);
			}
	}
}
END_TEST

static int64_t random_number(void)
{
	static const int64_t edges[] = { INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX };

	return random_below(8) ? (int64_t)random_below(40) - 20 : edges[random_below(4)];
}

START_TEST(ranges)
{
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t worst = 0, root;

		begin();
		for (uint32_t i = 0; i < npatterns; i++) {
			int64_t a = random_number(), b = random_number();

			patterns[i].kind = PATTERN_RANGE;
			patterns[i].lo = a < b ? a : b;
			patterns[i].hi = a < b ? b : a;
		}
		root = decide_ranges(&emitted, entries, npatterns, &worst);
		for (int k = 0; k < VALUES; k++) {
			int64_t v = random_number();
			uint32_t n = 0;

			forget();
			scan_range(decide_word(&emitted, 0), root, v, &found);
			for (uint32_t i = 0; i < npatterns; i++) {
				bool want = v >= patterns[i].lo && v <= patterns[i].hi;

				if (want != scan_has(&found, i))
					ck_abort();
				n += want;
			}
			ck_assert_uint_eq(found.n, n);
			ck_assert_uint_le(n, worst);
		}
	}
}
END_TEST

/* One in two is of IPv4; some of the others are just beside those. */
static void random_ip(uint8_t ip[16])
{
	int varied = random_below(2) ? 12 : 0;

	for (int i = 0; i < 16; i++)
		ip[i] = (uint8_t)(i / 4 * 4 == varied ? random_below(4) << random_below(7)
				  : varied            ? (i >= 10 && random_below(40)) * 255
						      : random_below(2) * 255);
}

static bool in_net(const struct p_net *net, const uint8_t ip[16])
{
	for (unsigned bit = 0; bit < net->bits; bit++)
		if ((net->addr[bit / 8] ^ ip[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

START_TEST(nets)
{
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t worst = 0, root;

		begin();
		for (uint32_t i = 0; i < npatterns; i++) {
			struct p_net *net = &patterns[i].net;

			patterns[i].kind = PATTERN_NET;
			random_ip(net->addr);
			net->bits = (uint8_t)(random_below(4) ? random_below(34) + (round % 2) * 95
							      : random_below(129));
			for (unsigned bit = net->bits; bit < 128; bit++)
				net->addr[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
		}
		root = decide_nets(&emitted, entries, npatterns, &worst);
		for (int k = 0; k < VALUES; k++) {
			uint8_t ip[16];
			uint32_t n = 0;

			random_ip(ip);
			forget();
			scan_net(decide_word(&emitted, 0), root, ip, &found);
			for (uint32_t i = 0; i < npatterns; i++) {
				bool want = in_net(&patterns[i].net, ip);

				if (want != scan_has(&found, i))
					ck_abort();
				n += want;
			}
			ck_assert_uint_eq(found.n, n);
			ck_assert_uint_le(n, worst);
		}
	}
}
END_TEST

static struct str random_regex(void)
{
	static const char *const parts[] = { "a",    "b",     "/",  ".*", "[ab]", "(a|/b)",
					     "[^a]", "(ab)+", "b?", "a*", "$",    "\\b" };
	struct str text = random_below(2) ? S("^") : S("");

	for (uint32_t n = 1 + random_below(5); n; n--)
		text = arena_printf(&memory, "%.*s%s", STR_ARG(text),
				    parts[random_below(sizeof(parts) / sizeof(*parts))]);
	return text;
}

/* Products of random expressions, small and large, against the automaton of each; test_regular_pcre2
 * compares those with PCRE2. */
START_TEST(products)
{
	static struct p_regex regexes[PATTERNS];
	const struct dfa *each[PATTERNS];
	uint32_t merged = 0;

	for (int round = 0; round < ROUNDS / 4; round++) {
		uint32_t worst = 0, number, root;
		uint64_t steps = UINT64_MAX;

		begin();
		table_init(&emitted.tables[EMIT_AUTOMATA], &memory, sizeof(uint32_t));
		for (uint32_t i = 0; i < npatterns; i++) {
			regexes[i] = (struct p_regex) { .text = random_regex(),
							.icase = random_below(4) == 0 };
			patterns[i].kind = PATTERN_REGEX;
			patterns[i].regex = &regexes[i];
			each[i] = dfa_of_pattern(&memory, regexes[i].text, regexes[i].icase, false,
						 &steps);
			ck_assert_ptr_nonnull(each[i]);
		}
		root = decide_products(&emitted, entries, npatterns, &number, &worst);
		merged += npatterns - number;
		for (int k = 0; k < VALUES; k++) {
			struct str v = random_text(12, "abA/");
			const uint32_t *which = decide_word(&emitted, root);

			forget();
			for (uint32_t i = 1; i <= which[0]; i++) {
				const uint32_t *l = automaton_list(
					table_row(&emitted.tables[EMIT_AUTOMATA], 0), which[i], v);

				for (uint32_t x = 1; l && x <= l[0]; x++)
					scan_add(&found, l[x]);
			}
			for (uint32_t i = 0; i < npatterns; i++)
				ck_assert_msg(scan_has(&found, i) == dfa_accepts(each[i], v),
					      "'%.*s' in '%.*s'", STR_ARG(regexes[i].text),
					      STR_ARG(v));
			ck_assert_uint_le(found.n, worst);
		}
	}
	ck_assert_uint_gt(merged, ROUNDS / 4);
}
END_TEST

Suite *decide_scan_suite(void)
{
	Suite *s = suite_create("decide_scan");
	TCase *c = tcase_create("tables");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, trees);
	tcase_add_test(c, finders);
	tcase_add_test(c, windows);
	tcase_add_test(c, long_texts);
	tcase_add_test(c, long_labels);
	tcase_add_test(c, ranges);
	tcase_add_test(c, nets);
	tcase_add_test(c, products);
	suite_add_tcase(s, c);
	return s;
}
