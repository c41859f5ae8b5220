/* SPDX-License-Identifier: Apache-2.0 */
#include "sharing.h"

#include "tls_part.h"

/* Requests that wait for one connect: it is not known yet how many the server takes. */
#define WAITING_MAX 100

static const struct mux_ops *mux(const struct server *srv, const struct conn *c)
{
	if (!srv->ws->tls || str_eq(site.ws->tls->alpn(c), S("h2")))
		return site.ws->mux_h2;
	return srv->proto == WS_PROTO_ALPN ? site.ws->mux_http : NULL;
}

static void withdraw(struct srv_conn *sc)
{
	if (sc->shared)
		list_del(&sc->conn->link);
	sc->shared = false;
}

static void offer(struct srv_conn *sc)
{
	uint32_t busy;

	if (sc->private || sc->srv->be->num[WS_REUSE] == WS_REUSE_NEVER ||
	    !sc->conn->mux->room(sc->conn, &busy)) {
		withdraw(sc);
	} else if (!sc->shared) {
		list_push(&sc->slot->shared, &sc->conn->link);
		sc->shared = true;
	}
}

static bool in_use(struct srv_conn *sc)
{
	uint32_t busy;

	sc->conn->mux->room(sc->conn, &busy);
	if (busy)
		offer(sc);
	else
		withdraw(sc);
	return busy != 0;
}

/* One that has lost its room since, as by a GOAWAY, is withdrawn when it is met. */
static struct conn *pick(const struct exchange *x, const struct target *want)
{
	struct list *from = &pt()->slots[x->srv->be->index][x->srv->index].shared;
	struct conn *c;
	uint32_t busy;

	while ((c = server_newest(x->srv, from, want)) && !c->mux->room(c, &busy))
		withdraw(c->owner);
	return c;
}

static bool join(struct exchange *x, const struct list *opening, const struct target *want)
{
	for (const struct list *at = opening->next; at != opening; at = at->next) {
		struct srv_conn *sc = CONTAINER(at, struct srv_conn, opening);
		struct exchange **end = &sc->waiting;
		unsigned n = 0;

		if (sc->srv != x->srv || sc->private ||
		    (x->srv->dynamic && !site.ws->target->same(&sc->target, want)))
			continue;
		while (*end && n++ < WAITING_MAX)
			end = &(*end)->also_waits;
		if (*end)
			continue;
		*end = x;
		x->connecting = sc;
		return true;
	}
	return false;
}

static void connected(struct srv_conn *sc, struct exchange *x, int err)
{
	struct exchange *next;

	for (struct exchange *at = x; at; at = at->also_waits)
		at->connecting = NULL;
	for (; x; x = next) {
		next = x->also_waits;
		x->also_waits = NULL;
		if (err == 0 && !server_open(sc, x))
			exchange_no_room(x);
		else
			exchange_connected(x, err);
	}
}

const struct sharing_part sharing_h2 = {
	.mux = mux,
	.offer = offer,
	.withdraw = withdraw,
	.in_use = in_use,
	.pick = pick,
	.join = join,
	.connected = connected,
};
