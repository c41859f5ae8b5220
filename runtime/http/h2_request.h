/* SPDX-License-Identifier: Apache-2.0 */
/* h2_request: a header list of HTTP/2 becomes the message that HTTP/1 would have made of the same
 * request (RFC 9113 8.2, 8.3), so that rules and servers cannot tell them apart. Pure.
 *
 * :authority becomes Host, and both together must agree; cookie lines are joined; the path is
 * normalised and the host read by the code of HTTP/1. :scheme is checked and not kept: whether the
 * client came by TLS is known of the connection alone. */
#ifndef WEIR_HTTP_H2_REQUEST_H
#define WEIR_HTTP_H2_REQUEST_H

#include "h1.h"
#include "hpack.h"

/* A list while it is decoded: <m> and the limits set by h2_request_begin, the rest is private. */
struct h2_request {
	struct msg m;
	const struct h1_error *err; /* first thing wrong, or NULL */
	bool malformed; /* and that is RFC 9113 8.1.1: a stream error of type PROTOCOL_ERROR */
	bool trailers, regular;
	uint8_t seen; /* pseudo-fields */
	uint8_t cookies; /* lines; saturates */
	uint32_t uri_max;
};

void h2_request_begin(struct h2_request *r, bool trailers, uint32_t uri_max);
/* For hpack_decode; <arg> is the struct h2_request. Never false. */
bool h2_request_visit(void *arg, const struct hpack_field *f);
/* The list is whole. <end>: no body follows. NULL: r->m is the request, or the trailers (fields that
 * must not be there are dropped); else why not, and r->m holds method and target if they were read.
 * r->m is the caller's in any case. */
const struct h1_error *h2_request_end(struct h2_request *r, bool end);
/* The list is not what its limits allow. */
const struct h1_error *h2_request_over(struct h2_request *r);

#endif
