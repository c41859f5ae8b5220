/* SPDX-License-Identifier: Apache-2.0 */
/* compare: which requests two rule programs treat differently. Complete for each pair of deciding
 * rules: a request whose verdict or backend differs has an old and a new deciding rule of which at
 * least one has changed, or reads what a changed rule wrote; each such pair is asked of the proof
 * engine, with both ways in one scene. Every difference carries a request that the interpreter has
 * run through both programs. Settings, servers and binds are the structural diff's business.
 * Counts work, not time. One thread. */
#ifndef WEIR_COMPARE_H
#define WEIR_COMPARE_H

#include "../interp.h"

/* From the most to the least serious. */
enum compare_severity { CMP_EXPOSURE, CMP_OUTAGE, CMP_REROUTE, CMP_REWRITE, CMP_RESPONSE };
extern const char *const compare_severities[];

/* A request, and what became of it on each side; the outcomes have no rules, heads and bodies. */
struct compare_witness {
	struct request_spec request;
	struct interp_state old_state, new_state; /* of the run; not kept */
	struct outcome *old, *new;
	uint32_t nlines;
	struct str lines[40]; /* for people */
	struct str curl;
};

/* Requests that go from <old> to <new>. */
struct compare_class {
	enum compare_severity severity;
	uint32_t logged; /* requests of a log that are in it: its weight among its equals */
	const struct p_rule *old, *new; /* that decide or write; NULL: the end of the rules */
	const struct str *was, *is; /* what happens to them */
	struct compare_witness *witness; /* NULL: not yet, see compare_show() */
	struct end *ends[2]; /* that it was found for */
};

/* A question that a limit left open. */
struct compare_open {
	const struct p_rule *old, *new;
	struct str why;
};

/* A rule whose text changed, without any effect. */
struct compare_idle {
	const struct p_rule *rule;
	bool is_new;
};

struct compare {
	struct arena *a;
	const struct program *old, *new;
	uint32_t nclasses, classes_room;
	struct compare_class *classes; /* by severity, then weight, then places */
	uint32_t nopen, open_room;
	struct compare_open *open;
	uint32_t nidle, idle_room;
	struct compare_idle *idle;
	uint64_t queries;
	struct str fault; /* a proof and the interpreter disagree: what about; empty: never */
	struct pairing *pairing; /* between compare_begin() and compare_end() */
};

/* Compares; but for the classes, all of <c> is in <a>. <old> and <new> are not changed.
 * compare_end() must follow, and frees the classes; their witnesses are in <a>. */
void compare_begin(struct compare *c, struct arena *a, const struct program *old,
		   const struct program *new);
/* Makes the witness of <class>, if it has none: the interpreter runs its request through both
 * programs. False: there is a fault. Of a class that is proved the request is made only here: it is
 * for people. */
bool compare_show(struct compare *c, struct compare_class *class);
/* Sorts the classes again, after their weights were set. */
void compare_sort(struct compare *c);
void compare_end(struct compare *c);
/* All of that at once: every class has its witness, and is in <a>, unless there is a fault. */
void compare_programs(struct compare *c, struct arena *a, const struct program *old,
		      const struct program *new);
bool compare_equal(const struct compare *c);

#endif
