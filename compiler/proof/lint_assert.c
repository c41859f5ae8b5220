/* SPDX-License-Identifier: Apache-2.0 */
/* Asserts of the site: W116. */
#include "lint.h"

static const char *outcome_name(const struct p_assert *s)
{
	static const char *const names[] = {
#define ACTION(id, word, ...) [ACT_##id] = word,
#include "../../grammar/action.def"
	};

	return names[s->outcome];
}

void prove_asserts(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nasserts; i++) {
		const struct p_assert *s = &l->p->asserts[i];
		struct reach r;

		proof_assert(l->g, s, &r);
		if (r.answer == ANSWER_YES) {
			diag(W116, lint_at(s->place), s->always ? "always" : "never",
			     outcome_name(s));
			lint_witness(l, &r.witness);
			if (r.witness.outcome->decided)
				diag_note(lint_at(r.witness.outcome->decided->place),
					  "this rule decides");
		} else if (r.answer == ANSWER_LIMIT) {
			diag(N901, lint_at(s->place), "this assert");
		}
	}
}
