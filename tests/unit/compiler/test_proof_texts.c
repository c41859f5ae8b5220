/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs about fields that are parts of one text, and about computed choices, against brute force:
 * the request line in all forms of a target, Cookie headers beside their cookies, maps that name
 * sections. A rule that a request of a small universe hits is never called dead; one that is not
 * called dead has a request at which the interpreter sees it match (S24, S26, S32). */
#include <check.h>
#include <stdlib.h>

#include "../../../compiler/diag.h"
#include "../../../compiler/lower.h"
#include "../../../compiler/parse.h"
#include "../../../compiler/proof/proof.h"
#include "../../../compiler/symbol.h"
#include "../compiler_random.h"

Suite *proof_texts_suite(void);

#define SITES 40 /* with WEIR_SOAK sixty times as many */

static struct arena arena;

static const char *const tests[] = {
	"line =^ \"GET /\"",
	"line =~ \"^(GET|POST) /a\"",
	"line =~ \"HTTP/1\\.0$\"",
	"line =% \"http:\"",
	"line =~ \"^OPTIONS \\\\* \"",
	"uri =^ \"http://\"",
	"uri =^ \"http://h/\"",
	"uri == \"*\"",
	"uri =~ \":[0-9]+$\"",
	"uri =^ /a",
	"uri =% \"?\"",
	"path == /a",
	"path =^ /",
	"path == \"*\"",
	"host == h",
	"host == g",
	"METH == GET",
	"METH == CONNECT OPTIONS",
	"query == q",
	"query",
	"version == 1.0",
	"h(cookie) =% \"a=1\"",
	"h(cookie) =^ b",
	"h(cookie) =~ \"^a=1$\"",
	"h(cookie)",
	"c(a) == 1",
	"c(a) == 2",
	"c(a)",
	"c(b) == 2",
	"src == 10.0.0.0/8",
};
static const char *const actions[] = { "deny",        "set y z",
				       "setbe p",     "setbe q",
				       "allow",       "drop",
				       "redir /away", "setbe \"%{host|map(hosts)}\"",
				       "set y z",     "setbe \"%{src|map(nets, p)}\"" };
static const char *const keys[] = { "h", "g", ".h", "hh", "gh" };
static const char *const nets[] = { "10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "10.1.2.3" };

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define PICK(a) ((a)[random_below(COUNT(a))])

static void put_map(struct textbuf *b, const char *head, const char *const *from, unsigned n)
{
	static const char *const to[] = { "p", "q", "o" };
	unsigned first = random_below(n);

	textbuf_put(&arena, b, arena_printf(&arena, "map %s\n", head));
	for (unsigned i = 0; i < 1 + random_below(n); i++)
		textbuf_put(&arena, b,
			    arena_printf(&arena, "    %s %s\n", from[(first + i) % n], PICK(to)));
}

static void put_rules(struct textbuf *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		textbuf_put(&arena, b, arena_printf(&arena, "    req in %s on", PICK(actions)));
		for (unsigned k = 0; k <= random_below(3); k++)
			textbuf_put(&arena, b,
				    arena_printf(&arena, " %s(%s)", random_below(3) ? "" : "!",
						 PICK(tests)));
		textbuf_put(&arena, b, S("\n"));
	}
}

static struct str site(void)
{
	static const char *const ops[] = { "hosts", "hosts =*", "hosts =^", "hosts =~" };
	struct textbuf b = { 0 };

	put_map(&b, PICK(ops), keys, COUNT(keys));
	put_map(&b, "nets", nets, COUNT(nets));
	textbuf_put(&arena, &b, S("frontend f\n    bind 127.0.0.1:80\n"));
	put_rules(&b, 3 + random_below(6));
	textbuf_put(&arena, &b, S("    default_backend o\n"));
	for (const char *name = "opq"; *name; name++) {
		textbuf_put(&arena, &b,
			    arena_printf(&arena,
					 "backend %c\n    server s 127.0.0.1:90\n    req in "
					 "set y %c\n    req in deny on (%s) (%s)\n",
					 *name, *name, PICK(tests), PICK(tests)));
	}
	return textbuf_str(&b);
}

/* ---- all requests ---- */

struct tried {
	const struct program *p;
	bool *hit;
};

static void run(struct tried *t, const struct request_spec *r)
{
	struct arena a = { 0 };
	struct outcome *o = interp_run(&a, t->p, r, NULL);

	for (uint32_t i = 0; i < o->nrules; i++)
		if (o->rules[i].matched)
			t->hit[o->rules[i].rule->index] = true;
	arena_free(&a);
}

static void with_cookies(struct tried *t, struct request_spec *r)
{
	static const char *const all[][2] = { { NULL },       { "a=1" },        { "a=2" },
					      { "b=2; a=1" }, { "a=1", "b=2" }, { "a=1", "a=2" },
					      { "b; a = 1" } };
	uint32_t n = r->headers.n;

	for (size_t i = 0; i < COUNT(all); i++) {
		r->headers.n = n;
		for (size_t k = 0; k < 2 && all[i][k]; k++)
			fields_add(&arena, &r->headers, S("Cookie"), str_from(all[i][k]));
		run(t, r);
	}
	r->headers.n = n;
}

static void all_requests(struct tried *t)
{
	static const char *const lines[][3] = {
		{ "GET", "/a", "h" },
		{ "POST", "/a?q", "g" },
		{ "GET", "//a", "hh" },
		{ "GET", "/b?x", "gh" },
		{ "GET", "http://h/a", "h" },
		{ "POST", "http://g/b?q", "g" },
		{ "GET", "https://h", "h" },
		{ "OPTIONS", "*", "h" },
		{ "CONNECT", "h:443", "h:443" },
		{ "CONNECT", "g:80", "g:80" },
		{ "OPTIONS", "http://x.h/a", "x.h" },
		{ "GET", "/", "x.h:80" },
	};
	static const char *const from[] = { "10.0.0.1", "10.1.2.3", "10.1.0.1", "192.0.2.1" };

	for (size_t i = 0; i < COUNT(lines); i++)
		for (unsigned k = 0; k < 2 * COUNT(from); k++) {
			struct request_spec r;
			unsigned b[4];

			request_init(&r);
			r.meth = str_from(lines[i][0]);
			r.target = str_from(lines[i][1]);
			r.version = k % 2 ? S("1.0") : S("1.1");
			sscanf(from[k / 2], "%u.%u.%u.%u", &b[0], &b[1], &b[2], &b[3]);
			for (int n = 0; n < 4; n++)
				r.src.addr[12 + n] = (uint8_t)b[n];
			fields_add(&arena, &r.headers, S("Host"), str_from(lines[i][2]));
			with_cookies(t, &r);
		}
}

struct counts {
	unsigned rules, dead, undecided, unconfirmed;
};

static void check_site(struct counts *c)
{
	struct str text = site();
	struct tried t;
	struct proof *g;

	diag_reset();
	t.p = lower(&arena, parse_text(&arena, S("t.weir"), text));
	ck_assert_msg(t.p != NULL, "%.*s", STR_ARG(text));
	t.hit = ARENA_ARRAY(&arena, bool, t.p->nrules + 1);
	all_requests(&t);
	g = proof_new(&arena, t.p);
	for (uint32_t i = 0; i < t.p->nrules; i++) {
		const struct p_rule *rule = t.p->rules[i];
		struct reach r;

		proof_reaches(g, rule, true, &r);
		ck_assert_msg(r.answer != ANSWER_NO || !t.hit[i],
			      "%.*s\nline %u is called dead, but a request gets there",
			      STR_ARG(text), rule->place.line);
		c->rules++;
		c->dead += r.answer == ANSWER_NO;
		c->undecided += r.answer == ANSWER_LIMIT;
		c->unconfirmed += r.answer == ANSWER_YES && !r.confirmed;
		if (getenv("WEIR_SHOW") &&
		    (r.answer == ANSWER_LIMIT || (r.answer == ANSWER_YES && !r.confirmed)))
			fprintf(stderr, "%.*s\nline %u: %d\n", STR_ARG(text), rule->place.line,
				(int)r.answer);
	}
	proof_free(&g);
}

START_TEST(against_all_requests)
{
	struct counts c = { 0 };

	random_seed(0x510e527fade682d1);
	for (unsigned i = 0; i < SITES * (getenv("WEIR_SOAK") ? 60 : 1); i++) {
		check_site(&c);
		arena_free(&arena);
	}
	if (getenv("WEIR_SHOW"))
		fprintf(stderr, "rules %u dead %u undecided %u unconfirmed %u\n", c.rules, c.dead,
			c.undecided, c.unconfirmed);
	ck_assert_uint_gt(c.dead, c.rules / 20);
	/* A host in the target beside another test on the host; what a computed choice took before. */
	ck_assert_uint_le(c.undecided * 100, 5 * c.rules);
	ck_assert_uint_le(c.unconfirmed * 100, 5 * c.rules);
}
END_TEST

static void teardown(void)
{
	diag_reset();
	arena_free(&arena);
}

Suite *proof_texts_suite(void)
{
	Suite *s = suite_create("proof_texts");
	TCase *t = tcase_create("brute force");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, against_all_requests);
	suite_add_tcase(s, t);
	return s;
}
