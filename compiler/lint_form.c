/* SPDX-License-Identifier: Apache-2.0 */
/* lint_form: files that weir fmt would change. */
#include "fmt.h"
#include "lint.h"
#include "source.h"

static size_t same_head(struct str a, struct str b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	return n;
}

static size_t same_tail(struct str a, struct str b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[a.n - 1 - n] == b.p[b.n - 1 - n])
		n++;
	return n;
}

static void check_file(struct arena *a, uint32_t file)
{
	struct str is = source_get(file)->text, should = fmt_source(a, file);
	uint32_t line = fmt_first_difference(is, should);
	size_t head = same_head(is, should);
	size_t tail = same_tail(str_skip(is, head), str_skip(should, head));

	if (!line)
		return;
	diag(C501, diag_line(file, line));
	diag_fix(true, "write the file in its canonical form");
	diag_edit(file, head, is.n - tail, str_of(should.p + head, should.n - tail - head));
}

void lint_form(struct arena *a)
{
	for (uint32_t i = 0; i < source_count(); i++)
		if (!source_is_library(i) && !source_get(i)->list)
			check_file(a, i);
}
