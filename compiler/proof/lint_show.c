/* SPDX-License-Identifier: Apache-2.0 */
/* Examples for findings about security: requests made from those of the search, each run through
 * the interpreter before anything is said. */
#include "lint.h"

#include "../regular/word.h"

#define REGEX_RULES 20 /* what compiling an expression costs, in rules looked at */
#define SEARCH_RULES 16 /* of rules that a search looks at one counts */
#define FORWARDED_MAX 64

/* ---- replays ---- */

/* What a run of the interpreter costs: rules, expressions that are compiled, and edits, each of
 * which may look at all headers that others have added. */
static uint64_t replay_cost(const struct program *p)
{
	uint64_t edits = 0;

	for (uint32_t i = 0; i < p->nrules; i++)
		for (uint32_t k = 0; k < p->rules[i]->nactions; k++)
			edits += p->rules[i]->actions[k].id >= ACT_ADD &&
				 p->rules[i]->actions[k].id <= ACT_URIREMAP;
	return 1 + p->nrules + REGEX_RULES * (uint64_t)p->nregexes + edits * edits / 100;
}

static bool may_replay(struct lint *l)
{
	if (!l->replay_cost)
		l->replay_cost = replay_cost(l->p);
	l->replays += l->replay_cost;
	l->untried |= l->replays > LINT_REPLAYS;
	return !l->untried;
}

void lint_compare(struct lint *l, const struct outcome *o)
{
	for (uint32_t i = 0; i < o->nrules && !l->denied; i++)
		if (o->rules[i].matched && l->rules[o->rules[i].rule->index].fate == FATE_DEAD)
			l->denied = o->rules[i].rule;
}

struct outcome *lint_replay(struct lint *l, struct arena *a, const struct request_spec *r,
			    const struct witness *of)
{
	struct interp_state state = of ? of->state : (struct interp_state) { 0 };
	struct outcome *o;

	state.brief = true;
	if (!may_replay(l))
		return NULL;
	o = interp_run(a, l->p, r, &state);
	lint_compare(l, o);
	return o;
}

void lint_replayed(struct lint *l, const struct request_spec *r, const struct witness *of)
{
	struct witness w = { .request = *r };

	if (of)
		w.state = of->state;
	w.state.brief = true;
	w.outcome = interp_run(l->g->a, l->p, r, &w.state);
	lint_witness(l, &w);
}

struct request_spec lint_request(struct arena *a, const struct request_spec *r)
{
	struct request_spec new = *r;

	new.headers = (struct fields) { 0 };
	for (uint32_t i = 0; i < r->headers.n; i++)
		fields_add(a, &new.headers, r->headers.at[i].name, r->headers.at[i].value);
	return new;
}

void lint_set_header(struct arena *a, struct request_spec *r, struct str name, struct str value)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->headers.n; i++)
		if (!str_ieq(r->headers.at[i].name, name))
			r->headers.at[n++] = r->headers.at[i];
	r->headers.n = n;
	if (value.p)
		fields_add(a, &r->headers, name, value);
}

/* ---- requests that get to a rule ---- */

struct showing {
	struct lint *l;
	const struct p_rule *rule;
	const struct p_test *also;
	uint32_t index; /* of the rule in its chain */
	struct witness *w;
	bool shown;
};

static bool shows(struct showing *s, const struct scene *sc, const struct model *m)
{
	if (!may_replay(s->l))
		return false;
	witness_make(s->l->g, sc, m, s->w);
	lint_compare(s->l, s->w->outcome);
	return witness_matched(s->w, s->rule, s->rule->dir);
}

static bool show_way(void *arg, struct scene *open)
{
	struct showing *s = arg;
	struct proof *g = s->l->g;
	struct scene *sc = lint_scene(s->l, open, s->index);
	const struct crule *r = &sc->at[sc->n - 1].context->rules[s->index];
	struct search q;

	s->l->replays += 1 + s->l->p->nrules / SEARCH_RULES;
	if (!scene_needs(g, sc, r->cond) ||
	    (s->also && !scene_needs(g, sc, state_test(g, s->also, r->before, false, false))))
		return false;
	if (search_run(&q, g, sc) == ANSWER_YES)
		s->shown = shows(s, sc, q.found) || shows(s, sc, witness_guess(g, q.found));
	search_end(&q);
	return s->shown || s->l->untried;
}

bool lint_shows(struct lint *l, const struct p_rule *rule, const struct p_test *also,
		struct witness *w)
{
	struct showing s = { .l = l, .rule = rule, .also = also, .w = w };

	may_replay(l);
	for (uint32_t i = 0; i < l->p->nsections && !s.shown && !l->untried; i++) {
		const struct p_chain *chain = &l->p->sections[i]->chains[rule->dir];

		for (s.index = 0; s.index < chain->n && chain->rules[s.index] != rule;)
			s.index++;
		if (s.index < chain->n)
			ways_to(l->g, l->p->sections[i], rule->dir, show_way, &s);
	}
	return s.shown;
}

/* ---- requests that servers get ---- */

struct sending {
	struct lint *l;
	const struct p_section *to;
	unsigned tries;
};

static bool known_backend(const struct lint *l, const struct p_section *backend)
{
	for (size_t i = 0; i < l->forwarded.n; i++) {
		const struct witness *w = l->forwarded.p[i];

		if (w->outcome->backend == backend)
			return true;
	}
	return false;
}

static bool note_forwarded(struct lint *l, const struct witness *w)
{
	struct witness *keep;

	if (!w->outcome->forwarded || known_backend(l, w->outcome->backend))
		return w->outcome->forwarded;
	keep = ARENA_NEW(l->g->a, struct witness);
	*keep = *w;
	vec_push(l->g->a, &l->forwarded, keep);
	return true;
}

static bool send_way(void *arg, struct scene *sc)
{
	struct sending *s = arg;
	struct search q;
	struct witness w;
	bool sent = false;

	if (search_run(&q, s->l->g, sc) == ANSWER_YES && may_replay(s->l)) {
		witness_make(s->l->g, sc, q.found, &w);
		sent = note_forwarded(s->l, &w) && known_backend(s->l, s->to);
	}
	search_end(&q);
	return sent || ++s->tries == 4 || s->l->untried;
}

const struct vec *lint_forwarded(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nsections && !l->forwarded.n; i++) {
		const struct p_section *s = l->p->sections[i];
		struct witness w = { .state = { .brief = true } };

		if (!ways_entry(s) || s->front_mode != MODE_HTTP)
			continue;
		request_init(&w.request);
		w.request.meth = S("GET");
		w.request.target = S("/");
		w.request.version = S("1.1");
		w.request.bind = s->name;
		fields_add(l->g->a, &w.request.headers, S("Host"), S("localhost"));
		w.outcome = lint_replay(l, l->g->a, &w.request, &w);
		if (w.outcome)
			note_forwarded(l, &w);
	}
	for (uint32_t i = 0; i < l->p->nsections && l->forwarded.n < FORWARDED_MAX; i++) {
		struct sending s = { .l = l, .to = l->p->sections[i] };

		if ((s.to->kind == SEC_BACKEND || s.to->kind == SEC_LISTEN) &&
		    s.to->back_mode == MODE_HTTP && !known_backend(l, s.to) && !l->untried)
			ways_to(l->g, s.to, DIR_REQ_OUT, send_way, &s);
	}
	return &l->forwarded;
}

/* ---- what rules and requests are ---- */

static bool in_net(const uint8_t addr[16], const struct p_net *net)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	return memcmp(addr, net->addr, whole) == 0 &&
	       (rest == 0 || ((addr[whole] ^ net->addr[whole]) & (0xff00 >> rest) & 0xff) == 0);
}

bool lint_in_nets(const uint8_t addr[16], const struct p_net *nets, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (in_net(addr, &nets[i]))
			return true;
	return false;
}

bool lint_trusts(const struct lint *l, const uint8_t addr[16])
{
	return lint_in_nets(addr, l->p->trusted, l->p->ntrusted);
}

bool lint_refuses(const struct p_rule *rule)
{
	for (uint32_t i = 0; i < rule->nactions; i++) {
		const struct p_action *a = &rule->actions[i];

		if (a->id == ACT_DENY || a->id == ACT_DROP || a->id == ACT_TARPIT ||
		    a->id == ACT_AUTH || (a->id == ACT_RESPOND && a->status >= 400))
			return true;
	}
	return false;
}

bool lint_refused(const struct outcome *o)
{
	return o->verdict == VERDICT_DENY || o->verdict == VERDICT_DROP ||
	       o->verdict == VERDICT_TARPIT || o->verdict == VERDICT_AUTH ||
	       (o->verdict == VERDICT_RESPOND && o->answer.status >= 400);
}

static bool allows(const struct p_rule *r)
{
	for (uint32_t i = 0; i < r->nactions; i++)
		if (r->actions[i].id == ACT_ALLOW)
			return true;
	return false;
}

bool lint_spares(const struct lint *l, const struct p_rule *rule)
{
	for (uint32_t i = 0; i < l->p->nsections && allows(rule); i++) {
		const struct p_chain *c = &l->p->sections[i]->chains[rule->dir];
		bool behind = false;

		for (uint32_t k = 0; k < c->n; k++) {
			if (behind && lint_refuses(c->rules[k]))
				return true;
			behind |= c->rules[k] == rule;
		}
	}
	return false;
}

const struct p_test *lint_one_value(struct lint *l, const struct p_test *t, uint32_t i)
{
	struct p_test *one;

	if (i >= (t->set ? t->set->nvalues : t->nvalues) || (t->set && t->set->dynamic))
		return NULL;
	one = ARENA_NEW(l->g->a, struct p_test);
	*one = *t;
	one->values = t->set ? &t->set->values[i] : &t->values[i];
	one->set = NULL;
	one->nvalues = 1;
	one->negated = false;
	return one;
}

bool lint_example(struct lint *l, const struct p_test *one, struct str *text)
{
	struct proof_field *f = field_of(l->g, one->subject, false);
	uint32_t x = f->kind == FIELD_TEXT ? atom_of_test(l->g, f, one, NULL) : NO_INDEX;
	const struct dfa *d, *u;

	if (x == NO_INDEX)
		return false;
	if (one->values->kind == VALUE_STR) {
		*text = one->values->text;
		return true;
	}
	d = atom_value_dfa(l->g, l->g->atoms.p[x], 0);
	u = d ? field_universe(l->g, f) : NULL;
	d = u ? dfa_intersection(l->g->a, d, u, &l->g->budget) : NULL;
	return d && word_shortest(l->g->a, d, text);
}
