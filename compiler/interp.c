/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a request through the rules: frontend, reqrules, backend, and back. */
#include "interp_machine.h"

#include "value.h"

#include <stdarg.h>

const char *const verdict_names[] = { "forward", "deny", "tarpit", "redir",
				      "respond", "auth", "drop",   "error" };

void *grown(struct arena *a, void *at, uint32_t n, uint32_t *room, size_t size)
{
	void *new;

	if (n < *room)
		return at;
	*room = *room ? *room * 2 : 8;
	new = arena_get(a, *room * size);
	if (n)
		memcpy(new, at, n * size);
	return new;
}

struct str copy(struct machine *m, const char *p, size_t n)
{
	return arena_str(m->a, str_of(p, n));
}

struct str joined(struct machine *m, struct str x, struct str y, struct str z)
{
	char *p = arena_get(m->a, x.n + y.n + z.n + 1);

	if (x.n)
		memcpy(p, x.p, x.n);
	if (y.n)
		memcpy(p + x.n, y.p, y.n);
	if (z.n)
		memcpy(p + x.n + y.n, z.p, z.n);
	return str_of(p, x.n + y.n + z.n);
}

void effect(struct machine *m, const char *format, ...)
{
	char text[512];
	va_list ap;

	if (!m->now || m->st->brief)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	GROWN(m->a, m->now->effects, m->now->neffects, &m->effects_room);
	m->now->effects[m->now->neffects++] = arena_str(m->a, str_from(text));
}

/* ---- routing ---- */

/* "the first choice that runs wins, a later one has no effect" */
static bool choose(struct machine *m, const struct p_section *to)
{
	if (m->out->backend) {
		effect(m, "choice of %.*s has no effect: %.*s is chosen", STR_ARG(to->name),
		       STR_ARG(m->out->backend->name));
		return false;
	}
	m->out->backend = to;
	m->out->decided = m->now->rule;
	effect(m, "chooses backend %.*s", STR_ARG(to->name));
	return true;
}

/* The section that switch or setbe names, or computes: NULL when the value names none ("does
 * nothing"). */
static const struct p_section *target_of(struct machine *m, const struct p_action *a)
{
	struct values v;
	struct str name;

	if (a->target)
		return a->target;
	subject_values(m, a->subject, &v);
	if (v.n == 0)
		return NULL;
	name = value_text(m, &v.at[0]);
	for (uint32_t i = 0; i < m->p->nsections; i++)
		if (m->p->sections[i]->kind != SEC_CHECKPOINT &&
		    str_eq(m->p->sections[i]->name, name))
			return m->p->sections[i];
	return NULL;
}

static bool has_servers(const struct p_section *s)
{
	return s->kind == SEC_BACKEND || s->kind == SEC_LISTEN;
}

/* uriremap: mapuri, choice and reverse maploc; "first match", so none once a backend is chosen */
static enum flow uriremap(struct machine *m, const struct p_action *a)
{
	bool matched;

	if (m->out->backend) {
		effect(m, "a backend is chosen already");
		return GO_ON;
	}
	if (!edit_mapuri(m, a, &matched)) /* it changes nothing when it fails */
		return answer_error(m, 500, S("the edited path is not valid"));
	if (!matched || !choose(m, a->target) || !a->text)
		return GO_ON;
	m->reverse = ARENA_NEW(m->a, struct reverse_map);
	*m->reverse = (struct reverse_map) { .from = text_value(m, a->text), .to = a->old };
	return GO_ON;
}

/* ---- other actions ---- */

static void keep(struct machine *m, const struct p_action *a)
{
	struct str *slot = &m->out->captures[m->responding][a->capture];
	struct values v;
	struct str s;

	subject_values(m, a->subject, &v);
	s = values_text(m, &v);
	*slot = s.p ? str_first(s, a->num ? (size_t)a->num : 128) : s;
	effect(m, "captures %.*s = \"%.*s\"", STR_ARG(a->name), STR_ARG(*slot));
}

static void set_address(struct machine *m, const struct p_action *a)
{
	bool src = a->id == ACT_SETSRC;
	struct str text = text_value(m, a->text);
	struct p_net ip;
	uint16_t port;

	if (!address_read(text, &ip, &port)) {
		effect(m, "\"%.*s\" is no address: unchanged", STR_ARG(text));
		return;
	}
	*(src ? &m->out->src : &m->out->dst) = ip;
	if (port)
		*(src ? &m->out->src_port : &m->out->dst_port) = port;
	effect(m, "%s = %.*s", src ? "src" : "dst", STR_ARG(text));
}

static void note(struct machine *m, const struct p_action *a)
{
	switch (a->id) {
	case ACT_CAPTURE:
		keep(m, a);
		break;
	case ACT_SETVAR:
		m->out->vars[a->var] = text_value(m, a->text);
		effect(m, "var %.*s = \"%.*s\"", STR_ARG(a->name), STR_ARG(m->out->vars[a->var]));
		break;
	case ACT_LOG:
		m->out->log_level = a->num;
		effect(m, "log level %.*s", STR_ARG(value_level_name(a->num)));
		break;
	case ACT_SETSRC:
	case ACT_SETDST:
		set_address(m, a);
		break;
	case ACT_PASS:
		effect(m, "passes checkpoint %.*s at once: nobody else is there",
		       STR_ARG(a->target->name));
		break;
	default:
		effect(m, "counts in checkpoint %.*s", STR_ARG(a->target->name));
		break;
	}
}

/* What runs when the line's other actions are done. */
struct jump {
	const struct p_section *to;
};

static enum flow switch_to(struct machine *m, const struct p_action *a, struct jump *j)
{
	const struct p_section *to = target_of(m, a);

	if (!to) {
		effect(m, "no section of that name: nothing is done");
		return GO_ON;
	}
	if (has_servers(to)) {
		choose(m, to);
		return ENDS;
	}
	j->to = to;
	effect(m, "switches to %.*s", STR_ARG(to->name));
	return to->kind == SEC_RSPRULES ? GO_ON : ENDS;
}

static enum flow act(struct machine *m, const struct p_action *a, struct jump *j)
{
	const struct p_section *to;

	switch (a->id) {
	case ACT_ALLOW:
		effect(m, "ends the rules of this section");
		return ENDS;
	case ACT_DENY:
		return answer_make(m, VERDICT_DENY,
				   a->status       ? a->status
				   : m->responding ? 502
						   : 403);
	case ACT_DROP:
		return answer_make(m, VERDICT_DROP, 0);
	case ACT_TARPIT:
		return answer_make(m, VERDICT_TARPIT, a->status ? a->status : 500);
	case ACT_REDIR:
		return answer_redirect(m, a);
	case ACT_RESPOND:
		return answer_respond(m, a);
	case ACT_AUTH:
		return answer_auth(m, a);
	case ACT_SWITCH:
		return switch_to(m, a, j);
	case ACT_URIREMAP:
		return uriremap(m, a);
	case ACT_SETBE:
		to = target_of(m, a);
		if (to && has_servers(to))
			choose(m, to);
		return GO_ON;
	case ACT_CAPTURE:
	case ACT_SETVAR:
	case ACT_LOG:
	case ACT_PASS:
	case ACT_COUNT:
	case ACT_SETSRC:
	case ACT_SETDST:
		note(m, a);
		return GO_ON;
	default:
		break;
	}
	m->has_own = false; /* set while an own regex's groups stand */
	return edit_run(m, a) ? GO_ON : answer_error(m, 500, S("the edited message is not valid"));
}

/* "A regex that hits its match limit is treated as the rule's on-limit, never as no match." */
static enum flow limit_reached(struct machine *m)
{
	int64_t status = m->p->globals[OPT_ON_LIMIT].num;

	m->now->limit = true;
	m->limit = false;
	return answer_error(m, status ? status : 500, S("a regex reached its match limit"));
}

/* "Several actions joined by ; share one condition, tested once, before the first." */
static enum flow run_rule(struct machine *m, const struct p_section *s, const struct p_rule *r,
			  struct jump *j)
{
	enum flow flow = GO_ON;
	struct arena_mark before;

	if (r == m->st->without)
		return GO_ON;
	GROWN(m->a, m->out->rules, m->out->nrules, &m->rules_room);
	before = arena_mark(m->a);
	m->now = &m->out->rules[m->out->nrules++];
	*m->now = (struct trace_rule) { .rule = r, .section = s, .dir = r->dir };
	m->tests_room = m->effects_room = 0;
	m->groups = (struct groups) { 0 };
	m->now->matched = m->st->known ? doubt_matched(m, r) : expr_holds(m, r->cond, 0);
	if (m->st->brief && !m->now->matched && !m->limit) { /* it leaves nothing */
		arena_rewind(m->a, before);
		m->out->nrules--;
		return GO_ON;
	}
	if (m->now->matched && r->capturing)
		capture_groups(m, r->capturing);
	if (m->limit)
		return limit_reached(m);
	for (uint32_t i = 0; m->now->matched && i < r->nactions && flow != FINAL; i++) {
		enum flow f = act(m, &r->actions[i], j);

		if (m->st->known)
			doubt_action(m, r, &r->actions[i]);
		if (m->limit)
			return limit_reached(m);
		if (f > flow)
			flow = f;
	}
	return flow;
}

static enum flow run_response_rules(struct machine *m, const struct p_section *s,
				    enum rule_dir dir);

/* "switch RSPRULES runs those rules of that direction and comes back; each once per direction" */
static enum flow visit(struct machine *m, const struct p_section *to, enum rule_dir dir)
{
	bool *entered = &m->entered[dir == DIR_RSP_OUT][to->index];

	if (*entered)
		return GO_ON;
	*entered = true;
	if (dir == DIR_RSP_IN)
		m->order[m->norder++] = to;
	return run_response_rules(m, to, dir) == FINAL ? FINAL : GO_ON;
}

static enum flow run_response_rules(struct machine *m, const struct p_section *s, enum rule_dir dir)
{
	for (uint32_t i = 0; i < s->chains[dir].n; i++) {
		struct jump j = { 0 };
		enum flow flow = run_rule(m, s, s->chains[dir].rules[i], &j);

		if (j.to && flow != FINAL && visit(m, j.to, dir) == FINAL)
			flow = FINAL;
		if (flow != GO_ON)
			return flow;
	}
	return GO_ON;
}

static enum flow run_request_rules(struct machine *m, const struct p_section *s, enum rule_dir dir,
				   struct jump *j)
{
	for (uint32_t i = 0; i < s->chains[dir].n; i++) {
		enum flow flow = run_rule(m, s, s->chains[dir].rules[i], j);

		if (flow != GO_ON)
			return flow;
	}
	return GO_ON;
}

/* ---- the request's way ---- */

/* frontend -> reqrules*; "of the sections reached, the last that has a default_backend wins" */
static enum flow run_front(struct machine *m)
{
	const struct p_section *last_default = NULL, *s = m->out->entry;
	struct outcome *o = m->out;

	for (uint32_t n = 0; s && n <= m->p->nsections; n++) {
		struct jump j = { 0 };

		if (s->default_backend)
			last_default = s->default_backend;
		if (run_request_rules(m, s, DIR_REQ_IN, &j) == FINAL)
			return FINAL;
		s = j.to;
	}
	m->now = NULL;
	if (!o->backend)
		o->backend = last_default;
	if (!o->backend && o->entry->kind == SEC_LISTEN)
		o->backend = o->entry; /* "a listen without one uses its own servers" */
	if (!o->backend)
		return answer_error(m, 503,
				    S("no rule chose a backend and there is no default_backend"));
	return GO_ON;
}

/* "strips the client's and adds ours", kept from peers that are trusted, nothing for those of
 * "unless" */
static void forwarded_for(struct machine *m)
{
	const struct p_forwardfor *f = &m->out->entry->forwardfor;
	struct str name = f->header.n ? f->header : S("X-Forwarded-For");
	struct value src = { .type = TYPE_ADDR };
	struct p_test is = { .op = OP_EQ };
	bool trusted = false;

	memcpy(src.addr, m->out->src.addr, 16);
	for (uint32_t i = 0; i < f->nunless; i++)
		if (value_matches(m, &is,
				  &(struct p_value) { .kind = VALUE_NET, .net = f->unless[i] },
				  &src))
			return;
	for (uint32_t i = 0; i < m->p->ntrusted; i++)
		trusted |= value_matches(
			m, &is, &(struct p_value) { .kind = VALUE_NET, .net = m->p->trusted[i] },
			&src);
	if (!f->on)
		return;
	if (!trusted)
		header_remove(&m->req.headers, name);
	fields_add(m->a, &m->req.headers, name, value_text(m, &src));
}

static bool server_usable(const struct machine *m, const struct p_section *s)
{
	const struct p_section *own = s->servers_of;

	if (own->dispatch.kind != ADDR_NONE || own->dispatch.text ||
	    own->settings[OPT_TRANSPARENT].set || own->settings[OPT_PROXY].set)
		return true;
	if (m->st->nbsrv && m->st->nbsrv[s->index] == 0)
		return false;
	for (uint32_t i = 0; i < own->nservers; i++)
		if (!own->servers[i].disabled)
			return true;
	return false;
}

/* "The normalised path is what is forwarded (query untouched)." */
static void target_to_send(struct machine *m)
{
	bool raw = m->out->backend->settings[OPT_FORWARD_RAW].set && !m->path_edited;

	if (m->req.path.p && !raw)
		m->req.uri =
			m->req.query.p ? joined(m, m->req.path, S("?"), m->req.query) : m->req.path;
}

/* backend "req in", then its "req out" once, before a server is chosen */
static enum flow run_back(struct machine *m)
{
	const struct p_section *b = m->out->backend;
	struct jump j = { 0 };
	enum flow flow = GO_ON;

	m->out->servers = b->servers_of;
	if (b != m->out->entry)
		flow = run_request_rules(m, b, DIR_REQ_IN, &j);
	m->req_left = m->req;
	if (flow == FINAL)
		return FINAL;
	m->req_left.headers = fields_copy(m, &m->req.headers);
	forwarded_for(m);
	if (run_request_rules(m, b, DIR_REQ_OUT, &j) == FINAL)
		return FINAL;
	m->now = NULL;
	target_to_send(m);
	edit_take_cookie(m);
	if (!server_usable(m, b))
		return answer_error(m, 503, S("the backend has no usable server"));
	m->out->forwarded = true;
	return GO_ON;
}

/* ---- the answer's way ---- */

static void server_answer(struct machine *m)
{
	const struct request_spec *r = m->spec;

	*m->answer =
		(struct interp_answer) { .present = true, .status = r->answered ? r->status : 200 };
	m->answer->reason = r->reason.n ? r->reason : answer_reason(m->answer->status);
	for (uint32_t i = 0; i < r->response.n; i++)
		fields_add(m->a, &m->answer->headers, r->response.at[i].name,
			   r->response.at[i].value);
}

/* backend "rsp out", then that of the rsprules entered in "rsp in" too */
static void run_back_out(struct machine *m)
{
	enum flow flow = run_response_rules(m, m->out->backend, DIR_RSP_OUT);

	for (uint32_t i = 0; i < m->norder && flow != FINAL; i++)
		flow = visit(m, m->order[i], DIR_RSP_OUT);
}

/* backend rsp in (only what a server sent), backend rsp out, frontend rsp out (every answer) */
static void run_responses(struct machine *m, bool passed_back)
{
	struct outcome *o = m->out;

	m->responding = true;
	m->now = NULL;
	if (o->forwarded) {
		server_answer(m);
		run_response_rules(m, o->backend, DIR_RSP_IN);
	}
	if (passed_back)
		run_back_out(m);
	m->now = NULL;
	if (passed_back && m->reverse)
		edit_maploc(m, m->reverse->from, m->reverse->to);
	if (!passed_back || o->backend != o->entry)
		run_response_rules(m, o->entry, DIR_RSP_OUT);
	/* else "a listen entered by its own bind runs its rules once" */
}

/* ---- start ---- */

static void start(struct machine *m)
{
	struct outcome *o = m->out;

	o->src = m->spec->src;
	o->src_port = m->spec->src_port;
	o->dst = m->spec->dst;
	o->dst_port = m->spec->has_dst || !o->bind ? m->spec->dst_port : o->bind->addr.port;
	o->log_level = -1;
	m->tls = m->spec->tls || (o->bind && o->bind->tls.on);
	for (int i = 0; i < 2; i++) {
		m->entered[i] = arena_get(m->a, m->p->nsections + 1);
		o->captures[i] = ARENA_ARRAY(m->a, struct str, m->p->ncaptures + 1);
	}
	m->order = ARENA_ARRAY(m->a, const struct p_section *, m->p->nsections + 1);
	o->vars = ARENA_ARRAY(m->a, struct str, m->p->nvars + 1);
	m->codes = m->st->codes ? m->st->codes : ARENA_ARRAY(m->a, void *, m->p->nregexes + 1);
}

static void run_http(struct machine *m)
{
	const char *bad = start_request(m);
	bool back = false;
	enum flow flow;

	if (bad) { /* "Answers given before a request is parsed pass none." */
		answer_error(m, 400, str_from(bad));
		return;
	}
	flow = run_front(m);
	m->req_left = m->req;
	if (flow != FINAL) {
		back = true;
		run_back(m);
	}
	m->out->request = m->req;
	if (m->out->verdict != VERDICT_DROP)
		run_responses(m, back);
}

struct outcome *interp_run(struct arena *a, const struct program *p, const struct request_spec *r,
			   const struct interp_state *st)
{
	static const struct interp_state none;
	struct outcome *o = ARENA_NEW(a, struct outcome);
	struct machine m = {
		.a = a, .p = p, .spec = r, .st = st ? st : &none, .out = o, .answer = &o->answer
	};
	struct jump j = { 0 };

	start_entry(&m);
	start(&m);
	if (!o->entry) {
		answer_error(&m, 503,
			     r->bind.n ? S("no frontend, listen or bind has that name")
				       : S("the site has no frontend and no listen"));
		return o;
	}
	if (run_request_rules(&m, o->entry, DIR_CONN_IN, &j) == FINAL ||
	    run_request_rules(&m, o->entry, DIR_SESS_IN, &j) == FINAL) {
		regexes_free(&m);
		return o;
	}
	m.now = NULL;
	if (o->entry->front_mode == MODE_HTTP) {
		run_http(&m);
	} else if (run_front(&m) != FINAL) {
		o->servers = o->backend->servers_of;
		o->forwarded = server_usable(&m, o->backend);
	}
	regexes_free(&m);
	return o;
}

bool interp_holds(struct arena *a, const struct program *p, const struct request_spec *r,
		  const struct interp_state *st, const struct p_expr *e)
{
	struct outcome *o = ARENA_NEW(a, struct outcome);
	struct interp_state brief = st ? *st : (struct interp_state) { 0 };
	struct trace_rule none = { 0 };
	struct machine m = { .a = a,
			     .p = p,
			     .spec = r,
			     .st = &brief,
			     .out = o,
			     .answer = &o->answer,
			     .now = &none };
	bool holds;

	brief.brief = true;
	start_entry(&m);
	start(&m);
	if (!o->entry)
		return false;
	holds = (o->entry->front_mode != MODE_HTTP || !start_request(&m)) && expr_holds(&m, e, 0);
	regexes_free(&m);
	return holds && !m.limit;
}
