/* SPDX-License-Identifier: Apache-2.0 */
/* What the handshake of a connection has told. */
#include "tls.h"

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

#include "tls_priv.h"

const char *tls_failure(const struct conn *c)
{
	const struct tls *t = tls_of(c);

	return t && t->failed ? t->why : NULL;
}

struct str tls_sni(const struct conn *c)
{
	const struct tls *t = tls_of(c);
	const char *name =
		t && t->done ? SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name) : NULL;

	return name ? str_from(name) : (struct str) { 0 };
}

struct str tls_alpn(const struct conn *c)
{
	const struct tls *t = tls_of(c);
	const unsigned char *p = NULL;
	unsigned n = 0;

	if (t && t->done)
		SSL_get0_alpn_selected(t->ssl, &p, &n);
	return n ? str_of((const char *)p, n) : (struct str) { 0 };
}

static ptrdiff_t name_text(const X509_NAME *name, char *out, size_t room)
{
	BIO *b = BIO_new(BIO_s_mem());
	ptrdiff_t n = -1;
	char *p;
	long len;

	if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(b, &p);
		if (len >= 0 && (size_t)len <= room) {
			memcpy(out, p, (size_t)len);
			n = len;
		}
	}
	BIO_free(b);
	return n;
}

static ptrdiff_t common_name(const X509_NAME *name, char *out, size_t room)
{
	int at = -1, last = -1, len;
	unsigned char *utf8;
	ptrdiff_t n = -1;

	while ((at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0)
		last = at;
	if (last < 0)
		return -1;
	len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
	if (len < 0)
		return -1;
	if ((size_t)len <= room) {
		memcpy(out, utf8, (size_t)len);
		n = len;
	}
	OPENSSL_free(utf8);
	return n;
}

static ptrdiff_t hex(const unsigned char *p, int n, char *out, size_t room)
{
	static const char digits[] = "0123456789abcdef";

	if (n <= 0 || (size_t)n * 2 > room)
		return -1;
	for (int i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	return (ptrdiff_t)n * 2;
}

static ptrdiff_t when(const ASN1_TIME *at, char *out, size_t room)
{
	struct tm tm;

	if (room < sizeof("2026-01-31T23:59:59Z") || !ASN1_TIME_to_tm(at, &tm))
		return -1;
	return (ptrdiff_t)strftime(out, room, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static ptrdiff_t field_text(const X509 *cert, enum tls_field field, char *out, size_t room)
{
	const ASN1_INTEGER *serial;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	switch (field) {
	case TLS_FIELD_SUBJECT:
		return name_text(X509_get_subject_name(cert), out, room);
	case TLS_FIELD_ISSUER:
		return name_text(X509_get_issuer_name(cert), out, room);
	case TLS_FIELD_CN:
		return common_name(X509_get_subject_name(cert), out, room);
	case TLS_FIELD_SERIAL:
		serial = X509_get0_serialNumber(cert);
		return hex(ASN1_STRING_get0_data(serial), ASN1_STRING_length(serial), out, room);
	case TLS_FIELD_SHA256:
		return X509_digest(cert, EVP_sha256(), digest, &n) ? hex(digest, (int)n, out, room)
								   : -1;
	case TLS_FIELD_NOT_BEFORE:
		return when(X509_get0_notBefore(cert), out, room);
	case TLS_FIELD_NOT_AFTER:
		return when(X509_get0_notAfter(cert), out, room);
	case TLS_FIELDS:
		break;
	}
	return -1;
}

ptrdiff_t tls_cert(const struct conn *c, enum tls_field field, char *out, size_t room)
{
	const struct tls *t = tls_of(c);
	X509 *cert = t && t->done ? SSL_get1_peer_certificate(t->ssl) : NULL;
	ptrdiff_t n = cert ? field_text(cert, field, out, room) : -1;

	X509_free(cert);
	return n;
}
