/* SPDX-License-Identifier: Apache-2.0 */
/* proof: what is true of every request that a site can get. Exact: an answer YES carries a request
 * that shows it, NO is a proof that there is none, and what neither holds for is LIMIT, never a
 * guess. Results depend on the program alone: no clock, no addresses.
 *
 * How to use it: proof_new() once for a program; then as many questions as wanted; proof_free().
 *
 *   struct proof *g = proof_new(&arena, program);
 *   struct witness w;
 *   if (proof_reaches(g, rule, &w) == ANSWER_YES)    // a request at which <rule> matches
 *           witness_print(&w, ...);                   // interp has run it: w.outcome
 *   proof_free(&g);
 *
 * One thread; nothing of <program> is changed. */
#ifndef WEIR_PROOF_H
#define WEIR_PROOF_H

#include "../interp.h"
#include "../regular/dfa.h"

struct proof;
struct model;

/* The program must live as long as the result, whose memory is of <a>, but for what proof_free()
 * gives back. */
struct proof *proof_new(struct arena *a, const struct program *p);
void proof_free(struct proof **g);

/* A request that shows something, and what the interpreter makes of it. */
struct witness {
	struct request_spec request;
	struct interp_state state; /* what it needs besides: values of params, usable servers… */
	struct outcome *outcome; /* of interp_run() */
	bool uncertain; /* it rests on a value of which nothing is known: the outcome decides */
};

/* A rule that takes the requests that another one would. */
struct taker {
	const struct p_rule *rule;
};

struct reach {
	enum answer answer; /* is the rule reached, and does it match, for some request? */
	bool contradiction; /* NO: its condition alone never holds */
	bool entered; /* NO: some request gets to its section */
	bool opaque; /* LIMIT: because of a condition that cannot be looked into */
	struct witness witness; /* YES, when the interpreter agrees */
	bool confirmed; /* YES: it does */
	uint32_t ntakers;
	struct taker *takers; /* NO: rules that together leave nothing for it */
};

/* Is there a request for which <rule> runs and matches? */
void proof_reaches(struct proof *g, const struct p_rule *rule, bool with_witness,
		   struct reach *out);

/* Is there a request for which <rule> runs and does not match? */
void proof_passes(struct proof *g, const struct p_rule *rule, struct reach *out);

/* A counterexample to an assert: YES, with the witness, when there is a request at which it does
 * not hold; NO: it is proved. Errors that the proxy answers by itself (400, 500, 503) break only
 * "always". */
void proof_assert(struct proof *g, const struct p_assert *s, struct reach *out);

/* ---- query.c: is there a request that meets a condition and comes to an outcome? ---- */

/* Where requests come to: a rule that answers, or a backend. */
struct query_end {
	const struct p_rule *rule; /* that answers, or that chose the backend; NULL: none did */
	const struct p_section *backend; /* NULL: answered, or none is chosen */
	const struct p_action *answer; /* of <rule>; NULL: it does not answer */
};

struct query {
	const struct p_expr *cond; /* of the request as it comes in; NULL: none */
	const struct p_section *through; /* its rules run, or its servers are used; NULL: any */
	const struct p_rule *const *matched; /* all of them run and match */
	uint32_t nmatched;
	const struct p_expr *const *hints; /* what an outcome that is hard to see may need */
	uint32_t nhints;
	struct str writes; /* a header of the request that the outcome is about; empty: none */
	bool targets; /* it is about host, method or target as the server gets them */
	uint32_t write_hint; /* of <hints>: that it comes in so; nhints: none */
	void *arg;
	/* May requests that come to <e> have the outcome? False only when it is certain. */
	bool (*fits)(void *arg, const struct query_end *e);
	/* Has the run the outcome? It may change what the server answers, and run it again. */
	bool (*meets)(void *arg, struct witness *w);
	/* Told a request for <e>. True: no more are wanted. */
	bool (*found)(void *arg, const struct query_end *e, const struct witness *w);
};

/* YES: at least one was found. NO: there is none. LIMIT: none was found, and not all was decided.
 * <open>, when it is not NULL: how many ends were not decided. Each end is told once. */
enum answer proof_query(struct proof *g, const struct query *q, uint32_t *open);

/* The witness as text: a request line, its headers, and where it comes from, a line each, into
 * <lines> of <max>; returns how many. */
unsigned witness_lines(struct arena *a, const struct witness *w, struct str *lines, unsigned max);
/* A curl command that sends it to the server at <where> ("http://127.0.0.1:8080"). */
struct str witness_curl(struct arena *a, const struct witness *w, struct str where);

/* All findings of the catalogue that need proofs, reported by diag(). */
void proof_lint(struct arena *a, const struct program *p);
/* W110, which is not among them: it is asked for only when it is wanted. */
void proof_overlaps(struct arena *a, const struct program *p);

#endif
