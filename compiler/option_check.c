/* SPDX-License-Identifier: Apache-2.0 */
/* option_check: health checks of servers. */
#include "option.h"

#include "../runtime/base/uri.h"
#include "lower_part.h"
#include "value.h"

#define EVERY_DEFAULT 2000
#define RISE_DEFAULT 2
#define FALL_DEFAULT 3
#define TIME_MIN 10 /* ms between two checks */
#define TIME_MAX 86400000
#define COUNT_MAX 100

static bool is_word(const struct ast_value *v, const char *word)
{
	return v && !v->delim && str_eq(v->text, str_from(word));
}

static void defaults(struct p_check *c, enum p_check_kind kind)
{
	*c = (struct p_check) { .kind = kind,
				.every = EVERY_DEFAULT,
				.rise = RISE_DEFAULT,
				.fall = FALL_DEFAULT,
				.addr.fd = -1 };
}

#define SENT_MAX 1024 /* bytes of a target, or of a host */

static void bad_value(const struct ast_value *v, const char *what, const char *why)
{
	diag(E007, v->at, STR_ARG(v->text), what, why);
}

/* What a server takes as it stands: the same parser reads it there. */
static void read_target(struct model *m, const struct ast_value *v, struct p_check *c)
{
	struct uri uri;

	c->target = v->text;
	if (text_refused(v, "a check is fixed"))
		return;
	if (v->text.n > SENT_MAX || !uri_split(c->method, v->text, &uri) ||
	    uri_normalise(uri.path, arena_get(m->arena, uri.path.n + 1)) < 0)
		bad_value(v, "the target of a check", "it is a path, and a query if wanted");
}

static void read_method(const struct ast_value *v, struct p_check *c)
{
	c->method = v->text;
	if (!text_refused(v, "a check is fixed") &&
	    (!value_is_token(v->text) || v->text.n > 32 || str_eq(v->text, S("CONNECT"))))
		bad_value(v, "the method of a check", "it is a method, and not CONNECT");
}

static bool read_host(struct model *m, const struct ast_value *v, struct p_check *c)
{
	struct str host = { 0 };
	unsigned port;

	c->host = v->text;
	if (text_refused(v, "a check is fixed"))
		return false;
	if (!v->text.n || v->text.n > SENT_MAX ||
	    !uri_host(v->text, arena_get(m->arena, URI_HOST_ROOM(v->text.n)), &host, &port)) {
		bad_value(v, "host", "it is a host name or address, and a port if wanted");
		return false;
	}
	return true;
}

/* [METHOD] TARGET, both optional: what follows them. */
static const struct ast_value *read_request(struct model *m, const struct ast_value *v,
					    struct p_check *c)
{
	bool method = v && v->next && v->next->text.n && v->next->text.p[0] == '/' &&
		      v->text.p[0] != '/' && !is_word(v, "host") && !is_word(v, "addr");

	c->method = S("GET");
	c->target = S("/");
	if (method) {
		read_method(v, c);
		v = v->next;
	}
	if (v && v->text.n && v->text.p[0] == '/') {
		read_target(m, v, c);
		v = v->next;
	}
	return v;
}

/* expect status N|LOW:HIGH...: what follows. */
static const struct ast_value *read_expect(struct model *m, const struct ast_value *v,
					   struct p_check *c)
{
	struct vec ranges = { 0 };
	struct p_status *range = ARENA_NEW(m->arena, struct p_status);

	while (v && !value_range(v->text, &range->lo, &range->hi)) {
		if (range->lo < 100 || range->hi > 599 || range->lo > range->hi)
			diag(E007, v->at, STR_ARG(v->text), "a status", "it must be 100 to 599");
		vec_push(m->arena, &ranges, range);
		range = ARENA_NEW(m->arena, struct p_status);
		v = v->next;
	}
	c->nexpect = (uint32_t)ranges.n;
	c->expect = ARENA_ARRAY(m->arena, struct p_status, ranges.n);
	for (size_t i = 0; i < ranges.n; i++)
		c->expect[i] = *(struct p_status *)ranges.p[i];
	return v;
}

static int64_t *number_of(const struct ast_value *v, struct p_check *c, enum option_unit *unit)
{
	*unit = UNIT_MS;
	if (is_word(v, "every"))
		return &c->every;
	if (is_word(v, "fast"))
		return &c->fast;
	if (is_word(v, "down"))
		return &c->down;
	if (is_word(v, "probe") && c->kind == CHECK_HTTP)
		return &c->probe;
	*unit = UNIT_COUNT;
	if (is_word(v, "rise"))
		return &c->rise;
	if (is_word(v, "fall"))
		return &c->fall;
	return is_word(v, "port") ? &c->port : NULL;
}

static const char takes[] =
	"tcp, or http [METHOD] [/TARGET]; then host NAME, expect status N|LOW:HIGH..., every, fast "
	"and down DURATION, probe DURATION (http), rise N, fall N, port N, addr ADDRESS";

/* One setting of a check at <v>: what follows it; NULL and *<bad> after a report. */
static const struct ast_value *read_part(struct model *m, struct entity *e,
					 const struct ast_value *v, struct p_check *c, bool *bad)
{
	enum option_unit unit;
	int64_t *number = number_of(v, c, &unit);

	*bad = true;
	if (number && v->next) {
		int64_t max = unit == UNIT_MS ? TIME_MAX : number == &c->port ? 65535 : COUNT_MAX;

		if (!option_number(v->next, number == &c->port ? "port" : "check", unit,
				   unit == UNIT_MS ? TIME_MIN : 1, max, number))
			return NULL;
	} else if (is_word(v, "addr") && v->next) {
		if (!option_addr(m, &e->scope, v->next, "check", &c->addr))
			return NULL;
	} else if (is_word(v, "host") && v->next && c->kind == CHECK_HTTP) {
		if (!read_host(m, v->next, c))
			return NULL;
	} else if (is_word(v, "expect") && is_word(v->next, "status") && v->next->next &&
		   c->kind == CHECK_HTTP) {
		const struct ast_value *rest = read_expect(m, v->next->next, c);

		*bad = !c->nexpect;
		if (*bad)
			diag(E054, v->at, "check", takes);
		return rest;
	} else {
		diag(E054, v->at, "check", takes);
		return NULL;
	}
	*bad = false;
	return v->next->next;
}

static void read_check(struct model *m, struct entity *e, const struct ast_option *o)
{
	const struct ast_value *v = o->values;
	struct p_check *c = &e->out->check;
	bool bad = false;

	if (!is_word(v, "tcp") && !is_word(v, "http")) {
		diag(E054, o->at, "check", takes);
		return;
	}
	defaults(c, is_word(v, "http") ? CHECK_HTTP : CHECK_TCP);
	c->place = place_of(o->at);
	v = v->next;
	if (c->kind == CHECK_HTTP)
		v = read_request(m, v, c);
	while (v && !bad)
		v = read_part(m, e, v, c, &bad);
}

/* Where the check of <s> goes is known without a request. */
static bool reachable(const struct p_section *s, const struct p_server *v)
{
	const struct p_addr *a =
		v->check_addr.kind != ADDR_NONE || v->check_addr.text   ? &v->check_addr
		: s->check.addr.kind != ADDR_NONE || s->check.addr.text ? &s->check.addr
									: &v->addr;
	bool port = v->check_port || s->check.port;

	return a->text || a->kind != ADDR_INET ||
	       (!a->any_host && (port || (a->port && !a->port_offset)));
}

static void check_of(struct model *m, struct entity *e)
{
	const struct vec *list = &e->opts[OPT_CHECK];
	const struct option_use *use = list->n ? list->p[0] : NULL;
	struct p_section *s = e->out;

	s->check.addr.fd = -1;
	if (use)
		read_check(m, e, use->opt);
	for (uint32_t i = 0; i < s->nservers; i++) {
		struct p_server *v = &s->servers[i];
		struct at at = { .file = v->place.file, .line = v->place.line, .col = 1, .len = 1 };

		v->checked = v->check || (use && !v->no_check);
		if (v->check && v->no_check)
			diag(E058, at, "whether the server is checked");
		if (v->checked && s->check.kind == CHECK_NONE)
			defaults(&s->check, CHECK_TCP);
		if (v->checked && !reachable(s, v))
			diag(E054, at, "check",
			     "a server with an address and a port of its own, or addr and port "
			     "beside it");
	}
	for (uint32_t i = 0; i < s->nservers; i++) {
		const struct p_server *v = &s->servers[i];
		struct at at = { .file = v->place.file, .line = v->place.line, .col = 1, .len = 1 };

		if (!v->checked && (v->check_port || v->check_addr.kind != ADDR_NONE))
			diag(E054, at, v->check_port ? "check-port" : "check-addr",
			     "a server that is checked");
	}
	if (use && !use->origin && !s->nservers && !e->opts[OPT_USE_BACKEND_FROM].n)
		diag(E054, use->opt->at, "check", "servers, and this section has none");
}

void option_checks(struct model *m)
{
	for (size_t i = 0; i < m->entities.n; i++)
		check_of(m, m->entities.p[i]);
}
