/* SPDX-License-Identifier: Apache-2.0 */
/* diag: collected, coded messages shown at the source line with caret and hint. Every code is
 * one row of diag.def; codes are never reused. Passes report and go on; only main.c exits. */
#ifndef WEIR_DIAG_H
#define WEIR_DIAG_H

#include <stdio.h>

#include "ast.h"

enum severity { SEV_ERROR, SEV_WARNING, SEV_INFO };

enum diag_code {
#define DIAG(code, sev, format, hint, doc) code,
#include "diag.def"
	DIAG_CODES
};

/* Reports <code> at <at>; the row's format takes the arguments. The same code at the same place
 * is kept once. At most DIAG_MAX are kept; what is beyond is counted and said in one closing
 * line. */
void diag(enum diag_code code, struct at at, ...);
/* Adds a note to the last report: another place, or (line 0) a sentence alone. */
void diag_note(struct at at, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds or replaces the hint of the last report. */
void diag_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define DIAG_MAX 200

unsigned diag_errors(void);
unsigned diag_warnings(void);

/* Prints all reports in order of place: "file:line:col: error: text [E003]", source line,
 * caret, hint, notes. */
void diag_print_text(FILE *out);
/* One JSON object: {"version":1,"diagnostics":[...]}; the schema is in docs/. */
void diag_print_json(FILE *out);
/* Forgets everything (a process that handles several sites; tests). */
void diag_reset(void);

/* Nearest of <n> candidates to <word> within an edit distance that a typo explains, or empty. */
struct str diag_nearest(struct str word, const struct str *candidates, size_t n);

#endif
