/* SPDX-License-Identifier: Apache-2.0 */
/* handshake: the handlers that a connection's handshake list may hold; each is named only by
 * sites that use it. Order of a client's list: monitor, accept_proxy, conn_in, TLS (tls.h).
 * monitor-net is about the peer of the socket, rules are about the client that the PROXY header
 * tells. */
#ifndef WEIR_NET_HANDSHAKE_H
#define WEIR_NET_HANDSHAKE_H

#include "conn.h"

/* Client side, settings in the listener. A peer of monitor-net gets a plain 200 at once,
 * whatever it sends. */
extern const struct handshake hs_monitor;
/* The PROXY header, version 1 or 2, must come first; anything else ends the connection. */
extern const struct handshake hs_accept_proxy;
/* "conn in" rules, by the listener's conn_in. */
extern const struct handshake hs_conn_in;
/* Rules that said HS_HOLD: the connection's handshake stands still, its timeout too / they are
 * asked again. Does nothing on a connection that ends. */
void hs_conn_in_hold(struct conn *c);
void hs_conn_in_go_on(struct conn *c);

/* Server side: tells the addresses of conn_tell_addrs, in one packet with what follows. */
extern const struct handshake hs_send_proxy_v1, hs_send_proxy_v2;

#endif
