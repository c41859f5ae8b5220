/* SPDX-License-Identifier: Apache-2.0 */
/* ask: one question to the engine of proofs, and its answer run through both programs. */
#include "pair.h"

#include "../proof/witness.h"

/* What the joint program numbers, in the order of the new one. */
static struct interp_state state_of_new(struct pairing *p, const struct interp_state *joint)
{
	const struct program *new = p->c->new;
	struct interp_state st = {
		.random = joint->random, .now = joint->now, .brief = true, .codes = p->codes
	};

	if (joint->params) {
		struct str *params = ARENA_ARRAY(&p->scratch, struct str, new->nparams + 1);

		for (uint32_t i = 0; i < new->nparams; i++)
			params[i] = joint->params[p->twin->params[i]->index];
		st.params = params;
	}
#define NUMBERS(field)                                                                             \
	if (joint->field) {                                                                        \
		int64_t *n_ = ARENA_ARRAY(&p->scratch, int64_t, new->nsections + 1);               \
		for (uint32_t i = 0; i < new->nsections; i++)                                      \
			n_[i] = joint->field[p->twin->sections[i]->index];                         \
		st.field = n_;                                                                     \
	}
	NUMBERS(nbsrv)
	NUMBERS(conns)
	NUMBERS(qlen)
	NUMBERS(rate)
	NUMBERS(conc)
	NUMBERS(queued)
#undef NUMBERS
	return st;
}

static struct compare_witness *witness_of(struct pairing *p, const struct scene *sc,
					  const struct model *m)
{
	struct compare_witness *w = ARENA_NEW(&p->scratch, struct compare_witness);
	struct witness raw;

	p->g->p = p->c->old;
	p->g->a = &p->scratch; /* a run notes each rule that it meets */
	witness_make(p->g, sc, m, &raw);
	p->g->p = p->joint;
	p->g->a = p->a;
	w->request = raw.request;
	w->old_state = raw.state;
	w->old = raw.outcome;
	w->new_state = state_of_new(p, &raw.state);
	w->new = interp_run(&p->scratch, p->c->new, &w->request, &w->new_state);
	w->nlines = witness_lines(&p->scratch, &raw, w->lines, 40);
	w->curl = witness_curl(&p->scratch, &raw, S("http://127.0.0.1:8080"));
	return w;
}

static struct fields kept_fields(struct arena *a, const struct fields *f)
{
	struct fields out = { 0 };

	for (uint32_t i = 0; i < f->n; i++)
		fields_add(a, &out, arena_str(a, f->at[i].name), arena_str(a, f->at[i].value));
	return out;
}

/* What became of it, without how. */
static struct outcome *kept_outcome(struct arena *a, const struct outcome *o)
{
	struct outcome *out = ARENA_NEW(a, struct outcome);

	*out = (struct outcome) { .entry = o->entry,
				  .verdict = o->verdict,
				  .decided = o->decided,
				  .backend = o->backend,
				  .servers = o->servers,
				  .forwarded = o->forwarded };
	out->answer.present = o->answer.present;
	out->answer.made = o->answer.made;
	out->answer.status = o->answer.status;
	return out;
}

struct compare_witness *pair_kept(struct arena *a, const struct compare_witness *w)
{
	struct compare_witness *out = ARENA_NEW(a, struct compare_witness);

	*out = *w;
	out->request.meth = arena_str(a, w->request.meth);
	out->request.target = arena_str(a, w->request.target);
	out->request.version = arena_str(a, w->request.version);
	out->request.bind = arena_str(a, w->request.bind);
	out->request.sni = arena_str(a, w->request.sni);
	out->request.alpn = arena_str(a, w->request.alpn);
	out->request.reason = arena_str(a, w->request.reason);
	out->request.headers = kept_fields(a, &w->request.headers);
	out->request.cert = kept_fields(a, &w->request.cert);
	out->request.response = kept_fields(a, &w->request.response);
	out->old_state = out->new_state = (struct interp_state) { 0 };
	out->old = kept_outcome(a, w->old);
	out->new = kept_outcome(a, w->new);
	out->curl = arena_str(a, w->curl);
	for (uint32_t i = 0; i < w->nlines; i++)
		out->lines[i] = arena_str(a, w->lines[i]);
	return out;
}

bool pair_counted(struct pairing *p)
{
	p->full = p->full || p->c->queries++ >= QUERIES_MAX;
	return !p->full;
}

enum answer pair_ask(struct pairing *p, const struct scene *sc, struct compare_witness **w)
{
	struct search q;
	enum answer got;

	if (w)
		*w = NULL;
	if (!pair_counted(p))
		return ANSWER_LIMIT;
	got = search_run(&q, p->g, sc);
	arena_rewind(&p->scratch, p->empty);
	if (got == ANSWER_YES && w)
		*w = witness_of(p, sc, q.found);
	search_end(&q);
	return got;
}
