/* SPDX-License-Identifier: Apache-2.0 */
/* lower_rule: requires names, options and links. Leaves every rule lowered and the chains of each
 * section filled. */
#include "lower_part.h"

#include "option.h"

static const unsigned dirs[RULE_DIRS] = {
	[DIR_CONN_IN] = W_CONN,    [DIR_SESS_IN] = W_SESS,  [DIR_REQ_IN] = W_REQ_IN,
	[DIR_REQ_OUT] = W_REQ_OUT, [DIR_RSP_IN] = W_RSP_IN, [DIR_RSP_OUT] = W_RSP_OUT,
};

/* The capability matrix of language.md 2: rule lists that each kind of section has. */
static const unsigned capabilities[] = {
	[SEC_LISTEN] = W_CONN | W_SESS | W_REQ_IN | W_REQ_OUT | W_RSP,
	[SEC_FRONTEND] = W_CONN | W_SESS | W_REQ_IN | W_RSP_OUT,
	[SEC_REQRULES] = W_REQ_IN,
	[SEC_BACKEND] = W_REQ_IN | W_REQ_OUT | W_RSP,
	[SEC_RSPRULES] = W_RSP,
};

static const char *owners(unsigned list)
{
	switch (list) {
	case W_CONN:
	case W_SESS:
		return "listen and frontend have it";
	case W_REQ_IN:
		return "listen, frontend, reqrules and backend have it";
	case W_REQ_OUT:
		return "listen and backend have it";
	case W_RSP_IN:
		return "listen, backend and rsprules have it";
	default:
		return "listen, frontend, backend and rsprules have it";
	}
}

static bool check_list(const struct model *m, const struct entity *e, unsigned list, struct at at)
{
	if (capabilities[e->kind] & list)
		return true;
	diag(E002, at, arena_printf(m->arena, "'%s'", where_name(list)).p, kind_article(e->kind));
	diag_note((struct at) { 0 }, "%s", owners(list));
	return false;
}

/* The W_* bit of <rule>, or 0 after a report. */
static unsigned place_of_rule(const struct model *m, const struct entity *e,
			      const struct ast_rule *rule)
{
	unsigned list = dirs[rule->dir];
	enum p_mode mode = e->kind == SEC_BACKEND ? e->out->back_mode : e->out->front_mode;

	if (!check_list(m, e, list, rule->at))
		return 0;
	if (mode == MODE_HTTP || list == W_CONN || list == W_SESS)
		return list;
	if (list == W_REQ_IN)
		return W_TCP;
	diag(E015, rule->at, arena_printf(m->arena, "'%s'", where_name(list)).p, "tcp");
	return 0;
}

/* The test gives \0-\9 when it is =~ with one value, not negated. */
static void set_groups(struct lower_rule *r)
{
	const struct p_test *t = r->test;

	if (t && t->op == OP_RE && !t->negated && !r->ast->test_not && t->nvalues == 1)
		r->line_groups = t->values[0].regex;
}

/* Inline test AND condition. */
static struct p_expr *lower_condition(struct lower_rule *r)
{
	struct p_expr *kids[2], *e;
	uint32_t n = 0;
	bool good = true;

	if (r->ast->test) {
		r->test = lower_test(&r->use, r->ast->test);
		good = r->test != NULL;
		if (good) {
			e = expr_test(r->use.m, r->test);
			kids[n++] = r->ast->test_not ? expr_not(r->use.m, e) : e;
		}
	}
	if (r->ast->cond) {
		e = lower_cond(&r->use, r->ast->cond);
		good = good && e;
		if (e) {
			e = r->ast->unless ? expr_not(r->use.m, e) : e;
			if (e->kind != PE_TRUE)
				kids[n++] = e;
		}
	}
	if (!good)
		return NULL;
	return n ? expr_join(r->use.m, PE_AND, kids, n) : expr_true(r->use.m);
}

/* Does <a> end the list for every message that runs it? A computed switch may do nothing; one in a
 * response comes back. */
static bool ends_list(const struct p_action *a, unsigned where)
{
	switch (a->id) {
	case ACT_ALLOW:
	case ACT_DENY:
	case ACT_DROP:
	case ACT_REDIR:
	case ACT_RESPOND:
		return true;
	case ACT_SWITCH:
		return !a->map && !(where & W_RSP);
	default:
		return false;
	}
}

static bool is_choice(const struct p_action *a)
{
	return a->id == ACT_SETBE || a->id == ACT_URIREMAP ||
	       (a->id == ACT_SWITCH && a->target &&
		(a->target->kind == SEC_BACKEND || a->target->kind == SEC_LISTEN));
}

/* W105 and W119, and what they need to know of this rule. */
static void check_order(struct entity *e, const struct lower_rule *r)
{
	enum rule_dir dir = r->ast->dir;
	bool always = r->out->cond->kind == PE_TRUE, ended = false;
	const struct ast_action *ast = r->ast->actions;

	if (e->ended[dir].line && !e->told[dir]) {
		diag(W105, r->ast->at);
		diag_note(e->ended[dir], "this rule ends the list for every message");
		e->told[dir] = true;
	}
	for (uint32_t i = 0; i < r->out->nactions; i++) {
		const struct p_action *a = &r->out->actions[i];

		if (is_choice(a) && e->chosen.line && !(r->use.where & W_RSP)) {
			diag(W119, ast ? ast->at : r->ast->at);
			diag_note(e->chosen, "the choice that holds");
		}
		if (ended && ast)
			diag(W105, ast->at);
		if (always && a->id == ACT_SETBE && !a->map && !e->chosen.line)
			e->chosen = ast ? ast->at : r->ast->at;
		ended = ended || (a->id != ACT_SWITCH && ends_list(a, r->use.where));
		if (always && ends_list(a, r->use.where) && !e->ended[dir].line)
			e->ended[dir] = r->ast->at;
		if (ast)
			ast = ast->next;
	}
}

static void lower_rule(struct model *m, struct entity *e, const struct ast_rule *ast)
{
	struct lower_rule r = { .use = { .m = m, .scope = &e->scope }, .entity = e, .ast = ast };
	bool good;

	r.use.where = r.use.avail = place_of_rule(m, e, ast);
	if (!r.use.where)
		return;
	r.out = ARENA_NEW(m->arena, struct p_rule);
	r.out->place = place_of(ast->at);
	r.out->section = e->out;
	r.out->dir = ast->dir;
	r.out->cond = lower_condition(&r);
	good = r.out->cond != NULL;
	set_groups(&r);
	for (const struct ast_action *a = ast->actions; a; a = a->next)
		good = lower_action(&r, a) && good;
	if (!good)
		return;
	r.out->nactions = (uint32_t)r.actions.n;
	r.out->actions = ARENA_ARRAY(m->arena, struct p_action, r.actions.n);
	for (size_t i = 0; i < r.actions.n; i++)
		r.out->actions[i] = *(struct p_action *)r.actions.p[i];
	check_order(e, &r);
	vec_push(m->arena, &e->rules[ast->dir], r.out);
	if (e->filters != e) /* masked by use_filters_from: checked, but not in the program */
		return;
	r.out->index = (uint32_t)m->rules.n;
	vec_push(m->arena, &m->rules, r.out);
}

static bool chooses(const struct p_rule *rule)
{
	for (uint32_t i = 0; i < rule->nactions; i++)
		if (rule->actions[i].id == ACT_SETBE || rule->actions[i].id == ACT_URIREMAP ||
		    rule->actions[i].id == ACT_SWITCH)
			return true;
	return false;
}

/* Rules taken from another section must be such that <e> may have them. */
static bool check_taken(const struct model *m, const struct entity *e, enum rule_dir dir)
{
	const struct vec *rules = &e->filters->rules[dir];

	if (!rules->n)
		return true;
	if (!check_list(m, e, dirs[dir], e->filters_at))
		return false;
	if (e->kind != SEC_BACKEND || dir != DIR_REQ_IN)
		return true;
	for (size_t i = 0; i < rules->n; i++)
		if (chooses(rules->p[i])) {
			diag(E002, e->filters_at, "a section whose rules choose a backend",
			     kind_article(e->kind));
			return false;
		}
	return true;
}

static void fill_chains(struct model *m, struct entity *e)
{
	for (int dir = 0; dir < RULE_DIRS; dir++) {
		struct vec *rules = &e->filters->rules[dir];
		struct p_chain *chain = &e->out->chains[dir];

		if (e->filters != e && !check_taken(m, e, (enum rule_dir)dir))
			continue;
		chain->n = (uint32_t)rules->n;
		chain->rules = (struct p_rule **)(void *)rules->p;
	}
}

/* Names that rules write, before any rule reads one: a rule may stand before the one that captures.
 * */
static void declare_slots(struct model *m, const struct ast_rule *rule)
{
	bool response = dirs[rule->dir] & W_RSP;

	for (const struct ast_action *a = rule->actions; a; a = a->next) {
		const struct ast_value *name = NULL;
		struct symbols *t = &m->vars;

		if (str_eq(a->word, S("capture"))) {
			t = &m->captures[response];
			name = action_value(a, 2);
		} else if (str_eq(a->word, S("setvar"))) {
			name = action_value(a, 0);
		}
		if (name)
			model_slot(m, t, name->text, name->at)->written = true;
	}
}

void lower_rules(struct model *m)
{
	for (size_t i = 0; i < m->entities.n; i++) {
		struct entity *e = m->entities.p[i];

		for (const struct ast_stmt *s = e->ast->stmts; s; s = s->next)
			if (s->kind == STMT_RULE)
				declare_slots(m, s->rule);
	}
	for (size_t i = 0; i < m->entities.n; i++) {
		struct entity *e = m->entities.p[i];

		for (const struct ast_stmt *s = e->ast->stmts; s; s = s->next)
			if (s->kind == STMT_RULE)
				lower_rule(m, e, s->rule);
	}
	for (size_t i = 0; i < m->entities.n; i++)
		fill_chains(m, m->entities.p[i]);
}
