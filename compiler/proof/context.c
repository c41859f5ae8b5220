/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"

#include "watch.h"

#define HOOK_MANY 16 /* rules that hang at one literal before another one is better */
#define UNCHOSEN_MAX 8 /* earlier choices that are kept apart when a uriremap writes */

/* ---- what a rule does ---- */

static bool has_servers(const struct p_section *s)
{
	return s->kind == SEC_BACKEND || s->kind == SEC_LISTEN;
}

static void note_target(struct crule *r, const struct p_action *a)
{
	if (!a->target) {
		r->flags |= RULE_MAYBE;
		return;
	}
	if (has_servers(a->target)) {
		r->flags |= RULE_CHOOSES;
		if (!r->backend)
			r->backend = a->target;
	} else if (a->id == ACT_SWITCH) {
		r->jump = a->target;
	}
	if (a->id == ACT_SWITCH && a->target->kind != SEC_RSPRULES)
		r->flags |= RULE_ENDS;
}

static void note_action(struct crule *r, const struct p_action *a)
{
	switch (a->id) {
	case ACT_ALLOW:
		r->flags |= RULE_ENDS;
		break;
	case ACT_DENY:
	case ACT_DROP:
	case ACT_TARPIT:
	case ACT_REDIR:
	case ACT_RESPOND:
		r->flags |= RULE_ENDS | RULE_FINAL;
		break;
	case ACT_AUTH:
		r->flags |= RULE_MAYBE;
		break;
	case ACT_SWITCH:
	case ACT_SETBE:
	case ACT_URIREMAP:
		note_target(r, a);
		break;
	default:
		break;
	}
}

static void note_actions(struct crule *r)
{
	for (uint32_t i = 0; i < r->rule->nactions && !(r->flags & RULE_FINAL); i++)
		note_action(r, &r->rule->actions[i]);
	if (r->flags & RULE_FINAL)
		r->jump = NULL;
}

static const struct p_action *remap_of(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		if (r->actions[i].id == ACT_URIREMAP)
			return &r->actions[i];
	return NULL;
}

/* ---- making ---- */

struct maker {
	struct proof *g;
	struct context *c;
	struct dnf unchosen, chosen; /* no rule so far has chosen; one has */
	uint32_t nchosen;
	bool response;
};

static const struct write *written(struct maker *k, struct crule *r, const struct write *w)
{
	struct proof *g = k->g;
	const struct write *was = w;
	struct dnf ncond = { 0 }, cond = r->cond;
	bool known = false;

	for (uint32_t i = 0; i < r->rule->nactions; i++) {
		const struct p_action *a = &r->rule->actions[i];
		const struct write *new;

		if (!state_seen(g, a))
			continue;
		if (!known)
			ncond = state_condition(g, r->rule->cond, r->before, k->response, true);
		known = true;
		if (a->id == ACT_URIREMAP && k->nchosen > UNCHOSEN_MAX)
			new = state_after(g, w, a, dnf_and(g, cond, dnf_unknown(g)),
					  dnf_unknown(g));
		else if (a->id == ACT_URIREMAP)
			new = state_after(g, w, a, dnf_and(g, cond, k->unchosen),
					  dnf_or(g, ncond, k->chosen));
		else
			new = state_after(g, w, a, cond, ncond);
		w = new;
	}
	r->writes = w != was;
	return w;
}

static void note_choice(struct maker *k, struct crule *r)
{
	struct proof *g = k->g;
	const struct p_action *remap = remap_of(r->rule);
	struct dnf not = { 0 };

	r->choice = r->cond;
	if (k->nchosen <= UNCHOSEN_MAX)
		not = state_condition(g, r->rule->cond, r->before, k->response, true);
	if (remap && remap->target == r->backend) {
		r->choice = dnf_and(g, r->cond, state_under(g, remap, r->before, false));
		if (k->nchosen <= UNCHOSEN_MAX)
			not = dnf_or(g, not, state_under(g, remap, r->before, true));
	}
	if (k->nchosen++ <= UNCHOSEN_MAX) {
		k->unchosen = dnf_and(g, k->unchosen, not );
		k->chosen = dnf_or(g, k->chosen, r->choice);
	}
}

static void watch_field(struct maker *k, struct proof_field *f)
{
	struct context *c = k->c;

	for (uint32_t i = 0; i < c->nfields; i++)
		if (c->fields[i] == f)
			return;
	GROW(k->g->a, c->fields, c->nfields, c->fields_room);
	c->fields[c->nfields++] = f;
}

/* The place of <atom>, or the free one where it would be. */
static struct hook *place_of(const struct hooks *h, uint32_t atom)
{
	uint32_t i = (atom * 2654435761u >> 7) & (h->size - 1);

	while (h->at[i].atom && h->at[i].atom != atom + 1)
		i = (i + 1) & (h->size - 1);
	return &h->at[i];
}

static void hooks_grow(struct arena *a, struct hooks *h)
{
	struct hooks old = *h;

	h->size = old.size ? 2 * old.size : 16;
	h->at = ARENA_ARRAY(a, struct hook, h->size);
	for (uint32_t i = 0; i < old.size; i++)
		if (old.at[i].atom)
			*place_of(h, old.at[i].atom - 1) = old.at[i];
}

/* Until the next one is asked for. */
static struct hook *hook_of(struct maker *k, struct atom *x)
{
	struct hooks *h = &k->c->index;
	struct hook *hook;

	if (2 * h->n >= h->size)
		hooks_grow(k->g->a, h);
	hook = place_of(h, x->index);
	if (hook->atom)
		return hook;
	hook->atom = x->index + 1;
	h->n++;
	watch_add(k->g, x);
	watch_field(k, x->field);
	return hook;
}

/* The literal of <conj> at which it hangs: the one that best tells requests apart. Where many hang at
 * it already, the next one: what hangs at one hook is gone through in order. */
static struct atom *best_of(const struct maker *k, const struct conj *conj)
{
	struct atom *best = NULL;
	uint32_t least = 0;

	for (uint32_t i = 0; i < conj->n; i++) {
		struct atom *x = atom_at(k->g, conj->lits[i]);
		uint32_t rank, hung;

		if (conj->lits[i] & 1)
			continue;
		hung = k->c->index.size ? place_of(&k->c->index, x->index)->n : 0;
		rank = watch_rank(x) + (hung >= HOOK_MANY ? hung : 0);
		if (!best || rank < least) {
			best = x;
			least = rank;
		}
	}
	return best;
}

static void hang(struct maker *k, uint32_t rule, const struct conj *conj, bool choice)
{
	struct proof *g = k->g;
	struct hung *h = ARENA_NEW(g->a, struct hung);
	struct atom *best = best_of(k, conj);
	struct hook *hook;

	*h = (struct hung) { .rule = rule, .conj = conj, .choice = choice };
	if (!best) {
		*k->c->always_end = h;
		k->c->always_end = &h->next;
		return;
	}
	hook = hook_of(k, best);
	if (hook->last)
		hook->last->next = h;
	else
		hook->first = h;
	hook->last = h;
	hook->n++;
}

/* Rules on answers: what they write is not folded, but known to have been written. */
static const struct write *answer_written(struct maker *k, const struct p_rule *rule,
					  const struct write *w)
{
	for (uint32_t i = 0; i < rule->nactions; i++) {
		const struct p_action *a = &rule->actions[i];
		struct write *new;

		if (a->id == ACT_ALLOW || a->id == ACT_DENY || a->id == ACT_REDIR ||
		    a->id == ACT_RESPOND || a->id == ACT_LOG)
			continue;
		new = ARENA_NEW(k->g->a, struct write);
		*new = (struct write) { .below = w, .action = a, .cond = dnf_true(k->g) };
		w = new;
	}
	return w;
}

static void make_rule(struct maker *k, uint32_t i, const struct p_rule *rule,
		      const struct write **w)
{
	struct crule *r = &k->c->rules[i];

	r->rule = rule;
	r->before = *w;
	note_actions(r);
	r->cond = state_condition(k->g, rule->cond, *w, k->response, false);
	*w = k->response ? answer_written(k, rule, *w) : written(k, r, *w);
	if (r->writes && i < k->c->first_remap && remap_of(rule))
		k->c->first_remap = i;
	if (r->flags & RULE_CHOOSES)
		note_choice(k, r);
	if (r->flags & (RULE_ENDS | RULE_FINAL))
		for (uint32_t j = 0; j < r->cond.n; j++)
			hang(k, i, &r->cond.at[j], false);
	if (r->flags & RULE_CHOOSES)
		for (uint32_t j = 0; j < r->choice.n; j++)
			hang(k, i, &r->choice.at[j], true);
}

struct context *context_get(struct proof *g, const struct p_section *s, enum rule_dir dir,
			    const struct write *in)
{
	struct str key =
		arena_printf(g->a, "%p %d %p", (const void *)s, (int)dir, (const void *)in);
	struct context *c = symbol_get(&g->contexts, key);
	struct maker k = { .g = g, .unchosen = dnf_true(g) };
	const struct p_chain *chain = &s->chains[dir];

	if (c)
		return c;
	c = ARENA_NEW(g->a, struct context);
	*c = (struct context) {
		.section = s, .dir = dir, .in = in, .n = chain->n, .first_remap = NO_INDEX
	};
	c->always_end = &c->always;
	c->rules = ARENA_ARRAY(g->a, struct crule, chain->n + 1);
	k.c = c;
	k.response = dir == DIR_RSP_IN || dir == DIR_RSP_OUT;
	for (uint32_t i = 0; i < chain->n; i++)
		make_rule(&k, i, chain->rules[i], &in);
	c->out = in;
	symbol_put(g->a, &g->contexts, key, c);
	return c;
}

static const struct write *before_of(const struct context *c, uint32_t i)
{
	return i < c->n ? c->rules[i].before : c->out;
}

const struct write *context_left(struct proof *g, const struct context *c, uint32_t stop,
				 uint32_t choice)
{
	bool open = choice == CHOICE_OPEN;
	bool again =
		!open && (c->first_remap <= stop || (choice < stop && c->rules[choice].writes));
	const struct write *w = again ? c->in : before_of(c, stop);

	if (open && stop < c->n && remap_of(c->rules[stop].rule))
		return before_of(c, stop + 1);
	for (uint32_t i = again ? 0 : stop; i < c->n && i <= stop; i++) {
		const struct crule *r = &c->rules[i];
		bool sure = i == stop || i == choice;
		struct dnf cond = sure ? dnf_true(g) : r->cond, ncond = { 0 };

		if (!r->writes)
			continue;
		if (!sure)
			ncond = state_condition(g, r->rule->cond, r->before, false, true);
		for (uint32_t k = 0; k < r->rule->nactions; k++) {
			const struct p_action *a = &r->rule->actions[k];

			if (state_seen(g, a) && (a->id != ACT_URIREMAP || i == choice))
				w = state_after(g, w, a, cond, ncond);
		}
	}
	return w;
}

/* ---- first match ---- */

struct first {
	struct solver *s;
	const struct context *c;
	struct model *m;
	unsigned flags;
	uint32_t from, limit;
	const struct hung *found;
};

static bool takes(const struct first *f, const struct hung *h)
{
	unsigned flags = f->c->rules[h->rule].flags & f->flags;

	if (h->choice ? !(flags & RULE_CHOOSES) : !(flags & (RULE_ENDS | RULE_FINAL)))
		return false;
	*f->s->steps += h->conj->n;
	for (uint32_t i = 0; i < h->conj->n; i++)
		if (!model_holds(f->m, f->s->g, h->conj->lits[i]))
			return false;
	return true;
}

static void along(struct first *f, const struct hung *h)
{
	for (; h && h->rule < f->limit; h = h->next) {
		(*f->s->steps)++;
		if (h->rule >= f->from && takes(f, h)) {
			f->limit = h->rule;
			f->found = h;
			return;
		}
	}
}

const struct hung *context_first(struct solver *s, const struct context *c, struct model *m,
				 unsigned flags, uint32_t limit)
{
	return context_next(s, c, m, flags, 0, limit);
}

const struct hung *context_next(struct solver *s, const struct context *c, struct model *m,
				unsigned flags, uint32_t from, uint32_t limit)
{
	struct first f = { .s = s, .c = c, .m = m, .flags = flags, .from = from, .limit = limit };

	(*s->steps)++;
	along(&f, c->always);
	for (uint32_t i = 0; i < c->nfields; i++) {
		struct value *v = m->values[c->fields[i]->index];

		watch_find(s->g, s->keep, c->fields[i], v);
		for (uint32_t k = 0; k < v->ntrue; k++) {
			along(&f, place_of(&c->index, v->trues[k])->first);
		}
	}
	return f.found;
}
