/* SPDX-License-Identifier: Apache-2.0 */
/* clash: pairs of ends that no request can come to both of, seen from their own conditions alone.
 * Most pairs fall here, at the cost of a comparison of texts. */
#include "../proof/clash.h"
#include "pair.h"

/* The one conjunction that an end needs, or NULL. */
static const struct conj *needs_of(const struct end *e)
{
	const struct context *c = side_list(e->front);
	const struct dnf *d = NULL;

	if (e->stop < c->n)
		d = e->kind == END_CHOICE && e->chooses ? &c->rules[e->stop].choice
							: &c->rules[e->stop].cond;
	return d && d->n == 1 ? &d->at[0] : NULL;
}

bool pair_clash(struct proof *g, const struct end *x, const struct end *y)
{
	const struct conj *c = needs_of(x), *d = needs_of(y);

	return c && d && conj_clash(g, c, d);
}
