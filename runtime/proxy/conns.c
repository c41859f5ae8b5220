/* SPDX-License-Identifier: Apache-2.0 */
#include "conns.h"

#include <stdlib.h>

#include "../core/isolate.h"

/* Whose request goes over which connections. */
struct pair {
	const struct conn *front, *back;
	const struct front *fe;
	const struct back *be;
};

struct taking {
	struct conns *out;
	struct pair *pairs;
	uint32_t room, npairs;
};

static void front_addresses(const struct conn *c, struct conns_row *r)
{
	const struct addr *local = conn_local_known(c);
	uint8_t known = c->flags & CONN_PROXIED ? TARGET_FIXED : TARGET_KNOWN;

	r->src = c->peer;
	if (local)
		r->dst = *local;
	if (r->src.kind == AK_INET)
		r->src_ip = r->src_port = known;
	if (r->dst.kind != AK_NONE)
		r->dst_ip = known;
	if (r->dst.kind == AK_INET)
		r->dst_port = known;
}

static void back_addresses(const struct srv_conn *sc, struct conns_row *r)
{
	const struct server *s = sc->srv;
	struct target t = { .src = s->source,
			    .dst = s->addr,
			    .src_ip = s->source.kind == AK_NONE ? TARGET_UNSET : TARGET_FIXED,
			    .src_port = s->source.port ? TARGET_FIXED : TARGET_UNSET,
			    .dst_ip = TARGET_FIXED,
			    .dst_port = s->addr.kind == AK_INET ? TARGET_FIXED : TARGET_UNSET };

	if (s->dynamic)
		t = sc->target;
	r->src = t.src;
	r->dst = t.dst;
	r->src_ip = t.src_ip;
	r->src_port = t.src_port;
	r->dst_ip = t.dst_ip;
	r->dst_port = t.dst_port;
}

static void take_conn(void *arg, const struct io *io)
{
	struct taking *k = arg;
	const struct conn *c = conn_of(io);
	const struct srv_conn *sc = c ? server_conn(c) : NULL;
	struct conns_row *r;

	if (!c)
		return;
	if (k->out->n == k->room) {
		k->out->left_out++;
		return;
	}
	r = &k->out->row[k->out->n++];
	*r = (struct conns_row) { .conn = c,
				  .fd = io->fd,
				  .tid = io->tid,
				  .state = c->state,
				  .back = c->flags & CONN_BACK };
	if (sc) {
		r->be = sc->srv->be;
		r->srv = sc->srv;
		r->idle = sc->idle;
		back_addresses(sc, r);
	} else if (!r->back) {
		r->fe = c->listener ? c->listener->conf.owner : NULL;
		front_addresses(c, r);
	}
}

static void take_pairs(struct taking *k, const struct proxy_thread *p)
{
	for (const struct list *at = p->exchanges.next; at != &p->exchanges; at = at->next) {
		const struct exchange *x = CONTAINER(at, struct exchange, link);

		if (k->npairs == k->room)
			return;
		k->pairs[k->npairs++] =
			(struct pair) { .front = x->front ? x->front->conn : NULL,
					.back = x->back         ? x->back->conn
						: x->connecting ? x->connecting->conn
								: NULL,
					.fe = x->fe,
					.be = x->be };
	}
}

static uint32_t room_needed(void)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < nthreads; i++)
		n += atomic_load(&threads[i]->load) +
		     ((const struct proxy_thread *)threads[i]->proxy)->nexchanges;
	return n < CONNS_MAX ? n : CONNS_MAX;
}

static int by_conn(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct conns_row *)a)->conn;
	uintptr_t y = (uintptr_t)((const struct conns_row *)b)->conn;

	return x < y ? -1 : x > y;
}

static void pair_row(struct conns *out, const struct conn *c, const struct pair *p)
{
	struct conns_row key = { .conn = c }, *r = NULL;

	if (c)
		r = bsearch(&key, out->row, out->n, sizeof(key), by_conn);
	if (!r)
		return;
	r->fe = p->fe;
	if (!r->be)
		r->be = p->be;
}

bool conns_take(struct conns *out)
{
	struct taking k = { .out = out };

	*out = (struct conns) { 0 };
	isolate_all();
	k.room = room_needed();
	out->row = malloc((k.room + 1) * sizeof(*out->row));
	k.pairs = malloc((k.room + 1) * sizeof(*k.pairs));
	for (unsigned i = 0; out->row && k.pairs && i < nthreads; i++) {
		if (threads[i]->poller->each)
			threads[i]->poller->each(threads[i], take_conn, &k);
		take_pairs(&k, threads[i]->proxy);
	}
	isolate_all_end();
	if (!out->row || !k.pairs) {
		free(k.pairs);
		conns_free(out);
		return false;
	}
	qsort(out->row, out->n, sizeof(*out->row), by_conn);
	for (uint32_t i = 0; i < k.npairs; i++) {
		pair_row(out, k.pairs[i].front, &k.pairs[i]);
		pair_row(out, k.pairs[i].back, &k.pairs[i]);
	}
	free(k.pairs);
	return true;
}

void conns_free(struct conns *c)
{
	free(c->row);
	*c = (struct conns) { 0 };
}
