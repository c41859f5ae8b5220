/* SPDX-License-Identifier: Apache-2.0 */
/* siphash: SipHash-2-4 with 128 bits of result (Aumasson, Bernstein 2012): a keyed hash of texts
 * that others choose. Who does not know the key cannot make two texts meet. Not for signatures. */
#ifndef WEIR_BASE_SIPHASH_H
#define WEIR_BASE_SIPHASH_H

#include <stdbool.h>

#include "str.h"

/* Hash of <s> under <key>; <lower>: of the text with ASCII letters in lower case. Any thread. */
void siphash128(const uint64_t key[2], struct str s, bool lower, uint64_t out[2]);

#endif
