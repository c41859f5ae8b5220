/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions read the message as it is at their line. What was written before is folded in: a
 * constant decides the test, mapuri gives its pre-image, anything else makes the field one of
 * which nothing is known. A write that depends on a condition divides the cases. */
#include "left.h"

#include "../../runtime/base/uri.h"
#include "../program_form.h"
#include "../show.h"

#define WORK_READ 200 /* of reading what one write has left */

/* ---- writes ---- */

void state_init(struct proof *g)
{
	for (uint32_t i = 0; i < g->p->nsubjects; i++)
		field_of(g, g->p->subjects[i], false);
	g->nsubjects = g->fields.n;
}

static bool seen(struct proof *g, const struct write *w)
{
	g->work += g->nsubjects;
	for (size_t i = 0; i < g->nsubjects; i++)
		if (left_of(g, g->fields.p[i], w).effect != EFFECT_NONE)
			return true;
	return false;
}

bool state_seen(struct proof *g, const struct p_action *a)
{
	return seen(g, &(struct write) { .action = a });
}

static const struct path_map *map_of(struct proof *g, const struct p_action *a)
{
	struct str text = left_text(a->text), key;
	struct path_map *m;

	if (!text.p || !a->text)
		return NULL;
	key = arena_printf(g->a, "map %d %zu %.*s %.*s", a->icase, a->old.n, STR_ARG(a->old),
			   STR_ARG(text));
	m = symbol_get(&g->map_names, key);
	if (m)
		return m;
	m = ARENA_NEW(g->a, struct path_map);
	*m = (struct path_map) { .old = a->old, .new = text, .icase = a->icase };
	symbol_put(g->a, &g->map_names, key, m);
	return m;
}

static void put_dnf(FILE *out, const struct dnf *d)
{
	fputc('|', out);
	for (uint32_t i = 0; i < d->n; i++) {
		fputc('/', out);
		for (uint32_t k = 0; k < d->at[i].n; k++)
			fprintf(out, " %u", d->at[i].lits[k]);
	}
}

/* What names <w> among the writes of all programs that are looked at together. */
static const void *chain_of(struct proof *g, const struct write *w)
{
	struct write *at = (struct write *)(uintptr_t)w;
	struct show_buffer b;
	struct pio io = { 0 };
	struct str key;

	if (!w || w->chain)
		return w ? w->chain : NULL;
	show_open(&b);
	io.out = b.out;
	fprintf(b.out, "%p ", chain_of(g, w->below));
	if (w->action)
		form_action(&io, (struct p_action *)(uintptr_t)w->action); /* only written */
	else
		fprintf(b.out, "%.*s", STR_ARG(w->section->forwardfor.header));
	put_dnf(b.out, &w->cond);
	key = show_close(&b, g->a);
	at->chain = symbol_get(&g->chains, key);
	if (!at->chain) {
		symbol_put(g->a, &g->chains, key, at);
		at->chain = at;
	}
	return at->chain;
}

/* What <w> makes of a field it writes something unknown into: one value on each way, as an action
 * is done once. Equal writes of two programs make the same. */
static const void *version_of(struct proof *g, const struct write *w)
{
	const void *by = w->action ? (const void *)w->action : w->section;
	struct str key = arena_printf(g->a, "%p", by);
	const void *version = symbol_get(&g->versions, key);

	if (version)
		return version;
	version = chain_of(g, w);
	symbol_put(g->a, &g->versions, key, (void *)(uintptr_t)version);
	return version;
}

/* "OPTIONS * and CONNECT have no path to edit": then such a write is not done. */
static void only_with_path(struct proof *g, const struct write *below, struct dnf *cond,
			   struct dnf *ncond)
{
	static struct p_subject path = { .id = SUBJ_PATH, .type = TYPE_STR };
	static struct p_value slash = { .kind = VALUE_STR, .text = { "/", 1 } };
	static const struct p_test has = {
		.subject = &path, .op = OP_PREFIX, .nvalues = 1, .values = &slash
	};

	*cond = dnf_and(g, *cond, state_test(g, &has, below, false, false));
	*ncond = dnf_or(g, *ncond, state_test(g, &has, below, false, true));
}

const struct write *state_after(struct proof *g, const struct write *below,
				const struct p_action *a, struct dnf cond, struct dnf ncond)
{
	struct write *w;
	struct write probe = { .action = a };

	if (cond.n == 0 || !seen(g, &probe))
		return below;
	if (a->id == ACT_SET && (a->part == PART_PATH || a->part == PART_QUERY))
		only_with_path(g, below, &cond, &ncond);
	if (a->id == ACT_URIREMAP && !a->text)
		return below;
	w = ARENA_NEW(g->a, struct write);
	*w = (struct write) { .below = below, .action = a, .cond = cond, .ncond = ncond };
	if (a->id != ACT_MAPURI && a->id != ACT_URIREMAP)
		return w;
	w->map = map_of(g, a);
	below = w;
	w = ARENA_NEW(g->a, struct write);
	*w = (struct write) { .below = below, .action = a, .target = true };
	w->cond = dnf_and(g, cond, state_under(g, a, below->below, false));
	w->ncond = dnf_or(g, ncond, state_under(g, a, below->below, true));
	return w;
}

const struct write *state_forwarded(struct proof *g, const struct write *below,
				    const struct p_section *entry)
{
	struct write *w;

	if (!entry->forwardfor.on)
		return below;
	w = ARENA_NEW(g->a, struct write);
	*w = (struct write) { .below = below, .section = entry, .cond = dnf_true(g) };
	return seen(g, w) ? w : below;
}

/* ---- conditions ---- */

static struct dnf decided(struct proof *g, bool holds)
{
	return holds ? dnf_true(g) : dnf_false();
}

static struct dnf literal(struct proof *g, struct proof_field *f, const struct p_test *t,
			  const struct path_map *map, bool neg)
{
	uint32_t x;

	if (t->op == OP_TRUE && f->always && t->subject->type != TYPE_BOOL)
		return decided(g, !neg);
	x = atom_of_test(g, f, t, map);
	return x == NO_INDEX ? decided(g, neg) : dnf_lit(g, lit_of(x, neg));
}

/* Does the test hold for what the write left? False in <known> when that depends on more. */
static bool holds_for(struct proof *g, struct proof_field *f, const struct p_test *t,
		      const struct path_map *map, const struct left *l, bool *known)
{
	const struct atom *x;
	uint32_t i;

	*known = true;
	if (l->n == 0)
		return false;
	if (t->op == OP_TRUE)
		return true;
	i = atom_of_test(g, f, t, map);
	if (i == NO_INDEX)
		return false;
	x = g->atoms.p[i];
	*known = !x->unknown && x->field == f;
	if (!*known)
		return false;
	return f->kind == FIELD_ADDR  ? atom_addr(x, l->net.addr)
	       : f->kind == FIELD_INT ? atom_int(x, l->num)
				      : atom_text(x, l->text);
}

struct reading {
	struct proof *g;
	const struct p_test *test;
	bool neg;
};

static struct dnf read_field(const struct reading *r, struct proof_field *f,
			     const struct path_map *map, const struct write *w);

/* <step>, then <next>; equal ones are one object. */
static const struct path_map *map_before(struct proof *g, const struct path_map *step,
					 const struct path_map *next)
{
	struct str key = arena_printf(g->a, "%p %p", (const void *)step, (const void *)next);
	struct path_map *m = symbol_get(&g->map_names, key);

	if (m)
		return m;
	m = ARENA_NEW(g->a, struct path_map);
	*m = *step;
	m->next = next;
	symbol_put(g->a, &g->map_names, key, m);
	return m;
}

/* The test when <w> was done. */
static struct dnf read_written(const struct reading *r, struct proof_field *f,
			       const struct path_map *map, const struct write *w,
			       const struct left *l)
{
	struct proof *g = r->g;
	bool known, holds;

	switch (l->effect) {
	case EFFECT_MAP:
		return read_field(r, f, map_before(g, w->map, map), w->below);
	case EFFECT_PARAM:
		return literal(g, field_of_param(g, l->param), r->test, map, r->neg);
	case EFFECT_CONST:
	case EFFECT_ADD:
		holds = holds_for(g, f, r->test, map, l, &known);
		if (known && (l->effect == EFFECT_CONST || holds))
			return decided(g, holds != r->neg);
		if (known)
			return read_field(r, f, map, w->below);
		break;
	case EFFECT_NONE:
	case EFFECT_OPAQUE:
		break;
	}
	return literal(g, field_version(g, f, version_of(g, w)), r->test, map, r->neg);
}

static bool unset_at_first(const struct proof_field *f)
{
	return !f->response && !f->version && (f->id == SUBJ_VAR || f->id == SUBJ_CAPTURE) &&
	       f->subject && !f->subject->convs && f->subject->measure == MEASURE_NONE;
}

static struct dnf read_field(const struct reading *r, struct proof_field *f,
			     const struct path_map *map, const struct write *w)
{
	struct left l = { .effect = EFFECT_NONE };
	struct dnf done;

	for (; w; w = w->below) {
		l = left_of(r->g, f, w);
		if (l.effect != EFFECT_NONE)
			break;
	}
	if (!w)
		return unset_at_first(f) ? decided(r->g, r->neg)
					 : literal(r->g, f, r->test, map, r->neg);
	/* Each map on the way may double what is read. */
	r->g->work += WORK_READ;
	if (proof_spent(r->g))
		return dnf_unknown(r->g);
	done = read_written(r, f, map, w, &l);
	if (dnf_is_true(w->cond))
		return done;
	return dnf_or(r->g, dnf_and(r->g, w->cond, done),
		      dnf_and(r->g, w->ncond, read_field(r, f, map, w->below)));
}

/* The last write to an answer that may have changed <f>: of its value nothing is known then. */
static const struct write *answer_write(const struct proof_field *f, const struct write *w)
{
	for (; w && w->action; w = w->below) {
		const struct p_action *a = w->action;
		bool header = a->id == ACT_ADD || a->id == ACT_APPEND || a->id == ACT_REM ||
			      (a->id == ACT_SET && a->part == PART_HEADER);

		if (a->id == ACT_COUNT && !left_counter(f))
			continue;
		if (f->id == SUBJ_VAR || f->id == SUBJ_CAPTURE || a->id == ACT_SWITCH ||
		    a->id == ACT_COUNT)
			return w;
		if (a->id == ACT_SETVAR || a->id == ACT_CAPTURE || !f->response ||
		    (header && f->id == SUBJ_STATUS))
			continue;
		if (!header || f->id != SUBJ_H || str_ieq(f->name, a->name))
			return w;
	}
	return NULL;
}

struct dnf state_test(struct proof *g, const struct p_test *t, const struct write *w, bool response,
		      bool neg)
{
	struct proof_field *f = field_of(g, t->subject, response);
	struct reading r = { .g = g, .test = t, .neg = neg != t->negated };

	if (response) {
		const struct write *by = answer_write(f, w);

		if (by)
			f = field_version(g, f, by->action);
		return literal(g, f, t, NULL, r.neg);
	}
	return read_field(&r, f, NULL, w);
}

static struct dnf joined(struct proof *g, const struct p_expr *e, const struct write *w,
			 bool response, bool neg)
{
	struct dnf *kids = ARENA_ARRAY(g->a, struct dnf, e->nkids + 1), d;

	for (uint32_t i = 0; i < e->nkids; i++)
		kids[i] = state_condition(g, e->kids[i], w, response, neg);
	if ((e->kind == PE_OR) != neg)
		return dnf_or_all(g, kids, e->nkids);
	d = dnf_true(g);
	for (uint32_t i = 0; i < e->nkids; i++)
		d = dnf_and(g, d, kids[i]);
	return d;
}

struct dnf state_condition(struct proof *g, const struct p_expr *e, const struct write *w,
			   bool response, bool neg)
{
	switch (e->kind) {
	case PE_TRUE:
		return decided(g, !neg);
	case PE_FALSE:
		return decided(g, neg);
	case PE_NOT:
		return state_condition(g, e->kids[0], w, response, !neg);
	case PE_TEST:
		return state_test(g, e->test, w, response, neg);
	case PE_ACL:
		return state_condition(g, e->acl->expr, w, response, neg);
	case PE_AND:
	case PE_OR:
		break;
	}
	return joined(g, e, w, response, neg);
}

struct dnf state_under(struct proof *g, const struct p_action *a, const struct write *w, bool neg)
{
	struct str key = arena_printf(g->a, "under %p", (const void *)a);
	struct p_test *t = symbol_get(&g->map_names, key);
	struct p_value *v;
	static struct p_subject path = { .id = SUBJ_PATH, .type = TYPE_STR };

	if (!t) {
		t = ARENA_NEW(g->a, struct p_test);
		v = ARENA_NEW(g->a, struct p_value);
		*v = (struct p_value) {
			.kind = VALUE_STR, .text = a->old, .icase = a->icase, .bound = true
		};
		*t = (struct p_test) { .subject = &path,
				       .op = OP_PREFIX,
				       .nvalues = 1,
				       .values = v,
				       .place = a->place };
		symbol_put(g->a, &g->map_names, key, t);
	}
	return state_test(g, t, w, false, neg);
}

/* ---- mapuri backwards ---- */

static const struct dfa *preimage(struct proof *g, struct str from, struct str to,
				  const struct dfa *rest, const struct dfa *d)
{
	const struct dfa *tail = dfa_left_quotient(g->a, to, d);

	tail = tail ? dfa_intersection(g->a, tail, rest, &g->budget) : NULL;
	return tail ? dfa_prepend(g->a, from, tail, &g->budget) : NULL;
}

/* The paths that <map> takes into <d>. */
const struct dfa *proof_map_preimage(struct proof *g, const struct path_map *map,
				     const struct dfa *d)
{
	struct str from = map->old, to = map->new.n ? map->new : S("/"), only = to;
	char *room = arena_get(g->a, to.n + 1);
	const struct dfa *slash, *taken, *in, *one;
	bool whole = true;

	if (uri_normalise(to, room) != (ptrdiff_t)to.n || memcmp(room, to.p, to.n) != 0 ||
	    !uri_bytes(to) || str_chr(to, '?') >= 0)
		return NULL;
	if (from.n && from.p[from.n - 1] == '/') {
		from.n--;
		whole = false;
	}
	while (to.n && to.p[to.n - 1] == '/')
		to.n--;
	slash = dfa_prepend(g->a, S("/"), dfa_all(g->a), &g->budget);
	in = slash ? preimage(g, from, to, slash, d) : NULL;
	taken = slash ? dfa_prepend(g->a, from, slash, &g->budget) : NULL;
	if (!in || !taken)
		return NULL;
	if (whole) {
		one = dfa_whole(g->a, re_text(g->a, map->old, false), &g->budget);
		taken = one ? dfa_union(g->a, taken, one, &g->budget) : NULL;
		if (one && dfa_accepts(d, only))
			in = dfa_union(g->a, in, one, &g->budget);
	}
	one = taken && in ? dfa_difference(g->a, d, taken, &g->budget) : NULL;
	return one ? dfa_union(g->a, in, one, &g->budget) : NULL;
}
