/* SPDX-License-Identifier: Apache-2.0 */
/* One search serves all: breadth first over tuples of states, one state for each term, on the
 * classes of bytes that no term tells apart. It first takes only visible bytes; when that finds
 * nothing and an invisible byte could have led on, it takes all. */
#include "word.h"

#include <stdlib.h>
#include <string.h>

#include "dfa_raw.h"

/* Best first. */
static const char visible[] = "abcdefghijklmnopqrstuvwxyz0123456789-._/ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "=&?~+:@,;!$()*'%#[]{}|^<>\"`\\ ";
#define VISIBLE (sizeof(visible) - 1)
_Static_assert(VISIBLE == 95, "every visible byte, once");

unsigned word_bytes(uint8_t order[256], struct str like)
{
	bool all = false;
	unsigned n = VISIBLE;

	memcpy(order, visible, VISIBLE);
	for (size_t i = 0; i < like.n; i++)
		all |= like.p[i] < ' ' || like.p[i] > '~';
	for (unsigned c = 0; all && c < 256; c++)
		if (c < ' ' || c > '~')
			order[n++] = (uint8_t)c;
	return n;
}

struct step {
	uint32_t from; /* index of the tuple before */
	uint8_t byte;
};

struct search {
	const struct word_term *t;
	uint32_t n;
	struct budget *b;
	uint8_t byte[256]; /* of each joint class, best class first */
	uint32_t k, kvisible; /* classes, and those with a visible byte: they come first */
	uint16_t *tuples; /* n states each */
	struct step *steps;
	uint32_t ntuples, cap;
	uint32_t *table, ctable; /* hash: tuple + 1 */
	bool wanted_invisible;
};

static uint32_t byte_hash(const struct search *s, uint8_t c)
{
	uint32_t h = 2166136261u;

	for (uint32_t i = 0; i < s->n; i++)
		h = (h ^ s->t[i].dfa->class_of[c]) * 16777619u;
	return h;
}

static bool alike(const struct search *s, uint8_t x, uint8_t y)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->t[i].dfa->class_of[x] != s->t[i].dfa->class_of[y])
			return false;
	return true;
}

/* Adds the class of <c>, unless it is there. <slots>: hash, class + 1. */
static void add_class(struct search *s, uint8_t c, uint16_t slots[512])
{
	uint32_t i = byte_hash(s, c);

	for (i = (i ^ i >> 16) & 511; slots[i]; i = (i + 1) & 511)
		if (alike(s, s->byte[slots[i] - 1], c))
			return;
	s->byte[s->k++] = c;
	slots[i] = (uint16_t)s->k;
}

static void classify(struct search *s)
{
	uint16_t slots[512] = { 0 };

	for (uint32_t i = 0; i < VISIBLE; i++)
		add_class(s, (uint8_t)visible[i], slots);
	s->kvisible = s->k;
	for (unsigned c = 0; c < 256; c++)
		if (c < ' ' || c > '~')
			add_class(s, (uint8_t)c, slots);
}

static uint32_t tuple_hash(const uint16_t *tuple, uint32_t n)
{
	uint32_t h = 2166136261u;

	for (uint32_t i = 0; i < n; i++)
		h = (h ^ tuple[i]) * 16777619u;
	return h ^ h >> 15;
}

static void grow(struct search *s)
{
	s->cap = s->cap ? s->cap * 4 : 64;
	/* One more: where the next tuple is put together. */
	s->tuples = dfa_more_room(s->tuples, ((size_t)s->cap + 1) * s->n, sizeof(*s->tuples));
	s->steps = dfa_more_room(s->steps, s->cap, sizeof(*s->steps));
	free(s->table);
	s->ctable = s->cap * 2;
	s->table = dfa_room(s->ctable, sizeof(*s->table));
	for (uint32_t q = 0; q < s->ntuples; q++) {
		uint32_t i = tuple_hash(s->tuples + (size_t)q * s->n, s->n) & (s->ctable - 1);

		while (s->table[i])
			i = (i + 1) & (s->ctable - 1);
		s->table[i] = q + 1;
	}
}

/* Keeps the tuple behind the last one, unless it is known. */
static void keep(struct search *s, uint32_t from, uint8_t byte)
{
	uint16_t *tuple = s->tuples + (size_t)s->ntuples * s->n;
	uint32_t i = tuple_hash(tuple, s->n) & (s->ctable - 1);

	for (; s->table[i]; i = (i + 1) & (s->ctable - 1))
		if (memcmp(s->tuples + (size_t)(s->table[i] - 1) * s->n, tuple,
			   s->n * sizeof(*tuple)) == 0)
			return;
	s->steps[s->ntuples] = (struct step) { from, byte };
	s->table[i] = ++s->ntuples;
	if (s->ntuples == s->cap)
		grow(s);
}

/* The tuple behind <q> and <byte>, put behind the last one. False: some term cannot hold any
 * more. */
static bool advance(struct search *s, uint32_t q, uint8_t byte)
{
	const uint16_t *from = s->tuples + (size_t)q * s->n;
	uint16_t *to = s->tuples + (size_t)s->ntuples * s->n;

	for (uint32_t i = 0; i < s->n; i++) {
		const struct dfa *d = s->t[i].dfa;

		to[i] = dfa_step(d, from[i], byte);
		if (to[i] == (s->t[i].negated ? d->full : d->dead))
			return false;
	}
	return true;
}

static bool holds(const struct search *s, uint32_t q)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->t[i].dfa->accept[s->tuples[(size_t)q * s->n + i]] == s->t[i].negated)
			return false;
	return true;
}

static bool starts(struct search *s)
{
	grow(s);
	for (uint32_t i = 0; i < s->n; i++) {
		const struct dfa *d = s->t[i].dfa;

		s->tuples[i] = 0;
		if ((s->t[i].negated ? d->full : d->dead) == 0)
			return false;
	}
	keep(s, 0, 0);
	return true;
}

/* YES: the last tuple of *<at> holds. */
static enum answer run(struct search *s, uint32_t classes, uint32_t *at)
{
	if (!starts(s))
		return ANSWER_NO;
	for (*at = 0; *at < s->ntuples; ++*at) {
		if (holds(s, *at))
			return ANSWER_YES;
		if (!budget_take(s->b, (uint64_t)s->k * s->n))
			return ANSWER_LIMIT;
		if (s->ntuples > s->b->tuples) {
			s->b->hit = LIMIT_TUPLES;
			return ANSWER_LIMIT;
		}
		for (uint32_t c = 0; c < classes; c++)
			if (advance(s, *at, s->byte[c]))
				keep(s, *at, s->byte[c]);
		for (uint32_t c = classes; c < s->k && !s->wanted_invisible; c++)
			s->wanted_invisible = advance(s, *at, s->byte[c]);
	}
	return ANSWER_NO;
}

static struct str path_to(struct arena *a, const struct search *s, uint32_t q)
{
	size_t n = 0;
	char *p;

	for (uint32_t i = q; i; i = s->steps[i].from)
		n++;
	p = arena_get(a, n + 1);
	for (uint32_t i = q, at = (uint32_t)n; i; i = s->steps[i].from)
		p[--at] = (char)s->steps[i].byte;
	return str_of(p, n);
}

static void search_free(struct search *s)
{
	free(s->tuples);
	free(s->steps);
	free(s->table);
	s->tuples = NULL;
	s->steps = NULL;
	s->table = NULL;
	s->ntuples = s->cap = 0;
}

enum answer word_common(struct arena *a, const struct word_term *t, unsigned n, struct budget *b,
			struct str *word)
{
	struct search s = { .t = t, .n = n, .b = b };
	enum answer answer;
	uint32_t at;

	*word = S("");
	if (n == 0)
		return ANSWER_YES;
	classify(&s);
	answer = run(&s, s.kvisible, &at);
	if (answer == ANSWER_NO && s.wanted_invisible) {
		search_free(&s);
		answer = run(&s, s.k, &at);
	}
	if (answer == ANSWER_YES)
		*word = path_to(a, &s, at);
	search_free(&s);
	return answer;
}

bool word_shortest(struct arena *a, const struct dfa *d, struct str *word)
{
	struct budget whole = { .tuples = UINT32_MAX, .steps = UINT64_MAX };

	return word_common(a, &(struct word_term) { d, false }, 1, &whole, word) == ANSWER_YES;
}
