/* SPDX-License-Identifier: Apache-2.0 */
/* Random regular expressions: the automaton, the table that binaries have of it, and PCRE2 with the
 * proxy's options must agree on every short string (S103). WEIR_SEED=N and WEIR_CASES=N choose other ones than the fixed few. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/decide/decide_part.h"
#include "runtime/base/automaton.h"

static uint64_t seed;

static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static char text[512];
static size_t len;

static void put(const char *s)
{
	len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", s);
	if (len >= sizeof(text))
		len = sizeof(text) - 1;
}

static const char *pick(const char *const *from, unsigned n)
{
	return from[roll(n)];
}
#define PICK(...)                                                                                  \
	pick((const char *const[]) { __VA_ARGS__ },                                                \
	     sizeof((const char *const[]) { __VA_ARGS__ }) / sizeof(char *))

static void alternatives(unsigned depth);

static void class(void)
{
	put(PICK("[", "[^"));
	for (unsigned n = 1 + roll(3); n--;)
		put(PICK("a", "b", "A", "-", "\\n", "_", "a-b", "\\w", "\\s", "\\D", "[:alpha:]",
			 "[:^upper:]", "[:lower:]", "\\x61", "\\141", "\\Qa\\E", "\\b", "^", "[",
			 "A-\\x62", "[:punct:]", " ", "#"));
	put("]");
}

static void atom(unsigned depth)
{
	switch (roll(depth ? 14 : 8)) {
	case 0:
		put(PICK("^", "$", "\\A", "\\z", "\\b", "\\B", "\\G", "\\Z"));
		break;
	case 1:
		class();
		break;
	case 2:
		put(PICK(".", "\\w", "\\W", "\\s", "\\N", "\\R", "\\h", "\\v", "\\d", "\\C"));
		break;
	case 3:
		put(PICK("\\x61", "\\x{62}", "\\n", "\\101", "\\Qab\\E", "\\-", "\\o{141}", "\\r",
			 "\\0", "#a\n", " ", "{", "{1", "]", "(?#x)", "\\E", "\\12"));
		break;
	case 8:
	case 9:
		put(PICK("(", "(?:", "(?i:", "(?s:", "(?-s:", "(?m:", "(?x:", "(?^:", "(?-i:",
			 "(?<n>", "(?n:", "(?|", "(?xx:"));
		alternatives(depth - 1);
		put(")");
		break;
	case 10:
		put(PICK("(?>", "(?=", "(?!", "(?<=", "(?<!"));
		if (roll(2))
			class();
		else
			alternatives(roll(depth));
		put(")");
		break;
	case 11:
		put(PICK("(?i)", "(?-i)", "(?m)", "(?x)", "(?-s)", "(?^)", "(?U)"));
		break;
	default:
		put(PICK("a", "b", "A", "_", "-", "a", "b"));
	}
}

static void alternatives(unsigned depth)
{
	for (unsigned n = 1 + (roll(3) == 0); n--; put(n ? "|" : ""))
		for (unsigned k = roll(5); k--;) {
			atom(depth);
			if (roll(3) == 0)
				put(PICK("*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}", "*?", "+?",
					 "??", "*+", "++", "?+", "{2}+", "{1,2}+", "{2}{2}",
					 "{1,3}?", "{2} ?", "+ +", "*(?#x)?", "{1,2}\\E+",
					 "{2}#a\n?", "{2}\\Q?"));
		}
}

static const char letters[] = { 'a', 'b', 'A', '_', '-', '\n', '\r', ' ' };
#define NLETTERS (sizeof(letters))
#define LONGEST 3

struct pair {
	pcre2_code *code;
	pcre2_match_data *data;
	const struct dfa *dfa;
	struct emit *emitted;
	struct ws_regex row;
	unsigned compared;
};

static bool table_says(const struct pair *p, struct str word)
{
	const char *texts = table_row(&p->emitted->tables[EMIT_TEXT], p->row.prefix.off);

	return automaton_matches(table_row(&p->emitted->tables[EMIT_AUTOMATA], 0),
				 p->row.automaton - 1, str_of(texts, p->row.prefix.len),
				 p->row.flags & WS_RE_PREFIX_ICASE, word);
}

static void compare(struct pair *p, struct str word)
{
	int n = pcre2_match(p->code, (PCRE2_SPTR)word.p, word.n, 0, 0, p->data, NULL);

	if (n < 0 && n != PCRE2_ERROR_NOMATCH)
		return; /* a limit of the matcher */
	p->compared++;
	ck_assert_msg((n >= 0) == dfa_accepts(p->dfa, word),
		      "pattern <%s>, %zu bytes, begins %d %d %d: PCRE2 says %d", text, word.n,
		      word.n > 0 ? word.p[0] : -1, word.n > 1 ? word.p[1] : -1,
		      word.n > 2 ? word.p[2] : -1, n >= 0);
	if (p->row.automaton)
		ck_assert_msg((n >= 0) == table_says(p, word), "table of <%s>, word <%.*s>", text,
			      STR_ARG(word));
}

static void compare_all(struct pair *p)
{
	char word[12];

	for (unsigned n = 0, count = 1; n <= LONGEST; n++, count *= NLETTERS)
		for (unsigned i = 0; i < count; i++) {
			for (unsigned k = 0, rest = i; k < n; k++, rest /= NLETTERS)
				word[k] = letters[rest % NLETTERS];
			compare(p, str_of(word, n));
		}
	for (unsigned i = 0; i < 100; i++) {
		unsigned n = LONGEST + 1 + roll(8);

		for (unsigned k = 0; k < n; k++)
			word[k] = roll(4) ? letters[roll(3)] : (char)roll(256);
		compare(p, str_of(word, n));
	}
}

static unsigned tables; /* compared */

/* Makes and compares one expression. Returns 0: PCRE2 refuses it, 1: opaque or too large, 2. */
static int one_case(unsigned *compared)
{
	struct budget b = BUDGET_DEFAULT;
	struct arena a = { 0 };
	bool icase = roll(4) == 0, freespace = roll(8) == 0;
	uint32_t flags = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF;
	const struct re *re;
	struct pair p = { 0 };
	PCRE2_SIZE at;
	struct emit e = { .arena = &a };
	struct p_regex regex = { .icase = icase, .freespace = freespace };
	uint64_t steps = 100000000;
	struct str why;
	int error, result = 1;

	len = 0;
	text[0] = 0;
	alternatives(3);
	flags |= (icase ? PCRE2_CASELESS : 0) | (freespace ? PCRE2_EXTENDED : 0);
	re = re_parse(&a, str_of(text, len), icase, freespace, &why); /* refused ones as well */
	p.code = pcre2_compile((PCRE2_SPTR)text, len, flags, &error, &at, NULL);
	if (!p.code) {
		arena_free(&a);
		return 0;
	}
	p.data = pcre2_match_data_create(1, NULL);
	p.dfa = re ? dfa_search(&a, re, &b) : NULL;
	if (p.dfa) {
		regex.text = str_of(text, len);
		table_init(&e.tables[EMIT_TEXT], &a, 1);
		table_init(&e.tables[EMIT_AUTOMATA], &a, sizeof(uint32_t));
		p.emitted = &e;
		decide_regex(&e, &regex, &p.row, &steps);
		tables += p.row.automaton != 0;
		compare_all(&p);
		result = 2;
	}
	*compared += p.compared;
	pcre2_match_data_free(p.data);
	pcre2_code_free(p.code);
	arena_free(&a);
	return result;
}

START_TEST(automata_agree_with_pcre2)
{
	const char *want = getenv("WEIR_CASES"), *start = getenv("WEIR_SEED");
	unsigned cases = want ? (unsigned)atoi(want) : 1500, done[3] = { 0 }, compared = 0;

	seed = start ? (uint64_t)atoll(start) : 20;
	for (unsigned i = 0; i < cases; i++)
		done[one_case(&compared)]++;
	if (want)
		printf("%u refused by PCRE2, %u opaque, %u compared on %u strings\n", done[0],
		       done[1], done[2], compared);
	ck_assert_uint_gt(done[2], cases / 2);
	ck_assert_uint_ge(tables + 10, done[2]); /* few are too large for a table */
	ck_assert_uint_gt(compared, cases * 100);
}
END_TEST

Suite *regular_pcre2_suite(void);
Suite *regular_pcre2_suite(void)
{
	Suite *s = suite_create("regular_pcre2");
	TCase *t = tcase_create("regular_pcre2");

	tcase_set_timeout(t, 600);
	tcase_add_test(t, automata_agree_with_pcre2);
	suite_add_tcase(s, t);
	return s;
}
