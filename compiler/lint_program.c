/* SPDX-License-Identifier: Apache-2.0 */
/* lint_program: findings of the rule program that need no proof: W112, S317, S318, P406, P407. */
#include "lint.h"
#include "lint_part.h"
#include "show.h"
#include "source.h"

static struct at place(struct p_place p)
{
	return diag_line(p.file, p.line);
}

void lint_each_test(const struct p_expr *e, bool positive,
		    void (*see)(const struct p_test *t, bool positive, void *arg), void *arg)
{
	if (e->kind == PE_TEST)
		see(e->test, positive != e->test->negated, arg);
	else if (e->kind == PE_ACL)
		lint_each_test(e->acl->expr, positive, see, arg);
	for (uint32_t i = 0; i < e->nkids; i++)
		lint_each_test(e->kids[i], positive != (e->kind == PE_NOT), see, arg);
}

/* ---- S317 ---- */

struct said {
	unsigned by_client, other;
	struct str name;
};

static void see_said(const struct p_test *t, bool positive, void *arg)
{
	struct said *s = arg;
	const struct p_subject *subject = t->subject;

	if (positive && subject->id == SUBJ_H &&
	    (str_eq(subject->name, S("referer")) || str_eq(subject->name, S("user-agent")) ||
	     str_eq(subject->name, S("origin")))) {
		s->by_client++;
		s->name = subject->name;
	} else {
		s->other++;
	}
}

/* ---- S318 ---- */

struct nets {
	const struct p_net *const *at;
	size_t n;
};

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

/* Do the networks hold all of <addr>/<bits>? Splits only where a smaller network lies. */
static bool covered(const struct nets *nets, uint8_t addr[16], unsigned bits)
{
	bool inside = false, both;

	for (size_t i = 0; i < nets->n; i++) {
		const struct p_net *net = nets->at[i];

		if (net->bits <= bits && bits_equal(net->addr, addr, net->bits))
			return true;
		inside = inside || (net->bits > bits && bits_equal(net->addr, addr, bits));
	}
	if (!inside || bits == 128)
		return false;
	both = covered(nets, addr, bits + 1);
	addr[bits / 8] = (uint8_t)(addr[bits / 8] | 0x80 >> bits % 8);
	both = both && covered(nets, addr, bits + 1);
	addr[bits / 8] = (uint8_t)(addr[bits / 8] & ~(0x80 >> bits % 8));
	return both;
}

/* "IPv4", "IPv6", or NULL. */
static const char *all_addresses(const struct nets *nets)
{
	uint8_t v4[16] = { [10] = 0xff, [11] = 0xff }, v6[16] = { 0 };

	if (covered(nets, v4, 96))
		return "IPv4";
	v6[0] = 0x20; /* 2000::/3: what is in use */
	return covered(nets, v6, 3) ? "IPv6" : NULL;
}

static void see_source(const struct p_test *t, bool positive, void *arg)
{
	struct arena *a = arg;
	uint32_t n = t->set ? t->set->nvalues : t->nvalues;
	const struct p_value *v = t->set ? t->set->values : t->values;
	const struct p_net **at;
	struct nets nets = { .n = 0 };
	const char *which;

	if (!positive || t->subject->id != SUBJ_SRC || t->subject->type != TYPE_ADDR ||
	    (t->set && t->set->dynamic))
		return;
	nets.at = at = ARENA_ARRAY(a, const struct p_net *, n + 1);
	for (uint32_t i = 0; i < n; i++)
		if (v[i].kind == VALUE_NET)
			at[nets.n++] = &v[i].net;
	which = all_addresses(&nets);
	if (which)
		diag(S318, place(t->place), which);
}

static void check_trusted(struct arena *a, const struct program *p)
{
	const struct p_net **at = ARENA_ARRAY(a, const struct p_net *, p->ntrusted + 1);
	struct nets nets = { .at = at, .n = p->ntrusted };
	const char *which;

	for (uint32_t i = 0; i < p->ntrusted; i++)
		at[i] = &p->trusted[i];
	which = all_addresses(&nets);
	if (which)
		diag(S318, place(p->globals[OPT_TRUSTED].place), which);
}

/* ---- P407 ---- */

struct reader {
	const struct p_test *capturing;
};

/* \1, \g and \k in an expression read its own groups. */
static bool reads_itself(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		if (s.p[i] != '\\')
			continue;
		if ((s.p[i + 1] >= '1' && s.p[i + 1] <= '9') || s.p[i + 1] == 'g' ||
		    s.p[i + 1] == 'k')
			return true;
		i++;
	}
	return str_find(s, S("(?(")) >= 0 || str_find(s, S("(?R")) >= 0;
}

static void see_groups(const struct p_test *t, bool positive, void *arg)
{
	const struct reader *r = arg;

	(void)positive;
	if (t == r->capturing || t->set || source_is_library(t->place.file))
		return;
	for (uint32_t i = 0; i < t->nvalues; i++)
		if (t->values[i].kind == VALUE_REGEX && t->values[i].regex->groups &&
		    !reads_itself(t->values[i].regex->text)) {
			diag(P407, place(t->place));
			return;
		}
}

/* ---- W112: what the text shows; the rest is proof/lint_writes.c ---- */

/* Is <t> the value of the one subject <id>, unchanged? */
static bool is_subject(const struct p_text *t, enum subject_id id)
{
	const struct p_subject *s =
		t && t->n == 1 && t->pieces[0].kind == PIECE_SUBJECT ? t->pieces[0].subject : NULL;

	return s && s->id == id && !s->convs && s->measure == MEASURE_NONE;
}

static bool is_literal(const struct p_text *t, struct str s)
{
	return t && t->n == 1 && t->pieces[0].kind == PIECE_LITERAL && str_eq(t->pieces[0].text, s);
}

static bool writes_nothing(const struct p_action *a)
{
	if (a->id == ACT_MAPURI || a->id == ACT_MAPLOC)
		return is_literal(a->text, a->old) && !a->icase;
	return a->id == ACT_SET && a->part == PART_METH && is_subject(a->text, SUBJ_METH);
}

/* ---- P406 ---- */

/* The one positive test that a rule stands on, or NULL. */
static const struct p_test *only_test(const struct p_rule *r)
{
	const struct p_test *t = r->cond->kind == PE_TEST ? r->cond->test : NULL;

	return t && !t->negated && !t->set && t->nvalues && !r->capturing ? t : NULL;
}

static struct str actions_of(struct arena *a, const struct p_rule *r)
{
	struct show_buffer b;

	show_open(&b);
	for (uint32_t i = 0; i < r->nactions; i++) {
		show_action(b.out, &r->actions[i]);
		fputc(';', b.out);
	}
	return show_close(&b, a);
}

static bool ends(const struct p_rule *r)
{
	enum action_id id = r->nactions ? r->actions[r->nactions - 1].id : ACTIONS;

	return id == ACT_DENY || id == ACT_DROP || id == ACT_ALLOW || id == ACT_REDIR ||
	       id == ACT_RESPOND || id == ACT_SWITCH;
}

static bool mergeable(struct arena *a, const struct p_rule *x, const struct p_rule *y)
{
	const struct p_test *s = only_test(x), *t = only_test(y);

	return s && t && s->subject == t->subject && s->op == t->op && ends(x) && ends(y) &&
	       str_eq(actions_of(a, x), actions_of(a, y));
}

static void check_runs(const struct p_chain *c)
{
	for (uint32_t i = 0, n; i < c->n; i += n) {
		struct arena own = { 0 };

		n = 1;
		while (i + n < c->n && mergeable(&own, c->rules[i], c->rules[i + n]))
			n++;
		if (n > 1 && !source_is_library(c->rules[i]->place.file)) {
			diag(P406, place(c->rules[i]->place), n);
			diag_note(place(c->rules[i + n - 1]->place), "the last one of them");
		}
		arena_free(&own);
	}
}

/* ---- all ---- */

static void check_rule(struct arena *a, const struct p_rule *r)
{
	struct reader reader = { .capturing = r->capturing };
	struct said said = { 0 };
	bool allows = false;

	for (uint32_t i = 0; i < r->nactions; i++) {
		allows = allows || r->actions[i].id == ACT_ALLOW;
		if (writes_nothing(&r->actions[i]))
			diag(W112, place(r->actions[i].place));
	}
	lint_each_test(r->cond, true, see_groups, &reader);
	if (!allows)
		return;
	lint_each_test(r->cond, true, see_said, &said);
	if (said.by_client && !said.other)
		diag(S317, place(r->place), STR_ARG(said.name));
	lint_each_test(r->cond, true, see_source, a);
}

void lint_program(struct arena *a, const struct program *p)
{
	for (uint32_t i = 0; i < p->nrules; i++)
		if (!source_is_library(p->rules[i]->place.file))
			check_rule(a, p->rules[i]);
	for (uint32_t i = 0; i < p->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++)
			if (p->sections[i]->filters == p->sections[i])
				check_runs(&p->sections[i]->chains[dir]);
	check_trusted(a, p);
	lint_values(p);
	lint_framing(p);
	lint_literals(p);
	lint_regexes(a, p);
}
