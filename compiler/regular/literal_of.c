/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions that test for fixed texts: read off the tree, or guessed from a small automaton and
 * compared with it. */
#include "literal.h"

#include "word.h"

#define TEXT_MAX 1024 /* of one text that is read off a tree */

enum letters { LETTERS_NONE, LETTERS_EXACT, LETTERS_FOLDED };

/* One text in the making. */
struct piece {
	bool begin, end; /* anchored */
	bool gap_before, gap_behind; /* ".*" */
	enum letters letters;
	struct str text;
};

struct pieces {
	struct arena *t;
	struct piece *v;
	unsigned n, max;
	bool failed; /* it is something else */
};

static bool is_anything(const struct re *re)
{
	return re->kind == RE_REPEAT && re->min == 0 && re->max == RE_FOREVER &&
	       re->kid->kind == RE_SET && byteset_eq(re->kid->set, BYTESET_ALL);
}

/* The byte of <set>, or of its two cases the small letter. False: it holds others. */
static bool one_byte(struct byteset set, uint8_t *c, enum letters *letters)
{
	unsigned n = byteset_count(set);

	if (n == 0 || n > 2)
		return false;
	*c = byteset_first(set);
	*letters = LETTERS_NONE;
	if (n == 2) {
		*letters = LETTERS_FOLDED;
		*c = (uint8_t)ascii_lower((char)*c);
		return byteset_eq(set, byteset_fold(byteset_of(*c)));
	}
	if (byteset_count(byteset_fold(set)) == 2)
		*letters = LETTERS_EXACT;
	return true;
}

static bool add_byte(struct arena *t, struct piece *p, struct byteset set)
{
	enum letters letters;
	uint8_t c;
	char *text;

	if (p->end || p->gap_behind || p->text.n >= TEXT_MAX || !one_byte(set, &c, &letters))
		return false;
	if (letters != LETTERS_NONE && p->letters != LETTERS_NONE && letters != p->letters)
		return false;
	p->letters = letters != LETTERS_NONE ? letters : p->letters;
	text = arena_get(t, p->text.n + 1);
	if (p->text.n)
		memcpy(text, p->text.p, p->text.n);
	text[p->text.n] = (char)c;
	p->text = str_of(text, p->text.n + 1);
	return true;
}

static bool side_is(const struct re_side *side, struct byteset set)
{
	return side->edge && byteset_eq(side->set, set);
}

static bool add_look(struct piece *p, const struct re *re)
{
	static const struct byteset none;

	if (side_is(&re->before, none) && side_is(&re->after, BYTESET_ALL)) {
		if (p->text.n || p->gap_before || p->end)
			return false;
		p->begin = true;
		return true;
	}
	if (side_is(&re->after, none) && side_is(&re->before, BYTESET_ALL)) {
		if (p->gap_before && !p->text.n)
			return false;
		p->end |= !p->gap_behind;
		return true;
	}
	return false;
}

static bool add_gap(struct piece *p)
{
	if (p->end)
		return false;
	if (p->text.n) {
		p->gap_behind = true;
	} else {
		p->gap_before = true;
		p->begin = false;
	}
	return true;
}

/* Each piece so far, with what <re> adds. */
static void add(struct pieces *s, const struct re *re);

static void add_alternatives(struct pieces *s, const struct re *re)
{
	struct pieces before = *s;
	struct piece *all = ARENA_ARRAY(s->t, struct piece, s->max + 1);
	unsigned n = 0;

	for (const struct re *k = re->kid; k && !s->failed; k = k->next) {
		struct pieces one = before;

		one.v = ARENA_ARRAY(s->t, struct piece, s->max + 1);
		memcpy(one.v, before.v, before.n * sizeof(*one.v));
		add(&one, k);
		s->failed = one.failed || n + one.n > s->max;
		for (unsigned i = 0; !s->failed && i < one.n; i++)
			all[n++] = one.v[i];
	}
	s->v = all;
	s->n = n;
}

static void add(struct pieces *s, const struct re *re)
{
	if (re->kind == RE_EMPTY)
		return;
	if (re->kind == RE_ALT) {
		add_alternatives(s, re);
		return;
	}
	if (re->kind == RE_CAT) {
		for (const struct re *k = re->kid; k && !s->failed; k = k->next)
			add(s, k);
		return;
	}
	for (unsigned i = 0; i < s->n && !s->failed; i++) {
		struct piece *p = &s->v[i];

		if (re->kind == RE_SET)
			s->failed = !add_byte(s->t, p, re->set);
		else if (re->kind == RE_LOOK)
			s->failed = !add_look(p, re);
		else
			s->failed = !is_anything(re) || !add_gap(p);
	}
}

static enum literal_kind kind_of(bool begin, bool end)
{
	return begin ? end ? LITERAL_EQ : LITERAL_PRE : end ? LITERAL_SUF : LITERAL_SUB;
}

unsigned regex_as_literals(struct arena *a, const struct re *re, struct literal *out, unsigned max)
{
	struct arena t = { 0 };
	struct pieces s = { .t = &t, .n = 1, .max = max };
	unsigned n = 0;

	s.v = ARENA_ARRAY(&t, struct piece, max + 1);
	if (max)
		add(&s, re);
	while (max && !s.failed && n < s.n) {
		const struct piece *p = &s.v[n];

		out[n++] = (struct literal) { .kind = kind_of(p->begin, p->end),
					      .icase = p->letters == LETTERS_FOLDED,
					      .text = arena_str(a, p->text) };
	}
	arena_free(&t);
	return n;
}

bool dfa_as_literal(struct arena *a, const struct dfa *d, struct literal *out)
{
	struct budget b = BUDGET_DEFAULT;
	struct arena t = { 0 };
	struct str text;
	bool found = false;

	/* Each kind's shortest string is its text; no other state than one for each of its bytes,
	 * the end, and what is refused. */
	if (!word_shortest(&t, d, &text) || d->nstates > text.n + 2) {
		arena_free(&t);
		return false;
	}
	for (unsigned i = 0; i < 8 && !found; i++) {
		*out = (struct literal) { .kind = (enum literal_kind)(i / 2), .icase = i % 2 };
		out->text = text;
		found = dfa_equal(d, literal_dfa(&t, out, &b));
	}
	out->text = arena_str(a, text);
	arena_free(&t);
	return found;
}
