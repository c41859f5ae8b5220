/* SPDX-License-Identifier: Apache-2.0 */
/* worst: what the rules of a chain cost at most, whatever a client sends. Counted from the limits of
 * the site: a value has no more bytes than the message part it comes from, and all occurrences of a
 * field or parameter together have no more. Actions and the texts that they write are not counted. */
#include <stdlib.h>

#include "decide_part.h"

#define HEAD_MOST 16384 /* of a head, where the limit is a param: it lies in one buffer */
#define STEPS_TEST 2 /* for each value of a test and each occurrence of what is tested */
#define STEPS_LOOK 10 /* into a table of values, for each occurrence, besides its bytes */
#define TABLE_PASSES 8 /* over them: starts, ends, and twice what is inside, each in two forms */
#define SCRATCH 131072 /* most bytes of a value that a rule makes */

static const struct decide_worst none;

static void add(struct decide_worst *to, const struct decide_worst *w, uint64_t times)
{
	to->steps += w->steps * times;
	to->bytes += w->bytes * times;
	to->pcre2 += w->pcre2 * times;
}

static uint64_t setting(const struct emit *e, enum option_id id, uint64_t most)
{
	const struct p_setting *s = &e->p->globals[id];

	return s->computed || s->num <= 0 ? most : (uint64_t)s->num;
}

/* Bytes of all values of <s> together. */
static uint64_t length_of(const struct emit *e, const struct p_subject *s)
{
	switch (s->id) {
	case SUBJ_URI:
	case SUBJ_PATH:
	case SUBJ_QUERY:
	case SUBJ_Q:
		return setting(e, OPT_URI_MAX, HEAD_MOST);
	case SUBJ_SRC:
	case SUBJ_SRC_PORT:
	case SUBJ_DST:
	case SUBJ_DST_PORT:
	case SUBJ_STATUS:
		return 16;
	default:
		return setting(e, OPT_HEAD_MAX, HEAD_MOST);
	}
}

static uint64_t occurrences_of(const struct emit *e, const struct p_subject *s)
{
	if (emit_is_one(s))
		return 1;
	if (s->id == SUBJ_H && !s->convs)
		return setting(e, OPT_HEADERS_MAX, HEAD_MOST / 4);
	return length_of(e, s) / 2 + 1; /* elements of a list, each with its separator */
}

static bool by_pcre2(const struct emit *e, const struct p_regex *r)
{
	uint32_t row = e->regex_rows[r->index];

	return row == WS_NONE ||
	       !((const struct ws_regex *)table_row(&e->tables[EMIT_REGEXES], row))->automaton;
}

/* Getting the values of <s>. */
static struct decide_worst of_subject(const struct emit *e, const struct p_subject *s)
{
	uint64_t bytes = length_of(e, s), n = occurrences_of(e, s);
	struct decide_worst w = { .steps = STEPS_TEST * n, .bytes = bytes };

	for (const struct p_conv *c = s->convs; c; c = c->next) {
		w.bytes += c->text ? SCRATCH * n : bytes;
		w.steps += n;
		w.pcre2 += c->regex ? n : 0;
		if (c->map)
			w.bytes += bytes * (c->map->n < TABLE_PASSES ? c->map->n : TABLE_PASSES);
	}
	return w;
}

/* Comparing them all with <v>. */
static struct decide_worst of_value(const struct emit *e, const struct p_test *t,
				    const struct p_value *v)
{
	uint64_t bytes = length_of(e, t->subject), n = occurrences_of(e, t->subject);
	struct decide_worst w = { .steps = STEPS_TEST * n };

	if (v->kind == VALUE_REGEX) {
		w.bytes = bytes;
		w.pcre2 = by_pcre2(e, v->regex) ? n : 0;
	} else if (v->kind == VALUE_TEXT) {
		w.bytes = SCRATCH * n + bytes;
	} else if (v->kind == VALUE_STR) {
		bool anywhere = t->op == OP_SUBSTR || t->op == OP_WORD || t->op == OP_DOTWORD;

		w.bytes = anywhere                ? bytes * (v->text.n + 1)
			  : n * v->text.n < bytes ? n * v->text.n
						  : bytes;
	}
	return w;
}

/* Its values are found by a table, or by that of a dynamic set. */
static bool has_table(const struct decide *d, const struct p_test *t, const struct p_value *values,
		      uint32_t n)
{
	if (t->set && t->set->dynamic)
		return t->op != OP_RE;
	for (uint32_t i = 0; i < n; i++)
		if (values[i].kind == VALUE_REGEX || values[i].kind == VALUE_TEXT)
			return false;
	return n >= DECIDE_VALUES_MANY && d->mode != DECIDE_NEVER;
}

static struct decide_worst of_test(const struct decide *d, const struct p_test *t)
{
	const struct p_value *values = t->set ? t->set->values : t->values;
	uint32_t n = t->set ? t->set->nvalues : t->nvalues;
	struct decide_worst w = of_subject(d->e, t->subject), v;

	if (has_table(d, t, values, n)) {
		w.bytes += TABLE_PASSES * length_of(d->e, t->subject);
		w.steps += STEPS_LOOK * occurrences_of(d->e, t->subject);
		return w;
	}
	for (uint32_t i = 0; i < n; i++) {
		v = of_value(d->e, t, &values[i]);
		add(&w, &v, 1);
	}
	return w;
}

static struct decide_worst of_expr(struct decide *d, const struct p_expr *x);

/* An acl's cost is made once; it is read wherever it stands. */
static struct decide_worst of_acl(struct decide *d, const struct p_acl *acl)
{
	struct known_worst *known = &d->worst_of_acl[acl->index];

	if (!known->made) {
		known->made = true;
		known->w = of_expr(d, acl->expr);
	}
	return known->w;
}

static struct decide_worst of_expr(struct decide *d, const struct p_expr *x)
{
	struct decide_worst w = none, kid;

	if (x->kind == PE_TEST)
		return of_test(d, x->test);
	if (x->kind == PE_ACL)
		return of_acl(d, x->acl);
	for (uint32_t i = 0; i < x->nkids; i++) {
		kid = of_expr(d, x->kids[i]);
		add(&w, &kid, 1);
	}
	return w;
}

static struct decide_worst rule_worst(struct decide *d, const struct p_rule *r)
{
	struct decide_worst w = of_expr(d, r->cond);

	w.steps += STEPS_RULE;
	w.pcre2 += r->capturing ? occurrences_of(d->e, r->capturing->subject) : 0;
	return w;
}

struct decide_worst decide_worst_look(const struct emit *e, const struct p_subject *s,
				      const struct ws_scan *row)
{
	struct decide_worst w = of_subject(e, s);
	uint64_t bytes = length_of(e, s), n = occurrences_of(e, s);
	uint32_t passes = 0;

	for (unsigned i = 0; i < 4; i++)
		passes += row->trees[i] != 0;
	for (unsigned i = 0; i < 2; i++)
		passes += row->finders[i] ? 2u : 0;
	passes += row->automata ? *(const uint32_t *)table_row(&e->tables[EMIT_DECIDE_WORDS],
							       row->automata)
				: 0;
	w.bytes += passes * bytes;
	w.steps += n * (passes + (row->ranges || row->nets ? 8 : 0));
	return w;
}

static int larger_first(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

/* The sum of the <n> largest. */
static uint64_t top(uint64_t *values, uint32_t count, uint64_t n)
{
	uint64_t sum = 0;

	qsort(values, count, sizeof(*values), larger_first);
	for (uint32_t i = 0; i < count && i < n; i++)
		sum += values[i];
	return sum;
}

/* No <n> of the rules cost more, whichever they are. */
static struct decide_worst dearest(struct arena *a, const struct decide_worst *rules,
				   uint32_t count, uint64_t n)
{
	uint64_t *values = ARENA_ARRAY(a, uint64_t, count);
	struct decide_worst w = { .rules = n < count ? n : count };

	for (uint32_t i = 0; i < count; i++)
		values[i] = rules[i].steps;
	w.steps = top(values, count, n);
	for (uint32_t i = 0; i < count; i++)
		values[i] = rules[i].bytes;
	w.bytes = top(values, count, n);
	for (uint32_t i = 0; i < count; i++)
		values[i] = rules[i].pcre2;
	w.pcre2 = top(values, count, n);
	return w;
}

void decide_worst_chain(struct decide *d, const struct p_chain *c, struct decide_report *r)
{
	struct decide_worst *rules = ARENA_ARRAY(d->arena, struct decide_worst, c->n);
	uint64_t looks = 1 + (uint64_t)r->changing;

	for (uint32_t i = 0; i < c->n; i++)
		if (r->row == WS_NONE || !(d->flags[i] & WS_DECIDE_HOLDS))
			rules[i] = rule_worst(d, c->rules[i]);
		else
			rules[i].steps = STEPS_RULE;
	if (r->row == WS_NONE) {
		r->worst = dearest(d->arena, rules, c->n, c->n);
		return;
	}
	/* A walk looks again until that has cost what testing all rules does. */
	looks = looks > c->n / 4 + 2 ? c->n / 4 + 2 : looks;
	r->worst = dearest(d->arena, rules, c->n, r->candidates_max * looks);
	r->worst.steps += STEPS_BASE;
	add(&r->worst, &r->look, looks);
}
