/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of the lint against brute force: random dense sites, every request of a small universe
 * through the interpreter. A rule that is called redundant changes nothing when its line goes, and
 * one that could go is found (S26). */
#include <check.h>
#include <stdlib.h>

#include "../../../compiler/compare/compare.h"
#include "../../../compiler/diag_report.h"
#include "../../../compiler/lower.h"
#include "../../../compiler/parse.h"
#include "../../../compiler/proof/proof.h"
#include "../../../compiler/show.h"
#include "../../../compiler/symbol.h"
#include "../compiler_front.h"
#include "../compiler_random.h"

Suite *findings_suite(void);

#define CONFIGS 18 /* of each kind; with WEIR_SOAK ten times as many */

static struct arena arena;

static struct str without_line(struct str text, uint32_t line)
{
	struct textbuf b = { 0 };

	for (uint32_t i = 1; text.p && text.n; i++) {
		struct str one = str_cut(&text, '\n');

		if (i != line)
			textbuf_put(&arena, &b, one);
		textbuf_byte(&arena, &b, '\n');
	}
	return textbuf_str(&b);
}

/* ---- the same? ---- */

static bool same_fields(const struct fields *x, const struct fields *y)
{
	bool same = x->n == y->n;

	for (uint32_t i = 0; same && i < x->n; i++)
		same = str_ieq(x->at[i].name, y->at[i].name) &&
		       str_eq(x->at[i].value, y->at[i].value);
	return same;
}

/* What the client gets, what a server gets, and who that is. */
static bool same_outcome(const struct outcome *x, const struct outcome *y)
{
	const struct interp_message *r = &x->request, *s = &y->request;
	const struct interp_answer *t = &x->answer, *u = &y->answer;

	if (x->verdict != y->verdict || x->forwarded != y->forwarded ||
	    !x->backend != !y->backend ||
	    (x->backend && !str_eq(x->backend->name, y->backend->name)))
		return false;
	if (x->forwarded && (!str_eq(r->meth, s->meth) || !str_eq(r->uri, s->uri) ||
			     !str_eq(r->host, s->host) || !same_fields(&r->headers, &s->headers)))
		return false;
	return t->present == u->present &&
	       (!t->present || (t->status == u->status && same_fields(&t->headers, &u->headers)));
}

struct versus {
	const struct program *x, *y;
	bool differs;
};

static void both(void *arg, const struct request_spec *r)
{
	struct versus *v = arg;
	struct arena a = { 0 };
	const struct interp_state st = { .brief = true };

	if (!v->differs)
		v->differs =
			!same_outcome(interp_run(&a, v->x, r, &st), interp_run(&a, v->y, r, &st));
	arena_free(&a);
}

/* ---- findings ---- */

/* Lines of the findings of <code>. */
static unsigned lines_of(enum diag_code code, uint32_t *lines, unsigned max)
{
	unsigned all, n = 0;
	const struct diag_report *at = diag_all(&all);

	for (unsigned i = 0; i < all && n < max; i++)
		if (at[i].code == code && !at[i].hidden)
			lines[n++] = at[i].at.line;
	return n;
}

static bool on_line(const uint32_t *lines, unsigned n, uint32_t line)
{
	for (unsigned i = 0; i < n; i++)
		if (lines[i] == line)
			return true;
	return false;
}

/* ---- W106 ---- */

/* Does every request that comes to <rule> come to the same further down, by the trace of the site
 * without it, before anything else is done to it? */
struct tracing {
	const struct program *with, *without;
	const struct p_rule *rule;
	const bool *dead; /* by line */
	bool taken, differs;
};

static struct str action_text(struct arena *a, const struct p_rule *r)
{
	struct show_buffer b;

	show_open(&b);
	for (uint32_t i = 0; i < r->nactions; i++)
		show_action(b.out, &r->actions[i]);
	return show_close(&b, a);
}

static bool chooses_only(const struct p_rule *r)
{
	return r->nactions == 1 && r->actions->id == ACT_SETBE;
}

/* The first rule behind the place of t->rule that does something, as its text; "": none does. */
static struct str next_of(const struct tracing *t, struct arena *a, const struct outcome *o)
{
	for (uint32_t i = 0; i < o->nrules; i++) {
		const struct p_rule *r = o->rules[i].rule;
		struct str text;

		if (!o->rules[i].matched || o->rules[i].dir != t->rule->dir ||
		    !str_eq(r->section->name, t->rule->section->name) ||
		    r->place.line < t->rule->place.line)
			continue;
		text = action_text(a, r);
		if (chooses_only(t->rule) &&
		    (str_starts(text, S("set ")) || str_starts(text, S("mapuri")) ||
		     str_starts(text, S("rem")) || str_starts(text, S("add")) ||
		     str_starts(text, S("setvar"))))
			continue;
		if (chooses_only(t->rule) && str_eq(text, S("allow")))
			return str_of("", 0);
		if (t->dead[r->place.line])
			return S("dead");
		return r->nactions == 1 ? text : S("several");
	}
	return str_of("", 0);
}

static bool does_it(const struct tracing *t, struct arena *a, struct str next)
{
	struct str own = action_text(a, t->rule), backend;

	if (str_eq(next, own))
		return true;
	if (!next.n) /* the outcomes tell whether the end of the list is the same */
		return !str_eq(own, S("switch r"));
	backend = own;
	str_cut(&backend, ' ');
	return chooses_only(t->rule) && str_starts(next, S("switch ")) && str_ends(next, backend) &&
	       !str_starts(next, S("switch r"));
}

static void trace_one(void *arg, const struct request_spec *r)
{
	struct tracing *t = arg;
	struct arena a = { 0 };
	const struct interp_state st = { .brief = true };
	struct outcome *x = interp_run(&a, t->with, r, &st), *y;
	bool taken = false;

	for (uint32_t i = 0; i < x->nrules; i++)
		taken |= x->rules[i].matched && x->rules[i].rule == t->rule;
	if (taken && !t->differs) {
		t->taken = true;
		y = interp_run(&a, t->without, r, &st);
		t->differs = !same_outcome(x, y) || !does_it(t, &a, next_of(t, &a, y));
	}
	arena_free(&a);
}

static bool plain_rule(const struct p_rule *r)
{
	enum action_id id = r->actions->id;

	return r->nactions == 1 && r->section->kind != SEC_BACKEND &&
	       (id == ACT_DENY || id == ACT_REDIR || id == ACT_RESPOND || id == ACT_ALLOW ||
		id == ACT_SETBE || id == ACT_SWITCH);
}

struct counts {
	unsigned rules, found, missed, open, idle;
};

#define LINES 100

/* Rules that do nothing can go. */
static void check_idle(struct str text, unsigned kinds, const struct program *p, struct counts *c)
{
	static const enum diag_code codes[] = { W101, W105, W111, W112 };
	uint32_t found[LINES];
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		unsigned more = lines_of(codes[i], found + n, LINES - n);

		n += more;
		c->idle += codes[i] == W111 || codes[i] == W112 ? more : 0;
	}
	for (unsigned i = 0; i < n; i++) {
		struct versus v = { .x = p };

		diag_reset();
		v.y = lower(&arena, parse_text(&arena, S("t.weir"), without_line(text, found[i])));
		if (!v.y)
			continue; /* nothing else sets the variable */
		random_requests(kinds, both, &v);
		if (v.differs)
			fprintf(stderr, "%.*s\n", STR_ARG(text));
		ck_assert_msg(!v.differs, "without line %u something changes", found[i]);
	}
}

static void check_redundant(struct str text, unsigned kinds, struct counts *c)
{
	const struct program *p = front_program(&arena, text);
	uint32_t found[LINES], dead[LINES], weak[LINES], open[LINES];
	unsigned nfound, ndead, nweak, nopen;
	bool dead_line[LINES] = { false };

	proof_lint(&arena, p);
	nfound = lines_of(W106, found, LINES);
	ndead = lines_of(W101, dead, LINES);
	ndead += lines_of(W102, dead + ndead, LINES - ndead);
	ndead += lines_of(W105, dead + ndead, LINES - ndead);
	ndead += lines_of(W117, dead + ndead, LINES - ndead);
	nweak = lines_of(W119, weak, LINES);
	nopen = lines_of(N901, open, LINES);
	for (unsigned i = 0; i < ndead; i++)
		dead_line[dead[i]] = true;
	c->open += nopen;
	check_idle(text, kinds, p, c);
	for (uint32_t i = 0; i < p->nrules; i++) {
		const struct p_rule *rule = p->rules[i];
		uint32_t line = rule->place.line;
		struct tracing t = { .with = p, .rule = rule, .dead = dead_line };
		struct compare cmp;

		c->rules++;
		if (on_line(found, nfound, line)) {
			struct versus v = { .x = p, .y = front_program(&arena, without_line(text, line)) };

			c->found++;
			random_requests(kinds, both, &v);
			if (v.differs)
				fprintf(stderr, "%.*s\n", STR_ARG(text));
			ck_assert_msg(!v.differs, "line %u is not redundant", line);
			continue;
		}
		if (!plain_rule(rule) || on_line(dead, ndead, line) || on_line(weak, nweak, line) ||
		    on_line(open, nopen, line))
			continue;
		t.without = front_program(&arena, without_line(text, line));
		random_requests(kinds, trace_one, &t);
		if (!t.taken || t.differs)
			continue;
		compare_programs(&cmp, &arena, p, t.without);
		if (!compare_equal(&cmp))
			continue; /* a request outside the universe tells them apart */
		c->missed++;
		if (getenv("WEIR_SHOW"))
			fprintf(stderr, "%.*s\nmissed: line %u\n", STR_ARG(text), line);
	}
}

static void redundant_sites(uint64_t start, bool writes)
{
	unsigned n = CONFIGS * (getenv("WEIR_SOAK") ? 10 : 1);
	struct counts c = { 0 };

	random_seed(start);
	for (unsigned i = 0; i < n; i++) {
		unsigned kinds = random_mixes[i % RANDOM_MIXES];

		check_redundant(random_site(&arena, kinds, writes), kinds, &c);
		diag_reset();
		arena_free(&arena);
	}
	if (getenv("WEIR_SHOW"))
		fprintf(stderr, "rules %u redundant %u missed %u undecided %u idle %u\n", c.rules,
			c.found, c.missed, c.open, c.idle);
	ck_assert_msg(!writes || c.idle > c.rules / 250, "few idle writes: %u", c.idle);
	ck_assert_msg(c.found > c.rules / 100, "few redundant rules: the sites are too thin");
	/* What only a request outside the universe tells, and the comparison does not count. */
	ck_assert_msg(c.missed * 12 <= c.found, "%u missed", c.missed);
}

START_TEST(redundant)
{
	redundant_sites(0x2545f4914f6cdd1d, false);
}
END_TEST

START_TEST(redundant_with_writes)
{
	redundant_sites(0x9e6c63d0876a9a47, true);
}
END_TEST

/* ---- W113 ---- */

struct following {
	const struct program *p;
	const uint32_t *found;
	unsigned nfound;
	unsigned loops;
	uint32_t missed; /* line, or 0 */
};

static bool reads_port(const struct p_rule *r)
{
	struct arena a = { 0 };
	struct show_buffer b;
	bool yes;

	show_open(&b);
	show_rule(b.out, r);
	yes = str_find(show_close(&b, &a), S("src_port")) >= 0;
	arena_free(&a);
	return yes;
}

/* Goes where the redirect sends a client: twice by the same rule is for ever. */
static void follow_one(void *arg, const struct request_spec *r)
{
	struct following *f = arg;
	struct arena a = { 0 };
	const struct interp_state st = { .brief = true };
	struct request_spec next = *r;
	struct outcome *o = interp_run(&a, f->p, r, &st);

	if (o->verdict == VERDICT_REDIR && !f->missed) {
		next.target = S("/x");
		if (str_eq(next.meth, S("POST")))
			next.meth = S("GET");
		o = interp_run(&a, f->p, &next, &st);
		if (o->verdict == VERDICT_REDIR && !reads_port(o->decided)) {
			f->loops++;
			if (!on_line(f->found, f->nfound, o->decided->place.line))
				f->missed = o->decided->place.line;
		}
	}
	arena_free(&a);
}

/* Each redirect of a site that a request of the universe comes to twice is found. */
START_TEST(redirects)
{
	unsigned n = CONFIGS * (getenv("WEIR_SOAK") ? 10 : 1), loops = 0, reported = 0;

	random_seed(0x6a09e667f3bcc909);
	for (unsigned i = 0; i < n; i++) {
		unsigned kinds = random_mixes[i % RANDOM_MIXES];
		struct str text = random_site(&arena, kinds, i % 2);
		uint32_t found[LINES];
		struct following f = { .p = front_program(&arena, text), .found = found };

		proof_lint(&arena, f.p);
		f.nfound = lines_of(W113, found, LINES);
		random_requests(kinds, follow_one, &f);
		if (f.missed)
			fprintf(stderr, "%.*s\n", STR_ARG(text));
		ck_assert_msg(!f.missed, "the loop of line %u is not found", f.missed);
		loops += f.loops;
		reported += f.nfound;
		diag_reset();
		arena_free(&arena);
	}
	ck_assert_uint_gt(loops, n);
	ck_assert_uint_gt(reported, n / 10);
}
END_TEST

static void teardown(void)
{
	diag_reset();
	arena_free(&arena);
}

Suite *findings_suite(void)
{
	Suite *s = suite_create("findings");
	TCase *t = tcase_create("brute force");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, redundant);
	tcase_add_test(t, redundant_with_writes);
	tcase_add_test(t, redirects);
	suite_add_tcase(s, t);
	return s;
}
