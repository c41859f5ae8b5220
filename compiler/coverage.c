/* SPDX-License-Identifier: Apache-2.0 */
#include "coverage.h"

#include "show.h"
#include "source.h"

void coverage_init(struct coverage *c, struct arena *a, const struct program *p)
{
	*c = (struct coverage) { .p = p, .seen = ARENA_ARRAY(a, uint8_t, p->nrules + 1) };
}

void coverage_note(struct coverage *c, const struct outcome *o)
{
	for (uint32_t i = 0; i < o->nrules; i++)
		c->seen[o->rules[i].rule->index] |=
			o->rules[i].matched ? COVERED_TRUE : COVERED_FALSE;
}

uint8_t coverage_wanted(const struct p_rule *r)
{
	if (!r->place.line || (r->place.file < source_count() && source_is_library(r->place.file)))
		return 0;
	return r->cond->kind == PE_TRUE ? COVERED_TRUE : COVERED_TRUE | COVERED_FALSE;
}

static void put_missing(const struct coverage *c, const struct p_rule *r, FILE *out)
{
	uint8_t missing = coverage_wanted(r) & (uint8_t)~c->seen[r->index];

	if (!missing)
		return;
	fprintf(out, "  %s  ",
		missing == (COVERED_TRUE | COVERED_FALSE) ? "never reached    "
		: missing == COVERED_TRUE                 ? "never matched    "
							  : "never not matched");
	show_place(out, c->p, r->place);
	fputs("  ", out);
	show_rule(out, r);
	fputs("\n", out);
}

unsigned coverage_report(const struct coverage *c, FILE *out)
{
	unsigned wanted[2] = { 0 }, seen[2] = { 0 };

	for (uint32_t i = 0; i < c->p->nrules; i++) {
		uint8_t w = coverage_wanted(c->p->rules[i]), got = w & c->seen[i];

		wanted[0] += w & COVERED_TRUE;
		seen[0] += got & COVERED_TRUE;
		wanted[1] += (w & COVERED_FALSE) != 0;
		seen[1] += (got & COVERED_FALSE) != 0;
	}
	fprintf(out,
		"coverage: %u of %u rules have matched, %u of %u rules with a condition have not "
		"matched\n",
		seen[0], wanted[0], seen[1], wanted[1]);
	for (uint32_t i = 0; i < c->p->nrules; i++)
		put_missing(c, c->p->rules[i], out);
	if (wanted[0] + wanted[1] == 0)
		return 100;
	return (seen[0] + seen[1]) * 100 / (wanted[0] + wanted[1]);
}
