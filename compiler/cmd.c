/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <stdarg.h>
#include <stdio.h>

#include "diag.h"
#include "lower.h"
#include "parse.h"
#include "paths.h"

struct program *cmd_load_ast(struct arena *a, const char *path, struct emit *e, struct ast **ast)
{
	struct program *p;

	diag_reset();
	*ast = parse_site(a, path, paths_stdlib());
	p = lower(a, *ast);
	if (p && e && !emit_build(e, a, p))
		return NULL;
	return p;
}

struct program *cmd_load(struct arena *a, const char *path, struct emit *e)
{
	struct ast *ast;

	return cmd_load_ast(a, path, e, &ast);
}

void cmd_reports(void)
{
	if (diag_errors() || diag_warnings())
		diag_print_text(stderr);
}

bool cmd_format(const char *word, bool *json)
{
	*json = strcmp(word, "json") == 0;
	if (*json || strcmp(word, "text") == 0)
		return true;
	fprintf(stderr, "weir: '%s' is no format: it is text or json\n", word);
	return false;
}

bool cmd_number(const char *command, const char *word, uint64_t *n)
{
	if (str_u64(str_from(word), UINT32_MAX, n))
		return true;
	cmd_misuse(command, "'%s' is no number", word);
	return false;
}

int cmd_misuse(const char *command, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "weir %s: ", command);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "; 'weir %s -h' shows its use\n", command);
	return EXIT_MISUSE;
}
