/* SPDX-License-Identifier: Apache-2.0 */
/* diff_html: the report as one page that needs nothing else: text, tables, and for each kind of
 * change a picture of what goes from where to where. */
#include "diff_report.h"
#include "show.h"

#define ROW 48 /* height of a box with its gap, in pixels */
#define TOP 34
#define WIDE 310
#define RIGHT 640 /* left edge of the new side's boxes */
#define BOXES_MAX 24 /* of one side; what is beyond shares the last one */
#define OPEN_MAX 12 /* classes that are shown unfolded */

static const char style[] =
	"body{font:15px/1.45 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;"
	"color:#1c2430;background:#fff}h1{font-size:1.4em}pre,code{font:13px/1.4 ui-monospace,"
	"monospace;background:#f3f5f8;border-radius:4px}pre{padding:.7em;overflow:auto}"
	"code{padding:.1em .3em}table{border-collapse:collapse}td{padding:.2em .8em .2em 0;"
	"vertical-align:top}.exposure{color:#b3261e}.outage{color:#b3261e}.reroute{color:#9a5b00}"
	".rewrite,.response{color:#3b5a9a}section{border-top:1px solid #dde2ea;padding:.6em 0}"
	"svg{max-width:100%;height:auto}svg text{font:13px system-ui,sans-serif;fill:#1c2430}"
	"svg .side{font-weight:600;fill:#66717f}svg .n{font-size:11px;fill:#1c2430}"
	".badges span{display:inline-block;border:1px solid;border-radius:1em;padding:.05em .8em;"
	"margin:0 .4em .4em 0}summary{cursor:pointer;padding:.35em 0;font-weight:600}"
	"details{border-top:1px solid #dde2ea}details table{margin:.3em 0}"
	"@media(prefers-color-scheme:dark){body{background:#12161c;color:#dfe5ee}pre,code{"
	"background:#1d232c}svg .side{fill:#9aa6b5}svg "
	".n{fill:#dfe5ee}section,details{border-color:#2b333f}"
	".exposure,.outage{color:#ff8a80}.reroute{color:#f0b45a}.rewrite,.response{color:#8fb0f5}}";

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

/* Outcomes of one side, each once, in the order of their first class: the most serious first. */
struct boxes {
	uint32_t n;
	struct str at[BOXES_MAX];
};

/* All classes from one outcome to another. */
struct ribbon {
	uint32_t from, to, n;
	int at_from, at_to; /* where on the edge of its boxes, in pixels from the middle */
	enum compare_severity worst;
};

static uint32_t box_of(struct boxes *b, struct str what)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (str_eq(b->at[i], what))
			return i;
	if (b->n < BOXES_MAX - 1)
		b->at[b->n++] = what;
	else if (b->n < BOXES_MAX)
		b->at[b->n++] = S("others");
	return b->n - 1;
}

/* What kind of end it is, as a tint. */
static const char *tint(struct str what)
{
	if (str_starts(what, S("backend ")) || str_eq(what, S("forwarded")))
		return "#d5ecdd";
	if (str_starts(what, S("deny")) || str_starts(what, S("drop")) ||
	    str_starts(what, S("tarpit")) || str_starts(what, S("no backend")))
		return "#f6d5d2";
	if (str_starts(what, S("redir")) || str_starts(what, S("respond")))
		return "#d8e3f7";
	return "#e9ecf1";
}

static void draw_boxes(const struct boxes *b, int x, FILE *out)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct str s = str_first(b->at[i], 40);

		while (s.n < b->at[i].n && s.n && ((unsigned char)b->at[i].p[s.n] & 0xc0) == 0x80)
			s.n--; /* no half of a character */
		fprintf(out, "<g><title>");
		put(out, b->at[i]);
		fprintf(out,
			"</title><rect x=\"%d\" y=\"%u\" width=\"%d\" height=\"34\" rx=\"6\" "
			"fill=\"%s\" stroke=\"#8792a2\"/><text x=\"%d\" y=\"%u\">",
			x, TOP + i * ROW, WIDE, tint(b->at[i]), x + 12, TOP + 22 + i * ROW);
		put(out, s);
		fputs(s.n < b->at[i].n ? "…</text></g>" : "</text></g>", out);
	}
}

static const char *colour(enum compare_severity s)
{
	return s <= CMP_OUTAGE ? "#c4372d" : s == CMP_REROUTE ? "#c07a10" : "#4a6fc0";
}

static uint32_t ribbons_of(const struct diff_report *r, struct boxes *from, struct boxes *to,
			   struct ribbon *out)
{
	const struct compare *c = r->classes;
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->nclasses; i++) {
		uint32_t x = box_of(from, *c->classes[i].was), y = box_of(to, *c->classes[i].is), k;

		for (k = 0; k < n && (out[k].from != x || out[k].to != y);)
			k++;
		if (k == n)
			out[n++] = (struct ribbon) { .from = x,
						     .to = y,
						     .worst = c->classes[i].severity };
		out[k].n++;
	}
	return n;
}

/* As wide as there are classes, within reason. */
static uint32_t width_of(uint32_t n)
{
	uint32_t w = 2;

	for (; n > 1 && w < 16; n /= 2)
		w += 2;
	return w;
}

/* The ribbons of one box share its edge. */
static void spread(struct ribbon *all, uint32_t n, uint32_t boxes, bool to)
{
	for (uint32_t b = 0; b < boxes; b++) {
		int here = 0, k = 0;

		for (uint32_t i = 0; i < n; i++)
			here += (to ? all[i].to : all[i].from) == b;
		for (uint32_t i = 0; i < n; i++)
			if ((to ? all[i].to : all[i].from) == b)
				*(to ? &all[i].at_to : &all[i].at_from) =
					(2 * k++ - here + 1) * (here > 3 ? 26 / here : 10) / 2;
	}
}

static void draw_ribbon(const struct ribbon *b, FILE *out)
{
	int x1 = 10 + WIDE, x2 = RIGHT - 12, y1 = TOP + 17 + (int)b->from * ROW + b->at_from,
	    y2 = TOP + 17 + (int)b->to * ROW + b->at_to;

	fprintf(out,
		"<path d=\"M%d %dC%d %d %d %d %d %d\" fill=\"none\" stroke=\"%s\" "
		"stroke-opacity=\".75\" stroke-width=\"%u\"><title>%u %s</title></path>"
		"<path d=\"M%d %dl-10 -6v12z\" fill=\"%s\"/>",
		x1, y1, x1 + 130, y1, x2 - 130, y2, x2, y2, colour(b->worst), width_of(b->n), b->n,
		b->n == 1 ? "class" : "classes", x2 + 10, y2, colour(b->worst));
	if (b->n > 1)
		fprintf(out, "<text class=\"n\" x=\"%d\" y=\"%d\">%u</text>", x1 + 6, y1 + 4, b->n);
}

static void picture(const struct diff_report *r, FILE *out)
{
	static struct ribbon ribbons[BOXES_MAX * BOXES_MAX];
	struct boxes from = { 0 }, to = { 0 };
	uint32_t n = ribbons_of(r, &from, &to, ribbons), rows = from.n > to.n ? from.n : to.n;

	fprintf(out,
		"<svg role=\"img\" aria-label=\"What moved where\" viewBox=\"0 0 %d %u\" "
		"width=\"%d\" xmlns=\"http://www.w3.org/2000/svg\"><text class=\"side\" x=\"10\" "
		"y=\"20\">old</text><text class=\"side\" x=\"%d\" y=\"20\">new</text>",
		RIGHT + WIDE + 10, TOP + rows * ROW, RIGHT + WIDE + 10, RIGHT);
	spread(ribbons, n, from.n, false);
	spread(ribbons, n, to.n, true);
	while (n) /* the most serious ones lie on top */
		draw_ribbon(&ribbons[--n], out);
	draw_boxes(&from, 10, out);
	draw_boxes(&to, RIGHT, out);
	fputs("</svg>\n", out);
}

static void badges(const struct diff_report *r, FILE *out)
{
	fputs("<p class=\"badges\">", out);
	for (int s = CMP_EXPOSURE; s <= CMP_RESPONSE; s++) {
		unsigned n = report_count(r, (enum compare_severity)s);

		if (n)
			fprintf(out, "<span class=\"%s\">%u %s</span>", compare_severities[s], n,
				compare_severities[s]);
	}
	if (r->classes->nopen)
		fprintf(out, "<span>%u undecided</span>", r->classes->nopen);
	fputs("</p>\n", out);
}

/* ---- the page ---- */

static struct str rule_text(const struct diff_report *r, bool is_new, const struct p_rule *rule)
{
	struct show_buffer b;

	show_open(&b);
	report_rule(r, is_new, rule, b.out);
	return show_close(&b, r->a);
}

static void class_html(const struct diff_report *r, const struct compare_class *c, bool open,
		       FILE *out)
{
	fprintf(out, "<details%s><summary class=\"%s\">%s: <code>", open ? " open" : "",
		compare_severities[c->severity], compare_severities[c->severity]);
	put(out, *c->was);
	fputs("</code> → <code>", out);
	put(out, *c->is);
	fputs("</code></summary><table><tr><td>old<td><code>", out);
	put(out, rule_text(r, false, c->old));
	fputs("</code><tr><td>new<td><code>", out);
	put(out, rule_text(r, true, c->new));
	fputs("</code>", out);
	if (r->replay) {
		fputs("<tr><td>log<td>", out);
		put(out, report_logged(r, c));
	}
	fputs("</table><pre>", out);
	for (uint32_t i = 0; i < c->witness->nlines; i++) {
		put(out, c->witness->lines[i]);
		fputc('\n', out);
	}
	fputc('\n', out);
	put(out, c->witness->curl);
	fputs("</pre></details>\n", out);
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

static void replay_html(const struct diff_report *r, FILE *out)
{
	struct show_buffer b;

	show_open(&b);
	report_replay(r, b.out);
	fputs("<pre>", out);
	put(out, show_close(&b, r->a));
	fputs("</pre>\n", out);
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
	badges(r, out);
	if (r->replay)
		replay_html(r, out);
	if (c->nclasses)
		picture(r, out);
	for (uint32_t i = 0; i < r->shown; i++)
		class_html(r, &c->classes[i], i < OPEN_MAX, out);
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
