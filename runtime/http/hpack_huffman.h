/* SPDX-License-Identifier: Apache-2.0 */
/* hpack_huffman: the fixed Huffman code of RFC 7541 appendix B. The code is canonical, so its
 * tables are made from the lengths alone. Pure. */
#ifndef WEIR_HTTP_HPACK_HUFFMAN_H
#define WEIR_HTTP_HPACK_HUFFMAN_H

#include "../base/str.h"

/* Most bytes that <n> encoded bytes decode to: no code has less than 5 bits. */
#define HPACK_DECODED(n) ((size_t)(n)*8 / 5)

/* Before the threads start: makes the tables. Twice is harmless. */
void hpack_huffman_setup(void);
/* Decodes <in> to <out>, which has room for HPACK_DECODED(in.n). The number of bytes, or -1: not
 * this code, or its padding is not right (RFC 7541 5.2). */
ptrdiff_t hpack_huffman_decode(struct str in, char *out);
/* Bytes of <s> encoded. */
size_t hpack_huffman_size(struct str s);
/* Writes <s> encoded to <out>, which has room for hpack_huffman_size(s); behind its last byte. */
uint8_t *hpack_huffman_encode(struct str s, uint8_t *out);

#endif
