/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "decide/decide.h"
#include "show.h"

/* How the rules of a list are found, and what that costs at most. */
static void by_tables(const struct decide_report *r, FILE *out)
{
	fprintf(out,
		"by tables: about %" PRIu32 " steps, %" PRIu32 " in line; looks at %" PRIu32
		" value%s\n",
		r->steps, r->inline_steps, r->values, r->values == 1 ? "" : "s");
	fprintf(out, "%34s %5" PRIu32 " found by them, %" PRIu32 " of these without a test\n", "",
		r->watched, r->held);
	fprintf(out, "%34s %5" PRIu32 " always tested; for any request at most %" PRIu32, "",
		r->always, r->candidates_max);
	if (r->changing)
		fprintf(out, ", again after %" PRIu32 " that may change a value", r->changing);
	putc('\n', out);
}

/* Other counts there are only of tables that would find some rule. */
static void in_line(const struct decide_report *r, FILE *out)
{
	fprintf(out, "tested in line, in order: about %" PRIu32 " step%s", r->inline_steps,
		r->inline_steps == 1 ? "" : "s");
	if (r->watched)
		fprintf(out, ", %" PRIu32 " by tables", r->steps);
	putc('\n', out);
}

static void worst(const char *what, const struct decide_worst *w, FILE *out)
{
	fprintf(out, "%s %" PRIu64 " steps: %" PRIu64 " rule%s tested, %" PRIu64 " bytes read",
		what, w->steps + w->bytes / DECIDE_BYTES_A_STEP, w->rules, w->rules == 1 ? "" : "s",
		w->bytes);
	if (w->pcre2)
		fprintf(out, ", and %" PRIu64 " runs of PCRE2 to its match limit", w->pcre2);
	putc('\n', out);
}

static void chain(const struct p_section *s, int dir, const struct decide_report *r, FILE *out)
{
	uint32_t n = s->chains[dir].n;

	fprintf(out, "  %-24.*s %-8s %5" PRIu32 " rule%s, ", STR_ARG(s->name),
		show_dir((enum rule_dir)dir), n, n == 1 ? "" : "s");
	if (r->row == WS_NONE)
		in_line(r, out);
	else
		by_tables(r, out);
	fprintf(out, "%34s ", "");
	worst("at most", &r->worst, out);
}

static void add_worst(struct decide_worst *to, const struct decide_worst *w)
{
	to->rules += w->rules;
	to->steps += w->steps;
	to->bytes += w->bytes;
	to->pcre2 += w->pcre2;
}

static void chains(const struct emit *e, FILE *out)
{
	struct decide_worst all = { 0 };

	fputs("rule lists:\n", out);
	for (uint32_t i = 0; i < e->p->nsections; i++)
		for (int dir = 0; dir < RULE_DIRS; dir++) {
			const struct decide_report *r = &e->decided[i * RULE_DIRS + (uint32_t)dir];

			if (!e->p->sections[i]->chains[dir].n)
				continue;
			chain(e->p->sections[i], dir, r, out);
			add_worst(&all, &r->worst);
		}
	worst("worst request, were it to go through all lists: at most", &all, out);
}

static void sizes(const struct emit *e, const struct out_files *files, const char *target,
		  FILE *out)
{
	struct stat st;

	fprintf(out,
		"tables: %zu bytes: %" PRIu32 " rules, %" PRIu32 " condition nodes, %" PRIu32
		" tests, %" PRIu32 " values, %" PRIu32 " actions, %" PRIu32 " bytes of text\n",
		files->bytes, e->tables[EMIT_RULES].n, e->tables[EMIT_NODES].n,
		e->tables[EMIT_TESTS].n, e->tables[EMIT_VALUES].n, e->tables[EMIT_ACTION_ROWS].n,
		e->tables[EMIT_TEXT].n);
	if (stat(target, &st) == 0)
		fprintf(out, "binary: %lld bytes\n", (long long)st.st_size);
}

#define LEFT_OUT_LINES 20

/* What is proved to change nothing. */
static void left_out(const struct emit *e, const struct prune *x, FILE *out)
{
	if (x->spent)
		fputs("not all is proved: the site is too hard for what a build spends on it\n",
		      out);
	if (!x->n)
		return;
	fprintf(out,
		"left out, as proved to change nothing: %" PRIu32 " rule%s, %" PRIu32
		" part%s of conditions\n",
		x->nrules, x->nrules == 1 ? "" : "s", x->n - x->nrules,
		x->n - x->nrules == 1 ? "" : "s");
	for (uint32_t i = 0; i < x->n && i < LEFT_OUT_LINES; i++) {
		const struct p_place *at = &x->at[i].rule->place;

		fprintf(out, "  %.*s:%" PRIu32 ": ", STR_ARG(e->p->files[at->file]), at->line);
		if (x->at[i].part)
			fprintf(out, "part %" PRIu32 " of the condition%s\n", x->at[i].part,
				x->at[i].always ? ", which always holds" : "");
		else
			fputs("the rule\n", out);
	}
	if (x->n > LEFT_OUT_LINES)
		fprintf(out, "  and %" PRIu32 " more\n", x->n - LEFT_OUT_LINES);
}

/* Which engine decides the regular expressions. */
static void regexes(const struct emit *e, FILE *out)
{
	const struct table *t = &e->tables[EMIT_REGEXES];
	uint32_t automata = 0, groups = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		const struct ws_regex *r = table_row(t, i);

		automata += r->automaton != 0;
		groups += r->automaton && r->flags & WS_RE_GROUPS;
	}
	if (t->n)
		fprintf(out,
			"regexes: %" PRIu32 ", of which %" PRIu32
			" by automata of %zu bytes (%" PRIu32
			" of them with PCRE2 for their groups), %" PRIu32 " by PCRE2\n",
			t->n, automata, e->tables[EMIT_AUTOMATA].n * sizeof(uint32_t), groups,
			t->n - automata);
}

/* What one client connection may hold at most, from the limits of the site. */
static void bounds(const struct emit *e, FILE *out)
{
	const struct p_setting *g = e->p->globals;

	if (g[OPT_HEAD_MAX].computed)
		return;
	fprintf(out, "bounds for one connection:\n  request head   %lld bytes, %lld fields\n",
		(long long)g[OPT_HEAD_MAX].num, (long long)g[OPT_HEADERS_MAX].num);
	fprintf(out,
		"  captures       %" PRIu32 ", variables %" PRIu32 ", at most 8192 bytes each\n",
		e->p->ncaptures, e->p->nvars);
}

void report_build(const struct emit *e, const struct embed *m, const struct prune *pruned,
		  const struct out_files *files, const char *target, FILE *out)
{
	fprintf(out, "site %.*s, program %.*s\n", STR_ARG(m->name), 16, m->program_digest.p);
	chains(e, out);
	left_out(e, pruned, out);
	fprintf(out, "parts: %.*s\n", STR_ARG(m->parts));
	regexes(e, out);
	sizes(e, files, target, out);
	bounds(e, out);
}
