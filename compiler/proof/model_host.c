/* SPDX-License-Identifier: Apache-2.0 */
/* Host and version; what TLS says. */
#include "model.h"

#include "../../runtime/base/uri.h"

/* ---- host ---- */

static void fill_host_name(struct solver *s, struct model *m, const struct proof_field *f)
{
	char *room = arena_get(s->a, URI_HOST_ROOM(m->host.n));
	struct str host;
	unsigned port;

	if (m->host.n && uri_host(m->host, room, &host, &port))
		model_set_text(s, m, f, host);
	else
		model_set_absent(s, m, f);
}

void model_fill_host(struct solver *s, struct model *m, const struct group *gr)
{
	for (uint32_t i = 0; i < gr->n; i++) {
		const struct proof_field *f = gr->fields[i];

		if (f->id == SUBJ_VERSION)
			model_set_text(s, m, f, m->version);
		else if (f->id == SUBJ_HOST)
			fill_host_name(s, m, f);
		else if (!m->host.p)
			model_set_absent(s, m, f);
		else if (m->form == FORM_CONNECT) /* RFC 9112 3.2.3: the target's authority */
			model_set_text(s, m, f, model_authority(s->a, m));
		else
			model_set_text(s, m, f, m->host);
	}
}

static struct proof_field *field_with(const struct group *gr, enum subject_id id)
{
	for (uint32_t i = 0; i < gr->n; i++)
		if (gr->fields[i]->id == id)
			return gr->fields[i];
	return NULL;
}

static bool host_fits(struct solver *s, struct model *m, const struct group *gr,
		      const struct demand *d, struct str host)
{
	m->host = host;
	model_fill_host(s, m, gr);
	return demand_holds(s, m, d);
}

static enum answer choose_version(struct solver *s, struct model *m, const struct group *gr,
				  const struct demand *d, uint32_t *lits)
{
	struct proof_field *f = field_with(gr, SUBJ_VERSION);
	uint32_t n = f ? demand_of(s, d, f, lits) : 0;
	struct str text;
	bool opaque;

	m->version = S("1.1");
	if (text_satisfies(s, lits, n, m->version))
		return ANSWER_YES;
	m->version = S("1.0");
	if (text_satisfies(s, lits, n, m->version))
		return ANSWER_YES;
	return solve_text(s, f, lits, n, &text, &opaque) == ANSWER_NO ? ANSWER_NO : ANSWER_LIMIT;
}

/* A value of each of the two fields alone; NO: one of them has none. */
static enum answer alone(struct solver *s, struct proof_field *f, const struct demand *d,
			 uint32_t *lits, struct str *out, bool *opaque)
{
	uint32_t n = f ? demand_of(s, d, f, lits) : 0, k = 0;

	*out = (struct str) { 0 };
	for (uint32_t i = 0; i < n; i++)
		k += !(lits[i] & 1);
	for (uint32_t i = 0; i < n && k; i++)
		if ((lits[i] & 1) && atom_at(s->g, lits[i])->op == OP_TRUE)
			return ANSWER_NO;
	if (n == 0)
		return ANSWER_YES;
	if (k == 0) {
		solve_text(s, f, lits, n, out, opaque);
		return ANSWER_YES;
	}
	return solve_text(s, f, lits, n, out, opaque);
}

static struct str upper(struct solver *s, struct str t)
{
	char *p = arena_get(s->a, t.n + 1);

	for (size_t i = 0; i < t.n; i++)
		p[i] = t.p[i] >= 'a' && t.p[i] <= 'z' ? (char)(t.p[i] & ~0x20) : t.p[i];
	return str_of(p, t.n);
}

/* One of the values of a positive == on the line: NO when it has to be one and none fits. */
static enum answer equal_line(struct solver *s, struct model *m, const struct group *gr,
			      const struct demand *d, const struct proof_field *line,
			      uint32_t *lits)
{
	uint32_t n = demand_of(s, d, line, lits);
	enum answer got = ANSWER_LIMIT;

	for (uint32_t i = 0; i < n; i++) {
		const struct atom *x = atom_at(s->g, lits[i]);
		bool exact = !x->unknown && m->form != FORM_CONNECT;

		if ((lits[i] & 1) || x->op != OP_EQ || x->length)
			continue;
		for (uint32_t k = 0; k < x->nvalues; k++) {
			exact = exact && !x->values[k].icase;
			if (field_holds(line, x->values[k].text) &&
			    host_fits(s, m, gr, d, x->values[k].text))
				return ANSWER_YES;
		}
		if (exact)
			got = ANSWER_NO;
	}
	return got;
}

static enum answer choose_host(struct solver *s, struct model *m, const struct group *gr,
			       const struct demand *d, uint32_t *lits, bool *opaque)
{
	struct proof_field *name = field_with(gr, SUBJ_HOST), *line = field_with(gr, SUBJ_H);
	struct str h, raw, both;
	enum answer x, y;
	uint32_t n;

	if (host_fits(s, m, gr, d, S("localhost")))
		return ANSWER_YES;
	if (line && (x = equal_line(s, m, gr, d, line, lits)) != ANSWER_LIMIT)
		return x;
	x = alone(s, name, d, lits, &h, opaque);
	y = alone(s, line, d, lits, &raw, opaque);
	if (x == ANSWER_NO || y == ANSWER_NO)
		return ANSWER_NO;
	if ((h.n && host_fits(s, m, gr, d, h)) || (raw.n && host_fits(s, m, gr, d, raw)) ||
	    (h.n && host_fits(s, m, gr, d, arena_printf(s->a, "%.*s:80", STR_ARG(h)))) ||
	    (h.n && host_fits(s, m, gr, d, arena_printf(s->a, "%.*s.", STR_ARG(h)))) ||
	    (h.n && host_fits(s, m, gr, d, upper(s, h))) || host_fits(s, m, gr, d, str_of("", 0)))
		return ANSWER_YES;
	n = name ? demand_of(s, d, name, lits) : 0;
	if (line)
		n += demand_of(s, d, line, lits + n);
	if (name && line && solve_text(s, name, lits, n, &both, opaque) == ANSWER_YES &&
	    host_fits(s, m, gr, d, both))
		return ANSWER_YES;
	m->version = S("1.0"); /* without Host */
	if (host_fits(s, m, gr, d, (struct str) { 0 }))
		return ANSWER_YES;
	return ANSWER_LIMIT;
}

enum answer model_solve_host(struct solver *s, struct model *m, const struct group *gr,
			     const struct demand *d, bool *opaque)
{
	uint32_t *lits = ARENA_ARRAY(s->a, uint32_t, 2 * d->n + 1);
	enum answer got = choose_version(s, m, gr, d, lits);

	if (got == ANSWER_YES)
		got = choose_host(s, m, gr, d, lits, opaque);
	return got;
}

/* ---- TLS ---- */

static enum answer tls_case(struct solver *s, struct model *m, const struct group *gr,
			    const struct demand *d, bool tls, uint32_t *lits, bool *opaque)
{
	enum answer got;

	for (uint32_t i = 0; i < gr->n; i++) {
		struct proof_field *f = gr->fields[i];
		uint32_t n = demand_of(s, d, f, lits);

		if (f->id == SUBJ_TLS) {
			model_set_num(s, m, f, tls);
		} else if (f->id == SUBJ_SCHEME) {
			model_set_text(s, m, f, tls ? S("https") : S("http"));
		} else if (!tls) {
			model_set_absent(s, m, f);
		} else {
			got = solve_field(s, m, f, lits, n, opaque);
			if (got != ANSWER_YES)
				return got;
		}
	}
	return demand_holds(s, m, d) ? ANSWER_YES : ANSWER_NO;
}

enum answer model_solve_tls(struct solver *s, struct model *m, const struct group *gr,
			    const struct demand *d, bool *opaque)
{
	uint32_t *lits = ARENA_ARRAY(s->a, uint32_t, d->n + 1);
	enum answer with, without = tls_case(s, m, gr, d, false, lits, opaque);

	if (without == ANSWER_YES)
		return without;
	with = tls_case(s, m, gr, d, true, lits, opaque);
	return with == ANSWER_NO ? without : with;
}
