/* SPDX-License-Identifier: Apache-2.0 */
/* P403: regular expressions that are a text, and match what another operator matches: ^/img/ is =^
 * "/img/". That both are the same is compared, automaton with automaton. */
#include "diag.h"
#include "lint_part.h"
#include "regular/dfa.h"
#include "source.h"

#define STEPS_MAX 3000000

static const char *const spellings[OPERATORS] = {
#define OPERATOR(id, positive, ...) [OP_##id] = positive,
#include "../grammar/operator.def"
};

/* The text that <s>, without anchors, stands for; false: it is more than a text. */
static bool literal(struct arena *a, struct str s, struct str *out)
{
	char *p = arena_get(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\' && i + 1 < s.n && strchr("./-_+*?()[]{}^$|", s.p[i + 1]))
			c = s.p[++i];
		else if (c < ' ' || c > '~' || strchr("\\.[](){}*+?^$|\"", c))
			return false;
		p[n++] = c;
	}
	*out = str_of(p, n);
	return n > 0;
}

static enum operator_id operator_of(struct arena *a, const struct p_regex *r, struct str *text)
{
	struct str s = r->text;
	bool starts = str_starts(s, S("^")), ends;

	if (starts)
		s = str_skip(s, 1);
	ends = str_ends(s, S("$")) && !str_ends(s, S("\\$"));
	if (ends)
		s.n--;
	if (r->freespace || !literal(a, s, text))
		return OP_TRUE;
	return starts && ends ? OP_EQ : starts ? OP_PREFIX : ends ? OP_SUFFIX : OP_SUBSTR;
}

static const struct dfa *language(struct arena *a, enum operator_id op, struct str text, bool icase,
				  struct budget *b)
{
	const struct dfa *d = dfa_whole(a, re_text(a, text, icase), b), *all = dfa_all(a);

	if (d && (op == OP_SUFFIX || op == OP_SUBSTR))
		d = dfa_concat(a, all, d, b);
	if (d && (op == OP_PREFIX || op == OP_SUBSTR))
		d = dfa_concat(a, d, all, b);
	return d;
}

static bool same(struct arena *a, const struct p_regex *r, enum operator_id op, struct str text)
{
	struct budget budget = BUDGET_DEFAULT;
	struct str why;
	const struct re *re = re_parse(a, r->text, r->icase, false, &why);
	const struct dfa *x, *y;

	budget.steps = STEPS_MAX;
	x = re ? dfa_search(a, re, &budget) : NULL;
	y = x ? language(a, op, text, r->icase, &budget) : NULL;
	return y && dfa_equal(x, y);
}

/* The repair, when the test stands on its line as people write it. */
static void add_fix(struct arena *a, const struct p_test *t, enum operator_id op, struct str text)
{
	struct at at = diag_line(t->place.file, t->place.line);
	struct str line = source_line(at), regex = t->values[0].regex->text;
	struct str old = arena_printf(a, "%s \"%.*s\"", t->negated ? "!~" : "=~", STR_ARG(regex));
	ptrdiff_t found = str_find(line, old);

	if (found < 0 || str_find(str_skip(line, (size_t)found + 1), old) >= 0 ||
	    str_find(text, S("%{")) >= 0 || str_find(text, S("${")) >= 0)
		return;
	at.col = (uint32_t)found + 1;
	at.len = (uint32_t)old.n;
	diag_fix(true, "write the operator");
	diag_edit_at(at, arena_printf(a, "%c%c \"%.*s\"", t->negated ? '!' : '=', spellings[op][1],
				      STR_ARG(text)));
}

/* Do texts of the rule read what the test matched? */
static bool is_read(const struct p_rule *r, const struct p_test *t)
{
	for (uint32_t i = 0; t == r->capturing && i < r->nactions; i++)
		for (uint32_t k = 0; r->actions[i].text && k < r->actions[i].text->n; k++)
			if (r->actions[i].text->pieces[k].kind == PIECE_BACKREF)
				return true;
	return false;
}

static void see(const struct p_test *t, bool positive, void *arg)
{
	struct arena own = { 0 };
	enum operator_id op;
	struct str text;

	(void)positive;
	if (t->op != OP_RE || t->set || t->nvalues != 1 || t->values[0].kind != VALUE_REGEX ||
	    source_is_library(t->place.file) || is_read(arg, t))
		return;
	op = operator_of(&own, t->values[0].regex, &text);
	if (op != OP_TRUE && same(&own, t->values[0].regex, op, text)) {
		diag(P403, diag_line(t->place.file, t->place.line),
		     STR_ARG(t->values[0].regex->text), t->negated ? '!' : '=', spellings[op][1],
		     STR_ARG(text));
		add_fix(&own, t, op, text);
	}
	arena_free(&own);
}

void lint_literals(const struct program *p)
{
	for (uint32_t i = 0; i < p->nrules; i++)
		lint_each_test(p->rules[i]->cond, true, see, p->rules[i]);
}
