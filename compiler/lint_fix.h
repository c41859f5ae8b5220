/* SPDX-License-Identifier: Apache-2.0 */
/* lint_fix: carries out the repairs of the reports that are shown. A safe one is kept only when
 * the program it makes is the same, or proved to treat every request alike. */
#ifndef WEIR_LINT_FIX_H
#define WEIR_LINT_FIX_H

#include "lint.h"

struct fix_sum {
	unsigned done,
		refused; /* repairs; refused: they would have changed something, or overlap */
	bool failed; /* a file could not be written; a message has been printed */
};

/* Repairs the site <path>, which <p> was made of and whose reports are those that diag.h holds;
 * afterwards the reports and the sources are gone. <unsafe>: those that may change what requests
 * meet, too. <preview>: writes what would change to <out> and no file. */
struct fix_sum lint_fix(const char *path, const struct program *p, bool unsafe, bool preview,
			FILE *out);

#endif
