/* SPDX-License-Identifier: Apache-2.0 */
#include "tls.h"

#include <openssl/err.h>

#include "../base/bug.h"
#include "../core/pool.h"
#include "tls_priv.h"

#define OVERHEAD 128 /* more than a record adds to its plain text, whatever the cipher */
#define LEAST 256 /* plain text that is worth a record of its own in the rest of a buffer */
#define END_ROOM 128 /* a record with an alert fits */

static struct pool tls_pool;
static BIO_METHOD *method;

/* -- received buffers wait in a chain through the room before their bytes ------------------------
 */

static struct buf *next_of(const struct buf *b)
{
	struct buf *next;

	memcpy(&next, b->data, sizeof(next));
	return next;
}

static void set_next(struct buf *b, struct buf *next)
{
	BUG_ON(b->off < sizeof(next));
	memcpy(b->data, &next, sizeof(next));
}

static void in_add(struct tls *t, struct buf *b)
{
	set_next(b, NULL);
	if (t->in)
		set_next(t->in_last, b);
	else
		t->in = b;
	t->in_last = b;
}

/* The first one is read to its end. It may take the plain text that was in it. */
static void in_take(struct tls *t)
{
	struct buf *b = t->in;

	t->in = next_of(b);
	if (t->spare || b->refs != 1) {
		buf_put(&b);
		return;
	}
	b->off = BUF_HEAD;
	b->len = 0;
	t->spare = b;
}

static void in_drop(struct tls *t)
{
	while (t->in) {
		struct buf *b = t->in;

		t->in = next_of(b);
		buf_put(&b);
	}
	if (t->spare)
		buf_put(&t->spare);
}

/* -- what the library reads and writes -----------------------------------------------------------
 */

static int bio_read(BIO *bio, char *to, size_t n, size_t *got)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*got = 0;
	while (t->in && *got < n) {
		struct buf *b = t->in;
		size_t k = n - *got < b->len ? n - *got : b->len;

		memcpy(to + *got, b->data + b->off, k);
		*got += k;
		b->off += (uint32_t)k;
		b->len -= (uint32_t)k;
		if (!b->len)
			in_take(t);
	}
	if (*got)
		return 1;
	BIO_set_retry_read(bio);
	return 0;
}

static struct buf *place(struct tls *t)
{
	if (t->out)
		return t->out;
	if (!t->held)
		t->held = buf_get();
	if (!t->held)
		t->held = buf_get_reserved();
	return t->held;
}

static int bio_write(BIO *bio, const char *p, size_t n, size_t *done)
{
	struct tls *t = BIO_get_data(bio);
	struct buf *b = t->mute ? NULL : place(t);
	size_t k = b ? buf_room(b) : 0;

	BIO_clear_retry_flags(bio);
	*done = n;
	if (t->mute)
		return 1;
	*done = k = n < k ? n : k;
	if (k) {
		memcpy(buf_tail(b), p, k);
		b->len += (uint32_t)k;
		return 1;
	}
	if (b) /* else memory is out, which is a failure */
		BIO_set_retry_write(bio);
	return 0;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *p)
{
	(void)bio;
	(void)num;
	(void)p;
	return cmd == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

void tls_init(void)
{
	if (method)
		return;
	transport_init();
	pool_init(&tls_pool, "tls", sizeof(struct tls));
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir");
	if (!method)
		return; /* and no connection is made: bio_new */
	BIO_meth_set_read_ex(method, bio_read);
	BIO_meth_set_write_ex(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	BIO_meth_set_create(method, bio_create);
}

/* -- the transport -------------------------------------------------------------------------------
 */

static const char *reason(const struct tls *t)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(e);

	if (ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		text = X509_verify_cert_error_string(SSL_get_verify_result(t->ssl));
	return text ? text : "the library gives no reason";
}

/* Goes on with the handshake. */
static enum transport_result shake(struct tls *t)
{
	int n = SSL_do_handshake(t->ssl);

	if (n == 1) {
		t->done = true;
		return TRANSPORT_OK;
	}
	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return TRANSPORT_OK;
	case SSL_ERROR_WANT_WRITE:
		return TRANSPORT_WAIT;
	default:
		t->failed = true;
		t->why = reason(t);
		return TRANSPORT_OK; /* the handler ends it, behind an alert */
	}
}

/* What the failed read <n> of the library means. */
static enum transport_result read_end(struct tls *t, int n)
{
	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return TRANSPORT_OK;
	case SSL_ERROR_WANT_WRITE:
		return TRANSPORT_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		return t->over = TRANSPORT_END;
	default:
		return t->over = TRANSPORT_FAILED;
	}
}

/* A buffer of plain text: the one that the last record came in, if nothing else is in it. */
static enum transport_result read_plain(struct tls *t, struct buf **plain)
{
	enum transport_result r;
	struct buf *b;
	size_t got;
	char first;
	int n = SSL_read_ex(t->ssl, &first, 1, &got);

	if (n != 1)
		return read_end(t, n);
	b = t->spare ? t->spare : buf_get();
	t->spare = NULL;
	if (!b)
		b = buf_get_reserved();
	if (!b)
		return t->over = TRANSPORT_FAILED;
	*buf_tail(b) = first;
	b->len++;
	*plain = b;
	while (buf_room(b)) {
		n = SSL_read_ex(t->ssl, buf_tail(b), buf_room(b), &got);
		if (n != 1) {
			r = read_end(t, n);
			return t->over ? TRANSPORT_MORE : r; /* told with the next credit */
		}
		b->len += (uint32_t)got;
	}
	return SSL_pending(t->ssl) || t->in ? TRANSPORT_MORE : TRANSPORT_OK;
}

static enum transport_result tls_open(void *of, struct conn *c, struct buf *in, struct buf **plain)
{
	struct tls *t = of;
	enum transport_result r = TRANSPORT_OK;

	if (in)
		in_add(t, in);
	t->mute |= (c->flags & (CONN_FAILED | CONN_SHUT)) != 0;
	ERR_clear_error();
	if (!t->done && !t->failed)
		r = shake(t);
	if (t->over)
		r = t->over;
	else if (t->done)
		r = read_plain(t, plain);
	if (t->failed)
		in_drop(t);
	if (t->spare)
		buf_put(&t->spare);
	if (t->held)
		conn_wants_send(c);
	return r;
}

/* What is held goes into <out>. False: not all of it has room. */
static bool put_held(struct tls *t, struct buf *out)
{
	struct buf *b = t->held;
	uint32_t k;

	if (!b)
		return true;
	k = b->len < buf_room(out) ? b->len : buf_room(out);
	memcpy(buf_tail(out), b->data + b->off, k);
	out->len += k;
	b->off += k;
	b->len -= k;
	if (b->len)
		return false;
	buf_put(&t->held);
	return true;
}

/* The bytes before the handshake. False: not all of them are there yet, or have room. */
static bool put_clear(struct tls *t, struct str in, size_t *taken, struct buf *out)
{
	size_t k = in.n < t->clear ? in.n : t->clear;

	k = k < buf_room(out) ? k : buf_room(out);
	if (k)
		memcpy(buf_tail(out), in.p, k);
	out->len += (uint32_t)k;
	t->clear -= (uint32_t)k;
	*taken = k;
	return !t->clear;
}

static enum transport_result seal_record(struct tls *t, struct str in, size_t *taken,
					 struct buf *out)
{
	uint32_t room = buf_room(out);
	size_t k = in.n;
	int n;

	if (room < OVERHEAD + LEAST && room < OVERHEAD + k)
		return TRANSPORT_MORE;
	if (k > room - OVERHEAD)
		k = room - OVERHEAD;
	ERR_clear_error();
	n = SSL_write_ex(t->ssl, in.p, k, taken);
	if (n == 1)
		return TRANSPORT_OK;
	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return TRANSPORT_WAIT;
	case SSL_ERROR_WANT_WRITE:
		return TRANSPORT_MORE;
	default:
		return TRANSPORT_FAILED;
	}
}

static enum transport_result tls_seal(void *of, struct conn *c, struct str in, size_t *taken,
				      struct buf *out)
{
	struct tls *t = of;
	enum transport_result r;

	(void)c;
	if (t->clear) {
		if (!put_clear(t, in, taken, out))
			return *taken ? TRANSPORT_OK : TRANSPORT_MORE;
		return put_held(t, out) ? TRANSPORT_OK : TRANSPORT_MORE;
	}
	if (!put_held(t, out))
		return TRANSPORT_MORE;
	if (!t->done)
		return t->failed ? TRANSPORT_OK : TRANSPORT_WAIT;
	if (!in.n)
		return TRANSPORT_OK;
	t->out = out;
	r = seal_record(t, in, taken, out);
	t->out = NULL;
	return r;
}

static enum transport_result tls_shut(void *of, struct conn *c, struct buf *out)
{
	struct tls *t = of;
	int n;

	(void)c;
	if (!t->done || t->over == TRANSPORT_FAILED)
		return TRANSPORT_END;
	if (buf_room(out) < END_ROOM)
		return TRANSPORT_MORE;
	ERR_clear_error();
	t->out = out;
	n = SSL_shutdown(t->ssl);
	t->out = NULL;
	t->mute = true;
	return n < 0 ? TRANSPORT_END : TRANSPORT_OK;
}

static void tell_lost(struct conn *c, const struct tls *t)
{
	if (t->done || !t->lost)
		return;
	if (t->failed)
		t->lost(c, TLS_REFUSED, t->why);
	else if (c->flags & CONN_FAILED)
		t->lost(c, TLS_PEER_LEFT, "the peer closed in the TLS handshake");
	else
		t->lost(c, TLS_NO_TIME, "the TLS handshake took too long");
}

static void tls_free(void *of, struct conn *c)
{
	struct tls *t = of;

	if (c)
		tell_lost(c, t);
	/* A session outlives a connection that was cut. */
	SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	in_drop(t);
	if (t->held)
		buf_put(&t->held);
	pool_put(&tls_pool, t);
}

/* The library's state belongs to no thread. Part of a record may be in it. */
static bool tls_at_rest(const void *of)
{
	const struct tls *t = of;

	return t->done && !t->mute && !t->over && !t->in && !t->spare && !t->held;
}

static const struct transport transport = { "tls",    tls_open, tls_seal,
					    tls_shut, tls_free, tls_at_rest };

struct tls *tls_of(const struct conn *c)
{
	return conn_transport_ctx(c, &transport);
}

/* -- the handshake -------------------------------------------------------------------------------
 */

static SSL *ssl_new(const struct tls_ctx *ctx, struct tls *t)
{
	SSL *ssl = tls_ctx_new(ctx);
	BIO *bio = ssl && method ? BIO_new(method) : NULL;

	if (!bio) {
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_data(bio, t);
	SSL_set_bio(ssl, bio, bio);
	return ssl;
}

static bool begin(struct conn *c, const struct tls_ctx *ctx)
{
	struct tls *t = pool_get_zero(&tls_pool);

	if (!t)
		return false;
	t->ssl = ssl_new(ctx, t);
	t->ctx = ctx;
	t->clear = (uint32_t)conn_unsealed(c);
	if (t->ssl && conn_set_transport(c, &transport, t))
		return true;
	SSL_free(t->ssl);
	pool_put(&tls_pool, t);
	return false;
}

enum hs_result tls_handshake(struct conn *c, const struct tls_ctx *ctx, struct str in,
			     void (*lost)(struct conn *c, enum tls_loss loss, const char *why))
{
	struct tls *t = tls_of(c);

	if (t && t->ctx != ctx) /* another one, below */
		t = NULL;
	if (t && t->done)
		return HS_DONE;
	if (t && t->failed)
		return c->flags & CONN_BACK ? HS_FAIL : HS_CLOSE;
	if (t)
		return HS_MORE;
	if (!(c->flags & CONN_BACK) && !in.n)
		return HS_MORE;
	if (!begin(c, ctx))
		return HS_FAIL;
	t = tls_of(c);
	t->lost = lost;
	if (c->flags & CONN_BACK) {
		ERR_clear_error();
		shake(t);
	}
	return t->failed ? HS_FAIL : HS_MORE;
}
