/* SPDX-License-Identifier: Apache-2.0 */
#include "diff_report.h"

#include <inttypes.h>

#include "show.h"

bool report_format(const char *word, enum report_format *f)
{
	static const char *const words[] = { "text", "json", "md", "sarif", "github", "html" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i], word) == 0) {
			*f = (enum report_format)i;
			return true;
		}
	return false;
}

unsigned report_count(const struct diff_report *r, enum compare_severity s)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < r->classes->nclasses; i++)
		n += r->classes->classes[i].severity == s;
	return n;
}

static const char *plural(unsigned n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

void report_verdict(const struct diff_report *r, FILE *out)
{
	const struct compare *c = r->classes;
	const char *sep = " (";

	if (strcmp(r->verdict, "EQUIVALENT") == 0) {
		fputs("EQUIVALENT (proved): every request is treated alike", out);
		return;
	}
	fprintf(out, "%s: %u %s of requests", r->verdict, c->nclasses,
		plural(c->nclasses, "class", "classes"));
	for (int s = CMP_EXPOSURE; s <= CMP_RESPONSE; s++) {
		unsigned n = report_count(r, (enum compare_severity)s);

		if (n) {
			fprintf(out, "%s%u %s", sep, n, compare_severities[s]);
			sep = ", ";
		}
	}
	fprintf(out, "%s, %u other %s, %u undecided", c->nclasses ? ")" : "", r->settings,
		plural(r->settings, "difference", "differences"), c->nopen);
}

void report_rule(const struct diff_report *r, bool is_new, const struct p_rule *rule, FILE *out)
{
	if (!rule) {
		fputs("the end of the rules", out);
		return;
	}
	show_place(out, is_new ? r->classes->new : r->classes->old, rule->place);
	fputs("  ", out);
	show_rule(out, rule);
}

struct str report_logged(const struct diff_report *r, const struct compare_class *c)
{
	const struct replay_group *g = diff_replay_group(r->replay, c);
	struct show_buffer b;

	if (!g)
		return S("no logged request");
	show_open(&b);
	fprintf(b.out, "%u logged %s, the first in line %" PRIu64 ": ", c->logged,
		plural(c->logged, "request", "requests"), g->line);
	replay_plain(b.out, g->example);
	return show_close(&b, r->a);
}

void report_replay(const struct diff_report *r, FILE *out)
{
	fprintf(out, "%s: ", r->replay->name);
	replay_sums(&r->replay->r, out);
	if (r->replay->elsewhere)
		fprintf(out, "  %" PRIu64 " of those that moved are in no class below\n",
			r->replay->elsewhere);
}

/* ---- text ---- */

static void class_text(const struct diff_report *r, const struct compare_class *c, FILE *out)
{
	fprintf(out, "%s  %.*s -> %.*s\n  old      ", compare_severities[c->severity],
		STR_ARG(*c->was), STR_ARG(*c->is));
	report_rule(r, false, c->old, out);
	fputs("\n  new      ", out);
	report_rule(r, true, c->new, out);
	for (uint32_t i = 0; i < c->witness->nlines; i++)
		fprintf(out, "\n  %s  %.*s", i ? "       " : "witness",
			STR_ARG(c->witness->lines[i]));
	fprintf(out, "\n  try      %.*s\n", STR_ARG(c->witness->curl));
	if (r->replay)
		fprintf(out, "  log      %.*s\n", STR_ARG(report_logged(r, c)));
}

static void rest_text(const struct diff_report *r, FILE *out)
{
	const struct compare *c = r->classes;

	if (c->nidle)
		fputs("\nchanged, and without effect (proved)\n", out);
	for (uint32_t i = 0; i < c->nidle; i++) {
		fprintf(out, "  %s  ", c->idle[i].is_new ? "new" : "old");
		report_rule(r, c->idle[i].is_new, c->idle[i].rule, out);
		fputc('\n', out);
	}
	if (c->nopen)
		fputs("\nundecided\n", out);
	for (uint32_t i = 0; i < c->nopen; i++) {
		const struct compare_open *o = &c->open[i];

		fprintf(out, "  %.*s\n", STR_ARG(o->why));
		if (!o->old && !o->new)
			continue;
		fputs("    old  ", out);
		report_rule(r, false, o->old, out);
		fputs("\n    new  ", out);
		report_rule(r, true, o->new, out);
		fputc('\n', out);
	}
}

static void report_text(const struct diff_report *r, FILE *out)
{
	const struct compare *c = r->classes;

	report_verdict(r, out);
	fputc('\n', out);
	if (r->structure->n) {
		fputs("\nstructure\n", out);
		diff_items(r->structure, out);
	}
	if (r->replay) {
		fputs("\nlog\n", out);
		report_replay(r, out);
	}
	if (c->nclasses)
		fputs("\nrequests\n", out);
	for (uint32_t i = 0; i < r->shown; i++)
		class_text(r, &c->classes[i], out);
	if (r->shown < c->nclasses)
		fprintf(out, "%u more not shown\n", c->nclasses - r->shown);
	rest_text(r, out);
}

/* ---- Markdown ---- */

static void md_class(const struct diff_report *r, const struct compare_class *c, FILE *out)
{
	fprintf(out, "### %s: `%.*s` → `%.*s`\n\n| | |\n|---|---|\n| old | `",
		compare_severities[c->severity], STR_ARG(*c->was), STR_ARG(*c->is));
	report_rule(r, false, c->old, out);
	fputs("` |\n| new | `", out);
	report_rule(r, true, c->new, out);
	fputs("` |\n", out);
	if (r->replay)
		fprintf(out, "| log | %u of the logged requests |\n", c->logged);
	fputs("\n```\n", out);
	for (uint32_t i = 0; i < c->witness->nlines; i++)
		fprintf(out, "%.*s\n", STR_ARG(c->witness->lines[i]));
	fprintf(out, "\n%.*s\n```\n\n", STR_ARG(c->witness->curl));
}

static void report_md(const struct diff_report *r, FILE *out)
{
	const struct compare *c = r->classes;

	fputs("**", out);
	report_verdict(r, out);
	fputs("**\n\n", out);
	if (r->replay) {
		fputs("```\n", out);
		report_replay(r, out);
		fputs("```\n\n", out);
	}
	for (uint32_t i = 0; i < r->shown; i++)
		md_class(r, &c->classes[i], out);
	if (r->shown < c->nclasses)
		fprintf(out, "%u more classes are not shown.\n\n", c->nclasses - r->shown);
	if (r->structure->n) {
		fputs("<details><summary>Structure</summary>\n\n```\n", out);
		diff_items(r->structure, out);
		fputs("```\n\n</details>\n", out);
	}
	if (c->nidle || c->nopen) {
		fputs("\n```\n", out);
		rest_text(r, out);
		fputs("```\n", out);
	}
}

/* ---- GitHub ---- */

static void escaped(FILE *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '%' || s.p[i] == '\n' || s.p[i] == '\r')
			fprintf(out, "%%%02X", (unsigned)s.p[i]);
		else
			fputc(s.p[i], out);
}

static void report_github(const struct diff_report *r, FILE *out)
{
	const struct compare *c = r->classes;

	for (uint32_t i = 0; i < r->shown; i++) {
		const struct compare_class *k = &c->classes[i];
		const struct p_rule *at = k->new ? k->new : NULL;

		fprintf(out, "::%s ", k->severity <= CMP_REROUTE ? "error" : "warning");
		if (at) {
			fputs("file=", out);
			escaped(out, c->new->files[at->place.file]);
			fprintf(out, ",line=%u,", at->place.line);
		}
		fprintf(out, "title=%s::", compare_severities[k->severity]);
		escaped(out, arena_printf(r->a, "%.*s -> %.*s\n%.*s", STR_ARG(*k->was),
					  STR_ARG(*k->is), STR_ARG(k->witness->curl)));
		if (r->replay)
			escaped(out, arena_printf(r->a, "\n%.*s", STR_ARG(report_logged(r, k))));
		fputc('\n', out);
	}
	fprintf(out, "::%s title=weir diff::", c->nclasses || c->nopen ? "warning" : "notice");
	report_verdict(r, out);
	fputc('\n', out);
}

void report_write(const struct diff_report *r, enum report_format f, FILE *out)
{
	static void (*const forms[])(const struct diff_report *,
				     FILE *) = { report_text,  report_json,   report_md,
						 report_sarif, report_github, report_html };

	forms[f](r, out);
}
