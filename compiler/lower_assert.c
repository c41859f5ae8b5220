/* SPDX-License-Identifier: Apache-2.0 */
/* lower_assert: "assert never|always OUTCOME on|unless CONDITION" of file level. The condition reads
 * the request as it comes in. */
#include "lower_part.h"
#include "value.h"

static const struct {
	struct str word;
	enum action_id id;
} outcomes[] = {
	{ { "allow", 5 }, ACT_ALLOW },   { { "permit", 6 }, ACT_ALLOW },
	{ { "deny", 4 }, ACT_DENY },     { { "drop", 4 }, ACT_DROP },
	{ { "redir", 5 }, ACT_REDIR },   { { "respond", 7 }, ACT_RESPOND },
	{ { "tarpit", 6 }, ACT_TARPIT }, { { "setbe", 5 }, ACT_SETBE },
	{ { "switch", 6 }, ACT_SETBE },
};

static bool outcome_of(const struct ast_action *a, struct p_assert *s)
{
	size_t n = sizeof(outcomes) / sizeof(outcomes[0]);

	for (size_t i = 0; i < n; i++)
		if (str_eq(outcomes[i].word, a->word)) {
			s->outcome = outcomes[i].id;
			return true;
		}
	diag(E056, a->at, STR_ARG(a->word), "outcome that can be asserted");
	diag_note((struct at) { 0 }, "allow, deny, drop, redir, respond, tarpit or setbe");
	return false;
}

static bool backend_of(struct model *m, const struct ast_action *a, struct p_assert *s)
{
	const struct ast_value *v = action_value(a, 0);
	struct entity *e;

	if (!v || action_nargs(a) != 1)
		return action_usage(a, "the name of a backend");
	e = model_entity(m, v->text, v->at, "backend");
	if (!e)
		return false;
	if (e->kind != SEC_BACKEND && e->kind != SEC_LISTEN) {
		diag(E073, v->at, STR_ARG(e->name), kind_article(e->kind), "assert",
		     "a backend or a listen");
		return false;
	}
	s->target = e->out;
	return true;
}

/* [STATUS], and of redir [STATUS] TARGET. */
static bool answer_of(const struct ast_action *a, struct p_assert *s)
{
	const struct ast_value *v = action_value(a, 0);
	unsigned n = action_nargs(a);
	uint64_t status = 0;

	if (v && str_u64(v->text, 599, &status) && status >= 100) {
		s->status = (int64_t)status;
		v = action_value(a, 1);
		n--;
	}
	if (s->outcome == ACT_REDIR && n == 1 && v) {
		s->text = v->text;
		return true;
	}
	if (n == 0 && s->outcome != ACT_ALLOW && (s->outcome != ACT_DROP || !s->status))
		return true;
	return (n == 0 && !s->status) || action_usage(a, "at most a status in an assert");
}

static bool lower_one(struct model *m, const struct ast_assert *ast, struct p_assert *s)
{
	struct use u = { .m = m, .scope = &m->site, .where = W_REQ_IN, .avail = W_REQ_IN };
	bool good = outcome_of(ast->action, s);

	*s = (struct p_assert) { .place = place_of(ast->at),
				 .always = ast->always,
				 .outcome = s->outcome };
	if (good)
		good = s->outcome == ACT_SETBE ? backend_of(m, ast->action, s)
					       : answer_of(ast->action, s);
	s->cond = ast->cond ? lower_cond(&u, ast->cond) : expr_true(m);
	if (s->cond && ast->unless)
		s->cond = expr_not(m, s->cond);
	return good && s->cond;
}

void lower_asserts(struct model *m)
{
	struct program *p = m->out;

	p->asserts = ARENA_ARRAY(m->arena, struct p_assert, m->asserts.n + 1);
	for (size_t i = 0; i < m->asserts.n; i++)
		if (lower_one(m, m->asserts.p[i], &p->asserts[p->nasserts]))
			p->nasserts++;
}
