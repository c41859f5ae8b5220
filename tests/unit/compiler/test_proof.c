/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs against brute force: random dense sites over a small alphabet, every request of a small
 * universe through the interpreter. A rule that one of them hits is never called dead; a rule that
 * is not called dead has a witness at which the interpreter sees it match (S26, S28). */
#include "../../../compiler/proof/proof.h"

#include <check.h>
#include <stdlib.h>

#include "../../../compiler/diag_report.h"
#include "../../../compiler/expect.h"
#include "../../../compiler/lower.h"
#include "../../../compiler/parse.h"
#include "../../../compiler/query.h"
#include "../../../compiler/symbol.h"
#include "../compiler_front.h"
#include "../compiler_random.h"

Suite *proof_suite(void);

#define CONFIGS 125 /* with writes, and without; with WEIR_SOAK five times as many */
#define QUERIED 60 /* sites that are asked; with WEIR_SOAK ten times as many */

static struct arena arena;

struct tried {
	const struct program *p;
	bool *hit;
	void (*look)(void *arg, const struct request_spec *r,
		     const struct outcome *o); /* or NULL */
	void *arg;
};

static void try_one(void *arg, const struct request_spec *r)
{
	struct tried *t = arg;
	struct arena a = { 0 };
	struct outcome *o = interp_run(&a, t->p, r, NULL);

	for (uint32_t i = 0; i < o->nrules; i++)
		if (o->rules[i].matched)
			t->hit[o->rules[i].rule->index] = true;
	if (t->look)
		t->look(t->arg, r, o);
	arena_free(&a);
}

struct counts {
	unsigned rules, dead, undecided, unconfirmed;
};

static void show(struct str text, const struct p_rule *rule, const struct reach *r)
{
	struct str lines[20];
	unsigned n = r->answer == ANSWER_YES ? witness_lines(&arena, &r->witness, lines, 20) : 0;

	if (r->answer == ANSWER_NO || (r->answer == ANSWER_YES && r->confirmed))
		return;
	fprintf(stderr, "%.*s\n%s: line %u\n", STR_ARG(text),
		r->answer == ANSWER_LIMIT ? "undecided" : "unconfirmed", rule->place.line);
	for (unsigned i = 0; i < n; i++)
		fprintf(stderr, "  %.*s\n", STR_ARG(lines[i]));
}

static void check_site(struct str text, unsigned kinds, struct counts *c)
{
	struct tried t = { .p = front_program(&arena, text) };
	struct proof *g = proof_new(&arena, t.p);

	t.hit = ARENA_ARRAY(&arena, bool, t.p->nrules + 1);
	random_requests(kinds, try_one, &t);
	for (uint32_t i = 0; i < t.p->nrules; i++) {
		const struct p_rule *rule = t.p->rules[i];
		struct reach r;

		proof_reaches(g, rule, true, &r);
		if (r.answer == ANSWER_NO && t.hit[i])
			fprintf(stderr, "%.*s\n", STR_ARG(text));
		ck_assert_msg(r.answer != ANSWER_NO || !t.hit[i],
			      "line %u is called dead, but a request gets there", rule->place.line);
		c->rules++;
		c->dead += r.answer == ANSWER_NO;
		c->undecided += r.answer == ANSWER_LIMIT;
		c->unconfirmed += r.answer == ANSWER_YES && !r.confirmed;
		if (getenv("WEIR_SHOW"))
			show(text, rule, &r);
	}
	proof_free(&g);
}

static void sites(uint64_t start, bool writes)
{
	unsigned n = CONFIGS * (getenv("WEIR_SOAK") ? 5 : 1);
	struct counts c = { 0 };

	random_seed(start);
	for (unsigned i = 0; i < n; i++) {
		unsigned kinds = random_mixes[i % RANDOM_MIXES];

		check_site(random_site(&arena, kinds, writes), kinds, &c);
		arena_free(&arena);
	}
	if (getenv("WEIR_SHOW"))
		fprintf(stderr, "rules %u dead %u undecided %u unconfirmed %u\n", c.rules, c.dead,
			c.undecided, c.unconfirmed);
	ck_assert_msg(c.dead > c.rules / 20, "few dead rules: the sites are too thin");
	/* Opaque after a rewrite, or conditions too large to be written out. */
	ck_assert_msg(c.unconfirmed * 100 <= (writes ? 4 : 0) * c.rules, "%u unconfirmed",
		      c.unconfirmed);
	ck_assert_msg(c.undecided * 100 <= 5 * c.rules, "%u of %u undecided", c.undecided, c.rules);
}

START_TEST(without_writes)
{
	sites(0x9e3779b97f4a7c15, false);
}
END_TEST

START_TEST(with_writes)
{
	sites(0xda942042e4dd58b5, true);
}
END_TEST

/* ---- queries ---- */

static const char *const outcomes[] = { "backend p",
					"backend q",
					"deny",
					"allow",
					"redir",
					"respond 200",
					"status 403",
					"drop",
					"header y z",
					"noheader y",
					"section r",
					"section p",
					"header x a",
					"noheader x",
					"uri \"/a/b\"",
					"meth POST",
					"deny status 403",
					"backend q header y z",
					"host a header y z",
					"host b noheader x",
					"header x b meth POST",
					"uri \"/b\" header x a" };

/* A query, and whether some request of the small universe does what it asks for. */
struct brute {
	struct asking q;
	const struct program *p;
	bool found;
};

static bool in_section(const struct brute *b, const struct outcome *o)
{
	bool in = !b->q.section.n || (o->forwarded && str_eq(o->backend->name, b->q.section));

	for (uint32_t i = 0; i < o->nrules && !in; i++)
		in = str_eq(o->rules[i].section->name, b->q.section);
	return in;
}

static void look_at(void *arg, const struct request_spec *r, const struct outcome *o)
{
	struct brute *b = arg;
	struct arena a = { 0 };
	bool ok = (!b->q.allow || o->forwarded) && o->verdict != VERDICT_ERROR && in_section(b, o);

	for (uint32_t i = 0; i < b->q.expect.n && ok; i++)
		expect_look(&a, b->p, o, &b->q.expect.at[i], &ok);
	ok = ok &&
	     interp_holds(&a, b->p, r, NULL, b->p->asserts[b->p->nasserts - b->q.nhints - 1].cond);
	b->found |= ok;
	arena_free(&a);
}

/* What is called impossible no request of the universe does (S26). */
START_TEST(query_against_all)
{
	unsigned n = QUERIED * (getenv("WEIR_SOAK") ? 10 : 1), asked = 0, no = 0, open = 0;

	random_seed(0x2545f4914f6cdd1d);
	for (unsigned i = 0; i < n; i++) {
		unsigned kinds = random_mixes[i % RANDOM_MIXES];
		struct str text = random_site(&arena, kinds, i % 3 == 2);
		struct brute b = { .found = false };
		struct str query = arena_printf(
			&arena, "%s & outcome %s", random_test(kinds, i % 3 == 2),
			outcomes[random_below(sizeof(outcomes) / sizeof(outcomes[0]))]);
		struct query_report r = { .out = fopen("/dev/null", "w") };
		enum answer answer = ANSWER_YES;
		const char *why;
		struct ast *ast;
		struct tried t = { .look = look_at, .arg = &b };

		ck_assert_ptr_nonnull(r.out);
		diag_reset();
		ast = parse_text(&arena, S("t.weir"), text);
		ck_assert_msg(query_read(&b.q, &arena, ast, query, &why), "%.*s: %s",
			      STR_ARG(query), why);
		b.p = t.p = lower(&arena, ast);
		ck_assert_ptr_nonnull(t.p);
		t.hit = ARENA_ARRAY(&arena, bool, t.p->nrules + 1);
		random_requests(kinds, try_one, &t);
		ck_assert_ptr_null(query_ask(&b.q, t.p, &r, &answer));
		fclose(r.out);
		if (answer == ANSWER_NO && b.found)
			fprintf(stderr, "%.*s\n", STR_ARG(text));
		ck_assert_msg(answer != ANSWER_NO || !b.found, "%.*s: there is such a request",
			      STR_ARG(query));
		asked++;
		no += answer == ANSWER_NO;
		open += answer == ANSWER_LIMIT;
		arena_free(&arena);
	}
	if (getenv("WEIR_SHOW"))
		fprintf(stderr, "queries %u no %u open %u\n", asked, no, open);
	ck_assert_uint_ge(no, asked / 10);
	ck_assert_uint_le(open, asked / 6);
}
END_TEST

/* A computed choice may be any section; the rules of a listen's connections still run for its own
 * clients alone. */
START_TEST(connections_of_a_listen)
{
	const struct program *p = front_program(&arena, S("map routes\n"
					     "    a c\n"
					     "frontend http\n"
					     "    bind 127.0.0.1:80\n"
					     "    req in setbe %{host|map(routes)}\n"
					     "    default_backend c\n"
					     "listen raw\n"
					     "    bind 127.0.0.1:81\n"
					     "    conn in drop src_port < 1024\n"
					     "    server s 127.0.0.1:90\n"
					     "backend c\n"
					     "    server s 127.0.0.1:90\n"));
	unsigned n;

	proof_lint(&arena, p);
	diag_all(&n);
	ck_assert_uint_eq(n, 0);
}
END_TEST

/* Decided, and by the interpreter where a request is shown: each rule alone in its frontend. */
static const struct decided {
	const char *rule;
	enum answer answer;
} decided[] = {
	{ "req in deny 400 uri =~ \"[\\x80-\\xff]\"", ANSWER_NO },
	{ "req in deny 400 uri =% \"#\"", ANSWER_NO },
	{ "req in deny 414 path == \"/c\" on (len(uri) > 40)", ANSWER_YES },
	{ "req in deny 414 path == \"/c/d\" on (len(uri) > 40) !(query)", ANSWER_YES },
	{ "req in deny 414 on (len(uri) > 8000)", ANSWER_YES },
	{ "req in deny 414 path =^ \"/c\" on (len(path) > 9000)", ANSWER_YES },
	{ "req in deny 400 path == \"*\"", ANSWER_YES },
	{ "req in deny 400 on (count(h(cookie)) > 4)", ANSWER_YES },
	{ "req in deny 400 on (count(q(a)) > 1)", ANSWER_YES },
	{ "req in deny 400 path == \"/c\" on (uri =~ \"^/[a-c]{4}$\")", ANSWER_NO },
	{ "req in deny 400 path == \"/c\" on (uri =~ \"^/%6[0-24-9]$\")", ANSWER_NO },
	{ "req in deny 400 path == \"/c\" on (uri =~ \"^/(%6[0-9])/?$\")", ANSWER_YES },
};

START_TEST(alone)
{
	const struct decided *d = &decided[_i];
	const struct program *p = front_program(&arena, arena_printf(&arena,
							"frontend f\n"
							"    bind 127.0.0.1:80\n"
							"    %s\n"
							"    default_backend b\n"
							"backend b\n"
							"    server s 127.0.0.1:90\n",
							d->rule));
	struct proof *g = proof_new(&arena, p);
	struct reach r;
	unsigned n;

	proof_reaches(g, p->rules[0], true, &r);
	ck_assert_msg(r.answer == d->answer, "%s: %d", d->rule, (int)r.answer);
	ck_assert_msg(r.answer != ANSWER_YES || r.confirmed, "%s: not confirmed", d->rule);
	proof_free(&g);
	diag_reset();
	proof_lint(&arena, p);
	diag_all(&n);
	ck_assert_msg((n == 0) == (d->answer == ANSWER_YES), "%s: %u findings", d->rule, n);
}
END_TEST

/* A request leads to each rule, also to those on answers and behind a rewrite. */
START_TEST(shown)
{
	const struct program *p =
		front_program(&arena, S("frontend f\n"
			   "    bind 127.0.0.1:80\n"
			   "    req in reqline \"^VIEW (/[^ ]*)\" \"GET \\1\"\n"
			   "    req in deny 403 path =^ /x\n"
			   "    req in setbe c path =^ \"/c/\" on (METH == GET)\n"
			   "    default_backend b\n"
			   "    rsp out set X-F 1 h(x-f) == b on (src_port < 1024)\n"
			   "rsprules r\n"
			   "    rsp in set X-R 1 status == 200 404\n"
			   "backend b\n"
			   "    rsp in deny 503 status == 500:599\n"
			   "    rsp in switch r on !(status == 200)\n"
			   "    server s 127.0.0.1:90\n"
			   "backend c\n"
			   "    rsp in set X-C 1 h(x-c) == a\n"
			   "    server s 127.0.0.1:90\n"));
	struct proof *g = proof_new(&arena, p);

	ck_assert_uint_gt(p->nrules, 6);
	for (uint32_t i = 0; i < p->nrules; i++) {
		struct reach r;

		proof_reaches(g, p->rules[i], true, &r);
		ck_assert_msg(r.answer == ANSWER_YES && r.confirmed, "line %u: %d",
			      p->rules[i]->place.line, (int)r.answer);
	}
	proof_free(&g);
}
END_TEST

static void teardown(void)
{
	diag_reset();
	arena_free(&arena);
}

Suite *proof_suite(void)
{
	Suite *s = suite_create("proof");
	TCase *t = tcase_create("brute force");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, without_writes);
	tcase_add_test(t, with_writes);
	tcase_add_test(t, connections_of_a_listen);
	tcase_add_test(t, query_against_all);
	tcase_add_test(t, shown);
	tcase_add_loop_test(t, alone, 0, (int)(sizeof(decided) / sizeof(decided[0])));
	suite_add_tcase(s, t);
	return s;
}
