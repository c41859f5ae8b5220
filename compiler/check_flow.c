/* SPDX-License-Identifier: Apache-2.0 */
/* check_flow: requires lowered rules. Reports jump cycles, captures and variables that nothing
 * writes, sections that nothing uses and sections that get requests but cannot answer: only what is
 * certain without proofs. */
#include "model.h"
#include "source.h"

struct frame {
	struct entity *e;
	size_t next; /* jump to follow next */
};

/* The path from where <to> stands on the stack, and back to it. */
static void report_cycle(struct model *m, const struct frame *stack, size_t depth,
			 const struct entity *to, struct at at)
{
	struct textbuf b = { 0 };
	size_t i = depth;

	while (i && stack[i - 1].e != to)
		i--;
	for (i = i ? i - 1 : 0; i < depth; i++) {
		textbuf_put(m->arena, &b, stack[i].e->name);
		textbuf_put(m->arena, &b, S(" -> "));
	}
	textbuf_put(m->arena, &b, to->name);
	diag(E010, at, STR_ARG(textbuf_str(&b)));
}

/* Depth first from <start>; state 1: on the stack, 2: done. */
static void walk(struct model *m, struct frame *stack, struct entity *start, int side)
{
	size_t depth = 1;

	stack[0] = (struct frame) { .e = start };
	start->state = 1;
	while (depth) {
		struct frame *top = &stack[depth - 1];
		const struct vec *jumps = &top->e->filters->jumps[side];
		const struct jump *j;

		if (top->next == jumps->n) {
			top->e->state = 2;
			depth--;
			continue;
		}
		j = jumps->p[top->next++];
		if (j->to->state == 1) {
			report_cycle(m, stack, depth, j->to, j->at);
		} else if (j->to->state == 0) {
			j->to->state = 1;
			stack[depth++] = (struct frame) { .e = j->to };
		}
	}
}

static void check_jumps(struct model *m, int side)
{
	struct frame *stack = ARENA_ARRAY(m->arena, struct frame, m->entities.n + 1);

	for (size_t i = 0; i < m->entities.n; i++)
		((struct entity *)m->entities.p[i])->state = 0;
	for (size_t i = 0; i < m->entities.n; i++) {
		struct entity *e = m->entities.p[i];

		if (e->state == 0)
			walk(m, stack, e, side);
	}
}

static void suggest_written(struct model *m, const struct symbols *slots, struct str name)
{
	struct symbols written = { 0 };

	for (size_t i = 0; i < slots->n && model_hints(); i++)
		if (((const struct slot *)slots->all[i]->object)->written)
			symbol_put(m->arena, &written, slots->all[i]->name, slots->all[i]->object);
	model_suggest(m, &written, name);
}

static void check_slots(struct model *m, const struct symbols *slots, const struct symbols *other,
			const char *what)
{
	for (size_t i = 0; i < slots->n; i++) {
		const struct slot *s = slots->all[i]->object;
		const struct slot *o = other ? symbol_get(other, s->name) : NULL;

		if (s->written)
			continue;
		diag(E065, s->first, what, STR_ARG(s->name));
		if (o && o->written)
			diag_note(o->first,
				  "captures of responses are kept apart from those of requests");
		else
			suggest_written(m, slots, s->name);
	}
}

static bool answers(const struct p_chain *chain)
{
	for (uint32_t i = 0; i < chain->n; i++)
		for (uint32_t k = 0; k < chain->rules[i]->nactions; k++) {
			enum action_id id = chain->rules[i]->actions[k].id;

			if (id == ACT_DENY || id == ACT_REDIR || id == ACT_RESPOND ||
			    id == ACT_DROP)
				return true;
		}
	return false;
}

static bool chooses(const struct p_chain *chain)
{
	for (uint32_t i = 0; i < chain->n; i++)
		for (uint32_t k = 0; k < chain->rules[i]->nactions; k++) {
			enum action_id id = chain->rules[i]->actions[k].id;

			if (id == ACT_SWITCH || id == ACT_SETBE || id == ACT_URIREMAP ||
			    id == ACT_ALLOW)
				return true;
		}
	return false;
}

static bool can_serve(const struct entity *e)
{
	const struct p_section *s = e->out;

	return e->broken || e->servers_of->opts[OPT_SERVER].n || s->dispatch.kind != ADDR_NONE ||
	       s->settings[OPT_TRANSPARENT].set || s->settings[OPT_PROXY].set ||
	       answers(&s->chains[DIR_REQ_IN]) || answers(&s->chains[DIR_REQ_OUT]);
}

static bool receives(const struct entity *e)
{
	return e->opts[OPT_BIND].n || (e->kind == SEC_LISTEN && e->ast->args);
}

/* Every request that <e> receives goes to the backend that this returns; NULL when rules decide. */
static const struct entity *certain_backend(const struct entity *e)
{
	const struct entity *by = e->filters->default_backend;

	if (!receives(e) || chooses(&e->out->chains[DIR_REQ_IN]) ||
	    answers(&e->out->chains[DIR_REQ_IN]))
		return NULL;
	return by ? by : e->kind == SEC_LISTEN ? e : NULL;
}

static void check_servers(struct model *m)
{
	for (size_t i = 0; i < m->entities.n; i++) {
		const struct entity *e = certain_backend(m->entities.p[i]);

		if (e && !can_serve(e))
			diag(E061, e->ast->name_at, kind_name(e->kind), STR_ARG(e->name));
		e = m->entities.p[i];
		if (e->kind == SEC_BACKEND && e->used && !can_serve(e))
			((struct entity *)m->entities.p[i])->state = 3;
	}
	for (size_t i = 0; i < m->entities.n; i++) {
		const struct entity *e = m->entities.p[i], *sure = certain_backend(e);

		if (sure)
			((struct entity *)(uintptr_t)sure)->state = 4; /* reported above */
	}
	for (size_t i = 0; i < m->entities.n; i++) {
		const struct entity *e = m->entities.p[i];

		if (e->state == 3)
			diag(W205, e->ast->name_at, kind_name(e->kind), STR_ARG(e->name));
	}
}

static void check_used(const struct entity *e)
{
	if (!e->used && !receives(e) && !source_is_library(e->ast->name_at.file))
		diag(W202, e->ast->name_at, kind_name(e->kind), STR_ARG(e->name));
}

void check_flow(struct model *m)
{
	check_jumps(m, 0);
	check_jumps(m, 1);
	check_slots(m, &m->vars, NULL, "variable");
	check_slots(m, &m->captures[0], &m->captures[1], "capture");
	check_slots(m, &m->captures[1], &m->captures[0], "capture");
	if (diag_errors())
		return; /* what could not be read may be what is missed here */
	check_servers(m);
	for (size_t i = 0; i < m->entities.n; i++)
		check_used(m->entities.p[i]);
	for (size_t i = 0; i < m->checkpoints.n; i++)
		check_used(m->checkpoints.all[i]->object);
}
