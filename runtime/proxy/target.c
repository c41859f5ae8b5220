/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include <errno.h>
#include <stdatomic.h>

#include "rule.h"

#define HTTP_PORT 80

/* -- source -------------------------------------------------------------------------------------
 */

/* The address in the first value of the statement's subject: "10.0.0.1", "10.0.0.1:80", "[::1]:80"
 * (the port does not count). */
static bool named_source(struct exchange *x, uint32_t subject, struct addr *out)
{
	struct rule_run r = { .x = x,
			      .m = &x->req,
			      .dir = WS_REQ_OUT,
			      .section = x->be->ws,
			      .vars = &x->vars,
			      .log_level = &x->log_level };
	struct occurrence it = { 0 };
	struct addr_conf c;
	struct val v;
	struct str text;

	pt()->scratch_used = 0;
	if (!rule_next(&r, subject, &it, &v))
		return false;
	if (site.ws->subjects[subject].type == WS_ADDR) {
		*out = v.ip;
	} else {
		text = str_trim(v.s);
		if (addr_parse(text, &c) || c.addr.kind != AK_INET || c.any_host || c.port_offset)
			return false;
		*out = c.addr;
	}
	out->port = 0;
	return out->kind == AK_INET;
}

static void source_of(struct exchange *x, const struct server *srv, struct target *t)
{
	const struct ws_source *src = srv->source_row;
	struct addr named;

	switch ((enum ws_srcmode)src->mode) {
	case WS_SRC_CLIENT:
	case WS_SRC_CLIENT_IP:
		if (x->src.kind != AK_INET)
			return; /* a client of a unix socket has no address */
		t->src = x->src;
		t->src_ip = TARGET_FIXED;
		t->foreign = true;
		if (src->mode == WS_SRC_CLIENT)
			t->src_port = TARGET_FIXED;
		else
			t->src.port = 0;
		return;
	case WS_SRC_HEADER:
		if (named_source(x, src->subject, &named)) {
			t->src = named;
			t->src_ip = TARGET_FIXED;
			t->foreign = true;
			return;
		}
		break;
	case WS_SRC_ADDR:
	case WS_SRC_NONE:
		break;
	}
	if (srv->source.kind == AK_NONE)
		return;
	t->src = srv->source;
	t->src_ip = TARGET_FIXED;
	t->src_port = srv->ports ? TARGET_RANGE : srv->source.port ? TARGET_FIXED : TARGET_UNSET;
}

/* -- destination --------------------------------------------------------------------------------
 */

/* What the client connected to; with the configured port or offset where there is one. */
static int client_target(struct exchange *x, const struct server *srv, struct target *t)
{
	const struct addr *dst = exchange_dst(x);

	if (dst->kind != AK_INET)
		return EAFNOSUPPORT; /* came over a unix socket */
	if (srv->any_host) {
		memcpy(t->dst.ip, dst->ip, sizeof(t->dst.ip));
		t->dst.v4 = dst->v4;
		t->dst.kind = AK_INET;
	}
	if (srv->port_offset)
		t->dst.port = (uint16_t)(dst->port + srv->addr.port);
	return t->dst.port ? 0 : EINVAL;
}

/* The address in the request target, else in Host. A name is not looked up: a look-up has no place
 * while serving. */
static int named_target(struct exchange *x, struct target *t)
{
	struct msg *m = &x->req;
	uint32_t at = msg_find(m, MSG_END, FIELD_HOST, (struct str) { 0 });
	struct str text = m->flags & MSG_AUTHORITY ? msg_str(m, m->authority)
			  : at == MSG_END          ? (struct str) { 0 }
						   : msg_value(m, at);
	struct addr_conf c;

	if (!text.n || addr_parse(text, &c) || c.addr.kind != AK_INET || c.any_host ||
	    c.port_offset || c.port_hi > c.addr.port)
		return EINVAL;
	t->dst = c.addr;
	if (m->flags & MSG_AUTHORITY)
		x->flags |= X_RAW_BACK;
	else if (!c.has_port)
		t->dst.port = HTTP_PORT;
	return t->dst.port ? 0 : EINVAL;
}

static int destination_of(struct exchange *x, const struct server *srv, struct target *t)
{
	int64_t from = srv->be->num[WS_DESTINATION];

	t->dst = srv->addr;
	t->dst_ip = t->dst_port = TARGET_FIXED;
	if (!srv->ws && from == WS_DEST_REQUEST)
		return x->flags & X_TCP ? EINVAL : named_target(x, t);
	return srv->any_host || srv->port_offset ? client_target(x, srv, t) : 0;
}

/* -- the part -----------------------------------------------------------------------------------
 */

static const char *load(struct server *srv)
{
	const struct ws_source *src = srv->source_row;
	uint32_t n = srv->source_hi > srv->source.port ? srv->source_hi - srv->source.port + 1u : 0;

	bool foreign = src->mode == WS_SRC_CLIENT || src->mode == WS_SRC_CLIENT_IP ||
		       src->mode == WS_SRC_HEADER;

	srv->dynamic |= foreign;
	site.foreign |= foreign;
	if (!n)
		return NULL;
	srv->ports = conf_alloc(sizeof(*srv->ports) + (n + 63) / 64 * sizeof(*srv->ports->used));
	srv->ports->low = srv->source.port;
	srv->ports->n = n;
	for (uint32_t i = n; i % 64; i++) /* behind the last port */
		srv->ports->used[i / 64] |= (uint64_t)1 << i % 64;
	srv->source.port = 0;
	return srv->source.kind == AK_INET ? NULL : "a range of source ports needs an address";
}

static int find(struct exchange *x, const struct server *srv, struct target *t)
{
	int err;

	*t = (struct target) { 0 };
	source_of(x, srv, t);
	err = destination_of(x, srv, t);
	if (err)
		return err;
	return t->src_ip && addr_is_v4(&t->src) != addr_is_v4(&t->dst) ? EAFNOSUPPORT : 0;
}

static bool same_ip(const struct addr *a, const struct addr *b)
{
	return a->kind == b->kind && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* A source that was forced for one request is not lent to one that asks for none: servers take the
 * address for the client's. Ports of the one range of a server are alike. */
static bool same(const struct target *have, const struct target *want)
{
	if (have->src_ip != want->src_ip || have->src_port != want->src_port)
		return false;
	if (have->src_ip && !same_ip(&have->src, &want->src))
		return false;
	if (have->src_port == TARGET_FIXED && have->src.port != want->src.port)
		return false;
	return have->dst.port == want->dst.port && same_ip(&have->dst, &want->dst);
}

static int take_port(const struct server *srv, struct target *t)
{
	struct port_range *r = srv->ports;
	uint32_t words = (r->n + 63) / 64;
	uint32_t start = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed) % r->n;

	/* Bit by bit from <start> to the end of its word, then words: at most one walk around. */
	for (uint32_t k = 0; k <= words; k++) {
		uint32_t w = (start / 64 + k) % words;
		uint64_t mask = k == 0 ? ~(uint64_t)0 << start % 64 : ~(uint64_t)0;
		uint64_t used = atomic_load_explicit(&r->used[w], memory_order_relaxed);

		while (~used & mask) {
			uint32_t bit = (uint32_t)__builtin_ctzll(~used & mask);

			if (atomic_compare_exchange_weak(&r->used[w], &used,
							 used | (uint64_t)1 << bit)) {
				t->src.port = (uint16_t)(r->low + w * 64 + bit);
				return 0;
			}
		}
	}
	return EADDRNOTAVAIL;
}

static void give_port(const struct server *srv, const struct target *t)
{
	uint32_t i = t->src.port - srv->ports->low;

	atomic_fetch_and(&srv->ports->used[i / 64], ~((uint64_t)1 << i % 64));
}

const struct target_part target_dynamic = { load, find, same, take_port, give_port };
