/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of the site: what its lines say, by row of ws_site.tlses; the handshakes of its binds and
 * servers; what is told of those that fail. */
#include "../base/list.h"
#include "../core/log.h"
#include "conf.h"
#include "tls_part.h"

/* Of one bind or server. */
struct secure {
	struct handshake hs;
	struct tls_ctx *ctx;
	struct str section, server; /* their names; no server: a bind */
};

static struct secure *rows; /* by row */

static enum hs_result run(struct conn *c, struct str in, size_t *used);

/* -- start ---------------------------------------------------------------------------------------
 */

static const char *text_z(struct str s)
{
	char *out = conf_alloc(s.n + 1);

	memcpy(out, s.p, s.n);
	return out;
}

/* What the certificate of a server must be for, unless its line says: its host name or address. */
static const char *address_name(const struct ws_server *srv)
{
	struct str text = conf_text(srv->addr);
	struct addr_conf c;
	char *out;

	if (addr_parse(text, &c))
		return NULL;
	if (c.addr.kind == AK_NAME)
		return text_z(c.path);
	if (c.addr.kind != AK_INET || c.any_host)
		return NULL;
	out = conf_alloc(ADDR_TEXT + 1);
	out[addr_format_ip(&c.addr, out)] = 0;
	return out;
}

static bool load_one(FILE *err, uint32_t row, const struct ws_server *srv)
{
	const struct ws_tls *t = &site.ws->tlses[row];
	const struct ws_place *p = &site.ws->places[t->where];
	const char **certs = conf_alloc((t->certs.n + 1) * sizeof(*certs)), *file;
	struct tls_conf conf = { .back = srv != NULL,
				 .verify = (enum tls_verify)(t->verify - WS_VERIFY_NONE),
				 .certs = certs,
				 .ncerts = t->certs.n,
				 .alpn = ws_str(t->alpn) };
	char why[512];

	for (uint32_t i = 0; i < t->certs.n; i++)
		certs[i] = text_z(conf_text(site.ws->tls_certs[t->certs.first + i]));
	conf.ca = t->ca == WS_NONE ? NULL : text_z(conf_text(t->ca));
	if (srv)
		conf.name = t->sni == WS_NONE ? address_name(srv) : text_z(conf_text(t->sni));
	if (srv && srv->proto == WS_PROTO_H2 && !conf.alpn.n) /* RFC 9113 3.2 */
		conf.alpn = S("h2");
	rows[row].hs = (struct handshake) { "tls", run };
	rows[row].ctx = tls_ctx_make(&conf, why, sizeof(why), &file);
	if (rows[row].ctx)
		return true;
	fprintf(err, "%.*s:%u: tls: %s%s%s\n", STR_ARG(ws_str(site.ws->files[p->file])), p->line,
		file ? file : "", file ? ": " : "", why);
	return false;
}

static bool load(FILE *err)
{
	bool good = true;

	tls_init();
	rows = conf_alloc((site.ws->ntlses + 1) * sizeof(*rows));
	for (uint32_t i = 0; i < site.ws->nsections; i++) {
		const struct ws_section *s = &site.ws->sections[i];

		for (uint32_t k = 0; k < s->binds.n; k++) {
			uint32_t row = site.ws->binds[s->binds.first + k].tls;

			good = (!row || load_one(err, row - 1, NULL)) && good;
		}
		for (uint32_t k = 0; k < s->servers.n; k++) {
			const struct ws_server *srv = &site.ws->servers[s->servers.first + k];

			if (!srv->tls)
				continue;
			good = load_one(err, srv->tls - 1, srv) && good;
			rows[srv->tls - 1].section = ws_str(s->name);
			rows[srv->tls - 1].server = ws_str(srv->name);
		}
	}
	return good;
}

static void unload(void)
{
	for (uint32_t i = 0; rows && i < site.ws->ntlses; i++)
		tls_ctx_free(rows[i].ctx);
	rows = NULL;
}

/* -- connections ---------------------------------------------------------------------------------
 */

/* A line for a client whose handshake failed: there is no request yet that could have one. */
static void front_lost(struct conn *c, enum tls_loss loss, const char *why)
{
	static const char ends[][3] = {
		[TLS_REFUSED] = "PR", [TLS_PEER_LEFT] = "CR", [TLS_NO_TIME] = "cR"
	};
	const struct front *fe = c->listener->conf.owner;
	struct log_record r;

	if (!fe->sinks)
		return;
	log_record_init(&r, fe->tcp ? LOG_TCP : LOG_HTTP);
	r.sinks = fe->sinks;
	r.level = LOG_INFO;
	r.seq = log_id_next();
	r.at = clock_wall_us();
	r.client = c->peer;
	r.local = c->listener->bound; /* the descriptor is closed by now */
	r.frontend = fe->name;
	r.conns = atomic_load_explicit(&listener_process.cur, memory_order_relaxed);
	r.fe_conns = atomic_load_explicit(&fe->limit.cur, memory_order_relaxed);
	memcpy(r.end, loss == TLS_NO_TIME && site.stopping ? "KD" : ends[loss], 2);
	r.reason = str_from(why);
	log_put(&r);
}

/* Of a server: the request gets its line and its answer; the operator is told why. */
static void tell_failure(const struct conn *c, const struct secure *s)
{
	static _Atomic uint64_t last;
	const char *why = tls_failure(c);

	if (why && log_due(&last))
		log_say(LOG_WARNING, "server %.*s/%.*s: TLS: %s", STR_ARG(s->section),
			STR_ARG(s->server), why);
}

static enum hs_result run(struct conn *c, struct str in, size_t *used)
{
	const struct secure *s = CONTAINER(conn_handler(c), const struct secure, hs);
	bool back = c->flags & CONN_BACK;
	enum hs_result r = tls_handshake(c, s->ctx, in, back ? NULL : front_lost);

	(void)used;
	if (r == HS_FAIL && back)
		tell_failure(c, s);
	return r;
}

static const struct handshake *handshake(uint32_t row)
{
	return &rows[row].hs;
}

const struct tls_part tls_openssl = {
	.name = "openssl",
	.load = load,
	.free = unload,
	.thread_stop = tls_thread_stop,
	.handshake = handshake,
	.sni = tls_sni,
	.alpn = tls_alpn,
	.cert = tls_cert,
};
