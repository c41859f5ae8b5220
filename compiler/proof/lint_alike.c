/* SPDX-License-Identifier: Apache-2.0 */
/* Acls that mean the same: W109. */
#include "lint.h"

#include <stdlib.h>

#define NEIGHBOURS_MAX 64 /* acls about the same fields that one is compared with */
#define PAIRS_MAX 20000 /* pairs that are compared by a search in one run */

struct meaning {
	const struct p_acl *acl;
	struct dnf is, not ;
	struct str key; /* of the fields that it looks at */
};

struct comparing {
	struct lint *l;
	unsigned pairs;
	struct symbols lists; /* by key: struct vec of struct meaning */
	struct symbols texts; /* by the literals: struct meaning */
};

static int by_number(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return a < b ? -1 : a > b;
}

static struct str fields_key(struct proof *g, const struct dnf *d)
{
	uint32_t *at, n = 0, kept = 0;

	for (uint32_t i = 0; i < d->n; i++)
		n += d->at[i].n;
	at = ARENA_ARRAY(g->a, uint32_t, n + 1);
	n = 0;
	for (uint32_t i = 0; i < d->n; i++)
		for (uint32_t k = 0; k < d->at[i].n; k++)
			at[n++] = atom_at(g, d->at[i].lits[k])->field->index;
	qsort(at, n, sizeof(*at), by_number);
	for (uint32_t i = 0; i < n; i++)
		if (!kept || at[kept - 1] != at[i])
			at[kept++] = at[i];
	return str_of((const char *)at, kept * sizeof(*at));
}

/* Is it certain that nothing satisfies both? */
static bool never_both(struct proof *g, struct dnf x, struct dnf y)
{
	struct scene sc = { 0 };
	struct search q;
	enum answer got;

	if (!scene_needs(g, &sc, x) || !scene_needs(g, &sc, y))
		return true;
	got = search_run(&q, g, &sc);
	search_end(&q);
	return got == ANSWER_NO;
}

/* Could one stand for the other wherever it is used? */
static bool in_sight(const struct p_acl *x, const struct p_acl *y)
{
	return (x->section == y->section || !x->section || !y->section) &&
	       x->response == y->response && !str_eq(x->name, y->name);
}

/* Names equal conditions; conditions that mean the same may have other names. */
static struct str literals_key(struct proof *g, const struct meaning *m)
{
	struct textbuf b = { 0 };

	for (uint32_t i = 0; i < m->is.n; i++) {
		const struct conj *c = &m->is.at[i];

		textbuf_put(g->a, &b, str_of((const char *)&c->n, sizeof(c->n)));
		textbuf_put(g->a, &b, str_of((const char *)c->lits, c->n * sizeof(*c->lits)));
	}
	return textbuf_str(&b);
}

static bool alike(struct comparing *k, const struct meaning *x, const struct meaning *y)
{
	struct proof *g = k->l->g;

	return in_sight(x->acl, y->acl) && ++k->pairs <= PAIRS_MAX &&
	       never_both(g, x->is, y->not ) && never_both(g, y->is, x->not );
}

static bool means_little(struct lint *l, const struct meaning *m)
{
	return m->acl->expr->kind == PE_ACL || lint_skips(m->acl->place) || dnf_is_true(m->is) ||
	       proof_never(l->g, m->is) || proof_never(l->g, m->not );
}

/* An earlier acl of the same meaning, or NULL. */
static const struct meaning *found_before(struct comparing *k, const struct meaning *m,
					  const struct vec *list)
{
	const struct meaning *same = symbol_get(&k->texts, literals_key(k->l->g, m));

	if (same && in_sight(same->acl, m->acl))
		return same;
	for (size_t i = list->n, n = 0; i-- > 0 && n < NEIGHBOURS_MAX; n++)
		if (alike(k, m, list->p[i]))
			return list->p[i];
	return NULL;
}

static void check_acl(struct comparing *k, struct meaning *m)
{
	struct arena *a = k->l->g->a;
	struct vec *list;
	const struct meaning *before;

	m->key = fields_key(k->l->g, &m->is);
	list = symbol_get(&k->lists, m->key);
	if (!list) {
		list = ARENA_NEW(a, struct vec);
		symbol_put(a, &k->lists, m->key, list);
	}
	before = found_before(k, m, list);
	if (before) {
		diag(W109, lint_at(m->acl->place), STR_ARG(m->acl->name),
		     STR_ARG(before->acl->name));
		diag_note(lint_at(before->acl->place), "the other one");
	}
	vec_push(a, list, m);
	symbol_put(a, &k->texts, literals_key(k->l->g, m), m);
}

void prove_alike(struct lint *l)
{
	struct meaning *all = ARENA_ARRAY(l->g->a, struct meaning, l->p->nacls + 1);
	struct comparing k = { .l = l };

	for (uint32_t i = 0; i < l->p->nacls; i++) {
		struct meaning *m = &all[i];

		m->acl = l->p->acls[i];
		m->is = state_condition(l->g, m->acl->expr, &state_any, m->acl->response, false);
		m->not = state_condition(l->g, m->acl->expr, &state_any, m->acl->response, true);
		if (!means_little(l, m))
			check_acl(&k, m);
	}
}
