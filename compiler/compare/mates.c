/* SPDX-License-Identifier: Apache-2.0 */
/* mates: which rules of two lists are the same rule: equal text, and in the same order (the longest
 * increasing subsequence). */
#include "../program_form.h"
#include "../show.h"
#include "side.h"

static uint64_t hash_text(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return (h ^ 0xff) * 0x100000001b3u;
}

/* A map by its contents: two hashes, so that none is taken for another. */
static void put_map(FILE *out, const struct p_map *m)
{
	uint64_t x = 0xcbf29ce484222325u, y = 0x9ae16a3b2f90404fu;

	for (uint32_t i = 0; m && i < m->n; i++) {
		struct str key =
			m->keys[i].kind == VALUE_REGEX ? m->keys[i].regex->text : m->keys[i].text;

		x = hash_text(hash_text(x, key), m->vals[i]);
		y = hash_text(hash_text(y, m->vals[i]), key);
	}
	if (m)
		fprintf(out, " map %d %llx %llx", (int)m->op, (unsigned long long)x,
			(unsigned long long)y);
}

static void put_subject(FILE *out, const struct p_subject *s)
{
	for (const struct p_conv *c = s ? s->convs : NULL; c; c = c->next)
		put_map(out, c->map);
}

/* The maps that an action reads. */
static void put_maps(FILE *out, const struct p_action *a)
{
	put_map(out, a->map);
	put_subject(out, a->subject);
	for (uint32_t i = 0; a->text && i < a->text->n; i++)
		put_subject(out, a->text->pieces[i].subject);
	for (uint32_t k = 0; k < a->nheaders; k++)
		for (uint32_t i = 0; a->headers[k].value && i < a->headers[k].value->n; i++)
			put_subject(out, a->headers[k].value->pieces[i].subject);
}

static void put_rule(FILE *out, const struct p_rule *r)
{
	struct pio io = { .out = out };

	form_rule(&io, (struct p_rule *)(uintptr_t)r); /* writing changes nothing in it */
	for (uint32_t i = 0; i < r->nactions; i++)
		put_maps(out, &r->actions[i]);
}

/* The texts of all rules of <c>, one behind the other: text i is from at[i] to at[i + 1]. */
static struct str texts_of(struct arena *a, const struct p_chain *c, size_t *at)
{
	struct show_buffer b;

	show_open(&b);
	for (uint32_t i = 0; i < c->n; i++) {
		put_rule(b.out, c->rules[i]);
		at[i + 1] = (size_t)ftell(b.out);
	}
	return show_close(&b, a);
}

static struct str text_at(struct str all, const size_t *at, uint32_t i)
{
	return str_of(all.p + at[i], at[i + 1] - at[i]);
}

/* A condition by what it says: named tests written out, sets by their values. */
static void put_meaning(struct pio *io, const struct p_expr *e)
{
	if (e->kind == PE_ACL) {
		put_meaning(io, e->acl->expr);
		return;
	}
	fprintf(io->out, " (%d", (int)e->kind);
	if (e->kind == PE_TEST) {
		form_test(io, e->test); /* only written */
		put_subject(io->out, e->test->subject);
		for (uint32_t i = 0; e->test->set && i < e->test->set->nvalues; i++)
			form_value(io, &e->test->set->values[i]);
	}
	for (uint32_t i = 0; i < e->nkids; i++)
		put_meaning(io, e->kids[i]);
	fputc(')', io->out);
}

bool side_same_meaning(const struct p_rule *x, const struct p_rule *y)
{
	const struct p_rule *r[2] = { x, y };
	struct arena a = { 0 };
	struct str text[2];
	bool same;

	for (int i = 0; i < 2; i++) {
		struct show_buffer b;
		struct pio io = { 0 };

		show_open(&b);
		io.out = b.out;
		put_meaning(&io, r[i]->cond);
		text[i] = show_close(&b, &a);
	}
	same = str_eq(text[0], text[1]);
	arena_free(&a);
	return same;
}

/* Old rules of one text, in order. */
struct same {
	uint32_t next, n, *at;
};

static void pair(struct arena *a, const struct p_chain *old, const struct p_chain *new,
		 uint32_t *mate)
{
	struct symbols texts = { 0 };
	size_t *at = ARENA_ARRAY(a, size_t, old->n + 1), *to = ARENA_ARRAY(a, size_t, new->n + 1);
	struct str olds = texts_of(a, old, at), news = texts_of(a, new, to);

	for (uint32_t i = 0; i < old->n; i++) {
		struct str text = text_at(olds, at, i);
		struct same *s = symbol_get(&texts, text);

		if (!s) {
			s = ARENA_NEW(a, struct same);
			symbol_put(a, &texts, text, s);
		}
		if ((s->n & (s->n - 1)) == 0) {
			uint32_t *more = ARENA_ARRAY(a, uint32_t, 2 * s->n + 1);

			if (s->n)
				memcpy(more, s->at, s->n * sizeof(*more));
			s->at = more;
		}
		s->at[s->n++] = i;
	}
	for (uint32_t k = 0; k < new->n; k++) {
		struct same *s = symbol_get(&texts, text_at(news, to, k));

		mate[k] = s && s->next < s->n ? s->at[s->next++] : NO_INDEX;
	}
}

/* Of the mates only those stay that are in order (patience sorting, n log n). */
static void keep_order(struct arena *a, uint32_t n, uint32_t *mate)
{
	uint32_t *tail = ARENA_ARRAY(a, uint32_t, n + 1), *before = ARENA_ARRAY(a, uint32_t, n + 1),
		 len = 0;
	bool *stays = ARENA_ARRAY(a, bool, n + 1);

	for (uint32_t k = 0; k < n; k++) {
		uint32_t lo = 0, hi = len;

		if (mate[k] == NO_INDEX)
			continue;
		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;

			if (mate[tail[mid]] < mate[k])
				lo = mid + 1;
			else
				hi = mid;
		}
		before[k] = lo ? tail[lo - 1] : NO_INDEX;
		tail[lo] = k;
		len += lo == len;
	}
	for (uint32_t k = len ? tail[len - 1] : NO_INDEX; k != NO_INDEX; k = before[k])
		stays[k] = true;
	for (uint32_t k = 0; k < n; k++)
		if (!stays[k])
			mate[k] = NO_INDEX;
}

const uint32_t *side_mates(struct known_mates *known, const struct p_chain *old,
			   const struct p_chain *new)
{
	const struct p_chain *both[2] = { old, new };
	struct str key = str_of((const char *)both, sizeof(both));
	uint32_t *mate = symbol_get(&known->lists, key);
	struct arena own = { 0 };

	if (mate)
		return mate;
	mate = ARENA_ARRAY(known->a, uint32_t, new->n + 1);
	pair(&own, old, new, mate);
	keep_order(&own, new->n, mate);
	arena_free(&own);
	symbol_put(known->a, &known->lists, arena_str(known->a, key), mate);
	return mate;
}
