/* SPDX-License-Identifier: Apache-2.0 */
/* A byte of options, a pattern, NUL, a subject. Whatever the pattern: no crash, memory bounded by the budget; and
 * where PCRE2 takes the pattern and no limit is met, both say the same of the subject and of an
 * example that the automaton makes. Keeps no state. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdint.h>
#include <stdlib.h>

#include "compiler/regular/literal.h"
#include "compiler/regular/word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(pcre2_code *code, const struct dfa *d, struct str subject)
{
	pcre2_match_data *md = pcre2_match_data_create(1, NULL);
	int n = pcre2_match(code, (PCRE2_SPTR)subject.p, subject.n, 0, 0, md, NULL);

	if ((n >= 0 || n == PCRE2_ERROR_NOMATCH) && (n >= 0) != dfa_accepts(d, subject))
		abort();
	pcre2_match_data_free(md);
}

static void check(pcre2_code *code, struct arena *a, const struct re *re, struct str subject)
{
	struct budget b = { .positions = 2000, .states = 500, .tuples = 1000, .steps = 2000000 };
	const struct dfa *d = dfa_search(a, re, &b);
	struct literal l[8];
	struct str word;
	unsigned n;

	if (!d)
		return;
	compare(code, d, subject);
	if (word_shortest(a, d, &word))
		compare(code, d, word);
	if (word_shortest(a, dfa_complement(a, d), &word))
		compare(code, d, word);
	n = regex_as_literals(a, re, l, 8);
	for (unsigned i = 0; i < n; i++)
		if (literal_matches(&l[i], subject) && !dfa_accepts(d, subject))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_of((const char *)data, size), pattern, why;
	uint32_t flags = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF;
	struct arena a = { 0 };
	const struct re *re;
	pcre2_code *code;
	PCRE2_SIZE at;
	bool icase, freespace;
	int error;

	if (size < 2 || size > 4096)
		return 0;
	icase = data[0] & 1;
	freespace = data[0] & 2;
	all = str_skip(all, 1);
	pattern = str_cut(&all, '\0');
	re_near(&a, pattern, icase, freespace);
	re = re_parse(&a, pattern, icase, freespace, &why);
	flags |= (icase ? PCRE2_CASELESS : 0) | (freespace ? PCRE2_EXTENDED : 0);
	code = re ? pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, flags, &error, &at, NULL)
		  : NULL;
	if (code)
		check(code, &a, re, all.p ? all : S(""));
	pcre2_code_free(code);
	arena_free(&a);
	return 0;
}
