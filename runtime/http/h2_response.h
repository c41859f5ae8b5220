/* SPDX-License-Identifier: Apache-2.0 */
/* h2_response: a header list of HTTP/2 becomes the response that HTTP/1 would have made of it
 * (RFC 9113 8.2, 8.3.2). Pure. */
#ifndef WEIR_HTTP_H2_RESPONSE_H
#define WEIR_HTTP_H2_RESPONSE_H

#include "h1.h"
#include "hpack.h"

/* A list while it is decoded; begin by { .head = ..., .connect = ... }. */
struct h2_response {
	struct msg m;
	const struct h1_error *err; /* first thing wrong, or NULL */
	bool head, connect; /* the request was HEAD, CONNECT */
	bool regular; /* a field that is none of the pseudo-fields was there */
};

/* For hpack_decode; <arg> is the struct h2_response. Never false. */
bool h2_response_visit(void *arg, const struct hpack_field *f);
/* The list is whole. <end>: no body follows. NULL: r->m is the response; else why not. r->m is the
 * caller's in any case. */
const struct h1_error *h2_response_end(struct h2_response *r, bool end);

#endif
