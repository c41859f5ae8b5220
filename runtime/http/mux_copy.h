/* SPDX-License-Identifier: Apache-2.0 */
/* mux_copy: the copy counter of a thread. Owner thread only. */
#ifndef WEIR_HTTP_MUX_COPY_H
#define WEIR_HTTP_MUX_COPY_H

#include <stddef.h>

void mux_copied(size_t n);

#endif
