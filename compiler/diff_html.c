/* SPDX-License-Identifier: Apache-2.0 */
/* diff_html: the report as one page that needs nothing else: text, tables, and for each kind of
 * change a picture of what goes from where to where. */
#include "diff_report.h"
#include "show.h"

#define ROW 46 /* height of a box with its gap, in pixels */
#define WIDE 300

static const char style[] =
	"body{font:15px/1.45 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;"
	"color:#1c2430;background:#fff}h1{font-size:1.4em}pre,code{font:13px/1.4 ui-monospace,"
	"monospace;background:#f3f5f8;border-radius:4px}pre{padding:.7em;overflow:auto}"
	"code{padding:.1em .3em}table{border-collapse:collapse}td{padding:.2em .8em .2em 0;"
	"vertical-align:top}.exposure{color:#b3261e}.outage{color:#b3261e}.reroute{color:#9a5b00}"
	".rewrite,.response{color:#3b5a9a}section{border-top:1px solid #dde2ea;padding:.6em 0}"
	"svg{max-width:100%;height:auto}svg text{font:13px system-ui,sans-serif;fill:#1c2430}"
	"@media(prefers-color-scheme:dark){body{background:#12161c;color:#dfe5ee}pre,code{"
	"background:#1d232c}svg text{fill:#dfe5ee}section{border-color:#2b333f}}";

static void put(FILE *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(s.p[i], out);
		}
}

/* ---- the picture ---- */

/* Outcomes of one side, each once. */
struct boxes {
	uint32_t n;
	struct str at[24];
};

static uint32_t box_of(struct boxes *b, struct str what)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (str_eq(b->at[i], what))
			return i;
	if (b->n < sizeof(b->at) / sizeof(*b->at))
		b->at[b->n++] = what;
	return b->n - 1;
}

static void draw_boxes(const struct boxes *b, int x, FILE *out)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct str s = str_first(b->at[i], 38);

		fprintf(out,
			"<rect x=\"%d\" y=\"%u\" width=\"%d\" height=\"32\" rx=\"6\" fill=\"none\" "
			"stroke=\"#8792a2\"/><text x=\"%d\" y=\"%u\">",
			x, 30 + i * ROW, WIDE, x + 12, 51 + i * ROW);
		put(out, s);
		fputs(s.n < b->at[i].n ? "…</text>" : "</text>", out);
	}
}

static const char *colour(enum compare_severity s)
{
	return s <= CMP_OUTAGE ? "#c4372d" : s == CMP_REROUTE ? "#c07a10" : "#4a6fc0";
}

static void picture(const struct diff_report *r, FILE *out)
{
	struct boxes from = { 0 }, to = { 0 };
	const struct compare *c = r->classes;
	uint32_t rows;

	for (uint32_t i = 0; i < r->shown; i++) {
		box_of(&from, c->classes[i].was);
		box_of(&to, c->classes[i].is);
	}
	rows = from.n > to.n ? from.n : to.n;
	fprintf(out,
		"<svg role=\"img\" aria-label=\"What moved where\" viewBox=\"0 0 900 %u\" "
		"width=\"900\"><text x=\"10\" y=\"18\">old</text><text x=\"590\" "
		"y=\"18\">new</text>",
		40 + rows * ROW);
	for (uint32_t i = 0; i < r->shown; i++) {
		uint32_t y1 = 46 + box_of(&from, c->classes[i].was) * ROW,
			 y2 = 46 + box_of(&to, c->classes[i].is) * ROW;

		fprintf(out,
			"<path d=\"M310 %uC450 %u 450 %u 578 %u\" fill=\"none\" stroke=\"%s\" "
			"stroke-width=\"2\"/><path d=\"M578 %ul-8 -5v10z\" fill=\"%s\"/>",
			y1, y1, y2, y2, colour(c->classes[i].severity), y2,
			colour(c->classes[i].severity));
	}
	draw_boxes(&from, 10, out);
	draw_boxes(&to, 580, out);
	fputs("</svg>\n", out);
}

/* ---- the page ---- */

static struct str rule_text(const struct diff_report *r, bool is_new, const struct p_rule *rule)
{
	struct show_buffer b;

	show_open(&b);
	report_rule(r, is_new, rule, b.out);
	return show_close(&b, r->a);
}

static void class_html(const struct diff_report *r, const struct compare_class *c, FILE *out)
{
	fprintf(out, "<section><h3 class=\"%s\">%s: <code>", compare_severities[c->severity],
		compare_severities[c->severity]);
	put(out, c->was);
	fputs("</code> → <code>", out);
	put(out, c->is);
	fputs("</code></h3><table><tr><td>old<td><code>", out);
	put(out, rule_text(r, false, c->old));
	fputs("</code><tr><td>new<td><code>", out);
	put(out, rule_text(r, true, c->new));
	fputs("</code></table><pre>", out);
	for (uint32_t i = 0; i < c->witness->nlines; i++) {
		put(out, c->witness->lines[i]);
		fputc('\n', out);
	}
	fputc('\n', out);
	put(out, c->witness->curl);
	fputs("</pre></section>\n", out);
}

static struct str items_text(const struct diff_report *r)
{
	struct show_buffer b;

	show_open(&b);
	diff_items(r->structure, b.out);
	return show_close(&b, r->a);
}

static void verdict_html(const struct diff_report *r, FILE *out)
{
	struct show_buffer b;

	show_open(&b);
	report_verdict(r, b.out);
	put(out, show_close(&b, r->a));
}

void report_html(const struct diff_report *r, FILE *out)
{
	const struct compare *c = r->classes;

	fprintf(out,
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
		"content=\"width=device-width\"><title>weir diff</title><style>%s</style><h1>",
		style);
	verdict_html(r, out);
	fputs("</h1><p><code>", out);
	put(out, str_from(r->old_name));
	fputs("</code> → <code>", out);
	put(out, str_from(r->new_name));
	fputs("</code></p>\n", out);
	if (c->nclasses)
		picture(r, out);
	for (uint32_t i = 0; i < r->shown; i++)
		class_html(r, &c->classes[i], out);
	if (r->shown < c->nclasses)
		fprintf(out, "<p>%u more classes are not shown.</p>\n", c->nclasses - r->shown);
	if (r->structure->n) {
		fputs("<section><h2>Structure</h2><pre>", out);
		put(out, items_text(r));
		fputs("</pre></section>\n", out);
	}
	if (c->nidle)
		fputs("<section><h2>Changed, and without effect (proved)</h2><ul>", out);
	for (uint32_t i = 0; i < c->nidle; i++) {
		fputs("<li><code>", out);
		put(out, rule_text(r, c->idle[i].is_new, c->idle[i].rule));
		fputs("</code>", out);
	}
	fputs(c->nidle ? "</ul></section>\n" : "", out);
	if (c->nopen)
		fputs("<section><h2>Undecided</h2><ul>", out);
	for (uint32_t i = 0; i < c->nopen; i++) {
		fputs("<li>", out);
		put(out, c->open[i].why);
		fputs(": <code>", out);
		put(out, rule_text(r, false, c->open[i].old));
		fputs("</code> / <code>", out);
		put(out, rule_text(r, true, c->open[i].new));
		fputs("</code>", out);
	}
	fputs(c->nopen ? "</ul></section>\n" : "", out);
	fputs("</html>\n", out);
}
