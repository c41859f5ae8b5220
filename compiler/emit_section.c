/* SPDX-License-Identifier: Apache-2.0 */
/* emit_section: sections with their settings, addresses, servers, pages and logs. */
#include <stdio.h>

#include "../runtime/base/addr.h"
#include "emit_part.h"
#include "range.h"

#define POOL_MAX_DEFAULT INT32_MAX /* idle server connections: maxconn and timeouts bound them */
#define POOL_HALFLIFE_DEFAULT 30000

_Static_assert((int)DIR_CONN_IN == WS_CONN_IN && (int)DIR_SESS_IN == WS_SESS_IN &&
		       (int)DIR_REQ_IN == WS_REQ_IN && (int)DIR_REQ_OUT == WS_REQ_OUT &&
		       (int)DIR_RSP_IN == WS_RSP_IN && (int)DIR_RSP_OUT == WS_RSP_OUT &&
		       (int)RULE_DIRS == WS_DIRS,
	       "directions of program and site");
_Static_assert((int)SRC_NONE == WS_SRC_NONE && (int)SRC_ADDR == WS_SRC_ADDR &&
		       (int)SRC_CLIENT == WS_SRC_CLIENT && (int)SRC_CLIENT_IP == WS_SRC_CLIENT_IP &&
		       (int)SRC_HEADER == WS_SRC_HEADER,
	       "modes of a source");
_Static_assert((int)LOG_OFF == WS_LOG_OFF && (int)LOG_STDOUT == WS_LOG_STDOUT &&
		       (int)LOG_FILE == WS_LOG_FILE && (int)LOG_UDP == WS_LOG_UDP &&
		       (int)LOG_UNIX == WS_LOG_UNIX,
	       "kinds of logs");

_Static_assert((int)VERIFY_NONE == WS_VERIFY_NONE && (int)VERIFY_OPTIONAL == WS_VERIFY_OPTIONAL &&
		       (int)VERIFY_REQUIRED == WS_VERIFY_REQUIRED,
	       "ways of verifying");

/* -- addresses
 * ------------------------------------------------------------------------------------ */

static struct str host_text(struct arena *a, const struct p_addr *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct addr ip = { .kind = AK_INET };
	char buf[ADDR_TEXT];
	size_t n;

	if (addr->any_host)
		return S("*");
	if (addr->host_name)
		return addr->host;
	memcpy(ip.ip, addr->ip.addr, sizeof(ip.ip));
	ip.v4 = memcmp(ip.ip, mapped, sizeof(mapped)) == 0;
	n = addr_format_ip(&ip, buf);
	if (!ip.v4 && (addr->port || addr->port_offset))
		return arena_printf(a, "[%.*s]", (int)n, buf);
	return arena_str(a, str_of(buf, n));
}

static struct str inet_text(struct arena *a, const struct p_addr *addr)
{
	struct str host = host_text(a, addr);

	if (addr->port_offset)
		return arena_printf(a, "%.*s:+%u", STR_ARG(host), addr->port);
	if (addr->port_hi > addr->port)
		return arena_printf(a, "%.*s:%u-%u", STR_ARG(host), addr->port, addr->port_hi);
	return addr->port ? arena_printf(a, "%.*s:%u", STR_ARG(host), addr->port) : host;
}

/* A spelling that base/addr reads back as the same address. */
static struct str addr_text(struct arena *a, const struct p_addr *addr)
{
	switch (addr->kind) {
	case ADDR_INET:
		return inet_text(a, addr);
	case ADDR_UNIX:
		return addr->path.n && addr->path.p[0] == '/'
			       ? addr->path
			       : arena_printf(a, "unix@%.*s", STR_ARG(addr->path));
	case ADDR_ABNS:
		return arena_printf(a, "abns@%.*s", STR_ARG(addr->path));
	case ADDR_FD:
		return arena_printf(a, "fd@%d", addr->fd);
	case ADDR_NONE:
		break;
	}
	return S("");
}

/* Row of texts, WS_NONE when there is no address. */
static uint32_t address(struct emit *e, const struct p_addr *addr)
{
	if (addr->text)
		return emit_text(e, addr->text);
	return addr->kind == ADDR_NONE ? WS_NONE : emit_constant(e, addr_text(e->arena, addr));
}

static struct ws_source source(struct emit *e, const struct p_source *s)
{
	if (s->mode >= SRC_CLIENT || s->addr.port_hi > s->addr.port)
		e->parts[PART_TARGET] = true;
	return (struct ws_source) { .mode = (uint32_t)s->mode,
				    .addr = address(e, &s->addr),
				    .subject = emit_subject(e, s->subject) };
}

/* -- lists
 * ---------------------------------------------------------------------------------------- */

/* 1 + the row; 0: none. */
static uint32_t tls(struct emit *e, const struct p_tls *t, struct p_place place)
{
	struct ws_tls row;

	if (!t->on)
		return 0;
	e->parts[PART_TLS] = true;
	memset(&row, 0, sizeof(row));
	row.where = emit_place(e, place);
	row.verify = (uint32_t)t->verify;
	row.certs.n = t->ncerts;
	row.certs.first = emit_add(e, EMIT_TLS_CERTS, NULL, t->ncerts);
	for (uint32_t i = 0; i < t->ncerts; i++)
		*(uint32_t *)table_row(&e->tables[EMIT_TLS_CERTS], row.certs.first + i) =
			emit_text(e, t->certs[i]);
	row.ca = emit_text(e, t->ca);
	row.sni = emit_text(e, t->sni);
	row.alpn = emit_ref(e, t->alpn);
	return 1 + emit_add(e, EMIT_TLSES, &row, 1);
}

/* What is spoken with a peer, and the part for it. <word>: what is said of it. */
static uint8_t proto(struct emit *e, struct str word, const struct p_tls *t)
{
	struct str alpn = t->alpn;
	enum ws_proto proto = str_eq(word, S("h2")) ? WS_PROTO_H2 : WS_PROTO_H1;

	while (t->on && proto == WS_PROTO_H1 && alpn.n)
		if (str_eq(str_cut(&alpn, ','), S("h2")))
			proto = WS_PROTO_ALPN;
	if (proto != WS_PROTO_H1)
		e->parts[PART_MUX_H2] = true;
	return (uint8_t)proto;
}

static struct ws_run binds(struct emit *e, const struct p_section *s)
{
	struct ws_run run = { .n = s->nbinds };

	run.first = emit_add(e, EMIT_BINDS, NULL, s->nbinds);
	for (uint32_t i = 0; i < s->nbinds; i++) {
		const struct p_bind *b = &s->binds[i];
		struct ws_bind row;

		memset(&row, 0, sizeof(row));
		row.addr = address(e, &b->addr);
		row.where = emit_place(e, b->place);
		row.accept_proxy = b->accept_proxy;
		row.v6only = b->v6only;
		row.transparent = b->transparent;
		if (s->front_mode == MODE_HTTP)
			row.proto = proto(e, b->proto, &b->tls);
		row.backlog = (int32_t)b->backlog;
		row.maxconn = (int32_t)b->maxconn;
		row.mode = (int32_t)b->mode;
		row.uid = (int32_t)b->uid;
		row.gid = (int32_t)b->gid;
		row.interface = emit_ref(e, b->interface);
		row.name = emit_ref(e, b->name);
		row.thread = emit_ref(e, b->thread);
		row.tls = tls(e, &b->tls, b->place);
		if (b->accept_proxy)
			e->parts[PART_HS_ACCEPT_PROXY] = true;
		memcpy(table_row(&e->tables[EMIT_BINDS], run.first + i), &row, sizeof(row));
	}
	return run;
}

/* Part of the address is the client's destination. */
static bool follows_client(const struct p_addr *a)
{
	static const uint8_t any4[16] = { [10] = 0xff, [11] = 0xff }, any6[16];

	return !a->text && a->kind == ADDR_INET &&
	       (a->port_offset || a->any_host ||
		(!a->host_name &&
		 (memcmp(a->ip.addr, any4, 16) == 0 || memcmp(a->ip.addr, any6, 16) == 0)));
}

static struct ws_run servers(struct emit *e, const struct p_section *s)
{
	struct ws_run run = { .n = s->nservers };

	run.first = emit_add(e, EMIT_SERVERS, NULL, s->nservers);
	for (uint32_t i = 0; i < s->nservers; i++) {
		const struct p_server *v = &s->servers[i];
		struct ws_server row;

		memset(&row, 0, sizeof(row));
		row.name = emit_ref(e, v->name);
		row.addr = address(e, &v->addr);
		row.where = emit_place(e, v->place);
		row.weight = (int32_t)v->weight;
		row.maxconn = (int32_t)v->maxconn;
		row.backup = v->backup;
		row.disabled = v->disabled;
		row.send_proxy = (uint8_t)v->send_proxy;
		row.source = source(e, &v->source);
		if (s->cookie.mode)
			row.cookie = emit_ref(e, v->cookie.n ? v->cookie : v->name);
		row.checked = v->checked;
		row.check_addr = address(e, &v->check_addr);
		row.check_port = (uint32_t)v->check_port;
		row.tls = tls(e, &v->tls, v->place);
		row.proto = proto(e, v->proto, &v->tls);
		if (row.proto != WS_PROTO_H1)
			e->parts[PART_SHARING] = true;
		row.pass = emit_checkpoint(e, v->pass);
		if (v->maxconn > 0)
			e->parts[PART_QUEUE] = true;
		if (follows_client(&v->addr))
			e->parts[PART_TARGET] = true;
		if (v->send_proxy)
			e->parts[v->send_proxy == 1 ? PART_HS_SEND_PROXY_V1
						    : PART_HS_SEND_PROXY_V2] = true;
		memcpy(table_row(&e->tables[EMIT_SERVERS], run.first + i), &row, sizeof(row));
	}
	return run;
}

/* 1 + the row of the section's check; 0: no server of it is checked. */
static uint32_t check(struct emit *e, const struct p_section *s)
{
	const struct p_check *c = &s->check;
	struct ws_check row;
	bool any = false;

	for (uint32_t i = 0; i < s->nservers; i++)
		any |= s->servers[i].checked;
	if (!any)
		return 0;
	memset(&row, 0, sizeof(row));
	row.http = c->kind == CHECK_HTTP;
	row.rise = (uint8_t)c->rise;
	row.fall = (uint8_t)c->fall;
	row.every = (uint32_t)c->every;
	row.fast = (uint32_t)(c->fast ? c->fast : c->every);
	row.down = (uint32_t)(c->down ? c->down : c->every);
	row.probe = (uint32_t)c->probe;
	row.addr = address(e, &c->addr);
	row.port = (uint32_t)c->port;
	row.method = emit_ref(e, c->method);
	row.target = emit_ref(e, c->target);
	row.host = emit_ref(e, c->host);
	row.expect.n = 2 * c->nexpect;
	for (uint32_t i = 0; i < c->nexpect; i++) {
		int64_t pair[] = { c->expect[i].lo, c->expect[i].hi };
		uint32_t at = emit_add(e, EMIT_NUMS, pair, 2);

		row.expect.first = i ? row.expect.first : at;
	}
	e->parts[PART_CHECK] = true;
	if (row.http)
		e->parts[PART_MUX_H1] = true;
	return emit_add(e, EMIT_CHECKS, &row, 1) + 1;
}

/* 1 + the row of the section's cookie; 0: it has none. */
static uint32_t cookie(struct emit *e, const struct p_section *s)
{
	const struct p_cookie *c = &s->cookie;
	struct ws_cookie row;
	struct str tail;

	if (!c->mode || !s->nservers)
		return 0;
	tail = arena_printf(e->arena, "; Path=/%s%.*s%s%s%s%.*s", c->domain.n ? "; Domain=" : "",
			    STR_ARG(c->domain), c->httponly ? "; HttpOnly" : "",
			    c->secure ? "; Secure" : "", c->attr.n ? "; " : "", STR_ARG(c->attr));
	memset(&row, 0, sizeof(row));
	row.name = emit_ref(e, c->name);
	row.tail = emit_ref(e, tail);
	row.mode = (uint8_t)(c->mode - COOKIE_INSERT + WS_COOKIE_INSERT);
	row.indirect = c->indirect;
	row.nocache = c->nocache;
	row.postonly = c->postonly;
	e->parts[PART_COOKIE] = true;
	return emit_add(e, EMIT_COOKIES, &row, 1) + 1;
}

static struct ws_run errors(struct emit *e, const struct p_section *s)
{
	struct ws_error *rows = ARENA_ARRAY(e->arena, struct ws_error, s->nerrors);

	for (uint32_t i = 0; i < s->nerrors; i++) {
		const struct p_errorpage *p = &s->errors[i];

		rows[i].status = p->status;
		if (p->file.n) {
			rows[i].file_body = emit_ref(e, emit_file(e, p->file, p->place));
			rows[i].type = emit_ref(e, emit_file_type(p->file));
		}
		rows[i].url = emit_ref(e, p->url);
	}
	return (struct ws_run) { .first = emit_put(e, EMIT_ERRORS, rows, s->nerrors),
				 .n = s->nerrors };
}

static struct ws_run logs(struct emit *e, const struct p_log *list, uint32_t n)
{
	struct ws_log *rows = ARENA_ARRAY(e->arena, struct ws_log, n);

	for (uint32_t i = 0; i < n; i++) {
		const struct p_log *l = &list[i];

		rows[i].kind = (uint8_t)l->kind;
		rows[i].json = l->json;
		rows[i].facility = (uint8_t)l->facility;
		rows[i].level = (uint8_t)l->level;
		rows[i].to = l->path ? emit_text(e, l->path) : address(e, &l->addr);
		if (l->kind != LOG_OFF)
			e->parts[l->json ? PART_LOG_JSON : PART_LOG_HTTP] = true;
	}
	return (struct ws_run) { .first = emit_put(e, EMIT_LOGS, rows, n), .n = n };
}

/* -- numbers
 * --------------------------------------------------------------------------------------- */

static const struct num {
	enum ws_num num;
	enum option_id option;
	enum option_unit unit;
} section_nums[] = {
	{ WS_T_CLIENT, OPT_TIMEOUT_CLIENT, UNIT_MS },
	{ WS_T_KEEPALIVE, OPT_TIMEOUT_KEEPALIVE, UNIT_MS },
	{ WS_T_HEAD, OPT_TIMEOUT_HEAD, UNIT_MS },
	{ WS_T_BODY, OPT_TIMEOUT_BODY, UNIT_MS },
	{ WS_T_CONNECT, OPT_TIMEOUT_CONNECT, UNIT_MS },
	{ WS_T_SERVER, OPT_TIMEOUT_SERVER, UNIT_MS },
	{ WS_T_QUEUE, OPT_TIMEOUT_QUEUE, UNIT_MS },
	{ WS_T_TUNNEL, OPT_TIMEOUT_TUNNEL, UNIT_MS },
	{ WS_T_CLIENT_FIN, OPT_TIMEOUT_CLIENT_FIN, UNIT_MS },
	{ WS_T_CHECK, OPT_TIMEOUT_CHECK, UNIT_MS },
	{ WS_T_PREREAD, OPT_PREREAD, UNIT_MS },
	{ WS_RATE_BYTES, OPT_RATE_MIN, UNIT_COUNT },
	{ WS_MAXCONN, OPT_MAXCONN, UNIT_COUNT },
	{ WS_RETRIES, OPT_RETRIES, UNIT_COUNT },
	{ WS_REDISPATCH, OPT_REDISPATCH, UNIT_COUNT },
	{ WS_REUSE, OPT_REUSE, UNIT_COUNT },
	{ WS_QUEUE_MAX, OPT_QUEUE, UNIT_COUNT },
}, site_nums[] = {
	{ WS_MAXCONN, OPT_MAXCONN, UNIT_COUNT },
	{ WS_HEAD_MAX, OPT_HEAD_MAX, UNIT_SIZE },
	{ WS_HEADERS_MAX, OPT_HEADERS_MAX, UNIT_COUNT },
	{ WS_URI_MAX, OPT_URI_MAX, UNIT_SIZE },
	{ WS_BUFFERS_MAX, OPT_BUFFERS_MAX, UNIT_COUNT },
	{ WS_THREADS, OPT_THREADS, UNIT_COUNT },
	{ WS_GROUPS, OPT_THREAD_GROUPS, UNIT_COUNT },
	{ WS_T_DRAIN, OPT_DRAIN, UNIT_MS },
	{ WS_ON_LIMIT, OPT_ON_LIMIT, UNIT_COUNT },
};

/* One block of WS_NUMS rows from the settings in <set>; those with params are bound at start. */
static uint32_t number_block(struct emit *e, const struct num *list, size_t n,
			     const struct p_setting *set, const int64_t *base)
{
	uint32_t first = emit_add(e, EMIT_NUMS, base, WS_NUMS);

	for (size_t i = 0; i < n; i++) {
		const struct p_setting *s = &set[list[i].option];
		struct ws_bound_num bound;

		if (!s->computed) {
			if (list[i].num != WS_REDISPATCH)
				*(int64_t *)table_row(&e->tables[EMIT_NUMS],
						      first + (uint32_t)list[i].num) = s->num;
			continue;
		}
		bound = (struct ws_bound_num) { .row = first + (uint32_t)list[i].num,
						.text = emit_text(e, s->computed),
						.unit = list[i].unit,
						.where = emit_place(e, s->place) };
		option_range((int)list[i].option, list[i].unit, &bound.min, &bound.max);
		emit_add(e, EMIT_BOUND_NUMS, &bound, 1);
	}
	return first;
}

static uint32_t section_numbers(struct emit *e, const struct p_section *s)
{
	const struct p_setting *set = s->settings, *pool = &set[OPT_POOL],
			       *redispatch = &set[OPT_REDISPATCH];
	int64_t base[WS_NUMS] = { 0 };

	base[WS_RATE_MS] = set[OPT_RATE_MIN].num2;
	base[WS_FORWARD_RAW] = set[OPT_FORWARD_RAW].set;
	base[WS_DESTINATION] = set[OPT_TRANSPARENT].set ? WS_DEST_CLIENT
			       : set[OPT_PROXY].set     ? WS_DEST_REQUEST
							: WS_DEST_CONFIGURED;
	base[WS_POOL_MAX] = pool->set && pool->num >= 0 ? pool->num : POOL_MAX_DEFAULT;
	base[WS_POOL_MIN] = pool->set && pool->num2 >= 0 ? pool->num2 : 0;
	base[WS_POOL_HALFLIFE] = pool->set && pool->num3 >= 0 ? pool->num3 : POOL_HALFLIFE_DEFAULT;
	/* -1: off; 0: for the last attempt; N: after N failures. The program has -1 for a
	 * redispatch without a number. */
	base[WS_REDISPATCH] = !redispatch->set ? -1 : redispatch->num < 0 ? 0 : redispatch->num;
	return number_block(e, section_nums, sizeof(section_nums) / sizeof(*section_nums), set,
			    base);
}

/* -- sections
 * -------------------------------------------------------------------------------------- */

static uint8_t kind(const struct p_section *s)
{
	switch (s->kind) {
	case SEC_LISTEN:
		return WS_LISTEN;
	case SEC_FRONTEND:
		return WS_FRONTEND;
	case SEC_REQRULES:
		return WS_REQRULES;
	case SEC_BACKEND:
		return WS_BACKEND;
	default:
		return WS_RSPRULES;
	}
}

/* In the order of enum p_balance. */
static const struct {
	enum ws_balance id;
	enum emit_part part;
} balances[BALANCES] = {
	[BALANCE_ROUNDROBIN] = { WS_BALANCE_ROUNDROBIN, PART_BALANCE_ROUNDROBIN },
	[BALANCE_LEASTCONN] = { WS_BALANCE_LEASTCONN, PART_BALANCE_LEASTCONN },
	[BALANCE_SOURCE] = { WS_BALANCE_HASH, PART_BALANCE_HASH },
	[BALANCE_URI] = { WS_BALANCE_HASH, PART_BALANCE_HASH },
	[BALANCE_HASH] = { WS_BALANCE_HASH, PART_BALANCE_HASH },
	[BALANCE_RANDOM] = { WS_BALANCE_RANDOM, PART_BALANCE_RANDOM },
	[BALANCE_FIRST] = { WS_BALANCE_FIRST, PART_BALANCE_FIRST },
};

static enum p_balance balance(const struct p_section *s)
{
	int64_t n = s->settings[OPT_BALANCE].num;

	return n > 0 && n < BALANCES ? (enum p_balance)n : BALANCE_ROUNDROBIN;
}

/* Muxes, balancing and handshakes that the section needs. */
static void section_parts(struct emit *e, const struct p_section *s)
{
	bool front = s->kind == SEC_LISTEN || s->kind == SEC_FRONTEND,
	     back = s->kind == SEC_LISTEN || s->kind == SEC_BACKEND,
	     given = s->settings[OPT_TRANSPARENT].set || s->settings[OPT_PROXY].set;

	if ((front && s->front_mode == MODE_TCP) || (back && s->back_mode == MODE_TCP))
		e->parts[PART_MUX_TCP] = true;
	if ((front && s->front_mode == MODE_HTTP) || (back && s->back_mode == MODE_HTTP))
		e->parts[PART_MUX_H1] = true;
	if (s->nservers || s->dispatch.kind != ADDR_NONE || given)
		e->parts[balances[balance(s)].part] = true;
	if (given || follows_client(&s->dispatch))
		e->parts[PART_TARGET] = true;
	if (s->settings[OPT_PROXY].set) /* CONNECT */
		e->parts[PART_MUX_TCP] = true;
	if (front && s->nmonitor)
		e->parts[PART_HS_MONITOR] = true;
	if (front && s->chains[DIR_CONN_IN].n)
		e->parts[PART_HS_CONN_IN] = true;
}

static void section_row(struct emit *e, const struct p_section *s)
{
	struct ws_section row;

	memset(&row, 0, sizeof(row));
	row.name = emit_ref(e, s->name);
	row.kind = kind(s);
	row.front_tcp = s->front_mode == MODE_TCP;
	row.back_tcp = s->back_mode == MODE_TCP;
	row.forwardfor = s->forwardfor.on;
	row.where = emit_place(e, s->place);
	row.filters = s->filters->index;
	row.servers_of = s->servers_of->index;
	row.default_backend = s->default_backend ? s->default_backend->index : WS_NONE;
	for (int dir = 0; dir < RULE_DIRS; dir++)
		row.chains[dir] = emit_chain(e, &s->chains[dir]);
	row.binds = binds(e, s);
	row.servers = servers(e, s);
	row.check = check(e, s);
	row.cookie = cookie(e, s);
	row.errors = errors(e, s);
	row.logs = logs(e, s->logs, s->nlogs);
	row.monitor = emit_nets(e, s->monitor, s->nmonitor);
	row.ff_unless = emit_nets(e, s->forwardfor.unless, s->forwardfor.nunless);
	row.ff_header = emit_ref(e, s->forwardfor.header);
	row.source = source(e, &s->source);
	row.dispatch = address(e, &s->dispatch);
	row.nums = section_numbers(e, s);
	row.balance = balances[balance(s)].id;
	row.balance_subject = emit_subject(e, s->balance_on);
	section_parts(e, s);
	emit_add(e, EMIT_SECTIONS, &row, 1);
}

static void site_facts(struct emit *e)
{
	const struct program *p = e->p;
	const struct p_setting *chroot = &p->globals[OPT_CHROOT];
	const int64_t none[WS_NUMS] = { 0 };
	struct str constant = chroot->text;

	e->site_nums = number_block(e, site_nums, sizeof(site_nums) / sizeof(*site_nums),
				    p->globals, none);
	e->site_logs = logs(e, p->logs, p->nlogs);
	e->trusted = emit_nets(e, p->trusted, p->ntrusted);
	e->name = emit_ref(e, p->site);
	e->user = emit_ref(e, p->globals[OPT_USER].text);
	e->group = emit_ref(e, p->globals[OPT_GROUP].text);
	e->chroot_text = chroot->computed ? emit_text(e, chroot->computed) : WS_NONE;
	e->chroot = emit_ref(e, constant);
	e->control = address(e, &p->control.addr);
	e->parts[PART_CONTROL] = e->control != WS_NONE;
	e->cpu_map = emit_ref(e, p->globals[OPT_CPU_MAP].text);
	if (p->globals[OPT_CPU_MAP].set)
		e->cpu_map_where = emit_place(e, p->globals[OPT_CPU_MAP].place);
}

/* -- checkpoints
 * ----------------------------------------------------------------------------------- */

static const struct num checkpoint_nums[] = {
	{ WS_MAXCONN, OPT_CONCURRENCY, UNIT_COUNT },
	{ WS_QUEUE_MAX, OPT_QUEUE, UNIT_COUNT },
	{ WS_T_QUEUE, OPT_DELAY, UNIT_MS },
	{ WS_POOL_MAX, OPT_TABLE, UNIT_COUNT },
};
#define WINDOW_DEFAULT 10000 /* of rate() beside a concurrency */

/* Some rule or value reads how many exchanges are under way. */
static bool asks_conc(const struct program *p, const struct p_section *cp)
{
	for (uint32_t i = 0; i < p->nsubjects; i++)
		if (p->subjects[i]->id == SUBJ_CONC && p->subjects[i]->section == cp)
			return true;
	return false;
}

/* Some rule on responses may count there, or read its counters: then the request is kept for it. */
static bool in_responses(const struct program *p, const struct p_section *cp)
{
	bool any = false, asked = false;

	for (uint32_t i = 0; i < p->nsubjects; i++)
		asked = asked || p->subjects[i]->section == cp;
	for (uint32_t i = 0; i < p->nrules; i++) {
		const struct p_rule *r = p->rules[i];

		for (uint32_t k = 0; k < r->nactions; k++)
			any = any || ((r->dir == DIR_RSP_IN || r->dir == DIR_RSP_OUT) &&
				      (asked || r->actions[k].target == cp));
	}
	return any;
}

static void checkpoint_row(struct emit *e, const struct p_section *s)
{
	const struct p_setting *set = s->settings;
	int64_t base[WS_NUMS] = { 0 };
	struct ws_checkpoint row;

	base[WS_RATE_BYTES] = set[OPT_RATE].num;
	base[WS_RATE_MS] = set[OPT_RATE].set     ? set[OPT_RATE].num2
			   : set[OPT_WINDOW].set ? set[OPT_WINDOW].num
						 : WINDOW_DEFAULT;
	base[WS_KEEP] = set[OPT_TABLE].num2;
	memset(&row, 0, sizeof(row));
	row.name = emit_ref(e, s->name);
	row.where = emit_place(e, s->place);
	row.nums = number_block(e, checkpoint_nums,
				sizeof(checkpoint_nums) / sizeof(*checkpoint_nums), set, base);
	row.key = emit_subject(e, s->key);
	row.rsp_key = in_responses(e->p, s) ? emit_subject(e, s->rsp_key) : WS_NONE;
	row.limit = set[OPT_RATE].set          ? WS_LIMIT_RATE
		    : set[OPT_CONCURRENCY].set ? WS_LIMIT_CONCURRENCY
					       : WS_LIMIT_NONE;
	row.holds = set[OPT_CONCURRENCY].set || asks_conc(e->p, s);
	e->parts[PART_CHECKPOINT] = true;
	emit_add(e, EMIT_CHECKPOINTS, &row, 1);
}

void emit_sections(struct emit *e)
{
	site_facts(e);
	for (uint32_t i = 0; i < e->nnamed; i++)
		section_row(e, e->p->sections[i]);
	for (uint32_t i = e->nnamed; i < e->p->nsections; i++)
		checkpoint_row(e, e->p->sections[i]);
}
