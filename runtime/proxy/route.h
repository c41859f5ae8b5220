/* SPDX-License-Identifier: Apache-2.0 */
/* route: walks the sections of the site: which chains run in which order, in both directions.
 * Changes messages through the rules; sends nothing. */
#ifndef WEIR_PROXY_ROUTE_H
#define WEIR_PROXY_ROUTE_H

#include "rule.h"

enum route_end {
	ROUTE_SERVER, /* x->be is chosen, the request is ready to be sent */
	ROUTE_ANSWER, /* r->answer */
	ROUTE_DROP,
	ROUTE_FAIL, /* no valid message: 500 */
	ROUTE_NONE /* no backend: 503 */
};

/* req in of the front side, of reqrules and of the backend, then its req out. */
enum route_end route_request(struct exchange *x, struct rule_run *r);
/* The same, behind the rules of r->section, r->dir, which have ended with <end>. */
enum route_end route_on(struct exchange *x, struct rule_run *r, enum rule_end end);
/* Upcall to the exchange: its request's rules have come to this end. */
void route_ended(struct exchange *x, struct rule_run *r, enum route_end end);
/* A server's response: rsp in, then rsp out of backend and front side. ROUTE_SERVER: send x->rsp.
 * ROUTE_ANSWER: in place of it, and the rules that had still to run have run on nothing: call
 * route_made with <from>. */
enum route_end route_response(struct exchange *x, struct rule_run *r);
/* An answer made here (x->rsp): the rsp out rules that stand outside of where it was made. */
enum route_end route_made(struct exchange *x, struct rule_run *r);

#endif
