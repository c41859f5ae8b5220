/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a client sends to the language server: it ends with the stream. A first byte of
 * 'D' means that the rest is the text of a document instead, which all requests then ask about. Files
 * are not included from there. Keeps no state. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/editor/lsp.h"
#include "compiler/show.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(FILE *out, const char *body, size_t n)
{
	fprintf(out, "Content-Length: %zu\r\n\r\n", n);
	fwrite(body, 1, n, out);
}

static void put_text(FILE *out, const char *body)
{
	put(out, body, strlen(body));
}

/* A session about the document <text>: the place moves with its length. */
static void session(FILE *out, struct str text)
{
	static const char *const methods[] = { "hover",      "completion", "definition",
					       "references", "rename",     "documentSymbol",
					       "formatting", "codeAction" };
	char *body, request[300];
	size_t n;
	FILE *open = open_memstream(&body, &n);

	fputs("{\"method\":\"textDocument/"
	      "didOpen\",\"params\":{\"textDocument\":{\"uri\":\"m:a\",\"text\":",
	      open);
	show_json(open, text);
	fputs("}}}", open);
	fclose(open);
	put_text(out, "{\"id\":1,\"method\":\"initialize\"}");
	put(out, body, n);
	free(body);
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		snprintf(request, sizeof(request),
			 "{\"id\":2,\"method\":\"textDocument/"
			 "%s\",\"params\":{\"textDocument\":{\"uri\":\"m:a\"},"
			 "\"newName\":\"n\",\"position\":{\"line\":%zu,\"character\":%zu}}}",
			 methods[i], text.n % 7, text.n / 7 % 40);
		put_text(out, request);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *out;
	struct str text = str_of((const char *)data, size);
	char *stream = NULL;
	size_t n = 0;
	FILE *in = open_memstream(&stream, &n);

	if (!out)
		out = fopen("/dev/null", "w");
	if (!out || !in)
		abort();
	if (size && data[0] == 'D')
		session(in, str_skip(text, 1));
	else
		fwrite(data, 1, size, in);
	fclose(in);
	if (n) {
		in = fmemopen(stream, n, "r");
		if (!in)
			abort();
		lsp_serve(in, out);
		fclose(in);
	}
	free(stream);
	return 0;
}
