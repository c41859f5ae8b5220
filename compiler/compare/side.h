/* SPDX-License-Identifier: Apache-2.0 */
/* side: the two programs as the engine of proofs needs them: one joint program in which equal
 * things have equal numbers, and for each side the ends that requests can come to in its front.
 * Private to compiler/compare/. */
#ifndef WEIR_COMPARE_SIDE_H
#define WEIR_COMPARE_SIDE_H

#include "../proof/clash.h"
#include "../proof/search.h"
#include "../proof/ways.h"
#include "compare.h"

/* Mates of lists that were compared already. */
struct known_mates {
	struct arena *a;
	struct symbols lists; /* by the lists: uint32_t[] */
};

struct side;

/* A list of rules as it is entered on one way. */
struct front {
	struct scene *scene; /* its last segment is this one, without a stop */
	struct front *from; /* NULL: an entry */
	uint32_t from_stop; /* rule of <from> that leads here; its n: by passing */
	struct front *mate; /* of the other side, or NULL */
	const uint32_t *mates; /* by rule: the index of its mate in mate's list; NO_INDEX: none */
	struct str key; /* equal for mates */
	bool *touched; /* by rule, and one more for the end: not the same on the other side */
	bool *level; /* by rule, and the end: both sides have written the same before it */
	bool path_touched; /* something on the way here is touched */
	/* What tells ends apart without a question (cull.c): */
	const struct clash_table *edges; /* of its list */
	struct symbols
		*firsts[2]; /* by condition: the first rule that has it and ends, or chooses */
	uint32_t *exits; /* by rule: how many before it end the list without an answer */
};

enum end_kind {
	END_FINAL, /* answered by the rule <stop> */
	END_STOP, /* the front ends at <stop> without an answer, whoever has chosen; in <stops> */
	END_CHOICE /* the rule <stop> is the first that chooses; or, at the front's end, none has */
};

/* An end that requests come to in a front: an answer, or a backend. */
struct end {
	struct front *front;
	enum end_kind kind;
	uint32_t stop; /* rule of the front's list; n: none */
	bool chooses; /* END_CHOICE: <stop> does; else default_backend */
	bool touched;
	const struct p_section *backend; /* END_CHOICE; NULL: none */
	const struct p_rule *rule; /* of the side's own program; NULL: none */
	struct str what; /* outcome, as text: equal texts are equal outcomes */
	struct model
		*alone; /* quick.c: comes here, were it not for other rules; NULL: none known */
	bool tried;
	bool shared; /* its rule has other ends too */
	uint32_t what_no, entry_no; /* equal for equal outcomes; for sections of one name */
	/* Rules of the mate's list that what comes here matches: the first that ends it, and the first
	 * that chooses. NO_INDEX: none is known. */
	uint32_t barrier, chooser;
};

struct side {
	struct proof *g;
	struct arena *a;
	struct arena *scenes; /* of single questions: goes back behind each */
	const struct program *own; /* what is reported, and run */
	struct program *part; /* its copy in the joint program; of the old side the same */
	struct vec fronts; /* struct front */
	struct vec ends, stops; /* struct end; of the stops those that are touched */
	struct symbols keys; /* of fronts */
	struct known_mates *known_mates;
	bool cut; /* too many fronts or ends */
	const struct p_rule *computed; /* a rule that decides by a computed value, or NULL */
};

#define FRONTS_MAX 2000
#define ENDS_MAX 400000

/* Joins the programs: <old> and a copy of <new>, whose numbers are changed. NULL: <new> cannot be
 * copied. */
struct program *side_join(struct arena *a, const struct program *old, const struct program *new,
			  struct program **twin);
void side_fronts(struct side *s);
/* Pairs the fronts of both sides and marks what is touched. */
void side_pair(struct side *old, struct side *new);
void side_ends(struct side *s);
/* The scene of an end, in s->scenes: what a request needs to come to it; behind a rule that chooses
 * and goes on, nothing is asked. False: nothing can. */
bool side_scene(struct side *s, const struct end *e, struct scene *sc);
/* Hands to <take> the choices behind which the front goes on and may end at <stop>. */
void side_choices(struct side *s, const struct end *stop,
		  void (*take)(void *arg, struct end *choice, const struct scene *sc), void *arg);
/* Does the front go on behind the rule that chooses? */
bool side_goes_on(const struct end *e);
/* Hands to <take> the scenes of such a choice for every place where the front may then end without
 * an answer, until it returns true; but those that no request that comes to <other> can take. */
bool side_passing(struct side *s, const struct end *e, const struct end *other,
		  bool (*take)(void *arg, struct scene *sc), void *arg);
/* May the list end at <r> without an answer and without a jump? */
bool side_ends_at(const struct crule *r);
struct context *side_list(const struct front *f);
/* Rule <i> of the list as the side's own program has it. */
const struct p_rule *side_rule(const struct side *s, const struct p_rule *r);
/* Have both the same condition, as it is read from one message? */
bool side_same_meaning(const struct p_rule *x, const struct p_rule *y);
/* For each rule of <new>: its mate in order in the other list, or NO_INDEX. Made once. */
const uint32_t *side_mates(struct known_mates *known, const struct p_chain *old,
			   const struct p_chain *new);

#endif
