/* SPDX-License-Identifier: Apache-2.0 */
/* ways: how requests get to the rules of a section. */
#ifndef WEIR_PROOF_WAYS_H
#define WEIR_PROOF_WAYS_H

#include "context.h"

enum ways { WAYS_ALL, WAYS_STOPPED, WAYS_CUT /* too many */ };

/* Hands to <take> every way to the rules of <to> in direction <dir>, as a scene whose last segment
 * is open: no rule of it is said to end it. <take> may change the scene, which stays valid; when it
 * returns true, no more are handed out. */
enum ways ways_to(struct proof *g, const struct p_section *to, enum rule_dir dir,
		  bool (*take)(void *arg, struct scene *sc), void *arg);
/* Adds a condition that must hold. False: it never does. */
bool scene_needs(struct proof *g, struct scene *sc, struct dnf d);
/* The backend that requests get for which nothing on the way has chosen, or NULL. */
const struct p_section *scene_default(const struct scene *sc);
/* Does it receive connections? */
bool ways_entry(const struct p_section *s);

#endif
