/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a site, through all passes: either reports errors, or gives a program that can be
 * written, read again to the same bytes, tabulated and run. Includes are off. Keeps no state. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/diag.h"
#include "compiler/emit.h"
#include "compiler/explain.h"
#include "compiler/lower.h"
#include "compiler/parse.h"
#include "compiler/program_io.h"

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

static void use(struct arena *a, const struct program *p, FILE *out)
{
	struct str why, text = written(a, p);
	struct program *again = program_read(a, text, &why);
	struct request_spec r;

	if (!again || !str_eq(text, written(a, again)))
		abort();
	request_init(&r);
	request_line(&r, S("GET /a/b?c=d"));
	request_finish(a, &r);
	explain(p, &r, out, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *out;
	struct arena a = { 0 };
	struct program *p;
	struct emit e;

	if (!out)
		out = fopen("/dev/null", "w");
	if (!out)
		abort();
	p = lower(&a, parse_text(&a, S("fuzz.weir"), str_of((const char *)data, size)));
	if ((p != NULL) != (diag_errors() == 0))
		abort();
	if (p && emit_build(&e, &a, p))
		use(&a, p, out);
	diag_print_text(out);
	diag_reset();
	arena_free(&a);
	return 0;
}
