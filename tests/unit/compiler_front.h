/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the compiler's front half share: text in, text out. Results are the
 * caller's to free. */
#ifndef WEIR_TESTS_COMPILER_FRONT_H
#define WEIR_TESTS_COMPILER_FRONT_H

#include <stdio.h>

#include "compiler/program.h"

struct ast;

/* The AST of <text>, as ast_dump prints it, without its first line ("file"). */
char *front_dump(const char *text);
/* Its reports in order of place: "line:col CODE", joined by blanks. <n> bytes of text. */
char *front_errors(const char *text, size_t n);
/* Its reports as diag_print_text prints them; the file is named t.weir. */
char *front_report(const char *text);
/* The same for a site on disk: dump and reports. */
char *front_site(const char *path, const char *stdlib, char **reports);
/* The program of <text>, in <a>; a text with mistakes fails the test, after its reports. */
struct program *front_program(struct arena *a, struct str text);

#endif
