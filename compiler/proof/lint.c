/* SPDX-License-Identifier: Apache-2.0 */
#include "lint.h"

#include "../source.h"

struct at lint_at(struct p_place place)
{
	return diag_line(place.file, place.line);
}

bool lint_skips(struct p_place place)
{
	return place.line == 0 || place.file >= source_count() || source_is_library(place.file);
}

bool lint_is_response(enum rule_dir dir)
{
	return dir == DIR_RSP_IN || dir == DIR_RSP_OUT;
}

struct gathering {
	struct lint *l;
	struct scenes *out;
};

static bool keep(void *arg, struct scene *sc)
{
	struct gathering *k = arg;

	vec_push(k->l->g->a, &k->out->all, sc);
	return false;
}

void lint_scenes(struct lint *l, const struct p_section *s, enum rule_dir dir, struct scenes *out)
{
	struct gathering k = { .l = l, .out = out };

	*out = (struct scenes) { 0 };
	out->cut = ways_to(l->g, s, dir, keep, &k) == WAYS_CUT;
}

struct scene *lint_scene(struct lint *l, const struct scene *sc, uint32_t stop)
{
	struct scene *new = ARENA_NEW(l->g->a, struct scene);

	*new = *sc;
	new->room = sc->nneeds + 2;
	new->needs = ARENA_ARRAY(l->g->a, struct dnf, new->room);
	if (sc->nneeds)
		memcpy(new->needs, sc->needs, sc->nneeds * sizeof(*sc->needs));
	new->at[new->n - 1].stop = stop;
	return new;
}

static struct str outcome_text(struct arena *a, const struct outcome *o)
{
	const struct p_rule *by = o->decided;
	struct str what = str_from(verdict_names[o->verdict]);

	if (o->verdict == VERDICT_FORWARD && o->backend)
		what = arena_printf(a, "backend %.*s", STR_ARG(o->backend->name));
	else if (o->answer.present)
		what = arena_printf(a, "%s %u", verdict_names[o->verdict], o->answer.status);
	return by ? arena_printf(a, "%.*s, by line %u", STR_ARG(what), by->place.line) : what;
}

void lint_witness(struct lint *l, const struct witness *w)
{
	struct arena *a = l->g->a;
	struct str lines[16];
	struct textbuf b = { 0 };
	unsigned n = witness_lines(a, w, lines, 16);

	for (unsigned i = 0; i < n; i++) {
		if (i)
			textbuf_put(a, &b, S("; "));
		textbuf_put(a, &b, lines[i]);
	}
	diag_witness(&(struct diag_witness) { .request = textbuf_str(&b),
					      .curl = witness_curl(a, w, S("http://PROXY")),
					      .outcome = outcome_text(a, w->outcome) });
}

void proof_lint(struct arena *a, const struct program *p)
{
	struct proof *g = proof_new(a, p);
	struct lint l = { .g = g, .p = p };

	l.rules = ARENA_ARRAY(a, struct rule_fact, p->nrules + 1);
	l.reached = ARENA_ARRAY(a, bool, p->nsections + 1);
	prove_reach(&l);
	prove_values(&l);
	prove_choices(&l);
	prove_holes(&l);
	prove_asserts(&l);
	proof_free(&g);
}
