/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of access logs. */
#include "replay.h"

#include "editor/json.h"

static int hex_of(char c)
{
	c = ascii_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xHH, or of HAProxy #HH, are bytes; \" and \\ are what they say. */
static struct str unescaped(struct arena *a, struct str s, char mark)
{
	char *p = arena_get(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		size_t at = i + 1 + (mark == '\\');
		bool hex = s.p[i] == mark && at + 1 < s.n && (mark != '\\' || s.p[i + 1] == 'x') &&
			   hex_of(s.p[at]) >= 0 && hex_of(s.p[at + 1]) >= 0;

		if (hex) {
			p[n++] = (char)(hex_of(s.p[at]) << 4 | hex_of(s.p[at + 1]));
			i = at + 1;
		} else if (s.p[i] == '\\' && mark == '\\' && i + 1 < s.n &&
			   (s.p[i + 1] == '"' || s.p[i + 1] == '\\')) {
			p[n++] = s.p[++i];
		} else {
			p[n++] = s.p[i];
		}
	}
	return str_of(p, n);
}

/* What stands between quotes at the beginning of <s>, which moves behind them. Backslashes hide
 * quotes. p NULL: there are none. */
static struct str take_quoted(struct str *s)
{
	struct str out = { 0 };

	if (!s->n || s->p[0] != '"')
		return out;
	for (size_t i = 1; i < s->n; i++) {
		if (s->p[i] == '\\')
			i++;
		else if (s->p[i] == '"') {
			out = str_of(s->p + 1, i - 1);
			*s = str_skip(*s, i + 1);
			return out;
		}
	}
	return out;
}

static struct str take_word(struct str *s)
{
	*s = str_trim(*s);
	return str_cut(s, ' ');
}

static struct str last_word(struct str s)
{
	size_t n = s.n;

	while (n && s.p[n - 1] != ' ')
		n--;
	return str_skip(s, n);
}

static void know_header(struct arena *a, struct logged *l, const char *name, struct str value)
{
	l->headers[l->known.nheaders++] = str_from(name);
	if (value.n && !str_eq(value, S("-")))
		fields_add(a, &l->request.headers, str_from(name), value);
}

static bool is_version(struct str s)
{
	return str_starts(s, S("HTTP/")) && s.n > 5 && s.p[5] >= '1' && s.p[5] <= '9';
}

/* "METHOD target HTTP/x": what version it was on the wire does not matter to rules but for 1.0. */
static bool take_request(struct arena *a, struct logged *l, struct str text, char mark)
{
	struct str rest = text, meth = str_cut(&rest, ' '), version = last_word(rest);

	if (!rest.p || version.n >= rest.n || !is_version(version) || !meth.n)
		return false;
	l->request.meth = arena_str(a, meth);
	l->request.target = unescaped(a, str_first(rest, rest.n - version.n - 1), mark);
	l->request.version = str_eq(version, S("HTTP/1.0")) ? S("1.0") : S("1.1");
	return l->request.target.n > 0;
}

/* Whatever happens to the request, it has a Host when it may be needed. */
static void finish(struct arena *a, struct logged *l)
{
	l->known.headers = l->headers;
	if (!l->known.host && str_eq(l->request.version, S("1.1")))
		fields_add(a, &l->request.headers, S("Host"), S("localhost"));
	l->request.answered = l->forwarded && l->status >= 200 && l->status <= 599;
	l->request.status = l->request.answered ? (uint16_t)l->status : 0;
}

/* "ADDR:PORT"; of IPv6 also without brackets. */
static bool client_read(struct str text, struct p_net *ip, uint16_t *port)
{
	struct str host = text;
	uint64_t n = 0;

	if (address_read(text, ip, port) && *port)
		return true;
	while (host.n && host.p[host.n - 1] != ':')
		host.n--;
	if (host.n < 2 || !str_u64(str_skip(text, host.n), 65535, &n))
		return false;
	host.n--;
	if (!address_read(host, ip, port) || *port)
		return false;
	*port = (uint16_t)n;
	return true;
}

static void take_client(struct logged *l, struct str text)
{
	uint16_t port = 0;

	l->known.src = client_read(text, &l->request.src, &port) ||
		       address_read(text, &l->request.src, &port);
	if (l->known.src)
		l->request.src_port = port;
}

/* ---- Weir's text line and HAProxy's ---- */

/* Behind the date: frontend backend/server times status bytes … "request" … */
static enum logged_kind read_proxy(struct arena *a, struct str rest, struct logged *l)
{
	struct str frontend = take_word(&rest), backend = take_word(&rest), server = backend;
	struct str times = take_word(&rest), status = take_word(&rest);
	bool tls = frontend.n && frontend.p[frontend.n - 1] == '~';
	ptrdiff_t quote = str_chr(rest, '"');
	uint64_t n = 0, slashes = 0;
	struct str request;
	char mark;

	for (size_t i = 0; i < times.n; i++)
		slashes += times.p[i] == '/';
	if (slashes != 4 || quote < 0)
		return slashes == 2 ? LOGGED_OTHER : LOGGED_NOT;
	rest = str_skip(rest, (size_t)quote);
	request = take_quoted(&rest);
	mark = str_starts(str_trim(rest), S("id=")) ? '\\' : '#';
	if (!request.p || !str_u64(status, 999, &n))
		return str_eq(status, S("-1")) ? LOGGED_OTHER : LOGGED_NOT;
	if (!take_request(a, l, request, mark))
		return LOGGED_OTHER;
	l->status = (uint32_t)n;
	l->ends = true;
	l->backend = arena_str(a, str_cut(&server, '/'));
	l->forwarded = server.n && !str_eq(server, S("-")) && server.p[0] != '<';
	if (!l->forwarded)
		l->backend = (struct str) { 0 };
	l->request.tls = tls;
	l->request.bind = arena_str(a, str_first(frontend, frontend.n - tls));
	return LOGGED_REQUEST;
}

/* ---- common and combined ---- */

static enum logged_kind read_common(struct arena *a, struct str rest, struct logged *l)
{
	struct str request, status, referer, agent;
	uint64_t n = 0;

	rest = str_trim(rest);
	request = take_quoted(&rest);
	status = take_word(&rest);
	if (!request.p || !str_u64(status, 999, &n))
		return LOGGED_NOT;
	if (!take_request(a, l, request, '\\'))
		return LOGGED_OTHER;
	l->status = (uint32_t)n;
	take_word(&rest);
	rest = str_trim(rest);
	referer = take_quoted(&rest);
	rest = str_trim(rest);
	agent = take_quoted(&rest);
	if (referer.p && agent.p) {
		know_header(a, l, "referer", unescaped(a, referer, '\\'));
		know_header(a, l, "user-agent", unescaped(a, agent, '\\'));
	}
	return LOGGED_REQUEST;
}

/* ---- Weir's JSON ---- */

/* What is in it is Latin-1 bytes written as characters. */
static struct str bytes_of(struct arena *a, struct str s)
{
	char *p = arena_get(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c == 0xc2 || c == 0xc3) && i + 1 < s.n)
			p[n++] = (char)((c & 3) << 6 | (s.p[++i] & 0x3f));
		else
			p[n++] = (char)c;
	}
	return str_of(p, n);
}

static enum logged_kind read_json(struct arena *a, struct str line, struct logged *l)
{
	const struct json *j = json_read(a, line);
	struct str host, dst;
	uint16_t port;

	if (!j || !json_get(j, "type"))
		return LOGGED_NOT;
	l->request.meth = json_text(j, "method");
	l->request.target = bytes_of(a, json_text(j, "target"));
	if (!str_eq(json_text(j, "type"), S("http")) || !l->request.meth.n || !l->request.target.n)
		return LOGGED_OTHER;
	l->request.version = str_eq(json_text(j, "protocol"), S("HTTP/1.0")) ? S("1.0") : S("1.1");
	l->request.bind = json_text(j, "frontend");
	take_client(l, json_text(j, "client"));
	dst = json_text(j, "listener");
	if (address_read(dst, &l->request.dst, &port) && port) {
		l->known.dst = true;
		l->request.has_dst = true;
		l->request.dst_port = port;
	}
	host = bytes_of(a, json_text(j, "host"));
	l->known.host = host.n > 0 || json_get(j, "host") != NULL;
	if (host.n)
		fields_add(a, &l->request.headers, S("Host"), host);
	l->status = (uint32_t)json_number(j, "status", 0);
	l->ends = json_get(j, "server") != NULL;
	l->forwarded = json_text(j, "server").n > 0;
	l->backend = l->forwarded ? json_text(j, "backend") : (struct str) { 0 };
	return LOGGED_REQUEST;
}

enum logged_kind logged_read(struct arena *a, struct str line, struct logged *out)
{
	ptrdiff_t date = str_find(line, S(" [")), json = str_find(line, S("{\"type\":"));
	enum logged_kind kind;
	struct str client, rest, first = line;
	uint16_t port = 0;
	struct p_net ip;

	*out = (struct logged) { 0 };
	request_init(&out->request);
	if (json >= 0 && (date < 0 || json < date)) {
		kind = read_json(a, str_skip(line, (size_t)json), out);
		finish(a, out);
		return kind;
	}
	if (date < 0)
		return LOGGED_NOT;
	client = last_word(str_first(line, (size_t)date));
	rest = str_skip(line, (size_t)date + 2);
	str_cut(&rest, ']');
	if (client_read(client, &ip, &port)) {
		take_client(out, client);
		kind = read_proxy(a, str_trim(rest), out);
	} else {
		take_client(out, str_cut(&first, ' '));
		kind = read_common(a, rest, out);
	}
	finish(a, out);
	return kind;
}
