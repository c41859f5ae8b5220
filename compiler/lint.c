/* SPDX-License-Identifier: Apache-2.0 */
#include "lint.h"

#include "proof/proof.h"

void lint_site(struct arena *a, const struct ast *ast, const struct program *p)
{
	lint_text(a, ast);
	lint_form(a);
	lint_program(a, p);
	lint_tests(a, p);
	proof_lint(a, p);
}
