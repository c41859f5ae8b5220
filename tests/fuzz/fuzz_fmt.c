/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes formatted: text without mistakes has a form that means the same and is its own form. Keeps
 * no state. */
#include <stdint.h>
#include <stdlib.h>

#include "compiler/diag_report.h"
#include "compiler/fmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct str text = str_of((const char *)data, size), form, again;

	diag_reset();
	if (fmt_text(&a, S("fuzz.weir"), text, &form)) {
		diag_reset();
		if (!fmt_text(&a, S("fuzz.weir"), form, &again) || !str_eq(form, again))
			abort();
	} else {
		unsigned n;
		const struct diag_report *r = diag_all(&n);

		for (unsigned i = 0; i < n; i++)
			if (r[i].code == E035)
				abort();
	}
	diag_reset();
	arena_free(&a);
	return 0;
}
