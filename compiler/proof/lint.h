/* SPDX-License-Identifier: Apache-2.0 */
/* lint: the findings that are proved. Private to compiler/proof/. Each file asks one kind of
 * question; proof_lint() calls them in order, because a rule that is dead gets one report. */
#ifndef WEIR_PROOF_LINT_H
#define WEIR_PROOF_LINT_H

#include "../diag.h"
#include "clash.h"
#include "../lint_part.h"
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

/* Does some request get to the rules on requests of a section? None: no, which is proved. */
struct section_fact {
	bool reached, limit, opaque;
};

struct lint {
	struct proof *g;
	const struct program *p;
	struct rule_fact *rules; /* by index */
	struct section_fact *sections; /* by index */
	uint64_t pairs; /* of rules that were compared */
	struct symbols clashes; /* by context: struct clash_table */
	uint64_t replays; /* what all replays have cost, in rules looked at */
	uint64_t replay_cost; /* of one */
	bool untried; /* a replay was refused: LINT_REPLAYS */
	const struct p_rule *denied; /* a request matched it, and the proof was that none does */
	struct vec forwarded; /* struct witness: see lint_forwarded() */
	bool reach_only; /* rules that are reached are not asked about any further */
};

/* Rules that all replays of one run may look at, an expression counting for many. */
#define LINT_REPLAYS 4000000

/* The open scenes of a section's rules; cut: there are too many. */
struct scenes {
	struct vec all; /* struct scene */
	bool cut;
};
void lint_scenes(struct lint *l, const struct p_section *s, enum rule_dir dir, struct scenes *out);
/* The same, with those of all sections that take these rules by use_filters_from. */
void lint_all_scenes(struct lint *l, const struct p_section *s, enum rule_dir dir,
		     struct scenes *out);
/* A copy of <sc> whose last segment ends before rule <stop>. */
struct scene *lint_scene(struct lint *l, const struct scene *sc, uint32_t stop);

/* The same for requests for which rule <stop> of the last segment is the first to choose a backend.
 * NULL: there are none. */
struct scene *lint_choosing(struct lint *l, const struct scene *sc, uint32_t stop);
/* Is there a request for <sc>? When a limit is met, what it needs last may still say no alone.
 * <opaque> (may be NULL) is set when something that cannot be looked into is the reason. */
enum answer lint_search(struct lint *l, const struct scene *sc, bool *opaque);
const struct clash_table *lint_clashes(struct lint *l, const struct context *c);

struct at lint_at(struct p_place place);
/* Not reported: what a library file holds, which nobody uses as a whole. */
bool lint_skips(struct p_place place);
/* Adds the witness to the last report. */
void lint_witness(struct lint *l, const struct witness *w);
bool lint_is_response(enum rule_dir dir);
/* Gives the last report a repair: the statement of <rule> goes. None when other rules are made of
 * the same line. <safe>: the comparison of programs can prove that nothing changes. */
void lint_delete(struct lint *l, const struct p_rule *rule, bool safe);

/* ---- lint_show.c: examples for findings about security ---- */

/* A request at which <rule>, which is on requests, runs and matches, and at which the test <also>
 * holds, as it is read there (NULL: any). False: none was found. */
bool lint_shows(struct lint *l, const struct p_rule *rule, const struct p_test *also,
		struct witness *w);
/* What becomes of <r>, which needs what <of> needs besides. In <a>. NULL: there were too many. */
struct outcome *lint_replay(struct lint *l, struct arena *a, const struct request_spec *r,
			    const struct witness *of);
/* Looks whether the run <o> matched a rule that is proved never to be reached: that is N999. */
void lint_compare(struct lint *l, const struct outcome *o);
/* Reports the request <r> as the witness of the last report. */
void lint_replayed(struct lint *l, const struct request_spec *r, const struct witness *of);
/* A copy of <r> that shares nothing that grows. */
struct request_spec lint_request(struct arena *a, const struct request_spec *r);
/* Puts all headers <name> of <r> away; adds one with <value> unless its p is NULL. */
void lint_set_header(struct arena *a, struct request_spec *r, struct str name, struct str value);
/* Requests that servers get, one at least of each backend that an example was found for. */
const struct vec *lint_forwarded(struct lint *l);
bool lint_in_nets(const uint8_t addr[16], const struct p_net *nets, uint32_t n);
/* Is it one of those that global says are trusted? */
bool lint_trusts(const struct lint *l, const uint8_t addr[16]);
/* The rule turns requests away: deny, drop, tarpit, auth, an answer of 400 and more. */
bool lint_refuses(const struct p_rule *rule);
bool lint_refused(const struct outcome *o);
/* The rule is an allow, and rules behind it in a chain turn requests away. */
bool lint_spares(const struct lint *l, const struct p_rule *rule);
/* The test <t>, not negated, with its value <i> alone; NULL: it has none. */
const struct p_test *lint_one_value(struct lint *l, const struct p_test *t, uint32_t i);
/* A text for which the test <one>, of one value, holds: the value itself or the shortest of an
 * expression. */
bool lint_example(struct lint *l, const struct p_test *one, struct str *text);

/* Fills l->rules and l->reached. False: no request gets into the site, so that nothing follows. */
bool lint_ask_reach(struct lint *l);
/* Is it not certain that no request gets to the rules of <s>? */
bool lint_enters(const struct lint *l, const struct p_section *s);
/* Notes in l->rules which rules stand in the chains of several sections. */
void lint_mark_shared(struct lint *l);
/* Some request gets to rule <rule> of the scenes' chain, satisfies the other parts of its condition,
 * and not part <kid>; true also when that is not decided. */
bool lint_part_matters(struct lint *l, const struct scenes *all, uint32_t rule, uint32_t kid);

void prove_reach(struct lint *l);
void prove_values(struct lint *l);
void prove_holes(struct lint *l);
/* W205. */
void prove_servers(struct lint *l);
void prove_choices(struct lint *l);
void prove_asserts(struct lint *l);
void prove_redundant(struct lint *l);
void prove_loops(struct lint *l);
void prove_writes(struct lint *l);
void prove_alike(struct lint *l);
void prove_stale(struct lint *l);
/* May rule <rule> of the last segment be redundant, as far as the request <q->found> shows? */
bool redundant_perhaps(const struct scene *sc, struct search *q, uint32_t rule);
/* S301 to S304. */
void prove_names(struct lint *l);
/* S305. */
void prove_bypass(struct lint *l);
/* S310 to S313. */
void prove_targets(struct lint *l);
/* S306, S314, S316, S320. */
void prove_trust(struct lint *l);
/* S307, S309, S315, S321. */
void prove_forwarded(struct lint *l);
/* W215. */
void prove_rebases(struct lint *l);

#endif
