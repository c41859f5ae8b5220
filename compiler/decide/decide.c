/* SPDX-License-Identifier: Apache-2.0 */
#include "decide.h"

#include <stdlib.h>

#include "decide_part.h"

#define CANDIDATES_USUAL 1 /* rules that a request usually wakes */
#define SUBJECTS_EXACT 256 /* beyond: any edit counts as one of what is looked at */

uint32_t decide_words(struct emit *e, uint32_t n)
{
	return emit_add(e, EMIT_DECIDE_WORDS, NULL, n);
}

/* -- scans
 * ------------------------------------------------------------------------------------------ */

/* The wanted literals of one subject. */
struct looked {
	uint32_t subject; /* row */
	const struct p_subject *p;
	uint32_t set, first, last;
	uint32_t from, n; /* of <order> */
	bool root; /* rules wait for one of its literals first */
};

struct plan {
	struct decide *d;
	struct watches *w;
	uint32_t *order; /* wanted literals of tests, by subject */
	struct looked *looked;
	uint32_t nlooked, steps, worst;
	struct decide_worst look;
	uint32_t *weights; /* by literal: rules that it may wake */
	bool *roots; /* by literal: it is the first one that rules wait for, or makes that hold */
};

/* Where a pattern is looked for. */
enum {
	IN_TREE,
	IN_TREE_FOLD,
	IN_ENDS,
	IN_ENDS_FOLD,
	IN_FINDER,
	IN_FINDER_FOLD,
	IN_RANGES,
	IN_NETS,
	IN_AUTOMATA,
	STRUCTURES
};

static unsigned structure_of(const struct pattern *p)
{
	switch (p->kind) {
	case PATTERN_START:
		return p->fold ? IN_TREE_FOLD : IN_TREE;
	case PATTERN_END:
		return p->fold ? IN_ENDS_FOLD : IN_ENDS;
	case PATTERN_INSIDE:
		return p->fold ? IN_FINDER_FOLD : IN_FINDER;
	case PATTERN_RANGE:
		return IN_RANGES;
	case PATTERN_NET:
		return IN_NETS;
	case PATTERN_REGEX:
		break;
	}
	return IN_AUTOMATA;
}

static void put_structure(struct emit *e, unsigned which, struct entry *entries, uint32_t n,
			  struct ws_scan *row, uint32_t *steps, uint32_t *worst)
{
	uint32_t number;

	if (which <= IN_ENDS_FOLD) {
		row->trees[which] = decide_tree(e, entries, n, which >= IN_ENDS, worst);
		*steps += STEPS_TREE;
	} else if (which <= IN_FINDER_FOLD) {
		row->finders[which - IN_FINDER] = decide_finder(e, entries, n, worst);
		*steps += STEPS_FIND;
	} else if (which == IN_RANGES) {
		row->ranges = decide_ranges(e, entries, n, worst);
		*steps += STEPS_RANGE;
	} else if (which == IN_NETS) {
		row->nets = decide_nets(e, entries, n, worst);
		*steps += STEPS_NET;
	} else {
		row->automata = decide_products(e, entries, n, &number, worst);
		*steps += number * STEPS_AUTOMATON;
	}
}

void decide_structures(struct emit *e, const struct entry *entries, uint32_t n, struct ws_scan *row,
		       uint32_t *steps, uint32_t *worst)
{
	struct entry *own = ARENA_ARRAY(e->arena, struct entry, n);

	for (unsigned in = 0; in < STRUCTURES; in++) {
		uint32_t m = 0;

		for (uint32_t i = 0; i < n; i++)
			if (structure_of(entries[i].p) == in)
				own[m++] = entries[i];
		if (m)
			put_structure(e, in, own, m, row, steps, worst);
	}
}

static void put_scan(struct plan *p, const struct looked *x)
{
	struct decide *d = p->d;
	struct ws_scan row = { .subject = x->subject };
	uint32_t n = 0, room = 0, worst = 0, all = 0;
	struct entry *entries = NULL;
	struct decide_worst look;

	for (uint32_t i = x->from; i < x->from + x->n; i++) {
		const struct literal *l = &d->literals[p->order[i]];
		uint32_t weight = p->weights[p->order[i]];

		all += weight;
		if (!l->npatterns) {
			row.present = p->order[i] + 1;
			worst += weight;
		}
		for (uint32_t k = 0; k < l->npatterns; k++) {
			GROW(d->arena, entries, n, room);
			entries[n++] = (struct entry) { .p = &l->patterns[k],
							.literal = p->order[i],
							.weight = weight };
		}
	}
	p->steps += STEPS_VALUE;
	decide_structures(d->e, entries, n, &row, &p->steps, &worst);
	p->worst += !emit_is_one(x->p) || worst > all ? all : worst;
	look = decide_worst_look(d->e, x->p, &row);
	p->look.steps += look.steps;
	p->look.bytes += look.bytes;
	p->look.pcre2 += look.pcre2;
	emit_add(d->e, EMIT_DECIDE_SCANS, &row, 1);
}

/* -- groups
 * ----------------------------------------------------------------------------------------- */

static int by_subject(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Wanted literals of tests, those of one subject beside each other. */
static void sort_literals(struct plan *p)
{
	struct decide *d = p->d;
	uint64_t *keys = ARENA_ARRAY(d->arena, uint64_t, d->nliterals);
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->nliterals; i++)
		if (d->literals[i].wanted && d->literals[i].test)
			keys[n++] = (uint64_t)emit_subject(d->e, d->literals[i].test->subject)
					    << 32 |
				    i;
	qsort(keys, n, sizeof(*keys), by_subject);
	p->order = ARENA_ARRAY(d->arena, uint32_t, n);
	p->looked = ARENA_ARRAY(d->arena, struct looked, n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t subject = (uint32_t)(keys[i] >> 32), literal = (uint32_t)keys[i];
		struct looked *last = p->nlooked ? &p->looked[p->nlooked - 1] : NULL;

		p->order[i] = literal;
		if (!last || last->subject != subject) {
			last = &p->looked[p->nlooked++];
			last->subject = subject;
			last->p = d->literals[literal].test->subject;
			last->from = i;
		} else {
			/* One look at a subject serves all its literals. */
			uint32_t a = decide_set(p->w, p->order[last->from]),
				 b = decide_set(p->w, literal);

			p->w->sets[a > b ? a : b] = a > b ? b : a;
		}
		last->root |= p->roots[literal];
		last->n++;
	}
}

static int by_place(const void *a, const void *b)
{
	const struct looked *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	if (x->root != y->root)
		return x->root ? -1 : 1;
	return (x->subject > y->subject) - (x->subject < y->subject);
}

/* Subjects in the order in which rules need them; those of one set beside each other. */
static void sort_looked(struct plan *p)
{
	struct watches *w = p->w;

	for (uint32_t i = 0; i < p->d->nliterals; i++) {
		uint32_t set = decide_set(w, i);

		if (set == i)
			continue;
		w->first[set] = w->first[i] < w->first[set] ? w->first[i] : w->first[set];
		w->last[set] = w->last[i] > w->last[set] ? w->last[i] : w->last[set];
	}
	for (uint32_t i = 0; i < p->nlooked; i++) {
		struct looked *x = &p->looked[i];

		x->set = decide_set(w, p->order[x->from]);
		x->first = w->first[x->set];
		x->last = w->last[x->set];
	}
	qsort(p->looked, p->nlooked, sizeof(*p->looked), by_place);
}

static struct ws_run put_groups(struct plan *p)
{
	struct emit *e = p->d->e;
	struct ws_run run = { .first = e->tables[EMIT_DECIDE_GROUPS].n };

	sort_literals(p);
	sort_looked(p);
	for (uint32_t i = 0, next; i < p->nlooked; i = next) {
		struct ws_scan_group row = { .first = p->looked[i].first,
					     .last = p->looked[i].last };

		row.scans.first = e->tables[EMIT_DECIDE_SCANS].n;
		for (next = i; next < p->nlooked && p->looked[next].set == p->looked[i].set;
		     next++) {
			put_scan(p, &p->looked[next]);
			row.roots += p->looked[next].root;
		}
		row.scans.n = next - i;
		emit_add(e, EMIT_DECIDE_GROUPS, &row, 1);
		run.n++;
	}
	return run;
}

/* -- one chain
 * -------------------------------------------------------------------------------------- */

/* Composed literals stand behind those they are made of. */
static void weigh(struct plan *p)
{
	struct decide *d = p->d;

	p->weights = ARENA_ARRAY(d->arena, uint32_t, d->nliterals);
	p->roots = ARENA_ARRAY(d->arena, bool, d->nliterals);
	for (uint32_t i = 0; i < p->w->nroots; i++) {
		const struct watch *x = &p->w->at[p->w->roots[i]];

		p->weights[x->literal] += x->below;
		p->roots[x->literal] = true;
	}
	for (uint32_t i = d->nliterals; i > 0; i--) {
		const struct literal *l = &d->literals[i - 1];

		for (uint32_t k = 0; l->wanted && k < l->nany; k++) {
			p->weights[l->any[k]] += p->weights[i - 1];
			p->roots[l->any[k]] |= p->roots[i - 1];
		}
	}
}

static uint32_t put_flags(struct plan *p, uint32_t *changing)
{
	struct decide *d = p->d;
	uint32_t n = d->chain->n, off = decide_words(d->e, (n + 15) / 16);

	for (uint32_t i = 0; i < n; i++) {
		const struct p_rule *r = d->chain->rules[i];
		uint32_t flags = p->w->flags[i];
		bool changes = p->nlooked > SUBJECTS_EXACT && decide_changes(r, NULL);

		for (uint32_t k = 0; k < p->nlooked && !changes && p->nlooked <= SUBJECTS_EXACT;
		     k++)
			changes = decide_changes(r, p->looked[k].p);
		flags |= changes ? WS_DECIDE_CHANGES : 0;
		*changing += changes;
		*decide_word(d->e, off + i / 16) |= flags << i % 16 * 2;
	}
	return off;
}

static uint32_t put_list(struct emit *e, const uint32_t *at, uint32_t n)
{
	uint32_t off = decide_words(e, n);

	if (n)
		memcpy(decide_word(e, off), at, n * sizeof(*at));
	return off;
}

/* The tables that scans fill, as they were before a chain that stays in line. */
static const enum emit_table scanned[] = { EMIT_DECIDE_SCANS, EMIT_DECIDE_GROUPS, EMIT_DECIDE_WORDS,
					   EMIT_AUTOMATA };
#define SCANNED (sizeof(scanned) / sizeof(*scanned))

struct mark {
	uint32_t n[SCANNED];
};

static struct mark mark(const struct emit *e)
{
	struct mark m;

	for (size_t i = 0; i < SCANNED; i++)
		m.n[i] = e->tables[scanned[i]].n;
	return m;
}

static void cut(struct emit *e, struct mark m)
{
	for (size_t i = 0; i < SCANNED; i++)
		table_cut(&e->tables[scanned[i]], m.n[i]);
}

static bool is_worth(const struct decide_report *r, enum decide_mode mode)
{
	if (!r->watched || mode == DECIDE_NEVER)
		return false;
	return mode == DECIDE_ALWAYS || r->steps + r->steps / 4 < r->inline_steps;
}

static struct decide_report put_tables(struct decide *d)
{
	struct watches w;
	struct plan p = { .d = d, .w = &w, .steps = STEPS_BASE };
	struct mark before = mark(d->e);
	struct ws_decide row = { .nrules = d->chain->n, .nliterals = d->nliterals };
	struct decide_report r = { .row = WS_NONE, .inline_steps = d->chain->n * STEPS_RULE };

	decide_watch(d, &w);
	weigh(&p);
	row.groups = put_groups(&p);
	r.watched = w.watched;
	r.always = w.nalways;
	r.held = w.held;
	r.values = p.nlooked;
	r.steps = p.steps + (w.nalways + CANDIDATES_USUAL) * STEPS_RULE;
	r.look = p.look;
	r.candidates_max = w.nalways + (p.worst < w.watched ? p.worst : w.watched);
	if (!is_worth(&r, d->mode)) {
		cut(d->e, before);
		return r;
	}
	row.watches = decide_put_watches(d, &w);
	row.flags = put_flags(&p, &r.changing);
	row.always = put_list(d->e, w.always, w.nalways);
	row.nalways = w.nalways;
	d->flags = w.flags;
	r.row = emit_add(d->e, EMIT_DECIDES, &row, 1);
	d->e->parts[PART_DECIDE_INDEX] = true;
	return r;
}

static struct decide_report form_of_chain(struct decide *d, const struct p_chain *c)
{
	struct decide_report r = { .row = WS_NONE, .inline_steps = c->n * STEPS_RULE };

	if (d->mode == DECIDE_NEVER || c->n >> WS_DECIDE_RULES_BITS ||
	    (d->mode == DECIDE_AUTO && c->n <= CANDIDATES_USUAL))
		return r;
	d->number++;
	d->chain = c;
	d->nliterals = d->room = 0;
	decide_clauses(d);
	return put_tables(d);
}

static struct decide_report of_chain(struct decide *d, const struct p_chain *c)
{
	struct decide_report r = form_of_chain(d, c);

	decide_worst_chain(d, c, &r);
	return r;
}

/* Counts of memory that chains share: a chain clears nothing, it writes its own number. */
static struct decide shared(struct emit *e, enum decide_mode mode)
{
	return (struct decide) {
		.e = e,
		.mode = mode,
		.arena = e->arena,
		.ntests = e->tables[EMIT_TESTS].n,
		.by_test = ARENA_ARRAY(e->arena, struct known_literal, e->tables[EMIT_TESTS].n + 1),
		.worst_of_acl = ARENA_ARRAY(e->arena, struct known_worst, e->p->nacls + 1),
		.by_acl = ARENA_ARRAY(e->arena, struct known_clause, 2 * (size_t)e->p->nacls + 1),
	};
}

void decide_build(struct emit *e, enum decide_mode mode)
{
	/* Chains that are the same rules are decided once: 1 + report by first row of chain. */
	uint32_t *known = ARENA_ARRAY(e->arena, uint32_t, e->tables[EMIT_CHAIN].n + 1);
	struct decide d = shared(e, mode);

	e->decided = ARENA_ARRAY(e->arena, struct decide_report,
				 (size_t)e->p->nsections * RULE_DIRS + 1);
	decide_words(e, 1); /* offset 0 is none */
	if (mode != DECIDE_NEVER)
		decide_regexes(e);
	for (uint32_t i = 0; i < e->nnamed * RULE_DIRS; i++) {
		const struct p_chain *c = &e->p->sections[i / RULE_DIRS]->chains[i % RULE_DIRS];
		struct ws_section *row = table_row(&e->tables[EMIT_SECTIONS], i / RULE_DIRS);
		uint32_t *same = &known[row->chains[i % RULE_DIRS].first];

		e->decided[i].row = WS_NONE;
		if (!c->n)
			continue;
		if (*same && e->decided[*same - 1].inline_steps == c->n * STEPS_RULE)
			e->decided[i] = e->decided[*same - 1];
		else
			e->decided[i] = of_chain(&d, c);
		*same = i + 1;
		if (e->decided[i].row != WS_NONE)
			row->decides[i % RULE_DIRS] = e->decided[i].row + 1;
	}
	if (mode != DECIDE_NEVER)
		decide_values(e, mode);
	if (!e->parts[PART_DECIDE_INDEX])
		e->tables[EMIT_DECIDE_WORDS].n = 0;
}
