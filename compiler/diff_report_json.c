/* SPDX-License-Identifier: Apache-2.0 */
/* diff_report_json: the report as JSON (docs/diff.schema.json) and as SARIF 2.1.0. */
#include "diff_report.h"

#include <inttypes.h>

#include "show.h"

static void text(FILE *out, const char *key, struct str s)
{
	fprintf(out, ",\"%s\":", key);
	show_json(out, s);
}

static struct str shown(const struct diff_report *r, const struct p_rule *rule)
{
	struct show_buffer b;

	show_open(&b);
	show_rule(b.out, rule);
	return show_close(&b, r->a);
}

/* null, or the rule with its place. */
static void json_rule(const struct diff_report *r, const char *key, bool is_new,
		      const struct p_rule *rule, FILE *out)
{
	const struct program *p = is_new ? r->classes->new : r->classes->old;

	fprintf(out, ",\"%s\":", key);
	if (!rule) {
		fputs("null", out);
		return;
	}
	fputs("{\"file\":", out);
	show_json(out, p->files[rule->place.file]);
	fprintf(out, ",\"line\":%u", rule->place.line);
	text(out, "section", rule->section->name);
	text(out, "direction", str_from(show_dir(rule->dir)));
	text(out, "text", shown(r, rule));
	fputc('}', out);
}

static void json_witness(const struct compare_witness *w, FILE *out)
{
	fputs(",\"witness\":{\"request\":[", out);
	for (uint32_t i = 0; i < w->nlines; i++) {
		if (i)
			fputc(',', out);
		show_json(out, w->lines[i]);
	}
	fputc(']', out);
	text(out, "curl", w->curl);
	text(out, "old_verdict", str_from(verdict_names[w->old->verdict]));
	text(out, "new_verdict", str_from(verdict_names[w->new->verdict]));
	fputc('}', out);
}

static void json_logged(const struct diff_report *r, const struct compare_class *c, FILE *out)
{
	const struct replay_group *g = diff_replay_group(r->replay, c);

	fprintf(out, ",\"logged\":{\"count\":%u", c->logged);
	if (g) {
		fprintf(out, ",\"line\":%" PRIu64, g->line);
		text(out, "example", g->example);
	}
	fputc('}', out);
}

static void json_class(const struct diff_report *r, const struct compare_class *c, FILE *out)
{
	fprintf(out, "{\"severity\":\"%s\"", compare_severities[c->severity]);
	text(out, "was", *c->was);
	text(out, "is", *c->is);
	json_rule(r, "old_rule", false, c->old, out);
	json_rule(r, "new_rule", true, c->new, out);
	json_witness(c->witness, out);
	if (r->replay)
		json_logged(r, c, out);
	fputc('}', out);
}

void report_json(const struct diff_report *r, FILE *out)
{
	const struct compare *c = r->classes;

	fprintf(out,
		"{\"version\":1,\"method\":\"exact\",\"proved\":%s,\"verdict\":\"%s\",\"count\":%u,"
		"\"differences\":[",
		c->nopen || c->fault.n ? "false" : "true", r->verdict, r->structure->n);
	diff_json_items(r->structure, out);
	fprintf(out, "],\"nclasses\":%u,\"classes\":[", c->nclasses);
	for (uint32_t i = 0; i < r->shown; i++) {
		if (i)
			fputc(',', out);
		json_class(r, &c->classes[i], out);
	}
	fputs("],\"no_effect\":[", out);
	for (uint32_t i = 0; i < c->nidle; i++) {
		fprintf(out, "%s{\"side\":\"%s\"", i ? "," : "", c->idle[i].is_new ? "new" : "old");
		json_rule(r, "rule", c->idle[i].is_new, c->idle[i].rule, out);
		fputc('}', out);
	}
	fputs("],\"undecided\":[", out);
	for (uint32_t i = 0; i < c->nopen; i++) {
		fprintf(out, "%s{\"why\":", i ? "," : "");
		show_json(out, c->open[i].why);
		json_rule(r, "old_rule", false, c->open[i].old, out);
		json_rule(r, "new_rule", true, c->open[i].new, out);
		fputc('}', out);
	}
	fputc(']', out);
	if (r->replay) {
		fputs(",\"replay\":{", out);
		replay_json_sums(&r->replay->r, out);
		fprintf(out, ",\"elsewhere\":%" PRIu64 "}", r->replay->elsewhere);
	}
	fputs("}\n", out);
}

/* ---- SARIF ---- */

static void sarif_location(const struct program *p, const struct p_rule *rule, FILE *out)
{
	fputs("{\"physicalLocation\":{\"artifactLocation\":{\"uri\":", out);
	show_json(out, p->files[rule->place.file]);
	fprintf(out, "},\"region\":{\"startLine\":%u}}}", rule->place.line);
}

static void sarif_result(const struct diff_report *r, const struct compare_class *c, FILE *out)
{
	const struct compare *all = r->classes;

	fprintf(out, "{\"ruleId\":\"%s\",\"ruleIndex\":%d,\"level\":\"%s\",\"message\":{\"text\":",
		compare_severities[c->severity], (int)c->severity,
		c->severity <= CMP_REROUTE ? "error" : "warning");
	show_json(out, arena_printf(r->a, "%.*s -> %.*s", STR_ARG(*c->was), STR_ARG(*c->is)));
	fputs("},\"locations\":[", out);
	if (c->new)
		sarif_location(all->new, c->new, out);
	fputc(']', out);
	if (c->old) {
		fputs(",\"relatedLocations\":[", out);
		sarif_location(all->old, c->old, out);
		fputc(']', out);
	}
	fputs(",\"properties\":{\"curl\":", out);
	show_json(out, c->witness->curl);
	if (r->replay)
		fprintf(out, ",\"logged\":%u", c->logged);
	fputs("}}", out);
}

void report_sarif(const struct diff_report *r, FILE *out)
{
	fputs("{\"$schema\":\"https://json.schemastore.org/"
	      "sarif-2.1.0.json\",\"version\":\"2.1.0\","
	      "\"runs\":[{\"tool\":{\"driver\":{\"name\":\"weir diff\",\"version\":\"" WEIR_VERSION
	      "\",\"rules\":[",
	      out);
	for (int s = CMP_EXPOSURE; s <= CMP_RESPONSE; s++)
		fprintf(out, "%s{\"id\":\"%s\"}", s ? "," : "", compare_severities[s]);
	fputs("]}},\"results\":[", out);
	for (uint32_t i = 0; i < r->shown; i++) {
		if (i)
			fputc(',', out);
		sarif_result(r, &r->classes->classes[i], out);
	}
	fputs("]}]}\n", out);
}
