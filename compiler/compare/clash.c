/* SPDX-License-Identifier: Apache-2.0 */
/* clash: pairs of ends that no request can come to both of, seen from their own conditions alone.
 * Most pairs fall here, at the cost of a comparison of texts. */
#include "pair.h"

/* The one conjunction that an end needs, or NULL. */
static const struct conj *needs_of(const struct end *e)
{
	const struct context *c = side_list(e->front);
	const struct dnf *d = NULL;

	if (e->stop < c->n)
		d = e->kind == END_CHOICE && e->chooses ? &c->rules[e->stop].choice
							: &c->rules[e->stop].cond;
	return d && d->n == 1 ? &d->at[0] : NULL;
}

static bool plain(const struct atom *x)
{
	return !x->field->many && x->field->kind == FIELD_TEXT && !x->length && !x->unknown &&
	       !x->map && !x->opaque && !x->field->opaque && x->nvalues == 1 &&
	       x->values[0].kind == VALUE_STR;
}

static bool begins(struct str s, struct str start, bool icase)
{
	return icase ? str_istarts(s, start) : str_starts(s, start);
}

static bool ends(struct str s, struct str end, bool icase)
{
	return icase ? str_iends(s, end) : str_ends(s, end);
}

/* Both hold for no text? <x> is EQ, PREFIX or SUFFIX. */
static bool apart(const struct atom *x, const struct atom *y)
{
	struct str s = x->values[0].text, t = y->values[0].text;
	bool icase = x->values[0].icase;

	if (icase != y->values[0].icase)
		return false;
	if (x->op == OP_EQ)
		return !atom_text(y, s);
	if (y->op == OP_EQ)
		return !atom_text(x, t);
	if (x->op == OP_PREFIX && y->op == OP_PREFIX)
		return !begins(s, t, icase) && !begins(t, s, icase);
	if (x->op == OP_SUFFIX && y->op == OP_SUFFIX)
		return !ends(s, t, icase) && !ends(t, s, icase);
	return false;
}

static bool literals_clash(struct proof *g, uint32_t a, uint32_t b)
{
	const struct atom *x = atom_at(g, a), *y = atom_at(g, b);

	if (x == y)
		return a != b;
	if (x->field != y->field || (a & b & 1) || !plain(x) || !plain(y))
		return false;
	if (!(a & 1) && !(b & 1))
		return apart(x, y);
	if (b & 1) /* x holds, y does not */
		return x->op == OP_EQ && x->values[0].icase == y->values[0].icase &&
		       atom_text(y, x->values[0].text);
	return y->op == OP_EQ && x->values[0].icase == y->values[0].icase &&
	       atom_text(x, y->values[0].text);
}

bool pair_clash(struct proof *g, const struct end *x, const struct end *y)
{
	const struct conj *c = needs_of(x), *d = needs_of(y);

	for (uint32_t i = 0; c && d && i < c->n; i++)
		for (uint32_t k = 0; k < d->n; k++)
			if (literals_clash(g, c->lits[i], d->lits[k]))
				return true;
	return false;
}
