/* SPDX-License-Identifier: Apache-2.0 */
/* diag_help: the table diag_help.def by code. */
#include "diag_report.h"

const struct diag_help *diag_help(enum diag_code code)
{
	static const struct diag_help helps[DIAG_CODES] = {
#define HELP(code, cls, fixable, what, worse, better)                                              \
	[code] = { .class = CLASS_##cls,                                                           \
		   .fix = FIX_##fixable,                                                           \
		   .todo = what,                                                                   \
		   .bad = worse,                                                                   \
		   .good = better },
#include "diag_help.def"
	};

	return helps[code].todo ? &helps[code] : NULL;
}
