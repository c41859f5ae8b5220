/* SPDX-License-Identifier: Apache-2.0 */
#include "decide.h"

#include <stdlib.h>

#include "../base/automaton.h"

/* A set of rules: a few in a list; from one more on, bits, and above them levels in which a bit says
 * that a word below is not 0. */
#define FEW 8
#define LOOK_WORK 4 /* a look costs about as much as so many tests */
#define LEVELS 4
_Static_assert(6 * LEVELS == WS_DECIDE_RULES_BITS, "levels of bits of the longest list");

struct walk {
	struct scan_set held; /* literals */
	struct scan_set keys; /* of the map that was asked last */
	uint64_t *level[LEVELS]; /* rules that were woken */
	uint32_t few[FEW], nfew; /* likewise; nfew above FEW: they are in <level> */
	uint32_t group; /* the next to look at */
	uint32_t always; /* the next rule that waits for nothing */
	uint32_t work; /* in rules tested, about; of the whole walk */
	bool in_line; /* every rule is next */
};

/* -- rules that were woken
 * ---------------------------------------------------------------------- */

static void set_bits(struct walk *w, uint32_t rule)
{
	for (unsigned i = 0; i < LEVELS; i++) {
		w->level[i][rule / 64] |= (uint64_t)1 << rule % 64;
		rule /= 64;
	}
}

static void clear_bits(struct walk *w, uint32_t rule)
{
	for (unsigned i = 0; i < LEVELS; i++) {
		uint64_t *word = &w->level[i][rule / 64];

		*word &= ~((uint64_t)1 << rule % 64);
		if (*word)
			return;
		rule /= 64;
	}
}

static uint32_t first_bit(const struct walk *w)
{
	uint32_t at = 0;

	if (!w->level[LEVELS - 1][0])
		return UINT32_MAX;
	for (unsigned i = LEVELS; i > 0; i--)
		at = at * 64 + (uint32_t)__builtin_ctzll(w->level[i - 1][at]);
	return at;
}

static void wake(struct walk *w, uint32_t rule)
{
	w->work++;
	if (w->nfew < FEW) {
		w->few[w->nfew++] = rule;
		return;
	}
	for (; w->nfew == FEW; w->nfew++)
		for (unsigned i = 0; i < FEW; i++)
			set_bits(w, w->few[i]);
	set_bits(w, rule);
}

static uint32_t first_woken(const struct walk *w)
{
	uint32_t first = UINT32_MAX;

	if (w->nfew > FEW)
		return first_bit(w);
	for (uint32_t i = 0; i < w->nfew; i++)
		first = w->few[i] < first ? w->few[i] : first;
	return first;
}

static void forget(struct walk *w, uint32_t rule)
{
	uint32_t i = 0;

	if (w->nfew > FEW) {
		clear_bits(w, rule);
		return;
	}
	while (w->few[i] != rule)
		i++;
	w->few[i] = w->few[--w->nfew];
}

static void forget_all(struct walk *w)
{
	uint32_t rule;

	while (w->nfew > FEW && (rule = first_bit(w)) != UINT32_MAX) {
		w->level[0][rule / 64] &= (uint64_t)1 << rule % 64;
		clear_bits(w, rule);
	}
	w->nfew = 0;
}

/* -- looking
 * ---------------------------------------------------------------------------------------- */

static bool is_host(const struct ws_subject *s)
{
	return s->id == WS_SUBJ_HOST || s->id == WS_SUBJ_SNI ||
	       (s->id == WS_SUBJ_H && s->num == WS_FIELD_HOST);
}

static void look_by_automata(const uint32_t *which, struct str text, struct scan_set *out)
{
	for (uint32_t i = 1; i <= which[0]; i++) {
		const uint32_t *list = automaton_list(site.ws->automata, which[i], text);

		for (uint32_t k = 1; list && k <= list[0]; k++)
			scan_add(out, list[k]);
	}
}

static void look_at_text(const struct ws_scan *scan, const struct ws_subject *s, struct str text,
			 struct scan_set *out)
{
	static const unsigned flags[4] = { 0, SCAN_FOLD, SCAN_REVERSE, SCAN_REVERSE | SCAN_FOLD };
	const uint32_t *words = site.ws->decide_words;
	unsigned host = is_host(s) ? SCAN_HOST : 0;

	for (unsigned i = 0; i < 4; i++)
		if (scan->trees[i])
			scan_tree(words, scan->trees[i], text, flags[i] | host, out);
	for (unsigned i = 0; i < 2; i++)
		if (scan->finders[i])
			scan_find(words, scan->finders[i], text, flags[i], out);
	if (scan->automata)
		look_by_automata(words + scan->automata, text, out);
}

static void look_at_value(const struct ws_scan *scan, const struct ws_subject *s,
			  const struct val *v, struct scan_set *out)
{
	const uint32_t *words = site.ws->decide_words;

	if (scan->ranges)
		scan_range(words, scan->ranges, v->num, out);
	else if (scan->nets)
		v->ip.kind == AK_INET ? scan_net(words, scan->nets, v->ip.ip, out) : (void)0;
	else
		look_at_text(scan, s, v->s, out);
}

static void found_value(const struct ws_scan *scan, const struct ws_subject *s, const struct val *v,
			struct scan_set *out)
{
	if (scan->present && (s->type != WS_BOOL || v->num))
		scan_add(out, scan->present - 1);
	look_at_value(scan, s, v, out);
}

/* Values that are counted, measured or converted. */
static void look_at_made(struct rule_run *r, const struct ws_scan *scan, const struct ws_subject *s,
			 struct scan_set *out)
{
	struct occurrence it = { 0 };
	struct val v;

	while (rule_next(r, scan->subject, &it, &v)) {
		found_value(scan, s, &v, out);
		if (s->flags & WS_SUBJ_ONE)
			return;
	}
}

/* Most values are read as the message has them: for them rule_next is a detour. */
static void look_at(struct rule_run *r, const struct ws_scan *scan, struct scan_set *out)
{
	const struct ws_subject *s = &site.ws->subjects[scan->subject];
	const struct subject_part *part = site.ws->subject_parts[scan->subject];
	struct fetch fetch = { 0 };

	pt()->scratch_used = 0;
	if ((s->flags & (WS_SUBJ_COUNT | WS_SUBJ_LEN)) || s->convs.n) {
		look_at_made(r, scan, s, out);
		return;
	}
	for (;;) {
		struct val v = { 0 };

		if (!part->next(r, s, &fetch, &v))
			return;
		found_value(scan, s, &v, out);
		if (s->flags & WS_SUBJ_ONE)
			return;
	}
}

static bool among(const struct ws_scan *scan, const struct ws_subject *s, const struct val *v)
{
	uint64_t bits = 0;
	uint32_t list;
	struct scan_set found = { .bits = &bits, .list = &list };

	look_at_value(scan, s, v, &found);
	return found.n != 0;
}

static void empty(struct scan_set *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		s->bits[s->list[i] / 64] = 0;
	s->n = 0;
}

static const struct scan_set *keys(const struct ws_scan *scan, const struct ws_subject *s,
				   const struct val *v)
{
	struct scan_set *found = &pt()->walk->keys;

	empty(found);
	look_at_value(scan, s, v, found);
	return found;
}

/* Wakes the rules of <watch>, and of those below it whose literals hold: of the shorter of the two
 * lists each is looked up in the other. Literals from <first> on are those of the group. */
static void wake_watch(struct walk *w, const uint32_t *watch, uint32_t first, uint32_t from)
{
	const uint32_t *words = site.ws->decide_words, *rules = watch + 3, *kids = rules + watch[0];
	uint32_t n = watch[1];

	for (uint32_t i = 0; i < watch[0]; i++)
		if (rules[i] >= from)
			wake(w, rules[i]);
	if (n <= w->held.n - first) {
		for (uint32_t i = 0; i < n; i++)
			if (scan_has(&w->held, kids[2 * i]))
				wake_watch(w, words + kids[2 * i + 1], first, from);
		return;
	}
	for (uint32_t i = first; i < w->held.n; i++) {
		uint32_t low = 0, high = n, literal = w->held.list[i];

		while (low < high) {
			uint32_t mid = low + (high - low) / 2;

			if (kids[2 * mid] < literal)
				low = mid + 1;
			else
				high = mid;
		}
		if (low < n && kids[2 * low] == literal)
			wake_watch(w, words + kids[2 * low + 1], first, from);
	}
}

/* Literals that hold because one of those from <first> on does. */
static void add_ups(struct walk *w, const uint32_t *watches, uint32_t first)
{
	const uint32_t *words = site.ws->decide_words;

	for (uint32_t i = first; i < w->held.n; i++) {
		const uint32_t *watch = words + watches[w->held.list[i]];

		for (uint32_t k = 0; watch != words && k < watch[2]; k++)
			scan_add(&w->held, watch[3 + watch[0] + 2 * watch[1] + k]);
	}
}

static bool any_kids(const struct walk *w, const uint32_t *watches, uint32_t first)
{
	for (uint32_t i = first; i < w->held.n; i++)
		if (watches[w->held.list[i]] && site.ws->decide_words[watches[w->held.list[i]] + 1])
			return true;
	return false;
}

static void look(struct walk *w, struct rule_run *r, const struct ws_decide *d,
		 const struct ws_scan_group *g, uint32_t from)
{
	const uint32_t *words = site.ws->decide_words, *watches = words + d->watches;
	uint32_t first = w->held.n, n = g->roots;

	for (uint32_t i = 0; i < n; i++) {
		look_at(r, &site.ws->decide_scans[g->scans.first + i], &w->held);
		if (i + 1 < n)
			continue;
		add_ups(w, watches, first);
		if (n < g->scans.n && any_kids(w, watches, first))
			n = g->scans.n;
	}
	w->work += LOOK_WORK * n;
	if (r->limit) { /* of a converter: the rule that reads it has to meet it, if it is reached */
		r->limit = false;
		w->in_line = true;
		return;
	}
	for (uint32_t i = first; i < w->held.n; i++)
		if (watches[w->held.list[i]])
			wake_watch(w, words + watches[w->held.list[i]], first, from);
}

/* -- the walk
 * --------------------------------------------------------------------------------------- */

static void reset(struct walk *w)
{
	forget_all(w);
	empty(&w->held);
	w->group = w->always = 0;
	w->in_line = false;
}

static void begin(const struct ws_decide *d)
{
	struct walk *w = pt()->walk;

	(void)d;
	reset(w);
	w->work = 0;
}

static uint32_t next_always(struct walk *w, const struct ws_decide *d, uint32_t from)
{
	const uint32_t *always = site.ws->decide_words + d->always;

	while (w->always < d->nalways && always[w->always] < from)
		w->always++;
	return w->always < d->nalways ? always[w->always] : d->nrules;
}

static uint32_t next(struct rule_run *r, const struct ws_decide *d, uint32_t from, bool *holds)
{
	struct walk *w = pt()->walk;
	uint32_t always = next_always(w, d, from), woken;

	*holds = false;
	for (;; w->group++) {
		const struct ws_scan_group *g = &site.ws->decide_groups[d->groups.first + w->group];

		woken = first_woken(w);
		if (w->in_line)
			return from;
		if (w->group == d->groups.n || (g->first > woken || g->first > always))
			break;
		if (g->last >= from)
			look(w, r, d, g, from);
	}
	if (always < woken)
		return always;
	if (woken == UINT32_MAX)
		return d->nrules;
	forget(w, woken);
	*holds = site.ws->decide_words[d->flags + woken / 16] >> woken % 16 * 2 & WS_DECIDE_HOLDS;
	return woken;
}

static void changed(const struct ws_decide *d, uint32_t at)
{
	if (site.ws->decide_words[d->flags + at / 16] >> at % 16 * 2 & WS_DECIDE_CHANGES) {
		/* Many rules that change what others look at: once that has cost what testing all of
		 * them does, the rest is tested. */
		reset(pt()->walk);
		pt()->walk->in_line = pt()->walk->work > d->nrules;
	}
}

/* -- threads
 * ---------------------------------------------------------------------------------------- */

static void thread_end(void)
{
	free(pt()->walk);
	pt()->walk = NULL;
}

/* The words of a set of <n> literals: bits, and a list of half words. */
static size_t set_words(size_t n)
{
	return n / 64 + 1 + n / 2 + 1;
}

static uint64_t *place_set(struct scan_set *s, uint64_t *at, size_t n)
{
	s->bits = at;
	s->list = (uint32_t *)(at + n / 64 + 1);
	return at + set_words(n);
}

/* One block: the walk, then the bits of the longest tables. */
static int thread_begin(void)
{
	size_t literals = 0, rules = 0, key = 0, room = 0, sizes[LEVELS];
	uint64_t *at;
	struct walk *w;

	for (uint32_t i = 0; i < site.ws->ndecides; i++) {
		const struct ws_decide *d = &site.ws->decides[i];

		literals = d->nliterals > literals ? d->nliterals : literals;
		rules = d->nrules > rules ? d->nrules : rules;
	}
	for (uint32_t i = 0; i < site.ws->nmaps; i++)
		key = site.ws->maps[i].keys.n > key ? site.ws->maps[i].keys.n : key;
	for (unsigned i = 0; i < LEVELS; i++) {
		rules = rules / 64 + 1;
		sizes[i] = rules;
		room += rules;
	}
	room += set_words(literals) + set_words(key);
	w = pt()->walk = calloc(1, sizeof(*w) + room * sizeof(*at));
	if (!w)
		return -1;
	at = (uint64_t *)(w + 1);
	for (unsigned i = 0; i < LEVELS; at += sizes[i++])
		w->level[i] = at;
	place_set(&w->keys, place_set(&w->held, at, literals), key);
	return 0;
}

const struct decide_part decide_index = {
	.name = "index",
	.thread_start = thread_begin,
	.thread_stop = thread_end,
	.begin = begin,
	.next = next,
	.among = among,
	.keys = keys,
	.changed = changed,
};
