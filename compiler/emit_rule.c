/* SPDX-License-Identifier: Apache-2.0 */
/* emit_rule: conditions become a graph of tests with a way on for yes and one for no; acls are
 * expanded where they are used, negation swaps the two ways. Equal tails are one. */
#include "diag.h"
#include "emit_part.h"

#define STEPS_MAX ((uint64_t)1 << 24) /* tests of all conditions, acls expanded */

static uint32_t node(struct emit *e, uint32_t test, uint32_t yes, uint32_t no)
{
	struct ws_node row = { .test = test, .yes = yes, .no = no };

	return emit_put(e, EMIT_NODES, &row, 1);
}

/* Where evaluation of <x> begins, if it goes on to <yes> when it holds and to <no> when it does
 * not. */
static uint32_t cond(struct emit *e, const struct p_expr *x, uint32_t yes, uint32_t no)
{
	uint32_t at;

	if (e->steps++ > STEPS_MAX)
		return no;
	switch (x->kind) {
	case PE_TRUE:
		return yes;
	case PE_FALSE:
		return no;
	case PE_NOT:
		return cond(e, x->kids[0], no, yes);
	case PE_ACL:
		return cond(e, x->acl->expr, yes, no);
	case PE_AND:
		at = yes;
		for (uint32_t i = x->nkids; i > 0; i--)
			at = cond(e, x->kids[i - 1], at, no);
		return at;
	case PE_OR:
		at = no;
		for (uint32_t i = x->nkids; i > 0; i--)
			at = cond(e, x->kids[i - 1], yes, at);
		return at;
	case PE_TEST:
		break;
	}
	at = emit_test(e, x->test);
	return x->test->negated ? node(e, at, no, yes) : node(e, at, yes, no);
}

static void rule_cond(struct emit *e, const struct p_rule *r, struct ws_rule *row)
{
	struct at at = { .file = r->place.file, .line = r->place.line, .col = 1, .len = 1 };

	row->cond = cond(e, r->cond, WS_YES, WS_NO);
	row->capturing = r->capturing ? emit_test(e, r->capturing) : WS_NONE;
	if (r->capturing)
		emit_regex(e, r->capturing->values[0].regex, true);
	if (e->steps > STEPS_MAX && !e->bad) {
		diag(E068, at, STR_ARG(r->section->name),
		     "conditions of more than 16777216 tests once its acls are put in");
		e->bad = true;
	}
}

void emit_rules(struct emit *e)
{
	for (uint32_t i = 0; i < e->p->nrules && !e->bad; i++) {
		const struct p_rule *r = e->p->rules[i];
		struct ws_rule row = { .id = r->index };

		rule_cond(e, r, &row);
		row.actions = emit_actions(e, r);
		row.where = emit_place(e, r->place);
		emit_add(e, EMIT_RULES, &row, 1);
	}
}

struct ws_run emit_chain(struct emit *e, const struct p_chain *c)
{
	uint32_t *rows = ARENA_ARRAY(e->arena, uint32_t, c->n);

	for (uint32_t i = 0; i < c->n; i++)
		rows[i] = c->rules[i]->index;
	return (struct ws_run) { .first = emit_put(e, EMIT_CHAIN, rows, c->n), .n = c->n };
}
