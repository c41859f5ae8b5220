/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a site: parsed, dumped and reported, both as text and as JSON. Includes are off.
 * Keeps no state. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/ast_dump.h"
#include "compiler/diag.h"
#include "compiler/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *out;
	struct arena a = { 0 };
	struct ast *ast;

	if (!out)
		out = fopen("/dev/null", "w");
	if (!out)
		abort();
	ast = parse_text(&a, S("fuzz.weir"), str_of((const char *)data, size));
	ast_dump(ast, out);
	diag_print_text(out);
	diag_print_json(out);
	diag_reset();
	arena_free(&a);
	return 0;
}
