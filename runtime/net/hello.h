/* SPDX-License-Identifier: Apache-2.0 */
/* hello: reads the first message of a TLS client (RFC 8446 4.1.2) without answering it: the server
 * name (RFC 6066 3) and the protocols it offers (RFC 7301 3.1). Pure: bytes in, slices out. */
#ifndef WEIR_NET_HELLO_H
#define WEIR_NET_HELLO_H

#include <stdbool.h>

#include "../base/str.h"

/* Longest hello that is read, records' headers not counted. */
#define HELLO_MAX 15360

enum hello_got {
	HELLO_WHOLE,
	HELLO_MORE, /* a beginning of one */
	HELLO_NONE /* no TLS client speaks like that, or its hello is longer than HELLO_MAX */
};

/* Joins the records of <in> (fragments of any size) to the handshake message, header included, in
 * <out> of HELLO_MAX bytes; NULL: only looks how much there is. */
enum hello_got hello_join(struct str in, char *out, size_t *n);

/* Of a message made by hello_join. False, and both are empty: it is no valid hello. An absent
 * extension leaves a NULL text. <alpn>: names with a byte of length before each. */
bool hello_read(struct str message, struct str *sni, struct str *alpn);
/* Takes the first name off a list that hello_read has given. */
struct str hello_protocol(struct str *alpn);

#endif
