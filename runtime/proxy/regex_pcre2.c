/* SPDX-License-Identifier: Apache-2.0 */
/* The regex engine: PCRE2 on bytes, compiled at start with JIT where the machine allows it. Match
 * data and the JIT stack belong to the thread. A match that reaches its limits is told apart from
 * "no match": a silent no-match on a deny would be a bypass. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>

#include "rule.h"

#define MATCH_LIMIT 100000
#define DEPTH_LIMIT 2000
#define JIT_STACK_MIN (32 * 1024)
#define JIT_STACK_MAX (256 * 1024)

struct regex_code {
	pcre2_code *re;
};

struct regex_thread {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

static struct regex_code *compile(const struct ws_regex *row, struct str pattern, uint32_t flags,
				  struct str *why)
{
	static _Thread_local char message[256];
	uint32_t opts = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF;
	struct regex_code *code = calloc(1, sizeof(*code));
	PCRE2_SIZE at;
	int error;

	(void)row;
	*why = S("out of memory");
	if (!code)
		return NULL;
	opts |= (flags & WS_RE_ICASE ? PCRE2_CASELESS : 0) |
		(flags & WS_RE_FREE ? PCRE2_EXTENDED : 0);
	code->re = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, opts, &error, &at, NULL);
	if (!code->re) {
		pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof(message));
		*why = str_from(message);
		free(code);
		return NULL;
	}
	/* Without JIT (a kernel that forbids it) the interpreter serves: slower, the same answers.
	 */
	pcre2_jit_compile(code->re, PCRE2_JIT_COMPLETE);
	return code;
}

static void release(struct regex_code *code)
{
	pcre2_code_free(code->re);
	free(code);
}

static int match(const struct regex_code *code, struct str subject, struct str *groups)
{
	struct regex_thread *t = pt()->regex;
	const char *p = subject.p ? subject.p : "";
	const PCRE2_SIZE *at;
	int n = pcre2_match(code->re, (PCRE2_SPTR)p, subject.n, 0, 0, t->data, t->context);

	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	if (n < 0)
		return -1;
	if (!groups)
		return 1;
	at = pcre2_get_ovector_pointer(t->data);
	for (int i = 0; i < REGEX_GROUPS; i++) {
		bool set =
			(n == 0 || i < n) && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];

		groups[i] = set ? str_of(p + at[2 * i], at[2 * i + 1] - at[2 * i]) : S("");
	}
	return 1;
}

static void thread_end(void)
{
	struct regex_thread *t = pt()->regex;

	if (!t)
		return;
	pcre2_match_data_free(t->data);
	pcre2_match_context_free(t->context);
	pcre2_jit_stack_free(t->stack);
	free(t);
	pt()->regex = NULL;
}

static int thread_begin(void)
{
	struct regex_thread *t = calloc(1, sizeof(*t));

	pt()->regex = t;
	if (!t)
		return -1;
	t->data = pcre2_match_data_create(REGEX_GROUPS, NULL);
	t->context = pcre2_match_context_create(NULL);
	t->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	if (!t->data || !t->context) {
		thread_end();
		return -1;
	}
	pcre2_set_match_limit(t->context, MATCH_LIMIT);
	pcre2_set_depth_limit(t->context, DEPTH_LIMIT);
	if (t->stack)
		pcre2_jit_stack_assign(t->context, NULL, t->stack);
	return 0;
}

const struct regex_part regex_pcre2 = {
	.name = "pcre2",
	.compile = compile,
	.load = regex_load,
	.free = release,
	.match = match,
	.thread_start = thread_begin,
	.thread_stop = thread_end,
};
