/* SPDX-License-Identifier: Apache-2.0 */
/* lower_cond: conditions to p_expr. Acls stay references; each is lowered once for each side that
 * uses it, because h(x) in a response rule is the response's. */
#include "lower_part.h"
#include "source.h"

static struct p_expr *new_expr(struct model *m, enum p_expr_kind kind)
{
	struct p_expr *e = ARENA_NEW(m->arena, struct p_expr);

	e->kind = kind;
	return e;
}

struct p_expr *expr_true(struct model *m)
{
	return new_expr(m, PE_TRUE);
}

struct p_expr *expr_test(struct model *m, struct p_test *t)
{
	struct p_expr *e = new_expr(m, PE_TEST);

	e->test = t;
	return e;
}

struct p_expr *expr_join(struct model *m, enum p_expr_kind kind, struct p_expr **kids, uint32_t n)
{
	struct p_expr *e;

	if (n == 1)
		return kids[0];
	e = new_expr(m, kind);
	e->nkids = n;
	e->kids = ARENA_ARRAY(m->arena, struct p_expr *, n);
	memcpy(e->kids, kids, n * sizeof(*kids));
	return e;
}

struct p_expr *expr_not(struct model *m, struct p_expr *kid)
{
	struct p_expr *e;

	if (kid->kind == PE_TRUE || kid->kind == PE_FALSE)
		return new_expr(m, kid->kind == PE_TRUE ? PE_FALSE : PE_TRUE);
	e = new_expr(m, PE_NOT);
	e->nkids = 1;
	e->kids = ARENA_NEW(m->arena, struct p_expr *);
	e->kids[0] = kid;
	return e;
}

static struct acl *find_acl(const struct use *u, struct str name)
{
	struct acl *acl = NULL;

	for (const struct scope *s = u->scope; s && !acl; s = s->outer)
		acl = symbol_get(&s->acls, name);
	return acl;
}

static void unknown_acl(struct use *u, struct str name, struct at at)
{
	struct vec names = { 0 };
	struct str *list;
	size_t n = 0;

	diag(E003, at, STR_ARG(name));
	if (str_starts(name, S("${"))) {
		diag_hint("a param is a text: req in setvar NAME \"%.*s\", then "
			  "on (var(NAME) == VALUE)",
			  STR_ARG(name));
		return;
	}
	if (!model_hints())
		return;
	for (const struct scope *s = u->scope; s; s = s->outer)
		for (size_t i = 0; i < s->acls.n; i++)
			vec_push(u->m->arena, &names, s->acls.all[i]);
	list = ARENA_ARRAY(u->m->arena, struct str, names.n + 1);
	for (; n < names.n; n++)
		list[n] = ((const struct symbol *)names.p[n])->name;
	list[n++] = S("all");
	model_suggest_words(name, list, n);
}

/* All definitions of <acl>, joined by OR. */
static struct p_expr *lower_defs(struct use *u, const struct acl *acl)
{
	struct p_expr **kids = ARENA_ARRAY(u->m->arena, struct p_expr *, acl->defs.n);
	bool good = true;

	for (size_t i = 0; i < acl->defs.n; i++) {
		const struct ast_acl *def = acl->defs.p[i];

		if (def->test) {
			struct p_test *t = lower_test(u, def->test);

			kids[i] = t ? expr_test(u->m, t) : NULL;
		} else {
			kids[i] =
				def->expr ? lower_cond(u, def->expr) : NULL; /* neither: reported */
		}
		good = good && kids[i];
	}
	return good ? expr_join(u->m, PE_OR, kids, (uint32_t)acl->defs.n) : NULL;
}

/* <acl> as one side reads it, made when first used; NULL when it has an error. */
static struct p_acl *acl_of_side(struct model *m, struct acl *acl, bool response)
{
	struct use u = { .m = m, .scope = acl->scope, .where = response ? W_RSP : W_REQ };
	struct p_expr *expr;
	struct p_acl *out;

	if (acl->done[response])
		return acl->side[response];
	u.avail = u.where;
	acl->busy = true;
	m->depth++;
	expr = lower_defs(&u, acl);
	m->depth--;
	acl->busy = false;
	acl->done[response] = true;
	acl->avail[response] = u.avail;
	if (!expr)
		return NULL;
	out = ARENA_NEW(m->arena, struct p_acl);
	out->index = (uint32_t)m->acls.n;
	out->place = place_of(acl->at);
	out->name = acl->name;
	out->section = acl->scope->owner ? acl->scope->owner->out : NULL;
	out->response = response;
	out->expr = expr;
	vec_push(m->arena, &m->acls, out);
	acl->side[response] = out;
	return out;
}

static void wrong_place(struct use *u, const struct acl *acl, struct at at)
{
	const char *what = arena_printf(u->m->arena, "acl '%.*s'", STR_ARG(acl->name)).p;

	if (u->where == W_TCP)
		diag(E015, at, what, "tcp");
	else
		diag(E002, at, what, where_name(u->where));
	diag_note(acl->at, "it reads what does not exist there");
}

static struct p_expr *lower_name(struct use *u, const struct ast_expr *e)
{
	struct acl *acl;
	struct p_acl *side;
	struct p_expr *out;
	bool response = u->where & W_RSP;

	if (str_eq(e->name, S("all")))
		return expr_true(u->m);
	acl = find_acl(u, e->name);
	if (!acl) {
		unknown_acl(u, e->name, e->at);
		return NULL;
	}
	acl->used = true;
	if (acl->busy || u->m->depth >= MODEL_DEPTH_MAX) {
		if (acl->busy)
			diag(E063, acl->at, "acls", STR_ARG(acl->name));
		else
			diag(E068, acl->at, STR_ARG(acl->name),
			     "too many acls above it (100 may nest)");
		diag_note(e->at, "named here");
		return NULL;
	}
	side = acl_of_side(u->m, acl, response);
	if (!side)
		return NULL;
	if (!(u->avail & acl->avail[response])) {
		wrong_place(u, acl, e->at);
		return NULL;
	}
	u->avail &= acl->avail[response];
	out = new_expr(u->m, PE_ACL);
	out->acl = side;
	return out;
}

static struct p_expr *lower_group(struct use *u, const struct ast_expr *e)
{
	struct vec kids = { 0 };
	bool good = true;

	for (const struct ast_expr *k = e->kids; k; k = k->next) {
		struct p_expr *kid = lower_cond(u, k);

		good = good && kid;
		vec_push(u->m->arena, &kids, kid);
	}
	if (!good)
		return NULL;
	return expr_join(u->m, e->kind == EXPR_AND ? PE_AND : PE_OR,
			 (struct p_expr **)(void *)kids.p, (uint32_t)kids.n);
}

struct p_expr *lower_cond(struct use *u, const struct ast_expr *e)
{
	struct p_expr *kid;
	struct p_test *t;

	switch (e->kind) {
	case EXPR_NAME:
		return lower_name(u, e);
	case EXPR_TEST:
		t = lower_test(u, e->test);
		return t ? expr_test(u->m, t) : NULL;
	case EXPR_NOT:
		kid = lower_cond(u, e->kids);
		return kid ? expr_not(u->m, kid) : NULL;
	default:
		return lower_group(u, e);
	}
}

static void lower_unused(struct model *m, struct acl *acl)
{
	struct use u = {
		.m = m, .scope = acl->scope, .where = W_REQ | W_RSP, .avail = W_REQ | W_RSP
	};

	if (acl->done[0] || acl->done[1])
		return;
	acl->busy = true;
	lower_defs(&u, acl);
	acl->busy = false;
	acl->done[0] = acl->done[1] = true;
}

void lower_unused_acls(struct model *m)
{
	for (size_t i = 0; i < m->scopes.n; i++) {
		const struct scope *s = m->scopes.p[i];

		for (size_t k = 0; k < s->acls.n; k++)
			lower_unused(m, s->acls.all[k]->object);
	}
	if (diag_errors())
		return; /* what could not be read may name them */
	for (size_t i = 0; i < m->scopes.n; i++) {
		const struct scope *s = m->scopes.p[i];

		for (size_t k = 0; k < s->acls.n; k++) {
			const struct acl *acl = s->acls.all[k]->object;

			if (!acl->used && !source_is_library(acl->at.file))
				diag(W201, acl->at, STR_ARG(acl->name));
		}
	}
}
