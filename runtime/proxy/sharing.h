/* SPDX-License-Identifier: Apache-2.0 */
/* sharing: HTTP/2 connections to servers, which carry several requests at a time. An optional part
 * (struct ws_site.sharing): NULL where no server line says h2. Owner thread only. server.c has what
 * is common with HTTP/1 and calls these. */
#ifndef WEIR_PROXY_SHARING_H
#define WEIR_PROXY_SHARING_H

#include "server.h"

struct sharing_part {
	/* What is spoken on <c>, which is ready, to <srv>, which may speak h2; NULL: not what its
	 * line says. */
	const struct mux_ops *(*mux)(const struct server *srv, const struct conn *c);
	/* <sc>, in use, is offered to other requests from now on, while it takes more; no more. */
	void (*offer)(struct srv_conn *sc);
	void (*withdraw)(struct srv_conn *sc);
	/* A stream of <sc> was detached. False: there is no other one. */
	bool (*in_use)(struct srv_conn *sc);
	/* A connection that is offered and was opened for <want>, or NULL. */
	struct conn *(*pick)(const struct exchange *x, const struct target *want);
	/* <x> waits for a connect of <opening> that will take several requests. False: there is none. */
	bool (*join)(struct exchange *x, const struct list *opening, const struct target *want);
	/* The connect of <sc> has ended: for <x> and those that wait behind it. <sc> may be gone when
	 * <err> is not 0. */
	void (*connected)(struct srv_conn *sc, struct exchange *x, int err);
};

/* In server.c. A stream of <sc> for <x>. False: it takes no more, or memory is out. */
bool server_open(struct srv_conn *sc, struct exchange *x);
/* The newest of <from> that was opened for <want>, or NULL. */
struct conn *server_newest(const struct server *srv, const struct list *from,
			   const struct target *want);

#endif
