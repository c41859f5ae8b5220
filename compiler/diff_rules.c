/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists of rules: the k-th rule of a content is the k-th of that content in the other list;
 * of those that are in both, the
 * longest increasing subsequence has stayed, the rest has moved; what is left between two that
 * stayed, side by side, has changed. */
#include "diff.h"
#include "program_form.h"
#include "show.h"

#define NONE UINT32_MAX

struct side {
	const struct p_chain *chain;
	struct str *content;
	uint32_t *mate; /* index in the other list, or NONE */
	bool *stays;
};

/* The rule without places: all that its behaviour depends on but the bodies of what it names. */
static struct str content_of(struct diff *d, const struct p_rule *r)
{
	struct show_buffer b;
	struct pio io = { 0 };

	show_open(&b);
	io.out = b.out;
	form_rule(&io, (struct p_rule *)r); /* writing changes nothing in it */
	return show_close(&b, d->a);
}

static void side_open(struct diff *d, struct side *s, const struct p_chain *c)
{
	s->chain = c;
	s->content = ARENA_ARRAY(d->a, struct str, c->n + 1);
	s->mate = ARENA_ARRAY(d->a, uint32_t, c->n + 1);
	s->stays = ARENA_ARRAY(d->a, bool, c->n + 1);
	for (uint32_t i = 0; i < c->n; i++) {
		s->content[i] = content_of(d, c->rules[i]);
		s->mate[i] = NONE;
	}
}

static size_t hash_of(struct str s)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

/* Pairs equal contents in order. Buckets are chains of old indexes, each chain in list order. */
static void pair(struct diff *d, struct side *old, struct side *new)
{
	uint32_t n = old->chain->n, size = 16, *first, *next;

	while (size < 2 * n)
		size *= 2;
	first = ARENA_ARRAY(d->a, uint32_t, size);
	next = ARENA_ARRAY(d->a, uint32_t, n + 1);
	memset(first, 0xff, size * sizeof(*first));
	for (uint32_t i = n; i-- > 0;) {
		size_t h = hash_of(old->content[i]) & (size - 1);

		next[i] = first[h];
		first[h] = i;
	}
	for (uint32_t k = 0; k < new->chain->n; k++) {
		uint32_t *at = &first[hash_of(new->content[k]) & (size - 1)];

		while (*at != NONE && !str_eq(old->content[*at], new->content[k]))
			at = &next[*at];
		if (*at == NONE)
			continue;
		new->mate[k] = *at;
		old->mate[*at] = k;
		*at = next[*at]; /* taken out: the next of this content is the next one's */
	}
}

/* Marks the longest increasing subsequence of new->mate (patience sorting, n log n). */
static void mark_stays(struct diff *d, struct side *old, struct side *new)
{
	uint32_t n = new->chain->n, len = 0, *tail = ARENA_ARRAY(d->a, uint32_t, n + 1),
		 *before = ARENA_ARRAY(d->a, uint32_t, n + 1);

	for (uint32_t k = 0; k < n; k++) {
		uint32_t lo = 0, hi = len;

		if (new->mate[k] == NONE)
			continue;
		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;

			if (new->mate[tail[mid]] < new->mate[k])
				lo = mid + 1;
			else
				hi = mid;
		}
		before[k] = lo ? tail[lo - 1] : NONE;
		tail[lo] = k;
		len += lo == len;
	}
	for (uint32_t k = len ? tail[len - 1] : NONE; k != NONE; k = before[k])
		new->stays[k] = old->stays[new->mate[k]] = true;
}

static struct str shown(struct diff *d, const struct p_rule *r)
{
	struct show_buffer b;

	if (!r)
		return str_of("", 0);
	show_open(&b);
	show_rule(b.out, r);
	return show_close(&b, d->a);
}

static void rule_item(struct diff *d, struct str section, enum diff_change change,
		      const struct p_rule *old, const struct p_rule *new)
{
	struct diff_item item = { .change = change, .kind = "rule", .section = section };

	item.dir = show_dir(new ? new->dir : old->dir);
	item.old = shown(d, old);
	item.new = shown(d, new);
	if (old)
		item.old_at = old->place;
	if (new)
		item.new_at = new->place;
	diff_add(d, item);
}

/* Worth showing as one that has changed: it still does the same kind of thing, or under the same
 * condition. */
static bool alike(struct diff *d, const struct p_rule *old, const struct p_rule *new)
{
	struct show_buffer x, y;

	if (old->nactions && new->nactions && old->actions[0].id == new->actions[0].id)
		return true;
	if (old->cond->kind == PE_TRUE)
		return false;
	show_open(&x);
	show_open(&y);
	show_expr(x.out, old->cond);
	show_expr(y.out, new->cond);
	return str_eq(show_close(&x, d->a), show_close(&y, d->a));
}

void diff_chain(struct diff *d, struct str section, const struct p_chain *oc,
		const struct p_chain *nc)
{
	struct side old, new;
	uint32_t i = 0, k = 0;

	side_open(d, &old, oc);
	side_open(d, &new, nc);
	pair(d, &old, &new);
	mark_stays(d, &old, &new);
	while (i < oc->n || k < nc->n) {
		bool gone = i < oc->n && old.mate[i] == NONE,
		     came = k < nc->n && new.mate[k] == NONE;

		if (gone && came && alike(d, oc->rules[i], nc->rules[k]))
			rule_item(d, section, DIFF_CHANGED, oc->rules[i++], nc->rules[k++]);
		else if (k < nc->n && new.mate[k] != NONE && !new.stays[k])
			rule_item(d, section, DIFF_MOVED, oc->rules[new.mate[k]], nc->rules[k]),
				k++;
		else if (i < oc->n && !gone && !old.stays[i])
			i++; /* has moved: told where it is now */
		else if (gone)
			rule_item(d, section, DIFF_REMOVED, oc->rules[i++], NULL);
		else if (came)
			rule_item(d, section, DIFF_ADDED, NULL, nc->rules[k++]);
		else
			i++, k++;
	}
}
