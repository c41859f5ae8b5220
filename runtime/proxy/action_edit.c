/* SPDX-License-Identifier: Apache-2.0 */
/* Actions that edit the message. Each leaves one that may be sent, or fails: then the answer is 500
 * (502 for responses). */
#include "../base/uri.h"
#include "rule.h"

static bool responding(const struct rule_run *r)
{
	return r->dir == WS_RSP_IN || r->dir == WS_RSP_OUT;
}

/* A regex at its limit is no failed edit: rules_run sees r->limit and answers on-limit. */
static enum act_result finish(const struct rule_run *r, bool ok)
{
	return ok || r->limit ? ACT_NEXT : ACT_FAIL;
}

/* token (RFC 9110 5.6.2) */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return s.n > 0;
}

/* Edits a copy of <in>: the first match of the regex is replaced by the written text. *<out> is
 * <in> when nothing matches. False: the scratch is full or the regex gave up (r->limit). */
static bool replaced(struct rule_run *r, uint32_t regex, uint32_t text, struct str in,
		     struct str *out, bool *hit)
{
	struct str outer[REGEX_GROUPS], own[REGEX_GROUPS], new;
	char *copy = rule_scratch(in.n), *at;
	size_t before, after;
	int found;
	bool ok;

	*out = in;
	*hit = false;
	if (!copy)
		return false;
	memcpy(copy, in.p, in.n);
	in.p = copy;
	found = site.ws->regex->match(site.regexes[regex], in, own);
	if (found <= 0) {
		r->limit |= found < 0;
		return found == 0;
	}
	memcpy(outer, r->groups, sizeof(outer));
	memcpy(r->groups, own, sizeof(own));
	ok = rule_text(r, text, &new);
	memcpy(r->groups, outer, sizeof(outer));
	before = (size_t)(own[0].p - in.p);
	after = in.n - before - own[0].n;
	at = ok ? rule_scratch(before + new.n + after) : NULL;
	if (!at)
		return false;
	memcpy(at, in.p, before);
	memcpy(at + before, new.p, new.n);
	memcpy(at + before + new.n, own[0].p + own[0].n, after);
	*out = str_of(at, before + new.n + after);
	*hit = true;
	return true;
}

/* -- the parts of a request ----------------------------------------------------------------------
 */

static bool has_path(const struct msg *m)
{
	return m->has_path && m->path.len && m->blk[m->path.off] == '/';
}

bool rule_set_host(struct msg *m, struct str host)
{
	char *room = rule_scratch(URI_HOST_ROOM(host.n));
	struct str form;
	unsigned port;

	if (!room || !host.n || !uri_host(host, room, &form, &port))
		return false;
	return msg_set_host(m, host);
}

static bool set_path(struct msg *m, struct str path)
{
	char *room;
	ptrdiff_t n;

	if (!has_path(m))
		return true; /* OPTIONS * and CONNECT have no path to edit */
	room = rule_scratch(path.n);
	if (!room || !uri_bytes(path) || str_chr(path, '?') >= 0)
		return false;
	n = uri_normalise(path, room);
	return n >= 0 && msg_set_path(m, str_of(room, (size_t)n));
}

static bool set_query(struct msg *m, struct str query)
{
	if (!has_path(m))
		return true;
	return uri_bytes(query) && msg_set_query(m, query, query.n > 0);
}

/* The target as if it had been received so. */
static bool set_uri(struct msg *m, struct str meth, struct str uri)
{
	struct uri u;
	struct str path = S("/");
	char *room = rule_scratch(uri.n);
	ptrdiff_t n;

	if (!room || !uri_split(meth, uri, &u))
		return false;
	if (u.form == URI_AUTHORITY)
		return rule_set_host(m, u.authority);
	if (u.form == URI_ASTERISK) {
		path = u.path;
	} else if (u.path.n) {
		n = uri_normalise(u.path, room);
		if (n < 0)
			return false;
		path = str_of(room, (size_t)n);
	}
	if (u.form == URI_ABSOLUTE && !rule_set_host(m, u.authority))
		return false;
	return msg_set_path(m, path) &&
	       msg_set_query(m, u.query.p ? u.query : S(""), u.query.p != NULL);
}

/* -- set -----------------------------------------------------------------------------------------
 */

static bool set_status(struct rule_run *r, const struct ws_action *a)
{
	uint64_t n = a->status;
	struct str text;

	if (a->text != WS_NONE && (!rule_text(r, a->text, &text) || !str_u64(text, 999, &n)))
		return false;
	return n >= 200 && n <= 599 && rule_set_status(r, (unsigned)n, S(""));
}

/* "close" is the one value of Connection that may be written: that side's connection ends after
 * this message. */
static bool set_connection(struct rule_run *r)
{
	r->x->flags |= r->dir == WS_REQ_OUT || r->dir == WS_RSP_IN ? X_CLOSE_BACK : X_CLOSE_FRONT;
	return true;
}

static bool set_header(struct rule_run *r, const struct ws_action *a, struct str value)
{
	struct str name = ws_str(a->name);
	enum field_id id = field_lookup(name);

	if (id == FIELD_CONNECTION)
		return set_connection(r);
	if (id == FIELD_HOST && !responding(r))
		return rule_set_host(r->m, value);
	msg_del_all(r->m, id, name);
	return msg_add(r->m, name, value);
}

static enum act_result set_run(struct rule_run *r, const struct ws_action *a)
{
	struct str v;

	if (a->part == WS_PART_STATUS)
		return finish(r, set_status(r, a));
	if (!rule_text(r, a->text, &v))
		return ACT_FAIL;
	switch (a->part) {
	case WS_PART_HEADER:
		return finish(r, set_header(r, a, v));
	case WS_PART_HOST:
		return finish(r, rule_set_host(r->m, v));
	case WS_PART_PATH:
		return finish(r, set_path(r->m, v));
	case WS_PART_QUERY:
		return finish(r, set_query(r->m, v));
	case WS_PART_URI:
		return finish(r, set_uri(r->m, msg_str(r->m, r->m->meth), v));
	case WS_PART_METH:
		return finish(r, is_token(v) && msg_set_method(r->m, v));
	default:
		return ACT_NEXT;
	}
}

/* -- headers -------------------------------------------------------------------------------------
 */

static enum act_result add_run(struct rule_run *r, const struct ws_action *a)
{
	struct str v;

	return finish(r, rule_text(r, a->text, &v) && msg_add(r->m, ws_str(a->name), v));
}

static enum act_result rem_run(struct rule_run *r, const struct ws_action *a)
{
	struct str name = ws_str(a->name);

	msg_del_all(r->m, field_lookup(name), name);
	return ACT_NEXT;
}

/* Sees whole lines "name: value"; not Host of a request, which only "set host" and "rep host"
 * write. */
static enum act_result delete_run(struct rule_run *r, const struct ws_action *a)
{
	for (uint32_t i = msg_find(r->m, MSG_END, FIELD_OTHER, S("")); i != MSG_END;
	     i = msg_find(r->m, i, FIELD_OTHER, S(""))) {
		struct str name = msg_name(r->m, i), value = msg_value(r->m, i);
		uint32_t used = pt()->scratch_used;
		char *line;
		int found;

		if (msg_hdr(r->m, i)->id == FIELD_HOST && !responding(r))
			continue;
		line = rule_scratch(name.n + 2 + value.n);
		if (!line)
			return ACT_FAIL;
		memcpy(line, name.p, name.n);
		memcpy(line + name.n, ": ", 2);
		memcpy(line + name.n + 2, value.p, value.n);
		found = site.ws->regex->match(site.regexes[a->regex],
					      str_of(line, name.n + 2 + value.n), NULL);
		pt()->scratch_used = used;
		if (found < 0) {
			r->limit = true;
			return ACT_NEXT;
		}
		if (found)
			msg_del(r->m, i);
	}
	return ACT_NEXT;
}

/* <any>: was there something to replace? */
static bool replace_values(struct rule_run *r, const struct ws_action *a, enum field_id id,
			   struct str name, bool *any)
{
	for (uint32_t i = msg_find(r->m, MSG_END, id, name); i != MSG_END;
	     i = msg_find(r->m, i, id, name)) {
		uint32_t used = pt()->scratch_used;
		struct str out;
		bool hit;

		if (!replaced(r, a->regex, a->text, msg_value(r->m, i), &out, &hit) ||
		    (hit && !msg_set_value(r->m, i, out)))
			return false;
		*any = *any || hit;
		pt()->scratch_used = used;
	}
	return true;
}

static bool replace_host(struct rule_run *r, const struct ws_action *a)
{
	uint32_t i = msg_find(r->m, MSG_END, FIELD_HOST, S(""));
	struct str out;
	bool hit;

	if (i == MSG_END)
		return true;
	return replaced(r, a->regex, a->text, msg_value(r->m, i), &out, &hit) &&
	       (!hit || rule_set_host(r->m, out));
}

/* Edits the first matched part of every occurrence. */
static enum act_result rep_run(struct rule_run *r, const struct ws_action *a)
{
	struct str name = ws_str(a->name);
	enum field_id id = field_lookup(name);
	bool any = false;

	if (id == FIELD_HOST && !responding(r))
		return finish(r, replace_host(r, a));
	if (!replace_values(r, a, id, name, &any))
		return finish(r, false);
	if (id == FIELD_CONNECTION && any) /* "close" is all that can be written there */
		return finish(r, set_connection(r));
	return finish(r, true);
}

/* -- the URI and the start lines -----------------------------------------------------------------
 */

static enum act_result rewrite_run(struct rule_run *r, const struct ws_action *a)
{
	struct str out;
	bool hit = false;

	if (responding(r))
		return finish(r, replace_values(r, a, FIELD_LOCATION, S(""), &hit) &&
					 replace_values(r, a, FIELD_CONTENT_LOCATION, S(""), &hit));
	if (!replaced(r, a->regex, a->text, rule_target(r->m), &out, &hit))
		return finish(r, false);
	return finish(r, !hit || set_uri(r->m, msg_str(r->m, r->m->meth), out));
}

/* A version that a start line may be left with: the message goes out in that of its receiver. */
static bool is_version(struct str s)
{
	return str_eq(s, S("HTTP/1.1")) || str_eq(s, S("HTTP/1.0")) || str_eq(s, S("HTTP/2.0"));
}

/* request-line = method SP request-target SP HTTP-version (RFC 9112 3) */
static enum act_result reqline_run(struct rule_run *r, const struct ws_action *a)
{
	struct str out, meth, uri;
	bool hit;

	if (!replaced(r, a->regex, a->text, rule_line(r, r->m), &out, &hit))
		return finish(r, false);
	if (!hit)
		return ACT_NEXT;
	meth = str_cut(&out, ' ');
	uri = str_cut(&out, ' ');
	if (!is_token(meth) || !out.p || !is_version(out))
		return ACT_FAIL;
	return finish(r, set_uri(r->m, meth, uri) && msg_set_method(r->m, meth));
}

bool rule_set_status(struct rule_run *r, unsigned status, struct str reason)
{
	/* The framing of a body that is on its way cannot be changed into "none", nor the reverse
	 * (RFC 9112 6.3). */
	if (status_bodiless(status) != status_bodiless(r->m->status))
		return false;
	return msg_set_status(r->m, status, reason);
}

/* status-line = HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112 4) */
static enum act_result stsline_run(struct rule_run *r, const struct ws_action *a)
{
	struct str out, version, code;
	uint64_t status;
	bool hit;

	if (!replaced(r, a->regex, a->text, rule_line(r, r->m), &out, &hit))
		return finish(r, false);
	if (!hit)
		return ACT_NEXT;
	version = str_cut(&out, ' ');
	code = str_cut(&out, ' ');
	if (!is_version(version) || code.n != 3 || !str_u64(code, 599, &status) || status < 200)
		return ACT_FAIL;
	return finish(r, rule_set_status(r, (unsigned)status, out.p ? out : S("")));
}

/* -- mapuri and maploc ---------------------------------------------------------------------------
 */

/* <new> and <rest> with exactly one "/" between them, in the scratch. */
static bool join_path(struct str new, struct str rest, struct str *out)
{
	char *at;

	if (rest.n == 0) {
		*out = new.n ? new : S("/");
		return true;
	}
	while (new.n &&new.p[new.n - 1] == '/')
		new.n--;
	at = rule_scratch(new.n + rest.n);
	if (!at)
		return false;
	memcpy(at, new.p, new.n);
	memcpy(at + new.n, rest.p, rest.n);
	*out = str_of(at, new.n + rest.n);
	return true;
}

bool rule_mapuri(struct rule_run *r, const struct ws_action *a, bool *hit)
{
	struct str rest, new, to;

	*hit = has_path(r->m) &&
	       uri_prefix(msg_str(r->m, r->m->path), ws_str(a->old), a->flags & WS_A_ICASE, &rest);
	if (!*hit || a->text == WS_NONE)
		return true;
	return rule_text(r, a->text, &new) && join_path(new, rest, &to) && set_path(r->m, to);
}

static enum act_result mapuri_run(struct rule_run *r, const struct ws_action *a)
{
	bool hit;

	return finish(r, rule_mapuri(r, a, &hit));
}

/* Where the path of <v> begins: 0 for a path, behind the authority for an absolute URI to this
 * request's host; -1 else: other hosts' paths are not ours. */
static ptrdiff_t path_start(struct rule_run *r, struct str v)
{
	ptrdiff_t at = str_find(v, S("://"));
	struct str auth, host;
	unsigned port;
	char *room;
	size_t n = 0;

	if (at <= 0)
		return str_starts(v, S("//")) ? -1 : 0;
	auth = str_skip(v, (size_t)at + 3);
	while (n < auth.n && !strchr("/?#", auth.p[n]))
		n++;
	room = rule_scratch(URI_HOST_ROOM(n));
	if (!room || !uri_host(str_first(auth, n), room, &host, &port))
		return -1;
	if (!str_eq(host, msg_host(&r->x->req)) && !str_eq(host, msg_host(rule_request(r, true))))
		return -1;
	return at + 3 + (ptrdiff_t)n;
}

/* Maps the URI at <from>, <n> bytes of <v>; *<out> is <v> when it is none of ours. */
static bool map_part(struct rule_run *r, struct str old, struct str new, struct str v, size_t from,
		     size_t n, struct str *out)
{
	struct str uri = str_of(v.p + from, n), path, rest, mapped;
	ptrdiff_t start = path_start(r, uri);
	size_t end = 0, head, tail;
	char *at;

	*out = v;
	if (start < 0)
		return true;
	path = str_skip(uri, (size_t)start);
	while (end < path.n && path.p[end] != '?' && path.p[end] != '#')
		end++;
	if (end == 0 || path.p[0] != '/' || !uri_prefix(str_first(path, end), old, false, &rest))
		return true;
	head = from + (size_t)start;
	tail = v.n - head - end;
	if (!join_path(new, rest, &mapped))
		return false;
	at = rule_scratch(head + mapped.n + tail);
	if (!at)
		return false;
	memcpy(at, v.p, head);
	memcpy(at + head, mapped.p, mapped.n);
	memcpy(at + head + mapped.n, v.p + head + end, tail);
	*out = str_of(at, head + mapped.n + tail);
	return true;
}

/* The attribute Path of a cookie (RFC 6265 5.2.4), or the url= of Refresh. */
static bool map_attribute(struct rule_run *r, struct str old, struct str new, struct str v,
			  struct str attr, struct str *out)
{
	size_t from = 0;

	*out = v;
	while (from < v.n) {
		size_t end;

		while (from < v.n && (v.p[from] == ' ' || v.p[from] == ';' || v.p[from] == ','))
			from++;
		for (end = from; end < v.n && v.p[end] != ';';)
			end++;
		if (str_istarts(str_skip(v, from), attr))
			return map_part(r, old, new, v, from + attr.n, end - from - attr.n, out);
		from = end + 1;
	}
	return true;
}

bool rule_maploc(struct rule_run *r, struct str old, struct str new)
{
	for (uint32_t i = msg_find(r->m, MSG_END, FIELD_OTHER, S("")); i != MSG_END;
	     i = msg_find(r->m, i, FIELD_OTHER, S(""))) {
		uint8_t id = msg_hdr(r->m, i)->id;
		struct str v = msg_value(r->m, i), out = v;
		uint32_t used = pt()->scratch_used;
		bool ok = true;

		if (id == FIELD_LOCATION || id == FIELD_CONTENT_LOCATION)
			ok = map_part(r, old, new, v, 0, v.n, &out);
		else if (id == FIELD_REFRESH)
			ok = map_attribute(r, old, new, v, S("url="), &out);
		else if (id == FIELD_SET_COOKIE)
			ok = map_attribute(r, old, new, v, S("path="), &out);
		if (!ok || (out.p != v.p && !msg_set_value(r->m, i, out)))
			return false;
		pt()->scratch_used = used;
	}
	return true;
}

static enum act_result maploc_run(struct rule_run *r, const struct ws_action *a)
{
	struct str new;

	return finish(r, rule_text(r, a->text, &new) && rule_maploc(r, ws_str(a->old), new));
}

const struct action_part action_SET = { .name = "set", .run = set_run };
const struct action_part action_ADD = { .name = "add", .run = add_run };
const struct action_part action_APPEND = { .name = "append",
					   add_run,
					   NULL }; /* the compiler has split the line */
const struct action_part action_REM = { .name = "rem", .run = rem_run };
const struct action_part action_DELETE = { .name = "delete", .run = delete_run };
const struct action_part action_REP = { .name = "rep", .run = rep_run };
const struct action_part action_REWRITE = { .name = "rewrite", .run = rewrite_run };
const struct action_part action_REQLINE = { .name = "reqline", .run = reqline_run };
const struct action_part action_STSLINE = { .name = "stsline", .run = stsline_run };
const struct action_part action_MAPURI = { .name = "mapuri", .run = mapuri_run };
const struct action_part action_MAPLOC = { .name = "maploc", .run = maploc_run };
