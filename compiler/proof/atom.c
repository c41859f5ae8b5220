/* SPDX-License-Identifier: Apache-2.0 */
/* Atoms: sets of values of a field. Equal ones are one object. */
#include <inttypes.h>

#include "engine.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "../../runtime/base/uri.h"
#include "../interp.h"
#include "../regular/literal.h"
#include "../value.h"

/* ---- making ---- */

static void put_value(struct proof *g, struct textbuf *key, const struct p_value *v)
{
	struct str head = arena_printf(g->a, " %d%d%d ", (int)v->kind, v->icase, v->bound);

	textbuf_put(g->a, key, head);
	switch (v->kind) {
	case VALUE_STR:
	case VALUE_TEXT:
		textbuf_put(g->a, key, arena_printf(g->a, "%zu:", v->text.n));
		textbuf_put(g->a, key, v->text);
		break;
	case VALUE_INT:
		textbuf_put(g->a, key, arena_printf(g->a, "%" PRId64 " %" PRId64, v->lo, v->hi));
		break;
	case VALUE_NET:
		textbuf_put(g->a, key, str_of((const char *)v->net.addr, 16));
		textbuf_byte(g->a, key, (char)v->net.bits);
		break;
	case VALUE_REGEX:
		textbuf_put(g->a, key, arena_printf(g->a, "%u", v->regex->index));
		break;
	}
}

static uint32_t atom_new(struct proof *g, const struct atom *init)
{
	struct textbuf key = { 0 };
	struct atom *x;

	textbuf_put(g->a, &key,
		    arena_printf(g->a, "%u %d %d %d %p", init->field->index, (int)init->op,
				 init->length, init->unknown, (const void *)init->map));
	for (uint32_t i = 0; i < init->nvalues; i++)
		put_value(g, &key, &init->values[i]);
	x = symbol_get(&g->atom_names, textbuf_str(&key));
	if (x)
		return x->index;
	x = ARENA_NEW(g->a, struct atom);
	*x = *init;
	x->proof = g;
	x->index = (uint32_t)g->atoms.n;
	vec_push(g->a, &g->atoms, x);
	symbol_put(g->a, &g->atom_names, textbuf_str(&key), x);
	return x->index;
}

/* The text of a computed value under the defaults of its params; p NULL: it reads more than that. */
static struct str default_text(struct proof *g, const struct p_text *t)
{
	struct textbuf b = { 0 };

	for (uint32_t i = 0; i < t->n; i++) {
		const struct p_piece *p = &t->pieces[i];

		if (p->kind == PIECE_LITERAL)
			textbuf_put(g->a, &b, p->text);
		else if (p->kind == PIECE_PARAM && p->param->has_default)
			textbuf_put(g->a, &b, p->param->def);
		else
			return (struct str) { 0 };
	}
	return textbuf_str(&b);
}

/* A value with its params at their defaults, of the field's type. */
static bool defaulted(struct proof *g, const struct proof_field *f, const struct p_value *v,
		      struct p_value *out)
{
	struct str s = default_text(g, v->computed);
	bool host_bits;

	*out = *v;
	out->computed = NULL;
	if (!s.p)
		return false;
	switch (f->kind) {
	case FIELD_ADDR:
		out->kind = VALUE_NET;
		return value_net(s, &out->net, &host_bits) == NULL;
	case FIELD_INT:
		out->kind = VALUE_INT;
		if (value_int(s, &out->lo))
			return false;
		out->hi = out->lo;
		return true;
	case FIELD_TEXT:
		break;
	}
	out->kind = VALUE_STR;
	out->text = s;
	return true;
}

static void as_range(enum operator_id op, struct p_value *v)
{
	switch (op) {
	case OP_LT:
		v->hi = v->lo - 1;
		v->lo = INT64_MIN / 2;
		break;
	case OP_LE:
		v->hi = v->lo;
		v->lo = INT64_MIN / 2;
		break;
	case OP_GT:
		v->lo++;
		v->hi = INT64_MAX / 2;
		break;
	case OP_GE:
		v->hi = INT64_MAX / 2;
		break;
	default:
		break;
	}
}

/* All tests of a dynamic set by one operator ask the same unknown. */
static uint32_t unknown_set(struct proof *g, const struct proof_field *f, const struct p_test *t,
			    const struct path_map *map)
{
	struct str key =
		arena_printf(g->a, "%u %d %d set %p %p", f->index, (int)t->op,
			     (int)t->subject->measure, (const void *)t->set, (const void *)map);

	return atom_of_bool(g, field_unknown(g, key));
}

static uint32_t unknown_test(struct proof *g, const struct proof_field *f, const struct p_test *t,
			     const struct path_map *map)
{
	struct str key =
		arena_printf(g->a, "%u %p %p", f->index, (const void *)t, (const void *)map);

	return atom_of_bool(g, field_unknown(g, key));
}

uint32_t atom_of_bool(struct proof *g, struct proof_field *f)
{
	struct p_value *one = ARENA_NEW(g->a, struct p_value);

	*one = (struct p_value) { .kind = VALUE_INT, .lo = 1, .hi = 1 };
	return atom_new(g, &(struct atom) { .field = f, .op = OP_EQ, .nvalues = 1, .values = one });
}

uint32_t atom_of_test(struct proof *g, struct proof_field *f, const struct p_test *t,
		      const struct path_map *map)
{
	const struct p_value *from = t->set ? t->set->values : t->values;
	uint32_t n = t->set ? t->set->nvalues : t->nvalues;
	struct p_value *values = ARENA_ARRAY(g->a, struct p_value, n + 1);
	struct atom x = { .field = f, .op = t->op, .map = map, .values = values, .origin = t };

	if (t->op == OP_TRUE && f->kind == FIELD_INT && t->subject->type == TYPE_BOOL)
		return atom_of_bool(g, f);
	if (t->set && t->set->dynamic)
		return unknown_set(g, f, t, map);
	x.length = f->kind == FIELD_TEXT && t->subject->measure == MEASURE_LEN;
	for (uint32_t i = 0; i < n; i++) {
		struct p_value v = from[i];

		if (v.kind == VALUE_TEXT) {
			if (x.length || !defaulted(g, f, &from[i], &v))
				return unknown_test(g, f, t, map);
			x.unknown = true;
		}
		if (v.kind == VALUE_INT)
			as_range(t->op, &v);
		if (v.kind != VALUE_INT || v.lo <= v.hi)
			values[x.nvalues++] = v;
	}
	if (x.op == OP_LT || x.op == OP_LE || x.op == OP_GT || x.op == OP_GE)
		x.op = OP_EQ;
	if (x.op != OP_TRUE && x.nvalues == 0)
		return NO_INDEX;
	return atom_new(g, &x);
}

uint32_t atom_of_values(struct proof *g, const struct atom *like, const struct p_value *values,
			uint32_t n)
{
	struct atom x = { .field = like->field,
			  .op = like->op,
			  .length = like->length,
			  .unknown = like->unknown,
			  .map = like->map,
			  .nvalues = n,
			  .values = values,
			  .origin = like->origin };

	return n ? atom_new(g, &x) : NO_INDEX;
}

/* ---- holding ---- */

/* "the join has exactly one /" (mapuri) */
static struct str joined(struct arena *a, struct str new, struct str rest)
{
	if (rest.n == 0)
		return new.n ? new : S("/");
	while (new.n &&new.p[new.n - 1] == '/')
		new.n--;
	return arena_printf(a, "%.*s%.*s", STR_ARG(new), STR_ARG(rest));
}

struct str path_mapped(struct arena *a, const struct path_map *map, struct str path)
{
	for (; map; map = map->next) {
		struct str rest, to;
		ptrdiff_t n;
		char *room;

		if (path.n == 0 || path.p[0] != '/' ||
		    !uri_prefix(path, map->old, map->icase, &rest))
			continue;
		to = joined(a, map->new, rest);
		room = arena_get(a, to.n + 1);
		n = uri_normalise(to, room);
		if (n >= 0)
			path = str_of(room, (size_t)n);
	}
	return path;
}

static bool delimits(const struct proof_field *f, char c)
{
	return field_delimiter(f) == '.' ? c == '.' : c == '/' || c == '?';
}

static bool is_prefix(const struct atom *a, const struct p_value *v, struct str x)
{
	if (v->icase ? !str_istarts(x, v->text) : !str_starts(x, v->text))
		return false;
	return !v->bound || x.n == v->text.n || delimits(a->field, x.p[v->text.n]) ||
	       (v->text.n && delimits(a->field, v->text.p[v->text.n - 1]));
}

static bool is_suffix(const struct atom *a, const struct p_value *v, struct str x)
{
	if (v->icase ? !str_iends(x, v->text) : !str_ends(x, v->text))
		return false;
	return !v->bound || x.n == v->text.n || delimits(a->field, x.p[x.n - v->text.n - 1]) ||
	       (v->text.n && delimits(a->field, v->text.p[0]));
}

static bool is_word(const struct p_value *v, struct str x, char delim)
{
	for (size_t i = 0; i + v->text.n <= x.n; i++) {
		struct str at = str_of(x.p + i, v->text.n);
		bool starts = i == 0 || x.p[i - 1] == delim,
		     ends = i + at.n == x.n || x.p[i + at.n] == delim;

		if (starts && ends && (v->icase ? str_ieq(at, v->text) : str_eq(at, v->text)))
			return true;
	}
	return false;
}

/* Compiled as interp_test.c does it. */
static pcre2_code *code_of(const struct atom *x, uint32_t i)
{
	const struct p_regex *r = x->values[i].regex;
	uint32_t opts = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF;
	PCRE2_SIZE at;
	int error;

	opts |= (r->icase ? PCRE2_CASELESS : 0) | (r->freespace ? PCRE2_EXTENDED : 0);
	if (!x->codes)
		((struct atom *)(uintptr_t)x)->codes = ARENA_ARRAY(x->proof->a, void *, x->nvalues);
	if (!x->codes[i])
		x->codes[i] =
			pcre2_compile((PCRE2_SPTR)r->text.p, r->text.n, opts, &error, &at, NULL);
	return x->codes[i];
}

static bool regex_matches(const struct atom *x, uint32_t i, struct str s)
{
	pcre2_code *code = code_of(x, i);
	pcre2_match_data *md;
	int n;

	if (!code)
		return false;
	if (!x->proof->match)
		x->proof->match = pcre2_match_data_create(1, NULL);
	if (!x->proof->context) {
		x->proof->context = pcre2_match_context_create(NULL);
		pcre2_set_match_limit(x->proof->context, INTERP_MATCH_LIMIT);
	}
	md = x->proof->match;
	n = pcre2_match(code, (PCRE2_SPTR)(s.p ? s.p : ""), s.n, 0, 0, md, x->proof->context);
	return n >= 0;
}

static bool text_holds(const struct atom *x, uint32_t i, struct str s)
{
	const struct p_value *v = &x->values[i];

	if (x->length)
		return (int64_t)s.n >= v->lo && (int64_t)s.n <= v->hi;
	switch (x->op) {
	case OP_EQ:
		return v->icase ? str_ieq(s, v->text) : str_eq(s, v->text);
	case OP_RE:
		return regex_matches(x, i, s);
	case OP_SUFFIX:
		return is_suffix(x, v, s);
	case OP_PREFIX:
		return is_prefix(x, v, s);
	case OP_SUBSTR:
		return (v->icase ? str_ifind(s, v->text) : str_find(s, v->text)) >= 0;
	case OP_WORD:
		return is_word(v, s, '/');
	case OP_DOTWORD:
		return is_word(v, s, '.');
	default:
		return true; /* OP_TRUE: present */
	}
}

bool atom_value_text(const struct atom *x, uint32_t i, struct str s)
{
	struct arena a = { 0 };
	bool held;

	if (!x->map)
		return text_holds(x, i, s);
	held = text_holds(x, i, path_mapped(&a, x->map, s));
	arena_free(&a);
	return held;
}

bool atom_text(const struct atom *x, struct str s)
{
	struct arena a = { 0 };
	bool held = x->op == OP_TRUE;

	if (x->map)
		s = path_mapped(&a, x->map, s);
	for (uint32_t i = 0; i < x->nvalues && !held; i++)
		held = text_holds(x, i, s);
	arena_free(&a);
	return held;
}

bool atom_int(const struct atom *x, int64_t n)
{
	bool held = x->op == OP_TRUE;

	for (uint32_t i = 0; i < x->nvalues && !held; i++)
		held = n >= x->values[i].lo && n <= x->values[i].hi;
	return held;
}

static bool net_holds(const struct p_net *net, const uint8_t addr[16])
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	return memcmp(net->addr, addr, whole) == 0 &&
	       (rest == 0 || ((net->addr[whole] ^ addr[whole]) & (0xff00 >> rest & 0xff)) == 0);
}

bool atom_addr(const struct atom *x, const uint8_t addr[16])
{
	bool held = x->op == OP_TRUE;

	for (uint32_t i = 0; i < x->nvalues && !held; i++)
		held = net_holds(&x->values[i].net, addr);
	return held;
}

/* ---- languages ---- */

static struct re *any_text(struct arena *a)
{
	return re_repeat(a, re_set(a, BYTESET_ALL), 0, RE_FOREVER);
}

/* All fixed texts of an atom as one expression that matches from start to end. */
static const struct dfa *fixed_dfa(struct proof *g, const struct atom *x, uint32_t from,
				   uint32_t to)
{
	struct re *kids = NULL, *alt, *seq;

	for (uint32_t i = to; i > from; i--) {
		struct re *t = re_text(g->a, x->values[i - 1].text, x->values[i - 1].icase);

		t->next = kids;
		kids = t;
	}
	alt = to - from == 1 ? kids : re_list(g->a, RE_ALT, kids);
	if (x->op == OP_EQ)
		return dfa_whole(g->a, alt, &g->budget);
	if (x->op == OP_PREFIX || x->op == OP_SUBSTR)
		alt->next = any_text(g->a);
	seq = alt;
	if (x->op == OP_SUFFIX || x->op == OP_SUBSTR) {
		seq = any_text(g->a);
		seq->next = alt;
	}
	return dfa_whole(g->a, re_list(g->a, RE_CAT, seq), &g->budget);
}

static const struct dfa *literal_of(struct proof *g, const struct atom *x, uint32_t i)
{
	struct literal l = { .icase = x->values[i].icase,
			     .bound = x->values[i].bound,
			     .text = x->values[i].text };

	switch (x->op) {
	case OP_EQ:
		l.kind = LITERAL_EQ;
		break;
	case OP_PREFIX:
		l.kind = LITERAL_PRE;
		break;
	case OP_SUFFIX:
		l.kind = LITERAL_SUF;
		break;
	case OP_SUBSTR:
		l.kind = LITERAL_SUB;
		break;
	default:
		l.kind = LITERAL_WORD;
		break;
	}
	if (x->op == OP_WORD)
		byteset_add(&l.delims, '/');
	else if (x->op == OP_DOTWORD || field_delimiter(x->field) == '.')
		byteset_add(&l.delims, '.');
	else
		byteset_add(&l.delims, '/'), byteset_add(&l.delims, '?');
	return literal_dfa(g->a, &l, &g->budget);
}

static const struct dfa *regex_dfa(struct proof *g, struct atom *x, uint32_t i)
{
	const struct p_regex *r = x->values[i].regex;
	struct str why = { 0 };
	const struct re *re = re_parse(g->a, r->text, r->icase, r->freespace, &why);

	if (!re) {
		x->why = arena_str(g->a, why).p;
		return NULL;
	}
	return dfa_search(g->a, re, &g->budget);
}

static const struct dfa *mapped_dfa(struct proof *g, const struct atom *x, const struct dfa *d)
{
	const struct path_map *maps[16];
	unsigned n = 0;

	for (const struct path_map *m = x->map; m; m = m->next) {
		if (n == 16 || m->icase)
			return NULL;
		maps[n++] = m;
	}
	while (d && n--)
		d = proof_map_preimage(g, maps[n], d);
	return d;
}

static const struct dfa *plain_value_dfa(struct proof *g, struct atom *x, uint32_t i)
{
	const struct p_value *v = &x->values[i];

	if (x->length) {
		int64_t lo = v->lo < 0 ? 0 : v->lo;

		if (v->hi < lo)
			return dfa_none(g->a);
		return dfa_bytes(g->a, BYTESET_ALL,
				 lo > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)lo,
				 v->hi >= UINT32_MAX ? DFA_FOREVER : (uint32_t)v->hi, &g->budget);
	}
	return x->op == OP_RE ? regex_dfa(g, x, i) : literal_of(g, x, i);
}

const struct dfa *atom_value_dfa(struct proof *g, struct atom *x, uint32_t i)
{
	return mapped_dfa(g, x, plain_value_dfa(g, x, i));
}

static bool all_plain(const struct atom *x)
{
	if (x->length || x->op == OP_RE || x->op == OP_WORD || x->op == OP_DOTWORD)
		return false;
	for (uint32_t i = 0; i < x->nvalues; i++)
		if (x->values[i].bound)
			return false;
	return true;
}

const struct dfa *atom_dfa(struct proof *g, struct atom *x)
{
	const struct dfa *d = NULL;

	if (x->dfa_tried)
		return x->dfa;
	x->dfa_tried = true;
	if (x->op == OP_TRUE) {
		d = dfa_all(g->a);
	} else if (all_plain(x)) {
		d = fixed_dfa(g, x, 0, x->nvalues);
	} else {
		d = plain_value_dfa(g, x, 0);
		for (uint32_t i = 1; d && i < x->nvalues; i++) {
			const struct dfa *e = plain_value_dfa(g, x, i);

			d = e ? dfa_union(g->a, d, e, &g->budget) : NULL;
		}
	}
	x->dfa = mapped_dfa(g, x, d);
	x->opaque = !x->dfa;
	if (x->opaque && !x->why)
		x->why = limit_name(g->budget.hit);
	return x->dfa;
}
