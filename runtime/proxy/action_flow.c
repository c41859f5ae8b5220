/* SPDX-License-Identifier: Apache-2.0 */
/* Actions that decide where a message goes, answer it, or note something about it. */
#include "rule.h"

static bool responding(const struct rule_run *r)
{
	return r->dir == WS_RSP_IN || r->dir == WS_RSP_OUT;
}

static enum act_result allow_run(struct rule_run *r, const struct ws_action *a)
{
	(void)r;
	(void)a;
	return ACT_ENDS;
}

static enum act_result deny_run(struct rule_run *r, const struct ws_action *a)
{
	unsigned status = a->status ? a->status : responding(r) ? 502 : 403;

	r->answer = (struct rule_answer) { .status = (uint16_t)status };
	return ACT_ANSWER;
}

static enum act_result drop_run(struct rule_run *r, const struct ws_action *a)
{
	(void)r;
	(void)a;
	return ACT_DROP;
}

static bool join(struct str *out, struct str more)
{
	char *at = rule_scratch(more.n);

	if (!at)
		return false;
	if (more.n)
		memmove(at, more.p, more.n);
	out->n += more.n;
	return true;
}

/* redir TARGET | scheme S | prefix P; drop-query and append-slash act on the path that is added or
 * given. */
static enum act_result redir_run(struct rule_run *r, const struct ws_action *a)
{
	struct msg *q = rule_request(r, responding(r));
	bool target = !(a->flags & (WS_A_SCHEME | WS_A_PREFIX)), ok;
	struct str to, path, query = { 0 }, host = msg_host(q), out;

	if (!rule_text(r, a->text, &to))
		return ACT_FAIL;
	if (target) {
		query = to;
		path = str_cut(&query, '?');
	} else {
		path = q->has_path ? msg_str(q, q->path) : S("/");
		if (q->has_query)
			query = msg_str(q, q->query);
	}
	while (a->flags & WS_A_PREFIX && to.n && to.p[to.n - 1] == '/')
		to.n--;
	out = str_of(rule_scratch(0), 0);
	ok = target || join(&out, to);
	if (a->flags & WS_A_SCHEME)
		ok = ok && join(&out, S("://")) && join(&out, host);
	ok = ok && join(&out, path);
	if (a->flags & WS_A_APPEND_SLASH && !str_ends(path, S("/")))
		ok = ok && join(&out, S("/"));
	if (query.p && !(a->flags & WS_A_DROP_QUERY))
		ok = ok && join(&out, S("?")) && join(&out, query);
	r->answer = (struct rule_answer) { .status = a->status ? a->status : 302, .location = out };
	return ok && out.n ? ACT_ANSWER : ACT_FAIL;
}

static enum act_result respond_run(struct rule_run *r, const struct ws_action *a)
{
	const struct ws_answer *w = &site.ws->answers[a->answer];
	struct str body;

	if (a->answer == WS_NONE) {
		r->answer = (struct rule_answer) { .status = 200, .page = site.ws->pages[a->num] };
		return ACT_ANSWER;
	}
	body = ws_str(w->body);
	if (w->text != WS_NONE && !rule_text(r, w->text, &body))
		return ACT_FAIL;
	r->answer = (struct rule_answer) { .status = a->status ? a->status : 200,
					   .ws = w,
					   .body = body };
	return ACT_ANSWER;
}

/* The section that switch or setbe names, or computes by a map whose values are sections. WS_NONE:
 * none, nothing is done. */
static uint32_t target_of(struct rule_run *r, const struct ws_action *a)
{
	const struct ws_map *m;
	struct occurrence it = { 0 };
	struct val v;
	uint32_t to;

	if (a->subject == WS_NONE)
		return a->target;
	m = &site.ws->maps[a->map];
	while (rule_next(r, a->subject, &it, &v)) {
		if (rule_map(r, m, &v, &to, NULL))
			return to;
		if (a->target != WS_NONE)
			return a->target;
	}
	return WS_NONE;
}

static bool has_servers(uint32_t section)
{
	return site.backs[section] != NULL;
}

/* The first choice that runs wins, a later one has no effect. */
static void choose(struct rule_run *r, uint32_t section)
{
	if (!r->x->be) {
		r->x->be = site.backs[section];
		r->x->rule_where = r->rule->where;
	}
}

static enum act_result switch_run(struct rule_run *r, const struct ws_action *a)
{
	uint32_t to = target_of(r, a);

	if (to == WS_NONE)
		return ACT_NEXT;
	if (has_servers(to)) {
		choose(r, to);
		return ACT_ENDS;
	}
	r->target = to;
	return ACT_SWITCH;
}

static enum act_result setbe_run(struct rule_run *r, const struct ws_action *a)
{
	uint32_t to = target_of(r, a);

	if (to != WS_NONE && has_servers(to))
		choose(r, to);
	return ACT_NEXT;
}

/* mapuri, choice and reverse maploc in one; none of it once a backend is chosen: the first line
 * that matches wins. */
static enum act_result uriremap_run(struct rule_run *r, const struct ws_action *a)
{
	bool done = false;

	if (r->x->be)
		return ACT_NEXT;
	if (!rule_mapuri(r, a, &done))
		return ACT_FAIL;
	if (!done)
		return ACT_NEXT;
	choose(r, a->target);
	if (a->text != WS_NONE)
		r->x->reverse = (uint32_t)(a - site.ws->action_rows);
	return ACT_NEXT;
}

#define CAPTURE_DEFAULT 128

static enum act_result capture_run(struct rule_run *r, const struct ws_action *a)
{
	struct occurrence it = { 0 };
	struct str text;
	struct val v;

	/* Several occurrences are kept joined by ", ", as in written texts. */
	if (!rule_next(r, a->subject, &it, &v)) {
		rule_forget(r->x, a->slot);
		return ACT_NEXT;
	}
	if (!rule_subject_text(r, a->subject, &text) ||
	    !rule_capture(r->x, a->slot, text, a->num ? (size_t)a->num : CAPTURE_DEFAULT))
		return ACT_FAIL;
	return ACT_NEXT;
}

static enum act_result setvar_run(struct rule_run *r, const struct ws_action *a)
{
	struct str text;

	if (!rule_text(r, a->text, &text) || !rule_set_var(r->vars, a->slot, text))
		return ACT_FAIL;
	return ACT_NEXT;
}

static enum act_result log_run(struct rule_run *r, const struct ws_action *a)
{
	*r->log_level = a->num < 0 ? LEVEL_SILENT : (uint8_t)a->num;
	return ACT_NEXT;
}

/* A text that is no address changes nothing. */
static enum act_result set_addr(struct rule_run *r, const struct ws_action *a, struct addr *to)
{
	struct addr_conf c;
	struct str text;

	if (!rule_text(r, a->text, &text))
		return ACT_FAIL;
	if (!addr_parse(text, &c) && c.addr.kind == AK_INET && !c.any_host) {
		if (!c.has_port)
			c.addr.port = to->port;
		*to = c.addr;
	}
	return ACT_NEXT;
}

static enum act_result setsrc_run(struct rule_run *r, const struct ws_action *a)
{
	return set_addr(r, a, r->x ? &r->x->src : &r->src);
}

static enum act_result setdst_run(struct rule_run *r, const struct ws_action *a)
{
	if (!r->x)
		return set_addr(r, a, &r->dst);
	exchange_dst(r->x);
	return set_addr(r, a, &r->x->dst);
}

const struct action_part action_ALLOW = { .name = "allow", .run = allow_run };
const struct action_part action_DENY = { .name = "deny", .run = deny_run };
const struct action_part action_DROP = { .name = "drop", .run = drop_run };
const struct action_part action_REDIR = { .name = "redir", .run = redir_run };
const struct action_part action_RESPOND = { .name = "respond", .run = respond_run };
const struct action_part action_SWITCH = { .name = "switch", .run = switch_run };
const struct action_part action_SETBE = { .name = "setbe", .run = setbe_run };
const struct action_part action_URIREMAP = { .name = "uriremap", .run = uriremap_run };
const struct action_part action_CAPTURE = { .name = "capture", .run = capture_run };
const struct action_part action_SETVAR = { .name = "setvar", .run = setvar_run };
const struct action_part action_LOG = { .name = "log", .run = log_run };
const struct action_part action_SETSRC = { .name = "setsrc", .run = setsrc_run };
const struct action_part action_SETDST = { .name = "setdst", .run = setdst_run };
