/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies, and the header that they are read of. Any number of Cookie headers may come, so what is
 * wanted can be had by one header each: a header that satisfies one positive test and no negated
 * one. When one of these cannot be, that is a proof. */
#include "model.h"

#include "../regular/word.h"

#define WORDS_MAX 16 /* of one header that are tried */
#define COOKIE_STEPS 2000 /* what the search for one header counts */

static bool cookie_name(struct str s)
{
	return s.n && str_chr(s, ';') < 0 && str_chr(s, '=') < 0 && str_trim(s).n == s.n;
}

struct texts {
	struct str *at;
	uint32_t n, room;
};

/* The values of the cookies <f> in the header <t>. */
static void read_cookies(struct solver *s, const struct proof_field *f, struct str t,
			 struct texts *out)
{
	while (t.p) {
		struct str one = str_cut(&t, ';'), key = str_trim(str_cut(&one, '='));

		if (!str_eq(key, f->name))
			continue;
		GROW(s->a, out->at, out->n, out->room);
		out->at[out->n++] = one.p ? str_trim(one) : str_of("", 0);
	}
}

/* All fields of the headers <h>. */
static void fill(struct solver *s, struct model *m, const struct group *gr, const struct texts *h)
{
	for (uint32_t i = 0; i < gr->n; i++) {
		const struct proof_field *f = gr->fields[i];
		struct texts t = { 0 };

		for (uint32_t k = 0; k < h->n; k++) {
			if (f->id == SUBJ_C) {
				read_cookies(s, f, h->at[k], &t);
				continue;
			}
			GROW(s->a, t.at, t.n, t.room);
			t.at[t.n++] = h->at[k];
		}
		if (t.n)
			model_set_texts(s, m, f, t.at, t.n);
		else
			model_set_absent(s, m, f);
	}
}

/* ---- languages of one header ---- */

/* Headers that hold a cookie <f> with a value of <values>: … ; NAME = VALUE ; … NULL: a limit. */
static const struct dfa *holding(struct solver *s, const struct proof_field *f,
				 const struct dfa *values)
{
	struct budget *b = &s->g->budget;
	struct str why;
	const struct re *blank = re_parse(s->a, S("[ \t]*"), false, false, &why);
	const struct re *before = re_parse(s->a, S("(?:[^\\x00]*;)?[ \t]*"), false, false, &why);
	const struct re *behind = re_parse(s->a, S("[ \t]*(?:;[^\\x00]*)?"), false, false, &why);
	const struct dfa *blanks = dfa_whole(s->a, blank, b), *head = dfa_whole(s->a, before, b);
	const struct dfa *tail = dfa_whole(s->a, behind, b), *d;

	if (!blanks || !head || !tail || !(head = dfa_append(s->a, head, f->name, b)) ||
	    !(head = dfa_concat(s->a, head, blanks, b)))
		return NULL;
	d = dfa_concat(s->a, blanks, values, b);
	d = d ? dfa_prepend(s->a, S("="), d, b) : NULL;
	if (d && dfa_accepts(values, S(""))) /* NAME alone */
		d = dfa_union(s->a, d, dfa_bytes(s->a, BYTESET_ALL, 0, 0, b), b);
	d = d ? dfa_concat(s->a, d, tail, b) : NULL;
	return d ? dfa_concat(s->a, head, d, b) : NULL;
}

/* Values of <f> for which the literal's atom holds; NULL: opaque, or a limit. */
static const struct dfa *values_of(struct solver *s, struct atom *x)
{
	const struct dfa *d = x->unknown ? NULL : atom_dfa(s->g, x);

	return d ? dfa_intersection(s->a, field_universe(s->g, x->field), d, &s->g->budget) : NULL;
}

/* Headers for which the test of <x> holds. */
static const struct dfa *headers_of(struct solver *s, struct atom *x)
{
	const struct dfa *d = values_of(s, x);

	return !d || x->field->id == SUBJ_H ? d : holding(s, x->field, d);
}

/* What may stand in any header beside what is wanted: all that no negated test takes. */
static const struct dfa *allowed(struct solver *s, struct proof_field *line, const struct demand *d,
				 bool *opaque)
{
	const struct dfa *all = field_universe(s->g, line);

	for (uint32_t i = 0; i < d->n && all; i++) {
		struct atom *x = atom_at(s->g, d->lits[i]);
		const struct dfa *e;

		if (!(d->lits[i] & 1))
			continue;
		e = headers_of(s, x);
		*opaque |= !e && (x->unknown || x->opaque);
		if (e)
			all = dfa_difference(s->a, all, e, &s->g->budget);
	}
	return all;
}

/* ---- the search ---- */

/* A header for which <lit> holds, and what is negated does not. */
static enum answer one_header(struct solver *s, struct model *m, const struct group *gr,
			      const struct demand *d, uint32_t lit, const struct dfa *all,
			      struct str *out)
{
	struct atom *x = atom_at(s->g, lit);
	const struct dfa *e = headers_of(s, x);
	struct str words[WORDS_MAX];
	const struct dfa *both = e ? dfa_intersection(s->a, all, e, &s->g->budget) : all;
	unsigned n = both ? word_some(s->a, both, words, WORDS_MAX) : 0;

	*s->steps += COOKIE_STEPS;
	for (unsigned i = 0; i < n; i++) {
		struct texts one = { .at = &words[i], .n = 1 };
		bool good = true;

		fill(s, m, gr, &one);
		for (uint32_t k = 0; k < d->n && good; k++)
			good = !(d->lits[k] & 1) || model_holds(m, s->g, d->lits[k]);
		*out = words[i];
		if (good && model_holds(m, s->g, lit))
			return ANSWER_YES;
	}
	return both && !n ? ANSWER_NO : ANSWER_LIMIT;
}

static enum answer many_headers(struct solver *s, struct model *m, const struct group *gr,
				struct proof_field *line, const struct demand *d, bool *opaque)
{
	const struct dfa *all = allowed(s, line, d, opaque);
	struct texts h = { 0 };
	enum answer got = ANSWER_YES;

	for (uint32_t i = 0; i < d->n && all; i++) {
		struct atom *x = atom_at(s->g, d->lits[i]);
		struct str word = { 0 };
		enum answer one;

		if (d->lits[i] & 1)
			continue;
		one = one_header(s, m, gr, d, d->lits[i], all, &word);
		if (one == ANSWER_NO)
			return one;
		*opaque |= one == ANSWER_LIMIT && (x->unknown || x->opaque);
		got = one == ANSWER_LIMIT ? one : got;
		GROW(s->a, h.at, h.n, h.room);
		h.at[h.n++] = word;
	}
	if (!all || got != ANSWER_YES)
		return ANSWER_LIMIT;
	fill(s, m, gr, &h);
	return demand_holds(s, m, d) ? ANSWER_YES : ANSWER_LIMIT;
}

/* The cookies of <m> as one header. */
static struct str cookie_text(struct solver *s, const struct model *m, const struct group *gr)
{
	struct textbuf b = { 0 };

	for (uint32_t i = 0; i < gr->n; i++) {
		const struct proof_field *f = gr->fields[i];
		const struct value *v = m->values[f->index];

		for (uint32_t k = 0; f->id == SUBJ_C && k < v->n; k++) {
			if (b.n)
				textbuf_put(s->a, &b, S("; "));
			textbuf_put(s->a, &b, f->name);
			textbuf_byte(s->a, &b, '=');
			textbuf_put(s->a, &b, v->at[k]);
		}
	}
	return textbuf_str(&b);
}

enum answer model_solve_cookie(struct solver *s, struct model *m, const struct group *gr,
			       const struct demand *d, bool *opaque)
{
	uint32_t *lits = ARENA_ARRAY(s->a, uint32_t, d->n + 1), n;
	struct proof_field *line = NULL;
	struct texts one = { 0 };
	struct str text;
	enum answer got;

	for (uint32_t i = 0; i < gr->n; i++) { /* each by itself */
		struct proof_field *f = gr->fields[i];

		line = f->id == SUBJ_H ? f : line;
		n = demand_of(s, d, f, lits);
		got = solve_field(s, m, f, lits, n, opaque);
		if (got != ANSWER_YES)
			return got;
		if (f->id == SUBJ_C && m->values[f->index]->n && !cookie_name(f->name))
			return ANSWER_NO;
	}
	if (!line)
		return ANSWER_YES;
	text = cookie_text(s, m, gr);
	one = (struct texts) { .at = &text, .n = text.n > 0 };
	fill(s, m, gr, &one);
	if (demand_holds(s, m, d))
		return ANSWER_YES;
	return many_headers(s, m, gr, line, d, opaque);
}
