/* SPDX-License-Identifier: Apache-2.0 */
/* Between tls.c (the transport), tls_ctx.c (what files say) and tls_info.c (what a handshake said). */
#ifndef WEIR_NET_TLS_PRIV_H
#define WEIR_NET_TLS_PRIV_H

#include <openssl/ssl.h>

#include "tls.h"
#include "transport.h"

/* A name of a certificate, in lower case; "*.example.com" stands for one label more. */
struct tls_name {
	char *text;
	unsigned cert;
};

struct tls_ctx {
	SSL_CTX **certs; /* one a certificate file, at least one; the first holds the sessions */
	unsigned ncerts;
	struct tls_name *names; /* sorted by text */
	unsigned nnames;
	unsigned char *alpn; /* as on the wire */
	unsigned nalpn;
	bool back;
	char *name; /* back: for SNI and verification, or NULL */
	bool by_ip; /* <name> is an address: no SNI */
	unsigned number; /* back: of its place in the sessions of a thread */
};

/* One a connection: the context of its transport. */
struct tls {
	SSL *ssl;
	const struct tls_ctx *ctx;
	struct buf *in, *in_last; /* received, not yet read by the library: chained (tls.c) */
	struct buf *spare; /* the last that was read to its end, during a step */
	struct buf *held; /* written while nobody gave a place: goes first into the next */
	struct buf *out; /* the place, during seal and shut */
	uint32_t clear; /* bytes of the queue that go before the handshake, in clear */
	bool mute; /* our direction has ended or failed: what the library writes is dropped */
	bool done; /* the handshake */
	bool failed; /* it, for <why> */
	enum transport_result over; /* END or FAILED, behind the last plain text; else OK */
	const char *why;
	void (*lost)(struct conn *c, enum tls_loss loss, const char *why);
};

/* The library's state of a new connection of <ctx>; NULL: memory is out. */
SSL *tls_ctx_new(const struct tls_ctx *ctx);
/* What <c> has, or NULL when it is in clear. */
struct tls *tls_of(const struct conn *c);

#endif
