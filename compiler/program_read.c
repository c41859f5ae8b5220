/* SPDX-License-Identifier: Apache-2.0 */
#include "program_form.h"

/* Looks at one file index; what others hold is checked where it is read. */
static bool place_known(const struct program *p, struct p_place at)
{
	return at.file < p->nfiles || (at.file == 0 && at.line == 0);
}

/* What no single field can tell: slots, kinds of targets, own indexes. */
static const char *action_fault(const struct program *p, const struct p_action *a)
{
	if (a->capture && a->capture >= p->ncaptures)
		return "a capture slot that does not exist";
	if (a->var && a->var >= p->nvars)
		return "a variable slot that does not exist";
	if ((a->id == ACT_CAPTURE && (!p->ncaptures || !a->subject)) ||
	    (a->id == ACT_SETVAR && !p->nvars))
		return "a capture or variable that does not exist";
	if ((a->id == ACT_SWITCH || a->id == ACT_SETBE) && !a->target && !a->subject)
		return "a jump without target";
	if (a->page && a->id != ACT_RESPOND)
		return "a page that no respond gives";
	if (a->id == ACT_AUTH && !a->text)
		return "an auth without a file of users";
	if (a->id == ACT_URIREMAP && !a->target)
		return "a uriremap without backend";
	if ((a->id == ACT_PASS || a->id == ACT_COUNT) !=
	    (a->target && a->target->kind == SEC_CHECKPOINT))
		return "a pass or count without checkpoint, or a jump to one";
	if ((a->id == ACT_REP || a->id == ACT_DELETE || a->id == ACT_REWRITE ||
	     a->id == ACT_REQLINE || a->id == ACT_STSLINE) &&
	    !a->regex)
		return "an edit without regex";
	return place_known(p, a->place) ? NULL : "a place in a file that does not exist";
}

static bool text_operator(enum operator_id op)
{
	return op == OP_EQ || op == OP_RE || op == OP_SUFFIX || op == OP_PREFIX ||
	       op == OP_SUBSTR || op == OP_WORD || op == OP_DOTWORD;
}

/* What a value of such a test is, when it is no computed one. */
static enum p_value_kind kind_for(enum p_type type, enum operator_id op)
{
	if (type == TYPE_STR)
		return op == OP_RE ? VALUE_REGEX : VALUE_STR;
	return type == TYPE_INT ? VALUE_INT : VALUE_NET;
}

static bool values_fit(const struct p_value *values, uint32_t n, enum p_value_kind kind)
{
	for (uint32_t i = 0; i < n; i++)
		if (values[i].kind != kind && (values[i].kind != VALUE_TEXT || kind == VALUE_REGEX))
			return false;
	return true;
}

/* Operator, subject and values go together: who evaluates a test relies on it. */
static bool test_fits(const struct p_test *t)
{
	enum p_type type = t->subject->type;
	enum p_value_kind kind = kind_for(type, t->op);
	bool fits = type == TYPE_STR   ? text_operator(t->op)
		    : type == TYPE_INT ? !text_operator(t->op) || t->op == OP_EQ
				       : t->op == OP_EQ && type == TYPE_ADDR;

	if (t->op == OP_TRUE)
		return !t->nvalues && !t->set;
	return fits && values_fit(t->values, t->nvalues, kind) &&
	       (!t->set || values_fit(t->set->values, t->set->nvalues, kind));
}

static bool tests_fit(const struct p_expr *e)
{
	for (uint32_t i = 0; i < e->nkids; i++)
		if (!tests_fit(e->kids[i]))
			return false;
	return e->kind != PE_TEST || test_fits(e->test);
}

static bool keys_fit(const struct p_map *m)
{
	enum p_value_kind kind = m->op == OP_RE ? VALUE_REGEX : m->n ? m->keys[0].kind : VALUE_STR;

	for (uint32_t i = 0; i < m->n; i++)
		if (m->keys[i].kind != kind)
			return false;
	return kind != VALUE_TEXT && (kind != VALUE_REGEX || m->op == OP_RE);
}

static const char *rule_fault(const struct program *p, const struct p_rule *r)
{
	const char *why = place_known(p, r->place) ? NULL : "a place in a file that does not exist";

	for (uint32_t i = 0; i < r->nactions && !why; i++)
		why = action_fault(p, &r->actions[i]);
	if (!why && !tests_fit(r->cond))
		why = "a test whose values do not fit";
	if (!why && r->capturing &&
	    (r->capturing->nvalues != 1 || r->capturing->values[0].kind != VALUE_REGEX))
		why = "a capturing test without one regex";
	return why;
}

#define EXPR_DEPTH_MAX 4000 /* groups and acls inside each other */

/* 0 not seen, 1 on the way, 2 done: acls must not contain themselves, or evaluating one would
 * not end. */
static bool expr_ends(const struct p_expr *e, uint8_t *seen, unsigned depth)
{
	bool ok = depth < EXPR_DEPTH_MAX;

	for (uint32_t i = 0; i < e->nkids && ok; i++)
		ok = expr_ends(e->kids[i], seen, depth + 1);
	if (e->kind != PE_ACL || !ok)
		return ok;
	if (seen[e->acl->index])
		return seen[e->acl->index] == 2;
	seen[e->acl->index] = 1;
	ok = expr_ends(e->acl->expr, seen, depth + 1);
	seen[e->acl->index] = 2;
	return ok;
}

static const char *subject_fault(const struct p_subject *s)
{
	bool counter = s->id == SUBJ_RATE || s->id == SUBJ_CONC || s->id == SUBJ_QUEUED;

	return counter != (s->section && s->section->kind == SEC_CHECKPOINT)
		       ? "a counter without checkpoint, or another subject's"
		       : NULL;
}

/* Checkpoints hold no rules and stand behind all other sections, where nothing else names them. */
static const char *section_fault(const struct program *p, uint32_t i)
{
	const struct p_section *s = p->sections[i];
	const struct p_section *named[] = { s->filters, s->servers_of, s->default_backend };
	bool apart = s->kind == SEC_CHECKPOINT;

	if (!s->filters || !s->servers_of || !place_known(p, s->place))
		return "a section without rules, servers or place";
	for (size_t k = 0; k < 3; k++)
		if (named[k] && (named[k]->kind == SEC_CHECKPOINT) != apart)
			return "a checkpoint in the place of a section";
	for (uint32_t k = 0; k < s->nservers; k++)
		if (apart || (s->servers[k].pass && s->servers[k].pass->kind != SEC_CHECKPOINT))
			return "a checkpoint with servers, or a server's that is none";
	for (int dir = 0; dir < RULE_DIRS; dir++)
		if (apart && s->chains[dir].n)
			return "a checkpoint with rules";
	return i && !apart && p->sections[i - 1]->kind == SEC_CHECKPOINT
		       ? "a checkpoint before another section"
		       : NULL;
}

static const char *program_fault(struct arena *a, const struct program *p)
{
	uint8_t *seen = arena_get(a, p->nacls + 1);
	const char *why = NULL;

	for (uint32_t i = 0; i < p->nrules && !why; i++)
		why = rule_fault(p, p->rules[i]);
	for (uint32_t i = 0; i < p->nacls && !why; i++)
		if (!expr_ends(p->acls[i]->expr, seen, 0))
			why = "an acl that contains itself, or conditions nested too deep";
	for (uint32_t i = 0; i < p->nacls && !why; i++)
		if (!tests_fit(p->acls[i]->expr))
			why = "an acl whose values do not fit";
	for (uint32_t i = 0; i < p->nmaps && !why; i++)
		if (!keys_fit(p->maps[i]))
			why = "a map whose keys do not fit";
	for (uint32_t i = 0; i < p->nasserts && !why; i++)
		if (!place_known(p, p->asserts[i].place) || !p->asserts[i].cond ||
		    (p->asserts[i].outcome == ACT_SETBE && !p->asserts[i].target) ||
		    !tests_fit(p->asserts[i].cond))
			why = "an assert without condition, target or place";
	for (uint32_t i = 0; i < p->nsections && !why; i++)
		why = section_fault(p, i);
	for (uint32_t i = 0; i < p->nsubjects && !why; i++)
		why = subject_fault(p->subjects[i]);
	return why;
}

struct program *program_read(struct arena *a, struct str text, struct str *why)
{
	struct program *p = ARENA_NEW(a, struct program);
	const char *fault = NULL;
	struct pio io;

	p->arena = a;
	io_open(&io, a, text);
	form_program(&io, p);
	if (!io_failed(&io))
		fault = program_fault(a, p);
	*why = fault ? arena_printf(a, "the rule program has %s", fault) : io.why;
	return why->n ? NULL : p;
}
