/* SPDX-License-Identifier: Apache-2.0 */
/* query: "CONDITION & outcome TERMS": is there a request that meets both? The condition is what a
 * rule may have, "TEST on ACLS" or "on …", of the request as it comes in. Terms are the words of
 * "expect" (request.h), and:
 *   allow            a server gets the request        section NAME   that section's rules run
 *   rule FILE:LINE   that rule decides                matched FILE:LINE   that rule matches
 * Each part may be missing. Errors that the proxy answers by itself (400, 500, 503 without a server
 * that is up) are no outcomes here, but the lack of a backend is. */
#ifndef WEIR_QUERY_H
#define WEIR_QUERY_H

#include "ast.h"
#include "proof/proof.h"

struct asking {
	struct arena *a;
	struct str text; /* as given */
	struct str cond, outcome; /* its parts; empty: none */
	struct expectations expect;
	struct str section, rule, matched; /* names as given; empty: none */
	struct str writes; /* the header of the last term about one; empty: none */
	bool allow;
	uint32_t nasserts; /* of <site>, before those of the query */
	uint32_t nhints, write_hint; /* write_hint: of the last term about a header; nhints: none */
	bool has_cond;
};

/* Reads <text> and puts what must be lowered with the site into <site>, before lower(). False
 * after a report, or with a sentence in <why>. */
bool query_read(struct asking *q, struct arena *a, struct ast *site, struct str text,
		const char **why);

struct query_report {
	bool all, json;
	FILE *out;
};

/* Asks, and writes what came out. NULL and the answer, or why a name of the query is none. */
const char *query_ask(struct asking *q, const struct program *p, const struct query_report *r,
		      enum answer *answer);

#endif
