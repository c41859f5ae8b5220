/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include "../runtime/base/addr.h"

void fields_add(struct arena *a, struct fields *f, struct str name, struct str value)
{
	if (f->n == f->room) {
		struct field *new;

		f->room = f->room ? f->room * 2 : 8;
		new = ARENA_ARRAY(a, struct field, f->room);
		if (f->n)
			memcpy(new, f->at, f->n * sizeof(*new));
		f->at = new;
	}
	f->at[f->n++] = (struct field) { .name = name, .value = value };
}

/* ---- addresses ---- */

bool address_read(struct str text, struct p_net *ip, uint16_t *port)
{
	struct addr_conf c;

	*ip = (struct p_net) { .bits = 128 };
	*port = 0;
	if (addr_parse(text, &c) || c.addr.kind != AK_INET || c.any_host || c.port_offset ||
	    c.port_hi != c.addr.port || (c.has_port && !c.addr.port))
		return false;
	memcpy(ip->addr, c.addr.ip, 16);
	*port = c.addr.port;
	return true;
}

struct str address_text(struct arena *a, const struct p_net *ip)
{
	struct addr addr = { .kind = AK_INET };
	char text[ADDR_TEXT];

	memcpy(addr.ip, ip->addr, 16);
	return arena_str(a, str_of(text, addr_format_ip(&addr, text)));
}

/* ---- command line ---- */

void request_init(struct request_spec *r)
{
	uint16_t port;

	*r = (struct request_spec) { .meth = S("GET"),
				     .target = S("/"),
				     .version = S("1.1"),
				     .src_port = 50000,
				     .dst_port = 80 };
	address_read(S("127.0.0.1"), &r->src, &port);
	r->dst = r->src;
}

static const char *take_version(struct request_spec *r, struct str v)
{
	if (str_istarts(v, S("HTTP/")))
		v = str_skip(v, 5);
	if (str_eq(v, S("2")))
		v = S("2.0");
	if (!str_eq(v, S("1.0")) && !str_eq(v, S("1.1")) && !str_eq(v, S("2.0")))
		return "the version is none of 1.0, 1.1 and 2.0";
	r->version = v;
	return NULL;
}

static struct str word_cut(struct str *s)
{
	struct str rest = str_trim(*s), word = str_cut(&rest, ' ');

	*s = str_trim(rest);
	return word;
}

const char *request_line(struct request_spec *r, struct str text)
{
	r->meth = word_cut(&text);
	r->target = word_cut(&text);
	if (r->target.n == 0)
		return "a request is METHOD TARGET, as in \"GET /path\"";
	r->short_form = text.n == 0;
	return r->short_form ? NULL : take_version(r, text);
}

void request_finish(struct arena *a, struct request_spec *r)
{
	for (uint32_t i = 0; i < r->headers.n; i++)
		if (str_ieq(r->headers.at[i].name, S("host")))
			return;
	if (r->short_form)
		fields_add(a, &r->headers, S("Host"), S("localhost"));
}

static bool header_ok(struct str name, struct str value)
{
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == ':' || name.p[i] == 0x7f)
			return false;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == '\r' || value.p[i] == '\n' || value.p[i] == '\0')
			return false;
	return name.n > 0;
}

const char *request_header(struct arena *a, struct fields *f, struct str text)
{
	struct str value = text, name = str_cut(&value, ':');

	if (!value.p || !header_ok(name, value))
		return "a header is \"Name: value\"";
	fields_add(a, f, name, str_trim(value));
	return NULL;
}

const char *request_src(struct request_spec *r, struct str text)
{
	uint16_t port;

	if (!address_read(text, &r->src, &port))
		return "a source is an address, as 192.0.2.1 or [2001:db8::1]:4000";
	if (port)
		r->src_port = port;
	return NULL;
}

const char *request_dst(struct request_spec *r, struct str text)
{
	uint16_t port;

	if (!address_read(text, &r->dst, &port) || !port)
		return "a destination is an address with port, as 192.0.2.1:443";
	r->dst_port = port;
	r->has_dst = true;
	return NULL;
}

const char *request_response(struct request_spec *r, struct str text)
{
	struct str word = word_cut(&text);
	uint64_t n;

	if (!str_u64(word, 599, &n) || n < 200)
		return "a response is a status from 200 to 599, with or without a reason";
	r->answered = true;
	r->status = (uint16_t)n;
	r->reason = text;
	return NULL;
}

/* ---- test blocks ---- */

/* The word's value, or the next ones; empty and false when the line ends. */
static bool take(const struct ast_value **v, struct str *out)
{
	if (!*v)
		return false;
	*out = (*v)->text;
	*v = (*v)->next;
	return true;
}

static const char *take_header(struct arena *a, struct fields *f, const struct ast_value **v)
{
	struct str name, value;

	if (!take(v, &name) || !take(v, &value) || !header_ok(name, value))
		return "\"header\" takes a name and a value";
	fields_add(a, f, name, value);
	return NULL;
}

static const char *take_cert(struct arena *a, struct request_spec *r, const struct ast_value **v)
{
	static const struct str names[] = {
#define CERT_FIELD(id, name, doc) { name, sizeof(name) - 1 },
#include "../grammar/cert.def"
	};
	struct str name, value;

	if (!take(v, &name) || !take(v, &value))
		return "\"cert\" takes a field and its value";
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq(name, names[i])) {
			fields_add(a, &r->cert, name, value);
			return NULL;
		}
	return "this is no field that cert() reads";
}

static void set_host(struct arena *a, struct request_spec *r, struct str host)
{
	fields_add(a, &r->headers, S("Host"), host);
}

static const char *request_word(struct arena *a, struct request_spec *r, struct str word,
				const struct ast_value **v)
{
	struct str arg;

	if (str_eq(word, S("header")))
		return take_header(a, &r->headers, v);
	if (str_eq(word, S("cert"))) {
		r->tls = true;
		return take_cert(a, r, v);
	}
	if (str_eq(word, S("tls"))) {
		r->tls = true;
		return NULL;
	}
	if (!take(v, &arg))
		return "a word of the request has no value";
	if (str_eq(word, S("host")))
		set_host(a, r, arg);
	else if (str_eq(word, S("src")))
		return request_src(r, arg);
	else if (str_eq(word, S("dst")))
		return request_dst(r, arg);
	else if (str_eq(word, S("bind")))
		r->bind = arg;
	else if (str_eq(word, S("sni")))
		r->sni = arg;
	else if (str_eq(word, S("alpn")))
		r->alpn = arg;
	else if (str_eq(word, S("version"))) {
		r->short_form = false;
		return take_version(r, arg);
	} else
		return "a request line knows: version host header src dst bind tls sni alpn "
		       "cert";
	return NULL;
}

const char *request_words(struct arena *a, struct request_spec *r, const struct ast_value *words)
{
	const char *why = NULL;
	struct str word;

	request_init(r);
	r->short_form = true;
	if (!take(&words, &r->meth) || !take(&words, &r->target))
		return "a request is METHOD TARGET, as in GET \"/path\"";
	while (!why && take(&words, &word))
		why = request_word(a, r, word, &words);
	request_finish(a, r);
	return why;
}

const char *response_words(struct arena *a, struct request_spec *r, const struct ast_value *words)
{
	const char *why;
	struct str word;

	if (!take(&words, &word))
		return "a response begins with its status";
	why = request_response(r, word);
	while (!why && take(&words, &word))
		why = str_eq(word, S("header")) ? take_header(a, &r->response, &words)
						: "a response line knows: header";
	return why;
}

/* Values that each word takes: 0, 1, 2, or '?': a number may follow. */
static const struct {
	const char *word;
	char values;
} expects[] = {
	{ "backend", '1' }, { "uri", '1' },      { "host", '1' },     { "meth", '1' },
	{ "status", '1' },  { "location", '1' }, { "header", '2' },   { "response", '2' },
	{ "var", '2' },     { "capture", '2' },  { "noheader", '1' }, { "noresponse", '1' },
	{ "deny", '?' },    { "tarpit", '?' },   { "redir", '?' },    { "respond", '?' },
	{ "auth", '0' },    { "drop", '0' },
};

static char values_of(struct str word)
{
	for (size_t i = 0; i < sizeof(expects) / sizeof(expects[0]); i++)
		if (str_eq(word, str_from(expects[i].word)))
			return expects[i].values;
	return 0;
}

bool expect_knows(struct str word)
{
	return values_of(word) != 0;
}

static void expect_add(struct arena *a, struct expectations *e, struct expectation x)
{
	if (e->n == e->room) {
		struct expectation *new;

		e->room = e->room ? e->room * 2 : 8;
		new = ARENA_ARRAY(a, struct expectation, e->room);
		if (e->n)
			memcpy(new, e->at, e->n * sizeof(*new));
		e->at = new;
	}
	e->at[e->n++] = x;
}

const char *expect_words(struct arena *a, struct expectations *e, const struct ast_value *words)
{
	struct expectation x;
	uint64_t status;

	if (!words)
		return "\"expect\" says nothing";
	for (x = (struct expectation) { 0 }; take(&words, &x.word);
	     x = (struct expectation) { 0 }) {
		char values = values_of(x.word);

		if (!values)
			return "expect knows: backend uri host meth status location header "
			       "noheader response noresponse var capture deny tarpit redir respond "
			       "auth drop";
		if (values == '2' && !take(&words, &x.name))
			return "a word of the expectation has no name and value";
		x.has_value =
			values == '?' ? words && str_u64(words->text, 599, &status) : values != '0';
		if (x.has_value && !take(&words, &x.value))
			return "a word of the expectation has no value";
		expect_add(a, e, x);
	}
	return NULL;
}
