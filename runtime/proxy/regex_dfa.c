/* SPDX-License-Identifier: Apache-2.0 */
/* The regex engine of sites whose expressions are all decided by automata: nothing is compiled at
 * start, and no match has a limit. It gives no groups: emit asks for another one where they are
 * needed. */
#include "regex_dfa.h"

#include <stdlib.h>

#include "../base/automaton.h"
#include "rule.h"

struct regex_code {
	const struct ws_regex *row;
};

bool regex_row_matches(const struct ws_regex *row, struct str subject)
{
	return automaton_matches(site.ws->automata, row->automaton - 1, ws_str(row->prefix),
				 row->flags & WS_RE_PREFIX_ICASE, subject);
}

static struct regex_code *compile(const struct ws_regex *row, struct str pattern, uint32_t flags,
				  struct str *why)
{
	struct regex_code *code = calloc(1, sizeof(*code));

	(void)pattern;
	(void)flags;
	*why = S("out of memory");
	if (code)
		code->row = row;
	return code;
}

static void release(struct regex_code *code)
{
	free(code);
}

static int match(const struct regex_code *code, struct str subject, struct str *groups)
{
	(void)groups;
	return regex_row_matches(code->row, subject);
}

static int thread_begin(void)
{
	return 0;
}

static void thread_end(void)
{
}

const struct regex_part regex_dfa = {
	.name = "dfa",
	.compile = compile,
	.load = regex_load,
	.free = release,
	.match = match,
	.thread_start = thread_begin,
	.thread_stop = thread_end,
};
