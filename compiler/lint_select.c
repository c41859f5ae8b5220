/* SPDX-License-Identifier: Apache-2.0 */
#include "lint.h"

bool lint_codes(struct lint_codes *c, struct str list, bool on, struct str *bad)
{
	while (list.p) {
		struct str word = str_trim(str_cut(&list, ','));
		bool all = str_ieq(word, S("all")), found = all;

		for (int i = 0; i < DIAG_CODES; i++)
			if (all ||
			    (word.n &&
			     str_istarts(str_from(diag_row((enum diag_code)i)->name), word))) {
				c->on[i] = on;
				found = true;
			}
		if (!found) {
			*bad = word;
			return false;
		}
	}
	return true;
}

void lint_codes_default(struct lint_codes *c)
{
	for (int i = 0; i < DIAG_CODES; i++)
		c->on[i] = diag_row((enum diag_code)i)->name[0] != 'C' && i != W110;
}

void lint_select(const struct lint_codes *c)
{
	unsigned n;
	struct diag_report *all = diag_all(&n);

	for (unsigned i = 0; i < n; i++)
		if (!c->on[all[i].code] && diag_row(all[i].code)->name[0] != 'E')
			diag_hide(&all[i]);
}
