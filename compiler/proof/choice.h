/* SPDX-License-Identifier: Apache-2.0 */
/* choice: what a computed switch or setbe needs to choose a certain section. */
#ifndef WEIR_PROOF_CHOICE_H
#define WEIR_PROOF_CHOICE_H

#include "context.h"

/* When the computed choices of <r> may name <to>: false, when none can. Exact for maps of up to 16
 * keys, that are not dynamic, read of a subject as it is; else more than that, never less. */
struct dnf choice_needs(struct proof *g, const struct crule *r, const struct p_section *to);

#endif
