/* SPDX-License-Identifier: Apache-2.0 */
#include "choice.h"

#define EXACT_KEYS 16 /* beyond, which key wins is left open */
#define KEYS_MAX 4096 /* beyond, keys are not looked at */

/* How much a key counts: the largest that matches wins, the first of equal ones. */
static size_t weight(const struct p_map *map, uint32_t i)
{
	const struct p_value *k = &map->keys[i];

	if (map->op == OP_RE)
		return map->n - i;
	return k->kind == VALUE_NET ? k->net.bits : k->text.n;
}

static bool beats(const struct p_map *map, uint32_t i, uint32_t k)
{
	return weight(map, i) > weight(map, k) || (weight(map, i) == weight(map, k) && i < k);
}

/* The text or address that the map is asked for, without the map; NULL: it is computed, or one of
 * several. */
static struct p_subject *plain(struct proof *g, const struct p_action *a)
{
	const struct p_subject *s = a->subject;
	struct p_subject *new;

	if (s->convs->next || s->convs->id != CONV_MAP || s->measure != MEASURE_NONE ||
	    (a->map->n && a->map->keys->kind == VALUE_INT))
		return NULL;
	new = ARENA_NEW(g->a, struct p_subject);
	*new = *s;
	new->convs = NULL;
	new->type = a->map->n && a->map->keys->kind == VALUE_NET ? TYPE_ADDR : TYPE_STR;
	return field_of(g, new, false)->many ? NULL : new;
}

struct asking {
	struct proof *g;
	const struct p_map *map;
	struct p_subject *subject;
	const struct write *before;
};

/* One of the <n> keys <at> matches, or, with <neg>, none does. */
static struct dnf any_key(const struct asking *k, const uint32_t *at, uint32_t n, bool neg)
{
	struct p_test *t = ARENA_NEW(k->g->a, struct p_test);

	if (n == 0)
		return neg ? dnf_true(k->g) : dnf_false();
	*t = (struct p_test) { .subject = k->subject, .op = k->map->op, .nvalues = n };
	t->values = ARENA_ARRAY(k->g->a, struct p_value, n);
	for (uint32_t i = 0; i < n; i++)
		t->values[i] = k->map->keys[at[i]];
	return state_test(k->g, t, k->before, false, neg);
}

/* Key <i> matches, and none that would win over it and names another section. */
static struct dnf key_wins(const struct asking *k, uint32_t i, uint32_t *at)
{
	uint32_t n = 0;

	for (uint32_t j = 0; j < k->map->n; j++)
		if (beats(k->map, j, i) && !str_eq(k->map->vals[j], k->map->vals[i]))
			at[n++] = j;
	return dnf_and(k->g, any_key(k, &i, 1, false), any_key(k, at, n, true));
}

static struct dnf by_map(struct proof *g, const struct crule *r, const struct p_action *a,
			 const struct p_section *to)
{
	struct asking k = { .g = g, .map = a->map, .before = r->before };
	uint32_t *at = ARENA_ARRAY(g->a, uint32_t, a->map->n + 1), n = 0;
	struct dnf d = dnf_false();
	const struct p_text *def = NULL;

	k.subject = plain(g, a);
	if (!k.subject || a->map->dynamic || a->map->n > KEYS_MAX)
		return dnf_true(g);
	def = a->subject->convs->text;
	for (uint32_t i = 0; i < a->map->n && a->map->n <= EXACT_KEYS; i++)
		if (str_eq(a->map->vals[i], to->name))
			d = dnf_or(g, d, key_wins(&k, i, at));
	for (uint32_t i = 0; i < a->map->n && a->map->n > EXACT_KEYS; i++)
		if (str_eq(a->map->vals[i], to->name))
			at[n++] = i;
	d = dnf_or(g, d, any_key(&k, at, n, false));
	if (!def || def->n != 1 || !str_eq(def->pieces[0].text, to->name))
		return d;
	for (n = 0; n < a->map->n; n++)
		at[n] = n;
	return dnf_or(g, d, any_key(&k, at, n, true));
}

struct dnf choice_needs(struct proof *g, const struct crule *r, const struct p_section *to)
{
	struct dnf d = dnf_false();

	for (uint32_t i = 0; i < r->rule->nactions; i++) {
		const struct p_action *a = &r->rule->actions[i];

		if ((a->id == ACT_SETBE || a->id == ACT_SWITCH) && !a->target)
			d = dnf_or(g, d,
				   a->map && a->subject && a->subject->convs ? by_map(g, r, a, to)
									     : dnf_true(g));
	}
	return d;
}
