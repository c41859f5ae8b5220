/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_replay.h"

/* Requests between two deciding rules. */
struct between {
	struct vec groups; /* struct replay_group */
	struct vec classes; /* struct compare_class, of those rules */
};

struct rules {
	const struct p_rule *old, *new;
};

static struct between *between_of(const struct diff_replay *d, const struct p_rule *old,
				  const struct p_rule *new)
{
	struct rules key = { old, new };

	return symbol_get(&d->groups, str_of((const char *)&key, sizeof(key)));
}

static void note_groups(struct diff_replay *d)
{
	struct arena *a = d->r.a;

	for (size_t i = 0; i < d->r.groups.n; i++) {
		struct replay_group *g = d->r.groups.all[i]->object;
		bool target = g->wrote[0] || g->wrote[1];
		struct rules key = { target ? g->wrote[0] : g->old, target ? g->wrote[1] : g->new };
		struct between *b = between_of(d, key.old, key.new);

		if (!b) {
			b = ARENA_NEW(a, struct between);
			symbol_put(a, &d->groups,
				   arena_str(a, str_of((const char *)&key, sizeof(key))), b);
		}
		vec_push(a, &b->groups, g);
	}
}

static bool same_texts(const struct compare_class *c, const struct replay_group *g)
{
	return str_eq(*c->was, g->was) && str_eq(*c->is, g->is);
}

/* The class of <g>: of those with its rules the one with its outcomes, else the first. */
static struct compare_class *class_of(const struct between *b, const struct replay_group *g)
{
	for (size_t i = 0; i < b->classes.n; i++)
		if (same_texts(b->classes.p[i], g))
			return b->classes.p[i];
	return b->classes.n ? b->classes.p[0] : NULL;
}

static void weigh(struct diff_replay *d, const struct between *b)
{
	for (size_t i = 0; i < b->groups.n; i++) {
		const struct replay_group *g = b->groups.p[i];
		struct compare_class *c = class_of(b, g);
		uint64_t n = g->n + (c ? c->logged : 0);

		if (c)
			c->logged = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
		else
			d->elsewhere += g->n;
	}
}

static void weigh_all(struct diff_replay *d, struct compare *c)
{
	for (uint32_t i = 0; i < c->nclasses; i++) {
		struct between *b = between_of(d, c->classes[i].old, c->classes[i].new);

		if (b)
			vec_push(c->a, &b->classes, &c->classes[i]);
	}
	for (size_t i = 0; i < d->groups.n; i++)
		weigh(d, d->groups.all[i]->object);
	compare_sort(c);
}

bool diff_replay(struct diff_replay *d, const char *log, struct compare *c)
{
	const char *why;

	*d = (struct diff_replay) { .name = log };
	why = replay_file(&d->r, c->a, c->old, c->new, log);
	if (why) {
		fprintf(stderr, "weir diff: %s: %s\n", log, why);
		return false;
	}
	note_groups(d);
	weigh_all(d, c);
	return true;
}

const struct replay_group *diff_replay_group(const struct diff_replay *d,
					     const struct compare_class *class)
{
	const struct between *b = between_of(d, class->old, class->new);

	for (size_t i = 0; b && class->logged && i < b->groups.n; i++)
		if (same_texts(class, b->groups.p[i]))
			return b->groups.p[i];
	return b && class->logged ? b->groups.p[0] : NULL;
}
