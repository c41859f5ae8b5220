/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

static const struct ws_section *section(uint32_t i)
{
	return &site.ws->sections[i];
}

static bool is_back(uint32_t i)
{
	return section(i)->kind == WS_BACKEND || section(i)->kind == WS_LISTEN;
}

/* -- requests -----------------------------------------------------------------------------------
 */

/* The first choice that runs wins (language.md 5, setbe). */
static void choose(struct exchange *x, uint32_t be)
{
	if (!x->be)
		x->be = site.backs[be];
}

static enum route_end as_route(enum rule_end end)
{
	return end == RULES_ANSWER ? ROUTE_ANSWER : end == RULES_DROP ? ROUTE_DROP : ROUTE_FAIL;
}

/* req in of one section of the front side. */
static enum rule_end front_rules(struct exchange *x, struct rule_run *r, uint32_t at)
{
	if (section(at)->default_backend != WS_NONE)
		x->default_be = section(at)->default_backend;
	return rules_run(r, section(at), WS_REQ_IN);
}

/* Nothing was chosen: the last default_backend reached, else a listen's own servers. */
static bool choose_default(struct exchange *x)
{
	if (!x->be && x->default_be != WS_NONE)
		x->be = site.backs[x->default_be];
	if (!x->be)
		x->be = site.backs[x->fe->index];
	return x->be != NULL;
}

static bool in_nets(const struct addr *a, const struct addr_net *nets, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (addr_in_net(a->ip, &nets[i]))
			return true;
	return false;
}

/* forwardfor: the client's own lines go away unless it is a trusted peer, ours comes last; nothing
 * for those of "unless". */
static bool forwarded_for(struct exchange *x)
{
	const struct ws_section *s = x->fe->ws;
	struct str name = ws_str(s->ff_header);
	char text[ADDR_TEXT];
	size_t n;

	if (!s->forwardfor || x->src.kind != AK_INET ||
	    in_nets(&x->src, x->fe->ff_unless, s->ff_unless.n))
		return true;
	if (!in_nets(&x->src, site.trusted, site.ws->trusted.n))
		msg_del_all(&x->req, field_lookup(name), name);
	n = addr_format_ip(&x->src, text);
	return msg_add(&x->req, name, str_of(text, n));
}

/* What response rules may ask for is kept before req out changes it. */
static bool keep_request(struct exchange *x)
{
	if (!site.keeps_request ||
	    (!x->be->ws->chains[WS_REQ_OUT].n && !x->fe->ws->forwardfor && !site.ws->cookie))
		return true;
	return msg_copy(&x->req_left, &x->req);
}

/* The backend's req in has run: its req out. */
static enum route_end request_out(struct exchange *x, struct rule_run *r)
{
	enum rule_end e;

	if (x->flags & X_TCP)
		return ROUTE_SERVER;
	if (!keep_request(x) || !forwarded_for(x))
		return ROUTE_FAIL;
	e = rules_run(r, x->be->ws, WS_REQ_OUT);
	return e == RULES_DONE ? ROUTE_SERVER : as_route(e);
}

enum route_end route_on(struct exchange *x, struct rule_run *r, enum rule_end e)
{
	bool front = !(x->flags & X_BACKEND);

	/* The compiler has proved that jumps form no cycle. */
	while (e == RULES_SWITCH && !is_back(r->target))
		e = front_rules(x, r, r->target);
	if (e == RULES_SWITCH) {
		choose(x, r->target);
		e = RULES_DONE;
	}
	if (e == RULES_DONE && front) {
		if (!choose_default(x))
			return ROUTE_NONE;
		x->flags |= X_BACKEND;
		/* A listen entered by its own bind runs its rules once (language.md 2). */
		if (x->be->index != x->fe->index)
			e = rules_run(r, x->be->ws, WS_REQ_IN);
	}
	if (e != RULES_DONE)
		return as_route(e);
	return r->dir == WS_REQ_OUT ? ROUTE_SERVER : request_out(x, r);
}

enum route_end route_request(struct exchange *x, struct rule_run *r)
{
	return route_on(x, r, front_rules(x, r, x->fe->index));
}

/* -- responses ----------------------------------------------------------------------------------
 */

/* Runs one direction of <s>; rsprules that it switches to run in place and come back, each once per
 * direction. */
static enum route_end response_chain(struct rule_run *r, const struct ws_section *s,
				     enum ws_dir dir)
{
	enum rule_end end = rules_run(r, s, dir);

	return end == RULES_DONE ? ROUTE_SERVER : as_route(end);
}

/* The reverse of the uriremap that held. */
static enum route_end reverse_map(struct exchange *x, struct rule_run *r)
{
	const struct ws_action *a;
	struct str old;

	if (x->reverse == WS_NONE)
		return ROUTE_SERVER;
	a = &site.ws->action_rows[x->reverse];
	x->reverse = WS_NONE;
	pt()->scratch_used = 0;
	return rule_text(r, a->text, &old) && rule_maploc(r, old, ws_str(a->old)) ? ROUTE_SERVER
										  : ROUTE_FAIL;
}

/* rsprules entered in rsp in take part in rsp out too, after the backend's own (language.md 2). */
static enum route_end entered_out(struct exchange *x, struct rule_run *r)
{
	for (uint32_t i = 0; i < x->nentered; i++) {
		enum route_end end;

		if (x->ran_out & (1u << i))
			continue;
		x->ran_out |= 1u << i;
		end = response_chain(r, section(x->entered[i]), WS_RSP_OUT);
		if (end != ROUTE_SERVER)
			return end;
	}
	return ROUTE_SERVER;
}

static enum route_end back_out(struct exchange *x, struct rule_run *r)
{
	enum route_end end;

	x->flags |= X_BACK_OUT;
	end = response_chain(r, x->be->ws, WS_RSP_OUT);
	if (end == ROUTE_SERVER)
		end = entered_out(x, r);
	return end == ROUTE_SERVER ? reverse_map(x, r) : end;
}

static enum route_end front_out(struct exchange *x, struct rule_run *r)
{
	x->flags |= X_FRONT_OUT;
	if (x->be && x->be->index == x->fe->index && (x->flags & X_BACKEND))
		return ROUTE_SERVER; /* a listen's own rules have run as the backend's */
	return response_chain(r, x->fe->ws, WS_RSP_OUT);
}

enum route_end route_response(struct exchange *x, struct rule_run *r)
{
	enum route_end end = response_chain(r, x->be->ws, WS_RSP_IN);

	if (end == ROUTE_SERVER)
		end = back_out(x, r);
	if (end == ROUTE_SERVER)
		end = front_out(x, r);
	return end;
}

enum route_end route_made(struct exchange *x, struct rule_run *r)
{
	enum route_end end = ROUTE_SERVER;

	if (x->flags &
	    X_BACKEND) /* an answer made in back_out has not met the reverse mapping yet */
		end = x->flags & X_BACK_OUT ? reverse_map(x, r) : back_out(x, r);
	if (end == ROUTE_SERVER && !(x->flags & X_FRONT_OUT))
		end = front_out(x, r);
	return end;
}
