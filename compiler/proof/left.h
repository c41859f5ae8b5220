/* SPDX-License-Identifier: Apache-2.0 */
/* left: what one action leaves of a field of the message: a text that is known, the value of a param,
 * another target by a map, or anything. The condition of the action is no matter here. */
#ifndef WEIR_PROOF_LEFT_H
#define WEIR_PROOF_LEFT_H

#include "engine.h"

/* What a write leaves of a field. */
enum effect {
	EFFECT_NONE,
	EFFECT_CONST, /* these values, none: absent */
	EFFECT_ADD, /* the values that were, and these */
	EFFECT_MAP,
	EFFECT_PARAM, /* the value of a param */
	EFFECT_OPAQUE
};

struct left {
	enum effect effect;
	uint32_t n;
	struct str text; /* the one value */
	struct p_net net;
	int64_t num;
	const struct p_param *param;
};

/* What <w>, done, leaves of <f>. */
struct left left_of(struct proof *g, const struct proof_field *f, const struct write *w);
/* The constant text of a write, as it gets into the message; p NULL: it is computed. */
struct str left_text(const struct p_text *t);
/* A value that other requests and time change. */
bool left_counter(const struct proof_field *f);

#endif
