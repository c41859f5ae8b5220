/* SPDX-License-Identifier: Apache-2.0 */
/* h1_class: byte classes of HTTP/1 syntax, for the parser and for the proofs about what it takes.
 * LF is in none of them, so a scan of text that ends in LF needs no other bound. */
#ifndef WEIR_BASE_H1_CLASS_H
#define WEIR_BASE_H1_CLASS_H

#include <stdint.h>

#define H1_TOKEN 0x01 /* tchar, RFC 9110 5.6.2 */
#define H1_TARGET 0x02 /* visible ASCII but "#" */
#define H1_SEGMENT 0x04 /* of H1_TARGET, what needs no second look in a path: not "/", "%", "?" */
#define H1_VALUE 0x08 /* HTAB, SP, VCHAR, obs-text, RFC 9110 5.5 */
#define H1_HOST                                                                                    \
	0x10 /* lower-case letters, digits, "-", ".", "_": a host that is its own host form */
#define H1_UNRESERVED 0x20 /* RFC 3986 2.3 */
#define H1_REG_NAME 0x40 /* host names: unreserved and sub-delims, RFC 3986 3.2.2 */

extern const uint8_t h1_classes[256];

static inline uint8_t h1_class(char c)
{
	return h1_classes[(unsigned char)c];
}

#endif
