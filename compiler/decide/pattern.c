/* SPDX-License-Identifier: Apache-2.0 */
/* pattern: the values of a test as patterns that a scan can look for. */
#include "decide_part.h"

#define FACTORS_MAX 64

static struct pattern *next_pattern(struct decide *d, struct literal *l, uint32_t *room)
{
	GROW(d->arena, l->patterns, l->npatterns, *room);
	l->patterns[l->npatterns] = (struct pattern) { 0 };
	return &l->patterns[l->npatterns++];
}

/* Preference by what a scan costs; a client may send many values of some subjects. */
enum {
	COST_TREE = 1,
	COST_RANGE = 2,
	COST_NET = 3,
	COST_PRESENT = 4,
	COST_MANY = 5,
	COST_FIND = 8,
	COST_REGEX = 9
};

static void cost(struct literal *l, uint8_t at_least)
{
	if (l->cost < at_least)
		l->cost = at_least;
}

static struct str folded(struct arena *a, struct str s, bool fold)
{
	char *p;

	if (!fold)
		return s;
	p = arena_get(a, s.n + 1);
	str_lower(p, s);
	return str_of(p, s.n);
}

static bool text_pattern(struct arena *a, enum operator_id op, const struct p_value *v,
			 struct pattern *p)
{
	p->fold = v->icase;
	p->text = folded(a, v->text, v->icase);
	switch (op) {
	case OP_EQ:
		p->kind = PATTERN_START;
		p->how = SCAN_WHOLE;
		break;
	case OP_PREFIX:
	case OP_SUFFIX:
		p->kind = op == OP_PREFIX ? PATTERN_START : PATTERN_END;
		p->how = v->bound ? SCAN_BOUND : SCAN_HERE;
		break;
	case OP_SUBSTR:
	case OP_WORD:
	case OP_DOTWORD:
		p->kind = PATTERN_INSIDE;
		p->how = op == OP_WORD ? SCAN_SLASH : op == OP_DOTWORD ? SCAN_DOT : SCAN_HERE;
		break;
	default:
		return false;
	}
	return v->text.n > 0;
}

static bool range_pattern(enum operator_id op, const struct p_value *v, struct pattern *p)
{
	p->kind = PATTERN_RANGE;
	p->lo = INT64_MIN;
	p->hi = INT64_MAX;
	switch (op) {
	case OP_EQ:
		p->lo = v->lo;
		p->hi = v->hi;
		return p->lo <= p->hi;
	case OP_LT:
		p->hi = v->lo - 1;
		return v->lo > INT64_MIN;
	case OP_LE:
		p->hi = v->lo;
		return true;
	case OP_GT:
		p->lo = v->lo + 1;
		return v->lo < INT64_MAX;
	case OP_GE:
		p->lo = v->lo;
		return true;
	default:
		return false;
	}
}

static void net_pattern(const struct p_net *net, struct pattern *p)
{
	p->kind = PATTERN_NET;
	p->net = *net;
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = net->bits > i * 8 ? net->bits - i * 8 : 0;

		if (keep < 8)
			p->net.addr[i] &= (uint8_t)(0xff00 >> keep);
	}
}

/* Shorter texts are in too many values. Anchored expressions are cheap to look for together, others
 * are not. */
#define FACTOR_MIN 2
#define FACTOR_MIN_ANCHORED 4

/* A regex without a text that narrows is looked for itself. */
static bool regex_pattern(struct decide *d, const struct p_regex *r, struct literal *l,
			  uint32_t *room)
{
	uint32_t regex = d->e->regex_rows[r->index];
	const struct ws_regex *row = table_row(&d->e->tables[EMIT_REGEXES], regex);
	struct pattern *p;

	if (!row->automaton)
		return false;
	p = next_pattern(d, l, room);
	p->kind = PATTERN_REGEX;
	p->regex = r;
	cost(l, COST_REGEX);
	return true;
}

static bool narrows(const struct p_regex *r, const struct factor *f, uint32_t n)
{
	size_t least = str_starts(r->text, S("^")) ? FACTOR_MIN_ANCHORED : FACTOR_MIN;

	for (uint32_t i = 0; i < n; i++)
		if (f[i].text.n < least)
			return false;
	return n != 0;
}

static bool regex_patterns(struct decide *d, const struct p_regex *r, struct literal *l,
			   uint32_t *room)
{
	struct factor factors[FACTORS_MAX];
	bool exact;
	uint32_t n = decide_factors(d->arena, r, factors, FACTORS_MAX, &exact);

	if (!narrows(r, factors, n) && !(n && exact) && regex_pattern(d, r, l, room))
		return true;
	l->exact = l->exact && exact;
	for (uint32_t i = 0; i < n; i++) {
		const struct factor *f = &factors[i];
		struct pattern *p = next_pattern(d, l, room);

		p->fold = r->icase;
		p->text = folded(d->arena, f->text, r->icase);
		p->kind = f->start ? PATTERN_START : f->end ? PATTERN_END : PATTERN_INSIDE;
		p->how = f->start && f->end ? SCAN_WHOLE : SCAN_HERE;
		cost(l, p->kind == PATTERN_INSIDE ? COST_FIND : COST_TREE);
	}
	return n != 0;
}

bool decide_pattern(struct arena *a, enum operator_id op, const struct p_value *v,
		    struct pattern *p)
{
	switch (v->kind) {
	case VALUE_STR:
		return text_pattern(a, op, v, p);
	case VALUE_INT:
		return range_pattern(op, v, p);
	case VALUE_NET:
		net_pattern(&v->net, p);
		return true;
	case VALUE_REGEX:
	case VALUE_TEXT:
		break;
	}
	return false;
}

static bool value_patterns(struct decide *d, enum operator_id op, const struct p_value *v,
			   struct literal *l, uint32_t *room)
{
	static const uint8_t costs[] = {
		[PATTERN_START] = COST_TREE,  [PATTERN_END] = COST_TREE,
		[PATTERN_INSIDE] = COST_FIND, [PATTERN_RANGE] = COST_RANGE,
		[PATTERN_NET] = COST_NET,     [PATTERN_REGEX] = COST_REGEX
	};
	struct pattern *p;

	if (v->kind == VALUE_REGEX)
		return regex_patterns(d, v->regex, l, room);
	p = next_pattern(d, l, room);
	if (!decide_pattern(d->arena, op, v, p))
		return false;
	cost(l, costs[p->kind]);
	return true;
}

bool decide_patterns(struct decide *d, const struct p_test *t, struct literal *l)
{
	const struct p_value *values = t->set ? t->set->values : t->values;
	uint32_t n = t->set ? t->set->nvalues : t->nvalues, room = 0;

	if (t->set && t->set->dynamic)
		return false;
	l->exact = true;
	if (!emit_is_one(t->subject))
		cost(l, COST_MANY);
	if (t->op == OP_TRUE) {
		cost(l, COST_PRESENT);
		return true;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!value_patterns(d, t->op, &values[i], l, &room))
			return false;
	return n != 0;
}
