/* SPDX-License-Identifier: Apache-2.0 */
/* W215: paths that are mapped on their way to a server, and not on the way back: a redirect of the
 * server names a path that clients do not know. Shown by a request with such an answer. */
#include "lint.h"

struct rebase {
	struct lint *l;
	const struct p_rule *rule;
	const struct p_action *action;
};

/* The test that mapuri makes. */
static const struct p_test *under(struct lint *l, const struct p_action *a)
{
	static struct p_subject path = { .id = SUBJ_PATH, .type = TYPE_STR };
	struct p_value *v = ARENA_NEW(l->g->a, struct p_value);
	struct p_test *t = ARENA_NEW(l->g->a, struct p_test);

	*v = (struct p_value) {
		.kind = VALUE_STR, .text = a->old, .icase = a->icase, .bound = true
	};
	*t = (struct p_test) {
		.place = a->place, .subject = &path, .op = OP_PREFIX, .nvalues = 1, .values = v
	};
	return t;
}

static struct str path_of(struct str target)
{
	ptrdiff_t query = str_chr(target, '?');

	return query < 0 ? target : str_first(target, (size_t)query);
}

static struct str location(const struct outcome *o)
{
	for (uint32_t i = 0; i < o->answer.headers.n; i++)
		if (str_ieq(o->answer.headers.at[i].name, S("location")))
			return o->answer.headers.at[i].value;
	return (struct str) { 0 };
}

static void check(struct rebase *k)
{
	struct arena *a = k->l->g->a;
	struct witness w;
	struct request_spec r;
	struct outcome *o;
	struct str asked, got;

	if (!lint_shows(k->l, k->rule, under(k->l, k->action), &w) || !w.outcome->forwarded)
		return;
	asked = path_of(w.request.target);
	got = w.outcome->request.path;
	if (!got.p || str_eq(asked, got))
		return;
	r = lint_request(a, &w.request);
	r.answered = true;
	r.status = 302;
	r.response = (struct fields) { 0 };
	fields_add(a, &r.response, S("Location"), got);
	o = lint_replay(k->l, a, &r, &w);
	if (!o || !o->answer.present || o->answer.made || !str_eq(location(o), got))
		return;
	diag(W215, lint_at(k->action->place), STR_ARG(k->action->old));
	diag_note((struct at) { 0 },
		  "asked for %.*s, a server redirects to %.*s, and so is the client",
		  STR_ARG(asked), STR_ARG(got));
	lint_replayed(k->l, &r, &w);
}

void prove_rebases(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nrules && !l->untried; i++) {
		struct rebase k = { .l = l, .rule = l->p->rules[i] };

		if (lint_is_response(k.rule->dir) || l->rules[i].fate == FATE_DEAD ||
		    k.rule->section->front_mode != MODE_HTTP)
			continue;
		for (uint32_t n = 0; n < k.rule->nactions; n++) {
			k.action = &k.rule->actions[n];
			if (k.action->id == ACT_MAPURI && k.action->text &&
			    !lint_skips(k.action->place))
				check(&k);
		}
	}
}
