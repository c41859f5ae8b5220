/* SPDX-License-Identifier: Apache-2.0 */
#include "xlog.h"

#include <stdio.h>

#include "../core/log.h"
#include "cookie.h"
#include "rule.h"

/* Values of the captures of one direction, in <values>. */
static struct log_caps caps_of(const struct exchange *x, const struct cap_names *c,
			       struct str *values)
{
	for (uint32_t i = 0; i < c->n; i++)
		values[i] = rule_kept(x->captures, c->slots[i]);
	return (struct log_caps) { .names = c->names, .values = values, .n = c->n };
}

/* Milliseconds between two clock readings; -1 when one was not reached. */
static int64_t span(uint64_t from, uint64_t to)
{
	return from && to && to >= from ? (int64_t)((to - from) / 1000) : -1;
}

static void fill_times(const struct exchange *x, struct log_record *r)
{
	r->at = clock_wall_us() - (th->now_us - x->t_start);
	r->t_request = span(x->t_start, x->t_head);
	r->t_queue = x->t_connect || x->queued_us ? (int64_t)(x->queued_us / 1000) : -1;
	r->t_connect = span(x->t_rules + x->queued_us, x->t_connect);
	r->t_response = span(x->t_sent, x->t_response);
	r->t_total = span(x->t_start, th->now_us);
}

static void fill_backend(const struct exchange *x, struct log_record *r)
{
	if (!x->be)
		return;
	r->backend = x->be->name;
	for (unsigned i = 0; i < nthreads; i++) {
		const struct proxy_thread *p = threads[i]->proxy;

		if (p)
			r->be_conns += atomic_load_explicit(&p->be_requests[x->be->index],
							    memory_order_relaxed);
		if (p && x->srv)
			r->srv_conns += atomic_load_explicit(
				&p->slots[x->srv->be->index][x->srv->index].requests,
				memory_order_relaxed);
	}
	r->be_queue = x->before_be;
	r->srv_queue = x->before_srv;
	if (!x->srv)
		return;
	r->server = x->srv->name;
	r->server_addr = x->srv->addr;
}

static void fill_message(const struct exchange *x, struct log_record *r)
{
	static const struct str versions[] = { { "HTTP/1.0", 8 },
					       { "HTTP/1.1", 8 },
					       { "HTTP/2.0", 8 } };
	struct msg *m = (struct msg *)&x->req; /* msg_host keeps what it has computed */

	r->status = x->status;
	r->reason = str_from(x->bad);
	r->client_reused = x->front && !(x->front->flags & STREAM_FIRST);
	r->server_reused = x->flags & X_REUSED;
	if (!x->req.blk)
		return;
	r->method = msg_str(m, m->meth);
	r->uri = msg_str(m, m->uri);
	r->version = versions[m->version == 10 ? 0 : m->version == 20 ? 2 : 1];
	r->host = msg_host(m);
}

static struct str rule_place(const struct exchange *x, char *room, size_t size)
{
	const struct ws_place *p;
	int n;

	if (x->rule_where == WS_NONE)
		return S("");
	p = &site.ws->places[x->rule_where];
	n = snprintf(room, size, "%.*s:%u", STR_ARG(ws_str(site.ws->files[p->file])), p->line);
	return str_of(room, n < (int)size ? (size_t)n : size - 1);
}

void xlog_write(struct exchange *x)
{
	static const char letters[][3] = {
#define END(id, letters, doc) letters,
#include "end.def"
	};
	struct str in[LOG_CAPS_MAX], out[LOG_CAPS_MAX];
	struct log_record r;
	char place[512];

	if (!x->fe->sinks || x->log_level == LEVEL_SILENT)
		return;
	log_record_init(&r, x->flags & X_TCP ? LOG_TCP : LOG_HTTP);
	r.sinks = x->fe->sinks;
	r.level = x->log_level;
	r.seq = log_id_next();
	r.client = x->src;
	if (site.ws->log_json) /* no other form has it: the kernel need not be asked */
		r.local = *exchange_dst(x);
	r.frontend = x->fe->name;
	r.conns = atomic_load_explicit(&listener_process.cur, memory_order_relaxed);
	r.fe_conns = atomic_load_explicit(&x->fe->limit.cur, memory_order_relaxed);
	r.retries = x->retries;
	r.redispatched = x->flags & X_REDISPATCHED;
	r.rule = rule_place(x, place, sizeof(place));
	if (x->front) {
		r.bytes_in = x->front->bytes_in;
		r.bytes_out = x->front->bytes_out;
	}
	if (site.ws->cookie)
		r.cookie = site.ws->cookie->state(x);
	memcpy(r.end, letters[x->end], 2);
	fill_times(x, &r);
	fill_backend(x, &r);
	fill_message(x, &r);
	r.caps_in = caps_of(x, &site.caps[0], in);
	r.caps_out = caps_of(x, &site.caps[1], out);
	log_put(&r);
}
