/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that an expression matches, read off its tree: cheap, and never trusted unchecked. */
#include "engine.h"

#define SAMPLED_VALUES 4 /* of one atom */
#define VARIANTS 3
#define SAMPLE_MAX 500 /* bytes */

static uint8_t nice_byte(const struct byteset *set)
{
	static const char nice[] =
		"a1bcdefghijklmnopqrstuvwxyz023456789-._/ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (const char *c = nice; *c; c++)
		if (byteset_has(set, (uint8_t)*c))
			return (uint8_t)*c;
	return byteset_first(*set);
}

static const struct re *nth(const struct re *kid, unsigned n)
{
	while (n-- && kid->next)
		kid = kid->next;
	return kid;
}

static void walk(struct arena *a, struct textbuf *b, const struct re *re, unsigned variant);

static void repeat(struct arena *a, struct textbuf *b, const struct re *re, unsigned variant)
{
	uint32_t n = re->min;

	if (n == 0 && variant && re->max)
		n = 1;
	for (uint32_t i = 0; i < n && b->n <= SAMPLE_MAX; i++)
		walk(a, b, re->kid, variant);
}

static void walk(struct arena *a, struct textbuf *b, const struct re *re, unsigned variant)
{
	if (b->n > SAMPLE_MAX)
		return;
	switch (re->kind) {
	case RE_SET:
		if (!byteset_none(re->set))
			textbuf_byte(a, b, (char)nice_byte(&re->set));
		break;
	case RE_CAT:
		for (const struct re *k = re->kid; k; k = k->next)
			walk(a, b, k, variant);
		break;
	case RE_ALT:
		walk(a, b, nth(re->kid, variant), variant);
		break;
	case RE_REPEAT:
		repeat(a, b, re, variant);
		break;
	case RE_EMPTY:
	case RE_LOOK:
		break;
	}
}

void atom_sample(struct proof *g, struct atom *x)
{
	struct arena_mark mark;
	uint32_t n;

	if (x->sampled)
		return;
	x->sampled = true;
	if (x->op != OP_RE || x->map)
		return;
	n = x->nvalues < SAMPLED_VALUES ? x->nvalues : SAMPLED_VALUES;
	x->samples = ARENA_ARRAY(g->a, struct str, n * VARIANTS);
	arena_get(&g->scratch, 1); /* so that there is something to go back to */
	mark = arena_mark(&g->scratch);
	for (uint32_t i = 0; i < n; i++) {
		const struct p_regex *r = x->values[i].regex;
		const struct re *re = re_near(&g->scratch, r->text, r->icase, r->freespace);

		for (unsigned k = 0; re && k < VARIANTS; k++) {
			struct textbuf b = { 0 };

			walk(&g->scratch, &b, re, k);
			x->samples[x->nsamples++] = arena_str(g->a, textbuf_str(&b));
		}
		arena_rewind(&g->scratch, mark);
	}
}
