/* SPDX-License-Identifier: Apache-2.0 */
/* lint: what weir lint says of a site besides what stops a build, and which of it is shown.
 * Findings go through diag(); selection, suppressions and baseline hide reports that were made.
 * Requires a site that lowers without errors, its sources still in source.h. */
#ifndef WEIR_LINT_H
#define WEIR_LINT_H

#include "diag_report.h"
#include "program.h"

#define LINT_FINDINGS_MAX 10000 /* reports kept of one site */

/* All findings of <p> and its <ast>. */
void lint_site(struct arena *a, const struct ast *ast, const struct program *p);

/* Findings that the text alone shows: comments, names, spellings, lists. */
void lint_text(struct arena *a, const struct ast *ast);
/* C501 of each file but those of the library. */
void lint_form(struct arena *a);
/* Findings of the program that need no proof. */
void lint_program(struct arena *a, const struct program *p);
/* Test blocks that cannot be understood. */
void lint_tests(struct arena *a, const struct program *p);

/* ---- which reports are shown ---- */

/* Codes and prefixes of codes, "W101,S3"; "ALL" are all. <why> gets a word that is neither. */
struct lint_codes {
	bool on[DIAG_CODES];
};
bool lint_codes(struct lint_codes *c, struct str list, bool on, struct str *bad);
/* What is shown when nothing is selected: all but the C codes and W110. */
void lint_codes_default(struct lint_codes *c);

/* Hides what "# lint: ignore CODE reason" says, for the codes of <c>; reports N903 and N905. */
void lint_ignore(struct arena *a, const struct lint_codes *c);
/* Hides what is not in <c>, errors of the language (E) excepted. */
void lint_select(const struct lint_codes *c);

/* ---- baseline ---- */

struct lint_baseline;

/* Reads <path>. NULL and a sentence in <why> when it cannot. */
struct lint_baseline *lint_baseline_read(struct arena *a, const char *path, struct str *why);
/* Hides reports that <b> has, each entry once for each report it was written for. */
void lint_baseline_apply(struct arena *a, struct lint_baseline *b);
/* Reports N904 for entries that no site has used. */
void lint_baseline_stale(struct lint_baseline *b);
/* Writes the head of a baseline file, and one line for each report of one site. */
void lint_baseline_head(FILE *out);
void lint_baseline_put(FILE *out);

#endif
