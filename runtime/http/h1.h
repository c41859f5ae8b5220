/* SPDX-License-Identifier: Apache-2.0 */
/* h1: strict HTTP/1.1 decoder and encoder (RFC 9112). Pure: bytes in, message out, no connection
 * in sight. One framing for each message; anything two readers could read differently is refused:
 * bare CR or LF, folded lines, blanks before the colon, several or odd Content-Length,
 * Transfer-Encoding beside Content-Length or in 1.0, several or missing Host, invalid bytes in
 * names, values, method, target. */
#ifndef WEIR_HTTP_H1_H
#define WEIR_HTTP_H1_H

#include "msg.h"

/* Why a message is refused: a static const object; NULL is success. */
struct h1_error {
	uint16_t status; /* answer to a client: 400, 414, 431, 501, 503, 505; a bad response is 502
			  */
	const char *text; /* for logs */
};

struct h1_limits {
	uint32_t head, headers, uri; /* bytes, lines, bytes */
};

enum h1_result { H1_MORE, H1_DONE, H1_BAD };

/* Parses one whole head (through the empty line) from <in>. H1_MORE: not whole yet; call again
 * with all bytes from the head's start (<seen> bytes of them were looked at before: the scan
 * resumes there, so a dripped head costs linear time). H1_DONE: <m> filled (its own copy),
 * *<used> bytes eaten. H1_BAD: *<err> says why; told when the head is whole, or too long, or its
 * start line is whole, or in the first call. Leading empty lines before a request line are
 * skipped, at most 2 (RFC 9112 2.2). <head_request>: parsing a response to HEAD; <connect>: to
 * CONNECT. */
enum h1_result h1_parse_request(struct str in, size_t *seen, const struct h1_limits *lim,
				struct msg *m, size_t *used, const struct h1_error **err);
/* The request line alone of a head that h1_parse_request has refused, for a log: <m> has method,
 * target and version, and nothing else. False: the line is not valid either, or memory is out. */
bool h1_parse_line(struct str in, struct msg *m);
enum h1_result h1_parse_response(struct str in, size_t *seen, const struct h1_limits *lim,
				 bool head_request, bool connect, struct msg *m, size_t *used,
				 const struct h1_error **err);

/* Chunked decoder (RFC 9112 7.1): eats framing, tells runs of data. Extensions are checked and
 * dropped, limited. */
struct h1_chunk {
	uint64_t left; /* of the present chunk */
	uint8_t state;
	uint8_t digits;
	uint16_t extra; /* bytes of extensions seen */
};
/* Looks at <in>. *<data>: one run of body bytes (n == 0: none); *<used>: all bytes eaten, data
 * included. H1_MORE with *<used> == <in>.n asks for more input, with less there is more to be had
 * from the rest. H1_DONE: the last chunk's size line is eaten, trailers follow. */
enum h1_result h1_chunk_parse(struct h1_chunk *c, struct str in, struct str *data, size_t *used,
			      const struct h1_error **err);
/* Trailer section through the empty line; forbidden fields (framing, routing; RFC 9110 6.5.1) are
 * dropped. */
enum h1_result h1_parse_trailers(struct str in, size_t *seen, const struct h1_limits *lim,
				 struct msg *m, size_t *used, const struct h1_error **err);

/* How the head is framed for its receiver; framing and hop-by-hop fields are written from this
 * alone. */
struct h1_framing {
	enum msg_body body;
	uint64_t length;
	bool close; /* say Connection: close */
	bool keep_alive; /* say Connection: keep-alive (HTTP/1.0 peers) */
	bool upgrade; /* pass Upgrade and Connection: upgrade */
	bool raw_target; /* send the received target */
	bool http10; /* write the version as 1.0 */
};
/* Bytes that h1_write_head needs at most. */
size_t h1_head_size(const struct msg *m, const struct h1_framing *f);
/* Writes the head to <out> (at least h1_head_size bytes) and returns its length. Only reads <m>:
 * a retry gives the same bytes. */
size_t h1_write_head(const struct msg *m, const struct h1_framing *f, char *out);
/* Last chunk, the trailers of <m> (NULL: none) and the empty line; <out> has room for
 * h1_head_size (none: 5 bytes). */
size_t h1_write_trailers(const struct msg *m, char *out);
/* "1f40\r\n" right before <end>, which has 18 bytes before it; returns how many bytes before
 * <end> it begins. */
size_t h1_chunk_line(uint64_t size, char *end);

#endif
