/* SPDX-License-Identifier: Apache-2.0 */
#include "diag_form.h"

#include "diag_sarif.h"
#include "show.h"
#include "source.h"

static const char *const words[] = { "text", "json", "sarif", "github", "gcc" };

bool diag_format(const char *word, enum diag_format *f)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i], word) == 0) {
			*f = (enum diag_format)i;
			return true;
		}
	return false;
}

static bool placed(struct at at)
{
	return at.line && at.file < source_count();
}

static void member(FILE *out, const char *name, struct str s)
{
	fprintf(out, ",\"%s\":", name);
	show_json(out, s);
}

/* ---- json ---- */

static void json_place(FILE *out, struct at at)
{
	if (!placed(at))
		return;
	fputs("\"file\":", out);
	show_json(out, source_get(at.file)->path);
	fprintf(out, ",\"line\":%u,\"col\":%u,\"len\":%u,", at.line, at.col, at.len);
}

static void json_witness(FILE *out, const struct diag_witness *w)
{
	fputs(",\"witness\":{\"request\":", out);
	show_json(out, w->request);
	member(out, "outcome", w->outcome);
	member(out, "curl", w->curl);
	fputc('}', out);
}

static void json_repair(FILE *out, const struct diag_repair *f)
{
	fprintf(out, ",\"fix\":{\"safe\":%s", f->safe ? "true" : "false");
	member(out, "what", f->what);
	fputs(",\"edits\":[", out);
	for (const struct diag_edit *e = f->edits; e; e = e->next) {
		fputs(e == f->edits ? "{\"file\":" : ",{\"file\":", out);
		show_json(out, source_get(e->file)->path);
		fprintf(out, ",\"from\":%zu,\"to\":%zu", e->from, e->to);
		member(out, "text", e->text);
		fputc('}', out);
	}
	fputs("]}", out);
}

static void json_report(FILE *out, const struct diag_report *r, struct arena *a)
{
	const struct diag_help *help = diag_help(r->code);

	fprintf(out, "{\"code\":\"%s\",\"severity\":\"%s\",\"class\":\"%s\",",
		diag_row(r->code)->name, diag_severities[r->severity],
		help && help->class == CLASS_HEURISTIC ? "heuristic" : "exact");
	json_place(out, r->at);
	fputs("\"text\":", out);
	show_json(out, r->text);
	if (r->hint.n)
		member(out, "hint", r->hint);
	member(out, "fingerprint", diag_fingerprint(a, r));
	fputs(",\"notes\":[", out);
	for (const struct diag_note *n = r->notes; n; n = n->next) {
		fputs(n == r->notes ? "{" : ",{", out);
		json_place(out, n->at);
		fputs("\"text\":", out);
		show_json(out, n->text);
		fputc('}', out);
	}
	fputc(']', out);
	if (r->witness)
		json_witness(out, r->witness);
	if (r->repair)
		json_repair(out, r->repair);
	fputc('}', out);
}

static void json_site(FILE *out, struct diag_report *const *sorted, unsigned n, struct arena *a)
{
	fputs("{\"version\":1,\"diagnostics\":[", out);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			fputc(',', out);
		json_report(out, sorted[i], a);
	}
	fprintf(out, "],\"dropped\":%u}\n", diag_dropped());
}

/* ---- one line a report ---- */

/* GitHub's workflow commands: data escapes %, CR and LF; properties colon and comma besides. */
static void put_github(FILE *out, struct str s, bool property)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ',')))
			fprintf(out, "%%%02X", (unsigned)c);
		else
			fputc(c, out);
	}
}

static void github_report(FILE *out, const struct diag_report *r)
{
	static const char *const levels[] = { "error", "warning", "notice" };

	fprintf(out, "::%s ", levels[r->severity]);
	if (placed(r->at)) {
		fputs("file=", out);
		put_github(out, source_get(r->at.file)->path, true);
		fprintf(out, ",line=%u,col=%u,endColumn=%u,", r->at.line, r->at.col,
			r->at.col + r->at.len);
	}
	fprintf(out, "title=%s::", diag_row(r->code)->name);
	put_github(out, r->text, false);
	if (r->hint.n) {
		fputs("%0A", out);
		put_github(out, r->hint, false);
	}
	if (r->witness && r->witness->curl.n) {
		fputs("%0A", out);
		put_github(out, r->witness->curl, false);
	}
	fputc('\n', out);
}

static void put_line(FILE *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		fputc((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i], out);
}

static void gcc_line(FILE *out, struct at at, const char *level, struct str text, const char *code)
{
	if (placed(at)) {
		put_line(out, source_get(at.file)->path);
		fprintf(out, ":%u:%u: ", at.line, at.col);
	}
	fprintf(out, "%s: ", level);
	put_line(out, text);
	fprintf(out, "%s%s%s\n", *code ? " [" : "", code, *code ? "]" : "");
}

static void gcc_report(FILE *out, const struct diag_report *r)
{
	static const char *const levels[] = { "error", "warning", "note" };

	gcc_line(out, r->at, levels[r->severity], r->text, diag_row(r->code)->name);
	for (const struct diag_note *n = r->notes; n; n = n->next)
		if (placed(n->at))
			gcc_line(out, n->at, "note", n->text, "");
}

/* ---- all ---- */

void diag_form_open(FILE *out, enum diag_format f)
{
	if (f == FORM_SARIF)
		fputs("{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\","
		      "\"version\":\"2.1.0\",\"runs\":[",
		      out);
}

void diag_form_close(FILE *out, enum diag_format f)
{
	if (f == FORM_SARIF)
		fputs("]}\n", out);
}

void diag_form_site(FILE *out, enum diag_format f, bool first)
{
	struct arena a = { 0 };
	unsigned n;
	struct diag_report **sorted = diag_sorted(&n);

	if (f == FORM_TEXT)
		diag_print_text(out);
	else if (f == FORM_JSON)
		json_site(out, sorted, n, &a);
	else if (f == FORM_SARIF) {
		if (!first)
			fputc(',', out);
		sarif_run(out, sorted, n, &a);
	}
	for (unsigned i = 0; i < n && (f == FORM_GITHUB || f == FORM_GCC); i++)
		(f == FORM_GCC ? gcc_report : github_report)(out, sorted[i]);
	if (diag_dropped() && f == FORM_GITHUB)
		fprintf(out, "::warning title=weir::%u more not shown\n", diag_dropped());
	if (diag_dropped() && f == FORM_GCC)
		fprintf(out, "weir: %u more not shown\n", diag_dropped());
	arena_free(&a);
}
