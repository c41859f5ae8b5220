/* SPDX-License-Identifier: Apache-2.0 */
/* decide: for each chain of rules, the tables by which a binary finds the rules whose conditions
 * can hold, at a cost that does not grow with their number (runtime/site.h, struct ws_decide).
 *
 * The tables only narrow. A rule waits for literals (positive tests) that must hold when its
 * condition does; the rules whose literals hold are tested as always, in order, and the others
 * cannot match. Rules without such a literal wait for nothing. Where what a rule waits for is all
 * of its condition, it is not tested again.
 *
 * A chain keeps its plain form where that is cheaper, by a count of steps; never by a clock, so the
 * same site gives the same tables everywhere. */
#ifndef WEIR_DECIDE_H
#define WEIR_DECIDE_H

#include "../emit.h"

enum decide_mode { DECIDE_AUTO, DECIDE_ALWAYS, DECIDE_NEVER };

/* What no request passes. A step is about 60 instructions, 4 bytes cost at most one; a run of PCRE2 has
 * its match limit. */
struct decide_worst {
	uint64_t rules, steps, bytes, pcre2; /* rules tested, bytes read, runs of PCRE2 */
};
#define DECIDE_BYTES_A_STEP 4

/* What became of one chain, for people. */
struct decide_report {
	uint32_t row; /* of decides, or WS_NONE: tested in line; the rest is then of no use but
			 <inline_steps> */
	uint32_t inline_steps, steps; /* estimated for one request: in line, by the tables */
	uint32_t watched, always, held; /* rules: by tables, always tested, not tested again */
	uint32_t values; /* looked at */
	uint32_t changing; /* rules that may change a value looked at */
	uint32_t candidates_max; /* rules tested for the worst request, changes apart */
	struct decide_worst look, worst; /* of looking at all values once; of the chain */
};

/* After emit_build. Adds the tables of every chain that gets them to <e>, and names them in the
 * rows of its sections. Reports in e->decided, one a section and direction. */
void decide_build(struct emit *e, enum decide_mode mode);

#endif
