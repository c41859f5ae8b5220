/* SPDX-License-Identifier: Apache-2.0 */
/* xlog: fills the log record of an exchange that ends. */
#ifndef WEIR_PROXY_XLOG_H
#define WEIR_PROXY_XLOG_H

#include "exchange.h"

/* Puts the record of <x> into the thread's ring, unless its frontend logs nowhere or a rule
 * silenced it. */
void xlog_write(struct exchange *x);

#endif
