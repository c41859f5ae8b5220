/* SPDX-License-Identifier: Apache-2.0 */
/* decide_part: between the files of compiler/decide/. */
#ifndef WEIR_DECIDE_PART_H
#define WEIR_DECIDE_PART_H

#include "../../runtime/base/scan.h"
#include "../emit_part.h"
#include "../regular/dfa.h"
#include "decide.h"

/* -- literals ------------------------------------------------------------------------------------
 */

/* A value's pattern as a scan looks for it. */
enum pattern_kind {
	PATTERN_START,
	PATTERN_END,
	PATTERN_INSIDE,
	PATTERN_RANGE,
	PATTERN_NET,
	PATTERN_REGEX
};

struct pattern {
	enum pattern_kind kind;
	enum scan_kind how;
	bool fold;
	struct str text; /* lower case when <fold> */
	int64_t lo, hi;
	struct p_net net; /* host bits are 0 */
	const struct p_regex *regex; /* it has an automaton */
};

/* A positive test, or one of several literals (an "or"). */
struct literal {
	const struct p_test *test; /* NULL: <any> */
	uint32_t *any, nany;
	bool exact; /* what the scan says is what the test says */
	uint8_t cost; /* of looking for it: prefer the lower */
	uint32_t uses; /* rules that have it */
	uint32_t npatterns; /* none: it holds when there is a value */
	struct pattern *patterns;
	bool wanted; /* some rule waits for it */
	uint32_t *ups, nups; /* literals of which it is one */
};

/* Literals that all hold when an expression does, at most CLAUSE_MAX of them. */
#define CLAUSE_MAX 8
struct clause {
	uint32_t n, literals[CLAUSE_MAX];
	bool exact; /* and it does when they hold */
};

/* Steps of the cost model: about 60 instructions each, as counted on the plain site of bench/. */
enum {
	STEPS_RULE = 8, /* a rule that is tested */
	STEPS_BASE = 4, /* a walk by tables, besides */
	STEPS_VALUE = 2,
	STEPS_TREE = 2,
	STEPS_RANGE = 1,
	STEPS_NET = 2,
	STEPS_FIND = 20,
	STEPS_AUTOMATON = 8
};

/* Growing array of the arena; the caller names the element. */
#define GROW(arena, at, n, room)                                                                   \
	do {                                                                                       \
		if ((n) == (room)) {                                                               \
			uint32_t room_ = (room) ? (room)*2 : 16;                                   \
			void *old_ = (at);                                                         \
                                                                                                   \
			(at) = arena_get((arena), room_ * sizeof(*(at)));                          \
			if (n)                                                                     \
				memcpy((at), old_, (n) * sizeof(*(at)));                           \
			(room) = room_;                                                            \
		}                                                                                  \
	} while (0)

/* What the chain of that number made of a test, of an acl. */
struct known_literal {
	uint32_t chain, literal; /* WS_NONE: it is none */
};
struct known_clause {
	uint32_t chain;
	struct clause c;
};

struct known_worst {
	bool made;
	struct decide_worst w;
};

/* One chain under work. */
struct decide {
	struct emit *e;
	struct arena *arena;
	enum decide_mode mode;
	const struct p_chain *chain;
	uint32_t nliterals, room;
	struct literal *literals;
	uint32_t number; /* of the chain, from 1 */
	struct known_literal *by_test; /* by row of tests */
	uint32_t ntests;
	struct known_clause *by_acl; /* two an acl: as it is, and negated */
	struct clause *clauses; /* one a rule */
	struct known_worst *worst_of_acl;
	const uint8_t *flags; /* WS_DECIDE_HOLDS by position, once there are tables */
};

/* clause.c: fills d->clauses. */
void decide_clauses(struct decide *d);
/* pattern.c: the pattern of one constant under <op>. False: it has none. */
bool decide_pattern(struct arena *a, enum operator_id op, const struct p_value *v,
		    struct pattern *p);
/* The patterns of <t>, a positive test. False: it has none that narrow. */
bool decide_patterns(struct decide *d, const struct p_test *t, struct literal *l);
/* factor.c: a text that every match of <r> begins with, ends with or holds, one for each top-level
 * branch. Returns their number, at most <room>; 0: none. <exact>: the text is all of the regex. */
struct factor {
	struct str text;
	bool start, end;
};
uint32_t decide_factors(struct arena *a, const struct p_regex *r, struct factor *out, uint32_t room,
			bool *exact);
/* worst.c: what one look at <s> by <row> costs at most; fills r->worst of a chain whose other fields
 * are filled. */
struct decide_worst decide_worst_look(const struct emit *e, const struct p_subject *s,
				      const struct ws_scan *row);
void decide_worst_chain(struct decide *d, const struct p_chain *c, struct decide_report *r);
/* effect.c: whether the actions of <r> may change what <s> gives; NULL: anything. */
bool decide_changes(const struct p_rule *r, const struct p_subject *s);
/* <s> gives the same as long as no action changes it. */
bool decide_is_steady(const struct p_subject *s);

/* -- tables --------------------------------------------------------------------------------------
 */

/* <n> zeroed words; returns their offset. */
uint32_t decide_words(struct emit *e, uint32_t n);
static inline uint32_t *decide_word(struct emit *e, uint32_t off)
{
	return (uint32_t *)(void *)table_row(&e->tables[EMIT_DECIDE_WORDS], off);
}

/* A pattern of literal <literal>, on which <weight> rules wait. */
struct entry {
	const struct pattern *p;
	uint32_t literal, weight;
};

/* Each returns the offset of its table and adds to *<worst> how many rules one value may wake at
 * most. Reorders <entries>. */
uint32_t decide_tree(struct emit *e, struct entry *entries, uint32_t n, bool reverse,
		     uint32_t *worst);
uint32_t decide_finder(struct emit *e, struct entry *entries, uint32_t n, uint32_t *worst);
uint32_t decide_ranges(struct emit *e, struct entry *entries, uint32_t n, uint32_t *worst);
uint32_t decide_nets(struct emit *e, struct entry *entries, uint32_t n, uint32_t *worst);

/* automaton.c: an automaton of one pattern or, with <lists>, of several. */
enum automaton_kind {
	AUTOMATON_GOES_ON, /* accepts nothing yet */
	AUTOMATON_ACCEPTS,
	AUTOMATON_FULL, /* accepts, and no byte leaves it */
	AUTOMATON_NONE, /* accepts nothing, and no byte leaves it: one at most */
	AUTOMATON_KINDS
};
struct automaton {
	uint32_t nstates, nclasses, start;
	const uint8_t *class_of; /* [256] */
	const uint16_t *next; /* [state * nclasses + class] */
	uint8_t *kind; /* [state] */
	const uint32_t *lists; /* [state]: offset of what holds there; NULL: one pattern */
};
/* Returns its offset; equal ones have one. */
uint32_t decide_put_automaton(struct emit *e, const struct automaton *x);

/* regex.c: gives <row>, of <r>, its prefix and automaton when it has one. */
void decide_regex(struct emit *e, const struct p_regex *r, struct ws_regex *row, uint64_t *steps);
/* After emit_build: gives the rows of regexes their automata, and sets which engine is linked. */
void decide_regexes(struct emit *e);

/* product.c: the same for patterns that are regular expressions: the offset of the number of automata,
 * and which; *<number> of them. */
uint32_t decide_products(struct emit *e, struct entry *entries, uint32_t n, uint32_t *number,
			 uint32_t *worst);

/* decide.c: puts <entries> into the structures of <row>; adds to *<steps> what a look costs. */
void decide_structures(struct emit *e, const struct entry *entries, uint32_t n, struct ws_scan *row,
		       uint32_t *steps, uint32_t *worst);
/* values.c: fewer are compared one after another */
#define DECIDE_VALUES_MANY 8
/* tests of many values, maps of many keys */
void decide_values(struct emit *e, enum decide_mode mode);

/* watch.c: which rules wait for what */
struct watch {
	uint32_t *rules, nrules, rules_room; /* positions, in order */
	uint32_t *kids, nkids, kids_room; /* watches */
	uint32_t literal; /* the last one on the way to it */
	uint32_t below; /* rules here and below */
	uint32_t row; /* its words */
};
struct watches {
	struct watch *at;
	uint32_t n, room;
	uint32_t *roots, nroots, roots_room; /* watches of one literal */
	uint32_t *always, nalways; /* positions */
	uint8_t *flags; /* by position: WS_DECIDE_HOLDS */
	uint32_t *sets; /* by literal: union-find of literals that are looked for together */
	uint32_t *first, *last; /* by literal: positions of the rules that wait for it or with it */
	uint32_t watched, held;
};
void decide_watch(struct decide *d, struct watches *w);
uint32_t decide_set(struct watches *w, uint32_t literal); /* the set's first literal */
/* Writes the watches. Returns the offset of the words by literal. */
uint32_t decide_put_watches(struct decide *d, struct watches *w);

#endif
