/* SPDX-License-Identifier: Apache-2.0 */
/* cookie: stickiness by cookie. The request's cookie names the server it goes to, whatever balancing
 * would say, unless that server is down or disabled; the answer names the server that was taken. An
 * optional part: only sites with a cookie link it. It edits behind all rules of the request, and
 * behind all rules of the answer: no rule sees what it writes. */
#ifndef WEIR_PROXY_COOKIE_H
#define WEIR_PROXY_COOKIE_H

#include "exchange.h"

struct cookie_part {
	const char *name;
	/* Routed: sets x->srv if the request's cookie names a server that takes requests, and takes
	 * from the request what the server must not see. One comparison for each server. False: the
	 * message would pass its limits, or memory is out. */
	bool (*request)(struct exchange *x);
	/* Behind the rules of a server's answer. False likewise. */
	bool (*response)(struct exchange *x);
	/* Two letters for the log, or empty. */
	struct str (*state)(const struct exchange *x);
};

#endif
