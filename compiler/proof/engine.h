/* SPDX-License-Identifier: Apache-2.0 */
/* engine: what the parts of the proof engine share. Private to compiler/proof/.
 *
 * A field is one thing that a request (or an answer) has; an atom is a set of its values; a literal
 * is an atom or its negation. A condition, as it is read at its place on the way, becomes an OR of
 * conjunctions of literals about the request as it came in: what rules write before that place is
 * folded in (state.c). */
#ifndef WEIR_PROOF_ENGINE_H
#define WEIR_PROOF_ENGINE_H

#include "../program.h"
#include "../regular/dfa.h"
#include "../symbol.h"
#include "proof.h"
#include "universe.h"

#define DNF_MAX 256 /* conjunctions of one condition; beyond, it is opaque */
#define PROOF_WORK 100000000 /* literals joined and compared while conditions and ways are made */
#define PROOF_STEPS 400000000 /* literals looked at by all searches together */
#define NO_INDEX UINT32_MAX

/* Adds room for one more element of <at>, of which <n> exist. */
#define GROW(arena, at, n, room) ((at) = proof_grown((arena), (at), (n), &(room), sizeof(*(at))))
void *proof_grown(struct arena *a, void *at, uint32_t n, uint32_t *room, size_t size);

/* ---- fields ---- */

enum field_kind { FIELD_TEXT, FIELD_INT, FIELD_ADDR };

/* Fields that are parts of one text, and are chosen together. */
enum group_kind { GROUP_ONE, GROUP_LINE, GROUP_HOST, GROUP_COOKIE, GROUP_TLS };

struct group {
	uint32_t index;
	enum group_kind kind;
	uint32_t n, room;
	struct proof_field **fields;
};

struct proof_field {
	uint32_t index;
	struct group *group;
	enum field_kind kind;
	enum subject_id id; /* SUBJECTS: of no subject */
	bool response; /* of the answer */
	bool many; /* any number of occurrences */
	bool always; /* never absent */
	bool opaque; /* its value does not follow from the request that is made of a model */
	int64_t min, max; /* INT */
	struct str name;
	const struct p_subject *subject; /* what it was first read as; NULL: a param */
	const struct p_param *param;
	const void *version; /* opaque: what made it so */
	const struct dfa *universe; /* TEXT: made when first asked for */
	struct watch_index *watch; /* of atoms that index rules */
};

/* mapuri before a test: the path that is tested is what this makes of it. */
struct path_map {
	const struct path_map *next; /* applied to the result of this one; NULL: last */
	struct str old, new;
	bool icase;
};

struct proof;

struct atom {
	uint32_t index;
	struct proof_field *field;
	enum operator_id op; /* OP_TRUE: the field is present */
	bool length; /* INT values are of the text's length */
	bool unknown; /* a param is in it: the values are of its default, and prove nothing */
	const struct path_map *map;
	uint32_t nvalues;
	const struct p_value *values;
	const struct p_test *origin; /* first test that it came from */
	void **codes; /* compiled regexes, by value */
	struct proof *proof;
	const struct dfa *dfa;
	bool dfa_tried, opaque; /* opaque: has no automaton */
	const char *why; /* opaque: the reason */
	bool sampled; /* RE: texts that its expressions match, tried before automata are made */
	uint32_t nsamples;
	struct str *samples;
	uint64_t memo_serial; /* value of the field for which <memo> holds */
	bool memo;
	bool watched;
	uint8_t assigned; /* in the search that runs: 1 holds, 2 does not */
};

/* ---- literals and conditions ---- */

struct conj {
	uint32_t n;
	uint32_t *lits; /* ascending; none: true */
};

/* OR of conjunctions; none: false. */
struct dnf {
	uint32_t n;
	struct conj *at;
};

static inline uint32_t lit_of(uint32_t atom, bool neg)
{
	return atom << 1 | neg;
}

/* ---- the engine's own state ---- */

struct proof {
	struct arena *a;
	const struct program *p;
	struct budget budget;
	struct vec fields, groups, atoms; /* struct proof_field, struct group, struct atom */
	struct symbols field_names, atom_names; /* by what makes them equal */
	uint64_t serial; /* of the last value that was given to a field */
	uint64_t steps; /* of all queries together */
	uint64_t work; /* of making conditions and ways */
	uint64_t most_work, most_steps; /* PROOF_WORK and PROOF_STEPS, or less */
	size_t nsubjects; /* the first of <fields>: what tests read, as it comes in */
	uint32_t nqueries;
	struct arena spare[2]; /* of the last search, for the next one */
	struct arena_mark empty[2];
	bool lent; /* a search has it */
	struct arena scratch; /* trees of expressions that are only looked at */
	struct model *usual; /* the request that means nothing special */
	void *match, *context; /* of the regex library */
	void **codes; /* of the interpreter's runs, by regex of the program */
	uint32_t nwrites, nunknown;
	struct symbols contexts; /* of context.c */
	uint32_t nexact; /* searches over automata */
	struct symbols map_names; /* path maps by their steps */
	const struct dfa *any[UNIVERSES]; /* made when first asked for */
	const struct dfa *targets[4]; /* all of a form */
	struct symbols target_memos; /* of model_target.c: which languages are empty */
	const struct dfa *absolute; /* what begins a target of absolute-form */
	struct symbols chains, versions; /* of writes: by content; what they made, by action */
};

/* No more conditions and ways are made: what is asked from now on is not decided. */
static inline bool proof_spent(const struct proof *g)
{
	return g->work > g->most_work;
}

static inline struct atom *atom_at(const struct proof *g, uint32_t lit)
{
	return g->atoms.p[lit >> 1];
}

/* ---- field.c ---- */

/* What <s> reads at its place when nothing has been written; <response>: in a rule on answers. */
struct proof_field *field_of(struct proof *g, const struct p_subject *s, bool response);
/* The value of a param. */
struct proof_field *field_of_param(struct proof *g, const struct p_param *q);
/* <of> after something was written that cannot be folded; <version> names the write. */
struct proof_field *field_version(struct proof *g, const struct proof_field *of,
				  const void *version);
/* Something true or false of which nothing is known, named by <key>. */
struct proof_field *field_unknown(struct proof *g, struct str key);
/* Every value of that kind. */
const struct dfa *proof_universe(struct proof *g, enum universe u);
/* Every value that the field may have. */
const struct dfa *field_universe(struct proof *g, struct proof_field *f);
/* May the field hold the text <s>? */
bool field_holds(const struct proof_field *f, struct str s);
char field_delimiter(const struct proof_field *f);

/* ---- atom.c ---- */

/* The atom of a test, or NO_INDEX when it can never hold. */
uint32_t atom_of_test(struct proof *g, struct proof_field *f, const struct p_test *t,
		      const struct path_map *map);
/* The field is 1. */
uint32_t atom_of_bool(struct proof *g, struct proof_field *f);
/* An atom of the same field with other values; NO_INDEX: none are left. */
uint32_t atom_of_values(struct proof *g, const struct atom *like, const struct p_value *values,
			uint32_t n);
/* Values that follow one another; the address is 16 bytes. */
bool atom_text(const struct atom *x, struct str s);
bool atom_value_text(const struct atom *x, uint32_t i, struct str s);
bool atom_int(const struct atom *x, int64_t n);
bool atom_addr(const struct atom *x, const uint8_t addr[16]);
/* Its language, or NULL: opaque, or a limit was hit (g->budget.hit). */
const struct dfa *atom_dfa(struct proof *g, struct atom *x);
const struct dfa *atom_value_dfa(struct proof *g, struct atom *x, uint32_t i);
/* Fills x->samples. */
void atom_sample(struct proof *g, struct atom *x);
struct str path_mapped(struct arena *a, const struct path_map *map, struct str path);

/* ---- proof.c ---- */

/* Is it certain that no request satisfies <cond>? */
bool proof_never(struct proof *g, struct dnf cond);

/* ---- dnf.c ---- */

struct dnf dnf_true(struct proof *g);
struct dnf dnf_false(void);
struct dnf dnf_lit(struct proof *g, uint32_t lit);
struct dnf dnf_and(struct proof *g, struct dnf x, struct dnf y);
struct dnf dnf_or(struct proof *g, struct dnf x, struct dnf y);
/* The same conjunctions of the same literals, in the same order. */
bool dnf_same(const struct dnf *x, const struct dnf *y);
struct dnf dnf_or_all(struct proof *g, const struct dnf *from, uint32_t n);
/* Something of which nothing is known. */
struct dnf dnf_unknown(struct proof *g);
static inline bool dnf_is_true(struct dnf d)
{
	return d.n == 1 && d.at[0].n == 0;
}

/* ---- state.c: what has been written on the way ---- */

struct write {
	const struct write *below; /* earlier ones */
	const struct p_action *action; /* NULL: forwardfor of <section> */
	const struct p_section *section;
	struct dnf cond, ncond; /* when it was done, and when not */
	const struct path_map *map; /* mapuri: one step */
	bool target; /* mapuri: of the target as a whole, not of the path */
	const void *chain; /* equal for equal writes behind equal ones; made when first asked for */
};

/* Before it anything may have been written to variables and captures. */
extern const struct write state_any;
/* <below>, and what <a> writes when <cond> holds. <below> itself when no test of the site can see
 * it. */
const struct write *state_after(struct proof *g, const struct write *below,
				const struct p_action *a, struct dnf cond, struct dnf ncond);
const struct write *state_forwarded(struct proof *g, const struct write *below,
				    const struct p_section *entry);
/* The test that mapuri and uriremap make: the path begins with OLD as whole segments. */
struct dnf state_under(struct proof *g, const struct p_action *a, const struct write *w, bool neg);
/* The condition <e>, negated or not, as it is read after <w>. */
struct dnf state_condition(struct proof *g, const struct p_expr *e, const struct write *w,
			   bool response, bool neg);
struct dnf state_test(struct proof *g, const struct p_test *t, const struct write *w, bool response,
		      bool neg);
/* Can any test of the site see what <a> writes? */
bool state_seen(struct proof *g, const struct p_action *a);
/* Notes what the tests of the site read; first of all. */
void state_init(struct proof *g);
const struct dfa *proof_map_preimage(struct proof *g, const struct path_map *map,
				     const struct dfa *d);

#endif
