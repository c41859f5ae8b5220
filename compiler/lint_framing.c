/* SPDX-License-Identifier: Apache-2.0 */
/* S308: delete sees whole lines, and its expression may take lines that the proxy needs or writes
 * itself (RFC 9112 6, RFC 9110 7.6.1). */
#include "diag.h"
#include "lint_part.h"
#include "regular/dfa.h"
#include "source.h"

#define STEPS_MAX 3000000

static const struct {
	const char *line;
	const char *name;
} lines[] = {
	{ "Transfer-Encoding: chunked", "Transfer-Encoding" },
	{ "Content-Length: 5", "Content-Length" },
	{ "Connection: keep-alive", "Connection" },
	{ "Upgrade: websocket", "Upgrade" },
	{ "TE: trailers", "TE" },
	{ "Trailer: Digest", "Trailer" },
};

static void check(const struct p_action *a)
{
	struct budget budget = BUDGET_DEFAULT;
	struct arena own = { 0 };
	struct str why;
	const struct re *re;
	const struct dfa *d;

	budget.steps = STEPS_MAX;
	re = re_parse(&own, a->regex->text, a->regex->icase, a->regex->freespace, &why);
	d = re ? dfa_search(&own, re, &budget) : NULL;
	for (size_t i = 0; d && i < sizeof(lines) / sizeof(*lines); i++)
		if (dfa_accepts(d, str_from(lines[i].line))) {
			diag(S308, diag_line(a->place.file, a->place.line), lines[i].name);
			diag_note((struct at) { 0 }, "it matches \"%s\"", lines[i].line);
			break;
		}
	arena_free(&own);
}

void lint_framing(const struct program *p)
{
	for (uint32_t i = 0; i < p->nrules; i++)
		for (uint32_t k = 0; k < p->rules[i]->nactions; k++) {
			const struct p_action *a = &p->rules[i]->actions[k];

			if (a->id == ACT_DELETE && a->regex && !source_is_library(a->place.file))
				check(a);
		}
}
