/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <stdlib.h>

#define LENGTHS 4096 /* texts of this length or more are asked one by one */
#define GRAMS 65536

/* Atoms that one text, or one network, stands for. */
struct posting {
	struct posting *next;
	struct atom *atom;
};

enum shape { SHAPE_EQ, SHAPE_PRE, SHAPE_SUF, SHAPE_SUB, SHAPES };

struct watch_index {
	struct symbols texts; /* shape, case, text: struct posting */
	struct vec rest; /* asked one by one */
	uint32_t count; /* atoms added */
	bool some[SHAPES][2];
	uint16_t nlengths[SHAPES][2];
	uint16_t *lengths[SHAPES][2];
	uint8_t *grams[2]; /* first two bytes of texts that may be anywhere */
	bool bits[129]; /* networks of that many bits */
	uint32_t *seen; /* by atom: the search that found it last */
	uint32_t nseen, search;
};

static void add_length(struct proof *g, struct watch_index *w, enum shape shape, bool icase,
		       size_t n)
{
	uint16_t **at = &w->lengths[shape][icase];
	uint16_t *count = &w->nlengths[shape][icase];

	for (unsigned i = 0; i < *count; i++)
		if ((*at)[i] == n)
			return;
	if (!*at)
		*at = ARENA_ARRAY(g->a, uint16_t, LENGTHS);
	(*at)[(*count)++] = (uint16_t)n;
}

static void add_key(struct proof *g, struct watch_index *w, struct str key, struct atom *x)
{
	struct posting *p = ARENA_NEW(g->a, struct posting), *have;

	p->atom = x;
	key = arena_str(g->a, key);
	have = symbol_put(g->a, &w->texts, key, p);
	if (have != p) {
		p->next = have->next;
		have->next = p;
	}
}

static struct str key_of(char *room, enum shape shape, bool icase, struct str text)
{
	room[0] = (char)('0' + shape * 2 + icase);
	memcpy(room + 1, text.p, text.n);
	return str_of(room, text.n + 1);
}

static bool add_text(struct proof *g, struct watch_index *w, enum shape shape, bool icase,
		     struct str text, struct atom *x)
{
	char room[LENGTHS + 1], low[LENGTHS];

	if (text.n == 0 || text.n >= LENGTHS || (shape == SHAPE_SUB && text.n < 2))
		return false;
	if (icase) {
		str_lower(low, text);
		text = str_of(low, text.n);
	}
	w->some[shape][icase] = true;
	if (shape != SHAPE_EQ)
		add_length(g, w, shape, icase, text.n);
	if (shape == SHAPE_SUB) {
		if (!w->grams[icase])
			w->grams[icase] = ARENA_ARRAY(g->a, uint8_t, GRAMS);
		w->grams[icase][(uint8_t)text.p[0] << 8 | (uint8_t)text.p[1]] = 1;
	}
	add_key(g, w, key_of(room, shape, icase, text), x);
	return true;
}

/* ---- a text that every match of an expression holds ---- */

struct needle {
	char text[WATCH_NEEDLE], best[WATCH_NEEDLE];
	size_t n, nbest;
	bool at_start, best_at_start; /* the run begins at the start of the subject */
	bool icase;
};

static void needle_end(struct needle *d)
{
	if (d->n > d->nbest) {
		memcpy(d->best, d->text, d->n);
		d->nbest = d->n;
		d->best_at_start = d->at_start;
	}
	d->n = 0;
	d->at_start = false;
}

static bool one_letter(const struct byteset *set, char *c)
{
	struct byteset low = byteset_of((uint8_t)ascii_lower((char)byteset_first(*set)));

	*c = ascii_lower((char)byteset_first(*set));
	return byteset_eq(*set, byteset_fold(low)) || byteset_count(*set) == 1;
}

static void needle_walk(struct needle *d, const struct re *re, bool first)
{
	char c;

	switch (re->kind) {
	case RE_CAT:
		for (const struct re *k = re->kid; k; k = k->next) {
			needle_walk(d, k, first);
			first = first && k->kind == RE_LOOK;
		}
		return;
	case RE_SET:
		if (!byteset_none(re->set) && one_letter(&re->set, &c) && d->n < sizeof(d->text)) {
			d->text[d->n++] = c;
			return;
		}
		break;
	case RE_LOOK:
		if (first && byteset_none(re->before.set) && re->before.edge)
			d->at_start = true;
		return;
	case RE_EMPTY:
		return;
	case RE_REPEAT:
		if (re->min == 1 && re->max == 1) {
			needle_walk(d, re->kid, false);
			return;
		}
		break;
	case RE_ALT:
		break;
	}
	needle_end(d);
}

struct str watch_needle(struct proof *g, const struct p_regex *r, char room[WATCH_NEEDLE],
			bool *at_start)
{
	struct needle d = { 0 };
	struct arena_mark mark;
	const struct re *re;
	struct str why;

	arena_get(&g->scratch, 1); /* so that there is something to go back to */
	mark = arena_mark(&g->scratch);
	re = re_parse(&g->scratch, r->text, r->icase, r->freespace, &why);
	if (re) {
		needle_walk(&d, re, true);
		needle_end(&d);
	}
	arena_rewind(&g->scratch, mark);
	memcpy(room, d.best, d.nbest);
	*at_start = d.best_at_start;
	return str_of(room, d.nbest);
}

static bool add_regex(struct proof *g, struct watch_index *w, struct atom *x, uint32_t i)
{
	char room[WATCH_NEEDLE];
	bool at_start;
	struct str s = watch_needle(g, x->values[i].regex, room, &at_start);

	return s.n && add_text(g, w, at_start ? SHAPE_PRE : SHAPE_SUB, true, s, x);
}

/* ---- adding ---- */

static bool add_value(struct proof *g, struct watch_index *w, struct atom *x, uint32_t i)
{
	static const enum shape shapes[] = {
		[OP_EQ] = SHAPE_EQ,      [OP_PREFIX] = SHAPE_PRE, [OP_SUFFIX] = SHAPE_SUF,
		[OP_SUBSTR] = SHAPE_SUB, [OP_WORD] = SHAPE_SUB,   [OP_DOTWORD] = SHAPE_SUB
	};
	const struct p_value *v = &x->values[i];
	struct p_net net;

	if (x->field->kind == FIELD_ADDR) {
		net = v->net;
		w->bits[net.bits] = true;
		add_key(g, w, str_of((const char *)&net, sizeof(net)), x);
		return true;
	}
	if (x->op == OP_RE)
		return add_regex(g, w, x, i);
	return add_text(g, w, shapes[x->op], v->icase, v->text, x);
}

void watch_add(struct proof *g, struct atom *x)
{
	struct watch_index *w = x->field->watch;
	bool all = x->op != OP_TRUE && !x->map && !x->length && x->field->kind != FIELD_INT;

	if (x->watched)
		return;
	if (!w)
		w = x->field->watch = ARENA_NEW(g->a, struct watch_index);
	x->watched = true;
	w->count++;
	for (uint32_t i = 0; i < x->nvalues && all; i++)
		all = add_value(g, w, x, i);
	if (!all)
		vec_push(g->a, &w->rest, x);
}

unsigned watch_rank(const struct atom *x)
{
	static const uint8_t ranks[] = {
		[OP_EQ] = 10,   [OP_PREFIX] = 30,  [OP_SUFFIX] = 40, [OP_SUBSTR] = 50,
		[OP_WORD] = 35, [OP_DOTWORD] = 35, [OP_RE] = 60,     [OP_TRUE] = 90
	};
	unsigned r = x->op <= OP_DOTWORD || x->op == OP_RE ? ranks[x->op] : 80;

	if (x->map || x->length || x->field->kind == FIELD_INT)
		return 95;
	if (x->field->id == SUBJ_METH)
		r += 60;
	if (x->field->kind == FIELD_ADDR)
		r = 20;
	return r + (x->nvalues > 4 ? 5 : 0);
}

/* ---- finding ---- */

struct finding {
	struct proof *g;
	struct arena *a;
	struct watch_index *w;
	const struct value *v;
	uint32_t *out, n, room;
};

static bool holds(const struct finding *f, const struct atom *x)
{
	if (x->field->kind == FIELD_ADDR)
		return f->v->present && atom_addr(x, f->v->addr);
	if (x->field->kind == FIELD_INT)
		return f->v->present && atom_int(x, f->v->num);
	for (uint32_t i = 0; i < f->v->n; i++)
		if (atom_text(x, f->v->at[i]))
			return true;
	return false;
}

static void consider(struct finding *f, struct atom *x)
{
	if (f->w->seen[x->index] == f->w->search)
		return;
	f->w->seen[x->index] = f->w->search;
	if (!holds(f, x))
		return;
	GROW(f->a, f->out, f->n, f->room);
	f->out[f->n++] = x->index;
}

static void look_up(struct finding *f, struct str key)
{
	for (struct posting *p = symbol_get(&f->w->texts, key); p; p = p->next)
		consider(f, p->atom);
}

static void look_at_ends(struct finding *f, bool icase, struct str text, char *room)
{
	struct watch_index *w = f->w;

	if (w->some[SHAPE_EQ][icase] && text.n < LENGTHS)
		look_up(f, key_of(room, SHAPE_EQ, icase, text));
	for (unsigned i = 0; i < w->nlengths[SHAPE_PRE][icase]; i++) {
		size_t n = w->lengths[SHAPE_PRE][icase][i];

		if (n <= text.n)
			look_up(f, key_of(room, SHAPE_PRE, icase, str_first(text, n)));
	}
	for (unsigned i = 0; i < w->nlengths[SHAPE_SUF][icase]; i++) {
		size_t n = w->lengths[SHAPE_SUF][icase][i];

		if (n <= text.n)
			look_up(f, key_of(room, SHAPE_SUF, icase, str_skip(text, text.n - n)));
	}
}

static void look_inside(struct finding *f, bool icase, struct str text, char *room)
{
	struct watch_index *w = f->w;

	for (size_t at = 0; w->some[SHAPE_SUB][icase] && at + 1 < text.n; at++) {
		if (!w->grams[icase][(uint8_t)text.p[at] << 8 | (uint8_t)text.p[at + 1]])
			continue;
		for (unsigned i = 0; i < w->nlengths[SHAPE_SUB][icase]; i++) {
			size_t n = w->lengths[SHAPE_SUB][icase][i];

			if (at + n <= text.n)
				look_up(f, key_of(room, SHAPE_SUB, icase, str_of(text.p + at, n)));
		}
	}
}

static void look_for_text(struct finding *f, struct str text)
{
	char room[LENGTHS + 1], *low;

	look_at_ends(f, false, text, room);
	look_inside(f, false, text, room);
	low = arena_get(f->a, text.n + 1);
	str_lower(low, text);
	text = str_of(low, text.n);
	look_at_ends(f, true, text, room);
	look_inside(f, true, text, room);
}

static void look_for_addr(struct finding *f)
{
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct p_net net = { .bits = (uint8_t)bits };

		if (!f->w->bits[bits])
			continue;
		memcpy(net.addr, f->v->addr, bits / 8);
		if (bits % 8)
			net.addr[bits / 8] = (uint8_t)(f->v->addr[bits / 8] & (0xff00 >> bits % 8));
		look_up(f, str_of((const char *)&net, sizeof(net)));
	}
}

static int ascending(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

void watch_find(struct proof *g, struct arena *a, struct proof_field *field, struct value *v)
{
	struct watch_index *w = field->watch;
	struct finding f = { .g = g, .a = v->lasting ? g->a : a, .w = w, .v = v };

	if (v->indexed == w->count + 1)
		return;
	if (w->nseen < g->atoms.n) {
		w->nseen = (uint32_t)g->atoms.n * 2;
		w->seen = ARENA_ARRAY(g->a, uint32_t, w->nseen);
		w->search = 0;
	}
	w->search++;
	for (uint32_t i = 0; i < v->n; i++)
		look_for_text(&f, v->at[i]);
	if (field->kind == FIELD_ADDR && v->present)
		look_for_addr(&f);
	for (size_t i = 0; i < w->rest.n; i++)
		consider(&f, w->rest.p[i]);
	if (f.n > 1)
		qsort(f.out, f.n, sizeof(*f.out), ascending);
	v->trues = f.out;
	v->ntrue = f.n;
	v->indexed = w->count + 1;
}

void watch_both(struct proof *g, struct arena *keep, struct arena *a, struct proof_field *field,
		struct value *v, struct value *const from[2])
{
	uint32_t i = 0, k = 0;

	if (!field->watch)
		return;
	watch_find(g, keep, field, from[0]);
	watch_find(g, keep, field, from[1]);
	v->trues = ARENA_ARRAY(a, uint32_t, from[0]->ntrue + from[1]->ntrue + 1);
	while (i < from[0]->ntrue || k < from[1]->ntrue) {
		uint32_t x = i < from[0]->ntrue ? from[0]->trues[i] : UINT32_MAX,
			 y = k < from[1]->ntrue ? from[1]->trues[k] : UINT32_MAX;

		v->trues[v->ntrue++] = x < y ? x : y;
		i += x <= y;
		k += y <= x;
	}
	v->indexed = field->watch->count + 1;
}
