/* SPDX-License-Identifier: Apache-2.0 */
/* A transport that does what TLS may do: shakes hands, sends because it reads, has to wait for room or
 * for the peer. */
#ifndef WEIR_TESTS_RUNTIME_BOX_H
#define WEIR_TESTS_RUNTIME_BOX_H

#include "../../runtime/net/transport.h"

#define BOX_MASK 0x55
#define BOX_HEAD 3 /* type, length */

/* Records of the transport "box": type, two bytes of length, masked bytes. H: hello, D: data, A: has
 * read, E: end. */
struct box {
	char in[1 << 19]; /* a record may be cut anywhere */
	size_t n;
	bool ready, owe_hello, said_hello, owe_ack, ended;
	bool acks; /* each record of data is answered before the next one is read */
	bool stuck; /* has nothing to seal before the peer says more */
	unsigned shut_tries; /* so often its end cannot be written */
	unsigned freed;
	void (*note)(char what); /* 'e': it has said its end, 'f': it is freed */
};

/* Its context is a struct box. A client's owes the first hello. */
extern const struct transport box_transport;

#endif
