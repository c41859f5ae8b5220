/* SPDX-License-Identifier: Apache-2.0 */
/* Mutation: one defect of each kind is put at a random place of random sites and of the sites of
 * tests/sites; the finding must name the line and the code (S26). Rules that the defect is made of
 * are taken from the site; whether the new line is reached is asked of the proofs before. */
#include <check.h>
#include <dirent.h>
#include <stdlib.h>

#include "../../../compiler/compare/compare.h"
#include "../../../compiler/diag.h"
#include "../../../compiler/diag_report.h"
#include "../../../compiler/fmt.h"
#include "../../../compiler/lint.h"
#include "../../../compiler/lower.h"
#include "../../../compiler/parse.h"
#include "../../../compiler/proof/proof.h"
#include "../../../compiler/source.h"
#include "../../../compiler/symbol.h"
#include "../compiler_random.h"

Suite *planted_suite(void);

#define SITES_DIR "../sites"
#define STDLIB_DIR "../../stdlib"
#define SITES_MAX 64

static struct arena arena;

/* ---- sites ---- */

struct host {
	char path[128]; /* of a file; empty: a random site */
	struct str text;
};

static struct str overlay_path, overlay_text;

static bool overlay(struct str path, struct str *text)
{
	if (!str_eq(path, overlay_path))
		return false;
	*text = overlay_text;
	return true;
}

/* The program of <text> in place of the site's own; NULL: it has errors. */
static struct program *compiled(const struct host *h, struct str text, struct ast **ast)
{
	diag_reset();
	if (!h->path[0]) {
		*ast = parse_text(&arena, S("t.weir"), text);
		return lower(&arena, *ast);
	}
	overlay_path = str_from(h->path);
	overlay_text = text;
	source_overlay(overlay);
	*ast = parse_site(&arena, h->path, STDLIB_DIR);
	source_overlay(NULL);
	return lower(&arena, *ast);
}

static struct str file_text(const char *path)
{
	struct textbuf b = { 0 };
	FILE *f = fopen(path, "r");
	int c;

	ck_assert_ptr_nonnull(f);
	while ((c = fgetc(f)) != EOF)
		textbuf_byte(&arena, &b, (char)c);
	fclose(f);
	return textbuf_str(&b);
}

/* ---- lines ---- */

static struct str line_at(struct str text, uint32_t line)
{
	struct str one = { 0 };

	for (uint32_t i = 0; i < line && text.p; i++)
		one = str_cut(&text, '\n');
	return one;
}

static struct str insert(struct str text, uint32_t before, struct str lines)
{
	struct textbuf b = { 0 };

	for (uint32_t i = 1; (text.p && text.n) || i == before; i++) {
		struct str one;

		if (i == before)
			textbuf_put(&arena, &b, lines);
		if (!text.p || !text.n)
			break;
		one = str_cut(&text, '\n');
		textbuf_put(&arena, &b, one);
		textbuf_byte(&arena, &b, '\n');
	}
	return textbuf_str(&b);
}

static const struct p_rule *rule_on(const struct program *p, uint32_t line)
{
	const struct p_rule *found = NULL;

	for (uint32_t i = 0; i < p->nrules; i++)
		if (p->rules[i]->place.file == 0 && p->rules[i]->place.line == line) {
			if (found)
				return NULL;
			found = p->rules[i];
		}
	return found;
}

static bool reached(const struct program *p, uint32_t line)
{
	const struct p_rule *r = rule_on(p, line);
	struct proof *g;
	struct reach got;

	if (!r)
		return false;
	g = proof_new(&arena, p);
	proof_reaches(g, r, false, &got);
	proof_free(&g);
	return got.answer == ANSWER_YES;
}

/* False: what has been written before is beyond the proofs. */
static bool decided(const struct program *p, uint32_t line)
{
	struct proof *g = proof_new(&arena, p);
	struct reach got;

	proof_reaches(g, rule_on(p, line), true, &got);
	proof_free(&g);
	return got.answer == ANSWER_NO || (got.answer == ANSWER_YES && got.confirmed);
}

/* Lines with one rule on requests in a section that only the site file has. */
static uint32_t some_rule(const struct program *p, struct str text)
{
	for (unsigned tries = 0; tries < 50; tries++) {
		const struct p_rule *r = p->rules[random_below(p->nrules)];
		struct str line;

		if (r->place.file != 0 || r->dir != DIR_REQ_IN ||
		    r->section->front_mode == MODE_TCP || r->section->back_mode == MODE_TCP ||
		    !rule_on(p, r->place.line))
			continue;
		line = line_at(text, r->place.line);
		if (str_find(line, S("\\")) < 0 && str_find(line, S("#")) < 0 &&
		    str_find(line, S("unless")) < 0 && str_find(line, S(",")) < 0)
			return r->place.line;
	}
	return 0;
}

/* The rule of <line> with one more test. */
static struct str narrowed(struct str line, const char *test)
{
	return arena_printf(&arena, "%.*s%s (%s)\n", STR_ARG(line),
			    str_find(line, S(" on ")) < 0 ? " on" : "", test);
}

static bool ends_its_list(const struct p_rule *r)
{
	enum action_id id = r->actions->id;

	return r->nactions == 1 && !r->capturing &&
	       (id == ACT_DENY || id == ACT_REDIR || id == ACT_RESPOND);
}

/* ---- defects ---- */

struct planted {
	struct str text;
	uint32_t line; /* of the finding */
	uint32_t needs[2]; /* lines that must be reached, or 0 */
	const char *target; /* a request for it must end at <line>, or NULL */
	const char *host; /* of that request; NULL: localhost */
	const char *passes, *passes_host; /* means the same, and must get to a server; or NULL */
	enum diag_code code, other, third; /* one of them is told */
};

static const char *const extras[] = { "METH == GET", "src == 10.0.0.0/8", "h(x-plant) == 1",
				      "query" };

static bool plant_dead(const struct program *p, struct str text, uint32_t line, struct planted *out)
{
	if (!ends_its_list(rule_on(p, line)))
		return false;
	out->text = insert(text, line + 1, narrowed(line_at(text, line), extras[random_below(4)]));
	out->needs[0] = line;
	out->line = line + 1;
	out->code = W101;
	out->other = W102; /* the rule's own condition excludes the test, */
	out->third = W117; /* or what leads there */
	return true;
}

static bool plant_contradiction(const struct program *p, struct str text, uint32_t line,
				struct planted *out)
{
	static const char *const never[] = {
		"(path == /p1) (path == /p2)",     "(host == p1) !(host =^ p)",
		"(METH == GET) (METH == POST)",    "(path =~ \"^/p[0-9]$\") (path =* x)",
		"!(h(x-plant)) (h(x-plant) == 1)", "(src == 10.1.0.0/16) !(src == 10.0.0.0/8)"
	};

	(void)p;
	out->text = insert(text, line,
			   arena_printf(&arena, "    req in deny on %s\n", never[random_below(6)]));
	out->needs[0] = line + 1;
	out->line = line;
	out->code = out->other = W102;
	return true;
}

static bool plant_redundant(const struct program *p, struct str text, uint32_t line,
			    struct planted *out)
{
	if (!ends_its_list(rule_on(p, line)))
		return false;
	out->text = insert(text, line, narrowed(line_at(text, line), extras[random_below(4)]));
	out->needs[0] = line;
	out->needs[1] = line + 1;
	out->line = line;
	out->code = out->other = W106;
	return true;
}

static bool plant_idle_test(const struct program *p, struct str text, uint32_t line,
			    struct planted *out)
{
	static const char *const twice[] = { "(path == /p/q) (path =^ /p/)",
					     "(host == a.plant) (host =* .plant)",
					     "(METH == POST) !(METH == GET)",
					     "(src == 10.1.0.0/16) (src == 10.0.0.0/8)" };

	(void)p;
	out->text = insert(
		text, line,
		arena_printf(&arena, "    req in set x-plant 1 on %s\n", twice[random_below(4)]));
	out->needs[0] = line;
	out->line = line;
	out->code = out->other = W107;
	return true;
}

static bool plant_dead_write(const struct program *p, struct str text, uint32_t line,
			     struct planted *out)
{
	static const char *const pairs[][2] = { { "set x-plant 1 on (METH == GET)", "rem x-plant" },
						{ "add x-plant 1", "set x-plant 2" },
						{ "set x-plant 1 on (path =^ /p/q)",
						  "set x-plant 2 on (path =^ /p)" } };
	unsigned which = random_below(3);

	(void)p;
	out->text = insert(text, line,
			   arena_printf(&arena, "    req in %s\n    req in %s\n", pairs[which][0],
					pairs[which][1]));
	out->needs[0] = line;
	out->line = line;
	out->code = out->other = W111;
	return true;
}

static bool plant_idle_write(const struct program *p, struct str text, uint32_t line,
			     struct planted *out)
{
	static const char *const writes[] = { "mapuri /p1 /p2 on (path =^ /p3)",
					      "set meth GET on (METH == GET)",
					      "rep x-plant \"\\x01\" y" };

	unsigned which = random_below(3);

	(void)p;
	if (which == 2 && str_find(text, S(" delete ")) >= 0)
		return false; /* behind it nothing is known of headers */
	out->text = insert(text, line, arena_printf(&arena, "    req in %s\n", writes[which]));
	out->needs[0] = line;
	out->line = line;
	out->code = out->other = W112;
	return true;
}

static bool plant_loop(const struct program *p, struct str text, uint32_t line, struct planted *out)
{
	static const char *const loops[][2] = { { "/plant/", "redir /plant/ on (path =^ /plant)" },
						{ "/plant/x?y",
						  "redir 307 /plant/x?y on (path =/ plant)" },
						{ "/plant", "redir 301 /plant on !(h(x-plant))" } };
	unsigned which = random_below(3);

	(void)p;
	out->text = insert(text, line, arena_printf(&arena, "    req in %s\n", loops[which][1]));
	out->target = loops[which][0];
	out->needs[0] = line;
	out->line = line;
	out->code = out->other = W113;
	return true;
}

/* Rules of different places test the same acl twice under two names. */
static bool plant_twin(const struct program *p, struct str text, uint32_t line, struct planted *out)
{
	static const char *const twins[][2] = {
		{ "path =^ /p", "path =~ \"^/p\"" },
		{ "host == a.plant b.plant", "host =~ \"^[ab]\\.plant$\"" },
		{ "on (METH == GET) (path == /p)", "on !(!(path == /p), !(METH == GET))" }
	};
	unsigned which = random_below(3);
	struct str first = line_at(text, 1);
	uint32_t top = str_starts(first, S("weir ")) ? 2 : 1;

	(void)p;
	text = insert(
		text, line,
		S("    req in set x-plant 1 on plant-a\n    req in set x-plant2 1 on plant-b\n"));
	out->text = insert(text, top,
			   arena_printf(&arena, "acl plant-a %s\nacl plant-b %s\n", twins[which][0],
					twins[which][1]));
	out->line = top + 1;
	out->code = out->other = W109;
	return true;
}

static bool plant_stale(const struct program *p, struct str text, uint32_t line,
			struct planted *out)
{
	(void)p;
	out->text = insert(text, line,
			   S("    req in set host new.plant on (host == old.plant)\n"
			     "    req in set x-plant 1 on (host == old.plant)\n"));
	out->needs[0] = line;
	out->line = line + 1;
	out->code = W118;
	out->other = W117; /* nothing else gets there */
	return true;
}

/* A refusal that looks at how the target or the host is spelled, and a request that means the same as
 * one that it refuses and is spelled otherwise. */
static bool plant_bypass(const struct program *p, struct str text, uint32_t line,
			 struct planted *out)
{
	static const struct {
		const char *rule, *target, *host, *passes, *passes_host;
	} ways[] = {
		{ "deny uri =^ /plant/", "/plant/a", NULL, "/%70lant/a", NULL },
		{ "deny uri == /plant", "/plant", NULL, "/plant?", NULL },
		{ "deny uri =~ \"^/plant(/|$)\"", "/plant", NULL, "//plant", NULL },
		{ "drop uri =^ /plant", "/plant", NULL, "/./plant", NULL },
		{ "respond 404 uri =% /plant", "/plant", NULL, "/pl%61nt", NULL },
		{ "deny h(host) == a.plant", "/", "a.plant", NULL, "a.plant:80" },
		{ "deny h(host) =~ \"^a[.]plant$\"", "/", "a.plant", NULL, "a.plant." },
		{ "deny URI =^ /plant", "/plant", NULL, "http://localhost/plant", NULL },
	};
	unsigned which = random_below(sizeof(ways) / sizeof(*ways));

	(void)p;
	out->text = insert(text, line, arena_printf(&arena, "    req in %s\n", ways[which].rule));
	out->target = ways[which].target;
	out->host = ways[which].host;
	out->passes = ways[which].passes ? ways[which].passes : ways[which].target;
	out->passes_host = ways[which].passes_host;
	out->needs[0] = line;
	out->line = line;
	out->code = out->other = S305;
	return true;
}

static const struct {
	const char *name;
	bool (*plant)(const struct program *p, struct str text, uint32_t line, struct planted *out);
} kinds[] = { { "dead rule", plant_dead },
	      { "contradiction", plant_contradiction },
	      { "redundant rule", plant_redundant },
	      { "redundant test", plant_idle_test },
	      { "dead write", plant_dead_write },
	      { "idle write", plant_idle_write },
	      { "redirect loop", plant_loop },
	      { "acl twice", plant_twin },
	      { "test behind a rewrite", plant_stale },
	      { "refusal that a spelling passes", plant_bypass } };

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- looking ---- */

/* OPEN: what is not decided, and is said to be. */
enum look { MISSED, OPEN, FOUND };

static enum look look(const struct planted *x)
{
	bool open = false;
	unsigned n;
	const struct diag_report *all = diag_all(&n);

	for (unsigned i = 0; i < n; i++)
		if (all[i].at.file == 0 && all[i].at.line == x->line) {
			if (all[i].code == x->code || all[i].code == x->other ||
			    all[i].code == x->third)
				return FOUND;
			open |= all[i].code == N901;
		}
	return open ? OPEN : MISSED;
}

/* Is an earlier rule without a condition in the way? W105 says so then, and nothing else. */
static bool behind_end(uint32_t line)
{
	unsigned n;
	const struct diag_report *all = diag_all(&n);

	for (unsigned i = 0; i < n; i++)
		if (all[i].code == W105 && all[i].at.line >= line)
			return true;
	return false;
}

static const struct outcome *asked(const struct program *p, const char *target, const char *host)
{
	struct request_spec r;

	request_init(&r);
	r.meth = S("GET");
	r.target = str_from(target);
	r.version = S("1.1");
	fields_add(&arena, &r.headers, S("Host"), str_from(host ? host : "localhost"));
	return interp_run(&arena, p, &r, NULL);
}

/* Does the request that is to be refused end at the planted line, and does the other one pass? */
static bool is_so(const struct program *p, const struct planted *x)
{
	const struct outcome *o = asked(p, x->target, x->host);

	return o->decided && o->decided->place.file == 0 && o->decided->place.line == x->line &&
	       (!x->passes || asked(p, x->passes, x->passes_host)->forwarded);
}

struct counts {
	unsigned planted, open;
};

static void try_kind(const struct host *h, size_t kind, struct counts *c)
{
	struct ast *ast;
	struct program *p = compiled(h, h->text, &ast);
	struct planted x = { .line = 0 };
	enum look got;
	uint32_t line = p && p->nrules ? some_rule(p, h->text) : 0;

	if (!line || !kinds[kind].plant(p, h->text, line, &x))
		return;
	p = compiled(h, x.text, &ast);
	if (!p || behind_end(line))
		return;
	for (int i = 0; i < 2; i++)
		if (x.needs[i] && !reached(p, x.needs[i]))
			return;
	if (x.target && !is_so(p, &x))
		return;
	lint_site(&arena, ast, p);
	got = look(&x);
	if (got == MISSED && rule_on(p, x.line) && !decided(p, x.line))
		got = OPEN;
	if (got == MISSED) {
		fprintf(stderr, "%s\n%.*s\n", h->path, h->path[0] ? 0 : (int)x.text.n, x.text.p);
		fprintf(stderr, "line %u: %.*s\n", x.line, STR_ARG(line_at(x.text, x.line)));
		diag_print_text(stderr);
	}
	ck_assert_msg(got != MISSED, "%s: the %s of line %u is not found", h->path,
		      kinds[kind].name, x.line);
	c->planted++;
	c->open += got == OPEN;
}

/* Plants each kind <wanted> times, at random places of the sites that <next> gives. */
static void plant_all(unsigned wanted, void (*next)(struct host *h))
{
	struct counts total = { 0 };

	for (size_t k = 0; k < KINDS; k++) {
		struct counts c = { 0 };

		for (unsigned tries = 0; c.planted < wanted && tries < wanted * 60; tries++) {
			struct host h = { .path = "" };

			next(&h);
			try_kind(&h, k, &c);
			diag_reset();
			arena_free(&arena);
		}
		if (getenv("WEIR_SHOW"))
			fprintf(stderr, "%s: %u, %u open\n", kinds[k].name, c.planted, c.open);
		ck_assert_msg(c.planted >= wanted / 2, "%s: planted only %u times", kinds[k].name,
			      c.planted);
		total.planted += c.planted;
		total.open += c.open;
	}
	ck_assert_msg(total.open * 8 <= total.planted, "%u of %u not decided", total.open,
		      total.planted);
}

/* Without edits: of what several edits have made on conditions, little is decided. */
static void next_random(struct host *h)
{
	h->text = random_site(&arena, random_mixes[random_below(RANDOM_MIXES)], false);
}

static char names[SITES_MAX][64];
static unsigned nnames;

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void find_sites(void)
{
	DIR *d = opendir(SITES_DIR);

	ck_assert_ptr_nonnull(d);
	nnames = 0;
	for (struct dirent *e; (e = readdir(d)) && nnames < SITES_MAX;)
		if (str_ends(str_from(e->d_name), S(".weir")) && strlen(e->d_name) < 64)
			snprintf(names[nnames++], 64, "%s", e->d_name);
	closedir(d);
	qsort(names, nnames, 64, by_name);
	ck_assert_uint_gt(nnames, 10);
}

static void next_site(struct host *h)
{
	snprintf(h->path, sizeof(h->path), "%s/%s", SITES_DIR, names[random_below(nnames)]);
	h->text = file_text(h->path);
}

START_TEST(in_random_sites)
{
	random_seed(0xbb67ae8584caa73b);
	plant_all(getenv("WEIR_SOAK") ? 400 : 20, next_random);
}
END_TEST

START_TEST(in_real_sites)
{
	random_seed(0x3c6ef372fe94f82f);
	find_sites();
	plant_all(getenv("WEIR_SOAK") ? 100 : 4, next_site);
}
END_TEST

/* ---- nothing changes ---- */

/* <text> after the edits of one repair of the first file. */
static struct str repaired(struct str text, const struct diag_repair *r)
{
	const struct diag_edit *edits[16];
	struct textbuf b = { 0 };
	size_t n = 0, at = 0;

	for (const struct diag_edit *e = r->edits; e && n < 16; e = e->next) {
		size_t i = n++;

		for (; i && edits[i - 1]->from > e->from; i--)
			edits[i] = edits[i - 1];
		edits[i] = e;
	}
	for (size_t i = 0; i < n; i++) {
		if (edits[i]->file != 0)
			return text;
		textbuf_put(&arena, &b, str_of(text.p + at, edits[i]->from - at));
		textbuf_put(&arena, &b, edits[i]->text);
		at = edits[i]->to;
	}
	textbuf_put(&arena, &b, str_skip(text, at));
	return textbuf_str(&b);
}

struct sameness {
	unsigned compared, open;
};

/* The comparison proves <text> to be the site <p>; <what> tells how it was made. */
static void must_be_same(const struct host *h, const struct program *p, struct str text,
			 const char *what, struct sameness *s)
{
	struct ast *ast;
	const struct program *q = compiled(h, text, &ast);
	struct compare c;

	ck_assert_msg(q != NULL, "%s: %s does not compile", h->path, what);
	compare_programs(&c, &arena, p, q);
	if (c.nclasses)
		fprintf(stderr, "%.*s\n%s\n%.*s\n", STR_ARG(h->text), what, STR_ARG(text));
	ck_assert_msg(!c.nclasses && !c.fault.n, "%s: %s changes what a request meets", h->path,
		      what);
	s->compared++;
	s->open += c.nopen > 0;
}

/* A site is the same as itself, as its canonical form, and as what each safe repair makes of it. */
static void nothing_changes(const struct host *h, struct sameness *s)
{
	struct ast *ast;
	struct program *p = compiled(h, h->text, &ast);
	struct str made[64], form;
	unsigned n, kept = 0;
	const struct diag_report *all;

	ck_assert_ptr_nonnull(p);
	lint_site(&arena, ast, p);
	form = fmt_source(&arena, 0);
	all = diag_all(&n);
	for (unsigned i = 0; i < n && kept < 64; i++)
		if (all[i].repair && all[i].repair->safe && all[i].code != C501)
			made[kept++] = repaired(h->text, all[i].repair);
	must_be_same(h, p, h->text, "the site itself", s);
	ck_assert_msg(!s->open, "%s: whether a site is itself is not decided", h->path);
	must_be_same(h, p, form, "the canonical form", s);
	ck_assert_msg(!s->open, "%s: whether it is its canonical form is not decided", h->path);
	for (unsigned i = 0; i < kept; i++)
		must_be_same(h, p, made[i], "a repair", s);
}

START_TEST(safe_changes)
{
	struct sameness total = { 0 };
	unsigned n = getenv("WEIR_SOAK") ? 600 : 40;

	random_seed(0xa54ff53a5f1d36f1);
	find_sites();
	for (unsigned i = 0; i < n + nnames; i++) {
		struct host h = { .path = "" };
		struct sameness s = { 0 };

		if (i < n) {
			h.text = random_site(&arena, random_mixes[i % RANDOM_MIXES], i % 2);
		} else {
			snprintf(h.path, sizeof(h.path), "%s/%s", SITES_DIR, names[i - n]);
			h.text = file_text(h.path);
		}
		nothing_changes(&h, &s);
		total.compared += s.compared;
		total.open += s.open;
		diag_reset();
		arena_free(&arena);
	}
	if (getenv("WEIR_SHOW"))
		fprintf(stderr, "compared %u, %u open\n", total.compared, total.open);
	ck_assert_uint_gt(total.compared, 2 * (n + nnames) + n / 4);
	ck_assert_uint_le(total.open * 10, total.compared);
}
END_TEST

static void teardown(void)
{
	diag_reset();
	arena_free(&arena);
}

Suite *planted_suite(void)
{
	Suite *s = suite_create("planted");
	TCase *t = tcase_create("defects");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, in_random_sites);
	tcase_add_test(t, in_real_sites);
	tcase_add_test(t, safe_changes);
	suite_add_tcase(s, t);
	return s;
}
