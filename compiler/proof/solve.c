/* SPDX-License-Identifier: Apache-2.0 */
/* Values of one field that satisfy literals: texts, numbers, addresses. */
#include "model.h"

#include "../regular/word.h"

#define GUESSES 48 /* texts that are tried before automata are made */
#define GUESS_MAX 2000 /* bytes of a guess */
#define LENGTH_MAX 15000 /* bytes of one that is only to be long; heads have 16 KiB */
#define TERMS_MAX 256

bool text_satisfies(const struct solver *s, const uint32_t *lits, uint32_t n, struct str text)
{
	*s->steps += n;
	for (uint32_t i = 0; i < n; i++)
		if (atom_text(atom_at(s->g, lits[i]), text) == (lits[i] & 1))
			return false;
	return true;
}

/* ---- a guess ---- */

struct parts {
	const struct p_value *eq, *pre, *suf;
	const struct atom *inside[16];
	unsigned ninside;
	bool regex;
};

static const struct p_value *alternative(const struct atom *x, unsigned k)
{
	return &x->values[k % x->nvalues];
}

static void parts_of(const struct solver *s, const uint32_t *lits, uint32_t n, unsigned k,
		     struct parts *p)
{
	*p = (struct parts) { 0 };
	for (uint32_t i = 0; i < n; i++) {
		const struct atom *x = atom_at(s->g, lits[i]);
		const struct p_value *v;

		if ((lits[i] & 1) || x->nvalues == 0 || x->map || x->length)
			continue;
		v = alternative(x, k);
		if (x->op == OP_EQ)
			p->eq = v;
		else if (x->op == OP_PREFIX && (!p->pre || v->text.n > p->pre->text.n))
			p->pre = v;
		else if (x->op == OP_SUFFIX && (!p->suf || v->text.n > p->suf->text.n))
			p->suf = v;
		else if (x->op == OP_RE)
			p->regex = true;
		else if (x->op >= OP_SUBSTR && x->op <= OP_DOTWORD && p->ninside < 16)
			p->inside[p->ninside++] = x;
	}
}

static void put(struct solver *s, struct textbuf *b, struct str text)
{
	textbuf_put(s->a, b, text);
}

/* Prefix, filler, what must be inside between delimiters, filler, suffix. */
static struct str guess(struct solver *s, const struct proof_field *f, const struct parts *p,
			unsigned k)
{
	static const char *const fills[] = { "", "x", "a1", "x/y", "zq", "y7", "k.k", "Q" };
	struct str fill = str_from(fills[k % 8]), fill2 = str_from(fills[k / 8 % 8]);
	char delim = field_delimiter(f);
	struct textbuf b = { 0 };

	if (p->eq)
		return p->eq->text;
	if (p->pre)
		put(s, &b, p->pre->text);
	else if ((f->id == SUBJ_PATH || f->id == SUBJ_URI) && !f->response &&
		 !(p->suf && k == 0 && p->suf->text.n && p->suf->text.p[0] == '/'))
		put(s, &b, S("/"));
	put(s, &b, fill);
	for (unsigned i = 0; i < p->ninside; i++) {
		bool word = p->inside[i]->op != OP_SUBSTR;
		char d = p->inside[i]->op == OP_WORD      ? '/'
			 : p->inside[i]->op == OP_DOTWORD ? '.'
							  : delim;

		if ((word || k >= 8) && b.n && b.p[b.n - 1] != d)
			textbuf_byte(s->a, &b, d);
		put(s, &b, alternative(p->inside[i], k)->text);
		if (word || k >= 8)
			textbuf_byte(s->a, &b, d);
	}
	put(s, &b, fill2);
	if (p->suf) {
		struct str suf = p->suf->text;

		if (b.n && suf.n && b.p[b.n - 1] == '/' && suf.p[0] == '/')
			b.n--;
		put(s, &b, suf);
	}
	return textbuf_str(&b);
}

static bool only_values(const struct atom *x)
{
	if (x->op != OP_EQ || x->unknown || x->map || x->length)
		return false;
	for (uint32_t i = 0; i < x->nvalues; i++)
		if (x->values[i].icase)
			return false;
	return true;
}

/* A positive == is decided by trying its values. */
static enum answer try_equal(struct solver *s, struct proof_field *f, const uint32_t *lits,
			     uint32_t n, struct str *out)
{
	enum answer none = ANSWER_LIMIT;

	for (uint32_t i = 0; i < n; i++) {
		const struct atom *x = atom_at(s->g, lits[i]);

		if ((lits[i] & 1) || x->op != OP_EQ || x->map || x->length)
			continue;
		for (uint32_t k = 0; k < x->nvalues; k++)
			if (field_holds(f, x->values[k].text) &&
			    text_satisfies(s, lits, n, x->values[k].text)) {
				*out = x->values[k].text;
				return ANSWER_YES;
			}
		if (only_values(x))
			none = ANSWER_NO;
	}
	for (uint32_t i = 0; none == ANSWER_NO && i < n; i++)
		if (atom_at(s->g, lits[i])->unknown)
			none = ANSWER_LIMIT;
	return none;
}

/* ---- the exact answer ---- */

/* <lits> without those of which nothing is known; <skipped> of them. */
static unsigned terms_of(struct solver *s, struct proof_field *f, const uint32_t *lits, uint32_t n,
			 struct word_term *terms, unsigned *skipped)
{
	unsigned k = 0;

	*skipped = 0;
	terms[k].dfa = field_universe(s->g, f);
	terms[k++].negated = false;
	for (uint32_t i = 0; i < n; i++) {
		struct atom *x = atom_at(s->g, lits[i]);
		const struct dfa *d = x->unknown ? NULL : atom_dfa(s->g, x);

		if (!d || k == TERMS_MAX) {
			(*skipped)++;
			continue;
		}
		terms[k].dfa = d;
		terms[k++].negated = lits[i] & 1;
	}
	return terms[0].dfa ? k : 0;
}

/* Opaque literals take part by trying words of what the others leave. */
static enum answer try_words(struct solver *s, const struct proof_field *f,
			     const struct word_term *terms, unsigned k, const uint32_t *lits,
			     uint32_t n, struct str *out)
{
	const struct dfa *d = terms[0].dfa;
	struct str some[64];
	unsigned got;

	for (unsigned i = 1; i < k && d; i++)
		d = terms[i].negated ? dfa_difference(s->a, d, terms[i].dfa, &s->g->budget)
				     : dfa_intersection(s->a, d, terms[i].dfa, &s->g->budget);
	got = d ? word_some(s->a, d, some, 64) : 0;
	for (unsigned i = 0; i < got; i++)
		if (field_holds(f, some[i]) && text_satisfies(s, lits, n, some[i])) {
			*out = some[i];
			return ANSWER_YES;
		}
	return ANSWER_LIMIT;
}

static enum answer solve_exactly(struct solver *s, struct proof_field *f, const uint32_t *lits,
				 uint32_t n, struct str *out, bool *opaque)
{
	struct word_term terms[TERMS_MAX];
	unsigned skipped, k;
	enum answer got;

	s->g->nexact++;
	k = terms_of(s, f, lits, n, terms, &skipped);
	if (!k)
		return ANSWER_LIMIT;
	*s->steps += 1000;
	got = word_common(s->a, terms, k, &s->g->budget, out);
	if (got == ANSWER_YES && (!field_holds(f, *out) || !text_satisfies(s, lits, n, *out)))
		got = try_words(s, f, terms, k, lits, n, out);
	if (got == ANSWER_LIMIT && skipped)
		*opaque = true;
	return got;
}

/* A text of one of the expressions, alone or beside what else is wanted. */
static bool try_samples(struct solver *s, const struct proof_field *f, const uint32_t *lits,
			uint32_t n, struct str *out)
{
	struct parts p;

	parts_of(s, lits, n, 0, &p);
	for (uint32_t i = 0; i < n && p.regex; i++) {
		struct atom *x = atom_at(s->g, lits[i]);

		if ((lits[i] & 1) || x->op != OP_RE)
			continue;
		atom_sample(s->g, x);
		for (uint32_t k = 0; k < x->nsamples * 4; k++) {
			struct str core = x->samples[k / 4], text = core;
			struct str pre = p.pre ? p.pre->text : k & 1 ? S("/") : str_of("", 0);
			struct str suf = p.suf ? p.suf->text : k & 2 ? S("x") : str_of("", 0);

			if (k % 4)
				text = arena_printf(s->a, "%.*s%.*s%.*s", STR_ARG(pre),
						    STR_ARG(core), STR_ARG(suf));
			if (field_holds(f, text) && text_satisfies(s, lits, n, text)) {
				*out = text;
				return true;
			}
		}
	}
	return false;
}

/* Only to be long: what it begins and ends with, and filler between. */
static bool try_long(struct solver *s, const struct proof_field *f, const uint32_t *lits,
		     uint32_t n, struct str *out)
{
	struct parts p;
	struct str head, tail;
	int64_t want = 0;
	char *room;

	for (uint32_t i = 0; i < n; i++) {
		const struct atom *x = atom_at(s->g, lits[i]);

		for (uint32_t k = 0; k < x->nvalues && x->length; k++) {
			int64_t least = lits[i] & 1 ? x->values[k].hi + 1 : x->values[k].lo;

			want = least > want && least <= LENGTH_MAX ? least : want;
		}
	}
	if (!want)
		return false;
	parts_of(s, lits, n, 0, &p);
	head = p.pre ? p.pre->text : f->id == SUBJ_PATH || f->id == SUBJ_URI ? S("/") : S("");
	tail = p.suf ? p.suf->text : S("");
	if ((size_t)want < head.n + tail.n)
		return false;
	room = arena_get(s->a, (size_t)want);
	memset(room, 'x', (size_t)want);
	memcpy(room, head.p, head.n);
	memcpy(room + (size_t)want - tail.n, tail.p, tail.n);
	*out = str_of(room, (size_t)want);
	return field_holds(f, *out) && text_satisfies(s, lits, n, *out);
}

enum answer solve_text(struct solver *s, struct proof_field *f, const uint32_t *lits, uint32_t n,
		       struct str *out, bool *opaque)
{
	enum answer got = try_equal(s, f, lits, n, out);
	struct parts p;

	if (got != ANSWER_LIMIT)
		return got;
	if (try_samples(s, f, lits, n, out))
		return ANSWER_YES;
	for (unsigned k = 0; k < GUESSES; k++) {
		struct str text;

		parts_of(s, lits, n, k, &p);
		text = guess(s, f, &p, k);
		if (text.n <= GUESS_MAX && field_holds(f, text) &&
		    text_satisfies(s, lits, n, text)) {
			*out = text;
			return ANSWER_YES;
		}
		if (p.regex && k >= 8)
			break; /* a guess at an expression rarely hits */
	}
	if (try_long(s, f, lits, n, out))
		return ANSWER_YES;
	return solve_exactly(s, f, lits, n, out, opaque);
}

/* ---- numbers and addresses ---- */

static bool num_satisfies(const struct solver *s, const uint32_t *lits, uint32_t n, int64_t v)
{
	*s->steps += n;
	for (uint32_t i = 0; i < n; i++)
		if (atom_int(atom_at(s->g, lits[i]), v) == (lits[i] & 1))
			return false;
	return true;
}

static bool has_unknown(const struct solver *s, const uint32_t *lits, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (atom_at(s->g, lits[i])->unknown)
			return true;
	return false;
}

/* A set of ranges has a number in it if it has one of its lower ends. */
static enum answer solve_num(struct solver *s, struct model *m, const struct proof_field *f,
			     const uint32_t *lits, uint32_t n, bool *opaque)
{
	int64_t usual = f->id == SUBJ_SRC_PORT   ? 50000
			: f->id == SUBJ_DST_PORT ? 80
			: f->id == SUBJ_STATUS   ? 200
			: f->min < 0             ? 0
						 : f->min;

	bool port = f->id == SUBJ_SRC_PORT || f->id == SUBJ_DST_PORT;

	if (!num_satisfies(s, lits, n, usual) && port)
		usual = 1; /* rather than 0, which says that there is none */
	if (num_satisfies(s, lits, n, usual)) {
		model_set_num(s, m, f, usual);
		return ANSWER_YES;
	}
	for (uint32_t i = 0; i <= n; i++) {
		const struct atom *x = i < n ? atom_at(s->g, lits[i]) : NULL;
		uint32_t nv = x ? x->nvalues : 1;

		for (uint32_t k = 0; k < nv; k++) {
			int64_t v = !x            ? f->min
				    : lits[i] & 1 ? x->values[k].hi + 1
						  : x->values[k].lo;

			if (v < f->min)
				v = f->min;
			if (v <= f->max && num_satisfies(s, lits, n, v)) {
				model_set_num(s, m, f, v);
				return ANSWER_YES;
			}
		}
	}
	*opaque |= has_unknown(s, lits, n);
	return has_unknown(s, lits, n) ? ANSWER_LIMIT : ANSWER_NO;
}

static bool addr_satisfies(const struct solver *s, const uint32_t *lits, uint32_t n,
			   const uint8_t addr[16])
{
	*s->steps += n;
	for (uint32_t i = 0; i < n; i++)
		if (atom_addr(atom_at(s->g, lits[i]), addr) == (lits[i] & 1))
			return false;
	return true;
}

/* First address behind <net>; false: there is none. */
static bool addr_behind(const struct p_net *net, uint8_t addr[16])
{
	unsigned carry = 1;

	memcpy(addr, net->addr, 16);
	for (unsigned b = net->bits; b < 128; b++)
		addr[b / 8] |= (uint8_t)(0x80 >> b % 8);
	for (int i = 15; i >= 0 && carry; i--) {
		carry += addr[i];
		addr[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return !carry;
}

static bool try_addr(struct solver *s, struct model *m, const struct proof_field *f,
		     const uint32_t *lits, uint32_t n, const uint8_t addr[16])
{
	struct value *v;

	if (!addr_satisfies(s, lits, n, addr))
		return false;
	v = ARENA_NEW(s->a, struct value);
	v->present = true;
	memcpy(v->addr, addr, 16);
	v->serial = ++s->g->serial;
	v->lasting = s->a == s->g->a;
	m->values[f->index] = v;
	return true;
}

static enum answer solve_addr(struct solver *s, struct model *m, const struct proof_field *f,
			      const uint32_t *lits, uint32_t n, bool *opaque)
{
	static const uint8_t usual[][16] = {
		{ [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 },
		{ [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 },
		{ [10] = 0xff, [11] = 0xff, 198, 51, 100, 7 },
		{ 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
		{ 0 },
	};
	size_t nusual = sizeof(usual) / sizeof(usual[0]);

	for (size_t i = f->id == SUBJ_SRC; i + 1 < nusual; i++)
		if (try_addr(s, m, f, lits, n, usual[i]))
			return ANSWER_YES;
	for (uint32_t i = 0; i < n; i++) {
		const struct atom *x = atom_at(s->g, lits[i]);

		for (uint32_t k = 0; k < x->nvalues; k++) {
			uint8_t addr[16];
			bool some = true;

			if (lits[i] & 1)
				some = addr_behind(&x->values[k].net, addr);
			else
				memcpy(addr, x->values[k].net.addr, 16);
			if (some && try_addr(s, m, f, lits, n, addr))
				return ANSWER_YES;
		}
	}
	if (try_addr(s, m, f, lits, n, usual[nusual - 1]))
		return ANSWER_YES;
	*opaque |= has_unknown(s, lits, n);
	return has_unknown(s, lits, n) ? ANSWER_LIMIT : ANSWER_NO;
}

/* ---- one field of its own ---- */

static bool wants_absent(const struct solver *s, const uint32_t *lits, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if ((lits[i] & 1) && atom_at(s->g, lits[i])->op == OP_TRUE)
			return true;
	return false;
}

static uint32_t positives(const uint32_t *lits, uint32_t n)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < n; i++)
		k += !(lits[i] & 1);
	return k;
}

/* "any occurrence may match": each positive literal needs one, which no negative one takes. */
static enum answer solve_many(struct solver *s, struct model *m, struct proof_field *f,
			      const uint32_t *lits, uint32_t n, bool *opaque)
{
	struct str *at = ARENA_ARRAY(s->a, struct str, n + 1);
	uint32_t *part = ARENA_ARRAY(s->a, uint32_t, n + 1), k = 0;
	enum answer got;

	if (solve_text(s, f, lits, n, &at[0], opaque) == ANSWER_YES) {
		model_set_texts(s, m, f, at, 1);
		return ANSWER_YES;
	}
	*opaque = false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t np = 0;

		if (lits[i] & 1)
			continue;
		part[np++] = lits[i];
		for (uint32_t j = 0; j < n; j++)
			if (lits[j] & 1)
				part[np++] = lits[j];
		got = solve_text(s, f, part, np, &at[k], opaque);
		if (got != ANSWER_YES)
			return got;
		k++;
	}
	model_set_texts(s, m, f, at, k);
	return ANSWER_YES;
}

enum answer solve_field(struct solver *s, struct model *m, struct proof_field *f,
			const uint32_t *lits, uint32_t n, bool *opaque)
{
	enum answer got;
	struct str text;

	if (f->kind == FIELD_INT)
		return solve_num(s, m, f, lits, n, opaque);
	if (f->kind == FIELD_ADDR)
		return solve_addr(s, m, f, lits, n, opaque);
	if (!f->always && positives(lits, n) == 0) {
		model_set_absent(s, m, f); /* every negative literal holds */
		return ANSWER_YES;
	}
	if (wants_absent(s, lits, n))
		return ANSWER_NO;
	if (f->many)
		return solve_many(s, m, f, lits, n, opaque);
	got = solve_text(s, f, lits, n, &text, opaque);
	if (got == ANSWER_YES)
		model_set_text(s, m, f, text);
	return got;
}

enum answer solve_number(struct solver *s, struct proof_field *f, const uint32_t *lits, uint32_t n)
{
	struct model m = { .values = ARENA_ARRAY(s->a, struct value *, s->g->fields.n + 1) };
	bool opaque = false;

	return f->kind == FIELD_ADDR ? solve_addr(s, &m, f, lits, n, &opaque)
				     : solve_num(s, &m, f, lits, n, &opaque);
}
