/* SPDX-License-Identifier: Apache-2.0 */
/* diag_key: what names a report across edits of the site: its code and its statement's text. */
#include "comment.h"
#include "diag_report.h"
#include "source.h"

struct str diag_statement(struct arena *a, struct at at)
{
	if (at.line == 0 || at.file >= source_count())
		return S("");
	return comment_without(a, source_line(at));
}

static uint64_t fnv(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return (h ^ 0xff) * 0x100000001b3u;
}

struct str diag_fingerprint(struct arena *a, const struct diag_report *r)
{
	struct str statement = diag_statement(a, r->at);
	uint64_t h = fnv(0xcbf29ce484222325u, str_from(diag_row(r->code)->name));

	h = fnv(h, statement.n ? statement : r->text);
	return arena_printf(a, "%016llx", (unsigned long long)h);
}
