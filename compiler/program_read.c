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
	if ((a->id == ACT_REP || a->id == ACT_DELETE || a->id == ACT_REWRITE ||
	     a->id == ACT_REQLINE || a->id == ACT_STSLINE) &&
	    !a->regex)
		return "an edit without regex";
	return place_known(p, a->place) ? NULL : "a place in a file that does not exist";
}

static const char *rule_fault(const struct program *p, const struct p_rule *r)
{
	const char *why = place_known(p, r->place) ? NULL : "a place in a file that does not exist";

	for (uint32_t i = 0; i < r->nactions && !why; i++)
		why = action_fault(p, &r->actions[i]);
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

static const char *program_fault(struct arena *a, const struct program *p)
{
	uint8_t *seen = arena_get(a, p->nacls + 1);
	const char *why = NULL;

	for (uint32_t i = 0; i < p->nrules && !why; i++)
		why = rule_fault(p, p->rules[i]);
	for (uint32_t i = 0; i < p->nacls && !why; i++)
		if (!expr_ends(p->acls[i]->expr, seen, 0))
			why = "an acl that contains itself, or conditions nested too deep";
	for (uint32_t i = 0; i < p->nasserts && !why; i++)
		if (!place_known(p, p->asserts[i].place) || !p->asserts[i].cond ||
		    (p->asserts[i].outcome == ACT_SETBE && !p->asserts[i].target))
			why = "an assert without condition, target or place";
	for (uint32_t i = 0; i < p->nsections && !why; i++)
		if (!p->sections[i]->filters || !p->sections[i]->servers_of ||
		    !place_known(p, p->sections[i]->place))
			why = "a section without rules, servers or place";
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
