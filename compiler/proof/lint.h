/* SPDX-License-Identifier: Apache-2.0 */
/* lint: the findings that are proved. Private to compiler/proof/. Each file asks one kind of
 * question; proof_lint() calls them in order, because a rule that is dead gets one report. */
#ifndef WEIR_PROOF_LINT_H
#define WEIR_PROOF_LINT_H

#include "../diag.h"
#include "clash.h"
#include "search.h"
#include "ways.h"
#include "witness.h"

enum fate {
	FATE_UNKNOWN, /* not decided, or not asked */
	FATE_REACHED,
	FATE_DEAD, /* reported, or part of something that is */
};

/* What is known of a rule, over all sections whose chains hold it. */
struct rule_fact {
	enum fate fate;
	bool asked, limit, opaque, entered, blocked;
	bool shared; /* in the chains of several sections */
	bool alike; /* the request that reached it would meet the same without it */
	struct vec takers; /* struct p_rule */
};

struct lint {
	struct proof *g;
	const struct program *p;
	struct rule_fact *rules; /* by index */
	bool *reached; /* by section index: some request gets to its rules on requests */
	uint64_t pairs; /* of rules that were compared */
	struct symbols clashes; /* by context: struct clash_table */
};

/* The open scenes of a section's rules; cut: there are too many. */
struct scenes {
	struct vec all; /* struct scene */
	bool cut;
};
void lint_scenes(struct lint *l, const struct p_section *s, enum rule_dir dir, struct scenes *out);
/* A copy of <sc> whose last segment ends before rule <stop>. */
struct scene *lint_scene(struct lint *l, const struct scene *sc, uint32_t stop);

/* The same for requests for which rule <stop> of the last segment is the first to choose a backend.
 * NULL: there are none. */
struct scene *lint_choosing(struct lint *l, const struct scene *sc, uint32_t stop);
const struct clash_table *lint_clashes(struct lint *l, const struct context *c);

struct at lint_at(struct p_place place);
/* Not reported: what a library file holds, which nobody uses as a whole. */
bool lint_skips(struct p_place place);
/* Adds the witness to the last report. */
void lint_witness(struct lint *l, const struct witness *w);
bool lint_is_response(enum rule_dir dir);
/* Gives the last report a safe repair: the statement of <rule> goes. None when other rules are made
 * of the same line. */
void lint_delete(struct lint *l, const struct p_rule *rule);

void prove_reach(struct lint *l);
void prove_values(struct lint *l);
void prove_holes(struct lint *l);
void prove_choices(struct lint *l);
void prove_asserts(struct lint *l);
void prove_redundant(struct lint *l);
/* May rule <rule> of the last segment be redundant, as far as the request <q->found> shows? */
bool redundant_perhaps(struct lint *l, const struct scene *sc, struct search *q, uint32_t rule);

#endif
