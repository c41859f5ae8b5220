/* SPDX-License-Identifier: Apache-2.0 */
/* What the proofs take for possible is what the proxy's parser takes: words of the languages go
 * through the parser, and parts of random requests that it took are looked up in the languages. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/proof/universe.h"
#include "compiler/regular/literal.h"
#include "compiler/regular/word.h"
#include "runtime/base/uri.h"
#include "runtime/http/h1.h"

static struct arena arena;
static const struct dfa *all[UNIVERSES];
static uint64_t seed = 7;

static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static void setup(void)
{
	msg_setup();
	for (unsigned u = 0; u < UNIVERSES; u++)
		all[u] = universe_make(&arena, (enum universe)u);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* A random word of <d>, up to <max> bytes; false when the walk went astray. */
static bool random_word(const struct dfa *d, char *out, size_t max, struct str *word)
{
	uint16_t q = 0;

	for (size_t n = 0; n < max; n++) {
		unsigned c = roll(256);

		if (d->accept[q] && roll(6) == 0) {
			*word = str_of(out, n);
			return true;
		}
		for (unsigned i = 0; i < 256 && dfa_step(d, q, (uint8_t)c) == d->dead; i++)
			c = (c + 1) & 255;
		out[n] = (char)c;
		q = dfa_step(d, q, (uint8_t)c);
	}
	return false;
}

static bool parse(struct str head, struct msg *m)
{
	static const struct h1_limits limits = { 16384, 100, 8192 };
	const struct h1_error *err;
	size_t seen = 0, used;

	return h1_parse_request(head, &seen, &limits, m, &used, &err) == H1_DONE;
}

/* Does the parser take a request of these parts? */
static bool taken(const char *meth, struct str target, struct str host, struct str name,
		  struct str value)
{
	char head[4096];
	struct msg m;
	int n = snprintf(head, sizeof(head), "%s %.*s HTTP/1.1\r\nHost:%.*s\r\n%.*s: %.*s\r\n\r\n",
			 meth, STR_ARG(target), STR_ARG(host), STR_ARG(name), STR_ARG(value));
	bool good = parse(str_of(head, (size_t)n), &m);

	if (good)
		msg_free(&m);
	return good;
}

static bool has_parent_segment(struct str path)
{
	static const char *const dots[] = { ".", "%2e", "%2E" };
	char segment[16];

	for (size_t i = 0; i < path.n; i++)
		for (unsigned x = 0; path.p[i] == '/' && x < 9; x++) {
			struct str rest = str_skip(path, i + 1), s;

			s = str_of(segment, (size_t)snprintf(segment, sizeof(segment), "%s%s",
							     dots[x / 3], dots[x % 3]));
			if (str_starts(rest, s) && (rest.n == s.n || strchr("/?", rest.p[s.n])))
				return true;
		}
	return false;
}

START_TEST(words_of_the_universe_are_taken)
{
	char room[8][300], meth[80];
	struct str w;

	for (unsigned i = 0; i < 4000; i++) {
		struct str x = S("x"), slash = S("/");

		if (random_word(all[UNIVERSE_METHOD], room[0], 60, &w) &&
		    !str_eq(w, S("CONNECT"))) {
			snprintf(meth, sizeof(meth), "%.*s", STR_ARG(w));
			ck_assert(taken(meth, slash, x, x, x));
		}
		if (random_word(all[UNIVERSE_HOST_FIELD], room[1], 200, &w) && str_chr(w, '[') < 0)
			ck_assert_msg(taken("GET", slash, w, x, x), "%.*s", STR_ARG(w));
		if (random_word(all[UNIVERSE_HOST], room[1], 200, &w) && str_chr(w, '[') < 0)
			ck_assert(taken("GET", slash, w, x, x));
		if (random_word(all[UNIVERSE_FIELD_NAME], room[2], 60, &w))
			ck_assert(taken("GET", slash, x, w, x));
		if (random_word(all[UNIVERSE_FIELD_VALUE], room[3], 60, &w))
			ck_assert(taken("GET", slash, x, x, w));
		if (random_word(all[UNIVERSE_URI], room[4], 200, &w) && w.p[0] == '/' &&
		    !has_parent_segment(w))
			ck_assert_msg(taken("GET", w, x, x, x), "%.*s", STR_ARG(w));
		if (random_word(all[UNIVERSE_PATH], room[5], 200, &w) && w.p[0] == '/') {
			ck_assert_int_eq(uri_normalise(w, room[6]), (ptrdiff_t)w.n);
			ck_assert(str_eq(str_of(room[6], w.n), w));
		}
	}
	ck_assert(taken("OPTIONS", S("*"), S("x"), S("x"), S("x")));
	ck_assert(dfa_accepts(all[UNIVERSE_PATH], S("*")));
}
END_TEST

static void expect(enum universe u, struct str value, struct str head)
{
	ck_assert_msg(dfa_accepts(all[u], value), "universe %d lacks <%.*s>, head <%.*s>", (int)u,
		      STR_ARG(value), STR_ARG(head));
}

static void expect_parts(struct msg *m, struct str head)
{
	expect(UNIVERSE_METHOD, msg_str(m, m->meth), head);
	expect(UNIVERSE_URI, msg_str(m, m->uri), head);
	if (m->has_path)
		expect(UNIVERSE_PATH, msg_str(m, m->path), head);
	if (m->has_query)
		expect(UNIVERSE_QUERY, msg_str(m, m->query), head);
	if (msg_host(m).n)
		expect(UNIVERSE_HOST, msg_host(m), head);
	if (m->scheme.len)
		expect(UNIVERSE_SCHEME, msg_str(m, m->scheme), head);
	for (uint32_t i = 0; i < m->nhdr; i++) {
		expect(UNIVERSE_FIELD_NAME, msg_name(m, i), head);
		expect(msg_hdr(m, i)->id == FIELD_HOST ? UNIVERSE_HOST_FIELD : UNIVERSE_FIELD_VALUE,
		       msg_value(m, i), head);
	}
}

static size_t noise(char *out, const char *from, unsigned max)
{
	size_t n = roll(max), k = strlen(from);

	for (size_t i = 0; i < n; i++)
		out[i] = roll(40) ? from[roll((unsigned)k)] : (char)roll(256);
	return n;
}

START_TEST(parts_of_taken_requests_are_in_the_universe)
{
	static const char *const starts[] = { "/", "/", "/", "", "http://", "HTTPS://a", "*" };
	static const char *const meths[] = { "GET", "OPTIONS", "CONNECT", "p!" };
	char head[2048], target[200], host[100], value[100];
	unsigned good = 0;

	for (unsigned i = 0; i < 30000; i++) {
		int t = (int)noise(target, "/..%25eE4a?&:", 14),
		    h = (int)noise(host, "aB.:9[]1", 8), v = (int)noise(value, " \ta;=", 8);
		int n = snprintf(head, sizeof(head),
				 "%s %s%.*s HTTP/1.%u\r\nHost: %.*s\r\nx%s:%.*s\r\n\r\n",
				 meths[roll(4)], starts[roll(7)], t, target, roll(3), h, host,
				 roll(9) ? "-y" : "", v, value);
		struct msg m;

		if (!parse(str_of(head, (size_t)n), &m))
			continue;
		good++;
		expect_parts(&m, str_of(head, (size_t)n));
		msg_free(&m);
	}
	ck_assert_uint_gt(good, 2000);
}
END_TEST

START_TEST(spellings_are_the_normaliser_backwards)
{
	struct budget b = BUDGET_DEFAULT;
	struct literal l = { .kind = LITERAL_SUB, .text = S("/a.") };
	const struct dfa *d =
		dfa_intersection(&arena, literal_dfa(&arena, &l, &b), all[UNIVERSE_PATH], &b);
	const struct dfa *plain = universe_spellings(&arena, d, SPELLING_PLAIN, &b);
	const struct dfa *most = universe_spellings(&arena, d, SPELLING_ALL, &b);
	unsigned hits = 0, parents = 0;
	struct str w, u;
	char raw[64], out[64];

	for (unsigned i = 0; i < 60000; i++) {
		struct str path = str_of(raw, noise(raw + 1, roll(2) ? "//..%2eE61aab" : "/..a", 12) + 1);
		ptrdiff_t n;
		bool in;

		raw[0] = '/';
		n = uri_bytes(path) && str_chr(path, '?') < 0 ? uri_normalise(path, out) : -1;
		in = n >= 0 && dfa_accepts(d, str_of(out, (size_t)n));
		if (has_parent_segment(path)) {
			parents += in;
			ck_assert(!dfa_accepts(plain, path));
			ck_assert(!in || dfa_accepts(most, path));
			continue;
		}
		hits += in;
		ck_assert_msg(dfa_accepts(plain, path) == in, "%.*s", STR_ARG(path));
		ck_assert(dfa_accepts(most, path) == in);
	}
	ck_assert_uint_gt(hits, 100);
	ck_assert_uint_gt(parents, 10);
	ck_assert(word_shortest(&arena, d, &w) && word_shortest(&arena, plain, &u));
	ck_assert(str_eq(w, u)); /* a normal path is the shortest spelling of itself */
	ck_assert(dfa_included(d, plain, &b) == ANSWER_YES);
}
END_TEST

Suite *universe_suite(void);
Suite *universe_suite(void)
{
	Suite *s = suite_create("universe");
	TCase *t = tcase_create("universe");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, words_of_the_universe_are_taken);
	tcase_add_test(t, parts_of_taken_requests_are_in_the_universe);
	tcase_add_test(t, spellings_are_the_normaliser_backwards);
	suite_add_tcase(s, t);
	return s;
}
