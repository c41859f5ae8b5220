/* SPDX-License-Identifier: Apache-2.0 */
/* finder: texts inside a value, by the automaton of Aho and Corasick (runtime/base/scan.h). States are
 * made in the order of the sorted patterns and linked breadth first. */
#include <stdlib.h>

#include "decide_part.h"

struct state {
	uint32_t first_kid, last_kid, next; /* siblings in order of byte */
	uint32_t fail, dict;
	uint32_t depth;
	uint32_t first, n; /* its entries */
	uint32_t row;
	unsigned char byte;
};

struct finder {
	struct emit *e;
	struct state *at; /* [0] is the root */
	uint32_t n, room;
};

static int by_text(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = str_cmp(x->p->text, y->p->text);

	return order ? order : (x->literal > y->literal) - (x->literal < y->literal);
}

static uint32_t add_state(struct finder *f, uint32_t parent, unsigned char c)
{
	struct state *up;
	uint32_t own = f->n;

	GROW(f->e->arena, f->at, f->n, f->room);
	f->n++;
	up = &f->at[parent];
	f->at[own] = (struct state) { .depth = up->depth + 1, .byte = c };
	if (up->last_kid)
		f->at[up->last_kid].next = own;
	else
		up->first_kid = own;
	up->last_kid = own;
	return own;
}

/* Patterns are sorted: what is new goes behind the last kid. */
static void add_pattern(struct finder *f, struct str text, uint32_t entry)
{
	uint32_t state = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		uint32_t last = f->at[state].last_kid;

		state = last && f->at[last].byte == c ? last : add_state(f, state, c);
	}
	if (!f->at[state].n++)
		f->at[state].first = entry;
}

static uint32_t kid_of(const struct finder *f, uint32_t state, unsigned char c)
{
	uint32_t kid = f->at[state].first_kid;

	while (kid && f->at[kid].byte != c)
		kid = f->at[kid].next;
	return kid;
}

static void link_kid(struct finder *f, uint32_t state, uint32_t kid)
{
	uint32_t fail = f->at[state].fail, to = 0;
	unsigned char c = f->at[kid].byte;

	if (state) {
		while (!(to = kid_of(f, fail, c)) && fail)
			fail = f->at[fail].fail;
	}
	f->at[kid].fail = to;
	f->at[kid].dict = f->at[to].n ? to : f->at[to].dict;
}

static void link_states(struct finder *f)
{
	uint32_t *queue = ARENA_ARRAY(f->e->arena, uint32_t, f->n), n = 1;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t kid = f->at[queue[i]].first_kid; kid; kid = f->at[kid].next) {
			link_kid(f, queue[i], kid);
			queue[n++] = kid;
		}
}

static uint32_t put_entries(struct finder *f, const struct state *s, const struct entry *entries)
{
	uint32_t off = decide_words(f->e, 2 + s->n);

	decide_word(f->e, off)[0] = s->n;
	decide_word(f->e, off)[1] = s->depth;
	for (uint32_t i = 0; i < s->n; i++)
		decide_word(f->e, off)[2 + i] = entries[s->first + i].literal << SCAN_KIND_BITS |
						entries[s->first + i].p->how;
	return off;
}

static void put_state(struct finder *f, const struct state *s, const struct entry *entries)
{
	uint32_t list = s->n ? put_entries(f, s, entries) : 0, kids = 0, low = 0, span = 0;

	if (s->first_kid) {
		low = f->at[s->first_kid].byte;
		span = f->at[s->last_kid].byte - low;
		kids = decide_words(f->e, span + 1);
	}
	for (uint32_t kid = s->first_kid; kid; kid = f->at[kid].next)
		decide_word(f->e, kids)[f->at[kid].byte - low] = f->at[kid].row;
	decide_word(f->e, s->row)[0] = kids;
	decide_word(f->e, s->row)[1] = low | span << 8;
	decide_word(f->e, s->row)[2] = f->at[s->fail].row;
	decide_word(f->e, s->row)[3] = list;
	decide_word(f->e, s->row)[4] = s->dict ? f->at[s->dict].row : 0;
}

/* -- the window ---------------------------------------------------------------------------------
 */

#define WINDOW_LEAST 3
#define WINDOW_MOST 32
#define PAIRS_BITS_LEAST 8
#define PAIRS_BITS_MOST 12
#define PAIRS_SHARE                                                                                \
	4 /* at most one in so many shifts is of a pattern, or a window finds too little */

/* Pairs of the first <window> bytes of all patterns: each shift is that of the last such pair. */
static uint32_t put_pairs(const struct entry *entries, uint32_t n, uint32_t window, uint32_t bits,
			  uint8_t *shifts)
{
	uint32_t taken = 0;

	memset(shifts, (int)window - 1, (size_t)1 << bits);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k + 2 <= window; k++) {
			uint8_t *shift = &shifts[scan_pair(entries[i].p->text.p + k, bits)];

			taken += *shift == window - 1;
			if (*shift > window - 2 - k)
				*shift = (uint8_t)(window - 2 - k);
		}
	return taken;
}

/* The shortest pattern bounds the window; without one each byte is looked at. */
static void put_window(struct emit *e, uint32_t head, const struct entry *entries, uint32_t n)
{
	uint8_t shifts[(size_t)1 << PAIRS_BITS_MOST];
	uint32_t window = WINDOW_MOST, bits = PAIRS_BITS_LEAST, off;

	for (uint32_t i = 0; i < n; i++)
		if (entries[i].p->text.n < window)
			window = (uint32_t)entries[i].p->text.n;
	if (window < WINDOW_LEAST)
		return;
	while (put_pairs(entries, n, window, bits, shifts) > ((uint32_t)1 << bits) / PAIRS_SHARE)
		if (++bits > PAIRS_BITS_MOST)
			return;
	off = decide_words(e, ((uint32_t)1 << bits) / 4);
	memcpy(decide_word(e, off), shifts, (size_t)1 << bits);
	decide_word(e, head)[SCAN_FINDER_WINDOW] = window;
	decide_word(e, head)[SCAN_FINDER_BITS] = bits;
	decide_word(e, head)[SCAN_FINDER_SHIFTS] = off;
}

uint32_t decide_finder(struct emit *e, struct entry *entries, uint32_t n, uint32_t *worst)
{
	struct finder f = { .e = e };
	uint32_t head = decide_words(e, SCAN_FINDER_WORDS);

	GROW(e->arena, f.at, f.n, f.room);
	f.n = 1;
	qsort(entries, n, sizeof(*entries), by_text);
	for (uint32_t i = 0; i < n; i++) {
		add_pattern(&f, entries[i].p->text, i);
		*worst += entries[i].weight;
	}
	link_states(&f);
	f.at[0].row = decide_words(e, f.n * SCAN_STATE_WORDS);
	for (uint32_t i = 0; i < f.n; i++)
		f.at[i].row = f.at[0].row + i * SCAN_STATE_WORDS;
	for (uint32_t i = 0; i < f.n; i++)
		put_state(&f, &f.at[i], entries);
	decide_word(e, head)[SCAN_FINDER_ROOT] = f.at[0].row;
	put_window(e, head, entries, n);
	return head;
}
