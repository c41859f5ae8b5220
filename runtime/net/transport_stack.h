/* SPDX-License-Identifier: Apache-2.0 */
/* transport_stack: a second transport above the first one, as TLS in a tunnel that has TLS itself. The
 * ends come from above: upper, lower, descriptor. Between turns it holds a buffer only while the
 * lower one cannot take what the upper one has sealed. Private to conn_transport.c. */
#ifndef WEIR_NET_TRANSPORT_STACK_H
#define WEIR_NET_TRANSPORT_STACK_H

#include "transport.h"

void stack_init(void);
/* Puts <t> above what <c> has. False: memory is out. */
bool stack_put(struct conn *c, const struct transport *t, void *ctx);
/* What the uppermost <t> of <c> was put on with, or NULL. */
void *stack_find(const struct conn *c, const struct transport *t);

#endif
