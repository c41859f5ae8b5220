/* SPDX-License-Identifier: Apache-2.0 */
/* What files and lines say of TLS, as the library wants it; sessions of servers. Only tls_ctx_new and
 * what it calls run while serving. */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tls_priv.h"

/* TLS 1.2: forward secret and authenticated alone. Those of 1.3 are all so. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS "X25519:P-256:P-384"
#define NAME_MAX_BYTES 255
#define SERVERS_MAX 65536

static unsigned nservers; /* contexts of the back side so far: one number each */
/* By number: the session to begin the next connection with, or NULL. */
static _Thread_local SSL_SESSION **sessions;
static _Thread_local unsigned nsessions;

/* -- messages ------------------------------------------------------------------------------------
 */

struct making {
	struct tls_ctx *ctx;
	const struct tls_conf *conf;
	char *why;
	size_t room;
	const char **file;
};

/* Always false. */
static bool bad(struct making *m, const char *file, const char *text)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = ERR_SYSTEM_ERROR(e) ? NULL : ERR_reason_error_string(e);

	*m->file = file;
	snprintf(m->why, m->room, "%s%s%s%s", text, reason ? " (" : "", reason ? reason : "",
		 reason ? ")" : "");
	return false;
}

/* False after a message when <file> cannot be read: the library would say less. */
static bool readable(struct making *m, const char *file)
{
	FILE *f = fopen(file, "re");

	if (!f) {
		*m->file = file;
		snprintf(m->why, m->room, "%s", strerror(errno));
		return false;
	}
	fclose(f);
	ERR_clear_error();
	return true;
}

/* -- certificates --------------------------------------------------------------------------------
 */

/* Nobody is asked for the password of a key. */
static int no_password(char *to, int room, int writing, void *ctx)
{
	(void)to;
	(void)room;
	(void)writing;
	(void)ctx;
	return -1;
}

static bool has_key(const char *file)
{
	FILE *f = fopen(file, "re");
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strncmp(line, "-----BEGIN ", 11) == 0 && strstr(line, "PRIVATE KEY");
	if (f)
		fclose(f);
	return found;
}

static bool load_key(struct making *m, SSL_CTX *ssl, const char *file)
{
	size_t n = strlen(file) + sizeof(".key");
	char *beside;
	bool good;

	if (has_key(file))
		return SSL_CTX_use_PrivateKey_file(ssl, file, SSL_FILETYPE_PEM) == 1 ||
		       bad(m, file, "its key cannot be used");
	beside = malloc(n);
	if (!beside)
		return bad(m, file, "memory is out");
	snprintf(beside, n, "%s.key", file);
	good = has_key(beside);
	if (!good)
		bad(m, file, "there is no key in it, nor in the file of that name and .key");
	else if (SSL_CTX_use_PrivateKey_file(ssl, beside, SSL_FILETYPE_PEM) != 1)
		good = bad(m, file, "the key in the file of that name and .key cannot be used");
	free(beside);
	return good;
}

static bool load_cert(struct making *m, SSL_CTX *ssl, const char *file)
{
	if (!readable(m, file))
		return false;
	if (SSL_CTX_use_certificate_chain_file(ssl, file) != 1)
		return bad(m, file, "it holds no certificate that can be used");
	return load_key(m, ssl, file);
}

/* -- names ---------------------------------------------------------------------------------------
 */

static int by_text(const void *a, const void *b)
{
	const struct tls_name *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : (x->cert > y->cert) - (x->cert < y->cert);
}

static bool add_name(struct making *m, const char *p, size_t n, unsigned cert)
{
	struct tls_ctx *ctx = m->ctx;
	struct tls_name *names;
	char *text;

	if (n == 0 || n > NAME_MAX_BYTES || memchr(p, 0, n))
		return true;
	names = realloc(ctx->names, (ctx->nnames + 1) * sizeof(*names));
	if (names)
		ctx->names = names;
	text = names ? malloc(n + 1) : NULL;
	if (!text)
		return bad(m, NULL, "memory is out");
	for (size_t i = 0; i < n; i++)
		text[i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] - 'A' + 'a') : p[i];
	text[n] = 0;
	names[ctx->nnames++] = (struct tls_name) { .text = text, .cert = cert };
	return true;
}

/* Without alternative names the common name counts, as for clients. */
static bool add_common_name(struct making *m, const X509 *x, unsigned cert)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const ASN1_STRING *s =
		at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));

	return !s || add_name(m, (const char *)ASN1_STRING_get0_data(s),
			      (size_t)ASN1_STRING_length(s), cert);
}

static bool add_names(struct making *m, unsigned cert)
{
	const X509 *x = SSL_CTX_get0_certificate(m->ctx->certs[cert]);
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	bool good = true, any = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		const ASN1_STRING *s = g->type == GEN_DNS ? g->d.dNSName : NULL;

		if (!s)
			continue;
		any = true;
		good = good && add_name(m, (const char *)ASN1_STRING_get0_data(s),
					(size_t)ASN1_STRING_length(s), cert);
	}
	GENERAL_NAMES_free(all);
	return any ? good : add_common_name(m, x, cert);
}

static int key_kind(const SSL_CTX *ssl)
{
	return EVP_PKEY_get_base_id(SSL_CTX_get0_privatekey(ssl));
}

/* Every name of <other> is one of <cert>. */
static bool covers(const struct tls_ctx *ctx, unsigned cert, unsigned other)
{
	bool any = false;

	for (unsigned i = 0; i < ctx->nnames; i++) {
		bool found = ctx->names[i].cert != other;

		any |= !found;
		for (unsigned k = 0; k < ctx->nnames && !found; k++)
			found = ctx->names[k].cert == cert &&
				strcmp(ctx->names[i].text, ctx->names[k].text) == 0;
		if (!found)
			return false;
	}
	return any;
}

/* The same names with a key of another kind: clients get the one that they can verify. */
static bool join_kinds(struct making *m, unsigned cert)
{
	struct tls_ctx *ctx = m->ctx;

	for (unsigned i = 0; i < cert; i++)
		if (key_kind(ctx->certs[i]) != key_kind(ctx->certs[cert]) && covers(ctx, cert, i) &&
		    !load_cert(m, ctx->certs[i], m->conf->certs[cert]))
			return false;
	return true;
}

/* The first certificate with the name <text>, or -1. */
static int find_name(const struct tls_ctx *ctx, const char *text)
{
	unsigned low = 0, high = ctx->nnames;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (strcmp(ctx->names[mid].text, text) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < ctx->nnames && strcmp(ctx->names[low].text, text) == 0
		       ? (int)ctx->names[low].cert
		       : -1;
}

/* The certificate for the server name <sni>: its own, else a wildcard's, else the first. */
static unsigned choose(const struct tls_ctx *ctx, const char *sni)
{
	char text[NAME_MAX_BYTES + 2];
	size_t n = strlen(sni);
	char *dot;
	int cert;

	if (n > NAME_MAX_BYTES)
		return 0;
	for (size_t i = 0; i <= n; i++)
		text[i] = sni[i] >= 'A' && sni[i] <= 'Z' ? (char)(sni[i] - 'A' + 'a') : sni[i];
	if (n && text[n - 1] == '.')
		text[n - 1] = 0;
	cert = find_name(ctx, text);
	dot = strchr(text, '.');
	if (cert < 0 && dot && dot != text) {
		dot[-1] = '*';
		cert = find_name(ctx, dot - 1);
	}
	return cert < 0 ? 0 : (unsigned)cert;
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_ctx *ctx = arg;
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	unsigned cert = sni ? choose(ctx, sni) : 0;

	(void)alert;
	if (cert && !SSL_set_SSL_CTX(ssl, ctx->certs[cert]))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

/* -- protocols -----------------------------------------------------------------------------------
 */

/* From "a,b" to the form on the wire (RFC 7301 3.1). */
static bool make_alpn(struct making *m)
{
	struct str rest = m->conf->alpn;
	unsigned char *at;

	if (!rest.n)
		return true;
	m->ctx->alpn = at = malloc(rest.n + 1);
	if (!at)
		return bad(m, NULL, "memory is out");
	while (rest.p) {
		struct str one = str_cut(&rest, ',');

		if (one.n == 0 || one.n > 255)
			return bad(m, NULL, "alpn is names of protocols with commas between");
		*at++ = (unsigned char)one.n;
		memcpy(at, one.p, one.n);
		at += one.n;
	}
	m->ctx->nalpn = (unsigned)(at - m->ctx->alpn);
	return true;
}

/* The first of ours that the client has; none: it is refused (RFC 7301 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *nout,
		   const unsigned char *in, unsigned nin, void *arg)
{
	const struct tls_ctx *ctx = arg;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, nout, ctx->alpn, ctx->nalpn, in, nin) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* -- sessions of servers -------------------------------------------------------------------------
 */

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	const struct tls_ctx *ctx = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (!sessions) {
		sessions = calloc(nservers, sizeof(SSL_SESSION *));
		nsessions = sessions ? nservers : 0;
	}
	if (ctx->number >= nsessions)
		return 0;
	SSL_SESSION_free(sessions[ctx->number]);
	sessions[ctx->number] = session;
	return 1; /* it is ours now */
}

void tls_thread_stop(void)
{
	for (unsigned i = 0; i < nsessions; i++)
		SSL_SESSION_free(sessions[i]);
	free(sessions);
	sessions = NULL;
	nsessions = 0;
}

/* -- contexts ------------------------------------------------------------------------------------
 */

/* The system's list, read once and whole: nothing is looked up in a folder while serving, or behind a
 * chroot. */
static bool trust_system(struct making *m, SSL_CTX *ssl)
{
	const char *const files[] = { getenv("SSL_CERT_FILE"),
				      X509_get_default_cert_file(),
				      "/etc/ssl/certs/ca-certificates.crt",
				      "/etc/pki/tls/certs/ca-bundle.crt",
				      "/etc/ssl/ca-bundle.pem",
				      "/etc/ssl/cert.pem" };
	static X509_STORE *store;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files) && !store; i++) {
		if (!files[i] || access(files[i], R_OK) != 0)
			continue;
		store = X509_STORE_new();
		if (store && X509_STORE_load_file(store, files[i]) == 1)
			break;
		X509_STORE_free(store);
		store = NULL;
		return bad(m, files[i], "the system's list of authorities cannot be used");
	}
	if (!store)
		return bad(m, NULL, "the system has no list of authorities: give one with ca FILE");
	SSL_CTX_set1_cert_store(ssl, store);
	return true;
}

static bool trust(struct making *m, SSL_CTX *ssl)
{
	const char *ca = m->conf->ca;
	STACK_OF(X509_NAME) * names;

	if (!ca)
		return trust_system(m, ssl);
	if (!readable(m, ca))
		return false;
	if (SSL_CTX_load_verify_locations(ssl, ca, NULL) != 1)
		return bad(m, ca, "it holds no certificate that can be used");
	if (m->ctx->back)
		return true;
	names = SSL_load_client_CA_file(ca);
	SSL_CTX_set_client_CA_list(ssl, names);
	return names || bad(m, ca, "it holds no certificate that can be used");
}

static bool set_verify(struct making *m, SSL_CTX *ssl)
{
	int mode = SSL_VERIFY_PEER;

	if (m->conf->verify == TLS_VERIFY_NONE)
		return true;
	if (m->conf->verify == TLS_VERIFY_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ssl, mode, NULL);
	return trust(m, ssl);
}

static void set_front(struct making *m, SSL_CTX *ssl)
{
	static const unsigned char context[] = "weir";

	/* Sessions live with the clients, in tickets: nothing grows here. */
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ssl, 1);
	SSL_CTX_set_session_id_context(ssl, context, sizeof(context) - 1);
	SSL_CTX_set_tlsext_servername_callback(ssl, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ssl, m->ctx);
	if (m->ctx->nalpn)
		SSL_CTX_set_alpn_select_cb(ssl, on_alpn, m->ctx);
}

static bool set_back(struct making *m, SSL_CTX *ssl)
{
	SSL_CTX_set_app_data(ssl, m->ctx);
	SSL_CTX_set_session_cache_mode(ssl,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ssl, on_session);
	return !m->ctx->nalpn || SSL_CTX_set_alpn_protos(ssl, m->ctx->alpn, m->ctx->nalpn) == 0 ||
	       bad(m, NULL, "memory is out");
}

static SSL_CTX *make_ssl(struct making *m)
{
	SSL_CTX *ssl = SSL_CTX_new(m->ctx->back ? TLS_client_method() : TLS_server_method());
	bool good;

	if (!ssl) {
		bad(m, NULL, "the library makes no context");
		return NULL;
	}
	SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_default_passwd_cb(ssl, no_password);
	good = SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) &&
	       SSL_CTX_set_cipher_list(ssl, CIPHERS) && SSL_CTX_set1_groups_list(ssl, GROUPS);
	if (!good)
		bad(m, NULL, "the library has not what TLS 1.2 and 1.3 need");
	if (good && m->ctx->back)
		good = set_back(m, ssl);
	else if (good)
		set_front(m, ssl);
	if (good && set_verify(m, ssl))
		return ssl;
	SSL_CTX_free(ssl);
	return NULL;
}

static bool is_ip(const char *name)
{
	ASN1_OCTET_STRING *ip = a2i_IPADDRESS(name);

	ASN1_OCTET_STRING_free(ip);
	return ip != NULL;
}

static bool set_name(struct making *m)
{
	struct tls_ctx *ctx = m->ctx;
	const char *name = m->conf->name;

	if (!name)
		return m->conf->verify == TLS_VERIFY_NONE ||
		       bad(m, NULL, "verify needs a name that the certificate must have: sni NAME");
	ctx->name = strdup(name);
	if (!ctx->name)
		return bad(m, NULL, "memory is out");
	ctx->by_ip = is_ip(name);
	return true;
}

static bool make(struct making *m)
{
	const struct tls_conf *conf = m->conf;
	struct tls_ctx *ctx = m->ctx;
	unsigned n = conf->ncerts ? conf->ncerts : 1;

	if (ctx->back && !set_name(m))
		return false;
	if (ctx->back && nservers == SERVERS_MAX)
		return bad(m, NULL, "there are too many servers with TLS");
	ctx->certs = calloc(n, sizeof(SSL_CTX *));
	if (!ctx->certs)
		return bad(m, NULL, "memory is out");
	if (!make_alpn(m))
		return false;
	for (; ctx->ncerts < n; ctx->ncerts++) {
		SSL_CTX *ssl = ctx->certs[ctx->ncerts] = make_ssl(m);

		if (!ssl)
			return false;
		if (conf->ncerts && !load_cert(m, ssl, conf->certs[ctx->ncerts])) {
			ctx->ncerts++;
			return false;
		}
		if (!ctx->back && (!add_names(m, ctx->ncerts) || !join_kinds(m, ctx->ncerts))) {
			ctx->ncerts++;
			return false;
		}
	}
	if (ctx->nnames)
		qsort(ctx->names, ctx->nnames, sizeof(*ctx->names), by_text);
	ctx->number = ctx->back ? nservers++ : 0;
	return true;
}

struct tls_ctx *tls_ctx_make(const struct tls_conf *conf, char *why, size_t room, const char **file)
{
	struct making m = { .conf = conf, .why = why, .room = room, .file = file };

	*file = NULL;
	ERR_clear_error();
	m.ctx = calloc(1, sizeof(*m.ctx));
	if (!m.ctx) {
		bad(&m, NULL, "memory is out");
		return NULL;
	}
	m.ctx->back = conf->back;
	if (make(&m))
		return m.ctx;
	ERR_clear_error();
	tls_ctx_free(m.ctx);
	return NULL;
}

void tls_ctx_free(struct tls_ctx *ctx)
{
	if (!ctx)
		return;
	for (unsigned i = 0; i < ctx->ncerts; i++)
		SSL_CTX_free(ctx->certs[i]);
	for (unsigned i = 0; i < ctx->nnames; i++)
		free(ctx->names[i].text);
	free(ctx->certs);
	free(ctx->names);
	free(ctx->alpn);
	free(ctx->name);
	free(ctx);
}

/* -- connections ---------------------------------------------------------------------------------
 */

static bool to_server(const struct tls_ctx *ctx, SSL *ssl)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	SSL_SESSION *session = ctx->number < nsessions ? sessions[ctx->number] : NULL;

	SSL_set_connect_state(ssl);
	if (session && SSL_SESSION_is_resumable(session))
		SSL_set_session(ssl, session);
	if (!ctx->name)
		return true;
	if (ctx->by_ip)
		return X509_VERIFY_PARAM_set1_ip_asc(param, ctx->name) == 1;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, ctx->name) == 1 &&
	       X509_VERIFY_PARAM_set1_host(param, ctx->name, 0) == 1;
}

SSL *tls_ctx_new(const struct tls_ctx *ctx)
{
	SSL *ssl = SSL_new(ctx->certs[0]);

	if (!ssl)
		return NULL;
	if (!ctx->back) {
		SSL_set_accept_state(ssl);
	} else if (!to_server(ctx, ssl)) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}
