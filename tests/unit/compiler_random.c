/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler_random.h"

#include "../../compiler/symbol.h"

static uint64_t seed;

void random_seed(uint64_t start)
{
	seed = start;
}

unsigned random_below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

#define PICK(list) ((list)[random_below(sizeof(list) / sizeof((list)[0]))])

/* Fields together: the universe of all four kinds would be too large. */
const unsigned random_mixes[RANDOM_MIXES] = {
	RANDOM_HOSTS | RANDOM_PATHS,   RANDOM_PATHS,  RANDOM_HOSTS | RANDOM_HEADERS,
	RANDOM_PATHS | RANDOM_HEADERS, RANDOM_OTHERS, RANDOM_HEADERS
};

/* ---- sites ---- */

static const char *const host_tests[] = { "host == a",      "host == b.a",    "host =* .a",
					  "host =* a",      "host =^ b",      "host =. a",
					  "host =~ \"^a\"", "host != a b",    "host =% a.b",
					  "H(host) == A",   "host =* \"a\"b", "host =~ \"a$|b$\"" };
static const char *const path_tests[] = {
	"path == /a",    "path =^ /a",         "path =^ \"/a\"b",     "path =* b",
	"path =/ a",     "path =% aa",         "path =~ \"^/a/?b$\"", "path != /a /b",
	"path !^ /a",    "path =~ \"b{2}\"",   "path =* \"b\"b",      "path == /",
	"len(path) > 3", "path =~ \"/(a|b)/\""
};
/* The target as received: not where an edit of the path makes a new one. */
static const char *const uri_tests[] = { "uri =^ /a", "URI == /b", "uri =* b", "uri !^ /b" };
static const char *const header_tests[] = { "h(x) == a",      "h(x) == b",   "h(x) =^ a",
					    "h(x)",           "h(x) != a",   "h(x) =* b",
					    "h(x) !~ \"^a\"", "h(x) == a b", "h(x) =% ab",
					    "len(h(x)) == 2" };
static const char *const other_tests[] = {
	"METH == GET",      "meth != get",        "METH == GET POST", "src == 10.0.0.0/30",
	"src == 10.0.0.2",  "src != 10.0.0.0/31", "c(k) == a",        "c(k)",
	"c(k) !% a",        "query == a",         "q(a) == b",        "query",
	"src_port < 50000", "var(v) == 1"
};
static const char *const edits[] = {
	"set host \"a\"", "set x \"a\"",        "add x \"b\"",       "rem x",
	"mapuri /a /b",   "mapuri /b/ /",       "set path \"/a/b\"", "set meth POST",
	"rem cookie",     "set cookie \"k=b\"", "setvar v 1",        "set query \"a=b\"",
	"mapuri /a /",    "setvar v \"2\""
};
/* The last one edits. */
static const char *const ends[] = { "deny",     "allow",           "setbe p",  "setbe q",
				    "switch r", "switch p",        "redir /x", "respond 200",
				    "set y z",  "uriremap /b q /a" };
static const char *const back_ends[] = { "deny", "allow", "set y z", "redir /x" };

const char *random_test(unsigned kinds, bool edited)
{
	for (;;) {
		unsigned k = random_below(4);

		if (!(kinds & 1u << k))
			continue;
		return k == 0   ? PICK(host_tests)
		       : k == 1 ? (!edited && random_below(4) == 0 ? PICK(uri_tests)
								   : PICK(path_tests))
		       : k == 2 ? PICK(header_tests)
				: PICK(other_tests);
	}
}

struct making {
	struct arena *a;
	struct textbuf b;
	unsigned kinds;
	bool writes;
};

static void put(struct making *k, const char *s)
{
	textbuf_put(k->a, &k->b, str_from(s));
}

static void put_condition(struct making *k)
{
	unsigned n = 1 + random_below(3);

	for (unsigned i = 0; i < n; i++) {
		put(k, i && random_below(4) == 0 ? ", " : " ");
		put(k, random_below(4) == 0 ? "!(" : "(");
		put(k, random_test(k->kinds, k->writes));
		put(k, ")");
	}
}

static void put_rule(struct making *k, const char *action)
{
	put(k, " req in ");
	put(k, action);
	if (random_below(12)) {
		put(k, " on");
		put_condition(k);
	}
	put(k, "\n");
}

static void put_front(struct making *k)
{
	put_rule(k, k->writes && random_below(3) == 0 ? PICK(edits)
						      : ends[random_below(k->writes ? 10 : 9)]);
}

static void put_back(struct making *k)
{
	put_rule(k, k->writes && random_below(3) == 0 ? PICK(edits) : PICK(back_ends));
}

struct str random_site(struct arena *a, unsigned kinds, bool writes)
{
	struct making k = { .a = a, .kinds = kinds, .writes = writes };
	unsigned n = 6 + random_below(10);

	put(&k, "frontend f\n bind :80\n");
	if (random_below(3))
		put(&k, " default_backend p\n");
	for (unsigned i = 0; i < n; i++)
		put_front(&k);
	put(&k, " req in switch r on (path == /never) (path == /ever)\n");
	put(&k, "reqrules r\n");
	for (unsigned i = 0; i < 3; i++) {
		if (i)
			put_back(&k);
		else
			put_rule(&k, PICK(back_ends));
	}
	put(&k, " req in setvar v 7 on (path == /x)\n req in setbe q\nbackend p\n server s "
		"10.0.0.1:80\n");
	for (unsigned i = 0; i < 4; i++)
		put_back(&k);
	put(&k, "backend q\n server s 10.0.0.1:80\n");
	for (unsigned i = 0; i < 3; i++)
		put_rule(&k, PICK(back_ends));
	return textbuf_str(&k.b);
}

struct str random_rule(struct arena *a, unsigned kinds, bool writes)
{
	struct making k = { .a = a, .kinds = kinds, .writes = writes };

	put_front(&k);
	return textbuf_str(&k.b);
}

struct str random_condition(struct arena *a, unsigned kinds)
{
	struct making k = { .a = a, .kinds = kinds };

	put_condition(&k);
	return textbuf_str(&k.b);
}

/* ---- requests ---- */

static const char *const hosts[] = { "a", "b", "A", "ab", "ba", "b.a", "a.b", "aa", "c", "" };
static const char *const paths[] = { "/",   "/a",     "/b",      "/aa",     "/ab",  "/ba",
				     "/bb", "/a/",    "/a/b",    "/a/a",    "/b/a", "/b/b",
				     "/b/", "//a",    "/%61",    "/abb",    "/aab", "/a/bb",
				     "/c",  "/a/b/a", "/a/../b", "/b/../a/" };
static const char *const headers[] = { NULL,    "",     "a",     "b",     "ab",   "ba",
				       "a\nb",  "b\na", "ab\nb", "a\nab", "a\na", "ba\nb",
				       "b\nba", "c",    "ac\nb", "bc" };
static const char *const cookies[] = { NULL, "k=a", "k=b", "k=b; k=a" };
static const char *const queries[] = { NULL, "a", "a=b", "a=b&a=c" };
static const char *const methods[] = { "GET", "POST", "PUT" };
static const char *const sources[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.1.0.1" };

struct visit {
	struct arena a;
	void (*see)(void *arg, const struct request_spec *r);
	void *arg;
};

#define FOR(i, list, use)                                                                          \
	for (size_t i = 0; i < ((use) ? sizeof(list) / sizeof((list)[0]) : 1); i++)

static void add_headers(struct arena *a, struct request_spec *r, const char *text)
{
	struct str rest = text ? str_from(text) : (struct str) { 0 };

	while (rest.p)
		fields_add(a, &r->headers, S("X"), str_cut(&rest, '\n'));
}

static void try_others(struct visit *t, struct request_spec r, bool use)
{
	FOR(c, cookies, use)
	FOR(q, queries, use)
	FOR(m, methods, use)
	FOR(s, sources, use)
	{
		struct request_spec x = r;
		uint16_t port;

		x.headers = (struct fields) { 0 };
		for (uint32_t i = 0; i < r.headers.n; i++)
			fields_add(&t->a, &x.headers, r.headers.at[i].name, r.headers.at[i].value);
		if (cookies[c])
			fields_add(&t->a, &x.headers, S("Cookie"), str_from(cookies[c]));
		if (queries[q])
			x.target = arena_printf(&t->a, "%.*s?%s", STR_ARG(r.target), queries[q]);
		x.meth = str_from(methods[m]);
		address_read(str_from(sources[s]), &x.src, &port);
		x.src_port = c & 1 ? 50000 : 1024;
		t->see(t->arg, &x);
	}
}

static void try_all(struct visit *t, unsigned kinds)
{
	FOR(h, hosts, kinds & 1)
	FOR(p, paths, kinds & 2)
	FOR(x, headers, kinds & 4)
	{
		struct request_spec r;

		request_init(&r);
		r.meth = S("GET");
		r.target = str_from(paths[p]);
		r.version = S("1.1");
		fields_add(&t->a, &r.headers, S("Host"), str_from(hosts[h]));
		add_headers(&t->a, &r, headers[x]);
		try_others(t, r, kinds & 8);
	}
}

void random_requests(unsigned kinds, void (*see)(void *arg, const struct request_spec *r),
		     void *arg)
{
	struct visit t = { .see = see, .arg = arg };

	try_all(&t, kinds);
	arena_free(&t.a);
}
