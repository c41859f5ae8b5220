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

/* Parts of it, for weir why: the request and where it enters; the outcome; as JSON the members
 * "version", "request" and "entry" behind an open brace, and those of the outcome. */
void explain_request(FILE *out, const struct program *p, const struct request_spec *r,
		     const struct outcome *o, struct arena *a);
void explain_outcome(FILE *out, const struct program *p, const struct outcome *o);
void explain_json_request(FILE *out, const struct request_spec *r, const struct outcome *o);
void explain_json_outcome(FILE *out, const struct program *p, const struct outcome *o);
/* "key":"text", or null when s.p is NULL; "file":…,"line":… */
void explain_json_str(FILE *out, const char *key, struct str s);
void explain_json_place(FILE *out, const struct program *p, struct p_place at);

#endif
