/* SPDX-License-Identifier: Apache-2.0 */
#include "front.h"

#include "../net/listener.h"
#include "checkpoint.h"
#include "rule.h"
#include "session.h"
#include "tls_part.h"

/* -- connections ---------------------------------------------------------------------------------
 */

/* Runs the rules on <c>; what they set is kept for later ones and for its exchanges. False: it
 * ends. */
static bool passes(struct conn *c, struct rule_run *r, enum ws_dir dir)
{
	struct front *fe = c->listener->conf.owner;
	struct session s;
	bool pass;

	if (!fe->ws->chains[dir].n)
		return true;
	s = session_take(c);
	r->vars = &s.vars;
	r->turns = &s.turns;
	r->log_level = &s.log_level;
	pass = (s.turns ? site.ws->checkpoint->rules : rules_run)(r, fe->ws, dir) == RULES_DONE;
	if (session_put(c, &s))
		return pass;
	r->answer.hold = NULL;
	return false;
}

/* conn in: after PROXY, before TLS. setsrc and setdst change what the connection tells from now on.
 */
static enum hs_result conn_in(struct conn *c)
{
	struct rule_run r = { .conn = c, .src = c->peer, .dst = *conn_local(c) };

	if (!passes(c, &r, WS_CONN_IN))
		return r.answer.hold ? HS_HOLD : HS_FAIL;
	if (addr_equal(&r.src, &c->peer) && addr_equal(&r.dst, conn_local(c)))
		return HS_DONE;
	return conn_set_addrs(c, &r.src, &r.dst) ? HS_DONE : HS_FAIL;
}

static void on_ready(struct conn *c, int err)
{
	struct front *fe = c->listener->conf.owner;
	const struct listener_conf *l = &c->listener->conf;
	const struct mux_ops *mux = l->mux;
	struct rule_run r = { .conn = c, .src = c->peer };

	(void)err;
	list_append(&pt()->clients, &c->link);
	pt()->nclients++;
	if (fe->ws->chains[WS_SESS_IN].n)
		r.dst = *conn_local(c);
	if (!passes(c, &r, WS_SESS_IN)) {
		conn_abort(c, false);
		return;
	}
	if (l->mux_agreed && str_eq(site.ws->tls->alpn(c), S("h2")))
		mux = l->mux_agreed;
	if (!mux->start(c, MUX_FRONT, &fe->mux))
		conn_abort(c, false);
}

static void on_gone(struct conn *c)
{
	list_del(&c->link);
	pt()->nclients--;
	session_drop(c);
}

static void on_lost(struct conn *c)
{
	session_drop(c);
}

static const struct conn_app front_app = { .ready = on_ready, .gone = on_gone, .lost = on_lost };

/* -- listeners -----------------------------------------------------------------------------------
 */

static void handshake_list(struct front *fe, const struct ws_bind *b, const struct handshake **hs)
{
	if (fe->ws->monitor.n)
		*hs++ = site.ws->hs_monitor;
	if (b->accept_proxy)
		*hs++ = site.ws->hs_accept_proxy;
	if (fe->ws->chains[WS_CONN_IN].n)
		*hs++ = site.ws->hs_conn_in;
	if (b->tls)
		*hs++ = site.ws->tls->handshake(b->tls - 1);
	*hs = NULL;
}

/* The threads that the bind names; the writer has checked what could be checked there. */
static bool bind_threads(const struct ws_bind *b, struct listener_conf *conf, char *why)
{
	struct number_set set;
	uint16_t *tids;

	if (!b->thread.len)
		return true;
	if (!thread_names(ws_str(b->thread), &site.shape, &set, why))
		return false;
	conf->tids = tids = conf_alloc(numbers_count(&set) * sizeof(*tids));
	for (int t = numbers_next(&set, 0); t >= 0; t = numbers_next(&set, (unsigned)t + 1))
		tids[conf->ntids++] = (uint16_t)t;
	return true;
}

/* With a NUL at its end. */
static const char *device_name(struct str name)
{
	char *out = conf_alloc(name.n + 1);

	memcpy(out, name.p, name.n);
	return out;
}

static bool open_bind(struct front *fe, const struct ws_bind *b, struct listener *l, FILE *err)
{
	const struct ws_place *place = &site.ws->places[b->where];
	const struct handshake **hs = conf_alloc(5 * sizeof(*hs));
	struct listener_conf conf = {
		.v6only = b->v6only,
		.transparent = b->transparent,
		.has_mode = b->mode >= 0,
		.mode = b->mode >= 0 ? (mode_t)b->mode : 0,
		.uid = (uid_t)b->uid,
		.gid = (gid_t)b->gid,
		.backlog = b->backlog > 0 ? b->backlog : 0,
		.limit = &fe->limit,
		.maxconn = b->maxconn > 0 ? (uint32_t)b->maxconn : 0,
		.app = &front_app,
		.handshake_ms = (uint32_t)fe->num[WS_T_HEAD],
		.owner = fe,
		.mux = fe->tcp                   ? site.ws->mux_raw
		       : b->proto == WS_PROTO_H2 ? site.ws->mux_h2
						 : site.ws->mux_http,
		.mux_agreed = b->proto == WS_PROTO_ALPN ? site.ws->mux_h2 : NULL,
		.monitor = fe->monitor,
		.nmonitor = fe->ws->monitor.n,
		.conn_in = conn_in,
	};
	char why[256] = "";
	const char *bad;
	struct str text;

	handshake_list(fe, b, hs);
	conf.hs = hs[0] ? (const struct handshake *const *)hs : NULL;
	if (b->interface.len)
		conf.interface = device_name(ws_str(b->interface));
	if (!conf_addr(b->addr, &conf.addr, &text, &bad))
		return false; /* conf_load has told it */
	if (bind_threads(b, &conf, why) && listener_open(l, &conf, why, sizeof(why)))
		return true;
	fprintf(err, "%.*s:%u: bind '%.*s': %s\n", STR_ARG(ws_str(site.ws->files[place->file])),
		place->line, STR_ARG(text), why);
	return false;
}

bool front_open(FILE *err)
{
	bool ok = true;

	for (uint32_t i = 0; i < site.ws->nsections; i++) {
		struct front *fe = site.fronts[i];

		if (!fe)
			continue;
		fe->listeners = conf_alloc((fe->ws->binds.n + 1) * sizeof(*fe->listeners));
		for (uint32_t b = 0; b < fe->ws->binds.n; b++) {
			if (open_bind(fe, &site.ws->binds[fe->ws->binds.first + b],
				      &fe->listeners[fe->nlisteners], err))
				fe->nlisteners++;
			else
				ok = false;
		}
	}
	return ok;
}

static void each_listener(void (*fn)(struct listener *))
{
	for (uint32_t i = 0; i < site.ws->nsections; i++)
		for (uint32_t k = 0; site.fronts[i] && k < site.fronts[i]->nlisteners; k++)
			fn(&site.fronts[i]->listeners[k]);
}

static int start_result;

static void start_one(struct listener *l)
{
	start_result |= listener_start(l);
}

void front_undo(void)
{
	each_listener(listener_close);
}

int front_thread_start(void)
{
	start_result = 0; /* threads start one after the other */
	each_listener(start_one);
	return start_result;
}

void front_close(void)
{
	each_listener(listener_stop);
}

void front_drain(void)
{
	struct list *at = pt()->clients.next, *next;

	for (; at != &pt()->clients; at = next) {
		struct conn *c = CONTAINER(at, struct conn, link);

		next = at->next;
		if (c->mux) /* refused ones have none */
			c->mux->stop(c);
	}
}

void front_cut(void)
{
	struct list *at, *next;

	exchange_stop_all();
	conn_cut_handshakes();
	for (at = pt()->clients.next; at != &pt()->clients; at = next) {
		next = at->next;
		conn_abort(CONTAINER(at, struct conn, link), false);
	}
}
