/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a rule program: refused with a sentence, or read, written, read again to the same
 * bytes, and used. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/compare/compare.h"
#include "compiler/diff.h"
#include "compiler/explain.h"
#include "compiler/testrun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str written(struct arena *a, const struct program *p)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct str s;

	if (!f)
		abort();
	program_write(p, f);
	fclose(f);
	s = arena_str(a, str_of(text, n));
	free(text);
	return s;
}

/* A program and itself: no difference in text, none that a request shows. */
static void compare(struct arena *a, const struct program *p, const struct program *again)
{
	struct compare c;
	struct diff d;

	diff_compare(&d, a, p, again);
	compare_programs(&c, a, p, again);
	if (d.n || c.nclasses || c.fault.n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *out;
	struct arena a = { 0 };
	struct program *p, *again;
	struct request_spec r;
	struct str why, text;

	if (!out)
		out = fopen("/dev/null", "w");
	if (!out)
		abort();
	p = program_read(&a, str_of((const char *)data, size), &why);
	if (!p && why.n == 0)
		abort();
	if (p) {
		text = written(&a, p);
		again = program_read(&a, text, &why);
		if (!again || !str_eq(text, written(&a, again)))
			abort();
		compare(&a, p, again);
		request_init(&r);
		request_line(&r, S("GET /a/b?c=d"));
		request_finish(&a, &r);
		explain(p, &r, out, true);
		explain(p, &r, out, false);
		testrun(p, out, NULL);
	}
	arena_free(&a);
	return 0;
}
