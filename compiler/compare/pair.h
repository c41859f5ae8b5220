/* SPDX-License-Identifier: Apache-2.0 */
/* pair: questions about one end of each side. Private to compiler/compare/. */
#ifndef WEIR_COMPARE_PAIR_H
#define WEIR_COMPARE_PAIR_H

#include "side.h"

#define QUERIES_MAX 4000000 /* of one comparison */

/* What makes classes one: rules by their index, outcomes by their number. */
struct class_name {
	uint32_t old, new, was, is;
};

struct pairing {
	struct compare *c;
	struct arena *a;
	struct arena *scenes, scene_memory; /* of single questions */
	struct known_mates mates;
	struct symbols outcomes, entries; /* texts that have numbers */
	struct proof *g;
	struct program *joint, *twin;
	struct side side[2]; /* old, new */
	struct symbols asked; /* classes that were found and may be found again */
	struct symbols opened; /* pairs of rules that are told as not decided */
	bool *guilty[2]; /* by rule of the own program: in a class, or undecided */
	bool *changed[2]; /* its text has no mate */
	bool full; /* QUERIES_MAX */
	void **codes; /* of runs of the new program */
	struct arena scratch; /* of the last witness that was found */
	struct arena_mark empty;
	struct arena models; /* of ends alone */
};

/* cull.c: before the first question, when there will be any. */
void cull_prepare(struct pairing *p);
/* Is it plain that no request comes to both? By the places of rules that are on both sides; by what
 * their conditions say. */
bool cull_places(const struct end *x, const struct end *y);
bool cull_texts(struct proof *g, const struct end *x, const struct end *y);

/* quick.c: is there a request on <sc>, the scene of both? False: it is not known. */
bool quick_meets(struct pairing *p, struct end *x, struct end *y, const struct scene *sc);

/* <y> behind <x>, as one scene, in p->scenes. False: it is too long. */
bool pair_join(struct pairing *p, const struct scene *x, const struct scene *y, struct scene *out);
/* Asks for a request on <sc>; its witness, run on both sides, in <w>, unless that is NULL, when there
 * is one. It lasts until the next question. */
/* Counts a question. False: there were too many. */
bool pair_counted(struct pairing *p);
enum answer pair_ask(struct pairing *p, const struct scene *sc, struct compare_witness **w);
/* <w> in <a>, without what only the run needed. */
struct compare_witness *pair_kept(struct arena *a, const struct compare_witness *w);
/* Does <sc> need something of which nothing is known? Then a request that was found may fail. */
bool pair_uncertain(const struct pairing *p, const struct scene *sc);
/* Did both programs do the same with the request: outcome, heads, checkpoints? */
bool pair_same_outcome(const struct compare_witness *w);
/* Adds <class>; <w>, which is copied: its witness, or NULL. */
void pair_add(struct pairing *p, struct compare_class class, const struct compare_witness *w);
void pair_open(struct pairing *p, const struct p_rule *old, const struct p_rule *new,
	       const char *why);
/* Notes that <rule> of the side's own program has something to do with a difference. */
void pair_guilty(struct pairing *p, int side, const struct p_rule *rule);

/* class.c: what it means that <was> becomes <is>. */
enum compare_severity class_severity(struct str was, struct str is);
/* Changed rules of which no class tells anything. */
void class_idle(struct pairing *p);

/* ends.c: answers and choices of backends in the fronts. */
void pair_ends(struct pairing *p);
/* Runs the request of a class that was found without it; a run that comes elsewhere is a fault. */
void pair_replay(struct pairing *p, struct compare_class *class);
/* writes.c: rules that write, on the way to a backend and back. */
void pair_writes(struct pairing *p);
/* backend.c: rules of backends that answer. */
void pair_backends(struct pairing *p);

#endif
