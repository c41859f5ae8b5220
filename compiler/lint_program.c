/* SPDX-License-Identifier: Apache-2.0 */
/* lint_program: findings of the rule program that need no proof. */
#include "lint.h"

void lint_program(struct arena *a, const struct program *p)
{
	(void)a;
	(void)p;
}
