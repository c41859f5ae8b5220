/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects of a client's TLS. In a binary without TLS no connection has it. */
#include "rule.h"
#include "tls_part.h"

#define CERT_MAX 4096

/* The client's connection, while there is one. */
static const struct conn *client(const struct rule_run *r)
{
	if (!r->x)
		return r->conn;
	return r->x->front ? r->x->front->conn : NULL;
}

static bool once(struct fetch *f)
{
	if (f->begun)
		return false;
	f->begun = true;
	return true;
}

static bool tls_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f, struct val *v)
{
	const struct conn *c = client(r);

	(void)s;
	v->num = c && (c->flags & CONN_TRANSPORT);
	return once(f);
}

static bool sni_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f, struct val *v)
{
	const struct conn *c = site.ws->tls ? client(r) : NULL;

	(void)s;
	v->s = c ? site.ws->tls->sni(c) : (struct str) { 0 };
	return v->s.n && once(f);
}

static bool alpn_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		      struct val *v)
{
	const struct conn *c = site.ws->tls ? client(r) : NULL;

	(void)s;
	v->s = c ? site.ws->tls->alpn(c) : (struct str) { 0 };
	return v->s.n && once(f);
}

static bool cert_next(struct rule_run *r, const struct ws_subject *s, struct fetch *f,
		      struct val *v)
{
	const struct conn *c = site.ws->tls && !f->begun ? client(r) : NULL;
	char *room = c ? rule_scratch(CERT_MAX) : NULL;
	ptrdiff_t n = room ? site.ws->tls->cert(c, (enum tls_field)s->num, room, CERT_MAX) : -1;

	if (n < 0)
		return false;
	v->s = str_of(room, (size_t)n);
	return once(f);
}

const struct subject_part subject_TLS = { "tls", tls_next };
const struct subject_part subject_SNI = { "sni", sni_next };
const struct subject_part subject_ALPN = { "alpn", alpn_next };
const struct subject_part subject_CERT = { "cert", cert_next };
