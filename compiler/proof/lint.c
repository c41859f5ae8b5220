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

void lint_all_scenes(struct lint *l, const struct p_section *s, enum rule_dir dir,
		     struct scenes *out)
{
	lint_scenes(l, s, dir, out);
	for (uint32_t i = 0; i < l->p->nsections; i++) {
		const struct p_section *t = l->p->sections[i];
		struct scenes more;

		if (t == s || t->filters != s)
			continue;
		lint_scenes(l, t, dir, &more);
		for (size_t k = 0; k < more.all.n; k++)
			vec_push(l->g->a, &out->all, more.all.p[k]);
		out->cut |= more.cut;
	}
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

struct scene *lint_choosing(struct lint *l, const struct scene *open, uint32_t rule)
{
	struct scene *sc = lint_scene(l, open, rule);

	for (uint32_t i = 0; i < sc->n; i++)
		sc->at[i].unchosen = i + 1 == sc->n || sc->at[i].stop == sc->at[i].context->n
					     ? sc->at[i].stop
					     : sc->at[i].stop + 1;
	return scene_needs(l->g, sc, sc->at[sc->n - 1].context->rules[rule].choice) ? sc : NULL;
}

#define SUFFIXES_MAX 8

enum answer lint_search(struct lint *l, const struct scene *sc, bool *opaque)
{
	struct search q;
	enum answer got = search_run(&q, l->g, sc);

	if (opaque)
		*opaque |= got == ANSWER_LIMIT && q.opaque;
	search_end(&q);
	for (uint32_t n = 1; got == ANSWER_LIMIT && n <= sc->nneeds && n <= SUFFIXES_MAX; n++) {
		struct scene last = { .nneeds = n, .room = n, .needs = sc->needs + sc->nneeds - n };
		enum answer part = search_run(&q, l->g, &last);

		if (part == ANSWER_NO)
			got = ANSWER_NO;
		search_end(&q);
	}
	return got;
}

const struct clash_table *lint_clashes(struct lint *l, const struct context *c)
{
	struct str key = str_of((const char *)&c, sizeof(c));
	const struct clash_table *t = symbol_get(&l->clashes, key);

	if (t)
		return t;
	t = clash_table(l->g, c);
	symbol_put(l->g->a, &l->clashes, arena_str(l->g->a, key), (void *)(uintptr_t)t);
	return t;
}

/* ---- repairs ---- */

/* Does the line end in a backslash that joins the next one to it? */
static bool goes_on(struct str line)
{
	return line.n > 1 && line.p[line.n - 1] == '\\' &&
	       (line.p[line.n - 2] == ' ' || line.p[line.n - 2] == '\t');
}

/* Rules of one line follow one another. */
static bool same_line(const struct p_rule *x, const struct p_rule *y)
{
	return x->place.file == y->place.file && x->place.line == y->place.line;
}

void lint_delete(struct lint *l, const struct p_rule *rule, bool safe)
{
	struct at at = lint_at(rule->place);
	uint32_t i = rule->index;

	if ((i && same_line(rule, l->p->rules[i - 1])) ||
	    (i + 1 < l->p->nrules && same_line(rule, l->p->rules[i + 1])))
		return;
	diag_fix(safe, "delete the rule");
	for (;; at.line++) {
		diag_edit_line(at.file, at.line);
		if (!goes_on(source_line(at)))
			break;
	}
}

/* ---- reports ---- */

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

/* They may matter in another one. */
void lint_mark_shared(struct lint *l)
{
	for (uint32_t i = 0; i < l->p->nsections; i++) {
		const struct p_section *s = l->p->sections[i];

		for (int dir = 0; dir < RULE_DIRS && s->filters != s; dir++)
			for (uint32_t k = 0; k < s->chains[dir].n; k++)
				l->rules[s->chains[dir].rules[k]->index].shared = true;
	}
}

void proof_lint(struct arena *a, const struct program *p)
{
	struct proof *g = proof_new(a, p);
	struct lint l = { .g = g, .p = p };

	l.rules = ARENA_ARRAY(a, struct rule_fact, p->nrules + 1);
	l.sections = ARENA_ARRAY(a, struct section_fact, p->nsections + 1);
	lint_mark_shared(&l);
	prove_reach(&l);
	prove_values(&l);
	prove_choices(&l);
	prove_redundant(&l);
	prove_loops(&l);
	prove_writes(&l);
	prove_alike(&l);
	prove_stale(&l);
	prove_holes(&l);
	prove_servers(&l);
	prove_asserts(&l);
	prove_names(&l);
	prove_bypass(&l);
	prove_targets(&l);
	prove_trust(&l);
	prove_forwarded(&l);
	prove_rebases(&l);
	if (l.denied)
		diag(N999, lint_at(l.denied->place),
		     "no request gets to this rule by the proof, and one that was tried matches "
		     "it");
	if (l.untried)
		diag(N901, diag_line(0, 1), "findings S301 to S321 of all rules: too many to try");
	proof_free(&g);
}
