/* SPDX-License-Identifier: Apache-2.0 */
#include "lsp.h"

#include <stdlib.h>

#include "../diag.h"
#include "../parse.h"
#include "../paths.h"
#include "../show.h"
#include "../source.h"
#include "lsp_part.h"
#include "place.h"

/* Error codes of JSON-RPC and of the protocol. */
enum {
	BAD_JSON = -32700,
	NO_METHOD = -32601,
	NOT_READY = -32002,
	BAD_REQUEST = -32600,
	FAILED = -32803
};

static struct server server; /* the overlay of source.h has no argument */

/* -- documents ----------------------------------------------------------------------------------*/

static struct str keep(struct str s)
{
	char *p = malloc(s.n + 1);

	if (!p)
		abort();
	memcpy(p, s.n ? s.p : "", s.n);
	p[s.n] = 0;
	return str_of(p, s.n);
}

static void drop(struct str *s)
{
	free((char *)s->p);
	*s = (struct str) { 0 };
}

struct doc *lsp_doc(const struct server *s, struct str uri)
{
	for (struct doc *d = s->docs; d; d = d->next)
		if (str_eq(d->uri, uri))
			return d;
	return NULL;
}

static bool buffer_of(struct str path, struct str *text)
{
	for (const struct doc *d = server.docs; d; d = d->next)
		if (str_eq(d->path, path)) {
			*text = d->text;
			return true;
		}
	return false;
}

static bool includes(const struct doc *d, struct str path)
{
	for (size_t i = 0; i < d->nincludes; i++)
		if (str_eq(d->includes[i], path))
			return true;
	return false;
}

const struct doc *lsp_root(const struct server *s, const struct doc *doc)
{
	for (const struct doc *d = s->docs; d; d = d->next)
		if (d != doc && includes(d, doc->path) && !includes(doc, d->path))
			return d;
	return doc;
}

static void close_doc(struct server *s, struct str uri)
{
	for (struct doc **p = &s->docs; *p; p = &(*p)->next) {
		struct doc *d = *p;

		if (!str_eq(d->uri, uri))
			continue;
		*p = d->next;
		s->ndocs--;
		drop(&d->uri);
		drop(&d->path);
		drop(&d->text);
		for (size_t i = 0; i < d->nincludes; i++)
			drop(&d->includes[i]);
		free(d->includes);
		free(d);
		return;
	}
}

static void open_doc(struct server *s, struct arena *a, struct str uri, struct str text)
{
	struct doc *d = lsp_doc(s, uri), **end = &s->docs;

	if (d) {
		drop(&d->text);
		d->text = keep(text);
		return;
	}
	if (s->ndocs == LSP_DOCUMENTS_MAX)
		return;
	d = calloc(1, sizeof(*d));
	if (!d)
		abort();
	d->uri = keep(uri);
	d->path = keep(place_path(a, uri));
	d->text = keep(text);
	while (*end)
		end = &(*end)->next;
	*end = d;
	s->ndocs++;
}

/* -- messages -----------------------------------------------------------------------------------*/

/* The next message; false at the end of the stream. Lines that are no header are passed over, and
 * so is a message that is too large. */
static bool receive(FILE *in, struct arena *a, struct str *body)
{
	char line[256];
	size_t length = 0;
	bool known = false;

	while (fgets(line, sizeof(line), in)) {
		struct str value = str_from(line), name = str_cut(&value, ':');
		uint64_t n;

		while (value.n && strchr("\r\n ", value.p[value.n - 1]))
			value.n--;
		if (value.p && str_ieq(name, S("Content-Length")) &&
		    str_u64(str_trim(value), SIZE_MAX / 2, &n)) {
			length = (size_t)n;
			known = true;
		}
		if (!known || (strcmp(line, "\r\n") != 0 && strcmp(line, "\n") != 0))
			continue;
		known = false;
		if (length <= LSP_MESSAGE_MAX) {
			char *p = arena_get(a, length + 1);

			*body = str_of(p, length);
			return fread(p, 1, length, in) == length;
		}
		for (; length; length--)
			if (fgetc(in) == EOF)
				return false;
	}
	return false;
}

static void transmit(FILE *out, struct str head, struct str body)
{
	fprintf(out, "Content-Length: %zu\r\n\r\n%.*s", head.n + body.n + 1, STR_ARG(head));
	fwrite(body.p, 1, body.n, out);
	fputc('}', out);
	fflush(out);
}

void lsp_send(const struct server *s, struct str body)
{
	transmit(s->out, S("{\"jsonrpc\":\"2.0\","), body);
}

static void answer(const struct server *s, struct arena *a, const struct json *id,
		   const char *member, struct str value)
{
	struct str raw = id ? id->raw : S("null");

	transmit(s->out,
		 arena_printf(a, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"%s\":", STR_ARG(raw), member),
		 value);
}

static void refuse(const struct server *s, struct arena *a, const struct json *id, int code,
		   const char *why)
{
	answer(s, a, id, "error", arena_printf(a, "{\"code\":%d,\"message\":\"%s\"}", code, why));
}

/* -- requests -----------------------------------------------------------------------------------*/

static void hello(const struct query *q)
{
	fputs("{\"capabilities\":{\"positionEncoding\":\"utf-16\",\"textDocumentSync\":"
	      "{\"openClose\":true,\"change\":2,\"save\":true},\"hoverProvider\":true,"
	      "\"completionProvider\":{\"triggerCharacters\":[\" \",\"(\",\"|\",\"!\"]},"
	      "\"definitionProvider\":true,\"referencesProvider\":true,\"renameProvider\":true,"
	      "\"documentSymbolProvider\":true,\"documentFormattingProvider\":true,"
	      "\"codeActionProvider\":true},\"serverInfo\":{\"name\":\"weir\",\"version\":"
	      "\"" WEIR_VERSION "\"}}",
	      q->out);
}

static void nothing(const struct query *q)
{
	fputs("null", q->out);
}

static const struct {
	const char *method;
	void (*run)(const struct query *q);
	bool placed; /* needs an open document */
} requests[] = {
	{ "initialize", hello, false },
	{ "shutdown", nothing, false },
	{ "textDocument/hover", lsp_hover, true },
	{ "textDocument/completion", lsp_complete, true },
	{ "textDocument/definition", lsp_definition, true },
	{ "textDocument/references", lsp_references, true },
	{ "textDocument/documentSymbol", lsp_symbols, true },
	{ "textDocument/formatting", lsp_format, true },
};

/* Reads the site of the query's document. False when the document is not open. */
static bool place(const struct server *s, struct query *q)
{
	const char *stdlib = paths_stdlib();
	char *path;

	q->doc = lsp_doc(s, json_text(q->params, "textDocument.uri"));
	if (!q->doc)
		return false;
	diag_reset();
	path = (char *)arena_str(q->arena, lsp_root(s, q->doc)->path).p;
	q->ast = parse_site(q->arena, path, stdlib);
	while (q->file < source_count() && !str_eq(source_get(q->file)->path, q->doc->path))
		q->file++;
	if (q->file == source_count()) { /* no longer included: by itself */
		diag_reset();
		q->ast = parse_site(q->arena, arena_str(q->arena, q->doc->path).p, stdlib);
		q->file = 0;
	}
	if (source_count() == 0)
		return false;
	names_collect(q->arena, q->ast, &q->names);
	q->at.file = q->file;
	q->at.line = (uint32_t)(json_number(q->params, "position.line", 0) & 0x7fffffff) + 1;
	q->line = source_line(q->at);
	q->at.col = place_column(q->line, json_number(q->params, "position.character", 0));
	return true;
}

/* Runs <run> or, when it is NULL, rename or fixes, and answers. */
static void run(struct server *s, struct query *q, const struct json *id,
		void (*request)(const struct query *q), struct str method)
{
	const char *why = NULL;
	char *text = NULL;
	size_t n;

	q->out = open_memstream(&text, &n);
	if (!q->out)
		abort();
	if (request)
		request(q);
	else if (str_eq(method, S("textDocument/rename")))
		why = lsp_rename(q);
	else
		lsp_fixes(q, lsp_root(s, q->doc));
	fclose(q->out);
	if (why)
		refuse(s, q->arena, id, FAILED, why);
	else
		answer(s, q->arena, id, "result", str_of(text, n));
	free(text);
	diag_reset();
}

static void serve_request(struct server *s, struct arena *a, const struct json *m,
			  const struct json *id, struct str method)
{
	struct query q = { .arena = a, .params = json_get(m, "params") };
	bool own = str_eq(method, S("textDocument/rename")) ||
		   str_eq(method, S("textDocument/codeAction"));
	size_t i = 0;

	while (i < sizeof(requests) / sizeof(*requests) &&
	       !str_eq(method, str_from(requests[i].method)))
		i++;
	if (i == sizeof(requests) / sizeof(*requests) && !own) {
		refuse(s, a, id, NO_METHOD, "no such method");
		return;
	}
	if (!s->ready && i != 0) {
		refuse(s, a, id, NOT_READY, "initialize comes first");
		return;
	}
	if ((own || requests[i].placed) && !place(s, &q)) {
		answer(s, a, id, "result", S("null"));
		return;
	}
	s->ready = true;
	s->down = s->down || str_eq(method, S("shutdown"));
	run(s, &q, id, own ? NULL : requests[i].run, method);
}

/* Byte of <text> that the protocol's place <at> means; its end when it lies behind that. */
static size_t offset(struct str text, const struct json *at)
{
	int64_t line = json_number(at, "line", 0);
	struct str rest = text, here;

	while (line-- > 0 && str_chr(rest, '\n') >= 0)
		str_cut(&rest, '\n');
	here = rest;
	here = str_cut(&here, '\n');
	return (size_t)(rest.p - text.p) + place_column(here, json_number(at, "character", 0)) - 1;
}

/* One change of a buffer: of a range, or all of it. */
static void change(struct arena *a, struct doc *d, const struct json *c)
{
	const struct json *range = json_get(c, "range");
	struct str new = json_text(c, "text"), old = d->text;
	size_t from = 0, to = old.n;

	if (range) {
		from = offset(old, json_get(range, "start"));
		to = offset(old, json_get(range, "end"));
	}
	if (to < from)
		to = from;
	d->text = keep(arena_printf(a, "%.*s%.*s%.*s", (int)from, old.p, STR_ARG(new),
				    (int)(old.n - to), old.p + to));
	drop(&old);
}

static void serve_notice(struct server *s, struct arena *a, const struct json *params,
			 struct str method)
{
	struct str uri = json_text(params, "textDocument.uri");
	struct doc *d = lsp_doc(s, uri);
	const struct json *changes = json_get(params, "contentChanges");

	if (!s->ready || !uri.n)
		return;
	if (str_eq(method, S("textDocument/didOpen")))
		open_doc(s, a, uri, json_text(params, "textDocument.text"));
	else if (str_eq(method, S("textDocument/didClose")))
		close_doc(s, uri);
	else if (str_eq(method, S("textDocument/didChange")) && d && changes &&
		 changes->kind == JSON_ARRAY)
		for (const struct json *c = changes->kids; c; c = c->next)
			change(a, d, c);
	else if (!str_eq(method, S("textDocument/didSave")))
		return;
	lsp_check(s);
}

/* False: exit. */
static bool serve(struct server *s, struct arena *a, struct str body)
{
	const struct json *m = json_read(a, body), *id = json_get(m, "id");
	struct str method = json_text(m, "method");

	if (!m)
		refuse(s, a, NULL, BAD_JSON, "this is no JSON");
	else if (str_eq(method, S("exit")))
		return false;
	else if (id && method.n && s->down)
		refuse(s, a, id, BAD_REQUEST, "the server is shut down");
	else if (id && method.n)
		serve_request(s, a, m, id, method);
	else if (method.n)
		serve_notice(s, a, json_get(m, "params"), method);
	return true;
}

int lsp_serve(FILE *in, FILE *out)
{
	bool more = true;

	server = (struct server) { .out = out };
	source_overlay(buffer_of);
	while (more) {
		struct arena a = { 0 };
		struct str body;

		more = receive(in, &a, &body) && serve(&server, &a, body) && !ferror(out);
		diag_reset();
		arena_free(&a);
	}
	source_overlay(NULL);
	while (server.docs)
		close_doc(&server, server.docs->uri);
	for (size_t i = 0; i < server.ntold; i++)
		drop(&server.told[i]);
	free(server.told);
	return server.down ? 0 : 1;
}
