/* SPDX-License-Identifier: Apache-2.0 */
/* conf: the site as it runs: ws_site with its params bound, addresses parsed, regexes compiled.
 * Made once before the threads start, read-only afterwards, except the counters and the per-thread
 * parts, which belong to their thread. */
#ifndef WEIR_PROXY_CONF_H
#define WEIR_PROXY_CONF_H

#include <stdatomic.h>
#include <stdio.h>

#include "../base/addr.h"
#include "../base/list.h"
#include "../http/mux.h"
#include "../net/listener.h"
#include "../site.h"

struct exchange;
struct regex_code;
struct log_sink_set;
struct kept;
struct port_range;
struct walk;

/* Front side of a section (listen, frontend). */
struct front {
	const struct ws_section *ws;
	const int64_t *num; /* WS_NUMS settings, params bound */
	struct mux_conf mux;
	struct str name;
	uint32_t index; /* of the section */
	struct log_sink_set *sinks; /* NULL: no log */
	bool tcp;
	bool sets; /* its conn in or sess in rules set variables or the log level, or may meet a
		      checkpoint */
	struct conn_limit limit; /* open client connections */
	struct addr_net *monitor; /* monitor-net */
	struct addr_net *ff_unless; /* forwardfor ... unless */
	const struct handshake *hs[4]; /* of its connections, in order */
	uint32_t nlisteners;
	struct listener *listeners;
};

/* Places of a server with maxconn, on a cache line of its own, as all threads write it (queue.h). */
struct server_places {
	_Atomic uint32_t used;
	uint32_t max;
	uint32_t nwaiting; /* for this server alone; lock of the backend's queue */
	struct list waiting;
};

struct back_queue;
struct server_health;

#define SERVER_DISABLED 1 /* by its line at first, by the operator later */
#define SERVER_DOWN 2 /* by its checks */

struct server {
	const struct ws_server *ws; /* NULL: the target of dispatch, transparent or proxy */
	const struct ws_source *source_row; /* its own source statement, else the section's */
	struct str name;
	struct addr addr;
	struct addr source; /* kind AK_NONE: the kernel's choice */
	uint16_t source_hi; /* the last port of a range, or 0 */
	struct port_range *ports; /* of that range */
	bool any_host; /* the client's destination address, port_offset: its port plus <addr>'s */
	bool port_offset;
	bool dynamic; /* its target depends on the request (target.h) */
	uint8_t proto; /* enum ws_proto */
	const struct handshake *hs[3]; /* send-proxy, TLS: the list of its connections */
	uint32_t index; /* in its backend */
	struct back *be;
	struct server_places *places; /* NULL: no maxconn */
	struct server_health *health; /* check.h; NULL: it is not checked */
	_Atomic uint8_t off; /* SERVER_*: gets no request; server_turn */
};

/* Back side of a section (listen, backend). */
struct back {
	const struct ws_section *ws; /* the section that was chosen: names, rules */
	const struct ws_section *servers_ws;
	const int64_t *num;
	struct str name;
	uint32_t index;
	bool tcp;
	uint32_t nservers, weight; /* <weight>: sum */
	struct server *servers;
	struct back *owner; /* whose servers these are: use_backend_from; else itself */
	const struct balance_part *balance;
	struct back_queue *queue; /* of the owner; NULL: no server has maxconn */
	struct mux_conf mux;
};

/* Per thread and server: idle connections, newest first. */
struct server_slot {
	_Atomic uint32_t requests; /* written by its thread alone, summed for logs */
	struct list idle, safe; /* struct conn.link; safe: reused at least once */
	struct list shared; /* in use, and taking more: HTTP/2 */
	uint32_t nidle, nsafe, active;
	_Atomic uint32_t spare; /* nidle + nsafe, for the other threads of the group */
	uint32_t low; /* idle ones at the beginning of the eviction period */
	int32_t rr; /* smooth weighted round robin */
};

/* thread.proxy: one per thread. */
struct proxy_thread {
	struct server_slot **slots; /* [back index][server] ; NULL for sections without servers */
	_Atomic uint32_t *be_requests; /* by section */
	struct list clients; /* client connections of this thread */
	struct list exchanges;
	struct list held; /* struct held */
	struct thread_counts *counts; /* count.h; NULL: no page shows them */
	uint32_t nclients, nexchanges;
	uint32_t nwaiters; /* in queues and checkpoints, or with a place that is on its way */
	uint32_t nservers; /* server connections */
	struct timer drain; /* during a graceful stop */
	uint64_t drain_since;
	bool cut;
	char *scratch; /* SCRATCH_SIZE bytes for texts made by rules, reset at each rule */
	uint32_t scratch_used;
	struct kept **sessions; /* session.c's table; NULL: no front of the site needs it */
	struct walk *walk; /* of decide.c */
	void *regex; /* match data and JIT stack of regex_pcre2 */
	uint64_t served;
};
#define SCRATCH_SIZE (128 * 1024)
#define LEVEL_SILENT 255 /* of log silent: no line */

/* What holds a client in place of an exchange (tarpit); <cut>: the drain time of a stop is over. */
struct held {
	struct list link; /* thread's */
	void (*cut)(struct held *h);
};

/* Captures of one direction, in the order in which the site names them. */
struct cap_names {
	struct str *names;
	uint32_t *slots;
	uint32_t n;
};

struct site {
	const struct ws_site *ws;
	int64_t *nums; /* copy of ws->nums, params bound */
	struct str *params; /* values by param row */
	struct front **fronts; /* by section index, NULL where it has no front side */
	struct back **backs;
	struct regex_code **regexes; /* by regex row */
	struct addr_net *trusted; /* ws->trusted.n of them */
	bool keeps_request; /* some rule of a response reads the request */
	bool foreign; /* some server is connected to from addresses of clients */
	struct ws_net *value_nets; /* by text row: a network written with params */
	struct thread_shape shape; /* threads and groups of this process */
	_Atomic bool stopping; /* written before thread_call wakes every thread */
	struct cap_names caps[2]; /* captures of requests, of responses: for logs */
};

extern struct site site;
extern const struct mux_app exchange_front_app, server_mux_app;

static inline struct proxy_thread *pt(void);

static inline struct str ws_str(struct ws_ref r)
{
	return str_of(site.ws->text + r.off, r.len);
}

/* Value of "--set NAME=VALUE", else of WEIR_NAME in the environment (as written or in upper case),
 * else the default. Reports every unset or ill-formed one on <err>. */
struct param_arg {
	struct str name, value;
};
/* Binds params, parses addresses, resolves names, compiles regexes. False after messages on <err>
 * (all of them); then site.fronts tells whether all params have values, so that ports and files can
 * be looked at nevertheless. */
bool conf_load(const struct ws_site *ws, const struct param_arg *args, unsigned nargs, FILE *err);
void conf_free(void);
/* Address written as <text>, host names resolved. *<as_text>: what was read. False: *<why> is a
 * sentence. */
bool conf_addr(uint32_t text, struct addr_conf *out, struct str *as_text, const char **why);
/* A written text whose only pieces are literals and params; memory of the conf's arena. */
struct str conf_text(uint32_t text);
/* Networks <run> of ws->nets, in the conf's arena. */
struct addr_net *conf_nets(struct ws_run run);
void *conf_alloc(size_t n);
#include "../core/thread.h"
static inline struct proxy_thread *pt(void)
{
	return th->proxy;
}

#endif
