/* SPDX-License-Identifier: Apache-2.0 */
#include "diag_sarif.h"

#include "show.h"
#include "source.h"

static const char *const levels[] = { "error", "warning", "note" };

/* Columns of SARIF count characters: the one of byte <col> of the line of <at>. */
static unsigned column(struct at at, uint32_t col)
{
	struct str line = str_first(source_line(at), col - 1);
	const char *p = line.p, *end = line.p + line.n;
	unsigned n = 1;

	for (; p < end; n++)
		source_char(&p, end);
	return n;
}

static void text(FILE *out, const char *name, struct str s)
{
	fprintf(out, "\"%s\":{\"text\":", name);
	show_json(out, s);
	fputc('}', out);
}

/* A path as a relative reference (RFC 3986 4.2); an absolute one as file URI. */
static void uri(FILE *out, struct str path)
{
	struct arena a = { 0 };
	char *p = arena_get(&a, 3 * path.n + 8);
	size_t n = 0;

	if (path.n && path.p[0] == '/') {
		memcpy(p, "file://", 7);
		n = 7;
	}
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || strchr("-._~/", c);

		if (c && plain)
			p[n++] = (char)c;
		else
			n += (size_t)sprintf(p + n, "%%%02X", c);
	}
	show_json(out, str_of(p, n));
	arena_free(&a);
}

static void location(FILE *out, struct at at, const struct str *message, int id)
{
	fputc('{', out);
	if (id)
		fprintf(out, "\"id\":%d,", id);
	fputs("\"physicalLocation\":{\"artifactLocation\":{\"uri\":", out);
	uri(out, source_get(at.file)->path);
	fprintf(out, "},\"region\":{\"startLine\":%u,\"startColumn\":%u,\"endColumn\":%u}}",
		at.line, column(at, at.col), column(at, at.col + (at.len ? at.len : 1)));
	if (message) {
		fputc(',', out);
		text(out, "message", *message);
	}
	fputc('}', out);
}

static bool placed(struct at at)
{
	return at.line && at.file < source_count();
}

static void related(FILE *out, const struct diag_report *r)
{
	int id = 0;

	for (const struct diag_note *n = r->notes; n; n = n->next) {
		if (!placed(n->at))
			continue;
		fputs(id ? "," : ",\"relatedLocations\":[", out);
		location(out, n->at, &n->text, ++id);
	}
	if (id)
		fputc(']', out);
}

/* The message with hint and the notes that have no place. */
static struct str message(struct arena *a, const struct diag_report *r)
{
	struct str s = r->text;

	if (r->hint.n)
		s = arena_printf(a, "%.*s\n%.*s", STR_ARG(s), STR_ARG(r->hint));
	for (const struct diag_note *n = r->notes; n; n = n->next)
		if (!placed(n->at))
			s = arena_printf(a, "%.*s\n%.*s", STR_ARG(s), STR_ARG(n->text));
	return s;
}

static void properties(FILE *out, const struct diag_report *r)
{
	const struct diag_witness *w = r->witness;

	if (!w)
		return;
	fputs(",\"properties\":{\"witness\":{\"request\":", out);
	show_json(out, w->request);
	fputs(",\"outcome\":", out);
	show_json(out, w->outcome);
	fputs(",\"curl\":", out);
	show_json(out, w->curl);
	fputs("}}", out);
}

static void result(FILE *out, const struct diag_report *r, unsigned rule, struct arena *a)
{
	fprintf(out, "{\"ruleId\":\"%s\",\"ruleIndex\":%u,\"level\":\"%s\",",
		diag_row(r->code)->name, rule, levels[r->severity]);
	text(out, "message", message(a, r));
	fputs(",\"locations\":[", out);
	if (placed(r->at))
		location(out, r->at, NULL, 0);
	fputc(']', out);
	related(out, r);
	fputs(",\"partialFingerprints\":{\"weirStatement/v1\":", out);
	show_json(out, diag_fingerprint(a, r));
	fputc('}', out);
	properties(out, r);
	fputc('}', out);
}

static void rule(FILE *out, enum diag_code code)
{
	const struct diag_row *row = diag_row(code);
	const struct diag_help *help = diag_help(code);

	fprintf(out, "{\"id\":\"%s\",", row->name);
	text(out, "shortDescription", str_from(row->doc));
	if (help && *help->todo) {
		fputc(',', out);
		text(out, "help", str_from(help->todo));
	}
	fprintf(out, ",\"defaultConfiguration\":{\"level\":\"%s\"}", levels[row->severity]);
	fprintf(out, ",\"properties\":{\"class\":\"%s\"}}",
		help && help->class == CLASS_HEURISTIC ? "heuristic" : "exact");
}

void sarif_run(FILE *out, struct diag_report *const *sorted, unsigned n, struct arena *a)
{
	unsigned index[DIAG_CODES] = { 0 }, rules = 0;

	for (unsigned i = 0; i < n; i++)
		index[sorted[i]->code] = 1;
	fputs("{\"tool\":{\"driver\":{\"name\":\"weir\",\"version\":\"" WEIR_VERSION
	      "\",\"rules\":[",
	      out);
	for (int i = 0; i < DIAG_CODES; i++) {
		if (!index[i])
			continue;
		if (rules)
			fputc(',', out);
		index[i] = rules++;
		rule(out, (enum diag_code)i);
	}
	fputs("]}},\"columnKind\":\"unicodeCodePoints\",\"results\":[", out);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			fputc(',', out);
		result(out, sorted[i], index[sorted[i]->code], a);
	}
	fputs("]}", out);
}
