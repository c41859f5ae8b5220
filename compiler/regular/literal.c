/* SPDX-License-Identifier: Apache-2.0 */
#include "literal.h"

static struct re_side delimiter(struct byteset delims)
{
	return (struct re_side) { delims, true };
}

/* A byte of <delims> stands at <at>. */
static bool delimits(const struct literal *l, struct str s, size_t at)
{
	return at < s.n && byteset_has(&l->delims, (uint8_t)s.p[at]);
}

static bool word_matches(const struct literal *l, struct str s)
{
	for (size_t at = 0; at + l->text.n <= s.n; at++) {
		struct str part = str_of(s.p + at, l->text.n);
		size_t end = at + l->text.n;

		if ((at == 0 || delimits(l, s, at - 1)) && (end == s.n || delimits(l, s, end)) &&
		    (l->icase ? str_ieq(part, l->text) : str_eq(part, l->text)))
			return true;
	}
	return false;
}

bool literal_matches(const struct literal *l, struct str s)
{
	struct str t = l->text;

	switch (l->kind) {
	case LITERAL_EQ:
		return l->icase ? str_ieq(s, t) : str_eq(s, t);
	case LITERAL_PRE:
		if (!(l->icase ? str_istarts(s, t) : str_starts(s, t)))
			return false;
		return !l->bound || s.n == t.n || delimits(l, s, t.n) ||
		       (t.n && delimits(l, t, t.n - 1));
	case LITERAL_SUF:
		if (!(l->icase ? str_iends(s, t) : str_ends(s, t)))
			return false;
		return !l->bound || s.n == t.n || delimits(l, s, s.n - t.n - 1) ||
		       delimits(l, t, 0);
	case LITERAL_SUB:
		return (l->icase ? str_ifind(s, t) : str_find(s, t)) >= 0;
	case LITERAL_WORD:
		return word_matches(l, s);
	}
	return false;
}

/* The places where the text may begin and end. */
static void sides(const struct literal *l, struct re_side *begin, struct re_side *end)
{
	*begin = *end = RE_ANY;
	if (l->kind == LITERAL_EQ || l->kind == LITERAL_PRE)
		*begin = RE_EDGE;
	if (l->kind == LITERAL_EQ || l->kind == LITERAL_SUF)
		*end = RE_EDGE;
	if (l->kind == LITERAL_WORD)
		*begin = *end = delimiter(l->delims);
	if (l->kind == LITERAL_PRE && l->bound &&
	    !(l->text.n && delimits(l, l->text, l->text.n - 1)))
		*end = delimiter(l->delims);
	if (l->kind == LITERAL_SUF && l->bound && !delimits(l, l->text, 0))
		*begin = delimiter(l->delims);
}

const struct dfa *literal_dfa(struct arena *a, const struct literal *l, struct budget *b)
{
	struct arena t = { 0 };
	struct re_side begin, end;
	struct re *first, *text = re_text(&t, l->text, l->icase);
	const struct dfa *d;

	sides(l, &begin, &end);
	first = re_look(&t, begin, RE_ANY);
	first->next = re_list(&t, RE_CAT, text);
	first->next->next = re_look(&t, RE_ANY, end);
	d = dfa_search(a, re_list(&t, RE_CAT, first), b);
	arena_free(&t);
	return d;
}
