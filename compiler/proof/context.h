/* SPDX-License-Identifier: Apache-2.0 */
/* context: the rules of one section and direction, as they read the message when they are entered
 * with what was written before; indexed, so that the first rule that matches a model is found
 * without trying all. A scene is a way through several of them. */
#ifndef WEIR_PROOF_CONTEXT_H
#define WEIR_PROOF_CONTEXT_H

#include "model.h"

#define RULE_ENDS 0x01 /* the section's rules end when it matches */
#define RULE_FINAL 0x02 /* there is an answer */
#define RULE_CHOOSES 0x04 /* chooses a backend, unless one is chosen */
#define RULE_MAYBE 0x08 /* what it does depends on a computed value */

/* A rule in its context. */
struct crule {
	const struct p_rule *rule;
	unsigned flags;
	struct dnf cond; /* it matches */
	struct dnf choice; /* CHOOSES: when it does */
	const struct write *before;
	const struct p_section *jump; /* switch to rules */
	const struct p_section *backend; /* CHOOSES: that one */
	bool writes;
};

/* One conjunction of a rule, hung on one of its literals. */
struct hung {
	struct hung *next;
	uint32_t rule;
	const struct conj *conj;
	bool choice; /* of <choice>, not of <cond> */
};

/* What hangs on one atom, in order of rules. */
struct hook {
	uint32_t atom; /* its index and 1; 0: free */
	struct hung *first, *last;
	uint32_t n;
};

/* Hooks by atom: open addressing, a power of two of places of which at least half are free. */
struct hooks {
	uint32_t n, size;
	struct hook *at;
};

struct context {
	const struct p_section *section;
	enum rule_dir dir;
	const struct write *in, *out; /* out: when all rules have been passed */
	uint32_t n;
	uint32_t first_remap; /* first rule that writes by uriremap; NO_INDEX: none */
	struct crule *rules;
	struct hooks index;
	struct hung *always, **always_end;
	uint32_t nfields, fields_room;
	struct proof_field **fields; /* that watch rules */
};

/* Rules of <s> in direction <dir> behind <in>. Made once for each. */
#define CHOICE_OPEN (UINT32_MAX - 1)

struct context *context_get(struct proof *g, const struct p_section *s, enum rule_dir dir,
			    const struct write *in);
/* What is written when the rules up to <stop>, which matches, have been passed; <choice>: the rule
 * of this context that chooses the backend, NO_INDEX when one of another context does, or
 * CHOICE_OPEN. */
const struct write *context_left(struct proof *g, const struct context *c, uint32_t stop,
				 uint32_t choice);
/* The first rule below <limit> with one of <flags> that takes the model; CHOOSES means that it
 * chooses, any other flag that it matches. NULL: none. */
const struct hung *context_first(struct solver *s, const struct context *c, struct model *m,
				 unsigned flags, uint32_t limit);
/* The same, of the rules from <from> on. */
const struct hung *context_next(struct solver *s, const struct context *c, struct model *m,
				unsigned flags, uint32_t from, uint32_t limit);

#define SCENE_SEGMENTS 40

/* One section of a way. */
struct segment {
	struct context *context;
	uint32_t stop; /* rule that ends it; context->n: none does */
	uint32_t unchosen; /* rules before this one must not choose a backend */
};

struct scene {
	const struct p_section *entry, *backend; /* backend: NULL while none is chosen */
	const struct p_rule *chooser; /* NULL: default_backend */
	uint32_t n;
	struct segment at[SCENE_SEGMENTS];
	uint32_t nneeds, room;
	struct dnf *needs; /* all of them hold */
};

#endif
