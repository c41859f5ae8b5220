/* SPDX-License-Identifier: Apache-2.0 */
/* explain: runs the interpreter on one request and says which rules it met, what they did and
 * what came out. */
#ifndef WEIR_EXPLAIN_H
#define WEIR_EXPLAIN_H

#include "interp.h"

/* Writes the explanation to <out>, as text for a person or as one JSON object {"version":1,...}
 * (docs/ has its members).
 * Returns 0; 1 when the request could not enter the site at all (then the text says why). */
int explain(const struct program *p, const struct request_spec *r, FILE *out, bool json);

#endif
