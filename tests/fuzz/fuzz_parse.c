/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a site: parsed, dumped and reported as text and in one other form. Includes are off.
 * Keeps no state. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/ast_dump.h"
#include "compiler/diag_form.h"
#include "compiler/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *out;
	enum diag_format form = size % (FORM_GCC + 1);
	struct arena a = { 0 };
	struct ast *ast;

	if (!out)
		out = fopen("/dev/null", "w");
	if (!out)
		abort();
	ast = parse_text(&a, S("fuzz.weir"), str_of((const char *)data, size));
	ast_dump(ast, out);
	diag_print_text(out);
	diag_form_open(out, form);
	diag_form_site(out, form, true);
	diag_form_close(out, form);
	diag_reset();
	arena_free(&a);
	return 0;
}
