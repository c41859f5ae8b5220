/* SPDX-License-Identifier: Apache-2.0 */
/* Rules without which the same happens: W106. A rule that only answers, ends its list or chooses a
 * backend is redundant when every request that it takes comes, further down its list, to a rule
 * that does the same, and nothing is done to it before. The request that showed that the rule is reached
 * mostly shows that another thing would happen; what it does not show is asked rule by rule. */
#include "clash.h"
#include "lint.h"

#include "../show.h"

#define SAME_MAX 32 /* rules that do the same and are looked at together */
#define ASKED_MAX 64 /* searches for one rule */
#define PAIRS_MAX 40000000 /* pairs of rules that are compared in one run */

enum deed { DEED_OTHER, DEED_ANSWER, DEED_ALLOW, DEED_JUMP, DEED_SWITCH, DEED_CHOOSE };

static bool has_servers(const struct p_section *s)
{
	return s->kind == SEC_BACKEND || s->kind == SEC_LISTEN;
}

/* Text that another rule would write otherwise: with captures of the rule's own expression. */
static bool own_text(const struct p_text *t)
{
	for (uint32_t i = 0; t && i < t->n; i++)
		if (t->pieces[i].kind == PIECE_BACKREF)
			return true;
	return false;
}

static enum deed deed_of(const struct p_rule *r)
{
	const struct p_action *a = r->actions;

	if (r->nactions != 1 || own_text(a->text))
		return DEED_OTHER;
	for (uint32_t i = 0; i < a->nheaders; i++)
		if (own_text(a->headers[i].value))
			return DEED_OTHER;
	switch (a->id) {
	case ACT_DENY:
	case ACT_DROP:
	case ACT_TARPIT:
	case ACT_REDIR:
	case ACT_RESPOND:
		return DEED_ANSWER;
	case ACT_ALLOW:
		return DEED_ALLOW;
	case ACT_SETBE:
		return a->target ? DEED_CHOOSE : DEED_OTHER;
	case ACT_SWITCH:
		if (!a->target || a->target->kind == SEC_RSPRULES)
			return DEED_OTHER;
		return has_servers(a->target) ? DEED_SWITCH : DEED_JUMP;
	default:
		return DEED_OTHER;
	}
}

/* ---- is it the same? ---- */

static bool same_action(const struct p_rule *x, const struct p_rule *y)
{
	return x->nactions == 1 && y->nactions == 1 && x->actions->id == y->actions->id &&
	       deed_of(y) != DEED_OTHER && show_same_action(x->actions, y->actions);
}

/* Would a request that <rule> takes meet the same when its list ends without it? */
static bool end_is_same(const struct scene *sc, const struct p_rule *rule)
{
	switch (deed_of(rule)) {
	case DEED_ALLOW:
		return true;
	case DEED_SWITCH:
	case DEED_CHOOSE:
		return scene_default(sc) == rule->actions->target;
	default:
		return false;
	}
}

/* What a later rule is to <rule>, of a request that comes to it. */
enum part { PART_NONE /* it does nothing that counts */, PART_SAME, PART_DIFFERS };

static enum part part_of(const struct scene *sc, const struct p_rule *rule, const struct crule *r)
{
	const struct p_section *target = rule->actions->target;
	enum deed own = deed_of(rule), other = deed_of(r->rule);

	if (own != DEED_CHOOSE)
		return same_action(rule, r->rule) ? PART_SAME : PART_DIFFERS;
	if (!(r->flags & (RULE_ENDS | RULE_FINAL | RULE_CHOOSES | RULE_MAYBE)))
		return PART_NONE;
	if (other == DEED_ALLOW)
		return end_is_same(sc, rule) ? PART_SAME : PART_DIFFERS;
	return (other == DEED_CHOOSE || other == DEED_SWITCH) && r->rule->actions->target == target
		       ? PART_SAME
		       : PART_DIFFERS;
}

/* ---- what one request shows ---- */

static bool chosen_before(struct solver *s, const struct scene *sc, struct model *m)
{
	for (uint32_t i = 0; i < sc->n; i++)
		if (context_first(s, sc->at[i].context, m, RULE_CHOOSES, sc->at[i].stop))
			return true;
	return false;
}

bool redundant_perhaps(const struct scene *sc, struct search *q, uint32_t rule)
{
	const struct context *c = sc->at[sc->n - 1].context;
	const struct p_rule *r = c->rules[rule].rule;
	enum deed own = deed_of(r);
	const struct hung *h;

	if (own == DEED_OTHER || lint_skips(r->place))
		return false;
	if (own == DEED_CHOOSE && chosen_before(&q->solver, sc, q->found))
		return true;
	h = context_next(&q->solver, c, q->found, RULE_ENDS | RULE_FINAL | RULE_CHOOSES, rule + 1,
			 c->n);
	if (!h)
		return end_is_same(sc, r);
	return part_of(sc, r, &c->rules[h->rule]) == PART_SAME;
}

/* ---- proof ---- */

struct asking {
	struct lint *l;
	const struct p_rule *rule;
	uint32_t index; /* in its list */
	bool possible; /* some scene has requests for it */
	bool limit, differs;
	bool opaque; /* a limit was met because of something that cannot be looked into */
	uint32_t asked;
	struct vec same; /* struct p_rule */
};

static enum answer ask(struct asking *k, const struct scene *sc)
{
	return k->asked++ == ASKED_MAX ? ANSWER_LIMIT : lint_search(k->l, sc, &k->opaque);
}

/* Is there a request that the rule takes in <base>, and that satisfies the condition of <r>? */
static enum answer meets(struct asking *k, const struct scene *base, const struct crule *r)
{
	struct scene *sc = lint_scene(k->l, base, k->index);

	return scene_needs(k->l->g, sc, r->cond) ? ask(k, sc) : ANSWER_NO;
}

static void note_same(struct asking *k, const struct p_rule *rule)
{
	for (size_t i = 0; i < k->same.n; i++)
		if (k->same.p[i] == rule)
			return;
	vec_push(k->l->g->a, &k->same, (void *)(uintptr_t)rule);
}

/* <base>: the requests that the rule takes, and no rule that does the same has taken so far. Each
 * rule behind it in order; then the end. */
static void along_list(struct asking *k, struct scene *base)
{
	struct lint *l = k->l;
	const struct context *c = base->at[base->n - 1].context;
	const struct clash_table *clashes = lint_clashes(l, c);
	bool response = lint_is_response(c->dir);
	uint32_t nsame = 0;

	for (uint32_t i = k->index + 1; i < c->n && !k->differs; i++) {
		const struct crule *r = &c->rules[i];
		enum part part;
		enum answer got;

		k->limit |= ++l->pairs > PAIRS_MAX;
		if (k->limit)
			return;
		if (clash_rules(l->g, clashes, k->index, i))
			continue;
		part = part_of(base, k->rule, r);
		if (part == PART_NONE)
			continue;
		if (part == PART_SAME && l->rules[r->rule->index].fate == FATE_REACHED) {
			if (meets(k, base, r) == ANSWER_NO)
				continue;
			note_same(k, r->rule);
			if (!scene_needs(l->g, base,
					 state_condition(l->g, r->rule->cond, r->before, response,
							 true)) ||
			    ask(k, base) == ANSWER_NO)
				return;
			k->limit |= ++nsame > SAME_MAX;
			continue;
		}
		got = meets(k, base, r);
		k->differs |= got == ANSWER_YES;
		k->limit |= got == ANSWER_LIMIT;
	}
	if (k->differs || end_is_same(base, k->rule))
		return;
	switch (ask(k, base)) {
	case ANSWER_YES:
		k->differs = true;
		break;
	case ANSWER_LIMIT:
		k->limit = true;
		break;
	case ANSWER_NO:
		break;
	}
}

static struct scene *taken(struct asking *k, const struct scene *open)
{
	struct scene *sc;

	if (deed_of(k->rule) == DEED_CHOOSE)
		return lint_choosing(k->l, open, k->index);
	sc = lint_scene(k->l, open, k->index);
	return scene_needs(k->l->g, sc, sc->at[sc->n - 1].context->rules[k->index].cond) ? sc
											 : NULL;
}

static void say(const struct asking *k)
{
	diag(W106, lint_at(k->rule->place));
	for (size_t i = 0; i < k->same.n && i < 8; i++) {
		const struct p_rule *by = k->same.p[i];

		diag_note(lint_at(by->place), i ? "and this one" : "does the same with them");
	}
	lint_delete(k->l, k->rule, true);
}

static void check_rule(struct lint *l, const struct scenes *all, const struct p_rule *rule,
		       uint32_t index)
{
	struct asking k = { .l = l, .rule = rule, .index = index };

	for (size_t i = 0; i < all->all.n && !k.differs; i++) {
		struct scene *sc = taken(&k, all->all.p[i]);
		enum answer got = sc ? ask(&k, sc) : ANSWER_NO;

		k.limit |= got == ANSWER_LIMIT;
		if (got == ANSWER_NO)
			continue;
		k.possible = true;
		along_list(&k, sc);
	}
	if (k.differs || !k.possible)
		return;
	if (k.opaque)
		return;
	if (k.limit || all->cut)
		diag(N901, lint_at(rule->place), "whether anything would change without this rule");
	else
		say(&k);
}

void prove_redundant(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++) {
			const struct p_section *s = l->p->sections[i];
			const struct p_chain *chain = &s->chains[dir];
			struct scenes all = { 0 };
			bool made = false;

			for (uint32_t k = 0; k < chain->n && s->filters == s; k++) {
				const struct rule_fact *f = &l->rules[chain->rules[k]->index];

				if (f->fate != FATE_REACHED || !f->alike)
					continue;
				if (!made)
					lint_all_scenes(l, s, (enum rule_dir)dir, &all);
				made = true;
				check_rule(l, &all, chain->rules[k], k);
			}
		}
}
