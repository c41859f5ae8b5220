/* SPDX-License-Identifier: Apache-2.0 */
/* lint_part: the passes of lint_program. Private to it. */
#ifndef WEIR_LINT_PART_H
#define WEIR_LINT_PART_H

#include "program.h"

/* S322: values and written texts that look like secrets. */
void lint_values(const struct program *p);

#endif
