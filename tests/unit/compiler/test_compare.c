/* SPDX-License-Identifier: Apache-2.0 */
/* S28: the classes of a comparison hold every request that two sites treat differently, and each
 * class has a request that shows it. */
#include "../../../compiler/compare/compare.h"

#include <check.h>
#include <stdlib.h>

#include "../../../compiler/diag.h"
#include "../../../compiler/symbol.h"
#include "../compiler_front.h"

Suite *compare_suite(void);

static struct arena arena;

static void setup(void)
{
	diag_reset();
}

static void teardown(void)
{
	arena_free(&arena);
}

#define TAIL                                                                                       \
	" default_backend app\n"                                                                   \
	"backend app\n server a 10.0.0.1:80\n"                                                     \
	"backend b1\n server a 10.0.0.1:80\n"                                                      \
	"backend b2\n server a 10.0.0.1:80\n"
#define F(rules) "frontend f\n bind :80\n" rules TAIL

/* Old, new, the classes that must come out in order of severity ("" none), how many rules changed
 * without effect. */
static const struct {
	const char *old, *new, *classes;
	unsigned idle;
} rows[] = {
	{ F(""), F(""), "", 0 },
	{ F("req in deny path == /a\n"), F(""), "exposure deny 403>backend app;", 0 },
	{ F(""), F("req in deny path == /a\n"), "outage backend app>deny 403;", 0 },
	{ F("req in deny path == /a\n"), F("req in deny 404 path == /a\n"),
	  "response deny 403>deny 404;", 0 },
	{ F("req in setbe b1 path == /a\n"), F("req in setbe b2 path == /a\n"),
	  "reroute backend b1>backend b2;", 0 },
	{ F("req in deny path =^ /a\n"), F("req in deny path =^ /a\nreq in deny path == /ab\n"), "",
	  1 },
	{ F("req in deny path == /a\nreq in deny path == /b\n"),
	  F("req in deny path == /b\nreq in deny path == /a\n"), "", 1 },
	{ F("req in deny path == /a /b\n"), F("req in deny path == /b /a\n"), "", 2 },
	{ F("req in deny on (path == /a) (host == x.com)\n"),
	  F("req in deny on (host == x.com) (path == /a)\n"), "", 2 },
	{ "acl a path == /1\n" F("req in deny on a\n"),
	  "acl a path == /1 /2\n" F("req in deny on a\n"), "outage backend app>deny 403;", 0 },
	{ F("req in setbe b1 path =^ /x\nreq in deny meth == POST\n"),
	  F("req in deny meth == POST\nreq in setbe b1 path =^ /x\n"), "", 1 },
	{ F("req in switch b1 path =^ /x\nreq in deny meth == POST\n"),
	  F("req in deny meth == POST\nreq in switch b1 path =^ /x\n"),
	  "outage backend b1>deny 403;", 0 },
	{ F("req in set x-a 1\n"), F("req in set x-a 2\n"), "rewrite set x-a \"1\">set x-a \"2\";",
	  0 },
	{ F("req in set host a.com path == /a\nreq in deny host == a.com\n"),
	  F("req in deny host == a.com\nreq in set host a.com path == /a\n"),
	  "exposure deny 403>backend app;", 0 },
	{ F("rsp out set x-a 1\n"), F(""), "response set x-a \"1\">nothing;", 0 },
	{ F("") " req in deny path == /z\n", F(""), "", 1 },
	{ F("req in setbe b2 path == /q\n") " req in deny path == /z\n",
	  F("req in setbe b2 path == /q\n"), "", 1 },
	{ "map m\n a 1\n" F("req in set x \"%{host|map(m)}\"\n"),
	  "map m\n a 2\n" F("req in set x \"%{host|map(m)}\" host == a\n"),
	  "rewrite set x \"%{host|map(m)}\">set x \"%{host|map(m)}\";"
	  "rewrite set x \"%{host|map(m)}\">nothing;",
	  0 },
	{ F("req in switch sub src_port < 9\nreq in setbe b2 path =^ /x\nreq in setbe b1 path =^ "
	    "/y\nreq in deny path =^ /\n") "reqrules sub\n req in allow path =^ /x\n",
	  F("req in switch sub src_port < 9\nreq in setbe b1 path =^ /y\nreq in setbe b2 path =^ "
	    "/x\nreq in deny path =^ /\n") "reqrules sub\n req in allow path =^ /x\n",
	  "", 1 },
	{ "checkpoint c\n key src\n rate 5 per 1s\n" F("req in pass c path == /a\n"),
	  "checkpoint c\n key src\n rate 5 per 1s\n" F("req in pass c path == /b\n"),
	  "rewrite pass c>nothing;rewrite nothing>pass c;", 0 },
	{ "checkpoint c\n key src\n rate 5 per 1s\n" F("req in pass c path == /a\n"),
	  "checkpoint c\n key src\n rate 5 per 1s\n" F("req in count c path == /a\n"),
	  "rewrite pass c>count c;", 0 },
	{ "checkpoint c\n key src\n rate 5 per 1s\n" F(
		  "req in deny path == /a\nreq in pass c path == /a\n"),
	  "checkpoint c\n key src\n rate 5 per 1s\n" F("req in deny path == /a\n"), "", 1 },
	{ "checkpoint c\n key src\n rate 5 per 1s\n" F("rsp out count c h(x) == /a\n"),
	  "checkpoint c\n key src\n rate 5 per 1s\n" F(""), "response count c>nothing;", 0 },
	{ F("req in setbe b1; deny 410 path == /a\n"), F("req in setbe b1; deny 411 path == /a\n"),
	  "response deny 410>deny 411;", 0 },
	{ F("req in setbe b2 path =^ /q\n") " req out deny path == /qz\n",
	  F("req in setbe b2 path =^ /q\n"), "exposure deny 403>backend b2;", 0 },
};

static struct str classes_of(const struct compare *c)
{
	struct str s = S("");

	for (uint32_t i = 0; i < c->nclasses; i++)
		s = arena_printf(&arena, "%.*s%s %.*s>%.*s;", STR_ARG(s),
				 compare_severities[c->classes[i].severity],
				 STR_ARG(*c->classes[i].was), STR_ARG(*c->classes[i].is));
	return s;
}

START_TEST(says_what_goes_where)
{
	struct compare c;
	struct str got;

	compare_programs(&c, &arena, front_program(&arena, str_from(rows[_i].old)),
			 front_program(&arena, str_from(rows[_i].new)));
	got = classes_of(&c);
	ck_assert_str_eq(got.p, rows[_i].classes);
	ck_assert_uint_eq(c.nopen, 0);
	ck_assert_uint_eq(c.fault.n, 0);
	ck_assert_msg(c.nidle == rows[_i].idle, "%u without effect, not %u", c.nidle,
		      rows[_i].idle);
}
END_TEST

/* ---- random sites ---- */

static uint64_t seed;

static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static const char *const paths[] = { "/", "/a", "/ab", "/a/b", "/b", "/b/a" };
static const char *const hosts[] = { "a", "b", "a.b", "b.a.b" };

static struct str random_test(void)
{
	static const char *const ops[] = { "==", "=^", "=*", "!=", "!^" };

	switch (roll(4)) {
	case 0:
		return arena_printf(&arena, "(host %s %s)", roll(2) ? "==" : "=*", hosts[roll(4)]);
	case 1:
		return arena_printf(&arena, "(meth == %s)", roll(2) ? "POST" : "PUT");
	case 2:
		return arena_printf(&arena, "(h(x) %s %s)", ops[roll(2)], hosts[roll(4)]);
	default:
		return arena_printf(&arena, "(path %s %s)", ops[roll(5)], paths[roll(6)]);
	}
}

static struct str random_rule(void)
{
	static const char *const actions[] = { "deny",      "deny 404", "setbe b1",   "setbe b2",
					       "switch b1", "allow",    "switch sub", "set host a",
					       "set x-y 1", "drop" };
	struct str s = arena_printf(&arena, "req in %s", actions[roll(10)]);

	if (roll(12))
		s = arena_printf(&arena, "%s on %s", s.p, random_test().p);
	if (str_chr(s, '(') >= 0 && roll(2))
		s = arena_printf(&arena, "%s %s", s.p, random_test().p);
	return s;
}

#define RULES 7
struct site {
	unsigned n, nsub;
	struct str rules[RULES + 3], sub[4];
};

static struct str text_of(const struct site *s)
{
	struct str t = S("frontend f\n bind :80\n");

	for (unsigned i = 0; i < s->n; i++)
		t = arena_printf(&arena, "%.*s %s\n", STR_ARG(t), s->rules[i].p);
	t = arena_printf(&arena, "%.*s" TAIL "reqrules sub\n", STR_ARG(t));
	for (unsigned i = 0; i < s->nsub; i++)
		if (str_find(s->sub[i], S("switch sub")) < 0)
			t = arena_printf(&arena, "%.*s %s\n", STR_ARG(t), s->sub[i].p);
	return t;
}

static void edit(struct site *s)
{
	unsigned i = roll(s->n), k = roll(s->n);
	struct str moved = s->rules[i];

	switch (roll(4)) {
	case 0:
		s->rules[i] = random_rule();
		break;
	case 1:
		s->rules[i] = s->rules[k];
		s->rules[k] = moved;
		break;
	case 2:
		s->sub[roll(s->nsub)] = random_rule();
		break;
	default:
		memmove(&s->rules[i], &s->rules[i + 1], (s->n - i - 1) * sizeof(*s->rules));
		if (--s->n == 0)
			s->n = 1;
		break;
	}
}

static bool same_backend(const struct outcome *x, const struct outcome *y)
{
	return !x->backend == !y->backend &&
	       (!x->backend || str_eq(x->backend->name, y->backend->name));
}

/* Is what happened to the request in one of the classes, or left open? */
static bool covered(const struct compare *c, const struct outcome *x, const struct outcome *y)
{
	for (uint32_t i = 0; i < c->nclasses; i++) {
		const struct outcome *o = c->classes[i].witness->old,
				     *n = c->classes[i].witness->new;

		if (o->verdict == x->verdict && n->verdict == y->verdict &&
		    (x->verdict != VERDICT_FORWARD || same_backend(o, x)) &&
		    (y->verdict != VERDICT_FORWARD || same_backend(n, y)))
			return true;
	}
	return c->nopen > 0;
}

static void sample(const struct compare *c, struct str old, struct str new)
{
	static const char *const methods[] = { "GET", "POST", "PUT" };

	for (unsigned i = 0; i < 3 * 6 * 4 * 5; i++) {
		struct request_spec q;
		struct outcome *x, *y;

		request_init(&q);
		q.meth = str_from(methods[i % 3]);
		q.target = str_from(paths[i / 3 % 6]);
		q.version = S("1.1");
		fields_add(&arena, &q.headers, S("Host"), str_from(hosts[i / 18 % 4]));
		if (i / 72 < 4)
			fields_add(&arena, &q.headers, S("X"), str_from(hosts[i / 72]));
		x = interp_run(&arena, c->old, &q, NULL);
		y = interp_run(&arena, c->new, &q, NULL);
		if (x->verdict == y->verdict && x->answer.status == y->answer.status &&
		    (x->verdict != VERDICT_FORWARD || same_backend(x, y)))
			continue;
		ck_assert_msg(covered(c, x, y), "%s %s Host %s: %s to %s is in no class\n%s\n%s",
			      q.meth.p, q.target.p, hosts[i / 18 % 4], verdict_names[x->verdict],
			      verdict_names[y->verdict], old.p, new.p);
	}
}

START_TEST(no_request_is_missed)
{
	struct site s = { .n = 3 + (unsigned)_i % (RULES - 2), .nsub = 3 };
	struct str old, new;
	struct compare c;

	seed = 77 + (uint64_t)_i;
	for (unsigned i = 0; i < s.n; i++)
		s.rules[i] = random_rule();
	for (unsigned i = 0; i < s.nsub; i++)
		s.sub[i] = random_rule();
	old = text_of(&s);
	for (unsigned n = 1 + roll(3); n; n--)
		edit(&s);
	new = text_of(&s);
	compare_programs(&c, &arena, front_program(&arena, old), front_program(&arena, new));
	ck_assert_msg(c.fault.n == 0, "%s\n%s\n%s", c.fault.p, old.p, new.p);
	for (uint32_t i = 0; i < c.nclasses; i++)
		ck_assert_ptr_nonnull(c.classes[i].witness);
	sample(&c, old, new);
	compare_programs(&c, &arena, c.old, c.old);
	ck_assert_msg(compare_equal(&c) && c.nidle == 0, "%s", old.p);
}
END_TEST

#define MAP(n) "req in mapuri /" n " / uri =% x" n " y" n "\n"
#define REWRITES                                                                                   \
	"req in rewrite \"^/(.*)x(.*)$\" \"/\\2y\\1\"\n"                                           \
	"req in rep x-a a b\n" MAP("1") MAP("2") MAP("3") MAP("4") MAP("5") MAP("6") MAP("7")      \
		MAP("8")

/* Behind writes of which nothing is known, equal rules are equal, and a changed acl or set is not. */
START_TEST(behind_writes)
{
	static const struct {
		const char *old, *new;
		bool equal;
	} sites[] = {
		{ F(REWRITES "req in deny uri =% q\nreq in setbe b1 h(x-a) == b\n"),
		  F(REWRITES "req in deny uri =% q\nreq in setbe b1 h(x-a) == b\n"), true },
		{ "acl odd uri =% q\n" F(REWRITES "req in deny on odd\n"),
		  "acl odd uri =% r\n" F(REWRITES "req in deny on odd\n"), false },
		{ "set odd\n value q\n" F(REWRITES "req in deny h(x-a) == set odd\n"),
		  "set odd\n value r\n" F(REWRITES "req in deny h(x-a) == set odd\n"), false },
		{ F("req in set x-a 1\n" REWRITES "req in deny h(x-a) == 1\n"),
		  F("req in set x-a 2\n" REWRITES "req in deny h(x-a) == 1\n"), false },
	};

	for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
		struct program *old = front_program(&arena, str_from(sites[i].old)),
			       *new = front_program(&arena, str_from(sites[i].new));
		struct compare c;

		compare_programs(&c, &arena, old, new);
		ck_assert_msg(compare_equal(&c) == sites[i].equal, "site %zu", i);
		ck_assert_msg(!sites[i].equal || c.queries == 0, "site %zu asks", i);
	}
}
END_TEST

/* ---- many rules ---- */

/* <n> rules that refuse texts in a field; rule <odd> has the action <action>. */
static struct program *refusing(unsigned n, const char *test, unsigned odd, const char *action)
{
	struct textbuf b = { 0 };

	textbuf_put(&arena, &b, S("frontend f\n bind :80\n"));
	for (unsigned i = 0; i < n; i++)
		textbuf_put(&arena, &b,
			    arena_printf(&arena, " req in %s on (%s%st%u-)\n",
					 i == odd ? action : "deny", test,
					 test[strlen(test) - 1] == '/' ? "" : " ", i));
	textbuf_put(&arena, &b, S(TAIL));
	return front_program(&arena, textbuf_str(&b));
}

/* A request may hold several of the texts: every rule behind the one that no longer lets it through
 * has a class of its own, and none before it. */
START_TEST(each_pair_has_its_class)
{
	const unsigned n = 300, odd = 100;
	struct compare c;

	compare_programs(&c, &arena, refusing(n, "h(x) =%", odd, "setbe b1"),
			 refusing(n, "h(x) =%", odd, "deny 404"));
	ck_assert_uint_eq(c.fault.n, 0);
	ck_assert_uint_eq(c.nopen, 0);
	ck_assert_uint_eq(c.nclasses, n - odd);
	for (uint32_t i = 0; i < c.nclasses; i++) {
		const struct compare_class *k = &c.classes[i];

		ck_assert_uint_eq(k->new->index, odd);
		ck_assert_uint_ge(k->old->index, odd);
		ck_assert_int_eq(k->severity, i ? CMP_RESPONSE : CMP_OUTAGE);
		ck_assert(k->witness->old->decided == k->old || !i);
		ck_assert(k->witness->new->decided == k->new);
	}
}
END_TEST

/* What has nothing to do with an edit costs no question, however many rules there are. */
START_TEST(questions_do_not_grow_with_the_rules)
{
	static const char *const tests[] = { "host ==", "host =*", "path =^ /", "PATH =~ ^/" };
	uint64_t queries[2];

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		for (int k = 0; k < 2; k++) {
			unsigned n = k ? 1000 : 50;
			struct compare c;

			compare_begin(&c, &arena, refusing(n, tests[i], 20, "setbe b1"),
				      refusing(n, tests[i], 20, "deny 404"));
			ck_assert_uint_eq(c.nclasses, 1);
			queries[k] = c.queries;
			compare_end(&c);
		}
		ck_assert_msg(queries[0] == queries[1] && queries[1] < 10, "%s: %lu, %lu", tests[i],
			      (unsigned long)queries[0], (unsigned long)queries[1]);
	}
}
END_TEST

Suite *compare_suite(void)
{
	Suite *s = suite_create("compare");
	TCase *t = tcase_create("compare");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, says_what_goes_where, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(t, no_request_is_missed, 0, 300);
	tcase_add_test(t, behind_writes);
	tcase_add_test(t, each_pair_has_its_class);
	tcase_add_test(t, questions_do_not_grow_with_the_rules);
	suite_add_tcase(s, t);
	return s;
}
