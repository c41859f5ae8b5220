/* SPDX-License-Identifier: Apache-2.0 */
/* Atomic groups and possessive repetitions. Where only one way to match can begin at a place, or
 * where one look at the next byte tells the kept way from all others, they are regular like the
 * rest. */
#include "dfa.h"
#include "re_read.h"

/* An automaton of no more states is made to look at a body. */
#define BODY                                                                                       \
	{                                                                                          \
		.positions = 2000, .states = 500, .steps = 1000000                                 \
	}

bool re_as_set(const struct re *re, struct byteset *set)
{
	struct byteset one;

	if (re->kind == RE_SET) {
		*set = re->set;
		return true;
	}
	if (re->kind != RE_ALT)
		return false;
	*set = (struct byteset) { { 0 } };
	for (const struct re *k = re->kid; k; k = k->next) {
		if (!re_as_set(k, &one))
			return false;
		*set = byteset_or(*set, one);
	}
	return true;
}

static bool has_look(const struct re *re)
{
	if (re->kind == RE_LOOK)
		return true;
	for (const struct re *k = re->kid; k; k = k->next)
		if (has_look(k))
			return true;
	return false;
}

/* Is no string of <re> the start of another one? */
static bool one_way(const struct re *re)
{
	struct budget b = BODY;
	struct arena t = { 0 };
	const struct dfa *d;
	bool good;

	if (has_look(re))
		return false;
	d = dfa_whole(&t, re, &b);
	good = d != NULL;
	for (uint32_t q = 0; good && q < d->nstates; q++)
		for (uint32_t c = 0; d->accept[q] && good && c < d->nclasses; c++)
			good = d->next[q * d->nclasses + c] == d->dead;
	arena_free(&t);
	return good;
}

static struct re *pair(struct re_reader *r, enum re_kind kind, struct re *x, struct re *y)
{
	x->next = y;
	return re_list(r->a, kind, x);
}

/* Here, and no byte of <set> follows. */
static struct re *not_before(struct re_reader *r, struct byteset set)
{
	return re_look(r->a, RE_ANY, (struct re_side) { byteset_not(set), true });
}

struct re *re_possessive(struct re_reader *r, struct re *kid, uint32_t min, uint32_t max)
{
	struct byteset set;
	struct re *some;

	if (min == max && one_way(kid))
		return re_repeat(r->a, kid, min, max);
	if (!re_as_set(kid, &set))
		return re_opaque(r, S("a possessive repetition"));
	if (min == max)
		return re_repeat(r->a, re_set(r->a, set), min, max);
	some = re_repeat(r->a, re_set(r->a, set), min, max == RE_FOREVER ? max : max - 1);
	some = pair(r, RE_CAT, some, not_before(r, set));
	if (max == RE_FOREVER)
		return some;
	return pair(r, RE_ALT, re_repeat(r->a, re_set(r->a, set), max, max), some);
}

struct re *re_atomic(struct re_reader *r, struct re *body)
{
	struct byteset set;

	if (re_as_set(body, &set) || one_way(body))
		return body;
	return re_opaque(r, S("an atomic group"));
}

struct re *re_newline(struct re_reader *r)
{
	struct byteset set;
	struct re *crlf = re_text(r->a, S("\r\n"), false);
	struct re *cr =
		pair(r, RE_CAT, re_set(r->a, byteset_of('\r')), not_before(r, byteset_of('\n')));

	re_class_letter('v', &set);
	set.w[0] &= ~((uint64_t)1 << '\r');
	return pair(r, RE_ALT, crlf, pair(r, RE_ALT, cr, re_set(r->a, set)));
}
