/* SPDX-License-Identifier: Apache-2.0 */
/* tls: TLS 1.2 and 1.3 by OpenSSL as a transport of connections (transport.h), on either side. An
 * optional part: only sites with "tls" on some line have it and the library. OpenSSL sees memory
 * alone: received buffers are its input, the buffer that is sent next its output, so nothing here
 * waits. Between turns a connection holds OpenSSL's own state and, while nobody asks for what has
 * come, the buffers it came in. */
#ifndef WEIR_NET_TLS_H
#define WEIR_NET_TLS_H

#include "conn.h"

enum tls_verify { TLS_VERIFY_NONE, TLS_VERIFY_OPTIONAL, TLS_VERIFY_REQUIRED };

struct tls_conf {
	bool back; /* we are the client */
	enum tls_verify verify; /* of the peer's certificate */
	/* PEM files: certificate, those that signed it, and the key, or that in FILE.key. Front: the
	 * first is shown to clients that name no server, or another one. */
	const char *const *certs;
	unsigned ncerts;
	const char *ca; /* who may have signed the peer's certificate; NULL: the system's list */
	const char *name; /* back: the server's name, or its IP address, or NULL: nobody's */
	struct str alpn; /* names with commas between, best first */
};

struct tls_ctx;

/* Before the threads: pools. Twice is harmless. */
void tls_init(void);
/* Reads the files. NULL and a sentence in <why>; *<file>: what it is about, or NULL. Shared by all
 * threads afterwards, and never changed. */
struct tls_ctx *tls_ctx_make(const struct tls_conf *conf, char *why, size_t room,
			     const char **file);
void tls_ctx_free(struct tls_ctx *ctx);
/* On each thread at its end: sessions of servers. */
void tls_thread_stop(void);

/* How a handshake ended that did not end well. */
enum tls_loss { TLS_REFUSED, TLS_PEER_LEFT, TLS_NO_TIME };

/* The work of a handshake handler (conn.h), the last of its list: the handshake of <ctx>. What is
 * queued for a server goes before it, in clear. The library's state is made when a client's first
 * bytes come. <lost>, which may be NULL, is called once for a connection whose handshake was begun and
 * is not done when it is freed; <why>: a few words. */
enum hs_result tls_handshake(struct conn *c, const struct tls_ctx *ctx, struct str in,
			     void (*lost)(struct conn *c, enum tls_loss loss, const char *why));

/* Why the handshake of <c> has failed, in a few words; NULL: it has not. */
const char *tls_failure(const struct conn *c);

/* What the handshake of <c>, which is ready, has told; empty when it told nothing. The text lives as
 * long as the connection. */
struct str tls_sni(const struct conn *c);
struct str tls_alpn(const struct conn *c);

enum tls_field {
#define CERT_FIELD(id, name, doc) TLS_FIELD_##id,
#include "../../grammar/cert.def"
	TLS_FIELDS
};
/* A field of the client's verified certificate into <out>: its length; -1: there is no certificate,
 * it has no such field, or more than <room> bytes. */
ptrdiff_t tls_cert(const struct conn *c, enum tls_field field, char *out, size_t room);

#endif
