/* SPDX-License-Identifier: Apache-2.0 */
/* h1_scan: what the parts of the HTTP/1 decoder share. Private to h1_*.c. */
#ifndef WEIR_HTTP_H1_SCAN_H
#define WEIR_HTTP_H1_SCAN_H

#include "h1.h"

/* A head being read. <end> is behind a LF, so that no scan of a class without LF passes it. */
struct h1_scan {
	const char *base; /* first byte of the start line: offset 0 of the message's text */
	const char *p, *end;
	const struct h1_limits *lim;
	const struct h1_error *err;
};

#define H1_FAIL(s, code, what)                                                                     \
	do {                                                                                       \
		static const struct h1_error failure_ = { (code), (what) };                        \
		(s)->err = &failure_;                                                              \
		return H1_BAD;                                                                     \
	} while (0)

/* Field lines through the empty line, into the table of <m>; offsets count from <base>. */
enum h1_result h1_scan_fields(struct h1_scan *s, struct msg *m);

/* What a whole head means. NULL, or why it is refused. Text and table are in place. */
const struct h1_error *h1_frame_request(struct msg *m);
const struct h1_error *h1_frame_response(struct msg *m, bool head_request, bool connect);
/* Target and host of a request. */
const struct h1_error *h1_target(struct msg *m, bool normal);
/* Whether header <i> is none that trailers may hold (RFC 9110 6.5.1). */
bool h1_trailer_forbidden(const struct msg *m, uint32_t i);

#endif
