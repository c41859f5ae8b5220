/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for which nothing chooses a backend, and there is no default: W114. */
#include "lint.h"

static bool any_default(const struct scene *sc)
{
	bool found = sc->entry->kind == SEC_LISTEN;

	for (uint32_t i = 0; i < sc->n; i++)
		found |= sc->at[i].context->section->default_backend != NULL;
	return found;
}

static void check_end(struct lint *l, const struct scene *open)
{
	struct scene *sc;
	struct search q;
	const struct context *c = open->at[open->n - 1].context;

	if (any_default(open) || lint_skips(c->section->place))
		return;
	sc = lint_scene(l, open, c->n);
	for (uint32_t i = 0; i < sc->n; i++)
		sc->at[i].unchosen = sc->at[i].stop == sc->at[i].context->n ? sc->at[i].stop
									    : sc->at[i].stop + 1;
	if (search_run(&q, l->g, sc) == ANSWER_YES) {
		struct witness w;

		witness_make(l->g, sc, q.found, &w);
		if (w.outcome->verdict == VERDICT_ERROR && !w.outcome->backend &&
		    w.outcome->answer.status == 503) {
			diag(W114, lint_at(c->section->place));
			lint_witness(l, &w);
		}
	}
	search_end(&q);
}

void prove_holes(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nsections; i++) {
		const struct p_section *s = l->p->sections[i];
		struct scenes all;

		if (s->filters != s || !lint_enters(l, s) ||
		    (s->kind != SEC_FRONTEND && s->kind != SEC_LISTEN && s->kind != SEC_REQRULES))
			continue;
		lint_scenes(l, s, DIR_REQ_IN, &all);
		for (size_t k = 0; k < all.all.n && k < 16; k++)
			check_end(l, all.all.p[k]);
	}
}
