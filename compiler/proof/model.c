/* SPDX-License-Identifier: Apache-2.0 */
/* A request as the values of all fields. */
#include "model.h"

static struct value *value_new(struct solver *s, struct model *m, const struct proof_field *f)
{
	struct value *v = ARENA_NEW(s->a, struct value);

	v->serial = ++s->g->serial;
	v->lasting = s->a == s->g->a;
	m->values[f->index] = v;
	return v;
}

void model_set_texts(struct solver *s, struct model *m, const struct proof_field *f, struct str *at,
		     uint32_t n)
{
	struct value *v = value_new(s, m, f);

	v->present = n > 0;
	v->n = n;
	v->at = at;
}

void model_set_text(struct solver *s, struct model *m, const struct proof_field *f, struct str text)
{
	struct str *at = ARENA_NEW(s->a, struct str);

	*at = text;
	model_set_texts(s, m, f, at, 1);
}

void model_set_absent(struct solver *s, struct model *m, const struct proof_field *f)
{
	value_new(s, m, f);
}

void model_set_num(struct solver *s, struct model *m, const struct proof_field *f, int64_t num)
{
	struct value *v = value_new(s, m, f);

	v->present = true;
	v->num = num;
}

static bool value_holds(const struct value *v, const struct atom *x)
{
	bool held = false;

	if (x->field->kind == FIELD_INT)
		return v->present && atom_int(x, v->num);
	if (x->field->kind == FIELD_ADDR)
		return v->present && atom_addr(x, v->addr);
	for (uint32_t i = 0; i < v->n && !held; i++)
		held = atom_text(x, v->at[i]);
	return held;
}

bool model_holds(const struct model *m, struct proof *g, uint32_t lit)
{
	struct atom *x = atom_at(g, lit);
	const struct value *v = m->values[x->field->index];

	if (x->memo_serial != v->serial) {
		x->memo = value_holds(v, x);
		x->memo_serial = v->serial;
	}
	return x->memo != (lit & 1);
}

bool demand_holds(const struct solver *s, const struct model *m, const struct demand *d)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (!model_holds(m, s->g, d->lits[i]))
			return false;
	return true;
}

uint32_t demand_of(const struct solver *s, const struct demand *d, const struct proof_field *f,
		   uint32_t *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n; i++)
		if (atom_at(s->g, d->lits[i])->field == f)
			out[n++] = d->lits[i];
	return n;
}

static void init_one(struct solver *s, struct model *m, struct proof_field *f)
{
	bool opaque;

	if (f->param)
		model_set_text(s, m, f, f->param->has_default ? f->param->def : str_of("", 0));
	else if (!f->always)
		model_set_absent(s, m, f);
	else if (f->kind == FIELD_TEXT)
		model_set_text(s, m, f, str_of("", 0));
	else
		solve_field(s, m, f, NULL, 0, &opaque);
}

void model_init(struct solver *s, struct model *m)
{
	const struct demand none = { 0 };
	bool opaque;

	*m = (struct model) { .meth = S("GET"),
			      .path = S("/"),
			      .host = S("localhost"),
			      .version = S("1.1"),
			      .nfields = (uint32_t)s->g->fields.n };
	m->values = ARENA_ARRAY(s->a, struct value *, m->nfields + 1);
	for (size_t i = 0; i < s->g->groups.n; i++) {
		const struct group *gr = s->g->groups.p[i];

		for (uint32_t k = 0; k < gr->n; k++)
			init_one(s, m, gr->fields[k]);
		if (gr->kind == GROUP_LINE)
			model_fill_line(s, m, gr);
		else if (gr->kind == GROUP_HOST)
			model_fill_host(s, m, gr);
		else if (gr->kind == GROUP_TLS)
			model_solve_tls(s, m, gr, &none, &opaque);
	}
}

struct model *model_copy(struct solver *s, const struct model *m)
{
	struct model *new = ARENA_NEW(s->a, struct model);

	*new = *m;
	new->values = ARENA_ARRAY(s->a, struct value *, m->nfields + 1);
	memcpy(new->values, m->values, m->nfields * sizeof(*m->values));
	return new;
}

enum answer model_solve(struct solver *s, struct model *m, const struct group *gr,
			const struct demand *d, bool *opaque)
{
	*opaque = false;
	if (demand_holds(s, m, d))
		return ANSWER_YES;
	switch (gr->kind) {
	case GROUP_LINE:
		return model_solve_line(s, m, gr, d, opaque);
	case GROUP_HOST:
		return model_solve_host(s, m, gr, d, opaque);
	case GROUP_COOKIE:
		return model_solve_cookie(s, m, gr, d, opaque);
	case GROUP_TLS:
		return model_solve_tls(s, m, gr, d, opaque);
	case GROUP_ONE:
		break;
	}
	return solve_field(s, m, gr->fields[0], d->lits, d->n, opaque);
}

static const struct group *group_of(const struct proof *g, enum group_kind kind)
{
	for (size_t i = 0; i < g->groups.n; i++) {
		const struct group *gr = g->groups.p[i];

		if (gr->kind == kind)
			return gr;
	}
	return NULL;
}

static bool all_hold(const struct solver *s, const struct model *m, const struct demand *demands)
{
	for (size_t i = 0; i < s->g->groups.n; i++)
		if (!demand_holds(s, m, &demands[i]))
			return false;
	return true;
}

bool model_refill(struct solver *s, struct model *m, const struct demand *demands)
{
	const struct group *line = group_of(s->g, GROUP_LINE), *host = group_of(s->g, GROUP_HOST);
	bool opaque;

	if (line)
		model_fill_line(s, m, line);
	if (host)
		model_fill_host(s, m, host);
	if (all_hold(s, m, demands))
		return true;
	/* another target with this host? */
	if (!line || model_solve(s, m, line, &demands[line->index], &opaque) != ANSWER_YES)
		return false;
	if (host)
		model_fill_host(s, m, host);
	return all_hold(s, m, demands);
}
