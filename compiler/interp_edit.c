/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of messages. Each leaves a message that may be sent, or says that it would not be one
 * (then the answer is 500). */
#include "interp_machine.h"

#include "../runtime/base/uri.h"

struct str header_first(const struct fields *f, struct str name)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (str_ieq(f->at[i].name, name))
			return f->at[i].value;
	return (struct str) { 0 };
}

struct fields fields_copy(struct machine *m, const struct fields *f)
{
	struct fields out = { 0 };

	for (uint32_t i = 0; i < f->n; i++)
		fields_add(m->a, &out, f->at[i].name, f->at[i].value);
	return out;
}

void header_remove(struct fields *f, struct str name)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n; i++)
		if (!str_ieq(f->at[i].name, name))
			f->at[n++] = f->at[i];
	f->n = n;
}

/* token, RFC 9110 5.6.2 */
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

static void make_uri(struct machine *m)
{
	m->path_edited = true;
	m->req.uri = m->req.query.p ? joined(m, m->req.path, S("?"), m->req.query) : m->req.path;
}

static bool has_path(const struct machine *m)
{
	return m->req.path.n > 0 && m->req.path.p[0] == '/';
}

bool message_set_path(struct machine *m, struct str path)
{
	char *p = arena_get(m->a, path.n + 1);
	ptrdiff_t n;

	if (!has_path(m))
		return true; /* OPTIONS * and CONNECT have no path to edit */
	n = uri_bytes(path) && str_chr(path, '?') < 0 ? uri_normalise(path, p) : -1;
	if (n < 0)
		return false;
	m->req.path = str_of(p, (size_t)n);
	make_uri(m);
	return true;
}

static bool set_query(struct machine *m, struct str query)
{
	if (!has_path(m))
		return true;
	if (!uri_bytes(query))
		return false;
	m->req.query = query.n ? query : (struct str) { 0 };
	make_uri(m);
	return true;
}

/* "set host keeps Host and :authority equal" */
bool message_set_host(struct machine *m, struct str host)
{
	char *p = arena_get(m->a, URI_HOST_ROOM(host.n));
	unsigned port;

	if (!uri_host(host, p, &m->req.host, &port) || host.n == 0)
		return false;
	for (uint32_t i = 0; i < m->req.headers.n; i++)
		if (str_ieq(m->req.headers.at[i].name, S("host"))) {
			m->req.headers.at[i].value = host;
			return true;
		}
	fields_add(m->a, &m->req.headers, S("Host"), host);
	return true;
}

bool message_set_uri(struct machine *m, struct str uri)
{
	struct uri u;
	char *p = arena_get(m->a, uri.n + 1);
	ptrdiff_t n = 1;

	if (!uri_split(m->req.meth, uri, &u))
		return false;
	if (u.form == URI_ABSOLUTE && !message_set_host(m, u.authority))
		return false;
	m->req.path = u.form == URI_AUTHORITY  ? (struct str) { 0 }
		      : u.form == URI_ASTERISK ? u.path
					       : S("/");
	if (u.form <= URI_ABSOLUTE && u.path.n) {
		n = uri_normalise(u.path, p);
		m->req.path = str_of(p, n < 0 ? 0 : (size_t)n);
	}
	m->req.query = u.query;
	m->req.uri = uri;
	m->path_edited = true;
	return n >= 0;
}

/* The target as if it had been received so; the subject uri is what would be sent. */
static bool set_uri(struct machine *m, struct str uri)
{
	if (!message_set_uri(m, uri))
		return false;
	if (m->req.path.p)
		make_uri(m);
	return true;
}

/* ---- one action each ---- */

static struct fields *headers_of(struct machine *m)
{
	return m->responding ? &m->answer->headers : &m->req.headers;
}

/* 204 and 304 have no body (RFC 9110 6.4.1); no edit makes one of the others or the reverse. */
static bool bodiless(uint64_t status)
{
	return status == 204 || status == 304;
}

static bool set_status(struct machine *m, const struct p_action *a)
{
	uint64_t n = (uint64_t)a->status;

	if (a->text && !str_u64(text_value(m, a->text), 999, &n))
		return false;
	if (n < 200 || n > 599 || bodiless(n) != bodiless(m->answer->status))
		return false;
	m->answer->status = (uint16_t)n;
	m->answer->reason = str_of("", 0);
	effect(m, "status = %u", m->answer->status);
	return true;
}

static bool set_header(struct machine *m, struct str name, struct str value)
{
	if (!m->responding && str_ieq(name, S("host")))
		return message_set_host(m, value);
	header_remove(headers_of(m), name);
	fields_add(m->a, headers_of(m), name, value);
	return true;
}

static bool set(struct machine *m, const struct p_action *a)
{
	struct str v;

	if (a->part == PART_STATUS)
		return set_status(m, a);
	v = text_value(m, a->text);
	switch (a->part) {
	case PART_HEADER:
		effect(m, "header %.*s = \"%.*s\"", STR_ARG(a->name), STR_ARG(v));
		return set_header(m, a->name, v);
	case PART_HOST:
		effect(m, "host = \"%.*s\"", STR_ARG(v));
		return message_set_host(m, v);
	case PART_PATH:
		effect(m, "path = \"%.*s\"", STR_ARG(v));
		return message_set_path(m, v);
	case PART_QUERY:
		effect(m, "query = \"%.*s\"", STR_ARG(v));
		return set_query(m, v);
	case PART_URI:
		effect(m, "uri = \"%.*s\"", STR_ARG(v));
		return set_uri(m, v);
	case PART_METH:
		effect(m, "meth = \"%.*s\"", STR_ARG(v));
		m->req.meth = v;
		return is_token(v);
	case PART_STATUS:
	case PART_LINE:
		break;
	}
	return true;
}

/* "add and append add at the end" */
static bool add(struct machine *m, const struct p_action *a)
{
	struct str value = text_value(m, a->text);

	fields_add(m->a, headers_of(m), a->name, value);
	effect(m, "header %.*s added: \"%.*s\"", STR_ARG(a->name), STR_ARG(value));
	return true;
}

static bool rem(struct machine *m, const struct p_action *a)
{
	struct fields *f = headers_of(m);
	uint32_t n = f->n;

	header_remove(f, a->name);
	effect(m, "%u header line%s %.*s removed", n - f->n, n - f->n == 1 ? "" : "s",
	       STR_ARG(a->name));
	return true;
}

static bool is_host(const struct machine *m, struct str name)
{
	return !m->responding && str_ieq(name, S("host"));
}

/* "delete sees whole lines name: value"; Host of a request is written by "set host" and "rep host"
 * alone */
static bool delete (struct machine *m, const struct p_action *a)
{
	struct fields *f = headers_of(m);
	uint32_t n = 0, before = f->n;

	for (uint32_t i = 0; i < before; i++)
		if (is_host(m, f->at[i].name) ||
		    !regex_matches(m, a->regex, joined(m, f->at[i].name, S(": "), f->at[i].value),
				   NULL))
			f->at[n++] = f->at[i];
	f->n = n;
	effect(m, "%u header line%s deleted", before - n, before - n == 1 ? "" : "s");
	return true;
}

/* "rep edits the first matched part of every occurrence" */
static bool rep(struct machine *m, const struct p_action *a)
{
	struct fields *f = headers_of(m);
	struct str to;

	for (uint32_t i = 0; i < f->n; i++) {
		if (!str_ieq(f->at[i].name, a->name) ||
		    !regex_replaced(m, a->regex, f->at[i].value, a->text, &to))
			continue;
		effect(m, "header %.*s = \"%.*s\"", STR_ARG(a->name), STR_ARG(to));
		if (is_host(m, a->name))
			return message_set_host(m, to);
		f->at[i].value = to;
	}
	return true;
}

static bool rewrite(struct machine *m, const struct p_action *a)
{
	struct fields *f = &m->answer->headers;
	struct str to;

	if (!m->responding) {
		if (!regex_replaced(m, a->regex, m->req.uri, a->text, &to))
			return true;
		effect(m, "uri = \"%.*s\"", STR_ARG(to));
		return set_uri(m, to);
	}
	for (uint32_t i = 0; i < f->n; i++) {
		if (!str_ieq(f->at[i].name, S("location")) &&
		    !str_ieq(f->at[i].name, S("content-location")))
			continue;
		if (regex_replaced(m, a->regex, f->at[i].value, a->text, &f->at[i].value))
			effect(m, "header %.*s = \"%.*s\"", STR_ARG(f->at[i].name),
			       STR_ARG(f->at[i].value));
	}
	return true;
}

/* A version that a start line may be left with: the message goes out in that of its receiver. */
static bool is_version(struct str s)
{
	return str_eq(s, S("HTTP/1.1")) || str_eq(s, S("HTTP/1.0")) || str_eq(s, S("HTTP/2.0"));
}

/* request-line = method SP request-target SP HTTP-version, RFC 9112 3 */
static bool reqline(struct machine *m, const struct p_action *a)
{
	struct str line = request_line_text(m, &m->req), version, uri, meth;

	if (!regex_replaced(m, a->regex, line, a->text, &version))
		return true;
	effect(m, "line = \"%.*s\"", STR_ARG(version));
	meth = str_cut(&version, ' ');
	uri = str_cut(&version, ' ');
	if (!is_token(meth) || !version.p || !is_version(version))
		return false;
	m->req.meth = meth; /* the version stays: it is that of the connection (RFC 9110 2.5) */
	return set_uri(m, uri);
}

/* status-line = HTTP-version SP status-code SP [ reason-phrase ], RFC 9112 4 */
static bool stsline(struct machine *m, const struct p_action *a)
{
	struct str line = status_line(m), rest;
	uint64_t status;

	if (!regex_replaced(m, a->regex, line, a->text, &rest))
		return true;
	effect(m, "line = \"%.*s\"", STR_ARG(rest));
	line = str_cut(&rest, ' ');
	if (!is_version(line))
		return false;
	line = str_cut(&rest, ' ');
	if (line.n != 3 || !str_u64(line, 599, &status) || status < 200 ||
	    bodiless(status) != bodiless(m->answer->status))
		return false;
	m->answer->status = (uint16_t)status;
	m->answer->reason = rest.p ? rest : str_of("", 0);
	return true;
}

/* "the join has exactly one /" */
static struct str join_path(struct machine *m, struct str new, struct str rest)
{
	if (rest.n == 0)
		return new.n ? new : S("/");
	while (new.n &&new.p[new.n - 1] == '/')
		new.n--;
	return joined(m, new, rest, str_of("", 0));
}

bool edit_mapuri(struct machine *m, const struct p_action *a, bool *done)
{
	struct str rest, to;

	*done = has_path(m) && uri_prefix(m->req.path, a->old, a->icase, &rest);
	if (!*done || !a->text)
		return true;
	to = join_path(m, text_value(m, a->text), rest);
	effect(m, "path = \"%.*s\"", STR_ARG(to));
	return message_set_path(m, to);
}

/* A path, or an absolute URI to the host of this request: other hosts' paths are not ours. */
static struct str map_location(struct machine *m, struct str old, struct str new, struct str v)
{
	char *room = arena_get(m->a, URI_HOST_ROOM(v.n));
	ptrdiff_t at = str_find(v, S("://"));
	struct str start = str_of(v.p, 0), path = v, rest, host;
	size_t n = 0;
	unsigned port;

	if (at > 0) {
		struct str auth = str_skip(v, (size_t)at + 3);

		while (n < auth.n && !strchr("/?#", auth.p[n]))
			n++;
		if (!uri_host(str_first(auth, n), room, &host, &port) ||
		    (!str_eq(host, m->req.host) && !str_eq(host, m->req_left.host)))
			return v;
		start = str_first(v, (size_t)at + 3 + n);
		path = str_skip(v, start.n);
	} else if (str_starts(v, S("//"))) {
		return v;
	}
	for (n = 0; n < path.n && path.p[n] != '?' && path.p[n] != '#';)
		n++;
	if (n == 0 || path.p[0] != '/' || !uri_prefix(str_first(path, n), old, false, &rest))
		return v;
	return joined(m, start, join_path(m, new, rest), str_skip(path, n));
}

/* The attribute "path=" of a cookie (RFC 6265 5.2.4) or the "url=" of Refresh. */
static struct str map_attribute(struct machine *m, struct str old, struct str new, struct str v,
				struct str attr)
{
	size_t from = 0, end;

	do {
		struct str part = str_skip(v, from);

		while (part.n && (part.p[0] == ' ' || part.p[0] == ';' || part.p[0] == ','))
			part = str_skip(part, 1);
		for (end = (size_t)(part.p - v.p); end < v.n && v.p[end] != ';';)
			end++;
		if (str_istarts(part, attr)) {
			size_t at = (size_t)(part.p - v.p) + attr.n;

			return joined(m, str_first(v, at),
				      map_location(m, old, new, str_of(v.p + at, end - at)),
				      str_skip(v, end));
		}
		from = end + 1;
	} while (from < v.n);
	return v;
}

void edit_maploc(struct machine *m, struct str old, struct str new)
{
	struct fields *f = &m->answer->headers;

	for (uint32_t i = 0; i < f->n; i++) {
		struct str name = f->at[i].name, *v = &f->at[i].value, was = *v;

		if (str_ieq(name, S("location")) || str_ieq(name, S("content-location")))
			*v = map_location(m, old, new, was);
		else if (str_ieq(name, S("refresh")))
			*v = map_attribute(m, old, new, was, S("url="));
		else if (str_ieq(name, S("set-cookie")))
			*v = map_attribute(m, old, new, was, S("path="));
		if (!str_eq(*v, was))
			effect(m, "header %.*s = \"%.*s\"", STR_ARG(name), STR_ARG(*v));
	}
}

static bool edit(struct machine *m, const struct p_action *a)
{
	bool done;

	switch (a->id) {
	case ACT_SET:
		return set(m, a);
	case ACT_ADD:
	case ACT_APPEND:
		return add(m, a);
	case ACT_REM:
		return rem(m, a);
	case ACT_DELETE:
		return delete (m, a);
	case ACT_REP:
		return rep(m, a);
	case ACT_REWRITE:
		return rewrite(m, a);
	case ACT_REQLINE:
		return reqline(m, a);
	case ACT_STSLINE:
		return stsline(m, a);
	case ACT_MAPURI:
		return edit_mapuri(m, a, &done);
	case ACT_MAPLOC:
		edit_maploc(m, a->old, text_value(m, a->text));
		return true;
	default:
		return true;
	}
}

/* Edits of headers but Host always leave a good message. */
static bool never_fails(const struct p_action *a)
{
	return a->id == ACT_ADD || a->id == ACT_APPEND || a->id == ACT_REM || a->id == ACT_DELETE ||
	       (a->id == ACT_SET && a->part == PART_HEADER && !str_ieq(a->name, S("host")));
}

/* An edit that fails leaves the message as it was. */
bool edit_run(struct machine *m, const struct p_action *a)
{
	struct interp_message was = m->req;

	if (never_fails(a))
		return edit(m, a);
	was.headers = fields_copy(m, &m->req.headers);
	if (edit(m, a))
		return true;
	m->req = was;
	return false;
}

/* Takes from a Cookie line what is for the proxy alone: the pairs of stickiness, or their prefixes.
 * False: nothing is left of it. */
static bool take_pairs(struct machine *m, const struct p_cookie *c, struct str *line)
{
	struct str rest = *line, out = { 0 };
	bool changed = false;

	while (rest.p && rest.n) {
		struct str pair = str_trim(str_cut(&rest, ';')), value = pair;
		bool ours = str_eq(str_trim(str_cut(&value, '=')), c->name);

		if (ours && c->mode != COOKIE_PREFIX) {
			changed = true;
			continue;
		}
		if (ours && value.p) {
			value = str_trim(value);
			str_cut(&value, '~');
			changed |= value.p != NULL;
			pair = value.p ? joined(m, c->name, S("="), value) : pair;
		}
		out = out.n ? joined(m, out, S("; "), pair) : pair;
	}
	if (changed)
		*line = out;
	return !changed || out.n;
}

void edit_take_cookie(struct machine *m)
{
	const struct p_section *own = m->out->backend->servers_of;
	struct fields *f = &m->req.headers;
	uint32_t n = 0;

	if (!own->nservers || (!own->cookie.indirect && own->cookie.mode != COOKIE_PREFIX))
		return;
	for (uint32_t i = 0; i < f->n; i++)
		if (!str_ieq(f->at[i].name, S("cookie")) ||
		    take_pairs(m, &own->cookie, &f->at[i].value))
			f->at[n++] = f->at[i];
	f->n = n;
}
