/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include "show.h"

/* ---- text ---- */

static void print_fields(FILE *out, const struct fields *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		fprintf(out, "              %.*s: %.*s\n", STR_ARG(f->at[i].name),
			STR_ARG(f->at[i].value));
}

static const char *kind_name(const struct p_section *s)
{
	static const char *const names[] = { "file",       "global",   "profile", "listen",
					     "frontend",   "reqrules", "backend", "rsprules",
					     "checkpoint", "set",      "map",     "test" };

	return names[s->kind];
}

/* One looked-at sub-condition: "yes  path =^ "/x"    (path is "/y")". */
static void print_test(FILE *out, const struct trace_test *t)
{
	fprintf(out, "        %*s%s ", (int)t->depth * 4, "", t->held ? "yes" : "no ");
	if (t->acl) {
		fprintf(out, "%.*s\n", STR_ARG(t->acl->name));
		return;
	}
	show_test(out, t->test);
	if (t->subject.p)
		fprintf(out, "   (it is \"%.*s\")\n", STR_ARG(t->subject));
	else
		fputs("   (it is absent)\n", out);
}

static void print_rule(FILE *out, const struct program *p, const struct trace_rule *t)
{
	fprintf(out, "  %s ", t->matched ? "+" : "-");
	show_place(out, p, t->rule->place);
	fputs("  ", out);
	show_rule(out, t->rule);
	fputs(t->matched ? "\n" : "   (not matched)\n", out);
	for (uint32_t i = 0; i < t->ntests; i++)
		print_test(out, &t->tests[i]);
	for (uint32_t i = 0; i < t->neffects; i++)
		fprintf(out, "      -> %.*s\n", STR_ARG(t->effects[i]));
}

static void print_trace(FILE *out, const struct program *p, const struct outcome *o)
{
	const struct p_section *in = NULL;
	enum rule_dir dir = DIR_CONN_IN;

	for (uint32_t i = 0; i < o->nrules; i++) {
		const struct trace_rule *t = &o->rules[i];

		if (t->section != in || t->dir != dir)
			fprintf(out, "\n%s %.*s, %s\n", kind_name(t->section),
				STR_ARG(t->section->name), show_dir(t->dir));
		in = t->section;
		dir = t->dir;
		print_rule(out, p, t);
	}
	if (o->nrules == 0)
		fputs("\nno rule was reached\n", out);
}

static void print_decided(FILE *out, const struct program *p, const struct outcome *o)
{
	if (o->decided) {
		fputs(" by ", out);
		show_place(out, p, o->decided->place);
	}
	fputs("\n", out);
}

void explain_outcome(FILE *out, const struct program *p, const struct outcome *o)
{
	fprintf(out, "\noutcome       %s", verdict_names[o->verdict]);
	if (o->backend)
		fprintf(out, ", backend %.*s", STR_ARG(o->backend->name));
	print_decided(out, p, o);
	if (o->why.n)
		fprintf(out, "because       %.*s\n", STR_ARG(o->why));
	if (o->forwarded && o->request.meth.n) {
		fprintf(out, "server gets   %.*s %.*s\n", STR_ARG(o->request.meth),
			STR_ARG(o->request.uri));
		print_fields(out, &o->request.headers);
	}
	if (!o->answer.present) {
		fputs(o->verdict == VERDICT_DROP
			      ? "client gets   nothing: the connection is closed\n"
			      : "",
		      out);
		return;
	}
	fprintf(out, "client gets   %u %.*s%s\n", o->answer.status, STR_ARG(o->answer.reason),
		o->answer.made ? " (made here)" : " (the server's answer)");
	print_fields(out, &o->answer.headers);
	if (o->answer.file.n)
		fprintf(out, "              body: file %.*s\n", STR_ARG(o->answer.file));
	else if (o->answer.body.n)
		fprintf(out, "              body: %zu bytes\n", o->answer.body.n);
}

void explain_request(FILE *out, const struct program *p, const struct request_spec *r,
		     const struct outcome *o, struct arena *a)
{
	fprintf(out, "request       %.*s %.*s HTTP/%.*s   from %.*s:%u\n", STR_ARG(r->meth),
		STR_ARG(r->target), STR_ARG(r->version), STR_ARG(address_text(a, &r->src)),
		r->src_port);
	print_fields(out, &r->headers);
	if (o->entry) {
		fprintf(out, "enters        %s %.*s  ", kind_name(o->entry),
			STR_ARG(o->entry->name));
		show_place(out, p, o->bind ? o->bind->place : o->entry->place);
		fputs("\n", out);
	}
}

/* ---- JSON ---- */

void explain_json_str(FILE *out, const char *key, struct str s)
{
	fprintf(out, "\"%s\":", key);
	if (s.p)
		show_json(out, s);
	else
		fputs("null", out);
}

void explain_json_place(FILE *out, const struct program *p, struct p_place at)
{
	explain_json_str(out, "file", at.file < p->nfiles ? p->files[at.file] : str_of("", 0));
	fprintf(out, ",\"line\":%u", at.line);
}

static void json_fields(FILE *out, const struct fields *f)
{
	fputs("\"headers\":[", out);
	for (uint32_t i = 0; i < f->n; i++) {
		fputs(i ? ",[" : "[", out);
		show_json(out, f->at[i].name);
		putc(',', out);
		show_json(out, f->at[i].value);
		putc(']', out);
	}
	putc(']', out);
}

static void json_test(FILE *out, const struct trace_test *t, struct arena *a)
{
	struct show_buffer b;

	show_open(&b);
	if (t->test)
		show_test(b.out, t->test);
	fprintf(out, "{\"depth\":%u,\"held\":%s,", t->depth, t->held ? "true" : "false");
	if (t->acl)
		explain_json_str(out, "acl", t->acl->name);
	else
		explain_json_str(out, "value", t->subject);
	putc(',', out);
	explain_json_str(out, "test", show_close(&b, a));
	putc('}', out);
}

static void json_rule(FILE *out, const struct program *p, const struct trace_rule *t,
		      struct arena *a)
{
	struct show_buffer b;

	show_open(&b);
	show_rule(b.out, t->rule);
	fprintf(out, "{\"rule\":%u,", t->rule->index);
	explain_json_place(out, p, t->rule->place);
	putc(',', out);
	explain_json_str(out, "section", t->section->name);
	fprintf(out, ",\"direction\":\"%s\",\"matched\":%s,", show_dir(t->dir),
		t->matched ? "true" : "false");
	explain_json_str(out, "text", show_close(&b, a));
	fputs(",\"tests\":[", out);
	for (uint32_t i = 0; i < t->ntests; i++) {
		fputs(i ? "," : "", out);
		json_test(out, &t->tests[i], a);
	}
	fputs("],\"effects\":[", out);
	for (uint32_t i = 0; i < t->neffects; i++) {
		fputs(i ? "," : "", out);
		show_json(out, t->effects[i]);
	}
	fputs("]}", out);
}

void explain_json_outcome(FILE *out, const struct program *p, const struct outcome *o)
{
	fprintf(out, "\"verdict\":\"%s\",", verdict_names[o->verdict]);
	explain_json_str(out, "backend", o->backend ? o->backend->name : (struct str) { 0 });
	putc(',', out);
	explain_json_str(out, "why", o->why);
	fputs(",\"decided\":", out);
	if (o->decided) {
		putc('{', out);
		explain_json_place(out, p, o->decided->place);
		putc('}', out);
	} else {
		fputs("null", out);
	}
	fputs(",\"forwarded\":", out);
	if (o->forwarded) {
		putc('{', out);
		explain_json_str(out, "method", o->request.meth);
		putc(',', out);
		explain_json_str(out, "target", o->request.uri);
		putc(',', out);
		json_fields(out, &o->request.headers);
		putc('}', out);
	} else {
		fputs("null", out);
	}
	fputs(",\"answer\":", out);
	if (!o->answer.present) {
		fputs("null", out);
		return;
	}
	fprintf(out, "{\"status\":%u,\"made\":%s,", o->answer.status,
		o->answer.made ? "true" : "false");
	json_fields(out, &o->answer.headers);
	putc('}', out);
}

void explain_json_request(FILE *out, const struct request_spec *r, const struct outcome *o)
{
	fputs("{\"version\":1,\"request\":{", out);
	explain_json_str(out, "method", r->meth);
	putc(',', out);
	explain_json_str(out, "target", r->target);
	putc(',', out);
	json_fields(out, &r->headers);
	fputs("},", out);
	explain_json_str(out, "entry", o->entry ? o->entry->name : (struct str) { 0 });
}

static void explain_json(FILE *out, const struct program *p, const struct request_spec *r,
			 const struct outcome *o, struct arena *a)
{
	explain_json_request(out, r, o);
	fputs(",\"rules\":[", out);
	for (uint32_t i = 0; i < o->nrules; i++) {
		fputs(i ? "," : "", out);
		json_rule(out, p, &o->rules[i], a);
	}
	fputs("],", out);
	explain_json_outcome(out, p, o);
	fputs("}\n", out);
}

int explain(const struct program *p, const struct request_spec *r, FILE *out, bool json)
{
	struct arena a = { 0 };
	struct outcome *o = interp_run(&a, p, r, NULL);
	int rc = o->entry ? 0 : 1;

	if (json) {
		explain_json(out, p, r, o, &a);
	} else {
		explain_request(out, p, r, o, &a);
		print_trace(out, p, o);
		explain_outcome(out, p, o);
	}
	arena_free(&a);
	return rc;
}
