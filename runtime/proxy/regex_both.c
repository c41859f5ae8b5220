/* SPDX-License-Identifier: Apache-2.0 */
/* The regex engine of sites where some expressions need PCRE2: those that are no automaton, those
 * whose groups or places are used, and those that are added while the binary runs. Where there is an
 * automaton it says whether there is a match, and PCRE2 runs only to find where. */
#include <stdlib.h>

#include "regex_dfa.h"
#include "rule.h"

struct regex_code {
	const struct ws_regex *row; /* has an automaton, or NULL */
	struct regex_code *pcre2; /* of regex_pcre2, or NULL */
};

static struct regex_code *compile(const struct ws_regex *row, struct str pattern, uint32_t flags,
				  struct str *why)
{
	struct regex_code *code = calloc(1, sizeof(*code));

	*why = S("out of memory");
	if (!code)
		return NULL;
	code->row = row && row->automaton ? row : NULL;
	if (code->row && !(row->flags & WS_RE_GROUPS))
		return code;
	code->pcre2 = regex_pcre2.compile(row, pattern, flags, why);
	if (code->pcre2)
		return code;
	free(code);
	return NULL;
}

static void release(struct regex_code *code)
{
	if (code->pcre2)
		regex_pcre2.free(code->pcre2);
	free(code);
}

static int match(const struct regex_code *code, struct str subject, struct str *groups)
{
	if (code->row) {
		if (!regex_row_matches(code->row, subject))
			return 0;
		if (!groups)
			return 1;
	}
	return regex_pcre2.match(code->pcre2, subject, groups);
}

static int thread_begin(void)
{
	return regex_pcre2.thread_start();
}

static void thread_end(void)
{
	regex_pcre2.thread_stop();
}

const struct regex_part regex_both = {
	.name = "both",
	.compile = compile,
	.load = regex_load,
	.free = release,
	.match = match,
	.thread_start = thread_begin,
	.thread_stop = thread_end,
};
