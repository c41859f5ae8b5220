/* SPDX-License-Identifier: Apache-2.0 */
/* Writes without effect: W111, a header that is written anew or removed before anything reads it;
 * W112, a write that leaves all as it was, or looks for what cannot be there. */
#include "lint.h"

#define KILLERS_MAX 8 /* later writes that are looked at together */
#define ASKED_MAX 512 /* searches for one write */

struct writing {
	struct lint *l;
	const struct scenes *all;
	const struct p_rule *rule;
	uint32_t index; /* in its list */
	const struct p_action *action;
	unsigned asked;
	struct vec killers; /* struct p_rule */
};

/* ---- who reads a header ---- */

static bool subject_reads(const struct p_subject *s, struct str name)
{
	if (!s)
		return false;
	for (const struct p_conv *c = s->convs; c; c = c->next)
		if (c->text || c->map)
			return true;
	return (s->id == SUBJ_H && str_ieq(s->name, name)) ||
	       (s->id == SUBJ_C && str_ieq(name, S("cookie")));
}

static bool text_reads(const struct p_text *t, struct str name)
{
	for (uint32_t i = 0; t && i < t->n; i++)
		if (t->pieces[i].kind == PIECE_SUBJECT && subject_reads(t->pieces[i].subject, name))
			return true;
	return false;
}

static bool test_reads(const struct p_test *t, struct str name)
{
	bool reads = subject_reads(t->subject, name);

	for (uint32_t i = 0; i < t->nvalues && !reads; i++)
		reads = t->values[i].kind == VALUE_TEXT && text_reads(t->values[i].computed, name);
	return reads;
}

static bool expr_reads(const struct p_expr *e, struct str name)
{
	bool reads = false;

	if (e->kind == PE_TEST)
		return test_reads(e->test, name);
	if (e->kind == PE_ACL)
		return expr_reads(e->acl->expr, name);
	for (uint32_t i = 0; i < e->nkids && !reads; i++)
		reads = expr_reads(e->kids[i], name);
	return reads;
}

static bool action_reads(const struct p_action *a, struct str name)
{
	bool reads = text_reads(a->text, name) || subject_reads(a->subject, name);

	for (uint32_t i = 0; i < a->nheaders && !reads; i++)
		reads = text_reads(a->headers[i].value, name);
	switch (a->id) {
	case ACT_DELETE: /* look at all headers, or at some that their name does not tell */
	case ACT_REWRITE:
	case ACT_MAPLOC:
	case ACT_URIREMAP:
	case ACT_AUTH:
	case ACT_PASS:
	case ACT_COUNT:
		return true;
	case ACT_SWITCH:
		return reads || (a->target && a->target->kind == SEC_RSPRULES);
	case ACT_REP:
		return reads || str_ieq(a->name, name);
	default:
		return reads;
	}
}

/* Do rules on answers look at the header of the request, as it was left? */
static bool read_later(const struct program *p, struct str name)
{
	for (uint32_t i = 0; i < p->nsubjects; i++)
		if (p->subjects[i]->of_request && subject_reads(p->subjects[i], name))
			return true;
	return false;
}

/* ---- W111 ---- */

static bool writes_header(const struct p_action *a)
{
	return (a->id == ACT_SET && a->part == PART_HEADER) || a->id == ACT_ADD ||
	       a->id == ACT_APPEND || a->id == ACT_REM || a->id == ACT_REP;
}

static bool overwrites(const struct p_action *a, struct str name)
{
	return ((a->id == ACT_SET && a->part == PART_HEADER) || a->id == ACT_REM) &&
	       str_ieq(a->name, name) && !text_reads(a->text, name);
}

enum meeting { MEETS_NOTHING, MEETS_READER, MEETS_KILLER };

/* What the actions of <r> from <first> on are to the header. */
static enum meeting meeting_of(const struct p_rule *r, uint32_t first, struct str name)
{
	for (uint32_t i = first; i < r->nactions; i++) {
		if (overwrites(&r->actions[i], name))
			return MEETS_KILLER;
		if (action_reads(&r->actions[i], name))
			return MEETS_READER;
	}
	return MEETS_NOTHING;
}

static bool none(struct writing *k, const struct scene *sc)
{
	return k->asked++ < ASKED_MAX && lint_search(k->l, sc, NULL) == ANSWER_NO;
}

/* Behind the write, in <open>: is the header overwritten on every way through the list before
 * anything reads it? */
static bool dead_on(struct writing *k, const struct scene *open)
{
	struct proof *g = k->l->g;
	const struct context *c = open->at[open->n - 1].context;
	const struct clash_table *clashes = lint_clashes(k->l, c);
	struct scene *base = lint_scene(k->l, open, k->index);
	bool response = lint_is_response(c->dir);

	if (!scene_needs(g, base, c->rules[k->index].cond))
		return true;
	for (uint32_t i = k->index + 1; i < c->n; i++) {
		const struct crule *r = &c->rules[i];
		enum meeting m = meeting_of(r->rule, 0, k->action->name);
		struct scene *sc;

		if (expr_reads(r->rule->cond, k->action->name))
			return false;
		if (clash_rules(g, clashes, k->index, i))
			continue;
		if (m == MEETS_READER)
			return false;
		if (m == MEETS_NOTHING && (!(r->flags & RULE_ENDS) || (r->flags & RULE_FINAL)))
			continue;
		sc = lint_scene(k->l, base, i);
		if (m == MEETS_NOTHING) { /* the list ends, and the header stays */
			if (scene_needs(g, sc, r->cond) && !none(k, sc))
				return false;
			continue;
		}
		if (k->killers.n >= KILLERS_MAX)
			return false;
		vec_push(g->a, &k->killers, (void *)(uintptr_t)r->rule);
		if (!scene_needs(g, sc,
				 state_condition(g, r->rule->cond, r->before, response, true)) ||
		    none(k, sc))
			return true;
		if (!scene_needs(g, base,
				 state_condition(g, r->rule->cond, r->before, response, true)))
			return true;
	}
	return false;
}

static bool dead_write(struct writing *k)
{
	const struct scene *first = k->all->all.p[0];
	const struct crule *r = &first->at[first->n - 1].context->rules[k->index];
	uint32_t at = (uint32_t)(k->action - k->rule->actions);

	switch (meeting_of(k->rule, at + 1, k->action->name)) {
	case MEETS_KILLER:
		return true;
	case MEETS_READER:
		return false;
	case MEETS_NOTHING:
		break;
	}
	if (r->flags & (RULE_ENDS | RULE_FINAL | RULE_MAYBE))
		return false;
	for (size_t i = 0; i < k->all->all.n; i++) {
		k->killers.n = 0;
		if (!dead_on(k, k->all->all.p[i]))
			return false;
	}
	return !k->all->cut;
}

static void check_dead(struct writing *k)
{
	const struct p_action *a = k->action;

	if (!writes_header(a) || str_ieq(a->name, S("host")) ||
	    (!lint_is_response(k->rule->dir) && read_later(k->l->p, a->name)) || !dead_write(k))
		return;
	diag(W111, lint_at(a->place), STR_ARG(a->name));
	for (size_t i = 0; i < k->killers.n; i++) {
		const struct p_rule *by = k->killers.p[i];

		diag_note(lint_at(by->place),
			  i ? "and here" : "it is written anew, or removed, here");
	}
	if (k->rule->nactions == 1)
		lint_delete(k->l, k->rule, false);
}

/* ---- W112 ---- */

static struct p_test *test_of(struct proof *g, enum subject_id id, struct str name,
			      enum operator_id op)
{
	struct p_subject *s = ARENA_NEW(g->a, struct p_subject);
	struct p_test *t = ARENA_NEW(g->a, struct p_test);
	char *low = arena_get(g->a, name.n + 1);

	str_lower(low, name);
	*s = (struct p_subject) { .id = id, .type = TYPE_STR, .name = str_of(low, name.n) };
	*t = (struct p_test) { .subject = s, .op = op, .nvalues = op != OP_TRUE };
	t->values = ARENA_NEW(g->a, struct p_value);
	return t;
}

static struct p_test *is_text(struct proof *g, enum subject_id id, struct str name, struct str text)
{
	struct p_test *t = test_of(g, id, name, OP_EQ);

	*t->values = (struct p_value) { .kind = VALUE_STR, .text = text };
	return t;
}

static struct p_test *matches(struct proof *g, enum subject_id id, struct str name,
			      struct p_regex *regex)
{
	struct p_test *t = test_of(g, id, name, OP_RE);

	*t->values = (struct p_value) { .kind = VALUE_REGEX, .regex = regex };
	return t;
}

static struct str constant(const struct p_text *t)
{
	return t && t->n == 1 && t->pieces[0].kind == PIECE_LITERAL ? t->pieces[0].text
								    : (struct str) { 0 };
}

/* The message that <a> changes something of, read behind <w>. False: nothing is known. */
static bool needed(struct proof *g, const struct p_action *a, const struct write *w, bool response,
		   struct dnf *d)
{
	struct str text = constant(a->text);
	const struct p_test *t = NULL;
	bool neg = a->id == ACT_SET || a->id == ACT_SETVAR;

	if (a->id == ACT_MAPURI && !response) {
		*d = state_under(g, a, w, false);
		return true;
	}
	if (a->id == ACT_REM && !str_ieq(a->name, S("cookie")))
		t = test_of(g, SUBJ_H, a->name, OP_TRUE);
	else if (a->id == ACT_REP)
		t = matches(g, SUBJ_H, a->name, a->regex);
	else if (a->id == ACT_REWRITE && !response)
		t = matches(g, SUBJ_URI, S(""), a->regex);
	else if (a->id == ACT_SET && text.p && a->part == PART_METH)
		t = is_text(g, SUBJ_METH, S(""), text);
	else if (a->id == ACT_SET && text.p && text.n && a->part == PART_QUERY)
		t = is_text(g, SUBJ_QUERY, S(""), text);
	else if (a->id == ACT_SET && text.p && a->part == PART_HOST)
		t = is_text(g, SUBJ_H, S("host"), text);
	if (t)
		*d = state_test(g, t, w, response, neg);
	return t != NULL;
}

/* Does the first action of the rule leave every message that gets there as it is? */
static bool idle_write(struct writing *k)
{
	struct proof *g = k->l->g;
	bool response = lint_is_response(k->rule->dir);

	for (size_t i = 0; i < k->all->all.n; i++) {
		struct scene *sc = lint_scene(k->l, k->all->all.p[i], k->index);
		const struct crule *r = &sc->at[sc->n - 1].context->rules[k->index];
		struct dnf d;

		if (!needed(g, k->action, r->before, response, &d))
			return false;
		if (scene_needs(g, sc, r->cond) && scene_needs(g, sc, d) && !proof_never(g, d) &&
		    !none(k, sc))
			return false;
	}
	return !k->all->cut;
}

static void check_idle(struct writing *k)
{
	if (k->action != k->rule->actions || !idle_write(k))
		return;
	diag(W112, lint_at(k->action->place));
	if (k->rule->nactions == 1)
		lint_delete(k->l, k->rule, false);
}

/* ---- all ---- */

static void check_rule(struct writing *k)
{
	for (uint32_t i = 0; i < k->rule->nactions; i++) {
		k->action = &k->rule->actions[i];
		k->killers.n = 0;
		k->asked = 0;
		check_dead(k);
		check_idle(k);
	}
}

static bool may_write(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		switch (r->actions[i].id) {
		case ACT_SET:
		case ACT_ADD:
		case ACT_APPEND:
		case ACT_REM:
		case ACT_REP:
		case ACT_MAPURI:
		case ACT_REWRITE:
			return true;
		default:
			break;
		}
	return false;
}

void prove_writes(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++) {
			const struct p_section *s = l->p->sections[i];
			struct scenes all = { 0 };

			for (uint32_t n = 0; n < s->chains[dir].n && s->filters == s; n++) {
				struct writing k = { .l = l, .all = &all, .index = n };

				k.rule = s->chains[dir].rules[n];
				if (l->rules[k.rule->index].fate != FATE_REACHED ||
				    lint_skips(k.rule->place) || !may_write(k.rule))
					continue;
				if (!all.all.n && !all.cut)
					lint_all_scenes(l, s, (enum rule_dir)dir, &all);
				if (all.all.n)
					check_rule(&k);
			}
		}
}
