/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler_front.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ast_dump.h"
#include "compiler/diag.h"
#include "compiler/lower.h"
#include "compiler/parse.h"

static char *reports(void)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	diag_print_text(out);
	fclose(out);
	return text;
}

static char *dump(const struct ast *ast)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	ast_dump(ast, out);
	fclose(out);
	return text;
}

char *front_dump(const char *text)
{
	struct arena a = { 0 };
	char *got;

	diag_reset();
	got = dump(parse_text(&a, S("t.weir"), str_from(text)));
	arena_free(&a);
	memmove(got, got + strlen("file\n"), strlen(got + strlen("file\n")) + 1);
	return got;
}

char *front_report(const char *text)
{
	struct arena a = { 0 };
	char *got;

	diag_reset();
	parse_text(&a, S("t.weir"), str_from(text));
	got = reports();
	arena_free(&a);
	return got;
}

char *front_errors(const char *text, size_t n)
{
	struct arena a = { 0 };
	char *all, *got = NULL, *line, *rest;
	size_t len;
	FILE *out = open_memstream(&got, &len);

	diag_reset();
	parse_text(&a, S("t.weir"), str_of(text, n));
	all = rest = reports();
	while ((line = strsep(&rest, "\n"))) {
		unsigned row, col;
		char *code = strrchr(line, '[');

		if (code && sscanf(line, "t.weir:%u:%u:", &row, &col) == 2)
			fprintf(out, "%s%u:%u %.4s", ftell(out) ? " " : "", row, col, code + 1);
	}
	fclose(out);
	free(all);
	arena_free(&a);
	return got;
}

char *front_site(const char *path, const char *stdlib, char **said)
{
	struct arena a = { 0 };
	char *got;

	diag_reset();
	got = dump(parse_site(&a, path, stdlib));
	*said = reports();
	arena_free(&a);
	return got;
}

struct program *front_program(struct arena *a, struct str text)
{
	struct program *p;

	diag_reset();
	p = lower(a, parse_text(a, S("t.weir"), text));
	if (!p)
		diag_print_text(stderr);
	ck_assert_msg(p != NULL, "%.*s", STR_ARG(text));
	return p;
}
