/* SPDX-License-Identifier: Apache-2.0 */
/* oracle SITE [PARAM=VALUE...]: the interpreter's outcome of many requests of one site.
 * Reads blocks of lines, each a word and its text, that end with an empty line:
 *     bind NAME   src ADDR:PORT   dst ADDR:PORT   line METHOD TARGET HTTP/x.y   h NAME: VALUE
 *     status STATUS [REASON]   r NAME: VALUE
 * and writes one line of JSON for each. Exit code 1: the site or a block is not as it should be. */
#include <stdio.h>
#include <stdlib.h>

#include "compiler/cmd.h"
#include "compiler/interp.h"
#include "compiler/paths.h"
#include "compiler/request.h"
#include "compiler/show.h"

static void key_str(const char *key, struct str s)
{
	printf("\"%s\":", key);
	if (s.p)
		show_json(stdout, s);
	else
		fputs("null", stdout);
}

static void headers(const struct fields *f)
{
	fputs(",\"headers\":[", stdout);
	for (uint32_t i = 0; i < f->n; i++) {
		fputs(i ? ",[" : "[", stdout);
		show_json(stdout, f->at[i].name);
		putchar(',');
		show_json(stdout, f->at[i].value);
		putchar(']');
	}
	fputs("]}", stdout);
}

static void print(const struct outcome *o)
{
	printf("{\"verdict\":\"%s\",", verdict_names[o->verdict]);
	key_str("why", o->why);
	putchar(',');
	key_str("backend", o->backend ? o->backend->name : (struct str) { 0 });
	putchar(',');
	key_str("servers", o->servers ? o->servers->name : (struct str) { 0 });
	printf(",\"rule\":%d,\"forwarded\":", o->decided ? (int)o->decided->place.line : 0);
	if (o->forwarded) {
		putchar('{');
		key_str("method", o->request.meth);
		putchar(',');
		key_str("target", o->request.uri);
		headers(&o->request.headers);
	} else {
		fputs("null", stdout);
	}
	fputs(",\"answer\":", stdout);
	if (o->answer.present) {
		printf("{\"status\":%u,\"made\":%d,", o->answer.status, o->answer.made);
		key_str("body", o->answer.body);
		headers(&o->answer.headers);
	} else {
		fputs("null", stdout);
	}
	puts("}");
}

/* NULL, or what is wrong with the line. */
static const char *take(struct arena *a, struct request_spec *r, struct str line)
{
	struct str text = line, word = str_cut(&text, ' ');

	if (!text.p)
		return "a word without text";
	if (str_eq(word, S("bind")))
		r->bind = arena_str(a, text);
	else if (str_eq(word, S("src")))
		return request_src(r, text);
	else if (str_eq(word, S("dst")))
		return request_dst(r, text);
	else if (str_eq(word, S("line")))
		return request_line(r, arena_str(a, text));
	else if (str_eq(word, S("h")))
		return request_header(a, &r->headers, arena_str(a, text));
	else if (str_eq(word, S("status")))
		return request_response(r, arena_str(a, text));
	else if (str_eq(word, S("r")))
		return request_header(a, &r->response, arena_str(a, text));
	else
		return "an unknown word";
	return NULL;
}

static bool run(const struct program *p, const struct interp_state *st)
{
	struct arena a = { 0 };
	struct request_spec r;
	size_t room = 0;
	char *line = NULL;
	const char *why = NULL;
	ssize_t n;

	request_init(&r);
	while (!why && (n = getline(&line, &room, stdin)) > 0) {
		struct str text = str_of(line, (size_t)n - 1);

		if (text.n) {
			why = take(&a, &r, text);
			if (why)
				fprintf(stderr, "'%.*s': %s\n", STR_ARG(text), why);
			continue;
		}
		request_finish(&a, &r);
		print(interp_run(&a, p, &r, st));
		arena_free(&a);
		request_init(&r);
	}
	arena_free(&a);
	free(line);
	return !why;
}

int main(int argc, char **argv)
{
	struct arena a = { 0 };
	struct interp_state st = { 0 };
	struct program *p;
	struct str *params;
	bool good;

	if (argc < 2)
		return 2;
	p = cmd_load(&a, argv[1], NULL);
	if (!p) {
		cmd_reports();
		arena_free(&a);
		return 1;
	}
	params = ARENA_ARRAY(&a, struct str, p->nparams + 1);
	for (int i = 2; i < argc; i++) {
		struct str value = str_from(argv[i]), name = str_cut(&value, '=');

		for (uint32_t k = 0; k < p->nparams; k++)
			if (str_eq(p->params[k]->name, name))
				params[k] = value;
	}
	st.params = params;
	good = run(p, &st);
	arena_free(&a);
	return good ? 0 : 1;
}
