/* SPDX-License-Identifier: Apache-2.0 */
#include "conf.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdlib.h>
#include <stdio.h>

#include "../base/arena.h"
#include "../core/log.h"
#include "check.h"
#include "checkpoint.h"
#include "dynamic.h"
#include "rule.h"
#include "target.h"
#include "tls_part.h"

struct site site;

static struct arena arena;

/* Messages of one load: "SITE.weir:LINE: sentence". */
struct load {
	FILE *err;
	bool bad;
};

__attribute__((format(printf, 3, 4))) static void complain(struct load *l, uint32_t where,
							   const char *fmt, ...)
{
	va_list ap;

	l->bad = true;
	if (where != WS_NONE) {
		const struct ws_place *p = &site.ws->places[where];

		fprintf(l->err, "%.*s:%u: ", STR_ARG(ws_str(site.ws->files[p->file])), p->line);
	}
	va_start(ap, fmt);
	vfprintf(l->err, fmt, ap);
	va_end(ap);
	fputc('\n', l->err);
}

/* -- params -------------------------------------------------------------------------------------
 */

/* WEIR_NAME as the param is written, else in upper case with _ for what a shell does not take.
 * <key> is the latter. */
static const char *environment(struct str name, char *key, size_t room)
{
	const char *value;

	snprintf(key, room, "WEIR_%.*s", STR_ARG(name));
	value = getenv(key);
	for (char *c = key; *c; c++)
		*c = *c >= 'a' && *c <= 'z'   ? (char)(*c - 'a' + 'A')
		     : *c == '-' || *c == '.' ? '_'
					      : *c;
	return value ? value : getenv(key);
}

static void bind_param(struct load *l, uint32_t i, const struct param_arg *args, unsigned nargs)
{
	const struct ws_param *p = &site.ws->params[i];
	struct str name = ws_str(p->name);
	char key[256];
	const char *env;

	for (unsigned a = nargs; a > 0; a--)
		if (str_eq(args[a - 1].name, name)) {
			site.params[i] = args[a - 1].value;
			return;
		}
	env = environment(name, key, sizeof(key));
	if (env)
		site.params[i] = str_from(env);
	else if (p->has_default)
		site.params[i] = ws_str(p->def);
	else
		complain(l, p->where,
			 "param '%.*s' is not set: give --set %.*s=VALUE or %s in the environment",
			 STR_ARG(name), STR_ARG(name), key);
}

static void bind_params(struct load *l, const struct param_arg *args, unsigned nargs)
{
	site.params = ARENA_ARRAY(&arena, struct str, site.ws->nparams + 1);
	for (unsigned a = 0; a < nargs; a++) {
		uint32_t i = 0;

		while (i < site.ws->nparams &&
		       !str_eq(ws_str(site.ws->params[i].name), args[a].name))
			i++;
		if (i == site.ws->nparams)
			complain(l, WS_NONE, "--set %.*s: this site has no such param",
				 STR_ARG(args[a].name));
	}
	for (uint32_t i = 0; i < site.ws->nparams; i++)
		bind_param(l, i, args, nargs);
}

struct str conf_text(uint32_t text)
{
	const struct ws_run run = site.ws->texts[text].pieces;
	struct str out = { .p = "", .n = 0 };

	for (uint32_t i = 0; i < run.n; i++) {
		const struct ws_piece *p = &site.ws->pieces[run.first + i];
		struct str more = p->kind == WS_P_LITERAL ? ws_str(p->text)
				  : p->kind == WS_P_PARAM ? site.params[p->index]
							  : S("");

		out = run.n == 1 ? more
				 : arena_printf(&arena, "%.*s%.*s", STR_ARG(out), STR_ARG(more));
	}
	return out;
}

/* -- numbers ------------------------------------------------------------------------------------
 */

/* A number with its unit, as the language has it: count (k = 1000), size (k = 1024), duration (a
 * unit is required). */
static bool parse_number(struct str s, uint32_t unit, int64_t *out)
{
	static const struct {
		const char *name;
		uint64_t mul[3];
	} units[] = { { "", { 1, 1, 0 } },
		      { "k", { 1000, 1 << 10, 0 } },
		      { "m", { 1000000, 1 << 20, 60000 } },
		      { "g", { 1000000000, 1 << 30, 0 } },
		      { "ms", { 0, 0, 1 } },
		      { "s", { 0, 0, 1000 } },
		      { "h", { 0, 0, 3600000 } },
		      { "d", { 0, 0, 86400000 } } };
	size_t digits = 0;
	uint64_t v;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	if (!str_u64(str_first(s, digits), INT64_MAX / 86400000, &v))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].mul[unit] && str_ieq(str_skip(s, digits), str_from(units[i].name))) {
			*out = (int64_t)(v * units[i].mul[unit]);
			return true;
		}
	return false;
}

static void bind_numbers(struct load *l)
{
	static const char *const what[] = { "count", "size", "duration" };
	static const char *const units[] = { "", " bytes", " ms" };

	site.nums = ARENA_ARRAY(&arena, int64_t, site.ws->nnums + 1);
	memcpy(site.nums, site.ws->nums, site.ws->nnums * sizeof(*site.nums));
	for (uint32_t i = 0; i < site.ws->nbound_nums; i++) {
		const struct ws_bound_num *b = &site.ws->bound_nums[i];
		struct str s = conf_text(b->text);
		int64_t *n = &site.nums[b->row], which = (int64_t)b->row - site.ws->site_nums;
		bool may_auto = which == WS_THREADS || which == WS_GROUPS;

		if (may_auto && str_eq(s, S("auto")))
			*n = 0;
		else if (!parse_number(s, b->unit, n))
			complain(l, b->where, "'%.*s' is no %s", STR_ARG(s), what[b->unit]);
		else if (*n < b->min || *n > b->max)
			complain(l, b->where,
				 "'%.*s' is out of range: %" PRId64 " to %" PRId64 "%s", STR_ARG(s),
				 b->min, b->max, units[b->unit]);
	}
}

/* -- addresses ----------------------------------------------------------------------------------
 */

static bool resolve_name(struct str host, struct addr *out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *res;
	struct sockaddr_storage ss = { 0 };
	char name[256];

	if (host.n >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", STR_ARG(host));
	if (getaddrinfo(name, NULL, &hints, &res) != 0)
		return false;
	memcpy(&ss, res->ai_addr, res->ai_addrlen);
	freeaddrinfo(res);
	uint16_t port = out->port;
	addr_from_sockaddr(out, &ss);
	out->port = port;
	return true;
}

bool conf_addr(uint32_t text, struct addr_conf *out, struct str *as_text, const char **why)
{
	*as_text = conf_text(text);
	*why = addr_parse(*as_text, out);
	if (*why)
		return false;
	if (out->addr.kind == AK_NAME && !resolve_name(out->path, &out->addr)) {
		*why = "the host name has no address";
		return false;
	}
	return true;
}

static bool is_any(const struct addr *a)
{
	static const uint8_t any4[16] = { [10] = 0xff, [11] = 0xff }, any6[16];

	return a->kind == AK_INET && (memcmp(a->ip, any4, 16) == 0 || memcmp(a->ip, any6, 16) == 0);
}

static void target_addr(struct load *l, uint32_t text, uint32_t where, struct server *srv)
{
	struct addr_conf c;
	const char *why;
	struct str s;

	if (!conf_addr(text, &c, &s, &why)) {
		complain(l, where, "address '%.*s': %s", STR_ARG(s), why);
		return;
	}
	srv->addr = c.addr;
	srv->port_offset = c.port_offset;
	srv->any_host = c.any_host || is_any(&c.addr);
	if (c.addr.kind == AK_UNIX || c.addr.kind == AK_ABNS) {
		addr_set_path(&srv->addr, arena_str(&arena, c.path).p);
	} else if (c.addr.kind != AK_INET || (!c.has_port && !c.port_offset)) {
		complain(l, where,
			 "address '%.*s' cannot be connected to: an address and a port are needed",
			 STR_ARG(s));
	}
}

/* The configured address: the source itself, or what holds when a header names none. */
static void source_addr(struct load *l, uint32_t where, struct server *srv)
{
	const struct ws_source *src = srv->source_row;
	struct addr_conf c;
	const char *why;
	struct str s;

	if (src->addr == WS_NONE || (src->mode != WS_SRC_ADDR && src->mode != WS_SRC_HEADER))
		return;
	if (!conf_addr(src->addr, &c, &s, &why) || c.addr.kind != AK_INET)
		complain(l, where, "source '%.*s' is no internet address", STR_ARG(s));
	srv->source = c.addr;
	srv->source_hi = c.port_hi;
}

void *conf_alloc(size_t n)
{
	return arena_get(&arena, n);
}

struct addr_net *conf_nets(struct ws_run run)
{
	struct addr_net *out = ARENA_ARRAY(&arena, struct addr_net, run.n + 1);

	for (uint32_t i = 0; i < run.n; i++) {
		const struct ws_net *n = &site.ws->nets[run.first + i];

		memcpy(out[i].ip, n->ip, 16);
		out[i].bits = n->bits;
	}
	return out;
}

/* -- sections -----------------------------------------------------------------------------------
 */

static void check_binds(struct load *l, const struct ws_section *ws)
{
	for (uint32_t i = 0; i < ws->binds.n; i++) {
		const struct ws_bind *b = &site.ws->binds[ws->binds.first + i];
		struct addr_conf addr;
		const char *why;
		struct str text;

		if (!conf_addr(b->addr, &addr, &text, &why))
			complain(l, b->where, "bind '%.*s': %s", STR_ARG(text), why);
	}
}

/* Some action <name> stands in the rules of direction <dir> of <ws>. */
static bool acts(const struct ws_section *ws, enum ws_dir dir, const char *name)
{
	for (uint32_t i = 0; i < ws->chains[dir].n; i++) {
		uint32_t rule = site.ws->chain[ws->chains[dir].first + i];
		struct ws_run run = site.ws->rules[rule].actions;

		for (uint32_t k = 0; k < run.n; k++) {
			uint32_t fn = site.ws->action_rows[run.first + k].fn;

			if (strcmp(site.ws->actions[fn]->name, name) == 0)
				return true;
		}
	}
	return false;
}

static bool sets_early(const struct ws_section *ws)
{
	return acts(ws, WS_CONN_IN, "setvar") || acts(ws, WS_CONN_IN, "log") ||
	       acts(ws, WS_SESS_IN, "setvar") || acts(ws, WS_SESS_IN, "log");
}

static void load_front(struct load *l, uint32_t i)
{
	const struct ws_section *ws = &site.ws->sections[i];
	struct front *f = ARENA_NEW(&arena, struct front);
	const int64_t *all = site.nums + site.ws->site_nums;

	f->ws = ws;
	f->num = site.nums + ws->nums;
	f->name = ws_str(ws->name);
	f->index = i;
	f->tcp = ws->front_tcp;
	f->sets = sets_early(ws) ||
		  (site.ws->checkpoint && ws->chains[WS_CONN_IN].n + ws->chains[WS_SESS_IN].n);
	f->mux = (struct mux_conf) {
		.app = &exchange_front_app,
		.head_max = (uint32_t)all[WS_HEAD_MAX],
		.headers_max = (uint32_t)all[WS_HEADERS_MAX],
		.uri_max = (uint32_t)all[WS_URI_MAX],
		.keepalive_ms = (uint32_t)f->num[WS_T_KEEPALIVE],
		.head_ms = (uint32_t)f->num[WS_T_HEAD],
	};
	f->limit.max = f->num[WS_MAXCONN] > 0 ? (uint32_t)f->num[WS_MAXCONN] : 0;
	f->monitor = conf_nets(ws->monitor);
	f->ff_unless = conf_nets(ws->ff_unless);
	check_binds(l, ws);
	site.fronts[i] = f;
}

/* The one target of a section that has no server lines. */
static struct str target_name(const struct back *b)
{
	static const char *const names[] = {
		[WS_DEST_CONFIGURED] = "dispatch",
		[WS_DEST_CLIENT] = "transparent",
		[WS_DEST_REQUEST] = "proxy",
	};

	return str_from(names[b->num[WS_DESTINATION]]);
}

static void load_target(struct load *l, struct server *s, uint32_t where)
{
	const char *why;

	source_addr(l, where, s);
	s->dynamic = s->any_host || s->port_offset || s->source_hi ||
		     s->be->num[WS_DESTINATION] == WS_DEST_REQUEST;
	if (site.ws->target) {
		why = site.ws->target->load(s);
		if (why)
			complain(l, where, "%s", why);
	} else if (s->dynamic) {
		complain(
			l, where,
			"an address that depends on the client, or a range of source ports, cannot "
			"come from a param");
	}
}

/* What its connections begin with. */
static void handshakes(struct server *s)
{
	const struct handshake **hs = s->hs;

	if (s->ws->send_proxy)
		*hs++ = site.ws->hs_send_proxy[s->ws->send_proxy];
	if (s->ws->tls)
		*hs = site.ws->tls->handshake(s->ws->tls - 1);
}

static void load_servers(struct load *l, struct back *b)
{
	const struct ws_section *ws = b->servers_ws;
	bool dispatch = ws->dispatch != WS_NONE || b->num[WS_DESTINATION] != WS_DEST_CONFIGURED;

	b->nservers = dispatch ? 1 : ws->servers.n;
	b->servers = ARENA_ARRAY(&arena, struct server, b->nservers + 1);
	for (uint32_t i = 0; i < b->nservers; i++) {
		struct server *s = &b->servers[i];
		const struct ws_server *row =
			dispatch ? NULL : &site.ws->servers[ws->servers.first + i];
		uint32_t where = row ? row->where : ws->where;

		s->ws = row;
		s->source_row = row && row->source.mode != WS_SRC_NONE ? &row->source : &ws->source;
		s->name = row ? ws_str(row->name) : target_name(b);
		s->index = i;
		s->off = row && row->disabled ? SERVER_DISABLED : 0;
		if (row)
			handshakes(s);
		s->proto = row ? (uint8_t)row->proto : WS_PROTO_H1;
		s->be = b;
		if (row || ws->dispatch != WS_NONE)
			target_addr(l, row ? row->addr : ws->dispatch, where, s);
		else
			s->any_host = s->port_offset = b->num[WS_DESTINATION] == WS_DEST_CLIENT;
		load_target(l, s, where);
	}
}

static void load_back(struct load *l, uint32_t i)
{
	const struct ws_section *ws = &site.ws->sections[i];
	struct back *b = ARENA_NEW(&arena, struct back);
	const int64_t *all = site.nums + site.ws->site_nums;

	b->ws = ws;
	b->servers_ws = &site.ws->sections[ws->servers_of];
	b->num = site.nums + b->servers_ws->nums;
	b->balance = site.ws->balances[b->servers_ws->balance];
	b->name = ws_str(ws->name);
	b->index = i;
	b->tcp = ws->back_tcp;
	b->mux = (struct mux_conf) {
		.app = &server_mux_app,
		.head_max = (uint32_t)all[WS_HEAD_MAX],
		.headers_max = (uint32_t)all[WS_HEADERS_MAX],
		.uri_max = (uint32_t)all[WS_URI_MAX],
	};
	site.backs[i] = b;
	if (ws->servers_of == i)
		load_servers(l, b);
}

static void load_sections(struct load *l)
{
	uint32_t n = site.ws->nsections;

	site.fronts = ARENA_ARRAY(&arena, struct front *, n + 1);
	site.backs = ARENA_ARRAY(&arena, struct back *, n + 1);
	for (uint32_t i = 0; i < n; i++) {
		uint8_t kind = site.ws->sections[i].kind;

		if (kind == WS_LISTEN || kind == WS_FRONTEND)
			load_front(l, i);
		if (kind == WS_LISTEN || kind == WS_BACKEND)
			load_back(l, i);
	}
	for (uint32_t i = 0; i < n; i++)
		if (site.backs[i])
			site.backs[i]->owner = site.backs[site.ws->sections[i].servers_of];
}

static void load_nets(struct load *l)
{
	/* Values with params that stand where a network is expected are parsed once, here. */
	site.value_nets = ARENA_ARRAY(&arena, struct ws_net, site.ws->ntexts + 1);
	for (uint32_t i = 0; i < site.ws->nvalue_nets; i++) {
		uint32_t text = site.ws->value_nets[i].text;
		struct str s = conf_text(text);
		struct addr_net net;
		const char *why = addr_parse_net(s, &net);

		if (why) {
			complain(l, site.ws->value_nets[i].where, "'%.*s': %s", STR_ARG(s), why);
			continue;
		}
		memcpy(site.value_nets[text].ip, net.ip, 16);
		site.value_nets[text].bits = net.bits;
		site.value_nets[text].spare[0] = 1; /* parsed */
	}
}

static void load_regexes(struct load *l)
{
	uint32_t n = site.ws->nregexes;
	struct str *whys = ARENA_ARRAY(&arena, struct str, n + 1);

	site.regexes = ARENA_ARRAY(&arena, struct regex_code *, n + 1);
	if (n)
		site.ws->regex->load(site.ws->regex, site.regexes, whys);
	for (uint32_t i = 0; i < n; i++) {
		if (!site.regexes[i])
			complain(l, WS_NONE, "regex '%.*s': %.*s",
				 STR_ARG(ws_str(site.ws->regexes[i].text)), STR_ARG(whys[i]));
		free((char *)(uintptr_t)whys[i].p);
	}
}

/* The slots that rules of the directions <from> to <to> capture into. */
static void captured_in(enum ws_dir from, enum ws_dir to, bool *in)
{
	for (uint32_t s = 0; s < site.ws->nsections; s++)
		for (unsigned d = from; d <= to; d++) {
			struct ws_run chain = site.ws->sections[s].chains[d];

			for (uint32_t i = 0; i < chain.n; i++) {
				struct ws_run run =
					site.ws->rules[site.ws->chain[chain.first + i]].actions;

				for (uint32_t k = 0; k < run.n; k++) {
					const struct ws_action *a =
						&site.ws->action_rows[run.first + k];

					if (strcmp(site.ws->actions[a->fn]->name, "capture") == 0)
						in[a->slot] = true;
				}
			}
		}
}

static void name_captures(void)
{
	uint32_t n = site.ws->ncaptures;

	for (int way = 0; way < 2; way++) {
		struct cap_names *c = &site.caps[way];
		bool *in = ARENA_ARRAY(&arena, bool, n + 1);

		captured_in(way ? WS_RSP_IN : WS_CONN_IN, way ? WS_RSP_OUT : WS_REQ_OUT, in);
		c->names = ARENA_ARRAY(&arena, struct str, n + 1);
		c->slots = ARENA_ARRAY(&arena, uint32_t, n + 1);
		for (uint32_t i = 0; i < n && c->n < LOG_CAPS_MAX; i++) {
			if (!in[i])
				continue;
			c->names[c->n] = ws_str(site.ws->captures[i]);
			c->slots[c->n++] = i;
		}
	}
}

bool conf_load(const struct ws_site *ws, const struct param_arg *args, unsigned nargs, FILE *err)
{
	struct load l = { .err = err };

	site = (struct site) { .ws = ws };
	bind_params(&l, args, nargs);
	if (l.bad)
		return false;
	bind_numbers(&l);
	if (ws->tls && !ws->tls->load(err))
		l.bad = true;
	load_sections(&l);
	load_nets(&l);
	load_regexes(&l);
	site.trusted = conf_nets(ws->trusted);
	name_captures();
	for (uint32_t i = 0; !l.bad && ws->actions[i]; i++)
		l.bad |= ws->actions[i]->load && !ws->actions[i]->load(err);
	for (uint32_t i = 0; i < ws->nsubjects; i++)
		site.keeps_request |= (ws->subjects[i].flags & WS_SUBJ_REQUEST) != 0;
	if (!l.bad && ws->check)
		l.bad = !ws->check->load(err);
	if (!l.bad && ws->checkpoint)
		l.bad = !ws->checkpoint->load(err);
	if (!l.bad && ws->dynamic)
		l.bad = !ws->dynamic->load(err);
	return !l.bad;
}

void conf_free(void)
{
	if (site.ws && site.ws->dynamic)
		site.ws->dynamic->free();
	if (site.ws && site.ws->tls)
		site.ws->tls->free();
	if (site.ws && site.ws->checkpoint)
		site.ws->checkpoint->free();
	for (uint32_t i = 0; site.ws && i < site.ws->nregexes; i++)
		if (site.regexes && site.regexes[i])
			site.ws->regex->free(site.regexes[i]);
	arena_free(&arena);
	site = (struct site) { 0 };
}
